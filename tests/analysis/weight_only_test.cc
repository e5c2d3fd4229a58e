// SPDX-License-Identifier: Apache-2.0
// Contractions whose weights alone are quantised: counts by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/analysis/quantised_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int64_t kOut = 1 * 4 * 6 * 6;
constexpr int64_t kMacs = kOut * (3 * 3 * 3);

TEST(WeightOnly, EachUseIsDequantisedInTheActivationsFormat) {
  constexpr char kText[] = R"(
    (float[2,8] x, int8[8,3] W, float[2,3] Ws, int8[2,3] Wz)
        => (float[2,3] y) {
      wf = DequantizeLinear<axis = 0, block_size = 4>(W, Ws, Wz)
      y = MatMul(x, wf)
    })";
  const Read folded(kText, {.elements = {{"Wz", 1}}});
  ASSERT_THAT(folded.analysis, IsOk());
  constexpr int64_t kProducts = 2 * 8 * 3;
  constexpr int64_t kBlocks = 2;
  EXPECT_EQ(folded.WorkOf("y"), (Work{{"mul float32", kProducts + kProducts},
                                      {"add float32", kProducts + kProducts},
                                      {"reads x float32", kProducts},
                                      {"reads W int8", kProducts},
                                      {"reads Ws float32", 2 * 3 * kBlocks},
                                      {"reads Wz int8", 2 * 3 * kBlocks},
                                      {"writes y float32", 2 * 3}}));
  // A zero point that is 0 costs nothing.
  const Read symmetric(kText);
  EXPECT_EQ(symmetric.WorkOf("y").at("add float32"), kProducts);
  EXPECT_EQ(symmetric.WorkOf("y").count("reads Wz int8"), 0U);
  // The elements of the graph's parameters are those that are stored.
  EXPECT_EQ(folded.analysis->parameters, 8 * 3 + 2 * 3 + 2 * 3);
  EXPECT_EQ(folded.analysis->parameter_bytes, 8 * 3 + 4 * 2 * 3 + 2 * 3);
}

TEST(WeightOnly, ANarrowWeightIsReadAtItsWidth) {
  const Read conv(R"(
    (float[1,3,8,8] x, int8[4,3,3,3] W, float[4] Ws) => (float[1,4,6,6] y) {
      wf = DequantizeLinear<axis = 0>(W, Ws)
      y = Conv(x, wf)
    })",
                  {.types = {{"W", DataType::kUint4}}});
  ASSERT_THAT(conv.analysis, IsOk());
  EXPECT_EQ(conv.WorkOf("y"), (Work{{"mul float32", 2 * kMacs},
                                    {"add float32", kMacs},
                                    {"reads x float32", kMacs},
                                    {"reads W uint4", kMacs},
                                    {"reads Ws float32", kOut},
                                    {"writes y float32", kOut}}));
  EXPECT_EQ(conv.analysis->parameter_bytes, 4 * 3 * 3 * 3 / 2 + 4 * 4);
}

TEST(WeightOnly, AWeightOfOneScaleReadsItOnce) {
  const Read gemm(R"(
    (float[2,5] x, int8[3,5] W, float Ws) => (float[2,3] y) {
      wf = DequantizeLinear(W, Ws)
      y = Gemm<transB = 1>(x, wf)
    })");
  EXPECT_EQ(gemm.WorkOf("y").at("reads Ws float32"), 1);
  EXPECT_EQ(gemm.analysis->parameters, 3 * 5);
}

TEST(WeightOnly, ALookUpReadsAScaleForEachSlice) {
  const Read gather(R"(
    (int64[2,3] i, int8[7,4] W, float[7,1] Ws) => (float[2,3,4] y) {
      wf = DequantizeLinear<axis = 1, block_size = 4>(W, Ws)
      y = Gather(wf, i)
    })",
                    {.types = {{"W", DataType::kInt4}}});
  ASSERT_THAT(gather.analysis, IsOk());
  EXPECT_EQ(gather.WorkOf("y"), (Work{{"mul float32", 2 * 3 * 4},
                                      {"reads W int4", 2 * 3 * 4},
                                      {"reads i int64", 2 * 3},
                                      {"reads Ws float32", 2 * 3},
                                      {"writes y float32", 2 * 3 * 4}}));
}

TEST(WeightOnly, RecurrentWeightsAreDequantisedAtEachUse) {
  // 2 steps of a batch of 1, 3 inputs, 2 hidden.
  constexpr char kText[] = R"(
    (float[2,1,3] x, int8[1,2,3] W, float[2] Ws, int8[1,2,2] R, float Rs)
        => (float[2,1,1,2] y) {
      wf = DequantizeLinear<axis = 1>(W, Ws)
      rf = DequantizeLinear(R, Rs)
      y = RNN<hidden_size = 2>(x, wf, rf)
    })";
  const Read folded(kText);
  const Read written(kText, {}, GraphReading::kAsWritten);
  ASSERT_THAT(folded.analysis, IsOk());
  const Work work = folded.WorkOf("y");
  const Work before = written.WorkOf("y");
  const int64_t uses =
      before.at("reads wf float32") + before.at("reads rf float32");
  EXPECT_EQ(before.at("reads wf float32"), 2 * (2 * 3));
  EXPECT_EQ(work.at("reads W int8"), 2 * (2 * 3));
  EXPECT_EQ(work.at("reads R int8"), before.at("reads rf float32"));
  EXPECT_EQ(work.at("mul float32"), before.at("mul float32") + uses);
  EXPECT_EQ(work.at("reads Ws float32"), 2 * 2);
  EXPECT_EQ(work.at("reads Rs float32"), 1);
}

}  // namespace
}  // namespace opcost
