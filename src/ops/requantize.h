// SPDX-License-Identifier: Apache-2.0
// Requantisation of an integer result, and the operands that describe it (cost
// model, sections 4 and 5).
#ifndef OPCOST_SRC_OPS_REQUANTIZE_H_
#define OPCOST_SRC_OPS_REQUANTIZE_H_

#include "absl/status/status.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// Adds the requantisation of `outputs` results, always in float32: each is
// multiplied by the ratio of the scales, which is computed once; the zero point
// is added, and two comparisons saturate it.
void AddRequantize(OpCounts& counts, const Count& outputs);

// Adds the read of scale `i`: one per result if it differs from channel to
// channel, else once.
void ReadScale(OpCounts& counts, const TypedNodeView& node, int i,
               const Count& results);
// Adds one read of each element of zero point `i`, which is folded (R7).
void ReadZeroPoint(OpCounts& counts, const TypedNodeView& node, int i);

// The reads that ReadScale() and ReadZeroPoint() add; 0 if operand `i` is
// absent.
Count ScaleReads(const TypedNodeView& node, int i, const Count& results);
Count ZeroPointReads(const TypedNodeView& node, int i);

// OK if operand `i` is absent or has one element, as far as that is known.
// `what` names it in the message.
absl::Status CheckOneElement(const NodeView& node, int i,
                             absl::string_view what);

// True if operands `i` and `j` are known to be equal: the same value, or
// constants of one known number; two absent ones are.
bool AreEqualScalars(const NodeView& node, int i, int j);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_REQUANTIZE_H_
