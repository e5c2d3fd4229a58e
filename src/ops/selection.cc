// SPDX-License-Identifier: Apache-2.0
// Operators that find elements: ArgMax, ArgMin.
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

absl::StatusOr<OutputTypes> InferArg(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 0, data->shape.rank()));
  OPCOST_ASSIGN_OR_RETURN(const int64_t keepdims, node.Int("keepdims", 1));
  Dims dims = data->shape.dims();
  if (dims[static_cast<size_t>(axis)].Is(0)) {
    return node.Invalid("axis ", axis, " is empty and has no extreme element");
  }
  if (keepdims != 0) {
    dims[static_cast<size_t>(axis)] = 1;
  } else {
    dims.erase(dims.begin() + axis);
  }
  return OutputTypes{ValueType(DataType::kInt64, std::move(dims))};
}

// One comparison per element (R3); the place is a register of the loop (R2).
absl::StatusOr<OpCounts> CountArg(const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  const Count out = node.OutputVolume(0);
  node.Let("in", in);
  node.Let("out", out);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), in);
  ReadInput(counts, node, 0, in);
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr Formula kArg = {"0",       "0", "in", "data: in", "reduced: out",
                          "R1 R2 R3"};

constexpr OpDef kOps[] = {
    {"ArgMax", 1, InferArg, CountArg, nullptr, kArg,
     "the place of the largest element along `axis`"},
    {"ArgMin", 1, InferArg, CountArg, nullptr, kArg,
     "the place of the smallest element along `axis`"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> SelectionOps() { return kOps; }

}  // namespace opcost
