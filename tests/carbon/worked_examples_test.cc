// SPDX-License-Identifier: Apache-2.0
// Worked examples of others, with the numbers that they print.
#include <gtest/gtest.h>

#include <string>

#include "opcost/carbon/statement.h"
#include "opcost/carbon/units.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr double kGramsPerPound = 453.59237;  // by definition

CarbonTerms Terms(double g_per_kwh, double pue = 1) {
  CarbonTerms terms;
  terms.intensity.g_per_kwh = g_per_kwh;
  terms.pue = pue;
  return terms;
}

double JoulesOf(double watts, double hours) {
  return watts * hours * kSecondsPerHour;
}

// F. Frasca, Energy consumption in machine learning, 2024.
TEST(WorkedExamplesTest, TheLecturesMixOfSources) {
  ASSERT_OK_AND_ASSIGN(
      const CarbonIntensity mix,
      IntensityOfMix("coal=0.25,petroleum=0.35,natural_gas=0.26,nuclear=0.14"));
  EXPECT_NEAR(mix.g_per_kwh, 731.59, 1e-9);
  CarbonTerms terms;
  terms.intensity = mix;
  EXPECT_NEAR(StateCarbon(terms, 3.6e6).grams, 731.59, 1e-9);
}

// A comment in CodeCarbon's sources gives 535.8 g/kWh for this mix; its own
// figures, unrounded, give 887.995514975, and rounded to grams 887.25.
TEST(WorkedExamplesTest, CodeCarbonsMixIsNotWhatItsCommentSays) {
  ASSERT_OK_AND_ASSIGN(
      const CarbonIntensity mix,
      IntensityOfMix("coal=0.5,petroleum=0.25,natural_gas=0.25"));
  EXPECT_NEAR(mix.g_per_kwh, 0.5 * 995 + 0.25 * 816 + 0.25 * 743, 1e-9);
  EXPECT_NEAR(mix.g_per_kwh, 887.995514975, 1);
}

struct ThesisRow {
  std::string name;
  double watts = 0, hours = 0;
  double kwh = 0, pounds = 0, kilograms = 0;
};

// J. Hsueh, 2020, table 4.0.1: PUE 1.58 and, after the US EPA (2018), 0.954
// pounds of CO2 per kWh.
TEST(WorkedExamplesTest, HsuehsTable) {
  const double g_per_kwh = 0.954 * kGramsPerPound;
  EXPECT_NEAR(g_per_kwh, 432.72712098, 1e-8);
  const ThesisRow rows[] = {
      {"AlexNet", 27.77, 6, 0.2632596, 0.2511496584, 0.1139195688},
      {"SimpleNet", 49.49, 0.5, 0.0390971, 0.0372986334, 0.0169183755},
      {"SimpleNet in the text", 49.79, 0.5, 0.0393341, 0.0375247314,
       0.0170209319}};
  for (const ThesisRow& row : rows) {
    SCOPED_TRACE(row.name);
    const CarbonStatement carbon =
        StateCarbon(Terms(g_per_kwh, 1.58), JoulesOf(row.watts, row.hours));
    EXPECT_NEAR(carbon.total_kwh, row.kwh, 1e-12);
    EXPECT_NEAR(carbon.total_grams / kGramsPerPound, row.pounds, 1e-10);
    EXPECT_NEAR(carbon.total_grams / 1000, row.kilograms, 1e-9);
    // PUE is apart: what goes before is the computer's alone.
    EXPECT_NEAR(carbon.kwh, row.watts * row.hours / 1000, 1e-12);
    EXPECT_NEAR(carbon.grams, carbon.kwh * g_per_kwh, 1e-9);
  }
  // "99.9 kJ an hour".
  EXPECT_NEAR(JoulesOf(27.77, 1), 99972, 1e-9);
}

// A. Lacoste et al., Quantifying the carbon emissions of machine learning,
// 2019; the site rounds on its way and prints 14.25.
TEST(WorkedExamplesTest, LacostesCalculator) {
  const CarbonStatement carbon = StateCarbon(Terms(566.3), JoulesOf(250, 100));
  EXPECT_NEAR(carbon.kwh, 25, 1e-12);
  EXPECT_NEAR(carbon.grams / 1000, 14.1575, 1e-12);
}

// The README of carbontracker prints 4.400445 g; exactly it is 4.4006406.
TEST(WorkedExamplesTest, Carbontrackers) {
  const CarbonStatement carbon =
      StateCarbon(Terms(107.49), 0.040940 * kJoulesPerKwh);
  EXPECT_NEAR(carbon.grams, 0.040940 * 107.49, 1e-12);
  EXPECT_NEAR(carbon.grams, 4.400445, 0.0005);
}

// E. Strubell et al., 2019: 1.58 * hours * watts / 1000 kWh, 0.954 lb each.
TEST(WorkedExamplesTest, StrubellsFormula) {
  const double watts = 100.5 + 20.25 + 3 * 250.75;
  const CarbonStatement carbon =
      StateCarbon(Terms(0.954 * kGramsPerPound, 1.58), JoulesOf(watts, 12));
  EXPECT_NEAR(carbon.total_grams / kGramsPerPound,
              0.954 * (1.58 * 12 * watts / 1000), 1e-9);
}

// L. Lannelongue et al., Green algorithms, 2021: the world's grid is 475 g.
TEST(WorkedExamplesTest, GreenAlgorithms) {
  ASSERT_OK_AND_ASSIGN(const CarbonIntensity world,
                       IntensityOfCountry("WORLD"));
  CarbonTerms terms;
  terms.intensity = world;
  terms.pue = 1.67;
  const double kwh = 12 * (4 * 15.0 * 1.0 + 64 * 0.3725) / 1000;
  EXPECT_NEAR(StateCarbon(terms, kwh * kJoulesPerKwh).total_grams,
              kwh * 1.67 * 475, 1e-9);
}

TEST(StatementTest, InferencesMultiplyTheEnergy) {
  CarbonTerms terms = Terms(500);
  terms.inferences = 1'000'000;
  terms.pue.reset();
  const CarbonStatement carbon = StateCarbon(terms, 0.0036);
  EXPECT_DOUBLE_EQ(carbon.joules, 3600);
  EXPECT_DOUBLE_EQ(carbon.kwh, 0.001);
  EXPECT_DOUBLE_EQ(carbon.grams, 0.5);
  EXPECT_DOUBLE_EQ(carbon.total_kwh, 0.001);
  EXPECT_DOUBLE_EQ(carbon.total_grams, 0.5);
}

}  // namespace
}  // namespace opcost
