// SPDX-License-Identifier: Apache-2.0
#include "src/report/comparison_rows.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

void SetRatios(ComparedRow& row) {
  const ComparedCell& base = row.cells[0];
  row.largest_pj = 0;
  for (ComparedCell& cell : row.cells) {
    cell.ratio = Ratio(cell.pj, base.pj);
    row.largest_pj = std::max(row.largest_pj, cell.pj);
  }
}

ComparedRow RowOf(const Comparison& comparison, const ComparedLayer& layer) {
  ComparedRow row;
  row.cells.resize(comparison.sides.size());
  for (size_t s = 0; s < row.cells.size(); ++s) {
    ComparedCell& cell = row.cells[s];
    cell.difference = layer.differences[s];
    const SideLayer* own = comparison.Find(layer, s);
    if (own == nullptr) continue;
    if (row.name.empty() && row.op.empty()) {
      row.name = own->name;
      row.op = own->op;
    }
    cell.layer = own;
    cell.layers = 1;
    cell.unknown_layers = own->is_unknown() ? 1 : 0;
    cell.bound_layers = own->status == "bound" ? 1 : 0;
    cell.macs = own->macs;
    cell.pj = own->energies.total;
  }
  SetRatios(row);
  return row;
}

void Merge(const ComparedRow& from, ComparedRow& to) {
  to.cells.resize(from.cells.size());
  for (size_t s = 0; s < from.cells.size(); ++s) {
    const ComparedCell& cell = from.cells[s];
    ComparedCell& sum = to.cells[s];
    sum.layer = nullptr;
    sum.layers += cell.layers;
    sum.unknown_layers += cell.unknown_layers;
    sum.bound_layers += cell.bound_layers;
    sum.macs += cell.macs;
    sum.pj += cell.pj;
    if (s == 0 || !cell.difference.has_value()) continue;
    if (!sum.difference.has_value()) sum.difference.emplace();
    *sum.difference += *cell.difference;
  }
}

std::vector<ComparedRow> GroupedByOp(const std::vector<ComparedRow>& layers) {
  std::vector<ComparedRow> groups;
  std::map<std::string, size_t> places;
  for (const ComparedRow& layer : layers) {
    const auto [place, is_new] = places.try_emplace(layer.op, groups.size());
    if (is_new) {
      groups.emplace_back();
      groups.back().name = groups.back().op = layer.op;
    }
    Merge(layer, groups[place->second]);
  }
  for (ComparedRow& group : groups) SetRatios(group);
  return groups;
}

int64_t MostMacs(const ComparedRow& row) {
  int64_t most = 0;
  for (const ComparedCell& cell : row.cells) most = std::max(most, cell.macs);
  return most;
}

void Sort(SortBy by, std::vector<ComparedRow>& rows) {
  if (by == SortBy::kOrder) return;
  std::stable_sort(rows.begin(), rows.end(),
                   [by](const ComparedRow& a, const ComparedRow& b) {
                     if (by == SortBy::kName) return a.name < b.name;
                     if (by == SortBy::kMacs) return MostMacs(a) > MostMacs(b);
                     return a.largest_pj > b.largest_pj;
                   });
}

std::optional<ComparedRow> Cut(int64_t top, std::vector<ComparedRow>& rows) {
  const size_t kept = top < 0 ? 0 : static_cast<size_t>(top);
  if (rows.size() <= kept) return std::nullopt;
  std::vector<size_t> ranked(rows.size());
  std::iota(ranked.begin(), ranked.end(), size_t{0});
  std::stable_sort(ranked.begin(), ranked.end(), [&rows](size_t a, size_t b) {
    return rows[a].largest_pj > rows[b].largest_pj;
  });
  const auto end_of_kept = ranked.begin() + static_cast<ptrdiff_t>(kept);
  std::sort(ranked.begin(), end_of_kept);
  std::sort(end_of_kept, ranked.end());
  ComparedRow others;
  std::vector<ComparedRow> left;
  for (size_t i = 0; i < ranked.size(); ++i) {
    if (i < kept) {
      left.push_back(std::move(rows[ranked[i]]));
    } else {
      Merge(rows[ranked[i]], others);
    }
  }
  const size_t count = rows.size() - kept;
  others.name = absl::StrCat(count, count == 1 ? " other" : " others");
  SetRatios(others);
  rows = std::move(left);
  return others;
}

}  // namespace

absl::string_view ComparedCell::status() const {
  if (layers == 0) return "absent";
  if (is_unknown()) return "unknown";
  if (unknown_layers > 0) {
    return bound_layers > 0 ? "indeterminate" : "lower-bound";
  }
  return bound_layers > 0 ? "bound" : "exact";
}

ComparedRows SelectRows(const Comparison& comparison,
                        const RenderOptions& options) {
  ComparedRows selected;
  selected.rows.reserve(comparison.layers.size());
  for (const ComparedLayer& layer : comparison.layers) {
    selected.rows.push_back(RowOf(comparison, layer));
  }
  if (options.group_by == GroupBy::kOp) {
    selected.rows = GroupedByOp(selected.rows);
  }
  Sort(options.sort_by, selected.rows);
  if (options.top.has_value()) {
    selected.others = Cut(*options.top, selected.rows);
  }
  return selected;
}

std::string SideLetter(size_t side) {
  if (side < 26) return std::string(1, static_cast<char>('A' + side));
  return absl::StrCat("S", side + 1);
}

}  // namespace opcost
