// SPDX-License-Identifier: Apache-2.0
// opcost compare, as a command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/cli/sides.h"
#include "src/report/utf8.h"
#include "tests/cli/cli_run.h"
#include "tests/support/json_schema.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

// y = Relu(x) of 2*3 elements: 6 adds of 0.9 pJ, 6 reads and 6 writes of 5 pJ.
constexpr char kRelu[] = "(float[2,3] x) => (float[2,3] y) { y = Relu(x) }";
constexpr char kReluTwice[] =
    "(float[2,3] x) => (float[2,3] z) { y = Relu(x) z = Relu(y) }";
constexpr char kSymbolic[] = "(float[N,S] x) => (float[N,S] y) { y = Relu(x) }";
constexpr char kUnknown[] =
    "<ir_version: 8, opset_import: [\"\" : 13, \"com.acme\" : 1]>"
    "g (float[2,3] x) => (float[2,3] z) { y = Relu(x) z = com.acme.Swirl(y) }";

class CompareCommandTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("relu.onnx", OnnxBytesFromText(kRelu));
    PutFile("twice.onnx", OnnxBytesFromText(kReluTwice));
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

json Document(const std::string& arguments, int status = kDone) {
  const CliRun run = Opcost("compare --format json " + arguments);
  EXPECT_EQ(run.status, status) << run.err;
  json document = json::parse(run.out, nullptr, false);
  EXPECT_FALSE(document.is_discarded());
  EXPECT_THAT(
      SchemaViolations(LoadSchema("comparison"), "comparison", document),
      IsEmpty());
  return document;
}

void Save(const std::string& arguments, const std::string& file) {
  const CliRun run = Opcost(arguments + " --format json -o " + file);
  ASSERT_EQ(run.status, kDone) << run.err;
}

TEST_F(CompareCommandTest, AModelAgainstItselfIsOneEverywhere) {
  const CliRun run = Opcost("compare relu.onnx relu.onnx");
  EXPECT_EQ(run.status, kDone);
  EXPECT_EQ(run.err, "");
  const json document = Document("relu.onnx relu.onnx");
  EXPECT_EQ(document["ratios"], json::parse("[1.0, 1.0]"));
  for (const json& layer : document["layers"]) {
    EXPECT_EQ(layer["ratios"], json::parse("[1.0, 1.0]"));
    EXPECT_EQ(layer["differences"][1]["total"], 0.0);
  }
}

TEST_F(CompareCommandTest, ASideHasOptionsOfItsOwn) {
  const json document =
      Document("relu.onnx relu.onnx@bits=int8 relu.onnx@bits=16,batch=4");
  // 6*(0.9 + 5 + 5), 6*(0.03 + 1.25 + 1.25), 12*(0.4 + 2.5 + 2.5).
  EXPECT_EQ(document["layers"][0]["energy_pj"],
            json::array({6 * 0.9 + 60.0, 6 * 0.03 + 15.0, 12 * 0.4 + 60.0}));
  EXPECT_EQ(document["models"][1]["options"]["bits"], "int8");
  EXPECT_EQ(document["models"][0]["options"]["bits"], nullptr);
  EXPECT_EQ(document["names"][2], "relu.onnx@bits=16,batch=4");
}

TEST_F(CompareCommandTest, OptionsThatStandAloneAreOfEverySide) {
  const json document = Document(
      "symbolic.onnx symbolic.onnx@dim=N=4 symbolic.onnx@bits=32,dim=S=6 "
      "--dim N=2 --dim S=3 --bits 16");
  // 2*3, 4*3, 2*6 elements.
  EXPECT_EQ(document["layers"][0]["energy_pj"],
            json::array({6 * 0.4 + 30.0, 12 * 0.4 + 60.0, 12 * 0.9 + 120.0}));
}

TEST_F(CompareCommandTest, ATableOfItsOwnIsADifferenceInPrices) {
  ASSERT_EQ(Opcost("tables new --from horowitz-45nm -o mine.toml").status,
            kDone);
  std::string text = ReadFile("mine.toml");
  const size_t at = text.find("add = 0.9");
  ASSERT_NE(at, text.npos);
  PutFile("mine.toml", text.replace(at, 9, "add = 1.9"));
  const json difference = Document(
      "relu.onnx relu.onnx@table=mine.toml")["layers"][0]["differences"][1];
  EXPECT_NEAR(double(difference["prices"]), 6 * (1.9 - 0.9), 1e-9);
  EXPECT_NEAR(double(difference["total"]), 6 * (1.9 - 0.9), 1e-9);
}

TEST_F(CompareCommandTest, AStorageFormatOfItsOwnIsAPartOfItsOwn) {
  PutFile("sparse.onnx", OnnxBytesFromText(R"(
      <ir_version: 8, opset_import: ["" : 17]> g
      (float[1,4] x) => (float[1,4] y)
      <float[4,4] w = {1, 0, 0, 2, 0, 3, 1, 0, 1, 1, 0, 0, 0, 0, 2, 1}> {
        y = MatMul(x, w)
      })"));
  const json document = Document(
      "sparse.onnx sparse.onnx@weights=csr sparse.onnx@weights=csr,"
      "bits=16 sparse.onnx@table=jouppi-7nm-hbm2,weights=nm");
  const json& layer = document["layers"][0];
  EXPECT_EQ(layer["weight_formats"],
            json::parse(R"(["dense", "csr", "csr", "nm"])"));
  const auto part = [&](size_t side, const char* name) {
    return double(layer["differences"][side][name]);
  };
  const auto energy = [&](size_t side) {
    return double(layer["energy_pj"][side]);
  };
  // Stored in csr, the same layer; nothing else has changed.
  EXPECT_DOUBLE_EQ(part(1, "format"), energy(1) - energy(0));
  EXPECT_EQ(part(1, "counts"), 0);
  // Dense, the half widths change the numbers' formats alone.
  const json dense = Document("sparse.onnx sparse.onnx@bits=16");
  EXPECT_DOUBLE_EQ(part(2, "width"),
                   double(dense["layers"][0]["differences"][1]["width"]));
  EXPECT_EQ(part(2, "counts"), 0);
  for (const size_t side : {size_t{1}, size_t{2}, size_t{3}}) {
    EXPECT_NEAR(part(side, "total"), energy(side) - energy(0), 1e-9);
  }
  EXPECT_NE(part(3, "prices"), 0);
  EXPECT_EQ(part(3, "counts"), 0);
  EXPECT_EQ(part(3, "width"), 0);
}

TEST_F(CompareCommandTest, OptionsThatASideCanNotHaveAreNamed) {
  ExpectFails(Opcost("compare relu.onnx relu.onnx@bit=8"), kBadUsage,
              "opcost: side 'relu.onnx@bit=8': a side has no option 'bit'; did "
              "you mean 'bits'?\n");
  ExpectFails(Opcost("compare relu.onnx relu.onnx@format=csv"), kBadUsage,
              "a side has no option 'format'");
  ExpectFails(Opcost("compare relu.onnx relu.onnx@bits"), kBadUsage,
              "bits needs a value: bits=B");
  ExpectFails(Opcost("compare relu.onnx relu.onnx@bits=odd"), kBadUsage,
              "side 'relu.onnx@bits=odd': bits: unknown number format 'odd'");
  ExpectFails(Opcost("compare relu.onnx relu.onnx@bits=8,bits=16"), kBadUsage,
              "bits is given more than once");
  ExpectFails(Opcost("compare relu.onnx relu.onnx@dim=Q=3"), kBadUsage,
              "side 'relu.onnx@dim=Q=3': ");
  ExpectFails(Opcost("compare relu.onnx"), kBadUsage,
              "an argument is missing; use: opcost compare BASE VARIANT...");
  ExpectFails(Opcost("compare relu.onnx none.onnx"), kBadInput, "none.onnx");
  ExpectFails(Opcost("compare - -", OnnxBytesFromText(kRelu)), kBadUsage,
              "only one side can come from standard input");
}

TEST_F(CompareCommandTest, AFileWithAnAtInItsNameIsItself) {
  PutFile("a@b=c.onnx", OnnxBytesFromText(kRelu));
  EXPECT_EQ(ParseSide("a@b=c.onnx").path, "a@b=c.onnx");
  EXPECT_EQ(ParseSide("a@b=c.onnx").options, "");
  EXPECT_EQ(ParseSide("a@b=c.onnx@bits=8").path, "a@b=c.onnx");
  EXPECT_EQ(ParseSide("a@b=c.onnx@bits=8").options, "bits=8");
  EXPECT_EQ(ParseSide("none@x@bits=8").path, "none@x");
  EXPECT_EQ(ParseSide("-@bits=8").path, "-");
  EXPECT_EQ(ParseSide("@bits=8").path, "");
  EXPECT_EQ(Opcost("compare relu.onnx a@b=c.onnx@bits=8").status, kDone);
}

TEST_F(CompareCommandTest, StandardInputIsAModelOrAReport) {
  const std::string report = Opcost("relu.onnx --format json").out;
  for (const std::string& in : {OnnxBytesFromText(kRelu), report}) {
    const CliRun run = Opcost("compare relu.onnx - --format json", in);
    EXPECT_EQ(run.status, kDone) << run.err;
    EXPECT_EQ(json::parse(run.out)["ratios"][1], 1.0);
  }
}

TEST_F(CompareCommandTest, ASavedReportIsASide) {
  Save("relu.onnx", "relu.json");
  Save("twice.onnx", "twice.json");
  const json models = Document("relu.onnx twice.onnx");
  for (const char* sides : {"relu.json twice.onnx", "relu.onnx twice.json",
                            "relu.json twice.json"}) {
    const json saved = Document(sides);
    EXPECT_EQ(saved["layers"], models["layers"]) << sides;
    EXPECT_EQ(saved["ratios"], models["ratios"]) << sides;
    EXPECT_EQ(saved["savings"], models["savings"]) << sides;
    EXPECT_EQ(saved["models"], models["models"]) << sides;
  }
}

TEST_F(CompareCommandTest, OptionsThatDifferFromAReportsAreNamed) {
  Save("relu.onnx --bits 16", "half.json");
  Save("relu.onnx", "own.json");
  ExpectFails(
      Opcost("compare half.json relu.onnx"), kBadInput,
      "opcost: half.json and relu.onnx differ in option bits "
      "(\"float16\" and null); a saved report can't be priced again, so "
      "give both the same options\n");
  EXPECT_EQ(Opcost("compare half.json relu.onnx --bits 16").status, kDone);
  ExpectFails(Opcost("compare own.json half.json"), kBadInput,
              "option bits (null and \"float16\")");
  ExpectFails(
      Opcost("compare half.json relu.onnx --memory-model once --bits 8"),
      kBadInput,
      "option bits (\"float16\" and \"float8\"), option memory_model "
      "(\"per-use\" and \"once\")");
  ExpectFails(Opcost("compare own.json relu.onnx@table=jouppi-7nm-hbm2"),
              kBadInput,
              "own.json and relu.onnx@table=jouppi-7nm-hbm2 differ "
              "in table (horowitz-45nm xxh3-128:");
  ExpectFails(Opcost("compare relu.onnx own.json@bits=8"), kBadUsage,
              "own.json is a saved report, which can't be priced with other "
              "options");
}

TEST_F(CompareCommandTest, AReportThatIsNoneSaysWhy) {
  Save("relu.onnx", "good.json");
  const std::string good = ReadFile("good.json");
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    PutFile("bad.json", text.replace(at, from.size(), to));
    return Opcost("compare relu.onnx bad.json");
  };
  ExpectFails(replaced("opcost.report/1", "opcost.report/2"), kBadInput,
              "opcost: bad.json: its schema is 'opcost.report/2'; only "
              "'opcost.report/1' can be compared\n");
  ExpectFails(replaced("\"name\": \"y\"", "\"name\": 5"), kBadInput,
              "bad.json.layers[0].name: it is no string");
  ExpectFails(replaced("\"reads\": 6", "\"reads\": -6"), kBadInput,
              "bad.json.layers[0].traffic[0].reads: it is no whole number from "
              "0 to 9223372036854775807");
  ExpectFails(replaced("\"type\": \"float32\", \"count\"",
                       "\"type\": \"floaty\", \"count\""),
              kBadInput, "'floaty' is no number format");
  ExpectFails(replaced("\"tier\": \"8KB\", \"reads\": 6",
                       "\"tier\": \"9KB\", \"reads\": 6"),
              kBadInput, "the totals have no tier '9KB'");
  ExpectFails(replaced("\"layers\": 1,", "\"layers\": 2,"), kBadInput,
              "bad.json: it holds 1 of 2 layers; save it without --top");
  ExpectFails(replaced("\"op\": \"add\"", "\"oops\": \"add\""), kBadInput,
              "bad.json.layers[0].arithmetic[0]: it has no 'op'");
  PutFile("bad.json", "{ \"schema\": ");
  ExpectFails(Opcost("compare relu.onnx bad.json"), kBadInput,
              "bad.json: it is no JSON object");
  PutFile("bad.json", "  { }");
  ExpectFails(Opcost("compare relu.onnx bad.json"), kBadInput,
              "bad.json: it has no 'schema'");
  PutFile("bad.json", std::string(100000, '{'));
  ExpectFails(Opcost("compare relu.onnx bad.json"), kBadInput, "bad.json: ");
  PutFile("bad.json", "{\"a\":" + std::string(100000, '[') +
                          std::string(100000, ']') + "}");
  ExpectFails(Opcost("compare relu.onnx bad.json"), kBadInput,
              "it has no 'schema'");
  Save("symbolic.onnx --symbolic", "symbolic.json");
  ExpectFails(Opcost("compare relu.onnx symbolic.json"), kBadInput,
              "it was made with --symbolic and has no energies");
}

TEST_F(CompareCommandTest, AReportWhoseTableIsNotAtHandIsComparedWhole) {
  ASSERT_EQ(Opcost("tables new --from horowitz-45nm -o mine.toml").status,
            kDone);
  Save("relu.onnx --table mine.toml", "a.json");
  Save("twice.onnx --table mine.toml", "b.json");
  const CliRun run = Opcost("compare a.json b.json --format json");
  EXPECT_EQ(run.status, kDone);
  EXPECT_THAT(run.err, AllOf(HasSubstr("the reports' table mine (xxh3-128:"),
                             HasSubstr("give it with --table")));
  EXPECT_EQ(json::parse(run.out)["layers"][0]["differences"][1], nullptr);
  const json document = Document("a.json b.json --table mine.toml");
  EXPECT_EQ(document["layers"][0]["differences"][1]["total"], 0.0);
}

TEST_F(CompareCommandTest, ARatioAboveItsLimitFailsAndNamesTheVariant) {
  const CliRun run =
      Opcost("compare relu.onnx relu.onnx twice.onnx --max-ratio 1.10");
  EXPECT_EQ(run.status, kLimitExceeded);
  EXPECT_THAT(run.out, HasSubstr("2.000"));
  EXPECT_EQ(run.err,
            "opcost: --max-ratio 1.10 is exceeded: twice.onnx takes 2 times "
            "what relu.onnx takes\n");
  EXPECT_EQ(Opcost("compare relu.onnx twice.onnx --max-ratio 2").status, kDone);
  for (const char* bad : {"0", "-1", "x", "1,1", "inf", "", "1.1x"}) {
    ExpectFails(RunCommand({"compare", "relu.onnx", "twice.onnx",
                            "--max-layer-ratio", bad}),
                kBadUsage, "--max-layer-ratio");
  }
}

TEST_F(CompareCommandTest, ALayerAboveItsLimitFailsAndIsNamed) {
  const std::string line = "compare relu.onnx relu.onnx@batch=4 ";
  const CliRun run = Opcost(line + "--max-layer-ratio 1.5");
  EXPECT_EQ(run.status, kLimitExceeded);
  EXPECT_THAT(
      run.err,
      HasSubstr("opcost: --max-layer-ratio 1.5 is exceeded: Relu 'y' of "
                "relu.onnx@batch=4 takes 2 times what 'y' of relu.onnx "
                "takes\n"));
  EXPECT_EQ(Opcost(line + "--max-layer-ratio 2").status, kDone);
  // A layer without a partner has no ratio.
  EXPECT_EQ(Opcost("compare relu.onnx twice.onnx --max-layer-ratio 1").status,
            kDone);
}

TEST_F(CompareCommandTest, MaxEnergyIsOfEverySide) {
  const CliRun run =
      Opcost("compare relu.onnx twice.onnx relu.onnx --max-energy 100pJ");
  EXPECT_EQ(run.status, kLimitExceeded);
  EXPECT_EQ(run.err,
            "opcost: --max-energy 100pJ is exceeded: twice.onnx takes 130.8 "
            "pJ\n");
  EXPECT_EQ(Opcost("compare relu.onnx relu.onnx --max-energy 100pJ").status,
            kDone);
  Save("relu.onnx --table eyeriss-relative", "macs.json");
  ExpectFails(Opcost("compare macs.json macs.json --max-energy 5mJ"), kBadUsage,
              "--max-energy: table eyeriss-relative is relative");
}

TEST_F(CompareCommandTest, UnknownLayersAreIncompleteAndPassNoLimit) {
  const CliRun run = Opcost("compare relu.onnx unknown.onnx");
  EXPECT_EQ(run.status, kIncomplete);
  EXPECT_THAT(run.err, HasSubstr("opcost: unknown: Swirl 'z': "));
  const std::string line = "compare unknown.onnx unknown.onnx --allow-unknown ";
  EXPECT_EQ(Opcost(line).status, kDone);
  const CliRun ratio = Opcost(line + "--max-ratio 5");
  EXPECT_EQ(ratio.status, kIncomplete);
  EXPECT_THAT(ratio.err, HasSubstr("--max-ratio 5 isn't shown to hold: "
                                   "unknown.onnx has unknown layers\n"));
  const CliRun layer = Opcost(line + "--max-layer-ratio 5");
  EXPECT_EQ(layer.status, kIncomplete);
  EXPECT_THAT(layer.err, HasSubstr("--max-layer-ratio 5 isn't shown to hold: 1 "
                                   "layer is unknown\n"));
  EXPECT_EQ(Opcost(line + "--max-energy 1pJ --max-ratio 5").status,
            kLimitExceeded);
  EXPECT_EQ(Opcost("compare relu.onnx unknown.onnx --max-ratio 0.5").status,
            kLimitExceeded);
}

TEST_F(CompareCommandTest, SidesOfDifferentSampleNumbersAreNoted) {
  EXPECT_THAT(Opcost("compare relu.onnx relu.onnx@batch=4").err,
              HasSubstr("note: relu.onnx runs 2 and relu.onnx@batch=4 4 "
                        "samples; energies are of whole runs\n"));
}

TEST_F(CompareCommandTest, WhatAllSidesSayIsSaidOnce) {
  const CliRun run = Opcost("compare relu.onnx relu.onnx --bits 12");
  const std::string warning = "has no price for add float12";
  const size_t first = run.err.find(warning);
  ASSERT_NE(first, run.err.npos) << run.err;
  EXPECT_EQ(run.err.find(warning, first + 1), run.err.npos);
  EXPECT_THAT(Opcost("compare relu.onnx relu.onnx@bits=12").err,
              HasSubstr("warning: relu.onnx@bits=12: table"));
  EXPECT_EQ(Opcost("compare relu.onnx relu.onnx@bits=12 -q").err, "");
}

TEST_F(CompareCommandTest, EveryFormatGoesToAFile) {
  for (const char* format : {"text", "json", "jsonl", "csv", "markdown"}) {
    const std::string line =
        absl::StrCat("compare relu.onnx twice.onnx --format ", format);
    const CliRun run = Opcost(line + " -o out.txt");
    EXPECT_EQ(run.status, kDone) << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(ReadFile("out.txt"), Opcost(line).out);
  }
}

TEST(CompareScreenTest, AlexNetWithFiveSidesFitsOneScreen) {
  const std::string alexnet = OPCOST_SOURCE_DIR "/models/alexnet.onnx";
  const CliRun run = RunCommand(
      {"compare", alexnet, alexnet + "@bits=int8", alexnet + "@bits=16",
       alexnet + "@weight-bits=int4", alexnet + "@memory-model=once"});
  EXPECT_EQ(run.status, kDone) << run.err;
  const std::vector<std::string> lines = absl::StrSplit(run.out, '\n');
  EXPECT_LE(lines.size(), 51u);
  for (const std::string& line : lines) EXPECT_LE(CodePoints(line), 100);
  EXPECT_THAT(run.out, AllOf(HasSubstr("E/A"), HasSubstr("classifier.6"),
                             HasSubstr("by width"), Not(HasSubstr("…l"))));
}

}  // namespace
}  // namespace opcost
