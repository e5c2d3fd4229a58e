// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/branch_cost.h"

#include <cstddef>
#include <cstdint>

namespace opcost {
namespace {

// Muls and adds of one evaluation, by the default expansions (cost model,
// section 3.4): the choice must not depend on the cost table.
constexpr int64_t kOperations[kArithOpCount] = {
    1,        // mul
    1,        // add
    5 + 2,    // div
    8 + 2,    // sqrt
    10 + 11,  // exp
    14 + 13,  // log
    25 + 24,  // pow
    9 + 8,    // sin
    9 + 8,    // cos
    23 + 18,  // tan
    23 + 19,  // erf
    16 + 15,  // tanh
    15 + 14,  // sigmoid
};

// True if `a` is more, as far as numbers tell.
bool IsMore(const Extent& a, const Extent& b) {
  if (a.overflowed() || b.overflowed()) return !b.overflowed();
  return a.is_concrete() && b.is_concrete() && a.value() > b.value();
}

}  // namespace

BranchCost CostOf(absl::Span<const LayerCounts> layers) {
  BranchCost cost;
  for (const LayerCounts& layer : layers) {
    cost.is_unknown |= layer.coverage.status == Coverage::Status::kUnknown;
    const Extent times(layer.times);
    cost.macs += layer.counts.macs * times;
    for (const Arith& arith : layer.counts.arith) {
      cost.operations += arith.count * times *
                         Extent(kOperations[static_cast<size_t>(arith.op)]);
    }
    for (const Access& access : layer.counts.accesses) {
      cost.operations += (access.reads + access.writes) * times;
    }
  }
  return cost;
}

bool IsDearer(const BranchCost& a, const BranchCost& b) {
  if (a.is_unknown != b.is_unknown) return a.is_unknown;
  if (!(a.macs == b.macs)) return IsMore(a.macs, b.macs);
  return IsMore(a.operations, b.operations);
}

}  // namespace opcost
