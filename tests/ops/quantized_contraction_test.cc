// SPDX-License-Identifier: Apache-2.0
// ConvInteger, MatMulInteger, QLinearConv, QLinearMatMul: types, counts against
// plain loops, and errors.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>

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

// Operands of the QLinear operators from y_scale on.
void AddOutputParameters(OneNode& node) {
  node.Constant({}).Constant({}, DataType::kUint8);
}

OneNode QLinearConv(Dims x, Dims w, Dims w_scale) {
  OneNode node("QLinearConv", 10);
  node.Input(std::move(x), DataType::kUint8)
      .Constant({})
      .Constant({}, DataType::kUint8)
      .Constant(std::move(w), DataType::kInt8)
      .Constant(w_scale)
      .Constant(w_scale, DataType::kInt8);
  AddOutputParameters(node);
  return node;
}

OneNode ConvInteger(Dims x, Dims w) {
  OneNode node("ConvInteger", 10);
  node.Input(std::move(x), DataType::kUint8)
      .Constant(std::move(w), DataType::kUint8);
  return node;
}

OneNode MatMulInteger(Dims a, Dims b) {
  OneNode node("MatMulInteger", 10);
  node.Input(std::move(a), DataType::kUint8)
      .Constant(std::move(b), DataType::kInt8);
  return node;
}

TEST(QuantizedContraction, TypesAndShapesFollowConvAndMatMul) {
  OneNode q_matmul("QLinearMatMul", 21);
  q_matmul.Input({2, 1, 3, 4}, DataType::kInt8)
      .Constant({})
      .Constant({}, DataType::kInt8)
      .Constant({7, 4, 5}, DataType::kInt8)
      .Constant({})
      .Constant({}, DataType::kInt8)
      .Constant({})
      .Constant({}, DataType::kInt8);
  ExpectInfers({
      {ConvInteger({1, 3, 8, 8}, {4, 3, 3, 3}), "int32 1x4x6x6"},
      {ConvInteger({1, 4, 8, 8}, {4, 2, 3, 3})
           .Attr("group", 2)
           .Attr("pads", {1, 1, 1, 1})
           .Attr("strides", {2, 2}),
       "int32 1x4x4x4"},
      {QLinearConv({1, 3, 8, 8}, {4, 3, 3, 3}, {4}), "uint8 1x4x6x6"},
      {MatMulInteger({2, 3, 4}, {4, 5}), "int32 2x3x5"},
      {MatMulInteger({4}, {4, 5}), "int32 5"},
      {MatMulInteger({3, 4}, {4}), "int32 3"},
      {MatMulInteger({Extent::Symbol("N"), 4}, {4, 5}), "int32 Nx5"},
      {q_matmul, "int8 2x7x3x5"},
  });
}

TEST(QuantizedContraction, ErrorsSayWhatContradictsWhat) {
  OneNode missing("QLinearMatMul", 10);
  missing.Input({3, 4}, DataType::kUint8)
      .Constant({})
      .Absent()
      .Constant({4, 5}, DataType::kInt8);
  ExpectInfers({
      {ConvInteger({1, 4, 8, 8}, {4, 3, 3, 3}),
       "ConvInteger 'o0': the number of input channels is 4 but group times "
       "the weight's second axis is 3"},
      {ConvInteger({1, 4}, {4, 3}),
       "ConvInteger 'o0': input 1x4 and weight 4x3 must have the same number "
       "of axes, at least 3"},
      {ConvInteger({1, 4, 8, 8}, {3, 2, 3, 3}).Attr("group", 2),
       "ConvInteger 'o0': group 2 does not divide the 3 output channels"},
      {ConvInteger({1, 4, 8, 8}, {3, 2, 3, 3}).Attr("group", 0),
       "ConvInteger 'o0': group must be at least 1 but is 0"},
      {ConvInteger({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("kernel_shape", {3, 5}),
       "ConvInteger 'o0': kernel_shape is 5 but the weight's kernel on that "
       "axis is 3"},
      {QLinearConv({1, 3, 8, 8}, {4, 3, 3, 3}, {3}),
       "QLinearConv 'o0': the weight's zero point has 3 elements but must have "
       "1 or one for each of the 4 output channels"},
      {QLinearConv({1, 3, 8, 8}, {4, 3, 3, 3}, {})
           .Constant({3}, DataType::kInt32),
       "QLinearConv 'o0': the bias is 3 but must be 4"},
      {MatMulInteger({3, 4}, {5, 6}),
       "MatMulInteger 'o0': A has 4 columns but B has 5 rows"},
      {MatMulInteger({}, {5}),
       "MatMulInteger 'o0': A is a scalar but must have at least 1 axis"},
      {missing, "QLinearMatMul 'o0': operand 2 is missing"},
  });
}

TEST(QuantizedContraction, RequantisationIsFloat32) {
  OneNode node = QLinearConv({1, 3, 8, 8}, {4, 3, 3, 3}, {4});
  node.Constant({4}, DataType::kInt32);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const int64_t out = 1 * 4 * 6 * 6;
  EXPECT_EQ(counts.macs, out * (3 * 3 * 3));
  ASSERT_EQ(counts.arith.size(), 4u);
  EXPECT_EQ(counts.arith[0].operands, OperandSet::Inputs(0, 3));
  EXPECT_EQ(counts.arith[1].role, ArithRole::kAccumulate);
  EXPECT_EQ(counts.arith[2].op, ArithOp::kMul);
  EXPECT_EQ(counts.arith[2].operands, OperandSet::Fixed(DataType::kFloat32));
  EXPECT_EQ(counts.arith[2].count, out);
  EXPECT_EQ(counts.arith[3].op, ArithOp::kAdd);
  EXPECT_EQ(counts.arith[3].operands, OperandSet::Fixed(DataType::kFloat32));
  EXPECT_EQ(counts.arith[3].count, 3 * out);
  const Tally tally = TallyOf(counts);
  EXPECT_EQ(tally.reads.at("i0"), out * (3 * 3 * 3));
  EXPECT_EQ(tally.reads.at("i3"), out * (3 * 3 * 3));
  EXPECT_EQ(tally.reads.at("i4"), out);
  EXPECT_EQ(tally.reads.at("i5"), 4);
  EXPECT_EQ(tally.reads.at("i8"), out);
}

// Sums of products, requantised if `scales` is set; the loops are the caller's.
struct Requantised {
  Tally& tally;
  bool is_qlinear;
  Array& left_scale;
  Array& right_scale;

  Number operator()(const Number& sum, int64_t left, int64_t right) {
    if (!is_qlinear) return sum;
    // Scales of several elements are read for each output.
    if (left_scale.size() > 1) left_scale.Read(left);
    if (right_scale.size() > 1) right_scale.Read(right);
    const Number scaled = sum * Number(tally, 0.5) + Number(tally, 3);
    return Max(Min(scaled, Number(tally, 255)), Number(tally, 0));
  }
};

// Each element of zero points, and what is read once for all outputs.
void ReadParameters(Tally& tally, bool is_qlinear, int64_t left,
                    int64_t right) {
  tally.reads["i2"] += left;
  tally.reads[is_qlinear ? "i5" : "i3"] += right;
  if (!is_qlinear) return;
  if (left == 1) ++tally.reads["i1"];
  if (right == 1) ++tally.reads["i4"];
  ++tally.reads["i6"];
  ++tally.reads["i7"];
}

void ApplyImmediates(const OneNode& node, Tally& tally) {
  for (int i = 0; i < 9; ++i) {
    if (node.IsImmediate(i)) tally.reads[absl::StrCat("i", i)] = 1;
  }
}

void CheckMatMul(Draw& draw) {
  const bool is_qlinear = draw.Coin();
  const int64_t m = draw.Between(1, 4), k = draw.Between(1, 4),
                n = draw.Between(1, 4);
  const Index batch =
      draw.Several(static_cast<size_t>(draw.Between(0, 2)), 1, 3);
  const Index a_dims = Joined(batch, {m, k});
  const Index b_dims = {k, n};
  const bool per_row = batch.empty() && draw.Coin();
  const bool per_column = draw.Coin();
  const Index left = per_row ? Index{m} : Index{};
  const Index right = per_column ? Index{n} : Index{};

  Tally tally;
  Array a(tally, "i0", a_dims), b(tally, is_qlinear ? "i3" : "i1", b_dims);
  Array left_scale(tally, "i1", left), right_scale(tally, "i4", right);
  Array y(tally, "o0", Joined(batch, {m, n}));
  Requantised requantised{tally, is_qlinear, left_scale, right_scale};
  ForEachIndex(Joined(batch, {m, n}), [&](const Index& at) {
    const int64_t row = at[at.size() - 2], column = at.back();
    Number sum(tally, 0);
    for (int64_t i = 0; i < k; ++i) {
      Index a_at(at.begin(), at.end() - 1);
      a_at.push_back(i);
      sum = sum + a.Read(a_at) * b.Read({i, column});
      ++tally.macs;
    }
    y.Write(at, requantised(sum, row, column));
  });
  ReadParameters(tally, is_qlinear, left_scale.size(), right_scale.size());

  OneNode node(is_qlinear ? "QLinearMatMul" : "MatMulInteger", 10);
  node.Input(ToDims(a_dims), DataType::kUint8);
  if (is_qlinear) {
    node.Constant(ToDims(left)).Constant(ToDims(left), DataType::kUint8);
    node.Constant(ToDims(b_dims), DataType::kInt8);
    node.Constant(ToDims(right)).Constant(ToDims(right), DataType::kInt8);
    AddOutputParameters(node);
  } else {
    node.Constant(ToDims(b_dims), DataType::kInt8)
        .Constant(ToDims(left), DataType::kUint8)
        .Input(ToDims(right), DataType::kInt8);
  }
  ApplyImmediates(node, tally);
  ExpectCounts(node, tally, "product of integers");
}

void CheckConv(Draw& draw) {
  const bool is_qlinear = draw.Coin();
  const int64_t group = draw.Between(1, 2), n = draw.Between(1, 2);
  const int64_t channels = draw.Between(1, 2);  // of a group
  const int64_t outputs = group * draw.Between(1, 2);
  const int64_t kernel = draw.Between(1, 3), length = draw.Between(3, 6);
  const int64_t stride = draw.Between(1, 2), pad = draw.Between(0, 1);
  const bool per_channel = draw.Coin(), has_bias = is_qlinear && draw.Coin();
  const int64_t out_length = (length + 2 * pad - kernel) / stride + 1;
  const Index right = per_channel ? Index{outputs} : Index{};

  Tally tally;
  Array x(tally, "i0", {n, group * channels, length + 2 * pad});
  Array w(tally, is_qlinear ? "i3" : "i1", {outputs, channels, kernel});
  Array bias(tally, "i8", {outputs}), y(tally, "o0", {n, outputs, out_length});
  Array x_scale(tally, "i1", {}), w_scale(tally, "i4", right);
  Requantised requantised{tally, is_qlinear, x_scale, w_scale};
  ForEachIndex({n, outputs, out_length}, [&](const Index& at) {
    Number sum = has_bias ? bias.Read(at[1]) : Number(tally, 0);
    const int64_t first = at[1] / (outputs / group) * channels;
    ForEachIndex({channels, kernel}, [&](const Index& tap) {
      sum = sum + x.Read({at[0], first + tap[0], at[2] * stride + tap[1]}) *
                      w.Read({at[1], tap[0], tap[1]});
      ++tally.macs;
    });
    y.Write(at, requantised(sum, 0, at[1]));
  });
  ReadParameters(tally, is_qlinear, 1, w_scale.size());

  OneNode node = is_qlinear
                     ? QLinearConv({n, group * channels, length},
                                   {outputs, channels, kernel}, ToDims(right))
                     : ConvInteger({n, group * channels, length},
                                   {outputs, channels, kernel});
  if (!is_qlinear) {
    node.Constant({}, DataType::kUint8)
        .Constant(ToDims(right), DataType::kUint8);
  }
  if (has_bias) node.Constant({outputs}, DataType::kInt32);
  node.Attr("group", group)
      .Attr("strides", Numbers{stride})
      .Attr("pads", {pad, pad});
  ApplyImmediates(node, tally);
  ExpectCounts(node, tally, "convolution of integers");
}

TEST(QuantizedContractionReference, ProductsCountWhatTheLoopsDo) {
  Draw draw(521);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckMatMul(draw);
  }
}

TEST(QuantizedContractionReference, ConvolutionsCountWhatTheLoopsDo) {
  Draw draw(522);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckConv(draw);
  }
}

}  // namespace
}  // namespace opcost
