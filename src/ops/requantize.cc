// SPDX-License-Identifier: Apache-2.0
#include "src/ops/requantize.h"

#include <optional>

#include "opcost/support/status_macros.h"
#include "src/ops/power.h"

namespace opcost {

void AddRequantize(OpCounts& counts, const Count& outputs) {
  const OperandSet format = OperandSet::Fixed(DataType::kFloat32);
  AddArith(counts, ArithOp::kMul, format, outputs);
  AddArith(counts, ArithOp::kAdd, format, outputs * 3);
}

Count ScaleReads(const TypedNodeView& node, int i, const Count& results) {
  if (!node.HasInput(i)) return 0;
  return node.InputVolume(i).Is(1) ? Count(1) : results;
}

Count ZeroPointReads(const TypedNodeView& node, int i) {
  return node.HasInput(i) ? node.InputVolume(i) : Count(0);
}

void ReadScale(OpCounts& counts, const TypedNodeView& node, int i,
               const Count& results) {
  ReadInput(counts, node, i, ScaleReads(node, i, results));
}

void ReadZeroPoint(OpCounts& counts, const TypedNodeView& node, int i) {
  ReadInput(counts, node, i, ZeroPointReads(node, i));
}

absl::Status CheckOneElement(const NodeView& node, int i,
                             absl::string_view what) {
  if (!node.HasInput(i)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* type, node.Input(i));
  const Extent elements = Volume(type->shape.dims());
  if (elements.is_concrete() && !elements.Is(1)) {
    return node.Invalid(what, " must be a scalar but is ",
                        ToString(type->shape));
  }
  return absl::OkStatus();
}

bool AreEqualScalars(const NodeView& node, int i, int j) {
  if (!node.HasInput(i) || !node.HasInput(j)) {
    return node.HasInput(i) == node.HasInput(j);
  }
  const auto& inputs = node.node().inputs;
  if (inputs[static_cast<size_t>(i)] == inputs[static_cast<size_t>(j)]) {
    return true;
  }
  const std::optional<double> a = SoleNumber(node.InputValue(i));
  return a.has_value() && a == SoleNumber(node.InputValue(j));
}

}  // namespace opcost
