// SPDX-License-Identifier: Apache-2.0
#include "src/report/numbers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace opcost {
namespace {

constexpr int64_t kLargest = std::numeric_limits<int64_t>::max();

TEST(HumanCountTest, KeepsThreeOrFourSignificantDigits) {
  EXPECT_EQ(HumanCount(0), "0");
  EXPECT_EQ(HumanCount(12), "12");
  EXPECT_EQ(HumanCount(999), "999");
  EXPECT_EQ(HumanCount(1000), "1.00 k");
  EXPECT_EQ(HumanCount(9994), "9.99 k");
  EXPECT_EQ(HumanCount(61100), "61.1 k");
  EXPECT_EQ(HumanCount(714188480), "714.2 M");
  EXPECT_EQ(HumanCount(1230000000), "1.23 G");
  EXPECT_EQ(HumanCount(kLargest), "9.22 E");
}

TEST(HumanCountTest, RoundsIntoTheNextPrefixOrDigit) {
  EXPECT_EQ(HumanCount(9996), "10.0 k");
  EXPECT_EQ(HumanCount(99960), "100.0 k");
  EXPECT_EQ(HumanCount(999940), "999.9 k");
  EXPECT_EQ(HumanCount(999950), "1.00 M");
  EXPECT_EQ(HumanCount(999999999), "1.00 G");
}

TEST(FixedDoubleTest, RoundsTheExactBinaryNumber) {
  // 1.055 is a little less than its digits say, 1.145 a little more; a
  // hundred times as much, rounded, is in the middle in both cases.
  EXPECT_EQ(FixedDouble(1.055, 2), "1.05");
  EXPECT_EQ(FixedDouble(1.145, 2), "1.15");
  // What is in the middle indeed goes to the even digit.
  EXPECT_EQ(FixedDouble(0.5, 0), "0");
  EXPECT_EQ(FixedDouble(1.5, 0), "2");
  EXPECT_EQ(FixedDouble(0.125, 2), "0.12");
  EXPECT_EQ(FixedDouble(0.375, 2), "0.38");
}

TEST(FixedDoubleTest, HasEveryDigitOfAnyNumber) {
  EXPECT_EQ(FixedDouble(0, 3), "0.000");
  EXPECT_EQ(FixedDouble(0.042, 3), "0.042");
  EXPECT_EQ(FixedDouble(-1.25, 1), "-1.2");
  EXPECT_EQ(FixedDouble(4503599627370495.5, 0), "4503599627370496");
  EXPECT_EQ(FixedDouble(9007199254740992, 1), "9007199254740992.0");
  EXPECT_EQ(FixedDouble(1e22, 0), "10000000000000000000000");
  EXPECT_EQ(FixedDouble(0.5, 14), "0.50000000000000");
}

TEST(HumanBytesTest, IsDecimal) {
  EXPECT_EQ(HumanBytes(0), "0 B");
  EXPECT_EQ(HumanBytes(12), "12 B");
  EXPECT_EQ(HumanBytes(1024), "1.02 kB");
  EXPECT_EQ(HumanBytes(244403360), "244.4 MB");
}

TEST(HumanEnergyTest, TakesTheLargestUnitThatKeepsOneOrMore) {
  const auto human = [](double pj) {
    return HumanEnergy(pj, Unit::kAuto, EnergyUnit::kPicojoule);
  };
  EXPECT_EQ(human(0), "0 pJ");
  EXPECT_EQ(human(0.25), "0.25 pJ");
  EXPECT_EQ(human(0.9997), "1.00 pJ");
  EXPECT_EQ(human(1), "1.00 pJ");
  EXPECT_EQ(human(999.95), "1.00 nJ");
  EXPECT_EQ(human(4.125e11), "412.5 mJ");
  EXPECT_EQ(human(5.2e12), "5.20 J");
  EXPECT_EQ(human(2.5e15), "2500.0 J");
}

TEST(HumanEnergyTest, TakesTheUnitThatIsAskedFor) {
  const auto human = [](double pj, Unit unit) {
    return HumanEnergy(pj, unit, EnergyUnit::kPicojoule);
  };
  EXPECT_EQ(human(4.125e11, Unit::kPj), "412500000000.0 pJ");
  EXPECT_EQ(human(4.125e11, Unit::kNj), "412500000.0 nJ");
  EXPECT_EQ(human(4.125e11, Unit::kUj), "412500.0 uJ");
  EXPECT_EQ(human(4.125e11, Unit::kMj), "412.5 mJ");
  EXPECT_EQ(human(4.125e11, Unit::kJ), "0.412 J");
}

TEST(HumanEnergyTest, ARelativeTableHasUnitsOfOneMacAndNeverJoules) {
  for (const Unit unit : {Unit::kAuto, Unit::kJ}) {
    EXPECT_EQ(HumanEnergy(12, unit, EnergyUnit::kRelative), "12.0 MAC");
    EXPECT_EQ(HumanEnergy(1.234e9, unit, EnergyUnit::kRelative), "1.23 G MAC");
  }
}

TEST(ShortestDoubleTest, ReadsBackAndNeverLooksLikeAnInteger) {
  EXPECT_EQ(ShortestDouble(0), "0.0");
  EXPECT_EQ(ShortestDouble(5080838400.0), "5080838400.0");
  EXPECT_EQ(ShortestDouble(375982041.6), "375982041.6");
  EXPECT_EQ(ShortestDouble(0.1), "0.1");
  EXPECT_EQ(ShortestDouble(1e22), "1e+22");
  EXPECT_EQ(ShortestDouble(0.1 + 0.2), "0.30000000000000004");
}

TEST(GroupedTest, PutsCommasBetweenThousands) {
  EXPECT_EQ(Grouped(int64_t{0}), "0");
  EXPECT_EQ(Grouped(int64_t{999}), "999");
  EXPECT_EQ(Grouped(int64_t{1000}), "1,000");
  EXPECT_EQ(Grouped(int64_t{101616768}), "101,616,768");
  EXPECT_EQ(Grouped(int64_t{-1000}), "-1,000");
  EXPECT_EQ(Grouped(kLargest), "9,223,372,036,854,775,807");
}

TEST(GroupedTest, ShowsDoublesWithoutTheNoiseOfBinaryFractions) {
  EXPECT_EQ(Grouped(0.0), "0");
  EXPECT_EQ(Grouped(3.7), "3.7");
  EXPECT_EQ(Grouped(101616768 * 3.7), "375,982,041.6");
  EXPECT_EQ(Grouped(0.1 + 0.2), "0.3");
  EXPECT_EQ(Grouped(1000.0), "1,000");
  EXPECT_EQ(Grouped(-1234.5), "-1,234.5");
  EXPECT_EQ(Grouped(1e30), "1e+30");
  EXPECT_EQ(Grouped(1e-30), "1e-30");
}

TEST(EnergyScaleTest, GivesTheLargestFiveDigits) {
  const auto text = [](double largest_pj, double pj) {
    return ScaleFor(largest_pj, Unit::kAuto, EnergyUnit::kPicojoule).Text(pj);
  };
  EXPECT_EQ(text(5.9412e11, 5.9412e11), "594.12 mJ");
  EXPECT_EQ(text(1.9994e12, 1.9994e12), "1999.4 mJ");
  EXPECT_EQ(text(9.99996e12, 9.99996e12), "10.000 J");
  EXPECT_EQ(text(5.9412e11, 1.6e10), "16.00 mJ");
  EXPECT_EQ(text(0, 0), "0 pJ");
}

TEST(EnergyScaleTest, TheSmallIsNeverRoundedToNothing) {
  const EnergyScale scale =
      ScaleFor(5.9412e11, Unit::kAuto, EnergyUnit::kPicojoule);
  EXPECT_EQ(scale.Number(1), "<0.01");
  EXPECT_EQ(scale.Number(4.999e6), "<0.01");
  EXPECT_EQ(scale.Number(5.001e6), "0.01");
  EXPECT_EQ(scale.Number(0), "0");
}

TEST(EnergyScaleTest, KeepsDigitsOfASmallTotalInALargeUnit) {
  const EnergyScale scale = ScaleFor(22530, Unit::kMj, EnergyUnit::kPicojoule);
  EXPECT_EQ(scale.Text(22530), "0.0000225 mJ");
}

TEST(EnergyScaleTest, LinesUpDecimalPoints) {
  const EnergyScale scale =
      ScaleFor(5.9412e11, Unit::kAuto, EnergyUnit::kPicojoule);
  EXPECT_EQ(scale.Aligned(1.6e10), "16.00");
  EXPECT_EQ(scale.Aligned(0), "0   ");
  EXPECT_EQ(scale.Unknown(), "?   ");
}

TEST(PercentTest, HasOneDecimalAndNeverHidesAPart) {
  EXPECT_EQ(Percent(1, 4), "25.0");
  EXPECT_EQ(Percent(4, 4), "100.0");
  EXPECT_EQ(Percent(1, 10000), "<0.1");
  EXPECT_EQ(Percent(0, 4), "0  ");
  EXPECT_EQ(Percent(0, 0), "0  ");
}

}  // namespace
}  // namespace opcost
