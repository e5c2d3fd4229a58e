// SPDX-License-Identifier: Apache-2.0
// --graph: the three readings, through the command line.
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

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using Json = nlohmann::json;

// 8 outputs of 9 products each, requantised; a Relu that the saturation is.
constexpr char kConv[] = R"(
  (uint8[N,1,4,4] x) => (uint8[N,2,2,2] y)
  <float xs = {0.5}, int8[2,1,3,3] w = {1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1},
   float ws = {0.25}, uint8 z = {0}> {
    xf = DequantizeLinear(x, xs)
    wf = DequantizeLinear(w, ws)
    c = Conv(xf, wf)
    a = Relu(c)
    y = QuantizeLinear(a, xs, z)
  })";

class GraphTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("q.onnx", OnnxBytesFromText(kConv));
    PutFile("float.onnx", OnnxBytesFromText(R"(
      (float[1,3,8,8] x, float[4,3,3,3] w) => (float[1,4,6,6] y) {
        c = Conv(x, w)
        y = Relu(c)
      })"));
  }
  static CliRun Opcost(const std::string& command) {
    return RunCommand(absl::StrSplit(command, ' ', absl::SkipEmpty()));
  }
  static Json Report(const std::string& options) {
    const CliRun run = Opcost(absl::StrCat("q.onnx --format json ", options));
    EXPECT_EQ(run.status, kDone) << run.err;
    return Json::parse(run.out);
  }
  static std::vector<std::string> Ops(const Json& report) {
    std::vector<std::string> ops;
    for (const Json& layer : report["layers"]) ops.push_back(layer["op"]);
    return ops;
  }
};

TEST_F(GraphTest, FoldedIsTheDefault) {
  EXPECT_EQ(Opcost("q.onnx --graph folded").out, Opcost("q.onnx").out);
  EXPECT_THAT(Opcost("q.onnx").out, HasSubstr("graph    folded; "));
  EXPECT_THAT(Opcost("q.onnx --graph as-written").out,
              HasSubstr("graph    as-written; "));
}

TEST_F(GraphTest, ReportsSayTheReadingAndItsArrays) {
  const Json folded = Report("");
  EXPECT_EQ(folded["options"]["graph"], "folded");
  EXPECT_THAT(Ops(folded), ElementsAre("Conv"));
  const Json& layer = folded["layers"][0];
  EXPECT_EQ(layer["name"], "c");
  EXPECT_EQ(layer["inputs"], Json({"x", "w", "xs", "ws", "z"}));
  EXPECT_EQ(layer["outputs"], Json({"y"}));
  ASSERT_EQ(layer["folded"].size(), 4U);
  EXPECT_EQ(layer["folded"][2],
            Json({{"name", "a"},
                  {"op", "Relu"},
                  {"reason", "the saturation absorbs it"}}));
  EXPECT_EQ(folded["totals"]["macs"], 8 * 9);
  EXPECT_EQ(folded["totals"]["mul"], 8 * 9 + 8);
  EXPECT_EQ(folded["totals"]["add"], 8 * 9 + 3 * 8);

  const Json written = Report("--graph as-written");
  EXPECT_EQ(written["options"]["graph"], "as-written");
  EXPECT_THAT(Ops(written), ElementsAre("DequantizeLinear", "Conv", "Relu",
                                        "QuantizeLinear"));
  EXPECT_EQ(written["totals"]["macs"], 8 * 9);
  for (const Json& each : written["layers"]) {
    EXPECT_FALSE(each.contains("folded"));
  }
  const Json deployed = Report("--graph deployed");
  EXPECT_EQ(deployed["options"]["graph"], "deployed");
  const Json schema = LoadSchema("report");
  for (const Json& report : {folded, written, deployed}) {
    EXPECT_THAT(SchemaViolations(schema, "report", report), IsEmpty());
  }
}

TEST_F(GraphTest, SymbolicCountsAreOfTheReading) {
  const CliRun run = Opcost("q.onnx --symbolic --format csv");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out, HasSubstr("c,Conv,1,exact,72*N,80*N,96*N,"));
  EXPECT_THAT(Opcost("q.onnx --symbolic --format csv --graph as-written").out,
              HasSubstr("a,Relu,1,exact,0,0,8*N,8*N,8*N"));
}

TEST_F(GraphTest, VerboseListsEveryFolding) {
  const CliRun verbose = Opcost("q.onnx -v");
  EXPECT_THAT(verbose.err,
              HasSubstr("note: Relu 'a' folds into Conv 'c': the saturation "
                        "absorbs it\n"));
  EXPECT_THAT(verbose.err,
              HasSubstr("note: DequantizeLinear 'wf' folds into Conv 'c': "));
  EXPECT_THAT(Opcost("q.onnx").err, Not(HasSubstr("folds")));
  EXPECT_THAT(Opcost("q.onnx -v --graph as-written").err,
              Not(HasSubstr("folds")));
}

TEST_F(GraphTest, ExplainShowsWhatWasFoldedAndWhatItAdds) {
  const std::string text = Opcost("explain q.onnx --layer c").out;
  EXPECT_THAT(text, HasSubstr("folded into it (--graph folded)\n"));
  EXPECT_THAT(text, HasSubstr("  Relu a: the saturation absorbs it\n"));
  EXPECT_THAT(text, HasSubstr("mul      + out = 8 (requantisation: "));
  EXPECT_THAT(Opcost("explain q.onnx --graph as-written").out,
              Not(HasSubstr("folded into it")));
  EXPECT_THAT(Opcost("explain float.onnx --graph deployed").out,
              HasSubstr("  Relu y: it runs on the accumulators;"));
}

TEST_F(GraphTest, WhatIsNoReadingOrReadsNoLayersIsRefused) {
  const CliRun wrong = Opcost("q.onnx --graph fused");
  EXPECT_EQ(wrong.status, kBadUsage);
  EXPECT_THAT(wrong.err, HasSubstr("unknown value 'fused'; use as-written, "
                                   "folded or deployed"));
  const CliRun shapes = Opcost("shapes q.onnx --graph folded");
  EXPECT_EQ(shapes.status, kBadUsage);
  EXPECT_THAT(shapes.err, HasSubstr("'shapes' has no use for --graph"));
}

}  // namespace
}  // namespace opcost
