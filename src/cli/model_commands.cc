// SPDX-License-Identifier: Apache-2.0
// opcost estimate, explain and shapes.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "opcost/frontend/import.h"
#include "opcost/report/report.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"

namespace opcost {
namespace {

absl::StatusOr<Model> Import(const std::string& path,
                             const CliEnvironment& environment) {
  return path == "-" ? ImportStream(*environment.in) : ImportFile(path);
}

// A --dim or --input that the model lacks is the command line's mistake.
absl::Status AsUsage(const absl::Status& status) {
  return absl::IsNotFound(status) ? UsageError(status.message()) : status;
}

absl::Status CheckTier(const CostTable& table,
                       const std::optional<std::string>& tier) {
  if (!tier.has_value()) return absl::OkStatus();
  std::vector<std::string> names;
  for (const Tier& known : table.tiers()) {
    if (known.name == *tier) return absl::OkStatus();
    names.push_back(known.name);
  }
  return UsageError(absl::StrCat("--weights-from: table ", table.name(),
                                 " has no tier '", *tier, "'; use ",
                                 JoinWithOr(names)));
}

void PrintDiagnostics(const Diagnostics& diagnostics, int verbosity,
                      std::ostream& err) {
  if (verbosity < 0) return;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.code == "unknown-layer") continue;  // PrintUnknownLayers
    err << (diagnostic.severity == Severity::kWarning ? "warning: " : "note: ")
        << diagnostic.message;
    if (verbosity > 0) err << " [" << diagnostic.code << "]";
    err << '\n';
  }
}

void PrintBoundDims(const Analysis& analysis, int verbosity,
                    std::ostream& err) {
  if (verbosity <= 0) return;
  for (const auto& [name, number] : analysis.bound_dims) {
    err << "note: dimension '" << name << "' is " << number << '\n';
  }
}

// Names the layers that nothing is known of, `only` alone if it isn't empty.
// They are why the status isn't 0, so that -q doesn't silence them.
ExitStatus PrintUnknownLayers(const Analysis& analysis, const std::string& only,
                              std::ostream& err) {
  ExitStatus status = kDone;
  for (const LayerCounts& layer : analysis.layers) {
    if (layer.coverage.status != Coverage::Status::kUnknown) continue;
    if (!only.empty() && layer.name != only) continue;
    status = kIncomplete;
    err << "opcost: unknown: " << layer.node->op_type << " '" << layer.name
        << "': " << layer.coverage.reason;
    if (!layer.coverage.remedy.empty()) err << "; " << layer.coverage.remedy;
    err << '\n';
  }
  return status;
}

absl::StatusOr<std::string> EstimateText(const CommandLine& line,
                                         const CliEnvironment& environment,
                                         const Estimate& estimate) {
  const RenderOptions rendering = RenderingOf(line, environment);
  if (line.command == kEstimate) return RenderEstimate(estimate, rendering);
  absl::StatusOr<std::string> text = Explain(estimate, line.layer, rendering);
  if (!text.ok()) return AsUsage(text.status());
  return text;
}

absl::StatusOr<ExitStatus> RunEstimate(const CommandLine& line,
                                       const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const CostTable table,
                          LibraryOf(environment).Load(line.table));
  OPCOST_RETURN_IF_ERROR(CheckTier(table, line.estimate.memory.weights_from));
  OPCOST_ASSIGN_OR_RETURN(const Model model,
                          Import(line.operands[0], environment));
  const absl::StatusOr<Analysis> analysis = Analyze(model, line.input);
  if (!analysis.ok()) return AsUsage(analysis.status());
  OPCOST_ASSIGN_OR_RETURN(const Estimate estimate,
                          MakeEstimate(*analysis, table, line.estimate));
  OPCOST_ASSIGN_OR_RETURN(const std::string text,
                          EstimateText(line, environment, estimate));
  OPCOST_RETURN_IF_ERROR(Deliver(line, environment, text));
  PrintDiagnostics(estimate.diagnostics, line.render.verbosity,
                   *environment.err);
  PrintBoundDims(*analysis, line.render.verbosity, *environment.err);
  return PrintUnknownLayers(*analysis, line.layer, *environment.err);
}

absl::StatusOr<ExitStatus> RunShapes(const CommandLine& line,
                                     const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const Model model,
                          Import(line.operands[0], environment));
  InputOptions input = line.input;
  input.keep_symbols = true;
  const absl::StatusOr<Analysis> analysis = InferShapes(model, input);
  if (!analysis.ok()) return AsUsage(analysis.status());
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderShapes(*analysis, RenderingOf(line, environment))));
  PrintDiagnostics(analysis->diagnostics, line.render.verbosity,
                   *environment.err);
  PrintBoundDims(*analysis, line.render.verbosity, *environment.err);
  return kDone;
}

}  // namespace

absl::StatusOr<ExitStatus> RunModelCommand(const CommandLine& line,
                                           const CliEnvironment& environment) {
  return line.command == kShapes ? RunShapes(line, environment)
                                 : RunEstimate(line, environment);
}

}  // namespace opcost
