// SPDX-License-Identifier: Apache-2.0
// Operators that find elements: ArgMax, ArgMin.
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/known_elements.h"

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

// The first of several extremes, or with select_last_index (opset 12) the last.
template <bool kLargest>
OutputValues FoldArg(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const auto elements = ElementsOf(data);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto last = node.Int("select_last_index", 0);
  if (!elements.has_value() || !dims.has_value() || !last.ok() ||
      !AreComparable(*elements)) {
    return {nullptr};
  }
  const auto axis =
      AxisOf(node, "axis", 0, static_cast<int>(data->dims().size()));
  if (!axis.ok()) return {nullptr};
  const bool takes_last = *last != 0 && node.opset() >= 12;
  const Lines lines = LinesAlong(data->dims(), static_cast<size_t>(*axis));
  std::vector<int64_t> places;
  for (int64_t line = 0; line < lines.outer * lines.inner; ++line) {
    const auto at = [&](int64_t i) -> const Element& {
      return (*elements)[static_cast<size_t>(
          lines.Offset(line / lines.inner, i, line % lines.inner))];
    };
    int64_t best = 0;
    for (int64_t i = 1; i < lines.length; ++i) {
      const bool is_better =
          kLargest ? IsLess(at(best), at(i)) : IsLess(at(i), at(best));
      const bool is_worse =
          kLargest ? IsLess(at(i), at(best)) : IsLess(at(best), at(i));
      if (is_better || (takes_last && !is_worse)) best = i;
    }
    places.push_back(best);
  }
  return {KnownInts(*dims, places)};
}

constexpr Formula kArg = {"0",       "0", "in", "data: in", "reduced: out",
                          "R1 R2 R3"};

constexpr OpDef kOps[] = {
    {"ArgMax", 1, InferArg, CountArg, FoldArg<true>, kArg,
     "the place of the largest element along `axis`"},
    {"ArgMin", 1, InferArg, CountArg, FoldArg<false>, kArg,
     "the place of the smallest element along `axis`"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> SelectionOps() { return kOps; }

}  // namespace opcost
