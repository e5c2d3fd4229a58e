// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's attention with its own projection against plain loops, written
// from its operator documentation.
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

constexpr int kConfigurations = 200;

OneNode Contrib(absl::string_view op) {
  return OneNode(op, 1, "com.microsoft");
}

struct Configuration {
  int64_t batch, heads, length, size, value_size, input, past, room;
  bool is_quantized, has_bias, has_mask, has_attention_bias, has_past, shares;
  bool has_present, has_rotary, is_per_column;
  int64_t keys() const { return past + length; }
  int64_t columns() const { return heads * (2 * size + value_size); }
};

Configuration DrawConfiguration(Draw& draw, bool is_quantized) {
  Configuration c{};
  c.is_quantized = is_quantized;
  c.batch = draw.Between(1, 2);
  c.heads = draw.Between(2, 3);
  c.length = draw.Between(1, 3);
  c.input = draw.Between(2, 4);
  c.size = 2 * draw.Between(1, 2);
  c.has_past = draw.Coin();
  c.has_present = draw.Coin();
  const bool differ = !is_quantized && !c.has_past && !c.has_present;
  c.value_size = differ ? draw.Between(1, 3) : c.size;
  c.has_bias = is_quantized || draw.Coin();
  c.has_mask = draw.Coin();
  c.has_attention_bias = !is_quantized && draw.Coin();
  c.shares = !is_quantized && c.has_past && draw.Coin();
  c.past = c.has_past ? draw.Between(1, 3) : 0;
  c.room = c.shares ? c.keys() + draw.Between(0, 2) : c.past;
  c.has_rotary = !is_quantized && draw.Coin();
  c.is_per_column = draw.Coin();
  return c;
}

// One part of the projection's columns, to (batch, head, token, column).
void Project(Tally& tally, const Configuration& c, Array& input, Array& weights,
             Array& bias, Array& scales, int64_t first, Array& to) {
  const int64_t size = to.dims()[3];
  ForEachIndex(to.dims(), [&](const Index& at) {
    const int64_t column = first + at[1] * size + at[3];
    Number sum =
        c.has_bias && !c.is_quantized ? bias.Read(column) : Number(tally, 0);
    for (int64_t i = 0; i < c.input; ++i) {
      sum = sum + input.Read({at[0], at[2], i}) * weights.Read({i, column});
      ++tally.macs;
    }
    if (c.is_quantized) {
      sum = sum * (c.is_per_column ? scales.Read(column) : Number(tally, 1));
      sum = sum + bias.Read(column);
    }
    to.Write(at, sum);
  });
}

// By a table that the operator holds itself: no reads of it.
void RotateInPlace(Tally& tally, Array& array) {
  Tally unseen;
  const int64_t half = array.dims()[3] / 2;
  Array table(unseen, "table", {array.dims()[2], half});
  Tally rotation;
  Array copy(rotation, "copy", array.dims());
  Array cosine(rotation, "cosine", table.dims());
  RotateLoops(copy, copy, cosine, cosine);
  tally.operations["mul"] += rotation.operations["mul"];
  tally.operations["add"] += rotation.operations["add"];
  for (int64_t i = 0; i < rotation.reads["copy"]; ++i) array.Read(int64_t{0});
  for (int64_t i = 0; i < rotation.writes["copy"]; ++i) {
    array.Write(int64_t{0}, Number(tally, 0));
  }
}

// past and present are (2, batch, heads, length, size): keys, then values.
struct Caches {
  Caches(Tally& tally, const Configuration& c)
      : past_key(tally, c.is_quantized ? "i8" : "i4",
                 {c.batch, c.heads, c.room, c.size}),
        past_value(tally, c.is_quantized ? "i8" : "i4",
                   {c.batch, c.heads, c.room, c.value_size}),
        present(tally, "o1",
                {c.batch, c.heads, c.shares ? c.room : c.keys(), c.size}) {}
  Array past_key, past_value, present;
};

Tally Reference(const Configuration& c) {
  Tally tally;
  Array input(tally, "i0", {c.batch, c.length, c.input});
  Array weights(tally, "i1", {c.input, c.columns()});
  Array bias(tally, "i2", {c.columns()}), scales(tally, "i4", {c.columns()});
  Array mask(tally, c.is_quantized ? "i5" : "i3", {c.batch, c.keys()});
  Array attention_bias(tally, "i5", {c.length, c.keys()});
  Array q(tally, "queries", {c.batch, c.heads, c.length, c.size});
  Array k(tally, "keys", q.dims());
  Array v(tally, "values", {c.batch, c.heads, c.length, c.value_size});
  Array y(tally, "o0", v.dims());
  Caches caches(tally, c);
  if (c.is_quantized) {
    tally.reads["i3"] = 1;
    if (!c.is_per_column) tally.reads["i4"] = 1;
    tally.reads["i6"] = 1;
    tally.reads["i7"] = 1;
  }
  Project(tally, c, input, weights, bias, scales, 0, q);
  Project(tally, c, input, weights, bias, scales, c.heads * c.size, k);
  Project(tally, c, input, weights, bias, scales, 2 * c.heads * c.size, v);
  if (c.has_rotary) {
    RotateInPlace(tally, q);
    RotateInPlace(tally, k);
  }
  AttentionLoops a{c.batch, c.heads, c.length, c.keys(), c.size, c.value_size};
  a.query = ElementOf(q);
  a.key = Cached(caches.past_key, k, c.past);
  a.value = Cached(caches.past_value, v, c.past);
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
    AppendLoops(caches.past_key, k, c.past, c.shares, caches.present);
    AppendLoops(caches.past_value, v, c.past, c.shares, caches.present);
  }
  return tally;
}

OneNode NodeOf(const Configuration& c) {
  OneNode node = Contrib(c.is_quantized ? "QAttention" : "Attention");
  const DataType type = c.is_quantized ? DataType::kUint8 : DataType::kFloat32;
  node.Input({c.batch, c.length, c.input}, type);
  node.Constant({c.input, c.columns()}, type);
  c.has_bias ? node.Constant({c.columns()}) : node.Absent();
  if (c.is_quantized) {
    node.Constant({});
    node.Constant(c.is_per_column ? Dims{c.columns()} : Dims{});
  }
  c.has_mask ? node.Input({c.batch, c.keys()}, DataType::kInt32)
             : node.Input({c.batch}, DataType::kInt32);
  if (c.is_quantized) {
    node.Constant({}, DataType::kUint8).Constant({}, DataType::kUint8);
  }
  c.has_past ? node.Input({2, c.batch, c.heads, c.room, c.size})
             : node.Absent();
  if (!c.is_quantized) {
    c.has_attention_bias ? node.Input({1, 1, c.length, c.keys()})
                         : node.Absent();
  }
  if (c.shares) {
    node.ConstantScalar(c.past).Attr("past_present_share_buffer", 1);
  }
  if (c.value_size != c.size) {
    node.Attr("qkv_hidden_sizes",
              std::vector<int64_t>{c.heads * c.size, c.heads * c.size,
                                   c.heads * c.value_size});
  }
  if (c.has_rotary) node.Attr("do_rotary", 1);
  return node.Attr("num_heads", c.heads).Outputs(c.has_present ? 2 : 1);
}

void CheckAttention(uint32_t seed, bool is_quantized) {
  Draw draw(seed);
  for (int i = 0; i < kConfigurations && !testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    const Configuration c = DrawConfiguration(draw, is_quantized);
    const Tally tally = Reference(c);
    OneNode node = NodeOf(c);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(tally, TallyOf(counts));
    EXPECT_EQ(tally.macs, counts.macs.value());
    ExpectFormulaAgrees(node);
  }
}

TEST(ContribAttentionReference, AttentionCountsWhatTheLoopsDo) {
  CheckAttention(101, false);
}

TEST(ContribAttentionReference, QAttentionCountsWhatTheLoopsDo) {
  CheckAttention(102, true);
}

const Extent kBatch = Extent::Symbol("B");
const Extent kPast = Extent::Symbol("P");
const Extent kLength = Extent::Symbol("S");

TEST(ContribAttention, InfersSymbolicCaches) {
  OneNode node = Contrib("Attention");
  node.Input({kBatch, kLength, 24}, DataType::kFloat16)
      .Constant({24, 72}, DataType::kFloat16)
      .Constant({72}, DataType::kFloat16)
      .Absent()
      .Input({2, kBatch, 4, kPast, 6}, DataType::kFloat16)
      .Attr("num_heads", 4)
      .Outputs(2);
  OneNode quantized = Contrib("QAttention");
  quantized.Input({kBatch, 7, 24}, DataType::kInt8)
      .Constant({24, 72}, DataType::kInt8)
      .Constant({72})
      .Constant({})
      .Constant({})
      .Attr("num_heads", 4);
  ExpectInfers({{node, "float16 BxSx24", 0},
                {node, "float16 2xBx4xP+Sx6", 1},
                {quantized, "float32 Bx7x24"}});
}

TEST(ContribAttention, CountsTheBufferWhereThePastLengthIsUnknown) {
  OneNode node = Contrib("DecoderMaskedSelfAttention");
  node.Input({2, 1, 24})
      .Constant({24, 72})
      .Constant({72})
      .Absent()
      .Input({2, 2, 4, 100, 6})
      .Absent()
      .Input({1}, DataType::kInt32)
      .Attr("num_heads", 4)
      .Attr("past_present_share_buffer", 1)
      .Outputs(2);
  EXPECT_EQ(node.InferText(1), "float32 2x2x4x100x6");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs.value(), 2 * 24 * 72 + (2 * 4 * 1 * 100) * (6 + 6));
  EXPECT_EQ(counts.bound_reason,
            "the past length is known at run time only; the whole buffer "
            "counts");
  ExpectFormulaAgrees(node);
}

TEST(ContribAttention, PackedCountsTheLongestSequenceForEachToken) {
  OneNode node = Contrib("PackedAttention");
  node.Input({10, 24})
      .Constant({24, 72})
      .Constant({72})
      .Input({3, 5}, DataType::kInt32)
      .Input({4}, DataType::kInt32)
      .Attr("num_heads", 4);
  EXPECT_EQ(node.InferText(), "float32 10x24");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs.value(), 10 * 24 * 72 + (4 * 10 * 5) * (6 + 6));
  EXPECT_EQ(counts.bound_reason,
            "shorter sequences than the longest have fewer keys");
  ExpectFormulaAgrees(node);
}

TEST(ContribAttention, SaysWhatDoesNotFit) {
  const auto attention = [] {
    return Contrib("Attention").Attr("num_heads", 4).Input({1, 2, 24});
  };
  ExpectInfers({
      {Contrib("Attention").Input({1, 24}).Constant({24, 72}),
       "Attention 'o0': the input must have 3 axes but is 1x24"},
      {Contrib("Attention").Input({1, 2, 24}).Constant({24, 72}),
       "Attention 'o0': num_heads is 0 but must be positive"},
      {attention().Constant({20, 72}),
       "Attention 'o0': the weights must be 24 x columns but are 20x72"},
      {attention().Constant({24, 70}),
       "Attention 'o0': the weights have 70 columns, which queries, keys and "
       "values can't share alike; give qkv_hidden_sizes"},
      {attention().Constant({24, 75}),
       "Attention 'o0': a hidden size of 25 isn't a multiple of num_heads 4"},
      {attention().Constant({24, 72}).Attr("qkv_hidden_sizes",
                                           std::vector<int64_t>{24, 24, 32}),
       "Attention 'o0': qkv_hidden_sizes add up to 80 but the weights have 72 "
       "columns"},
      {attention().Constant({24, 72}).Attr("qkv_hidden_sizes",
                                           std::vector<int64_t>{24, 16, 32}),
       "Attention 'o0': qkv_hidden_sizes must be three positive sizes, the "
       "first two alike"},
      {attention().Constant({24, 72}).Absent().Absent().Input({2, 1, 3, 5, 6}),
       "Attention 'o0': past must be 2 x batch x 4 heads x length x 6 but is "
       "2x1x3x5x6"},
      {attention()
           .Constant({24, 72})
           .Attr("do_rotary", 1)
           .Attr("rotary_embedding_dim", 8),
       "Attention 'o0': rotary_embedding_dim 8 doesn't fit heads of 6"},
  });
}

}  // namespace
}  // namespace opcost
