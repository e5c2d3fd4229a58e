// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/branch_cost.h"

namespace opcost {
namespace {

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
      cost.operations += arith.count * times;
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
