// SPDX-License-Identifier: Apache-2.0
// The rules of NonMaxSuppression.
#ifndef OPCOST_SRC_OPS_NMS_H_
#define OPCOST_SRC_OPS_NMS_H_

#include "absl/status/statusor.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_def.h"

namespace opcost {

absl::StatusOr<OutputTypes> InferNonMaxSuppression(const NodeView& node);
absl::StatusOr<OpCounts> CountNonMaxSuppression(const TypedNodeView& node);
OutputValues FoldNonMaxSuppression(const TypedNodeView& node);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_NMS_H_
