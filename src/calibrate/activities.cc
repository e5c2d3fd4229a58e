// SPDX-License-Identifier: Apache-2.0
#include "opcost/calibrate/activities.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/support/status_macros.h"

namespace opcost {

absl::Status CheckJoules(double joules) {
  if (joules > 0 && std::isfinite(joules)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      joules,
      " J were measured; expected more than 0 (a net energy below the idle "
      "power's noise can't be used: measure longer)"));
}

absl::StatusOr<ActivityCounter> ActivityCounter::Make(const CostTable& base) {
  if (base.unit() == EnergyUnit::kRelative) {
    return absl::InvalidArgumentError(absl::StrCat(
        "table '", base.name(),
        "' is relative: its prices are MACs, not joules, so that nothing can "
        "be fitted on it; take one whose unit is pJ"));
  }
  TableChanges changes;
  changes.name = base.name();
  changes.title = base.title();
  changes.source = {"base", base.name(), ""};
  changes.prices_functions = true;
  OPCOST_ASSIGN_OR_RETURN(const std::string text, WriteTable(base, changes));
  OPCOST_ASSIGN_OR_RETURN(
      CostTable probe,
      CostTable::Parse(base.name(), text, CostTable::Resolver()));
  ActivityCounter counter(std::move(probe));
  counter.AddPricesOf(base);
  return counter;
}

void ActivityCounter::AddPricesOf(const CostTable& base) {
  constexpr std::pair<absl::string_view, PricedOp> kOps[] = {
      {".mul", PricedOp::kMul},
      {".add", PricedOp::kAdd},
      {".mac", PricedOp::kMac}};
  for (const CostTable::Entry& entry : base.Entries()) {
    for (const auto& [suffix, op] : kOps) {
      absl::string_view name = entry.price.entry;
      if (!absl::ConsumeSuffix(&name, suffix)) continue;
      const std::optional<NumberFormat> format =
          ParseNumberFormat(name.substr(0, name.find('*')));
      if (!format.has_value()) continue;
      Activity activity;
      activity.key = entry.price.entry;
      activity.format = *format;
      activity.op = op;
      activity.base_pj = entry.price.pj;
      IndexOf(std::move(activity));
    }
  }
  for (size_t t = 0; t < base.tiers().size(); ++t) {
    for (const bool is_read : {true, false}) {
      Activity activity;
      activity.kind = is_read ? ActivityKind::kRead : ActivityKind::kWrite;
      activity.key = TierKey(base.tiers()[t], is_read);
      activity.tier = static_cast<int>(t);
      IndexOf(std::move(activity));
    }
  }
}

size_t ActivityCounter::IndexOf(Activity activity) {
  for (size_t i = 0; i < data_.activities.size(); ++i) {
    if (data_.activities[i].kind == activity.kind &&
        data_.activities[i].key == activity.key) {
      return i;
    }
  }
  data_.activities.push_back(std::move(activity));
  return data_.activities.size() - 1;
}

void ActivityCounter::AddAmount(MeasuredRow& row, Activity activity,
                                double amount) {
  if (amount == 0) return;
  const size_t i = IndexOf(std::move(activity));
  if (row.amounts.size() <= i) row.amounts.resize(i + 1, 0);
  row.amounts[i] += amount;
}

void ActivityCounter::AddLayer(const LayerEstimate& layer, MeasuredRow& row) {
  for (const PricedArith& arith : layer.arithmetic) {
    Activity activity;
    if (arith.op == PricedOp::kFunction) {
      activity.kind = ActivityKind::kFunction;
      activity.key = std::string(Name(arith));
    } else {
      activity.kind = ActivityKind::kCompute;
      activity.format = arith.format;
      activity.op = arith.op;
      activity.base_pj = arith.price->pj;
      activity.key = PriceKey(*arith.price, Name(arith), arith.format);
      const bool is_extra = activity.key != arith.price->entry;
      const bool is_new =
          std::none_of(data_.extras.begin(), data_.extras.end(),
                       [&](const ExtraPrice& extra) {
                         return extra.format == arith.format &&
                                extra.is_mul == (arith.op == PricedOp::kMul);
                       });
      if (is_extra && is_new) {
        data_.extras.push_back(
            {arith.format, arith.op == PricedOp::kMul, arith.price->pj});
      }
    }
    AddAmount(row, std::move(activity), arith.energy.pj);
  }
  for (const PricedTraffic& traffic : layer.traffic) {
    const Tier& tier =
        probe_.tiers()[static_cast<size_t>(traffic.traffic.tier)];
    Activity activity;
    activity.tier = traffic.traffic.tier;
    activity.kind = ActivityKind::kRead;
    activity.key = TierKey(tier, true);
    AddAmount(row, activity, traffic.read.pj);
    activity.kind = ActivityKind::kWrite;
    activity.key = TierKey(tier, false);
    AddAmount(row, activity, traffic.write.pj);
  }
  // As estimates charge `pj_per_operator`.
  if (layer.is_view) return;
  Activity dispatch;
  dispatch.kind = ActivityKind::kOperators;
  dispatch.key = "operators";
  AddAmount(row, std::move(dispatch), static_cast<double>(layer.layer->times));
}

absl::Status ActivityCounter::Add(const Estimate& estimate, MeasuredRow row,
                                  absl::Span<const double> columns) {
  OPCOST_RETURN_IF_ERROR(CheckJoules(row.joules));
  for (const LayerEstimate& layer : estimate.layers) {
    if (layer.layer->coverage.status == Coverage::Status::kUnknown) {
      return absl::FailedPreconditionError(absl::StrCat(
          row.name, ": layer '", layer.layer->name,
          "' can't be counted: ", layer.layer->coverage.reason,
          "; leave the row out, or declare the operator with --operators"));
    }
    AddLayer(layer, row);
  }
  row.macs = static_cast<double>(estimate.totals.macs);
  if (row.seconds.has_value()) {
    Activity seconds;
    seconds.kind = ActivityKind::kSeconds;
    seconds.key = "seconds";
    AddAmount(row, std::move(seconds), *row.seconds);
  }
  for (size_t i = 0; i < columns_.size(); ++i) {
    Activity column;
    column.kind = ActivityKind::kColumn;
    column.key = columns_[i];
    AddAmount(row, std::move(column), columns[i]);
  }
  data_.rows.push_back(std::move(row));
  return absl::OkStatus();
}

void ActivityCounter::NameColumns(const std::vector<std::string>& names) {
  columns_ = names;
}

CalibrationData ActivityCounter::Take() {
  for (MeasuredRow& row : data_.rows) {
    row.amounts.resize(data_.activities.size(), 0);
  }
  return std::move(data_);
}

}  // namespace opcost
