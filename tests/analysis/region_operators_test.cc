// SPDX-License-Identifier: Apache-2.0
// Quantised regions of operators that are no contractions: counts by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/analysis/quantised_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

constexpr int64_t kOut = 2 * 3;
// Two scales and zero points, or three: each read once.
constexpr char kBinary[] = R"(
  (int8[2,3] a, float As, int8 Az, int8[2,3] b, float Bs, int8 Bz, float Ys,
   int8 Yz) => (int8[2,3] y) {
    af = DequantizeLinear(a, As, Az)
    bf = DequantizeLinear(b, Bs, Bz)
    s = OPERATOR(af, bf)
    y = QuantizeLinear(s, Ys, Yz)
  })";

std::string With(std::string text, const std::string& op) {
  const std::string hole = "OPERATOR";
  return text.replace(text.find(hole), hole.size(), op);
}

// The same as ONNX Runtime's operator.
std::string WholeBinary(const std::string& op) {
  return absl::StrCat(R"(
  <ir_version: 8, opset_import: ["" : 21, "com.microsoft" : 1]>
  g (int8[2,3] a, float As, int8 Az, int8[2,3] b, float Bs, int8 Bz, float Ys,
     int8 Yz) => (int8[2,3] y) {
    y = com.microsoft.)",
                      op, "(a, As, Az, b, Bs, Bz, Ys, Yz)\n}");
}

TEST(QuantisedAdd, SumsInInt32AndRequantisesOnce) {
  const Read add(With(kBinary, "Add"));
  ASSERT_THAT(add.analysis, IsOk());
  EXPECT_THAT(add.Layers(), ElementsAre("Add s"));
  EXPECT_EQ(add.WorkOf("s"), (Work{{"add int32", kOut},
                                   {"mul float32", kOut},
                                   {"add float32", 3 * kOut},
                                   {"reads a int8", kOut},
                                   {"reads b int8", kOut},
                                   {"reads As float32", 1},
                                   {"reads Az int8", 1},
                                   {"reads Bs float32", 1},
                                   {"reads Bz int8", 1},
                                   {"reads Ys float32", 1},
                                   {"reads Yz int8", 1},
                                   {"writes y int8", kOut}}));
  const Read whole(WholeBinary("QLinearAdd"));
  ASSERT_THAT(whole.analysis, IsOk());
  EXPECT_EQ(add.WorkOf("s"), whole.WorkOf("y"));
}

TEST(QuantisedMul, MultipliesTheIntegersAndRequantisesOnce) {
  const Read mul(With(kBinary, "Mul"));
  EXPECT_EQ(mul.WorkOf("s").at("mul int8"), kOut);
  EXPECT_EQ(mul.WorkOf("s").at("mul float32"), kOut);
  const Read whole(WholeBinary("QLinearMul"));
  ASSERT_THAT(whole.analysis, IsOk());
  EXPECT_EQ(mul.WorkOf("s"), whole.WorkOf("y"));
}

TEST(QuantisedAdd, WithoutAQuantizeLinearIsFloat) {
  const Read add(R"(
    (int8[2,3] a, float As, int8[2,3] b, float Bs) => (float[2,3] y) {
      af = DequantizeLinear(a, As)
      bf = DequantizeLinear(b, Bs)
      y = Add(af, bf)
    })");
  EXPECT_EQ(add.WorkOf("y"), (Work{{"add int32", kOut},
                                   {"mul float32", kOut},
                                   {"reads a int8", kOut},
                                   {"reads b int8", kOut},
                                   {"reads As float32", 1},
                                   {"reads Bs float32", 1},
                                   {"writes y float32", kOut}}));
}

TEST(QuantisedAdd, OfAFloatOperandIsFloat) {
  const Read add(R"(
    (int8[2,3] a, float As, float[2,3] b) => (float[2,3] y) {
      af = DequantizeLinear(a, As)
      y = Add(af, b)
    })");
  EXPECT_THAT(add.Layers(), ElementsAre("DequantizeLinear af", "Add y"));
}

TEST(QuantisedAdd, OfOneTensorToItselfReadsItTwice) {
  const Read add(R"(
    (int8[2,3] a, float As, float Ys) => (uint8[2,3] y) {
      af = DequantizeLinear(a, As)
      s = Add(af, af)
      y = QuantizeLinear(s, Ys)
    })");
  EXPECT_THAT(add.Layers(), ElementsAre("Add s"));
  EXPECT_THAT(add.FoldedInto("s"),
              ElementsAre("DequantizeLinear af", "QuantizeLinear y"));
  EXPECT_EQ(add.WorkOf("s").at("reads a int8"), 2 * kOut);
}

TEST(QuantisedAveragePool, SumsInInt32AndHasTheWindowInItsScale) {
  const Read pool(R"(
    (int8[1,3,4,4] x, float Xs, int8 Xz, float Ys, int8 Yz)
        => (int8[1,3,2,2] y) {
      xf = DequantizeLinear(x, Xs, Xz)
      p = AveragePool<kernel_shape = [2, 2], strides = [2, 2]>(xf)
      y = QuantizeLinear(p, Ys, Yz)
    })");
  ASSERT_THAT(pool.analysis, IsOk());
  constexpr int64_t kWindows = 1 * 3 * 2 * 2;
  EXPECT_EQ(pool.WorkOf("p"), (Work{{"add int32", kWindows * 2 * 2},
                                    {"mul float32", kWindows},
                                    {"add float32", 3 * kWindows},
                                    {"reads x int8", kWindows * 2 * 2},
                                    {"reads Xs float32", 1},
                                    {"reads Xz int8", 1},
                                    {"reads Ys float32", 1},
                                    {"reads Yz int8", 1},
                                    {"writes y int8", kWindows}}));
}

TEST(QuantisedAveragePool, GlobalOnesTooAndThroughAFlatten) {
  const Read pool(R"(
    (int8[1,3,4,4] x, float Xs, float Ys, int8 Yz) => (int8[1,3] y) {
      xf = DequantizeLinear(x, Xs)
      p = GlobalAveragePool(xf)
      f = Flatten(p)
      y = QuantizeLinear(f, Ys, Yz)
    })");
  EXPECT_THAT(pool.Layers(), ElementsAre("GlobalAveragePool p"));
  EXPECT_EQ(pool.WorkOf("p").at("add int32"), 3 * 4 * 4);
  EXPECT_EQ(pool.WorkOf("p").at("mul float32"), 3);
}

// One operand, the scales of which are the same or not.
constexpr char kUnary[] = R"(
  (int8[1,3,4,4] x, float Xs, int8 Xz, float Ys, int8 Yz, float Min, float Max)
      => (int8[1,3,4,4] y) {
    xf = DequantizeLinear(x, Xs, Xz)
    p = OPERATOR
    y = QuantizeLinear(p, Ys, Yz)
  })";
constexpr int64_t kElements = 1 * 3 * 4 * 4;

TEST(QuantisedKeeper, ComparesAtItsOwnWidthWhereNothingChangesItsScale) {
  const Read pool(
      With(kUnary, "MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(xf)"));
  ASSERT_THAT(pool.analysis, IsOk());
  EXPECT_THAT(pool.Layers(), ElementsAre("MaxPool p"));
  EXPECT_EQ(pool.WorkOf("p"), (Work{{"add int8", kElements * 3 * 3},
                                    {"reads x int8", kElements * 3 * 3},
                                    {"writes y int8", kElements}}));
  const Read relu(With(kUnary, "Relu(xf)"));
  EXPECT_EQ(relu.WorkOf("p"), (Work{{"add int8", kElements},
                                    {"reads x int8", kElements},
                                    {"writes y int8", kElements}}));
  const Read clip(With(kUnary, "Clip(xf, Min, Max)"));
  EXPECT_EQ(clip.WorkOf("p"), (Work{{"add int8", 2 * kElements},
                                    {"reads x int8", kElements},
                                    {"reads Min float32", 1},
                                    {"reads Max float32", 1},
                                    {"writes y int8", kElements}}));
  const Read turned(With(kUnary, "Transpose<perm = [0, 1, 3, 2]>(xf)"));
  EXPECT_EQ(turned.WorkOf("p"),
            (Work{{"reads x int8", kElements}, {"writes y int8", kElements}}));
}

// The requantisation of all elements, and the reads that it takes.
Work Requantised(Work work) {
  work["mul float32"] += kElements;
  work["add float32"] += 3 * kElements;
  for (const char* parameter : {"reads Xs float32", "reads Xz int8",
                                "reads Ys float32", "reads Yz int8"}) {
    work[parameter] = 1;
  }
  return work;
}

TEST(QuantisedKeeper, IsRequantisedWhereItsScaleOrZeroPointChanges) {
  const Tweaks scale = {.elements = {{"Xs", 0.25}, {"Ys", 0.5}}};
  const Tweaks zero_point = {.elements = {{"Xz", 3}}};
  const std::string pool =
      With(kUnary, "MaxPool<kernel_shape = [3, 3], pads = [1, 1, 1, 1]>(xf)");
  const Work pooled = Requantised({{"add int8", kElements * 3 * 3},
                                   {"reads x int8", kElements * 3 * 3},
                                   {"writes y int8", kElements}});
  EXPECT_EQ(Read(pool, scale).WorkOf("p"), pooled);
  EXPECT_EQ(Read(pool, zero_point).WorkOf("p"), pooled);
  EXPECT_EQ(Read(With(kUnary, "Relu(xf)"), scale).WorkOf("p"),
            Requantised({{"add int8", kElements},
                         {"reads x int8", kElements},
                         {"writes y int8", kElements}}));
  // From -128 on, which is 0, the saturation is the Relu.
  const Tweaks absorbed = {
      .elements = {{"Xs", 0.25}, {"Ys", 0.5}, {"Yz", -128}}};
  EXPECT_EQ(
      Read(With(kUnary, "Relu(xf)"), absorbed).WorkOf("p"),
      Requantised({{"reads x int8", kElements}, {"writes y int8", kElements}}));
}

TEST(QuantisedView, MovesNothingUnlessItsScaleChanges) {
  constexpr char kView[] = R"(
    (int8[1,3,4,4] x, float Xs, int8 Xz, float Ys, int8 Yz)
        => (int8[1,48] y) {
      xf = DequantizeLinear(x, Xs, Xz)
      p = Flatten(xf)
      y = QuantizeLinear(p, Ys, Yz)
    })";
  const Read same(kView);
  ASSERT_THAT(same.analysis, IsOk());
  EXPECT_THAT(same.Layers(), ElementsAre("Flatten p"));
  EXPECT_TRUE(same.Layer("p")->counts.is_view);
  EXPECT_EQ(same.WorkOf("p"), Work());
  const Read changed(kView, {.elements = {{"Xs", 0.25}, {"Ys", 0.5}}});
  EXPECT_THAT(changed.Layers(), ElementsAre("Flatten p"));
  EXPECT_EQ(changed.WorkOf("p"), Requantised({{"reads x int8", kElements},
                                              {"writes y int8", kElements}}));
}

TEST(QuantisedKeeper, WithoutAQuantizeLinearItsResultIsScaled) {
  const Read pool(R"(
    (int8[1,3,4,4] x, float Xs) => (float[1,3,2,2] y) {
      xf = DequantizeLinear(x, Xs)
      p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(xf)
      y = Sigmoid(p)
    })");
  constexpr int64_t kWindows = 1 * 3 * 2 * 2;
  EXPECT_THAT(pool.Layers(), ElementsAre("MaxPool p", "Sigmoid y"));
  EXPECT_EQ(pool.WorkOf("p"), (Work{{"add int8", kWindows * 2 * 2},
                                    {"mul float32", kWindows},
                                    {"reads x int8", kWindows * 2 * 2},
                                    {"reads Xs float32", 1},
                                    {"writes p float32", kWindows}}));
}

TEST(QuantisedKeeper, HandsItsIntegersToARegionBehindIt) {
  const Read conv(R"(
    (int8[1,3,6,6] x, float Xs, int8[4,3,3,3] W, float Ws)
        => (float[1,4,1,1] y) {
      xf = DequantizeLinear(x, Xs)
      p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(xf)
      r = Relu(p)
      i = Identity(r)
      wf = DequantizeLinear(W, Ws)
      y = Conv(i, wf)
    })");
  ASSERT_THAT(conv.analysis, IsOk());
  EXPECT_THAT(conv.Layers(), ElementsAre("MaxPool p", "Relu r", "Conv y"));
  constexpr int64_t kWindows = 1 * 3 * 3 * 3;
  EXPECT_EQ(conv.WorkOf("p"), (Work{{"add int8", kWindows * 2 * 2},
                                    {"reads x int8", kWindows * 2 * 2},
                                    {"writes p int8", kWindows}}));
  EXPECT_EQ(conv.WorkOf("r"), (Work{{"add int8", kWindows},
                                    {"reads p int8", kWindows},
                                    {"writes r int8", kWindows}}));
  EXPECT_EQ(conv.WorkOf("y").at("reads r int8"), 4 * 3 * 3 * 3);
  EXPECT_EQ(conv.WorkOf("y").at("mul int8"), 4 * 3 * 3 * 3);
}

TEST(QuantisedKeeper, GivesFloatsWhereNotAllTakeIntegers) {
  const Read both(R"(
    (int8[1,3,6,6] x, float Xs, int8[4,3,3,3] W, float Ws)
        => (float[1,4,1,1] y, float[1,3,3,3] s) {
      xf = DequantizeLinear(x, Xs)
      p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(xf)
      wf = DequantizeLinear(W, Ws)
      y = Conv(p, wf)
      s = Sigmoid(p)
    })");
  constexpr int64_t kWindows = 1 * 3 * 3 * 3;
  EXPECT_EQ(both.WorkOf("p").at("writes p float32"), kWindows);
  // The weight alone is quantised then.
  EXPECT_EQ(both.WorkOf("y").at("mul float32"), 2 * (4 * 3 * 3 * 3));
}

// Two parts of 2x3 and 2x2, of scales As and Bs, in one of scale Ys.
constexpr char kConcat[] = R"(
  (int8[2,3] a, float As, int8 Az, int8[2,2] b, float Bs, int8 Bz, float Ys,
   int8 Yz) => (int8[2,5] y) {
    af = DequantizeLinear(a, As, Az)
    bf = DequantizeLinear(b, Bs, Bz)
    c = Concat<axis = 1>(af, bf)
    y = QuantizeLinear(c, Ys, Yz)
  })";
constexpr char kWholeConcat[] = R"(
  <ir_version: 8, opset_import: ["" : 21, "com.microsoft" : 1]>
  g (int8[2,3] a, float As, int8 Az, int8[2,2] b, float Bs, int8 Bz, float Ys,
     int8 Yz) => (int8[2,5] y) {
    y = com.microsoft.QLinearConcat<axis = 1>(Ys, Yz, a, As, Az, b, Bs, Bz)
  })";

TEST(QuantisedConcat, RequantisesThePartsThatChangeTheirScale) {
  const Tweaks one = {.elements = {{"Bs", 0.25}}};
  const Tweaks both = {.elements = {{"As", 0.25}, {"Bs", 0.25}}};
  for (const Tweaks& tweaks : {Tweaks(), one, both}) {
    const Read region(kConcat, tweaks);
    const Read whole(kWholeConcat, tweaks);
    ASSERT_THAT(region.analysis, IsOk());
    ASSERT_THAT(whole.analysis, IsOk());
    EXPECT_THAT(region.Layers(), ElementsAre("Concat c"));
    EXPECT_EQ(region.WorkOf("c"), whole.WorkOf("y"));
  }
  EXPECT_EQ(Read(kConcat, one).WorkOf("c"), (Work{{"mul float32", 2 * 2},
                                                  {"add float32", 3 * 2 * 2},
                                                  {"reads a int8", 2 * 3},
                                                  {"reads b int8", 2 * 2},
                                                  {"reads Bs float32", 1},
                                                  {"reads Bz int8", 1},
                                                  {"reads Ys float32", 1},
                                                  {"reads Yz int8", 1},
                                                  {"writes y int8", 2 * 5}}));
}

TEST(QuantisedConcat, OfOneScaleHandsItsIntegersOn) {
  const Read concat(R"(
    (int8[2,3] a, int8[2,2] b, float S, int8[5,4] W, float Ws)
        => (float[2,4] y) {
      af = DequantizeLinear(a, S)
      bf = DequantizeLinear(b, S)
      c = Concat<axis = 1>(af, bf)
      wf = DequantizeLinear(W, Ws)
      y = MatMul(c, wf)
    })");
  ASSERT_THAT(concat.analysis, IsOk());
  EXPECT_EQ(concat.WorkOf("c"), (Work{{"reads a int8", 2 * 3},
                                      {"reads b int8", 2 * 2},
                                      {"writes c int8", 2 * 5}}));
  EXPECT_EQ(concat.WorkOf("y").at("reads c int8"), 2 * 5 * 4);
}

TEST(QuantisedRegion, WhatHasNoIntegerFormKeepsItsQuantisation) {
  for (const char* op : {"Sigmoid", "Tanh", "Exp"}) {
    const Read region(With(kUnary, absl::StrCat(op, "(xf)")));
    EXPECT_THAT(region.Layers(),
                ElementsAre("DequantizeLinear xf", absl::StrCat(op, " p"),
                            "QuantizeLinear y"));
  }
}

TEST(FoldedTerms, AreTheDifferenceFromTheNodesOwnCounts) {
  const Tweaks changed = {
      .elements = {{"Xs", 0.25}, {"Ys", 0.5}, {"Yz", -128}}};
  const std::vector<std::string> texts = {
      With(kBinary, "Add"),
      With(kBinary, "Mul"),
      kConcat,
      With(kUnary, "Relu(xf)"),
      With(kUnary, "Clip(xf, Min, Max)"),
      With(kUnary, "MaxPool<kernel_shape = [1, 1]>(xf)"),
      With(kUnary, "AveragePool<kernel_shape = [1, 1]>(xf)"),
      With(kUnary, "Identity(xf)"),
      R"((int8[2,5] x, float Xs, int8[3,5] W, float Ws, float[3] B, float Ys,
          int8 Yz) => (int8[2,3] y) {
        xf = DequantizeLinear(x, Xs)
        wf = DequantizeLinear(W, Ws)
        g = Gemm<transB = 1, alpha = 0.5, beta = 2.0>(xf, wf, B)
        r = Relu(g)
        y = QuantizeLinear(r, Ys, Yz)
      })",
      R"((float[2,8] x, int8[8,3] W, float[2,3] Ws, int8[2,3] Wz)
            => (float[2,3] y) {
        wf = DequantizeLinear<axis = 0, block_size = 4>(W, Ws, Wz)
        y = MatMul(x, wf)
      })"};
  for (const std::string& text : texts) {
    SCOPED_TRACE(text);
    for (const Tweaks& tweaks : {Tweaks(), changed}) {
      const Read read(text, tweaks);
      ASSERT_THAT(read.analysis, IsOk());
      ExpectTermsToAddUp(read);
    }
  }
}

}  // namespace
}  // namespace opcost
