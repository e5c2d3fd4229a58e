// SPDX-License-Identifier: Apache-2.0
// Operators that pick elements by index arrays: Gather.
#include <optional>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// Errors: a known index is outside -extent <= index < extent.
absl::Status CheckIndices(const NodeView& node, int axis,
                          const Extent& extent) {
  const TensorValue* indices = FoldableInput(node, 1);
  if (indices == nullptr || !extent.is_concrete()) return absl::OkStatus();
  const int64_t different =
      indices->is_uniform() && indices->size() > 0 ? 1 : indices->size();
  for (int64_t i = 0; i < different; ++i) {
    const std::optional<int64_t> index = indices->Int(i).AsInt();
    if (index.has_value() &&
        (*index < -extent.value() || *index >= extent.value())) {
      return node.Invalid("index ", *index, " is outside the extent ",
                          extent.value(), " of axis ", axis);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTypes> InferGather(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  const Dims& from = data->shape.dims();
  if (from.empty()) {
    return node.Invalid("the data must have at least 1 axis but is a scalar");
  }
  if (!IsInteger(indices->type)) {
    return node.Invalid("the indices must be integers but are ",
                        Name(indices->type));
  }
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 0, data->shape.rank()));
  OPCOST_RETURN_IF_ERROR(
      CheckIndices(node, axis, from[static_cast<size_t>(axis)]));
  Dims dims(from.begin(), from.begin() + axis);
  const Dims& picked = indices->shape.dims();
  dims.insert(dims.end(), picked.begin(), picked.end());
  dims.insert(dims.end(), from.begin() + axis + 1, from.end());
  return OutputTypes{ValueType(data->type, std::move(dims))};
}

absl::StatusOr<OpCounts> CountGather(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const Count indices = node.InputVolume(1);
  node.Let("out", out);
  node.Let("indices", indices);
  OpCounts counts;
  ReadInputAs(counts, node, 0, out, Role::kWeight);
  ReadInputAs(counts, node, 1, indices, Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldGather(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const TensorValue* indices = FoldableInput(node, 1);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (data == nullptr || indices == nullptr || !dims.has_value()) {
    return {nullptr};
  }
  const auto axis =
      AxisOf(node, "axis", 0, static_cast<int>(data->dims().size()));
  if (!axis.ok()) return {nullptr};
  const IntDims& from = data->dims();
  const size_t rank = indices->dims().size();
  const auto along = static_cast<size_t>(*axis);
  return {Rearrange(*dims, data, [&](const IntDims& index) -> int64_t {
    const auto first = index.begin() + *axis;
    const auto last = first + static_cast<ptrdiff_t>(rank);
    const std::optional<int64_t> picked =
        indices->Int(OffsetOf(indices->dims(), IntDims(first, last))).AsInt();
    if (!picked.has_value()) return -1;
    IntDims inside(index.begin(), first);
    inside.push_back(*picked < 0 ? *picked + from[along] : *picked);
    inside.insert(inside.end(), last, index.end());
    return OffsetOf(from, inside);
  })};
}

constexpr OpDef kOps[] = {
    {"Gather",
     1,
     InferGather,
     CountGather,
     FoldGather,
     {"0", "0", "0", "data: out; indices: indices", "output: out", "R1 R2"},
     "slices of the data at the indices; each index is read once"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> IndexedOps() { return kOps; }

}  // namespace opcost
