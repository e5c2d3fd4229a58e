// SPDX-License-Identifier: Apache-2.0
// Axes as nodes name them: negative ones, and lists that moved from an
// attribute to an operand.
#ifndef OPCOST_SRC_OPS_AXES_H_
#define OPCOST_SRC_OPS_AXES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"

namespace opcost {

// `axis`, counted from the end if negative, as 0 <= axis < rank. Error: it is
// outside -rank <= axis < rank.
absl::StatusOr<int> NormalizeAxis(const NodeView& node, int64_t axis, int rank);

// The same for each of `axes`, in their order. Error: one occurs twice.
absl::StatusOr<std::vector<int>> NormalizeAxes(const NodeView& node,
                                               absl::Span<const int64_t> axes,
                                               int rank);

// The integer attribute `name`, `otherwise` if the node lacks it, as an axis of
// a tensor of `rank`. Errors: as NormalizeAxis().
absl::StatusOr<int> AxisOf(const NodeView& node, absl::string_view name,
                           int64_t otherwise, int rank);

// The list of integers that is attribute `name` before opset `since`, and from
// then on operand `operand`; as the node has it, not normalised. nullopt if the
// node gives none. Errors: as NodeView::Ints() and InputInts();
// IsUndetermined() if the operand's elements aren't known.
absl::StatusOr<std::optional<std::vector<int64_t>>> AxesOf(
    const NodeView& node, absl::string_view name, int since, int operand);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_AXES_H_
