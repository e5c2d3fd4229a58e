// SPDX-License-Identifier: Apache-2.0
// opcost calibrate.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/cli/cli_run.h"
#include "tests/support/json_schema.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const char kTiny[] = OPCOST_SOURCE_DIR "/data/calibration/mlperf-tiny.csv";

// Two kinds of layers whose joules are not far from a multiple of Horowitz's.
constexpr char kRows[] =
    "layer,joules,seconds,group,host,misses\n"
    "Linear x=1x100 w=50x100 b=50,1.0e-6,1e-3,,ada,10\n"
    "Linear x=8x100 w=50x100 b=50,7.9e-6,7e-3,,ada,70\n"
    "Linear x=4x300 w=70x300 b=70,1.7e-5,9e-3,,ada,200\n"
    "Relu x=1000,1.1e-7,1e-4,,ada,9\n"
    "Relu x=5000,5.2e-7,6e-4,,ada,55\n";

class CalibrateCommand : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("rows.csv", kRows);
  }
  static CliRun Opcost(const std::string& line) {
    return RunCommand(absl::StrSplit(line, ' ', absl::SkipEmpty()));
  }
  static json Document(const std::string& line) {
    return Document(
        std::vector<std::string>(absl::StrSplit(line, ' ', absl::SkipEmpty())));
  }
  static json Document(std::vector<std::string> words) {
    words.insert(words.end(), {"--format", "json"});
    const CliRun run = RunCommand(words);
    EXPECT_EQ(run.status, kDone) << run.err;
    json document = json::parse(run.out, nullptr, false);
    EXPECT_THAT(
        SchemaViolations(LoadSchema("calibration"), "calibration", document),
        IsEmpty());
    return document;
  }
  static void ExpectError(const std::string& line, int status,
                          const std::string& message) {
    const CliRun run = Opcost(line);
    EXPECT_EQ(run.status, status);
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(run.err, absl::StrCat("opcost: ", message, "\n"));
  }
};

TEST_F(CalibrateCommand, PrintsPricesAndHowWellTheyPredict) {
  const CliRun run = Opcost("calibrate rows.csv");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, StartsWith("rows.csv: 5 rows in 2 groups, fitted on "
                                  "horowitz-45nm\n"));
  for (const char* part :
       {"compute", "DRAM", "training rows", "  by MACs alone",
        "groups held out", "worst training rows", "host        ada"}) {
    EXPECT_THAT(run.out, HasSubstr(part));
  }
  EXPECT_EQ(run.err, "");
}

TEST_F(CalibrateCommand, TheTableItWritesEstimatesWhatWasMeasured) {
  const CliRun run =
      Opcost("calibrate rows.csv -o mine.toml --fit full --memory-model once");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(run.err, "wrote mine.toml; use it with --table mine.toml\n");
  EXPECT_EQ(Opcost("tables check mine.toml").status, kDone);
  const json document =
      Document("calibrate rows.csv --fit full --memory-model once");
  const std::string text = ReadFile("mine.toml");
  for (const char* line :
       {"name = \"mine\"", "[fit]", "memory_model = \"once\"", "host = \"ada\"",
        "prices.\"DRAM.read\" = "}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
  EXPECT_EQ(document["rows"].size(), 5U);
}

TEST_F(CalibrateCommand, RowsMayBeTestedWhereTheyAreNotFitted) {
  PutFile("test.csv", "layer,joules\nLinear x=2x100 w=50x100 b=50,2.0e-6\n");
  const json document = Document("calibrate rows.csv --test test.csv");
  EXPECT_EQ(document["quality"]["test"]["rows"], 1);
  EXPECT_EQ(document["test_rows"][0]["measured_joules"], 2.0e-6);
  EXPECT_LT(document["quality"]["test"]["mean_error"], 0.5);
}

TEST_F(CalibrateCommand, ResidualsAreARowEach) {
  const CliRun run = Opcost("calibrate rows.csv --residuals out.csv");
  EXPECT_EQ(run.status, kDone) << run.err;
  const std::vector<std::string> lines =
      absl::StrSplit(ReadFile("out.csv"), "\r\n");
  ASSERT_EQ(lines.size(), 1 + 5 + 1U);
  EXPECT_EQ(lines[0],
            "set,name,group,measured_j,fitted_j,cross_validated_j,by_macs_j");
  EXPECT_THAT(lines[1], StartsWith("training,Linear x=1x100 w=50x100 b=50,"
                                   "Linear,1e-06,"));
}

TEST_F(CalibrateCommand, ColumnsAreFittedAndRowsChosen) {
  const json document = Document(
      "calibrate rows.csv --features misses --dispatch --where group=");
  std::vector<std::string> names;
  for (const json& price : document["prices"]) names.push_back(price["name"]);
  EXPECT_THAT(names, ::testing::IsSupersetOf({"misses", "dispatch"}));
  const json some = Document("calibrate rows.csv --where host=ada");
  EXPECT_EQ(some["rows"].size(), 5U);
  ExpectError("calibrate rows.csv --where host=bob", kBadInput,
              "a fit needs at least two rows, the data have 0");
}

TEST_F(CalibrateCommand, OptionsOfARowAreItsOwn) {
  PutFile("rows.csv",
          "layer,joules,bits,options\n"
          "Linear x=1x100 w=50x100 b=50,1.0e-6,16,\n"
          "Linear x=8x100 w=50x100 b=50,7.9e-6,,--activation-bits '8'\n");
  const json document = Document("calibrate rows.csv --fit full");
  EXPECT_EQ(document["rows"][0]["name"],
            "Linear x=1x100 w=50x100 b=50@bits=16");
  EXPECT_EQ(document["rows"][1]["name"],
            "Linear x=8x100 w=50x100 b=50@activation-bits=8");
}

TEST_F(CalibrateCommand, SaysWhatIsWrongWithTheData) {
  ExpectError("calibrate none.csv", kBadInput, "can't read none.csv");
  PutFile("a.csv", "layer,joule\n");
  ExpectError("calibrate a.csv", kBadInput,
              "a.csv:1: no column 'joules'; did you mean 'joule'?");
  PutFile("a.csv", "joules\n1\n");
  ExpectError("calibrate a.csv", kBadInput,
              "a.csv:1: neither a column 'model' (a file) nor 'layer' (a layer "
              "as text); expected one or both");
  PutFile("a.csv", "layer,joules\nRelu x=10,much\n");
  ExpectError("calibrate a.csv", kBadInput,
              "a.csv:2: joules: 'much' is not a number");
  PutFile("a.csv", "layer,model,joules\n,,1\n");
  ExpectError("calibrate a.csv", kBadInput,
              "a.csv:2: expected either a model's file or a layer's text");
  PutFile("a.csv", "layer,options,joules\nRelu x=9,dim,1\n");
  ExpectError("calibrate a.csv", kBadInput,
              "a.csv:2: options: 'dim' belongs to no option; expected --NAME "
              "VALUE");
  PutFile("a.csv", "layer,joules\nRelu x=9,1\nRelu x=9,0\n");
  ExpectError("calibrate a.csv", kBadInput,
              "a.csv:3: 0 J were measured; expected more than 0 (a net energy "
              "below the idle power's noise can't be used: measure longer)");
  const CliRun run = Opcost("calibrate rows.csv --features nisses");
  EXPECT_EQ(run.status, kBadInput);
  EXPECT_EQ(run.err,
            "opcost: rows.csv:1: no column 'nisses'; did you mean "
            "'misses'?\n");
}

TEST_F(CalibrateCommand, AnOptionThatIsWrongIsAUsageError) {
  ExpectError("calibrate", kBadUsage,
              "an argument is missing; use: opcost calibrate DATA.csv...");
  ExpectError("calibrate rows.csv --fit some", kBadUsage,
              "--fit: unknown value 'some'; use scale, groups or full");
  ExpectError("calibrate rows.csv --error big", kBadUsage,
              "--error: unknown value 'big'; use relative or absolute");
  ExpectError("calibrate rows.csv --prior 0", kBadUsage,
              "--prior: '0' is not a number from 0.001 to 1000");
  ExpectError("calibrate rows.csv --where host", kBadUsage,
              "--where: 'host' does not have the form COLUMN=VALUE");
  ExpectError("calibrate rows.csv --table eyeriss-relative", kBadInput,
              "table 'eyeriss-relative' is relative: its prices are MACs, not "
              "joules, so that nothing can be fitted on it; take one whose "
              "unit is pJ");
}

// The published measurements of MLPerf Tiny v1.1, one board after another, each
// network predicted by a factor fitted to the other three.
TEST_F(CalibrateCommand, MlperfTinyIsPredictedBetterThanByMacs) {
  double sum = 0;
  const std::vector<std::string> boards = {
      "ST NUCLEO_L4R5ZI (M4)",     "ST NUCLEO_U575ZI_Q (M33)",
      "ST NUCLEO_H7A3ZI_Q (M7)",   "Krai L4R5ZI X-CUBE-AI-7.3",
      "Krai L4R5ZI X-CUBE-AI-8.0", "Krai H7A3ZI-Q X-CUBE-AI-8.0",
      "Skymizer L4R5ZI mbed_os",   "Skymizer L4R5ZI zephyr"};
  for (const std::string& board : boards) {
    const json document = Document(
        {"calibrate", kTiny, "--where", absl::StrCat("host=", board), "--fit",
         "scale", "--table", "jouppi-7nm-ddr4", "--array-scope", "operand"});
    ASSERT_EQ(document["rows"].size(), 4U) << board;
    const double error = document["quality"]["cross_validation"]["mean_error"];
    sum += error;
    EXPECT_LE(error,
              document["quality"]["cross_validation_by_macs"]["mean_error"])
        << board;
  }
  EXPECT_LE(sum / static_cast<double>(boards.size()), 0.25);
}

// 300 random layers and three networks, timed in ONNX Runtime (README.md beside
// the data): prices fitted to the layers alone predict the networks.
TEST_F(CalibrateCommand, SingleLayersPredictWholeNetworks) {
  const std::string folder =
      OPCOST_SOURCE_DIR "/data/calibration/onnxruntime-cpu/";
  const json document = Document(
      absl::StrCat("calibrate ", folder, "layers.csv --test ", folder,
                   "networks.csv --memory-model once --graph as-written"));
  EXPECT_EQ(document["rows"].size(), 300U);
  const json& test = document["quality"]["test"];
  const json& by_macs = document["quality"]["test_by_macs"];
  EXPECT_EQ(test["rows"], 3 * 5);
  EXPECT_GT(test["r2"], 0.97);
  EXPECT_LT(test["mean_error"], 0.15);
  EXPECT_GT(test["r2"], by_macs["r2"]);
  EXPECT_LT(test["mean_error"], by_macs["mean_error"]);
}

}  // namespace
}  // namespace opcost
