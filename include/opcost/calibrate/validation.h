// SPDX-License-Identifier: Apache-2.0
// How well fitted prices predict what they were not fitted to.
#ifndef OPCOST_CALIBRATE_VALIDATION_H_
#define OPCOST_CALIBRATE_VALIDATION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/calibrate/fit.h"

namespace opcost {

struct HeldOutGroup {
  std::string group;
  size_t rows = 0;
  double mean_error = 0;          // of the prices fitted to all other groups
  double mean_error_by_macs = 0;  // of joules per MAC fitted to them
};

// Each row predicted by a fit to all groups but its own.
struct CrossValidation {
  std::vector<HeldOutGroup> groups;                  // in the order of the data
  std::vector<double> predicted, predicted_by_macs;  // by row, in joules
  FitQuality quality, quality_by_macs;
};

// Errors: INVALID_ARGUMENT for fewer than two groups; those of FitPrices().
absl::StatusOr<CrossValidation> CrossValidate(const CalibrationData& data,
                                              const CostTable& base,
                                              const FitOptions& options);

}  // namespace opcost

#endif  // OPCOST_CALIBRATE_VALIDATION_H_
