// SPDX-License-Identifier: Apache-2.0
#include "src/ops/axes.h"

#include <utility>

#include "opcost/support/status_macros.h"

namespace opcost {

absl::StatusOr<int> NormalizeAxis(const NodeView& node, int64_t axis,
                                  int rank) {
  if (axis < -static_cast<int64_t>(rank) || axis >= rank) {
    return node.Invalid("axis ", axis, " is outside the ", rank,
                        " axes of the tensor");
  }
  return static_cast<int>(axis < 0 ? axis + rank : axis);
}

absl::StatusOr<std::vector<int>> NormalizeAxes(const NodeView& node,
                                               absl::Span<const int64_t> axes,
                                               int rank) {
  std::vector<bool> seen(static_cast<size_t>(rank), false);
  std::vector<int> normal;
  // A list longer than the rank fails at its first repetition.
  for (const int64_t axis : axes) {
    OPCOST_ASSIGN_OR_RETURN(const int known, NormalizeAxis(node, axis, rank));
    if (seen[static_cast<size_t>(known)]) {
      return node.Invalid("axis ", axis, " is given twice");
    }
    seen[static_cast<size_t>(known)] = true;
    normal.push_back(known);
  }
  return normal;
}

absl::StatusOr<int> AxisOf(const NodeView& node, absl::string_view name,
                           int64_t otherwise, int rank) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t axis, node.Int(name, otherwise));
  return NormalizeAxis(node, axis, rank);
}

absl::StatusOr<std::optional<std::vector<int64_t>>> AxesOf(
    const NodeView& node, absl::string_view name, int since, int operand) {
  std::optional<std::vector<int64_t>> axes;
  if (node.opset() < since) {
    if (!node.HasAttribute(name)) return axes;
    OPCOST_ASSIGN_OR_RETURN(axes, node.Ints(name));
    return axes;
  }
  if (!node.HasInput(operand)) return axes;
  OPCOST_ASSIGN_OR_RETURN(axes, node.InputInts(operand));
  return axes;
}

}  // namespace opcost
