// SPDX-License-Identifier: Apache-2.0
// The objects of schemas/carbon.schema.json.
#include <optional>

#include "opcost/version.h"
#include "src/report/carbon_parts.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

void WriteIntensity(const CarbonIntensity& intensity, JsonWriter& json) {
  json.Key("intensity").BeginObject();
  json.Member("kind", Name(intensity.kind));
  json.Member("g_per_kwh", intensity.g_per_kwh);
  json.Member("code", intensity.code);
  json.MemberOrNull("name", intensity.name);
  json.MemberOrNull("source", intensity.source);
  json.Member("year", intensity.year == 0
                          ? std::nullopt
                          : std::optional<int64_t>(intensity.year));
  if (intensity.kind == IntensityKind::kMix) {
    json.Key("parts").BeginArray();
    for (const MixPart& part : intensity.parts) {
      json.BeginObject(Lines::kOne);
      json.Member("source", part.name);
      json.Member("share", part.share);
      json.Member("g_per_kwh", part.g_per_kwh);
      json.EndObject();
    }
    json.EndArray();
  }
  json.EndObject();
}

void WriteMembers(const CarbonStatement& statement, JsonWriter& json) {
  json.Member("inferences", statement.terms.inferences);
  json.Member("joules", statement.joules);
  json.Member("kwh", statement.kwh);
  WriteIntensity(statement.terms.intensity, json);
  json.Member("grams", statement.grams);
  json.Member("pue", statement.terms.pue.value_or(1));
  json.Member("total_kwh", statement.total_kwh);
  json.Member("total_grams", statement.total_grams);
}

}  // namespace

void WriteCarbon(const CarbonStatement& statement, absl::string_view status,
                 JsonWriter& json) {
  json.BeginObject();
  if (!status.empty()) json.Member("status", status);
  WriteMembers(statement, json);
  json.EndObject();
}

void WriteCarbonDocument(const CarbonStatement& statement, JsonWriter& json) {
  json.BeginObject();
  json.Member("schema", "opcost.carbon/1");
  json.Member("opcost", OPCOST_VERSION);
  WriteMembers(statement, json);
  json.EndObject();
}

}  // namespace opcost
