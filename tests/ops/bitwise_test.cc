// SPDX-License-Identifier: Apache-2.0
// BitShift, BitwiseAnd and its kin, BitCast, CastLike, Mod, IsInf, IsNaN,
// Shrink: shapes, counts against plain loops, values, errors.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const SymValue kSymN = SymValue::Symbol("N");
constexpr DataType kInt64 = DataType::kInt64;
constexpr int kInt32Number = 6;

TensorValue Ints(std::vector<SymValue> elements, DataType type = kInt64) {
  const IntDims dims = {static_cast<int64_t>(elements.size())};
  return TensorValue::Integers(type, dims, std::move(elements));
}

// "1 N 3", "?" where nothing is folded.
std::string Fold(OneNode node) {
  const absl::StatusOr<OutputValues> values = node.Fold();
  if (!values.ok()) return std::string(values.status().message());
  if (values->empty() || (*values)[0] == nullptr) return "?";
  std::string text;
  for (int64_t i = 0; i < (*values)[0]->size(); ++i) {
    if (i > 0) text += " ";
    text += (*values)[0]->holds_integers()
                ? (*values)[0]->Int(i).ToString()
                : std::to_string((*values)[0]->Float(i));
  }
  return text;
}

OneNode OfInts(const char* op, int opset, std::vector<SymValue> a,
               std::vector<SymValue> b) {
  return OneNode(op, opset)
      .ConstantValue(Ints(std::move(a)))
      .ConstantValue(Ints(std::move(b)));
}

void ExpectTally(OneNode& node, const Tally& tally) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts), tally) << node.node().op_type;
  ExpectFormulaAgrees(node);
}

TEST(Bitwise, BroadcastsAndChecksItsOperands) {
  const auto infer = [](const char* op, int opset, DataType a, DataType b) {
    return OneNode(op, opset).Input({2, 1}, a).Input({3}, b).InferText();
  };
  EXPECT_EQ(infer("BitwiseAnd", 18, kInt64, kInt64), "int64 2x3");
  EXPECT_EQ(infer("BitwiseOr", 18, DataType::kUint8, DataType::kUint8),
            "uint8 2x3");
  EXPECT_EQ(infer("BitwiseXor", 18, DataType::kFloat32, kInt64),
            "BitwiseXor 'o0': operand 0 must hold integers but is float32");
  EXPECT_EQ(infer("BitwiseXor", 18, DataType::kInt32, kInt64),
            "BitwiseXor 'o0': the operands must have one element type but are "
            "int32 and int64");
  EXPECT_EQ(infer("BitShift", 11, kInt64, kInt64),
            "BitShift 'o0': attribute 'direction' must be LEFT or RIGHT but is "
            "''");
  EXPECT_EQ(OneNode("BitShift", 11)
                .Input({4}, DataType::kUint32)
                .Input({1}, DataType::kUint32)
                .Attr("direction", "LEFT")
                .InferText(),
            "uint32 4");
  EXPECT_EQ(OneNode("BitwiseNot", 18).Input({4}).InferText(),
            "BitwiseNot 'o0': operand 0 must hold integers but is float32");
}

TEST(Bitwise, IsOneAddPerOutput) {
  RandomShapes random;
  const char* const ops[] = {"BitwiseAnd", "BitwiseOr", "BitwiseXor",
                             "BitShift"};
  for (int i = 0; i < 200; ++i) {
    const Sizes a = random.Shape(0, 3);
    const Sizes b = random.Narrowed(a);
    Tally tally;
    OperandArray x(tally, 0, a, false), y(tally, 1, b, false);
    Array z(tally, "o0", a);
    for (const Sizes& index : IndicesOf(a)) {
      z.Write(index, x.At(index) + y.At(index));
    }
    OneNode node(ops[random.Int(0, 3)], 18);
    node.Input(DimsFrom(a), kInt64).Input(DimsFrom(b), kInt64);
    node.Attr("direction", "LEFT");
    ExpectTally(node, tally);
  }
  OneNode complement("BitwiseNot", 18);
  complement.Input({3, 4}, kInt64);
  Tally tally;
  tally.operations["add"] = tally.reads["i0"] = tally.writes["o0"] = 3 * 4;
  ExpectTally(complement, tally);
}

TEST(Bitwise, FoldsKnownBits) {
  EXPECT_EQ(Fold(OfInts("BitwiseAnd", 18, {12, -1}, {10, 7})), "8 7");
  EXPECT_EQ(Fold(OfInts("BitwiseOr", 18, {12, 0}, {10, 7})), "14 7");
  EXPECT_EQ(Fold(OfInts("BitwiseXor", 18, {12, 5}, {10, 5})), "6 0");
  EXPECT_EQ(Fold(OfInts("BitwiseAnd", 18, {kSymN}, {1})), "?");
  const auto shifted = [](const char* direction, SymValue x, int64_t by) {
    return Fold(OneNode("BitShift", 11)
                    .ConstantValue(Ints({std::move(x)}, DataType::kUint64))
                    .ConstantValue(Ints({by}, DataType::kUint64))
                    .Attr("direction", direction));
  };
  EXPECT_EQ(shifted("LEFT", 5, 2), "20");
  EXPECT_EQ(shifted("RIGHT", 5, 1), "2");
  EXPECT_EQ(shifted("LEFT", kSymN, 3), "8*N");
  EXPECT_EQ(shifted("LEFT", 5, 62), "?");
  EXPECT_EQ(shifted("LEFT", 5, 64), "?");
  EXPECT_EQ(Fold(OneNode("BitwiseNot", 18).ConstantValue(Ints({5, kSymN}))),
            "-6 -N-1");
  EXPECT_EQ(
      Fold(
          OneNode("BitwiseNot", 18).ConstantValue(Ints({5}, DataType::kUint8))),
      "250");
}

TEST(BitCast, IsAViewOfTheSameWidth) {
  OneNode node("BitCast", 26);
  node.Input({2, 3}).Attr("to", kInt32Number);
  EXPECT_EQ(node.InferText(), "int32 2x3");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_TRUE(counts.is_view);
  EXPECT_EQ(OneNode("BitCast", 26).Input({2}).Attr("to", 7).InferText(),
            "BitCast 'o0': int64 has 64 bits but float32 has 32");
  EXPECT_EQ(OneNode("BitCast", 26).Input({2}).InferText(),
            "BitCast 'o0': attribute 'to' is missing");
  EXPECT_EQ(OneNode("BitCast", 26).Input({2}).Attr("to", 8).InferText(),
            "BitCast 'o0': attribute 'to' is 8, which is no element type of "
            "known width");
}

TEST(CastLike, CastsToTheTypeOfItsTarget) {
  OneNode node("CastLike", 15);
  node.Input({2, 3}).InputOfUnknownRank(DataType::kFloat16);
  EXPECT_EQ(node.InferText(), "float16 2x3");
  Tally tally;
  tally.operations["add"] = tally.reads["i0"] = tally.writes["o0"] = 2 * 3;
  ExpectTally(node, tally);
  OneNode same("CastLike", 15);
  same.Input({2, 3}).Input({1});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, same.Count());
  EXPECT_TRUE(counts.is_view);
  EXPECT_EQ(OneNode("CastLike", 15).Input({2}).InferText(),
            "CastLike 'o0': operand 1 is missing");
  EXPECT_EQ(Fold(OneNode("CastLike", 15)
                     .ConstantFloats({1.5, -2})
                     .ConstantInts({0, 0, 0})),
            "1 -2");
  EXPECT_EQ(Fold(OneNode("CastLike", 15)
                     .ConstantValue(Ints({kSymN}))
                     .Input({7}, DataType::kInt32)),
            "N");
}

TEST(Mod, IsADivisionARoundingAProductAndADifference) {
  RandomShapes random;
  for (int i = 0; i < 200; ++i) {
    const Sizes a = random.Shape(1, 3);
    const Sizes b = random.Narrowed(a);
    const bool is_constant = random.Flip();
    const bool is_float = random.Flip();
    const DataType type = is_float ? DataType::kFloat32 : kInt64;
    Tally tally;
    OperandArray x(tally, 0, a, false), y(tally, 1, b, is_constant);
    Array z(tally, "o0", a);
    for (const Sizes& index : IndicesOf(a)) {
      const Number dividend = x.At(index);
      const Number divisor = y.At(index);
      Number quotient =
          is_constant && is_float ? dividend * divisor : dividend / divisor;
      quotient = Max(quotient, quotient);  // rounded
      z.Write(index, dividend - quotient * divisor);
    }
    OneNode node("Mod", 13);
    node.Input(DimsFrom(a), type);
    if (is_constant) {
      node.Constant(DimsFrom(b), type);
    } else {
      node.Input(DimsFrom(b), type);
    }
    node.Attr("fmod", is_float ? 1 : 0);
    ExpectTally(node, tally);
  }
}

TEST(Mod, FoldsWithTheSignThatFmodAsksFor) {
  EXPECT_EQ(Fold(OfInts("Mod", 13, {-4, 7, 5}, {2, -3, 8})), "0 -2 5");
  EXPECT_EQ(Fold(OfInts("Mod", 13, {-4, 7, -7}, {3, -3, 3}).Attr("fmod", 1)),
            "-1 1 -1");
  EXPECT_EQ(Fold(OfInts("Mod", 13, {kSymN * 4}, {2})), "0");
  EXPECT_EQ(Fold(OfInts("Mod", 13, {kSymN}, {3})),
            SymValue::Mod(kSymN, 3).ToString());
  EXPECT_EQ(Fold(OfInts("Mod", 13, {5}, {0})), "?");
  EXPECT_EQ(OneNode("Mod", 13).Input({2}).Input({2}).InferText(),
            "Mod 'o0': the operands are float32, which needs attribute 'fmod' "
            "to be 1");
  EXPECT_EQ(OfInts("Mod", 13, {1}, {1}).Attr("fmod", 2).InferText(),
            "Mod 'o0': attribute 'fmod' must be 0 or 1 but is 2");
}

TEST(IsInf, IsOneComparisonPerElement) {
  for (const char* const op : {"IsInf", "IsNaN"}) {
    OneNode node(op, 20);
    node.Input({2, 5});
    EXPECT_EQ(node.InferText(), "bool 2x5");
    Tally tally;
    tally.operations["add"] = tally.reads["i0"] = tally.writes["o0"] = 2 * 5;
    ExpectTally(node, tally);
  }
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const std::vector<double> numbers = {1, kInfinity, -kInfinity, std::nan("")};
  EXPECT_EQ(Fold(OneNode("IsInf", 10).ConstantFloats(numbers)), "0 1 1 0");
  EXPECT_EQ(Fold(OneNode("IsInf", 10)
                     .ConstantFloats(numbers)
                     .Attr("detect_negative", 0)),
            "0 1 0 0");
  EXPECT_EQ(Fold(OneNode("IsInf", 10)
                     .ConstantFloats(numbers)
                     .Attr("detect_positive", 0)),
            "0 0 1 0");
  EXPECT_EQ(Fold(OneNode("IsNaN", 13).ConstantFloats(numbers)), "0 0 0 1");
}

TEST(Shrink, ChoosesBetweenThreeBranches) {
  for (const bool has_bias : {false, true}) {
    OneNode node("Shrink", 9);
    node.Input({2, 5}).Attr("bias", has_bias ? 1.5 : 0.0);
    Tally tally;
    Array x(tally, "i0", {2, 5}), y(tally, "o0", {2, 5});
    for (int64_t i = 0; i < x.size(); ++i) {
      const Number value = x.Read(i), bound(tally, 0.5), bias(tally, 1.5);
      Less(value, bound);
      Less(bound, value);
      if (has_bias) (void)(value + bias), (void)(value - bias);
      y.Write(i, value);
    }
    ExpectTally(node, tally);
  }
}

}  // namespace
}  // namespace opcost
