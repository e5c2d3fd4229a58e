// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/prices.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// Below this spread, seconds and joules are the same thing twice.
constexpr double kLeastSpread = 1e-3;

// What the price of an activity is called; empty: it isn't fitted.
std::string PriceNameOf(const Activity& activity, const CostTable& base,
                        const FitOptions& options) {
  switch (activity.kind) {
    case ActivityKind::kSeconds:
      return options.has_static ? "watts" : "";
    case ActivityKind::kOperators:
      return options.has_dispatch ? "dispatch" : "";
    case ActivityKind::kColumn:
      return activity.key;
    default:
      break;
  }
  switch (options.detail) {
    case FitDetail::kScale:
      return "scale";
    case FitDetail::kFull:
      return activity.key;
    case FitDetail::kGroups:
      break;
  }
  if (activity.kind == ActivityKind::kCompute) return "compute";
  if (activity.kind == ActivityKind::kFunction) return "functions";
  return base.tiers()[static_cast<size_t>(activity.tier)].name;
}

// Energy that is a constant power times time says nothing of a static part.
absl::Status CheckSeconds(const CalibrationData& data) {
  double least = 0;
  double most = 0;
  for (const MeasuredRow& row : data.rows) {
    if (!row.seconds.has_value() || *row.seconds <= 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          row.name,
          ": no seconds; a static power needs them in each row (the column "
          "'seconds')"));
    }
    const double watts = row.joules / *row.seconds;
    if (least == 0 || watts < least) least = watts;
    most = std::max(most, watts);
  }
  if (most - least > kLeastSpread * most) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "all rows have the same power, ", most,
      " W: energy that is a constant times the time can't be told from a "
      "static power; leave --static out"));
}

// A wider format of the same operation and kind, the next one up.
std::vector<size_t> NextWider(const std::vector<Activity>& activities,
                              const Activity& narrow) {
  std::vector<size_t> next;
  int width = 0;
  for (size_t i = 0; i < activities.size(); ++i) {
    const Activity& wide = activities[i];
    const bool is_comparable =
        wide.kind == ActivityKind::kCompute && wide.op == narrow.op &&
        wide.format.kind == narrow.format.kind &&
        wide.format.width_bits > narrow.format.width_bits;
    if (!is_comparable) continue;
    if (!next.empty() && wide.format.width_bits > width) continue;
    if (wide.format.width_bits < width) next.clear();
    width = wide.format.width_bits;
    next.push_back(i);
  }
  return next;
}

class SystemBuilder {
 public:
  SystemBuilder(const CalibrationData& data, const CostTable& base,
                const FitOptions& options)
      : data_(data), base_(base), options_(options) {}

  absl::StatusOr<PriceSystem> Build() {
    if (options_.has_static) OPCOST_RETURN_IF_ERROR(CheckSeconds(data_));
    for (size_t i = 0; i < data_.activities.size(); ++i) AddActivity(i);
    for (size_t i = 0; i < data_.activities.size(); ++i) {
      if (data_.activities[i].kind == ActivityKind::kCompute) OrderFormats(i);
    }
    for (const ActivityKind kind :
         {ActivityKind::kRead, ActivityKind::kWrite}) {
      OPCOST_RETURN_IF_ERROR(OrderTiers(kind));
    }
    return std::move(system_);
  }

 private:
  void AddActivity(size_t i) {
    const Activity& activity = data_.activities[i];
    const std::string name = PriceNameOf(activity, base_, options_);
    price_of_.push_back(kNone);
    if (name.empty()) return;
    for (size_t p = 0; p < system_.prices.size(); ++p) {
      FittedPrice& known = system_.prices[p];
      const bool is_same =
          known.name == name && IsFactor(known.kind) == activity.is_factor();
      if (!is_same) continue;
      known.activities.push_back(i);
      price_of_.back() = p;
      return;
    }
    price_of_.back() = system_.prices.size();
    FittedPrice& price = system_.prices.emplace_back();
    price.name = name;
    price.kind = activity.kind;
    price.activities = {i};
  }
  static bool IsFactor(ActivityKind kind) {
    return kind <= ActivityKind::kWrite;
  }

  void AddOrder(size_t low, size_t high, double low_pj, double high_pj) {
    if (low == high || low == kNone || high == kNone) return;
    for (PriceOrder& known : system_.orders) {
      const bool is_same = known.low == low && known.high == high &&
                           known.low_pj * high_pj == low_pj * known.high_pj;
      if (is_same) return;
    }
    system_.orders.push_back({low, high, low_pj, high_pj});
  }

  void OrderFormats(size_t i) {
    const Activity& narrow = data_.activities[i];
    for (const size_t j : NextWider(data_.activities, narrow)) {
      AddOrder(price_of_[i], price_of_[j], narrow.base_pj,
               data_.activities[j].base_pj);
    }
  }

  absl::Status OrderTiers(ActivityKind kind) {
    const size_t tiers = base_.tiers().size();
    std::vector<size_t> price_of_tier(tiers, kNone);
    for (size_t i = 0; i < data_.activities.size(); ++i) {
      const Activity& activity = data_.activities[i];
      if (activity.kind != kind) continue;
      price_of_tier[static_cast<size_t>(activity.tier)] = price_of_[i];
    }
    size_t nearer = kNone;  // the last tier that has a price
    for (size_t t = 0; t < tiers; ++t) {
      if (price_of_tier[t] == kNone) continue;
      for (const int width : {8, 16, 32}) {
        if (nearer == kNone) break;
        OPCOST_ASSIGN_OR_RETURN(const double near,
                                PriceOfTier(kind, nearer, width));
        OPCOST_ASSIGN_OR_RETURN(const double far, PriceOfTier(kind, t, width));
        AddOrder(price_of_tier[nearer], price_of_tier[t], near, far);
      }
      nearer = t;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<double> PriceOfTier(ActivityKind kind, size_t tier,
                                     int width) const {
    const NumberFormat format = *ParseNumberFormat(absl::StrCat("int", width));
    const int index = static_cast<int>(tier);
    absl::StatusOr<Price> price = kind == ActivityKind::kRead
                                      ? base_.Read(index, format)
                                      : base_.Write(index, format);
    // A width that the base refuses to price orders nothing.
    if (absl::IsFailedPrecondition(price.status())) return 0.0;
    if (!price.ok()) return price.status();
    return price->pj;
  }

  static constexpr size_t kNone = static_cast<size_t>(-1);
  const CalibrationData& data_;
  const CostTable& base_;
  const FitOptions& options_;
  std::vector<size_t> price_of_;  // by activity
  PriceSystem system_;
};

}  // namespace

absl::StatusOr<PriceSystem> MakePriceSystem(const CalibrationData& data,
                                            const CostTable& base,
                                            const FitOptions& options) {
  return SystemBuilder(data, base, options).Build();
}

}  // namespace opcost
