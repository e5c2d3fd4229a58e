// SPDX-License-Identifier: Apache-2.0
#include "src/calibrate/rates.h"

#include <nlopt.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"

namespace opcost {
namespace {

constexpr int kMaxEvaluations = 4000;

// What one row does, and how long it took.
struct TimedWork {
  double macs = 0;
  double bytes = 0;  // at the last tier
  double seconds = 0;
};

std::vector<TimedWork> WorkOf(const CalibrationData& data,
                              const CostTable& base) {
  const int last = static_cast<int>(base.tiers().size()) - 1;
  const NumberFormat byte = *ParseNumberFormat("int8");
  const absl::StatusOr<Price> read = base.Read(last, byte);
  const absl::StatusOr<Price> write = base.Write(last, byte);
  std::vector<TimedWork> work;
  for (const MeasuredRow& row : data.rows) {
    if (!row.seconds.has_value() || *row.seconds <= 0) continue;
    TimedWork& timed = work.emplace_back();
    timed.macs = row.macs;
    timed.seconds = *row.seconds;
    for (size_t i = 0; i < data.activities.size(); ++i) {
      const Activity& activity = data.activities[i];
      if (activity.tier != last) continue;
      const absl::StatusOr<Price>& price =
          activity.kind == ActivityKind::kRead ? read : write;
      if (price.ok() && price->pj > 0) {
        timed.bytes += row.amounts[i] / price->pj;
      }
    }
  }
  return work;
}

// Sum of squared logarithms of predicted over measured time; the variables are
// the logarithms of the rates.
double TimeError(unsigned, const double* log_rates, double*, void* data) {
  double sum = 0;
  for (const TimedWork& row : *static_cast<std::vector<TimedWork>*>(data)) {
    const double seconds = std::max(row.macs / std::exp(log_rates[0]),
                                    row.bytes / std::exp(log_rates[1]));
    if (seconds > 0) sum += std::pow(std::log(seconds / row.seconds), 2);
  }
  return sum;
}

}  // namespace

StaticPower FitRates(const CalibrationData& data, const CostTable& base,
                     double watts) {
  StaticPower power;
  power.watts = watts;
  std::vector<TimedWork> work = WorkOf(data, base);
  if (work.empty()) return power;
  // The fastest that any row shows, from which the search goes down.
  std::array<double, 2> rates = {1, 1};
  for (const TimedWork& row : work) {
    rates[0] = std::max(rates[0], row.macs / row.seconds);
    rates[1] = std::max(rates[1], row.bytes / row.seconds);
  }
  for (double& rate : rates) rate = std::log(rate);
  const std::unique_ptr<nlopt_opt_s, void (*)(nlopt_opt)> solver(
      nlopt_create(NLOPT_LN_NELDERMEAD, 2), nlopt_destroy);
  nlopt_set_min_objective(solver.get(), TimeError, &work);
  nlopt_set_xtol_abs1(solver.get(), 1e-6);
  nlopt_set_maxeval(solver.get(), kMaxEvaluations);
  double error = 0;
  // The best point is in `rates` also where it stops early.
  nlopt_optimize(solver.get(), rates.data(), &error);
  for (const Activity& activity : data.activities) {
    if (activity.kind == ActivityKind::kCompute) {
      power.macs_per_second[ToString(activity.format)] = std::exp(rates[0]);
    }
  }
  power.bytes_per_second[static_cast<int>(base.tiers().size()) - 1] =
      std::exp(rates[1]);
  return power;
}

}  // namespace opcost
