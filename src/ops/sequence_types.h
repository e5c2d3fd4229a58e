// SPDX-License-Identifier: Apache-2.0
// The types of sequences, as far as they are known before the model runs, and
// extents that nothing bounds.
#ifndef OPCOST_SRC_OPS_SEQUENCE_TYPES_H_
#define OPCOST_SRC_OPS_SEQUENCE_TYPES_H_

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/types.h"
#include "opcost/ops/op_counts.h"
#include "opcost/ops/op_def.h"

namespace opcost {

// An extent that depends on the data, and that nothing bounds: a symbol named
// "<output's name>#<axis>". Layers that depend on it can't be counted.
Extent UnboundedExtent(const NodeView& node, int output, int axis);

// Operand `i`, which must be a sequence whose element type is known. Errors: it
// is missing or no sequence; IsUndetermined() if its type isn't known.
absl::StatusOr<const ValueType*> InputSequence(const NodeView& node, int i);

// What tensors of `types` have in common, as elements of output `output`: an
// axis along which they differ has a data-dependent extent, at most their
// largest; where they differ in rank, it is unknown. `types` isn't empty.
ValueType CommonType(const NodeView& node, int output,
                     absl::Span<const ValueType> types, OutputTypes* noted);

// A sequence of any number of `element`, or of `length` of them.
ValueType SequenceOf(ValueType element,
                     std::optional<Extent> length = std::nullopt);

// The sequence of the tensors `types`, not empty, as output `output`; keeps the
// list where they differ and are no more than kMaxListedElements.
ValueType SequenceOfEach(const NodeView& node, int output,
                         std::vector<ValueType> types, OutputTypes* noted);

// The type of element `i` of a sequence of which that element exists.
const ValueType& ElementAt(const ValueType& sequence, size_t i);

// The elements of all tensors of `sequence`: it counts as one array of them.
// nullopt if its length or a shape isn't known.
std::optional<Count> SequenceVolume(const ValueType& sequence);

// True if at most one of its tensors has any elements, so that a copy of them
// all changes nothing in memory (R5).
bool HasOnePart(const ValueType& sequence);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_SEQUENCE_TYPES_H_
