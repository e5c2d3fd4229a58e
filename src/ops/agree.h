// SPDX-License-Identifier: Apache-2.0
// Extents that two operands must have in common.
#ifndef OPCOST_SRC_OPS_AGREE_H_
#define OPCOST_SRC_OPS_AGREE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/types.h"

namespace opcost {

// False where both are numbers and differ. What a symbol stands for is the
// model's business.
bool CouldAgree(const Extent& a, const Extent& b);

// `a` and `b`, which must be the same: the one that is a number, if any. Error:
// "<what_a> is 3 but <what_b> is 4".
absl::StatusOr<Extent> Agree(const NodeView& node, absl::string_view what_a,
                             const Extent& a, absl::string_view what_b,
                             const Extent& b);

// OK if operand `i`, which the node must have, could have the extents
// `expected`. Errors: as NodeView::Input(); "<what> is 2x3 but must be 2x4".
absl::Status CheckShapeIs(const NodeView& node, int i, absl::string_view what,
                          absl::Span<const Extent> expected);

// OK if operand `i` is absent, or CheckShapeIs().
absl::Status CheckOptionalShapeIs(const NodeView& node, int i,
                                  absl::string_view what,
                                  absl::Span<const Extent> expected);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_AGREE_H_
