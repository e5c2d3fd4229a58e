// SPDX-License-Identifier: Apache-2.0
// Operators that pick elements by positions of their own: GatherElements,
// GatherND. The scattering ones stand in scatter.cc.
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"
#include "src/ops/scatter.h"

namespace opcost {
namespace {

absl::StatusOr<OutputTypes> InferGatherElements(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  OPCOST_RETURN_IF_ERROR(CheckElementIndices(node).status());
  return OutputTypes{TensorType{data->type, indices->shape}};
}

absl::StatusOr<OutputTypes> InferGatherND(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TupleIndices t, ResolveTuples(node));
  const Dims& from = node.InputType(0).tensor.shape.dims();
  const Dims& at = node.InputType(1).tensor.shape.dims();
  Dims dims(at.begin(), at.end() - 1);
  dims.insert(dims.end(),
              from.begin() + static_cast<std::ptrdiff_t>(t.batch + t.length),
              from.end());
  return OutputTypes{ValueType(node.InputType(0).tensor.type, std::move(dims))};
}

// A read per output, and each index once.
absl::StatusOr<OpCounts> CountPicked(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const Count indices = node.InputVolume(1);
  node.Let("out", out);
  node.Let("indices", indices);
  OpCounts counts;
  ReadInput(counts, node, 0, out);
  ReadInputAs(counts, node, 1, indices, Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldGatherElements(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const TensorValue* indices = FoldableInput(node, 1);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto axis = CheckElementIndices(node);
  if (data == nullptr || indices == nullptr || !dims.has_value() ||
      !axis.ok()) {
    return {nullptr};
  }
  int64_t next = 0;
  return {Rearrange(*dims, data, [&](const IntDims& index) {
    return OffsetAlong(data->dims(), index, *axis, indices->Int(next++));
  })};
}

OutputValues FoldGatherND(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const TensorValue* indices = FoldableInput(node, 1);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto t = ResolveTuples(node);
  if (data == nullptr || indices == nullptr || !dims.has_value() || !t.ok()) {
    return {nullptr};
  }
  const size_t outer = indices->dims().size() - 1;
  return {Rearrange(*dims, data, [&](const IntDims& index) -> int64_t {
    const auto middle = index.begin() + static_cast<std::ptrdiff_t>(outer);
    IntDims place(index.begin(), middle);
    place.push_back(0);
    const int64_t first = OffsetOf(indices->dims(), place);
    IntDims inside(index.begin(),
                   index.begin() + static_cast<std::ptrdiff_t>(t->batch));
    if (!AppendTuple(*indices, first, t->length, data->dims(), &inside)) {
      return -1;
    }
    inside.insert(inside.end(), middle, index.end());
    return OffsetOf(data->dims(), inside);
  })};
}

constexpr absl::string_view kReads = "data: out; indices: indices";

constexpr OpDef kOps[] = {
    {.name = "GatherElements",
     .since = 11,
     .infer = &InferGatherElements,
     .count = &CountPicked,
     .fold = &FoldGatherElements,
     .formula = {.reads = kReads, .writes = "output: out", .rules = "R1 R2"},
     .description = "an element of the data for each index along `axis`; each "
                    "index is read once"},
    {.name = "GatherND",
     .since = 11,
     .infer = &InferGatherND,
     .count = &CountPicked,
     .fold = &FoldGatherND,
     .formula = {.reads = kReads, .writes = "output: out", .rules = "R1 R2"},
     .description = "slices of the data at tuples of indices; each element of "
                    "a tuple is read once"},
    {.name = "Scatter",
     .since = 9,
     .infer = &InferScatterElements,
     .count = &CountScatter,
     .fold = &FoldScatterElements,
     .formula = kScatterFormula,
     .description = kScatterText},
    {.name = "ScatterElements",
     .since = 11,
     .infer = &InferScatterElements,
     .count = &CountScatter,
     .fold = &FoldScatterElements,
     .formula = kScatterFormula,
     .description = kScatterText},
    {.name = "ScatterND",
     .since = 11,
     .infer = &InferScatterND,
     .count = &CountScatter,
     .fold = &FoldScatterND,
     .formula = kScatterFormula,
     .description = kScatterText},
    {.name = "TensorScatter",
     .since = 24,
     .infer = &InferTensorScatter,
     .count = &CountTensorScatter,
     .fold = &FoldTensorScatter,
     .formula = {.reads = "i0: past; i1: updates; i2: [indices]*indices",
                 .writes = "o0: out + updates",
                 .rules = "R1 R5 R8"},
     .description = "a cache copied, then written over by the update from each "
                    "batch's index on; an index is read once per batch; a view "
                    "where the update is empty"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> GatherScatterOps() { return kOps; }

}  // namespace opcost
