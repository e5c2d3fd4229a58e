// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: linear models, support vector machines and trees, against plain
// loops.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr char kMl[] = "ai.onnx.ml";
const Extent kN = Extent::Symbol("N");

std::vector<double> Ones(int64_t count) {
  return std::vector<double>(static_cast<size_t>(count), 1.0);
}

Numbers UpTo(int64_t count) {
  Numbers numbers;
  for (int64_t i = 0; i < count; ++i) numbers.push_back(i);
  return numbers;
}

const char* const kTransforms[] = {"NONE", "SOFTMAX", "LOGISTIC",
                                   "SOFTMAX_ZERO", "PROBIT"};

// Writes `scores` to row `row` of `y`, transformed.
void Transform(Tally& tally, Array& y, int64_t row, std::vector<Number> scores,
               int transform) {
  const auto width = static_cast<int64_t>(scores.size());
  const auto at = [row, width](size_t s) {
    return row * width + static_cast<int64_t>(s);
  };
  for (size_t s = 0; s < scores.size(); ++s) {
    if (transform == 2) scores[s] = scores[s].Apply("sigmoid", 0.5);
    if (transform == 4) {
      const Number c(tally, 1);
      const Number x = c * scores[s] - c;
      const Number log = ((c - x) * (c + x)).Apply("log", 0.5);
      const Number v = c + c * log;
      const Number root = (v * v - c * log).Apply("sqrt", 0.5);
      const Number magnitude = (root - v).Apply("sqrt", 0.5);
      const Number sign = Less(x, c);
      scores[s] = c * (sign * magnitude);
    }
    y.Write(at(s), scores[s]);
  }
  if (transform != 1 && transform != 3) return;
  Number most(tally, -1e30), sum(tally, 0);
  for (const Number& score : scores) most = Max(most, score);
  for (size_t s = 0; s < scores.size(); ++s) {
    const Number score = y.Read(at(s));
    if (transform == 3) Less(score, Number(tally, 0));
    const Number power = (score - most).Apply("exp", 0.5);
    sum = sum + power;
    y.Write(at(s), power);
  }
  const Number inverse = Number(tally, 1) / sum;
  for (size_t s = 0; s < scores.size(); ++s) {
    y.Write(at(s), y.Read(at(s)) * inverse);
  }
}

// The best of `count` candidates gives the row its label.
void Label(Tally& tally, Array& labels, int64_t row, int64_t count) {
  Number best(tally, -1e30);
  for (int64_t s = 0; s < count; ++s) best = Max(best, Number(tally, 1));
  labels.Write(row, Array(tally, "class labels", {1}).Read(int64_t{0}));
}

struct LinearConfig {
  int64_t rows, features, sums, labels;
  bool intercepts;
  int transform;
};

LinearConfig DrawLinear(Dice& dice) {
  LinearConfig c;
  c.rows = dice.Roll(1, 3);
  c.features = dice.Roll(1, 4);
  c.sums = dice.Roll(1, 4);
  c.labels = c.sums == 1 ? dice.Roll(1, 2) : c.sums;
  c.intercepts = dice.Coin();
  c.transform = static_cast<int>(dice.Roll(0, 4));
  return c;
}

std::vector<Number> LinearScores(Tally& tally, Array& x, int64_t row,
                                 const LinearConfig& c) {
  Array coefficients(tally, "coefficients", {c.sums, c.features});
  Array intercepts(tally, "intercepts", {c.sums});
  std::vector<Number> scores;
  for (int64_t s = 0; s < c.sums; ++s) {
    Number sum = c.intercepts ? intercepts.Read(s) : Number(tally, 0);
    for (int64_t f = 0; f < c.features; ++f) {
      sum = sum + x.Read({row, f}) * coefficients.Read({s, f});
    }
    scores.push_back(sum);
  }
  return scores;
}

TEST(LinearReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(111);
  for (int i = 0; i < 300; ++i) {
    const LinearConfig c = DrawLinear(dice);
    const bool is_classifier = dice.Coin();
    OneNode node(is_classifier ? "LinearClassifier" : "LinearRegressor", 1,
                 kMl);
    node.Input({c.rows, c.features})
        .AttrFloats("coefficients", Ones(c.sums * c.features))
        .Attr("post_transform", kTransforms[c.transform]);
    if (c.intercepts) node.AttrFloats("intercepts", Ones(c.sums));
    Tally tally;
    Array x(tally, "i0", {c.rows, c.features});
    if (is_classifier) {
      node.Attr("classlabels_ints", UpTo(c.labels)).Outputs(2);
      Array labels(tally, "o0", {c.rows});
      const int64_t width = std::max(c.sums, c.labels);
      Array y(tally, "o1", {c.rows, width});
      for (int64_t r = 0; r < c.rows; ++r) {
        std::vector<Number> scores = LinearScores(tally, x, r, c);
        if (width > c.sums) scores.insert(scores.begin(), -scores[0]);
        Transform(tally, y, r, scores, c.transform);
        Label(tally, labels, r, width);
      }
    } else {
      node.Attr("targets", c.sums);
      Array y(tally, "o0", {c.rows, c.sums});
      for (int64_t r = 0; r < c.rows; ++r) {
        Transform(tally, y, r, LinearScores(tally, x, r, c), c.transform);
      }
    }
    ExpectCounts(node, tally,
                 TextOf({c.rows, c.features, c.sums, c.labels, c.transform}));
  }
}

OneNode Classifier(Dims dims, int64_t coefficients) {
  return OneNode("LinearClassifier", 1, kMl)
      .Input(std::move(dims))
      .AttrFloats("coefficients", Ones(coefficients))
      .Outputs(2);
}

TEST(LinearModels, HaveAScorePerClassOrTarget) {
  const auto regressor = [](Dims dims) {
    return OneNode("LinearRegressor", 1, kMl)
        .Input(std::move(dims))
        .Attr("targets", 2);
  };
  ExpectInfers({
      {Classifier({kN, 3}, 9).Attr("classlabels_ints", UpTo(3)), "int64 N"},
      {Classifier({kN, 3}, 9).Attr("classlabels_ints", UpTo(3)), "float32 Nx3",
       1},
      {Classifier({kN, 3}, 3).AttrStrings("classlabels_strings", {"a", "b"}),
       "float32 Nx2", 1},
      {Classifier({3}, 3).AttrStrings("classlabels_strings", {"a", "b"}),
       "string 1"},
      {Classifier({5, 3}, 8),
       "LinearClassifier 'o0': there are 8 coefficients but 2 x 3 features "
       "need "
       "6"},
      {Classifier({5, 3, 2}, 8),
       "LinearClassifier 'o0': the input must have 1 or 2 axes but has 3"},
      {Classifier({5, 3}, 0),
       "LinearClassifier 'o0': attribute 'coefficients' is missing or empty"},
      {Classifier({5, 3}, 3).Attr("post_transform", "TANH"),
       "LinearClassifier 'o0': post_transform 'TANH' is none of NONE, SOFTMAX, "
       "LOGISTIC, SOFTMAX_ZERO and PROBIT"},
      {Classifier({5, 3}, 3)
           .Attr("classlabels_ints", UpTo(1))
           .AttrStrings("classlabels_strings", {"a"}),
       "LinearClassifier 'o0': attributes 'classlabels_ints' and "
       "'classlabels_strings' are both given, but only one may be"},
      {regressor({kN, 3}).AttrFloats("coefficients", Ones(6)), "float32 Nx2"},
      {regressor({4, 3}).AttrFloats("coefficients", Ones(5)),
       "LinearRegressor 'o0': there are 5 coefficients but 2 x 3 features need "
       "6"},
      {regressor({4, 3})
           .AttrFloats("coefficients", Ones(6))
           .AttrFloats("intercepts", Ones(3)),
       "LinearRegressor 'o0': there are 3 intercepts but 2 targets"},
      {OneNode("LinearRegressor", 1, kMl).Input({4, 3}).Attr("targets", 0),
       "LinearRegressor 'o0': targets must be at least 1 but is 0"},
  });
}

const char* const kKernels[] = {"LINEAR", "POLY", "RBF", "SIGMOID"};

Number Kernel(Tally& tally, Array& x, int64_t row, Array& vectors, int64_t v,
              int kernel, double degree) {
  const int64_t features = x.dims()[1];
  const Number gamma(tally, 1), coef0(tally, 1);
  Number sum(tally, 0);
  for (int64_t f = 0; f < features; ++f) {
    const Number feature = x.Read({row, f}), other = vectors.Read({v, f});
    if (kernel == 2) {
      const Number difference = feature - other;
      sum = sum + difference * difference;
    } else {
      sum = sum + feature * other;
    }
  }
  if (kernel == 0) return sum;
  if (kernel == 2) return (gamma * sum).Apply("exp", 0.5);
  const Number scaled = gamma * sum + coef0;
  if (kernel == 3) return scaled.Apply("tanh", 0.5);
  if (degree == 2) return scaled * scaled;
  if (degree == 3) return scaled * scaled * scaled;
  return scaled.Apply("pow", 1);
}

TEST(SvmRegressorReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(112);
  for (int i = 0; i < 200; ++i) {
    const int64_t rows = dice.Roll(1, 3), features = dice.Roll(1, 4);
    const int64_t supports = dice.Roll(0, 4);
    const auto kernel = static_cast<int>(dice.Roll(0, 3));
    const auto transform = static_cast<int>(dice.Roll(0, 4));
    const auto degree = static_cast<double>(dice.Roll(1, 4));
    const bool one_class = dice.Coin();
    OneNode node("SVMRegressor", 1, kMl);
    node.Input({rows, features})
        .Attr("n_supports", supports)
        .Attr("kernel_type", kKernels[kernel])
        .Attr("post_transform", kTransforms[transform])
        .Attr("one_class", one_class ? 1 : 0)
        .AttrFloats("kernel_params", {1, 1, degree})
        .AttrFloats("support_vectors", Ones(supports * features))
        .AttrFloats("coefficients", Ones(supports > 0 ? supports : features));
    Tally tally;
    Array x(tally, "i0", {rows, features}), y(tally, "o0", {rows, 1});
    Array vectors(tally, "support vectors", {supports, features});
    Array linear(tally, "coefficients", {1, features});
    Array coefficients(tally, "coefficients", {supports});
    for (int64_t r = 0; r < rows; ++r) {
      Number sum(tally, 1);  // rho
      for (int64_t v = 0; v < supports; ++v) {
        sum = sum + Kernel(tally, x, r, vectors, v, kernel, degree) *
                        coefficients.Read(v);
      }
      if (supports == 0) sum = Kernel(tally, x, r, linear, 0, 0, 0);
      if (one_class) sum = Less(Number(tally, 0), sum);
      Transform(tally, y, r, {sum}, transform);
    }
    ExpectCounts(node, tally, TextOf({rows, features, supports, kernel}));
  }
}

// Of each pair of classes: the sum over the vectors of both, and a vote.
std::vector<Number> PairScores(Tally& tally, const Numbers& of_classes,
                               Array& kernels, Array& coefficients) {
  Numbers starts;
  int64_t supports = 0;
  for (const int64_t vectors : of_classes) {
    starts.push_back(supports);
    supports += vectors;
  }
  std::vector<Number> scores;
  Array rho(tally, "rho", {1});
  Number votes(tally, 0);
  for (size_t a = 0; a < of_classes.size(); ++a) {
    for (size_t b = a + 1; b < of_classes.size(); ++b) {
      Number sum = rho.Read(int64_t{0});
      for (const size_t c : {a, b}) {
        for (int64_t v = 0; v < of_classes[c]; ++v) {
          const int64_t at = starts[c] + v;
          sum = sum + kernels.Read(at) * coefficients.Read(at);
        }
      }
      votes = votes + Less(Number(tally, 0), sum);
      scores.push_back(sum);
    }
  }
  return scores;
}

TEST(SvmClassifierReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(113);
  for (int i = 0; i < 200; ++i) {
    const int64_t rows = dice.Roll(1, 3), features = dice.Roll(1, 3);
    const int64_t classes = dice.Roll(2, 4);
    const bool is_linear = dice.Coin();
    const Numbers of_classes = dice.Rolls(classes, 1, 3);
    const int64_t supports =
        std::accumulate(of_classes.begin(), of_classes.end(), int64_t{0});
    const auto kernel = static_cast<int>(dice.Roll(0, 3));
    const auto transform = static_cast<int>(dice.Roll(0, 4));
    OneNode node("SVMClassifier", 1, kMl);
    node.Input({rows, features})
        .Attr("classlabels_ints", UpTo(classes))
        .Attr("kernel_type", kKernels[kernel])
        .Attr("post_transform", kTransforms[transform])
        .AttrFloats("kernel_params", {1, 1, 3})
        .Outputs(2);
    if (is_linear) {
      node.AttrFloats("coefficients", Ones(classes * features));
    } else {
      node.Attr("vectors_per_class", of_classes)
          .AttrFloats("support_vectors", Ones(supports * features));
    }
    Tally tally;
    Array x(tally, "i0", {rows, features}), labels(tally, "o0", {rows});
    Array y(tally, "o1", {rows, 9});
    Array linear(tally, "coefficients", {classes, features});
    Array vectors(tally, "support vectors", {supports, features});
    Array kernels(tally, "kernels", {supports});
    Array coefficients(tally, "coefficients", {supports});
    for (int64_t r = 0; r < rows; ++r) {
      std::vector<Number> scores;
      for (int64_t c = 0; is_linear && c < classes; ++c) {
        scores.push_back(Kernel(tally, x, r, linear, c, 0, 0));
      }
      for (int64_t v = 0; !is_linear && v < supports; ++v) {
        kernels.Write(v, Kernel(tally, x, r, vectors, v, kernel, 3));
      }
      if (!is_linear) {
        scores = PairScores(tally, of_classes, kernels, coefficients);
      }
      if (!is_linear && classes == 2) scores.push_back(-scores[0]);
      Transform(tally, y, r, scores, transform);
      Label(tally, labels, r, classes);
    }
    ExpectCounts(node, tally, TextOf({rows, features, classes, kernel}));
  }
}

TEST(SupportVectorMachines, HaveScoresOfClassesOrPairs) {
  const auto classifier = [](int64_t classes) {
    return OneNode("SVMClassifier", 1, kMl)
        .Input({kN, 2})
        .Attr("classlabels_ints", UpTo(classes))
        .Attr("vectors_per_class", Numbers(static_cast<size_t>(classes), 1))
        .AttrFloats("support_vectors", Ones(classes * 2))
        .Outputs(2);
  };
  ExpectInfers({
      {classifier(2), "float32 Nx2", 1},
      {classifier(4), "float32 Nx6", 1},
      {classifier(4).AttrFloats("prob_a", Ones(6)), "float32 Nx4", 1},
      {classifier(2).Attr("kernel_type", "COSINE"),
       "SVMClassifier 'o0': kernel_type 'COSINE' is none of LINEAR, POLY, RBF "
       "and SIGMOID"},
      {OneNode("SVMClassifier", 1, kMl)
           .Input({5, 2})
           .Attr("vectors_per_class", Numbers{1, -1}),
       "SVMClassifier 'o0': vectors_per_class has -1 but each is a number of "
       "support vectors"},
      {OneNode("SVMClassifier", 1, kMl)
           .Input({5, 2})
           .Attr("vectors_per_class", Numbers{1, 1})
           .AttrFloats("support_vectors", Ones(3)),
       "SVMClassifier 'o0': support_vectors has 3 elements but 2 x 2 features "
       "need 4"},
      {OneNode("SVMRegressor", 1, kMl)
           .Input({kN, 2})
           .AttrFloats("coefficients", Ones(2)),
       "float32 Nx1"},
      {OneNode("SVMRegressor", 1, kMl).Input({5, 2}).Attr("n_supports", -1),
       "SVMRegressor 'o0': n_supports is -1 but can't be negative"},
  });
  EXPECT_THAT(classifier(3).AttrFloats("prob_a", Ones(3)).Count(),
              FailsWith("SVMClassifier 'o0': how often the coupling of its "
                        "probabilities iterates depends on the data"));
}

}  // namespace
}  // namespace opcost
