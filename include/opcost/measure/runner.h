// SPDX-License-Identifier: Apache-2.0
// A child process that runs a model, over the lines of docs/runner-protocol.md.
#ifndef OPCOST_MEASURE_RUNNER_H_
#define OPCOST_MEASURE_RUNNER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/measure/measurement.h"
#include "opcost/measure/protocol.h"

namespace opcost {

// How a runner is started.
struct RunnerOptions {
  std::vector<std::string> command;  // the first is looked for in $PATH
  std::vector<int> cpus;       // processors that it may use; empty: as opcost
  double hello_seconds = 60;   // until it says hello
  double load_seconds = 1800;  // until a model is ready
  double run_seconds = 3600;   // until one run command is done
};

// The shape of one graph input, as opcost inferred it.
struct RunnerInput {
  std::string name;
  std::vector<int64_t> shape;  // empty: a scalar
};

// What a runner is told of a model.
struct LoadRequest {
  std::string model;  // a path
  std::optional<int64_t> batch;
  std::map<std::string, int64_t> dims;  // numbers for symbols
  std::vector<RunnerInput> inputs;  // go before batch and dims; may be empty
  int threads = 0;                  // 0: as the runtime likes
  uint64_t seed = 1;
  std::string device = "cpu";  // "cpu", "cuda", "cuda:1"
  bool optimises = true;       // graph optimisations of the runtime
};

// Errors of all functions: FAILED_PRECONDITION where the runner can't be
// started, lacks a package, breaks the protocol, says nothing within its time,
// or ends, with the last lines of its standard error; INVALID_ARGUMENT where it
// says that the model is at fault. After INVALID_ARGUMENT it takes another
// Load(); after FAILED_PRECONDITION see is_alive().
class Runner : public Workload {
 public:
  // Starts the process and waits for its hello.
  static absl::StatusOr<std::unique_ptr<Runner>> Open(
      const RunnerOptions& options);
  // Kills the process and all that it started, if they are still there.
  ~Runner() override;

  // What the runner says that it will run.
  absl::StatusOr<RunnerDescription> Load(const LoadRequest& request);
  // Seconds of each layer in one inference, the mean of `runs`; empty if the
  // runner has none.
  absl::StatusOr<std::vector<LayerTime>> Layers(int64_t runs);

  absl::Status Begin(int64_t runs) override;
  absl::StatusOr<bool> Wait(double seconds) override;
  double seconds() const override;
  double processor_seconds() const override;

  // False once it has ended or can't be trusted: open another.
  bool is_alive() const;

 private:
  struct State;
  explicit Runner(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// A field of a protocol line with backslash, tab, line feed and carriage return
// escaped, and back. What isn't an escape stays as it is.
std::string EscapeField(absl::string_view text);
std::string UnescapeField(absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_MEASURE_RUNNER_H_
