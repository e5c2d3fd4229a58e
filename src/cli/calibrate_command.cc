// SPDX-License-Identifier: Apache-2.0
// opcost calibrate.
#include <filesystem>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/calibrate/calibration.h"
#include "opcost/report/calibration.h"
#include "opcost/support/digest.h"
#include "opcost/support/status_macros.h"
#include "src/cli/calibration_rows.h"
#include "src/cli/commands.h"
#include "src/cli/output.h"
#include "src/cli/pipeline.h"

namespace opcost {
namespace {

// The rows of all files; those of --test are the last `test_rows`.
struct Measurements {
  CalibrationOrigin origin;
  CalibrationData data;
  std::vector<MeasuredRow> test_rows;
};

absl::StatusOr<Measurements> ReadMeasurements(const CommandLine& line,
                                              const CliEnvironment& environment,
                                              const CostTable& base) {
  OPCOST_ASSIGN_OR_RETURN(ActivityCounter counter, ActivityCounter::Make(base));
  counter.NameColumns(line.calibrate.features);
  Measurements result;
  CalibrationOrigin& origin = result.origin;
  std::string texts;
  for (const std::string& path : line.operands) {
    OPCOST_RETURN_IF_ERROR(
        AddMeasurements(path, line, environment, counter, origin, texts));
    origin.files.push_back(path);
  }
  origin.digest = DigestOf(texts);
  const MemoryOptions& memory = line.estimate.memory;
  origin.memory_model = memory.movement == Movement::kOnce ? "once" : "per-use";
  origin.array_scope =
      memory.array_scope == ArrayScope::kOperand ? "operand" : "tensor";
  origin.graph = std::string(Name(line.input.reading));
  const size_t training_rows = counter.rows();
  if (!line.calibrate.test.empty()) {
    CalibrationOrigin ignored;
    OPCOST_RETURN_IF_ERROR(AddMeasurements(
        line.calibrate.test, line, environment, counter, ignored, texts));
  }
  result.data = counter.Take();
  std::vector<MeasuredRow>& rows = result.data.rows;
  const auto middle = rows.begin() + static_cast<std::ptrdiff_t>(training_rows);
  result.test_rows.assign(std::make_move_iterator(middle),
                          std::make_move_iterator(rows.end()));
  rows.erase(middle, rows.end());
  return result;
}

std::string TableName(const CommandLine& line) {
  if (!line.new_name.empty()) return line.new_name;
  return std::filesystem::path(line.output).stem().string();
}

}  // namespace

absl::StatusOr<ExitStatus> RunCalibrate(const CommandLine& line,
                                        const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const CostTable base, TableOf(line, environment));
  OPCOST_ASSIGN_OR_RETURN(Measurements measurements,
                          ReadMeasurements(line, environment, base));
  OPCOST_ASSIGN_OR_RETURN(
      const Calibration calibration,
      Calibrate(std::move(measurements.origin), std::move(measurements.data),
                std::move(measurements.test_rows), base, line.calibrate.fit));
  if (!line.calibrate.residuals.empty()) {
    OPCOST_RETURN_IF_ERROR(
        WriteFile(line.calibrate.residuals, CalibrationResiduals(calibration)));
  }
  if (!line.output.empty()) {
    OPCOST_ASSIGN_OR_RETURN(
        const std::string table,
        WriteFittedTable(calibration, base, TableName(line)));
    // What can't be read back must not be left behind.
    OPCOST_RETURN_IF_ERROR(
        CostTable::Parse(line.output, table, CostTable::Resolver()).status());
    OPCOST_RETURN_IF_ERROR(WriteFile(line.output, table));
  }
  CommandLine report = line;
  report.output.clear();
  OPCOST_RETURN_IF_ERROR(WriteStream(
      *environment.out,
      RenderCalibration(calibration, RenderingOf(report, environment))));
  if (!line.output.empty() && line.render.verbosity >= 0) {
    *environment.err << "wrote " << line.output << "; use it with --table "
                     << line.output << '\n';
  }
  return kDone;
}

}  // namespace opcost
