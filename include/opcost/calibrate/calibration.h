// SPDX-License-Identifier: Apache-2.0
// A calibration as a whole: data, fit, validation, and the table that it makes.
#ifndef OPCOST_CALIBRATE_CALIBRATION_H_
#define OPCOST_CALIBRATE_CALIBRATION_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/calibrate/fit.h"
#include "opcost/calibrate/validation.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/table_writer.h"

namespace opcost {

// Where the data come from, and how their rows were lowered.
struct CalibrationOrigin {
  std::vector<std::string> files;     // as they were given
  std::string digest;                 // of their texts
  std::vector<std::string> hosts;     // distinct, of the column `host`
  std::vector<std::string> counters;  // distinct, of the column `counter`
  std::string memory_model;           // as `--memory-model` names it
  std::string array_scope;
  std::string graph;
};

struct Calibration {
  CalibrationOrigin origin;
  std::string base;  // the base table's name
  std::string base_digest;
  CalibrationData data;
  PriceFit fit;
  std::optional<CrossValidation> validation;  // with two groups or more
  // Rows that the fit didn't see (--test), with what it predicts of them.
  std::vector<MeasuredRow> test_rows;
  std::vector<double> test_predicted, test_predicted_by_macs;  // joules
  std::optional<FitQuality> test_quality, test_quality_by_macs;
};

// Fits `data`, validates by groups where there are two or more, and predicts
// `test_rows`, whose amounts are those of data's activities. Errors: those of
// FitPrices().
absl::StatusOr<Calibration> Calibrate(CalibrationOrigin origin,
                                      CalibrationData data,
                                      std::vector<MeasuredRow> test_rows,
                                      const CostTable& base,
                                      const FitOptions& options);

// The fitted table's text, [fit] included, which names all of `calibration`'s
// prices with their intervals. Errors: those of WriteTable().
absl::StatusOr<std::string> WriteFittedTable(const Calibration& calibration,
                                             const CostTable& base,
                                             absl::string_view name);

}  // namespace opcost

#endif  // OPCOST_CALIBRATE_CALIBRATION_H_
