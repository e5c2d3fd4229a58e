// SPDX-License-Identifier: Apache-2.0
// What a model takes in total, for many combinations of options.
#ifndef OPCOST_ENERGY_TOTALS_H_
#define OPCOST_ENERGY_TOTALS_H_

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"

namespace opcost {

// The totals of an Estimate.
struct Totals {
  Sums sums;
  TotalStatus status = TotalStatus::kExact;
  double once_pj = 0;  // in the table's unit
};

// The totals of MakeEstimate(), to the last bit, in a fraction of its time: no
// row is kept, no remark made.
//
// Errors: those of MakeEstimate().
absl::StatusOr<Totals> MakeTotals(const Analysis& analysis,
                                  const CostTable& table,
                                  const EstimateOptions& options);

}  // namespace opcost

#endif  // OPCOST_ENERGY_TOTALS_H_
