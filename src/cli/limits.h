// SPDX-License-Identifier: Apache-2.0
// Limits that the user sets, for use in pipelines.
#ifndef OPCOST_SRC_CLI_LIMITS_H_
#define OPCOST_SRC_CLI_LIMITS_H_

#include <ostream>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/cli/cli.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/report/comparison.h"
#include "src/cli/command_line.h"

namespace opcost {

// "5mJ", "2.5e3 pJ" (pJ, nJ, uJ, mJ, J), "1.2GMAC" (k, M, G, T, P, E or none
// before MAC). Errors are usage errors that don't name the option.
absl::StatusOr<EnergyLimit> ParseEnergyLimit(absl::string_view text);

// A number above 0: "1.10". Errors are usage errors that don't name the option.
absl::StatusOr<RatioLimit> ParseRatioLimit(absl::string_view text);

// A usage error if the limit is in joules and the unit of table `table` is one
// MAC, or the other way round.
absl::Status CheckUnit(const EnergyLimit& limit, absl::string_view table,
                       EnergyUnit unit);

// What a limit is held against.
struct LimitedTotal {
  double amount = 0;  // in the table's unit
  TotalStatus status = TotalStatus::kExact;
  EnergyUnit unit = EnergyUnit::kPicojoule;
};

// kLimitExceeded, said on `err`, if the total of the model called `path` is
// above the limit. kIncomplete if it isn't, but doesn't have all layers: what
// is unknown never passes a limit.
ExitStatus CheckEnergy(const EnergyLimit& limit, absl::string_view path,
                       const LimitedTotal& total, std::ostream& err);

// The same for --max-ratio, of each variant, and for --max-layer-ratio, of each
// layer of a variant that has a partner in BASE: the first few offenders are
// named.
ExitStatus CheckRatios(const RatioLimit& limit, const Comparison& comparison,
                       std::ostream& err);
ExitStatus CheckLayerRatios(const RatioLimit& limit,
                            const Comparison& comparison, std::ostream& err);

// The one of two statuses that a process ends with: usage, input, measuring,
// limits, unknown layers.
ExitStatus Worse(ExitStatus a, ExitStatus b);

// `status`, unless it is kIncomplete and --allow-unknown is given.
ExitStatus AllowUnknown(const CommandLine& line, ExitStatus status);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_LIMITS_H_
