// SPDX-License-Identifier: Apache-2.0
#include "opcost/report/carbon.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/json_schema.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

CarbonStatement Statement(const char* country, double joules) {
  CarbonTerms terms;
  terms.intensity = IntensityOfCountry(country).value_or(CarbonIntensity());
  return StateCarbon(terms, joules);
}

std::string Render(const CarbonStatement& statement, Format format,
                   const char* basis = "") {
  RenderOptions options;
  options.format = format;
  return RenderCarbon(statement, basis, options);
}

TEST(HumanGramsTest, FiveDigitsInTheLargestUnitThatKeepsThem) {
  const std::pair<double, std::string> cases[] = {
      {0, "0 g"},           {1, "1 g"},
      {1425, "1.425 kg"},   {113.9195688, "113.92 g"},
      {0.5, "500 mg"},      {4.5e-6, "4.5 ug"},
      {1e-9, "1 ng"},       {2.5e-12, "2.5 pg"},
      {1e-15, "0.001 pg"},  {999.99, "999.99 g"},
      {999.999, "1 kg"},    {14157500, "14.158 t"},
      {1e12, "1,000,000 t"}};
  for (const auto& [grams, text] : cases) EXPECT_EQ(HumanGrams(grams), text);
}

TEST(RenderCarbonTest, TextShowsSourceAndYear) {
  EXPECT_EQ(Render(Statement("WORLD", 10.8e6), Format::kText),
            "energy     10.8 MJ (3 kWh)\n"
            "intensity  475 g CO2e/kWh: world average; IEA, 2019\n"
            "carbon     1.425 kg CO2e\n");
}

TEST(RenderCarbonTest, PueIsALineOfItsOwn) {
  CarbonTerms terms;
  terms.intensity.g_per_kwh = 432.72712098;
  terms.pue = 1.58;
  EXPECT_EQ(Render(StateCarbon(terms, 27.77 * 6 * 3600), Format::kText,
                   "27.77W for 6 h"),
            "energy     599.83 kJ (166.62 Wh), 27.77W for 6 h\n"
            "intensity  432.73 g CO2e/kWh, as given\n"
            "carbon     72.101 g CO2e\n"
            "with PUE   113.92 g CO2e, 263.26 Wh: a power usage effectiveness "
            "of 1.58\n");
}

TEST(RenderCarbonTest, AMixShowsItsTerms) {
  ASSERT_OK_AND_ASSIGN(
      const CarbonIntensity mix,
      IntensityOfMix("coal=0.25,petroleum=0.35,natural_gas=0.26,nuclear=0.14"));
  CarbonTerms terms;
  terms.intensity = mix;
  EXPECT_THAT(
      Render(StateCarbon(terms, 3.6e6), Format::kText),
      HasSubstr("731.59 g CO2e/kWh = 0.25 x 995 (coal) + 0.35 x 816 "
                "(petroleum) + 0.26 x 743 (natural_gas)\n           + 0.14 x "
                "29 (nuclear); CodeCarbon's methodology, as Frasca's lecture "
                "has it, 2024\n"));
}

TEST(RenderCarbonTest, ARegionShowsItsCode) {
  ASSERT_OK_AND_ASSIGN(const CarbonIntensity region,
                       IntensityOfCloud("gcp:us-west1"));
  CarbonTerms terms;
  terms.intensity = region;
  EXPECT_THAT(Render(StateCarbon(terms, 0), Format::kText),
              HasSubstr("energy     0 J (0 Wh)\n"
                        "intensity  79.23 g CO2e/kWh: Oregon (gcp:us-west1); "
                        "Google Cloud region carbon data, 2024\n"
                        "carbon     0 g CO2e\n"));
}

TEST(RenderCarbonTest, JsonIsValidAndExact) {
  CarbonTerms terms;
  ASSERT_OK_AND_ASSIGN(terms.intensity, IntensityOfMix("coal=0.5,wind=0.5"));
  terms.inferences = 3;
  terms.pue = 2;
  const CarbonStatement statement = StateCarbon(terms, 3.6e6);
  const json document = json::parse(Render(statement, Format::kJson));
  EXPECT_THAT(SchemaViolations(LoadSchema("carbon"), document), IsEmpty());
  EXPECT_EQ(document["schema"], "opcost.carbon/1");
  EXPECT_EQ(document["inferences"], 3);
  EXPECT_EQ(document["joules"], 3 * 3.6e6);
  EXPECT_EQ(document["kwh"], 3);
  EXPECT_EQ(document["intensity"]["kind"], "mix");
  EXPECT_EQ(document["intensity"]["year"], 2024);
  EXPECT_EQ(document["intensity"]["parts"][1]["source"], "wind");
  EXPECT_EQ(document["grams"], 3 * (995 * 0.5 + 26 * 0.5));
  EXPECT_EQ(document["total_grams"], 2 * 3 * (995 * 0.5 + 26 * 0.5));
}

TEST(RenderCarbonTest, AGivenIntensityHasNullsForWhatNobodySaid) {
  CarbonTerms terms;
  ASSERT_OK_AND_ASSIGN(terms.intensity, GivenIntensity("211"));
  const json document =
      json::parse(Render(StateCarbon(terms, 1), Format::kJson));
  EXPECT_THAT(SchemaViolations(LoadSchema("carbon"), document), IsEmpty());
  EXPECT_EQ(document["intensity"]["source"], nullptr);
  EXPECT_EQ(document["intensity"]["year"], nullptr);
  EXPECT_EQ(document["pue"], 1);
}

TEST(RenderCarbonTest, CsvIsAHeaderAndARow) {
  EXPECT_EQ(Render(Statement("FRA", 3.6e6), Format::kCsv),
            "inferences,joules,kwh,g_per_kwh,grams,pue,total_kwh,total_grams,"
            "intensity,name,source,year\r\n"
            "1,3600000.0,1.0,44.179085,44.179085,1.0,1.0,44.179085,FR,France,"
            "\"Our World in Data, from Ember and the Energy Institute\",2024"
            "\r\n");
}

TEST(CarbonTextTest, ABoundKeepsItsSign) {
  EXPECT_EQ(CarbonText(Statement("WORLD", 3.6e6), ">=", 100),
            "energy     >= 3.6 MJ (1 kWh), 1 inference\n"
            "intensity  475 g CO2e/kWh: world average; IEA, 2019\n"
            "carbon     >= 475 g CO2e\n");
}

TEST(CarbonTextTest, AnEnergyMayBeThatOfARun) {
  CarbonTerms terms;
  terms.intensity.g_per_kwh = 500;
  terms.inferences = 2000;
  EXPECT_EQ(CarbonText(StateCarbon(terms, 3600), "", 100, "run"),
            "energy     7.2 MJ (2 kWh), 2,000 runs\n"
            "intensity  500 g CO2e/kWh, as given\n"
            "carbon     1 kg CO2e\n");
}

TEST(CarbonSchemasTest, AllThreeDescribeOneObject) {
  const json report = LoadSchema("report"),
             comparison = LoadSchema("comparison"),
             carbon = LoadSchema("carbon");
  EXPECT_EQ(report["$defs"]["carbon"], comparison["$defs"]["carbon"]);
  EXPECT_EQ(report["$defs"]["intensity"], comparison["$defs"]["intensity"]);
  EXPECT_EQ(report["$defs"]["intensity"], carbon["$defs"]["intensity"]);
}

}  // namespace
}  // namespace opcost
