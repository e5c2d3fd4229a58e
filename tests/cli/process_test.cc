// SPDX-License-Identifier: Apache-2.0
// The program itself, as a process among others.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <string>

#include "tests/cli/cli_run.h"
#include "tests/support/onnx_text.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class ProcessTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("m.onnx", OnnxBytesFromText(
                          "(float[2,3] x) => (float[2,3] y) { y = Relu(x) }"));
  }
  // `rest` is what a shell's line says after the program's name.
  static CliRun Shell(const std::string& rest) {
    const std::string line =
        "NO_COLOR= OPCOST_TABLE_PATH= '" OPCOST_EXECUTABLE "' " + rest;
    const int status =
        std::system(("{ " + line + "; } >out.txt 2>err.txt").c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, ReadFile("out.txt"),
            ReadFile("err.txt")};
  }
};

TEST_F(ProcessTest, PrintsWhatTheLibraryPrints) {
  const CliRun run = Shell("m.onnx --format json");
  EXPECT_EQ(run.status, kDone);
  EXPECT_EQ(run.err, "");
  EXPECT_EQ(run.out, RunCommand({"m.onnx", "--format", "json"}).out);
}

TEST_F(ProcessTest, ExitStatusesTellWhoseFaultItIs) {
  EXPECT_EQ(Shell("--version").status, kDone);
  EXPECT_EQ(Shell("none.onnx").status, kBadInput);
  EXPECT_EQ(Shell("m.onnx --nothing").status, kBadUsage);
  EXPECT_EQ(Shell("").status, kBadUsage);
}

TEST_F(ProcessTest, PrintsExpressionsAndTakesUnknownLayers) {
  PutFile("s.onnx", OnnxBytesFromText(
                        "(float[N,3] x) => (float[N,3] y) { y = Relu(x) }"));
  const CliRun run = Shell("s.onnx --symbolic --format csv");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(run.out,
            "name,op,times,status,macs,mul,add,reads,writes\r\n"
            "y,Relu,1,exact,0,0,3*N,3*N,3*N\r\n");
  PutFile("u.onnx",
          OnnxBytesFromText(
              "<ir_version: 8, opset_import: [\"\" : 13, \"d\" : 1]> g "
              "(float[2] x) => (float[2] y) { y = d.Swirl(x) }"));
  EXPECT_EQ(Shell("u.onnx").status, kIncomplete);
  EXPECT_EQ(Shell("u.onnx --allow-unknown").status, kDone);
  EXPECT_EQ(Shell("u.onnx --padding skipped --operators /none").status,
            kBadInput);
}

TEST_F(ProcessTest, LimitsEndWithAStatusOfTheirOwn) {
  EXPECT_EQ(Shell("m.onnx --max-energy 1J").status, kDone);
  EXPECT_EQ(Shell("m.onnx --max-energy 1pJ").status, kLimitExceeded);
  EXPECT_EQ(Shell("compare m.onnx m.onnx --max-ratio 1").status, kDone);
  EXPECT_EQ(Shell("compare m.onnx@bits=16 m.onnx --max-ratio 1.10").status,
            kLimitExceeded);
  const CliRun run = Shell("m.onnx --format json | '" OPCOST_EXECUTABLE
                           "' compare m.onnx - --max-layer-ratio 1");
  EXPECT_EQ(run.status, kDone) << run.err;
}

TEST_F(ProcessTest, SweepsOnAllCores) {
  const std::string line = "m.onnx --batch 1..200 --bits 4..32 --format csv";
  const CliRun run = Shell("sweep " + line);
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(run.out, RunCommand({"sweep", "m.onnx", "--batch", "1..200",
                                 "--bits", "4..32", "--format", "csv"})
                         .out);
}

TEST_F(ProcessTest, ReadsAModelFromAPipe) {
  const CliRun run = Shell("- --format csv < m.onnx");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(run.out, RunCommand({"m.onnx", "--format", "csv"}).out);
}

TEST_F(ProcessTest, AFullDiskIsAnErrorWithAMessage) {
  const CliRun run = Shell("m.onnx > /dev/full");
  EXPECT_EQ(run.status, kBadInput);
  EXPECT_EQ(run.err,
            "opcost: can't write standard output: No space left on device\n");
}

TEST_F(ProcessTest, AClosedOutputIsAnErrorWithAMessage) {
  const CliRun run = Shell("m.onnx >&-");
  EXPECT_EQ(run.status, kBadInput);
  EXPECT_THAT(run.err, StartsWith("opcost: can't write standard output"));
}

TEST_F(ProcessTest, AClosedPipeIsAnErrorAndNoSignal) {
  const CliRun run =
      Shell("--version; { sleep 0.2; '" OPCOST_EXECUTABLE
            "' m.onnx; echo $? > status.txt; } | true; sleep 0.5");
  EXPECT_EQ(ReadFile("status.txt"), "1\n");
  EXPECT_THAT(run.err, HasSubstr("can't write standard output: Broken pipe"));
}

TEST_F(ProcessTest, TheEnvironmentNamesFoldersOfTables) {
  ASSERT_EQ(Shell("tables new --from horowitz-45nm -o mine.toml").status,
            kDone);
  EXPECT_EQ(Shell("--version; OPCOST_TABLE_PATH=. '" OPCOST_EXECUTABLE
                  "' m.onnx --table mine")
                .status,
            kDone);
}

}  // namespace
}  // namespace opcost
