// SPDX-License-Identifier: Apache-2.0
// opcost estimate, explain and shapes.
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "opcost/frontend/import.h"
#include "opcost/ops/custom_operators.h"
#include "opcost/report/report.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"

namespace opcost {
namespace {

absl::StatusOr<Model> Import(const std::string& path,
                             const CliEnvironment& environment) {
  return path == "-" ? ImportStream(*environment.in) : ImportFile(path);
}

// More than any person writes, and more than the reader takes.
constexpr size_t kMaxOperatorBytes = size_t{2} << 20;

// What the command line says of the inputs, with the operators' file read.
absl::StatusOr<InputOptions> InputOf(const CommandLine& line) {
  InputOptions input = line.input;
  if (line.operators.empty()) return input;
  errno = 0;
  std::error_code ignored;
  std::ifstream file(line.operators, std::ios::binary);
  if (!file || std::filesystem::is_directory(line.operators, ignored)) {
    return absl::NotFoundError(
        absl::StrCat("--operators: can't read ", line.operators, ": ",
                     errno == 0 ? "not a file" : std::strerror(errno)));
  }
  std::string text(kMaxOperatorBytes, '\0');
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<size_t>(file.gcount()));
  OPCOST_ASSIGN_OR_RETURN(CustomOperators operators,
                          CustomOperators::Parse(line.operators, text));
  input.operators =
      std::make_shared<const CustomOperators>(std::move(operators));
  return input;
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
        std::pair("--weights-from", memory.weights_from.has_value())}) {
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
  OPCOST_ASSIGN_OR_RETURN(const CostTable table,
                          LibraryOf(environment).Load(line.table));
  OPCOST_ASSIGN_OR_RETURN(const Model model,
                          Import(line.operands[0], environment));
  OPCOST_ASSIGN_OR_RETURN(InputOptions input, InputOf(line));
  input.keep_symbols = true;
  const absl::StatusOr<Analysis> analysis = Analyze(model, input);
  if (!analysis.ok()) return AsUsage(analysis.status());
  OPCOST_ASSIGN_OR_RETURN(
      const SymbolicEstimate estimate,
      MakeSymbolicEstimate(*analysis, table, line.estimate));
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderSymbolic(estimate, RenderingOf(line, environment))));
  PrintDiagnostics(estimate.diagnostics, line.render.verbosity,
                   *environment.err);
  PrintBoundDims(*analysis, line.render.verbosity, *environment.err);
  return PrintUnknownLayers(*analysis, "", *environment.err);
}

absl::StatusOr<ExitStatus> RunEstimate(const CommandLine& line,
                                       const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const CostTable table,
                          LibraryOf(environment).Load(line.table));
  OPCOST_RETURN_IF_ERROR(CheckTier(table, line.estimate.memory.weights_from));
  OPCOST_ASSIGN_OR_RETURN(const Model model,
                          Import(line.operands[0], environment));
  OPCOST_ASSIGN_OR_RETURN(const InputOptions input, InputOf(line));
  const absl::StatusOr<Analysis> analysis = Analyze(model, input);
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
  OPCOST_ASSIGN_OR_RETURN(const ExitStatus status,
                          line.is_symbolic ? RunSymbolic(line, environment)
                                           : RunEstimate(line, environment));
  return status == kIncomplete && line.allows_unknown ? kDone : status;
}

}  // namespace opcost
