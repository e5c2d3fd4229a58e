// SPDX-License-Identifier: Apache-2.0
// --symbolic, --padding, --operators, --allow-unknown and --dim of expressions.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tests/cli/cli_run.h"
#include "tests/support/json_schema.h"
#include "tests/support/onnx_text.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kConv[] = R"(
  (float[N,3,8,8] x, float[4,3,3,3] w) => (float[N,4,8,8] y) {
    y = Conv<pads = [1,1,1,1]>(x, w) })";
constexpr char kUnknown[] =
    "<ir_version: 8, opset_import: [\"\" : 13, \"com.acme\" : 1]>"
    "g (float[2,3] x) => (float[2,3] z) { y = Relu(x) z = com.acme.Swirl(y) }";
constexpr char kSwirl[] = R"(schema = "opcost.operators/1"
[[operator]]
domain = "com.acme"
name = "Swirl"
inputs = [{ name = "X", shape = ["rest..."] }]
outputs = [{ name = "Y", shape = ["rest..."] }]
add = "3*rest"
)";

class SymbolsTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("conv.onnx", OnnxBytesFromText(kConv));
    PutFile("unknown.onnx", OnnxBytesFromText(kUnknown));
    PutFile("swirl.toml", kSwirl);
  }
};

CliRun Opcost(const std::string& command) {
  return RunCommand(absl::StrSplit(command, ' ', absl::SkipEmpty()));
}

void ExpectUsageError(const std::string& command, const std::string& message) {
  const CliRun run = Opcost(command);
  EXPECT_EQ(run.status, kBadUsage) << command;
  EXPECT_EQ(run.out, "") << command;
  EXPECT_THAT(run.err, HasSubstr(message));
}

TEST_F(SymbolsTest, WhatShowsEnergiesHasNoUseBesideSymbolic) {
  for (const char* option : {"--unit pJ", "--top 3", "--sort energy",
                             "--sort macs", "--weights-from 1MB"}) {
    const std::string flag =
        std::vector<std::string>(absl::StrSplit(option, ' '))[0];
    ExpectUsageError(absl::StrCat("conv.onnx --symbolic ", option),
                     absl::StrCat("--symbolic has no use for ", flag));
  }
  ExpectUsageError("conv.onnx --symbolic --array-scope operand",
                   "--symbolic has no use for --array-scope operand");
  ExpectUsageError("explain conv.onnx --symbolic",
                   "'explain' has no use for --symbolic");
}

TEST_F(SymbolsTest, SymbolicDocumentsFollowTheSchema) {
  const nlohmann::json schema = LoadSchema("report");
  for (const char* more :
       {"", " --by op", " --dim N=2", " --padding skipped"}) {
    for (const char* model : {"conv.onnx", "unknown.onnx"}) {
      if (model == std::string("unknown.onnx") &&
          more == std::string(" --dim N=2")) {
        continue;
      }
      const CliRun run =
          Opcost(absl::StrCat(model, " --symbolic --format json", more));
      const nlohmann::json report = nlohmann::json::parse(run.out);
      EXPECT_THAT(SchemaViolations(schema, "symbolic_report", report),
                  IsEmpty())
          << run.out;
      EXPECT_TRUE(report["totals"]["macs"].is_string());
      EXPECT_TRUE(report["options"]["symbolic"].get<bool>());
      const CliRun lines =
          Opcost(absl::StrCat(model, " --symbolic --format jsonl", more));
      for (const absl::string_view line :
           absl::StrSplit(lines.out, '\n', absl::SkipEmpty())) {
        EXPECT_THAT(
            SchemaViolations(schema, nlohmann::json::parse(std::string(line))),
            IsEmpty())
            << line;
      }
    }
  }
}

TEST_F(SymbolsTest, SymbolicOfBoundSizesIsNumbers) {
  const CliRun run = Opcost("conv.onnx --symbolic --dim N=2 --format csv");
  EXPECT_EQ(run.status, kDone) << run.err;
  const int64_t macs = int64_t{2 * 4 * 8 * 8} * (3 * 3 * 3);
  EXPECT_EQ(run.out,
            absl::StrCat("name,op,times,status,macs,mul,add,reads,writes\r\n"
                         "y,Conv,1,exact,",
                         macs, ",", macs, ",", macs, ",", 2 * macs, ",",
                         2 * 4 * 8 * 8, "\r\n"));
}

TEST_F(SymbolsTest, AllowUnknownMakesTheStatusZero) {
  for (const char* command :
       {"unknown.onnx", "explain unknown.onnx", "unknown.onnx --symbolic"}) {
    const CliRun strict = Opcost(command);
    EXPECT_EQ(strict.status, kIncomplete) << strict.err;
    const CliRun allowed = Opcost(absl::StrCat(command, " --allow-unknown"));
    EXPECT_EQ(allowed.status, kDone);
    EXPECT_EQ(allowed.out, strict.out);
    EXPECT_EQ(allowed.err, strict.err);
  }
  ExpectUsageError("shapes unknown.onnx --allow-unknown",
                   "'shapes' has no use for --allow-unknown");
}

TEST_F(SymbolsTest, PaddingIsCountedOrSkipped) {
  const CliRun counted = Opcost("conv.onnx --padding counted --format json");
  EXPECT_EQ(counted.out, Opcost("conv.onnx --format json").out);
  const auto report = nlohmann::json::parse(
      Opcost("conv.onnx --padding skipped --format json").out);
  EXPECT_EQ(report["options"]["padding"], "skipped");
  EXPECT_EQ(report["totals"]["macs"], 4 * 3 * 22 * 22);
  EXPECT_THAT(Opcost("conv.onnx --padding skipped").out,
              HasSubstr("padding skipped"));
  ExpectUsageError("conv.onnx --padding none",
                   "unknown value 'none'; use counted or skipped");
}

TEST_F(SymbolsTest, OperatorsOfOnesOwnAreCounted) {
  const CliRun run =
      Opcost("unknown.onnx --operators swirl.toml --format json");
  EXPECT_EQ(run.status, kDone) << run.err;
  const auto report = nlohmann::json::parse(run.out);
  EXPECT_EQ(report["totals"]["add"], 6 + 3 * 6);
  EXPECT_EQ(report["options"]["operators"], "swirl.toml");
  EXPECT_EQ(Opcost("shapes unknown.onnx --operators swirl.toml").status, kDone);
  EXPECT_THAT(
      Opcost("explain unknown.onnx --layer z --operators swirl.toml").out,
      HasSubstr("3*rest = 3*6 = 18"));
}

TEST_F(SymbolsTest, AnOperatorsFileThatCantBeReadIsAnError) {
  const CliRun none = Opcost("unknown.onnx --operators none.toml");
  EXPECT_EQ(none.status, kBadInput);
  EXPECT_EQ(none.err,
            "opcost: --operators: can't read none.toml: No such file or "
            "directory\n");
  PutFile("bad.toml", "schema = \n");
  const CliRun bad = Opcost("unknown.onnx --operators bad.toml");
  EXPECT_EQ(bad.status, kBadInput);
  EXPECT_EQ(bad.out, "");
  EXPECT_THAT(bad.err, HasSubstr("bad.toml:1:"));
  const CliRun folder = Opcost("unknown.onnx --operators .");
  EXPECT_EQ(folder.status, kBadInput);
}

}  // namespace
}  // namespace opcost
