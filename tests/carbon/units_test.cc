// SPDX-License-Identifier: Apache-2.0
#include "opcost/carbon/units.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>

#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

struct Quantity {
  std::string text;
  double value;
};

TEST(UnitsTest, EnergiesAreJoulesOrWattHoursWithPrefixes) {
  const Quantity cases[] = {{"12J", 12},
                            {"3mJ", 0.003},
                            {"40uJ", 40e-6},
                            {"40\u00b5J", 40e-6},
                            {"40\u03bcJ", 40e-6},
                            {"7nJ", 7e-9},
                            {"9pJ", 9e-12},
                            {"2.5kJ", 2500},
                            {"5MJ", 5e6},
                            {"1GJ", 1e9},
                            {"1TJ", 1e12},
                            {"1Wh", 3600},
                            {"250 Wh", 900e3},
                            {"3kWh", 3 * 3.6e6},
                            {"2mWh", 2 * 3.6},
                            {"1.5MWh", 1.5 * 3.6e9},
                            {"1e3J", 1000},
                            {"1e-3J", 0.001},
                            {"1E+2J", 100},
                            {".5J", 0.5},
                            {"0J", 0},
                            {"+4J", 4}};
  for (const Quantity& expected : cases) {
    SCOPED_TRACE(expected.text);
    ASSERT_OK_AND_ASSIGN(const double joules, ParseEnergy(expected.text));
    EXPECT_DOUBLE_EQ(joules, expected.value);
  }
}

TEST(UnitsTest, PowersAreWattsWithPrefixes) {
  const Quantity cases[] = {{"250W", 250},      {"1.2kW", 1200}, {"300mW", 0.3},
                            {"27.77 W", 27.77}, {"40uW", 40e-6}, {"2MW", 2e6}};
  for (const Quantity& expected : cases) {
    SCOPED_TRACE(expected.text);
    ASSERT_OK_AND_ASSIGN(const double watts, ParsePower(expected.text));
    EXPECT_DOUBLE_EQ(watts, expected.value);
  }
}

TEST(UnitsTest, SaysWhatIsWrongWithAnEnergy) {
  const std::string cure = "; write it as 3kWh, 250Wh, 5MJ or 40uJ";
  const std::pair<std::string, std::string> cases[] = {
      {"", "'' doesn't begin with a number" + cure},
      {"kWh", "'kWh' doesn't begin with a number" + cure},
      {"5", "'5' has no unit" + cure},
      {"5 ", "'5 ' has no unit" + cure},
      {"5E", "'5E' has the unknown unit 'E'" + cure},
      {"5W", "'5W' has the unknown unit 'W'" + cure},
      {"5kwh", "'5kwh' has the unknown unit 'kwh'; did you mean 'kWh'?"},
      {"5mj", "'5mj' has the unknown unit 'mj'; did you mean 'mJ' or 'MJ'?"},
      {"-5J", "'-5' is not a number from 0 up"},
      {"1.2.3J", "'1.2.3' is not a number from 0 up"},
      {"nanJ", "'nanJ' doesn't begin with a number" + cure},
      {"infJ", "'infJ' doesn't begin with a number" + cure},
      {"1e999J", "'1e999' is not a number from 0 up"},
      {"1e308TJ", "'1e308TJ' is too large" + cure}};
  for (const auto& [text, message] : cases) {
    EXPECT_THAT(ParseEnergy(text),
                StatusIs(absl::StatusCode::kInvalidArgument, message))
        << text;
  }
}

TEST(UnitsTest, SaysWhatIsWrongWithAPower) {
  EXPECT_THAT(ParsePower("5J"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "'5J' has the unknown unit 'J'; write it as 250W, "
                       "1.2kW or 300mW"));
  EXPECT_THAT(ParsePower("5KW"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "'5KW' has the unknown unit 'KW'; did you mean 'kW'?"));
}

TEST(UnitsTest, AnAmountIsAFiniteNumberThatIsLargeEnough) {
  ASSERT_OK_AND_ASSIGN(const double pue, ParseAmount("1.58", 1));
  EXPECT_EQ(pue, 1.58);
  ASSERT_OK_AND_ASSIGN(const double none, ParseAmount("-0", 0));
  EXPECT_FALSE(std::signbit(none));
  for (const char* text :
       {"", " 1", "1 ", "inf", "nan", "0x10", "0.99", "1,5"}) {
    EXPECT_THAT(
        ParseAmount(text, 1),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 "'" + std::string(text) + "' is not a number from 1 up"))
        << text;
  }
}

}  // namespace
}  // namespace opcost
