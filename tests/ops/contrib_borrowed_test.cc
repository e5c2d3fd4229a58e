// SPDX-License-Identifier: Apache-2.0
// The operators of ONNX Runtime's domain that follow the rules of ONNX's of the
// same name: GridSample, Pad, Range, Trilu.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/formula_check.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr char kMs[] = "com.microsoft";

TEST(ContribGridSample, WeighsFourTapsPerOutputAtPositionsThatAreData) {
  OneNode node("GridSample", 1, kMs);
  node.Input({2, 3, 8, 9}).Input({2, 5, 6, 2});
  EXPECT_EQ(node.InferText(), "float32 2x3x5x6");
  const int64_t out = int64_t{2} * 3 * 5 * 6;
  const int64_t positions = int64_t{2} * 5 * 6;
  Tally tally;
  // Of each coordinate: scaled, its floor and fraction, and 1 - fraction; of
  // each position the products of its 2x2 weights.
  tally.operations = {{"mul", 2 * positions + 4 * positions + 4 * out},
                      {"add", 2 * positions * (1 + 3) + 4 * out}};
  tally.reads = {{"i0", 4 * out}, {"i1", 2 * positions}};
  tally.writes = {{"o0", out}};
  ExpectCounts(node, tally, "bilinear");
}

TEST(ContribGridSample, CountsAsOnnxDoes) {
  Dice dice(7611);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = {dice.Roll(1, 2), dice.Roll(1, 3), dice.Roll(2, 5),
                        dice.Roll(2, 5)};
    const Numbers at = {in[0], dice.Roll(1, 3), dice.Roll(1, 3), 2};
    const char* const modes[] = {"nearest", "bilinear", "bicubic"};
    const char* const paddings[] = {"zeros", "border", "reflection"};
    const char* const mode = modes[dice.Roll(0, 2)];
    const char* const padding = paddings[dice.Roll(0, 2)];
    const auto sample = [&](int opset, const char* domain) {
      OneNode node("GridSample", opset, domain);
      node.Input(DimsOf(in)).Input(DimsOf(at));
      node.Attr("mode", mode).Attr("padding_mode", padding);
      return node;
    };
    OneNode onnx = sample(16, ""), node = sample(1, kMs);
    ASSERT_OK_AND_ASSIGN(const OpCounts expected, onnx.Count());
    ExpectCounts(node, TallyOf(expected), absl::StrCat(mode, " ", padding));
  }
}

TEST(ContribGridSample, RefusesTheModesOfLaterOpsets) {
  OneNode node("GridSample", 1, kMs);
  node.Input({1, 1, 4, 4}).Input({1, 2, 2, 2}).Attr("mode", "cubic");
  EXPECT_EQ(node.InferText(),
            "GridSample 'o0': mode 'cubic' isn't one of opset 1");
}

OneNode Trilu(const Numbers& in, bool upper, int64_t k) {
  OneNode node("Trilu", 1, kMs);
  node.Input(DimsOf(in)).ConstantScalar(k).Attr("upper", upper ? 1 : 0);
  return node;
}

TEST(ContribTrilu, ReadsTheTriangleAndWritesAll) {
  Dice dice(7612);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = {dice.Roll(1, 2), dice.Roll(1, 5), dice.Roll(1, 5)};
    const bool upper = dice.Coin();
    const int64_t k = dice.Roll(-6, 6);
    Tally tally;
    Array x(tally, "i0", in), y(tally, "o0", in);
    int64_t kept = 0;
    ForEachIndex(in, [&](const Numbers& q) {
      const bool is_kept = upper ? q[2] - q[1] >= k : q[2] - q[1] <= k;
      kept += is_kept ? 1 : 0;
      y.Write(q, is_kept ? x.Read(q) : Number(tally, 0));
    });
    if (kept == Product(in)) tally = Tally();
    OneNode node = Trilu(in, upper, k);
    EXPECT_EQ(node.InferText(),
              absl::StrCat("float32 ", in[0], "x", in[1], "x", in[2]));
    ExpectCounts(node, tally, absl::StrCat(TextOf(in), " ", k));
  }
}

TEST(ContribTrilu, Folds) {
  const TensorValue square = TensorValue::Integers(
      DataType::kInt64, {2, 2}, {1, SymValue::Symbol("N"), 3, 4});
  ExpectFolds({
      {OneNode("Trilu", 1, kMs).ConstantValue(square), "int64 2x2: 1 N 0 4"},
  });
}

OneNode Pad(Dims dims, TensorValue pads) {
  OneNode node("Pad", 1, kMs);
  node.Input(std::move(dims)).ConstantValue(std::move(pads));
  return node;
}

TensorValue Row(std::vector<SymValue> pads) {
  const auto size = static_cast<int64_t>(pads.size());
  return TensorValue::Integers(DataType::kInt64, {1, size}, std::move(pads));
}

TEST(ContribPad, TakesItsPadsAsAVectorOrARow) {
  ExpectInfers({
      {Pad({2, 3}, Symbols({1, 1, 1, 1})), "float32 4x5"},
      {Pad({2, 3}, Row({0, 1, 0, 2})), "float32 2x6"},
      {Pad({Extent::Symbol("N"), 3}, Row({1, 0, 2, 0})), "float32 N+3x3"},
      {Pad({2, 3}, Row({0, 1})),
       "Pad 'o0': there are 2 pads but 2 axes need 4"},
      {Pad({2, 3}, Symbols({0, 1, 0, 0})).Attr("mode", "wrap"),
       "Pad 'o0': mode 'wrap' isn't one of opset 1"},
      {OneNode("Pad", 1, kMs).Input({2, 3}), "Pad 'o0': operand 1 is missing"},
  });
  ExpectFolds({
      {std::move(OneNode("Pad", 1, kMs)
                     .ConstantInts({7, 8})
                     .ConstantInts({1, 1})
                     .ConstantScalar(5)),
       "int64 4: 5 7 8 5"},
  });
}

TEST(ContribPad, ReadsWhatItKeepsOnceAndTheValueWhereItFills) {
  Dice dice(7613);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = dice.Rolls(2, 2, 4);
    const Numbers pads = dice.Rolls(4, -1, 2);
    const bool has_value = dice.Coin();
    const Numbers out = {in[0] + pads[0] + pads[2], in[1] + pads[1] + pads[3]};
    Tally tally;
    Array x(tally, "i0", in), value(tally, "i2", {1}), y(tally, "o0", out);
    ForEachIndex(out, [&](const Numbers& q) {
      const Numbers at = {q[0] - pads[0], q[1] - pads[1]};
      const bool inside =
          at[0] >= 0 && at[1] >= 0 && at[0] < in[0] && at[1] < in[1];
      if (inside) {
        y.Write(q, x.Read(at));
      } else {
        y.Write(q, has_value ? value.Read(int64_t{0}) : Number(tally, 0));
      }
    });
    if (pads == Numbers{0, 0, 0, 0}) tally = Tally();
    OneNode node("Pad", 1, kMs);
    node.Input(DimsOf(in)).ConstantInts(pads);
    if (has_value) node.Input({});
    ExpectCounts(node, tally, TextOf(in) + " by " + TextOf(pads));
  }
}

OneNode Range(int64_t start, int64_t limit) {
  OneNode node("Range", 1, kMs);
  node.ConstantScalar(start).ConstantScalar(limit);
  return node;
}

TEST(ContribRange, StepsByOneWhereDeltaIsLeftOut) {
  ExpectInfers({
      {Range(3, 9), "int64 6"},
      {Range(3, 9).ConstantScalar(2), "int64 3"},
      {Range(9, 3), "int64 0"},
      {OneNode("Range", 1, kMs).ConstantScalarFloat(0).ConstantScalarFloat(2.5),
       "float32 3"},
      {OneNode("Range", 1, kMs).ConstantScalar(0),
       "Range 'o0': operand 1 is missing"},
  });
  ExpectFolds({
      {Range(3, 6), "int64 3: 3 4 5"},
      {Range(3, 9).ConstantScalar(2), "int64 3: 3 5 7"},
      {OneNode("Range", 1, kMs).ConstantScalarFloat(0).ConstantScalarFloat(2),
       "float32 2: 0 1"},
  });
}

TEST(ContribRange, CountsAMulOnlyForADelta) {
  OneNode plain = Range(0, 6);
  Tally sums;
  sums.operations = {{"add", 6}};
  sums.reads = {{"i0", 1}};  // an immediate
  sums.writes = {{"o0", 6}};
  ExpectCounts(plain, sums, "without delta");
  OneNode stepped = Range(0, 6);
  stepped.ConstantScalar(2);
  Tally products;
  products.operations = {{"mul", 3}, {"add", 3}};
  products.reads = {{"i0", 1}, {"i2", 1}};
  products.writes = {{"o0", 3}};
  ExpectCounts(stepped, products, "with delta");
}

TEST(ContribBorrowed, ThresholdedReluWasExperimentalBeforeOpset10) {
  OneNode node("ThresholdedRelu", 9);
  node.Input({2, 3});
  Tally tally;
  tally.operations = {{"add", 6}};
  tally.reads = {{"i0", 6}};
  tally.writes = {{"o0", 6}};
  ExpectCounts(node, tally, "ThresholdedRelu");
}

}  // namespace
}  // namespace opcost
