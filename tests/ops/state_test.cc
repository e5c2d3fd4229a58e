// SPDX-License-Identifier: Apache-2.0
// LinearAttention and CausalConvWithState: shapes, counts against plain loops,
// and errors.
#include <gtest/gtest.h>

#include <algorithm>
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

// 2 sequences of 5 steps, 4 query heads, 2 heads of key size 3, value size 6.
OneNode Linear(const char* rule) {
  OneNode node("LinearAttention", 27);
  node.Input({2, 5, 12}).Input({2, 5, 6}).Input({2, 5, 12});
  node.Attr("q_num_heads", 4).Attr("kv_num_heads", 2);
  node.Attr("update_rule", rule);
  return node;
}

OneNode Conv(Dims x, Dims w) {
  OneNode node("CausalConvWithState", 27);
  node.Input(std::move(x)).Constant(std::move(w)).Outputs(2);
  return node;
}

TEST(LinearAttention, ShapesFollowHeads) {
  OneNode node = Linear("linear");
  node.Outputs(2);
  EXPECT_EQ(node.InferText(0), "float32 2x5x24");
  EXPECT_EQ(node.InferText(1), "float32 2x2x3x6");
  OneNode half = Linear("linear");
  half.Input({2, 2, 3, 6}, DataType::kFloat16).Outputs(2);
  EXPECT_EQ(half.InferText(1), "float16 2x2x3x6");
}

TEST(LinearAttention, ErrorsSayWhatContradictsWhat) {
  OneNode heads("LinearAttention", 27);
  heads.Input({2, 5, 12}).Input({2, 5, 6}).Input({2, 5, 12});
  heads.Attr("q_num_heads", 3)
      .Attr("kv_num_heads", 2)
      .Attr("update_rule", "linear");
  OneNode shared("LinearAttention", 27);
  shared.Input({2, 5, 13}).Input({2, 5, 6}).Input({2, 5, 12});
  shared.Attr("q_num_heads", 4)
      .Attr("kv_num_heads", 2)
      .Attr("update_rule", "linear");
  OneNode flat("LinearAttention", 27);
  flat.Input({2, 12}).Input({2, 5, 6}).Input({2, 5, 12});
  flat.Attr("q_num_heads", 4)
      .Attr("kv_num_heads", 2)
      .Attr("update_rule", "linear");
  ExpectInfers({
      {Linear("retention"),
       "LinearAttention 'o0': update_rule must be linear, gated, delta or "
       "gated_delta but is 'retention'"},
      {Linear("gated"),
       "LinearAttention 'o0': update_rule 'gated' needs the operand decay"},
      {Linear("linear").Absent().Input({2, 5, 2}),
       "LinearAttention 'o0': update_rule 'linear' has no use for the operand "
       "decay"},
      {Linear("delta"),
       "LinearAttention 'o0': update_rule 'delta' needs the operand beta"},
      {Linear("gated").Absent().Input({2, 5, 5}),
       "LinearAttention 'o0': decay is 2x5x5 but must be 2x5x6"},
      {Linear("linear").Input({2, 2, 6, 3}),
       "LinearAttention 'o0': past_state is 2x2x6x3 but must be 2x2x3x6"},
      {heads,
       "LinearAttention 'o0': q_num_heads 3 must be a positive multiple of "
       "kv_num_heads 2"},
      {shared,
       "LinearAttention 'o0': the last axis of operand 0 is 13, which 4 heads "
       "don't share"},
      {flat, "LinearAttention 'o0': operand 0 must have 3 axes but is 2x12"},
  });
}

struct LinearConfig {
  std::string rule;
  int64_t batch, steps, heads, group, key, value;
  bool has_past, per_key;
  bool is_gated() const { return rule[0] == 'g'; }
  bool is_delta() const { return rule == "delta" || rule == "gated_delta"; }
  int64_t decays() const { return per_key ? heads * key : heads; }
};

LinearConfig DrawLinear(Draw& draw) {
  LinearConfig c;
  c.rule = draw.OneOf<const char*>({"linear", "gated", "delta", "gated_delta"});
  c.batch = draw.Between(1, 2);
  c.steps = draw.Between(1, 3);
  c.heads = draw.Between(1, 2);
  c.group = draw.Between(1, 2);
  c.key = draw.Between(1, 3);
  c.value = draw.Between(1, 3);
  c.has_past = draw.Coin();
  c.per_key = draw.Coin();
  return c;
}

// The recurrence, element by element.
class LinearLoops {
 public:
  LinearLoops(Tally& tally, const LinearConfig& config)
      : tally_(tally),
        c(config),
        q_(tally, "i0", {c.batch, c.steps, c.heads * c.group, c.key}),
        k_(tally, "i1", {c.batch, c.steps, c.heads, c.key}),
        v_(tally, "i2", {c.batch, c.steps, c.heads, c.value}),
        past_(tally, "i3", {c.batch, c.heads, c.key, c.value}),
        decay_(tally, "i4", {c.batch, c.steps, c.decays()}),
        beta_(tally, "i5", {c.batch, c.steps, c.heads}),
        state_(tally, "state", {c.batch, c.heads, c.key, c.value}),
        y_(tally, "o0", {c.batch, c.steps, c.heads * c.group, c.value}),
        present_(tally, "o1", {c.batch, c.heads, c.key, c.value}) {}

  void Run() {
    for (int64_t i = 0; i < state_.size(); ++i) {
      state_.Write(i, c.has_past ? past_.Read(i) : Number(tally_, 0));
    }
    ForEachIndex({c.batch, c.steps, c.heads}, [&](const Index& at) {
      // One exponential per decay.
      const int64_t of_head = c.decays() / c.heads;
      for (int64_t i = 0; c.is_gated() && i < of_head; ++i) {
        (void)decay_.Read({at[0], at[1], at[2] * of_head + i}).Apply("exp", 1);
      }
      for (int64_t m = 0; m < c.value; ++m) {
        Update(at, m);
        for (int64_t g = 0; g < c.group; ++g) Answer(at, m, g);
      }
    });
    for (int64_t i = 0; i < present_.size(); ++i) {
      present_.Write(i, Number(tally_, 0));
    }
  }

 private:
  // beta * (v - what the decayed state retrieves for the key).
  Number Correction(const Index& at, int64_t m) {
    Number retrieved(tally_, 0);
    for (int64_t d = 0; d < c.key; ++d) {
      const Index place = {at[0], at[2], d, m};
      Number element = state_.Read(place);
      if (c.is_gated()) {
        element = element * Number(tally_, 1);
        state_.Write(place, element);
      }
      retrieved = retrieved + element * k_.Read(Joined(at, {d}));
    }
    return (v_.Read(Joined(at, {m})) - retrieved) * beta_.Read(at);
  }
  void Update(const Index& at, int64_t m) {
    Number correction(tally_, 0);
    if (c.is_delta()) correction = Correction(at, m);
    for (int64_t d = 0; d < c.key; ++d) {
      const Index place = {at[0], at[2], d, m};
      Number element = state_.Read(place);
      if (c.is_gated() && !c.is_delta()) element = element * Number(tally_, 1);
      const Number factor =
          c.is_delta() ? correction : v_.Read(Joined(at, {m}));
      state_.Write(place, element + k_.Read(Joined(at, {d})) * factor);
    }
  }
  void Answer(const Index& at, int64_t m, int64_t query) {
    const Index row = {at[0], at[1], at[2] * c.group + query};
    Number sum(tally_, 0);
    for (int64_t d = 0; d < c.key; ++d) {
      sum = sum + q_.Read(Joined(row, {d})) * state_.Read({at[0], at[2], d, m});
    }
    y_.Write(Joined(row, {m}), sum * Number(tally_, 0.5));
  }

  Tally& tally_;
  const LinearConfig& c;
  Array q_, k_, v_, past_, decay_, beta_, state_, y_, present_;
};

void CheckLinear(Draw& draw) {
  const LinearConfig c = DrawLinear(draw);
  Tally tally;
  LinearLoops(tally, c).Run();
  OneNode node("LinearAttention", 27);
  node.Input({c.batch, c.steps, c.heads * c.group * c.key})
      .Input({c.batch, c.steps, c.heads * c.key})
      .Input({c.batch, c.steps, c.heads * c.value});
  c.has_past ? node.Input({c.batch, c.heads, c.key, c.value}) : node.Absent();
  c.is_gated() ? node.Input({c.batch, c.steps, c.decays()}) : node.Absent();
  if (c.is_delta()) node.Input({c.batch, c.steps, c.heads});
  node.Attr("q_num_heads", c.heads * c.group).Attr("kv_num_heads", c.heads);
  node.Attr("update_rule", c.rule.c_str()).Outputs(2);
  ExpectCounts(node, tally, c.rule);
}

TEST(LinearAttentionReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(561);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckLinear(draw);
  }
}

TEST(CausalConv, ShapesFollowInputAndKernel) {
  OneNode node = Conv({2, 3, Extent::Symbol("L")}, {3, 1, 4});
  EXPECT_EQ(node.InferText(0), "float32 2x3xL");
  EXPECT_EQ(node.InferText(1), "float32 2x3x3");
}

TEST(CausalConv, ErrorsSayWhatContradictsWhat) {
  ExpectInfers({
      {Conv({2, 3}, {3, 1, 4}),
       "CausalConvWithState 'o0': input 2x3 and weight 3x1x4 must have 3 axes "
       "each"},
      {Conv({2, 3, 8}, {3, 2, 4}),
       "CausalConvWithState 'o0': the weight is 3x2x4 but must be 3x1x4"},
      {Conv({2, 3, 8}, {3, 1, 0}),
       "CausalConvWithState 'o0': the kernel has no elements"},
      {Conv({2, 3, 8}, {3, 1, 4}).Constant({4}),
       "CausalConvWithState 'o0': the bias is 4 but must be 3"},
      {Conv({2, 3, 8}, {3, 1, 4}).Absent().Input({2, 3, 4}),
       "CausalConvWithState 'o0': past_state is 2x3x4 but must be 2x3x3"},
      {Conv({2, 3, 8}, {3, 1, 4}).Attr("activation", "relu"),
       "CausalConvWithState 'o0': activation must be silu, swish or none but "
       "is 'relu'"},
  });
}

void CheckConv(Draw& draw) {
  const int64_t batch = draw.Between(1, 2), channels = draw.Between(1, 3),
                length = draw.Between(1, 5), kernel = draw.Between(1, 4);
  const bool has_bias = draw.Coin(), has_past = draw.Coin(),
             is_activated = draw.Coin(), wants_present = draw.Coin();
  const int64_t before = kernel - 1;
  Tally tally;
  Array x(tally, "i0", {batch, channels, length}),
      w(tally, "i1", {channels, kernel}), bias(tally, "i2", {channels}),
      past(tally, "i3", {batch, channels, before}),
      y(tally, "o0", {batch, channels, length}),
      present(tally, "o1", {batch, channels, before});
  // Position `at` of past and input; padding counts as an element of the input.
  const auto element = [&](const Index& row, int64_t at) {
    if (at >= before) return x.Read(Joined(row, {at - before}));
    return has_past ? past.Read(Joined(row, {at})) : x.Read(Joined(row, {0}));
  };
  ForEachIndex({batch, channels, length}, [&](const Index& at) {
    const Index row = {at[0], at[1]};
    Number sum = has_bias ? bias.Read(at[1]) : Number(tally, 0);
    for (int64_t i = 0; i < kernel; ++i) {
      sum = sum + element(row, at[2] + i) * w.Read({at[1], i});
    }
    if (is_activated) sum = sum * sum.Apply("sigmoid", 0.5);
    y.Write(at, sum);
  });
  if (wants_present) {
    ForEachIndex({batch, channels, before}, [&](const Index& at) {
      const Index row = {at[0], at[1]};
      const int64_t position = length + at[2];
      const bool is_zero = position < before && !has_past;
      present.Write(at, is_zero ? Number(tally, 0) : element(row, position));
    });
  }

  OneNode node("CausalConvWithState", 27);
  node.Input({batch, channels, length}).Input({channels, 1, kernel});
  has_bias ? node.Input({channels}) : node.Absent();
  if (has_past) node.Input({batch, channels, before});
  if (is_activated) node.Attr("activation", "silu");
  node.Outputs(2);
  if (!wants_present) node.UnusedOutput(1);
  ExpectCounts(node, tally, "causal convolution");
}

TEST(CausalConvReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(562);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckConv(draw);
  }
}

TEST(CausalConv, CountsMayBeSymbolic) {
  OneNode node = Conv({1, 3, Extent::Symbol("L")}, {3, 1, 4});
  node.Constant({3}).Input({1, 3, 3});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, Extent::Symbol("L") * 3 * 4);
  ExpectFormulaAgrees(node);
}

}  // namespace
}  // namespace opcost
