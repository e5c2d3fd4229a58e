// SPDX-License-Identifier: Apache-2.0
// Which branch of an If counts (cost model, section 4).
#ifndef OPCOST_SRC_ANALYSIS_BRANCH_COST_H_
#define OPCOST_SRC_ANALYSIS_BRANCH_COST_H_

#include "absl/types/span.h"
#include "opcost/analysis/analysis.h"

namespace opcost {

// What is compared.
struct BranchCost {
  bool is_unknown = false;  // a layer of it is
  Extent macs;
  Extent operations;  // muls, adds, reads and writes
};

// The sum over all runs of `layers`.
BranchCost CostOf(absl::Span<const LayerCounts> layers);

// True if `a` counts before `b`: more MACs, then more operations. One that is
// unknown may be any amount, and counts before one that isn't.
bool IsDearer(const BranchCost& a, const BranchCost& b);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_BRANCH_COST_H_
