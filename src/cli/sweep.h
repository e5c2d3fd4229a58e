// SPDX-License-Identifier: Apache-2.0
// Every combination of lists of options, priced.
#ifndef OPCOST_SRC_CLI_SWEEP_H_
#define OPCOST_SRC_CLI_SWEEP_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "opcost/cli/cli.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/payload_source.h"
#include "opcost/report/sweep.h"
#include "opcost/support/diagnostics.h"
#include "src/cli/command_line.h"

namespace opcost {

struct SweepResult {
  Sweep sweep;
  // Of the first row; of others only totals are computed.
  Diagnostics diagnostics;
  // Of the first combination of inputs that has any: what
  // PrintUnknownLayers() says.
  std::string unknown_layers;
};

// How weights are stored in one of the combinations that needs their values;
// dense if none does.
StorageOptions StorageOfAny(const CommandLine& line);

// Prices `model` for every combination of `line.axes`: shaped once for each
// combination of those that say what the inputs are, on `threads` threads (0:
// all cores). Calls `progress` now and then from the calling thread with the
// number of rows that are done.
//
// `payloads` are those of the model, for --weights and --skip.
//
// Errors: more than a million combinations (usage); the error of the first
// combination that has one, which its message names.
absl::StatusOr<SweepResult> RunCombinations(
    const CommandLine& line, const Model& model, const PayloadSource& payloads,
    const CliEnvironment& environment, int threads,
    const std::function<void(int64_t done, int64_t all)>& progress);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_SWEEP_H_
