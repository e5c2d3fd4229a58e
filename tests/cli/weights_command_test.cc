// SPDX-License-Identifier: Apache-2.0
// opcost weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "onnx/onnx_pb.h"
#include "tests/cli/cli_run.h"
#include "tests/support/json_schema.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

// Four rows of 2:4, one of them zero; two layers share the second tensor.
constexpr char kText[] =
    "(float[2,8] x) => (float[2,8] y) <"
    "float[4,8] pruned = {1, 0, 0, 2, 0, 3, 4, 0, 0, 0, 5, 6, 7, 8, 0, 0,"
    " 0, 9, 0, 10, 11, 0, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0},"
    "float[4,4] shared = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2},"
    "float[8,4] wide = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2,"
    " 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 3}> {"
    " h = Gemm <transB = 1> (x, pruned) a = Gemm <transB = 1> (h, shared)"
    " b = Gemm <transB = 1> (a, shared) y = Gemm <transB = 1> (b, wide) }";

class WeightsCommand : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("m.onnx", OnnxBytesFromText(kText));
  }

  static CliRun Opcost(const std::string& line) {
    return RunCommand(absl::StrSplit(line, ' ', absl::SkipEmpty()));
  }
  static json Document(const std::string& line) {
    const CliRun run = Opcost(line + " --format json");
    EXPECT_EQ(run.status, kDone) << run.err;
    json document = json::parse(run.out, nullptr, false);
    EXPECT_THAT(SchemaViolations(LoadSchema("weights"), "survey", document),
                IsEmpty());
    return document;
  }
};

TEST_F(WeightsCommand, SaysWhatEachTensorIsLike) {
  const json document = Document("weights m.onnx");
  ASSERT_THAT(document["weights"], SizeIs(3));
  const json& pruned = document["weights"][0];
  EXPECT_EQ(pruned["name"], "pruned");
  EXPECT_EQ(pruned["type"], "float32");
  EXPECT_EQ(pruned["shape"], json({4, 8}));
  const json& statistics = pruned["statistics"];
  EXPECT_EQ(statistics["elements"], 4 * 8);
  EXPECT_EQ(statistics["zeros"], 4 * 8 - 12);
  EXPECT_EQ(statistics["pattern"], "2:4");
  EXPECT_EQ(statistics["distinct"], 1 + 12);
  EXPECT_EQ(statistics["minimum"], 0.0);
  EXPECT_EQ(statistics["maximum"], 12.0);
  EXPECT_EQ(statistics["zero_rows"], 1);
  const json& shared = document["weights"][1];
  EXPECT_EQ(shared["layers"], json({"a", "b"}));
  EXPECT_EQ(shared["statistics"]["distinct"], 2);
  // 12 of 16 are 1.
  EXPECT_NEAR(shared["statistics"]["entropy_bits"], 0.25 * 2 + 0.75 * 0.4150375,
              1e-6);
}

TEST_F(WeightsCommand, GivesTheEnergyThatAnEstimateHas) {
  const json survey = Document("weights m.onnx --bits 16");
  const CliRun run = Opcost("m.onnx --bits 16 --format json");
  const json report = json::parse(run.out);
  const json& dense = survey["weights"][0]["formats"][0];
  EXPECT_EQ(dense["format"], "dense");
  EXPECT_EQ(dense["bytes"], 4 * 8 * 2);
  EXPECT_EQ(dense["pj"], report["layers"][0]["energy_pj"]["total"]);
  EXPECT_EQ(survey["totals"]["dense"], report["totals"]["energy_pj"]["total"]);
  // Those of a tensor that two layers share.
  EXPECT_DOUBLE_EQ(survey["weights"][1]["formats"][0]["pj"].get<double>(),
                   report["layers"][1]["energy_pj"]["total"].get<double>() +
                       report["layers"][2]["energy_pj"]["total"].get<double>());
}

TEST_F(WeightsCommand, MarksTheBestAndHintsAtIt) {
  const json document = Document("weights m.onnx");
  for (const json& weights : document["weights"]) {
    double least = 1e30;
    std::string best;
    for (const json& form : weights["formats"]) {
      if (form["pj"].is_null() || form["pj"].get<double>() >= least) continue;
      least = form["pj"];
      best = form["format"];
    }
    EXPECT_EQ(weights["best"], best);
  }
  EXPECT_THAT(document["hint"].get<std::string>(), HasSubstr("--weights "));
  EXPECT_LE(document["totals"]["auto"].get<double>(),
            document["totals"]["dense"].get<double>());
}

TEST_F(WeightsCommand, FitsALineAndCutsWhereAsked) {
  const CliRun all = Opcost("weights m.onnx");
  EXPECT_EQ(all.status, kDone) << all.err;
  for (const absl::string_view line : absl::StrSplit(all.out, '\n')) {
    EXPECT_LE(line.size(), 100u) << line;
  }
  const CliRun top = Opcost("weights m.onnx --top 1");
  EXPECT_THAT(top.out, HasSubstr("2 smaller ones aren't shown (--top all)"));
  EXPECT_THAT(top.out, Not(HasSubstr("shared")));
}

TEST_F(WeightsCommand, WritesALineForEachTensor) {
  const CliRun csv = Opcost("weights m.onnx --format csv");
  const std::vector<std::string> rows =
      absl::StrSplit(csv.out, "\r\n", absl::SkipEmpty());
  EXPECT_THAT(rows, SizeIs(1 + 3));
  EXPECT_THAT(csv.out, HasSubstr("\r\nshared,a b,float32,4x4,16,0,,2,"));
  const CliRun jsonl = Opcost("weights m.onnx --format jsonl");
  const std::vector<std::string> lines =
      absl::StrSplit(jsonl.out, '\n', absl::SkipEmpty());
  ASSERT_THAT(lines, SizeIs(3 + 1));
  const json schema = LoadSchema("weights");
  for (const std::string& line : lines) {
    EXPECT_THAT(SchemaViolations(schema, json::parse(line)), IsEmpty()) << line;
  }
}

TEST_F(WeightsCommand, ReadsAModelFromStandardInput) {
  const CliRun run =
      RunCommand({"weights", "-", "--format", "csv"}, OnnxBytesFromText(kText));
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_EQ(run.out, Opcost("weights m.onnx --format csv").out);
}

// Bytes of a model whose weights lie in w.bin.
std::string ExternalModel() {
  auto proto =
      ProtoFromText("(float[2,8] x) => (float[2,300] y) { y = MatMul (x, w) }");
  EXPECT_TRUE(proto.ok()) << proto.status();
  onnx::TensorProto* w = proto->mutable_graph()->add_initializer();
  w->set_name("w");
  w->set_data_type(1);
  w->add_dims(8);
  w->add_dims(300);
  w->set_data_location(onnx::TensorProto::EXTERNAL);
  onnx::StringStringEntryProto* location = w->add_external_data();
  location->set_key("location");
  location->set_value("w.bin");
  return proto->SerializeAsString();
}

TEST_F(WeightsCommand, NamesAWeightFileThatIsMissingOrShort) {
  PutFile("e.onnx", ExternalModel());
  const CliRun missing = Opcost("weights e.onnx");
  EXPECT_EQ(missing.status, kBadInput);
  EXPECT_EQ(missing.out, "");
  EXPECT_EQ(missing.err,
            "opcost: the weights of 'w': w.bin: no such file; put the external "
            "data beside e.onnx\n");
  // Commands that look at no values do without.
  EXPECT_EQ(Opcost("e.onnx").status, kDone);
  PutFile("w.bin", std::string(9599, '\0'));
  EXPECT_EQ(Opcost("weights e.onnx").err,
            "opcost: the weights of 'w': in w.bin: float32 8x300 takes 9600 "
            "bytes from byte 0, but the file has 9599; it is cut off, or "
            "another model's: fetch or export it again\n");
  PutFile("w.bin", std::string(9600, '\0'));
  const json document = Document("weights e.onnx");
  EXPECT_EQ(document["weights"][0]["statistics"]["zeros"], 8 * 300);
  EXPECT_EQ(document["weights"][0]["statistics"]["zero_rows"], 300);
  EXPECT_EQ(document["weights"][0]["statistics"]["zero_columns"], 8);
}

TEST_F(WeightsCommand, SaysWhyAModelHasNone) {
  PutFile("none.onnx", OnnxBytesFromText(
                           "(float[2,3] x) => (float[2,3] y) { y = Relu(x) }"));
  const CliRun run = Opcost("weights none.onnx");
  EXPECT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out,
              HasSubstr("none: no contraction has a constant operand"));
}

// Of the layers that stay dense, and alone where their values were read.
TEST_F(WeightsCommand, HintsInReportsWhoseWeightsWereRead) {
  EXPECT_THAT(Opcost("m.onnx --skip weights").err,
              HasSubstr("note: 62.5 % zeros in 2:4: --weights nm (a dense "
                        "layer)\n"));
  EXPECT_THAT(Opcost("m.onnx").err, Not(HasSubstr("zeros")));
  EXPECT_THAT(Opcost("m.onnx --weights nm").err, Not(HasSubstr("zeros")));
  EXPECT_THAT(Opcost("m.onnx --weights auto").err, Not(HasSubstr("zeros")));
}

TEST_F(WeightsCommand, RunsAsAProcess) {
  const int status = std::system("'" OPCOST_EXECUTABLE
                                 "' weights m.onnx --format json > out.json");
  EXPECT_EQ(WEXITSTATUS(status), kDone);
  EXPECT_EQ(ReadFile("out.json"), Opcost("weights m.onnx --format json").out);
}

}  // namespace
}  // namespace opcost
