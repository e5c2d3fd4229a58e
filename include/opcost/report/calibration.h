// SPDX-License-Identifier: Apache-2.0
// `opcost calibrate` as a document.
#ifndef OPCOST_REPORT_CALIBRATION_H_
#define OPCOST_REPORT_CALIBRATION_H_

#include <string>

#include "opcost/calibrate/calibration.h"
#include "opcost/report/report.h"

namespace opcost {

// The prices with their intervals, how well they fit, how well they predict
// what they were not fitted to, beside a fit by MACs alone, and the worst rows.
// Text or JSON (schemas/calibration.schema.json).
std::string RenderCalibration(const Calibration& calibration,
                              const RenderOptions& options);

// CSV of each row: set (training, test), name, group, measured_j, fitted_j,
// cross_validated_j (empty where there is none), by_macs_j.
std::string CalibrationResiduals(const Calibration& calibration);

}  // namespace opcost

#endif  // OPCOST_REPORT_CALIBRATION_H_
