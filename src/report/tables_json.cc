// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "src/report/json_writer.h"
#include "src/report/tables.h"

namespace opcost {
namespace {

using Lines = JsonWriter::Lines;

JsonWriter WriterFor(Format format) {
  return JsonWriter(format == Format::kJsonl ? JsonWriter::Layout::kCompact
                                             : JsonWriter::Layout::kIndented);
}

absl::string_view UnitName(const CostTable& table) {
  return table.unit() == EnergyUnit::kRelative ? "relative" : "pJ";
}

void WriteTiers(const CostTable& table, JsonWriter& json) {
  json.Key("tiers").BeginArray();
  for (const Tier& tier : table.tiers()) {
    json.BeginObject(Lines::kOne);
    json.Member("name", tier.name);
    json.Member("capacity_bytes", tier.capacity_bytes);
    json.EndObject();
  }
  json.EndArray();
}

void WritePrices(const CostTable& table, JsonWriter& json) {
  json.Key("prices").BeginArray();
  for (const CostTable::Entry& entry : table.Entries()) {
    json.BeginObject(Lines::kOne);
    json.Member("price", entry.key);
    // An expansion has no price of its own: NaN is written as null.
    const bool expands = std::isnan(entry.price.pj);
    json.Member("value", entry.price.pj);
    json.Member("min", expands ? entry.price.pj : entry.price.min_pj);
    json.Member("max", expands ? entry.price.pj : entry.price.max_pj);
    json.MemberOrNull("expansion", entry.expansion);
    json.Member("source", entry.price.source);
    json.Member("table", entry.price.table);
    json.EndObject();
  }
  json.EndArray();
}

void WriteStatic(const CostTable& table, JsonWriter& json) {
  const StaticPower* power = table.static_power();
  if (power == nullptr) return;
  json.Key("static").BeginObject();
  json.Member("watts", power->watts);
  json.Member("pj_per_operator", power->pj_per_operator);
  json.Key("macs_per_second").BeginObject(Lines::kOne);
  for (const auto& [format, rate] : power->macs_per_second) {
    json.Member(format, rate);
  }
  json.EndObject().Key("bytes_per_second").BeginObject(Lines::kOne);
  for (const auto& [tier, rate] : power->bytes_per_second) {
    json.Member(table.tiers()[static_cast<size_t>(tier)].name, rate);
  }
  json.EndObject().EndObject();
}

void WriteSide(const CostTable::Entry* entry, JsonWriter& json) {
  if (entry == nullptr) {
    json.Null();
    return;
  }
  json.BeginObject(Lines::kOne);
  json.Member("value", entry->price.pj);
  json.MemberOrNull("expansion", entry->expansion);
  json.EndObject();
}

}  // namespace

std::string TableListAsJson(const TableLibrary& library, Format format) {
  JsonWriter json = WriterFor(format);
  json.BeginObject();
  json.Member("schema", "opcost.tables/1");
  json.Key("tables").BeginArray();
  for (const TableLibrary::Listing& listing : library.List()) {
    json.BeginObject(Lines::kOne);
    json.Member("name", listing.name);
    json.Member("title", listing.title);
    json.MemberOrNull("path", listing.path);
    json.MemberOrNull("problem", listing.problem);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

std::string TableAsJson(const CostTable& table, Format format) {
  JsonWriter json = WriterFor(format);
  json.BeginObject();
  json.Member("schema", "opcost.table/1");
  json.Member("name", table.name());
  json.Member("title", table.title());
  json.Member("digest", table.digest());
  json.Member("unit", UnitName(table));
  json.Member("interpolate", table.interpolates());
  json.Key("extends").BeginArray(Lines::kOne);
  for (const std::string& base : table.bases()) json.String(base);
  json.EndArray();
  WriteTiers(table, json);
  WritePrices(table, json);
  WriteStatic(table, json);
  json.Key("sources").BeginArray();
  for (const Source& source : table.sources()) {
    json.BeginObject(Lines::kOne);
    json.Member("id", source.id);
    json.Member("cite", source.cite);
    json.Member("where", source.where);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

std::string TableDiffAsJson(const CostTable& a, const CostTable& b,
                            Format format) {
  JsonWriter json = WriterFor(format);
  json.BeginObject();
  json.Member("schema", "opcost.tablediff/1");
  json.Key("tables").BeginArray(Lines::kOne);
  json.String(a.name()).String(b.name()).EndArray();
  json.Key("units").BeginArray(Lines::kOne);
  json.String(UnitName(a)).String(UnitName(b)).EndArray();
  json.Key("prices").BeginArray();
  const std::vector<CostTable::Entry> entries_a = a.Entries();
  const std::vector<CostTable::Entry> entries_b = b.Entries();
  for (const PricePair& pair : DifferingPrices(entries_a, entries_b)) {
    json.BeginObject(Lines::kOne);
    json.Member("price", pair.a != nullptr ? pair.a->key : pair.b->key);
    WriteSide(pair.a, json.Key("a"));
    WriteSide(pair.b, json.Key("b"));
    const bool both = pair.a != nullptr && pair.b != nullptr;
    json.Member("ratio", both ? std::optional<double>(pair.b->price.pj /
                                                      pair.a->price.pj)
                              : std::nullopt);
    json.EndObject();
  }
  json.EndArray();
  json.Key("capacities").BeginArray();
  for (const CapacityPair& pair : DifferingCapacities(a, b)) {
    json.BeginObject(Lines::kOne);
    json.Member("tier", pair.tier);
    json.Member("a_bytes", pair.a_bytes);
    json.Member("b_bytes", pair.b_bytes);
    json.EndObject();
  }
  json.EndArray().EndObject();
  return json.Take() + "\n";
}

}  // namespace opcost
