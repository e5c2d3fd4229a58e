// SPDX-License-Identifier: Apache-2.0
// Reports that were saved as JSON, read back.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/report/comparison.h"
#include "opcost/support/status_macros.h"
#include "src/report/report_options.h"

namespace opcost {
namespace {

using absl::string_view;
using Json = nlohmann::ordered_json;

// Nothing of a report nests deeper; what does is dropped, so that no document
// can exhaust the stack.
constexpr int kDeepest = 16;

Json Parse(string_view text) {
  const Json::parser_callback_t keep = [](int depth, Json::parse_event_t,
                                          Json&) { return depth <= kDeepest; };
  return Json::parse(text.begin(), text.end(), keep,
                     /*allow_exceptions=*/false);
}

// A value with its place, for messages; reads itself with its type checked.
class JsonPlace {
 public:
  JsonPlace(const Json& value, std::string where)
      : value_(&value), where_(std::move(where)) {}

  absl::Status Error(string_view what) const {
    return absl::InvalidArgumentError(absl::StrCat(where_, ": ", what));
  }

  absl::StatusOr<JsonPlace> Member(const char* key) const {
    if (!value_->is_object()) return Error("it is no object");
    const auto found = value_->find(key);
    if (found == value_->end()) {
      return Error(absl::StrCat("it has no '", key, "'"));
    }
    return JsonPlace(*found, absl::StrCat(where_, ".", key));
  }
  absl::StatusOr<std::vector<JsonPlace>> Items() const {
    if (!value_->is_array()) return Error("it is no array");
    std::vector<JsonPlace> items;
    items.reserve(value_->size());
    size_t index = 0;
    for (const Json& item : *value_) {
      items.emplace_back(item, absl::StrCat(where_, "[", index++, "]"));
    }
    return items;
  }

  absl::Status Read(std::string& text) const {
    const auto* string = value_->get_ptr<const std::string*>();
    if (string == nullptr) return Error("it is no string");
    text = *string;
    return absl::OkStatus();
  }
  absl::Status Read(int64_t& number) const {
    const auto* is_unsigned = value_->get_ptr<const uint64_t*>();
    if (is_unsigned == nullptr || *is_unsigned > uint64_t{INT64_MAX}) {
      return Error("it is no whole number from 0 to 9223372036854775807");
    }
    number = static_cast<int64_t>(*is_unsigned);
    return absl::OkStatus();
  }
  absl::Status Read(double& number) const {
    if (!value_->is_number()) return Error("it is no number");
    number = value_->get<double>();
    return number >= 0 ? absl::OkStatus() : Error("it is negative");
  }
  bool is_null() const { return value_->is_null(); }
  const Json& json() const { return *value_; }

  template <typename T>
  absl::Status ReadMember(const char* key, T& value) const {
    OPCOST_ASSIGN_OR_RETURN(const JsonPlace member, Member(key));
    return member.Read(value);
  }

 private:
  const Json* value_;
  std::string where_;
};

absl::StatusOr<NumberFormat> FormatNamed(const JsonPlace& place,
                                         string_view name) {
  const std::optional<NumberFormat> format = ParseNumberFormat(name);
  if (!format.has_value()) {
    return place.Error(absl::StrCat("'", name, "' is no number format"));
  }
  return *format;
}

absl::Status ReadArithmetic(const JsonPlace& place, SideArithmetic& row) {
  std::string type;
  OPCOST_RETURN_IF_ERROR(place.ReadMember("op", row.op));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("type", type));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("count", row.count));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("pj", row.pj));
  const std::pair<std::string, std::string> types =
      absl::StrSplit(type, absl::MaxSplits('*', 1));
  OPCOST_ASSIGN_OR_RETURN(row.format, FormatNamed(place, types.first));
  row.second = row.format;
  if (!types.second.empty()) {
    OPCOST_ASSIGN_OR_RETURN(row.second, FormatNamed(place, types.second));
  }
  return absl::OkStatus();
}

absl::Status ReadTraffic(const JsonPlace& place,
                         const std::vector<SideTier>& tiers, SideTraffic& row) {
  std::string type, tier;
  OPCOST_RETURN_IF_ERROR(place.ReadMember("array", row.array));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("role", row.role));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("type", type));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("tier", tier));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("reads", row.reads));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("writes", row.writes));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("pj", row.pj));
  OPCOST_ASSIGN_OR_RETURN(row.format, FormatNamed(place, type));
  for (size_t i = 0; i < tiers.size(); ++i) {
    if (tiers[i].name != tier) continue;
    row.tier = static_cast<int>(i);
    return absl::OkStatus();
  }
  return place.Error(absl::StrCat("the totals have no tier '", tier, "'"));
}

absl::Status ReadEnergies(const JsonPlace& place, SideEnergies& energies) {
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace energy, place.Member("energy_pj"));
  OPCOST_RETURN_IF_ERROR(energy.ReadMember("mul", energies.mul));
  OPCOST_RETURN_IF_ERROR(energy.ReadMember("add", energies.add));
  OPCOST_RETURN_IF_ERROR(energy.ReadMember("read", energies.read));
  OPCOST_RETURN_IF_ERROR(energy.ReadMember("write", energies.write));
  if (energy.json().contains("static")) {
    OPCOST_RETURN_IF_ERROR(energy.ReadMember("static", energies.static_pj));
  }
  return energy.ReadMember("total", energies.total);
}

absl::Status ReadShape(const JsonPlace& place, std::string& text) {
  if (place.is_null()) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const std::vector<JsonPlace> extents, place.Items());
  for (const JsonPlace& extent : extents) {
    const Json& value = extent.json();
    if (!text.empty()) text += 'x';
    if (value.is_number_unsigned()) {
      absl::StrAppend(&text, value.get<uint64_t>());
    } else if (value.is_string()) {
      text += *value.get_ptr<const std::string*>();
    } else {
      return extent.Error("it is no extent");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadLayer(const JsonPlace& place,
                       const std::vector<SideTier>& tiers, SideLayer& layer) {
  std::string domain;
  OPCOST_RETURN_IF_ERROR(place.ReadMember("name", layer.name));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("op", layer.op));
  OPCOST_RETURN_IF_ERROR(place.ReadMember("domain", domain));
  if (!domain.empty()) layer.op = absl::StrCat(domain, ".", layer.op);
  OPCOST_RETURN_IF_ERROR(place.ReadMember("status", layer.status));
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace shape, place.Member("output_shape"));
  OPCOST_RETURN_IF_ERROR(ReadShape(shape, layer.shape));
  if (layer.is_unknown()) return absl::OkStatus();
  OPCOST_RETURN_IF_ERROR(place.ReadMember("macs", layer.macs));
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace stored,
                          place.Member("weight_format"));
  if (!stored.is_null()) {
    OPCOST_RETURN_IF_ERROR(stored.Read(layer.weight_format));
  }
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace arithmetic,
                          place.Member("arithmetic"));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<JsonPlace> operations,
                          arithmetic.Items());
  for (const JsonPlace& row : operations) {
    OPCOST_RETURN_IF_ERROR(
        ReadArithmetic(row, layer.arithmetic.emplace_back()));
  }
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace traffic, place.Member("traffic"));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<JsonPlace> arrays, traffic.Items());
  for (const JsonPlace& row : arrays) {
    OPCOST_RETURN_IF_ERROR(
        ReadTraffic(row, tiers, layer.traffic.emplace_back()));
  }
  return ReadEnergies(place, layer.energies);
}

absl::Status ReadStatus(const JsonPlace& totals, TotalStatus& status) {
  std::string name;
  OPCOST_RETURN_IF_ERROR(totals.ReadMember("status", name));
  for (const TotalStatus known :
       {TotalStatus::kExact, TotalStatus::kUpperBound, TotalStatus::kLowerBound,
        TotalStatus::kIndeterminate}) {
    if (name != Name(known)) continue;
    status = known;
    return absl::OkStatus();
  }
  return totals.Error(absl::StrCat("'", name, "' is no status of a total"));
}

absl::Status ReadTotals(const JsonPlace& totals, ComparisonSide& side) {
  OPCOST_RETURN_IF_ERROR(ReadStatus(totals, side.status));
  OPCOST_RETURN_IF_ERROR(totals.ReadMember("macs", side.macs));
  OPCOST_RETURN_IF_ERROR(totals.ReadMember("samples", side.samples));
  OPCOST_RETURN_IF_ERROR(ReadEnergies(totals, side.totals));
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace tiers, totals.Member("by_tier"));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<JsonPlace> items, tiers.Items());
  for (const JsonPlace& item : items) {
    SideTier& tier = side.tiers.emplace_back();
    OPCOST_RETURN_IF_ERROR(item.ReadMember("tier", tier.name));
    OPCOST_RETURN_IF_ERROR(item.ReadMember("reads", tier.reads));
    OPCOST_RETURN_IF_ERROR(item.ReadMember("writes", tier.writes));
    OPCOST_RETURN_IF_ERROR(item.ReadMember("pj", tier.pj));
  }
  return absl::OkStatus();
}

absl::Status ReadHead(const JsonPlace& report, ComparisonSide& side) {
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace model, report.Member("model"));
  OPCOST_RETURN_IF_ERROR(model.ReadMember("parameters", side.parameters));
  OPCOST_RETURN_IF_ERROR(model.ReadMember("weight_bytes", side.weight_bytes));
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace table, report.Member("table"));
  std::string unit;
  OPCOST_RETURN_IF_ERROR(table.ReadMember("name", side.table));
  OPCOST_RETURN_IF_ERROR(table.ReadMember("digest", side.table_digest));
  OPCOST_RETURN_IF_ERROR(table.ReadMember("unit", unit));
  side.unit =
      unit == "relative" ? EnergyUnit::kRelative : EnergyUnit::kPicojoule;
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace options, report.Member("options"));
  if (options.json().contains("symbolic")) {
    return report.Error(
        "it was made with --symbolic and has no energies; save it without");
  }
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace totals, report.Member("totals"));
  return ReadTotals(totals, side);
}

void WriteValue(const Json& value, JsonWriter& json) {
  if (value.is_object()) {
    json.BeginObject();
    for (const auto& [key, member] : value.items()) {
      WriteValue(member, json.Key(key));
    }
    json.EndObject();
  } else if (value.is_array()) {
    json.BeginArray();
    for (const Json& item : value) WriteValue(item, json);
    json.EndArray();
  } else if (value.is_string()) {
    json.String(*value.get_ptr<const std::string*>());
  } else if (value.is_boolean()) {
    json.Bool(value.get<bool>());
  } else if (value.is_number_float() ||
             (value.is_number_unsigned() &&
              value.get<uint64_t>() > uint64_t{INT64_MAX})) {
    json.Double(value.get<double>());
  } else if (value.is_number()) {
    json.Int(value.get<int64_t>());
  } else {
    json.Null();
  }
}

std::string Text(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

absl::StatusOr<ComparisonSide> ParseReport(string_view path, string_view text) {
  Json document = Parse(text);
  const JsonPlace report(document, std::string(path));
  if (!document.is_object()) {
    return report.Error(
        "it is no JSON object; give a model, or a report that --format json "
        "wrote");
  }
  std::string schema;
  OPCOST_RETURN_IF_ERROR(report.ReadMember("schema", schema));
  if (schema != "opcost.report/1") {
    return report.Error(absl::StrCat("its schema is '", schema,
                                     "'; only 'opcost.report/1' can be "
                                     "compared"));
  }
  ComparisonSide side;
  side.name = std::string(path);
  side.is_saved = true;
  OPCOST_RETURN_IF_ERROR(ReadHead(report, side));
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace layers, report.Member("layers"));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<JsonPlace> items, layers.Items());
  for (const JsonPlace& item : items) {
    OPCOST_RETURN_IF_ERROR(
        ReadLayer(item, side.tiers, side.layers.emplace_back()));
  }
  int64_t count = 0;
  OPCOST_ASSIGN_OR_RETURN(const JsonPlace totals, report.Member("totals"));
  OPCOST_RETURN_IF_ERROR(totals.ReadMember("layers", count));
  if (static_cast<size_t>(count) != side.layers.size()) {
    return report.Error(absl::StrCat("it holds ", side.layers.size(), " of ",
                                     count, " layers; save it without --top"));
  }
  document.erase("layers");
  document.erase("by_op");
  document.erase("carbon");  // of the terms that it was saved with
  side.report = Text(document);
  side.options = OptionsOfReport(side.report);
  return side;
}

std::map<std::string, std::string> OptionsOfReport(string_view report) {
  std::map<std::string, std::string> options;
  const Json document = Parse(report);
  if (!document.is_object()) return options;
  const auto found = document.find("options");
  if (found == document.end() || !found->is_object()) return options;
  for (const auto& [key, value] : found->items()) {
    if (!value.is_object()) {
      options[key] = Text(value);
      continue;
    }
    for (const auto& [inner, member] : value.items()) {
      options[absl::StrCat(key, ".", inner)] = Text(member);
    }
  }
  return options;
}

void WriteVerbatim(string_view text, JsonWriter& json) {
  WriteValue(Parse(text), json);
}

}  // namespace opcost
