// SPDX-License-Identifier: Apache-2.0
// `opcost tables`.
#include "src/report/tables.h"

#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/report/report.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

// A header and cells, for the formats that tables of prices come in.
struct Cells {
  std::vector<GridColumn> columns;
  std::vector<std::vector<std::string>> rows;
};

std::string Csv(const Cells& cells) {
  std::vector<std::string> titles;
  for (const GridColumn& column : cells.columns) {
    titles.push_back(column.title);
  }
  std::string csv = CsvLine(titles);
  for (const std::vector<std::string>& row : cells.rows) {
    absl::StrAppend(&csv, CsvLine(row));
  }
  return csv;
}

Grid AsGrid(const Cells& cells) {
  Grid grid(cells.columns);
  for (const std::vector<std::string>& row : cells.rows) grid.Add(row);
  return grid;
}

std::string PriceText(const CostTable::Entry& entry) {
  return std::isnan(entry.price.pj) ? OneLine(entry.expansion)
                                    : Grouped(entry.price.pj);
}

std::string RangeText(const Price& price) {
  if (std::isnan(price.pj) || !price.has_range()) return "";
  return absl::StrCat(Grouped(price.min_pj), " to ", Grouped(price.max_pj));
}

absl::string_view UnitName(const CostTable& table) {
  return table.unit() == EnergyUnit::kRelative ? "MAC" : "pJ";
}

Cells PricesOf(const CostTable& table) {
  Cells cells{{{"price of one", false, false, 0},
               {std::string(UnitName(table)), true, false, 0},
               {"range", false, false, 0},
               {"source", false, true, 0}},
              {}};
  const bool is_extended = !table.bases().empty();
  if (is_extended) cells.columns.push_back({"table", false, true, 1});
  for (const CostTable::Entry& entry : table.Entries()) {
    std::vector<std::string> row = {OneLine(entry.key), PriceText(entry),
                                    RangeText(entry.price),
                                    OneLine(entry.price.source)};
    if (is_extended) row.push_back(OneLine(entry.price.table));
    cells.rows.push_back(std::move(row));
  }
  return cells;
}

// The lines above and below the prices, by name.
std::vector<std::pair<std::string, std::string>> HeadOf(
    const CostTable& table) {
  std::vector<std::pair<std::string, std::string>> head = {
      {"name", table.name()},
      {"title", table.title()},
      {"unit", table.unit() == EnergyUnit::kRelative
                   ? "relative: units of one MAC"
                   : "pJ"}};
  if (!table.bases().empty()) {
    head.emplace_back("extends", absl::StrJoin(table.bases(), ", "));
  }
  head.emplace_back("widths it lacks",
                    table.interpolates() ? "interpolated" : "are errors");
  head.emplace_back(
      "memory",
      absl::StrJoin(
          table.tiers(), ", ", [](std::string* out, const Tier& tier) {
            absl::StrAppend(out, tier.name);
            if (!tier.capacity_bytes.has_value()) return;
            absl::StrAppend(out, " (", Grouped(*tier.capacity_bytes), " B)");
          }));
  if (const StaticPower* power = table.static_power(); power != nullptr) {
    head.emplace_back("static", absl::StrCat(Grouped(power->watts), " W"));
    if (power->pj_per_operator > 0) {
      head.emplace_back(
          "", absl::StrCat(Grouped(power->pj_per_operator), " pJ/operator"));
    }
    for (const auto& [format, rate] : power->macs_per_second) {
      head.emplace_back("", absl::StrCat(format, " ", Grouped(rate), " MAC/s"));
    }
    for (const auto& [tier, rate] : power->bytes_per_second) {
      head.emplace_back(
          "", absl::StrCat(table.tiers()[static_cast<size_t>(tier)].name, " ",
                           Grouped(rate), " B/s"));
    }
  }
  if (const FitRecord* fit = table.fit(); fit != nullptr) {
    head.emplace_back("fit", "");
    for (const auto& [key, text] : fit->entries) {
      head.emplace_back("", OneLine(absl::StrCat(key, ": ", text)));
    }
  }
  head.emplace_back("digest", table.digest());
  return head;
}

std::string SourceText(const Source& source) {
  return OneLine(absl::StrCat(source.cite, source.where.empty() ? "" : ", ",
                              source.where));
}

std::string SideText(const CostTable::Entry* entry) {
  if (entry == nullptr) return "";
  const std::string range = RangeText(entry->price);
  return absl::StrCat(PriceText(*entry), range.empty() ? "" : " (", range,
                      range.empty() ? "" : ")");
}

std::string RatioText(const PricePair& pair) {
  if (pair.a == nullptr) return "b only";
  if (pair.b == nullptr) return "a only";
  const double ratio = pair.b->price.pj / pair.a->price.pj;
  return std::isfinite(ratio) ? FixedDouble(ratio, 3) : "";
}

std::string CapacityText(const std::optional<int64_t>& bytes) {
  return bytes.has_value() ? absl::StrCat(Grouped(*bytes), " B") : "unbounded";
}

std::string RatioText(const CapacityPair& pair) {
  if (!pair.a_bytes.has_value() || !pair.b_bytes.has_value()) return "";
  return FixedDouble(
      static_cast<double>(*pair.b_bytes) / static_cast<double>(*pair.a_bytes),
      3);
}

Cells DifferencesOf(const CostTable& a, const CostTable& b) {
  Cells cells{{{"price of one", false, false, 0},
               {OneLine(a.name()), true, true, 0},
               {OneLine(b.name()), true, true, 0},
               {"ratio", true, false, 0}},
              {}};
  const std::vector<CostTable::Entry> entries_a = a.Entries();
  const std::vector<CostTable::Entry> entries_b = b.Entries();
  for (const PricePair& pair : DifferingPrices(entries_a, entries_b)) {
    const std::string& key = pair.a != nullptr ? pair.a->key : pair.b->key;
    cells.rows.push_back(
        {OneLine(key), SideText(pair.a), SideText(pair.b), RatioText(pair)});
  }
  for (const CapacityPair& pair : DifferingCapacities(a, b)) {
    cells.rows.push_back({OneLine(absl::StrCat(pair.tier, " capacity")),
                          CapacityText(pair.a_bytes),
                          CapacityText(pair.b_bytes), RatioText(pair)});
  }
  return cells;
}

bool IsJson(const RenderOptions& options) {
  return options.format == Format::kJson || options.format == Format::kJsonl;
}

}  // namespace

std::vector<CapacityPair> DifferingCapacities(const CostTable& a,
                                              const CostTable& b) {
  std::vector<CapacityPair> differing;
  for (const Tier& tier : a.tiers()) {
    for (const Tier& other : b.tiers()) {
      if (tier.name == other.name &&
          tier.capacity_bytes != other.capacity_bytes) {
        differing.push_back(
            {tier.name, tier.capacity_bytes, other.capacity_bytes});
      }
    }
  }
  return differing;
}

std::vector<PricePair> DifferingPrices(absl::Span<const CostTable::Entry> a,
                                       absl::Span<const CostTable::Entry> b) {
  std::map<std::string, const CostTable::Entry*> in_b;
  for (const CostTable::Entry& entry : b) in_b[entry.key] = &entry;
  const auto differ = [](const CostTable::Entry& x, const CostTable::Entry& y) {
    const bool both_expand = std::isnan(x.price.pj) && std::isnan(y.price.pj);
    return x.expansion != y.expansion ||
           (!both_expand &&
            (x.price.pj != y.price.pj || x.price.min_pj != y.price.min_pj ||
             x.price.max_pj != y.price.max_pj));
  };
  std::vector<PricePair> pairs;
  for (const CostTable::Entry& entry : a) {
    const auto found = in_b.find(entry.key);
    if (found == in_b.end()) {
      pairs.push_back({&entry, nullptr});
      continue;
    }
    if (differ(entry, *found->second)) pairs.push_back({&entry, found->second});
    in_b.erase(found);
  }
  for (const CostTable::Entry& entry : b) {
    if (in_b.count(entry.key) > 0) pairs.push_back({nullptr, &entry});
  }
  return pairs;
}

std::string RenderTableList(const TableLibrary& library,
                            const RenderOptions& options) {
  if (IsJson(options)) return TableListAsJson(library, options.format);
  Cells cells{{{"table", false, false, 0},
               {"title", false, true, 0},
               {"file", false, true, 1}},
              {}};
  for (const TableLibrary::Listing& listing : library.List()) {
    cells.rows.push_back(
        {OneLine(listing.name),
         OneLine(listing.problem.empty()
                     ? listing.title
                     : absl::StrCat("unusable: ", listing.problem)),
         listing.path.empty() ? "compiled in" : OneLine(listing.path)});
  }
  if (options.format == Format::kCsv) return Csv(cells);
  if (options.format == Format::kMarkdown) return AsGrid(cells).Markdown();
  return AsGrid(cells).Text(options.width, options.color);
}

std::string RenderTable(const CostTable& table, const RenderOptions& options) {
  if (IsJson(options)) return TableAsJson(table, options.format);
  const Cells prices = PricesOf(table);
  if (options.format == Format::kCsv) return Csv(prices);
  const bool is_markdown = options.format == Format::kMarkdown;
  std::string out;
  for (const auto& [name, text] : HeadOf(table)) {
    std::string first = name;
    first.resize(17, ' ');
    absl::StrAppend(
        &out, is_markdown ? absl::StrCat("- ", name, name.empty() ? "" : ": ",
                                         MarkdownText(OneLine(text)), "\n")
                          : Wrap(first, OneLine(text), options.width));
  }
  absl::StrAppend(&out, "\n",
                  is_markdown
                      ? AsGrid(prices).Markdown()
                      : AsGrid(prices).Text(options.width, options.color),
                  "\n");
  for (const Source& source : table.sources()) {
    const std::string id = absl::StrCat("[", OneLine(source.id), "] ");
    absl::StrAppend(
        &out, is_markdown ? absl::StrCat("- ", MarkdownText(id), " ",
                                         MarkdownText(SourceText(source)), "\n")
                          : Wrap(id, SourceText(source), options.width));
  }
  return out;
}

std::string RenderTableDiff(const CostTable& a, const CostTable& b,
                            const RenderOptions& options) {
  if (IsJson(options)) return TableDiffAsJson(a, b, options.format);
  const Cells cells = DifferencesOf(a, b);
  if (options.format == Format::kCsv) return Csv(cells);
  if (cells.rows.empty()) {
    return Wrap("",
                OneLine(absl::StrCat("every price and capacity of ", a.name(),
                                     " and ", b.name(), " is the same")),
                options.width);
  }
  std::string units;
  if (a.unit() != b.unit()) {
    units = Wrap("",
                 OneLine(absl::StrCat(a.name(), " is in ", UnitName(a), ", ",
                                      b.name(), " in ", UnitName(b),
                                      ": the ratios mean nothing")),
                 options.width) +
            "\n";
  }
  return units + (options.format == Format::kMarkdown
                      ? AsGrid(cells).Markdown()
                      : AsGrid(cells).Text(options.width, options.color));
}

}  // namespace opcost
