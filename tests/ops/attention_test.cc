// SPDX-License-Identifier: Apache-2.0
// Attention and FlexAttention: shapes, counts against plain loops, and errors.
#include <gtest/gtest.h>

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

Extent Symbol(const char* name) { return Extent::Symbol(name); }

OneNode Attention(Dims q, Dims k, Dims v, int opset = 24) {
  OneNode node("Attention", opset);
  node.Input(std::move(q)).Input(std::move(k)).Input(std::move(v));
  return node;
}

OneNode Packed(Dims q, Dims k, Dims v, int q_heads, int kv_heads) {
  OneNode node = Attention(std::move(q), std::move(k), std::move(v));
  node.Attr("q_num_heads", q_heads).Attr("kv_num_heads", kv_heads);
  return node;
}

OneNode Flex(Dims q, Dims k, Dims v) {
  OneNode node("FlexAttention", 1, "ai.onnx.preview");
  node.Input(std::move(q)).Input(std::move(k)).Input(std::move(v));
  return node;
}

TEST(Attention, ShapesFollowQueriesKeysAndValues) {
  OneNode cached = Attention({2, 9, 1, 8}, {2, 3, 1, 8}, {2, 3, 1, 10});
  cached.Absent()
      .Input({2, 3, Symbol("past"), 8})
      .Input({2, 3, Symbol("past"), 10}, DataType::kFloat16)
      .Outputs(4);
  EXPECT_EQ(cached.InferText(0), "float32 2x9x1x10");
  EXPECT_EQ(cached.InferText(1), "float32 2x3xpast+1x8");
  EXPECT_EQ(cached.InferText(2), "float32 2x3xpast+1x10");
  EXPECT_EQ(cached.InferText(3), "float32 2x9x1xpast+1");
  ExpectInfers({
      {Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8}), "float32 2x3x4x8"},
      {Packed({2, 4, 24}, {2, 6, 24}, {2, 6, 30}, 3, 3), "float32 2x4x30"},
      {Packed({2, 4, 72}, {2, 6, 24}, {2, 6, 24}, 9, 3), "float32 2x4x72"},
      {Packed({Symbol("N"), Symbol("S"), 24}, {Symbol("N"), Symbol("S"), 24},
              {Symbol("N"), Symbol("S"), 24}, 3, 3),
       "float32 NxSx24"},
      {Flex({2, 6, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 10}), "float32 2x6x4x10"},
  });
}

TEST(Attention, ErrorsSayWhatContradictsWhat) {
  OneNode half_a_past = Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8});
  half_a_past.Absent().Input({2, 3, 5, 8});
  OneNode other_past = Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8});
  other_past.Absent().Input({2, 3, 5, 8}).Input({2, 3, 7, 8});
  OneNode flat_past = Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8});
  flat_past.Absent().Input({2, 5, 24}).Input({2, 5, 24});
  ExpectInfers({
      {Attention({3, 8}, {3, 8}, {3, 8}),
       "Attention 'o0': operand 0 must have 3 or 4 axes but is 3x8"},
      {Attention({2, 4, 24}, {2, 4, 24}, {2, 4, 24}),
       "Attention 'o0': q_num_heads must be at least 1 for operands of 3 axes "
       "but is 0"},
      {Packed({2, 4, 24}, {2, 6, 24}, {2, 6, 24}, 5, 3),
       "Attention 'o0': q_num_heads 5 does not divide the last axis of operand "
       "0, 24"},
      {Packed({2, 4, 24}, {2, 6, 8, 3}, {2, 6, 24}, 3, 3),
       "Attention 'o0': queries, keys and values must have the same number of "
       "axes but have 3, 4 and 3"},
      {Attention({2, 4, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8}),
       "Attention 'o0': the 4 heads of the queries don't share the 3 heads of "
       "the keys evenly"},
      {Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 1, 6, 8}),
       "Attention 'o0': the number of the keys' heads is 3 but that of the "
       "values is 1"},
      {Attention({2, 3, 4, 8}, {2, 3, 6, 7}, {2, 3, 6, 8}),
       "Attention 'o0': the head size of the queries is 8 but that of the keys "
       "is 7"},
      {Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 5, 8}),
       "Attention 'o0': the length of the keys is 6 but that of the values is "
       "5"},
      {Attention({2, 3, 4, 8}, {1, 3, 6, 8}, {2, 3, 6, 8}),
       "Attention 'o0': the batch of the queries is 2 but that of the keys is "
       "1"},
      {Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8}).Input({4, 7}),
       "Attention 'o0': the mask is 4x7, which doesn't fill 2x3x4x6"},
      {Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8}, 23).Input({4, 5}),
       "Attention 'o0': the mask is 4x5, which doesn't fill 2x3x4x6"},
      {half_a_past,
       "Attention 'o0': past_key and past_value must be given together"},
      {other_past, "Attention 'o0': past_value is 2x3x7x8 but must be 2x3x5x8"},
      {flat_past, "Attention 'o0': past_key must have 4 axes but is 2x5x24"},
      {Attention({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8})
           .Attr("qk_matmul_output_mode", 4),
       "Attention 'o0': qk_matmul_output_mode must be 0 to 3 but is 4"},
      {Flex({2, 4, 24}, {2, 4, 24}, {2, 4, 24})
           .Attr("q_num_heads", 3)
           .Attr("kv_num_heads", 3),
       "FlexAttention 'o0': queries, keys and values must have 4 axes but have "
       "3"},
  });
  OneNode modified = Flex({2, 3, 4, 8}, {2, 3, 6, 8}, {2, 3, 6, 8});
  modified.Attr("score_mod", "a body");
  EXPECT_THAT(modified.Count(),
              StatusIs(absl::StatusCode::kUnavailable,
                       "FlexAttention 'o0': the work of its body 'score_mod' "
                       "isn't counted"));
}

struct Config {
  int64_t batch, kv_heads, group, queries, keys, past, size, value_size;
  bool is_packed, has_mask, is_short_mask, has_softcap, has_lengths,
      wants_present, wants_scores;
  int64_t heads() const { return kv_heads * group; }
  int64_t total() const { return past + keys; }
};

Config DrawConfig(Draw& draw) {
  Config c;
  c.batch = draw.Between(1, 2);
  c.kv_heads = draw.Between(1, 2);
  c.group = draw.Between(1, 2);
  c.queries = draw.Between(1, 3);
  c.keys = draw.Between(1, 4);
  c.past = draw.Coin() ? draw.Between(1, 3) : 0;
  c.size = draw.Between(1, 3);
  c.value_size = draw.Between(1, 3);
  c.is_packed = draw.Coin();
  c.has_mask = draw.Coin();
  c.is_short_mask = c.has_mask && c.total() > 3 && draw.Coin();
  c.has_softcap = draw.Coin();
  c.has_lengths = c.past == 0 && draw.Between(0, 2) == 0;
  c.wants_present = draw.Coin();
  c.wants_scores = draw.Coin();
  return c;
}

// The arrays of one configuration. A head's keys lie in past_key, then in K.
struct Arrays {
  Arrays(Tally& tally, const Config& config)
      : c(config),
        q(tally, "i0", {c.batch, c.heads(), c.queries, c.size}),
        k(tally, "i1", {c.batch, c.kv_heads, c.keys, c.size}),
        v(tally, "i2", {c.batch, c.kv_heads, c.keys, c.value_size}),
        past_k(tally, "i4", {c.batch, c.kv_heads, c.past, c.size}),
        past_v(tally, "i5", {c.batch, c.kv_heads, c.past, c.value_size}) {}
  Number Key(const Index& at, int64_t e) {
    const int64_t head = at[1] / c.group, key = at[3];
    return key < c.past ? past_k.Read({at[0], head, key, e})
                        : k.Read({at[0], head, key - c.past, e});
  }
  Number Value(const Index& at, int64_t key, int64_t e) {
    const int64_t head = at[1] / c.group;
    return key < c.past ? past_v.Read({at[0], head, key, e})
                        : v.Read({at[0], head, key - c.past, e});
  }
  const Config& c;
  Array q, k, v, past_k, past_v;
};

// All elements of `from`, which are copied to output `o`.
void Copy(Tally& tally, Array& from, const char* o) {
  Array to(tally, o, {from.size()});
  for (int64_t i = 0; i < from.size(); ++i) to.Write(i, from.Read(i));
}

// Three passes over a row: the maximum, the exponentials, the quotients.
void Softmax(Tally& tally, Array& scores, Array& output, bool wants_scores,
             const Index& row, int64_t keys) {
  const auto at = [&](int64_t key) { return Joined(row, {key}); };
  Number most(tally, -1), sum(tally, 0);
  for (int64_t i = 0; i < keys; ++i) most = Max(most, scores.Read(at(i)));
  for (int64_t i = 0; i < keys; ++i) {
    const Number e = (scores.Read(at(i)) - most).Apply("exp", 0.5);
    sum = sum + e;
    scores.Write(at(i), e);
  }
  const Number inverse = Number(tally, 1) / sum;
  for (int64_t i = 0; i < keys; ++i) {
    const Number p = scores.Read(at(i)) * inverse;
    scores.Write(at(i), p);
    if (wants_scores) output.Write(at(i), p);
  }
}

Tally Reference(const Config& c) {
  Tally tally;
  Arrays a(tally, c);
  const Index rows = {c.batch, c.heads(), c.queries};
  Array scores(tally, "scores", Joined(rows, {c.total()}));
  Array output(tally, "o3", Joined(rows, {c.total()}));
  const int64_t masked = c.is_short_mask ? c.total() - 1 : c.total();
  Array mask(tally, "i3", {c.queries, masked});
  Array y(tally, "o0", Joined(rows, {c.value_size}));
  ForEachIndex(Joined(rows, {c.total()}), [&](const Index& at) {
    Number sum(tally, 0);
    for (int64_t e = 0; e < c.size; ++e) {
      sum = sum + a.q.Read({at[0], at[1], at[2], e}) * a.Key(at, e);
    }
    sum = sum * Number(tally, 0.5);
    if (c.has_softcap) {
      sum = (sum * Number(tally, 0.1)).Apply("tanh", 0.2) * Number(tally, 10);
    }
    if (c.has_mask) {
      sum = sum +
            (at[3] < masked ? mask.Read({at[2], at[3]}) : Number(tally, -1e30));
    }
    scores.Write(at, sum);
  });
  ForEachIndex(rows, [&](const Index& row) {
    Softmax(tally, scores, output, c.wants_scores, row, c.total());
    for (int64_t e = 0; e < c.value_size; ++e) {
      Number sum(tally, 0);
      for (int64_t key = 0; key < c.total(); ++key) {
        sum = sum + scores.Read(Joined(row, {key})) * a.Value(row, key, e);
      }
      y.Write(Joined(row, {e}), sum);
    }
  });
  // What changes nothing in memory isn't copied: no past, and heads that come
  // first, or are only one, or have one key.
  const bool moves =
      c.past > 0 || (c.is_packed && c.kv_heads > 1 && c.keys > 1);
  if (c.wants_present && moves) {
    Copy(tally, a.k, "o1");
    Copy(tally, a.past_k, "o1");
    Copy(tally, a.v, "o2");
    Copy(tally, a.past_v, "o2");
  }
  Array lengths(tally, "i6", {c.batch});
  for (int64_t b = 0; c.has_lengths && b < c.batch; ++b) lengths.Read(b);
  return tally;
}

OneNode NodeOf(const Config& c) {
  OneNode node("Attention", 24);
  const auto operand = [&](int64_t heads, int64_t length, int64_t size) {
    node.Input(c.is_packed ? Dims{c.batch, length, heads * size}
                           : Dims{c.batch, heads, length, size});
  };
  operand(c.heads(), c.queries, c.size);
  operand(c.kv_heads, c.keys, c.size);
  operand(c.kv_heads, c.keys, c.value_size);
  if (c.has_mask) {
    node.Input({c.queries, c.is_short_mask ? c.total() - 1 : c.total()});
  } else {
    node.Absent();
  }
  if (c.past > 0) {
    node.Input({c.batch, c.kv_heads, c.past, c.size})
        .Input({c.batch, c.kv_heads, c.past, c.value_size});
  } else {
    node.Absent().Absent();
  }
  if (c.has_lengths) node.Input({c.batch}, DataType::kInt64);
  if (c.is_packed) {
    node.Attr("q_num_heads", c.heads()).Attr("kv_num_heads", c.kv_heads);
  }
  if (c.has_softcap) node.Attr("softcap", 10.0);
  node.Attr("is_causal", 1).Outputs(4);
  if (!c.wants_present) node.UnusedOutput(1).UnusedOutput(2);
  if (!c.wants_scores) node.UnusedOutput(3);
  return node;
}

TEST(AttentionReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(541);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    const Config c = DrawConfig(draw);
    OneNode node = NodeOf(c);
    ExpectCounts(node, Reference(c), "attention");
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(counts.macs, c.batch * c.heads() * c.queries * c.total() *
                               (c.size + c.value_size));
  }
}

TEST(AttentionReference, FlexAttentionIsAttentionWithoutMasks) {
  Draw draw(542);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    Config c = DrawConfig(draw);
    c.past = 0;
    c.is_packed = c.has_mask = c.is_short_mask = c.has_softcap = false;
    c.has_lengths = c.wants_present = c.wants_scores = false;
    OneNode node = Flex({c.batch, c.heads(), c.queries, c.size},
                        {c.batch, c.kv_heads, c.keys, c.size},
                        {c.batch, c.kv_heads, c.keys, c.value_size});
    ExpectCounts(node, Reference(c), "flex attention");
  }
}

TEST(Attention, CountsMayBeSymbolic) {
  OneNode node = Packed({1, Symbol("S"), 24}, {1, Symbol("S"), 12},
                        {1, Symbol("S"), 12}, 6, 3);
  node.Absent()
      .Input({1, 3, Symbol("P"), 4})
      .Input({1, 3, Symbol("P"), 4})
      .Outputs(3);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs,
            Symbol("S") * (Symbol("P") + Symbol("S")) * 6 * (4 + 4));
  ExpectFormulaAgrees(node);
}

}  // namespace
}  // namespace opcost
