// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's operators on quantised tensors that are no contractions.
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

// Multiplies by the ratio of the scales, adds the zero point, saturates.
Number Requantize(Tally& t, const Number& x) {
  const Number scaled = x * Number(t, 0.5) + Number(t, 3);
  return Min(Max(scaled, Number(t, 0)), Number(t, 255));
}

// Scales and zero points of whole tensors are read once.
void ReadOnce(Tally& t, const std::vector<int>& operands) {
  for (const int i : operands) Array(t, absl::StrCat("i", i), {1}).Read(0);
}

// A tensor with its scale and zero point.
void AddQuantized(OneNode& node, const Sizes& sizes) {
  node.Input(DimsFrom(sizes), DataType::kUint8);
  node.Constant({}).Constant({}, DataType::kUint8);
}

TEST(QLinearBinary, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(1, 4);
    const Sizes a_sizes = random.Narrowed(sizes), b_sizes = sizes;
    const bool multiplies = random.Flip();
    Tally t;
    OperandArray a(t, 0, a_sizes, false), b(t, 3, b_sizes, false);
    Array y(t, "o0", sizes);
    ReadOnce(t, {1, 2, 4, 5, 6, 7});
    for (const Sizes& at : IndicesOf(sizes)) {
      const Number left = a.At(at), right = b.At(at);
      y.Write(at, Requantize(t, multiplies ? left * right : left + right));
    }
    OneNode node = Ms(multiplies ? "QLinearMul" : "QLinearAdd");
    AddQuantized(node, a_sizes);
    AddQuantized(node, b_sizes);
    node.Constant({}).Constant({}, DataType::kUint8);
    ExpectCounts(node, t, "QLinear binary");
  }
}

TEST(QLinearFunctions, CountWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(1, 4);
    const bool is_sigmoid = random.Flip(), has_zero = random.Flip();
    Tally t;
    Array x(t, "i0", sizes), y(t, "o0", sizes);
    ReadOnce(
        t, has_zero ? std::vector<int>{1, 2, 3, 4} : std::vector<int>{1, 3, 4});
    for (const Sizes& at : IndicesOf(sizes)) {
      Number value = x.Read(at);
      if (has_zero) value = value - Number(t, 128);
      value = value * Number(t, 0.1);
      if (is_sigmoid) {
        value = value.Apply("sigmoid", 0.5);
      } else {
        Less(value, Number(t, 0));
        value = value * Number(t, 0.01);
      }
      y.Write(at, Requantize(t, value));
    }
    OneNode node = Ms(is_sigmoid ? "QLinearSigmoid" : "QLinearLeakyRelu");
    node.Input(DimsFrom(sizes), DataType::kUint8).Constant({});
    has_zero ? node.Constant({}, DataType::kUint8) : node.Absent();
    node.Constant({}).Constant({}, DataType::kUint8);
    ExpectCounts(node, t, "QLinear function");
  }
}

TEST(QLinearSoftmax, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(2, 4);
    const bool is_one_axis = random.Flip();
    const auto rank = static_cast<int64_t>(sizes.size());
    const int64_t axis = is_one_axis ? rank - 1 : random.Int(0, rank - 1);
    int64_t rows = 1;
    for (int64_t a = 0; a < axis; ++a) rows *= sizes[static_cast<size_t>(a)];
    const int64_t length = SizeOf(sizes) / rows;
    Tally t;
    Array x(t, "i0", sizes), y(t, "o0", sizes);
    Array powers(t, "exponentials", {length});
    ReadOnce(t, {1, 2, 3, 4});
    for (int64_t row = 0; row < rows; ++row) {
      Number most(t, -1), sum(t, 0);
      for (int64_t e = 0; e < length; ++e) {
        most = Max(most, x.Read(row * length + e));
      }
      for (int64_t e = 0; e < length; ++e) {
        const Number difference = x.Read(row * length + e) - most;
        const Number power = (difference * Number(t, 0.1)).Apply("exp", 0.5);
        powers.Write(e, power);
        sum = sum + power;
      }
      const Number factor = Number(t, 1) / sum;
      for (int64_t e = 0; e < length; ++e) {
        const Number scaled = powers.Read(e) * factor + Number(t, 3);
        y.Write(row * length + e,
                Min(Max(scaled, Number(t, 0)), Number(t, 255)));
      }
    }
    OneNode node = Ms("QLinearSoftmax");
    AddQuantized(node, sizes);
    node.Constant({}).Constant({}, DataType::kUint8);
    node.Attr("axis", axis).Attr("opset", is_one_axis ? 13 : 12);
    ExpectCounts(node, t, "QLinearSoftmax");
  }
}

TEST(QLinearReduceMean, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(2, 4);
    const bool keeps = random.Flip();
    const int64_t axis = random.Int(0, static_cast<int64_t>(sizes.size()) - 1);
    Sizes out = sizes;
    out[static_cast<size_t>(axis)] = 1;
    Tally t;
    Array x(t, "i0", sizes), y(t, "o0", out);
    ReadOnce(t, {1, 2, 3, 4});
    for (const Sizes& at : IndicesOf(out)) {
      Number sum(t, 0);
      for (int64_t e = 0; e < sizes[static_cast<size_t>(axis)]; ++e) {
        Sizes from = at;
        from[static_cast<size_t>(axis)] = e;
        sum = sum + x.Read(from);
      }
      y.Write(at, Requantize(t, sum));
    }
    OneNode node = Ms("QLinearReduceMean");
    AddQuantized(node, sizes);
    node.Constant({}).Constant({}, DataType::kUint8);
    node.Attr("axes", std::vector<int64_t>{axis})
        .Attr("keepdims", keeps ? 1 : 0);
    Sizes shown = out;
    if (!keeps) shown.erase(shown.begin() + axis);
    EXPECT_EQ(node.InferText(),
              absl::StrCat("uint8 ", ToString(Shape(DimsFrom(shown)))));
    ExpectCounts(node, t, "QLinearReduceMean");
  }
}

// A scale whose number is known.
void AddKnown(OneNode& node, double scale, int64_t zero) {
  node.ConstantScalarFloat(scale);
  node.ConstantValue(TensorValue::UniformInteger(DataType::kUint8, {}, zero));
}

TEST(QLinearConcat, RequantizesThePartsWhoseQuantizationChanges) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const auto parts = static_cast<int>(random.Int(2, 4));
    Tally t;
    OneNode node = Ms("QLinearConcat");
    AddKnown(node, 0.5, 3);
    int64_t length = 0;
    bool requantizes = false;
    for (int p = 0; p < parts; ++p) {
      const int at = 2 + 3 * p;
      const int64_t size = random.Int(1, 4);
      const int64_t change = random.Int(0, 2);  // 0: none, 1: scale, 2: zero
      length += size;
      Array part(t, absl::StrCat("i", at), {3, size});
      for (int64_t e = 0; e < part.size(); ++e) {
        const Number value = part.Read(e);
        if (change != 0) Requantize(t, value);
      }
      if (change != 0) ReadOnce(t, {at + 1, at + 2});
      requantizes = requantizes || change != 0;
      node.Input({3, size}, DataType::kUint8);
      AddKnown(node, change == 1 ? 0.25 : 0.5, change == 2 ? 4 : 3);
    }
    if (requantizes) ReadOnce(t, {0, 1});
    Array y(t, "o0", {3, length});
    for (int64_t e = 0; e < y.size(); ++e) y.Write(e, Number(t, 0));
    node.Attr("axis", 1);
    EXPECT_EQ(node.InferText(), absl::StrCat("uint8 3x", length));
    ExpectCounts(node, t, "QLinearConcat");
  }
}

TEST(QLinearConcat, OneUnchangedPartIsAView) {
  OneNode node = Ms("QLinearConcat");
  AddKnown(node, 0.5, 3);
  node.Input({3, 4}, DataType::kUint8);
  AddKnown(node, 0.5, 3);
  ExpectView(std::move(node.Attr("axis", 0)));
}

TEST(QLinearWhere, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(1, 4);
    const Sizes y_sizes = random.Narrowed(sizes);
    const bool x_changes = random.Flip(), y_changes = random.Flip();
    const bool changes = x_changes || y_changes;
    Tally t;
    Array condition(t, "i0", sizes), x(t, "i1", sizes), z(t, "o0", sizes);
    if (changes) ReadOnce(t, {2, 3, 5, 6, 7, 8});
    for (const Sizes& at : IndicesOf(sizes)) {
      Less(condition.Read(at), Number(t, 1));
      const Number chosen = x.Read(at);
      z.Write(at, changes ? Requantize(t, chosen) : chosen);
    }
    OneNode node = Ms("QLinearWhere");
    node.Input(DimsFrom(sizes), DataType::kBool);
    node.Input(DimsFrom(sizes), DataType::kUint8);
    AddKnown(node, x_changes ? 0.25 : 0.5, 3);
    node.Input(DimsFrom(y_sizes), DataType::kUint8);
    AddKnown(node, y_changes ? 0.25 : 0.5, 3);
    AddKnown(node, 0.5, 3);
    ExpectCounts(node, t, "QLinearWhere");
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(counts.bound_reason.empty(), x_changes == y_changes);
  }
}

TEST(QLinear, RequantizesInFloat32AndAddsInInt32) {
  OneNode node = Ms("QLinearAdd");
  AddQuantized(node, {2, 3});
  AddQuantized(node, {3});
  node.Constant({}).Constant({}, DataType::kUint8);
  EXPECT_EQ(node.InferText(), "uint8 2x3");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.arith.size(), 3u);
  EXPECT_EQ(counts.arith[0].operands, OperandSet::Fixed(DataType::kInt32));
  EXPECT_EQ(counts.arith[1].operands, OperandSet::Fixed(DataType::kFloat32));
  EXPECT_EQ(counts.arith[2].operands, OperandSet::Fixed(DataType::kFloat32));
}

TEST(QLinear, RefusesWhatDoesNotFit) {
  ExpectInfers({
      {Ms("QLinearAdd")
           .Input({2, 3}, DataType::kUint8)
           .Constant({3})
           .Absent()
           .Input({3}, DataType::kUint8)
           .Constant({}),
       "QLinearAdd 'o0': operand 1 must be a scalar but is 3"},
      {Ms("QLinearConcat").Constant({}).Constant({}).Attr("axis", 0),
       "QLinearConcat 'o0': there are 2 operands but must be 2, and 3 for each "
       "part"},
      {Ms("QLinearConcat")
           .Constant({})
           .Constant({})
           .Input({2, 3})
           .Constant({})
           .Constant({}),
       "QLinearConcat 'o0': attribute 'axis' is missing"},
      {Ms("QLinearConcat")
           .Constant({})
           .Constant({})
           .Input({2, 3})
           .Constant({})
           .Constant({})
           .Input({2, 4})
           .Constant({})
           .Constant({})
           .Attr("axis", 0),
       "QLinearConcat 'o0': operand 5 has extent 4 on axis 1 but the operands "
       "before it have 3"},
      {Ms("QLinearSoftmax").Input({2, 3}).Constant({}).Attr("axis", 2),
       "QLinearSoftmax 'o0': axis 2 is outside the 2 axes of the tensor"},
  });
}

}  // namespace
}  // namespace opcost
