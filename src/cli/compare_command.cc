// SPDX-License-Identifier: Apache-2.0
// opcost compare.
#include <cstddef>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/report/carbon.h"
#include "opcost/report/comparison.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"
#include "src/cli/limits.h"
#include "src/cli/sides.h"

namespace opcost {
namespace {

// What every side says once, what some do with their names.
void PrintSideDiagnostics(const std::vector<LoadedSide>& sides, int verbosity,
                          std::ostream& err) {
  std::map<std::string, size_t> times;
  size_t models = 0;
  for (const LoadedSide& loaded : sides) {
    if (loaded.priced.estimate == nullptr) continue;
    ++models;
    for (const Diagnostic& diagnostic :
         loaded.priced.estimate->diagnostics.all()) {
      ++times[diagnostic.message];
    }
  }
  Diagnostics shared;
  for (const LoadedSide& loaded : sides) {
    if (loaded.priced.estimate == nullptr) continue;
    Diagnostics own;
    for (const Diagnostic& diagnostic :
         loaded.priced.estimate->diagnostics.all()) {
      (times[diagnostic.message] == models ? shared : own).Add(diagnostic);
    }
    PrintDiagnostics(own, verbosity, err, absl::StrCat(loaded.side.name, ": "));
  }
  PrintDiagnostics(shared, verbosity, err);
}

// Names the unknown layers of every side.
ExitStatus PrintUnknown(const std::vector<LoadedSide>& sides,
                        std::ostream& err) {
  ExitStatus status = kDone;
  for (const LoadedSide& loaded : sides) {
    if (loaded.priced.analysis != nullptr) {
      status =
          Worse(status, PrintUnknownLayers(*loaded.priced.analysis, "", err));
      continue;
    }
    for (const SideLayer& layer : loaded.side.layers) {
      if (!layer.is_unknown()) continue;
      status = kIncomplete;
      err << "opcost: unknown: " << layer.op << " '" << layer.name << "' of "
          << loaded.side.name << '\n';
    }
  }
  return status;
}

ExitStatus CheckLimits(const CommandLine& line, const Comparison& comparison,
                       std::ostream& err) {
  ExitStatus status = kDone;
  if (line.max_energy.has_value()) {
    for (const ComparisonSide& side : comparison.sides) {
      status =
          Worse(status,
                CheckEnergy(*line.max_energy, side.name,
                            {side.totals.total, side.status, side.unit}, err));
    }
  }
  if (line.max_ratio.has_value()) {
    status = Worse(status, CheckRatios(*line.max_ratio, comparison, err));
  }
  if (line.max_layer_ratio.has_value()) {
    status =
        Worse(status, CheckLayerRatios(*line.max_layer_ratio, comparison, err));
  }
  return status;
}

}  // namespace

absl::StatusOr<ExitStatus> RunCompare(const CommandLine& line,
                                      const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const std::optional<CarbonTerms> carbon,
                          CarbonTermsOf(line));
  std::unique_ptr<const CostTable> base_table;
  OPCOST_ASSIGN_OR_RETURN(std::vector<LoadedSide> loaded,
                          LoadSides(line, environment, base_table));
  std::vector<ComparisonSide> sides;
  sides.reserve(loaded.size());
  for (const LoadedSide& side : loaded) sides.push_back(side.side);
  OPCOST_ASSIGN_OR_RETURN(const Comparison comparison,
                          Compare(std::move(sides), base_table.get()));
  // All sides have one unit.
  if (const ComparisonSide& base = comparison.sides[0];
      carbon.has_value() && base.unit == EnergyUnit::kRelative) {
    return NeedsJoules(line, base.table);
  }
  const std::string text =
      RenderComparison(comparison, RenderingOf(line, environment),
                       carbon.has_value() ? &*carbon : nullptr);
  OPCOST_RETURN_IF_ERROR(Deliver(line, environment, text));
  std::ostream& err = *environment.err;
  PrintSideDiagnostics(loaded, line.render.verbosity, err);
  PrintDiagnostics(comparison.diagnostics, line.render.verbosity, err);
  return Worse(AllowUnknown(line, PrintUnknown(loaded, err)),
               CheckLimits(line, comparison, err));
}

}  // namespace opcost
