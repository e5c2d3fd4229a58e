// SPDX-License-Identifier: Apache-2.0
// A command, measured over its whole run.
#ifndef OPCOST_MEASURE_COMMAND_RUN_H_
#define OPCOST_MEASURE_COMMAND_RUN_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/measure/counter.h"
#include "opcost/measure/measurement.h"

namespace opcost {

struct CommandRun {
  std::string command;
  int exit_status = 0;  // as a shell has it: 128 and the signal that ended it
  double seconds = 0;
  int64_t microjoules = 0;  // of the summed domains, gross
  std::string counter;
  bool is_measured = true;  // false: constant watts that the user gave
  double constant_watts = 0;
  // Watts are of samples of about a second; idle_watts isn't set.
  std::vector<DomainEnergy> domains;
  int64_t samples = 0;
  HostEnvironment environment;  // not set by MeasureCommand()
};

// Runs `command` in /bin/sh, in a process group of its own, and reads `counter`
// about once a second until it ends; what it has started by then and left
// behind is ended too. Its output and its errors go to standard error; it has
// no input.
//
// Errors: those of the counter; FAILED_PRECONDITION if it can't be started. A
// command that fails is no error.
absl::StatusOr<CommandRun> MeasureCommand(const std::string& command,
                                          const std::vector<int>& cpus,
                                          EnergyCounter& counter);

}  // namespace opcost

#endif  // OPCOST_MEASURE_COMMAND_RUN_H_
