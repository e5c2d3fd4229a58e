// SPDX-License-Identifier: Apache-2.0
// The equation of an Einsum, resolved against its operands.
#ifndef OPCOST_SRC_OPS_EINSUM_EQUATION_H_
#define OPCOST_SRC_OPS_EINSUM_EQUATION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/types.h"

namespace opcost {

// An index: a letter's character code, or, for the axes of the ellipsis,
// counted from its last, a number from kFirstEllipsisIndex on.
using EinsumIndex = int;
inline constexpr EinsumIndex kFirstEllipsisIndex = 256;

struct EinsumEquation {
  // The index of each axis, operand after operand.
  std::vector<std::vector<EinsumIndex>> operands;
  std::vector<EinsumIndex> output;
  // The distinct indices in the order in which they occur first, and the extent
  // of each. An axis of 1 is broadcast to it.
  std::vector<EinsumIndex> indices;
  Dims extents;

  const Extent& ExtentOf(EinsumIndex index) const;
  Dims ExtentsOf(absl::Span<const EinsumIndex> list) const;
};

bool Contains(absl::Span<const EinsumIndex> list, EinsumIndex index);
// Those of `a`, then those of `b`, each once.
std::vector<EinsumIndex> Union(absl::Span<const EinsumIndex> a,
                               absl::Span<const EinsumIndex> b);

// Errors: an equation that can't be read, or that contradicts the operands'
// number, axes or extents; IsUndetermined() for an operand of unknown rank.
absl::StatusOr<EinsumEquation> ResolveEinsum(const NodeView& node);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_EINSUM_EQUATION_H_
