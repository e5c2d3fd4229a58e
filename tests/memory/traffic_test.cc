// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/traffic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/hand_analysis.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<Tier>& Tiers() {
  static const auto& tiers = *new std::vector<Tier>{
      {"8KB", 8 * 1024}, {"1MB", 1024 * 1024}, {"DRAM", std::nullopt}};
  return tiers;
}

// "array role bytes tier reads writes", '*' behind a cold read.
std::string Text(const ArrayTraffic& row) {
  return absl::StrCat(row.name(), " ", Name(row.role), " ", row.bytes, "B ",
                      Tiers()[static_cast<size_t>(row.tier)].name, " r",
                      row.reads, " w", row.writes, row.is_cold_read ? "*" : "");
}

std::vector<std::string> Rows(const HandAnalysis& hand,
                              const MemoryOptions& options, size_t layer = 0) {
  const Formats formats(hand.analysis(), {});
  const auto placed = Place(hand.analysis(), formats, Tiers(), options);
  if (!placed.ok()) return {placed.status().ToString()};
  std::vector<std::string> rows;
  for (const ArrayTraffic& row : (*placed)[layer]) rows.push_back(Text(row));
  return rows;
}

MemoryOptions Once() {
  MemoryOptions options;
  options.movement = Movement::kOnce;
  return options;
}

// y = x w + b: two input rows of 4, 3 output columns.
LayerCounts& AddGemm(HandAnalysis& hand) {
  const ValueIndex x = hand.Tensor("x", 2 * 4);
  const ValueIndex w = hand.Constant("w", 4 * 3);
  const ValueIndex b = hand.Constant("b", 3);
  const ValueIndex y = hand.Tensor("y", 2 * 3);
  LayerCounts& layer = hand.Layer("Gemm", {x, w, b}, {y});
  hand.Read(layer, 0, 2 * 4 * 3, Role::kInput).operand_elements = 4;
  hand.Read(layer, 1, 2 * 4 * 3, Role::kWeight);
  hand.Read(layer, 2, 2 * 3, Role::kBias);
  hand.Write(layer, 0, 2 * 3).operand_elements = 3;
  return layer;
}

TEST(SizeInBytesTest, RoundsUpToWholeBytes) {
  EXPECT_EQ(SizeInBytes(3, 32), 12);
  EXPECT_EQ(SizeInBytes(3, 4), 2);
  EXPECT_EQ(SizeInBytes(1, 1), 1);
  EXPECT_EQ(SizeInBytes(0, 32), 0);
}

TEST(SizeInBytesTest, SaysWhenASizeDoesNotFit) {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  EXPECT_EQ(SizeInBytes(kMax, 8), kMax);
  EXPECT_EQ(SizeInBytes(kMax, 9), std::nullopt);
  EXPECT_EQ(SizeInBytes(-1, 8), std::nullopt);
}

TEST(TierForTest, TheBoundaryBelongsToTheSmallerTier) {
  EXPECT_EQ(TierFor(0, Tiers()), 0);
  EXPECT_EQ(TierFor(8 * 1024, Tiers()), 0);
  EXPECT_EQ(TierFor(8 * 1024 + 1, Tiers()), 1);
  EXPECT_EQ(TierFor(1024 * 1024, Tiers()), 1);
  EXPECT_EQ(TierFor(1024 * 1024 + 1, Tiers()), 2);
}

TEST(PlaceTest, PerUseReadsEveryUse) {
  HandAnalysis hand;
  AddGemm(hand);
  EXPECT_THAT(Rows(hand, {}),
              ElementsAre("x input 32B 8KB r24 w0", "w weight 48B 8KB r24 w0",
                          "b bias 12B 8KB r6 w0", "y output 24B 8KB r0 w6"));
}

TEST(PlaceTest, OnceReadsEachElementOnce) {
  HandAnalysis hand;
  AddGemm(hand);
  EXPECT_THAT(Rows(hand, Once()),
              ElementsAre("x input 32B 8KB r8 w0", "w weight 48B 8KB r12 w0",
                          "b bias 12B 8KB r3 w0", "y output 24B 8KB r0 w6"));
}

TEST(PlaceTest, ReadsByRoleMixTheTwo) {
  HandAnalysis hand;
  AddGemm(hand);
  MemoryOptions options;
  options.weight_reads = Movement::kOnce;
  EXPECT_THAT(Rows(hand, options),
              ElementsAre("x input 32B 8KB r24 w0", "w weight 48B 8KB r12 w0",
                          "b bias 12B 8KB r6 w0", "y output 24B 8KB r0 w6"));
  options = Once();
  options.input_reads = Movement::kPerUse;
  options.bias_reads = Movement::kPerUse;
  EXPECT_THAT(Rows(hand, options),
              ElementsAre("x input 32B 8KB r24 w0", "w weight 48B 8KB r12 w0",
                          "b bias 12B 8KB r6 w0", "y output 24B 8KB r0 w6"));
}

TEST(PlaceTest, OperandScopeHasTheSizeOfWhatOneProductTouches) {
  HandAnalysis hand;
  AddGemm(hand);
  MemoryOptions options;
  options.array_scope = ArrayScope::kOperand;
  EXPECT_THAT(Rows(hand, options),
              ElementsAre("x input 16B 8KB r24 w0", "w weight 48B 8KB r24 w0",
                          "b bias 12B 8KB r6 w0", "y output 12B 8KB r0 w6"));
}

TEST(PlaceTest, ScopeDecidesTheTier) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 2049);
  LayerCounts& layer = hand.Layer("Relu", {x}, {x});
  hand.Read(layer, 0, 2049, Role::kInput).operand_elements = 2048;
  EXPECT_THAT(Rows(hand, {}), ElementsAre("x input 8196B 1MB r2049 w0"));
  MemoryOptions options;
  options.array_scope = ArrayScope::kOperand;
  EXPECT_THAT(Rows(hand, options), ElementsAre("x input 8192B 8KB r2049 w0"));
}

TEST(PlaceTest, TheSameArrayTwiceIsOneRow) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 9);
  const ValueIndex y = hand.Tensor("y", 9);
  LayerCounts& layer = hand.Layer("MatMul", {x, x}, {y});
  hand.Read(layer, 0, 27, Role::kInput);
  hand.Read(layer, 1, 27, Role::kInput);
  EXPECT_THAT(Rows(hand, {}), ElementsAre("x input 36B 8KB r54 w0"));
  EXPECT_THAT(Rows(hand, Once()), ElementsAre("x input 36B 8KB r9 w0"));
}

TEST(PlaceTest, OnceDropsRereadsOfOutputsAndScratch) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 8);
  const ValueIndex y = hand.Tensor("y", 8);
  LayerCounts& layer = hand.Layer("Softmax", {x}, {y});
  hand.Read(layer, 0, 2 * 8, Role::kInput);
  hand.Write(layer, 0, 2 * 8);
  Access& reread = hand.Write(layer, 0, 0);
  reread.reads = 8;
  UseScratch(layer.counts, "sums", OperandSet::Output(0), 2, 4, 2);
  EXPECT_THAT(Rows(hand, {}),
              ElementsAre("x input 32B 8KB r16 w0", "y output 32B 8KB r8 w16",
                          "y#sums scratch 8B 8KB r4 w2"));
  EXPECT_THAT(Rows(hand, Once()),
              ElementsAre("x input 32B 8KB r8 w0", "y output 32B 8KB r0 w8"));
}

TEST(PlaceTest, ALayerThatRunsSeveralTimesMovesAsManyTimes) {
  HandAnalysis hand;
  LayerCounts& layer = AddGemm(hand);
  layer.times = 5;
  EXPECT_THAT(Rows(hand, {}),
              ElementsAre("x input 32B 8KB r120 w0", "w weight 48B 8KB r120 w0",
                          "b bias 12B 8KB r30 w0", "y output 24B 8KB r0 w30"));
  // A constant stays the same array; x and y are new ones in each run.
  EXPECT_THAT(Rows(hand, Once()),
              ElementsAre("x input 32B 8KB r40 w0", "w weight 48B 8KB r12 w0",
                          "b bias 12B 8KB r3 w0", "y output 24B 8KB r0 w30"));
}

TEST(PlaceTest, WeightsFromReadsEachUsedElementOnceMoreFromThatTier) {
  HandAnalysis hand;
  AddGemm(hand);
  MemoryOptions options;
  options.weights_from = "DRAM";
  EXPECT_THAT(Rows(hand, options),
              ElementsAre("x input 32B 8KB r24 w0", "w weight 48B 8KB r24 w0",
                          "w weight 48B DRAM r12 w0*", "b bias 12B 8KB r6 w0",
                          "b bias 12B DRAM r3 w0*", "y output 24B 8KB r0 w6"));
}

TEST(PlaceTest, ASharedWeightIsReadColdOnce) {
  HandAnalysis hand;
  const ValueIndex ids = hand.Tensor("ids", 2, DataType::kInt64);
  const ValueIndex table = hand.Constant("table", 10);
  const ValueIndex rows = hand.Tensor("rows", 4);
  const ValueIndex scores = hand.Tensor("scores", 10);
  LayerCounts& gather = hand.Layer("Gather", {table, ids}, {rows});
  hand.Read(gather, 0, 4, Role::kWeight);
  LayerCounts& product = hand.Layer("MatMul", {rows, table}, {scores});
  hand.Read(product, 1, 20, Role::kWeight);
  MemoryOptions options;
  options.weights_from = "1MB";
  EXPECT_THAT(
      Rows(hand, options, 0),
      ElementsAre("table weight 40B 8KB r4 w0", "table weight 40B 1MB r4 w0*"));
  EXPECT_THAT(Rows(hand, options, 1),
              ElementsAre("table weight 40B 8KB r20 w0",
                          "table weight 40B 1MB r6 w0*"));
}

TEST(PlaceTest, ComputedWeightsAreNotCold) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 4);
  LayerCounts& layer = hand.Layer("MatMul", {x}, {x});
  hand.Read(layer, 0, 4, Role::kWeight);
  MemoryOptions options;
  options.weights_from = "DRAM";
  EXPECT_THAT(Rows(hand, options), ElementsAre("x weight 16B 8KB r4 w0"));
}

TEST(PlaceTest, ViewsAndUnknownLayersMoveNothing) {
  HandAnalysis hand;
  AddGemm(hand).coverage.status = Coverage::Status::kUnknown;
  const ValueIndex x = hand.Tensor("v", 4);
  hand.Layer("Reshape", {x}, {x}).counts = View();
  EXPECT_THAT(Rows(hand, {}, 0), IsEmpty());
  EXPECT_THAT(Rows(hand, {}, 1), IsEmpty());
}

TEST(PlaceTest, AnUnknownTierIsNamedWithThoseThereAre) {
  HandAnalysis hand;
  MemoryOptions options;
  options.weights_from = "L2";
  const Formats formats(hand.analysis(), {});
  EXPECT_THAT(Place(hand.analysis(), formats, Tiers(), options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "--weights-from: there is no memory tier 'L2'; the "
                       "table's tiers are 8KB, 1MB, DRAM"));
}

TEST(PlaceTest, NoTierAtAllIsAnError) {
  HandAnalysis hand;
  const Formats formats(hand.analysis(), {});
  EXPECT_THAT(Place(hand.analysis(), formats, {}, {}),
              FailsWith("there is no memory tier"));
}

TEST(PlaceTest, ACountBeyond63BitsIsAnError) {
  HandAnalysis hand;
  LayerCounts& layer = AddGemm(hand);
  layer.times = std::numeric_limits<int64_t>::max();
  const Formats formats(hand.analysis(), {});
  EXPECT_THAT(Place(hand.analysis(), formats, Tiers(), {}),
              StatusIs(absl::StatusCode::kOutOfRange,
                       "Gemm 'y': the number of reads doesn't fit 63 bits; "
                       "reduce the input's extents"));
}

TEST(PlaceTest, ASizeBeyond63BitsIsAnError) {
  HandAnalysis hand;
  const ValueIndex x =
      hand.Tensor("x", std::numeric_limits<int64_t>::max() / 2);
  LayerCounts& layer = hand.Layer("Relu", {x}, {x});
  hand.Read(layer, 0, 1, Role::kInput);
  const Formats formats(hand.analysis(), {});
  EXPECT_THAT(Place(hand.analysis(), formats, Tiers(), {}),
              StatusIs(absl::StatusCode::kOutOfRange,
                       HasSubstr("the number of bytes of an array")));
}

TEST(PlaceTest, ASymbolicCountAsksForItsSize) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 4);
  LayerCounts& layer = hand.Layer("Relu", {x}, {x});
  hand.Read(layer, 0, 4, Role::kInput).reads = Count::Symbol("N");
  const Formats formats(hand.analysis(), {});
  EXPECT_THAT(Place(hand.analysis(), formats, Tiers(), {}),
              FailsWith("Relu 'x': the number of reads is N; give the sizes "
                        "with --dim"));
}

TEST(PlaceSumsTest, AddsUpTheRowsByTierAndFormat) {
  HandAnalysis hand;
  AddGemm(hand);
  const Formats formats(hand.analysis(), {});
  ASSERT_OK_AND_ASSIGN(
      const std::vector<TierTraffic> sums,
      PlaceSums(hand.analysis(), formats, Tiers(), MemoryOptions()));
  ASSERT_EQ(sums.size(), 1U);
  EXPECT_EQ(sums[0].tier, 0);
  EXPECT_EQ(sums[0].reads, 24 + 24 + 6);
  EXPECT_EQ(sums[0].writes, 6);
}

TEST(PlaceSumsTest, ASumBeyond63BitsIsAnError) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 4);
  const ValueIndex y = hand.Tensor("y", 4);
  LayerCounts& layer = hand.Layer("Add", {x, y}, {y});
  hand.Read(layer, 0, std::numeric_limits<int64_t>::max(), Role::kInput);
  hand.Read(layer, 1, 1, Role::kInput);
  const Formats formats(hand.analysis(), {});
  EXPECT_THAT(PlaceSums(hand.analysis(), formats, Tiers(), {}),
              StatusIs(absl::StatusCode::kOutOfRange,
                       "the model's reads or writes don't fit 63 bits; reduce "
                       "the input's extents"));
}

}  // namespace
}  // namespace opcost
