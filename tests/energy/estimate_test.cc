// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/estimate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>
#include <vector>

#include "tests/energy/small_table.h"
#include "tests/support/decimal_table.h"
#include "tests/support/hand_analysis.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CostTable Horowitz() { return *TableLibrary().Load("horowitz-45nm"); }

EstimateOptions Bits(const char* bits) {
  EstimateOptions options;
  options.formats.bits = Format(bits);
  return options;
}

// The first layer of the lecture's MLP: 784 inputs, 300 outputs.
class MlpTest : public ::testing::Test {
 protected:
  MlpTest() {
    const ValueIndex x = hand_.Tensor("x", 784);
    const ValueIndex w = hand_.Constant("w", 784 * 300);
    const ValueIndex b = hand_.Constant("b", 300);
    const ValueIndex y = hand_.Tensor("y", 300);
    layer_ = &hand_.Layer("Gemm", {x, w, b}, {y});
    hand_.Read(*layer_, 0, 784 * 300, Role::kInput);
    hand_.Read(*layer_, 1, 784 * 300, Role::kWeight);
    hand_.Read(*layer_, 2, 300, Role::kBias);
    hand_.Write(*layer_, 0, 300);
    AddMacs(layer_->counts, 0, 1, 784 * 300);
  }
  absl::StatusOr<Estimate> Make(const CostTable& table,
                                const EstimateOptions& options = {}) const {
    return MakeEstimate(hand_.analysis(), table, options);
  }

  HandAnalysis hand_;
  LayerCounts* layer_;
};

std::vector<std::string> Messages(const Estimate& estimate,
                                  const std::string& code) {
  std::vector<std::string> messages;
  for (const Diagnostic& diagnostic : estimate.diagnostics.all()) {
    if (diagnostic.code == code) messages.push_back(diagnostic.message);
  }
  return messages;
}

TEST_F(MlpTest, AFloat32LayerCostsCountsTimesPrices) {
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table));
  const Sums& sums = estimate.totals;
  EXPECT_EQ(sums.macs, 235'200);
  EXPECT_EQ(sums.mul, 235'200);
  EXPECT_EQ(sums.add, 235'200);
  EXPECT_EQ(sums.reads, 235'200 + 235'200 + 300);
  EXPECT_EQ(sums.writes, 300);
  EXPECT_DOUBLE_EQ(sums.mul_energy.pj, 235'200 * 3.7);
  EXPECT_DOUBLE_EQ(sums.add_energy.pj, 235'200 * 0.9);
  // x: 3136 bytes, in 8KB; w: 940,800 bytes, in 1MB; b and y in 8KB.
  EXPECT_DOUBLE_EQ(sums.read_energy.pj,
                   235'200 * 5.0 + 235'200 * 50.0 + 300 * 5.0);
  EXPECT_DOUBLE_EQ(sums.write_energy.pj, 300 * 5.0);
  EXPECT_DOUBLE_EQ(sums.total.pj, sums.mul_energy.pj + sums.add_energy.pj +
                                      sums.read_energy.pj +
                                      sums.write_energy.pj);
  EXPECT_EQ(estimate.status, TotalStatus::kExact);
  EXPECT_FALSE(estimate.has_range);
}

TEST_F(MlpTest, AnInt8LayerAccumulatesInInt32) {
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table, Bits("int8")));
  EXPECT_DOUBLE_EQ(
      estimate.totals.mul_energy.pj + estimate.totals.add_energy.pj,
      235'200 * (0.2 + 0.1));
  EXPECT_DOUBLE_EQ(
      estimate.totals.mul_energy.pj + estimate.totals.add_energy.pj, 70'560);
  ASSERT_EQ(estimate.by_format.size(), 2U);
  EXPECT_EQ(ToString(estimate.by_format[0].format), "int8");
  EXPECT_EQ(ToString(estimate.by_format[1].format), "int32");
  // The bias is int32: four bytes each.
  EXPECT_EQ(estimate.layers[0].traffic[2].traffic.bytes, 300 * 4);
}

TEST_F(MlpTest, OnceIsTheCompulsoryTrafficOfTheSameArithmetic) {
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table));
  const double expected = 235'200 * (3.7 + 0.9) + 784 * 5.0 + 235'200 * 50.0 +
                          300 * 5.0 + 300 * 5.0;
  EXPECT_DOUBLE_EQ(estimate.once_pj, expected);
  EXPECT_LE(estimate.once_pj, estimate.totals.total.pj);
  EstimateOptions once;
  once.memory.movement = Movement::kOnce;
  ASSERT_OK_AND_ASSIGN(const Estimate other, Make(table, once));
  EXPECT_DOUBLE_EQ(other.totals.total.pj, expected);
  EXPECT_DOUBLE_EQ(other.once_pj, expected);
}

TEST_F(MlpTest, ColdWeightsComeOnTop) {
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate warm, Make(table));
  EstimateOptions options;
  options.memory.weights_from = "DRAM";
  ASSERT_OK_AND_ASSIGN(const Estimate cold, Make(table, options));
  EXPECT_DOUBLE_EQ(cold.totals.total.pj - warm.totals.total.pj,
                   (235'200 + 300) * 1000.0);
  EXPECT_DOUBLE_EQ(cold.totals.total.min_pj - warm.totals.total.min_pj,
                   (235'200 + 300) * 650.0);
  EXPECT_DOUBLE_EQ(cold.totals.total.max_pj - warm.totals.total.max_pj,
                   (235'200 + 300) * 1300.0);
  EXPECT_TRUE(cold.has_range);
  EXPECT_EQ(cold.by_tier[3].reads, 235'200 + 300);
  EXPECT_DOUBLE_EQ(cold.once_pj, warm.once_pj);
}

TEST_F(MlpTest, AWholeMacStandsForMulAndAdd) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float32 = { mac = 0.5, mul = 4 }"));
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table));
  ASSERT_EQ(estimate.by_format.size(), 1U);
  EXPECT_EQ(Name(estimate.by_format[0]), "mac");
  EXPECT_DOUBLE_EQ(estimate.totals.mul_energy.pj, 235'200 * 0.5);
  EXPECT_EQ(estimate.totals.add_energy.pj, 0);
  EXPECT_EQ(estimate.totals.mul, 235'200);
  EXPECT_EQ(estimate.totals.add, 235'200);
}

TEST_F(MlpTest, AMacOfAPairHasBothFormats) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("'int8*int4' = { mac = 0.05 }"));
  EstimateOptions options = Bits("int8");
  options.formats.weight_bits = Format("int4");
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table, options));
  ASSERT_EQ(estimate.by_format.size(), 1U);
  EXPECT_EQ(ToString(estimate.by_format[0].format), "int8");
  EXPECT_EQ(ToString(estimate.by_format[0].second), "int4");
  EXPECT_DOUBLE_EQ(estimate.totals.mul_energy.pj, 235'200 * 0.05);
}

TEST_F(MlpTest, AddsBesideTheMacsAreStillPriced) {
  AddArith(layer_->counts, ArithOp::kAdd, OperandSet::Output(0), 300);
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("float32 = { mac = 0.5, add = 2 }"));
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table));
  EXPECT_DOUBLE_EQ(estimate.totals.add_energy.pj, 300 * 2);
  EXPECT_EQ(estimate.totals.add, 235'200 + 300);
}

TEST_F(MlpTest, AMissingPriceNamesTableAndEntry) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       WithArithmetic("int8 = { mac = 0.5 }"));
  EXPECT_THAT(Make(table),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       "cost table 't' has no price for mul float32; add "
                       "'float32 = { mul = <pJ> }' to [arithmetic]"));
}

TEST_F(MlpTest, RunsMultiplyEverything) {
  layer_->times = 7;
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table));
  EXPECT_EQ(estimate.totals.macs, 235'200 * 7);
  EXPECT_EQ(estimate.totals.mul, 235'200 * 7);
  EXPECT_EQ(estimate.totals.writes, 300 * 7);
}

TEST_F(MlpTest, TooManyOperationsAreAnError) {
  layer_->times = std::numeric_limits<int64_t>::max() / 235'200;
  const CostTable table = Horowitz();
  EXPECT_THAT(Make(table),
              StatusIs(absl::StatusCode::kOutOfRange, HasSubstr("63 bits")));
}

TEST_F(MlpTest, EightBitFloatsAreNoted) {
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate floats, Make(table, Bits("8")));
  EXPECT_THAT(Messages(floats, "float8"),
              ElementsAre("8-bit numbers are floats here (the lecture's "
                          "format); --bits int8 prices integers"));
  ASSERT_OK_AND_ASSIGN(const Estimate ints, Make(table, Bits("int8")));
  EXPECT_THAT(Messages(ints, "float8"), IsEmpty());
}

TEST_F(MlpTest, InterpolatedPricesInUseAreWarnedOf) {
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table, Bits("24")));
  EXPECT_THAT(
      Messages(estimate, "interpolated-price"),
      ElementsAre(
          "table 'horowitz-45nm' has no price for mul float24: computed "
          "from float16.mul, float32.mul",
          "table 'horowitz-45nm' has no price for add float24: computed "
          "from float16.add, float32.add"));
  ASSERT_OK_AND_ASSIGN(const Estimate exact, Make(table, Bits("16")));
  EXPECT_THAT(Messages(exact, "interpolated-price"), IsEmpty());
}

TEST_F(MlpTest, ARelativeTableSaysSo) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       TableLibrary().Load("eyeriss-relative"));
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table, Bits("16")));
  EXPECT_THAT(Messages(estimate, "relative-unit"),
              ElementsAre("table 'eyeriss-relative' is relative: energies are "
                          "in units of one MAC, not in joules"));
}

TEST_F(MlpTest, AllShippedTablesPriceIt) {
  for (const TableLibrary::Listing& listing : TableLibrary().List()) {
    SCOPED_TRACE(listing.name);
    const absl::StatusOr<CostTable> table = TableLibrary().Load(listing.name);
    ASSERT_THAT(table, IsOk());
    AddArith(layer_->counts, ArithOp::kExp, OperandSet::Output(0), 300);
    for (const char* bits : {"16", "32", "8", "int8"}) {
      ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(*table, Bits(bits)));
      EXPECT_GT(estimate.totals.total.pj, 0);
    }
  }
}

// One layer of 100 evaluations of exp.
class FunctionEstimateTest : public ::testing::Test {
 protected:
  FunctionEstimateTest() {
    const ValueIndex x = hand_.Tensor("x", 100);
    layer_ = &hand_.Layer("Exp", {x}, {x});
    AddArith(layer_->counts, ArithOp::kExp, OperandSet::Input(0), 100);
  }
  HandAnalysis hand_;
  LayerCounts* layer_;
};

TEST_F(FunctionEstimateTest, AFunctionExpandsIntoMulsAndAdds) {
  AddArith(layer_->counts, ArithOp::kAdd, OperandSet::Input(0), 100);
  ASSERT_OK_AND_ASSIGN(const CostTable table, ParseTableText(kDecimalTable));
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(hand_.analysis(), table, {}));
  EXPECT_EQ(estimate.totals.mul, 100 * 10);
  EXPECT_EQ(estimate.totals.add, 100 * 11 + 100);
  EXPECT_EQ(estimate.totals.total.pj, 1200'1000);
  EXPECT_EQ(estimate.layers[0].arithmetic.size(), 2U);
}

TEST_F(FunctionEstimateTest, APriceOfItsOwnCountsAsOneMul) {
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      ParseTableText(TableText(absl::StrCat(
          kArithmetic, kMemory, "[functions]\nexp = { pj = 2.5 }\n"))));
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(hand_.analysis(), table, {}));
  ASSERT_EQ(estimate.layers[0].arithmetic.size(), 1U);
  EXPECT_EQ(Name(estimate.layers[0].arithmetic[0]), "exp");
  EXPECT_DOUBLE_EQ(estimate.totals.mul_energy.pj, 100 * 2.5);
  EXPECT_EQ(estimate.totals.mul, 100);
}

TEST(EstimateTest, RowsSumToTotalsAndTiers) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 10'000);
  const ValueIndex y = hand.Tensor("y", 100);
  LayerCounts& first = hand.Layer("A", {x}, {y});
  hand.Read(first, 0, 10'000, Role::kInput);
  hand.Write(first, 0, 100);
  LayerCounts& second = hand.Layer("B", {y}, {y});
  hand.Read(second, 0, 300, Role::kInput);
  AddArith(second.counts, ArithOp::kAdd, OperandSet::Input(0), 300);
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(hand.analysis(), table, {}));
  EXPECT_EQ(estimate.by_tier[0].reads, 300);
  EXPECT_EQ(estimate.by_tier[0].writes, 100);
  EXPECT_EQ(estimate.by_tier[2].reads, 10'000);
  EXPECT_DOUBLE_EQ(estimate.by_tier[2].read_energy.pj, 10'000 * 50.0);
  EXPECT_DOUBLE_EQ(
      estimate.totals.total.pj,
      estimate.layers[0].sums.total.pj + estimate.layers[1].sums.total.pj);
}

TEST(EstimateTest, ViewsAndUnknownLayersCostNothing) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 10);
  hand.Layer("Reshape", {x}, {x}).counts = View();
  hand.Layer("Swirl", {x}, {x}).coverage.status = Coverage::Status::kUnknown;
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(hand.analysis(), table, {}));
  EXPECT_TRUE(estimate.layers[0].is_view);
  EXPECT_FALSE(estimate.layers[1].is_view);
  EXPECT_EQ(estimate.totals.total.pj, 0);
  EXPECT_EQ(estimate.status, TotalStatus::kLowerBound);
}

TEST(EstimateTest, TheStatusJoinsThoseOfTheLayers) {
  using Status = Coverage::Status;
  const CostTable table = Horowitz();
  const auto status = [&table](Status a, Status b) {
    HandAnalysis hand;
    const ValueIndex x = hand.Tensor("x", 10);
    hand.Layer("A", {x}, {x}).coverage.status = a;
    hand.Layer("B", {x}, {x}).coverage.status = b;
    return MakeEstimate(hand.analysis(), table, {})->status;
  };
  EXPECT_EQ(Sign(status(Status::kExact, Status::kExact)), "=");
  EXPECT_EQ(Sign(status(Status::kExact, Status::kBound)), "<=");
  EXPECT_EQ(Sign(status(Status::kUnknown, Status::kExact)), ">=");
  EXPECT_EQ(Sign(status(Status::kUnknown, Status::kBound)), "~");
  EXPECT_EQ(Name(TotalStatus::kIndeterminate), "indeterminate");
}

TEST(EstimateTest, AnArrayNearABoundaryThatCarriesMuchIsNoted) {
  HandAnalysis hand;
  const ValueIndex x = hand.Tensor("x", 2048 + 50);  // 8392 bytes, 8192 is 8KB
  LayerCounts& layer = hand.Layer("A", {x}, {x});
  hand.Read(layer, 0, 1000, Role::kInput);
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(hand.analysis(), table, {}));
  EXPECT_THAT(
      Messages(estimate, "tier-boundary"),
      ElementsAre(
          "array 'x' has 8392 bytes, within 5 % of the 8192 of 8KB, and "
          "carries 100 % of the energy; in 8KB instead of 32KB the "
          "total would be 5000 pJ, not 10000"));
}

TEST(EstimateTest, AnArrayFarFromABoundaryOrCheapIsNot) {
  HandAnalysis hand;
  const ValueIndex far = hand.Tensor("far", 3000);
  const ValueIndex cheap = hand.Tensor("cheap", 2048);
  LayerCounts& layer = hand.Layer("A", {far, cheap}, {far});
  hand.Read(layer, 0, 1000, Role::kInput);
  hand.Read(layer, 1, 100, Role::kInput);
  const CostTable table = Horowitz();
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(hand.analysis(), table, {}));
  EXPECT_THAT(Messages(estimate, "tier-boundary"), IsEmpty());
}

class StaticEstimateTest : public MlpTest {
 protected:
  static absl::StatusOr<CostTable> Table(const std::string& rates) {
    return ParseTableText(TableText(
        absl::StrCat(kArithmetic, kMemory, "[static]\nwatts = 0.5\n", rates)));
  }
};

TEST_F(StaticEstimateTest, TheSlowerOfMacsAndBytesTakesTheTime) {
  ASSERT_OK_AND_ASSIGN(const CostTable by_macs,
                       Table("macs_per_second = { float32 = 1e6 }\n"
                             "bytes_per_second = { M = 1e12 }\n"));
  ASSERT_OK_AND_ASSIGN(const Estimate macs, Make(by_macs));
  EXPECT_DOUBLE_EQ(macs.totals.seconds, 235'200 / 1e6);
  EXPECT_DOUBLE_EQ(macs.totals.static_pj, 235'200 / 1e6 * 0.5 * 1e12);
  EXPECT_DOUBLE_EQ(macs.layers[0].sums.seconds, macs.totals.seconds);
  EXPECT_DOUBLE_EQ(macs.totals.total.pj,
                   macs.totals.static_pj + macs.totals.mul_energy.pj +
                       macs.totals.add_energy.pj + macs.totals.read_energy.pj +
                       macs.totals.write_energy.pj);
  ASSERT_OK_AND_ASSIGN(const CostTable by_bytes,
                       Table("macs_per_second = { float32 = 1e12 }\n"
                             "bytes_per_second = { M = 1e6 }\n"));
  ASSERT_OK_AND_ASSIGN(const Estimate bytes, Make(by_bytes));
  EXPECT_DOUBLE_EQ(bytes.totals.seconds, (2 * 235'200 + 300 + 300) * 4 / 1e6);
  // Each array moved once takes less time.
  EXPECT_LT(bytes.once_pj, bytes.totals.total.pj);
}

TEST_F(StaticEstimateTest, AMissingRateIsWarnedOf) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       Table("macs_per_second = { int8 = 1e6 }\n"));
  ASSERT_OK_AND_ASSIGN(const Estimate estimate, Make(table));
  EXPECT_EQ(estimate.totals.seconds, 0);
  EXPECT_THAT(Messages(estimate, "missing-rate"),
              ElementsAre("table 't' has no macs_per_second for float32: its "
                          "MACs take no time in this estimate"));
}

}  // namespace
}  // namespace opcost
