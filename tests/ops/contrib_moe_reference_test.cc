// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's mixture of experts against plain loops, written from its
// operator documentation.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
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
  int64_t tokens, experts, k, hidden, inner, blocks;
  bool is_quantized, has_bias, is_fused, has_third, normalizes, has_zero_points;
  bool has_router_weights, has_limit;
  std::string activation;
  int64_t first() const { return is_fused ? 2 * inner : inner; }
};

Configuration DrawConfiguration(Draw& draw, bool is_quantized) {
  Configuration c{};
  c.is_quantized = is_quantized;
  c.tokens = draw.Between(1, 3);
  c.experts = draw.Between(2, 5);
  c.k = draw.Between(1, c.experts);
  c.blocks = is_quantized ? draw.Between(1, 2) : 1;
  c.hidden = 4 * draw.Between(1, 2);
  c.inner = 4 * draw.Between(1, 2);
  c.has_bias = draw.Coin();
  c.activation = draw.OneOf<std::string>(
      {"relu", "gelu", "silu", "identity", "swiglu", "swiglu"});
  c.is_fused = c.activation == "swiglu" && draw.Coin();
  c.has_third = !c.is_fused && (c.activation == "swiglu" || draw.Coin());
  c.normalizes = draw.Coin();
  c.has_zero_points = is_quantized && draw.Coin();
  c.has_router_weights = is_quantized && draw.Coin();
  c.has_limit = draw.Coin();
  return c;
}

// The operands of one layer; those of four-bit weights by number, not by byte.
struct Layer {
  Layer(Tally& tally, const Configuration& c, int l, int64_t outputs,
        int64_t inputs)
      : weights(tally, Name(c, l, 2, 2), {c.experts, outputs, inputs}),
        bias(tally, Name(c, l, 3, 4), {c.experts, outputs}),
        scales(tally, Name(c, l, 0, 3), {c.experts, outputs, c.blocks}),
        zeros(tally, absl::StrCat("i", 11 + l), scales.dims()) {}
  static std::string Name(const Configuration& c, int l, int plain,
                          int quantized) {
    return c.is_quantized ? absl::StrCat("i", quantized + 3 * l)
                          : absl::StrCat("i", plain + 2 * l);
  }
  Array weights, bias, scales, zeros;
};

// One sum of a layer; `input` gives its terms.
Number Sum(Tally& tally, const Configuration& c, Layer& layer, int64_t expert,
           int64_t output, const std::function<Number(int64_t)>& input) {
  Number sum =
      c.has_bias ? layer.bias.Read({expert, output}) : Number(tally, 0);
  const int64_t inputs = layer.weights.dims()[2];
  for (int64_t block = 0; block < c.blocks; ++block) {
    const Number one(tally, 1);
    const Number scale =
        c.is_quantized ? layer.scales.Read({expert, output, block}) : one;
    const Number zero =
        c.has_zero_points ? layer.zeros.Read({expert, output, block}) : one;
    for (int64_t i = 0; i < inputs / c.blocks; ++i) {
      const int64_t at = block * (inputs / c.blocks) + i;
      Number weight = layer.weights.Read({expert, output, at});
      if (c.has_zero_points) weight = weight - zero;
      if (c.is_quantized) weight = weight * scale;
      sum = sum + input(at) * weight;
      ++tally.macs;
    }
  }
  return sum;
}

// alpha is 2 and beta 1.
Number Activate(Tally& tally, const Configuration& c, const Number& gate,
                const std::function<Number()>& linear) {
  const Number one(tally, 1), limit(tally, 7);
  if (c.activation == "swiglu") {
    Number g = gate, l = linear();
    if (c.has_limit) {
      g = Min(g, limit);
      l = Max(Min(l, limit), Number(tally, -7));
    }
    const Number s = (g * Number(tally, 2)).Apply("sigmoid", 0.5);
    return g * s * (l + one);
  }
  Number result = gate;
  if (c.activation == "relu") result = Max(gate, Number(tally, 0));
  if (c.activation == "silu") result = gate * gate.Apply("sigmoid", 0.5);
  if (c.activation == "gelu") {
    const Number half(tally, 0.5), root(tally, 0.7);
    result = half * gate * (one + (gate * root).Apply("erf", 0.5));
  }
  return c.has_third ? result * linear() : result;
}

// The weights of the k experts of one token.
std::vector<Number> Route(Tally& tally, const Configuration& c, int64_t token,
                          Array& router, Array& weights, Array& routing) {
  int64_t levels = 0;
  while ((int64_t{1} << levels) < c.k + 1) ++levels;
  Array& choices = c.has_router_weights ? router : routing;
  if (!c.has_router_weights) {
    // The first pass and the second read the router; the rest is in place.
    Number greatest(tally, -1e9);
    for (int64_t e = 0; e < c.experts; ++e) {
      greatest = Max(greatest, router.Read({token, e}));
    }
    Number total(tally, 0);
    for (int64_t e = 0; e < c.experts; ++e) {
      const Number x = Exponential(router.Read({token, e}) - greatest);
      routing.Write({token, e}, x);
      total = total + x;
    }
    const Number reciprocal = Number(tally, 1) / total;
    for (int64_t e = 0; e < c.experts; ++e) {
      routing.Write({token, e}, routing.Read({token, e}) * reciprocal);
    }
  }
  for (int64_t e = 0; e < c.experts; ++e) {
    choices.Read({token, e});
    tally.operations["add"] += levels;
  }
  std::vector<Number> chosen;
  for (int64_t i = 0; i < c.k; ++i) {
    chosen.push_back(c.has_router_weights ? weights.Read({token, i})
                                          : Number(tally, 0.5));
  }
  if (c.normalizes) {
    Number sum(tally, 0);
    for (const Number& weight : chosen) sum = sum + weight;
    const Number reciprocal = Number(tally, 1) / sum;
    for (Number& weight : chosen) weight = weight * reciprocal;
  }
  return chosen;
}

Tally Reference(const Configuration& c) {
  Tally tally;
  Array x(tally, "i0", {c.tokens, c.hidden});
  Array router(tally, "i1", {c.tokens, c.experts});
  Array router_weights(tally, "i14", router.dims());
  Array routing(tally, "routing", router.dims());
  Array inner(tally, "inner", {c.tokens, c.k, c.inner});
  Array y(tally, "o0", x.dims());
  Layer first(tally, c, 0, c.first(), c.hidden);
  Layer second(tally, c, 1, c.hidden, c.inner);
  Layer third(tally, c, 2, c.inner, c.hidden);
  for (int64_t t = 0; t < c.tokens; ++t) {
    const std::vector<Number> weights =
        Route(tally, c, t, router, router_weights, routing);
    const auto input = [&](int64_t i) { return x.Read({t, i}); };
    for (int64_t s = 0; s < c.k; ++s) {
      for (int64_t i = 0; i < c.inner; ++i) {
        const Number gate = Sum(tally, c, first, s, i, input);
        const auto linear = [&] {
          return c.is_fused ? Sum(tally, c, first, s, c.inner + i, input)
                            : Sum(tally, c, third, s, i, input);
        };
        inner.Write({t, s, i}, Activate(tally, c, gate, linear));
      }
    }
    for (int64_t d = 0; d < c.hidden; ++d) {
      Number result(tally, 0);
      for (int64_t s = 0; s < c.k; ++s) {
        const auto term = [&](int64_t i) { return inner.Read({t, s, i}); };
        result = result + Sum(tally, c, second, s, d, term) *
                              weights[static_cast<size_t>(s)];
      }
      y.Write({t, d}, result);
    }
  }
  return tally;
}

void AddLayer(OneNode& node, const Configuration& c, bool present,
              int64_t outputs, int64_t inputs) {
  if (!present) {
    node.Absent().Absent();
    if (c.is_quantized) node.Absent();
    return;
  }
  if (c.is_quantized) {
    node.Constant({c.experts, outputs, inputs / 2}, DataType::kUint8);
    node.Constant({c.experts, outputs, c.blocks});
  } else {
    node.Constant({c.experts, outputs, inputs});
  }
  c.has_bias ? node.Constant({c.experts, outputs}) : node.Absent();
}

// Zero points are two to a byte as well; here one byte holds those of a row.
void AddZeroPoints(OneNode& node, const Configuration& c, bool present,
                   int64_t outputs) {
  if (present && c.has_zero_points) {
    node.Constant({c.experts, outputs, (c.blocks + 1) / 2}, DataType::kUint8);
  } else {
    node.Absent();
  }
}

OneNode NodeOf(const Configuration& c) {
  OneNode node = Contrib(c.is_quantized ? "QMoE" : "MoE");
  node.Input({c.tokens, c.hidden}).Input({c.tokens, c.experts});
  AddLayer(node, c, true, c.first(), c.hidden);
  AddLayer(node, c, true, c.hidden, c.inner);
  AddLayer(node, c, c.has_third, c.inner, c.hidden);
  if (c.is_quantized) {
    AddZeroPoints(node, c, true, c.first());
    AddZeroPoints(node, c, true, c.hidden);
    AddZeroPoints(node, c, c.has_third, c.inner);
    if (c.has_router_weights) node.Input({c.tokens, c.experts});
  }
  node.Attr("k", c.k).Attr("activation_type", c.activation.c_str());
  node.Attr("activation_alpha", 2.0).Attr("activation_beta", 1.0);
  if (c.normalizes) node.Attr("normalize_routing_weights", 1);
  if (c.is_fused) node.Attr("swiglu_fusion", 1);
  if (c.has_limit) node.Attr("swiglu_limit", 7.0);
  return node;
}

void CheckExperts(uint32_t seed, bool is_quantized) {
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

TEST(ContribMoeReference, MoECountsWhatTheLoopsDo) { CheckExperts(121, false); }

TEST(ContribMoeReference, QMoECountsWhatTheLoopsDo) { CheckExperts(122, true); }

TEST(ContribMoe, StoresAllExpertsAtTheirPackedWidth) {
  OneNode node = Contrib("QMoE");
  node.Input({1, 7, 64}).Input({7, 8});
  node.Constant({8, 32, 32}, DataType::kUint8).Constant({8, 32, 2}).Absent();
  node.Constant({8, 64, 16}, DataType::kUint8).Constant({8, 64, 1});
  node.Attr("k", 2);
  EXPECT_EQ(node.InferText(), "float32 1x7x64");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs.value(), (7 * 2) * (64 * 32 + 32 * 64));
  for (const Access& access : counts.accesses) {
    if (access.side != Access::Side::kInput || access.index != 2) continue;
    ASSERT_TRUE(access.packed_format.has_value());
    EXPECT_EQ(access.packed_format->width_bits, 4);
    EXPECT_EQ(access.elements, Extent(8 * 32 * 64));
    EXPECT_EQ(access.reads, Extent((7 * 2) * (32 * 64)));
  }
}

TEST(ContribMoe, SaysWhatDoesNotFit) {
  const auto moe = [] { return Contrib("MoE").Input({6, 8}).Input({6, 4}); };
  ExpectInfers({
      {Contrib("MoE").Input({8}).Input({6, 4}),
       "MoE 'o0': the input must have 2 or 3 axes but is 8"},
      {moe().Attr("k", 5), "MoE 'o0': k is 5 but there are 4 experts"},
      {moe().Attr("activation_type", "tanh"),
       "MoE 'o0': activation_type 'tanh' is none of relu, gelu, silu, swiglu, "
       "identity"},
      {moe().Attr("activation_type", "swiglu"),
       "MoE 'o0': swiglu needs fc3's weights unless swiglu_fusion is 1 or 2"},
      {moe().Constant({4, 8, 16}).Absent().Constant({4, 8, 16}),
       "MoE 'o0': fc1's weights must be 4 experts x 16 x 8 but are 4x8x16"},
      {moe().Constant({4, 16, 8}).Absent().Constant({4, 8}),
       "MoE 'o0': fc2's weights must have 3 axes but are 4x8"},
      {Contrib("QMoE").Input({6, 8}).Input({6, 4}).Attr("expert_weight_bits",
                                                        3),
       "QMoE 'o0': expert_weight_bits is 3 but must be 2, 4 or 8"},
      {Contrib("QMoE").Input({6, 8}).Input({6, 4}).Attr("quant_type",
                                                        "wfp4afp8"),
       "QMoE 'o0': quant_type 'wfp4afp8' has no rule; use 'int', 'fp4', "
       "'nvfp4' or 'fp8'"},
  });
  OneNode mixer = Contrib("MoE");
  mixer.Input({6, 8}).Input({6, 4}).Constant({4, 16, 8}).Absent();
  mixer.Constant({4, 8, 16}).Attr("use_sparse_mixer", 1);
  EXPECT_THAT(mixer.Count(),
              FailsWith("MoE 'o0': the sparse mixer has no counting rule"));
}

}  // namespace
}  // namespace opcost
