// SPDX-License-Identifier: Apache-2.0
// FusedMatMul, TransposeMatMul, FusedGemm, FusedMatMulActivation, GemmFastGelu.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/ops/random_shapes.h"
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

// Where element (stack, row, column) of a matrix that was transposed stands.
Index Place(const Index& stack, int64_t row, int64_t column, bool trans,
            bool trans_batch) {
  const int64_t first = trans ? column : row;
  const int64_t last = trans ? row : column;
  if (trans_batch) return Joined(Joined({first}, stack), {last});
  return Joined(stack, {first, last});
}

void CheckFusedMatMul(Draw& draw) {
  const int64_t m = draw.Between(1, 4);
  const int64_t k = draw.Between(2, 4);
  const int64_t n = draw.Between(1, 4);
  const Index stack =
      draw.Several(static_cast<size_t>(draw.Between(0, 2)), 1, 3);
  const bool trans_a = draw.Coin(), trans_b = draw.Coin();
  const bool batch_a = draw.Coin(), batch_b = draw.Coin();
  const bool b_is_constant = draw.Coin();
  const double alpha = draw.OneOf({1.0, 0.125});

  Tally tally;
  Array a(tally, "i0", Place(stack, m, k, trans_a, batch_a));
  Array b(tally, "i1", Place(stack, k, n, trans_b, batch_b));
  Array y(tally, "o0", Joined(stack, {m, n}));
  ForEachIndex(Joined(stack, {m, n}), [&](const Index& at) {
    const Index in(at.begin(), at.end() - 2);
    const int64_t row = at[at.size() - 2], column = at.back();
    Number sum(tally, 0);
    for (int64_t i = 0; i < k; ++i) {
      sum = sum + a.Read(Place(in, row, i, trans_a, batch_a)) *
                      b.Read(Place(in, i, column, trans_b, batch_b));
    }
    if (alpha != 1) sum = sum * Number(tally, alpha);
    y.Write(at, sum);
  });

  OneNode node = Ms(draw.OneOf({"FusedMatMul", "TransposeMatMul"}));
  AddOperand(node, a.dims(), false);
  AddOperand(node, b.dims(), b_is_constant);
  node.Attr("alpha", alpha).Attr("transA", trans_a ? 1 : 0);
  node.Attr("transB", trans_b ? 1 : 0).Attr("transBatchA", batch_a ? 1 : 0);
  node.Attr("transBatchB", batch_b ? 1 : 0);
  EXPECT_EQ(node.InferText(),
            absl::StrCat("float32 ", ToString(Shape(DimsFrom(y.dims())))));
  ExpectCounts(node, tally, "FusedMatMul");
}

TEST(FusedMatMul, CountsWhatPlainLoopsDo) {
  Draw draw(7001);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckFusedMatMul(draw);
  }
}

TEST(FusedMatMul, ShapesFollowTransposition) {
  ExpectInfers({
      {Ms("FusedMatMul").Input({2, 3, 4}).Constant({4, 5}), "float32 2x3x5"},
      {Ms("FusedMatMul")
           .Input({Extent::Symbol("N"), 4, 3})
           .Constant({5, 4})
           .Attr("transA", 1)
           .Attr("transB", 1),
       "float32 Nx3x5"},
      {Ms("FusedMatMul")
           .Input({6, 2, 7, 8})
           .Input({8, 9})
           .Attr("transBatchA", 1),
       "float32 2x7x6x9"},
      {Ms("FusedMatMul").Input({4}).Constant({4, 5}).Attr("transA", 1),
       "float32 5"},
  });
}

TEST(FusedMatMul, RefusesWhatDoesNotFit) {
  ExpectInfers({
      {Ms("FusedMatMul").Input({3, 4}).Constant({5, 6}),
       "FusedMatMul 'o0': A has 4 columns but B has 5 rows"},
      {Ms("FusedMatMul").Input({}).Constant({5, 6}),
       "FusedMatMul 'o0': A is a scalar but must have at least 1 axis"},
      {Ms("FusedMatMul").Input({3, 4}).Constant({4, 6}, DataType::kFloat16),
       "FusedMatMul 'o0': the operands must have one element type but are "
       "float32 and float16"},
      {Ms("FusedGemm").Input({2, 3, 4}).Constant({4, 6}),
       "FusedGemm 'o0': A 2x3x4 and B 4x6 must have 2 axes each"},
      {Ms("FusedGemm").Input({3, 4}).Constant({4, 6}).Constant({4}),
       "FusedGemm 'o0': C is 4, which doesn't fill 3x6"},
  });
}

struct Fused {
  const char* name;
  Number (*apply)(Tally&, const Number&);
};

constexpr Fused kActivations[] = {
    {"Relu", [](Tally& t, const Number& x) { return Max(x, Number(t, 0)); }},
    {"Tanh", [](Tally&, const Number& x) { return x.Apply("tanh", 0.5); }},
    {"Sigmoid",
     [](Tally&, const Number& x) { return x.Apply("sigmoid", 0.5); }},
    {"LeakyRelu",
     [](Tally& t, const Number& x) {
       Less(x, Number(t, 0));
       return x * Number(t, 0.01);
     }},
    {"Clip",
     [](Tally& t, const Number& x) {
       return Min(Max(x, Number(t, 0)), Number(t, 6));
     }},
    {"HardSigmoid",
     [](Tally& t, const Number& x) {
       return Min(Max(x * Number(t, 0.2) + Number(t, 0.5), Number(t, 0)),
                  Number(t, 1));
     }},
    {"Softplus",
     [](Tally& t, const Number& x) {
       return (x.Apply("exp", 1) + Number(t, 1)).Apply("log", 1);
     }},
    {"Softsign",
     [](Tally& t, const Number& x) { return x / (Number(t, 1) + Max(x, -x)); }},
};

// |x| is one add; Max(x, -x) would be two.
Number Activate(const Fused& fused, Tally& tally, const Number& x) {
  if (std::string(fused.name) != "Softsign") return fused.apply(tally, x);
  return x / (Number(tally, 1) + (-x));
}

void CheckFusedGemm(Draw& draw) {
  const int64_t m = draw.Between(1, 4);
  const int64_t k = draw.Between(2, 4);
  const int64_t n = draw.Between(2, 4);
  const bool trans_a = draw.Coin(), trans_b = draw.Coin();
  const bool has_c = draw.Coin();
  const double alpha = draw.OneOf({1.0, 0.5}), beta = draw.OneOf({1.0, 2.0});
  const Fused& fused = kActivations[draw.Between(0, 7)];

  Tally tally;
  Array a(tally, "i0", Place({}, m, k, trans_a, false));
  Array b(tally, "i1", Place({}, k, n, trans_b, false));
  Array c(tally, "i2", {n}), y(tally, "o0", {m, n});
  ForEachIndex({m, n}, [&](const Index& at) {
    Number start(tally, 0);
    if (has_c) {
      start = c.Read({at[1]});
      if (beta != 1) start = start * Number(tally, beta);
    }
    Number sum = alpha == 1 ? start : Number(tally, 0);
    for (int64_t i = 0; i < k; ++i) {
      sum = sum + a.Read(Place({}, at[0], i, trans_a, false)) *
                      b.Read(Place({}, i, at[1], trans_b, false));
    }
    if (alpha != 1) {
      sum = sum * Number(tally, alpha);
      if (has_c) sum = sum + start;
    }
    y.Write(at, Activate(fused, tally, sum));
  });

  OneNode node = Ms("FusedGemm");
  AddOperand(node, a.dims(), false);
  AddOperand(node, b.dims(), true);
  if (has_c) AddOperand(node, {n}, true);
  node.Attr("alpha", alpha).Attr("beta", beta).Attr("activation", fused.name);
  node.Attr("transA", trans_a ? 1 : 0).Attr("transB", trans_b ? 1 : 0);
  ExpectCounts(node, tally, fused.name);
}

TEST(FusedGemm, CountsWhatPlainLoopsDo) {
  Draw draw(7002);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckFusedGemm(draw);
  }
}

TEST(FusedMatMulActivation, AddsTheActivationToFusedMatMul) {
  for (const Fused& fused : kActivations) {
    Tally tally;
    Array a(tally, "i0", {3, 4}), b(tally, "i1", {4, 5}),
        y(tally, "o0", {3, 5});
    ForEachIndex({3, 5}, [&](const Index& at) {
      Number sum(tally, 0);
      for (int64_t i = 0; i < 4; ++i) {
        sum = sum + a.Read({at[0], i}) * b.Read({i, at[1]});
      }
      y.Write(at, Activate(fused, tally, sum));
    });
    OneNode node = Ms("FusedMatMulActivation");
    node.Input({3, 4}).Constant({4, 5}).Attr("activation", fused.name);
    ExpectCounts(node, tally, fused.name);
  }
}

TEST(FusedMatMulActivation, AnActivationThatNoRuleKnowsIsUnknown) {
  OneNode node = Ms("FusedMatMulActivation");
  node.Input({3, 4}).Constant({4, 5}).Attr("activation", "Softmax");
  EXPECT_EQ(node.InferText(), "float32 3x5");
  EXPECT_THAT(node.Count(),
              StatusIs(absl::StatusCode::kUnavailable,
                       "FusedMatMulActivation 'o0': no rule states the work of "
                       "activation 'Softmax'"));
}

TEST(GemmFastGelu, SumsStartAtTheBias) {
  const int64_t macs = (2 * 3 * 5) * 4, out = 2 * 3 * 5;
  OneNode node = Ms("GemmFastGelu");
  node.Input({2, 3, 4}).Constant({4, 5}).Constant({5});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  Tally tally;
  tally.operations = {
      {"mul", macs + 6 * out}, {"add", macs + 2 * out}, {"tanh", out}};
  tally.reads = {{"i0", macs}, {"i1", macs}, {"i2", out}};
  tally.writes = {{"o0", out}};
  EXPECT_EQ(TallyOf(counts), tally);
  ExpectFormulaAgrees(node);
}

}  // namespace
}  // namespace opcost
