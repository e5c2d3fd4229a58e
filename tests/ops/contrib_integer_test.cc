// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's products of integers, QuantizeLinear and DequantizeLinear.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 200;
constexpr char kDomain[] = "com.microsoft";

OneNode Ms(const char* op) { return OneNode(op, 1, kDomain); }

// Multiplies by the ratio of the scales, adds the zero point, saturates.
Number Requantize(Tally& t, const Number& x) {
  const Number scaled = x * Number(t, 0.5) + Number(t, 3);
  return Min(Max(scaled, Number(t, 0)), Number(t, 255));
}

// Each element once.
void ReadAll(Array& array) {
  for (int64_t i = 0; i < array.size(); ++i) array.Read(i);
}

TEST(MatMulIntegerToFloat, CountsWhatPlainLoopsDo) {
  Draw draw(7201);
  for (int c = 0; c < kConfigurations && !::testing::Test::HasFailure(); ++c) {
    const int64_t m = draw.Between(1, 4), k = draw.Between(2, 4);
    const int64_t n = draw.Between(2, 4);
    const bool per_column = draw.Coin();
    const bool has_zeros = draw.Coin(), has_bias = draw.Coin();
    Tally tally;
    Array a(tally, "i0", {2, m, k}), b(tally, "i1", {k, n});
    Array a_scale(tally, "i2", {1}), b_scale(tally, "i3", {per_column ? n : 1});
    Array a_zero(tally, "i4", {1}), b_zero(tally, "i5", {per_column ? n : 1});
    Array bias(tally, "i6", {n}), y(tally, "o0", {2, m, n});
    a_scale.Read(0);
    if (!per_column) b_scale.Read(0);
    if (has_zeros) ReadAll(a_zero);
    if (has_zeros) ReadAll(b_zero);
    ForEachIndex({2, m, n}, [&](const Index& at) {
      Number sum(tally, 0);
      for (int64_t i = 0; i < k; ++i) {
        sum = sum + a.Read({at[0], at[1], i}) * b.Read({i, at[2]});
      }
      if (per_column) b_scale.Read({at[2]});
      sum = sum * Number(tally, 0.5);
      if (has_bias) sum = sum + bias.Read({at[2]});
      y.Write(at, sum);
    });
    OneNode node = Ms("MatMulIntegerToFloat");
    node.Input({2, m, k}, DataType::kUint8).Constant({k, n}, DataType::kInt8);
    node.Input({}).Constant(b_scale.dims().size() == 1 && per_column ? Dims{n}
                                                                     : Dims{});
    if (has_zeros) {
      node.Input({}, DataType::kUint8)
          .Constant(per_column ? Dims{n} : Dims{}, DataType::kInt8);
    } else {
      node.Absent().Absent();
    }
    if (has_bias) node.Constant({n});
    EXPECT_EQ(node.InferText(), absl::StrCat("float32 2x", m, "x", n));
    ExpectCounts(node, tally, "MatMulIntegerToFloat");
  }
}

TEST(DynamicQuantizeMatMul, CountsWhatPlainLoopsDo) {
  Draw draw(7202);
  for (int c = 0; c < kConfigurations && !::testing::Test::HasFailure(); ++c) {
    const int64_t m = draw.Between(1, 4), k = draw.Between(2, 4);
    const int64_t n = draw.Between(2, 4);
    const bool has_zero = draw.Coin(), has_bias = draw.Coin();
    Tally t;
    Array a(t, "i0", {m, k}), b(t, "i1", {k, n}), b_scale(t, "i2", {n});
    Array b_zero(t, "i3", {n}), bias(t, "i4", {n}), y(t, "o0", {m, n});
    Array quantized(t, "quantized A", {m, k});
    // As the cost model states DynamicQuantizeLinear: 2 * in for the range, 2
    // divisions and 8 adds for scale and zero point, 1 mul and 3 adds each.
    Number least(t, 0), most(t, 0);
    for (int64_t i = 0; i < a.size(); ++i) {
      least = Min(least, a.Read(i));
      most = Max(most, a.Read(i));
      --t.reads["i0"];  // the element is still in its register
    }
    Number scale = (most - least) / Number(t, 255);
    Number zero = least / scale;
    for (int i = 0; i < 7; ++i) zero = zero + Number(t, 1);
    for (int64_t i = 0; i < a.size(); ++i) {
      quantized.Write(i, Requantize(t, a.Read(i)));
    }
    if (has_zero) ReadAll(b_zero);
    ForEachIndex({m, n}, [&](const Index& at) {
      Number sum(t, 0);
      for (int64_t i = 0; i < k; ++i) {
        sum = sum + quantized.Read({at[0], i}) * b.Read({i, at[1]});
      }
      b_scale.Read({at[1]});
      sum = sum * Number(t, 0.5);
      if (has_bias) sum = sum + bias.Read({at[1]});
      y.Write(at, sum);
    });
    OneNode node = Ms("DynamicQuantizeMatMul");
    node.Input({m, k}).Constant({k, n}, DataType::kInt8).Constant({n});
    if (has_zero) {
      node.Constant({n}, DataType::kInt8);
    } else {
      node.Absent();
    }
    if (has_bias) node.Constant({n});
    EXPECT_EQ(node.InferText(), absl::StrCat("float32 ", m, "x", n));
    ExpectCounts(node, t, "DynamicQuantizeMatMul");
  }
}

TEST(DynamicQuantizeMatMul, MultipliesIntegers) {
  OneNode node = Ms("DynamicQuantizeMatMul");
  node.Input({2, 3}).Constant({3, 4}, DataType::kInt8).Constant({});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  int products = 0;
  for (const Arith& arith : counts.arith) {
    if (arith.role != ArithRole::kProduct) continue;
    ++products;
    EXPECT_EQ(arith.operands.inputs, 2u);
    EXPECT_EQ(arith.operands.fixed, DataType::kUint8);
    EXPECT_EQ(arith.count, 2 * 3 * 4);
  }
  EXPECT_EQ(products, 1);
}

TEST(QGemm, CountsWhatPlainLoopsDo) {
  Draw draw(7203);
  for (int c = 0; c < kConfigurations && !::testing::Test::HasFailure(); ++c) {
    const int64_t m = draw.Between(1, 4), k = draw.Between(2, 4);
    const int64_t n = draw.Between(2, 4);
    const bool trans_a = draw.Coin(), trans_b = draw.Coin();
    const bool per_column = draw.Coin();
    const bool has_c = draw.Coin(), is_quantized = draw.Coin();
    const Index a_dims = trans_a ? Index{k, m} : Index{m, k};
    const Index b_dims = trans_b ? Index{n, k} : Index{k, n};
    Tally t;
    Array a(t, "i0", a_dims), b(t, "i3", b_dims), bias(t, "i6", {n});
    Array b_scale(t, "i4", {per_column ? n : 1});
    Array y(t, "o0", {m, n});
    for (const char* scalar : {"i1", "i2", "i7", "i8"}) {
      if (!is_quantized && scalar[1] >= '7') continue;
      Array(t, scalar, {1}).Read(0);
    }
    Array b_zero(t, "i5", {per_column ? n : 1});
    ReadAll(b_zero);
    if (!per_column) b_scale.Read(0);
    ForEachIndex({m, n}, [&](const Index& at) {
      Number sum = has_c ? bias.Read({at[1]}) : Number(t, 0);
      for (int64_t i = 0; i < k; ++i) {
        sum = sum + a.Read(trans_a ? Index{i, at[0]} : Index{at[0], i}) *
                        b.Read(trans_b ? Index{at[1], i} : Index{i, at[1]});
      }
      if (per_column) b_scale.Read({at[1]});
      y.Write(at, is_quantized ? Requantize(t, sum) : sum * Number(t, 0.5));
    });
    OneNode node = Ms("QGemm");
    const Dims columns = per_column ? Dims{n} : Dims{};
    node.Input(ToDims(a_dims), DataType::kUint8)
        .Constant({})
        .Constant({}, DataType::kUint8)
        .Constant(ToDims(b_dims), DataType::kInt8)
        .Constant(columns)
        .Constant(columns, DataType::kInt8);
    if (has_c) {
      node.Constant({n}, DataType::kInt32);
    } else {
      node.Absent();
    }
    if (is_quantized) node.Constant({}).Constant({}, DataType::kInt8);
    node.Attr("transA", trans_a ? 1 : 0).Attr("transB", trans_b ? 1 : 0);
    node.Attr("alpha", 0.5);
    EXPECT_EQ(node.InferText(),
              absl::StrCat(is_quantized ? "int8 " : "float32 ", m, "x", n));
    ExpectCounts(node, t, "QGemm");
  }
}

TEST(MatMulInteger16, AccumulatesIn32Bits) {
  const auto product = [](DataType a, DataType b) {
    return Ms("MatMulInteger16").Input({2, 3}, a).Input({3, 4}, b);
  };
  ExpectInfers({
      {product(DataType::kInt16, DataType::kInt16), "int32 2x4"},
      {product(DataType::kUint16, DataType::kInt16), "int32 2x4"},
      {product(DataType::kUint16, DataType::kUint16), "uint32 2x4"},
  });
  OneNode node = product(DataType::kInt16, DataType::kInt16);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, 2 * 3 * 4);
  ExpectFormulaAgrees(node);
}

TEST(MulInteger, AddsOncePerZeroPoint) {
  for (const int zeros : {0, 1, 2}) {
    Tally t;
    Array a(t, "i0", {2, 3}), b(t, "i2", {3}), y(t, "o0", {2, 3});
    if (zeros > 0) Array(t, "i1", {1}).Read(0);
    if (zeros > 1) Array(t, "i3", {1}).Read(0);
    ForEachIndex({2, 3}, [&](const Index& at) {
      Number left = a.Read(at), right = b.Read({at[1]});
      if (zeros > 0) left = left - Number(t, 1);
      if (zeros > 1) right = right - Number(t, 1);
      y.Write(at, left * right);
    });
    OneNode node = Ms("MulInteger");
    node.Input({2, 3}, DataType::kUint8);
    zeros > 0 ? node.Constant({}, DataType::kUint8) : node.Absent();
    node.Input({3}, DataType::kInt8);
    if (zeros > 1) node.Constant({}, DataType::kInt8);
    EXPECT_EQ(node.InferText(), "int32 2x3");
    ExpectCounts(node, t, absl::StrCat(zeros, " zero points"));
  }
}

TEST(ContribQuantizeLinear, CountsWhatPlainLoopsDo) {
  Draw draw(7204);
  for (int c = 0; c < kConfigurations && !::testing::Test::HasFailure(); ++c) {
    const Index dims = draw.Several(3, 2, 4);
    const auto axis = draw.Between(0, 2);
    const int64_t channels = dims[static_cast<size_t>(axis)];
    const bool per_axis = draw.Coin(), dequantizes = draw.Coin();
    const int zero_kind = static_cast<int>(draw.Between(0, 2));  // 2: known 0
    const bool has_zero = !dequantizes || zero_kind > 0;
    const bool is_zero = dequantizes && zero_kind == 2 && !per_axis;
    Tally t;
    Array x(t, "i0", dims), y(t, "o0", dims);
    Array scale(t, "i1", {per_axis ? channels : 1});
    Array zero(t, "i2", {per_axis ? channels : 1});
    if (!per_axis) scale.Read(0);
    if (!per_axis && has_zero) zero.Read(0);
    ForEachIndex(dims, [&](const Index& at) {
      Number value = x.Read(at);
      const Index place = {at[static_cast<size_t>(axis)]};
      if (per_axis) scale.Read(place);
      if (per_axis && has_zero) zero.Read(place);
      if (!dequantizes) {
        y.Write(at, Requantize(t, value));
        return;
      }
      if (has_zero && !is_zero) value = value - Number(t, 3);
      y.Write(at, value * Number(t, 0.5));
    });
    OneNode node = Ms(dequantizes ? "DequantizeLinear" : "QuantizeLinear");
    node.Input(ToDims(dims),
               dequantizes ? DataType::kInt8 : DataType::kFloat32);
    node.Constant(per_axis ? Dims{channels} : Dims{});
    if (is_zero) {
      node.ConstantValue(TensorValue::UniformInteger(DataType::kInt8, {}, 0));
    } else if (has_zero) {
      node.Constant(per_axis ? Dims{channels} : Dims{}, DataType::kInt8);
    }
    if (per_axis) node.Attr("axis", axis);
    EXPECT_EQ(node.InferText().substr(0, 5), dequantizes ? "float" : "int8 ");
    ExpectCounts(node, t, "quantisation");
  }
}

TEST(ContribQuantizeLinear, RefusesScalesThatFitNoAxis) {
  ExpectInfers({
      {Ms("QuantizeLinear").Input({2, 3}).Constant({3}),
       "QuantizeLinear 'o0': the scale must be a scalar but is 3"},
      {Ms("QuantizeLinear").Input({2, 3}).Constant({2}).Attr("axis", 1),
       "QuantizeLinear 'o0': there are 2 scales but axis 1 has 3 elements"},
      {Ms("QGemm").Input({2, 3}).Constant({}).Constant({}).Constant({4, 5}),
       "QGemm 'o0': A has 3 columns but B has 4 rows"},
      {Ms("QGemm").Input({2}).Constant({}).Constant({}).Constant({4, 5}),
       "QGemm 'o0': A 2 and B 4x5 must have 2 axes each"},
  });
}

}  // namespace
}  // namespace opcost
