// SPDX-License-Identifier: Apache-2.0
#include "src/report/rows.h"

#include <algorithm>
#include <map>
#include <numeric>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

ReportRow RowOf(const LayerEstimate& layer) {
  using Status = Coverage::Status;
  const LayerCounts& counts = *layer.layer;
  ReportRow row;
  row.name = counts.name;
  row.op = OpName(*counts.node);
  row.layer = &layer;
  row.layers = 1;
  row.is_shown_alone = true;
  row.times = counts.times;
  row.unknown_layers = counts.coverage.status == Status::kUnknown ? 1 : 0;
  row.bound_layers = counts.coverage.status == Status::kBound ? 1 : 0;
  row.view_layers = layer.is_view && row.unknown_layers == 0 ? 1 : 0;
  if (row.unknown_layers == 0) row.sums = layer.sums;
  return row;
}

void Add(const Sums& from, Sums& to) {
  to.macs += from.macs;
  to.mul += from.mul;
  to.add += from.add;
  to.reads += from.reads;
  to.writes += from.writes;
  to.mul_energy += from.mul_energy;
  to.add_energy += from.add_energy;
  to.read_energy += from.read_energy;
  to.write_energy += from.write_energy;
  to.seconds += from.seconds;
  to.static_pj += from.static_pj;
  to.total += from.total;
}

void Merge(const ReportRow& from, ReportRow& to) {
  to.layer = nullptr;
  to.layers += from.layers;
  to.times += from.times;
  to.unknown_layers += from.unknown_layers;
  to.bound_layers += from.bound_layers;
  to.view_layers += from.view_layers;
  Add(from.sums, to.sums);
}

std::vector<ReportRow> GroupedByOp(const std::vector<ReportRow>& layers) {
  std::vector<ReportRow> groups;
  std::map<std::string, size_t> places;
  for (const ReportRow& layer : layers) {
    const auto [place, is_new] = places.try_emplace(layer.op, groups.size());
    if (is_new) {
      ReportRow group;
      group.name = group.op = layer.op;
      group.is_shown_alone = true;
      groups.push_back(std::move(group));
    }
    Merge(layer, groups[place->second]);
  }
  return groups;
}

void Sort(SortBy by, std::vector<ReportRow>& rows) {
  const auto before = [by](const ReportRow& a, const ReportRow& b) {
    if (by == SortBy::kName) return a.name < b.name;
    if (by == SortBy::kMacs) return a.sums.macs > b.sums.macs;
    return a.sums.total.pj > b.sums.total.pj;
  };
  if (by != SortBy::kOrder) std::stable_sort(rows.begin(), rows.end(), before);
}

// Leaves the `top` rows of most energy, in their order; returns the others'
// sum.
std::optional<ReportRow> Cut(int64_t top, std::vector<ReportRow>& rows) {
  const size_t kept = top < 0 ? 0 : static_cast<size_t>(top);
  if (rows.size() <= kept) return std::nullopt;
  std::vector<size_t> ranked(rows.size());
  std::iota(ranked.begin(), ranked.end(), size_t{0});
  std::stable_sort(ranked.begin(), ranked.end(), [&rows](size_t a, size_t b) {
    return rows[a].sums.total.pj > rows[b].sums.total.pj;
  });
  std::sort(ranked.begin(), ranked.begin() + static_cast<ptrdiff_t>(kept));
  std::sort(ranked.begin() + static_cast<ptrdiff_t>(kept), ranked.end());
  ReportRow others;
  std::vector<ReportRow> left;
  for (size_t i = 0; i < ranked.size(); ++i) {
    if (i < kept) {
      left.push_back(rows[ranked[i]]);
    } else {
      Merge(rows[ranked[i]], others);
    }
  }
  const size_t count = rows.size() - kept;
  others.name = absl::StrCat(count, count == 1 ? " other" : " others");
  rows = std::move(left);
  return others;
}

}  // namespace

absl::string_view ReportRow::status() const {
  if (layers > 0 && is_unknown()) return "unknown";
  if (unknown_layers > 0) {
    return bound_layers > 0 ? "indeterminate" : "lower-bound";
  }
  return bound_layers > 0 ? "bound" : "exact";
}

absl::string_view ReportRow::sign() const {
  if (unknown_layers > 0) return bound_layers > 0 ? "~" : ">=";
  return bound_layers > 0 ? "<=" : "";
}

ReportRows SelectRows(const Estimate& estimate, const RenderOptions& options) {
  ReportRows selected;
  selected.rows.reserve(estimate.layers.size());
  for (const LayerEstimate& layer : estimate.layers) {
    selected.rows.push_back(RowOf(layer));
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

std::string OpName(const Node& node) {
  return node.domain.empty() ? node.op_type
                             : absl::StrCat(node.domain, ".", node.op_type);
}

const ValueType* OutputType(const Estimate& estimate,
                            const LayerCounts& layer) {
  for (const ValueIndex output : layer.outputs()) {
    if (output == kAbsent) continue;
    return &estimate.analysis->values[static_cast<size_t>(output)].type;
  }
  return nullptr;
}

const LayerStorage* StorageOf(const Estimate& estimate,
                              const LayerEstimate& layer) {
  const auto i = static_cast<size_t>(&layer - estimate.layers.data());
  return i < estimate.storage.size() ? &estimate.storage[i] : nullptr;
}

std::string StorageLabel(const Estimate& estimate, const LayerEstimate& layer) {
  const LayerStorage* storage = StorageOf(estimate, layer);
  if (storage != nullptr && !storage->operands.empty()) {
    return storage->label();
  }
  for (const PricedTraffic& row : layer.traffic) {
    if (row.traffic.role == Role::kWeight) return "dense";
  }
  return "";
}

absl::string_view ValueName(const Analysis& analysis, ValueIndex value) {
  if (value == kAbsent) return "";
  return analysis.graph->values[static_cast<size_t>(value)].name;
}

}  // namespace opcost
