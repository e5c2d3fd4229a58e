// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's normalizations against plain loops, written from its operator
// documentation.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
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
constexpr char kMicrosoft[] = "com.microsoft";

using Reader = std::function<Number(int64_t)>;

struct Statistics {
  Number mean;
  Number inverse;
};

// The statistics of a row of L elements, which `at` reads anew in each pass.
Statistics MeanAndVariance(Tally& tally, int64_t length, const Reader& first,
                           const Reader& again) {
  const Number reciprocal(tally, 1.0 / static_cast<double>(length));
  Number sum(tally, 0);
  for (int64_t i = 0; i < length; ++i) sum = sum + first(i);
  const Number mean = sum * reciprocal;
  Number squares(tally, 0);
  for (int64_t i = 0; i < length; ++i) {
    const Number difference = again(i) - mean;
    squares = squares + difference * difference;
  }
  const Number variance = squares * reciprocal + Number(tally, 1e-5);
  return {mean, Number(tally, 1) /
                    variance.Apply("sqrt", std::sqrt(variance.value()))};
}

Number InverseRoot(Tally& tally, int64_t length, const Reader& first) {
  Number squares(tally, 0);
  for (int64_t i = 0; i < length; ++i) {
    const Number x = first(i);
    squares = squares + x * x;
  }
  const Number mean =
      squares * Number(tally, 1.0 / static_cast<double>(length)) +
      Number(tally, 1e-5);
  return Number(tally, 1) / mean.Apply("sqrt", std::sqrt(mean.value()));
}

// A constant of one element is read once (R2).
void ReadImmediatesOnce(Tally& tally, const OneNode& node) {
  for (auto& [name, reads] : tally.reads) {
    if (name[0] == 'i' && node.IsImmediate(std::stoi(name.substr(1)))) {
      reads = 1;
    }
  }
}

void CheckLayer(Draw& draw, bool is_simplified) {
  const Index dims =
      draw.Several(static_cast<size_t>(draw.Between(1, 4)), 1, 4);
  const auto rank = static_cast<int64_t>(dims.size());
  const int64_t axis = draw.Between(0, rank - 1);
  const Index outer(dims.begin(), dims.begin() + axis);
  const Index inner(dims.begin() + axis, dims.end());
  const bool has_bias = !is_simplified && draw.Coin();
  const bool is_constant = draw.Coin();
  const int outputs = static_cast<int>(draw.Between(1, is_simplified ? 2 : 3));

  Tally tally;
  Array x(tally, "i0", dims), scale(tally, "i1", inner),
      bias(tally, "i2", inner);
  Array y(tally, "o0", dims), s1(tally, "o1", outer), s2(tally, "o2", outer);
  int64_t row = 0;
  const int64_t length = scale.size();
  ForEachIndex(outer, [&](const Index&) {
    const int64_t begin = row * length;
    const Reader at = [&](int64_t i) { return x.Read(begin + i); };
    const Statistics s =
        is_simplified
            ? Statistics{Number(tally, 0), InverseRoot(tally, length, at)}
            : MeanAndVariance(tally, length, at, at);
    for (int64_t i = 0; i < length; ++i) {
      Number value = is_simplified ? at(i) : at(i) - s.mean;
      value = value * s.inverse * scale.Read(i);
      if (has_bias) value = value + bias.Read(i);
      y.Write(begin + i, value);
    }
    if (outputs > 1) s1.Write(row, is_simplified ? s.inverse : s.mean);
    if (outputs > 2) s2.Write(row, s.inverse);
    ++row;
  });

  OneNode node(
      is_simplified ? "SimplifiedLayerNormalization" : "LayerNormalization",
      static_cast<int>(draw.Coin() ? 1 : 16), draw.Coin() ? kMicrosoft : "");
  node.Input(ToDims(dims));
  for (int i = 0; i < (has_bias ? 2 : 1); ++i) {
    is_constant ? node.Constant(ToDims(inner)) : node.Input(ToDims(inner));
  }
  node.Attr("axis", draw.Coin() ? axis : axis - rank).Outputs(outputs);
  ReadImmediatesOnce(tally, node);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(tally, TallyOf(counts));
  if (length > 1) ExpectFormulaAgrees(node);
}

TEST(ContribNormalizationReference, LayerNormalizationCountsWhatTheLoopsDo) {
  Draw draw(71);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckLayer(draw, false);
  }
}

TEST(ContribNormalizationReference, SimplifiedCountsWhatTheLoopsDo) {
  Draw draw(72);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckLayer(draw, true);
  }
}

void CheckSkip(Draw& draw, bool is_simplified,
               absl::string_view domain = kMicrosoft) {
  const Index dims =
      draw.Several(static_cast<size_t>(draw.Between(2, 3)), 2, 4);
  const int64_t length = dims.back();
  const bool skip_is_broadcast = dims.size() == 3 && draw.Coin();
  const Index skip_dims = skip_is_broadcast ? Index{dims[1], dims[2]} : dims;
  const bool has_beta = !is_simplified && draw.Coin();
  const bool has_bias = draw.Coin();
  const bool has_sum = draw.Coin();

  Tally tally;
  Array x(tally, "i0", dims), skip(tally, "i1", skip_dims);
  Array gamma(tally, "i2", {length}), beta(tally, "i3", {length});
  Array bias(tally, is_simplified ? "i3" : "i4", {length});
  Array y(tally, "o0", dims), sum_output(tally, "o3", dims);
  Array& sum = has_sum ? sum_output : y;
  const int64_t rows = x.size() / length;
  for (int64_t row = 0; row < rows; ++row) {
    const int64_t begin = row * length;
    const Reader first = [&](int64_t i) {
      const int64_t at = begin + i;
      Number value = x.Read(at) + skip.Read(at % skip.size());
      if (has_bias) value = value + bias.Read(i);
      sum.Write(at, value);
      return value;
    };
    const Reader again = [&](int64_t i) { return sum.Read(begin + i); };
    const Statistics s =
        is_simplified
            ? Statistics{Number(tally, 0), InverseRoot(tally, length, first)}
            : MeanAndVariance(tally, length, first, again);
    for (int64_t i = 0; i < length; ++i) {
      Number value = is_simplified ? again(i) : again(i) - s.mean;
      value = value * s.inverse * gamma.Read(i);
      if (has_beta) value = value + beta.Read(i);
      y.Write(begin + i, value);
    }
  }

  OneNode node(is_simplified ? "SkipSimplifiedLayerNormalization"
                             : "SkipLayerNormalization",
               1, domain);
  node.Input(ToDims(dims)).Input(ToDims(skip_dims)).Constant({length});
  if (!is_simplified) has_beta ? node.Constant({length}) : node.Absent();
  if (has_bias) node.Constant({length});
  node.Outputs(has_sum ? 4 : 1);
  if (has_sum) node.UnusedOutput(1).UnusedOutput(2);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(tally, TallyOf(counts));
  ExpectFormulaAgrees(node);
}

TEST(ContribNormalizationReference, SkipLayerCountsWhatTheLoopsDo) {
  Draw draw(73);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckSkip(draw, false);
  }
}

TEST(ContribNormalizationReference, SkipSimplifiedCountsWhatTheLoopsDo) {
  Draw draw(74);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckSkip(draw, true);
    // Some exporters put it into ONNX's own domain.
    CheckSkip(draw, true, "");
  }
}

// Indices of one group of one sample, for both layouts.
std::vector<Index> GroupIndices(const Index& nchw, int64_t sample,
                                int64_t group, int64_t groups, bool last) {
  std::vector<Index> indices;
  const int64_t size = nchw[1] / groups;
  ForEachIndex({size, nchw[2], nchw[3]}, [&](const Index& at) {
    const int64_t channel = group * size + at[0];
    indices.push_back(last ? Index{sample, at[1], at[2], channel}
                           : Index{sample, channel, at[1], at[2]});
  });
  return indices;
}

OneNode GroupNode(const Index& dims, int64_t channels, int64_t groups,
                  bool has_skip, const Index& skip_dims) {
  OneNode node(has_skip ? "SkipGroupNorm" : "GroupNorm", 1, kMicrosoft);
  node.Input(ToDims(dims)).Constant({channels}).Constant({channels});
  if (has_skip) node.Input(ToDims(skip_dims));
  node.Attr("groups", groups);
  return node;
}

void CheckGroup(Draw& draw, bool has_skip) {
  const int64_t groups = draw.Between(1, 3);
  const Index nchw = {draw.Between(1, 2), groups * draw.Between(1, 3),
                      draw.Between(1, 3), draw.Between(2, 3)};
  const bool last = draw.Coin();
  const bool has_silu = draw.Coin();
  const bool has_bias = has_skip && draw.Coin();
  const bool has_sum = has_skip && draw.Coin();
  const bool skip_is_per_channel = draw.Coin();
  const Index dims = last ? Index{nchw[0], nchw[2], nchw[3], nchw[1]} : nchw;
  const Index per_channel = {nchw[1]};
  const Index skip_dims = skip_is_per_channel ? Index{nchw[0], nchw[1]} : dims;

  Tally tally;
  Array x(tally, "i0", dims), gamma(tally, "i1", per_channel);
  Array beta(tally, "i2", per_channel), skip(tally, "i3", skip_dims);
  Array bias(tally, "i4", per_channel);
  Array y(tally, "o0", dims), sum_output(tally, "o1", dims);
  Array& sum = has_sum ? sum_output : y;
  ForEachIndex({nchw[0], groups}, [&](const Index& row) {
    const std::vector<Index> at =
        GroupIndices(nchw, row[0], row[1], groups, last);
    const auto channel = [&](int64_t i) {
      return at[static_cast<size_t>(i)][last ? 3 : 1];
    };
    const Reader first = [&](int64_t i) {
      const Index& index = at[static_cast<size_t>(i)];
      Number value = x.Read(index);
      if (!has_skip) return value;
      value = value + skip.Read(skip_is_per_channel ? Index{row[0], channel(i)}
                                                    : index);
      if (has_bias) value = value + bias.Read(channel(i));
      sum.Write(index, value);
      return value;
    };
    const Reader again = [&](int64_t i) {
      const Index& index = at[static_cast<size_t>(i)];
      return has_skip ? sum.Read(index) : x.Read(index);
    };
    const auto length = static_cast<int64_t>(at.size());
    const Statistics s = MeanAndVariance(tally, length, first, again);
    for (int64_t i = 0; i < length; ++i) {
      Number value = (again(i) - s.mean) * s.inverse * gamma.Read(channel(i)) +
                     beta.Read(channel(i));
      if (has_silu) value = value * value.Apply("sigmoid", 0.5);
      y.Write(at[static_cast<size_t>(i)], value);
    }
  });

  OneNode node = GroupNode(dims, nchw[1], groups, has_skip, skip_dims);
  if (has_bias) node.Constant(ToDims(per_channel));
  if (!last) node.Attr("channels_last", 0);
  node.Attr("activation", has_silu ? 1 : 0).Outputs(has_sum ? 2 : 1);
  ReadImmediatesOnce(tally, node);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(tally, TallyOf(counts));
  if (nchw[1] > 1) ExpectFormulaAgrees(node);
}

TEST(ContribNormalizationReference, GroupNormCountsWhatTheLoopsDo) {
  Draw draw(75);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckGroup(draw, false);
  }
}

TEST(ContribNormalizationReference, SkipGroupNormCountsWhatTheLoopsDo) {
  Draw draw(76);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckGroup(draw, true);
  }
}

OneNode Contrib(absl::string_view op) { return OneNode(op, 1, kMicrosoft); }

TEST(ContribNormalization, InfersEachOutput) {
  const Extent n = Extent::Symbol("N");
  ExpectInfers({
      {Contrib("SkipLayerNormalization")
           .Input({n, 7, 16}, DataType::kFloat16)
           .Input({7, 16}, DataType::kFloat16)
           .Constant({16}, DataType::kFloat16)
           .Outputs(4),
       "float16 Nx7x16", 3},
      {Contrib("SkipLayerNormalization")
           .Input({n, 7, 16})
           .Input({n, 7, 16})
           .Constant({16})
           .Outputs(4),
       "float32 Nx7x1", 1},
      {OneNode("SimplifiedLayerNormalization", 17)
           .Input({n, 7, 16}, DataType::kFloat16)
           .Constant({16}, DataType::kFloat16)
           .Outputs(2),
       "float32 Nx7x1", 1},
      {OneNode("LayerNormalization", 12).Input({n, 16}).Constant({16}),
       "float32 Nx16"},
      {Contrib("SkipGroupNorm")
           .Input({n, 8, 8, 32})
           .Constant({32})
           .Constant({32})
           .Input({n, 32})
           .Attr("groups", 4)
           .Outputs(2),
       "float32 Nx8x8x32", 1},
  });
}

TEST(ContribNormalization, SaysWhatDoesNotFit) {
  ExpectInfers({
      {Contrib("SkipLayerNormalization")
           .Input({2, 7, 16})
           .Input({2, 7, 16})
           .Constant({8}),
       "SkipLayerNormalization 'o0': gamma is 8, which doesn't fill 2x7x16"},
      {Contrib("SkipSimplifiedLayerNormalization")
           .Input({})
           .Input({})
           .Constant({}),
       "SkipSimplifiedLayerNormalization 'o0': the input is a scalar but must "
       "have rows"},
      {Contrib("GroupNorm")
           .Input({1, 8, 8, 32})
           .Constant({32})
           .Constant({32})
           .Attr("groups", 5),
       "GroupNorm 'o0': groups 5 doesn't divide the 32 channels"},
      {Contrib("GroupNorm")
           .Input({1, 8, 8, 32})
           .Constant({31})
           .Constant({32})
           .Attr("groups", 4),
       "GroupNorm 'o0': gamma has 31 elements but must have one for each of "
       "the 32 channels"},
      {Contrib("GroupNorm")
           .Input({1, 8, 8, 32})
           .Constant({32})
           .Constant({32})
           .Attr("groups", 4)
           .Attr("activation", 2),
       "GroupNorm 'o0': attribute 'activation' is 2 but must be 0 or 1"},
      {Contrib("GroupNorm").Input({1, 8}).Constant({8}).Constant({8}),
       "GroupNorm 'o0': X must have a batch, a channel and image axes but is "
       "1x8"},
      {Contrib("LayerNormalization")
           .Input({2, 3})
           .Constant({3})
           .Attr("stash_type", 99),
       "LayerNormalization 'o0': attribute 'stash_type' is 99, which is no "
       "known element type"},
  });
}

}  // namespace
}  // namespace opcost
