// SPDX-License-Identifier: Apache-2.0
// RotaryEmbedding, RMSNormalization and SwiGLU: shapes, counts against plain
// loops, and errors.
#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 200;

OneNode Rotary(Dims x, Dims cache) {
  OneNode node("RotaryEmbedding", 23);
  node.Input(std::move(x)).Constant(cache).Constant(cache);
  return node;
}

OneNode Rms(Dims x, Dims scale) {
  OneNode node("RMSNormalization", 23);
  node.Input(std::move(x)).Constant(std::move(scale));
  return node;
}

OneNode SwiGlu(Dims a, Dims b) {
  OneNode node("SwiGLU", 28);
  node.Input(std::move(a)).Input(std::move(b));
  return node;
}

TEST(Rotary, TheOutputIsLikeTheInput) {
  ExpectInfers({
      {Rotary({2, 3, 5, 8}, {50, 4}).Input({2, 5}, DataType::kInt64),
       "float32 2x3x5x8"},
      {Rotary({2, 5, 24}, {2, 5, 4}).Attr("num_heads", 3), "float32 2x5x24"},
      {Rotary({2, Extent::Symbol("S"), 24}, {2, Extent::Symbol("S"), 2})
           .Attr("num_heads", 3)
           .Attr("rotary_embedding_dim", 4),
       "float32 2xSx24"},
  });
}

TEST(Rotary, ErrorsSayWhatContradictsWhat) {
  ExpectInfers({
      {Rotary({5, 8}, {50, 4}),
       "RotaryEmbedding 'o0': X must have 3 or 4 axes but is 5x8"},
      {Rotary({2, 5, 24}, {2, 5, 4}),
       "RotaryEmbedding 'o0': num_heads must be at least 1 for an X of 3 axes "
       "but is 0"},
      {Rotary({2, 5, 24}, {2, 5, 4}).Attr("num_heads", 5),
       "RotaryEmbedding 'o0': num_heads 5 does not divide the 24 elements of "
       "X's last axis"},
      {Rotary({2, 3, 5, 8}, {2, 5, 3}),
       "RotaryEmbedding 'o0': cos_cache is 2x5x3 but must be 2x5x4"},
      {Rotary({2, 3, 5, 8}, {2, 5, 4}).Input({2, 5}, DataType::kInt64),
       "RotaryEmbedding 'o0': cos_cache must have 2 axes if position_ids are "
       "given but is 2x5x4"},
      {Rotary({2, 3, 5, 8}, {50, 4}).Input({2, 6}, DataType::kInt64),
       "RotaryEmbedding 'o0': position_ids is 2x6 but must be 2x5"},
      {Rotary({2, 3, 5, 7}, {2, 5, 3}),
       "RotaryEmbedding 'o0': rotary_embedding_dim must be even and not "
       "negative but is 7"},
      {Rotary({2, 3, 5, 8}, {2, 5, 5}).Attr("rotary_embedding_dim", 10),
       "RotaryEmbedding 'o0': rotary_embedding_dim is 10 but a head has only 8 "
       "elements"},
  });
}

void CheckRotary(Draw& draw) {
  const int64_t batch = draw.Between(1, 3), length = draw.Between(1, 3),
                heads = draw.Between(1, 3), half = draw.Between(1, 3),
                rest = draw.Between(0, 2);
  const int64_t size = 2 * half + rest;
  const bool is_full = rest == 0, has_positions = draw.Coin(),
             is_packed = draw.Coin();
  Tally tally;
  Array x(tally, "i0", {batch, length, heads, size}),
      y(tally, "o0", {batch, length, heads, size});
  Array cos(tally, "i1", {batch, length, half}),
      sin(tally, "i2", {batch, length, half});
  Array positions(tally, "i3", {batch, length});
  for (int64_t i = 0; has_positions && i < positions.size(); ++i) {
    positions.Read(i);
  }
  ForEachIndex({batch, length, heads, size}, [&](const Index& at) {
    const Index row = {at[0], at[1], at[2]};
    const int64_t e = at[3];
    if (e >= 2 * half) {
      y.Write(at, x.Read(at));
      return;
    }
    const Index angle = {at[0], at[1], e % half};
    const Number own = x.Read(at) * cos.Read(angle);
    const Number other =
        x.Read(Joined(row, {(e + half) % (2 * half)})) * sin.Read(angle);
    y.Write(at, e < half ? own - other : other + own);
  });
  OneNode node("RotaryEmbedding", 23);
  node.Input(is_packed ? Dims{batch, length, heads * size}
                       : Dims{batch, heads, length, size});
  const Dims cache = has_positions ? Dims{9, half} : Dims{batch, length, half};
  node.Input(cache).Input(cache);
  if (has_positions) node.Input({batch, length}, DataType::kInt64);
  if (is_packed) node.Attr("num_heads", heads);
  if (!is_full) node.Attr("rotary_embedding_dim", 2 * half);
  ExpectCounts(node, tally, "rotary embedding");
}

TEST(RotaryReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(551);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckRotary(draw);
  }
}

TEST(Rms, TheOutputHasTheScalesType) {
  OneNode mixed("RMSNormalization", 23);
  mixed.Input({2, 3}, DataType::kFloat16).Constant({3});
  ExpectInfers({
      {mixed, "float32 2x3"},
      {Rms({2, 3, 4}, {3, 4}).Attr("axis", 1), "float32 2x3x4"},
      {Rms({2, 3, 4}, {5}),
       "RMSNormalization 'o0': the scale is 5, which doesn't fill 2x3x4"},
      {Rms({2, 3, 4}, {4}).Attr("axis", 3),
       "RMSNormalization 'o0': axis 3 is outside the 3 axes of the tensor"},
  });
}

TEST(RmsReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(552);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Index outer =
        draw.Several(static_cast<size_t>(draw.Between(0, 2)), 1, 3);
    const Index inner =
        draw.Several(static_cast<size_t>(draw.Between(1, 2)), 1, 4);
    Tally tally;
    Array x(tally, "i0", Joined(outer, inner)), scale(tally, "i1", inner),
        y(tally, "o0", Joined(outer, inner));
    ForEachIndex(outer, [&](const Index& row) {
      Number sum(tally, 0);
      int64_t length = 0;
      ForEachIndex(inner, [&](const Index& at) {
        const Number value = x.Read(Joined(row, at));
        sum = sum + value * value;
        ++length;
      });
      EXPECT_GT(length, 0);
      const Number mean = sum * Number(tally, 1.0 / 3);
      const Number root = (mean + Number(tally, 1e-5)).Apply("sqrt", 1);
      const Number inverse = Number(tally, 1) / root;
      ForEachIndex(inner, [&](const Index& at) {
        y.Write(Joined(row, at),
                x.Read(Joined(row, at)) * inverse * scale.Read(at));
      });
    });
    OneNode node("RMSNormalization", 23);
    node.Input(ToDims(Joined(outer, inner))).Input(ToDims(inner));
    node.Attr("axis", static_cast<int64_t>(outer.size()));
    ExpectCounts(node, tally, "root mean square");
  }
}

TEST(SwiGlu, NeedsTwoOperandsOfOneShape) {
  OneNode types = SwiGlu({2, 3}, {2, 3});
  OneNode mixed("SwiGLU", 28);
  mixed.Input({2, 3}).Input({2, 3}, DataType::kFloat16);
  ExpectInfers({
      {types, "float32 2x3"},
      {SwiGlu({2, 3}, {1, 3}), "SwiGLU 'o0': B is 1x3 but must be 2x3"},
      {mixed,
       "SwiGLU 'o0': the operands must have one element type but are float32 "
       "and float16"},
  });
}

TEST(SwiGluReference, CountsWhatTheLoopsDo) {
  Draw draw(553);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Index dims =
        draw.Several(static_cast<size_t>(draw.Between(0, 3)), 1, 4);
    const bool is_scaled = draw.Coin();
    Tally tally;
    Array a(tally, "i0", dims), b(tally, "i1", dims), y(tally, "o0", dims);
    for (int64_t e = 0; e < y.size(); ++e) {
      const Number gate = a.Read(e);
      const Number argument = is_scaled ? gate * Number(tally, 2) : gate;
      y.Write(e, gate * argument.Apply("sigmoid", 0.5) * b.Read(e));
    }
    OneNode node = SwiGlu(ToDims(dims), ToDims(dims));
    if (is_scaled) node.Attr("alpha", 2.0);
    ExpectCounts(node, tally, "gated swish");
  }
}

}  // namespace
}  // namespace opcost
