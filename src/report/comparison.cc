// SPDX-License-Identifier: Apache-2.0
#include "opcost/report/comparison.h"

#include <cstddef>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"
#include "src/report/alignment.h"
#include "src/report/difference.h"

namespace opcost {
namespace {

std::vector<AlignmentKey> KeysOf(const Comparison& comparison) {
  std::vector<AlignmentKey> keys;
  for (const ComparedLayer& row : comparison.layers) {
    const SideLayer* layer = nullptr;
    for (size_t s = 0; s < row.layers.size() && layer == nullptr; ++s) {
      layer = comparison.Find(row, s);
    }
    keys.push_back({layer->name, layer->op, layer->shape});
  }
  return keys;
}

std::vector<AlignmentKey> KeysOf(const ComparisonSide& side) {
  std::vector<AlignmentKey> keys;
  keys.reserve(side.layers.size());
  for (const SideLayer& layer : side.layers) {
    keys.push_back({layer.name, layer.op, layer.shape});
  }
  return keys;
}

// Aligns side `side` with the rows that the sides before it have made. A layer
// without a partner becomes a row behind that of the layer before it.
void AddSide(size_t side, Comparison& comparison) {
  const size_t count = comparison.sides[side].layers.size();
  const std::vector<int> partners =
      Align(KeysOf(comparison), KeysOf(comparison.sides[side]));
  std::vector<std::vector<int>> behind(comparison.layers.size() + 1);
  size_t place = 0;  // behind which row: 0 is the beginning
  for (size_t j = 0; j < count; ++j) {
    if (partners[j] < 0) {
      behind[place].push_back(static_cast<int>(j));
    } else {
      const auto row = static_cast<size_t>(partners[j]);
      comparison.layers[row].layers[side] = static_cast<int>(j);
      place = row + 1;
    }
  }
  std::vector<ComparedLayer> rows;
  rows.reserve(comparison.layers.size() + count);
  for (size_t i = 0; i < behind.size(); ++i) {
    if (i > 0) rows.push_back(std::move(comparison.layers[i - 1]));
    for (const int j : behind[i]) {
      ComparedLayer row;
      row.layers.assign(comparison.sides.size(), -1);
      row.layers[side] = j;
      rows.push_back(std::move(row));
    }
  }
  comparison.layers = std::move(rows);
}

void AlignAll(Comparison& comparison) {
  for (size_t i = 0; i < comparison.sides[0].layers.size(); ++i) {
    ComparedLayer row;
    row.layers.assign(comparison.sides.size(), -1);
    row.layers[0] = static_cast<int>(i);
    comparison.layers.push_back(std::move(row));
  }
  for (size_t s = 1; s < comparison.sides.size(); ++s) AddSide(s, comparison);
}

LayerForms FormsOf(const ComparisonSide& side, int index) {
  const auto i = static_cast<size_t>(index);
  LayerForms forms;
  forms.own = &side.layers[i];
  forms.at_base_prices =
      i < side.at_base_prices.size() ? &side.at_base_prices[i] : forms.own;
  if (i < side.dense.size()) {
    forms.dense = &side.dense[i];
  } else if (forms.own->weight_format == "dense") {
    forms.dense = forms.at_base_prices;
  }
  return forms;
}

// The difference of a row between BASE and side `side`; a layer that one of
// them lacks, or of which nothing is known, is one without a partner.
std::optional<Difference> DifferenceOf(const Comparison& comparison,
                                       const ComparedLayer& row, size_t side,
                                       DifferenceSplitter* splitter) {
  const SideLayer* base = comparison.Find(row, 0);
  const SideLayer* variant = comparison.Find(row, side);
  const bool has_base = base != nullptr && !base->is_unknown();
  const bool has_variant = variant != nullptr && !variant->is_unknown();
  Difference difference;
  if (has_base && has_variant) {
    if (splitter == nullptr) return std::nullopt;
    return splitter->Split(FormsOf(comparison.sides[0], row.layers[0]),
                           FormsOf(comparison.sides[side], row.layers[side]));
  }
  if (base != nullptr && variant != nullptr) return std::nullopt;
  if (has_base) difference.unmatched = -base->energies.total;
  if (has_variant) difference.unmatched = variant->energies.total;
  return difference;
}

void SplitAll(const CostTable* table, Comparison& comparison) {
  const size_t sides = comparison.sides.size();
  std::unique_ptr<DifferenceSplitter> splitter;
  if (table != nullptr) {
    splitter = std::make_unique<DifferenceSplitter>(*table);
  }
  comparison.is_split = table != nullptr;
  comparison.differences.resize(sides);
  for (ComparedLayer& row : comparison.layers) {
    row.differences.resize(sides);
    for (size_t s = 1; s < sides; ++s) {
      row.differences[s] = DifferenceOf(
          comparison, row, s,
          comparison.sides[s].split_problem.empty() ? splitter.get() : nullptr);
      if (row.differences[s].has_value()) {
        comparison.differences[s] += *row.differences[s];
        continue;
      }
      // One of the two may be known, and in its total.
      const SideLayer* base = comparison.Find(row, 0);
      const SideLayer* variant = comparison.Find(row, s);
      if (base == nullptr || variant == nullptr) continue;
      if (base->is_unknown() || variant->is_unknown()) {
        comparison.differences[s].unmatched +=
            variant->energies.total - base->energies.total;
      }
    }
  }
}

// What `a` and `b` don't share: "options bits (null and \"float16\")". A
// dimension that only one of them has says nothing.
std::vector<std::string> Disagreements(const ComparisonSide& a,
                                       const ComparisonSide& b) {
  std::vector<std::string> found;
  std::map<std::string, std::pair<std::string, std::string>> options;
  for (const auto& [key, value] : a.options) options[key].first = value;
  for (const auto& [key, value] : b.options) options[key].second = value;
  for (const auto& [key, values] : options) {
    if (values.first == values.second || key == "table") continue;
    const bool is_one_sided = values.first.empty() || values.second.empty();
    if (is_one_sided && key.rfind("dims.", 0) == 0) continue;
    const auto text = [](const std::string& value) {
      return value.empty() ? std::string("not given") : value;
    };
    found.push_back(absl::StrCat("option ", key, " (", text(values.first),
                                 " and ", text(values.second), ")"));
  }
  if (a.table_digest != b.table_digest) {
    found.push_back(absl::StrCat("table (", a.table, " ", a.table_digest,
                                 " and ", b.table, " ", b.table_digest, ")"));
  }
  return found;
}

absl::Status CheckAgreement(const std::vector<ComparisonSide>& sides) {
  bool has_saved = false;
  for (const ComparisonSide& side : sides) {
    has_saved |= side.is_saved;
    if (side.unit == sides[0].unit) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        side.name, ": table ", side.table, " and ", sides[0].table, " of ",
        sides[0].name,
        " have different units: one gives joules, the other is relative"));
  }
  if (!has_saved) return absl::OkStatus();
  for (const ComparisonSide& side : sides) {
    const std::vector<std::string> found = Disagreements(sides[0], side);
    if (found.empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        sides[0].name, " and ", side.name, " differ in ",
        absl::StrJoin(found, ", "),
        "; a saved report can't be priced again, so give both the same "
        "options"));
  }
  return absl::OkStatus();
}

void AddRemarks(Comparison& comparison) {
  const ComparisonSide& base = comparison.sides[0];
  for (const ComparisonSide& side : comparison.sides) {
    if (side.samples == base.samples) continue;
    comparison.diagnostics.Note(
        "different-samples",
        absl::StrCat(base.name, " runs ", base.samples, " and ", side.name, " ",
                     side.samples, " samples; energies are of whole runs"));
  }
  for (const ComparisonSide& side : comparison.sides) {
    if (side.split_problem.empty()) continue;
    comparison.diagnostics.Warn(
        "no-split", absl::StrCat(side.name, " has no price under ", base.table,
                                 ", so that its differences aren't split: ",
                                 side.split_problem));
  }
  if (!comparison.is_split) {
    comparison.diagnostics.Warn(
        "no-split",
        absl::StrCat("the reports' table ", base.table, " (", base.table_digest,
                     ") isn't at hand, so that differences aren't split; give "
                     "it with --table"));
  }
}

}  // namespace

Difference& Difference::operator+=(const Difference& other) {
  format += other.format;
  counts += other.counts;
  width += other.width;
  tier += other.tier;
  static_pj += other.static_pj;
  prices += other.prices;
  unmatched += other.unmatched;
  return *this;
}

double Ratio(double variant, double base) {
  if (variant == base) return 1;
  return base > 0 ? variant / base : std::numeric_limits<double>::infinity();
}

absl::StatusOr<Comparison> Compare(std::vector<ComparisonSide> sides,
                                   const CostTable* base_table) {
  if (sides.size() < 2) {
    return absl::InvalidArgumentError("a comparison has two sides or more");
  }
  OPCOST_RETURN_IF_ERROR(CheckAgreement(sides));
  Comparison comparison;
  comparison.sides = std::move(sides);
  AlignAll(comparison);
  SplitAll(base_table, comparison);
  const double base_pj = comparison.sides[0].totals.total;
  for (const ComparisonSide& side : comparison.sides) {
    comparison.ratios.push_back(Ratio(side.totals.total, base_pj));
  }
  AddRemarks(comparison);
  return comparison;
}

}  // namespace opcost
