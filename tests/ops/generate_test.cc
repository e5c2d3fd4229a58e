// SPDX-License-Identifier: Apache-2.0
// Shape, Size, Constant, ConstantOfShape, Range.
#include <gtest/gtest.h>

#include <memory>
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

TEST(Shape, GivesExtentsAndASliceOfThemSinceOpset15) {
  const auto shape = [](int64_t start, int64_t end) {
    return Op("Shape", 15, {2, kN, 4}).Attr("start", start).Attr("end", end);
  };
  ExpectInfers({{Op("Shape", 13, {2, 3, 4}), "int64 3"},
                {shape(1, 2), "int64 1"},
                {Op("Shape", 13, {}), "int64 0"},
                {OneNode("Shape", 13).InputOfUnknownRank(),
                 "Shape 'o0': the shape of 'i0' isn't known"}});
  ExpectFolds({
      {Op("Shape", 1, {2, kN, 4}), "int64 3: 2 N 4"},
      {Op("Shape", 13, {2, kN, 4}).Attr("start", 1), "int64 3: 2 N 4"},
      {Op("Shape", 15, {2, kN, 4}).Attr("start", -1), "int64 1: 4"},
      {Op("Shape", 15, {2, kN, 4}).Attr("end", -1), "int64 2: 2 N"},
      {shape(1, 2), "int64 1: N"},
      {shape(-9, 9), "int64 3: 2 N 4"},
      {shape(2, 1), "int64 0:"},
  });
}

TEST(Size, MultipliesTheExtents) {
  ExpectInfers({{Op("Size", 13, {2, 3, 4}), "int64 scalar"}});
  ExpectFolds(
      {{Op("Size", 13, {2, 3, 4}), "int64 scalar: 24"},
       {Op("Size", 1, {2, kN}), "int64 scalar: 2*N"},
       {Op("Size", 13, {}), "int64 scalar: 1"},
       {Op("Size", 13, {int64_t{1} << 40, int64_t{1} << 40}), "unknown"}});
}

TEST(ShapeAndSize, ReadShapesAlone) {
  OneNode shape = Op("Shape", 13, {2, 3});
  EXPECT_TRUE(shape.def()->reads_shapes_only);
  Tally tally;
  Array extents(tally, "o0", {2});
  for (int64_t i = 0; i < 2; ++i) extents.Write(i, Number(tally, 1));
  ExpectCounts(shape, tally, "Shape");
  OneNode size = Op("Size", 13, {2, 3});
  EXPECT_TRUE(size.def()->reads_shapes_only);
  Tally tally_of_size;
  Array elements(tally_of_size, "o0", {1});
  elements.Write(0, Number(tally_of_size, 1));
  ExpectCounts(size, tally_of_size, "Size");
}

OneNode Constant() { return OneNode("Constant", 13); }

TEST(Constant, HoldsOneOfItsAttributes) {
  ExpectInfers({
      {Constant().Attr("value_int", 7), "int64 scalar"},
      {Constant().Attr("value_ints", Numbers{1, 2}), "int64 2"},
      {Constant().Attr("value_float", 0.5), "float32 scalar"},
      {Constant().AttrFloats("value_floats", {1, 2, 3}), "float32 3"},
      {Constant().Attr("value_string", "a"), "string scalar"},
      {Constant(),
       "Constant 'o0': no attribute 'value' or 'value_...' holds its value"},
      {Constant().Attr("value_int", 7).Attr("value_float", 0.5),
       "Constant 'o0': attributes 'value_int' and 'value_float' are both "
       "given, "
       "but one must hold the constant"},
      {Constant().Attr("value", 7),
       "Constant 'o0': attribute 'value' must be a tensor"},
      {Constant().Attr("value_ints", "a"),
       "Constant 'o0': attribute 'value_ints' must be a list of integers"},
  });
  ExpectFolds({
      {Constant().Attr("value_int", 7), "int64 scalar: 7"},
      {Constant().Attr("value_ints", Numbers{1, 2}), "int64 2: 1 2"},
      {Constant().Attr("value_float", 0.5), "float32 scalar: 0.5"},
      {Constant().Attr("value_float", 2), "float32 scalar: 2"},
      {Constant().AttrFloats("value_floats", {1, 2}), "float32 2: 1 2"},
      {Constant().AttrFloats("value_floats", std::vector<double>(5000, 1)),
       "unknown"},
      {Constant().Attr("value_string", "a"), "unknown"},
  });
  ExpectView(Constant().Attr("value_int", 7));
}

TEST(ConstantOfShape, FillsAnyShape) {
  const auto filled = [](std::vector<SymValue> shape) {
    return OneNode("ConstantOfShape", 9)
        .ConstantValue(Symbols(std::move(shape)));
  };
  ExpectInfers({
      {filled({2, 3}), "float32 2x3"},
      {filled({kSymN, 3}), "float32 Nx3"},
      {filled({}), "float32 scalar"},
      {filled({2, -3}),
       "ConstantOfShape 'o0': element 1 of operand 0 is -3 but an extent can't "
       "be negative"},
      {Op("ConstantOfShape", 9, {2}),
       "ConstantOfShape 'o0': the elements of operand 0 aren't known before "
       "the "
       "model runs"},
  });
  ExpectFolds({{filled({1 << 20, 1 << 20}), "float32 1048576x1048576: all 0"},
               {filled({kSymN}), "unknown"}});
  OneNode node = filled({2, 3});
  Tally tally;
  Array y(tally, "o0", {2, 3});
  for (int64_t i = 0; i < 6; ++i) y.Write(i, Number(tally, 0));
  ExpectCounts(node, tally, "ConstantOfShape");
}

OneNode Range(SymValue start, SymValue limit, SymValue delta) {
  const auto scalar = [](SymValue element) {
    return TensorValue::Integers(DataType::kInt64, {}, {std::move(element)});
  };
  return OneNode("Range", 11)
      .ConstantValue(scalar(std::move(start)))
      .ConstantValue(scalar(std::move(limit)))
      .ConstantValue(scalar(std::move(delta)));
}

OneNode FloatRange(double start, double limit, double delta) {
  return OneNode("Range", 11)
      .ConstantScalarFloat(start)
      .ConstantScalarFloat(limit)
      .ConstantScalarFloat(delta);
}

TEST(Range, LengthIsRoundedUp) {
  ExpectInfers({
      {Range(3, 9, 3), "int64 2"},
      {Range(10, 4, -2), "int64 3"},
      {Range(3, 10, 3), "int64 3"},
      {Range(9, 3, 1), "int64 0"},
      {Range(0, kSymN, 1), "int64 N"},
      {Range(0, 2 * kSymN, 2), "int64 N"},
      {FloatRange(0, 1, 0.25), "float32 4"},
      {FloatRange(0, 1.1, 0.5), "float32 3"},
      {FloatRange(1, 0, 0.5), "float32 0"},
  });
}

TEST(Range, ErrorsNameTheOperand) {
  ExpectInfers({
      {Range(0, 5, 0), "Range 'o0': delta must not be 0"},
      {FloatRange(0, 5, 0), "Range 'o0': delta must not be 0"},
      {FloatRange(0, 1e30, 1), "Range 'o0': its length doesn't fit 63 bits"},
      {Range(0, 5, kSymN),
       "Range 'o0': the sign of delta N isn't known before its dimensions are"},
      {OneNode("Range", 11).ConstantScalar(0).ConstantScalar(5),
       "Range 'o0': operand 2 is missing"},
      {OneNode("Range", 11)
           .ConstantScalar(0)
           .Input({}, DataType::kInt64)
           .ConstantScalar(1),
       "Range 'o0': its length depends on operand 1, which isn't known before "
       "the model runs"},
      {OneNode("Range", 11)
           .ConstantScalar(0)
           .ConstantInts({1, 2})
           .ConstantScalar(1),
       "Range 'o0': operand 1 must be one number but has 2 elements"},
      {OneNode("Range", 11)
           .ConstantScalar(0)
           .ConstantScalarFloat(5)
           .ConstantScalar(1),
       "Range 'o0': start is int64, limit float32 and delta int64, but they "
       "must agree"},
  });
}

TEST(Range, FoldsToItsElements) {
  ExpectFolds({
      {Range(10, 4, -2), "int64 3: 10 8 6"},
      {Range(kSymN, kSymN + 2, 1), "int64 2: N N+1"},
      {FloatRange(0, 1, 0.5), "float32 2: 0 0.5"},
      {Range(0, 5000, 1), "unknown"},
  });
}

TEST(Range, MultipliesAndAddsPerElement) {
  OneNode node = Range(0, 5, 1);
  Tally tally;
  Array start(tally, "i0", {1}), delta(tally, "i2", {1}), y(tally, "o0", {5});
  const Number first = start.Read(0), step = delta.Read(0);  // immediates
  for (int64_t i = 0; i < 5; ++i) {
    y.Write(i, first + Number(tally, static_cast<double>(i)) * step);
  }
  ExpectCounts(node, tally, "Range");
}

}  // namespace
}  // namespace opcost
