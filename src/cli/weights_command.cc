// SPDX-License-Identifier: Apache-2.0
// opcost weights.
#include "opcost/analysis/analysis.h"
#include "opcost/energy/weight_survey.h"
#include "opcost/report/weights.h"
#include "opcost/support/status_macros.h"
#include "src/cli/commands.h"
#include "src/cli/limits.h"
#include "src/cli/pipeline.h"

namespace opcost {

absl::StatusOr<ExitStatus> RunWeights(const CommandLine& line,
                                      const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const CostTable table, TableOf(line, environment));
  // Any format but dense asks for values.
  StorageOptions all;
  all.format = std::nullopt;
  OPCOST_ASSIGN_OR_RETURN(const OpenModel open,
                          OpenModelAt(line.operands[0], all, environment));
  OPCOST_ASSIGN_OR_RETURN(const InputOptions input, InputOf(line));
  const absl::StatusOr<Analysis> analysis = Analyze(*open.model, input);
  if (!analysis.ok()) return AsUsage(analysis.status());
  OPCOST_ASSIGN_OR_RETURN(
      const WeightSurvey survey,
      SurveyWeights(*analysis, table, line.estimate, *open.payloads));
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderWeights(survey, RenderingOf(line, environment))));
  PrintDiagnostics(analysis->diagnostics, line.render.verbosity,
                   *environment.err);
  PrintBoundDims(*analysis, line.render.verbosity, *environment.err);
  return AllowUnknown(line,
                      PrintUnknownLayers(*analysis, "", *environment.err));
}

}  // namespace opcost
