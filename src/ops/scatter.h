// SPDX-License-Identifier: Apache-2.0
// Indices as the operators that gather and scatter take them, and the rules of
// those that scatter.
//
// Scattering copies the data (a read and a write per element), then takes each
// update: reads it, its indices, and with a reduction what is there, and writes
// the result. An update of no elements leaves a view (R5).
#ifndef OPCOST_SRC_OPS_SCATTER_H_
#define OPCOST_SRC_OPS_SCATTER_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/ops/op_def.h"
#include "opcost/support/sym_value.h"

namespace opcost {

// The axis of GatherElements and ScatterElements. Errors: operands 0 and 1 (the
// data, the indices) differ in rank, the indices aren't integers, or a known
// index is outside the axis.
absl::StatusOr<size_t> CheckElementIndices(const NodeView& node);

// The offset in a tensor of extents `dims` of `index`, with `picked` instead of
// its entry on `axis`; -1 if that isn't known or is outside.
int64_t OffsetAlong(const IntDims& dims, const IntDims& index, size_t axis,
                    const SymValue& picked);

// Operand 1 of GatherND and ScatterND: tuples of `length` indices, which stand
// for the axes of operand 0 behind the first `batch` ones.
struct TupleIndices {
  size_t batch = 0;
  size_t length = 0;
};

// Errors: operands 0 and 1 have no axes, the indices aren't integers, the
// tuples are longer than the axes, batch_dims is out of range or differs in
// extent; IsUndetermined() if the tuples' length is symbolic.
absl::StatusOr<TupleIndices> ResolveTuples(const NodeView& node);

// Appends the tuple of `length` indices that starts at offset `first` to
// `index`, negative ones counted from the end of their axes of `dims`. False if
// one isn't known or is outside.
bool AppendTuple(const TensorValue& indices, int64_t first, size_t length,
                 const IntDims& dims, IntDims* index);

// Rules of Scatter, ScatterElements, ScatterND and TensorScatter.
absl::StatusOr<OutputTypes> InferScatterElements(const NodeView& node);
absl::StatusOr<OutputTypes> InferScatterND(const NodeView& node);
absl::StatusOr<OutputTypes> InferTensorScatter(const NodeView& node);
absl::StatusOr<OpCounts> CountScatter(const TypedNodeView& node);
absl::StatusOr<OpCounts> CountTensorScatter(const TypedNodeView& node);
OutputValues FoldScatterElements(const TypedNodeView& node);
OutputValues FoldScatterND(const TypedNodeView& node);
OutputValues FoldTensorScatter(const TypedNodeView& node);

inline constexpr Formula kScatterFormula = {
    .mul = "[products]*updates",
    .add = "[sums]*updates",
    .reads =
        "data: copied; indices: indices; updates: updates; "
        "reread: ([products] + [sums])*updates",
    .writes = "output: copied + updates",
    .rules = "R1 R2 R5"};
inline constexpr absl::string_view kScatterText =
    "a copy of the data in which the updates are written at the indices; each "
    "index is read once; a reduction reads what is there and is one mul or add "
    "per update; a view where there are no updates";

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_SCATTER_H_
