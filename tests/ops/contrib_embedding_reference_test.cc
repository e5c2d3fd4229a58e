// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's embeddings and position encodings against plain loops, written
// from its operator documentation.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

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

OneNode Contrib(absl::string_view op) {
  return OneNode(op, 1, "com.microsoft");
}

void Expect(OneNode& node, const Tally& tally) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(tally, TallyOf(counts));
  ExpectFormulaAgrees(node);
}

// A LayerNormalization of the row that lies in `sum` from `begin` on, whose sum
// of elements is known already.
void Normalize(Tally& tally, Array& sum, Array& y, int64_t begin,
               const Number& total, Array& gamma, Array& beta) {
  const int64_t length = gamma.size();
  const Number reciprocal(tally, 1.0 / static_cast<double>(length));
  const Number mean = total * reciprocal;
  Number squares(tally, 0);
  for (int64_t i = 0; i < length; ++i) {
    const Number difference = sum.Read(begin + i) - mean;
    squares = squares + difference * difference;
  }
  const Number variance = squares * reciprocal + Number(tally, 1e-5);
  const Number inverse =
      Number(tally, 1) / variance.Apply("sqrt", std::sqrt(variance.value()));
  for (int64_t i = 0; i < length; ++i) {
    y.Write(begin + i, (sum.Read(begin + i) - mean) * inverse * gamma.Read(i) +
                           beta.Read(i));
  }
}

void CheckEmbedding(Draw& draw) {
  const int64_t batch = draw.Between(1, 3);
  const int64_t length = draw.Between(1, 4);
  const int64_t hidden = draw.Between(2, 5);
  const bool has_segments = draw.Coin();
  const bool has_mask = draw.Coin();
  const bool has_positions = draw.Coin();
  const bool has_sum = draw.Coin();

  Tally tally;
  Array ids(tally, "i0", {batch, length}), segments(tally, "i1", ids.dims());
  Array word(tally, "i2", {9, hidden}), position(tally, "i3", {9, hidden});
  Array segment(tally, "i4", {2, hidden}), gamma(tally, "i5", {hidden});
  Array beta(tally, "i6", {hidden}), mask(tally, "i7", ids.dims());
  Array positions(tally, "i8", {batch, length});
  Array y(tally, "o0", {batch, length, hidden}), index(tally, "o1", {batch});
  Array sum_output(tally, "o2", y.dims());
  Array& sum = has_sum ? sum_output : y;
  for (int64_t b = 0; b < batch; ++b) {
    Number words(tally, 0);
    for (int64_t s = 0; s < length; ++s) {
      const int64_t token = b * length + s;
      ids.Read(token);
      if (has_segments) segments.Read(token);
      if (has_positions) positions.Read(token);
      Number total(tally, 0);
      for (int64_t i = 0; i < hidden; ++i) {
        Number value = word.Read({token % 9, i}) + position.Read({s, i});
        if (has_segments) value = value + segment.Read({token % 2, i});
        sum.Write(token * hidden + i, value);
        total = total + value;
      }
      Normalize(tally, sum, y, token * hidden, total, gamma, beta);
      if (has_mask) {
        words = words + Less(Number(tally, 0), mask.Read(token));
      }
    }
    index.Write(b, words);
  }

  OneNode node = Contrib("EmbedLayerNormalization");
  const Dims tokens = {batch, length};
  node.Input(tokens, DataType::kInt32);
  has_segments ? node.Input(tokens, DataType::kInt32) : node.Absent();
  node.Constant({9, hidden}).Constant({9, hidden});
  has_segments ? node.Constant({2, hidden}) : node.Absent();
  node.Constant({hidden}).Constant({hidden});
  has_mask ? node.Input(tokens, DataType::kInt32) : node.Absent();
  if (has_positions) node.Input(tokens, DataType::kInt32);
  node.Outputs(has_sum ? 3 : 2);
  Expect(node, tally);
}

TEST(EmbedLayerNormalizationReference, CountsWhatTheLoopsDo) {
  Draw draw(81);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckEmbedding(draw);
  }
}

void CheckRotary(Draw& draw) {
  const int64_t batch = draw.Between(1, 2);
  const int64_t heads = draw.Between(1, 3);
  const int64_t length = draw.Between(1, 4);
  const int64_t dim = 2 * draw.Between(1, 2);
  const bool is_partial = draw.Coin();
  const int64_t size = is_partial ? dim + draw.Between(0, 3) : dim;
  const bool is_4d = draw.Coin();

  Tally tally;
  const Index dims = {batch, heads, length, size};
  Array x(tally, "i0", dims), ids(tally, "i1", {batch, length});
  Array cosine(tally, "i2", {8, dim / 2}), sine(tally, "i3", {8, dim / 2});
  Array y(tally, "o0", dims);
  for (int64_t i = 0; i < ids.size(); ++i) ids.Read(i);
  ForEachIndex({batch, heads, length}, [&](const Index& at) {
    const auto element = [&](int64_t i) { return Joined(at, {i}); };
    const int64_t half = dim / 2;
    for (int64_t i = 0; i < half; ++i) {
      y.Write(element(i),
              x.Read(element(i)) * cosine.Read({at[2], i}) -
                  x.Read(element(i + half)) * sine.Read({at[2], i}));
      y.Write(element(i + half),
              x.Read(element(i + half)) * cosine.Read({at[2], i}) +
                  x.Read(element(i)) * sine.Read({at[2], i}));
    }
    for (int64_t i = dim; i < size; ++i) {
      y.Write(element(i), x.Read(element(i)));
    }
  });

  OneNode node = Contrib("RotaryEmbedding");
  node.Input(is_4d ? ToDims(dims) : Dims{batch, length, heads * size});
  node.Input({batch, length}, DataType::kInt64);
  node.Input({8, dim / 2}).Input({8, dim / 2});
  if (is_partial) {
    node.Attr("rotary_embedding_dim", dim).Attr("num_heads", heads);
  }
  Expect(node, tally);
}

TEST(ContribRotaryEmbeddingReference, CountsWhatTheLoopsDo) {
  Draw draw(82);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckRotary(draw);
  }
}

void CheckGated(Draw& draw) {
  const int64_t batch = draw.Between(1, 2);
  const int64_t heads = draw.Between(2, 3);
  const int64_t length = draw.Between(1, 4);
  const int64_t size = draw.Between(1, 3);
  const int64_t gates = 2 * draw.Between(1, 3);

  Tally tally;
  const Index rows = {batch, heads, length};
  Array query(tally, "i0", {batch, heads, length, size});
  Array query_bias(tally, "i1", {heads, size});
  Array relative(tally, "i2", {heads, length, length});
  Array weight(tally, "i3", {size, gates}), bias(tally, "i4", {gates});
  Array eco(tally, "i5", {heads});
  Array biased(tally, "query", query.dims());
  Array y(tally, "o0", {batch, heads, length, length});
  const Number one(tally, 1), two(tally, 2);
  ForEachIndex(rows, [&](const Index& at) {
    for (int64_t i = 0; i < size; ++i) {
      const Index element = Joined(at, {i});
      biased.Write(element, query.Read(element) + query_bias.Read({at[1], i}));
    }
    Number halves[2] = {Number(tally, 0), Number(tally, 0)};
    for (int64_t g = 0; g < gates; ++g) {
      Number sum = bias.Read(g);
      for (int64_t i = 0; i < size; ++i) {
        sum = sum + biased.Read(Joined(at, {i})) * weight.Read({i, g});
        ++tally.macs;
      }
      Number& half = halves[g * 2 / gates];
      half = half + sum;
    }
    const Number u = halves[0].Apply("sigmoid", 0.5);
    const Number r = halves[1].Apply("sigmoid", 0.5);
    const Number gate = u * (r * eco.Read(at[1]) - one) + two;
    for (int64_t k = 0; k < length; ++k) {
      y.Write(Joined(at, {k}), gate * relative.Read({at[1], at[2], k}));
    }
  });

  OneNode node = Contrib("GatedRelativePositionBias");
  node.Input({batch, length, heads * size}).Constant({heads * size});
  node.Input({1, heads, length, length});
  node.Input({size, gates}).Constant({gates}).Constant({1, heads, 1, 1});
  node.Attr("num_heads", heads);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(tally.macs, counts.macs.value());
  Expect(node, tally);
}

TEST(GatedRelativePositionBiasReference, CountsWhatTheLoopsDo) {
  Draw draw(83);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckGated(draw);
  }
}

TEST(RelativePositionBias, ReadsTheTableOncePerPair) {
  OneNode node = Contrib("RelativePositionBias");
  node.Constant({32, 8}).ConstantScalar(5).ConstantScalar(5);
  node.Attr("max_distance", 128);
  EXPECT_EQ(node.InferText(), "float32 1x8x5x5");
  Tally tally;
  tally.reads["i0"] = 8 * 5 * 5;
  tally.writes["o0"] = 8 * 5 * 5;
  Expect(node, tally);
}

TEST(ContribEmbedding, InfersEachOutput) {
  const Extent n = Extent::Symbol("N");
  const Extent s = Extent::Symbol("S");
  OneNode embed = Contrib("EmbedLayerNormalization");
  embed.Input({n, s}, DataType::kInt32)
      .Absent()
      .Constant({100, 16}, DataType::kFloat16)
      .Constant({64, 16}, DataType::kFloat16)
      .Absent()
      .Constant({16}, DataType::kFloat16)
      .Constant({16}, DataType::kFloat16)
      .Outputs(3);
  OneNode packed = Contrib("GatedRelativePositionBias");
  packed.Input({s, 24})
      .Constant({24})
      .Input({1, 4, 7, 7})
      .Constant({6, 8})
      .Constant({8})
      .Constant({1, 4, 1, 1})
      .Input({n, 7}, DataType::kInt32)
      .Attr("num_heads", 4);
  ExpectInfers({{embed, "float16 NxSx16", 0},
                {embed, "int32 N", 1},
                {embed, "float16 NxSx16", 2},
                {packed, "float32 Nx4x7x7"},
                {Contrib("RelativePositionBias")
                     .Constant({32, 8})
                     .ConstantValue(Symbols({SymValue::Symbol("Q")}))
                     .ConstantInts({9}),
                 "float32 1x8xQx9"}});
}

TEST(ContribEmbedding, SaysWhatDoesNotFit) {
  OneNode rotary = Contrib("RotaryEmbedding");
  rotary.Input({1, 4, 24})
      .Input({1}, DataType::kInt64)
      .Constant({8, 4})
      .Constant({8, 4});
  ExpectInfers({
      {OneNode(rotary).Attr("rotary_embedding_dim", 6).Attr("num_heads", 3),
       "RotaryEmbedding 'o0': cos_cache has rows of 4 but "
       "rotary_embedding_dim 6 needs 3"},
      {OneNode(rotary).Attr("rotary_embedding_dim", 8),
       "RotaryEmbedding 'o0': rotary_embedding_dim 8 needs num_heads where the "
       "input has 3 axes"},
      {OneNode(rotary).Attr("rotary_embedding_dim", -8),
       "RotaryEmbedding 'o0': rotary_embedding_dim -8 and num_heads 0 must not "
       "be negative, and the first be even"},
      {Contrib("EmbedLayerNormalization")
           .Input({1, 4}, DataType::kInt32)
           .Absent()
           .Constant({100, 16})
           .Constant({64, 15})
           .Absent()
           .Constant({16})
           .Constant({16}),
       "EmbedLayerNormalization 'o0': position_embedding has rows of 15 but "
       "word_embedding of 16"},
      {Contrib("EmbedLayerNormalization").Input({4}, DataType::kInt32),
       "EmbedLayerNormalization 'o0': input_ids must have 2 axes but is 4"},
      {Contrib("RelativePositionBias")
           .Constant({32, 8})
           .ConstantInts({9, 9})
           .ConstantInts({9}),
       "RelativePositionBias 'o0': query_length has 2 elements but must have "
       "1"},
      {Contrib("GatedRelativePositionBias")
           .Input({1, 7, 25})
           .Constant({25})
           .Input({1, 4, 7, 7})
           .Constant({6, 8})
           .Constant({8})
           .Constant({1, 4, 1, 1})
           .Attr("num_heads", 4),
       "GatedRelativePositionBias 'o0': query_layer has 25 columns but 4 heads "
       "of 6 are 24"},
  });
}

}  // namespace
}  // namespace opcost
