// SPDX-License-Identifier: Apache-2.0
// Functions of one operand, and Cast.
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kFloat16Number = 10;  // TensorProto.FLOAT16
constexpr int kInt64Number = 7;     // TensorProto.INT64
constexpr int kCases = 200;

// What one element goes through, from the operator's definition in ONNX.
struct UnaryCase {
  const char* op;
  int opset;
  std::function<Number(const Number&)> apply;
};

std::vector<UnaryCase> UnaryCases() {
  // A comparison, a rounding or a logical operation.
  const auto one_add = [](const Number& x) { return x.Apply("add", 0.5); };
  return {
      {"Abs", 13, one_add},
      {"Ceil", 13, one_add},
      {"Floor", 13, one_add},
      {"Neg", 13, [](const Number& x) { return -x; }},
      {"Not", 1, one_add},
      {"Round", 22, one_add},
      {"Sign", 13, one_add},
      {"Erf", 13, [](const Number& x) { return x.Apply("erf", 0.5); }},
      {"Exp", 13, [](const Number& x) { return x.Apply("exp", 0.5); }},
      {"Log", 13, [](const Number& x) { return x.Apply("log", 0.5); }},
      {"Sqrt", 13, [](const Number& x) { return x.Apply("sqrt", 0.5); }},
      {"Reciprocal", 13, [](const Number& x) { return x.Apply("div", 0.5); }},
  };
}

Tally RunUnary(const UnaryCase& unary, const Sizes& sizes) {
  Tally tally;
  Array x(tally, "i0", sizes);
  Array y(tally, "o0", sizes);
  for (const Sizes& index : IndicesOf(sizes)) {
    y.Write(index, unary.apply(x.Read(index)));
  }
  return tally;
}

TEST(ElementwiseUnary, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (const UnaryCase& unary : UnaryCases()) {
    for (int i = 0; i < kCases; ++i) {
      const Sizes sizes = random.Shape(0, 4);
      OneNode node(unary.op, unary.opset);
      node.Input(DimsFrom(sizes));
      ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
      ASSERT_EQ(TallyOf(counts), RunUnary(unary, sizes)) << unary.op;
    }
  }
}

TEST(ElementwiseUnary, FormulaeSayWhatIsCounted) {
  for (const UnaryCase& unary : UnaryCases()) {
    OneNode node(unary.op, unary.opset);
    node.Input({2, 3, 5});
    ExpectFormulaAgrees(node);
  }
  OneNode cast("Cast", 13);
  cast.Input({2, 3}).Attr("to", kInt64Number);
  ExpectFormulaAgrees(cast);
}

TEST(ElementwiseUnary, EveryVersionKeepsTypeAndShape) {
  struct Version {
    const char* op;
    std::vector<int> opsets;
  };
  const std::vector<Version> versions = {
      {"Abs", {1, 6, 13}}, {"Ceil", {1, 6, 13}}, {"Floor", {1, 6, 13}},
      {"Neg", {1, 6, 13}}, {"Not", {1}},         {"Round", {11, 22}},
      {"Sign", {9, 13}},   {"Erf", {9, 13}},     {"Exp", {1, 6, 13}},
      {"Log", {1, 6, 13}}, {"Sqrt", {1, 6, 13}}, {"Reciprocal", {1, 6, 13}},
  };
  for (const Version& version : versions) {
    for (const int opset : version.opsets) {
      EXPECT_EQ(OneNode(version.op, opset)
                    .Input({2, 3}, DataType::kFloat16)
                    .InferText(),
                "float16 2x3")
          << version.op << "-" << opset;
    }
  }
}

TEST(ElementwiseUnary, KeepsSymbols) {
  EXPECT_EQ(OneNode("Exp", 13).Input({Extent::Symbol("N"), 3}).InferText(),
            "float32 Nx3");
}

TEST(ElementwiseUnary, AnEmptyTensorCostsNothing) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Exp", 13).Input({0, 3}).Count());
  EXPECT_TRUE(counts.arith.empty());
  EXPECT_TRUE(counts.accesses.empty());
  EXPECT_FALSE(counts.is_view);
}

TEST(ElementwiseUnary, IsUnknownWithoutAShape) {
  const absl::StatusOr<OutputTypes> types =
      OneNode("Exp", 13).InputOfUnknownRank().Infer();
  EXPECT_TRUE(IsUndetermined(types.status()));
  EXPECT_THAT(types, FailsWith("Exp 'o0': the shape of 'i0' isn't known"));
}

TEST(ElementwiseUnary, NeedsItsOperand) {
  EXPECT_EQ(OneNode("Sqrt", 13).InferText(), "Sqrt 'o0': operand 0 is missing");
}

TEST(ElementwiseUnary, RefusesCountsBeyond63Bits) {
  const int64_t big = int64_t{1} << 32;
  EXPECT_THAT(OneNode("Exp", 13).Input({big, big}).Count(),
              FailsWith("Exp 'o0': the number of exp operations doesn't fit 63 "
                        "bits; reduce the input's extents"));
}

TEST(Cast, TakesTheTypeThatToNames) {
  EXPECT_EQ(
      OneNode("Cast", 13).Input({2}).Attr("to", kFloat16Number).InferText(),
      "float16 2");
  EXPECT_EQ(OneNode("Cast", 6).Input({2}).Attr("to", kInt64Number).InferText(),
            "int64 2");
}

TEST(Cast, BeforeOpset6ToIsAName) {
  EXPECT_EQ(OneNode("Cast", 5).Input({2}).Attr("to", "FLOAT16").InferText(),
            "float16 2");
  EXPECT_EQ(OneNode("Cast", 1).Input({2}).Attr("to", "DOUBLE").InferText(),
            "float64 2");
}

TEST(Cast, RefusesTypesThatItDoesNotKnow) {
  EXPECT_EQ(OneNode("Cast", 13).Input({2}).InferText(),
            "Cast 'o0': attribute 'to' is missing");
  EXPECT_EQ(OneNode("Cast", 13).Input({2}).Attr("to", 99).InferText(),
            "Cast 'o0': attribute 'to' is 99, which is no known element type");
  EXPECT_EQ(OneNode("Cast", 5).Input({2}).Attr("to", "FLOAT12").InferText(),
            "Cast 'o0': attribute 'to' is 'FLOAT12', which is no element type");
}

TEST(Cast, IsOneAddPerElementInTheInputsFormat) {
  ASSERT_OK_AND_ASSIGN(
      const OpCounts counts,
      OneNode("Cast", 13).Input({2, 3}).Attr("to", kFloat16Number).Count());
  Tally expected;
  expected.operations["add"] = 2 * 3;
  expected.reads["i0"] = 2 * 3;
  expected.writes["o0"] = 2 * 3;
  EXPECT_EQ(TallyOf(counts), expected);
  EXPECT_EQ(counts.arith[0].operands, OperandSet::Input(0));
  EXPECT_TRUE(counts.is_view_if_formats_match);
}

TEST(Cast, ToTheSameTypeIsAView) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Cast", 13)
                           .Input({2, 3}, DataType::kFloat16)
                           .Attr("to", kFloat16Number)
                           .Count());
  EXPECT_TRUE(counts.is_view);
  EXPECT_TRUE(counts.accesses.empty());
}

}  // namespace
}  // namespace opcost
