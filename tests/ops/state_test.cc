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

void CheckLinear(Draw& draw) {
  const std::string rule =
      draw.OneOf<const char*>({"linear", "gated", "delta", "gated_delta"});
  const bool gated = rule[0] == 'g',
             delta = rule == "delta" || rule == "gated_delta";
  const int64_t batch = draw.Between(1, 2), steps = draw.Between(1, 3),
                heads = draw.Between(1, 2), group = draw.Between(1, 2),
                key = draw.Between(1, 3), value = draw.Between(1, 3);
  const bool has_past = draw.Coin(), per_key = draw.Coin();
  const int64_t decays = per_key ? heads * key : heads;
  Tally tally;
  Array q(tally, "i0", {batch, steps, heads * group, key}),
      k(tally, "i1", {batch, steps, heads, key}),
      v(tally, "i2", {batch, steps, heads, value}),
      past(tally, "i3", {batch, heads, key, value}),
      decay(tally, "i4", {batch, steps, decays}),
      beta(tally, "i5", {batch, steps, heads}),
      s(tally, "state", {batch, heads, key, value}),
      y(tally, "o0", {batch, steps, heads * group, value}),
      present(tally, "o1", {batch, heads, key, value});
  for (int64_t i = 0; i < s.size(); ++i) {
    s.Write(i, has_past ? past.Read(i) : Number(tally, 0));
  }
  ForEachIndex({batch, steps, heads}, [&](const Index& at) {
    const auto state = [&](int64_t d, int64_t m) {
      return Index{at[0], at[2], d, m};
    };
    // One exponential per decay.
    const int64_t of_head = decays / heads;
    for (int64_t i = 0; gated && i < of_head; ++i) {
      (void)decay.Read({at[0], at[1], at[2] * of_head + i}).Apply("exp", 1);
    }
    const Number kept(tally, 1);
    for (int64_t m = 0; m < value; ++m) {
      Number update(tally, 0);
      if (delta) {
        Number retrieved(tally, 0);
        for (int64_t d = 0; d < key; ++d) {
          Number element = s.Read(state(d, m));
          if (gated) {
            element = element * kept;
            s.Write(state(d, m), element);
          }
          retrieved = retrieved + element * k.Read(Joined(at, {d}));
        }
        update = (v.Read(Joined(at, {m})) - retrieved) * beta.Read(at);
      }
      for (int64_t d = 0; d < key; ++d) {
        Number element = s.Read(state(d, m));
        if (gated && !delta) element = element * kept;
        const Number factor = delta ? update : v.Read(Joined(at, {m}));
        s.Write(state(d, m), element + k.Read(Joined(at, {d})) * factor);
      }
      for (int64_t g = 0; g < group; ++g) {
        const Index row = {at[0], at[1], at[2] * group + g};
        Number sum(tally, 0);
        for (int64_t d = 0; d < key; ++d) {
          sum = sum + q.Read(Joined(row, {d})) * s.Read(state(d, m));
        }
        y.Write(Joined(row, {m}), sum * Number(tally, 0.5));
      }
    }
  });
  for (int64_t i = 0; i < present.size(); ++i) {
    present.Write(i, Number(tally, 0));
  }

  OneNode node("LinearAttention", 27);
  node.Input({batch, steps, heads * group * key})
      .Input({batch, steps, heads * key})
      .Input({batch, steps, heads * value});
  has_past ? node.Input({batch, heads, key, value}) : node.Absent();
  gated ? node.Input({batch, steps, decays}) : node.Absent();
  if (delta) node.Input({batch, steps, heads});
  node.Attr("q_num_heads", heads * group).Attr("kv_num_heads", heads);
  node.Attr("update_rule", rule.c_str()).Outputs(2);
  ExpectCounts(node, tally, rule);
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
    Number sum = has_bias ? bias.Read({at[1]}) : Number(tally, 0);
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
