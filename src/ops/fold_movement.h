// SPDX-License-Identifier: Apache-2.0
// Known elements that an operator moves without changing them. Symbolic
// elements are carried along; nothing larger than kMaxKnownElements is built,
// but a uniform value stays uniform whatever its size.
#ifndef OPCOST_SRC_OPS_FOLD_MOVEMENT_H_
#define OPCOST_SRC_OPS_FOLD_MOVEMENT_H_

#include <cstdint>
#include <memory>
#include <optional>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/ops/op_def.h"

namespace opcost {

using KnownValue = std::shared_ptr<const TensorValue>;

// The known elements of operand `i`; nullptr if they aren't, or are strings.
const TensorValue* FoldableInput(const NodeView& node, int i);

// The extents of output `o` as numbers; nullopt if one is a symbol, if their
// product doesn't fit 63 bits, or if there are more axes than any model has.
std::optional<IntDims> FoldableDims(const TypedNodeView& node, int o);

// Where an element of a result comes from: the source's number, and the offset
// in it. A negative offset means that it isn't known, and neither is the
// result.
struct ElementPlace {
  size_t source = 0;
  int64_t offset = 0;
};

// Row-major steps of the axes of `dims`.
IntDims Strides(const IntDims& dims);

// The row-major offset of `index` in a tensor of extents `dims`.
int64_t OffsetOf(const IntDims& dims, const IntDims& index);

// The tensor of extents `dims` whose element at each index is the one that
// `place` names. Null if a source is null, or if the elements are too many and
// differ.
KnownValue Assemble(const IntDims& dims,
                    absl::Span<const TensorValue* const> sources,
                    absl::FunctionRef<ElementPlace(const IntDims&)> place);

// The same of one source.
KnownValue Rearrange(const IntDims& dims, const TensorValue* source,
                     absl::FunctionRef<int64_t(const IntDims&)> offset);

// `value`, seen under the extents `from`, transposed by `perm`, and seen under
// the extents `to`.
KnownValue Transposed(const TensorValue* value, const IntDims& from,
                      absl::Span<const int> perm, const IntDims& to);

// Fold rule of operators that give operand 0 other extents and no other order.
OutputValues FoldSameOrder(const TypedNodeView& node);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_FOLD_MOVEMENT_H_
