// SPDX-License-Identifier: Apache-2.0
// opcost collect from its command line to its file, with runners that need no
// package.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/csv_reader.h"
#include "tests/cli/cli_run.h"
#include "tests/cli/collected.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class CollectCommandTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("fake.py", kFakeRunner);
    PutFile("small.toml", kSmallRanges);
  }
  // Runs `opcost collect` with `more` arguments and short windows.
  static CliRun Collect(std::vector<std::string> more) {
    std::vector<std::string> arguments = {"collect"};
    for (const std::string& word : ShortRuns()) arguments.push_back(word);
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunCommand(arguments);
  }
  static std::vector<std::string> ListOf(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"collect", "--list", "--ranges",
                                          "small.toml"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return absl::StrSplit(RunCommand(arguments).out, '\n', absl::SkipEmpty());
  }
};

TEST_F(CollectCommandTest, MeasuresTheLayersThatItLists) {
  const CliRun run = Collect({"--layers", "Conv=2,Linear=3", "-o", "d.csv"});
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, StartsWith("d.csv: 5 rows, 5 of them new"));
  EXPECT_THAT(run.err, HasSubstr("5/5 Linear x="));
  const std::vector<std::string> layers = CollectedColumn("d.csv", "layer");
  EXPECT_THAT(layers,
              ElementsAreArray(ListOf({"--layers", "Conv=2,Linear=3"})));
  EXPECT_THAT(layers, ElementsAre(StartsWith("Conv "), StartsWith("Linear "),
                                  StartsWith("Conv "), StartsWith("Linear "),
                                  StartsWith("Linear ")));
  EXPECT_THAT(CollectedColumn("d.csv", "group"),
              ElementsAre("Conv", "Linear", "Conv", "Linear", "Linear"));
  for (const std::string& counter : CollectedColumn("d.csv", "counter")) {
    EXPECT_EQ(counter, "constant=10");
  }
}

// Layer i is the same however many there are, so that a collection can grow.
TEST_F(CollectCommandTest, GrowsWithoutMeasuringAgain) {
  ASSERT_EQ(Collect({"--layers", "Relu=2", "-o", "d.csv"}).status, kDone);
  const std::string before = ReadFile("d.csv");
  const CliRun run = Collect({"--layers", "Relu=4", "-o", "d.csv"});
  EXPECT_EQ(run.out.substr(0, run.out.find(" new")),
            "d.csv: 4 rows, 2 of them");
  EXPECT_EQ(ReadFile("d.csv").substr(0, before.size()), before);
  EXPECT_THAT(CollectedColumn("d.csv", "layer"),
              ElementsAreArray(ListOf({"--layers", "Relu=4"})));
}

TEST_F(CollectCommandTest, MeasuresNetworksWholeAndLayerByLayer) {
  std::filesystem::create_directory("out");
  std::filesystem::copy_file(OPCOST_SOURCE_DIR "/models/lenet-5.onnx",
                             "lenet.onnx");
  const std::vector<std::string> both = {"lenet.onnx", "--batch", "1,2", "-o",
                                         "out/d.csv"};
  const CliRun run = Collect(both);
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.err, HasSubstr("note: lenet.onnx: not measured alone, since "
                                 "it moves nothing: "));
  const std::vector<std::string> models = CollectedColumn("out/d.csv", "model");
  const std::vector<std::string> layers = CollectedColumn("out/d.csv", "layer");
  const std::vector<std::string> batches =
      CollectedColumn("out/d.csv", "batch");
  ASSERT_GT(models.size(), 2U);
  EXPECT_EQ(models[0], "../lenet.onnx");
  EXPECT_EQ(batches[0], "1");
  EXPECT_EQ(layers[0], "");
  EXPECT_EQ(models[1], "");
  EXPECT_EQ(batches[1], "");
  EXPECT_THAT(layers[1], StartsWith("Conv x=1x1x28x28 "));
  EXPECT_THAT(CollectedColumn("out/d.csv", "group"), ::testing::Each("lenet"));
  // The MACs of the whole are those of its layers, at either batch.
  const std::vector<std::string> macs = CollectedColumn("out/d.csv", "macs");
  int64_t whole = 0;
  int64_t parts = 0;
  for (size_t i = 0; i < macs.size(); ++i) {
    (models[i].empty() ? parts : whole) += std::stoll(macs[i]);
  }
  EXPECT_GT(whole, 0);
  EXPECT_EQ(whole, parts);

  const CliRun only = RunCommand({"collect", "lenet.onnx", "--networks",
                                  "whole", "--list", "--batch", "1..3"});
  EXPECT_EQ(only.out,
            "lenet.onnx --batch 1\nlenet.onnx --batch 2\n"
            "lenet.onnx --batch 3\n");
}

TEST_F(CollectCommandTest, NamesEachLayerThatFailsWithItsReason) {
  PutFile("fails", "");
  const CliRun run = Collect(
      {"--layers", "Relu=1,Tanh=1,Sigmoid=1,Softmax=1,Conv=1", "-o", "d.csv"});
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(CollectedColumn("d.csv", "group"), ElementsAre("Relu", "Conv"));
  EXPECT_THAT(run.out, HasSubstr("3 items failed, and are in d.failed.csv:\n"
                                 "  Tanh x="));
  const std::vector<std::string> reasons =
      CollectedColumn("d.failed.csv", "reason");
  EXPECT_THAT(reasons, ElementsAre(HasSubstr("not enough memory"),
                                   HasSubstr("it has ended (exit status 3)"),
                                   HasSubstr("no kernel for Softmax")));
  const CliRun again = Collect(
      {"--layers", "Relu=1,Tanh=1,Sigmoid=1,Softmax=1,Conv=1", "-o", "d.csv"});
  EXPECT_EQ(again.out,
            "d.csv: 2 rows, 0 of them new\n3 items failed before; without "
            "d.failed.csv they are tried again\n");
}

TEST_F(CollectCommandTest, EndsWith4WhereNothingCanBeMeasured) {
  const CliRun no_runner = RunCommand(
      {"collect", "--ranges", "small.toml", "--layers", "2", "--counter",
       "constant=10", "--runner", "/none/runner", "-o", "d.csv"});
  EXPECT_EQ(no_runner.status, kNotMeasured);
  EXPECT_THAT(no_runner.err, HasSubstr("/none/runner"));
  EXPECT_FALSE(std::filesystem::exists("d.csv"));
  const CliRun no_counter =
      RunCommand({"collect", "--ranges", "small.toml", "--layers", "2",
                  "--counter", "rapl", "--powercap-root", "none", "--runner",
                  "python3 fake.py", "-o", "d.csv"});
  EXPECT_EQ(no_counter.status, kNotMeasured);
  EXPECT_THAT(no_counter.err, HasSubstr("none"));
  EXPECT_FALSE(std::filesystem::exists("d.csv"));
}

TEST_F(CollectCommandTest, RefusesToContinueWithOtherDraws) {
  ASSERT_EQ(Collect({"--layers", "Relu=1", "-o", "d.csv"}).status, kDone);
  const std::string before = ReadFile("d.csv");
  const CliRun run =
      Collect({"--layers", "Relu=1", "--seed", "2", "-o", "d.csv"});
  EXPECT_EQ(run.status, kBadInput);
  EXPECT_THAT(run.err, HasSubstr("is none of the rows that this command "
                                 "measures"));
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(ReadFile("d.csv"), before);
}

TEST_F(CollectCommandTest, PrintsTheRangesThatItReads) {
  const CliRun ranges = RunCommand({"collect", "--print-ranges"});
  EXPECT_EQ(ranges.status, kDone);
  PutFile("printed.toml", ranges.out);
  const std::vector<std::string> list = {"collect", "--list", "--layers", "20"};
  std::vector<std::string> printed = list;
  printed.insert(printed.end(), {"--ranges", "printed.toml"});
  EXPECT_EQ(RunCommand(list).out, RunCommand(printed).out);
}

TEST_F(CollectCommandTest, DrawsThreeHundredLayersUnlessToldOtherwise) {
  const auto lines = [](const std::vector<std::string>& arguments) {
    const std::string out = RunCommand(arguments).out;
    return std::count(out.begin(), out.end(), '\n');
  };
  EXPECT_EQ(lines({"collect", "--list", "--ranges", "small.toml"}), 300);
  const std::string lenet =
      absl::StrCat(OPCOST_SOURCE_DIR, "/models/lenet-5.onnx");
  EXPECT_EQ(lines({"collect", "--list", "--networks", "whole", lenet}), 1);
  EXPECT_EQ(lines({"collect", "--list", "--ranges", "small.toml", "--layers",
                   "4", "--networks", "whole", lenet}),
            4 + 1);
}

TEST_F(CollectCommandTest, SaysWhatIsWrongWithItsOptions) {
  const struct {
    std::vector<std::string> arguments;
    const char* message;
  } kCases[] = {
      {{"--layers", "2"}, "opcost: -o DATA.csv is missing: "},
      {{"--layers", "x"}, "--layers: 'x' is not a whole number from 0 to "},
      {{"--layers", "Conf=2"},
       "--layers: no layer of 'Conf' can be drawn; did you mean 'Conv'?"},
      {{"--layers", "Conv=2,Conv=3"}, "--layers: 'Conv' is given twice"},
      {{"--layers", "Conv=2,3"}, "--layers: no layer of '3' can be drawn"},
      {{"--networks", "half"},
       "--networks: unknown value 'half'; use whole, layers or both"},
      {{"--batch", "0"}, "--batch: '0' is not a whole number from 1 to "},
      {{"--format", "json"}, "'collect' has no use for --format"},
  };
  for (const auto& expected : kCases) {
    std::vector<std::string> arguments = {"collect"};
    arguments.insert(arguments.end(), expected.arguments.begin(),
                     expected.arguments.end());
    const CliRun run = RunCommand(arguments);
    EXPECT_EQ(run.status, kBadUsage) << expected.message;
    EXPECT_THAT(run.err, HasSubstr(expected.message));
  }
  const CliRun no_file =
      RunCommand({"collect", "--ranges", "none.toml", "--list"});
  EXPECT_EQ(no_file.status, kBadInput);
  EXPECT_EQ(no_file.err,
            "opcost: --ranges: can't read none.toml: No such file or "
            "directory\n");
}

}  // namespace
}  // namespace opcost
