// SPDX-License-Identifier: Apache-2.0
// The formats of RenderCalibration().
#ifndef OPCOST_SRC_REPORT_CALIBRATION_DOCUMENTS_H_
#define OPCOST_SRC_REPORT_CALIBRATION_DOCUMENTS_H_

#include <string>

#include "opcost/calibrate/calibration.h"
#include "opcost/report/report.h"

namespace opcost {

std::string CalibrationAsText(const Calibration& calibration,
                              const RenderOptions& options);
std::string CalibrationAsJson(const Calibration& calibration);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_CALIBRATION_DOCUMENTS_H_
