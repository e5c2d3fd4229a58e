// SPDX-License-Identifier: Apache-2.0
// Rows of measurements, lowered to what their models do.
#ifndef OPCOST_SRC_CLI_CALIBRATION_ROWS_H_
#define OPCOST_SRC_CLI_CALIBRATION_ROWS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "opcost/calibrate/activities.h"
#include "opcost/calibrate/calibration.h"
#include "opcost/cli/cli.h"
#include "src/cli/command_line.h"

namespace opcost {

// Reads the measurements in file `path` (docs/calibrating.md has the columns)
// and adds each row, lowered as `line` and its own options say, to `counter`;
// hosts, counters and the text to `origin`. Errors begin with "path:line: ".
absl::Status AddMeasurements(const std::string& path, const CommandLine& line,
                             const CliEnvironment& environment,
                             ActivityCounter& counter,
                             CalibrationOrigin& origin, std::string& texts);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_CALIBRATION_ROWS_H_
