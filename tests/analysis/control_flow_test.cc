// SPDX-License-Identifier: Apache-2.0
// Functions, If and Loop, from text to layers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "tests/analysis/analyzed.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

InputOptions Trips(std::map<std::string, int64_t> counts) {
  InputOptions options;
  options.trip_counts = std::move(counts);
  return options;
}

// A Loop of Add over x, `operands` being its trip count and condition.
std::string AddLoop(const std::string& inputs, const std::string& initializers,
                    const std::string& operands,
                    const std::string& condition = "c2 = Identity(c)") {
  return absl::StrCat("(float[2,3] x, float[2,3] w", inputs,
                      ") => (float[2,3] y) <", initializers, "> { y = Loop (",
                      operands,
                      ", x) <body = b (int64 i, bool c, float[2,3] h) => "
                      "(bool c2, float[2,3] h2) { ",
                      condition, " h2 = Add(h, w) }> }");
}

TEST(Functions, InlinedTheyAreTheSameGraphWrittenFlat) {
  const Analyzed inlined(R"(
    <ir_version: 8, opset_import: ["" : 17, "local" : 1]>
    g (float[1,4] x) => (float[1,4] y)
      <float[4,4] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}> {
      y = local.layer(x, w)
    }
    <domain: "local", opset_import: ["" : 17]>
    layer (a, b) => (c) { t = MatMul(a, b)  c = Relu(t) })");
  const Analyzed flat(R"(
    g (float[1,4] x) => (float[1,4] y)
      <float[4,4] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16}> {
      t = MatMul(x, w)  y = Relu(t)
    })");
  ASSERT_THAT(inlined.analysis, IsOk());
  ASSERT_THAT(flat.analysis, IsOk());
  EXPECT_THAT(inlined.Layers(), ElementsAre("MatMul y/t", "Relu y/c"));
  EXPECT_EQ(inlined.analysis->parameters, 4 * 4);
  ASSERT_THAT(flat.analysis->layers, SizeIs(2));
  for (size_t l = 0; l < 2; ++l) {
    const OpCounts& a = inlined.analysis->layers[l].counts;
    const OpCounts& b = flat.analysis->layers[l].counts;
    EXPECT_EQ(a.macs, b.macs);
    ASSERT_EQ(a.accesses.size(), b.accesses.size());
    for (size_t i = 0; i < a.accesses.size(); ++i) {
      EXPECT_EQ(a.accesses[i].reads, b.accesses[i].reads);
      EXPECT_EQ(a.accesses[i].writes, b.accesses[i].writes);
      EXPECT_EQ(a.accesses[i].role, b.accesses[i].role);
    }
  }
}

TEST(If, AConstantConditionPicksExactlyAndTheOtherBranchMayBeWrong) {
  const Analyzed a(R"((float[2,3] x) => (float[2,3] y)
    <bool c = {1}, int64[1] wrong = {7}> {
      y = If (c) <then_branch = t () => (float[2,3] r) { r = Neg(x) },
                  else_branch = e () => (float[7] s) { s = Reshape(x, wrong) }>
    })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("If y", "Neg y/r"));
  EXPECT_EQ(a.Layer("y/r").coverage.status, kExact);
  EXPECT_TRUE(a.Layer("y").counts.is_view);
  EXPECT_EQ(a.TypeOf("y"), "float32 2x3");
  EXPECT_THAT(a.analysis->diagnostics.all(), IsEmpty());
}

TEST(If, AConditionThatShapesSettleIsConstant) {
  const Analyzed a(R"((float[2,3] x) => (float[2,3] y)
    <int64 axis = {0}, int64 two = {2}> {
      s = Shape(x)
      d = Gather <axis = 0> (s, axis)
      c = Equal(d, two)
      y = If (c) <then_branch = t () => (float[2,3] r) { r = Neg(x) },
                  else_branch = e () => (float[2,3] s2) { s2 = Exp(x) }>
    })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("If y", "Neg y/r"));
}

TEST(If, OtherwiseTheBranchWithMoreMacsIsABound) {
  const Analyzed a(R"((bool c, float[2,2] x) => (float[2,2] y) {
      y = If (c) <then_branch = t () => (float[2,2] r) { a = Exp(x) r = Exp(a) },
                  else_branch = e () => (float[2,2] s) { s = MatMul(x, x) }>
    })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("If y", "MatMul y/s"));
  EXPECT_EQ(a.Layer("y").coverage.status, kExact);
  const Coverage& coverage = a.Layer("y/s").coverage;
  EXPECT_EQ(coverage.status, kBound);
  EXPECT_EQ(coverage.reason,
            "If 'y' runs one of its branches; else_branch, which does more, is "
            "counted");
}

TEST(If, WithoutMacsTheBranchWithMoreOperationsElseTheFirst) {
  const Analyzed more(R"((bool c, float[4] x) => (float[4] y) {
      y = If (c) <else_branch = e () => (float[4] s) { s = Neg(x) },
                  then_branch = t () => (float[4] r) { a = Neg(x) r = Abs(a) }>
    })");
  ASSERT_THAT(more.analysis, IsOk());
  EXPECT_THAT(more.Layers(), ElementsAre("If y", "Neg y/a", "Abs y/r"));
  // An Exp is 10 mul and 11 add, more than three of anything simple.
  const Analyzed function(R"((bool c, float[4] x) => (float[4] y) {
      y = If (c) <else_branch = e () => (float[4] s) { s = Exp(x) },
                  then_branch = t () => (float[4] r) { a = Neg(x) r = Abs(a) }>
    })");
  ASSERT_THAT(function.analysis, IsOk());
  EXPECT_THAT(function.Layers(), ElementsAre("If y", "Exp y/s"));
  const Analyzed equal(R"((bool c, float[4] x) => (float[4] y) {
      y = If (c) <else_branch = e () => (float[4] s) { s = Neg(x) },
                  then_branch = t () => (float[4] r) { r = Abs(x) }>
    })");
  ASSERT_THAT(equal.analysis, IsOk());
  EXPECT_THAT(equal.Layers(), ElementsAre("If y", "Abs y/r"));
}

TEST(If, ExtentsThatDifferCountAtTheLarger) {
  const Analyzed a(R"((bool c, float[2,3] x, float[5,3] z) => (float[N,3] w) {
      y = If (c) <then_branch = t () => (float[2,3] r) { r = Neg(x) },
                  else_branch = e () => (float[5,3] z) { }>
      w = Relu(y)
    })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.TypeOf("y"), "float32 y#0x3");
  const LayerCounts& relu = a.Layer("w");
  EXPECT_EQ(relu.coverage.status, kBound);
  EXPECT_EQ(relu.coverage.reason,
            "'y#0' depends on the data and is counted at its most, 5");
  EXPECT_EQ(relu.counts.arith[0].count, Extent(5 * 3));
}

TEST(If, WhatIsWrongWithItsBranchesIsNamed) {
  EXPECT_THAT(
      Analyzed(R"((bool c, float[2] x) => (float[2] y) {
        y, z = If (c) <then_branch = t () => (float[2] r) { r = Neg(x) },
                       else_branch = e () => (float[2] s) { s = Abs(x) }> })")
          .analysis,
      FailsWith("test.onnx: If 'y': then_branch returns 1 values, but the node "
                "has 2 outputs"));
  EXPECT_THAT(
      Analyzed(R"((bool c, float[2] x) => (float[2] y) {
        y = If (c) <then_branch = t () => (float[2] r) { r = Neg(x) }> })")
          .analysis,
      FailsWith("test.onnx: If 'y': it needs two graphs, then_branch and "
                "else_branch"));
  EXPECT_THAT(
      Analyzed(R"((bool c, float[2] x, int64[2] i) => (float[2] y) {
        y = If (c) <then_branch = t () => (float[2] r) { r = Neg(x) },
                    else_branch = e () => (int64[2] s) { s = Neg(i) }> })")
          .analysis,
      FailsWith("test.onnx: If 'y': output 0 is float32 from then_branch but "
                "int64 from else_branch"));
}

TEST(Loop, AConstantTripCountRunsTheBodySoOftenExactly) {
  const Analyzed a(AddLoop("", "int64 n = {5}", "n, "));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Loop y", "Add y/h2 x5"));
  const LayerCounts& add = a.Layer("y/h2");
  EXPECT_EQ(add.coverage.status, kExact);
  EXPECT_EQ(add.counts.arith[0].count, Extent(2 * 3));
  EXPECT_EQ(a.TypeOf("y"), "float32 2x3");
}

TEST(Loop, LoopsWithinLoopsMultiply) {
  const Analyzed a(R"((float[4] x) => (float[4] y)
    <int64 n = {5}, int64 m = {7}> {
      y = Loop (n, , x) <body = b (int64 i, bool c, float[4] h) =>
                                  (bool c2, float[4] h2) {
        c2 = Identity(c)
        h2 = Loop (m, , h) <body = b2 (int64 j, bool d, float[4] k) =>
                                      (bool d2, float[4] k2) {
          d2 = Identity(d)
          k2 = Neg(k)
        }>
      }>
    })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Loop y", "Loop y/h2 x5",
                                      absl::StrCat("Neg y/h2/k2 x", 5 * 7)));
}

TEST(Loop, ACountFromOutsideIsGivenByName) {
  const std::string text = AddLoop(", int64 n", "", "n, ");
  const Analyzed without(text);
  ASSERT_THAT(without.analysis, IsOk());
  const std::string reason =
      "how often the body of Loop 'y' runs isn't known before the model does";
  for (const char* name : {"y", "y/h2"}) {
    const Coverage& coverage = without.Layer(name).coverage;
    EXPECT_EQ(coverage.status, kUnknown);
    EXPECT_EQ(coverage.reason, reason);
    EXPECT_EQ(coverage.remedy, "give it with --trip-count y=<count>");
  }
  const Analyzed with(text, Trips({{"y", 9}}));
  ASSERT_THAT(with.analysis, IsOk());
  EXPECT_THAT(with.Layers(), ElementsAre("Loop y", "Add y/h2 x9"));
  EXPECT_EQ(with.Layer("y/h2").coverage.status, kExact);
}

TEST(Loop, ATripCountThatTheModelLacksIsAMistakeOnTheCommandLine) {
  EXPECT_THAT(
      Analyzed(AddLoop("", "int64 n = {5}", "n, "), Trips({{"z", 3}})).analysis,
      StatusIs(absl::StatusCode::kNotFound,
               "--trip-count z=3: the model has no Loop of that name; "
               "it has 'y'"));
  EXPECT_THAT(Analyzed("(float[2] x) => (float[2] y) { y = Relu(x) }",
                       Trips({{"z", 3}}))
                  .analysis,
              StatusIs(absl::StatusCode::kNotFound,
                       "--trip-count z=3: the model has no Loop of that name"));
  EXPECT_THAT(
      Analyzed(AddLoop("", "int64 n = {5}", "n, "), Trips({{"y", 6}})).analysis,
      StatusIs(absl::StatusCode::kNotFound,
               "--trip-count y=6: the Loop runs at most 5 times"));
}

TEST(Loop, AConditionThatCanEndItMakesItABound) {
  const Analyzed a(
      AddLoop("", "int64 n = {5}, float limit = {9}", "n, ",
              "s = ReduceMax <keepdims = 0> (h) c2 = Less(s, limit)"));
  ASSERT_THAT(a.analysis, IsOk());
  const LayerCounts& add = a.Layer("y/h2");
  EXPECT_EQ(add.times, 5);
  EXPECT_EQ(add.coverage.status, kBound);
  EXPECT_EQ(add.coverage.reason,
            "the body of Loop 'y' runs at most 5 times; its condition can end "
            "it earlier");
}

TEST(Loop, AConditionOfTheModelsInputsMayNotEvenStartIt) {
  const Analyzed a(AddLoop(", bool go", "int64 n = {5}", "n, go"));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.Layer("y/h2").times, 5);
  EXPECT_EQ(a.Layer("y/h2").coverage.status, kBound);
}

TEST(Loop, AConditionOfTheIterationNumberAloneIsFollowed) {
  const Analyzed a(AddLoop("",
                           "int64 n = {9223372036854775807}, int64 last = {3}",
                           "n, ", "c2 = Less(i, last)"));
  ASSERT_THAT(a.analysis, IsOk());
  // i = 0, 1, 2 go on, 3 doesn't.
  EXPECT_EQ(a.Layer("y/h2").times, 4);
  EXPECT_EQ(a.Layer("y/h2").coverage.status, kExact);
}

TEST(Loop, AConditionThatIsFalseRunsItNotAtAllOrOnce) {
  const Analyzed never(AddLoop("", "int64 n = {5}, bool go = {0}", "n, go"));
  ASSERT_THAT(never.analysis, IsOk());
  EXPECT_THAT(never.Layers(), ElementsAre("Loop y"));
  EXPECT_EQ(never.TypeOf("y"), "float32 2x3");
  const Analyzed once(
      AddLoop("", "int64 n = {5}, bool no = {0}", "n, ", "c2 = Identity(no)"));
  ASSERT_THAT(once.analysis, IsOk());
  EXPECT_THAT(once.Layers(), ElementsAre("Loop y", "Add y/h2"));
  EXPECT_EQ(once.Layer("y/h2").coverage.status, kExact);
}

TEST(Loop, TheLargestTripCountMeansNone) {
  const Analyzed a(AddLoop("", "int64 n = {9223372036854775807}", "n, "));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.Layer("y/h2").coverage.status, kUnknown);
}

// A Loop that puts x behind what it carries, `n` times.
std::string GrowingLoop(const std::string& inputs,
                        const std::string& initializers) {
  return absl::StrCat("(float[2,3] x, float[0,3] none", inputs,
                      ") => (float[N,3] y, float[M,R,3] s) <", initializers,
                      R"(> { y, s = Loop (n, , none) <body = b
        (int64 i, bool c, float[K,3] h) => (bool c2, float[L,3] h2, float[2,3] z)
        { c2 = Identity(c) h2 = Concat <axis = 0> (h, x) z = Neg(x) }> })");
}

TEST(Loop, AnExtentThatGrowsCountsAtItsMostAndLeavesItExactly) {
  const Analyzed a(GrowingLoop("", "int64 n = {4}"));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.TypeOf("y"), "float32 8x3");
  EXPECT_EQ(a.TypeOf("s"), "float32 4x2x3");
  // In its last run the body reads 3*2 rows, and writes 4*2.
  const LayerCounts& concat = a.Layer("y/h2");
  EXPECT_EQ(concat.coverage.status, kBound);
  EXPECT_EQ(concat.times, 4);
  Extent writes;
  for (const Access& access : concat.counts.accesses) writes += access.writes;
  EXPECT_EQ(writes, Extent(4 * 2 * 3));
}

TEST(Loop, AnExtentThatGrowsWithoutACountIsNotKnown) {
  const Analyzed a(GrowingLoop(", int64 n", ""));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.TypeOf("y"), "float32 y#0x3");
  EXPECT_EQ(a.TypeOf("s"), "float32 s#0x2x3");
  EXPECT_EQ(a.Layer("y/h2").coverage.status, kUnknown);
}

TEST(Loop, OfConstantsAloneIsComputedBeforeAnyRun) {
  const Analyzed a(R"((float[N] x) => (float[N] y)
    <int64 n = {3}, int64[1] two = {2}, int64[1] one = {1}> {
      s = Loop (n, , one) <body = b (int64 i, bool c, int64[1] h) =>
                                    (bool c2, int64[1] h2) {
        c2 = Identity(c)
        h2 = Mul(h, two)
      }>
      z = Expand(x, s)
      y = Relu(z)
    })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Expand z", "Relu y"));
  EXPECT_EQ(a.TypeOf("z"), absl::StrCat("float32 ", 2 * 2 * 2));
}

TEST(Loop, TheIterationNumberIsNoConstantInTheBody) {
  const Analyzed a(R"((float x) => (float y) <int64 n = {3}> {
      y = Loop (n, , x) <body = b (int64 i, bool c, float h) =>
                                  (bool c2, float h2) {
        c2 = Identity(c)
        f = Cast <to = 1> (i)
        h2 = Add(h, f)
      }> })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Loop y", "Cast y/f x3", "Add y/h2 x3"));
}

TEST(Loop, WhatTheBodyComputesForNothingIsSkipped) {
  const Analyzed a(R"((float[4] x) => (float[4] y) <int64 n = {3}> {
      y, unread = Loop (n, , x) <body = b (int64 i, bool c, float[4] h) =>
                             (bool c2, float[4] h2, float[4] e) {
        c2 = Identity(c)
        h2 = Neg(h)
        e = Exp(h)
      }> })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Loop y", "Neg y/h2 x3"));
}

TEST(Loop, ACarriedValueThatOnlyTheBodyReadsIsStillComputed) {
  const Analyzed a(R"((float[4] x) => (float[4] y) <int64 n = {3}> {
      y, k = Loop (n, , x, x) <body = b
          (int64 i, bool c, float[4] h, float[4] p) =>
          (bool c2, float[4] h2, float[4] p2) {
        c2 = Identity(c)
        h2 = Add(h, p)
        p2 = Exp(p)
      }> })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Loop y", "Add y/h2 x3", "Exp y/p2 x3"));
}

TEST(Loop, ParametersOfABodyCountOnce) {
  const Analyzed a(R"((float[1,2] x) => (float[1,2] y)
    <int64 n = {3}, float[2,2] w = {1,2,3,4}> {
      y, v = Loop (n, , x, w) <body = b
          (int64 i, bool c, float[1,2] h, float[2,2] k) =>
          (bool c2, float[1,2] h2, float[2,2] k) {
        c2 = Identity(c)
        h2 = MatMul(h, k)
      }> })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Layers(), ElementsAre("Loop y", "MatMul y/h2 x3"));
  EXPECT_EQ(a.analysis->parameters, 2 * 2);
}

TEST(Loop, OperandsThatDoNotFitTheBodyAreNamed) {
  EXPECT_THAT(
      Analyzed(R"((int64 n, float[2] x) => (float[2] y) {
        y = Loop (n, , x, x) <body = b (int64 i, bool c, float[2] h) =>
          (bool c2, float[2] h2) { c2 = Identity(c) h2 = Neg(h) }> })")
          .analysis,
      FailsWith("test.onnx: Loop 'y': its body takes 3 inputs, but expected 4: "
                "the iteration number, the condition and 2 carried values"));
  EXPECT_THAT(
      Analyzed(R"((int64 n, float[2] x) => (float[2] y) {
        y, z = Loop (n, , x) <body = b (int64 i, bool c, float[2] h) =>
          (bool c2, float[2] h2) { c2 = Identity(c) h2 = Neg(h) }> })")
          .analysis,
      FailsWith("test.onnx: Loop 'y': it has 2 outputs, but its body returns "
                "only 1 values beside the condition"));
}

TEST(Loop, RunsBeyond63BitsAreAnError) {
  std::string text = "k2 = Neg(k)";
  for (int level = 0; level < 5; ++level) {
    text = absl::StrCat("c2 = Identity(c) k2 = Loop (n, , k) <body = b", level,
                        " (int64 i, bool c, float[2] k) => (bool c2, float[2] "
                        "k2) { ",
                        level == 0 ? "c2 = Identity(c) " : "", text, " }>");
  }
  EXPECT_THAT(Analyzed(absl::StrCat("(bool c, float[2] k) => (float[2] k2) "
                                    "<int64 n = {100000}> { ",
                                    text, " }"))
                  .analysis,
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("the runs of its body don't fit 63 bits")));
}

}  // namespace
}  // namespace opcost
