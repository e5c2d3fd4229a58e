// SPDX-License-Identifier: Apache-2.0
// Networks with fewer channels: which go, and what shrinks with them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/variant_run.h"

namespace opcost::variants {
namespace {

// The literals below are products of a few small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Variant Channels(double fraction) {
  Variant variant;
  variant.kind = Variant::Kind::kChannels;
  variant.fraction = fraction;
  return variant;
}

using Dims = std::vector<int64_t>;

// Elements of a tensor of 4 axes whose channel along axis 0 has all `levels`.
std::vector<float> ByChannel(const std::vector<float>& levels, size_t inner) {
  std::vector<float> floats;
  for (const float level : levels) floats.insert(floats.end(), inner, level);
  return floats;
}

TEST(ChannelsTest, ThoseOfLeastMagnitudeGoAndConsumersFollow) {
  const std::string path = Save(WithWeights(
      "g (float[1,3,6,6] x, float[4,3,3,3] w, float[4] b, float[5,64] v,"
      "   float[5] c) => (float[1,5] y) {"
      "  p = Conv(x, w, b)"
      "  r = Relu(p)"
      "  f = Flatten(r)"
      "  y = Gemm<transB = 1>(f, v, c)"
      "}",
      {{"w", ByChannel({3, -1, 2, -4}, 27)}, {"b", {10, 20, 30, 40}}}));
  const auto before = TensorsOf(path);
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Channels(0.5)));
  ExpectSound(written.path);
  const auto after = TensorsOf(written.path);
  EXPECT_EQ(after.at("w").dims, (Dims{2, 3, 3, 3}));
  EXPECT_EQ(after.at("w").elements[0], 3);
  EXPECT_EQ(after.at("w").elements[27], -4);
  EXPECT_THAT(after.at("b").elements, ElementsAre(10, 40));
  // A channel is 4 * 4 of the Gemm's inputs; what is returned stays.
  EXPECT_EQ(after.at("v").dims, (Dims{5, 2 * 16}));
  for (size_t row = 0; row < 5; ++row) {
    for (size_t i = 0; i < 16; ++i) {
      EXPECT_EQ(after.at("v").elements[row * 32 + i],
                before.at("v").elements[row * 64 + i]);
      EXPECT_EQ(after.at("v").elements[row * 32 + 16 + i],
                before.at("v").elements[row * 64 + 48 + i]);
    }
  }
  EXPECT_EQ(after.at("c").dims, (Dims{5}));
  EXPECT_EQ(MacsOf(written.path), (2 * 4 * 4) * (3 * 3 * 3) + 5 * (2 * 16));
  EXPECT_THAT(written.notes,
              ElementsAre("Gemm 'y' keeps its channels: the model returns them "
                          "as 'y'"));
}

TEST(ChannelsTest, ResidualSidesArePrunedAlikeThroughNormalizations) {
  const std::string path = Save(WithWeights(
      "g (float[1,3,4,4] x, float[4,3,1,1] w1, float[4,4,1,1] w2,"
      "   float[4] s, float[4] t, float[4] m, float[4] v, float[2,4,1,1] w3) =>"
      "   (float[1,2,4,4] y) {"
      "  p = Conv(x, w1)"
      "  q = Conv(p, w2)"
      "  n = BatchNormalization(q, s, t, m, v)"
      "  a = Add(n, p)"
      "  r = Relu(a)"
      "  y = Conv(r, w3)"
      "}",
      // Together 5 + 1, 1 + 4, 3 + 3.5 and 2 + 2: the second and the last go.
      {{"w1", ByChannel({5.0F / 3, 1.0F / 3, 1, 2.0F / 3}, 3)},
       {"w2", ByChannel({1.0F / 4, 1, 3.5F / 4, 2.0F / 4}, 4)},
       {"s", {1, 2, 3, 4}}}));
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Channels(0.5)));
  ExpectSound(written.path);
  const auto after = TensorsOf(written.path);
  EXPECT_EQ(after.at("w1").dims, (Dims{2, 3, 1, 1}));
  EXPECT_EQ(after.at("w2").dims, (Dims{2, 2, 1, 1}));
  EXPECT_EQ(after.at("w3").dims, (Dims{2, 2, 1, 1}));
  EXPECT_THAT(after.at("s").elements, ElementsAre(1, 3));
}

TEST(ChannelsTest, DepthwiseConvolutionsAndGatesKeepInStep) {
  const std::string path = Save(WithWeights(
      "g (float[1,2,6,6] x, float[8,2,1,1] e, float[8,1,3,3] d, float[8] b,"
      "   float[4,8,1,1] s1, float[8,4,1,1] s2, float[3,8,1,1] o) =>"
      "   (float[1,3,4,4] y) {"
      "  h = Conv(x, e)"
      "  k = Conv<group = 8>(h, d, b)"
      "  c = HardSwish(k)"
      "  g0 = GlobalAveragePool(c)"
      "  g1 = Conv(g0, s1)"
      "  g2 = Relu(g1)"
      "  g3 = Conv(g2, s2)"
      "  g4 = Sigmoid(g3)"
      "  z = Mul(c, g4)"
      "  y = Conv(z, o)"
      "}"));
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Channels(0.25)));
  ExpectSound(written.path);
  const auto after = TensorsOf(written.path);
  EXPECT_EQ(after.at("e").dims, (Dims{6, 2, 1, 1}));
  EXPECT_EQ(after.at("d").dims, (Dims{6, 1, 3, 3}));
  EXPECT_EQ(after.at("b").dims, (Dims{6}));
  EXPECT_EQ(after.at("s1").dims, (Dims{3, 6, 1, 1}));
  EXPECT_EQ(after.at("s2").dims, (Dims{6, 3, 1, 1}));
  EXPECT_EQ(after.at("o").dims, (Dims{3, 6, 1, 1}));
  EXPECT_EQ(NodeOf(ReadModel(written.path), "k").attribute(0).i(), 6);
}

TEST(ChannelsTest, ConcatenatedChannelsGoEachByThemselves) {
  const std::string path = Save(
      WithWeights("g (float[1,2,4,4] x, float[4,2,1,1] w1, float[2,2,1,1] w2,"
                  "   float[1,8,1,1] o) => (float[1,1,4,4] y) {"
                  "  p = Conv(x, w1)"
                  "  q = Conv(x, w2)"
                  "  c = Concat<axis = 1>(p, x, q)"
                  "  y = Conv(c, o)"
                  "}",
                  {{"w1", ByChannel({1, 2, 3, 4}, 2)},
                   {"w2", ByChannel({2, 1}, 2)},
                   {"o", {1, 2, 3, 4, 5, 6, 7, 8}}}));
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Channels(0.5)));
  ExpectSound(written.path);
  EXPECT_THAT(TensorsOf(written.path).at("o").elements,
              ElementsAre(3, 4, 5, 6, 7));
}

TEST(ChannelsTest, LinearLayersOfAnyRankShrinkInside) {
  const std::string path = Save(WithWeights(
      "g (float[2,5,4] x, float[4,10] w1, float[10] b, float[10,4] w2) =>"
      "   (float[2,5,4] y) {"
      "  h = MatMul(x, w1)"
      "  i = Add(b, h)"
      "  j = Relu(i)"
      "  k = MatMul(j, w2)"
      "  y = Add(k, x)"
      "}"));
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Channels(0.3)));
  ExpectSound(written.path);
  const auto after = TensorsOf(written.path);
  EXPECT_EQ(after.at("w1").dims, (Dims{4, 7}));
  EXPECT_EQ(after.at("b").dims, (Dims{7}));
  EXPECT_EQ(after.at("w2").dims, (Dims{7, 4}));
  EXPECT_THAT(written.notes,
              ElementsAre("MatMul 'k' keeps its channels: Add 'y' ties them to "
                          "'x', whose channels can't go"));
}

TEST(ChannelsTest, OneChannelAtLeastStays) {
  const std::string path = Save(WithWeights(
      "g (float[1,2,4,4] x, float[3,2,1,1] w1, float[2,3,1,1] w2) =>"
      "   (float[1,2,4,4] y) { h = Conv(x, w1) y = Conv(h, w2) }"));
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(path, Channels(0.99)));
  ExpectSound(written.path);
  EXPECT_EQ(TensorsOf(written.path).at("w1").dims, (Dims{1, 2, 1, 1}));
}

struct Refusal {
  const char* what;
  const char* text;
  const char* reason;
};

constexpr Refusal kRefusals[] = {
    {"a residual Add with the model's input",
     "g (float[1,4,4,4] x, float[4,4,1,1] w, float[2,4,1,1] o) =>"
     "   (float[1,2,4,4] y) { p = Conv(x, w) a = Add(p, x) y = Conv(a, o) }",
     "Conv 'p' keeps its channels: Add 'a' ties them to 'x', whose channels "
     "can't go"},
    {"an operator that isn't followed",
     "g (float[1,4,4,4] x, float[4,4,1,1] w, float[2,4,1,1] o) =>"
     "   (float[1,2,4,4] y) {"
     "  p = Conv(x, w) a = Softmax<axis = 1>(p) y = Conv(a, o) }",
     "Conv 'p' keeps its channels: Softmax 'a' reads them, which can't be "
     "shrunk with them"},
    {"a grouped convolution",
     "g (float[1,4,4,4] x, float[4,4,1,1] w, float[2,2,1,1] o) =>"
     "   (float[1,2,4,4] y) { p = Conv(x, w) y = Conv<group = 2>(p, o) }",
     "Conv 'p' keeps its channels: Conv 'y' reads them, which can't be shrunk "
     "with them"},
    {"a weight of two nodes",
     "g (float[1,4,4,4] x, float[4,4,1,1] w) => (float[1,4,4,4] y) {"
     "  p = Conv(x, w) y = Conv(p, w) }",
     "Conv 'p' keeps its channels: 'w' is read more than once, or has other "
     "channels"},
};

TEST(ChannelsTest, WhatCantShrinkIsRefusedWithItsReason) {
  for (const Refusal& refusal : kRefusals) {
    SCOPED_TRACE(refusal.what);
    EXPECT_THAT(WriteVariantOf(Save(WithWeights(refusal.text)), Channels(0.5)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("no operator's channels can go; "),
                               HasSubstr(refusal.reason),
                               HasSubstr("--prune sets single weights to zero "
                                         "instead"))));
  }
}

TEST(ChannelsTest, AFractionOfLessThanAChannelIsRefused) {
  const std::string path = Save(WithWeights(
      "g (float[1,2,4,4] x, float[3,2,1,1] w1, float[2,3,1,1] w2) =>"
      "   (float[1,2,4,4] y) { h = Conv(x, w1) z = Conv(h, w2) y = Tanh(z) }"));
  const std::string no_weights =
      Save(*ProtoFromText("g (float[2,3] x) => (float[2,3] y) { y = Tanh(x) }"),
           "bare");
  EXPECT_THAT(WriteVariantOf(no_weights, Channels(0.5)),
              FailsWith("no operator's channels can go; no weight is stored, "
                        "or the fraction is less than half a channel of each; "
                        "--prune sets single weights to zero instead"));
  EXPECT_THAT(WriteVariantOf(path, Channels(0.1)),
              FailsWith("no operator's channels can go; Conv 'z' keeps its "
                        "channels: the model returns them as 'y'; --prune sets "
                        "single weights to zero instead"));
}

TEST(ChannelsTest, WithoutWeightsTheLastOnesGo) {
  const std::string path = SaveExternal(WithWeights(
      "g (float[1,2,4,4] x, float[4,2,1,1] w, float[8,64] v, float[3,8] u) =>"
      "   (float[1,3] y) {"
      "  p = Conv(x, w) f = Flatten(p) h = Gemm<transB = 1>(f, v)"
      "  y = Gemm<transB = 1>(h, u) }"));
  std::filesystem::remove(TestFolder() + "net.data");
  ASSERT_OK_AND_ASSIGN(
      const Written written,
      WriteVariantOf(path, Channels(0.5), Source::Weights::kAbsent));
  EXPECT_EQ(MacsOf(written.path), (2 * 4 * 4) * 2 + 4 * (2 * 16) + 3 * 4);
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

}  // namespace
}  // namespace opcost::variants
