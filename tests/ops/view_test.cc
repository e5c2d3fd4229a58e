// SPDX-License-Identifier: Apache-2.0
// Identity, Dropout, Reshape, Flatten, Squeeze, Unsqueeze.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");

OneNode Op(const char* name, int opset, Dims dims) {
  OneNode node(name, opset);
  node.Input(std::move(dims));
  return node;
}

OneNode Reshape(Dims dims, std::vector<int64_t> shape) {
  return Op("Reshape", 13, std::move(dims)).ConstantInts(std::move(shape));
}

TensorValue True() {
  return TensorValue::Integers(DataType::kBool, {}, {SymValue(1)});
}
TensorValue False() {
  return TensorValue::Integers(DataType::kBool, {}, {SymValue(0)});
}

TEST(Identity, GivesItsOperandWhateverItIs) {
  ExpectInfers({
      {Op("Identity", 1, {2, kN}), "float32 2xN"},
      {OneNode("Identity", 14).InputOfUnknownRank(), "float32 ?"},
      {OneNode("Identity", 14), "Identity 'o0': operand 0 is missing"},
  });
  ExpectView(Op("Identity", 13, {2, 3}));
  ExpectFolds({{OneNode("Identity", 13).ConstantValue(Symbols({kSymN, 2})),
                "int64 2: N 2"},
               {Op("Identity", 13, {2}), "unknown"}});
}

TEST(Reshape, ShapeIsAnAttributeBeforeOpset5) {
  ExpectInfers({
      {Op("Reshape", 1, {2, 6}).Attr("shape", Numbers{3, 4}), "float32 3x4"},
      {Op("Reshape", 1, {2, 6}), "Reshape 'o0': attribute 'shape' is missing"},
      {Op("Reshape", 5, {2, 6}), "Reshape 'o0': operand 1 is missing"},
  });
}

TEST(Reshape, CopiesZerosAndInfersMinusOne) {
  ExpectInfers({
      {Reshape({2, 3, 4}, {0, -1}), "float32 2x12"},
      {Reshape({2, 3, 4}, {4, 0, -1}), "float32 4x3x2"},
      {Reshape({2, 3, 4}, {24}), "float32 24"},
      {Reshape({1, 1}, {}), "float32 scalar"},
      {Reshape({}, {-1}), "float32 1"},
      {Reshape({0, 3}, {3, 0}).Attr("allowzero", 1),  // before 14: copies
       "Reshape 'o0': the input 0x3 has 0 elements but the shape 3x3 has 9"},
      {Op("Reshape", 14, {0, 3}).ConstantInts({3, 0}).Attr("allowzero", 1),
       "float32 3x0"},
  });
}

TEST(Reshape, FollowsSymbols) {
  ExpectInfers({
      {Reshape({kN, 3, 4}, {0, -1}), "float32 Nx12"},
      {Reshape({kN, 3, 4}, {-1, 4}), "float32 3*Nx4"},
      {Op("Reshape", 13, {kN, 3, 4}).ConstantValue(Symbols({kSymN, -1})),
       "float32 Nx12"},
      {Op("Reshape", 13, {kN, 3, 4}).ConstantValue(Symbols({kSymN * 3, 4})),
       "float32 3*Nx4"},
      {OneNode("Reshape", 13).InputOfUnknownRank().ConstantInts({2, 3}),
       "float32 2x3"},
      {OneNode("Reshape", 13).InputOfUnknownRank().ConstantInts({2, -1}),
       "Reshape 'o0': the shape of 'i0' isn't known"},
      {OneNode("Reshape", 13).InputOfUnknownRank().ConstantInts({2, 0}),
       "Reshape 'o0': the shape of 'i0' isn't known"},
      {Op("Reshape", 13, {6}).Input({2}, DataType::kInt64),
       "Reshape 'o0': the elements of operand 1 aren't known before the model "
       "runs"},
  });
}

TEST(Reshape, ErrorsNameBothNumbers) {
  ExpectInfers({
      {Reshape({2, 12}, {5, 5}),
       "Reshape 'o0': the input 2x12 has 24 elements but the shape 5x5 has 25"},
      {Reshape({2, 12}, {5, -1}),
       "Reshape 'o0': the input has 24 elements, which 5 (the shape without "
       "its "
       "-1) doesn't divide"},
      {Reshape({2, 12}, {-1, 2, -1}),
       "Reshape 'o0': the shape has -1 at 0 and at 2, but only one extent can "
       "be "
       "inferred"},
      {Reshape({2, 12}, {-2, 2}),
       "Reshape 'o0': element 0 of the shape is -2 but an extent can't be "
       "negative"},
      {Reshape({2, 12}, {2, 12, 0}),
       "Reshape 'o0': element 2 of the shape is 0, which copies an extent, but "
       "the input has 2 axes"},
      {Reshape({0, 12}, {0, -1}),
       "Reshape 'o0': -1 can't be inferred beside an extent of 0"},
      {Op("Reshape", 14, {0, 3}).ConstantInts({-1, 0}).Attr("allowzero", 1),
       "Reshape 'o0': with allowzero the shape can't have both 0 and -1"},
      {Op("Reshape", 13, {6}).ConstantFloats({6}),
       "Reshape 'o0': operand 1 must hold integers but is float32"},
  });
}

TEST(Flatten, AxisMayBeNegativeSinceOpset11) {
  ExpectInfers({
      {Op("Flatten", 1, {2, 3, 4}), "float32 2x12"},
      {Op("Flatten", 13, {2, 3, 4}).Attr("axis", 0), "float32 1x24"},
      {Op("Flatten", 13, {2, 3, 4}).Attr("axis", 3), "float32 24x1"},
      {Op("Flatten", 11, {2, 3, 4}).Attr("axis", -1), "float32 6x4"},
      {Op("Flatten", 13, {}).Attr("axis", 0), "float32 1x1"},
      {Op("Flatten", 13, {kN, 3, 4}), "float32 Nx12"},
      {Op("Flatten", 9, {2, 3, 4}).Attr("axis", -1),
       "Flatten 'o0': axis -1 is outside 0 to 3 for an input of 3 axes"},
      {Op("Flatten", 13, {2, 3}).Attr("axis", 3),
       "Flatten 'o0': axis 3 is outside -2 to 2 for an input of 2 axes"},
  });
}

TEST(Squeeze, AxesAreAnAttributeBeforeOpset13) {
  ExpectInfers({
      {Op("Squeeze", 11, {1, 3, 1}).Attr("axes", Numbers{0}), "float32 3x1"},
      {Op("Squeeze", 13, {1, 3, 1}).ConstantInts({-1}), "float32 1x3"},
      {Op("Squeeze", 13, {1, 3, 1}), "float32 3"},
      {Op("Squeeze", 1, {1, 1}), "float32 scalar"},
      {Op("Squeeze", 13, {1, 3}).ConstantInts({}), "float32 1x3"},
      {Op("Squeeze", 13, {kN, 3}).ConstantInts({0}), "float32 3"},
  });
}

TEST(Squeeze, ErrorsNameAxisAndExtent) {
  ExpectInfers({
      {Op("Squeeze", 13, {1, 3, 1}).ConstantInts({1}),
       "Squeeze 'o0': axis 1 has extent 3 but only an extent of 1 can be "
       "squeezed"},
      {Op("Squeeze", 13, {1, 3}).ConstantInts({2}),
       "Squeeze 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Op("Squeeze", 13, {kN, 1}),
       "Squeeze 'o0': whether axis 0 (N) is 1 and goes away isn't known; give "
       "the axes"},
  });
}

TEST(Unsqueeze, AxesCountInTheOutput) {
  ExpectInfers({
      {Op("Unsqueeze", 1, {3, 4}).Attr("axes", Numbers{0, 3}),
       "float32 1x3x4x1"},
      {Op("Unsqueeze", 11, {3, 4}).Attr("axes", Numbers{-1}), "float32 3x4x1"},
      {Op("Unsqueeze", 13, {3, 4}).ConstantInts({3, 1}), "float32 3x1x4x1"},
      {Op("Unsqueeze", 13, {}).ConstantInts({0}), "float32 1"},
      {Op("Unsqueeze", 13, {3, 4}), "Unsqueeze 'o0': the axes are missing"},
      {Op("Unsqueeze", 13, {3, 4}).ConstantInts({0, -4}),
       "Unsqueeze 'o0': axis -4 is given twice"},
      {Op("Unsqueeze", 13, {3, 4}).ConstantInts({3}),
       "Unsqueeze 'o0': axis 3 is outside the 3 axes of the tensor"},
  });
}

TEST(Views, MoveNothing) {
  ExpectView(Reshape({2, 6}, {3, 4}));
  ExpectView(Op("Flatten", 13, {2, 3, 4}));
  ExpectView(Op("Squeeze", 13, {1, 3}));
  ExpectView(Op("Unsqueeze", 13, {3}).ConstantInts({0}));
}

TEST(Views, FoldTheSameElementsUnderTheNewShape) {
  const TensorValue four = Symbols({kSymN, 1, 2, 3});
  const TensorValue big =
      TensorValue::UniformFloat(DataType::kFloat32, {1 << 20, 1}, 0.5);
  ExpectFolds({
      {OneNode("Reshape", 13).ConstantValue(four).ConstantInts({2, 2}),
       "int64 2x2: N 1 2 3"},
      {OneNode("Flatten", 13).ConstantValue(four).Attr("axis", 0),
       "int64 1x4: N 1 2 3"},
      {OneNode("Unsqueeze", 13).ConstantValue(four).ConstantInts({1}),
       "int64 4x1: N 1 2 3"},
      {OneNode("Squeeze", 13).ConstantValue(big), "float32 1048576: all 0.5"},
      {OneNode("Reshape", 13).ConstantValue(big).ConstantInts({1024, -1}),
       "float32 1024x1024: all 0.5"},
      {OneNode("Reshape", 13).Constant({4}).ConstantInts({2, 2}), "unknown"},
  });
}

TEST(Dropout, MaskIsBoolSinceOpset10) {
  ExpectInfers({
      {Op("Dropout", 7, {2, 3}).Outputs(2), "float32 2x3", 1},
      {Op("Dropout", 10, {2, 3}).Outputs(2), "bool 2x3", 1},
      {Op("Dropout", 13, {2, 3}).Outputs(2), "float32 2x3"},
  });
}

TEST(Dropout, IsAViewOutsideTraining) {
  ExpectView(Op("Dropout", 1, {2, 3}).Attr("is_test", 1));
  ExpectView(Op("Dropout", 6, {2, 3}).Attr("ratio", 0.0));
  ExpectView(Op("Dropout", 7, {2, 3}).Attr("ratio", 0.5));
  ExpectView(Op("Dropout", 10, {2, 3}));
  ExpectView(Op("Dropout", 13, {2, 3}).ConstantScalarFloat(0.5));
  ExpectView(Op("Dropout", 13, {2, 3})
                 .ConstantScalarFloat(0.5)
                 .ConstantValue(False()));
  ExpectView(
      Op("Dropout", 13, {2, 3}).ConstantScalarFloat(0).ConstantValue(True()));
  ExpectView(Op("Dropout", 13, {2, 3}).Outputs(2).UnusedOutput(1));
}

TEST(Dropout, FillsAMaskThatIsUsed) {
  OneNode node = Op("Dropout", 13, {2, 3}).Outputs(2);
  Tally tally;
  Array mask(tally, "o1", {2, 3});
  for (int64_t i = 0; i < 6; ++i) mask.Write(i, Number(tally, 1));
  ExpectCounts(node, tally, "inference with a mask");
}

// The loop of a training Dropout: the scale once, then a comparison and two
// products per element.
Tally Training(int64_t size, bool has_ratio, bool constant, bool mask_used) {
  Tally tally;
  Array x(tally, "i0", {size}), ratio(tally, "i1", {1}), y(tally, "o0", {size}),
      mask(tally, "o1", {size});
  const bool reads = has_ratio && !constant;
  const Number known(tally, 0.5);
  if (has_ratio && constant) ratio.Read(0);  // an immediate (R2)
  Number scale(tally, 2);
  if (reads) scale = Number(tally, 1) / (Number(tally, 1) - ratio.Read(0));
  for (int64_t i = 0; i < size; ++i) {
    const Number kept = Less(reads ? ratio.Read(0) : known, Number(tally, 0.7));
    y.Write(i, x.Read(i) * kept * scale);
    if (mask_used) mask.Write(i, kept);
  }
  return tally;
}

TEST(Dropout, InTrainingComparesAndScales) {
  OneNode old = Op("Dropout", 6, {2, 3}).Outputs(2);
  ExpectCounts(old, Training(6, false, true, true), "opset 6");
  OneNode constant =
      Op("Dropout", 13, {2, 3}).ConstantScalarFloat(0.5).ConstantValue(True());
  ExpectCounts(constant, Training(6, true, true, false), "constant ratio");
  OneNode computed =
      Op("Dropout", 13, {2, 3}).Input({}).ConstantValue(True()).Outputs(2);
  ExpectCounts(computed, Training(6, true, false, true), "computed ratio");
  OneNode without =
      Op("Dropout", 13, {2, 3}).Absent().ConstantValue(True()).Outputs(2);
  ExpectCounts(without, Training(6, false, true, true), "no ratio");
}

TEST(Dropout, SaysWhatItDoesntKnow) {
  OneNode unknown =
      Op("Dropout", 13, {2, 3}).Absent().Input({}, DataType::kBool);
  const absl::StatusOr<OpCounts> counts = unknown.Count();
  EXPECT_TRUE(IsUndetermined(counts.status()));
  EXPECT_EQ(counts.status().message(),
            "Dropout 'o0': the elements of 'i2' aren't known before the model "
            "runs");
  OneNode two = Op("Dropout", 13, {2, 3}).Absent().ConstantInts({1, 1});
  EXPECT_THAT(two.Count(), FailsWith("Dropout 'o0': operand 2 (training_mode) "
                                     "must be one element but has 2"));
}

TEST(Dropout, FoldsInInferenceAlone) {
  const TensorValue two = Symbols({kSymN, 2});
  ExpectFolds({
      {OneNode("Dropout", 7).ConstantValue(two), "int64 2: N 2"},
      {OneNode("Dropout", 6).ConstantValue(two), "unknown"},
  });
}

}  // namespace
}  // namespace opcost
