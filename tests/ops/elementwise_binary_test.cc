// SPDX-License-Identifier: Apache-2.0
// Operators of two and more operands, and Where.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kCases = 200;

// What two operands go through, from the operator's definition in ONNX.
struct BinaryCase {
  const char* op;
  int opset;
  std::function<Number(const Number&, const Number&)> apply;
};

std::vector<BinaryCase> BinaryCases() {
  // A comparison or a logical operation.
  const auto one_add = [](const Number& a, const Number& b) {
    return Less(a, b);
  };
  return {
      {"Add", 14, [](const Number& a, const Number& b) { return a + b; }},
      {"Sub", 14, [](const Number& a, const Number& b) { return a - b; }},
      {"Mul", 14, [](const Number& a, const Number& b) { return a * b; }},
      {"And", 7, one_add},
      {"Or", 7, one_add},
      {"Xor", 7, one_add},
      {"Equal", 19, one_add},
      {"Less", 13, one_add},
      {"Greater", 13, one_add},
      {"LessOrEqual", 16, one_add},
      {"GreaterOrEqual", 16, one_add},
      {"Max", 13, [](const Number& a, const Number& b) { return Max(a, b); }},
      {"Min", 13, [](const Number& a, const Number& b) { return Min(a, b); }},
      {"Sum", 13, [](const Number& a, const Number& b) { return a + b; }},
  };
}

// Two operands that broadcast together, at most one of them constant.
struct Pair {
  Sizes a, b;
  bool a_constant = false;
  bool b_constant = false;

  explicit Pair(RandomShapes& random) {
    const Sizes whole = random.Shape(0, 4);
    a = random.Narrowed(whole);
    b = random.Narrowed(whole);
    const int64_t constant = random.Int(0, 2);
    a_constant = constant == 1;
    b_constant = constant == 2;
  }
  void AddTo(OneNode& node) const {
    AddOperand(node, a, a_constant);
    AddOperand(node, b, b_constant);
  }
};

Tally RunPair(
    const Pair& pair,
    const std::function<Number(const Number&, const Number&)>& apply) {
  const Sizes out = BroadcastOf(pair.a, pair.b);
  Tally tally;
  OperandArray a(tally, 0, pair.a, pair.a_constant);
  OperandArray b(tally, 1, pair.b, pair.b_constant);
  Array y(tally, "o0", out);
  for (const Sizes& index : IndicesOf(out)) {
    y.Write(index, apply(a.At(index), b.At(index)));
  }
  return tally;
}

TEST(ElementwiseBinary, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (const BinaryCase& binary : BinaryCases()) {
    for (int i = 0; i < kCases; ++i) {
      const Pair pair(random);
      OneNode node(binary.op, binary.opset);
      pair.AddTo(node);
      ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
      ASSERT_EQ(TallyOf(counts), RunPair(pair, binary.apply)) << binary.op;
    }
  }
}

TEST(ElementwiseBinary, FormulaeSayWhatIsCounted) {
  for (const BinaryCase& binary : BinaryCases()) {
    OneNode node(binary.op, binary.opset);
    node.Input({2, 3, 5}).Input({3, 1});
    ExpectFormulaAgrees(node);
  }
  OneNode mean("Mean", 13);
  mean.Input({2, 3}).Input({3}).Input({2, 1});
  ExpectFormulaAgrees(mean);
}

TEST(ElementwiseBinary, PredicatesGiveBool) {
  for (const char* op :
       {"Equal", "Less", "Greater", "LessOrEqual", "GreaterOrEqual"}) {
    EXPECT_EQ(OneNode(op, 19).Input({2, 1}).Input({3}).InferText(), "bool 2x3");
  }
  for (const char* op : {"And", "Or", "Xor"}) {
    EXPECT_EQ(OneNode(op, 7)
                  .Input({2, 1}, DataType::kBool)
                  .Input({3}, DataType::kBool)
                  .InferText(),
              "bool 2x3");
  }
}

TEST(ElementwiseBinary, ComparisonsWorkInTheirInputsFormat) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Less", 13).Input({2}).Input({2}).Count());
  EXPECT_EQ(counts.arith[0].operands, OperandSet::Inputs(0, 1));
}

TEST(ElementwiseBinary, BroadcastsSymbols) {
  const Extent n = Extent::Symbol("N");
  EXPECT_EQ(OneNode("Add", 14).Input({n, 3}).Input({1, 3}).InferText(),
            "float32 Nx3");
  EXPECT_EQ(OneNode("Mul", 14).Input({n, n}).Input({n}).InferText(),
            "float32 NxN");
}

TEST(ElementwiseBinary, RefusesShapesThatDoNotBroadcast) {
  EXPECT_EQ(OneNode("Add", 14).Input({2, 3}).Input({4}).InferText(),
            "Add 'o0': shapes 2x3 and 4 don't broadcast: 3 and 4 on axis 1");
}

TEST(ElementwiseBinary, RefusesMixedTypes) {
  EXPECT_EQ(
      OneNode("Add", 14).Input({2}).Input({2}, DataType::kInt64).InferText(),
      "Add 'o0': the operands must have one element type but are float32 "
      "and int64");
}

// Before opset 7: operand 1 fills operand 0 from `axis` on.

TEST(LegacyBroadcast, RepeatsOperand1AlongOperand0) {
  struct Case {
    Dims b;
    int axis;  // -1: none
  };
  const std::vector<Case> cases = {{{}, -1},          {{1, 1}, -1}, {{5}, -1},
                                   {{4, 5}, -1},      {{3, 4}, 1},  {{2}, 0},
                                   {{2, 3, 4, 5}, -1}};
  for (const Case& c : cases) {
    OneNode node("Add", 6);
    node.Input({2, 3, 4, 5}).Input(c.b).Attr("broadcast", 1);
    if (c.axis >= 0) node.Attr("axis", c.axis);
    EXPECT_EQ(node.InferText(), "float32 2x3x4x5");
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    Tally expected;
    expected.operations["add"] = 2 * 3 * 4 * 5;
    expected.reads["i0"] = 2 * 3 * 4 * 5;
    expected.reads["i1"] = 2 * 3 * 4 * 5;
    expected.writes["o0"] = 2 * 3 * 4 * 5;
    EXPECT_EQ(TallyOf(counts), expected);
  }
}

TEST(LegacyBroadcast, RefusesWhatDoesNotFit) {
  EXPECT_EQ(
      OneNode("Mul", 6).Input({2, 3}).Input({3}).InferText(),
      "Mul 'o0': shapes 2x3 and 3 must be equal, since broadcast isn't 1");
  EXPECT_EQ(
      OneNode("Less", 1)
          .Input({2, 3, 4})
          .Input({3})
          .Attr("broadcast", 1)
          .InferText(),
      "Less 'o0': operand 1 is 3, which doesn't fill operand 0, 2x3x4, at "
      "axis 2");
  EXPECT_EQ(OneNode("Pow", 1)
                .Input({2, 3})
                .Input({3, 4})
                .Attr("broadcast", 1)
                .Attr("axis", 1)
                .InferText(),
            "Pow 'o0': operand 1 is 3x4, which doesn't fill operand 0, 2x3, at "
            "axis 1");
  EXPECT_EQ(OneNode("And", 1)
                .Input({2, 3}, DataType::kBool)
                .Input({3}, DataType::kBool)
                .Attr("broadcast", 1)
                .Attr("axis", 5)
                .InferText(),
            "And 'o0': axis 5 is outside the 2 axes of the tensor");
}

TEST(Div, ByAConstantIsAMulByItsReciprocal) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Pair pair(random);
    OneNode node("Div", 14);
    pair.AddTo(node);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts),
              RunPair(pair, [&pair](const Number& a, const Number& b) {
                return pair.b_constant ? a * b : a / b;
              }));
    ExpectFormulaAgrees(node);
  }
}

TEST(Div, OfIntegersStaysADivision) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Div", 14)
                           .Input({2, 3}, DataType::kInt32)
                           .Constant({3}, DataType::kInt32)
                           .Count());
  EXPECT_EQ(TallyOf(counts).operations,
            (std::map<std::string, int64_t>{{"div", 2 * 3}}));
}

// The operations of x to the power of a constant.
Number Power(const Number& x, double exponent) {
  if (exponent == 2) return x * x;
  if (exponent == 3) return x * x * x;
  return x.Apply(exponent == 0.5 ? "sqrt" : "pow", 0.5);
}

TEST(Pow, ConstantExponentsOf2And3AndAHalfAreCheap) {
  RandomShapes random;
  for (const double exponent : {2.0, 3.0, 0.5, 1.5, -1.0}) {
    for (int i = 0; i < kCases; ++i) {
      const Sizes sizes = random.Shape(0, 4);
      const bool is_uniform = random.Flip();  // of the base's shape
      Tally tally;
      Array x(tally, "i0", sizes);
      OperandArray y(tally, 1, is_uniform ? sizes : Sizes(), true);
      Array z(tally, "o0", sizes);
      for (const Sizes& index : IndicesOf(sizes)) {
        (void)y.At(index);
        z.Write(index, Power(x.Read(index), exponent));
      }
      OneNode node("Pow", 15);
      node.Input(DimsFrom(sizes));
      node.ConstantValue(TensorValue::UniformFloat(
          DataType::kFloat32,
          is_uniform ? IntDims(sizes.begin(), sizes.end()) : IntDims(),
          exponent));
      ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
      ASSERT_EQ(TallyOf(counts), tally) << exponent;
      ExpectFormulaAgrees(node);
    }
  }
}

TEST(Pow, OtherExponentsAreAPower) {
  const auto operations = [](OneNode node) {
    return TallyOf(*node.Count()).operations;
  };
  const std::map<std::string, int64_t> power = {{"pow", 2}};
  EXPECT_EQ(operations(OneNode("Pow", 13).Input({2}).Input({2})), power);
  EXPECT_EQ(operations(OneNode("Pow", 13).Input({2}).Constant({2})), power);
  EXPECT_EQ(operations(OneNode("Pow", 13).Input({2}).ConstantFloats({2, 3})),
            power);
  EXPECT_EQ(operations(OneNode("Pow", 13).Input({2}).ConstantFloats({2, 2})),
            (std::map<std::string, int64_t>{{"mul", 2}}));
}

TEST(Pow, TheExponentMayBeOfAnotherType) {
  EXPECT_EQ(OneNode("Pow", 12).Input({2, 3}).ConstantScalar(2).InferText(),
            "float32 2x3");
  OneNode node("Pow", 12);
  node.Input({2, 3}).ConstantScalar(2);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).operations,
            (std::map<std::string, int64_t>{{"mul", 2 * 3}}));
}

// Variadic operators.

struct VariadicCase {
  const char* op;
  std::function<Number(const Number&, const Number&)> combine;
  bool is_mean = false;
};

std::vector<VariadicCase> VariadicCases() {
  const auto sum = [](const Number& a, const Number& b) { return a + b; };
  return {
      {"Sum", sum},
      {"Mean", sum, true},
      {"Max", [](const Number& a, const Number& b) { return Max(a, b); }},
      {"Min", [](const Number& a, const Number& b) { return Min(a, b); }},
  };
}

Tally RunVariadic(const VariadicCase& variadic,
                  const std::vector<Sizes>& shapes) {
  Sizes out;
  for (const Sizes& shape : shapes) out = BroadcastOf(out, shape);
  Tally tally;
  std::vector<OperandArray> operands;
  for (size_t i = 0; i < shapes.size(); ++i) {
    // The first is a constant.
    operands.emplace_back(tally, static_cast<int>(i), shapes[i], i == 0);
  }
  Array y(tally, "o0", out);
  for (const Sizes& index : IndicesOf(out)) {
    Number all = operands[0].At(index);
    for (size_t i = 1; i < operands.size(); ++i) {
      all = variadic.combine(all, operands[i].At(index));
    }
    if (variadic.is_mean) all = all * Number(tally, 1.0 / 3);
    y.Write(index, all);
  }
  return tally;
}

TEST(Variadic, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (const VariadicCase& variadic : VariadicCases()) {
    for (int i = 0; i < kCases; ++i) {
      const Sizes whole = random.Shape(0, 3);
      std::vector<Sizes> shapes;
      OneNode node(variadic.op, random.Flip() ? 8 : 13);
      const int64_t operands = random.Int(variadic.is_mean ? 1 : 2, 5);
      for (int64_t k = 0; k < operands; ++k) {
        shapes.push_back(random.Narrowed(whole));
        AddOperand(node, shapes.back(), k == 0);
      }
      ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
      ASSERT_EQ(TallyOf(counts), RunVariadic(variadic, shapes)) << variadic.op;
    }
  }
}

TEST(Variadic, OfOneOperandIsAViewUnlessItComputes) {
  for (const char* op : {"Sum", "Max", "Min"}) {
    ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                         OneNode(op, 13).Input({2, 3}).Count());
    EXPECT_TRUE(counts.is_view) << op;
  }
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Mean", 13).Input({2, 3}).Count());
  EXPECT_FALSE(counts.is_view);
  EXPECT_EQ(TallyOf(counts).operations,
            (std::map<std::string, int64_t>{{"mul", 2 * 3}}));
}

TEST(Variadic, ManyOperandsAreCountedOneByOne) {
  constexpr int kOperands = 40;
  OneNode node("Sum", 13);
  for (int i = 0; i < kOperands; ++i) node.Input({3});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).operations,
            (std::map<std::string, int64_t>{{"add", (kOperands - 1) * 3}}));
  EXPECT_EQ(TallyOf(counts).reads.size(), static_cast<size_t>(kOperands));
}

TEST(Variadic, BeforeOpset8AllShapesAreEqual) {
  EXPECT_EQ(OneNode("Sum", 6).Input({2, 3}).Input({2, 3}).InferText(),
            "float32 2x3");
  EXPECT_EQ(
      OneNode("Max", 6).Input({2, 3}).Input({2, 3}).Input({3}).InferText(),
      "Max 'o0': operand 2 is 3 but operand 0 is 2x3; before opset 8 they "
      "must be equal");
}

TEST(Variadic, NeedsAnOperand) {
  EXPECT_EQ(OneNode("Mean", 13).InferText(), "Mean 'o0': operand 0 is missing");
}

// Where.

TEST(Where, ReadsTheLargerOfItsTwoBranches) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes whole = random.Shape(0, 4);
    const Sizes condition = random.Narrowed(whole);
    const Sizes x = random.Narrowed(whole);
    const Sizes y = random.Narrowed(whole);
    const bool x_constant = random.Flip();
    const bool y_constant = random.Flip();
    const Sizes out = BroadcastOf(condition, BroadcastOf(x, y));
    Tally tally;
    OperandArray c(tally, 0, condition, false);
    const bool takes_x = SizeOf(x) >= SizeOf(y);
    OperandArray chosen(tally, takes_x ? 1 : 2, takes_x ? x : y,
                        takes_x ? x_constant : y_constant);
    Array z(tally, "o0", out);
    for (const Sizes& index : IndicesOf(out)) {
      (void)c.At(index);
      z.Write(index, chosen.At(index));
    }
    OneNode node("Where", random.Flip() ? 9 : 16);
    node.Input(DimsFrom(condition), DataType::kBool);
    AddOperand(node, x, x_constant);
    AddOperand(node, y, y_constant);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts), tally);
    ExpectFormulaAgrees(node);
  }
}

TEST(Where, OfSymbolsReadsTheBranchThatFillsTheOutput) {
  const Extent n = Extent::Symbol("N");
  const auto chosen = [](Dims x, Dims y) {
    OneNode node("Where", 16);
    node.Input({Extent::Symbol("N"), 3}, DataType::kBool).Input(x).Input(y);
    return node.Count()->accesses[1].index;
  };
  EXPECT_EQ(chosen({n, 3}, {3}), 1);
  EXPECT_EQ(chosen({3}, {n, 3}), 2);
  EXPECT_EQ(chosen({n, 3}, {n, 3}), 1);
  EXPECT_EQ(chosen({n, 1}, {}), 1);
  EXPECT_EQ(chosen({}, {n, 1}), 2);
}

TEST(Where, HasTheTypeOfItsBranches) {
  EXPECT_EQ(OneNode("Where", 16)
                .Input({2, 1}, DataType::kBool)
                .Input({3}, DataType::kInt64)
                .Input({}, DataType::kInt64)
                .InferText(),
            "int64 2x3");
}

TEST(Where, RefusesAConditionThatIsNotBool) {
  EXPECT_EQ(OneNode("Where", 16).Input({2}).Input({2}).Input({2}).InferText(),
            "Where 'o0': the condition must be bool but is float32");
}

TEST(Where, RefusesBranchesOfDifferentTypes) {
  EXPECT_EQ(OneNode("Where", 16)
                .Input({2}, DataType::kBool)
                .Input({2})
                .Input({2}, DataType::kFloat16)
                .InferText(),
            "Where 'o0': the operands must have one element type but are "
            "float32 and float16");
}

}  // namespace
}  // namespace opcost
