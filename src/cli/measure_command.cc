// SPDX-License-Identifier: Apache-2.0
// opcost measure.
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/measure/command_run.h"
#include "opcost/measure/host.h"
#include "opcost/report/measurement.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"
#include "src/cli/limits.h"
#include "src/cli/measured_run.h"
#include "src/cli/pipeline.h"

namespace opcost {
namespace {

// Says why there is no measured run; nothing is guessed in its place.
absl::StatusOr<ExitStatus> NotMeasured(const absl::Status& status,
                                       std::ostream& err) {
  if (!IsNotMeasured(status)) return status;
  err << "opcost: not measured: " << status.message() << '\n';
  return kNotMeasured;
}

MachineRoots RootsOf(const CommandLine& line) {
  const CounterChoice& choice = line.measure.session.counter;
  return {choice.sysfs_root, choice.proc_root};
}

absl::StatusOr<std::unique_ptr<EnergyCounter>> CounterOf(
    const CommandLine& line) {
  absl::StatusOr<std::unique_ptr<EnergyCounter>> counter =
      OpenCounter(line.measure.session.counter);
  // A choice that there isn't is the command line's mistake.
  if (absl::IsInvalidArgument(counter.status())) {
    return UsageError(absl::StrCat("--counter: ", counter.status().message()));
  }
  return counter;
}

absl::StatusOr<ExitStatus> RunCheck(const CommandLine& line,
                                    const CliEnvironment& environment) {
  const std::vector<CounterCheck> checks =
      CheckCounters(line.measure.session.counter);
  ExitStatus status = kNotMeasured;
  bool is_denied = false;
  for (const CounterCheck& check : checks) {
    if (check.is_usable) status = kDone;
    is_denied |= check.is_denied;
  }
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderCounterChecks(checks, DescribeHost(RootsOf(line)),
                                  RenderingOf(line, environment))));
  if (status != kDone) {
    *environment.err << "opcost: no counter can be read here\n";
    if (!is_denied) {
      *environment.err << AdviceWithoutCounter(line.measure.session.counter)
                       << "\n";
    }
  }
  return status;
}

absl::StatusOr<ExitStatus> RunExec(const CommandLine& line,
                                   const CliEnvironment& environment) {
  std::ostream& err = *environment.err;
  absl::StatusOr<std::unique_ptr<EnergyCounter>> counter = CounterOf(line);
  if (!counter.ok()) return NotMeasured(counter.status(), err);
  err.flush();
  absl::StatusOr<CommandRun> run =
      MeasureCommand(line.measure.exec, line.measure.session.cpus, **counter);
  if (!run.ok()) return NotMeasured(run.status(), err);
  run->environment = DescribeHost(RootsOf(line));
  if (!line.measure.session.cpus.empty()) {
    run->environment.affinity = line.measure.session.cpus;
  }
  OPCOST_ASSIGN_OR_RETURN(
      const std::optional<CarbonStatement> carbon,
      CarbonOf(line, static_cast<double>(run->microjoules) / 1e6));
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderCommandRun(*run, carbon.has_value() ? &*carbon : nullptr,
                               RenderingOf(line, environment))));
  if (run->exit_status == 0) return kDone;
  err << "opcost: the command ended with exit status " << run->exit_status
      << '\n';
  return kBadInput;
}

std::string Word(const std::string& text) {
  return absl::StrContains(text, ' ') ? absl::StrCat("'", text, "'") : text;
}

// What else of the command line bears on the counts.
CalibrationRow RowOf(const CommandLine& line, const Estimate& estimate) {
  const std::filesystem::path model = line.operands[0];
  CalibrationRow row;
  row.group =
      line.measure.group.empty() ? model.stem().string() : line.measure.group;
  const std::filesystem::path folder =
      line.measure.append.empty()
          ? std::filesystem::path(".")
          : std::filesystem::path(line.measure.append).parent_path();
  std::error_code error;
  row.model = model.is_absolute()
                  ? model.string()
                  : std::filesystem::proximate(
                        model, folder.empty() ? "." : folder, error)
                        .string();
  if (error) row.model = model.string();
  std::vector<std::string> options;
  for (const GivenOption& given : line.given) {
    const absl::string_view flag = given.row->long_flag();
    if (flag == "--bits") {
      row.bits = given.value;
    } else if (flag == "--batch") {
      row.batch = given.value;
    } else if (given.row->group == OptionGroup::kFormats ||
               given.row->group == OptionGroup::kInputs) {
      options.push_back(absl::StrCat(flag, " ", Word(given.value)));
    }
  }
  row.options = absl::StrJoin(options, " ");
  row.macs = estimate.totals.macs;
  row.model_digest = estimate.analysis->model->structure_digest;
  return row;
}

absl::Status Append(const std::string& path, const std::string& text) {
  std::error_code ignored;
  const bool is_new = !std::filesystem::exists(path, ignored) ||
                      std::filesystem::file_size(path, ignored) == 0;
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::app);
  if (is_new) file << CalibrationHeader();
  file << text << std::flush;
  if (file) return absl::OkStatus();
  return absl::UnknownError(
      absl::StrCat("--append: can't write ", path, ": ",
                   errno == 0 ? "not a file" : std::strerror(errno)));
}

// What can be known to go wrong before minutes are spent on measuring.
absl::Status CheckAppend(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  std::ifstream file(path, std::ios::binary);
  if (!file) return absl::OkStatus();
  std::string first;
  std::getline(file, first);
  if (first.empty() || absl::StrCat(first, "\n") == CalibrationHeader()) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--append: ", path,
                   " is no calibration data: its first line isn't the header "
                   "that opcost writes"));
}

absl::Status CheckUsage(const CommandLine& line) {
  const MeasureCommandOptions& options = line.measure;
  const bool has_model = !line.operands.empty();
  if (options.is_check && (has_model || !options.exec.empty())) {
    return UsageError("--check measures nothing; leave the rest out");
  }
  if (has_model && !options.exec.empty()) {
    return UsageError("a model and --exec exclude each other");
  }
  if (!has_model && !options.is_check && options.exec.empty()) {
    return UsageError(
        "a model is missing; use: opcost measure MODEL, or --exec COMMAND, or "
        "--check");
  }
  if (has_model && line.operands[0] == "-") {
    return UsageError(
        "a runner can't read standard input; put the model into a file");
  }
  if (!has_model && !options.append.empty()) {
    return UsageError("--append is of a model's measurement");
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> RunModel(const CommandLine& line,
                                    const CliEnvironment& environment) {
  std::ostream& err = *environment.err;
  OPCOST_RETURN_IF_ERROR(CheckAppend(line.measure.append));
  OPCOST_ASSIGN_OR_RETURN(const PricedModel priced,
                          PriceModel(line, line.operands[0], environment));
  // First, since a mistyped counter is found at once.
  const auto counter = CounterOf(line);
  if (!counter.ok()) return NotMeasured(counter.status(), err);
  absl::StatusOr<std::unique_ptr<MeasuringSession>> session =
      MeasuringSession::Open(line.measure.session, environment);
  if (absl::IsNotFound(session.status())) {
    return UsageError(absl::StrCat("--runner: ", session.status().message()));
  }
  if (!session.ok()) return NotMeasured(session.status(), err);
  MeasureRequest request = RequestOf(*priced.analysis);
  request.wants_layers = line.measure.has_layers;
  absl::StatusOr<Measurement> measurement =
      (*session)->Measure(line.operands[0], request);
  if (!measurement.ok()) return NotMeasured(measurement.status(), err);
  if (const FitRecord* fit = priced.table->fit(); fit != nullptr) {
    const std::string warning = OtherHostWarning(
        priced.table->name(), fit->host, measurement->environment.host);
    if (!warning.empty()) measurement->remarks.push_back(warning);
  }

  MeasuredReport report = CompareMeasured(*priced.estimate, *measurement);
  report.row = RowOf(line, *priced.estimate);
  OPCOST_ASSIGN_OR_RETURN(report.carbon,
                          CarbonOf(line, measurement->net_joules.mean));
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderMeasurement(report, RenderingOf(line, environment))));
  if (!line.measure.append.empty()) {
    OPCOST_RETURN_IF_ERROR(
        Append(line.measure.append, CalibrationLine(report.row, *measurement)));
  }
  PrintDiagnostics(priced.estimate->diagnostics, line.render.verbosity, err);
  PrintBoundDims(*priced.analysis, line.render.verbosity, err);
  return AllowUnknown(line, PrintUnknownLayers(*priced.analysis, "", err));
}

}  // namespace

absl::StatusOr<ExitStatus> RunMeasure(const CommandLine& line,
                                      const CliEnvironment& environment) {
  OPCOST_RETURN_IF_ERROR(CheckUsage(line));
  if (line.measure.is_check) return RunCheck(line, environment);
  if (!line.measure.exec.empty()) return RunExec(line, environment);
  return RunModel(line, environment);
}

}  // namespace opcost
