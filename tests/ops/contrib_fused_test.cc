// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's activations with a bias, and its forms of Dropout.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kCases = 200;
constexpr char kDomain[] = "com.microsoft";

OneNode Ms(const char* op) { return OneNode(op, 1, kDomain); }

Number Gelu(Tally& t, const Number& x) {
  const Number half = x * Number(t, 0.5);
  return half * (Number(t, 1) + (x * Number(t, 0.707)).Apply("erf", 0.5));
}

Number TanhGelu(Tally& t, const Number& x) {
  const Number inner =
      Number(t, 0.797885) * x + Number(t, 0.035677) * x * x * x;
  return Number(t, 0.5) * x * (Number(t, 1) + inner.Apply("tanh", 0.5));
}

Number QuickGelu(Tally& t, const Number& x) {
  return x * (Number(t, 1.702) * x).Apply("sigmoid", 0.5);
}

TEST(FusedActivations, CountWhatPlainLoopsDo) {
  struct Op {
    const char* name;
    Number (*apply)(Tally&, const Number&);
    int64_t least_biases, most_biases;
  };
  const Op ops[] = {{"Gelu", Gelu, 0, 0},
                    {"QuickGelu", QuickGelu, 0, 0},
                    {"FastGelu", TanhGelu, 0, 1},
                    {"BiasGelu", Gelu, 1, 1}};
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    for (const Op& op : ops) {
      Sizes sizes = random.Shape(1, 4);
      sizes.back() += 1;
      const bool has_bias = random.Int(op.least_biases, op.most_biases) == 1;
      Tally tally;
      Array x(tally, "i0", sizes), bias(tally, "i1", {sizes.back()});
      Array y(tally, "o0", sizes);
      for (const Sizes& at : IndicesOf(sizes)) {
        Number value = x.Read(at);
        if (has_bias) value = value + bias.Read({at.back()});
        y.Write(at, op.apply(tally, value));
      }
      OneNode node = Ms(op.name);
      AddOperand(node, sizes, false);
      if (has_bias) AddOperand(node, {sizes.back()}, true);
      ExpectCounts(node, tally, op.name);
    }
  }
}

TEST(QuickGelu, AnAlphaOf1CostsNothing) {
  OneNode node = Ms("QuickGelu").Input({2, 3}).Attr("alpha", 1.0);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).operations.at("mul"), 2 * 3);
  ExpectFormulaAgrees(node);
}

TEST(BiasAdd, AddsBiasAndSkip) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    Sizes sizes = random.Shape(3, 3);
    sizes.back() += 1;
    Tally tally;
    Array x(tally, "i0", sizes), bias(tally, "i1", {sizes.back()});
    Array skip(tally, "i2", sizes), y(tally, "o0", sizes);
    for (const Sizes& at : IndicesOf(sizes)) {
      y.Write(at, x.Read(at) + bias.Read({at.back()}) + skip.Read(at));
    }
    OneNode node = Ms("BiasAdd");
    AddOperand(node, sizes, false);
    AddOperand(node, {sizes.back()}, true);
    AddOperand(node, sizes, false);
    ExpectCounts(node, tally, "BiasAdd");
  }
}

TEST(BiasSplitGelu, MultipliesTheLeftHalfByGeluOfTheRight) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    Sizes half = random.Shape(3, 3);
    Sizes whole = half;
    whole.back() *= 2;
    const int64_t middle = half.back();
    Tally tally;
    Array x(tally, "i0", whole), bias(tally, "i1", {whole.back()});
    Array y(tally, "o0", half);
    for (const Sizes& at : IndicesOf(half)) {
      Sizes right = at;
      right.back() += middle;
      const Number left = x.Read(at) + bias.Read({at.back()});
      const Number gate = x.Read(right) + bias.Read({right.back()});
      y.Write(at, left * Gelu(tally, gate));
    }
    OneNode node = Ms("BiasSplitGelu");
    AddOperand(node, whole, false);
    AddOperand(node, {whole.back()}, true);
    ExpectCounts(node, tally, "BiasSplitGelu");
  }
}

TEST(BiasSoftmax, AddsTheBiasInEachPassThatReads) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    Sizes sizes = random.Shape(2, 4);
    sizes.back() += 1;
    const int64_t axis = random.Int(0, static_cast<int64_t>(sizes.size()) - 1);
    int64_t rows = 1;
    for (int64_t a = 0; a < axis; ++a) rows *= sizes[static_cast<size_t>(a)];
    const int64_t length = SizeOf(sizes) / rows;
    Tally tally;
    Array x(tally, "i0", sizes), bias(tally, "i1", sizes),
        y(tally, "o0", sizes);
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t first = row * length, end = first + length;
      Number most(tally, -1e30), sum(tally, 0);
      for (int64_t e = first; e < end; ++e) {
        most = Max(most, x.Read(e) + bias.Read(e));
      }
      for (int64_t e = first; e < end; ++e) {
        const Number power = (x.Read(e) + bias.Read(e) - most).Apply("exp", 1);
        sum = sum + power;
        y.Write(e, power);
      }
      const Number inverse = Number(tally, 1) / sum;
      for (int64_t e = first; e < end; ++e) y.Write(e, y.Read(e) * inverse);
    }
    OneNode node = Ms("BiasSoftmax");
    AddOperand(node, sizes, false);
    AddOperand(node, sizes, false);
    node.Attr("axis", axis).Attr("is_inner_broadcast", 0);
    ExpectCounts(node, tally, "BiasSoftmax");
  }
}

// Operands: data, bias, and where there are: residual, ratio, training_mode.
TEST(BiasDropout, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    Sizes sizes = random.Shape(1, 3);
    sizes.back() += 1;
    const bool has_residual = random.Flip(), trains = random.Flip();
    const bool is_bitmask = random.Flip(), uses_mask = random.Flip();
    const int64_t size = SizeOf(sizes);
    const int64_t masks = is_bitmask ? (size + 31) / 32 : size;
    Tally tally;
    Array x(tally, "i0", sizes), bias(tally, "i1", {sizes.back()});
    Array residual(tally, "i2", sizes), ratio(tally, "i3", {1});
    Array y(tally, "o0", sizes), mask(tally, "o1", {masks});
    for (const Sizes& at : IndicesOf(sizes)) {
      Number value = x.Read(at) + bias.Read({at.back()});
      if (trains) {
        const Number kept = Less(Number(tally, 0.5), ratio.Read({0}));
        value = value * kept * Number(tally, 2);
      }
      if (has_residual) value = value + residual.Read(at);
      y.Write(at, value);
    }
    for (int64_t m = 0; m < masks && uses_mask; ++m) {
      mask.Write(m, Number(tally, 1));
    }
    OneNode node = Ms(is_bitmask ? "BitmaskBiasDropout" : "BiasDropout");
    AddOperand(node, sizes, false);
    AddOperand(node, {sizes.back()}, true);
    if (has_residual) {
      AddOperand(node, sizes, false);
    } else {
      node.Absent();
    }
    node.Input({}).ConstantScalar(trains ? 1 : 0).Outputs(2);
    if (!uses_mask) node.UnusedOutput(1);
    ExpectCounts(node, tally, "BiasDropout");
  }
}

TEST(BitmaskDropout, IsAViewInInferenceAndPacksItsMask) {
  ExpectView(Ms("BitmaskDropout").Input({5, 7}));
  OneNode node = Ms("BitmaskDropout").Input({5, 7}).Outputs(2);
  EXPECT_EQ(node.InferText(1), "uint32 2");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).writes,
            (std::map<std::string, int64_t>{{"o1", 2}}));
  ExpectFormulaAgrees(node);
}

TEST(ContribFused, RefusesWhatDoesNotFit) {
  ExpectInfers({
      {Ms("BiasGelu").Input({2, 3}).Constant({4}),
       "BiasGelu 'o0': the bias is 4, which doesn't fill 2x3"},
      {Ms("BiasAdd").Input({2, 3, 4}).Constant({4}),
       "BiasAdd 'o0': operand 2 is missing"},
      {Ms("BiasSplitGelu").Input({2, 3, 5}).Constant({5}),
       "BiasSplitGelu 'o0': the last axis has 5 elements, which don't split "
       "into two halves"},
      {Ms("BiasSoftmax").Input({2, 3}).Input({2, 3}).Attr("axis", 2),
       "BiasSoftmax 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Ms("BiasDropout").Input({2, 3}),
       "BiasDropout 'o0': operand 1 is missing"},
      {Ms("BiasSplitGelu").Input({Extent::Symbol("N"), 6}).Constant({6}),
       "float32 Nx3"},
  });
}

}  // namespace
}  // namespace opcost
