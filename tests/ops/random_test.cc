// SPDX-License-Identifier: Apache-2.0
// Random generators: shapes, counts against plain loops, errors.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "opcost/ops/registry.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");

TEST(Random, TakesItsShapeFromAnAttributeOrATensor) {
  ExpectInfers({
      {OneNode("RandomNormal", 1).Attr("shape", Numbers{2, 3}), "float32 2x3"},
      {OneNode("RandomUniform", 22)
           .Attr("shape", Numbers{2, 3})
           .Attr("dtype", 11),
       "float64 2x3"},
      {OneNode("RandomNormalLike", 1).Input({kN, 3}, DataType::kFloat16),
       "float16 Nx3"},
      {OneNode("RandomUniformLike", 1).Input({4}).Attr("dtype", 11),
       "float64 4"},
      {OneNode("Bernoulli", 15).Input({kN, 3}), "float32 Nx3"},
      {OneNode("Bernoulli", 15).Input({3}).Attr("dtype", 9), "bool 3"},
      {OneNode("Multinomial", 7).Input({kN, 9}).Attr("sample_size", 4),
       "int32 Nx4"},
      {OneNode("Multinomial", 7).Input({2, 9}).Attr("dtype", 7), "int64 2x1"},
  });
}

TEST(Random, ErrorsNameTheAttribute) {
  ExpectInfers({
      {OneNode("RandomNormal", 1),
       "RandomNormal 'o0': attribute 'shape' is missing"},
      {OneNode("RandomUniform", 1).Attr("shape", Numbers{2, -1}),
       "RandomUniform 'o0': element 1 of shape is -1 but an extent can't be "
       "negative"},
      {OneNode("Bernoulli", 15).Input({2}).Attr("dtype", 0),
       "Bernoulli 'o0': attribute 'dtype' is 0, which is no known element "
       "type"},
      {OneNode("Multinomial", 7).Input({9}),
       "Multinomial 'o0': the input must be batch x classes but is 9"},
      {OneNode("Multinomial", 7).Input({2, 9}).Attr("sample_size", -2),
       "Multinomial 'o0': attribute 'sample_size' is -2 but an extent can't be "
       "negative"},
      {OneNode("Multinomial", 7).Input({2, 9}).Attr("dtype", 1),
       "Multinomial 'o0': attribute 'dtype' must be int32 or int64 but is "
       "float32"},
  });
}

TEST(Random, IsNeverConstant) {
  for (const char* const op :
       {"Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike",
        "RandomUniform", "RandomUniformLike"}) {
    EXPECT_TRUE(IsRandomGenerator("", op)) << op;
    ASSERT_NE(FindOp("", op, 22), nullptr) << op;
    EXPECT_EQ(FindOp("", op, 22)->fold, nullptr) << op;
  }
}

// Box and Muller, from two draws that cost nothing.
Number NormalFrom(Tally& tally) {
  const Number u(tally, 0.5), v(tally, 0.25);
  const Number log = u.Apply("log", std::log(u.value()));
  const Number square = Number(tally, -2) * log;
  const Number root = square.Apply("sqrt", std::sqrt(square.value()));
  const Number angle = Number(tally, 2 * M_PI) * v;
  return root * angle.Apply("cos", std::cos(angle.value()));
}

TEST(Random, MakesEachNumberOfDraws) {
  Dice dice(61);
  for (int i = 0; i < 200; ++i) {
    const Numbers shape = dice.Rolls(dice.Roll(0, 3), 1, 4);
    const bool is_normal = dice.Coin();
    const bool scales = dice.Coin();
    const bool shifts = dice.Coin();
    const bool is_like = dice.Coin();
    Tally tally;
    Array y(tally, "o0", shape);
    for (int64_t e = 0; e < y.size(); ++e) {
      Number value = is_normal ? NormalFrom(tally) : Number(tally, 0.5);
      if (scales) value = value * Number(tally, 3);
      if (shifts) value = value + Number(tally, 1);
      y.Write(e, value);
    }
    const std::string op =
        std::string(is_normal ? "RandomNormal" : "RandomUniform") +
        (is_like ? "Like" : "");
    OneNode node(op, 22);
    if (is_like) {
      node.Input(DimsOf(shape));
    } else {
      node.Attr("shape", shape);
    }
    const double low = shifts ? 1 : 0;
    const double scale = scales ? 3 : 1;
    if (is_normal) {
      node.Attr("mean", low).Attr("scale", scale);
    } else {
      node.Attr("low", low).Attr("high", low + scale);
    }
    ExpectCounts(node, tally, op + TextOf(shape));
  }
}

TEST(Bernoulli, ComparesEachProbabilityWithADraw) {
  Tally tally;
  Array x(tally, "i0", {3, 5}), y(tally, "o0", {3, 5});
  for (int64_t e = 0; e < x.size(); ++e) {
    y.Write(e, Less(Number(tally, 0.5), x.Read(e)));
  }
  OneNode node("Bernoulli", 15);
  node.Input({3, 5});
  ExpectCounts(node, tally, "3x5");
}

TEST(Multinomial, SearchesTheRunningSums) {
  Dice dice(62);
  for (int i = 0; i < 100; ++i) {
    const int64_t batch = dice.Roll(1, 3);
    const int64_t classes = dice.Roll(1, 9);
    const int64_t samples = dice.Roll(1, 4);
    Tally tally;
    Array x(tally, "i0", {batch, classes}), y(tally, "o0", {batch, samples}),
        sums(tally, "cumulative", {classes});
    for (int64_t b = 0; b < batch; ++b) {
      Number most(tally, 0), sum(tally, 0);
      for (int64_t c = 0; c < classes; ++c) most = Max(most, x.Read({b, c}));
      for (int64_t c = 0; c < classes; ++c) {
        const Number shifted = x.Read({b, c}) - most;
        sum = sum + shifted.Apply("exp", std::exp(shifted.value()));
        sums.Write(c, sum);
      }
      for (int64_t s = 0; s < samples; ++s) {
        const Number drawn = Number(tally, 0.5) * sum;
        for (int64_t left = classes; left > 0; left /= 2) {
          Less(sums.Read(left / 2), drawn);
        }
        y.Write({b, s}, drawn);
      }
    }
    OneNode node("Multinomial", 22);
    node.Input({batch, classes}).Attr("sample_size", samples);
    ExpectCounts(node, tally, TextOf({batch, classes, samples}));
  }
}

}  // namespace
}  // namespace opcost
