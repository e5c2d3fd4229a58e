// SPDX-License-Identifier: Apache-2.0
// The documents of schemas/comparison.schema.json.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "opcost/version.h"
#include "src/report/carbon_parts.h"
#include "src/report/comparison_documents.h"
#include "src/report/comparison_rows.h"
#include "src/report/json_parts.h"
#include "src/report/json_writer.h"
#include "src/report/report_options.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

void WriteDifference(const std::optional<Difference>& difference, bool is_split,
                     JsonWriter& json) {
  if (!difference.has_value()) {
    json.Null();
    return;
  }
  json.BeginObject(Lines::kOne);
  json.Member("total", difference->sum());
  if (is_split) {
    json.Member("format", difference->format);
    json.Member("counts", difference->counts);
    json.Member("width", difference->width);
    json.Member("tier", difference->tier);
    json.Member("static", difference->static_pj);
    json.Member("prices", difference->prices);
  }
  json.Member("unmatched", difference->unmatched);
  json.EndObject();
}

template <typename Write>
void WriteCells(absl::string_view key, const ComparedRow& row,
                const Write& write, JsonWriter& json) {
  json.Key(key).BeginArray(Lines::kOne);
  for (const ComparedCell& cell : row.cells) write(cell);
  json.EndArray();
}

// Of each side: what its layer is, or how many layers it has.
void WriteLayers(const ComparedRow& row, bool is_layer, JsonWriter& json) {
  if (!is_layer) {
    WriteCells(
        "layers", row, [&](const ComparedCell& cell) { json.Int(cell.layers); },
        json);
    return;
  }
  const auto write = [&](absl::string_view key, std::string SideLayer::*field) {
    WriteCells(
        key, row,
        [&](const ComparedCell& cell) {
          cell.is_absent() || (cell.layer->*field).empty()
              ? json.Null()
              : json.String(cell.layer->*field);
        },
        json);
  };
  write("names", &SideLayer::name);
  write("ops", &SideLayer::op);
  write("weight_formats", &SideLayer::weight_format);
}

void WriteRow(const Comparison& comparison, const ComparedRow& row,
              bool is_layer, JsonWriter& json) {
  const ComparedCell& base = row.cells[0];
  const auto is_known = [](const ComparedCell& cell) {
    return !cell.is_absent() && !cell.is_unknown();
  };
  json.BeginObject();
  if (is_layer) json.Member("name", row.name);
  json.Member("op", row.op);
  WriteLayers(row, is_layer, json);
  WriteCells(
      "status", row,
      [&](const ComparedCell& cell) { json.String(cell.status()); }, json);
  WriteCells(
      "macs", row,
      [&](const ComparedCell& cell) {
        is_known(cell) ? json.Int(cell.macs) : json.Null();
      },
      json);
  WriteCells(
      "energy_pj", row,
      [&](const ComparedCell& cell) {
        is_known(cell) ? json.Double(cell.pj) : json.Null();
      },
      json);
  // null for infinity too.
  WriteCells(
      "ratios", row,
      [&](const ComparedCell& cell) {
        cell.has_ratio() && base.has_ratio() ? json.Double(cell.ratio)
                                             : json.Null();
      },
      json);
  json.Key("differences").BeginArray();
  for (const ComparedCell& cell : row.cells) {
    WriteDifference(cell.difference, comparison.is_split, json);
  }
  json.EndArray().EndObject();
}

void WriteRatios(const Comparison& comparison, JsonWriter& json) {
  json.Key("ratios").BeginArray(Lines::kOne);
  for (const double ratio : comparison.ratios) json.Double(ratio);
  json.EndArray();
}

void WriteSavings(const Comparison& comparison, JsonWriter& json) {
  const ComparisonSide& base = comparison.sides[0];
  json.Key("savings").BeginArray();
  for (size_t s = 0; s < comparison.sides.size(); ++s) {
    const ComparisonSide& side = comparison.sides[s];
    json.BeginObject();
    json.Key("by_operation").BeginObject(Lines::kOne);
    json.Member("mul", base.totals.mul - side.totals.mul);
    json.Member("add", base.totals.add - side.totals.add);
    json.Member("read", base.totals.read - side.totals.read);
    json.Member("write", base.totals.write - side.totals.write);
    json.Member("static", base.totals.static_pj - side.totals.static_pj);
    json.Member("total", base.totals.total - side.totals.total);
    json.EndObject();
    json.Key("by_tier").BeginArray();
    for (const TierSaving& saving : TierSavings(base, side)) {
      json.BeginObject(Lines::kOne);
      json.Member("tier", saving.tier);
      json.Member("pj", saving.pj);
      json.EndObject();
    }
    json.EndArray();
    json.Key("difference");
    WriteDifference(
        s == 0 ? std::nullopt : std::optional(comparison.differences[s]),
        comparison.is_split, json);
    json.EndObject();
  }
  json.EndArray();
}

// "carbon" of each side; nothing if `carbon` is null.
void WriteCarbonOf(const Comparison& comparison, const CarbonTerms* carbon,
                   JsonWriter& json) {
  if (carbon == nullptr) return;
  json.Key("carbon").BeginArray();
  for (const ComparisonSide& side : comparison.sides) {
    WriteCarbon(StateCarbon(*carbon, JoulesOf(side.totals.total)),
                Name(side.status), json);
  }
  json.EndArray();
}

RenderOptions ByLayer(RenderOptions options) {
  options.group_by = GroupBy::kLayer;
  return options;
}

}  // namespace

std::string ComparisonAsJson(const Comparison& comparison,
                             const RenderOptions& options,
                             const CarbonTerms* carbon) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  json.Member("schema", "opcost.comparison/1");
  json.Member("opcost", OPCOST_VERSION);
  json.Key("names").BeginArray(Lines::kOne);
  for (const ComparisonSide& side : comparison.sides) json.String(side.name);
  json.EndArray();
  json.Key("models").BeginArray();
  for (const ComparisonSide& side : comparison.sides) {
    WriteVerbatim(side.report, json);
  }
  json.EndArray();
  json.Key("layers").BeginArray();
  for (const ComparedRow& row : SelectRows(comparison, ByLayer(options)).rows) {
    WriteRow(comparison, row, /*is_layer=*/true, json);
  }
  json.EndArray();
  if (options.group_by == GroupBy::kOp) {
    json.Key("by_op").BeginArray();
    for (const ComparedRow& row : SelectRows(comparison, options).rows) {
      WriteRow(comparison, row, /*is_layer=*/false, json);
    }
    json.EndArray();
  }
  WriteRatios(comparison, json);
  WriteSavings(comparison, json);
  WriteCarbonOf(comparison, carbon, json);
  WriteWarnings(comparison.diagnostics, json);
  json.EndObject();
  return json.Take() + "\n";
}

std::string ComparisonAsJsonLines(const Comparison& comparison,
                                  const RenderOptions& options,
                                  const CarbonTerms* carbon) {
  std::string lines;
  const bool is_layer = options.group_by == GroupBy::kLayer;
  for (const ComparedRow& row : SelectRows(comparison, options).rows) {
    JsonWriter json(JsonWriter::Layout::kCompact);
    WriteRow(comparison, row, is_layer, json);
    absl::StrAppend(&lines, json.Take(), "\n");
  }
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.BeginObject();
  WriteRatios(comparison, json);
  WriteSavings(comparison, json);
  WriteCarbonOf(comparison, carbon, json);
  json.EndObject();
  absl::StrAppend(&lines, json.Take(), "\n");
  return lines;
}

}  // namespace opcost
