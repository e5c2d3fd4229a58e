// SPDX-License-Identifier: Apache-2.0
// From a file to its estimate, as every command that reads models goes.
#ifndef OPCOST_SRC_CLI_PIPELINE_H_
#define OPCOST_SRC_CLI_PIPELINE_H_

#include <memory>
#include <optional>
#include <ostream>
#include <string>

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/cli/cli.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/payload_source.h"
#include "src/cli/command_line.h"

namespace opcost {

// A model with all that became of it, each of which refers to those before it.
struct PricedModel {
  std::unique_ptr<const Model> model;
  std::unique_ptr<const CostTable> table;
  std::unique_ptr<const Analysis> analysis;
  std::unique_ptr<const Estimate> estimate;
};

// The model in file `path`; of standard input if it is "-".
absl::StatusOr<Model> ImportModel(const std::string& path,
                                  const CliEnvironment& environment);
// What the command line says of the inputs, with the operators' file read.
absl::StatusOr<InputOptions> InputOf(const CommandLine& line);
// The table of the command line, whose --weights-from must be a tier of it.
absl::StatusOr<CostTable> TableOf(const CommandLine& line,
                                  const CliEnvironment& environment);
// The model in `path`, priced as the command line says.
absl::StatusOr<PricedModel> PriceModel(const CommandLine& line,
                                       const std::string& path,
                                       const CliEnvironment& environment);
// The same for a model and a table that are read already. `payloads` are those
// of a model that isn't a file's; else null.
absl::StatusOr<PricedModel> PriceModel(const CommandLine& line,
                                       std::unique_ptr<const Model> model,
                                       std::unique_ptr<const CostTable> table,
                                       const PayloadSource* payloads = nullptr);
// Reads the weights' values from `payloads` where the options ask for a storage
// format that depends on them. Errors: a missing file of weights.
absl::Status ReadWeights(const Analysis& analysis,
                         const PayloadSource& payloads,
                         StorageOptions* options);
// A model, and where its weights' values are. Standard input is kept whole if
// `options` ask for them.
struct OpenModel {
  std::unique_ptr<const Model> model;
  std::unique_ptr<const std::string> bytes;  // of standard input
  std::unique_ptr<const PayloadSource> payloads;
};
absl::StatusOr<OpenModel> OpenModelAt(const std::string& path,
                                      const StorageOptions& options,
                                      const CliEnvironment& environment);
// What --weights and --skip can't be combined with.
absl::Status CheckStorage(const CommandLine& line);
// A --dim or --input that the model lacks is the command line's mistake.
absl::Status AsUsage(const absl::Status& status);

// Warnings and notes; none under -q. `prefix` goes before each message.
void PrintDiagnostics(const Diagnostics& diagnostics, int verbosity,
                      std::ostream& err, absl::string_view prefix = "");
// What symbols were bound to, under -v.
void PrintBoundDims(const Analysis& analysis, int verbosity, std::ostream& err);
// Names the layers that nothing is known of, `only` alone if it isn't empty.
// They are why the status isn't 0, so that -q doesn't silence them.
ExitStatus PrintUnknownLayers(const Analysis& analysis, const std::string& only,
                              std::ostream& err);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_PIPELINE_H_
