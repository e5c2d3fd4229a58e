// SPDX-License-Identifier: Apache-2.0
// The documents of schemas/report.schema.json.
#include "absl/strings/str_cat.h"
#include "opcost/version.h"
#include "src/report/carbon_parts.h"
#include "src/report/documents.h"
#include "src/report/json_parts.h"
#include "src/report/json_types.h"
#include "src/report/json_writer.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

void WriteEnergies(const Sums& sums, bool has_static, JsonWriter& json) {
  json.Member("mul", sums.mul_energy.pj);
  json.Member("add", sums.add_energy.pj);
  json.Member("read", sums.read_energy.pj);
  json.Member("write", sums.write_energy.pj);
  if (has_static) json.Member("static", sums.static_pj);
  json.Member("total", sums.total.pj);
}

void WriteNoEnergies(bool has_static, JsonWriter& json) {
  for (const char* key : {"mul", "add", "read", "write"}) json.Key(key).Null();
  if (has_static) json.Key("static").Null();
  json.Key("total").Null();
}

void WriteArithmetic(const LayerEstimate& layer, JsonWriter& json) {
  json.Key("arithmetic").BeginArray();
  for (const PricedArith& row : layer.arithmetic) {
    json.BeginObject(Lines::kOne);
    json.Member("op", Name(row));
    json.Member("type", ArithType(row));
    json.Member("count", row.count);
    json.Member("pj", row.energy.pj);
    json.EndObject();
  }
  json.EndArray();
}

void WriteTraffic(const Estimate& estimate, const LayerEstimate& layer,
                  JsonWriter& json) {
  json.Key("traffic").BeginArray();
  for (const PricedTraffic& row : layer.traffic) {
    const ArrayTraffic& traffic = row.traffic;
    const auto tier = static_cast<size_t>(traffic.tier);
    json.BeginObject(Lines::kOne);
    json.Member("array", traffic.name());
    json.Member("role", Name(traffic.role));
    json.Member("type", ToString(traffic.format));
    json.Member("bytes", traffic.bytes);
    json.Member("tier", estimate.table->tiers()[tier].name);
    json.Member("reads", traffic.reads);
    json.Member("writes", traffic.writes);
    json.Member("pj", row.read.pj + row.write.pj);
    json.EndObject();
  }
  json.EndArray();
}

void WriteWeightFormat(const Estimate& estimate, const LayerEstimate& layer,
                       JsonWriter& json) {
  json.MemberOrNull("weight_format", WeightFormat(layer));
  const LayerStorage* storage = StorageOf(estimate, layer);
  if (storage != nullptr && storage->format == StorageFormat::kNm) {
    json.Member("nm_pattern", storage->pattern());
  }
}

void WriteLayer(const Estimate& estimate, const ReportRow& row,
                JsonWriter& json) {
  const Analysis& analysis = *estimate.analysis;
  const LayerEstimate& layer = *row.layer;
  const Node& node = *layer.layer->node;
  const bool is_known = !row.is_unknown();
  const bool has_static = estimate.table->static_power() != nullptr;
  json.BeginObject();
  json.Member("name", row.name);
  json.Member("op", node.op_type);
  json.Member("domain", node.domain);
  WriteNames("inputs", analysis, layer.layer->inputs(), json);
  WriteNames("outputs", analysis, layer.layer->outputs(), json);
  json.Member("times", row.times);
  json.Key("output_shape");
  if (const ValueType* type = OutputType(estimate, *layer.layer);
      type != nullptr) {
    WriteShape(*type, json);
  } else {
    json.Null();
  }
  json.Member("status", row.status());
  const std::optional<int64_t> nothing;
  json.Member("macs", is_known ? std::optional(row.sums.macs) : nothing);
  WriteWeightFormat(estimate, layer, json);
  WriteArithmetic(layer, json);
  WriteTraffic(estimate, layer, json);
  json.Key("energy_pj").BeginObject(Lines::kOne);
  is_known ? WriteEnergies(row.sums, has_static, json)
           : WriteNoEnergies(has_static, json);
  json.EndObject();
  if (has_static) {
    is_known ? json.Member("seconds", row.sums.seconds)
             : json.Key("seconds").Null();
  }
  const LayerStorage* storage = StorageOf(estimate, layer);
  WriteFoldings(analysis, *layer.layer, json);
  WriteNotes(layer.layer->coverage, storage == nullptr ? "" : storage->reason,
             json);
  json.EndObject();
}

// All layers of an operator (--by op).
void WriteGroup(const Estimate& estimate, const ReportRow& row,
                JsonWriter& json) {
  const bool is_known = !row.is_unknown();
  const bool has_static = estimate.table->static_power() != nullptr;
  const auto count = [is_known](int64_t number) {
    return is_known ? std::optional<int64_t>(number) : std::nullopt;
  };
  json.BeginObject(Lines::kOne);
  json.Member("op", row.op);
  json.Member("layers", row.layers);
  json.Member("times", row.times);
  json.Member("status", row.status());
  json.Member("macs", count(row.sums.macs));
  json.Member("mul", count(row.sums.mul));
  json.Member("add", count(row.sums.add));
  json.Member("reads", count(row.sums.reads));
  json.Member("writes", count(row.sums.writes));
  json.Key("energy_pj").BeginObject(Lines::kOne);
  is_known ? WriteEnergies(row.sums, has_static, json)
           : WriteNoEnergies(has_static, json);
  json.EndObject().EndObject();
}

void WriteTiers(const Estimate& estimate, JsonWriter& json) {
  json.Key("by_tier").BeginArray();
  for (size_t i = 0; i < estimate.by_tier.size(); ++i) {
    const TierSums& sums = estimate.by_tier[i];
    json.BeginObject(Lines::kOne);
    json.Member("tier", estimate.table->tiers()[i].name);
    json.Member("reads", sums.reads);
    json.Member("writes", sums.writes);
    json.Member("pj", sums.read_energy.pj + sums.write_energy.pj);
    json.EndObject();
  }
  json.EndArray();
}

void WriteTotals(const Estimate& estimate, JsonWriter& json) {
  const Sums& sums = estimate.totals;
  const bool has_static = estimate.table->static_power() != nullptr;
  json.Key("totals").BeginObject();
  json.Member("status", Name(estimate.status));
  json.Member("layers", static_cast<int64_t>(estimate.layers.size()));
  json.Member("macs", sums.macs);
  json.Member("mul", sums.mul);
  json.Member("add", sums.add);
  json.Member("reads", sums.reads);
  json.Member("writes", sums.writes);
  json.Member("samples", estimate.analysis->samples);
  json.Key("energy_pj").BeginObject(Lines::kOne);
  WriteEnergies(sums, has_static, json);
  json.Member("min", sums.total.min_pj);
  json.Member("max", sums.total.max_pj);
  json.EndObject();
  if (has_static) json.Member("seconds", sums.seconds);
  json.Member("once_pj", estimate.once_pj);
  WriteTiers(estimate, json);
  json.EndObject();
}

// "carbon"; nothing if `carbon` is null.
void WriteCarbonOf(const Estimate& estimate, const CarbonTerms* carbon,
                   JsonWriter& json) {
  if (carbon == nullptr) return;
  WriteCarbon(StateCarbon(*carbon, JoulesOf(estimate.totals.total.pj)),
              Name(estimate.status), json.Key("carbon"));
}

RenderOptions ByLayer(RenderOptions options) {
  options.group_by = GroupBy::kLayer;
  return options;
}

// What stands before the layers.
void WriteHead(const Estimate& estimate, JsonWriter& json) {
  json.Member("schema", "opcost.report/1");
  json.Member("opcost", OPCOST_VERSION);
  WriteModel(*estimate.analysis, json);
  WriteOptions(*estimate.analysis, *estimate.table, estimate.options,
               /*is_symbolic=*/false, json);
  WriteTable(*estimate.table, json);
}

}  // namespace

std::string WeightFormat(const LayerEstimate& layer) {
  // Without a non-zero a compressed matrix isn't read.
  if (layer.layer->storage != StorageFormat::kDense) {
    return std::string(Name(layer.layer->storage));
  }
  for (const PricedTraffic& row : layer.traffic) {
    if (row.traffic.role == Role::kWeight) {
      return "dense";
    }
  }
  return "";
}

std::string EstimateHeadAsJson(const Estimate& estimate) {
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.BeginObject();
  WriteHead(estimate, json);
  WriteTotals(estimate, json);
  WriteWarnings(estimate.diagnostics, json);
  json.EndObject();
  return json.Take();
}

std::string EstimateAsJson(const Estimate& estimate,
                           const RenderOptions& options,
                           const CarbonTerms* carbon) {
  JsonWriter json(JsonWriter::Layout::kIndented);
  json.BeginObject();
  WriteHead(estimate, json);
  json.Key("layers").BeginArray();
  for (const ReportRow& row : SelectRows(estimate, ByLayer(options)).rows) {
    WriteLayer(estimate, row, json);
  }
  json.EndArray();
  if (options.group_by == GroupBy::kOp) {
    json.Key("by_op").BeginArray();
    for (const ReportRow& row : SelectRows(estimate, options).rows) {
      WriteGroup(estimate, row, json);
    }
    json.EndArray();
  }
  WriteTotals(estimate, json);
  WriteCarbonOf(estimate, carbon, json);
  WriteWarnings(estimate.diagnostics, json);
  json.EndObject();
  return json.Take() + "\n";
}

std::string EstimateAsJsonLines(const Estimate& estimate,
                                const RenderOptions& options,
                                const CarbonTerms* carbon) {
  std::string lines;
  for (const ReportRow& row : SelectRows(estimate, options).rows) {
    JsonWriter json(JsonWriter::Layout::kCompact);
    row.layer == nullptr ? WriteGroup(estimate, row, json)
                         : WriteLayer(estimate, row, json);
    absl::StrAppend(&lines, json.Take(), "\n");
  }
  JsonWriter json(JsonWriter::Layout::kCompact);
  json.BeginObject();
  WriteTotals(estimate, json);
  WriteCarbonOf(estimate, carbon, json);
  json.EndObject();
  absl::StrAppend(&lines, json.Take(), "\n");
  return lines;
}

}  // namespace opcost
