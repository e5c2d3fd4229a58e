// SPDX-License-Identifier: Apache-2.0
// --graph deployed: counts by hand, and against loops that do what is left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/analysis/quantised_text.h"
#include "tests/support/counting.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr GraphReading kDeployed = GraphReading::kDeployed;

constexpr int64_t kOut = 1 * 4 * 6 * 6;
constexpr int64_t kMacs = kOut * (3 * 3 * 3);

TEST(DeployedBatchNormalization, IsPartOfWeightsAndBias) {
  constexpr char kText[] = R"(
    (float[1,3,8,8] x, float[4,3,3,3] W, float[4] Scale, float[4] Shift,
     float[4] Mean, float[4] Var) => (float[1,4,6,6] y) {
      c = Conv(x, W)
      y = BatchNormalization(c, Scale, Shift, Mean, Var)
    })";
  const Read deployed(kText, {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(deployed.Layers(), ElementsAre("Conv c"));
  EXPECT_EQ(deployed.WorkOf("c"), (Work{{"mul float32", kMacs},
                                        {"add float32", kMacs},
                                        {"reads x float32", kMacs},
                                        {"reads W float32", kMacs},
                                        {"reads Shift float32", kOut},
                                        {"writes y float32", kOut}}));
  EXPECT_THAT(deployed.FoldedInto("c"), ElementsAre("BatchNormalization y"));
  EXPECT_EQ(deployed.analysis->parameters, 4 * 3 * 3 * 3 + 4);
  // The layer is still a matrix of 4 filters.
  ASSERT_EQ(deployed.Layer("c")->counts.matrices.size(), 1U);
  const Read folded(kText);
  EXPECT_THAT(folded.Layers(), ElementsAre("Conv c", "BatchNormalization y"));
}

TEST(DeployedBatchNormalization, KeepsTheBiasThatThereIs) {
  const Read deployed(R"(
    (float[2,5] x, float[5,3] W, float[3] B, float[3] Scale, float[3] Shift,
     float[3] Mean, float[3] Var) => (float[2,3] y) {
      c = Gemm(x, W, B)
      y = BatchNormalization(c, Scale, Shift, Mean, Var)
    })",
                      {}, kDeployed);
  EXPECT_EQ(deployed.WorkOf("c"), (Work{{"mul float32", 2 * 5 * 3},
                                        {"add float32", 2 * 5 * 3},
                                        {"reads x float32", 2 * 5 * 3},
                                        {"reads W float32", 2 * 5 * 3},
                                        {"reads B float32", 2 * 3},
                                        {"writes y float32", 2 * 3}}));
}

TEST(DeployedBatchNormalization, StaysWhereTheContractionCantTakeIt) {
  // The weight is computed; the sum has another reader; statistics aren't
  // constant; nothing before it multiplies.
  for (const char* text :
       {R"((float[1,3,8,8] x, float[4,3,3,3] w, float[4] S)
              => (float[1,4,6,6] y) {
          c = Conv(x, w)
          y = BatchNormalization(c, S, S, S, S)
        })",
        R"((float[1,3,8,8] x, float[4,3,3,3] W, float[4] S)
              => (float[1,4,6,6] y, float[1,4,6,6] c) {
          c = Conv(x, W)
          y = BatchNormalization(c, S, S, S, S)
        })",
        R"((float[1,3,8,8] x, float[4,3,3,3] W, float[4] S, float[4] v)
              => (float[1,4,6,6] y) {
          c = Conv(x, W)
          y = BatchNormalization(c, S, S, S, v)
        })",
        R"((float[1,4,6,6] x, float[4] S) => (float[1,4,6,6] y) {
          c = Abs(x)
          y = BatchNormalization(c, S, S, S, S)
        })"}) {
    const Read deployed(text, {}, kDeployed);
    ASSERT_THAT(deployed.analysis, IsOk());
    EXPECT_EQ(deployed.Layers().size(), 2U) << text;
  }
}

TEST(DeployedBatchNormalization, LetsAConvolutionBeAQuantisedRegion) {
  constexpr char kText[] = R"(
    (int8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws, float[4] S,
     float Ys, int8 Yz) => (int8[1,4,6,6] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      c = Conv(xf, wf)
      b = BatchNormalization(c, S, S, S, S)
      r = Relu(b)
      y = QuantizeLinear(r, Ys, Yz)
    })";
  const Read deployed(kText, {.elements = {{"Yz", -128}}}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(deployed.Layers(), ElementsAre("Conv c"));
  EXPECT_EQ(deployed.WorkOf("c"), (Work{{"mul int8", kMacs},
                                        {"add int32", kMacs},
                                        {"mul float32", kOut},
                                        {"add float32", 3 * kOut},
                                        {"reads x int8", kMacs},
                                        {"reads W int8", kMacs},
                                        {"reads S int32", kOut},
                                        {"reads Xs float32", 1},
                                        {"reads Ws float32", 1},
                                        {"reads Ys float32", 1},
                                        {"reads Yz int8", 1},
                                        {"writes y int8", kOut}}));
}

TEST(DeployedActivation, RunsOnTheAccumulators) {
  const Read deployed(R"(
    (float[2,5] x, float[5,3] W) => (float[2,3] y) {
      m = MatMul(x, W)
      y = Sigmoid(m)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(deployed.Layers(), ElementsAre("MatMul m"));
  EXPECT_EQ(deployed.WorkOf("m"), (Work{{"mul float32", 2 * 5 * 3},
                                        {"add float32", 2 * 5 * 3},
                                        {"sigmoid float32", 2 * 3},
                                        {"reads x float32", 2 * 5 * 3},
                                        {"reads W float32", 2 * 5 * 3},
                                        {"writes y float32", 2 * 3}}));
}

TEST(DeployedActivation, StaysWhereSomethingElseNeedsTheArray) {
  const Read deployed(R"(
    (float[2,5] x, float[5,3] W) => (float[2,3] y, float[2,3] z) {
      m = MatMul(x, W)
      y = Relu(m)
      z = Softmax(m)
    })",
                      {}, kDeployed);
  EXPECT_THAT(deployed.Layers(),
              ElementsAre("MatMul m", "Relu y", "Softmax z"));
}

TEST(DeployedActivation, ASelfGateRunsOnTheAccumulatorsToo) {
  const Read deployed(R"(
    (float[2,5] x, float[5,3] W) => (float[2,3] y) {
      m = MatMul(x, W)
      s = Sigmoid(m)
      y = Mul(m, s)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(deployed.Layers(), ElementsAre("MatMul m"));
  EXPECT_EQ(deployed.WorkOf("m"), (Work{{"mul float32", 2 * 5 * 3 + 2 * 3},
                                        {"add float32", 2 * 5 * 3},
                                        {"sigmoid float32", 2 * 3},
                                        {"reads x float32", 2 * 5 * 3},
                                        {"reads W float32", 2 * 5 * 3},
                                        {"writes y float32", 2 * 3}}));
}

TEST(DeployedAdd, OfAScalarABiasOrATensorRunsOnTheAccumulators) {
  const Read deployed(R"(
    (float[2,5] x, float[5,3] W, float[3] B, float Scale, float[2,3] r)
        => (float[2,3] y) {
      m = MatMul(x, W)
      b = Add(m, B)
      s = Mul(Scale, b)
      y = Add(r, s)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(deployed.Layers(), ElementsAre("MatMul m"));
  EXPECT_EQ(deployed.WorkOf("m"),
            (Work{{"mul float32", 2 * 5 * 3 + 2 * 3},
                  {"add float32", 2 * 5 * 3 + 2 * (2 * 3)},
                  {"reads x float32", 2 * 5 * 3},
                  {"reads W float32", 2 * 5 * 3},
                  {"reads B float32", 2 * 3},
                  {"reads Scale float32", 1},
                  {"reads r float32", 2 * 3},
                  {"writes y float32", 2 * 3}}));
}

TEST(DeployedAdd, RunsWithTheLaterOfItsProducers) {
  const Read deployed(R"(
    (float[2,5] x, float[5,3] W) => (float[2,3] y) {
      a = MatMul(x, W)
      b = MatMul(x, W)
      y = Add(a, b)
    })",
                      {}, kDeployed);
  EXPECT_THAT(deployed.Layers(), ElementsAre("MatMul a", "MatMul b"));
  EXPECT_EQ(deployed.WorkOf("b").at("reads a float32"), 2 * 3);
  EXPECT_EQ(deployed.WorkOf("b").at("writes y float32"), 2 * 3);
}

TEST(DeployedAdd, ThatRepeatsTheResultStays) {
  const Read deployed(R"(
    (float[1,5] x, float[5,3] W, float[2,3] r) => (float[2,3] y) {
      m = MatMul(x, W)
      y = Add(m, r)
    })",
                      {}, kDeployed);
  EXPECT_THAT(deployed.Layers(), ElementsAre("MatMul m", "Add y"));
}

TEST(DeployedAdd, StaysBehindWhatReadsItsResultAgain) {
  const Read deployed(R"(
    (float[2,5] x, float[2,5] r) => (float[2,5] y) {
      s = Softmax(x)
      y = Add(s, r)
    })",
                      {}, kDeployed);
  EXPECT_THAT(deployed.Layers(), ElementsAre("Softmax s", "Add y"));
}

TEST(DeployedAdd, OfQuantisedTensorsTakesTheRequantisedNumbers) {
  const Read deployed(R"(
    (int8[2,5] x, float Xs, int8[5,3] W, float Ws, float Ms, int8 Mz,
     int8[2,3] r, float Rs, float Ys, int8 Yz) => (int8[2,3] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      m = MatMul(xf, wf)
      mq = QuantizeLinear(m, Ms, Mz)
      mf = DequantizeLinear(mq, Ms, Mz)
      rf = DequantizeLinear(r, Rs)
      s = Add(mf, rf)
      y = QuantizeLinear(s, Ys, Yz)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(deployed.Layers(), ElementsAre("MatMul m"));
  constexpr int64_t kResults = 2 * 3;
  const Work work = deployed.WorkOf("m");
  EXPECT_EQ(work.at("mul int8"), 2 * 5 * 3);
  EXPECT_EQ(work.at("add int32"), 2 * 5 * 3 + kResults);
  EXPECT_EQ(work.at("mul float32"), 2 * kResults);
  EXPECT_EQ(work.at("add float32"), 2 * 3 * kResults);
  EXPECT_EQ(work.at("reads r int8"), kResults);
  EXPECT_EQ(work.at("writes y int8"), kResults);
  EXPECT_EQ(work.count("writes mq int8"), 0U);
  EXPECT_EQ(work.count("reads mq int8"), 0U);
}

TEST(FoldedTerms, OfDeployedLayersAreTheDifferenceToo) {
  for (const char* text :
       {R"((float[2,5] x, float[5,3] W, float[3] B, float Scale, float[2,3] r)
              => (float[2,3] y) {
          m = MatMul(x, W)
          b = Add(m, B)
          s = Mul(Scale, b)
          t = Tanh(s)
          y = Add(r, t)
        })",
        R"((int8[2,5] x, float Xs, int8[5,3] W, float Ws, float Ms, int8 Mz,
            int8[2,3] r, float Rs) => (float[2,3] y) {
          xf = DequantizeLinear(x, Xs)
          wf = DequantizeLinear(W, Ws)
          m = MatMul(xf, wf)
          mq = QuantizeLinear(m, Ms, Mz)
          mf = DequantizeLinear(mq, Ms, Mz)
          rf = DequantizeLinear(r, Rs)
          s = Add(mf, rf)
          g = Sigmoid(s)
          y = Mul(s, g)
        })"}) {
    const Read deployed(text, {}, kDeployed);
    ASSERT_THAT(deployed.analysis, IsOk());
    EXPECT_EQ(deployed.Layers().size(), 1U) << text;
    ExpectTermsToAddUp(deployed);
  }
}

TEST(DeployedDynamicQuantisation, ScalesTheSumsInPlace) {
  const Read deployed(R"(
    (float[2,5] x, int8[5,3] W, int8 Wz, float Ws) => (float[2,3] y) {
      q, s, z = DynamicQuantizeLinear(x)
      scale = Mul(s, Ws)
      m = MatMulInteger(q, W, z, Wz)
      c = Cast<to = 1>(m)
      y = Mul(c, scale)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(deployed.Layers(),
              ElementsAre("DynamicQuantizeLinear q", "MatMulInteger m"));
  const Work work = deployed.WorkOf("m");
  EXPECT_EQ(work.at("add int32"), 2 * 5 * 3 + 2 * 3);
  EXPECT_EQ(work.at("mul float32"), 2 * 3);
  EXPECT_EQ(work.at("writes y float32"), 2 * 3);
}

// ---- Copies ----------------------------------------------------------------

// "Concat c": those of the layers that are views.
std::vector<std::string> Views(const Read& read) {
  std::vector<std::string> views;
  for (const LayerCounts& layer : read.analysis->layers) {
    if (layer.counts.is_view) {
      views.push_back(absl::StrCat(layer.node->op_type, " ", layer.name));
    }
  }
  return views;
}

TEST(DeployedCopy, AppendingToACacheIsAView) {
  constexpr char kText[] = R"(
    (float[1,2,7,4] past, float[1,2,1,4] x) => (float[1,2,8,4] present) {
      k = Abs(x)
      present = Concat<axis = 2>(past, k)
    })";
  EXPECT_THAT(Views(Read(kText, {}, kDeployed)), ElementsAre("Concat present"));
  EXPECT_THAT(Views(Read(kText)), IsEmpty());
}

TEST(DeployedCopy, SharedHeadsAreReadWhereTheyAre) {
  const Read deployed(R"(
    (float[1,6,5,4] q, float[1,2,1,4,8] k, int64[5] Sizes, int64[4] Heads)
        => (float[1,6,5,8] y) {
      one = Constant<value_ints = [1, 2, 3, 4, 8]>()
      four = Constant<value_ints = [1, 6, 4, 8]>()
      e = Expand(k, one)
      h = Reshape(e, four)
      y = MatMul(q, h)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(Views(deployed), ElementsAre("Expand e", "Reshape h"));
  constexpr int64_t kProducts = (1 * 6) * (5 * 4 * 8);
  EXPECT_EQ(deployed.WorkOf("y").at("reads k float32"), kProducts);
  for (const Access& access : deployed.Layer("y")->counts.accesses) {
    if (access.side == Access::Side::kInput && access.index == 1) {
      EXPECT_TRUE(access.elements.Is(1 * 2 * 1 * 4 * 8));
    }
  }
}

TEST(DeployedCopy, ContiguousPartsAreViews) {
  const Read deployed(R"(
    (float[1,4,6] x) => (float[1,4,6] y) {
      a, b = Split<axis = 1, num_outputs = 2>(x)
      c = Abs(a)
      d = Neg(b)
      w = Concat<axis = 1>(d, c)
      y = Abs(w)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(Views(deployed), ElementsAre("Split a", "Concat w"));
}

TEST(DeployedCopy, PartsThatAreNotContiguousMove) {
  const Read deployed(R"(
    (float[2,4,6] x) => (float[2,4,6] y) {
      a, b = Split<axis = 1, num_outputs = 2>(x)
      c = Abs(a)
      d = Neg(b)
      w = Concat<axis = 1>(d, c)
      y = Abs(w)
    })",
                      {}, kDeployed);
  EXPECT_THAT(Views(deployed), IsEmpty());
}

TEST(DeployedCopy, APartHasOnePlace) {
  // x1 and x2 lie behind x0 in the longest; another order has to be copied.
  const Read deployed(R"(
    (float[1,4] x) => (float[1,8] p, float[1,12] q, float[1,8] r) {
      a = Abs(x)
      b = Neg(x)
      c = Relu(x)
      p1 = Concat<axis = 1>(a, b)
      p = Abs(p1)
      q1 = Concat<axis = 1>(a, b, c)
      q = Abs(q1)
      r1 = Concat<axis = 1>(b, a)
      r = Abs(r1)
    })",
                      {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_THAT(Views(deployed), ElementsAre("Concat p1", "Concat q1"));
}

// ---- Against loops ---------------------------------------------------------

struct Config {
  int64_t batch, channels, size, filters, kernel;
  bool has_relu, has_residual;
};

// What one pass over the outputs does: sums that start at the shift, the
// activation, the other tensor.
Tally RunFused(const Config& c) {
  Tally tally;
  const int64_t out = c.size - c.kernel + 1;
  Array x(tally, "x", {c.batch, c.channels, c.size, c.size});
  Array w(tally, "W", {c.filters, c.channels, c.kernel, c.kernel});
  Array shift(tally, "Shift", {c.filters});
  Array other(tally, "r", {c.batch, c.filters, out, out});
  Array y(tally, "y", {c.batch, c.filters, out, out});
  const Number zero(tally, 0);
  for (int64_t n = 0; n < c.batch; ++n) {
    for (int64_t m = 0; m < c.filters; ++m) {
      for (int64_t pixel = 0; pixel < out * out; ++pixel) {
        const int64_t row = pixel / out;
        const int64_t column = pixel % out;
        Number sum = shift.Read(m);
        for (int64_t k = 0; k < c.channels * c.kernel * c.kernel; ++k) {
          const int64_t channel = k / (c.kernel * c.kernel);
          const int64_t i = k / c.kernel % c.kernel;
          const int64_t j = k % c.kernel;
          sum = sum + x.Read({n, channel, row + i, column + j}) *
                          w.Read({m, channel, i, j});
        }
        if (c.has_relu) sum = Max(sum, zero);
        if (c.has_residual) sum = sum + other.Read({n, m, row, column});
        y.Write({n, m, row, column}, sum);
      }
    }
  }
  return tally;
}

std::string FusedText(const Config& c) {
  const int64_t out = c.size - c.kernel + 1;
  const std::string result =
      absl::StrCat("float[", c.batch, ",", c.filters, ",", out, ",", out, "]");
  const std::string four = absl::StrCat("float[", c.filters, "] ");
  std::string text = absl::StrCat(
      "(float[", c.batch, ",", c.channels, ",", c.size, ",", c.size, "] x, ",
      "float[", c.filters, ",", c.channels, ",", c.kernel, ",", c.kernel,
      "] W, ", four, "Scale, ", four, "Shift, ", four, "Mean, ", four, "Var, ",
      result, " r) => (", result, " y) {\n  c = Conv(x, W)\n");
  std::vector<std::string> steps = {
      "BatchNormalization(c, Scale, Shift, Mean, Var)"};
  if (c.has_relu) steps.emplace_back("Relu(v0)");
  if (c.has_residual) {
    steps.push_back(absl::StrCat("Add(v", steps.size() - 1, ", r)"));
  }
  for (size_t i = 0; i < steps.size(); ++i) {
    const bool is_last = i + 1 == steps.size();
    absl::StrAppend(&text, "  ", is_last ? "y" : absl::StrCat("v", i), " = ",
                    steps[i], "\n");
  }
  return text + "}";
}

TEST(DeployedReference, AFusedLayerCountsWhatOnePassOverItsOutputsDoes) {
  std::mt19937 random(20);
  const auto pick = [&random](int64_t least, int64_t most) {
    return std::uniform_int_distribution<int64_t>(least, most)(random);
  };
  for (int i = 0; i < 60; ++i) {
    // Two filters at least: one shift would be an immediate (R2).
    const Config config{pick(1, 2), pick(1, 3),      pick(3, 5),     pick(2, 3),
                        pick(1, 3), pick(0, 1) == 1, pick(0, 1) == 1};
    const std::string text = FusedText(config);
    SCOPED_TRACE(text);
    const Read deployed(text, {}, kDeployed);
    ASSERT_THAT(deployed.analysis, IsOk());
    ASSERT_THAT(deployed.Layers(), ElementsAre("Conv c"));
    const Tally tally = RunFused(config);
    Work expected;
    for (const auto& [operation, count] : tally.operations) {
      expected[operation + " float32"] = count;
    }
    for (const auto& [array, count] : tally.reads) {
      // A tensor of one element that isn't constant is read at each use.
      expected["reads " + array + " float32"] = count;
    }
    for (const auto& [array, count] : tally.writes) {
      expected["writes " + array + " float32"] = count;
    }
    EXPECT_EQ(deployed.WorkOf("c"), expected);
    ExpectTermsToAddUp(deployed);
  }
}

}  // namespace
}  // namespace opcost
