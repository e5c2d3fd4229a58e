// SPDX-License-Identifier: Apache-2.0
#include "src/ops/agree.h"

#include <algorithm>

#include "opcost/support/status_macros.h"

namespace opcost {

bool CouldAgree(const Extent& a, const Extent& b) {
  return !a.is_concrete() || !b.is_concrete() || a == b;
}

absl::StatusOr<Extent> Agree(const NodeView& node, absl::string_view what_a,
                             const Extent& a, absl::string_view what_b,
                             const Extent& b) {
  if (!CouldAgree(a, b)) {
    return node.Invalid(what_a, " is ", a.ToString(), " but ", what_b, " is ",
                        b.ToString());
  }
  return a.is_concrete() ? a : b;
}

absl::Status CheckShapeIs(const NodeView& node, int i, absl::string_view what,
                          absl::Span<const Extent> expected) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
  const Dims& dims = operand->shape.dims();
  if (std::equal(dims.begin(), dims.end(), expected.begin(), expected.end(),
                 CouldAgree)) {
    return absl::OkStatus();
  }
  return node.Invalid(what, " is ", ToString(operand->shape), " but must be ",
                      ToString(expected));
}

absl::Status CheckOptionalShapeIs(const NodeView& node, int i,
                                  absl::string_view what,
                                  absl::Span<const Extent> expected) {
  if (!node.HasInput(i)) return absl::OkStatus();
  return CheckShapeIs(node, i, what, expected);
}

}  // namespace opcost
