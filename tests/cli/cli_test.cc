// SPDX-License-Identifier: Apache-2.0
// Whole commands, in this process.
#include "opcost/cli/cli.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>
#include <streambuf>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/cli/cli_run.h"
#include "tests/support/onnx_text.h"

namespace opcost {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

// y = Relu(x) of 2*3 elements: 6 adds of 0.9 pJ, 6 reads and 6 writes of 5 pJ.
constexpr char kRelu[] = "(float[2,3] x) => (float[2,3] y) { y = Relu(x) }";
constexpr char kSymbolic[] = "(float[N,S] x) => (float[N,S] y) { y = Relu(x) }";
constexpr char kUnknown[] =
    "<ir_version: 8, opset_import: [\"\" : 13, \"com.acme\" : 1]>"
    "g (float[2,3] x) => (float[2,3] z) { y = Relu(x) z = com.acme.Swirl(y) }";

class CliTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("relu.onnx", OnnxBytesFromText(kRelu));
    PutFile("symbolic.onnx", OnnxBytesFromText(kSymbolic));
    PutFile("unknown.onnx", OnnxBytesFromText(kUnknown));
  }
};

// Splits at blanks.
CliRun Opcost(const std::string& command, const std::string& in = "",
              const CliEnvironment& environment = {}) {
  return RunCommand(absl::StrSplit(command, ' ', absl::SkipEmpty()), in,
                    environment);
}

void ExpectFails(const CliRun& run, int status, const std::string& message) {
  EXPECT_EQ(run.status, status) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr(message));
}

TEST_F(CliTest, AnEstimateGoesToStandardOutputAlone) {
  const CliRun run = Opcost("relu.onnx --unit pJ");
  EXPECT_EQ(run.status, kDone);
  EXPECT_EQ(run.err, "");
  // 6 * 0.9 + 6 * 5.0 + 6 * 5.0
  EXPECT_THAT(run.out, AllOf(HasSubstr("Relu"), HasSubstr("65.4")));
  EXPECT_EQ(Opcost("estimate relu.onnx --unit pJ").out, run.out);
}

TEST_F(CliTest, CountsAndPricesFollowTheOptions) {
  const auto total = [](const std::string& options) {
    const CliRun run = Opcost("relu.onnx --format json " + options);
    const auto report = nlohmann::json::parse(run.out, nullptr, false);
    EXPECT_FALSE(report.is_discarded()) << run.err;
    return report.is_discarded()
               ? 0.0
               : double(report["totals"]["energy_pj"]["total"]);
  };
  EXPECT_DOUBLE_EQ(total(""), 6 * 0.9 + 12 * 5.0);
  EXPECT_DOUBLE_EQ(total("--bits 8"), 6 * 0.2 + 12 * 1.25);
  EXPECT_DOUBLE_EQ(total("--bits int8"), 6 * 0.03 + 12 * 1.25);
  EXPECT_DOUBLE_EQ(total("--activation-bits 16"), 6 * 0.4 + 12 * 2.5);
  EXPECT_DOUBLE_EQ(total("--batch 4"), 2 * (6 * 0.9 + 12 * 5.0));
  EXPECT_DOUBLE_EQ(total("--input x=1x3"), 0.5 * (6 * 0.9 + 12 * 5.0));
  // No array is a weight.
  EXPECT_DOUBLE_EQ(total("--weights-from DRAM"), 6 * 0.9 + 12 * 5.0);
}

TEST_F(CliTest, StandardInputIsAModel) {
  const CliRun run = Opcost("- --unit pJ", OnnxBytesFromText(kRelu));
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, HasSubstr("65.4"));
  ExpectFails(Opcost("-", ""), kBadInput, "opcost: ");
}

TEST_F(CliTest, AFileCalledLikeACommandIsReachedByItsPath) {
  PutFile("tables", OnnxBytesFromText(kRelu));
  EXPECT_THAT(Opcost("./tables").out, HasSubstr("Relu"));
  EXPECT_THAT(Opcost("tables").out, HasSubstr("horowitz-45nm"));
}

TEST_F(CliTest, ABareWordThatIsAFileIsAModel) {
  PutFile("model", OnnxBytesFromText(kRelu));
  EXPECT_EQ(Opcost("model").status, kDone);
  ExpectFails(Opcost("relu"), kBadUsage,
              "opcost: 'relu' is neither a command nor a file; did you mean "
              "'relu.onnx'?\n");
}

TEST_F(CliTest, WhatCanNotBeReadIsBadInput) {
  ExpectFails(Opcost("nothing.onnx"), kBadInput, "opcost: nothing.onnx: ");
  PutFile("text.onnx", "not a model at all");
  ExpectFails(Opcost("text.onnx"), kBadInput, "opcost: text.onnx: ");
  PutFile("wrong.onnx",
          OnnxBytesFromText("(float[1,2] x, float[3,4] w) => (float[1,4] y)"
                            " { y = MatMul(x, w) }"));
  ExpectFails(Opcost("wrong.onnx"), kBadInput, "MatMul 'y'");
}

TEST_F(CliTest, AnUnknownLayerIsReportedAndNamed) {
  const CliRun run = Opcost("unknown.onnx -q");
  EXPECT_EQ(run.status, kIncomplete);
  EXPECT_THAT(run.out, AllOf(HasSubstr("Swirl"), HasSubstr(">=")));
  EXPECT_THAT(run.err, StartsWith("opcost: unknown: Swirl 'z': "));
  // Neither less often nor more.
  EXPECT_EQ(Opcost("unknown.onnx").err, run.err);
  // A layer that is known has its explanation.
  EXPECT_EQ(Opcost("explain unknown.onnx --layer y").status, kDone);
  EXPECT_EQ(Opcost("explain unknown.onnx --layer z").status, kIncomplete);
}

TEST_F(CliTest, SymbolsAreBoundOrNamed) {
  ExpectFails(Opcost("symbolic.onnx"), kBadInput, "--dim S=");
  const CliRun run = Opcost("symbolic.onnx --dim S=3");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.err, AllOf(StartsWith("note: "), HasSubstr("'N'")));
  EXPECT_EQ(Opcost("symbolic.onnx --dim S=3 -q").err, "");
  EXPECT_THAT(Opcost("symbolic.onnx --dim S=3 -v").err,
              HasSubstr("note: dimension 'S' is 3\n"));
  EXPECT_EQ(Opcost("symbolic.onnx --unbound 3 -q").status, kDone);
}

TEST_F(CliTest, ANameThatTheModelLacksIsAUsageError) {
  ExpectFails(Opcost("symbolic.onnx --dim T=3"), kBadUsage,
              "opcost: --dim T=3: ");
  ExpectFails(Opcost("relu.onnx --input w=1"), kBadUsage,
              "opcost: --input w: ");
  ExpectFails(Opcost("shapes relu.onnx --dim T=3"), kBadUsage,
              "opcost: --dim T=3: ");
  ExpectFails(Opcost("explain relu.onnx --layer x1"), kBadUsage, "'x1'");
  ExpectFails(Opcost("relu.onnx --weights-from L9"), kBadUsage,
              "opcost: --weights-from: table horowitz-45nm has no tier 'L9'; "
              "use 8KB, 32KB, 1MB or DRAM\n");
}

TEST_F(CliTest, ATableIsANameOrAFile) {
  ExpectFails(Opcost("relu.onnx --table horowitz"), kBadInput, "horowitz-45nm");
  PutFile("bad.toml", "schema = 3\n");
  ExpectFails(Opcost("relu.onnx --table bad.toml"), kBadInput,
              "opcost: bad.toml:1:");
  ASSERT_EQ(Opcost("tables new --from horowitz-45nm -o mine.toml").status,
            kDone);
  EXPECT_EQ(Opcost("relu.onnx --table mine.toml").status, kDone);
  CliEnvironment environment;
  environment.table_path = ":.:";
  EXPECT_EQ(Opcost("relu.onnx --table mine", "", environment).status, kDone);
}

TEST_F(CliTest, TablesAreListedShownCheckedCopiedAndCompared) {
  EXPECT_THAT(Opcost("tables").out,
              AllOf(HasSubstr("horowitz-45nm"), HasSubstr("eyeriss-65nm")));
  EXPECT_THAT(Opcost("tables show horowitz-45nm").out,
              AllOf(HasSubstr("3.7"), HasSubstr("Horowitz")));
  ASSERT_EQ(Opcost("tables new --from horowitz-45nm -o mine.toml").status,
            kDone);
  EXPECT_THAT(ReadFile("mine.toml"), HasSubstr("\"mine\""));
  EXPECT_THAT(
      Opcost("tables check mine.toml").out,
      MatchesRegex("mine.toml: table 'mine' is valid, [0-9]+ prices\n"));
  EXPECT_EQ(Opcost("tables diff horowitz-45nm mine.toml").status, kDone);
  const CliRun copy = Opcost("tables new --from horowitz-45nm --name other");
  EXPECT_EQ(copy.status, kDone);
  EXPECT_THAT(copy.out, HasSubstr("\"other\""));
}

TEST_F(CliTest, TablesCommandsRefuseWhatIsWrong) {
  ExpectFails(Opcost("tables new"), kBadUsage, "opcost: --from is missing");
  ExpectFails(Opcost("tables new --from horowitz-45nm"), kBadUsage,
              "opcost: --name is missing");
  PutFile("mine.toml", "x = \n");
  ExpectFails(Opcost("tables new --from horowitz-45nm -o mine.toml"), kBadInput,
              "opcost: mine.toml exists already");
  EXPECT_EQ(ReadFile("mine.toml"), "x = \n");
  ExpectFails(Opcost("tables check mine.toml"), kBadInput, "mine.toml:1:");
  // A name isn't looked up where a file is asked for.
  ExpectFails(Opcost("tables check horowitz-45nm"), kBadInput,
              "./horowitz-45nm");
  ExpectFails(Opcost("tables show nothing"), kBadInput, "nothing");
}

TEST_F(CliTest, ShapesKeepsSymbols) {
  const CliRun run = Opcost("shapes symbolic.onnx");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, HasSubstr("NxS"));
  EXPECT_THAT(Opcost("shapes symbolic.onnx --dim S=7").out, HasSubstr("Nx7"));
  EXPECT_THAT(Opcost("shapes symbolic.onnx --format json").out,
              HasSubstr("opcost.shapes/1"));
}

TEST_F(CliTest, ExplainShowsALayer) {
  const CliRun run = Opcost("explain relu.onnx --layer y");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("Relu"), HasSubstr("horowitz-45nm")));
}

TEST_F(CliTest, EveryFormatHasItsOwnForm) {
  EXPECT_THAT(Opcost("relu.onnx --format json").out, StartsWith("{"));
  EXPECT_THAT(Opcost("relu.onnx --format jsonl").out,
              HasSubstr("\n{\"totals\""));
  EXPECT_THAT(Opcost("relu.onnx --format csv").out,
              StartsWith("name,op,times,"));
  EXPECT_THAT(Opcost("relu.onnx --format markdown").out, HasSubstr("|"));
}

TEST_F(CliTest, AnOutputFileHoldsWhatStandardOutputWould) {
  const CliRun run = Opcost("relu.onnx --format json -o report.json");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(ReadFile("report.json"), Opcost("relu.onnx --format json").out);
  ExpectFails(Opcost("relu.onnx -o no/such/file"), kBadInput,
              "opcost: can't write no/such/file: No such file or directory\n");
  EXPECT_EQ(Opcost("relu.onnx -o -").out, Opcost("relu.onnx").out);
}

TEST_F(CliTest, ColourAndCutAreForTerminals) {
  std::string chain = "(float[2,3] v0) => (float[2,3] v30) {";
  for (int i = 0; i < 30; ++i) {
    absl::StrAppend(&chain, " v", i + 1, " = Relu(v", i, ")");
  }
  PutFile("chain.onnx", OnnxBytesFromText(chain + " }"));
  const auto relus = [](const CliRun& run) {
    const std::vector<std::string> parts = absl::StrSplit(run.out, " Relu ");
    return parts.size() - 1;
  };
  CliEnvironment terminal;
  terminal.out_is_terminal = true;
  EXPECT_EQ(relus(Opcost("chain.onnx --color never")), 30u);
  EXPECT_EQ(relus(Opcost("chain.onnx --color never", "", terminal)), 25u);
  EXPECT_EQ(relus(Opcost("chain.onnx --color never --top all", "", terminal)),
            30u);
  EXPECT_EQ(relus(Opcost("chain.onnx --color never --top 3")), 3u);

  EXPECT_THAT(Opcost("chain.onnx").out, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(Opcost("chain.onnx", "", terminal).out, HasSubstr("\x1b["));
  EXPECT_THAT(Opcost("chain.onnx --color always").out, HasSubstr("\x1b["));
  EXPECT_THAT(Opcost("chain.onnx --color never", "", terminal).out,
              Not(HasSubstr("\x1b[")));
  terminal.no_color = true;
  EXPECT_THAT(Opcost("chain.onnx", "", terminal).out, Not(HasSubstr("\x1b[")));
  EXPECT_THAT(Opcost("chain.onnx --color always", "", terminal).out,
              HasSubstr("\x1b["));
}

TEST_F(CliTest, HelpFitsAScreenAndGoesToStandardOutput) {
  const CliRun run = Opcost("--help");
  EXPECT_EQ(run.status, kDone);
  EXPECT_EQ(run.err, "");
  const std::vector<std::string> lines = absl::StrSplit(run.out, '\n');
  EXPECT_LE(lines.size(), 25u);  // the last is empty
  for (const std::string& line : lines) EXPECT_LE(line.size(), 80u) << line;
  EXPECT_EQ(Opcost("-h").out, run.out);
  EXPECT_EQ(Opcost("help").out, run.out);
}

TEST_F(CliTest, EveryCommandHasHelp) {
  for (const char* command :
       {"estimate", "explain", "shapes", "weights", "tables", "tables show",
        "tables check", "tables new", "tables diff", "help"}) {
    const CliRun run = Opcost(absl::StrCat("help ", command));
    EXPECT_EQ(run.status, kDone) << command;
    EXPECT_THAT(run.out, HasSubstr(absl::StrCat("opcost ", command)));
    for (const absl::string_view line : absl::StrSplit(run.out, '\n')) {
      EXPECT_LE(line.size(), 80u) << line;
    }
    if (std::string(command) == "help") continue;  // it is --help itself
    EXPECT_EQ(Opcost(absl::StrCat(command, " --help")).out, run.out) << command;
  }
  EXPECT_THAT(Opcost("relu.onnx --help").out,
              HasSubstr("opcost estimate MODEL"));
  ExpectFails(Opcost("help tabels"), kBadUsage,
              "opcost: there is no command 'tabels'; did you mean 'tables'?\n");
}

TEST_F(CliTest, NoArgumentsAreAUsageErrorWithTheHelp) {
  const CliRun run = RunCommand({});
  ExpectFails(run, kBadUsage, "opcost: a model is missing\n");
  EXPECT_THAT(run.err, HasSubstr("Usage:"));
}

TEST_F(CliTest, TheVersionIsOneLine) {
  EXPECT_THAT(Opcost("--version").out,
              MatchesRegex("opcost [0-9]+\\.[0-9]+\\.[0-9]+\n"));
  EXPECT_EQ(Opcost("relu.onnx --version").out, Opcost("--version").out);
}

TEST_F(CliTest, RowsSumToTotalsAndDocumentsAgree) {
  ExpectDocumentsAgree({"relu.onnx"});
  ExpectDocumentsAgree({"relu.onnx", "--bits", "int8"});
  ExpectDocumentsAgree({"unknown.onnx"});
  ExpectDocumentsAgree({OPCOST_SOURCE_DIR "/models/lenet-5.onnx"});
}

// A stream whose disk is full.
class FullBuffer : public std::streambuf {};

TEST_F(CliTest, AResultThatDoesNotArriveIsAnError) {
  FullBuffer full;
  std::ostream out(&full);
  std::ostringstream err;
  CliEnvironment environment;
  environment.out = &out;
  environment.err = &err;
  for (const char* command : {"relu.onnx", "--help", "--version", "tables"}) {
    out.clear();
    err.str("");
    EXPECT_EQ(RunCli({command}, environment), kBadInput) << command;
    EXPECT_THAT(err.str(), StartsWith("opcost: can't write standard output"));
  }
}

}  // namespace
}  // namespace opcost
