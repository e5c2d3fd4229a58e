// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/command_run.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "opcost/measure/protocol.h"
#include "opcost/support/status_macros.h"
#include "src/measure/child_process.h"
#include "src/measure/window.h"

namespace opcost {

absl::StatusOr<CommandRun> MeasureCommand(const std::string& command,
                                          const std::vector<int>& cpus,
                                          EnergyCounter& counter) {
  ChildOptions options;
  options.command = {"/bin/sh", "-c", command};
  options.cpus = cpus;
  options.has_pipes = false;
  std::unique_ptr<ChildProcess> child;
  OPCOST_ASSIGN_OR_RETURN(const Window window,
                          WatchUntil(
                              counter,
                              [&child](double seconds) -> absl::StatusOr<bool> {
                                return child->WaitForEnd(seconds);
                              },
                              [&child, &options]() -> absl::Status {
                                OPCOST_ASSIGN_OR_RETURN(
                                    child, ChildProcess::Start(options));
                                return absl::OkStatus();
                              }));
  OPCOST_ASSIGN_OR_RETURN(const WindowEnergy energy, EnergyOf(counter, window));
  CommandRun run;
  run.command = command;
  run.exit_status = child->exit_status();
  run.seconds = window.seconds();
  run.counter = std::string(counter.name());
  run.is_measured = counter.is_measured();
  run.constant_watts = counter.constant_watts();
  run.microjoules = energy.summed_microjoules;
  run.samples = static_cast<int64_t>(energy.watts.size());
  for (size_t d = 0; d < counter.domains().size(); ++d) {
    DomainEnergy domain;
    domain.domain = counter.domains()[d];
    domain.microjoules = energy.microjoules[d];
    std::vector<double> samples;
    for (const std::vector<double>& watts : energy.watts) {
      samples.push_back(watts[d]);
    }
    domain.watts = MeanOf(samples);
    // Samples differ in length: the mean over time is the energy's.
    if (run.seconds > 0) {
      domain.watts.mean =
          static_cast<double>(domain.microjoules) / 1e6 / run.seconds;
    }
    domain.deviation_watts = DeviationOf(samples);
    if (!samples.empty()) {
      const auto [least, most] =
          std::minmax_element(samples.begin(), samples.end());
      domain.least_watts = *least;
      domain.most_watts = *most;
    }
    run.domains.push_back(std::move(domain));
  }
  return run;
}

}  // namespace opcost
