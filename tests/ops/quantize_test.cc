// SPDX-License-Identifier: Apache-2.0
// QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear: types, counts
// against plain loops, values and errors.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 200;
constexpr int64_t kFloat16Number = 10;
constexpr int64_t kInt4Number = 22;

OneNode Quantize(Dims x, Dims scale, int opset = 21) {
  OneNode node("QuantizeLinear", opset);
  node.Input(std::move(x)).Constant(std::move(scale));
  return node;
}

OneNode Dequantize(Dims x, DataType type, Dims scale, int opset = 21) {
  OneNode node("DequantizeLinear", opset);
  node.Input(std::move(x), type).Constant(std::move(scale));
  return node;
}

TEST(Quantize, TheZeroPointOrOutputDtypeNamesTheType) {
  ExpectInfers({
      {Quantize({2, 3}, {}), "uint8 2x3"},
      {Quantize({2, 3}, {}, 10).Constant({}, DataType::kInt8), "int8 2x3"},
      {Quantize({2, 3}, {}, 19).Constant({}, DataType::kFloat8E4M3FN),
       "float8e4m3fn 2x3"},
      {Quantize({2, 3}, {}).Attr("output_dtype", kInt4Number), "int4 2x3"},
      {Quantize({2, 3}, {}, 25).Constant({}, DataType::kInt2), "int2 2x3"},
      {Quantize({Extent::Symbol("N"), 3}, {3}, 13), "uint8 Nx3"},
      {Quantize({2, 6}, {2, 3}).Attr("block_size", 2), "uint8 2x6"},
      {Quantize({5, 6}, {3, 6}).Attr("axis", 0).Attr("block_size", 2),
       "uint8 5x6"},
      {Quantize({4}, {4}), "uint8 4"},
      {Dequantize({2, 3}, DataType::kInt8, {}, 10), "float32 2x3"},
      {Dequantize({2, 3}, DataType::kUint4, {3}), "float32 2x3"},
      {Dequantize({2, 3}, DataType::kUint4, {})
           .Attr("output_dtype", kFloat16Number),
       "float16 2x3"},
      {Dequantize({2, 3}, DataType::kFloat8E5M2, {2}).Attr("axis", -2),
       "float32 2x3"},
  });
  OneNode half("DequantizeLinear", 19);
  half.Input({2}, DataType::kInt8).Constant({}, DataType::kBfloat16);
  EXPECT_EQ(half.InferText(), "bfloat16 2");
  OneNode dynamic("DynamicQuantizeLinear", 11);
  dynamic.Input({2, 3}).Outputs(3);
  EXPECT_EQ(dynamic.InferText(0), "uint8 2x3");
  EXPECT_EQ(dynamic.InferText(1), "float32 scalar");
  EXPECT_EQ(dynamic.InferText(2), "uint8 scalar");
}

TEST(Quantize, ErrorsSayWhatContradictsWhat) {
  ExpectInfers({
      {Quantize({2, 3}, {3}, 10),
       "QuantizeLinear 'o0': the scale is 3 but must be a scalar before opset "
       "13"},
      {Quantize({2, 3}, {2}),
       "QuantizeLinear 'o0': the number of scales is 2 but the axis they "
       "belong to is 3"},
      {Quantize({2, 3}, {2, 3}),
       "QuantizeLinear 'o0': the scale is 2x3 but must be a scalar or have one "
       "axis, unless block_size is given"},
      {Quantize({2, 3}, {3}).Attr("axis", 2),
       "QuantizeLinear 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Quantize({2, 6}, {2, 2}).Attr("block_size", 2),
       "QuantizeLinear 'o0': the scale is 2x2 but blocks of 2 on axis 1 make "
       "2x3"},
      {Quantize({2, 6}, {2, 2}).Attr("block_size", -2),
       "QuantizeLinear 'o0': block_size must not be negative but is -2"},
      {Quantize({2, 3}, {3}).Constant({2}, DataType::kInt8),
       "QuantizeLinear 'o0': the zero point is 2 but must be 3"},
      {Quantize({2, 3}, {}).Attr("output_dtype", 99),
       "QuantizeLinear 'o0': attribute 'output_dtype' is 99, which is no known "
       "element type"},
      {Quantize({2, 3}, {})
           .Constant({}, DataType::kInt8)
           .Attr("output_dtype", kInt4Number),
       "QuantizeLinear 'o0': output_dtype is int4 but the zero point is int8"},
  });
}

// What a scale or zero point of `parameters` elements is read at for `index`.
int64_t ParameterOf(const Index& index, const Index& x, const Index& scale,
                    int64_t axis, int64_t block) {
  if (scale.empty()) return 0;
  if (scale.size() == 1 && block == 0) return index[static_cast<size_t>(axis)];
  int64_t offset = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool is_blocked = static_cast<int64_t>(i) == axis;
    offset = offset * scale[i] + (is_blocked ? index[i] / block : index[i]);
  }
  return offset;
}

struct Scales {
  Index dims;
  int64_t axis = 0;
  int64_t block = 0;
};

Scales DrawScales(Draw& draw, const Index& x) {
  Scales s;
  s.axis = draw.Between(0, static_cast<int64_t>(x.size()) - 1);
  const auto at = static_cast<size_t>(s.axis);
  const int64_t kind = draw.Between(0, 2);
  if (kind == 1) s.dims = {x[at]};
  if (kind == 2) {
    s.block = draw.Between(1, 3);
    s.dims = x;
    s.dims[at] = (x[at] + s.block - 1) / s.block;
  }
  return s;
}

void CheckQuantization(Draw& draw) {
  const bool is_quantize = draw.Coin();
  const Index x_dims =
      draw.Several(static_cast<size_t>(draw.Between(1, 3)), 1, 4);
  const Scales scales = DrawScales(draw, x_dims);
  const bool has_zero_point = draw.Coin();
  const bool scale_is_constant = draw.Coin();
  Tally tally;
  Array x(tally, "i0", x_dims), scale(tally, "i1", scales.dims),
      zero_point(tally, "i2", scales.dims), y(tally, "o0", x_dims);
  ForEachIndex(x_dims, [&](const Index& at) {
    const int64_t p =
        ParameterOf(at, x_dims, scales.dims, scales.axis, scales.block);
    Number value = x.Read(at);
    if (is_quantize) {
      value = value * scale.Read(p);
      value = value + (has_zero_point ? zero_point.Read(p) : Number(tally, 0));
      value = Min(Max(value, Number(tally, 0)), Number(tally, 255));
    } else {
      if (has_zero_point) value = value - zero_point.Read(p);
      value = value * scale.Read(p);
    }
    y.Write(at, value);
  });
  OneNode node(is_quantize ? "QuantizeLinear" : "DequantizeLinear", 21);
  node.Input(ToDims(x_dims),
             is_quantize ? DataType::kFloat32 : DataType::kInt8);
  scale_is_constant ? node.Constant(ToDims(scales.dims))
                    : node.Input(ToDims(scales.dims));
  if (has_zero_point) node.Constant(ToDims(scales.dims), DataType::kInt8);
  node.Attr("axis", scales.axis).Attr("block_size", scales.block);
  // R2: a constant of one element is read once.
  for (int i = 1; i < 3; ++i) {
    if (node.IsImmediate(i)) tally.reads[absl::StrCat("i", i)] = 1;
  }
  ExpectCounts(node, tally, "quantization");
}

TEST(QuantizeReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(511);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckQuantization(draw);
  }
}

TEST(QuantizeReference, DynamicQuantizationCountsWhatItsTwoPassesDo) {
  Draw draw(512);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Index dims =
        draw.Several(static_cast<size_t>(draw.Between(0, 3)), 1, 5);
    Tally tally;
    Array x(tally, "i0", dims), y(tally, "o0", dims);
    Array scale(tally, "o1", {}), zero(tally, "o2", {});
    Number least(tally, 0), greatest(tally, 0);
    for (int64_t e = 0; e < x.size(); ++e) {
      const Number value = x.Read(e);
      least = Min(least, value);
      greatest = Max(greatest, value);
    }
    // Section 4: 2 div and 8 adds make scale and zero point of the range.
    tally.operations["div"] += 2;
    tally.operations["add"] += 8;
    scale.Write(int64_t{0}, greatest);
    zero.Write(int64_t{0}, least);
    for (int64_t e = 0; e < x.size(); ++e) {
      const Number value = x.Read(e) * greatest + least;
      y.Write(e, Max(Min(value, Number(tally, 255)), Number(tally, 0)));
    }
    OneNode node("DynamicQuantizeLinear", 11);
    node.Input(ToDims(dims)).Outputs(3);
    ExpectCounts(node, tally, "dynamic quantization");
  }
}

TEST(Quantize, UnusedScaleAndZeroPointAreNotWritten) {
  OneNode node("DynamicQuantizeLinear", 11);
  node.Input({4}).Outputs(3).UnusedOutput(1).UnusedOutput(2);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.accesses.size(), 2u);
  EXPECT_EQ(counts.accesses[1].writes, 4);
  ExpectFormulaAgrees(node);
}

TEST(Quantize, ADifferenceIsAnInt32AddAndAZeroPointOfZeroIsNone) {
  OneNode node = Dequantize({2, 3}, DataType::kUint8, {});
  node.ConstantValue(TensorValue::Integers(DataType::kUint8, {}, {128}));
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.arith.size(), 2u);
  EXPECT_EQ(counts.arith[0].operands, OperandSet::Output(0));
  EXPECT_EQ(counts.arith[1].op, ArithOp::kAdd);
  EXPECT_EQ(counts.arith[1].operands, OperandSet::Fixed(DataType::kInt32));
  EXPECT_EQ(counts.arith[1].count, 2 * 3);
  OneNode zero = Dequantize({2, 3}, DataType::kUint8, {3});
  zero.ConstantValue(TensorValue::Integers(DataType::kUint8, {3}, {0, 0, 0}));
  ASSERT_OK_AND_ASSIGN(const OpCounts without, zero.Count());
  EXPECT_EQ(without.arith.size(), 1u);
  EXPECT_EQ(without.accesses.size(), 3u);
  ExpectFormulaAgrees(zero);
  OneNode uniform = Dequantize({2, 3}, DataType::kUint8, {3});
  uniform.ConstantValue(
      TensorValue::UniformInteger(DataType::kUint8, {3}, SymValue(0)));
  ASSERT_OK_AND_ASSIGN(const OpCounts none, uniform.Count());
  EXPECT_EQ(none.arith.size(), 1u);
}

OneNode OfIntegers(std::vector<SymValue> x, double scale) {
  OneNode node("DequantizeLinear", 13);
  const IntDims dims = {static_cast<int64_t>(x.size())};
  node.ConstantValue(TensorValue::Integers(DataType::kInt8, dims, std::move(x)))
      .ConstantScalarFloat(scale);
  return node;
}

OneNode OfFloats(std::vector<double> x, double scale) {
  OneNode node("QuantizeLinear", 13);
  node.ConstantFloats(std::move(x)).ConstantScalarFloat(scale);
  return node;
}

TEST(Quantize, FoldsValuesOfOneScale) {
  const TensorValue zero_point =
      TensorValue::Integers(DataType::kInt8, {}, {SymValue(-1)});
  ExpectFolds({
      {OfIntegers({3, -4}, 0.5), "float32 2: 1.5 -2"},
      {OfIntegers({3, -4}, 0.5).ConstantValue(zero_point), "float32 2: 2 -1.5"},
      // Halves go to the even neighbour; what is beyond the type saturates.
      {OfFloats({0.25, 0.75, 1.25, -3, 900}, 0.5), "uint8 5: 0 2 2 0 255"},
      {OfFloats({0.25, 0.75, -3, 900}, 0.5).ConstantValue(zero_point),
       "int8 4: -1 1 -7 127"},
      {OfFloats({0, 2}, 0.0), "unknown"},
  });
  OneNode per_axis("DequantizeLinear", 13);
  per_axis.ConstantValue(TensorValue::Integers(DataType::kInt8, {2}, {3, -4}))
      .ConstantFloats({0.5, 2});
  EXPECT_EQ(FoldText(per_axis), "unknown");
}

}  // namespace
}  // namespace opcost
