// SPDX-License-Identifier: Apache-2.0
// The rules of Unique.
#ifndef OPCOST_SRC_OPS_UNIQUE_H_
#define OPCOST_SRC_OPS_UNIQUE_H_

#include "absl/status/statusor.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_def.h"

namespace opcost {

absl::StatusOr<OutputTypes> InferUnique(const NodeView& node);
absl::StatusOr<OpCounts> CountUnique(const TypedNodeView& node);
OutputValues FoldUnique(const TypedNodeView& node);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_UNIQUE_H_
