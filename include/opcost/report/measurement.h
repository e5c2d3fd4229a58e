// SPDX-License-Identifier: Apache-2.0
// A measured run beside the estimate, as a document.
#ifndef OPCOST_REPORT_MEASUREMENT_H_
#define OPCOST_REPORT_MEASUREMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "opcost/carbon/statement.h"
#include "opcost/energy/estimate.h"
#include "opcost/measure/command_run.h"
#include "opcost/measure/measurement.h"
#include "opcost/report/report.h"

namespace opcost {

// One layer's share of the measured energy beside its estimate.
struct MeasuredLayer {
  std::string name;  // the estimate's, or the runner's where nothing matches
  std::string op;
  double seconds = 0;  // of one inference
  double joules = 0;   // net energy, shared by time
  // In the table's unit; nullopt: the estimate has no such layer.
  std::optional<double> estimated;
};

// What a calibration row says of the model; the rest is the measurement's.
struct CalibrationRow {
  std::string model;    // file, relative to the CSV's folder; or empty
  std::string layer;    // layer text; or empty
  std::string bits;     // as --bits has it; may be empty
  std::string batch;    // as --batch has it; may be empty
  std::string options;  // further options: "--dim N=3"
  std::string group;    // what is held out together
  int64_t macs = 0;
  std::string model_digest;
};

// A measurement with what compares it with an estimate.
struct MeasuredReport {
  const Estimate* estimate = nullptr;  // of the same model and sizes
  const Measurement* measurement = nullptr;
  std::vector<MeasuredLayer> layers;  // in the runner's order; may be empty
  // Spearman's rank correlation of measured and estimated energy over the
  // layers that have both; nullopt below three.
  std::optional<double> rank_correlation;
  CalibrationRow row;                     // for CSV
  std::optional<CarbonStatement> carbon;  // of the net energy
};

// Puts the two together: the runner's layers are matched with the estimate's by
// name, or by the longest name of a layer that theirs contains as a word, as
// runtimes name what they fused.
MeasuredReport CompareMeasured(const Estimate& estimate,
                               const Measurement& measurement);

// Spearman's rank correlation, ties at their mean rank; nullopt below three
// pairs, or where one side is constant. The spans have the same size.
std::optional<double> RankCorrelation(absl::Span<const double> a,
                                      absl::Span<const double> b);

// Text, markdown, JSON (schemas/measurement.schema.json), or a calibration row
// with its header (CSV).
std::string RenderMeasurement(const MeasuredReport& report,
                              const RenderOptions& options);

// `opcost measure --exec`: text, markdown, or JSON (the same schema); CSV has a
// row for each domain. `carbon`, of the energy, may be null.
std::string RenderCommandRun(const CommandRun& run,
                             const CarbonStatement* carbon,
                             const RenderOptions& options);

// `opcost measure --check`: what each counter says.
std::string RenderCounterChecks(const std::vector<CounterCheck>& checks,
                                const HostEnvironment& environment,
                                const RenderOptions& options);

// The header of calibration data, and a row: CSV lines with their ends.
std::string CalibrationHeader();
std::string CalibrationLine(const CalibrationRow& row,
                            const Measurement& measurement);

}  // namespace opcost

#endif  // OPCOST_REPORT_MEASUREMENT_H_
