// SPDX-License-Identifier: Apache-2.0
// One step of an optimizer, by the pseudocode of the ONNX specification.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/op_cases.h"

namespace opcost {
namespace {

constexpr char kDomain[] = "ai.onnx.preview.training";

// Learning rate, update count, then `parts` times the tensors.
OneNode Step(const char* op, const std::vector<Dims>& tensors, int parts) {
  OneNode node(op, 1, kDomain);
  node.Input({}).Input({}, DataType::kInt64);
  for (int part = 0; part < parts; ++part) {
    for (const Dims& dims : tensors) node.Input(dims);
  }
  return node;
}

TEST(Optimizers, GiveTensorsAndStatesTheirOldTypes) {
  ExpectInfers({
      {Step("Adagrad", {{2, 3}}, 3).Outputs(2), "float32 2x3", 1},
      {Step("Adam", {{2, 3}, {4}}, 4).Outputs(6), "float32 4", 5},
      {Step("Adam", {{2, 3}, {4}}, 4).Outputs(6), "float32 2x3", 4},
      {Step("Momentum", {{2}, {4}}, 3).Attr("mode", "standard").Outputs(4),
       "float32 4", 3},
      {Step("Adam", {{2}}, 3),
       "Adam 'o0': after the learning rate and the update count, 4 operands "
       "must follow for each tensor, but there are 3"},
      {OneNode("Adagrad", 1, kDomain),
       "Adagrad 'o0': after the learning rate and the update count, 3 operands "
       "must follow for each tensor, but there are 0"},
      {Step("Adagrad", {{2}}, 2).Input({3}),
       "Adagrad 'o0': operand 4 is 3 but its tensor is 2"},
      {Step("Momentum", {{2}}, 3),
       "Momentum 'o0': mode '' is neither nesterov nor standard"},
  });
}

// The arrays of a step: `parts` of `tensors` as operands, all parts but the
// gradients as outputs.
struct Arrays {
  std::vector<Array> in, out;
  Arrays(Tally& tally, const std::vector<Numbers>& tensors, int parts) {
    for (int part = 0; part < parts; ++part) {
      for (const Numbers& dims : tensors) {
        in.emplace_back(tally, "i" + std::to_string(2 + in.size()), dims);
        if (part == 1) continue;
        out.emplace_back(tally, "o" + std::to_string(out.size()), dims);
      }
    }
  }
};

struct Scalars {
  double norm = 0, decay = 0, post = 0;
  bool nesterov = false;
};

Number Regularized(Tally& tally, const Scalars& s, const Number& x,
                   const Number& g) {
  return s.norm == 0 ? g : Number(tally, s.norm) * x + g;
}

Number Root(const Number& x) { return x.Apply("sqrt", 1); }

void Adagrad(Tally& tally, Arrays& a, size_t tensors, const Scalars& s) {
  Number r = Array(tally, "i0", {}).Read(int64_t{0});
  if (s.decay != 0) {
    const Number t = Array(tally, "i1", {}).Read(int64_t{0});
    r = r / (Number(tally, 1) + t * Number(tally, s.decay));
  }
  for (size_t t = 0; t < tensors; ++t) {
    for (int64_t e = 0; e < a.in[t].size(); ++e) {
      const Number x = a.in[t].Read(e);
      const Number g = Regularized(tally, s, x, a.in[tensors + t].Read(e));
      const Number h = a.in[2 * tensors + t].Read(e) + g * g;
      a.out[tensors + t].Write(e, h);
      a.out[t].Write(e, x - r * g / (Root(h) + Number(tally, 1e-6)));
    }
  }
}

void Adam(Tally& tally, Arrays& a, size_t tensors, const Scalars& s) {
  const Number one(tally, 1), alpha(tally, 0.9), rest(tally, 0.1);
  const Number rate = Array(tally, "i0", {}).Read(int64_t{0});
  const Number updates = Array(tally, "i1", {}).Read(int64_t{0});
  Less(Number(tally, 0), updates);
  const Number r = rate * Root(one - alpha.Apply("pow", 0.5)) /
                   (one - alpha.Apply("pow", 0.5));
  for (size_t t = 0; t < tensors; ++t) {
    for (int64_t e = 0; e < a.in[t].size(); ++e) {
      const Number x = a.in[t].Read(e);
      const Number g = Regularized(tally, s, x, a.in[tensors + t].Read(e));
      const Number v = alpha * a.in[2 * tensors + t].Read(e) + rest * g;
      const Number h = alpha * a.in[3 * tensors + t].Read(e) + rest * g * g;
      a.out[tensors + t].Write(e, v);
      a.out[2 * tensors + t].Write(e, h);
      const Number next = x - r * v / (Root(h) + Number(tally, 1e-6));
      a.out[t].Write(e, s.post == 0 ? next : Number(tally, 0.5) * next);
    }
  }
}

void Momentum(Tally& tally, Arrays& a, size_t tensors, const Scalars& s) {
  const Number alpha(tally, 0.9), beta(tally, 0.1);
  const Number r = Array(tally, "i0", {}).Read(int64_t{0});
  Less(Number(tally, 0), Array(tally, "i1", {}).Read(int64_t{0}));
  for (size_t t = 0; t < tensors; ++t) {
    for (int64_t e = 0; e < a.in[t].size(); ++e) {
      const Number x = a.in[t].Read(e);
      const Number g = Regularized(tally, s, x, a.in[tensors + t].Read(e));
      const Number v = alpha * a.in[2 * tensors + t].Read(e) + beta * g;
      a.out[tensors + t].Write(e, v);
      a.out[t].Write(e, x - r * (s.nesterov ? g + alpha * v : v));
    }
  }
}

TEST(OptimizersReference, RandomConfigurationsCountWhatTheLoopsDo) {
  struct Case {
    const char* op;
    int parts;
    void (*loops)(Tally&, Arrays&, size_t, const Scalars&);
  };
  Dice dice(91);
  for (const Case& c : {Case{"Adagrad", 3, Adagrad}, Case{"Adam", 4, Adam},
                        Case{"Momentum", 3, Momentum}}) {
    for (int i = 0; i < 200; ++i) {
      const auto tensors = static_cast<size_t>(dice.Roll(1, 3));
      std::vector<Numbers> shapes;
      std::vector<Dims> dims;
      for (size_t t = 0; t < tensors; ++t) {
        shapes.push_back(dice.Rolls(dice.Roll(0, 2), 1, 4));
        dims.push_back(DimsOf(shapes.back()));
      }
      Scalars s;
      s.norm = dice.Coin() ? 0.5 : 0;
      s.decay = dice.Coin() ? 0.5 : 0;
      s.post = dice.Coin() ? 0.5 : 0;
      s.nesterov = dice.Coin();
      OneNode node = Step(c.op, dims, c.parts);
      node.Outputs(static_cast<int>(tensors) * (c.parts - 1))
          .Attr("norm_coefficient", s.norm)
          .Attr("decay_factor", s.decay)
          .Attr("norm_coefficient_post", s.post)
          .Attr("mode", s.nesterov ? "nesterov" : "standard");
      Tally tally;
      Arrays arrays(tally, shapes, c.parts);
      c.loops(tally, arrays, tensors, s);
      ExpectCounts(node, tally, c.op);
    }
  }
}

TEST(Gradient, HasTheTypesOfWhatItIsBy) {
  const auto gradient = [](std::vector<std::string> xs) {
    return OneNode("Gradient", 1, kDomain)
        .Input({2, 3})
        .Input({4})
        .AttrStrings("xs", std::move(xs))
        .Outputs(2);
  };
  ExpectInfers({
      {gradient({"a", "b"}), "float32 4", 1},
      {gradient({"a"}), "no such output", 1},
      {gradient({}), "Gradient 'o0': attribute 'xs' is missing or empty"},
      {gradient({"a", "b", "c"}),
       "Gradient 'o0': xs names 3 tensors but there are 2 operands"},
  });
  EXPECT_EQ(gradient({"a"}).def()->count, nullptr);
}

}  // namespace
}  // namespace opcost
