// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's grouped attention against plain loops, written from its
// operator documentation.
#include <gtest/gtest.h>

#include <cmath>
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

struct Configuration {
  int64_t batch, heads, kv_heads, length, size, past, room, rotated;
  bool is_packed, has_past, shares, has_present, has_norm, has_attention_bias;
  bool has_sink, has_softcap, has_positions, has_qk;
  int64_t keys() const { return past + length; }
};

Configuration DrawConfiguration(Draw& draw) {
  Configuration c{};
  c.batch = draw.Between(1, 2);
  c.kv_heads = draw.Between(1, 2);
  c.heads = c.kv_heads * draw.Between(2, 3);
  c.length = draw.Between(1, 3);
  c.size = 2 * draw.Between(1, 3);
  c.rotated = draw.Coin() ? 2 * draw.Between(1, c.size / 2) : 0;
  c.is_packed = draw.Coin();
  c.has_past = draw.Coin();
  c.shares = c.has_past && draw.Coin();
  c.past = c.has_past ? draw.Between(1, 3) : 0;
  c.room = c.shares ? c.keys() + draw.Between(0, 2) : c.past;
  c.has_present = draw.Coin();
  c.has_norm = draw.Coin();
  c.has_attention_bias = draw.Coin();
  c.has_sink = draw.Coin();
  c.has_softcap = draw.Coin();
  c.has_positions = draw.Coin();
  c.has_qk = draw.Coin();
  return c;
}

// Each head over the root of its mean of squares, times the weight.
void NormalizeHeads(Tally& tally, Array& from, Array& weight, Array& to) {
  const int64_t size = weight.size();
  for (int64_t row = 0; row < from.size() / size; ++row) {
    Number squares(tally, 0);
    for (int64_t i = 0; i < size; ++i) {
      const Number x = from.Read(row * size + i);
      squares = squares + x * x;
    }
    const Number mean =
        squares * Number(tally, 1.0 / static_cast<double>(size)) +
        Number(tally, 1e-6);
    const Number inverse =
        Number(tally, 1) / mean.Apply("sqrt", std::sqrt(mean.value()));
    for (int64_t i = 0; i < size; ++i) {
      to.Write(row * size + i,
               from.Read(row * size + i) * inverse * weight.Read(i));
    }
  }
}

// Queries or keys, in their operand or in scratch once they are changed.
Array& Prepare(Tally& tally, const Configuration& c, Array& from,
               Array& scratch, Array& weight, Array& cosine, Array& sine) {
  Array* now = &from;
  if (c.has_norm) {
    NormalizeHeads(tally, from, weight, scratch);
    now = &scratch;
  }
  if (c.rotated > 0) {
    RotateLoops(*now, scratch, cosine, sine);
    now = &scratch;
  }
  return *now;
}

struct Operands {
  Operands(Tally& tally, const Configuration& c)
      : q(tally, "i0", {c.batch, c.heads, c.length, c.size}),
        k(tally, c.is_packed ? "i0" : "i1",
          {c.batch, c.kv_heads, c.length, c.size}),
        v(tally, c.is_packed ? "i0" : "i2", k.dims()),
        past_k(tally, "i3", {c.batch, c.kv_heads, c.room, c.size}),
        past_v(tally, "i4", past_k.dims()),
        cosine(tally, "i7", {8, c.rotated / 2}),
        sine(tally, "i8", cosine.dims()),
        attention_bias(tally, "i10", {c.length, c.keys()}),
        sink(tally, "i11", {c.heads}),
        q_norm(tally, "i14", {c.size}),
        k_norm(tally, "i15", {c.size}),
        present_k(tally, "o1",
                  {c.batch, c.kv_heads, c.shares ? c.room : c.keys(), c.size}),
        present_v(tally, "o2", present_k.dims()),
        y(tally, "o0", q.dims()),
        queries(tally, "queries", q.dims()),
        keys(tally, "keys", k.dims()) {}
  Array q, k, v, past_k, past_v, cosine, sine, attention_bias, sink, q_norm;
  Array k_norm, present_k, present_v, y, queries, keys;
};

Tally Reference(const Configuration& c) {
  Tally tally;
  Operands o(tally, c);
  if (c.has_positions) tally.reads["i9"] = c.batch * c.length;
  Array& q = Prepare(tally, c, o.q, o.queries, o.q_norm, o.cosine, o.sine);
  Array& k = Prepare(tally, c, o.k, o.keys, o.k_norm, o.cosine, o.sine);
  AttentionLoops a{c.batch, c.heads, c.length, c.keys(), c.size, c.size};
  a.query = ElementOf(q);
  a.key = Cached(o.past_k, k, c.past, c.heads / c.kv_heads);
  a.value = Cached(o.past_v, o.v, c.past, c.heads / c.kv_heads);
  a.has_softcap = c.has_softcap;
  if (c.has_sink) a.sink = [&o](int64_t h) { return o.sink.Read(h); };
  if (c.has_attention_bias) {
    a.masks.push_back([&o](int64_t, int64_t, int64_t i, int64_t j) {
      return o.attention_bias.Read({i, j});
    });
  }
  a.write = [&o](int64_t b, int64_t h, int64_t i, int64_t x, const Number& n) {
    o.y.Write({b, h, i, x}, n);
  };
  RunAttention(tally, a);
  if (c.has_present) {
    AppendLoops(o.past_k, k, c.past, c.shares, o.present_k);
    AppendLoops(o.past_v, o.v, c.past, c.shares, o.present_v);
  }
  if (c.has_qk) {
    tally.writes["o3"] = c.batch * c.heads * c.length * c.keys();
  }
  return tally;
}

OneNode NodeOf(const Configuration& c) {
  OneNode node = Contrib("GroupQueryAttention");
  const Dims kv = {c.batch, c.length, c.kv_heads * c.size};
  const Dims cache = {c.batch, c.kv_heads, c.room, c.size};
  if (c.is_packed) {
    node.Input({c.batch, c.length, (c.heads + 2 * c.kv_heads) * c.size});
    node.Absent().Absent();
  } else {
    node.Input({c.batch, c.length, c.heads * c.size}).Input(kv).Input(kv);
  }
  c.has_past ? node.Input(cache).Input(cache) : node.Absent().Absent();
  node.Input({c.batch}, DataType::kInt32).ConstantScalar(c.keys());
  c.rotated > 0 ? node.Input({8, c.rotated / 2}).Input({8, c.rotated / 2})
                : node.Absent().Absent();
  c.has_positions ? node.Input({c.batch, c.length}, DataType::kInt64)
                  : node.Absent();
  c.has_attention_bias ? node.Input({1, 1, c.length, c.keys()}) : node.Absent();
  c.has_sink ? node.Input({c.heads}) : node.Absent();
  node.Absent().Absent();
  if (c.has_norm) node.Constant({c.size}).Constant({c.size});
  node.Attr("num_heads", c.heads).Attr("kv_num_heads", c.kv_heads);
  if (c.rotated > 0) node.Attr("do_rotary", 1);
  if (c.has_softcap) node.Attr("softcap", 10.0);
  node.Outputs(c.has_qk ? 4 : 3);
  if (!c.has_present) node.UnusedOutput(1).UnusedOutput(2);
  return node;
}

TEST(GroupQueryAttentionReference, CountsWhatTheLoopsDo) {
  Draw draw(111);
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

// Eight heads of 16 that share two keys, and what is known of the total.
OneNode Decoder(const Extent& past, const Extent& length,
                DataType cache = DataType::kFloat32, int64_t cached_size = 16) {
  OneNode node = Contrib("GroupQueryAttention");
  node.Input({kBatch, length, 128})
      .Input({kBatch, length, 32})
      .Input({kBatch, length, 32})
      .Input({kBatch, 2, past, cached_size}, cache)
      .Input({kBatch, 2, past, cached_size}, cache)
      .Input({kBatch}, DataType::kInt32)
      .Attr("num_heads", 8)
      .Attr("kv_num_heads", 2)
      .Outputs(4);
  return node;
}

OneNode WithTotal(OneNode node, const SymValue& total) {
  node.ConstantValue(Symbols({total}));
  return node;
}

OneNode WithUnknownTotal(OneNode node) {
  node.Input({}, DataType::kInt32);
  return node;
}

TEST(GroupQueryAttention, InfersThePresentOfEachKindOfCache) {
  const SymValue total = SymValue::Symbol("T");
  ExpectInfers({
      // A cache that grows.
      {WithTotal(Decoder(kPast, kLength), total), "float32 Bx2xP+Sx16", 1},
      {WithUnknownTotal(Decoder(kPast, kLength)), "float32 Bx2xP+Sx16", 1},
      {WithTotal(Decoder(10, 1), SymValue(11)), "float32 Bx2x11x16", 1},
      {WithTotal(Decoder(0, kLength), total), "float32 Bx2xSx16", 1},
      // A buffer with room for the total.
      {WithTotal(Decoder(100, 1), SymValue(11)), "float32 Bx2x100x16", 1},
      {WithTotal(Decoder(100, 1), total), "float32 Bx2x100x16", 1},
      {WithUnknownTotal(Decoder(100, 1)), "float32 Bx2x100x16", 1},
      // The scores are as wide as the keys that there are.
      {WithTotal(Decoder(100, 1), SymValue(11)), "float32 Bx8x1x11", 3},
      // The cache keeps its own type; two numbers of four bits are a byte.
      {WithTotal(Decoder(10, 1, DataType::kUint8, 8), SymValue(11))
           .Attr("k_quant_type", "PER_TENSOR")
           .Attr("kv_cache_bit_width", 4),
       "uint8 Bx2x11x8", 1},
      {WithTotal(Decoder(64, 1), SymValue(1000))
           .Attr("sliding_window_cache", 1)
           .Attr("local_window_size", 64),
       "float32 Bx2x64x16", 1},
  });
}

Extent Batched(int64_t per_sample) { return kBatch * per_sample; }

TEST(GroupQueryAttention, CountsTheBufferWhereTheTotalIsUnknown) {
  OneNode known = WithTotal(Decoder(100, 1), SymValue(11));
  OneNode unknown = WithUnknownTotal(Decoder(100, 1));
  ASSERT_OK_AND_ASSIGN(const OpCounts exact, known.Count());
  ASSERT_OK_AND_ASSIGN(const OpCounts bound, unknown.Count());
  EXPECT_EQ(exact.macs, Batched((8 * 1 * 11) * (16 + 16)));
  EXPECT_EQ(exact.bound_reason, "");
  EXPECT_EQ(bound.macs, Batched((8 * 1 * 100) * (16 + 16)));
  EXPECT_EQ(bound.bound_reason,
            "the past length is known at run time only; the whole buffer "
            "counts");
}

TEST(GroupQueryAttention, ReadsAQuantizedCacheAtItsWidth) {
  OneNode node = Contrib("GroupQueryAttention");
  node.Input({1, 1, 128}).Input({1, 1, 32}).Input({1, 1, 32});
  node.Input({1, 2, 10, 8}, DataType::kUint8);
  node.Input({1, 2, 10, 8}, DataType::kUint8);
  node.Input({1}, DataType::kInt32).ConstantScalar(11);
  for (int i = 7; i < 12; ++i) node.Absent();
  node.Constant({1}).Constant({1, 2, 1, 16});
  node.Attr("num_heads", 8).Attr("kv_num_heads", 2).Outputs(3);
  node.Attr("k_quant_type", "PER_TENSOR").Attr("v_quant_type", "PER_CHANNEL");
  node.Attr("kv_cache_bit_width", 4);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const Tally tally = TallyOf(counts);
  // Each past key of each head, and the copy to the present.
  EXPECT_EQ(tally.reads.at("i3"), 8 * 10 * 16 + 2 * 10 * 16);
  EXPECT_EQ(tally.reads.at("i12"), 1);
  EXPECT_EQ(tally.reads.at("i13"), 8 * 10 * 16 + 2 * 16);
  EXPECT_EQ(tally.writes.at("o1"), 2 * 11 * 16);
  for (const Access& access : counts.accesses) {
    if (access.side != Access::Side::kInput || access.index != 3) continue;
    ASSERT_TRUE(access.packed_format.has_value());
    EXPECT_EQ(access.packed_format->width_bits, 4);
    EXPECT_EQ(access.elements, Extent(2 * 10 * 16));
  }
  ExpectFormulaAgrees(node);
}

TEST(SparseAttention, CountsAllScoresAsABound) {
  OneNode node = Contrib("SparseAttention");
  node.Input({1, 1, 128}).Input({1, 1, 32}).Input({1, 1, 32});
  node.Input({1, 2, 64, 16}).Input({1, 2, 64, 16});
  node.Constant({2, 5}, DataType::kInt32).Constant({2, 9}, DataType::kInt32);
  node.ConstantScalar(11).Input({1}, DataType::kInt32);
  node.Constant({64, 8}).Constant({64, 8});
  node.Attr("num_heads", 8).Attr("kv_num_heads", 2).Attr("do_rotary", 1);
  node.Outputs(3);
  EXPECT_EQ(node.InferText(1), "float32 1x2x64x16");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs.value(), (8 * 1 * 11) * (16 + 16));
  EXPECT_EQ(counts.bound_reason,
            "the block mask leaves out scores, which all count");
  const Tally tally = TallyOf(counts);
  EXPECT_EQ(tally.reads.at("i6"), 2 * 9);
  EXPECT_EQ(tally.writes.at("o1"), 2 * 16);
  ExpectFormulaAgrees(node);
}

TEST(GroupQueryAttention, SaysWhatDoesNotFit) {
  const auto gqa = [](int64_t columns) {
    return Contrib("GroupQueryAttention")
        .Input({1, 2, columns})
        .Attr("num_heads", 8)
        .Attr("kv_num_heads", 2);
  };
  ExpectInfers({
      {Contrib("GroupQueryAttention")
           .Input({1, 2, 128})
           .Attr("num_heads", 8)
           .Attr("kv_num_heads", 3),
       "GroupQueryAttention 'o0': num_heads 8 must be a positive multiple of "
       "kv_num_heads 3"},
      {gqa(128),
       "GroupQueryAttention 'o0': the query has 128 columns, which 12 heads "
       "can't share"},
      {gqa(128).Input({1, 2, 32}).Input({1, 2, 33}),
       "GroupQueryAttention 'o0': value must be batch x length x 32 but is "
       "1x2x33"},
      {WithTotal(Decoder(10, 1), SymValue(20)),
       "GroupQueryAttention 'o0': total_sequence_length is 20 but 10 past and "
       "1 new keys are 11"},
      {WithTotal(Decoder(10, 3), SymValue(2)),
       "GroupQueryAttention 'o0': total_sequence_length is 2 but there are 3 "
       "new keys"},
      {WithTotal(Decoder(10, 1), SymValue(-1)),
       "GroupQueryAttention 'o0': total_sequence_length is -1 but an "
       "extent can't be negative"},
      {Decoder(10, 1, DataType::kFloat32, 15),
       "GroupQueryAttention 'o0': past_key must be batch x 2 heads x length x "
       "16 but is Bx2x10x15"},
      {gqa(192).Attr("do_rotary", 1),
       "GroupQueryAttention 'o0': operand 7 is missing"},
  });
}

}  // namespace
}  // namespace opcost
