// SPDX-License-Identifier: Apache-2.0
// opcost estimate, explain and shapes.
#include <optional>
#include <ostream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "opcost/report/carbon.h"
#include "opcost/report/report.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"
#include "src/cli/limits.h"
#include "src/cli/pipeline.h"

namespace opcost {
namespace {

// What the reading of the graph folded, layer by layer.
void PrintFoldings(const Analysis& analysis, int verbosity, std::ostream& err) {
  if (verbosity <= 0) return;
  for (const LayerCounts& layer : analysis.layers) {
    if (layer.folded == nullptr) continue;
    for (const FoldedNode& folded : layer.folded->nodes) {
      err << "note: " << folded.node->op_type << " '"
          << analysis.graph->NodeLabel(*folded.node) << "' folds into "
          << layer.node->op_type << " '" << layer.name << "': " << folded.reason
          << '\n';
    }
    if (!layer.folded->elided.empty()) {
      err << "note: " << layer.node->op_type << " '" << layer.name
          << "' is a view: " << layer.folded->elided << '\n';
    }
  }
}

absl::StatusOr<std::string> EstimateText(const CommandLine& line,
                                         const CliEnvironment& environment,
                                         const Estimate& estimate,
                                         const CarbonTerms* carbon) {
  const RenderOptions rendering = RenderingOf(line, environment);
  if (line.command == kEstimate) {
    return RenderEstimate(estimate, rendering, carbon);
  }
  absl::StatusOr<std::string> text = Explain(estimate, line.layer, rendering);
  if (!text.ok()) return AsUsage(text.status());
  return text;
}

// What orders or shows energies has no use beside --symbolic.
absl::Status CheckSymbolic(const CommandLine& line) {
  const RenderOptions& render = line.render;
  const MemoryOptions& memory = line.estimate.memory;
  for (const auto& [flag, is_given] :
       {std::pair("--unit", render.unit != Unit::kAuto),
        std::pair("--top", line.has_top),
        std::pair("--sort energy", render.sort_by == SortBy::kEnergy),
        std::pair("--sort macs", render.sort_by == SortBy::kMacs),
        std::pair("--array-scope operand",
                  memory.array_scope == ArrayScope::kOperand),
        std::pair("--weights-from", memory.weights_from.has_value()),
        std::pair("--max-energy", line.max_energy.has_value()),
        std::pair("--inferences", line.carbon.inferences.has_value()),
        std::pair("--pue", line.carbon.pue.has_value()),
        std::pair(line.carbon.intensity_flag.c_str(),
                  line.carbon.intensity.has_value())}) {
    if (!is_given) continue;
    return UsageError(absl::StrCat(
        "--symbolic has no use for ", flag,
        ", since it prints counts, not energies; leave one of them out"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ExitStatus> RunSymbolic(const CommandLine& line,
                                       const CliEnvironment& environment) {
  OPCOST_RETURN_IF_ERROR(CheckSymbolic(line));
  OPCOST_RETURN_IF_ERROR(CheckStorage(line));
  OPCOST_ASSIGN_OR_RETURN(const CostTable table,
                          LibraryOf(environment).Load(line.table));
  EstimateOptions options = line.estimate;
  OPCOST_ASSIGN_OR_RETURN(
      const OpenModel open,
      OpenModelAt(line.operands[0], options.storage, environment));
  OPCOST_ASSIGN_OR_RETURN(InputOptions input, InputOf(line));
  input.keep_symbols = true;
  const absl::StatusOr<Analysis> analysis = Analyze(*open.model, input);
  if (!analysis.ok()) return AsUsage(analysis.status());
  OPCOST_RETURN_IF_ERROR(
      ReadWeights(*analysis, *open.payloads, &options.storage));
  OPCOST_ASSIGN_OR_RETURN(const SymbolicEstimate estimate,
                          MakeSymbolicEstimate(*analysis, table, options));
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderSymbolic(estimate, RenderingOf(line, environment))));
  PrintDiagnostics(estimate.diagnostics, line.render.verbosity,
                   *environment.err);
  PrintBoundDims(*analysis, line.render.verbosity, *environment.err);
  PrintFoldings(*analysis, line.render.verbosity, *environment.err);
  return AllowUnknown(line,
                      PrintUnknownLayers(*analysis, "", *environment.err));
}

absl::StatusOr<ExitStatus> RunEstimate(const CommandLine& line,
                                       const CliEnvironment& environment) {
  // What is wrong with the command line alone, before a large model is read.
  OPCOST_RETURN_IF_ERROR(CarbonTermsOf(line).status());
  OPCOST_ASSIGN_OR_RETURN(const PricedModel priced,
                          PriceModel(line, line.operands[0], environment));
  const Estimate& estimate = *priced.estimate;
  OPCOST_ASSIGN_OR_RETURN(const std::optional<CarbonTerms> carbon,
                          CarbonTermsOf(line, *priced.table));
  OPCOST_ASSIGN_OR_RETURN(
      const std::string text,
      EstimateText(line, environment, estimate,
                   carbon.has_value() ? &*carbon : nullptr));
  OPCOST_RETURN_IF_ERROR(Deliver(line, environment, text));
  std::ostream& err = *environment.err;
  PrintDiagnostics(estimate.diagnostics, line.render.verbosity, err);
  PrintBoundDims(*priced.analysis, line.render.verbosity, err);
  PrintFoldings(*priced.analysis, line.render.verbosity, err);
  const ExitStatus unknown =
      PrintUnknownLayers(*priced.analysis, line.layer, err);
  if (!line.max_energy.has_value()) return AllowUnknown(line, unknown);
  return Worse(AllowUnknown(line, unknown),
               CheckEnergy(*line.max_energy, line.operands[0],
                           {estimate.totals.total.pj, estimate.status,
                            priced.table->unit()},
                           err));
}

absl::StatusOr<ExitStatus> RunShapes(const CommandLine& line,
                                     const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const Model model,
                          ImportModel(line.operands[0], environment));
  OPCOST_ASSIGN_OR_RETURN(InputOptions input, InputOf(line));
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
  if (line.command == kShapes) return RunShapes(line, environment);
  if (line.is_symbolic) return RunSymbolic(line, environment);
  return RunEstimate(line, environment);
}

}  // namespace opcost
