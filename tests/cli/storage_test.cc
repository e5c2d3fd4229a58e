// SPDX-License-Identifier: Apache-2.0
// --weights and --skip.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/cli/cli_run.h"
#include "tests/support/onnx_text.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSparse[] = R"(
  (float[1,4] x) => (float[1,2] y)
  <float[4,2] w = {0,0, 3,0, 0,0, 0,0}> { y = MatMul(x, w) })";

class StorageOptionsTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("m.onnx", OnnxBytesFromText(kSparse));
  }
};

TEST_F(StorageOptionsTest, AFormatIsNamedInTheReport) {
  const CliRun run = RunCommand({"m.onnx", "--weights", "bitmap"});
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, HasSubstr("weights bitmap"));
}

TEST_F(StorageOptionsTest, AnUnknownFormatIsAUsageError) {
  const CliRun run = RunCommand({"m.onnx", "--weights", "coo"});
  EXPECT_EQ(run.status, kBadUsage);
  EXPECT_EQ(run.err,
            "opcost: --weights: unknown value 'coo'; use dense, csr, cer, "
            "cser, bitmap, nm or auto\n");
}

TEST_F(StorageOptionsTest, WeightsAloneCanBeSkipped) {
  const CliRun run = RunCommand({"m.onnx", "--skip", "inputs"});
  EXPECT_EQ(run.status, kBadUsage);
  EXPECT_EQ(run.err, "opcost: --skip: unknown value 'inputs'; use weights\n");
}

TEST_F(StorageOptionsTest, SkippedPaddingAndFormatsExcludeEachOther) {
  for (const std::string flag : {"--weights=csr", "--weights=auto"}) {
    const CliRun run = RunCommand({"m.onnx", flag, "--padding", "skipped"});
    EXPECT_EQ(run.status, kBadUsage);
    EXPECT_THAT(run.err, HasSubstr(" and --padding skipped exclude each "
                                   "other: which products the padding skips "
                                   "depends on where the zeros are; leave one "
                                   "of them out\n"));
  }
  EXPECT_EQ(
      RunCommand({"m.onnx", "--weights=dense", "--padding=skipped"}).status,
      kDone);
}

TEST_F(StorageOptionsTest, SymbolicHasNoLeastEnergy) {
  const CliRun run = RunCommand({"m.onnx", "--weights=auto", "--symbolic"});
  EXPECT_EQ(run.status, kBadUsage);
  EXPECT_THAT(run.err, HasSubstr("--symbolic has no use for --weights auto"));
  EXPECT_EQ(RunCommand({"m.onnx", "--weights=csr", "--symbolic"}).status,
            kDone);
}

TEST_F(StorageOptionsTest, StandardInputHasItsWeights) {
  const CliRun file =
      RunCommand({"m.onnx", "--weights=csr", "--format", "csv"});
  const CliRun stream =
      RunCommand({"-", "--weights=csr", "--format", "csv"}, ReadFile("m.onnx"));
  EXPECT_EQ(stream.status, kDone) << stream.err;
  EXPECT_EQ(stream.out, file.out);
}

TEST_F(StorageOptionsTest, ExplainShowsTheFormatsFormula) {
  const CliRun run = RunCommand({"explain", "m.onnx", "--weights=csr"});
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, HasSubstr("reads row pointers = 2*m*P = 2*2*1 = 4"));
  EXPECT_THAT(RunCommand({"explain", "m.onnx"}).out,
              Not(HasSubstr("row pointers")));
}

TEST_F(StorageOptionsTest, DocumentsAgreeInEveryFormat) {
  for (const std::string format :
       {"csr", "cer", "cser", "bitmap", "nm", "auto"}) {
    ExpectDocumentsAgree({"m.onnx", "--weights", format});
  }
  ExpectDocumentsAgree({"m.onnx", "--skip", "weights"});
}

// 40 columns without a zero: no pattern, and a note that says so.
TEST_F(StorageOptionsTest, ALayerWithoutThePatternStaysDenseWithANote) {
  PutFile("full.onnx", OnnxBytesFromText(R"(
    (float[1,40] x) => (float[1,1] y) <int64[2] s = {40,1}> {
      w = ConstantOfShape<value = float[1] {1}>(s)
      y = MatMul(x, w)
    })"));
  const CliRun run = RunCommand({"full.onnx", "--weights=nm"});
  EXPECT_EQ(run.status, kDone);
  EXPECT_THAT(run.err,
              HasSubstr("note: MatMul 'y' stays dense: 'w': it has no N:M "
                        "pattern: somewhere 32 columns in a row hold no "
                        "zero\n"));
}

}  // namespace
}  // namespace opcost
