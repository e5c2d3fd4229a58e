// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's multi-head attention against plain loops, written from its
// operator documentation.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/ops/attention_reference.h"
#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 250;

OneNode Contrib(absl::string_view op) {
  return OneNode(op, 1, "com.microsoft");
}

enum Layout : int64_t { kSeparate, kCross, kPackedKv, kPackedQkv };

struct Configuration {
  int64_t batch, heads, queries, fresh, size, value_size, past, room;
  Layout layout;
  bool has_bias, has_mask, has_attention_bias, has_past, shares, has_present;
  bool has_qk;
  int64_t keys() const { return past + fresh; }
};

Configuration DrawConfiguration(Draw& draw) {
  Configuration c{};
  c.layout = static_cast<Layout>(draw.Between(0, 3));
  c.batch = draw.Between(1, 2);
  c.heads = draw.Between(2, 3);
  c.queries = draw.Between(1, 3);
  c.size = draw.Between(2, 3);
  c.fresh = c.layout == kPackedQkv ? c.queries : draw.Between(1, 3);
  c.value_size = c.layout == kSeparate ? draw.Between(2, 3) : c.size;
  c.has_bias = draw.Coin();
  c.has_mask = draw.Coin();
  c.has_attention_bias = draw.Coin();
  c.has_past = c.layout != kCross && draw.Coin();
  c.shares = c.has_past && draw.Coin();
  c.past = c.has_past ? draw.Between(1, 3) : 0;
  c.room = c.shares ? c.past + c.fresh + draw.Between(0, 2) : c.past;
  c.has_present = c.layout != kCross && draw.Coin();
  c.has_qk = c.has_present && draw.Coin();
  return c;
}

// Each element of `from` plus one of the bias, written to `to`.
void AddBias(Array& from, Array& bias, Array& to) {
  for (int64_t i = 0; i < from.size(); ++i) {
    to.Write(i, from.Read(i) + bias.Read(i % bias.size()));
  }
}

Tally Reference(const Configuration& c) {
  Tally tally;
  const char* key_name = c.layout == kPackedQkv ? "i0" : "i1";
  const char* value_name = c.layout == kPackedQkv  ? "i0"
                           : c.layout == kPackedKv ? "i1"
                                                   : "i2";
  Array q(tally, "i0", {c.batch, c.heads, c.queries, c.size});
  Array k(tally, key_name, {c.batch, c.heads, c.fresh, c.size});
  Array v(tally, value_name, {c.batch, c.heads, c.fresh, c.value_size});
  Array bias(tally, "i3", {c.heads * (2 * c.size + c.value_size)});
  Array mask(tally, "i4", {c.batch, c.keys()});
  Array attention_bias(tally, "i5", {c.queries, c.keys()});
  Array past_k(tally, "i6", {c.batch, c.heads, c.room, c.size});
  Array past_v(tally, "i7", {c.batch, c.heads, c.room, c.value_size});
  const int64_t present = c.shares ? c.room : c.keys();
  Array present_k(tally, "o1", {c.batch, c.heads, present, c.size});
  Array present_v(tally, "o2", {c.batch, c.heads, present, c.value_size});
  Array biased_q(tally, "queries", q.dims()), biased_k(tally, "keys", k.dims());
  Array biased_v(tally, "values", v.dims());
  Array y(tally, "o0", {c.batch, c.heads, c.queries, c.value_size});
  const bool has_key_bias = c.has_bias && c.layout != kCross;
  if (c.has_bias) AddBias(q, bias, biased_q);
  if (has_key_bias) {
    AddBias(k, bias, biased_k);
    AddBias(v, bias, biased_v);
  }
  Array& keys = has_key_bias ? biased_k : k;
  Array& values = has_key_bias ? biased_v : v;
  AttentionLoops a{c.batch, c.heads, c.queries, c.keys(), c.size, c.value_size};
  a.query = ElementOf(c.has_bias ? biased_q : q);
  a.key = Cached(past_k, keys, c.past);
  a.value = Cached(past_v, values, c.past);
  if (c.has_mask) {
    a.masks.push_back([&](int64_t b, int64_t, int64_t, int64_t j) {
      return mask.Read({b, j});
    });
  }
  if (c.has_attention_bias) {
    a.masks.push_back([&](int64_t, int64_t, int64_t i, int64_t j) {
      return attention_bias.Read({i, j});
    });
  }
  a.write = [&](int64_t b, int64_t h, int64_t i, int64_t x, const Number& n) {
    y.Write({b, h, i, x}, n);
  };
  RunAttention(tally, a);
  if (c.has_present) {
    AppendLoops(past_k, keys, c.past, c.shares, present_k);
    AppendLoops(past_v, values, c.past, c.shares, present_v);
  }
  if (c.has_qk) {
    tally.writes["o3"] = c.batch * c.heads * c.queries * c.keys();
  }
  return tally;
}

OneNode NodeOf(const Configuration& c) {
  OneNode node = Contrib("MultiHeadAttention");
  const int64_t hidden = c.heads * c.size;
  switch (c.layout) {
    case kSeparate:
      node.Input({c.batch, c.queries, hidden})
          .Input({c.batch, c.fresh, hidden})
          .Input({c.batch, c.fresh, c.heads * c.value_size});
      break;
    case kCross:
      node.Input({c.batch, c.queries, hidden})
          .Input({c.batch, c.heads, c.fresh, c.size})
          .Input({c.batch, c.heads, c.fresh, c.size});
      break;
    case kPackedKv:
      node.Input({c.batch, c.queries, hidden})
          .Input({c.batch, c.fresh, c.heads, 2, c.size})
          .Absent();
      break;
    case kPackedQkv:
      node.Input({c.batch, c.queries, c.heads, 3, c.size}).Absent().Absent();
      break;
  }
  const int64_t columns = c.heads * (2 * c.size + c.value_size);
  c.has_bias ? node.Constant({columns}) : node.Absent();
  // A mask of one axis gives lengths, and costs nothing.
  c.has_mask ? node.Input({c.batch, c.keys()}, DataType::kInt32)
             : node.Input({c.batch}, DataType::kInt32);
  c.has_attention_bias ? node.Input({1, 1, c.queries, c.keys()})
                       : node.Absent();
  if (c.has_past) {
    node.Input({c.batch, c.heads, c.room, c.size})
        .Input({c.batch, c.heads, c.room, c.value_size});
  }
  if (c.shares) node.ConstantScalar(c.past);
  node.Attr("num_heads", c.heads);
  node.Outputs(c.has_qk ? 4 : c.has_present ? 3 : 1);
  return node;
}

TEST(MultiHeadAttentionReference, CountsWhatTheLoopsDo) {
  Draw draw(91);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    const Configuration c = DrawConfiguration(draw);
    const Tally tally = Reference(c);
    OneNode node = NodeOf(c);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(tally, TallyOf(counts));
    EXPECT_EQ(tally.macs, counts.macs.value());
    EXPECT_EQ(counts.bound_reason, "");
    ExpectFormulaAgrees(node);
  }
}

const Extent kBatch = Extent::Symbol("B");
const Extent kPast = Extent::Symbol("P");
const Extent kLength = Extent::Symbol("S");

TEST(MultiHeadAttention, InfersSymbolicCaches) {
  OneNode node = Contrib("MultiHeadAttention");
  node.Input({kBatch, kLength, 24}, DataType::kFloat16)
      .Input({kBatch, kLength, 24}, DataType::kFloat16)
      .Input({kBatch, kLength, 32}, DataType::kFloat16)
      .Absent()
      .Absent()
      .Absent()
      .Input({kBatch, 4, kPast, 6}, DataType::kFloat16)
      .Input({kBatch, 4, kPast, 8}, DataType::kFloat16)
      .Attr("num_heads", 4)
      .Outputs(4);
  ExpectInfers({{node, "float16 BxSx32", 0},
                {node, "float16 Bx4xP+Sx6", 1},
                {node, "float16 Bx4xP+Sx8", 2},
                {node, "float16 Bx4xSxP+S", 3}});
}

TEST(DecoderMaskedMultiHeadAttention, CountsTheBufferWhereTheLengthIsUnknown) {
  OneNode node = Contrib("DecoderMaskedMultiHeadAttention");
  node.Input({2, 1, 24})
      .Input({2, 1, 24})
      .Input({2, 1, 24})
      .Absent()
      .Absent()
      .Input({2, 4, 100, 6})
      .Input({2, 4, 100, 6})
      .Input({1}, DataType::kInt32)
      .Attr("num_heads", 4)
      .Attr("past_present_share_buffer", 1)
      .Outputs(3);
  EXPECT_EQ(node.InferText(1), "float32 2x4x100x6");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs.value(), (2 * 4 * 1 * 100) * (6 + 6));
  EXPECT_EQ(counts.bound_reason,
            "the past length is known at run time only; the whole buffer "
            "counts");
  ExpectFormulaAgrees(node);
}

TEST(DecoderMaskedMultiHeadAttention, TakesQueriesKeysAndValuesSideBySide) {
  OneNode node = Contrib("DecoderMaskedMultiHeadAttention");
  node.Input({2, 1, 72}).Attr("num_heads", 4);
  EXPECT_EQ(node.InferText(), "float32 2x1x24");
  ExpectFormulaAgrees(node);
}

TEST(PackedMultiHeadAttention, CountsTheLongestSequenceForEachToken) {
  OneNode node = Contrib("PackedMultiHeadAttention");
  node.Input({10, 4, 3, 6})
      .Absent()
      .Absent()
      .Constant({72})
      .Input({3, 5}, DataType::kInt32)
      .Input({4}, DataType::kInt32)
      .Attr("num_heads", 4);
  EXPECT_EQ(node.InferText(), "float32 10x24");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs.value(), (4 * 10 * 5) * (6 + 6));
  EXPECT_EQ(counts.bound_reason,
            "shorter sequences than the longest have fewer keys");
  ExpectFormulaAgrees(node);
}

TEST(MultiHeadAttention, SaysWhatDoesNotFit) {
  const auto mha = [] {
    return Contrib("MultiHeadAttention").Attr("num_heads", 4);
  };
  ExpectInfers({
      {Contrib("MultiHeadAttention").Input({1, 2, 24}),
       "MultiHeadAttention 'o0': num_heads is 0 but must be positive"},
      {mha().Input({2, 24}),
       "MultiHeadAttention 'o0': the query must have 3 or 5 axes but is 2x24"},
      {mha().Input({1, 2, 24}).Input({1, 2, 24}).Input({1, 2, 23}),
       "MultiHeadAttention 'o0': value has 23 columns, which isn't a multiple "
       "of num_heads 4"},
      {mha().Input({1, 2, 24}).Input({1, 2, 20}).Input({1, 2, 20}),
       "MultiHeadAttention 'o0': key 1x2x20 and value 1x2x20 don't fit a query "
       "1x2x24"},
      {mha().Input({1, 2, 24}).Input({1, 2, 24}),
       "MultiHeadAttention 'o0': without a value the key must end in 4 heads x "
       "2 x 6 but is 1x2x24"},
      {mha().Input({1, 2, 3, 3, 8}),
       "MultiHeadAttention 'o0': the packed query must end in 4 heads x 3 x "
       "size but is 1x2x3x3x8"},
      {mha().Input({1, 2, 24}).Input({1, 3, 7, 6}).Input({1, 3, 7, 6}),
       "MultiHeadAttention 'o0': key must be batch x 4 heads x length x 6 but "
       "is 1x3x7x6"},
      {mha()
           .Input({1, 2, 4, 3, 6})
           .Absent()
           .Absent()
           .Absent()
           .Absent()
           .Absent()
           .Input({1, 4, 6})
           .Input({1, 4, 6}),
       "MultiHeadAttention 'o0': past_key must be batch x 4 heads x length x 6 "
       "but is 1x4x6"},
      {mha()
           .Input({1, 2, 4, 3, 6})
           .Absent()
           .Absent()
           .Absent()
           .Absent()
           .Absent()
           .Input({1, 4, 10, 6})
           .Input({1, 4, 10, 6})
           .ConstantScalar(9),
       "MultiHeadAttention 'o0': the cache has room for 10 keys but there are "
       "11"},
      {Contrib("PackedMultiHeadAttention")
           .Input({10, 4, 3, 6})
           .Absent()
           .Absent()
           .Absent()
           .Input({3}, DataType::kInt32)
           .Attr("num_heads", 4),
       "PackedMultiHeadAttention 'o0': token_offset must have 2 axes but is "
       "3"},
  });
}

}  // namespace
}  // namespace opcost
