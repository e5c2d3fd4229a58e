// SPDX-License-Identifier: Apache-2.0
// What the command line says of a calibration.
#ifndef OPCOST_SRC_CLI_CALIBRATE_REQUEST_H_
#define OPCOST_SRC_CLI_CALIBRATE_REQUEST_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "opcost/calibrate/fit.h"

namespace opcost {

struct OptionRow;

struct CalibrationRequest {
  FitOptions fit;                     // --fit, --error, --static, --dispatch
  std::vector<std::string> features;  // --features
  // --where: rows are left out whose cell in a column isn't this.
  std::vector<std::pair<std::string, std::string>> conditions;
  std::string test;       // --test; empty: none
  std::string residuals;  // --residuals; empty: none
};

// The options of calibrate alone.
absl::Span<const OptionRow> CalibrateOptionRows();

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_CALIBRATE_REQUEST_H_
