// SPDX-License-Identifier: Apache-2.0
// Calibration data: the rows that measure and collect write.
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/report/measurement.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"

namespace opcost {
namespace {

std::string CounterText(const Measurement& measurement) {
  if (measurement.is_measured) return measurement.counter;
  return absl::StrCat("constant=", measurement.constant_watts);
}

std::string RunnerText(const RunnerDescription& runner) {
  std::string text = runner.runtime;
  for (const std::string* part : {&runner.version, &runner.device}) {
    if (!part->empty()) absl::StrAppend(&text, text.empty() ? "" : " ", *part);
  }
  return text;
}

}  // namespace

std::string CalibrationHeader() {
  return CsvLine({"model", "layer", "bits", "batch", "options", "group",
                  "joules", "joules_half_width", "gross_joules", "seconds",
                  "watts", "macs", "counter", "trials", "runner", "threads",
                  "host", "model_digest"});
}

std::string CalibrationLine(const CalibrationRow& row,
                            const Measurement& measurement) {
  return CsvLine(
      {row.model, row.layer, row.bits, row.batch, row.options, row.group,
       ShortestDouble(measurement.net_joules.mean),
       ShortestDouble(measurement.net_joules.half_width),
       ShortestDouble(measurement.gross_joules.mean),
       ShortestDouble(measurement.seconds.mean),
       ShortestDouble(measurement.gross_watts.mean), absl::StrCat(row.macs),
       CounterText(measurement), absl::StrCat(measurement.trials.size()),
       RunnerText(measurement.runner),
       measurement.runner.threads > 0 ? absl::StrCat(measurement.runner.threads)
                                      : "",
       measurement.environment.host, row.model_digest});
}

}  // namespace opcost
