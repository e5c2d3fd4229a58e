// SPDX-License-Identifier: Apache-2.0
// LayerNormalization and its relatives, and LpNormalization.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
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

using Row = std::vector<Sizes>;  // the indices of its elements

// Groups the elements of an array of `sizes` by what `key` gives for them.
std::vector<Row> RowsBy(const Sizes& sizes,
                        const std::function<Sizes(const Sizes&)>& key) {
  std::map<Sizes, Row> rows;
  for (const Sizes& index : IndicesOf(sizes)) rows[key(index)].push_back(index);
  std::vector<Row> all;
  for (const auto& entry : rows) all.push_back(entry.second);
  return all;
}

struct Statistics {
  Number mean;
  Number inverse;  // of the standard deviation
};

// Two passes: the mean, and the variance; then one over its root.
Statistics StatisticsOf(Tally& tally, Array& x, const Row& row) {
  const Number share(tally, 1.0 / 3);
  Number sum(tally, 0);
  for (const Sizes& index : row) sum = sum + x.Read(index);
  const Number mean = sum * share;
  Number squares(tally, 0);
  for (const Sizes& index : row) {
    const Number difference = x.Read(index) - mean;
    squares = squares + difference * difference;
  }
  const Number variance = squares * share;
  const Number deviation = (variance + Number(tally, 1e-5)).Apply("sqrt", 1);
  return {mean, Number(tally, 1) / deviation};
}

// How an index of the input addresses the scale and the bias.
using Place = std::function<Sizes(const Sizes&)>;

struct Affine {
  OperandArray* scale = nullptr;
  OperandArray* bias = nullptr;
  Place place;
};

void NormalizeRow(Tally& tally, Array& x, Array& y, const Row& row,
                  const Affine& affine) {
  const Statistics statistics = StatisticsOf(tally, x, row);
  for (const Sizes& index : row) {
    Number value = (x.Read(index) - statistics.mean) * statistics.inverse;
    if (affine.scale != nullptr) {
      value = value * affine.scale->At(affine.place(index));
    }
    if (affine.bias != nullptr) {
      value = value + affine.bias->At(affine.place(index));
    }
    y.Write(index, value);
  }
}

Sizes Same(const Sizes& index) { return index; }
Sizes Channel(const Sizes& index) { return {index[1]}; }

// The node's counts and formula against the loops' tally.
void ExpectCounts(OneNode& node, const Tally& expected) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts), expected);
  ExpectFormulaAgrees(node);
}

TEST(LayerNormalization, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases && !testing::Test::HasFailure(); ++i) {
    const Sizes sizes = random.Shape(1, 4);
    const auto rank = static_cast<int64_t>(sizes.size());
    const int64_t axis = random.Int(0, rank - 1);
    const Sizes tail(sizes.begin() + axis, sizes.end());
    const Sizes scales = random.Narrowed(tail);
    const bool has_bias = random.Flip();
    const bool is_constant = random.Flip();
    Tally tally;
    Array x(tally, "i0", sizes), y(tally, "o0", sizes);
    OperandArray scale(tally, 1, scales, is_constant);
    OperandArray bias(tally, 2, tail, is_constant);
    const Affine affine{&scale, has_bias ? &bias : nullptr, Same};
    const auto rows = RowsBy(sizes, [axis](const Sizes& index) {
      return Sizes(index.begin(), index.begin() + axis);
    });
    for (const Row& row : rows) NormalizeRow(tally, x, y, row, affine);
    OneNode node("LayerNormalization", 17);
    node.Input(DimsFrom(sizes))
        .Attr("axis", random.Flip() ? axis : axis - rank);
    AddOperand(node, scales, is_constant);
    if (has_bias) AddOperand(node, tail, is_constant);
    ExpectCounts(node, tally);
  }
}

TEST(LayerNormalization, WritesItsStatisticsWhereTheyAreUsed) {
  OneNode node("LayerNormalization", 17);
  node.Input({2, 3, 4}).Constant({4}).Constant({4}).Outputs(3).UnusedOutput(1);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).writes,
            (std::map<std::string, int64_t>{{"o0", 2 * 3 * 4}, {"o2", 2 * 3}}));
  ExpectFormulaAgrees(node);
}

TEST(LayerNormalization, StatisticsHaveOneElementPerRowInTheStashType) {
  OneNode node("LayerNormalization", 17);
  node.Input({2, 3, 4}, DataType::kFloat16)
      .Constant({3, 4}, DataType::kFloat16)
      .Attr("axis", 1)
      .Outputs(3);
  EXPECT_EQ(node.InferText(0), "float16 2x3x4");
  EXPECT_EQ(node.InferText(1), "float32 2x1x1");
  EXPECT_EQ(node.InferText(2), "float32 2x1x1");
  OneNode stashed("LayerNormalization", 17);
  stashed.Input({2, 4}).Constant({4}).Attr("stash_type", 16).Outputs(2);
  EXPECT_EQ(stashed.InferText(1), "bfloat16 2x1");
}

TEST(LayerNormalization, RolesAreWeightAndBiasAndSquaresAccumulate) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, OneNode("LayerNormalization", 17)
                                                  .Input({2, 4})
                                                  .Constant({4})
                                                  .Constant({4})
                                                  .Count());
  EXPECT_EQ(counts.accesses[1].role, Role::kWeight);
  EXPECT_FALSE(counts.accesses[1].takes_weight_bits);
  EXPECT_EQ(counts.accesses[2].role, Role::kBias);
  Count accumulated;
  for (const Arith& arith : counts.arith) {
    if (arith.role == ArithRole::kAccumulate) accumulated += arith.count;
  }
  EXPECT_EQ(accumulated.value(), 2 * 4);
}

TEST(LayerNormalization, RefusesWhatDoesNotFit) {
  const auto message = [](int64_t axis, Dims scale, Dims bias, int stash) {
    return OneNode("LayerNormalization", 17)
        .Input({2, 3, 4})
        .Constant(std::move(scale))
        .Constant(std::move(bias))
        .Attr("axis", axis)
        .Attr("stash_type", stash)
        .InferText();
  };
  EXPECT_EQ(
      message(3, {4}, {4}, 1),
      "LayerNormalization 'o0': axis 3 is outside the 3 axes of the tensor");
  EXPECT_EQ(
      message(2, {5}, {4}, 1),
      "LayerNormalization 'o0': the scale is 5, which doesn't fill 2x3x4");
  EXPECT_EQ(message(2, {4}, {3}, 1),
            "LayerNormalization 'o0': the bias is 3, which doesn't fill 2x3x4");
  EXPECT_EQ(
      message(2, {4}, {4}, 77),
      "LayerNormalization 'o0': attribute 'stash_type' is 77, which is no "
      "known element type");
  EXPECT_EQ(OneNode("LayerNormalization", 17).Input({2, 3}).InferText(),
            "LayerNormalization 'o0': operand 1 is missing");
}

TEST(InstanceNormalization, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases && !testing::Test::HasFailure(); ++i) {
    const Sizes sizes = random.Shape(2, 4);
    const bool is_constant = random.Flip();
    Tally tally;
    Array x(tally, "i0", sizes), y(tally, "o0", sizes);
    OperandArray scale(tally, 1, {sizes[1]}, is_constant);
    OperandArray bias(tally, 2, {sizes[1]}, is_constant);
    const auto rows = RowsBy(sizes, [](const Sizes& index) {
      return Sizes{index[0], index[1]};
    });
    for (const Row& row : rows) {
      NormalizeRow(tally, x, y, row, {&scale, &bias, Channel});
    }
    OneNode node("InstanceNormalization", random.Flip() ? 1 : 6);
    node.Input(DimsFrom(sizes));
    AddOperand(node, {sizes[1]}, is_constant);
    AddOperand(node, {sizes[1]}, is_constant);
    ExpectCounts(node, tally);
  }
}

TEST(InstanceNormalization, RefusesWhatDoesNotFit) {
  EXPECT_EQ(
      OneNode("InstanceNormalization", 6)
          .Input({2, 3, 4})
          .Constant({4})
          .Constant({3})
          .InferText(),
      "InstanceNormalization 'o0': the scale has 4 elements but must have "
      "one for each of the 3 channels");
  EXPECT_EQ(OneNode("InstanceNormalization", 6)
                .Input({2, 3, 4})
                .Constant({3})
                .Constant({2})
                .InferText(),
            "InstanceNormalization 'o0': the bias has 2 elements but must have "
            "one for each of the 3 channels");
  EXPECT_EQ(OneNode("InstanceNormalization", 6)
                .Input({2})
                .Constant({3})
                .Constant({3})
                .InferText(),
            "InstanceNormalization 'o0': the input must have a batch and a "
            "channel axis but is 2");
}

TEST(GroupNormalization, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases && !testing::Test::HasFailure(); ++i) {
    const int64_t groups = random.Int(1, 3);
    const int64_t per_group = random.Int(1, 3);
    Sizes sizes = random.Shape(2, 4, 3);
    sizes[1] = groups * per_group;
    const bool per_channel = random.Flip();
    const Sizes scales = {per_channel ? sizes[1] : groups};
    const auto group = [per_group](const Sizes& index) {
      return Sizes{index[1] / per_group};
    };
    Tally tally;
    Array x(tally, "i0", sizes), y(tally, "o0", sizes);
    OperandArray scale(tally, 1, scales, true);
    OperandArray bias(tally, 2, scales, true);
    const auto rows = RowsBy(sizes, [per_group](const Sizes& index) {
      return Sizes{index[0], index[1] / per_group};
    });
    const Place place = per_channel ? Place(Channel) : Place(group);
    for (const Row& row : rows) {
      NormalizeRow(tally, x, y, row, {&scale, &bias, place});
    }
    OneNode node("GroupNormalization", per_channel ? 21 : 18);
    node.Input(DimsFrom(sizes)).Attr("num_groups", groups);
    AddOperand(node, scales, true);
    AddOperand(node, scales, true);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(TallyOf(counts), tally);
    // The formula doesn't say that a scale of one element is read once.
    if (SizeOf(scales) > 1) ExpectFormulaAgrees(node);
  }
}

TEST(GroupNormalization, RefusesWhatDoesNotFit) {
  const auto message = [](int opset, int groups, int64_t scales) {
    return OneNode("GroupNormalization", opset)
        .Input({2, 6, 4})
        .Constant({scales})
        .Constant({scales})
        .Attr("num_groups", groups)
        .InferText();
  };
  const std::string prefix = "GroupNormalization 'o0': ";
  EXPECT_EQ(message(18, 4, 4),
            prefix + "num_groups 4 doesn't divide the 6 channels");
  EXPECT_EQ(message(18, 0, 4),
            prefix + "num_groups 0 doesn't divide the 6 channels");
  EXPECT_EQ(message(18, 3, 6),
            prefix +
                "the scale has 6 elements but must have one for each of "
                "the 3 groups");
  EXPECT_EQ(message(21, 3, 3),
            prefix +
                "the scale has 3 elements but must have one for each of "
                "the 6 channels");
  EXPECT_EQ(OneNode("GroupNormalization", 21)
                .Input({2, 6})
                .Constant({6})
                .Constant({6})
                .InferText(),
            prefix + "attribute 'num_groups' is missing");
  EXPECT_EQ(OneNode("GroupNormalization", 21)
                .Input({6})
                .Attr("num_groups", 1)
                .InferText(),
            prefix + "the input must have a batch and a channel axis but is 6");
}

// The rows along `axes`.
std::vector<Row> RowsAlong(const Sizes& sizes,
                           const std::vector<int64_t>& axes) {
  return RowsBy(sizes, [&axes](Sizes index) {
    for (const int64_t axis : axes) index[static_cast<size_t>(axis)] = 0;
    return index;
  });
}

Tally RunMvn(const Sizes& sizes, const std::vector<int64_t>& axes) {
  Tally tally;
  Array x(tally, "i0", sizes), y(tally, "o0", sizes);
  for (const Row& row : RowsAlong(sizes, axes)) {
    NormalizeRow(tally, x, y, row, {});
  }
  return tally;
}

TEST(MeanVarianceNormalization, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases && !testing::Test::HasFailure(); ++i) {
    const Sizes sizes = random.Shape(1, 4);
    std::vector<int64_t> axes;
    for (size_t axis = 0; axis < sizes.size(); ++axis) {
      if (random.Flip()) axes.push_back(static_cast<int64_t>(axis));
    }
    OneNode node("MeanVarianceNormalization", random.Flip() ? 9 : 13);
    node.Input(DimsFrom(sizes)).Attr("axes", axes);
    ExpectCounts(node, RunMvn(sizes, axes));
  }
}

TEST(MeanVarianceNormalization, ByDefaultARowIsOneChannelOfAllSamples) {
  OneNode node("MeanVarianceNormalization", 13);
  node.Input({2, 3, 4, 5});
  ExpectCounts(node, RunMvn({2, 3, 4, 5}, {0, 2, 3}));
}

TEST(MeanVarianceNormalization, BeforeOpset9MayCrossChannelsAndKeepVariance) {
  OneNode across("MeanVarianceNormalization", 1);
  across.Input({2, 3, 4, 5}).Attr("across_channels", 1);
  ExpectCounts(across, RunMvn({2, 3, 4, 5}, {0, 1, 2, 3}));

  OneNode mean_only("MeanVarianceNormalization", 1);
  mean_only.Input({2, 3, 4, 5}).Attr("normalize_variance", 0);
  Tally expected;
  expected.operations["mul"] = 3;                    // one mean per channel
  expected.operations["add"] = 2 * (2 * 3 * 4 * 5);  // sum, difference
  expected.reads["i0"] = 2 * (2 * 3 * 4 * 5);
  expected.writes["o0"] = 2 * 3 * 4 * 5;
  ExpectCounts(mean_only, expected);
}

TEST(MeanVarianceNormalization, RefusesAxesOutsideTheTensor) {
  EXPECT_EQ(OneNode("MeanVarianceNormalization", 13).Input({2, 3}).InferText(),
            "MeanVarianceNormalization 'o0': axis 2 is outside the 2 axes of "
            "the tensor");
}

TEST(LpNormalization, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases && !testing::Test::HasFailure(); ++i) {
    const Sizes sizes = random.Shape(1, 4);
    const auto rank = static_cast<int64_t>(sizes.size());
    const int64_t axis = random.Int(0, rank - 1);
    const int64_t p = random.Int(1, 2);
    Tally tally;
    Array x(tally, "i0", sizes), y(tally, "o0", sizes);
    for (const Row& row : RowsAlong(sizes, {axis})) {
      Number norm(tally, 0);
      for (const Sizes& index : row) {
        const Number value = x.Read(index);
        norm = norm + (p == 2 ? value * value : value.Apply("add", 1));
      }
      if (p == 2) norm = norm.Apply("sqrt", 1);
      const Number inverse = Number(tally, 1) / norm;
      for (const Sizes& index : row) y.Write(index, x.Read(index) * inverse);
    }
    OneNode node("LpNormalization", random.Flip() ? 1 : 22);
    node.Input(DimsFrom(sizes)).Attr("p", p).Attr("axis", axis - rank);
    ExpectCounts(node, tally);
  }
}

TEST(LpNormalization, ByDefaultIsTheEuclideanNormOfTheLastAxis) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("LpNormalization", 1).Input({2, 3, 4}).Count());
  EXPECT_EQ(TallyOf(counts).operations,
            (std::map<std::string, int64_t>{{"mul", 2 * (2 * 3 * 4)},
                                            {"add", 2 * 3 * 4},
                                            {"sqrt", 2 * 3},
                                            {"div", 2 * 3}}));
}

TEST(LpNormalization, RefusesOtherNormsAndAxes) {
  EXPECT_EQ(OneNode("LpNormalization", 1).Input({2}).Attr("p", 3).InferText(),
            "LpNormalization 'o0': attribute 'p' is 3 but must be 1 or 2");
  EXPECT_EQ(
      OneNode("LpNormalization", 1).Input({2}).Attr("axis", 1).InferText(),
      "LpNormalization 'o0': axis 1 is outside the 1 axes of the tensor");
}

}  // namespace
}  // namespace opcost
