// SPDX-License-Identifier: Apache-2.0
// A comparison for a terminal, and as markdown.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "opcost/report/carbon.h"
#include "src/report/carbon_parts.h"
#include "src/report/comparison_documents.h"
#include "src/report/comparison_rows.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

// An energy that may be negative, its decimal point in line with others'.
std::string Signed(double energy_pj, const EnergyScale& scale) {
  if (energy_pj >= 0) return scale.Aligned(energy_pj);
  const std::string number = scale.Number(-energy_pj);
  return absl::StartsWith(number, "<") ? absl::StrCat(">-", number.substr(1))
                                       : absl::StrCat("-", number);
}

std::string RatioText(double ratio) {
  if (!std::isfinite(ratio)) return "inf";
  return FixedDouble(ratio, ratio < 99.9995 ? 3 : 1);
}

EnergyScale ScaleOf(const Comparison& comparison,
                    const RenderOptions& options) {
  double largest = 0;
  for (const ComparisonSide& side : comparison.sides) {
    largest = std::max(largest, side.totals.total);
  }
  return ScaleFor(largest, options.unit, comparison.sides[0].unit);
}

// The sides, a row each.
Grid SideGrid(const Comparison& comparison, const EnergyScale& scale) {
  Grid grid({{"", false, false, 0},
             {"model", false, true, 0},
             {absl::StrCat("total ", scale.unit), true, false, 0},
             {"ratio", true, false, 0},
             {"saved", true, false, 1},
             {"MACs", true, false, 2},
             {"weights", true, false, 3}});
  const double base_pj = comparison.sides[0].totals.total;
  for (size_t s = 0; s < comparison.sides.size(); ++s) {
    const ComparisonSide& side = comparison.sides[s];
    const double pj = side.totals.total;
    grid.Add({SideLetter(s), OneLine(side.name),
              absl::StrCat(Sign(side.status), " ", scale.Aligned(pj)),
              RatioText(comparison.ratios[s]),
              s == 0 ? "" : Signed(base_pj - pj, scale), HumanCount(side.macs),
              HumanBytes(side.weight_bytes)});
  }
  return grid;
}

// A JSON value as people write it.
std::string OptionValue(absl::string_view json) {
  if (json.empty() || json == "null") return "own";
  absl::ConsumePrefix(&json, "\"");
  absl::ConsumeSuffix(&json, "\"");
  return std::string(json);
}

// What all sides rest on, and what some do: {"all", "table horowitz-45nm; ..."}
// and {"B", "weights nm"}.
std::vector<std::pair<std::string, std::string>> Options(
    const Comparison& comparison) {
  std::set<std::string> keys;
  for (const ComparisonSide& side : comparison.sides) {
    for (const auto& [key, value] : side.options) keys.insert(key);
  }
  const auto value_of = [](const ComparisonSide& side, const std::string& key) {
    const auto found = side.options.find(key);
    return OptionValue(found == side.options.end() ? "" : found->second);
  };
  std::vector<std::string> shared;
  std::vector<std::vector<std::string>> own(comparison.sides.size());
  for (const std::string& key : keys) {
    const std::string value = value_of(comparison.sides[0], key);
    const bool is_shared =
        std::all_of(comparison.sides.begin(), comparison.sides.end(),
                    [&](const ComparisonSide& side) {
                      return value_of(side, key) == value;
                    });
    if (is_shared) {
      shared.push_back(absl::StrCat(key, " ", value));
      continue;
    }
    for (size_t s = 0; s < own.size(); ++s) {
      own[s].push_back(
          absl::StrCat(key, " ", value_of(comparison.sides[s], key)));
    }
  }
  std::vector<std::pair<std::string, std::string>> facts = {
      {"all", OneLine(absl::StrJoin(shared, "; "))}};
  for (size_t s = 0; s < own.size(); ++s) {
    if (own[s].empty()) continue;
    facts.emplace_back(SideLetter(s), OneLine(absl::StrJoin(own[s], "; ")));
  }
  return facts;
}

// The parts of a difference that are shown, by name.
struct Part {
  const char* name;        // of a row
  const char* short_name;  // of a column
  double Difference::*field;
};
constexpr Part kParts[] = {
    {"by storage format", "format", &Difference::format},
    {"by counts", "counts", &Difference::counts},
    {"by width", "width", &Difference::width},
    {"by tier", "tier", &Difference::tier},
    {"by static power", "static", &Difference::static_pj},
    {"by prices", "prices", &Difference::prices},
    {"by layers of one side", "alone", &Difference::unmatched}};

// Those that aren't nothing everywhere.
std::vector<Part> PartsInUse(const Comparison& comparison) {
  std::vector<Part> used;
  for (const Part& part : kParts) {
    const bool is_used = std::any_of(
        comparison.differences.begin(), comparison.differences.end(),
        [&part](const Difference& sum) { return sum.*part.field != 0; });
    if (is_used) used.push_back(part);
  }
  return used;
}

// The rows of a comparison as a grid. Two sides have room for what a difference
// comes from; of more, operators go first, then energies of variants.
class LayerTable {
 public:
  LayerTable(const Comparison& comparison, const RenderOptions& options,
             const EnergyScale& scale)
      : comparison_(comparison),
        scale_(scale),
        sides_(comparison.sides.size()),
        by_op_(options.group_by == GroupBy::kOp) {
    if (sides_ == 2 && comparison.is_split) parts_ = PartsInUse(comparison);
  }

  Grid Make(const ComparedRows& selected) const {
    Grid grid(Columns());
    for (const ComparedRow& row : selected.rows) Add(row, StyleOf(row), grid);
    if (selected.others.has_value()) Add(*selected.others, Style::kDim, grid);
    AddTotal(grid);
    return grid;
  }

 private:
  std::vector<GridColumn> Columns() const {
    std::vector<GridColumn> columns = {
        {by_op_ ? "operator" : "layer", false, true, 0}};
    if (!by_op_) columns.push_back({"operator", false, true, 3});
    columns.push_back({absl::StrCat("A ", scale_.unit), true, false, 0});
    for (size_t s = 1; s < sides_; ++s) {
      columns.push_back({SideLetter(s), true, false, sides_ > 2 ? 2 : 0});
      columns.push_back({absl::StrCat(SideLetter(s), "/A"), true, false, 0});
    }
    for (const Part& part : parts_) {
      columns.push_back({part.short_name, true, false, 4});
    }
    return columns;
  }

  static Style StyleOf(const ComparedRow& row) {
    for (const ComparedCell& cell : row.cells) {
      if (cell.unknown_layers > 0) return Style::kYellow;
    }
    return row.largest_pj == 0 ? Style::kDim : Style::kPlain;
  }

  std::string Energy(const ComparedCell& cell) const {
    if (cell.is_absent()) return Dash();
    if (cell.is_unknown()) return scale_.Unknown();
    const absl::string_view status = cell.status();
    absl::string_view sign = "";
    if (status == "lower-bound") sign = ">= ";
    if (status == "indeterminate") sign = "~ ";
    if (status == "bound") sign = "<= ";
    return absl::StrCat(sign, scale_.Aligned(cell.pj));
  }
  std::string Dash() const {
    std::string dash = scale_.Unknown();
    dash[0] = '-';
    return dash;
  }

  std::string RatioOf(const ComparedCell& cell,
                      const ComparedCell& base) const {
    if (cell.is_absent() || base.is_absent()) return "-    ";
    if (!cell.has_ratio() || !base.has_ratio()) return "?    ";
    return RatioText(cell.ratio);
  }

  void Add(const ComparedRow& row, Style style, Grid& grid) const {
    grid.Put(OneLine(row.name));
    if (!by_op_) grid.Put(OneLine(row.op));
    grid.PutAscii(Energy(row.cells[0]));
    for (size_t s = 1; s < sides_; ++s) {
      grid.PutAscii(Energy(row.cells[s]));
      grid.PutAscii(RatioOf(row.cells[s], row.cells[0]));
    }
    PutParts(row.cells.back().difference, grid);
    grid.EndRow(style);
  }

  // What is saved, as the opposite of what is added.
  void PutParts(const std::optional<Difference>& difference, Grid& grid) const {
    for (const Part& part : parts_) {
      grid.PutAscii(difference.has_value()
                        ? Signed(0 - (*difference).*part.field, scale_)
                        : scale_.Unknown());
    }
  }

  void AddTotal(Grid& grid) const {
    grid.PutAscii("total");
    if (!by_op_) grid.PutAscii("");
    for (size_t s = 0; s < sides_; ++s) {
      const ComparisonSide& side = comparison_.sides[s];
      const bool is_exact = side.status == TotalStatus::kExact;
      grid.PutAscii(absl::StrCat(is_exact ? "" : Sign(side.status),
                                 is_exact ? "" : " ",
                                 scale_.Aligned(side.totals.total)));
      if (s > 0) grid.PutAscii(RatioText(comparison_.ratios[s]));
    }
    PutParts(comparison_.differences.back(), grid);
    grid.EndRow(Style::kBold);
  }

  const Comparison& comparison_;
  const EnergyScale& scale_;
  size_t sides_;
  bool by_op_;
  std::vector<Part> parts_;
};

// What each variant saves, by operation, by tier and by cause.
Grid SavingsGrid(const Comparison& comparison, const EnergyScale& scale) {
  const ComparisonSide& base = comparison.sides[0];
  std::vector<GridColumn> columns = {
      {absl::StrCat("saved ", scale.unit), false, true, 0},
      {"of A", true, false, 1}};
  for (size_t s = 1; s < comparison.sides.size(); ++s) {
    columns.push_back({SideLetter(s), true, false, 0});
  }
  Grid grid(std::move(columns));
  const auto add = [&](absl::string_view name, std::string of_base,
                       const auto& saved, Style style) {
    std::vector<std::string> cells = {OneLine(name), std::move(of_base)};
    for (size_t s = 1; s < comparison.sides.size(); ++s) {
      cells.push_back(Signed(saved(s), scale));
    }
    grid.Add(cells, style);
  };
  const auto add_operation = [&](absl::string_view name,
                                 double SideEnergies::*field, Style style) {
    add(
        name, scale.Aligned(base.totals.*field),
        [&](size_t s) {
          return base.totals.*field - comparison.sides[s].totals.*field;
        },
        style);
  };
  add_operation("mul", &SideEnergies::mul, Style::kPlain);
  add_operation("add", &SideEnergies::add, Style::kPlain);
  add_operation("read", &SideEnergies::read, Style::kPlain);
  add_operation("write", &SideEnergies::write, Style::kPlain);
  if (std::any_of(comparison.sides.begin(), comparison.sides.end(),
                  [](const ComparisonSide& side) {
                    return side.totals.static_pj != 0;
                  })) {
    add_operation("static", &SideEnergies::static_pj, Style::kPlain);
  }
  for (const SideTier& tier : base.tiers) {
    add(
        absl::StrCat("in ", tier.name), scale.Aligned(tier.pj),
        [&](size_t s) {
          for (const TierSaving& saving :
               TierSavings(base, comparison.sides[s])) {
            if (saving.tier == tier.name) return saving.pj;
          }
          return 0.0;
        },
        Style::kPlain);
  }
  if (comparison.is_split) {
    for (const Part& part : PartsInUse(comparison)) {
      add(
          part.name, "",
          [&](size_t s) { return 0 - comparison.differences[s].*part.field; },
          Style::kPlain);
    }
  }
  add_operation("total", &SideEnergies::total, Style::kBold);
  return grid;
}

}  // namespace

std::vector<TierSaving> TierSavings(const ComparisonSide& base,
                                    const ComparisonSide& side) {
  std::vector<TierSaving> savings;
  for (const SideTier& tier : base.tiers) {
    savings.push_back({tier.name, tier.pj, tier.pj});
  }
  for (const SideTier& tier : side.tiers) {
    const auto known = std::find_if(
        savings.begin(), savings.end(),
        [&tier](const TierSaving& saving) { return saving.tier == tier.name; });
    if (known != savings.end()) {
      known->pj -= tier.pj;
    } else {
      savings.push_back({tier.name, 0, -tier.pj});
    }
  }
  return savings;
}

std::string ComparisonAsText(const Comparison& comparison,
                             const RenderOptions& options,
                             const CarbonTerms* carbon) {
  const EnergyScale scale = ScaleOf(comparison, options);
  const int width = options.width;
  std::string out = absl::StrCat(
      SideGrid(comparison, scale).Text(width, options.color), "\n");
  for (const auto& [name, text] : Options(comparison)) {
    const std::string head = absl::StrCat(name, name == "all" ? "  " : "    ");
    absl::StrAppend(&out, Wrap(head, text, width));
  }
  const LayerTable table(comparison, options, scale);
  absl::StrAppend(
      &out, "\n",
      table.Make(SelectRows(comparison, options)).Text(width, options.color),
      "\n", SavingsGrid(comparison, scale).Text(width, options.color));
  if (carbon != nullptr) {
    absl::StrAppend(&out, "\n", FactsText(SharedCarbonFacts(*carbon), width),
                    "\n",
                    CarbonGrid(comparison, *carbon).Text(width, options.color));
  }
  return out;
}

std::string ComparisonAsMarkdown(const Comparison& comparison,
                                 const RenderOptions& options,
                                 const CarbonTerms* carbon) {
  const EnergyScale scale = ScaleOf(comparison, options);
  std::string out = absl::StrCat(
      "### ", MarkdownText(OneLine(comparison.sides[0].name)), " compared\n\n",
      SideGrid(comparison, scale).Markdown(), "\n");
  for (const auto& [name, text] : Options(comparison)) {
    absl::StrAppend(&out, "- ", name, ": ", MarkdownText(text), "\n");
  }
  const LayerTable table(comparison, options, scale);
  absl::StrAppend(&out, "\n",
                  table.Make(SelectRows(comparison, options)).Markdown(), "\n",
                  SavingsGrid(comparison, scale).Markdown());
  if (carbon != nullptr) {
    absl::StrAppend(&out, "\n");
    for (const Fact& fact : SharedCarbonFacts(*carbon)) {
      absl::StrAppend(&out, "- ", fact.name, ": ", MarkdownText(fact.text),
                      "\n");
    }
    absl::StrAppend(&out, "\n", CarbonGrid(comparison, *carbon).Markdown());
  }
  return out;
}

std::string RenderComparison(const Comparison& comparison,
                             const RenderOptions& options) {
  return RenderComparison(comparison, options, nullptr);
}

std::string RenderComparison(const Comparison& comparison,
                             const RenderOptions& options,
                             const CarbonTerms* carbon) {
  switch (options.format) {
    case Format::kText:
      break;
    case Format::kJson:
      return ComparisonAsJson(comparison, options, carbon);
    case Format::kJsonl:
      return ComparisonAsJsonLines(comparison, options, carbon);
    case Format::kCsv:
      return ComparisonAsCsv(comparison, options);
    case Format::kMarkdown:
      return ComparisonAsMarkdown(comparison, options, carbon);
  }
  return ComparisonAsText(comparison, options, carbon);
}

}  // namespace opcost
