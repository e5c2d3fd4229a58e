// SPDX-License-Identifier: Apache-2.0
// JSON, JSON lines and CSV.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "tests/report/fixture.h"
#include "tests/support/json_schema.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

RenderOptions As(Format format) {
  RenderOptions options;
  options.format = format;
  return options;
}

std::vector<std::string> KeysOf(const json& object) {
  std::vector<std::string> keys;
  for (const auto& [key, unused] : object.items()) keys.push_back(key);
  return keys;
}

// Parses the report, which must be valid by the schema that ships.
json ReportOf(const Estimate& estimate, RenderOptions options = {}) {
  options.format = Format::kJson;
  json report = json::parse(RenderEstimate(estimate, options));
  EXPECT_THAT(SchemaViolations(LoadSchema("report"), "report", report),
              IsEmpty());
  EXPECT_THAT(SchemaViolations(LoadSchema("report"), report), IsEmpty());
  return report;
}

std::vector<json> LinesAsJson(const Estimate& estimate,
                              RenderOptions options = {}) {
  options.format = Format::kJsonl;
  std::vector<json> lines;
  for (const std::string& line : LinesOf(RenderEstimate(estimate, options))) {
    lines.push_back(json::parse(line));
    EXPECT_THAT(SchemaViolations(LoadSchema("report"), lines.back()),
                IsEmpty());
  }
  return lines;
}

// Cells of CSV without quoted ones.
std::vector<std::vector<std::string>> CsvOf(const Estimate& estimate) {
  std::vector<std::vector<std::string>> rows;
  const std::string csv = RenderEstimate(estimate, As(Format::kCsv));
  for (absl::string_view line : absl::StrSplit(csv, "\r\n")) {
    if (!line.empty()) rows.push_back(absl::StrSplit(line, ','));
  }
  return rows;
}

TEST(EstimateJsonTest, SaysWhatTheNumbersRestOn) {
  const Priced tiny(TinyModel().Build());
  const json report = ReportOf(*tiny);
  EXPECT_THAT(KeysOf(report),
              ElementsAre("layers", "model", "opcost", "options", "schema",
                          "table", "totals", "warnings"));
  EXPECT_EQ(report["schema"], "opcost.report/1");
  EXPECT_EQ(report["model"], json::parse(R"({
      "path": "tiny.onnx",
      "structure_digest": "xxh3-128:00112233445566778899aabbccddeeff",
      "producer": "by hand", "ir_version": 8, "opset": {"ai.onnx": 17},
      "parameters": 57, "weight_bytes": 228,
      "inputs": [{"name": "x", "type": "float32", "shape": [1, 2, 4, 4]}]})"));
  EXPECT_EQ(report["options"], json::parse(R"({
      "bits": null, "table": "plain", "memory_model": "per-use",
      "array_scope": "tensor", "graph": "folded", "padding": "counted",
      "weights": "dense", "dims": {}})"));
  EXPECT_EQ(report["table"]["name"], "plain");
  EXPECT_EQ(report["table"]["unit"], "pJ");
  EXPECT_THAT(report["table"]["source"].get<std::string>(),
              HasSubstr("Nobody, Numbers that are easy to add, page 1"));
}

TEST(EstimateJsonTest, HasEachCountAndEnergyOfALayer) {
  const Priced tiny(TinyModel().Build());
  const json report = ReportOf(*tiny);
  EXPECT_EQ(report["layers"][0], json::parse(R"({
      "name": "conv1", "op": "Conv", "domain": "",
      "inputs": ["x", "w", "b"], "outputs": ["y"], "times": 1,
      "output_shape": [1, 3, 2, 2], "status": "exact", "macs": 216,
      "weight_format": "dense",
      "arithmetic": [
        {"op": "mul", "type": "float32", "count": 216, "pj": 432.0},
        {"op": "add", "type": "float32", "count": 216, "pj": 216.0}],
      "traffic": [
        {"array": "x", "role": "input", "type": "float32", "bytes": 128,
         "tier": "SRAM", "reads": 216, "writes": 0, "pj": 216.0},
        {"array": "w", "role": "weight", "type": "float32", "bytes": 216,
         "tier": "DRAM", "reads": 216, "writes": 0, "pj": 21600.0},
        {"array": "b", "role": "bias", "type": "float32", "bytes": 12,
         "tier": "SRAM", "reads": 12, "writes": 0, "pj": 12.0},
        {"array": "y", "role": "output", "type": "float32", "bytes": 48,
         "tier": "SRAM", "reads": 0, "writes": 12, "pj": 24.0}],
      "energy_pj": {"mul": 432.0, "add": 216.0, "read": 21828.0,
                    "write": 24.0, "total": 22500.0},
      "notes": []})"));
  EXPECT_EQ(report["layers"][2]["energy_pj"]["total"], 0.0);
  EXPECT_EQ(report["layers"][2]["weight_format"], nullptr);
}

TEST(EstimateJsonTest, HasTheTotals) {
  const Priced tiny(TinyModel().Build());
  EXPECT_EQ(ReportOf(*tiny)["totals"], json::parse(R"({
      "status": "exact", "layers": 3, "macs": 216, "mul": 216, "add": 228,
      "reads": 456, "writes": 15, "samples": 1,
      "energy_pj": {"mul": 432.0, "add": 228.0, "read": 21840.0,
                    "write": 30.0, "total": 22530.0,
                    "min": 22530.0, "max": 22530.0},
      "once_pj": 6137.0,
      "by_tier": [{"tier": "SRAM", "reads": 240, "writes": 15, "pj": 270.0},
                  {"tier": "DRAM", "reads": 216, "writes": 0,
                   "pj": 21600.0}]})"));
}

TEST(EstimateJsonTest, CountsAreIntegersAndEnergiesAreNot) {
  const Priced tiny(TinyModel().Build());
  const std::string text = RenderEstimate(*tiny, As(Format::kJson));
  EXPECT_THAT(text, HasSubstr("\"macs\": 216,"));
  EXPECT_THAT(text, HasSubstr("\"total\": 22500.0}"));
  EXPECT_THAT(text, HasSubstr("\"output_shape\": [1, 3, 2, 2]"));
  EXPECT_EQ(text.back(), '\n');
}

TEST(EstimateJsonTest, AnUnknownLayerHasNoNumbers) {
  const Priced priced(TinyModelWithUnknown().Build());
  const json report = ReportOf(*priced);
  const json& layer = report["layers"][1];
  EXPECT_EQ(layer["name"], "warp1");
  EXPECT_EQ(layer["domain"], "org.example");
  EXPECT_EQ(layer["status"], "unknown");
  EXPECT_EQ(layer["macs"], nullptr);
  EXPECT_EQ(layer["output_shape"], nullptr);
  EXPECT_THAT(layer["arithmetic"], IsEmpty());
  EXPECT_THAT(layer["traffic"], IsEmpty());
  EXPECT_EQ(layer["energy_pj"],
            json::parse(R"({"mul": null, "add": null, "read": null,
                            "write": null, "total": null})"));
  ASSERT_EQ(layer["notes"].size(), 2U);
  EXPECT_THAT(layer["notes"][0].get<std::string>(), HasSubstr("isn't known"));
  EXPECT_EQ(report["totals"]["status"], "lower-bound");
  EXPECT_EQ(report["model"]["opset"],
            json::parse(R"({"ai.onnx": 17, "org.example": 1})"));
}

TEST(EstimateJsonTest, ABoundSaysWhy) {
  const Priced priced(TinyModel().Build(), kPlainTable, {}, [](Analysis& a) {
    a.layers[1].coverage = {Coverage::Status::kBound, "it may stop early", ""};
  });
  const json report = ReportOf(*priced);
  EXPECT_EQ(report["layers"][1]["status"], "bound");
  EXPECT_EQ(report["layers"][1]["macs"], 0);
  EXPECT_EQ(report["layers"][1]["notes"], json::array({"it may stop early"}));
  EXPECT_EQ(report["totals"]["status"], "upper-bound");
}

TEST(EstimateJsonTest, OptionsThatAreGivenAreSaid) {
  EstimateOptions options;
  options.formats.bits = FloatOfWidth(32);
  options.formats.weight_bits = FloatOfWidth(32);
  options.formats.activation_bits = FloatOfWidth(32);
  options.formats.accumulator_bits = FloatOfWidth(32);
  options.memory.movement = Movement::kOnce;
  options.memory.input_reads = Movement::kPerUse;
  options.memory.array_scope = ArrayScope::kOperand;
  options.memory.weights_from = "DRAM";
  const Priced priced(TinyModel().Build(), kPlainTable, options);
  EXPECT_EQ(ReportOf(*priced)["options"], json::parse(R"({
      "bits": "float32", "weight_bits": "float32",
      "activation_bits": "float32", "accumulator_bits": "float32",
      "table": "plain", "memory_model": "once",
      "reads": {"input": "per-use"}, "array_scope": "operand",
      "weights_from": "DRAM", "graph": "folded", "padding": "counted",
      "weights": "dense", "dims": {}})"));
}

TEST(EstimateJsonTest, ARangeShowsInTheTotal) {
  const Priced priced(
      TinyModel().Build(),
      Replaced(kPlainTable, "{ 32 = 100.0 }\nwrite",
               "{ 32 = { value = 100.0, min = 50.0, max = 150.0 } }\nwrite"));
  const json energy = ReportOf(*priced)["totals"]["energy_pj"];
  EXPECT_EQ(energy["total"], 22530.0);
  EXPECT_EQ(energy["min"], 22530.0 - 216 * 50);
  EXPECT_EQ(energy["max"], 22530.0 + 216 * 50);
}

TEST(EstimateJsonTest, StaticEnergyAndSecondsShowWhereATableHasThem) {
  // 216 MACs at 216e6 a second take 1 us; pool1 takes no time, for nothing of
  // its traffic has a rate. 2 W for 1 us are 2e6 pJ.
  const Priced priced(TinyModel().Build(),
                      std::string(kPlainTable) +
                          "[static]\nwatts = 2.0\n"
                          "macs_per_second = { float32 = 216.0e6 }\n");
  const json report = ReportOf(*priced);
  EXPECT_DOUBLE_EQ(report["totals"]["seconds"].get<double>(), 1e-6);
  EXPECT_DOUBLE_EQ(report["totals"]["energy_pj"]["static"].get<double>(), 2e6);
  EXPECT_DOUBLE_EQ(report["totals"]["energy_pj"]["total"].get<double>(),
                   2e6 + 22530);
  EXPECT_DOUBLE_EQ(report["layers"][0]["seconds"].get<double>(), 1e-6);
  EXPECT_DOUBLE_EQ(report["layers"][0]["energy_pj"]["static"].get<double>(),
                   2e6);
}

TEST(EstimateJsonTest, ARelativeTableSaysSo) {
  const Priced priced(
      TinyModel().Build(),
      Replaced(kPlainTable, "unit = \"pJ\"", "unit = \"relative\""));
  EXPECT_EQ(ReportOf(*priced)["table"]["unit"], "relative");
}

TEST(EstimateJsonTest, GroupsByOperatorBesideTheLayers) {
  RenderOptions options;
  options.group_by = GroupBy::kOp;
  options.sort_by = SortBy::kName;
  const Priced priced(TinyModelWithUnknown().Build());
  const json report = ReportOf(*priced, options);
  EXPECT_EQ(report["layers"].size(), 3U);
  EXPECT_EQ(report["by_op"][0]["op"], "Conv");
  EXPECT_EQ(report["by_op"][0]["energy_pj"]["total"], 22500.0);
  EXPECT_EQ(report["by_op"][2]["op"], "org.example.Warp");
  EXPECT_EQ(report["by_op"][2]["status"], "unknown");
  EXPECT_EQ(report["by_op"][2]["macs"], nullptr);
}

TEST(EstimateJsonTest, TopKeepsTheLargestInTheirOrderAndTheTotals) {
  RenderOptions options;
  options.top = 1;
  const Priced tiny(TinyModel().Build());
  const json report = ReportOf(*tiny, options);
  ASSERT_EQ(report["layers"].size(), 1U);
  EXPECT_EQ(report["layers"][0]["name"], "conv1");
  EXPECT_EQ(report["totals"]["layers"], 3);
  EXPECT_EQ(report["totals"]["energy_pj"]["total"], 22530.0);
}

TEST(EstimateJsonTest, WarningsHaveACode) {
  Priced tiny(TinyModel().Build());
  (*tiny).diagnostics.Warn("interpolated-price", "no 12 bit");
  const json warnings = ReportOf(*tiny)["warnings"];
  EXPECT_EQ(warnings.back(), json::parse(R"({"code": "interpolated-price",
                            "severity": "warning", "message": "no 12 bit"})"));
}

TEST(EstimateJsonTest, NamesOfAnyBytesStayParsable) {
  ModelBuilder builder = TinyModel();
  builder.model().graph.nodes[0].name = "conv\"\\\n\xFF\x01 层";
  const Priced priced(builder.Build());
  EXPECT_EQ(ReportOf(*priced)["layers"][0]["name"], "conv\"\\\n�\x01 层");
}

TEST(EstimateJsonTest, AModelWithoutLayersIsAValidReport) {
  const Priced priced(ModelBuilder().Input("x", {2}).Output("x").Build());
  const json report = ReportOf(*priced);
  EXPECT_THAT(report["layers"], IsEmpty());
  EXPECT_EQ(report["totals"]["energy_pj"]["total"], 0.0);
  EXPECT_EQ(report["totals"]["samples"], 2);
}

TEST(EstimateJsonTest, TheSameEstimateGivesTheSameBytes) {
  const Priced a(TinyModelWithUnknown().Build());
  const Priced b(TinyModelWithUnknown().Build());
  for (const Format format : {Format::kText, Format::kJson, Format::kJsonl,
                              Format::kCsv, Format::kMarkdown}) {
    EXPECT_EQ(RenderEstimate(*a, As(format)), RenderEstimate(*b, As(format)));
  }
}

TEST(EstimateJsonLinesTest, HasALayerALineAndThenTheTotals) {
  const Priced tiny(TinyModel().Build());
  const std::vector<json> lines = LinesAsJson(*tiny);
  const json report = ReportOf(*tiny);
  ASSERT_EQ(lines.size(), 4U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(lines[i], report["layers"][i]);
  EXPECT_EQ(lines[3], json({{"totals", report["totals"]}}));
}

TEST(EstimateJsonLinesTest, HasAnOperatorALineWhereGrouped) {
  RenderOptions options;
  options.group_by = GroupBy::kOp;
  const Priced tiny(TinyModel().Build());
  const std::vector<json> lines = LinesAsJson(*tiny, options);
  ASSERT_EQ(lines.size(), 4U);
  EXPECT_EQ(lines[1]["op"], "MaxPool");
  EXPECT_EQ(lines[1]["energy_pj"]["total"], 30.0);
}

TEST(EstimateCsvTest, HasTheColumnsAndARowALayer) {
  const Priced tiny(TinyModel().Build());
  EXPECT_EQ(RenderEstimate(*tiny, As(Format::kCsv)),
            "name,op,times,status,macs,mul,add,reads,writes,mul_pj,add_pj,"
            "read_pj,write_pj,total_pj\r\n"
            "conv1,Conv,1,exact,216,216,216,444,12,432.0,216.0,21828.0,24.0,"
            "22500.0\r\n"
            "pool1,MaxPool,1,exact,0,0,12,12,3,0.0,12.0,12.0,6.0,30.0\r\n"
            "flat,Flatten,1,exact,0,0,0,0,0,0.0,0.0,0.0,0.0,0.0\r\n");
}

TEST(EstimateCsvTest, UnknownCellsAreEmpty) {
  const Priced priced(TinyModelWithUnknown().Build());
  EXPECT_THAT(RenderEstimate(*priced, As(Format::kCsv)),
              HasSubstr("\r\nwarp1,org.example.Warp,1,unknown,,,,,,,,,,\r\n"));
}

TEST(EstimateCsvTest, QuotesNames) {
  ModelBuilder builder = TinyModel();
  builder.model().graph.nodes[0].name = "a \"b\", c";
  const Priced priced(builder.Build());
  EXPECT_THAT(RenderEstimate(*priced, As(Format::kCsv)),
              HasSubstr("\r\n\"a \"\"b\"\", c\",Conv,1,"));
}

TEST(EstimateCsvTest, AgreesWithJson) {
  const Priced tiny(TinyModel().Build());
  const json totals = ReportOf(*tiny)["totals"];
  const std::vector<std::vector<std::string>> rows = CsvOf(*tiny);
  for (size_t c = 4; c < rows[0].size(); ++c) {
    double sum = 0;
    for (size_t r = 1; r < rows.size(); ++r) {
      double number = 0;
      ASSERT_TRUE(absl::SimpleAtod(rows[r][c], &number)) << rows[r][c];
      sum += number;
    }
    const std::string& title = rows[0][c];
    const size_t unit = title.find("_pj");
    const json& expected = unit == std::string::npos
                               ? totals[title]
                               : totals["energy_pj"][title.substr(0, unit)];
    EXPECT_EQ(sum, expected.get<double>()) << title;
  }
}

}  // namespace
}  // namespace opcost
