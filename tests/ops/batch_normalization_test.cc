// SPDX-License-Identifier: Apache-2.0
// BatchNormalization and LRN.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kCases = 200;

using Operations = std::map<std::string, int64_t>;

// X of `sizes` and four operands of `statistics` elements, the last two
// constant if `is_constant`.
OneNode BatchNormalization(int opset, const Sizes& sizes, int64_t statistics,
                           bool is_constant) {
  OneNode node("BatchNormalization", opset);
  node.Input(DimsFrom(sizes)).Constant({statistics}).Constant({statistics});
  AddOperand(node, {statistics}, is_constant);
  AddOperand(node, {statistics}, is_constant);
  return node;
}

// x * scale + shift; statistics that aren't constant are turned into these
// coefficients first: a root and a division per channel.
Tally RunInference(const Sizes& sizes, bool is_constant) {
  const Sizes channels = {sizes.size() > 1 ? sizes[1] : 1};
  Tally tally;
  Array x(tally, "i0", sizes), y(tally, "o0", sizes);
  OperandArray scale(tally, 1, channels, true);
  OperandArray shift(tally, 2, channels, true);
  if (!is_constant) {
    Array mean(tally, "i3", channels), variance(tally, "i4", channels);
    for (int64_t c = 0; c < channels[0]; ++c) {
      (void)mean.Read(c);
      (void)(Number(tally, 1) / variance.Read(c).Apply("sqrt", 1));
    }
  }
  for (const Sizes& index : IndicesOf(sizes)) {
    const Sizes channel = {sizes.size() > 1 ? index[1] : 0};
    y.Write(index, x.Read(index) * scale.At(channel) + shift.At(channel));
  }
  return tally;
}

TEST(BatchNormalization, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  const std::vector<int> opsets = {1, 6, 7, 9, 14, 15};
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(1, 4);
    const bool is_constant = random.Flip();
    const auto which = static_cast<size_t>(random.Int(0, 5));
    OneNode node = BatchNormalization(
        opsets[which], sizes, sizes.size() > 1 ? sizes[1] : 1, is_constant);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts), RunInference(sizes, is_constant));
    ExpectFormulaAgrees(node);
  }
}

TEST(BatchNormalization, ScaleIsAWeightAndShiftABias) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       BatchNormalization(15, {2, 3, 4}, 3, true).Count());
  ASSERT_EQ(counts.accesses.size(), 4U);
  EXPECT_EQ(counts.accesses[1].role, Role::kWeight);
  EXPECT_EQ(counts.accesses[2].role, Role::kBias);
}

// Training: per channel the mean and the variance of M = out / C elements, and
// the result; 2 mul and 1 add for each running statistic.
Tally Training(int64_t channels, int64_t m, int running) {
  const int64_t out = channels * m;
  Tally tally;
  tally.operations = {{"mul", 3 * out + 2 * channels + 2 * running * channels},
                      {"add", 5 * out + channels + running * channels},
                      {"sqrt", channels},
                      {"div", channels}};
  tally.reads = {{"i0", 3 * out}, {"i1", out}, {"i2", out}};
  tally.writes = {{"o0", out}};
  return tally;
}

TEST(BatchNormalization, TrainingModeComputesStatistics) {
  OneNode node = BatchNormalization(15, {2, 3, 4}, 3, false);
  node.Attr("training_mode", 1).Outputs(3);
  Tally expected = Training(3, 2 * 4, 2);
  expected.reads["i3"] = 3;
  expected.reads["i4"] = 3;
  expected.writes["o1"] = 3;
  expected.writes["o2"] = 3;
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts), expected);
  ExpectFormulaAgrees(node);
}

TEST(BatchNormalization, TrainingUpdatesOnlyWhatIsUsed) {
  OneNode node = BatchNormalization(14, {2, 3, 4}, 3, false);
  node.Attr("training_mode", 1).Outputs(3).UnusedOutput(1);
  Tally expected = Training(3, 2 * 4, 1);
  expected.reads["i4"] = 3;
  expected.writes["o2"] = 3;
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts), expected);
  ExpectFormulaAgrees(node);
}

TEST(BatchNormalization, BeforeOpset14UsedOutputsMeanTraining) {
  for (const int opset : {1, 6, 7, 9}) {
    OneNode node = BatchNormalization(opset, {2, 3, 4}, 3, false);
    node.Outputs(5);
    Tally expected = Training(3, 2 * 4, 2);
    expected.reads["i3"] = 3;
    expected.reads["i4"] = 3;
    for (const char* output : {"o1", "o2", "o3", "o4"}) {
      expected.writes[output] = 3;
    }
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(TallyOf(counts), expected) << opset;
    ExpectFormulaAgrees(node);
  }
}

TEST(BatchNormalization, BeforeOpset14UnusedOutputsMeanInference) {
  OneNode node = BatchNormalization(9, {2, 3, 4}, 3, true);
  node.Outputs(5).UnusedOutput(1).UnusedOutput(2).UnusedOutput(3).UnusedOutput(
      4);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts), RunInference({2, 3, 4}, true));
}

TEST(BatchNormalization, IsTestMeansInferenceWhateverIsUsed) {
  OneNode node = BatchNormalization(6, {2, 3, 4}, 3, true);
  node.Attr("is_test", 1).Outputs(3);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts), RunInference({2, 3, 4}, true));
}

TEST(BatchNormalization, NonSpatialStatisticsAreOnePerFeature) {
  OneNode node = BatchNormalization(7, {2, 3, 4}, 3 * 4, false);
  node.Attr("spatial", 0);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).operations, (Operations{{"mul", 2 * 3 * 4},
                                                    {"add", 2 * 3 * 4},
                                                    {"sqrt", 3 * 4},
                                                    {"div", 3 * 4}}));
}

TEST(BatchNormalization, OutputsHaveTheTypesOfInputAndStatistics) {
  OneNode node("BatchNormalization", 15);
  node.Input({2, 3, 4}, DataType::kFloat16)
      .Constant({3}, DataType::kFloat16)
      .Constant({3}, DataType::kFloat16)
      .Constant({3})
      .Constant({3})
      .Attr("training_mode", 1)
      .Outputs(3);
  EXPECT_EQ(node.InferText(0), "float16 2x3x4");
  EXPECT_EQ(node.InferText(1), "float32 3");
  EXPECT_EQ(node.InferText(2), "float32 3");
}

TEST(BatchNormalization, RefusesWhatDoesNotFit) {
  const auto message = [](int64_t scale, int64_t bias, int64_t mean,
                          int64_t variance) {
    return OneNode("BatchNormalization", 15)
        .Input({2, 3, 4})
        .Constant({scale})
        .Constant({bias})
        .Constant({mean})
        .Constant({variance})
        .InferText();
  };
  const std::string prefix = "BatchNormalization 'o0': ";
  const std::string suffix =
      " has 4 elements but must have one for each of the 3 channels";
  EXPECT_EQ(message(4, 3, 3, 3), prefix + "the scale" + suffix);
  EXPECT_EQ(message(3, 4, 3, 3), prefix + "the bias" + suffix);
  EXPECT_EQ(message(3, 3, 4, 3), prefix + "the mean" + suffix);
  EXPECT_EQ(message(3, 3, 3, 4), prefix + "the variance" + suffix);
  EXPECT_EQ(OneNode("BatchNormalization", 15).Input({}).InferText(),
            prefix + "the input must have a batch axis but is a scalar");
  EXPECT_EQ(OneNode("BatchNormalization", 15).Input({2, 3}).InferText(),
            prefix + "operand 1 is missing");
  EXPECT_EQ(BatchNormalization(15, {2, 3}, 3, true)
                .Attr("training_mode", "yes")
                .InferText(),
            prefix + "attribute 'training_mode' must be an integer");
}

// LRN.

Number PowerOf(const Number& x, double beta) {
  if (beta == 2) return x * x;
  if (beta == 3) return x * x * x;
  return x.Apply(beta == 0.5 ? "sqrt" : "pow", 1);
}

// Windows over the border are counted in full (R9): what lies outside is read
// as a repetition of the nearest channel.
Tally RunLrn(const Sizes& sizes, int64_t window, double beta) {
  Tally tally;
  Array x(tally, "i0", sizes), y(tally, "o0", sizes);
  for (const Sizes& index : IndicesOf(sizes)) {
    Number squares(tally, 0);
    for (int64_t k = 0; k < window; ++k) {
      Sizes other = index;
      other[1] =
          std::clamp<int64_t>(index[1] + k - (window - 1) / 2, 0, sizes[1] - 1);
      const Number value = x.Read(other);
      squares = squares + value * value;
    }
    const Number base = Number(tally, 1) + Number(tally, 2e-5) * squares;
    y.Write(index, x.Read(index) / PowerOf(base, beta));
  }
  return tally;
}

TEST(Lrn, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  const std::vector<double> betas = {0.75, 0.5, 2, 3};
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(2, 4);
    const int64_t window = random.Int(1, 7);
    const double beta = betas[static_cast<size_t>(random.Int(0, 3))];
    OneNode node("LRN", random.Flip() ? 1 : 13);
    node.Input(DimsFrom(sizes)).Attr("size", window).Attr("beta", beta);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts), RunLrn(sizes, window, beta));
    ExpectFormulaAgrees(node);
  }
}

TEST(Lrn, TheDefaultExponentIsAPower) {
  ASSERT_OK_AND_ASSIGN(
      const OpCounts counts,
      OneNode("LRN", 13).Input({1, 3, 2, 2}).Attr("size", 5).Count());
  EXPECT_EQ(TallyOf(counts).operations, (Operations{{"mul", (5 + 1) * 12},
                                                    {"add", (5 + 1) * 12},
                                                    {"pow", 12},
                                                    {"div", 12}}));
}

TEST(Lrn, RefusesWhatDoesNotFit) {
  EXPECT_EQ(OneNode("LRN", 13).Input({1, 3}).InferText(),
            "LRN 'o0': attribute 'size' is missing");
  EXPECT_EQ(OneNode("LRN", 13).Input({1, 3}).Attr("size", 0).InferText(),
            "LRN 'o0': attribute 'size' is 0 but must be at least 1");
  EXPECT_EQ(
      OneNode("LRN", 13).Input({3}).Attr("size", 3).InferText(),
      "LRN 'o0': the input must have a batch and a channel axis but is 3");
}

}  // namespace
}  // namespace opcost
