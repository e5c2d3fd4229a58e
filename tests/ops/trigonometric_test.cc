// SPDX-License-Identifier: Apache-2.0
// Trigonometric and hyperbolic functions: what they compose from, against the
// arithmetic of that composition.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>

#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

Number Root(const Number& x) { return x.Apply("sqrt", std::sqrt(x.value())); }
Number Log(const Number& x) { return x.Apply("log", std::log(x.value())); }
Number Exp(const Number& x) { return x.Apply("exp", std::exp(x.value())); }

// Cephes' atanf, all of whose branches cost one division at most.
Number ArcTangent(Tally& tally, const Number& x) {
  const auto number = [&tally](double value) { return Number(tally, value); };
  const Number reduced = (x - number(1)) / (x + number(1));
  const Number square = reduced * reduced;
  Number polynomial = number(8.05374449538e-2) * square;
  polynomial = (polynomial - number(1.38776856032e-1)) * square;
  polynomial = (polynomial + number(1.99777106478e-1)) * square;
  polynomial = (polynomial - number(3.33329491539e-1)) * square;
  return number(std::atan(1)) + (polynomial * reduced + reduced);
}

Number ArcSine(Tally& tally, const Number& x) {
  return ArcTangent(tally, x / Root(Number(tally, 1) - x * x));
}

using Composition = std::function<Number(Tally&, const Number&)>;

struct FunctionCase {
  const char* op;
  int opset;
  double (*function)(double);
  Composition composition;
};

std::vector<FunctionCase> Functions() {
  const auto one = [](Tally& tally) { return Number(tally, 1); };
  const auto half = [](Tally& tally) { return Number(tally, 0.5); };
  return {
      {"Sin", 7, std::sin,
       [](Tally&, const Number& x) {
         return x.Apply("sin", std::sin(x.value()));
       }},
      {"Cos", 7, std::cos,
       [](Tally&, const Number& x) {
         return x.Apply("cos", std::cos(x.value()));
       }},
      {"Tan", 7, std::tan,
       [](Tally&, const Number& x) {
         return x.Apply("tan", std::tan(x.value()));
       }},
      {"Atan", 7, std::atan, ArcTangent},
      {"Asin", 7, std::asin, ArcSine},
      {"Acos", 7, std::acos,
       [](Tally& t, const Number& x) {
         return Number(t, std::acos(0)) - ArcSine(t, x);
       }},
      {"Sinh", 9, std::sinh,
       [=](Tally& t, const Number& x) {
         const Number e = Exp(x);
         return (e - one(t) / e) * half(t);
       }},
      {"Cosh", 9, std::cosh,
       [=](Tally& t, const Number& x) {
         const Number e = Exp(x);
         return (e + one(t) / e) * half(t);
       }},
      {"Asinh", 9, std::asinh,
       [=](Tally& t, const Number& x) {
         return Log(x + Root(x * x + one(t)));
       }},
      {"Acosh", 9, std::acosh,
       [=](Tally& t, const Number& x) {
         return Log(x + Root(x * x - one(t)));
       }},
      {"Atanh", 9, std::atanh,
       [=](Tally& t, const Number& x) {
         return Log((one(t) + x) / (one(t) - x)) * half(t);
       }},
  };
}

TEST(Trigonometric, CountsItsComposition) {
  RandomShapes random;
  for (const FunctionCase& c : Functions()) {
    for (int i = 0; i < 20; ++i) {
      const Sizes sizes = random.Shape(0, 3);
      Tally tally;
      Array x(tally, "i0", sizes), y(tally, "o0", sizes);
      for (int64_t e = 0; e < x.size(); ++e) {
        y.Write(e, c.composition(tally, x.Read(e)));
      }
      OneNode node(c.op, c.opset);
      node.Input(DimsFrom(sizes));
      ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
      EXPECT_EQ(TallyOf(counts), tally) << c.op;
      ExpectFormulaAgrees(node);
    }
  }
}

TEST(Trigonometric, ComposesToItsFunction) {
  Tally tally;
  const double inside = 0.3, outside = 1.7;
  for (const FunctionCase& c : Functions()) {
    const double x = std::string(c.op) == "Acosh" ? outside : inside;
    const Number result = c.composition(tally, Number(tally, x));
    // The arc tangent's range is reduced by (x-1)/(x+1) here, good near 1.
    const std::string name = c.op;
    if (name == "Atan" || name == "Asin" || name == "Acos") continue;
    EXPECT_NEAR(result.value(), c.function(x), 1e-9) << c.op;
  }
  EXPECT_NEAR(ArcTangent(tally, Number(tally, 0.9)).value(), std::atan(0.9),
              1e-7);
}

TEST(Trigonometric, FoldsSmallValues) {
  for (const FunctionCase& c : Functions()) {
    const double x = std::string(c.op) == "Acosh" ? 1.5 : 0.25;
    OneNode node(c.op, 22);
    node.ConstantFloats({x});
    ASSERT_OK_AND_ASSIGN(const OutputValues values, node.Fold());
    ASSERT_NE(values[0], nullptr) << c.op;
    EXPECT_EQ(values[0]->Float(0),
              static_cast<double>(static_cast<float>(c.function(x))));
  }
}

}  // namespace
}  // namespace opcost
