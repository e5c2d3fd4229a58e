// SPDX-License-Identifier: Apache-2.0
// The tables of costtables/: every figure, from the publications.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "opcost/energy/cost_table.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

CostTable Shipped(const char* name) {
  absl::StatusOr<CostTable> table = TableLibrary().Load(name);
  EXPECT_THAT(table, IsOk());
  return *std::move(table);
}

NumberFormat Format(const char* name) { return *ParseNumberFormat(name); }

double Mul(const CostTable& table, const char* format) {
  return table.Arithmetic(ArithOp::kMul, Format(format))->pj;
}
double Add(const CostTable& table, const char* format) {
  return table.Arithmetic(ArithOp::kAdd, Format(format))->pj;
}

TEST(ShippedTablesTest, FiveComeAlongAndAllOfThemLoad) {
  std::vector<std::string> names;
  for (const TableLibrary::Listing& listing : TableLibrary().List()) {
    names.push_back(listing.name);
    EXPECT_EQ(listing.problem, "");
    EXPECT_EQ(listing.path, "");
    EXPECT_NE(listing.title, "");
  }
  EXPECT_THAT(names,
              ElementsAre("eyeriss-65nm", "eyeriss-relative", "horowitz-45nm",
                          "jouppi-7nm-ddr4", "jouppi-7nm-hbm2"));
}

TEST(HorowitzTest, ArithmeticIsThatOfTheCostModel) {
  const CostTable table = Shipped("horowitz-45nm");
  EXPECT_EQ(Add(table, "float8"), 0.2);
  EXPECT_EQ(Add(table, "16"), 0.4);
  EXPECT_EQ(Add(table, "32"), 0.9);
  EXPECT_EQ(Mul(table, "float8"), 0.6);
  EXPECT_EQ(Mul(table, "16"), 1.1);
  EXPECT_EQ(Mul(table, "32"), 3.7);
  EXPECT_EQ(Add(table, "int8"), 0.03);
  EXPECT_EQ(Add(table, "int32"), 0.1);
  EXPECT_EQ(Mul(table, "int8"), 0.2);
  EXPECT_EQ(Mul(table, "int32"), 3.1);
}

TEST(HorowitzTest, MemoryIsThatOfTheCostModel) {
  const CostTable table = Shipped("horowitz-45nm");
  ASSERT_EQ(table.tiers().size(), 4U);
  EXPECT_EQ(table.tiers()[0], (Tier{"8KB", 8 * 1024}));
  EXPECT_EQ(table.tiers()[1], (Tier{"32KB", 32 * 1024}));
  EXPECT_EQ(table.tiers()[2], (Tier{"1MB", 1024 * 1024}));
  EXPECT_EQ(table.tiers()[3], (Tier{"DRAM", std::nullopt}));
  const double per_tier[4][3] = {{1.25, 2.5, 5.0},
                                 {2.5, 5.0, 10.0},
                                 {12.5, 25.0, 50.0},
                                 {250.0, 500.0, 1000.0}};
  const char* formats[3] = {"8", "16", "32"};
  for (int tier = 0; tier < 4; ++tier) {
    for (int w = 0; w < 3; ++w) {
      EXPECT_EQ(table.Read(tier, Format(formats[w]))->pj, per_tier[tier][w]);
      EXPECT_EQ(table.Write(tier, Format(formats[w]))->pj, per_tier[tier][w]);
    }
  }
}

TEST(HorowitzTest, DramHasItsPublishedRangeAndTheOthersNone) {
  const CostTable table = Shipped("horowitz-45nm");
  const double ranges[3][2] = {{162.5, 325}, {325, 650}, {650, 1300}};
  const char* formats[3] = {"int8", "16", "32"};
  for (int w = 0; w < 3; ++w) {
    ASSERT_OK_AND_ASSIGN(const Price dram, table.Read(3, Format(formats[w])));
    EXPECT_EQ(dram.min_pj, ranges[w][0]);
    EXPECT_EQ(dram.max_pj, ranges[w][1]);
    EXPECT_FALSE(table.Read(2, Format(formats[w]))->has_range());
  }
}

TEST(HorowitzTest, OtherWidthsOfMemoryAreProportionalNotInterpolated) {
  const CostTable table = Shipped("horowitz-45nm");
  ASSERT_OK_AND_ASSIGN(const Price wide, table.Read(3, Format("64")));
  EXPECT_DOUBLE_EQ(wide.pj, 1000.0 * 64 / 32);
  EXPECT_DOUBLE_EQ(wide.max_pj, 1300.0 * 64 / 32);
  EXPECT_FALSE(wide.is_interpolated);
  ASSERT_OK_AND_ASSIGN(const Price narrow, table.Read(0, Format("int4")));
  EXPECT_DOUBLE_EQ(narrow.pj, 1.25 / 2);
  EXPECT_FALSE(narrow.is_interpolated);
}

TEST(JouppiTest, ArithmeticIsThatOfTable2) {
  for (const char* name : {"jouppi-7nm-ddr4", "jouppi-7nm-hbm2"}) {
    const CostTable table = Shipped(name);
    EXPECT_EQ(Add(table, "int8"), 0.007);
    EXPECT_EQ(Add(table, "int32"), 0.03);
    EXPECT_EQ(Add(table, "bfloat16"), 0.11);
    EXPECT_EQ(Add(table, "16"), 0.16);
    EXPECT_EQ(Add(table, "32"), 0.38);
    EXPECT_EQ(Mul(table, "int8"), 0.07);
    EXPECT_EQ(Mul(table, "int32"), 1.48);
    EXPECT_EQ(Mul(table, "bfloat16"), 0.21);
    EXPECT_EQ(Mul(table, "16"), 0.34);
    EXPECT_EQ(Mul(table, "32"), 1.31);
  }
}

TEST(JouppiTest, ElementsShareAnAccessOf64Bits) {
  const CostTable ddr4 = Shipped("jouppi-7nm-ddr4");
  EXPECT_EQ(ddr4.Read(0, Format("32"))->pj, 7.5 / 2);
  EXPECT_EQ(ddr4.Read(1, Format("16"))->pj, 8.5 / 4);
  EXPECT_EQ(ddr4.Write(2, Format("int8"))->pj, 14.0 / 8);
  EXPECT_EQ(ddr4.Write(3, Format("64"))->pj, 1300.0);
  EXPECT_FALSE(ddr4.Read(3, Format("32"))->has_range());
  const CostTable hbm2 = Shipped("jouppi-7nm-hbm2");
  ASSERT_OK_AND_ASSIGN(const Price hbm, hbm2.Read(3, Format("32")));
  EXPECT_EQ(hbm.min_pj, 250.0 / 2);
  EXPECT_EQ(hbm.pj, 350.0 / 2);
  EXPECT_EQ(hbm.max_pj, 450.0 / 2);
}

TEST(EyerissTest, PricesArePer16Bits) {
  const CostTable table = Shipped("eyeriss-65nm");
  EXPECT_EQ(table.unit(), EnergyUnit::kPicojoule);
  EXPECT_EQ(table.tiers()[0], (Tier{"RF", 512}));
  EXPECT_EQ(table.tiers()[1], (Tier{"buffer", 100 * 1024}));
  const NumberFormat half = Format("16");
  EXPECT_EQ(table.Mac(half, half, half)->pj, 2.0);
  const NumberFormat fixed = Format("int16");
  EXPECT_EQ(table.Mac(fixed, fixed, fixed)->pj, 2.0);
  EXPECT_EQ(table.Mac(fixed, fixed, fixed)->source, "nn_dataflow");
  EXPECT_EQ(table.Mac(half, half, half)->source, "assumption");
  EXPECT_EQ(table.Read(0, half)->pj, 1.0);
  EXPECT_EQ(table.Read(1, half)->pj, 15.0);
  EXPECT_EQ(table.Read(2, half)->pj, 460.0);
  EXPECT_EQ(table.Read(2, Format("32"))->pj, 920.0);
}

TEST(EyerissTest, AMacOf32BitsIsOfTheWidthSquaredAndSaysSo) {
  const CostTable table = Shipped("eyeriss-65nm");
  const NumberFormat single = Format("32");
  const std::optional<Price> mac = table.Mac(single, single, single);
  ASSERT_TRUE(mac.has_value());
  EXPECT_DOUBLE_EQ(mac->pj, 2.0 * (32 / 16) * (32 / 16));
  EXPECT_TRUE(mac->is_interpolated);
  EXPECT_EQ(mac->entry, "float16.mac");
}

TEST(EyerissTest, TheRelativeTableCountsInMacs) {
  const CostTable table = Shipped("eyeriss-relative");
  EXPECT_EQ(table.unit(), EnergyUnit::kRelative);
  const NumberFormat half = Format("16");
  EXPECT_EQ(table.Mac(half, half, half)->pj, 1.0);
  EXPECT_EQ(table.Read(0, half)->pj, 1.0);
  EXPECT_EQ(table.Read(1, half)->pj, 6.0);
  EXPECT_EQ(table.Write(2, half)->pj, 200.0);
}

}  // namespace
}  // namespace opcost
