// SPDX-License-Identifier: Apache-2.0
#include "opcost/carbon/intensity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/carbon/figures.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

constexpr char kOwid[] =
    "Our World in Data, from Ember and the Energy Institute";

TEST(IntensityTest, ACountryIsFoundByBothCodesInEitherCase) {
  for (const char* code : {"DE", "de", "DEU", "deu", "dEu"}) {
    ASSERT_OK_AND_ASSIGN(const CarbonIntensity germany,
                         IntensityOfCountry(code));
    EXPECT_EQ(germany.kind, IntensityKind::kCountry);
    EXPECT_EQ(germany.g_per_kwh, 344.13992);
    EXPECT_EQ(germany.code, "DE");
    EXPECT_EQ(germany.name, "Germany");
    EXPECT_EQ(germany.source, kOwid);
    EXPECT_EQ(germany.year, 2024);
  }
}

TEST(IntensityTest, TheWorldIs475Grams) {
  for (const char* code : {"WORLD", "world"}) {
    ASSERT_OK_AND_ASSIGN(const CarbonIntensity world, IntensityOfCountry(code));
    EXPECT_EQ(world.g_per_kwh, 475);
    EXPECT_EQ(world.code, "WORLD");
    EXPECT_EQ(world.name, "world average");
    EXPECT_EQ(world.source, "IEA");
    EXPECT_EQ(world.year, 2019);
  }
}

TEST(IntensityTest, AnUnknownCountryHasNearMatches) {
  const std::string cure =
      "; give a code of ISO 3166-1 (DE, DEU), WORLD, or the intensity itself "
      "with --carbon-intensity";
  const std::pair<std::string, std::string> cases[] = {
      {"Germany", "; did you mean 'DE' (Germany)?"},
      {"Germny", "; did you mean 'DE' (Germany)?"},
      {"GER", "; did you mean 'DE' (Germany)?"},
      {"united",
       "; did you mean 'AE' (United Arab Emirates) or 'GB' (United Kingdom) "
       "or 'US' (United States)?"},
      {"Wrld", "; did you mean 'WORLD' (world average)?"},
      {"UK", "; did you mean 'GB' (United Kingdom)?"},
      {"el", "; did you mean 'GR' (Greece)?"},
      {"XX", cure},
      {"", cure}};
  for (const auto& [code, text] : cases) {
    EXPECT_THAT(
        IntensityOfCountry(code),
        StatusIs(absl::StatusCode::kNotFound,
                 HasSubstr(absl::StrCat("unknown country '", code, "'", text))))
        << code;
  }
}

TEST(IntensityTest, ACloudRegionIsFoundAsConsolesAndToolsWriteIt) {
  ASSERT_OK_AND_ASSIGN(const CarbonIntensity belgium,
                       IntensityOfCloud("gcp:europe-west1"));
  EXPECT_EQ(belgium.kind, IntensityKind::kCloud);
  EXPECT_EQ(belgium.g_per_kwh, 103.37);
  EXPECT_EQ(belgium.code, "gcp:europe-west1");
  EXPECT_EQ(belgium.name, "Belgium");
  EXPECT_EQ(belgium.source, "Google Cloud region carbon data");
  EXPECT_EQ(belgium.year, 2024);
  for (const char* region :
       {"azure:West Europe", "AZURE:westeurope", "azure:west-europe"}) {
    ASSERT_OK_AND_ASSIGN(const CarbonIntensity netherlands,
                         IntensityOfCloud(region));
    EXPECT_EQ(netherlands.g_per_kwh, 390);
    EXPECT_EQ(netherlands.code, "azure:West Europe");
    EXPECT_EQ(netherlands.source, "EEA, as Cloud Carbon Footprint has it");
    EXPECT_EQ(netherlands.year, 2019);
  }
  ASSERT_OK_AND_ASSIGN(const CarbonIntensity virginia,
                       IntensityOfCloud("aws:us-east-1"));
  EXPECT_EQ(virginia.g_per_kwh, 415.755);
  EXPECT_EQ(virginia.year, 2019);
}

// Given in grams where the rest of their file is in tonnes.
TEST(IntensityTest, TwoRegionsOfAzureAreGramsAsOthers) {
  ASSERT_OK_AND_ASSIGN(const CarbonIntensity helsinki,
                       IntensityOfCloud("azure:Finland Central"));
  EXPECT_EQ(helsinki.g_per_kwh, 77);
  ASSERT_OK_AND_ASSIGN(const CarbonIntensity frankfurt,
                       IntensityOfCloud("azure:Germany West Central"));
  EXPECT_EQ(frankfurt.g_per_kwh, 402);
}

TEST(IntensityTest, SaysWhatIsWrongWithACloudRegion) {
  for (const char* text : {"", "gcp", "gcp:", ":us-east1"}) {
    EXPECT_THAT(
        IntensityOfCloud(text),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 absl::StrCat("'", text,
                              "' does not have the form PROVIDER:REGION, as in "
                              "gcp:europe-west1")));
  }
  EXPECT_THAT(IntensityOfCloud("ibm:us-east"),
              StatusIs(absl::StatusCode::kNotFound,
                       "unknown cloud provider 'ibm'; use one of: gcp, aws, "
                       "azure"));
  EXPECT_THAT(IntensityOfCloud("aws:us-eats-1"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("unknown region 'us-eats-1' of aws; did you "
                                 "mean 'us-east-1'")));
  EXPECT_THAT(IntensityOfCloud("aws:moon"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("unknown region 'moon' of aws; its regions "
                                 "are us-east-1, us-east-2, ")));
}

TEST(IntensityTest, AMixIsTheSumOfSharesTimesFigures) {
  ASSERT_OK_AND_ASSIGN(
      const CarbonIntensity mix,
      IntensityOfMix("coal=0.25,petroleum=0.35,natural_gas=0.26,nuclear=0.14"));
  EXPECT_EQ(mix.kind, IntensityKind::kMix);
  EXPECT_NEAR(mix.g_per_kwh, 248.75 + 285.60 + 193.18 + 4.06, 1e-9);
  EXPECT_EQ(mix.code,
            "coal=0.25, petroleum=0.35, natural_gas=0.26, nuclear=0.14");
  EXPECT_EQ(mix.source, "CodeCarbon's methodology, as Frasca's lecture has it");
  EXPECT_EQ(mix.year, 2024);
  ASSERT_EQ(mix.parts.size(), 4u);
  EXPECT_EQ(mix.parts[2].name, "natural_gas");
  EXPECT_EQ(mix.parts[2].share, 0.26);
  EXPECT_EQ(mix.parts[2].g_per_kwh, 743);
}

TEST(IntensityTest, ASourcesNameMayBeWrittenOtherwise) {
  for (const char* name :
       {"natural_gas", "natural-gas", "Natural Gas", " natural_gas "}) {
    ASSERT_OK_AND_ASSIGN(const CarbonIntensity gas,
                         IntensityOfMix(absl::StrCat(name, "= 1 ")));
    EXPECT_EQ(gas.g_per_kwh, 743);
  }
}

TEST(IntensityTest, SharesSumToOneButForTheirDecimals) {
  EXPECT_THAT(IntensityOfMix("coal=0.1,petroleum=0.2,wind=0.7"), IsOk());
  EXPECT_THAT(IntensityOfMix("coal=0.3333333,wind=0.6666667"), IsOk());
  EXPECT_THAT(IntensityOfMix("coal=0.3333334,wind=0.6666667"), IsOk());
  EXPECT_THAT(IntensityOfMix("coal=0.5,wind=0.4"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the shares sum to 0.9, not to 1"));
  EXPECT_THAT(IntensityOfMix("coal=0.5,wind=0.500002"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the shares sum to 1.000002, not to 1"));
}

TEST(IntensityTest, SaysWhatIsWrongWithAMix) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "'' does not have the form SOURCE=SHARE, as in coal=0.25,wind=0.75"},
      {"coal",
       "'coal' does not have the form SOURCE=SHARE, as in "
       "coal=0.25,wind=0.75"},
      {"coal=1=2",
       "'coal=1=2' does not have the form SOURCE=SHARE, as in "
       "coal=0.25,wind=0.75"},
      {"coal=1,",
       "'' does not have the form SOURCE=SHARE, as in "
       "coal=0.25,wind=0.75"},
      {"coal=1.5", "the share of coal is '1.5', not from 0 to 1"},
      {"coal=-1", "the share of coal is '-1', not from 0 to 1"},
      {"coal=x", "the share of coal is 'x', not from 0 to 1"},
      {"coal=nan", "the share of coal is 'nan', not from 0 to 1"},
      {"coal=0.5,coal=0.5", "'coal' is named twice"},
      {"coals=1", "unknown energy source 'coals'; did you mean 'coal'?"},
      {"gas=1",
       "unknown energy source 'gas'; the sources are coal, petroleum, "
       "natural_gas, geothermal, hydroelectricity, nuclear, solar, wind"}};
  for (const auto& [mix, message] : cases) {
    EXPECT_THAT(IntensityOfMix(mix),
                StatusIs(absl::StatusCode::kInvalidArgument, message))
        << mix;
  }
}

TEST(IntensityTest, AGivenNumberHasNoSource) {
  ASSERT_OK_AND_ASSIGN(const CarbonIntensity given, GivenIntensity("432.727"));
  EXPECT_EQ(given.kind, IntensityKind::kGiven);
  EXPECT_EQ(given.g_per_kwh, 432.727);
  EXPECT_EQ(given.source, "");
  EXPECT_EQ(given.year, 0);
  EXPECT_THAT(GivenIntensity("-1"), StatusIs(absl::StatusCode::kInvalidArgument,
                                             "'-1' is not a number from 0 up"));
}

// The lines of a file of data/carbon/, its header left out.
size_t LinesOf(const std::string& name) {
  std::ifstream file(
      absl::StrCat(OPCOST_SOURCE_DIR "/data/carbon/", name, ".csv"));
  const std::string text(std::istreambuf_iterator<char>(file), {});
  const std::vector<std::string> lines =
      absl::StrSplit(text, '\n', absl::SkipEmpty());
  return lines.empty() ? 0 : lines.size() - 1;
}

TEST(FiguresTest, EveryRowIsReadAndHasSourceAndYear) {
  for (const char* name : {"countries", "cloud-regions", "energy-sources"}) {
    SCOPED_TRACE(name);
    const std::vector<CarbonFigure> figures = FiguresOf(name);
    EXPECT_GT(figures.size(), 7u);
    EXPECT_EQ(figures.size(), LinesOf(name));
    std::set<std::string> keys;
    for (const CarbonFigure& figure : figures) {
      SCOPED_TRACE(figure.keys[0]);
      EXPECT_TRUE(
          keys.insert(absl::StrCat(figure.keys[0], ":", figure.keys.back()))
              .second);
      EXPECT_GE(figure.g_per_kwh, 0);
      // No grid is dirtier than oil shale; more is a slip of units.
      EXPECT_LT(figure.g_per_kwh, 1500);
      EXPECT_GE(figure.year, 2009);
      EXPECT_LE(figure.year, 2024);
      EXPECT_NE(figure.source, "");
    }
  }
  EXPECT_TRUE(FiguresOf("none").empty());
}

TEST(FiguresTest, CodesOfCountriesHaveTwoAndThreeCapitals) {
  for (const CarbonFigure& country : FiguresOf("countries")) {
    if (country.keys[1] == "WORLD") continue;
    EXPECT_EQ(country.keys[0].size(), 2u) << country.name;
    EXPECT_EQ(country.keys[1].size(), 3u) << country.name;
    for (const std::string& key : country.keys) {
      EXPECT_EQ(key.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ"), key.npos);
    }
  }
}

}  // namespace
}  // namespace opcost
