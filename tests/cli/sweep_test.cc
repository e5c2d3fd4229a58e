// SPDX-License-Identifier: Apache-2.0
// opcost sweep, as a command.
#include "src/cli/sweep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/payloads.h"
#include "src/cli/value_list.h"
#include "tests/cli/cli_run.h"
#include "tests/support/json_schema.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Half of the weights are zeros, two in each block of four.
constexpr char kSparse[] = R"(
  <ir_version: 8, opset_import: ["" : 17]> g
  (float[N,4] x) => (float[N,4] y)
  <float[4,4] w = {1, 0, 0, 2, 0, 3, 1, 0, 1, 1, 0, 0, 0, 0, 2, 1}> {
    m = MatMul(x, w)
    y = Relu(m)
  })";

class SweepTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("net.onnx", OnnxBytesFromText(R"(
        (float[N,3,H,H] x, float[4,3,3,3] w) => (float[N,4] y) {
          c = Conv <pads = [1,1,1,1]> (x, w)
          r = Relu(c)
          p = GlobalAveragePool(r)
          y = Flatten(p)
        })"));
    PutFile(
        "relu.onnx",
        OnnxBytesFromText("(float[2,3] x) => (float[2,3] y) { y = Relu(x) }"));
    PutFile("unknown.onnx",
            OnnxBytesFromText(
                "<ir_version: 8, opset_import: [\"\" : 13, \"d\" : 1]> g "
                "(float[2,3] x) => (float[2,3] z) { y = Relu(x) z = "
                "d.Swirl(y) }"));
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

// The lines of `opcost sweep ... --format jsonl`, valid by the schema.
std::vector<json> Rows(const std::string& arguments) {
  const CliRun run = Opcost("sweep --format jsonl " + arguments);
  EXPECT_EQ(run.status, kDone) << run.err;
  std::vector<json> rows;
  for (const absl::string_view line :
       absl::StrSplit(run.out, '\n', absl::SkipEmpty())) {
    rows.push_back(json::parse(line));
    EXPECT_THAT(SchemaViolations(LoadSchema("sweep"), rows.back()), IsEmpty());
  }
  return rows;
}

// Each row equals the totals of the run with its options.
void ExpectRowsAreSingleRuns(const std::string& model,
                             const std::vector<json>& rows, size_t every = 1) {
  for (size_t i = 0; i < rows.size(); i += every) {
    std::vector<std::string> arguments = {model, "--format", "json", "-q"};
    for (const auto& [name, value] : rows[i]["options"].items()) {
      const std::string text = value.get<std::string>();
      const size_t dot = name.find('.');
      arguments.push_back("--" + name.substr(0, dot));
      arguments.push_back(dot == name.npos ? text
                                           : name.substr(dot + 1) + "=" + text);
    }
    const CliRun run = RunCommand(arguments);
    ASSERT_EQ(run.status, kDone) << run.err;
    const json report = json::parse(run.out);
    json totals = report["totals"];
    totals.erase("layers");
    totals.erase("by_tier");
    EXPECT_EQ(rows[i]["totals"], totals) << rows[i]["options"];
    EXPECT_EQ(rows[i]["unit"], report["table"]["unit"]);
  }
}

TEST(ExpandListTest, TakesValuesAndRanges) {
  const auto expand = [](const std::string& text) {
    absl::StatusOr<std::vector<std::string>> values = ExpandList(text);
    EXPECT_THAT(values, IsOk());
    return *std::move(values);
  };
  EXPECT_THAT(expand("8"), ElementsAre("8"));
  EXPECT_THAT(expand("8,16,int8"), ElementsAre("8", "16", "int8"));
  EXPECT_THAT(expand("1..4"), ElementsAre("1", "2", "3", "4"));
  EXPECT_THAT(expand("16..64..16"), ElementsAre("16", "32", "48", "64"));
  EXPECT_THAT(expand("1..6..2,9"), ElementsAre("1", "3", "5", "9"));
  EXPECT_THAT(expand("7..7"), ElementsAre("7"));
  EXPECT_THAT(expand("../a.toml"), ElementsAre("../a.toml"));
  EXPECT_THAT(expand("9223372036854775806..9223372036854775807"),
              ElementsAre("9223372036854775806", "9223372036854775807"));
}

TEST(ExpandListTest, SaysWhatIsWrong) {
  EXPECT_THAT(ExpandList("8,,16"),
              FailsWith("'8,,16' has an empty value in its list"));
  EXPECT_THAT(ExpandList("8..1"),
              FailsWith("'8..1' is no range; a range goes up: 1..8, or "
                        "16..128..16"));
  EXPECT_THAT(ExpandList("1..8..0"), FailsWith(HasSubstr("is no range")));
  EXPECT_THAT(ExpandList("1..1000001"),
              FailsWith("a list has at most 1000000 values"));
  EXPECT_THAT(ExpandList("0..9223372036854775807"),
              FailsWith("a list has at most 1000000 values"));
}

TEST_F(SweepTest, EveryRowIsTheSingleRunWithItsOptions) {
  const std::vector<json> rows = Rows(
      "net.onnx --bits 32,16,int8 --batch 1,3 --dim H=8,9 "
      "--table horowitz-45nm,eyeriss-65nm,eyeriss-relative "
      "--memory-model per-use,once --array-scope tensor,operand");
  ASSERT_EQ(rows.size(), 3u * 2 * 2 * 3 * 2 * 2);
  ExpectRowsAreSingleRuns("net.onnx", rows);
}

TEST_F(SweepTest, OptionsOfEveryKindHaveLists) {
  ExpectRowsAreSingleRuns(
      "net.onnx",
      Rows("net.onnx --dim N=1,2 --dim H=8..12..2 --padding counted,skipped "
           "--weight-bits int8,int4 --accumulator-bits 16,32 "
           "--graph folded,deployed --reads weight=once,per-use "
           "--weights-from DRAM"));
  ExpectRowsAreSingleRuns("relu.onnx",
                          Rows("relu.onnx --input x=1x3,4x5 --bits 16"));
}

TEST_F(SweepTest, StorageFormatsHaveLists) {
  PutFile("sparse.onnx", OnnxBytesFromText(kSparse));
  ExpectRowsAreSingleRuns(
      "sparse.onnx",
      Rows("sparse.onnx --weights dense,csr,cer,bitmap,auto --bits 32,int8 "
           "--batch 1,3 --graph as-written,deployed"));
  ExpectRowsAreSingleRuns("sparse.onnx",
                          Rows("sparse.onnx --skip weights --memory-model "
                               "per-use,once"));
  ExpectFails(Opcost("sweep sparse.onnx --weights dense,csr --padding "
                     "counted,skipped"),
              kBadUsage,
              "with --padding skipped --weights csr: --weights csr "
              "and --padding skipped exclude each other");
  const std::string bytes = ReadFile("sparse.onnx");
  EXPECT_EQ(Opcost("sweep - --weights csr,nm", bytes).out,
            Opcost("sweep sparse.onnx --weights csr,nm").out);
}

TEST_F(SweepTest, RowsStandInTheOrderOfTheLists) {
  const std::vector<json> rows = Rows("relu.onnx --batch 2,1 --bits 16,32");
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_EQ(rows[0]["options"], json::parse(R"({"bits":"16","batch":"2"})"));
  EXPECT_EQ(rows[1]["options"], json::parse(R"({"bits":"16","batch":"1"})"));
  EXPECT_EQ(rows[2]["options"], json::parse(R"({"bits":"32","batch":"2"})"));
  // 6 adds of 0.4, 6 reads and 6 writes of 2.5 pJ.
  EXPECT_DOUBLE_EQ(rows[0]["totals"]["energy_pj"]["total"], 6 * 0.4 + 30.0);
}

TEST_F(SweepTest, WithoutListsThereIsOneRow) {
  const std::vector<json> rows = Rows("relu.onnx");
  ASSERT_EQ(rows.size(), 1u);
  ExpectRowsAreSingleRuns("relu.onnx", rows);
}

TEST_F(SweepTest, ManyRowsAreTheSameOnOneThreadAndOnSeveral) {
  const absl::StatusOr<CommandLine> line =
      ParseCommandLine({"sweep", "net.onnx", "--dim", "H=8..40", "--bits",
                        "4..32", "--dim", "N=1..3"});
  ASSERT_THAT(line, IsOk());
  ASSERT_OK_AND_ASSIGN(const Model model, ImportFile("net.onnx"));
  const CliEnvironment environment;
  std::vector<int64_t> seen;
  const auto progress = [&seen](int64_t done, int64_t all) {
    EXPECT_LE(done, all);
    seen.push_back(done);
  };
  ASSERT_OK_AND_ASSIGN(const SweepResult one,
                       RunCombinations(*line, model, ModelPayloads("net.onnx"),
                                       environment, 1, progress));
  ASSERT_EQ(one.sweep.rows.size(), 33u * 29 * 3);
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back(), 33 * 29 * 3);
  ASSERT_OK_AND_ASSIGN(
      const SweepResult four,
      RunCombinations(*line, model, ModelPayloads("net.onnx"), environment, 4,
                      [](int64_t, int64_t) {}));
  RenderOptions csv;
  csv.format = Format::kCsv;
  EXPECT_EQ(RenderSweep(one.sweep, csv), RenderSweep(four.sweep, csv));
}

TEST_F(SweepTest, ANetworksRowsAreItsSingleRuns) {
  const std::string model = OPCOST_SOURCE_DIR "/models/resnet-18.onnx";
  const std::vector<json> rows =
      Rows(model +
           " --bits 32,16,8,int8 --batch 1..4 --table "
           "horowitz-45nm,jouppi-7nm-hbm2 --memory-model per-use,once");
  ASSERT_EQ(rows.size(), 4u * 4 * 2 * 2);
  ExpectRowsAreSingleRuns(model, rows, 13);
}

TEST_F(SweepTest, CsvHasTheColumnsOfTheLists) {
  const CliRun run =
      Opcost("sweep relu.onnx --batch 2,4 --bits 32 --format csv");
  EXPECT_EQ(run.status, kDone) << run.err;
  // 6 and 12 elements; once is the same, since each is read once.
  EXPECT_EQ(run.out,
            "bits,batch,unit,status,samples,macs,mul,add,reads,writes,mul_pj,"
            "add_pj,read_pj,write_pj,total_pj,min_pj,max_pj,once_pj\r\n"
            "32,2,pJ,exact,2,0,0,6,6,6,0.0,5.4,30.0,30.0,65.4,65.4,65.4,65.4"
            "\r\n"
            "32,4,pJ,exact,4,0,0,12,12,12,0.0,10.8,60.0,60.0,130.8,130.8,130.8,"
            "130.8\r\n");
}

TEST_F(SweepTest, TextIsAnAlignedTable) {
  const CliRun run = Opcost("sweep net.onnx --bits 32,int8 --dim H=8,16");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, AllOf(HasSubstr("bits  dim.H"), HasSubstr("total "),
                             HasSubstr("int8     16")));
  EXPECT_THAT(
      Opcost("sweep relu.onnx --table horowitz-45nm,eyeriss-relative").out,
      AllOf(HasSubstr(" pJ"), HasSubstr(" MAC")));
  EXPECT_EQ(Opcost("sweep relu.onnx -o out.txt").out, "");
  EXPECT_EQ(ReadFile("out.txt"), Opcost("sweep relu.onnx").out);
}

TEST_F(SweepTest, ErrorsNameTheOptionOrTheCombination) {
  ExpectFails(Opcost("sweep relu.onnx --bits 8,odd"), kBadUsage,
              "opcost: --bits: unknown number format 'odd'");
  ExpectFails(Opcost("sweep relu.onnx --bits 8,,16"), kBadUsage,
              "opcost: --bits: '8,,16' has an empty value in its list");
  ExpectFails(Opcost("sweep net.onnx --dim H=8 --dim H=16"), kBadUsage,
              "--dim: dim.H is given twice; give it one list");
  ExpectFails(Opcost("sweep relu.onnx --table horowitz-45nm,none"), kBadInput,
              "with --table none: ");
  ExpectFails(Opcost("sweep relu.onnx --dim Q=1,2"), kBadUsage,
              "with --dim Q=1: ");
  ExpectFails(Opcost("sweep relu.onnx --weights-from DRAM,attic"), kBadUsage,
              "with --weights-from attic: --weights-from: table horowitz-45nm "
              "has no tier 'attic'");
  ExpectFails(Opcost("sweep relu.onnx --batch 1..2000 --bits 1..128 --unbound "
                     "1..100"),
              kBadUsage, "a sweep has at most 1000000 combinations");
  ExpectFails(Opcost("sweep relu.onnx --format json"), kBadUsage,
              "use text, csv or jsonl");
  ExpectFails(Opcost("sweep relu.onnx --by op"), kBadUsage, "--by");
  ExpectFails(Opcost("sweep none.onnx --bits 8"), kBadInput, "none.onnx");
}

TEST_F(SweepTest, UnknownLayersAreIncomplete) {
  const CliRun run = Opcost("sweep unknown.onnx --bits 8,16 --format csv");
  EXPECT_EQ(run.status, kIncomplete);
  EXPECT_THAT(run.out, HasSubstr("lower-bound"));
  EXPECT_THAT(run.err, HasSubstr("opcost: unknown: Swirl 'z': "));
  EXPECT_EQ(Opcost("sweep unknown.onnx --allow-unknown").status, kDone);
}

TEST_F(SweepTest, AShortSweepDrawsNoProgress) {
  CliEnvironment environment;
  environment.err_is_terminal = true;
  const CliRun run = Opcost("sweep relu.onnx --batch 1,2", "", environment);
  EXPECT_EQ(run.status, kDone);
  EXPECT_THAT(run.err, Not(HasSubstr("combinations")));
}

}  // namespace
}  // namespace opcost
