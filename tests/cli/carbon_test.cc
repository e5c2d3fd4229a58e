// SPDX-License-Identifier: Apache-2.0
// Carbon on the command line: opcost carbon, estimate and compare.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/cli/carbon_request.h"
#include "src/cli/command_line.h"
#include "tests/cli/cli_run.h"
#include "tests/support/json_schema.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kFourWays[] =
    " needs a carbon intensity; give one of --carbon-intensity G (grams of "
    "CO2e per kWh), --country CODE (DE; WORLD for the average), --cloud "
    "PROVIDER:REGION (gcp:europe-west1) or --energy-mix SOURCE=SHARE,... "
    "(coal=0.25,wind=0.75)\n";

// Splits at blanks.
CliRun Opcost(const std::string& command) {
  return RunCommand(absl::StrSplit(command, ' ', absl::SkipEmpty()));
}

class CarbonCommandTest : public InTemporaryFolder {
 protected:
  // y = Relu(x) of 6 elements: 6 adds of 0.9 pJ, 6 reads and 6 writes of 5 pJ.
  static constexpr double kReluJoules = (6 * 0.9 + 6 * 5 + 6 * 5) * 1e-12;

  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile(
        "relu.onnx",
        OnnxBytesFromText("(float[2,3] x) => (float[2,3] y) { y = Relu(x) }"));
    PutFile("twice.onnx",
            OnnxBytesFromText("(float[2,3] x) => (float[2,3] z) { y = Relu(x) "
                              "z = Relu(y) }"));
    PutFile("unknown.onnx",
            OnnxBytesFromText(
                "<ir_version: 8, opset_import: [\"\" : 13, \"com.acme\" : 1]>"
                "g (float[2,3] x) => (float[2,3] z) { y = Relu(x) z = "
                "com.acme.Swirl(y) }"));
  }
};

TEST_F(CarbonCommandTest, AnEnergyOrWattsAndHours) {
  const CliRun energy = Opcost("carbon --energy 25kWh --country WORLD");
  EXPECT_EQ(energy.status, kDone) << energy.err;
  EXPECT_EQ(energy.out,
            "energy     90 MJ (25 kWh)\n"
            "intensity  475 g CO2e/kWh: world average; IEA, 2019\n"
            "carbon     11.875 kg CO2e\n");
  const CliRun power =
      Opcost("carbon --power 250W --hours 100 --carbon-intensity 566");
  EXPECT_EQ(power.status, kDone) << power.err;
  EXPECT_EQ(power.out,
            "energy     90 MJ (25 kWh), 250W for 100 h\n"
            "intensity  566 g CO2e/kWh, as given\n"
            "carbon     14.15 kg CO2e\n");
}

TEST_F(CarbonCommandTest, APowerStaysOnItsLine) {
  const CliRun run = RunCommand(
      {"carbon", "--power", "250 \n W", "--hours", "1", "--country", "WORLD"});
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, HasSubstr("(250 Wh), 250 W for 1 h\n"));
}

TEST_F(CarbonCommandTest, InferencesMultiplyTheEnergyThatIsGiven) {
  const CliRun run = Opcost(
      "carbon --energy 3.6J --inferences 1000000 --carbon-intensity 500");
  EXPECT_THAT(run.out, HasSubstr("energy     3.6 MJ (1 kWh), times 1000000\n"));
  EXPECT_THAT(run.out, HasSubstr("carbon     500 g CO2e\n"));
}

TEST_F(CarbonCommandTest, WritesJsonAndCsvToAFile) {
  const CliRun run = Opcost(
      "carbon --power 27.77W --hours 6 --pue 1.58 --carbon-intensity "
      "432.72712098 --format json -o hsueh.json");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(run.out, "");
  const json document = json::parse(ReadFile("hsueh.json"));
  EXPECT_THAT(SchemaViolations(LoadSchema("carbon"), document), IsEmpty());
  EXPECT_NEAR(document["total_kwh"].get<double>(), 0.2632596, 1e-12);
  EXPECT_NEAR(document["total_grams"].get<double>(), 113.9195688, 1e-6);
  EXPECT_THAT(Opcost("carbon --energy 1kWh --country FR --format csv").out,
              EndsWith("Energy Institute\",2024\r\n"));
}

TEST_F(CarbonCommandTest, SaysWhatIsMissing) {
  const std::string four = kFourWays;
  const std::pair<std::string, std::string> cases[] = {
      {"carbon",
       "an energy is missing; give --energy 3kWh, or --power 250W "
       "--hours 100\n"},
      {"carbon --energy 3kWh", "'carbon'" + four},
      {"carbon --power 3W --country DE",
       "--power needs --hours: how long it is drawn\n"},
      {"carbon --hours 3 --country DE",
       "--hours needs --power: what is drawn, as 250W\n"},
      {"carbon --energy 3J --hours 3 --country DE",
       "--energy is given, and so is --power or --hours; leave one of the two "
       "ways out\n"},
      {"carbon --energy 3J --country DE --cloud gcp:us-west1",
       "--cloud: --country is given too, and an intensity comes from one "
       "place; leave one of them out\n"},
      {"carbon --energy 3J --country DE --format jsonl",
       "--format: unknown value 'jsonl'; use text, json or csv\n"},
      {"carbon --energy 3J --country DE --pue 0.9",
       "--pue: '0.9' is not a number from 1 up\n"},
      {"carbon --energy 3J --country DE --inferences 0",
       "--inferences: '0' is not a whole number from 1 to "
       "9223372036854775807\n"},
      {"carbon --energy 1e290TJ --carbon-intensity 1e300",
       "the energy is too large\n"},
      {"carbon extra --energy 3J --country DE",
       "unexpected argument 'extra'; use: opcost carbon\n"},
      {"relu.onnx --inferences 5", "--inferences" + four},
      {"relu.onnx --pue 1.5", "--pue" + four},
      {"compare relu.onnx twice.onnx --pue 1.5", "--pue" + four},
      {"relu.onnx --country UK",
       "--country: unknown country 'UK'; did you mean 'GB' (United "
       "Kingdom)?\n"},
      {"relu.onnx --table eyeriss-relative --country DE",
       "--country needs joules, but table 'eyeriss-relative' is relative, in "
       "units of one MAC; choose another with --table\n"},
      {"compare relu.onnx twice.onnx --table eyeriss-relative --energy-mix "
       "coal=1",
       "--energy-mix needs joules, but table 'eyeriss-relative' is relative, "
       "in units of one MAC; choose another with --table\n"},
      {"relu.onnx --symbolic --cloud gcp:us-west1",
       "--symbolic has no use for --cloud, since it prints counts, not "
       "energies; leave one of them out\n"},
      {"compare relu.onnx twice.onnx@country=DE", "country"}};
  for (const auto& [command, message] : cases) {
    const CliRun run = Opcost(command);
    EXPECT_EQ(run.status, kBadUsage) << command;
    EXPECT_EQ(run.out, "") << command;
    EXPECT_THAT(run.err, HasSubstr(message)) << command;
  }
}

TEST_F(CarbonCommandTest, WithoutAnIntensityNothingOfCarbonIsPrinted) {
  for (const char* format : {"text", "json", "jsonl", "csv", "markdown"}) {
    for (const char* command : {"relu.onnx", "compare relu.onnx twice.onnx"}) {
      const CliRun run = Opcost(absl::StrCat(command, " --format ", format));
      EXPECT_EQ(run.status, kDone) << run.err;
      EXPECT_THAT(run.out, Not(HasSubstr("carbon"))) << command << format;
      EXPECT_THAT(run.out, Not(HasSubstr("CO2"))) << command << format;
    }
  }
}

TEST_F(CarbonCommandTest, AnEstimateEndsWithItsCarbon) {
  const std::string plain = Opcost("relu.onnx").out;
  const CliRun run =
      Opcost("relu.onnx --inferences 1000000000 --country WORLD --pue 1.5");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(
      run.out,
      plain +
          "\nenergy     = 65.4 mJ (18.167 uWh), 1,000,000,000 inferences\n"
          "intensity  475 g CO2e/kWh: world average; IEA, 2019\n"
          "carbon     = 8.6292 ug CO2e\n"
          "with PUE   = 12.944 ug CO2e, 27.25 uWh: a power usage "
          "effectiveness of 1.5\n");
  EXPECT_EQ(Opcost("relu.onnx --country WORLD --format csv").out,
            Opcost("relu.onnx --format csv").out);
  EXPECT_THAT(Opcost("relu.onnx --country WORLD --format markdown").out,
              HasSubstr("\n- intensity: 475 g CO2e/kWh: world average; IEA, "
                        "2019\n- carbon: = "));
}

TEST_F(CarbonCommandTest, JsonOfAnEstimateHasACarbonObject) {
  const json schema = LoadSchema("report");
  const json report = json::parse(
      Opcost("relu.onnx --inferences 7 --country DE --format json").out);
  EXPECT_THAT(SchemaViolations(schema, "report", report), IsEmpty());
  const json& carbon = report["carbon"];
  EXPECT_EQ(carbon["status"], "exact");
  EXPECT_EQ(carbon["inferences"], 7);
  EXPECT_DOUBLE_EQ(carbon["joules"].get<double>(), 7 * kReluJoules);
  EXPECT_DOUBLE_EQ(carbon["grams"].get<double>(),
                   7 * kReluJoules / 3.6e6 * 344.13992);
  EXPECT_EQ(carbon["intensity"]["year"], 2024);
  const std::string lines = Opcost("relu.onnx --country DE --format jsonl").out;
  const std::vector<std::string> split =
      absl::StrSplit(lines, '\n', absl::SkipEmpty());
  const json last = json::parse(split.back());
  EXPECT_THAT(SchemaViolations(schema, "totals_line", last), IsEmpty());
  EXPECT_EQ(last["carbon"]["intensity"]["code"], "DE");
}

TEST_F(CarbonCommandTest, ALowerBoundGivesALowerBoundOfCarbon) {
  const CliRun run = Opcost("unknown.onnx --country WORLD --pue 2");
  EXPECT_EQ(run.status, kIncomplete);
  EXPECT_THAT(run.out, HasSubstr("\nenergy     >= 65.4 pJ"));
  EXPECT_THAT(run.out, HasSubstr("\ncarbon     >= "));
  EXPECT_THAT(run.out, HasSubstr("\nwith PUE   >= "));
  EXPECT_EQ(json::parse(Opcost("unknown.onnx --country WORLD --format json")
                            .out)["carbon"]["status"],
            "lower-bound");
}

TEST_F(CarbonCommandTest, AComparisonHasTheGramsOfEachSide) {
  const std::string command =
      "compare relu.onnx twice.onnx --country WORLD --inferences 1000000000000";
  const std::string plain = Opcost("compare relu.onnx twice.onnx").out;
  EXPECT_EQ(Opcost(command + " --pue 1.5").out,
            plain +
                "\ncarbon     1,000,000,000,000 inferences of each\n"
                "intensity  475 g CO2e/kWh: world average; IEA, 2019\n"
                "PUE        1.5\n"
                "\n"
                "   model       energy mWh   CO2e mg  with PUE mg\n"
                "A  relu.onnx     = 18.167   = 8.629     = 12.944\n"
                "B  twice.onnx    = 36.333  = 17.258     = 25.887\n");
  const json schema = LoadSchema("comparison");
  const json document = json::parse(Opcost(command + " --format json").out);
  EXPECT_THAT(SchemaViolations(schema, "comparison", document), IsEmpty());
  ASSERT_EQ(document["carbon"].size(), 2u);
  EXPECT_DOUBLE_EQ(document["carbon"][1]["joules"].get<double>(),
                   2 * kReluJoules * 1e12);
  const std::string lines = Opcost(command + " --format jsonl").out;
  const std::vector<std::string> split =
      absl::StrSplit(lines, '\n', absl::SkipEmpty());
  EXPECT_THAT(SchemaViolations(schema, "sums_line", json::parse(split.back())),
              IsEmpty());
  EXPECT_EQ(Opcost(command + " --format csv").out,
            Opcost("compare relu.onnx twice.onnx --format csv").out);
  EXPECT_THAT(Opcost(command + " --format markdown").out,
              HasSubstr("- carbon: 1,000,000,000,000 inferences of each\n"));
}

TEST_F(CarbonCommandTest, ASavedReportsCarbonIsStatedAnew) {
  ASSERT_EQ(Opcost("relu.onnx --country DE --inferences 9 --format json -o "
                   "saved.json")
                .status,
            kDone);
  const CliRun run = Opcost("compare saved.json twice.onnx --format json");
  ASSERT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, Not(HasSubstr("carbon")));
  const json document = json::parse(
      Opcost("compare saved.json twice.onnx --country FR --format json").out);
  EXPECT_THAT(SchemaViolations(LoadSchema("comparison"), document), IsEmpty());
  EXPECT_EQ(document["carbon"][0]["intensity"]["code"], "FR");
  EXPECT_EQ(document["carbon"][0]["inferences"], 1);
}

TEST_F(CarbonCommandTest, OtherCommandsMayStateTheCarbonOfTheirJoules) {
  ASSERT_OK_AND_ASSIGN(
      const CommandLine line,
      ParseCommandLine({"relu.onnx", "--country", "WORLD", "--inferences",
                        "1000", "--pue", "2"}));
  ASSERT_OK_AND_ASSIGN(const std::optional<CarbonStatement> carbon,
                       CarbonOf(line, 3600));
  ASSERT_TRUE(carbon.has_value());
  EXPECT_DOUBLE_EQ(carbon->grams, 475);
  EXPECT_DOUBLE_EQ(carbon->total_grams, 950);
  ASSERT_OK_AND_ASSIGN(const CommandLine plain,
                       ParseCommandLine({"relu.onnx"}));
  ASSERT_OK_AND_ASSIGN(const std::optional<CarbonStatement> nothing,
                       CarbonOf(plain, 3600));
  EXPECT_FALSE(nothing.has_value());
}

// As a process: messages go to standard error, and the status tells.
TEST_F(CarbonCommandTest, ErrorsOfAProcess) {
  const std::pair<std::string, std::string> cases[] = {
      {"carbon --energy 3kWh", absl::StrCat("opcost: 'carbon'", kFourWays)},
      {"carbon --energy 3kWh --country Germny",
       "opcost: --country: unknown country 'Germny'; did you mean 'DE' "
       "(Germany)?\n"},
      {"carbon --energy 3kwh --country DE",
       "opcost: --energy: '3kwh' has the unknown unit 'kwh'; did you mean "
       "'kWh'?\n"},
      {"carbon --energy 3kWh --energy-mix coal=0.5,wind=0.25",
       "opcost: --energy-mix: the shares sum to 0.75, not to 1\n"},
      {"relu.onnx --inferences 3",
       absl::StrCat("opcost: --inferences", kFourWays)}};
  for (const auto& [command, message] : cases) {
    const int status = std::system(
        absl::StrCat("'" OPCOST_EXECUTABLE "' ", command, " >out.txt 2>err.txt")
            .c_str());
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), kBadUsage) << command;
    EXPECT_EQ(ReadFile("out.txt"), "") << command;
    EXPECT_EQ(ReadFile("err.txt"), message) << command;
  }
}

}  // namespace
}  // namespace opcost
