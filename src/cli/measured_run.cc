// SPDX-License-Identifier: Apache-2.0
#include "src/cli/measured_run.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/measure/host.h"
#include "opcost/measure/load.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

ProtocolHost HostOf(const MachineRoots& roots) {
  ProtocolHost host;
  host.busy_seconds = [roots] { return BusySeconds(roots.proc); };
  host.own_seconds = [roots] {
    return ProcessSeconds(getpid(), roots.proc).value_or(0);
  };
  return host;
}

}  // namespace

MeasureRequest RequestOf(const Analysis& analysis) {
  MeasureRequest request;
  for (const ValueIndex index : analysis.RealInputs()) {
    const auto place = static_cast<size_t>(index);
    const ValueType& type = analysis.values[place].type;
    RunnerInput input;
    input.name = analysis.graph->values[place].name;
    bool is_known =
        type.kind == ValueKind::kTensor && type.tensor.shape.has_rank();
    for (size_t i = 0; is_known && i < type.tensor.shape.dims().size(); ++i) {
      const std::optional<int64_t> extent = type.tensor.shape.dims()[i].AsInt();
      is_known = extent.has_value();
      input.shape.push_back(extent.value_or(0));
    }
    // What isn't known is left to the runner, which says so.
    if (is_known) request.inputs.push_back(std::move(input));
  }
  return request;
}

absl::StatusOr<std::unique_ptr<MeasuringSession>> MeasuringSession::Open(
    const MeasuringOptions& options, const CliEnvironment& environment) {
  std::unique_ptr<MeasuringSession> session(new MeasuringSession);
  session->options_ = options;
  OPCOST_ASSIGN_OR_RETURN(
      session->command_,
      RunnerCommand(options.runner, options.python, environment));
  OPCOST_ASSIGN_OR_RETURN(session->counter_, OpenCounter(options.counter));
  return session;
}

absl::Status MeasuringSession::StartRunner() {
  if (runner_ != nullptr && runner_->is_alive()) return absl::OkStatus();
  runner_ = nullptr;
  RunnerOptions options;
  options.command = command_;
  options.cpus = options_.cpus;
  OPCOST_ASSIGN_OR_RETURN(runner_, Runner::Open(options));
  return absl::OkStatus();
}

absl::StatusOr<Measurement> MeasuringSession::Measure(
    const std::string& model_path, const MeasureRequest& request,
    Measurement* unstable) {
  OPCOST_RETURN_IF_ERROR(StartRunner());
  LoadRequest load;
  load.model = model_path;
  load.batch = request.batch;
  load.dims = request.dims;
  load.inputs = request.inputs;
  load.threads = options_.threads;
  load.seed = options_.seed;
  load.device = options_.device;
  load.optimises = options_.optimises;
  OPCOST_ASSIGN_OR_RETURN(RunnerDescription description, runner_->Load(load));
  const MachineRoots roots{options_.counter.sysfs_root,
                           options_.counter.proc_root};
  HostEnvironment environment = DescribeHost(roots);
  const std::optional<double> celsius_before = ProcessorCelsius(roots);
  // A counter that nobody read for long may have wrapped.
  OPCOST_ASSIGN_OR_RETURN(counter_, OpenCounter(options_.counter));
  OPCOST_ASSIGN_OR_RETURN(
      Measurement measurement,
      MeasureWorkload(*runner_, *counter_, options_.protocol, HostOf(roots)));
  measurement.runner = std::move(description);
  environment.temperature =
      TemperatureText(celsius_before, ProcessorCelsius(roots));
  if (!options_.cpus.empty()) environment.affinity = options_.cpus;
  measurement.environment = std::move(environment);
  if (options_.memory_bytes.has_value()) {
    measurement.modelled_memory_joules =
        ModelledMemoryJoules(*options_.memory_bytes, measurement.seconds.mean);
  }
  if (absl::Status status = Stability(measurement, options_.protocol);
      !status.ok()) {
    if (unstable != nullptr) *unstable = std::move(measurement);
    return status;
  }
  if (request.wants_layers) {
    constexpr int64_t kLayerRuns = 10;
    OPCOST_ASSIGN_OR_RETURN(measurement.layers, runner_->Layers(kLayerRuns));
  }
  return measurement;
}

bool IsNotMeasured(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kFailedPrecondition:
      return true;
    default:
      return false;
  }
}

std::string OtherHostWarning(absl::string_view table,
                             absl::string_view fitted_host,
                             absl::string_view host) {
  if (fitted_host.empty() || host.empty() || fitted_host == host) return "";
  return absl::StrCat("table ", table, " was fitted on host '", fitted_host,
                      "', but this was measured on '", host,
                      "': they are different machines");
}

}  // namespace opcost
