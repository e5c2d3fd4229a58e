// SPDX-License-Identifier: Apache-2.0
// NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>

#include "tests/support/op_cases.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");

OneNode Loss(const char* op, Dims scores, Dims targets) {
  return OneNode(op, 13)
      .Input(std::move(scores))
      .Input(std::move(targets), DataType::kInt64);
}

TEST(Losses, AreScalarsUnlessNothingIsReduced) {
  for (const char* op :
       {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    const std::string prefix = std::string(op) + " 'o0': ";
    ExpectInfers({
        {Loss(op, {3, 5}, {3}), "float32 scalar"},
        {Loss(op, {3, 5}, {3}).Attr("reduction", "sum"), "float32 scalar"},
        {Loss(op, {3, 5, 6}, {3, 6}).Attr("reduction", "none"), "float32 3x6"},
        {Loss(op, {kN, 5, 6}, {3, 6}).Attr("reduction", "none"), "float32 3x6"},
        {Loss(op, {kN, 5}, {kN}).Attr("reduction", "none"), "float32 N"},
        {Loss(op, {3, 5}, {4}),
         prefix + "the targets are 4 but the scores 3x5 without axis 1 are 3"},
        {Loss(op, {3, 5}, {3, 5}),
         prefix +
             "the targets are 3x5 but the scores 3x5 without axis 1 are 3"},
        {Loss(op, {3}, {3}),
         prefix + "the scores must have at least 2 axes but have 1"},
        {Loss(op, {3, 5}, {3}).Input({4}),
         prefix + "the weights are 4 but there are 5 classes"},
        {Loss(op, {3, 5}, {3}).Attr("reduction", "median"),
         prefix + "reduction 'median' is none of none, sum and mean"},
    });
  }
  ExpectInfers({{Loss("SoftmaxCrossEntropyLoss", {3, 5, 2}, {3, 2}).Outputs(2),
                 "float32 3x5x2", 1}});
}

struct Config {
  int64_t batch, classes, inner;
  bool has_weight, constant_weight, ignores, has_log_prob;
  std::string reduction;
};

// What both losses do with the log probability of each target.
class LossLoops {
 public:
  LossLoops(Tally& tally, const Config& c)
      : tally_(tally),
        c_(c),
        target_(tally, "i1", {c.batch, c.inner}),
        weight_(tally, "i2", {c.classes}),
        loss_(tally, "o0", {c.batch, c.inner}),
        sum_(tally, 0),
        weights_(tally, 0) {
    if (c.has_weight && c.constant_weight && c.classes == 1) {
      immediate_ = weight_.Read(int64_t{0});
    }
  }

  void Position(int64_t at, const Number& log_prob) {
    const Number target = target_.Read(at);
    Number loss = -log_prob;
    if (c_.ignores) Less(target, Number(tally_, 9));
    Number applied(tally_, 1);
    if (c_.has_weight) {
      applied = immediate_.has_value() ? *immediate_ : weight_.Read(int64_t{0});
      loss = loss * applied;
    }
    if (c_.reduction == "none") {
      loss_.Write(at, loss);
      return;
    }
    sum_ = sum_ + loss;
    if (c_.reduction == "mean" && (c_.has_weight || c_.ignores)) {
      weights_ = weights_ + applied;
    }
  }

  void Finish() {
    if (c_.reduction == "none") return;
    if (c_.reduction == "mean") {
      sum_ = c_.has_weight || c_.ignores ? sum_ / weights_
                                         : sum_ * Number(tally_, 0.5);
    }
    loss_.Write(int64_t{0}, sum_);
  }

 private:
  Tally& tally_;
  const Config& c_;
  Array target_, weight_, loss_;
  std::optional<Number> immediate_;
  Number sum_, weights_;
};

Config DrawConfig(Dice& dice) {
  Config c;
  c.batch = dice.Roll(1, 3);
  c.classes = dice.Roll(1, 5);
  c.inner = dice.Roll(1, 3);
  c.has_weight = dice.Coin();
  c.constant_weight = dice.Coin();
  c.ignores = dice.Coin();
  c.has_log_prob = dice.Coin();
  const char* const kReductions[] = {"none", "sum", "mean"};
  c.reduction = kReductions[dice.Roll(0, 2)];
  return c;
}

OneNode NodeOf(const char* op, const Config& c) {
  OneNode node = Loss(op, {c.batch, c.classes, c.inner}, {c.batch, c.inner});
  if (c.has_weight && c.constant_weight) node.Constant({c.classes});
  if (c.has_weight && !c.constant_weight) node.Input({c.classes});
  if (c.ignores) node.Attr("ignore_index", 1);
  node.Attr("reduction", c.reduction.c_str());
  return node;
}

TEST(LossReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(81);
  for (int i = 0; i < 250; ++i) {
    const Config c = DrawConfig(dice);
    OneNode node = NodeOf("NegativeLogLikelihoodLoss", c);
    Tally tally;
    Array x(tally, "i0", {c.batch, c.classes, c.inner});
    LossLoops loops(tally, c);
    for (int64_t b = 0; b < c.batch; ++b) {
      for (int64_t k = 0; k < c.inner; ++k) {
        loops.Position(b * c.inner + k, x.Read({b, 0, k}));
      }
    }
    loops.Finish();
    ExpectCounts(node, tally, c.reduction);
  }
}

TEST(CrossEntropyReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(82);
  for (int i = 0; i < 250; ++i) {
    const Config c = DrawConfig(dice);
    OneNode node = NodeOf("SoftmaxCrossEntropyLoss", c);
    node.Outputs(2);
    if (!c.has_log_prob) node.UnusedOutput(1);
    Tally tally;
    Array x(tally, "i0", {c.batch, c.classes, c.inner});
    Array y(tally, "o1", {c.batch, c.classes, c.inner});
    LossLoops loops(tally, c);
    for (int64_t b = 0; b < c.batch; ++b) {
      for (int64_t k = 0; k < c.inner; ++k) {
        Number most(tally, -1e30), sum(tally, 0);
        for (int64_t l = 0; l < c.classes; ++l) {
          most = Max(most, x.Read({b, l, k}));
        }
        for (int64_t l = 0; l < c.classes; ++l) {
          sum = sum + (x.Read({b, l, k}) - most).Apply("exp", 0.5);
        }
        const Number shift = sum.Apply("log", 0.5);
        for (int64_t l = 0; c.has_log_prob && l < c.classes; ++l) {
          y.Write({b, l, k}, x.Read({b, l, k}) - shift);
        }
        const Number log_prob =
            c.has_log_prob ? y.Read({b, 0, k}) : x.Read({b, 0, k}) - shift;
        loops.Position(b * c.inner + k, log_prob);
      }
    }
    loops.Finish();
    ExpectCounts(node, tally, c.reduction);
  }
}

}  // namespace
}  // namespace opcost
