// SPDX-License-Identifier: Apache-2.0
// Conv and ConvTranspose: shapes, counts and errors.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kOpset = 13;

OneNode Conv(Dims x, Dims w) {
  OneNode node("Conv", kOpset);
  node.Input(std::move(x)).Constant(std::move(w));
  return node;
}

OneNode ConvTranspose(Dims x, Dims w) {
  OneNode node("ConvTranspose", kOpset);
  node.Input(std::move(x)).Constant(std::move(w));
  return node;
}

std::vector<int64_t> Ints(std::vector<int64_t> values) { return values; }

struct ShapeCase {
  OneNode node;
  std::string expected;
};

void ExpectInfers(std::vector<ShapeCase> cases) {
  for (ShapeCase& c : cases) EXPECT_EQ(c.node.InferText(), c.expected);
}

TEST(Conv, ShapesFollowStridesPadsAndDilations) {
  ExpectInfers({
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}), "float32 1x4x6x6"},
      {Conv({1, 3, 224, 224}, {96, 3, 11, 11}).Attr("strides", Ints({4, 4})),
       "float32 1x96x54x54"},
      {Conv({2, 3, 7, 9}, {4, 3, 3, 3}).Attr("pads", Ints({1, 0, 2, 0})),
       "float32 2x4x8x7"},
      {Conv({1, 3, 9, 9}, {4, 3, 3, 3}).Attr("dilations", Ints({2, 3})),
       "float32 1x4x5x3"},
      {Conv({1, 3, 9, 9}, {4, 3, 3, 3}).Attr("kernel_shape", Ints({3, 3})),
       "float32 1x4x7x7"},
      {Conv({1, 4, 10}, {6, 2, 3}).Attr("group", 2), "float32 1x6x8"},
      {Conv({1, 1, 5, 6, 7}, {2, 1, 2, 3, 4}), "float32 1x2x4x4x4"},
      {Conv({1, 1, 3, 3, 3, 3}, {2, 1, 1, 2, 3, 3}), "float32 1x2x3x2x1x1"},
  });
}

TEST(Conv, AutoPadMakesTheOutputTheInputOverTheStride) {
  ExpectInfers({
      {Conv({1, 1, 7, 8}, {1, 1, 3, 3})
           .Attr("auto_pad", "SAME_UPPER")
           .Attr("strides", Ints({2, 3})),
       "float32 1x1x4x3"},
      {Conv({1, 1, 7, 8}, {1, 1, 5, 1})
           .Attr("auto_pad", "SAME_LOWER")
           .Attr("strides", Ints({1, 4})),
       "float32 1x1x7x2"},
      {Conv({1, 1, 7, 8}, {1, 1, 3, 3}).Attr("auto_pad", "VALID"),
       "float32 1x1x5x6"},
      {Conv({1, 1, 7, 8}, {1, 1, 3, 3})
           .Attr("auto_pad", "NOTSET")
           .Attr("pads", Ints({1, 1, 1, 1})),
       "float32 1x1x7x8"},
      // pads doesn't hold beside auto_pad.
      {Conv({1, 1, 7, 8}, {1, 1, 3, 3})
           .Attr("auto_pad", "VALID")
           .Attr("pads", Ints({1, 1, 1, 1})),
       "float32 1x1x5x6"},
  });
}

TEST(Conv, ShapesMayBeSymbolic) {
  ExpectInfers({
      {Conv({Extent::Symbol("N"), 3, 8, 8}, {4, 3, 3, 3}), "float32 Nx4x6x6"},
      {Conv({1, 3, Extent::Symbol("H"), 8}, {4, 3, 3, 3}), "float32 1x4xH-2x6"},
      {Conv({1, Extent::Symbol("C"), 8, 8}, {4, 3, 3, 3}), "float32 1x4x6x6"},
  });
}

TEST(Conv, TheOutputHasTheInputsType) {
  OneNode node("Conv", 22);
  node.Input({1, 3, 8, 8}, DataType::kBfloat16)
      .Constant({4, 3, 3, 3}, DataType::kBfloat16);
  EXPECT_EQ(node.InferText(), "bfloat16 1x4x6x6");
}

TEST(Conv, CountsOneMacPerOutputAndKernelElement) {
  OneNode node = Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Constant({4});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const Count macs = (1 * 4 * 6 * 6) * (3 * 3 * 3);
  EXPECT_EQ(counts.macs, macs);
  ASSERT_EQ(counts.arith.size(), 2u);
  EXPECT_EQ(counts.arith[0].op, ArithOp::kMul);
  EXPECT_EQ(counts.arith[0].role, ArithRole::kProduct);
  EXPECT_EQ(counts.arith[0].operands, OperandSet::Inputs(0, 1));
  EXPECT_EQ(counts.arith[0].count, macs);
  EXPECT_EQ(counts.arith[1].op, ArithOp::kAdd);
  EXPECT_EQ(counts.arith[1].role, ArithRole::kAccumulate);
  EXPECT_EQ(counts.arith[1].count, macs);

  ASSERT_EQ(counts.accesses.size(), 4u);
  const Access& x = counts.accesses[0];
  const Access& w = counts.accesses[1];
  const Access& b = counts.accesses[2];
  const Access& y = counts.accesses[3];
  EXPECT_EQ(x.role, Role::kInput);
  EXPECT_EQ(x.elements, 1 * 3 * 8 * 8);
  EXPECT_EQ(x.reads, macs);
  EXPECT_EQ(w.role, Role::kWeight);
  EXPECT_TRUE(w.takes_weight_bits);
  EXPECT_EQ(w.elements, 4 * 3 * 3 * 3);
  EXPECT_EQ(w.reads, macs);
  EXPECT_EQ(b.role, Role::kBias);
  EXPECT_FALSE(b.takes_weight_bits);
  EXPECT_EQ(b.reads, 1 * 4 * 6 * 6);
  EXPECT_EQ(y.writes, 1 * 4 * 6 * 6);
}

TEST(Conv, AnOperandIsWhatOneMatrixVectorProductTouches) {
  OneNode node =
      Conv({2, 6, 8, 8}, {4, 3, 3, 5}).Constant({4}).Attr("group", 2);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.accesses.size(), 4u);
  EXPECT_EQ(counts.accesses[0].operand_elements, 3 * 3 * 5);
  EXPECT_EQ(counts.accesses[1].operand_elements, (4 / 2) * (3 * 3 * 5));
  EXPECT_EQ(counts.accesses[2].operand_elements, 4 / 2);
  EXPECT_EQ(counts.accesses[3].operand_elements, 4 / 2);
}

TEST(Conv, AComputedWeightIsAnInputAndAConstantInputAWeight) {
  OneNode node("Conv", kOpset);
  node.Constant({1, 3, 8, 8}).Input({4, 3, 3, 3});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.accesses[0].role, Role::kWeight);
  EXPECT_TRUE(counts.accesses[0].takes_weight_bits);
  EXPECT_EQ(counts.accesses[1].role, Role::kInput);
  EXPECT_FALSE(counts.accesses[1].takes_weight_bits);
}

TEST(Conv, AWeightOfOneElementIsReadOnce) {
  OneNode node = Conv({1, 1, 4, 4}, {1, 1, 1, 1});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.accesses[0].reads, 16);
  EXPECT_EQ(counts.accesses[1].reads, 1);
}

TEST(Conv, PaddingCountsInFull) {
  OneNode node =
      Conv({1, 1, 4, 4}, {1, 1, 3, 3}).Attr("pads", Ints({1, 1, 1, 1}));
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, (4 * 4) * (3 * 3));
}

TEST(Conv, AnOutputThatNothingReadsIsNotWritten) {
  OneNode node = Conv({1, 1, 4, 4}, {1, 1, 3, 3}).UnusedOutput(0);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.accesses.size(), 2u);
}

TEST(Conv, AnEmptyTensorCostsNothing) {
  struct Case {
    OneNode node;
    std::string shape;
  };
  Case cases[] = {
      {Conv({0, 3, 8, 8}, {4, 3, 3, 3}), "float32 0x4x6x6"},
      {Conv({1, 3, 8, 8}, {0, 3, 3, 3}), "float32 1x0x6x6"},
      {Conv({1, 3, 0, 8}, {4, 3, 3, 3}), "float32 1x4x0x6"},
  };
  for (Case& c : cases) {
    EXPECT_EQ(c.node.InferText(), c.shape);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, c.node.Count());
    EXPECT_EQ(counts.macs, 0);
    EXPECT_TRUE(counts.arith.empty());
    EXPECT_TRUE(counts.accesses.empty());
  }
  // Without input channels the outputs are still there, and zero.
  ASSERT_OK_AND_ASSIGN(const OpCounts none,
                       Conv({1, 0, 8, 8}, {4, 0, 3, 3}).Count());
  EXPECT_EQ(none.macs, 0);
  ASSERT_EQ(none.accesses.size(), 1u);
  EXPECT_EQ(none.accesses[0].writes, 4 * 6 * 6);
}

TEST(Conv, CountsOfSymbolicShapesAreExpressions) {
  OneNode node = Conv({Extent::Symbol("N"), 3, 8, 8}, {4, 3, 3, 3});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs.ToString(), "3888*N");
}

TEST(Conv, ErrorsSayWhatContradictsWhat) {
  ExpectInfers({
      {Conv({1, 4, 8, 8}, {4, 3, 3, 3}),
       "Conv 'o0': the weight reads 3 x group 1 channels but the input has 4"},
      {Conv({1, 4, 8, 8}, {4, 3, 3, 3}).Attr("group", 2),
       "Conv 'o0': the weight reads 3 x group 2 channels but the input has 4"},
      {Conv({1, 6, 8, 8}, {4, 2, 3, 3}).Attr("group", 3),
       "Conv 'o0': group 3 does not divide the 4 output channels"},
      {Conv({1, 6, 8, 8}, {4, 2, 3, 3}).Attr("group", 0),
       "Conv 'o0': group must be at least 1 but is 0"},
      {Conv({1, 3, 8, 8}, {4, 3, 3}),
       "Conv 'o0': input 1x3x8x8 and weight 4x3x3 must have the same number "
       "of axes, at least 3"},
      {Conv({1, 3}, {4, 3}),
       "Conv 'o0': input 1x3 and weight 4x3 must have the same number of axes, "
       "at least 3"},
      {Conv({1, 3, 8, 4}, {4, 3, 3, 5}),
       "Conv 'o0': the kernel spans 5 but the padded input has 4 on spatial "
       "axis 1"},
      {Conv({1, 3, 8, 4}, {4, 3, 3, 3})
           .Attr("dilations", Ints({1, 3}))
           .Attr("pads", Ints({0, 1, 0, 1})),
       "Conv 'o0': the kernel spans 7 but the padded input has 6 on spatial "
       "axis 1"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("strides", Ints({1, 0})),
       "Conv 'o0': strides must be at least 1 but has 0"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("strides", Ints({-1, 1})),
       "Conv 'o0': strides must be at least 1 but has -1"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("strides", Ints({2})),
       "Conv 'o0': strides must have 2 values but has 1"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("dilations", Ints({0, 1})),
       "Conv 'o0': dilations must be at least 1 but has 0"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("pads", Ints({1, 1})),
       "Conv 'o0': pads must have 4 values but has 2"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("pads", Ints({0, -1, 0, 0})),
       "Conv 'o0': pads must be at least 0 but has -1"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("auto_pad", "SAME"),
       "Conv 'o0': auto_pad must be NOTSET, SAME_UPPER, SAME_LOWER or VALID "
       "but is 'SAME'"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("kernel_shape", Ints({5, 5})),
       "Conv 'o0': kernel_shape is 5x5 but the weight's kernel is 3x3"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("kernel_shape", Ints({3})),
       "Conv 'o0': kernel_shape must have 2 values but has 1"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Constant({3}),
       "Conv 'o0': the bias is 3 but there are 4 output channels"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Constant({1, 4}),
       "Conv 'o0': the bias is 1x4 but there are 4 output channels"},
      {OneNode("Conv", kOpset).Input({1, 3, 8, 8}),
       "Conv 'o0': operand 1 is missing"},
      {OneNode("Conv", kOpset).InputOfUnknownRank().Constant({4, 3, 3, 3}),
       "Conv 'o0': the shape of 'i0' isn't known"},
  });
}

TEST(Conv, HostileNumbersNeitherWrapRoundNorCrash) {
  constexpr int64_t kHuge = INT64_MAX;
  ExpectInfers({
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3})
           .Attr("pads", Ints({kHuge, 0, kHuge, 0})),
       "Conv 'o0': the output's extent on spatial axis 0 doesn't fit 63 bits"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("group", kHuge),
       "Conv 'o0': the weight reads 3 x group 9223372036854775807 channels but "
       "the input has 3"},
      {Conv({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("dilations", Ints({kHuge, 1})),
       "Conv 'o0': the output's extent on spatial axis 0 doesn't fit 63 bits"},
  });
  OneNode large = Conv({kHuge / 8, 1, 8, 8}, {1, 1, 3, 3});
  EXPECT_THAT(
      large.Count(),
      StatusIs(absl::StatusCode::kOutOfRange,
               "Conv 'o0': the number of multiply-accumulates doesn't fit 63 "
               "bits; reduce the input's extents"));
}

TEST(ConvTranspose, ShapesInvertThoseOfConv) {
  ExpectInfers({
      {ConvTranspose({1, 1, 3, 3}, {1, 2, 3, 3}), "float32 1x2x5x5"},
      {ConvTranspose({1, 1, 3, 3}, {1, 2, 3, 3}).Attr("strides", Ints({3, 2})),
       "float32 1x2x9x7"},
      {ConvTranspose({1, 1, 3, 3}, {1, 2, 3, 3})
           .Attr("strides", Ints({3, 2}))
           .Attr("output_padding", Ints({1, 1})),
       "float32 1x2x10x8"},
      {ConvTranspose({1, 1, 3, 3}, {1, 2, 3, 3})
           .Attr("strides", Ints({3, 2}))
           .Attr("pads", Ints({1, 2, 1, 2})),
       "float32 1x2x7x3"},
      {ConvTranspose({1, 1, 3, 3}, {1, 2, 3, 3})
           .Attr("strides", Ints({3, 2}))
           .Attr("output_shape", Ints({10, 8})),
       "float32 1x2x10x8"},
      {ConvTranspose({1, 1, 3, 3}, {1, 1, 2, 2})
           .Attr("dilations", Ints({2, 2})),
       "float32 1x1x5x5"},
      {ConvTranspose({1, 1, 3, 3}, {1, 2, 3, 3})
           .Attr("strides", Ints({2, 2}))
           .Attr("auto_pad", "SAME_UPPER"),
       "float32 1x2x6x6"},
      {ConvTranspose({1, 1, 3, 3}, {1, 2, 3, 3})
           .Attr("strides", Ints({2, 2}))
           .Attr("auto_pad", "VALID"),
       "float32 1x2x7x7"},
      {ConvTranspose({1, 4, 5}, {4, 3, 2}).Attr("group", 2), "float32 1x6x6"},
      {ConvTranspose({1, 1, 2, 3, 4}, {1, 1, 2, 2, 2}), "float32 1x1x3x4x5"},
      {ConvTranspose({1, 1, 0, 3}, {1, 1, 3, 3}), "float32 1x1x0x5"},
      {ConvTranspose({1, 1, Extent::Symbol("H"), 3}, {1, 1, 3, 3})
           .Attr("strides", Ints({2, 1})),
       "float32 1x1x2*H+1x5"},
  });
}

TEST(ConvTranspose, CountsOneMacPerInputAndKernelElement) {
  OneNode node = ConvTranspose({2, 4, 5, 6}, {4, 3, 2, 2})
                     .Constant({6})
                     .Attr("group", 2)
                     .Attr("strides", Ints({2, 2}));
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const Count macs = 2 * 4 * (6 / 2) * (2 * 2) * (5 * 6);
  const Count out = 2 * 6 * 10 * 12;
  EXPECT_EQ(counts.macs, macs);
  ASSERT_EQ(counts.accesses.size(), 4u);
  EXPECT_EQ(counts.accesses[0].reads, macs);
  EXPECT_EQ(counts.accesses[1].reads, macs);
  EXPECT_EQ(counts.accesses[2].reads, out);
  EXPECT_EQ(counts.accesses[3].writes, out);
  EXPECT_EQ(counts.accesses[0].operand_elements, 4 / 2);
  EXPECT_EQ(counts.accesses[1].operand_elements, (6 / 2 * 2 * 2) * (4 / 2));
  EXPECT_EQ(counts.accesses[2].operand_elements, 6 / 2);
  EXPECT_EQ(counts.accesses[3].operand_elements, 6 / 2 * 2 * 2);
}

TEST(ConvTranspose, ErrorsSayWhatContradictsWhat) {
  ExpectInfers({
      {ConvTranspose({1, 4, 5}, {3, 3, 2}),
       "ConvTranspose 'o0': the weight reads 3 channels but the input has 4"},
      {ConvTranspose({1, 4, 5}, {4, 3, 2}).Attr("group", 3),
       "ConvTranspose 'o0': group 3 does not divide the 4 input channels"},
      {ConvTranspose({1, 4, 5}, {4, 3, 2}).Constant({4}),
       "ConvTranspose 'o0': the bias is 4 but there are 3 output channels"},
      {ConvTranspose({1, 4, 2}, {4, 3, 2}).Attr("pads", Ints({2, 1})),
       "ConvTranspose 'o0': the pads of 3 leave nothing of the output's 3 on "
       "spatial axis 0"},
      {ConvTranspose({1, 4, 5}, {4, 3, 2})
           .Attr("output_shape", Ints({1, 3, 6})),
       "ConvTranspose 'o0': output_shape must have 1 value but has 3"},
      {ConvTranspose({1, 4, 5}, {4, 3, 2}).Attr("output_padding", Ints({-1})),
       "ConvTranspose 'o0': output_padding must be at least 0 but has -1"},
      {ConvTranspose({1, 4, 5}, {4, 3, 2}).Attr("kernel_shape", Ints({3})),
       "ConvTranspose 'o0': kernel_shape is 3 but the weight's kernel is 2"},
      {ConvTranspose({1, 4, 5}, {4, INT64_MAX, 2}).Attr("group", 2),
       "ConvTranspose 'o0': group 2 x 9223372036854775807 output channels "
       "don't fit 63 bits"},
  });
}

TEST(Convolutions, FormulaeAgreeWithTheirRules) {
  OneNode nodes[] = {
      Conv({2, 6, 8, 9}, {4, 3, 3, 5}).Constant({4}).Attr("group", 2),
      Conv({1, 3, 8}, {4, 3, 3}),
      Conv({1, 1, 4, 4}, {1, 1, 1, 1}).Constant({1}),
      Conv({1, 3, 8}, {4, 3, 3}).UnusedOutput(0),
      Conv({Extent::Symbol("N"), 3, 8}, {4, 3, 3}),
      ConvTranspose({2, 4, 5, 6}, {4, 3, 2, 2}).Constant({6}).Attr("group", 2),
      ConvTranspose({1, 4, 5}, {4, 3, 2}),
  };
  for (OneNode& node : nodes) ExpectFormulaAgrees(node);
}

}  // namespace
}  // namespace opcost
