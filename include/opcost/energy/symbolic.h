// SPDX-License-Identifier: Apache-2.0
// Counts as expressions of what isn't bound: no prices, no memory tiers.
#ifndef OPCOST_ENERGY_SYMBOLIC_H_
#define OPCOST_ENERGY_SYMBOLIC_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/support/diagnostics.h"
#include "opcost/support/extent.h"

namespace opcost {

// Sums of a layer or of the model; of all runs.
struct SymbolicSums {
  Count macs, mul, add, reads, writes;

  SymbolicSums& operator+=(const SymbolicSums& other);
  bool overflowed() const;
};

// Muls or adds of one format, functions expanded into them included; or
// evaluations of a function that the table prices directly.
struct SymbolicArith {
  ArithOp op = ArithOp::kMul;
  NumberFormat format;
  Count count;
};

struct SymbolicTraffic {
  std::string array;
  Role role = Role::kInput;
  NumberFormat format;
  Count elements;
  Count reads;
  Count writes;
};

struct SymbolicLayer {
  const LayerCounts* layer = nullptr;
  bool is_view = false;  // moves nothing in these formats
  absl::InlinedVector<SymbolicArith, 2> arithmetic;
  absl::InlinedVector<SymbolicTraffic, 4> traffic;
  SymbolicSums sums;
};

// Refers to the analysis and the table, which must outlive it.
struct SymbolicEstimate {
  const Analysis* analysis = nullptr;
  std::shared_ptr<const Analysis> stored;  // as an Estimate's
  std::vector<LayerStorage> storage;
  const CostTable* table = nullptr;
  EstimateOptions options;
  std::vector<SymbolicLayer> layers;  // as analysis->layers
  SymbolicSums totals;
  TotalStatus status = TotalStatus::kExact;
  Diagnostics diagnostics;
};

// The counts of an analysis that kept its symbols. Of the table, only how
// functions expand matters; of the options, formats and what moves once.
//
// Errors: a function that the table lacks (FAILED_PRECONDITION); a count that
// doesn't fit 63 bits, or makes too long an expression (OUT_OF_RANGE); weights
// stored as `auto` says, which takes energies (INVALID_ARGUMENT).
absl::StatusOr<SymbolicEstimate> MakeSymbolicEstimate(
    const Analysis& analysis, const CostTable& table,
    const EstimateOptions& options);

}  // namespace opcost

#endif  // OPCOST_ENERGY_SYMBOLIC_H_
