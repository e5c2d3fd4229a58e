// SPDX-License-Identifier: Apache-2.0
// Activations.
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

using Attributes = std::vector<std::pair<const char*, double>>;

// What one element goes through: the operator's definition in ONNX, step by
// step, every branch of a choice and one comparison that chooses.
struct Activation {
  const char* op;
  int opset;
  Attributes attributes;
  std::function<Number(Tally&, const Number&)> apply;
};

Number Exp(const Number& x) { return x.Apply("exp", 0.5); }
Number Log(const Number& x) { return x.Apply("log", 0.5); }
Number Tanh(const Number& x) { return x.Apply("tanh", 0.5); }
Number Sigmoid(const Number& x) { return x.Apply("sigmoid", 0.5); }
Number Erf(const Number& x) { return x.Apply("erf", 0.5); }
Number Abs(const Number& x) { return x.Apply("add", 0.5); }

// One comparison, after both branches were computed.
Number Choose(const Number& x, const Number& otherwise) {
  return Max(x, otherwise);
}

std::vector<Activation> Rectifiers() {
  return {
      {"Relu",
       14,
       {},
       [](Tally& t, const Number& x) { return Max(x, Number(t, 0)); }},
      {"LeakyRelu",
       16,
       {{"alpha", 0.2}},
       [](Tally& t, const Number& x) { return Choose(x, Number(t, 0.2) * x); }},
      {"ThresholdedRelu",
       10,
       {},
       [](Tally& t, const Number& x) { return Choose(x, Number(t, 0)); }},
      {"HardSigmoid",
       6,
       {},
       [](Tally& t, const Number& x) {
         const Number line = Number(t, 0.2) * x + Number(t, 0.5);
         return Max(Number(t, 0), Min(Number(t, 1), line));
       }},
      {"HardSwish",
       14,
       {},
       [](Tally& t, const Number& x) {
         const Number line = Number(t, 1.0 / 6) * x + Number(t, 0.5);
         return x * Max(Number(t, 0), Min(Number(t, 1), line));
       }},
      {"Clip",
       6,
       {{"min", 0.0}, {"max", 6.0}},
       [](Tally& t, const Number& x) {
         return Min(Max(x, Number(t, 0)), Number(t, 6));
       }},
      {"Clip",
       6,
       {{"max", 6.0}},
       [](Tally& t, const Number& x) { return Min(x, Number(t, 6)); }},
  };
}

std::vector<Activation> Exponentials() {
  return {
      {"Elu",
       6,
       {{"alpha", 2.0}},
       [](Tally& t, const Number& x) {
         return Choose(x, Number(t, 2) * (Exp(x) - Number(t, 1)));
       }},
      {"Elu",
       22,
       {},
       [](Tally& t, const Number& x) {
         return Choose(x, Exp(x) - Number(t, 1));
       }},
      {"Celu",
       12,
       {{"alpha", 2.0}},
       [](Tally& t, const Number& x) {
         const Number inner = Exp(x * Number(t, 1 / 2.0)) - Number(t, 1);
         return Choose(x, Number(t, 2) * inner);
       }},
      {"Celu",
       12,
       {},
       [](Tally& t, const Number& x) {
         return Choose(x, Exp(x) - Number(t, 1));
       }},
      {"Selu",
       6,
       {},
       [](Tally& t, const Number& x) {
         const Number product(t, 1.67 * 1.05);
         return Choose(Number(t, 1.05) * x, product * Exp(x) - product);
       }},
      {"Selu",
       6,
       {{"gamma", 1.0}},
       [](Tally& t, const Number& x) {
         const Number alpha(t, 1.67);
         return Choose(x, alpha * Exp(x) - alpha);
       }},
  };
}

std::vector<Activation> SmoothOnes() {
  return {
      {"Sigmoid", 13, {}, [](Tally&, const Number& x) { return Sigmoid(x); }},
      {"Tanh", 13, {}, [](Tally&, const Number& x) { return Tanh(x); }},
      {"Softplus",
       1,
       {},
       [](Tally& t, const Number& x) { return Log(Exp(x) + Number(t, 1)); }},
      {"Softsign",
       1,
       {},
       [](Tally& t, const Number& x) { return x / (Number(t, 1) + Abs(x)); }},
      {"Mish",
       18,
       {},
       [](Tally& t, const Number& x) {
         return x * Tanh(Log(Number(t, 1) + Exp(x)));
       }},
      {"Swish", 24, {}, [](Tally&, const Number& x) { return x * Sigmoid(x); }},
      {"Swish",
       24,
       {{"alpha", 1.7}},
       [](Tally& t, const Number& x) {
         return x * Sigmoid(Number(t, 1.7) * x);
       }},
      {"Gelu",
       20,
       {},
       [](Tally& t, const Number& x) {
         const Number erf = Erf(x * Number(t, 0.7071));
         return Number(t, 0.5) * x * (Number(t, 1) + erf);
       }},
  };
}

Number TanhGelu(Tally& t, const Number& x) {
  const Number cubed = x * x * x;
  const Number inner = x + Number(t, 0.044715) * cubed;
  const Number tanh = Tanh(Number(t, 0.7979) * inner);
  return Number(t, 0.5) * x * (Number(t, 1) + tanh);
}

std::vector<Activation> AllActivations() {
  std::vector<Activation> all = Rectifiers();
  for (const Activation& a : Exponentials()) all.push_back(a);
  for (const Activation& a : SmoothOnes()) all.push_back(a);
  return all;
}

OneNode NodeOf(const Activation& activation, const Sizes& sizes) {
  OneNode node(activation.op, activation.opset);
  node.Input(DimsFrom(sizes));
  for (const auto& [name, value] : activation.attributes) {
    node.Attr(name, value);
  }
  return node;
}

Tally RunActivation(const std::function<Number(Tally&, const Number&)>& apply,
                    const Sizes& sizes) {
  Tally tally;
  Array x(tally, "i0", sizes);
  Array y(tally, "o0", sizes);
  for (const Sizes& index : IndicesOf(sizes)) {
    y.Write(index, apply(tally, x.Read(index)));
  }
  return tally;
}

TEST(Activation, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (const Activation& activation : AllActivations()) {
    for (int i = 0; i < kCases; ++i) {
      const Sizes sizes = random.Shape(0, 4);
      OneNode node = NodeOf(activation, sizes);
      ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
      ASSERT_EQ(TallyOf(counts), RunActivation(activation.apply, sizes))
          << activation.op << "-" << activation.opset;
    }
  }
}

TEST(Activation, FormulaeSayWhatIsCounted) {
  for (const Activation& activation : AllActivations()) {
    OneNode node = NodeOf(activation, {2, 3, 5});
    ExpectFormulaAgrees(node);
  }
}

TEST(Activation, EveryVersionKeepsTypeAndShape) {
  const std::vector<std::pair<const char*, std::vector<int>>> versions = {
      {"Relu", {1, 6, 13, 14}},
      {"LeakyRelu", {1, 6, 16}},
      {"Elu", {1, 6, 22}},
      {"Selu", {1, 6, 22}},
      {"Celu", {12}},
      {"ThresholdedRelu", {10, 22}},
      {"Sigmoid", {1, 6, 13}},
      {"HardSigmoid", {1, 6, 22}},
      {"HardSwish", {14, 22}},
      {"Tanh", {1, 6, 13}},
      {"Softplus", {1, 22}},
      {"Softsign", {1, 22}},
      {"Clip", {1, 6, 11, 12, 13}},
      {"Gelu", {20}},
      {"Mish", {18, 22}},
      {"Swish", {24}}};
  for (const auto& [op, opsets] : versions) {
    for (const int opset : opsets) {
      EXPECT_EQ(OneNode(op, opset)
                    .Input({Extent::Symbol("N"), 3}, DataType::kFloat16)
                    .InferText(),
                "float16 Nx3")
          << op << "-" << opset;
    }
  }
}

TEST(Gelu, TheApproximationIsSpeltOutInMulsAndAdds) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(0, 4);
    OneNode node("Gelu", 20);
    node.Input(DimsFrom(sizes)).Attr("approximate", "tanh");
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts), RunActivation(TanhGelu, sizes));
  }
  OneNode node("Gelu", 20);
  node.Input({2, 3}).Attr("approximate", "tanh");
  ExpectFormulaAgrees(node);
}

TEST(Gelu, RefusesAnotherApproximation) {
  EXPECT_EQ(
      OneNode("Gelu", 20).Input({2}).Attr("approximate", "sigmoid").InferText(),
      "Gelu 'o0': attribute 'approximate' is 'sigmoid' but must be 'none' or "
      "'tanh'");
}

// Clip from opset 11: the bounds are operands.
Tally RunClip(const Sizes& sizes, bool has_min, bool has_max,
              bool is_constant) {
  Tally tally;
  Array x(tally, "i0", sizes);
  OperandArray least(tally, 1, {}, is_constant);
  OperandArray greatest(tally, 2, {}, is_constant);
  Array y(tally, "o0", sizes);
  for (const Sizes& index : IndicesOf(sizes)) {
    Number value = x.Read(index);
    if (has_min) value = Max(value, least.At({}));
    if (has_max) value = Min(value, greatest.At({}));
    y.Write(index, value);
  }
  return tally;
}

void AddBound(OneNode& node, bool is_present, bool is_constant) {
  if (is_present) {
    AddOperand(node, {}, is_constant);
  } else {
    node.Absent();
  }
}

TEST(Clip, ReadsBoundsThatAreOperands) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(0, 4);
    const bool is_constant = random.Flip();
    const bool has_min = random.Flip();
    const bool has_max = !has_min || random.Flip();
    OneNode node("Clip", random.Flip() ? 11 : 13);
    node.Input(DimsFrom(sizes));
    AddBound(node, has_min, is_constant);
    AddBound(node, has_max, is_constant);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts), RunClip(sizes, has_min, has_max, is_constant));
    ExpectFormulaAgrees(node);
  }
}

TEST(Clip, WithoutBoundsIsAView) {
  ASSERT_OK_AND_ASSIGN(const OpCounts old,
                       OneNode("Clip", 6).Input({4}).Count());
  EXPECT_TRUE(old.is_view);
  ASSERT_OK_AND_ASSIGN(const OpCounts now,
                       OneNode("Clip", 13).Input({4}).Count());
  EXPECT_TRUE(now.is_view);
}

TEST(Clip, FromOpset11AttributesAreNoBounds) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Clip", 11).Input({4}).Attr("min", 0.0).Count());
  EXPECT_TRUE(counts.is_view);
}

TEST(Clip, RefusesABoundOfSeveralElements) {
  EXPECT_EQ(OneNode("Clip", 13).Input({4}).Constant({2}).InferText(),
            "Clip 'o0': 'min' must be a scalar but is 2");
  EXPECT_EQ(
      OneNode("Clip", 13).Input({4}).Absent().Constant({2, 3}).InferText(),
      "Clip 'o0': 'max' must be a scalar but is 2x3");
}

TEST(Clip, RefusesABoundThatIsNoNumber) {
  EXPECT_EQ(OneNode("Clip", 6).Input({4}).Attr("min", "low").InferText(),
            "Clip 'o0': attribute 'min' must be a number");
}

Tally RunPRelu(const Sizes& sizes, const Sizes& slopes, bool is_constant) {
  Tally tally;
  Array x(tally, "i0", sizes);
  OperandArray slope(tally, 1, slopes, is_constant);
  Array y(tally, "o0", sizes);
  for (const Sizes& index : IndicesOf(sizes)) {
    const Number value = x.Read(index);
    y.Write(index, Choose(value, slope.At(index) * value));
  }
  return tally;
}

TEST(PRelu, ReadsTheSlopeOncePerOutput) {
  RandomShapes random;
  for (int i = 0; i < kCases; ++i) {
    const Sizes sizes = random.Shape(0, 4);
    const Sizes slopes = random.Narrowed(sizes);
    const bool is_constant = random.Flip();
    OneNode node("PRelu", 16);
    node.Input(DimsFrom(sizes));
    AddOperand(node, slopes, is_constant);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts), RunPRelu(sizes, slopes, is_constant));
    ExpectFormulaAgrees(node);
  }
}

TEST(PRelu, BeforeOpset7HasOneSlopePerChannel) {
  for (const int opset : {1, 6}) {
    ASSERT_OK_AND_ASSIGN(
        const OpCounts counts,
        OneNode("PRelu", opset).Input({2, 3, 4, 5}).Constant({3}).Count());
    Tally expected;
    expected.operations["mul"] = 2 * 3 * 4 * 5;
    expected.operations["add"] = 2 * 3 * 4 * 5;
    expected.reads["i0"] = 2 * 3 * 4 * 5;
    expected.reads["i1"] = 2 * 3 * 4 * 5;
    expected.writes["o0"] = 2 * 3 * 4 * 5;
    EXPECT_EQ(TallyOf(counts), expected);
  }
}

TEST(PRelu, RefusesSlopesThatDoNotFit) {
  EXPECT_EQ(OneNode("PRelu", 6).Input({2, 3, 4}).Constant({4}).InferText(),
            "PRelu 'o0': the slope has 4 elements but must have 1 or one for "
            "each of the 3 channels");
  EXPECT_EQ(OneNode("PRelu", 7).Input({2, 3, 4}).Constant({3}).InferText(),
            "PRelu 'o0': the slope is 3, which doesn't fill 2x3x4");
  EXPECT_EQ(OneNode("PRelu", 7)
                .Input({2, 4})
                .Constant({4}, DataType::kFloat16)
                .InferText(),
            "PRelu 'o0': the operands must have one element type but are "
            "float32 and float16");
}

}  // namespace
}  // namespace opcost
