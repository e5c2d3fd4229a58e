// SPDX-License-Identifier: Apache-2.0
// The attribute `activation` of fused operators: a function of each result
// before it is written, on the accumulator, so that it moves nothing.
#ifndef OPCOST_SRC_OPS_FUSED_ACTIVATION_H_
#define OPCOST_SRC_OPS_FUSED_ACTIVATION_H_

#include "absl/status/statusor.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_counts.h"
#include "src/ops/elementwise.h"

namespace opcost {

// What the node's activation does to each element, as the operator of that name
// is counted; nothing without the attribute. IsUndetermined() for a name that
// no rule knows.
absl::StatusOr<PerElement> FusedActivation(const NodeView& node);

// Adds `each` for each of `out` results, in the output's format, and names its
// operations `act_mul`, `act_add`, `act_div`, `act_exp`, `act_log`, `act_erf`,
// `act_tanh` and `act_sigmoid` in the legend.
void AddActivation(OpCounts& counts, const TypedNodeView& node,
                   const PerElement& each, const Count& out);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_FUSED_ACTIVATION_H_
