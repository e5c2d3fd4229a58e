// SPDX-License-Identifier: Apache-2.0
// What the command line says of measured runs.
#ifndef OPCOST_SRC_CLI_MEASURE_OPTIONS_H_
#define OPCOST_SRC_CLI_MEASURE_OPTIONS_H_

#include <string>

#include "absl/types/span.h"
#include "src/cli/measured_run.h"

namespace opcost {

struct OptionRow;

struct MeasureCommandOptions {
  MeasuringOptions session;
  std::string exec;        // --exec; empty: a model is measured
  bool is_check = false;   // --check
  std::string append;      // --append; empty: none
  std::string group;       // --group; empty: after the model's file
  bool has_layers = true;  // --layer-times
};

// The rows of these options; those of a session are collect's too.
absl::Span<const OptionRow> MeasureOptionRows();

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_MEASURE_OPTIONS_H_
