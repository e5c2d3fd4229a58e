// SPDX-License-Identifier: Apache-2.0
// Measured runs of models, one after another, with one runner process.
#ifndef OPCOST_SRC_CLI_MEASURED_RUN_H_
#define OPCOST_SRC_CLI_MEASURED_RUN_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/analysis/analysis.h"
#include "opcost/cli/cli.h"
#include "opcost/measure/counter.h"
#include "opcost/measure/measurement.h"
#include "opcost/measure/protocol.h"
#include "opcost/measure/runner.h"

namespace opcost {

// How to measure, as the options of measure and collect say: CommandLine has
// one, as `measure`.
struct MeasuringOptions {
  CounterChoice counter;               // --counter, --powercap-root
  ProtocolOptions protocol;            // --window, --idle, --trials, ...
  std::string runner = "onnxruntime";  // --runner NAME|COMMAND
  std::string python;                  // --python; empty: $OPCOST_PYTHON
  int threads = 0;                     // --threads; 0: as the runtime likes
  std::vector<int> cpus;               // --cpus; empty: all
  std::string device = "cpu";          // --device
  bool optimises = true;               // --runner-optimisation on|off
  uint64_t seed = 1;                   // --seed
  std::optional<double> memory_bytes;  // --memory-model-share: installed bytes
};

// One model to measure.
struct MeasureRequest {
  std::optional<int64_t> batch;
  std::map<std::string, int64_t> dims;
  std::vector<RunnerInput> inputs;  // whole shapes; go before batch and dims
  bool wants_layers = false;        // the times of its layers, too
};
// What `analysis` knows of the inputs, for a run of the same sizes.
MeasureRequest RequestOf(const Analysis& analysis);

// The command that starts runner `name`: one of opcost's own ("onnxruntime",
// "pytorch"), or else a command line for the shell. Own ones are looked for in
// the folders of $OPCOST_RUNNERS, beside the installed program, and in the
// source tree that it was built from. Errors: NOT_FOUND with the folders and
// the runners that there are.
absl::StatusOr<std::vector<std::string>> RunnerCommand(
    const std::string& name, const std::string& python,
    const CliEnvironment& environment);

// An open counter, and a runner that is started with the first model and again
// after each that it doesn't survive.
class MeasuringSession {
 public:
  // Errors: those of OpenCounter() and RunnerCommand().
  static absl::StatusOr<std::unique_ptr<MeasuringSession>> Open(
      const MeasuringOptions& options, const CliEnvironment& environment);

  // Measures the model in file `model_path`. Errors: INVALID_ARGUMENT for a
  // model that the runtime refuses; those of MeasureWorkload(); ABORTED, if it
  // isn't stable: then `unstable`, unless it is null, has what was seen.
  absl::StatusOr<Measurement> Measure(const std::string& model_path,
                                      const MeasureRequest& request,
                                      Measurement* unstable = nullptr);

  // Starts the runner unless it runs, so that what it lacks is known before
  // the first model. Errors: FAILED_PRECONDITION.
  absl::Status StartRunner();

  const EnergyCounter& counter() const { return *counter_; }

 private:
  MeasuringSession() = default;

  MeasuringOptions options_;
  std::vector<std::string> command_;
  std::unique_ptr<EnergyCounter> counter_;
  std::unique_ptr<Runner> runner_;
};

// True for what says that a measured run can't be had: exit status 4.
bool IsNotMeasured(const absl::Status& status);

// "a table that was fitted on 'ada' ...": the warning if `fitted_host`, of a
// table's [fit], is neither empty nor the measurement's host; empty otherwise.
std::string OtherHostWarning(absl::string_view table,
                             absl::string_view fitted_host,
                             absl::string_view host);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_MEASURED_RUN_H_
