// SPDX-License-Identifier: Apache-2.0
// Limits and the exit statuses that they give.
#include "src/cli/limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/cli/cli_run.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

// y = Relu(x) of 2*3 elements: 6 * 0.9 + 6 * 5.0 + 6 * 5.0 = 65.4 pJ.
constexpr char kRelu[] = "(float[2,3] x) => (float[2,3] y) { y = Relu(x) }";
constexpr char kUnknown[] =
    "<ir_version: 8, opset_import: [\"\" : 13, \"com.acme\" : 1]>"
    "g (float[2,3] x) => (float[2,3] z) { y = Relu(x) z = com.acme.Swirl(y) }";
// Of the elements that are at most all of them.
constexpr char kUpperBound[] =
    "(float[2,3] x) => (int64[2,N] y) { y = NonZero(x) }";

class LimitsTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("relu.onnx", OnnxBytesFromText(kRelu));
    PutFile("unknown.onnx", OnnxBytesFromText(kUnknown));
    PutFile("bound.onnx", OnnxBytesFromText(kUpperBound));
  }
};

CliRun Opcost(const std::string& command) {
  return RunCommand(absl::StrSplit(command, ' ', absl::SkipEmpty()));
}

TEST(EnergyLimitTest, HasANumberAndAUnit) {
  const std::vector<std::pair<std::string, double>> cases = {
      {"5mJ", 5e9},     {"5 mJ", 5e9},   {"2.5e3pJ", 2500.0},
      {"0.5nJ", 500.0}, {"7uJ", 7e6},    {"1J", 1e12},
      {"0pJ", 0.0},     {"1E-3J", 1e9},  {"1.2GMAC", 1.2e9},
      {"3MAC", 3.0},    {"3 kMAC", 3e3}, {"4MMAC", 4e6},
      {"1TMAC", 1e12},  {"1PMAC", 1e15}, {"2EMAC", 2e18},
      {"2e1EMAC", 2e19}};
  for (const auto& [text, amount] : cases) {
    ASSERT_OK_AND_ASSIGN(const EnergyLimit limit, ParseEnergyLimit(text));
    EXPECT_DOUBLE_EQ(limit.amount, amount) << text;
    EXPECT_EQ(limit.is_relative, text.find("MAC") != text.npos) << text;
    EXPECT_EQ(limit.text, text);
  }
}

TEST(EnergyLimitTest, AnythingElseIsAUsageError) {
  for (const char* text :
       {"", "5", "mJ", "5 mj", "5mJx", "-5mJ", "+5mJ", "5.mJ", ".5mJ", "inf J",
        "nanJ", "0x5mJ", "5 kJ", "1e999J", "5e mJ", "MAC", "1 G MAC"}) {
    const auto limit = ParseEnergyLimit(text);
    ASSERT_FALSE(limit.ok()) << text;
    EXPECT_TRUE(IsUsageError(limit.status())) << text;
    EXPECT_THAT(std::string(limit.status().message()),
                HasSubstr("is not an energy; give a number and pJ, nJ, uJ, mJ "
                          "or J (5mJ)"));
  }
}

TEST(ExitStatusTest, TheWorstOfSeveralIsUsageThenInputThenLimitThenUnknown) {
  const ExitStatus order[] = {kBadUsage, kBadInput, kLimitExceeded, kIncomplete,
                              kDone};
  for (size_t i = 0; i < 5; ++i) {
    for (size_t j = i; j < 5; ++j) {
      EXPECT_EQ(Worse(order[i], order[j]), order[i]);
      EXPECT_EQ(Worse(order[j], order[i]), order[i]);
    }
  }
}

TEST_F(LimitsTest, ATotalAtTheLimitPassesAndOneAboveItFails) {
  const std::string report = Opcost("relu.onnx").out;
  EXPECT_EQ(Opcost("relu.onnx --max-energy 65.4pJ").status, kDone);
  EXPECT_EQ(Opcost("relu.onnx --max-energy 65.4pJ").err, "");
  const CliRun run = Opcost("relu.onnx --max-energy 65.3pJ");
  EXPECT_EQ(run.status, kLimitExceeded);
  EXPECT_EQ(run.out, report);
  EXPECT_EQ(run.err,
            "opcost: --max-energy 65.3pJ is exceeded: relu.onnx takes 65.4 "
            "pJ\n");
}

TEST_F(LimitsTest, ALimitHoldsForEveryFormat) {
  for (const char* format : {"text", "json", "jsonl", "csv", "markdown"}) {
    const std::string line = std::string("relu.onnx -q --format ") + format;
    EXPECT_EQ(Opcost(line + " --max-energy 1pJ").status, kLimitExceeded);
    EXPECT_EQ(Opcost(line + " --max-energy 1J").status, kDone);
  }
}

TEST_F(LimitsTest, ALowerBoundAboveTheLimitExceedsIt) {
  const CliRun run = Opcost("unknown.onnx --max-energy 65pJ");
  EXPECT_EQ(run.status, kLimitExceeded);
  EXPECT_THAT(run.err, HasSubstr("--max-energy 65pJ is exceeded: unknown.onnx "
                                 "takes at least 65.4 pJ\n"));
  EXPECT_EQ(Opcost("unknown.onnx --max-energy 65pJ --allow-unknown").status,
            kLimitExceeded);
}

TEST_F(LimitsTest, AnUnknownLayerNeverPassesALimit) {
  for (const char* more : {"", " --allow-unknown"}) {
    const CliRun run =
        Opcost(std::string("unknown.onnx --max-energy 1J") + more);
    EXPECT_EQ(run.status, kIncomplete);
    EXPECT_THAT(run.err, HasSubstr("opcost: --max-energy 1J isn't shown to "
                                   "hold: unknown.onnx has unknown layers\n"));
  }
  EXPECT_EQ(Opcost("unknown.onnx --allow-unknown").status, kDone);
}

TEST_F(LimitsTest, AnUpperBoundAboveTheLimitFails) {
  // 6 adds of 0.9 pJ, 6 reads of 5 pJ, and 2*6 writes of 64 bits at 10 pJ.
  const CliRun run = Opcost("bound.onnx --max-energy 155.3pJ");
  EXPECT_EQ(run.status, kLimitExceeded);
  EXPECT_THAT(run.err, HasSubstr("takes at most 155.4 pJ\n"));
  EXPECT_EQ(Opcost("bound.onnx --max-energy 156pJ").status, kDone);
}

TEST_F(LimitsTest, ARelativeTableHasLimitsInMacs) {
  const std::string relative = "relu.onnx --table eyeriss-relative";
  EXPECT_EQ(Opcost(relative + " --max-energy 1GMAC").status, kDone);
  const CliRun run = Opcost(relative + " --max-energy 1MAC");
  EXPECT_EQ(run.status, kLimitExceeded);
  EXPECT_THAT(run.err, HasSubstr(" MAC\n"));
  const CliRun joules = Opcost(relative + " --max-energy 5mJ");
  EXPECT_EQ(joules.status, kBadUsage);
  EXPECT_EQ(joules.out, "");
  EXPECT_THAT(joules.err,
              HasSubstr("--max-energy: table eyeriss-relative is relative, its "
                        "unit one MAC, so that 5mJ says nothing of it"));
  const CliRun macs = Opcost("relu.onnx --max-energy 5MAC");
  EXPECT_EQ(macs.status, kBadUsage);
  EXPECT_THAT(macs.err, HasSubstr("table horowitz-45nm gives joules"));
}

TEST_F(LimitsTest, UsageAndInputComeBeforeALimit) {
  EXPECT_EQ(Opcost("none.onnx --max-energy 1pJ").status, kBadInput);
  EXPECT_EQ(Opcost("relu.onnx --max-energy 1pJ --dim N=1").status, kBadUsage);
  const CliRun run = Opcost("relu.onnx --max-energy 5");
  EXPECT_EQ(run.status, kBadUsage);
  EXPECT_THAT(run.err, HasSubstr("opcost: --max-energy: '5' is not an energy"));
  EXPECT_THAT(Opcost("relu.onnx --symbolic --max-energy 1pJ").err,
              HasSubstr("--symbolic has no use for --max-energy"));
  EXPECT_EQ(Opcost("explain relu.onnx --max-energy 1pJ").status, kBadUsage);
}

}  // namespace
}  // namespace opcost
