// SPDX-License-Identifier: Apache-2.0
// Prices from measurements: constrained, regularised least squares.
#ifndef OPCOST_CALIBRATE_FIT_H_
#define OPCOST_CALIBRATE_FIT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/calibrate/activities.h"
#include "opcost/energy/cost_table.h"

namespace opcost {

// How many prices are free.
enum class FitDetail : uint8_t {
  kScale,   // one factor on the whole base table
  kGroups,  // a factor for arithmetic, for functions, and for each tier
  kFull,    // every operation and format, every tier's reads and writes
};
// "scale", "groups", "full".
absl::string_view Name(FitDetail detail);

struct FitOptions {
  FitDetail detail = FitDetail::kGroups;
  // Squares of (prediction / measurement - 1), so that every row counts alike;
  // else of the difference in joules, where the large rows decide.
  bool is_relative = true;
  bool has_static = false;    // a power times the rows' seconds
  bool has_dispatch = false;  // a cost for each operator that is run
  // The prior's standard deviation: unless the data say otherwise, a group's
  // factor is this far from the common scale, relative to it, and a price of
  // a full fit as far from its group's.
  double prior_deviation = 3;
};

// How well a price is known from the data.
enum class Determination : uint8_t {
  kDetermined,    // 95 % interval within 5 % of the price
  kWeak,          // within 50 %
  kUndetermined,  // beyond: the base table decides
  kHeld,          // at 0, or at the price of a neighbouring tier or width
};
// "determined", "weak", "undetermined", "held".
absl::string_view Name(Determination determination);

// One fitted number.
struct FittedPrice {
  std::string name;                // "compute", "DRAM", "float32.mul", "watts"
  std::vector<size_t> activities;  // that it prices
  ActivityKind kind = ActivityKind::kCompute;
  // A factor on the base's prices, or pJ per second, operator or unit.
  double value = 0;
  double half_width = 0;  // of the 95 % interval
  // How much of what is known of it comes from the data, 0 to 1; the rest is
  // the base table's.
  double data_share = 0;
  Determination determination = Determination::kUndetermined;
  std::string bound;  // "at 0", "tied to DRAM"; empty: free
};

// How predictions fit measurements.
struct FitQuality {
  size_t rows = 0;
  double r2 = 0;
  double adjusted_r2 = 0;
  double rmse_joules = 0;
  double mean_error = 0;    // mean of |prediction / measurement - 1|
  double median_error = 0;  // median of the same
};
// `parameters` is the number of free ones, for the adjusted R2. R2 is NaN where
// all measurements are the same.
FitQuality QualityOf(const std::vector<double>& measured,
                     const std::vector<double>& predicted, size_t parameters);

struct PriceFit {
  FitOptions options;
  std::vector<FittedPrice> prices;
  double common_scale = 1;        // median of measurement over base estimate
  double noise = 0;               // the weighted residuals' standard deviation
  double joules_per_mac = 0;      // the fit by MACs alone
  std::vector<double> predicted;  // joules of each row
  std::vector<double> predicted_by_macs;
  FitQuality quality, quality_by_macs;

  double Predict(const MeasuredRow& row) const;  // joules
};

// Fits prices to `data`. Factors are never negative; a tier costs no more than
// the next, and a format no more than a wider one of its kind, at the prices
// that `base` gives them. The solver is NLopt's SLSQP on the whitened problem.
//
// Errors: INVALID_ARGUMENT: no rows, a measurement that isn't above 0, fewer
// than two rows, seconds asked for and absent; FAILED_PRECONDITION: the solver
// gave up; a static power that can't be told from the counts (seconds that are
// proportional to the energy).
absl::StatusOr<PriceFit> FitPrices(const CalibrationData& data,
                                   const CostTable& base,
                                   const FitOptions& options);

}  // namespace opcost

#endif  // OPCOST_CALIBRATE_FIT_H_
