// SPDX-License-Identifier: Apache-2.0
// Quantised regions around contractions: counts by hand, as the cost model's
// section 5 has them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/analysis/quantised_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

// 1x3x8x8 in uint8, 4 filters of 3x3 in int8, so 1x4x6x6 out. Of formats of one
// width, the product has the first.
constexpr int64_t kOut = 1 * 4 * 6 * 6;
constexpr int64_t kMacs = kOut * (3 * 3 * 3);

constexpr char kConv[] = R"(
  (uint8[1,3,8,8] x, float Xs, uint8 Xz, int8[4,3,3,3] W, float Ws, int8 Wz,
   int32[4] B, float Bs, float Ys, uint8 Yz) => (uint8[1,4,6,6] y) {
    xf = DequantizeLinear(x, Xs, Xz)
    wf = DequantizeLinear(W, Ws, Wz)
    bf = DequantizeLinear(B, Bs)
    c = Conv(xf, wf, bf)
    y = QuantizeLinear(c, Ys, Yz)
  })";

TEST(QuantisedConv, MultipliesTheIntegersAndRequantisesEachOutput) {
  const Read conv(kConv);
  ASSERT_THAT(conv.analysis, IsOk());
  EXPECT_THAT(conv.Layers(), ElementsAre("Conv c"));
  EXPECT_EQ(conv.WorkOf("c"), (Work{{"mul uint8", kMacs},
                                    {"add int32", kMacs},
                                    {"mul float32", kOut},
                                    {"add float32", 3 * kOut},
                                    {"reads x uint8", kMacs},
                                    {"reads W int8", kMacs},
                                    {"reads B int32", kOut},
                                    {"reads Xs float32", 1},
                                    {"reads Xz uint8", 1},
                                    {"reads Ws float32", 1},
                                    {"reads Wz int8", 1},
                                    {"reads Ys float32", 1},
                                    {"reads Yz uint8", 1},
                                    {"writes y uint8", kOut}}));
  EXPECT_THAT(conv.FoldedInto("c"),
              ElementsAre("DequantizeLinear xf", "DequantizeLinear wf",
                          "DequantizeLinear bf", "QuantizeLinear y"));
}

// The same convolution as the operator that has the region in one.
constexpr char kQLinearConv[] = R"(
  (uint8[1,3,8,8] x, float Xs, uint8 Xz, int8[4,3,3,3] W, float Ws, int8 Wz,
   int32[4] B, float Ys, uint8 Yz) => (uint8[1,4,6,6] y) {
    y = QLinearConv(x, Xs, Xz, W, Ws, Wz, Ys, Yz, B)
  })";

TEST(QuantisedConv, CountsWhatQLinearConvCounts) {
  const Read region(kConv);
  const Read whole(kQLinearConv);
  EXPECT_EQ(region.WorkOf("c"), whole.WorkOf("y"));
}

TEST(QuantisedConv, CountsWhatQLinearConvCountsPerChannelToo) {
  const Read region(R"(
    (uint8[1,3,8,8] x, float Xs, uint8 Xz, int8[4,3,3,3] W, float[4] Ws,
     int8[4] Wz, float Ys, uint8 Yz) => (uint8[1,4,6,6] y) {
      xf = DequantizeLinear(x, Xs, Xz)
      wf = DequantizeLinear<axis = 0>(W, Ws, Wz)
      c = Conv(xf, wf)
      y = QuantizeLinear(c, Ys, Yz)
    })");
  const Read whole(R"(
    (uint8[1,3,8,8] x, float Xs, uint8 Xz, int8[4,3,3,3] W, float[4] Ws,
     int8[4] Wz, float Ys, uint8 Yz) => (uint8[1,4,6,6] y) {
      y = QLinearConv(x, Xs, Xz, W, Ws, Wz, Ys, Yz)
    })");
  EXPECT_EQ(region.WorkOf("c"), whole.WorkOf("y"));
  EXPECT_EQ(region.WorkOf("c").at("reads Ws float32"), kOut);
  EXPECT_EQ(region.WorkOf("c").at("reads Wz int8"), 4);
}

TEST(QuantisedConv, WithoutAQuantizeLinearCostsOneMulPerOutputAndIsFloat) {
  const Read conv(R"(
    (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws)
        => (float[1,4,6,6] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      y = Conv(xf, wf)
    })");
  ASSERT_THAT(conv.analysis, IsOk());
  EXPECT_THAT(conv.Layers(), ElementsAre("Conv y"));
  EXPECT_EQ(conv.WorkOf("y"), (Work{{"mul uint8", kMacs},
                                    {"add int32", kMacs},
                                    {"mul float32", kOut},
                                    {"reads x uint8", kMacs},
                                    {"reads W int8", kMacs},
                                    {"reads Xs float32", 1},
                                    {"reads Ws float32", 1},
                                    {"writes y float32", kOut}}));
}

TEST(QuantisedConv, AFloatBiasThatIsConstantIsAnInt32Array) {
  const Read conv(R"(
    (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws, float[4] B)
        => (float[1,4,6,6] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      y = Conv(xf, wf, B)
    })");
  EXPECT_EQ(conv.WorkOf("y").at("reads B int32"), kOut);
}

TEST(QuantisedConv, ABiasThatIsComputedAsFloatsLeavesTheActivationsFloat) {
  const Read conv(R"(
    (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws, float[4] b)
        => (float[1,4,6,6] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      y = Conv(xf, wf, b)
    })");
  EXPECT_THAT(conv.Layers(), ElementsAre("DequantizeLinear xf", "Conv y"));
  EXPECT_EQ(conv.WorkOf("y").at("mul float32"), 2 * kMacs);
}

// Relu between Conv and QuantizeLinear, by zero point.
std::string ConvRelu(const std::string& activation) {
  return R"(
  (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws, float Ys, int8 Yz,
   float Min, float Max) => (int8[1,4,6,6] y) {
    xf = DequantizeLinear(x, Xs)
    wf = DequantizeLinear(W, Ws)
    c = Conv(xf, wf)
    r = )" +
         activation +
         R"(
    y = QuantizeLinear(r, Ys, Yz)
  })";
}

TEST(QuantisedConv, AReluIsFreeWhereTheSaturationDoesWhatItDoes) {
  const Read absorbed(ConvRelu("Relu(c)"), {.elements = {{"Yz", -128}}});
  ASSERT_THAT(absorbed.analysis, IsOk());
  EXPECT_THAT(absorbed.Layers(), ElementsAre("Conv c"));
  EXPECT_EQ(absorbed.WorkOf("c").at("add float32"), 3 * kOut);
  EXPECT_EQ(absorbed.WorkOf("c").count("add int8"), 0U);
}

TEST(QuantisedConv, AReluInsideTheRangeComparesTheResults) {
  const Read compared(ConvRelu("Relu(c)"), {.elements = {{"Yz", 0}}});
  EXPECT_THAT(compared.Layers(), ElementsAre("Conv c"));
  EXPECT_EQ(compared.WorkOf("c").at("add int8"), kOut);
  EXPECT_THAT(compared.FoldedInto("c"),
              ElementsAre("DequantizeLinear xf", "DequantizeLinear wf",
                          "Relu r", "QuantizeLinear y"));
}

TEST(QuantisedConv, AClipIsFreeWhereTheSaturationDoesWhatItDoes) {
  // 0 to 6 in steps of 6/255 from -128.
  const Tweaks fits = {
      .elements = {{"Yz", -128}, {"Ys", 6.0 / 255}, {"Min", 0}, {"Max", 6}}};
  EXPECT_EQ(
      Read(ConvRelu("Clip(c, Min, Max)"), fits).WorkOf("c").count("add int8"),
      0U);
  // The numbers go up to 12.
  Tweaks wide = fits;
  wide.elements["Ys"] = 12.0 / 255;
  EXPECT_EQ(
      Read(ConvRelu("Clip(c, Min, Max)"), wide).WorkOf("c").at("add int8"),
      2 * kOut);
  EXPECT_EQ(Read(ConvRelu("Clip(c, Min)"), wide).WorkOf("c").count("add int8"),
            0U);
}

TEST(QuantisedGemm, AlphaAndBetaArePartOfTheScales) {
  const Read gemm(R"(
    (int8[2,5] x, float Xs, int8[3,5] W, float Ws, int32[3] B, float Bs,
     float Ys, int8 Yz) => (int8[2,3] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      bf = DequantizeLinear(B, Bs)
      g = Gemm<transB = 1, alpha = 0.5, beta = 2.0>(xf, wf, bf)
      y = QuantizeLinear(g, Ys, Yz)
    })");
  ASSERT_THAT(gemm.analysis, IsOk());
  constexpr int64_t kProducts = 2 * 5 * 3;
  constexpr int64_t kResults = 2 * 3;
  EXPECT_EQ(gemm.WorkOf("g"), (Work{{"mul int8", kProducts},
                                    {"add int32", kProducts},
                                    {"mul float32", kResults},
                                    {"add float32", 3 * kResults},
                                    {"reads x int8", kProducts},
                                    {"reads W int8", kProducts},
                                    {"reads B int32", kResults},
                                    {"reads Xs float32", 1},
                                    {"reads Ws float32", 1},
                                    {"reads Ys float32", 1},
                                    {"reads Yz int8", 1},
                                    {"writes y int8", kResults}}));
  const LayerCounts& layer = *gemm.Layer("g");
  ASSERT_EQ(layer.counts.matrices.size(), 1U);
  EXPECT_EQ(layer.counts.matrices[0].operand, 1);
  EXPECT_EQ(gemm.InputsOf("g")[1], "W");
  EXPECT_FALSE(layer.counts.matrices[0].is_transposed);
}

TEST(QuantisedMatMul, CountsWhatQLinearMatMulCounts) {
  const Read region(R"(
    (int8[2,4,5] a, float As, int8 Az, int8[2,5,3] b, float Bs, int8 Bz,
     float Ys, int8 Yz) => (int8[2,4,3] y) {
      af = DequantizeLinear(a, As, Az)
      bf = DequantizeLinear(b, Bs, Bz)
      m = MatMul(af, bf)
      y = QuantizeLinear(m, Ys, Yz)
    })");
  const Read whole(R"(
    (int8[2,4,5] a, float As, int8 Az, int8[2,5,3] b, float Bs, int8 Bz,
     float Ys, int8 Yz) => (int8[2,4,3] y) {
      y = QLinearMatMul(a, As, Az, b, Bs, Bz, Ys, Yz)
    })");
  ASSERT_THAT(region.analysis, IsOk());
  EXPECT_THAT(region.Layers(), ElementsAre("MatMul m"));
  EXPECT_EQ(region.WorkOf("m"), whole.WorkOf("y"));
}

TEST(QuantisedMatMul, AWeightBehindATransposeIsReadAsItIsStored) {
  const Read matmul(R"(
    (int8[2,5] x, float Xs, int8[3,5] W, float[3] Ws) => (float[2,3] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear<axis = 0>(W, Ws)
      t = Transpose(wf)
      y = MatMul(xf, t)
    })");
  ASSERT_THAT(matmul.analysis, IsOk());
  EXPECT_THAT(matmul.InputsOf("y"), ElementsAre("x", "W", "Xs", "Ws"));
  // One scale per column of the product.
  EXPECT_EQ(matmul.WorkOf("y").at("reads Ws float32"), 2 * 3);
  const LayerCounts& layer = *matmul.Layer("y");
  ASSERT_EQ(layer.counts.matrices.size(), 1U);
  EXPECT_FALSE(layer.counts.matrices[0].is_transposed);
}

TEST(QuantisedMatMul, BlocksAlongTheSumAreScaledOneByOne) {
  const Read matmul(R"(
    (int8[2,8] x, float Xs, int8[8,3] W, float[2,3] Ws) => (float[2,3] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear<axis = 0, block_size = 4>(W, Ws)
      y = MatMul(xf, wf)
    })");
  ASSERT_THAT(matmul.analysis, IsOk());
  constexpr int64_t kBlocks = 2;
  constexpr int64_t kResults = 2 * 3;
  EXPECT_EQ(matmul.WorkOf("y"), (Work{{"mul int8", 2 * 8 * 3},
                                      {"add int32", 2 * 8 * 3},
                                      {"mul float32", kResults * kBlocks},
                                      {"add float32", kResults * kBlocks},
                                      {"reads x int8", 2 * 8 * 3},
                                      {"reads W int8", 2 * 8 * 3},
                                      {"reads Xs float32", 1},
                                      {"reads Ws float32", kResults * kBlocks},
                                      {"writes y float32", kResults}}));
}

TEST(QuantisedConvTranspose, CountsProductsInInt8) {
  const Read conv(R"(
    (int8[1,2,4,4] x, float Xs, int8[2,3,2,2] W, float Ws, float Ys, int8 Yz)
        => (int8[1,3,5,5] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      c = ConvTranspose(xf, wf)
      y = QuantizeLinear(c, Ys, Yz)
    })");
  ASSERT_THAT(conv.analysis, IsOk());
  constexpr int64_t kProducts = (1 * 2 * 4 * 4) * (3 * 2 * 2);
  constexpr int64_t kResults = 1 * 3 * 5 * 5;
  const Work work = conv.WorkOf("c");
  EXPECT_EQ(work.at("mul int8"), kProducts);
  EXPECT_EQ(work.at("add int32"), kProducts);
  EXPECT_EQ(work.at("mul float32"), kResults);
  EXPECT_EQ(work.at("writes y int8"), kResults);
}

TEST(QuantisedConv, EveryNarrowTypeIsMultipliedAtItsOwnWidth) {
  struct Case {
    DataType type;
    const char* mul;
    const char* add;
  };
  for (const Case& each :
       {Case{DataType::kUint4, "mul uint4", "add int32"},
        Case{DataType::kInt4, "mul int4", "add int32"},
        Case{DataType::kInt2, "mul int2", "add int32"},
        Case{DataType::kUint2, "mul uint2", "add int32"},
        Case{DataType::kFloat8E4M3FN, "mul float8e4m3fn", "add float8e4m3fn"},
        Case{DataType::kInt16, "mul int16", "add int32"}}) {
    const Read conv(R"(
      (int8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws)
          => (float[1,4,6,6] y) {
        xf = DequantizeLinear(x, Xs)
        wf = DequantizeLinear(W, Ws)
        y = Conv(xf, wf)
      })",
                    {.types = {{"x", each.type}, {"W", each.type}}});
    ASSERT_THAT(conv.analysis, IsOk());
    Work work = conv.WorkOf("y");
    EXPECT_EQ(work[each.mul], kMacs) << each.mul;
    EXPECT_EQ(work[each.add], kMacs) << each.mul;
  }
}

TEST(QuantisedRegion, AsWrittenEveryNodeStands) {
  const Read conv(kConv, {}, GraphReading::kAsWritten);
  ASSERT_THAT(conv.analysis, IsOk());
  EXPECT_THAT(conv.Layers(),
              ElementsAre("DequantizeLinear xf", "Conv c", "QuantizeLinear y"));
  EXPECT_EQ(conv.WorkOf("c"), (Work{{"mul float32", kMacs},
                                    {"add float32", kMacs},
                                    {"reads xf float32", kMacs},
                                    {"reads wf float32", kMacs},
                                    {"reads bf float32", kOut},
                                    {"writes c float32", kOut}}));
}

TEST(QuantisedRegion, ADequantizeLinearThatSomethingElseNeedsStays) {
  const Read both(R"(
    (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws)
        => (float[1,4,6,6] y, float[1,3,8,8] s) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      y = Conv(xf, wf)
      s = Sigmoid(xf)
    })");
  EXPECT_THAT(both.Layers(),
              ElementsAre("DequantizeLinear xf", "Conv y", "Sigmoid s"));
  EXPECT_EQ(both.WorkOf("y").at("reads x uint8"), kMacs);
  EXPECT_THAT(both.FoldedInto("y"), ElementsAre("DequantizeLinear wf"));
}

TEST(QuantisedRegion, ADequantizeLinearOfSeveralRegionsIsPartOfEach) {
  const Read both(R"(
    (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws)
        => (float[1,4,6,6] y, float[1,4,6,6] z) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      y = Conv(xf, wf)
      z = Conv(xf, wf)
    })");
  EXPECT_THAT(both.Layers(), ElementsAre("Conv y", "Conv z"));
  EXPECT_THAT(both.FoldedInto("y"),
              ElementsAre("DequantizeLinear xf", "DequantizeLinear wf"));
  EXPECT_THAT(both.FoldedInto("z"),
              ElementsAre("DequantizeLinear xf", "DequantizeLinear wf"));
}

TEST(QuantisedRegion, AnOutputOfTheGraphStaysFloat) {
  const Read both(R"(
    (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws, float Ys, int8 Yz)
        => (float[1,4,6,6] c, int8[1,4,6,6] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      c = Conv(xf, wf)
      y = QuantizeLinear(c, Ys, Yz)
    })");
  EXPECT_THAT(both.Layers(), ElementsAre("Conv c", "QuantizeLinear y"));
  EXPECT_EQ(both.WorkOf("c").at("writes c float32"), kOut);
}

TEST(QuantisedRegion, ViewsBeforeAndBehindFoldWithIt) {
  const Read gemm(R"(
    (int8[2,5,1] x, float Xs, int8[5,3] W, float Ws, float Ys, int8 Yz,
     int64[1] Axis) => (int8[2,1,3] y) {
      xf = DequantizeLinear(x, Xs)
      flat = Flatten(xf)
      wf = DequantizeLinear(W, Ws)
      g = Gemm(flat, wf)
      u = Unsqueeze(g, Axis)
      y = QuantizeLinear(u, Ys, Yz)
    })",
                  {.elements = {{"Axis", 1}}});
  ASSERT_THAT(gemm.analysis, IsOk());
  EXPECT_THAT(gemm.Layers(), ElementsAre("Gemm g"));
  EXPECT_EQ(gemm.WorkOf("g").at("reads x int8"), 2 * 5 * 3);
  EXPECT_EQ(gemm.WorkOf("g").at("writes y int8"), 2 * 3);
}

TEST(QuantisedRegion, AMaximumBehindAConvolutionComparesItsIntegers) {
  const Read pooled(R"(
    (uint8[1,3,8,8] x, float Xs, int8[4,3,3,3] W, float Ws, float Ys, int8 Yz)
        => (int8[1,4,3,3] y) {
      xf = DequantizeLinear(x, Xs)
      wf = DequantizeLinear(W, Ws)
      c = Conv(xf, wf)
      r = Relu(c)
      p = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)
      y = QuantizeLinear(p, Ys, Yz)
    })",
                    {.elements = {{"Yz", -128}}});
  ASSERT_THAT(pooled.analysis, IsOk());
  EXPECT_THAT(pooled.Layers(), ElementsAre("Conv c", "MaxPool p"));
  EXPECT_EQ(pooled.WorkOf("c").at("writes r int8"), kOut);
  EXPECT_EQ(pooled.WorkOf("c").at("add float32"), 3 * kOut);
  constexpr int64_t kWindows = 1 * 4 * 3 * 3;
  EXPECT_EQ(pooled.WorkOf("p"), (Work{{"add int8", kWindows * 2 * 2},
                                      {"reads r int8", kWindows * 2 * 2},
                                      {"writes y int8", kWindows}}));
}

TEST(QuantisedRegion, QLinearAndIntegerOperatorsStayAsTheyAre) {
  constexpr char kDynamic[] = R"(
    (float[2,5] x, int8[5,3] W, int8 Wz) => (int32[2,3] y) {
      q, s, z = DynamicQuantizeLinear(x)
      y = MatMulInteger(q, W, z, Wz)
    })";
  const Read folded(kDynamic);
  const Read written(kDynamic, {}, GraphReading::kAsWritten);
  ASSERT_THAT(folded.analysis, IsOk());
  EXPECT_EQ(folded.Layers(), written.Layers());
  EXPECT_EQ(folded.WorkOf("y"), written.WorkOf("y"));
}

TEST(QuantisedRegion, ScalesThatAreComputedAreRead) {
  const Read dynamic(R"(
    (float[2,5] x, int8[5,3] W, float Ws) => (float[2,3] y) {
      q, s, z = DynamicQuantizeLinear(x)
      xf = DequantizeLinear(q, s, z)
      wf = DequantizeLinear(W, Ws)
      y = MatMul(xf, wf)
    })");
  ASSERT_THAT(dynamic.analysis, IsOk());
  EXPECT_THAT(dynamic.Layers(),
              ElementsAre("DynamicQuantizeLinear q", "MatMul y"));
  const Work work = dynamic.WorkOf("y");
  EXPECT_EQ(work.at("mul uint8"), 2 * 5 * 3);
  EXPECT_EQ(work.at("reads s float32"), 1);
  EXPECT_EQ(work.at("reads z uint8"), 1);
}

TEST(QuantisedRegion, AFloatGraphIsReadAsItIsWritten) {
  constexpr char kText[] = R"(
    (float[1,3,8,8] x, float[4,3,3,3] W, float[4] B) => (float[1,4,6,6] y) {
      c = Conv(x, W, B)
      y = Relu(c)
    })";
  const Read folded(kText);
  const Read written(kText, {}, GraphReading::kAsWritten);
  EXPECT_EQ(folded.Layers(), written.Layers());
  EXPECT_EQ(folded.WorkOf("c"), written.WorkOf("c"));
  EXPECT_EQ(folded.WorkOf("y"), written.WorkOf("y"));
  EXPECT_EQ(folded.Layer("c")->folded, nullptr);
}

}  // namespace
}  // namespace opcost
