// SPDX-License-Identifier: Apache-2.0
// Readings of graphs with bodies, of data-dependent extents, and of graphs that
// nobody would write.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/analysis/quantised_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

constexpr GraphReading kDeployed = GraphReading::kDeployed;

TEST(ReadingOfBodies, ARegionInALoopTakesNumbersFromOutside) {
  const Read loop(R"(
    (int8[2,5] x, float Xs, int8[5,3] W, float Ws, int64 Trips, bool Go,
     float[2,3] start) => (float[2,3] y) {
      xf = DequantizeLinear(x, Xs)
      y = Loop<body = b (int64 i, bool go, float[2,3] before)
          => (bool again, float[2,3] after) {
        again = Identity(go)
        wf = DequantizeLinear(W, Ws)
        m = MatMul(xf, wf)
        after = Add(m, before)
      }>(Trips, Go, start)
    })",
                  {.elements = {{"Trips", 4}, {"Go", 1}}});
  ASSERT_THAT(loop.analysis, IsOk());
  EXPECT_THAT(loop.Layers(),
              ElementsAre("Loop y", "MatMul y/m", "Add y/after"));
  EXPECT_EQ(loop.Layer("y/m")->times, 4);
  EXPECT_EQ(loop.WorkOf("y/m").at("mul int8"), 2 * 5 * 3);
}

TEST(ReadingOfBodies, WhatRunsLessOftenStaysALayer) {
  // The activation runs in a branch alone, the product always.
  const Read branch(R"(
    (float[2,5] x, float[5,3] W, bool c) => (float[2,3] y) {
      m = MatMul(x, W)
      y = If<then_branch = t () => (float[2,3] a) { a = Relu(m) },
             else_branch = e () => (float[2,3] b) { b = Identity(m) }>(c)
    })",
                    {}, kDeployed);
  ASSERT_THAT(branch.analysis, IsOk());
  EXPECT_THAT(branch.Layers(), ElementsAre("MatMul m", "If y", "Relu y/a"));
}

TEST(ReadingOfBounds, RequantisationOfADataDependentExtentIsABoundToo) {
  const Read bound(R"(
    (float[4] x, int8[1,3] W, float Ws, float Xs, int8 Xz) => (float[N,3] y) {
      z = NonZero(x)
      t = Transpose(z)
      f = Cast<to = 1>(t)
      q = QuantizeLinear(f, Xs, Xz)
      xf = DequantizeLinear(q, Xs, Xz)
      wf = DequantizeLinear(W, Ws)
      y = MatMul(xf, wf)
    })");
  ASSERT_THAT(bound.analysis, IsOk());
  const LayerCounts& layer = *bound.Layer("y");
  EXPECT_EQ(layer.coverage.status, Coverage::Status::kBound);
  EXPECT_EQ(bound.WorkOf("y").at("mul float32"), 4 * 3);
}

// 20,000 layers in a row, each of which the one before can take in.
TEST(ReadingOfLongGraphs, IsAsLongAsTheGraph) {
  std::string text = "(float[2,3] x, float[2,3] r) => (float[2,3] y) {\n";
  std::string before = "x";
  for (int i = 0; i < 20'000; ++i) {
    const std::string name = absl::StrCat("v", i);
    absl::StrAppend(&text, name, i % 2 == 0 ? " = Relu(" : " = Add(r, ", before,
                    ")\n");
    before = name;
  }
  absl::StrAppend(&text, "y = Identity(", before, ")\n}");
  const Read deployed(text, {}, kDeployed);
  ASSERT_THAT(deployed.analysis, IsOk());
  EXPECT_LT(deployed.analysis->layers.size(), 20'000 / 64);
  // Many regions of one tensor.
  std::string many =
      "(int8[2,3] x, float Xs) => (float[2,3] v0) {\n"
      "f = DequantizeLinear(x, Xs)\n";
  for (int i = 0; i < 20'000; ++i) {
    absl::StrAppend(&many, "v", i, " = Relu(f)\n");
  }
  const Read folded(absl::StrCat(many, "}"));
  ASSERT_THAT(folded.analysis, IsOk());
  EXPECT_THAT(folded.analysis->layers, SizeIs(1));
}

}  // namespace
}  // namespace opcost
