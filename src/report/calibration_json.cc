// SPDX-License-Identifier: Apache-2.0
// `opcost calibrate --format json`: schemas/calibration.schema.json.
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "src/report/calibration_documents.h"
#include "src/report/json_writer.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

void WriteTexts(absl::string_view key, const std::vector<std::string>& texts,
                JsonWriter& json) {
  json.Key(key).BeginArray(Lines::kOne);
  for (const std::string& text : texts) json.String(text);
  json.EndArray();
}

void WriteQuality(absl::string_view key, const FitQuality& quality,
                  JsonWriter& json) {
  json.Key(key).BeginObject(Lines::kOne);
  json.Member("rows", static_cast<int64_t>(quality.rows));
  json.Member("r2", quality.r2);
  json.Member("adjusted_r2", quality.adjusted_r2);
  json.Member("rmse_joules", quality.rmse_joules);
  json.Member("mean_error", quality.mean_error);
  json.Member("median_error", quality.median_error);
  json.EndObject();
}

absl::string_view UnitOf(ActivityKind kind) {
  switch (kind) {
    case ActivityKind::kSeconds:
      return "pJ/s";
    case ActivityKind::kOperators:
      return "pJ/operator";
    case ActivityKind::kColumn:
      return "pJ/unit";
    default:
      return "base";
  }
}

void WritePrices(const Calibration& all, JsonWriter& json) {
  json.Key("prices").BeginArray();
  for (const FittedPrice& price : all.fit.prices) {
    json.BeginObject(Lines::kOne);
    json.Member("name", price.name);
    json.Member("unit", UnitOf(price.kind));
    json.Member("value", price.value);
    json.Member("half_width", price.half_width);
    json.Member("data_share", price.data_share);
    json.Member("determination", Name(price.determination));
    json.Member("bound", price.bound);
    json.EndObject();
  }
  json.EndArray();
}

void WriteGroups(const CrossValidation& validation, JsonWriter& json) {
  json.Key("held_out").BeginArray();
  for (const HeldOutGroup& group : validation.groups) {
    json.BeginObject(Lines::kOne);
    json.Member("group", group.group);
    json.Member("rows", static_cast<int64_t>(group.rows));
    json.Member("mean_error", group.mean_error);
    json.Member("mean_error_by_macs", group.mean_error_by_macs);
    json.EndObject();
  }
  json.EndArray();
}

void WriteRows(absl::string_view key, const std::vector<MeasuredRow>& rows,
               const std::vector<double>& fitted,
               const std::vector<double>* cross_validated, JsonWriter& json) {
  json.Key(key).BeginArray();
  for (size_t i = 0; i < rows.size(); ++i) {
    json.BeginObject(Lines::kOne);
    json.Member("name", rows[i].name);
    json.Member("group", rows[i].group);
    json.Member("measured_joules", rows[i].joules);
    json.Member("fitted_joules", fitted[i]);
    if (cross_validated != nullptr) {
      json.Member("cross_validated_joules", (*cross_validated)[i]);
    }
    json.EndObject();
  }
  json.EndArray();
}

void WriteOrigin(const Calibration& all, JsonWriter& json) {
  WriteTexts("data", all.origin.files, json);
  json.Member("data_digest", all.origin.digest);
  json.Key("base").BeginObject(Lines::kOne);
  json.Member("name", all.base);
  json.Member("digest", all.base_digest);
  json.EndObject();
  json.Key("options").BeginObject();
  json.Member("fit", Name(all.fit.options.detail));
  json.Member("error", all.fit.options.is_relative ? "relative" : "absolute");
  json.Member("dispatch", all.fit.options.has_dispatch);
  json.Member("static", all.fit.options.has_static);
  json.Member("memory_model", all.origin.memory_model);
  json.Member("array_scope", all.origin.array_scope);
  json.Member("graph", all.origin.graph);
  json.EndObject();
  WriteTexts("hosts", all.origin.hosts, json);
  WriteTexts("counters", all.origin.counters, json);
}

}  // namespace

std::string CalibrationAsJson(const Calibration& all) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  json.Member("schema", "opcost.calibration/1");
  WriteOrigin(all, json);
  WritePrices(all, json);
  json.Member("common_scale", all.fit.common_scale);
  json.Member("joules_per_mac", all.fit.joules_per_mac);
  json.Key("quality").BeginObject();
  WriteQuality("training", all.fit.quality, json);
  WriteQuality("training_by_macs", all.fit.quality_by_macs, json);
  if (all.validation.has_value()) {
    WriteQuality("cross_validation", all.validation->quality, json);
    WriteQuality("cross_validation_by_macs", all.validation->quality_by_macs,
                 json);
  }
  if (all.test_quality.has_value()) {
    WriteQuality("test", *all.test_quality, json);
    WriteQuality("test_by_macs", *all.test_quality_by_macs, json);
  }
  json.EndObject();
  if (all.validation.has_value()) WriteGroups(*all.validation, json);
  WriteRows("rows", all.data.rows, all.fit.predicted,
            all.validation.has_value() ? &all.validation->predicted : nullptr,
            json);
  if (!all.test_rows.empty()) {
    WriteRows("test_rows", all.test_rows, all.test_predicted, nullptr, json);
  }
  json.EndObject();
  return json.Take() + "\n";
}

}  // namespace opcost
