// SPDX-License-Identifier: Apache-2.0
// The documents of schemas/weights.schema.json, and CSV.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/version.h"
#include "src/report/grid.h"
#include "src/report/json_parts.h"
#include "src/report/json_writer.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"
#include "src/report/weights_documents.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

void WriteStatistics(const SurveyedWeights& weights, JsonWriter& json) {
  if (!weights.statistics.has_value()) {
    json.Key("statistics").Null();
    return;
  }
  const TensorStatistics& s = *weights.statistics;
  json.Key("statistics").BeginObject(Lines::kOne);
  json.Member("elements", s.elements);
  json.Member("zeros", s.zeros);
  json.Member("minimum", s.minimum);
  json.Member("maximum", s.maximum);
  json.Member("not_numbers", s.not_numbers);
  json.Member("distinct", s.distinct);
  json.Member("entropy_bits", s.entropy_bits);
  json.Member("implicit_value", s.implicit_value);
  json.Member("implicit_count", s.implicit_count);
  json.MemberOrNull("pattern", weights.pattern());
  json.Member("zero_rows", s.zero_rows);
  for (const auto& [key, count] :
       {std::pair("zero_columns", s.zero_columns),
        std::pair("zero_channels", s.zero_channels)}) {
    json.Key(key);
    count < 0 ? json.Null() : json.Int(count);
  }
  json.EndObject();
}

void WriteForm(const SurveyedForm& form, JsonWriter& json) {
  json.BeginObject(Lines::kOne);
  json.Member("format", Name(form.format));
  json.Member("label", form.label);
  if (form.is_available()) {
    json.Member("bytes", form.bytes);
    json.Member("pj", form.pj);
  } else {
    json.Key("bytes").Null();
    json.Key("pj").Null();
    json.Member("reason", form.reason);
  }
  json.EndObject();
}

void WriteWeights(const SurveyedWeights& weights, JsonWriter& json) {
  json.BeginObject();
  json.Member("name", weights.name);
  json.Key("layers").BeginArray(Lines::kOne);
  for (const std::string& layer : weights.layers) json.String(layer);
  json.EndArray();
  json.Member("type", Name(weights.type));
  json.Key("shape").BeginArray(Lines::kOne);
  for (const int64_t extent : weights.shape) {
    extent < 0 ? json.Null() : json.Int(extent);
  }
  json.EndArray();
  if (!weights.reason.empty()) json.Member("reason", weights.reason);
  WriteStatistics(weights, json);
  json.Key("formats").BeginArray();
  for (const SurveyedForm& form : weights.forms) WriteForm(form, json);
  json.EndArray();
  json.Member("best", Name(weights.forms[weights.best].format));
  json.EndObject();
}

void WriteTotals(const WeightSurvey& survey, JsonWriter& json) {
  json.Key("totals").BeginObject(Lines::kOne);
  for (size_t f = 0; f < kStorageFormats.size(); ++f) {
    json.Member(Name(kStorageFormats[f]), survey.total_pj[f]);
  }
  json.Member("auto", survey.best_pj);
  json.EndObject();
  json.MemberOrNull("hint", survey.hint);
}

std::string Optional(const std::optional<double>& number) {
  return number.has_value() ? ShortestDouble(*number) : "";
}

}  // namespace

std::string WeightsAsJson(const WeightSurvey& survey) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  json.Member("schema", "opcost.weights/1");
  json.Member("opcost", OPCOST_VERSION);
  WriteModel(*survey.analysis, json);
  WriteOptions(*survey.analysis, *survey.table, survey.options, false, json);
  WriteTable(*survey.table, json);
  json.Key("weights").BeginArray();
  for (const SurveyedWeights& weights : survey.weights) {
    WriteWeights(weights, json);
  }
  json.EndArray();
  WriteTotals(survey, json);
  WriteWarnings(survey.analysis->diagnostics, json);
  json.EndObject();
  return json.Take() + "\n";
}

std::string WeightsAsJsonLines(const WeightSurvey& survey) {
  std::string lines;
  for (const SurveyedWeights& weights : survey.weights) {
    JsonWriter json(JsonWriter::Layout::kCompact);
    WriteWeights(weights, json);
    absl::StrAppend(&lines, json.Take(), "\n");
  }
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.BeginObject();
  WriteTotals(survey, json);
  json.EndObject();
  return absl::StrCat(lines, json.Take(), "\n");
}

std::string WeightsAsCsv(const WeightSurvey& survey) {
  std::vector<std::string> titles = {
      "name",    "layers",      "type",      "shape",        "elements",
      "zeros",   "pattern",     "distinct",  "entropy_bits", "minimum",
      "maximum", "not_numbers", "zero_rows", "zero_columns", "zero_channels"};
  for (const StorageFormat format : kStorageFormats) {
    titles.push_back(absl::StrCat(Name(format), "_bytes"));
    titles.push_back(absl::StrCat(Name(format), "_pj"));
  }
  titles.push_back("best");
  std::string csv = CsvLine(titles);
  for (const SurveyedWeights& weights : survey.weights) {
    std::vector<std::string> cells = {
        ValidUtf8(weights.name), ValidUtf8(absl::StrJoin(weights.layers, " ")),
        std::string(Name(weights.type)), ShapeText(weights)};
    if (weights.statistics.has_value()) {
      const TensorStatistics& s = *weights.statistics;
      const auto count = [](int64_t number) {
        return number < 0 ? std::string() : absl::StrCat(number);
      };
      for (const std::string& cell : std::vector<std::string>{
               count(s.elements), count(s.zeros), weights.pattern(),
               s.distinct.has_value() ? count(*s.distinct) : "",
               Optional(s.entropy_bits), ShortestDouble(s.minimum),
               ShortestDouble(s.maximum), count(s.not_numbers),
               count(s.zero_rows), count(s.zero_columns),
               count(s.zero_channels)}) {
        cells.push_back(cell);
      }
    } else {
      cells.resize(15);
    }
    for (const SurveyedForm& form : weights.forms) {
      cells.push_back(form.is_available() ? absl::StrCat(form.bytes) : "");
      cells.push_back(form.is_available() ? ShortestDouble(form.pj) : "");
    }
    cells.emplace_back(Name(weights.forms[weights.best].format));
    absl::StrAppend(&csv, CsvLine(cells));
  }
  return csv;
}

}  // namespace opcost
