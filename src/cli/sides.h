// SPDX-License-Identifier: Apache-2.0
// The sides of a comparison: what they are, and how they are read.
#ifndef OPCOST_SRC_CLI_SIDES_H_
#define OPCOST_SRC_CLI_SIDES_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/cli/cli.h"
#include "opcost/energy/cost_table.h"
#include "opcost/report/comparison.h"
#include "src/cli/command_line.h"
#include "src/cli/pipeline.h"

namespace opcost {

// "int8.onnx@weights=nm,bits=int8", taken apart.
struct SideArgument {
  std::string text;     // as it was given
  std::string path;     // "-": standard input
  std::string options;  // "weights=nm,bits=int8"; empty: none
};

// At the last '@' behind a path that is there; an `argument` that is a file is
// a path as a whole. Where no such file is, at the last '@'.
SideArgument ParseSide(absl::string_view argument);

// The command line of a side: what `line` says for all of them, with the side's
// own options in place of the same of `line`. A usage error that names the side
// if one of them is no option, or no side's.
absl::StatusOr<CommandLine> LineOfSide(const CommandLine& line,
                                       const SideArgument& argument);

// A side, and what was read for it.
struct LoadedSide {
  CommandLine line;
  PricedModel priced;  // empty if it is a saved report
  ComparisonSide side;
};

// Reads the sides that the command line names. `base_table` becomes that of
// BASE; it stays null if BASE is a saved report whose table isn't at hand.
absl::StatusOr<std::vector<LoadedSide>> LoadSides(
    const CommandLine& line, const CliEnvironment& environment,
    std::unique_ptr<const CostTable>& base_table);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_SIDES_H_
