// SPDX-License-Identifier: Apache-2.0
// The rules of DeformConv.
#ifndef OPCOST_SRC_OPS_DEFORM_CONV_H_
#define OPCOST_SRC_OPS_DEFORM_CONV_H_

#include "absl/status/statusor.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_def.h"

namespace opcost {

absl::StatusOr<OutputTypes> InferDeformConv(const NodeView& node);
absl::StatusOr<OpCounts> CountDeformConv(const TypedNodeView& node);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_DEFORM_CONV_H_
