// SPDX-License-Identifier: Apache-2.0
// What operators that move elements share: the operands that describe geometry
// (shape, starts, pads ...), and the counts of a copy.
#ifndef OPCOST_SRC_OPS_GEOMETRY_H_
#define OPCOST_SRC_OPS_GEOMETRY_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/types.h"
#include "opcost/ops/op_counts.h"
#include "opcost/ops/op_def.h"
#include "opcost/support/sym_value.h"

namespace opcost {

// The elements of integer operand `i`, which may depend on dimensions. Errors:
// the operand is missing, holds no integers, or has more than one axis;
// IsUndetermined() if its elements aren't known, or are too many to be
// geometry.
absl::StatusOr<std::vector<SymValue>> InputSyms(const NodeView& node, int i);

// A list that is attribute `attribute` before opset `since` and operand `i`
// from there on. Errors as InputSyms(); the attribute is missing.
absl::StatusOr<std::vector<SymValue>> SymsOf(const NodeView& node,
                                             absl::string_view attribute, int i,
                                             int since);

// The floats of operand `i` (scales). Errors as InputSyms().
absl::StatusOr<std::vector<double>> InputFloats(const NodeView& node, int i);

// A dimension from an element that describes it. Errors: it is negative, or
// overflowed; `what` names it ("axis 2 of the output").
absl::StatusOr<Extent> NonNegative(const NodeView& node, const SymValue& extent,
                                   absl::string_view what);

// The extents that the elements of operand `i` describe. Errors: as InputSyms()
// and NonNegative().
absl::StatusOr<Dims> InputExtents(const NodeView& node, int i);

// Extents in the order that `perm` gives, a permutation of their axes.
Dims Permuted(absl::Span<const Extent> dims, absl::Span<const int> perm);

// True if transposing `dims` by `perm` changes nothing in memory: the axes
// longer than 1 keep their order (R5).
bool KeepsOrder(absl::Span<const Extent> dims, absl::Span<const int> perm);

// A layer that moves nothing (R5), and whose formula's "moved" is 0.
OpCounts CountView(const TypedNodeView& node);

// A layer that reads each element it writes to output 0 from operand 0 (R5:
// other copies); "moved" is their number.
OpCounts CountCopy(const TypedNodeView& node);

// The count rule of operators that are always views.
absl::StatusOr<OpCounts> CountAlwaysView(const TypedNodeView& node);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_GEOMETRY_H_
