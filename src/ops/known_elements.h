// SPDX-License-Identifier: Apache-2.0
// Known tensors as lists of elements, for operators whose values don't follow
// from one element of each operand: sorting, scattering, accumulating.
#ifndef OPCOST_SRC_OPS_KNOWN_ELEMENTS_H_
#define OPCOST_SRC_OPS_KNOWN_ELEMENTS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/support/extent.h"
#include "src/ops/fold_elementwise.h"
#include "src/ops/fold_movement.h"

namespace opcost {

// The elements of `value` in row-major order; nullopt if it is null, holds
// strings, or has more than kMaxKnownElements.
std::optional<std::vector<Element>> ElementsOf(const TensorValue* value);

// The tensor of extents `dims` with these elements, as `type` holds them; null
// where one of them doesn't fit the type, or their number the extents.
KnownValue KnownTensor(DataType type, const IntDims& dims,
                       absl::Span<const Element> elements);
// The same of int64: positions and numbers of elements.
KnownValue KnownInts(const IntDims& dims, absl::Span<const int64_t> elements);

// True if `element` isn't 0, whatever its symbols; false if it is 0; nullopt if
// that depends on them.
std::optional<bool> IsNonZero(const Element& element);

// True if all of `elements` can be put in order: no NaN among them, and symbols
// in all of them alike (N, N+1) or in none.
bool AreComparable(absl::Span<const Element> elements);
// Whether a stands before b; call only for elements that AreComparable() holds
// for.
bool IsLess(const Element& a, const Element& b);

// A tensor seen as lines along one axis: element i of line (outer, inner) is at
// (outer * length + i) * inner_size + inner.
struct Lines {
  int64_t outer = 1;
  int64_t length = 1;
  int64_t inner = 1;

  int64_t Offset(int64_t o, int64_t i, int64_t n) const {
    return (o * length + i) * inner + n;
  }
};
// `axis` must be one of `dims`, whose product must fit 63 bits. Of an empty
// tensor `outer` and `inner` are 0.
Lines LinesAlong(const IntDims& dims, size_t axis);
// The same with extents that may be symbolic: the number of lines.
Count LinesOf(absl::Span<const Extent> dims, size_t axis);

// The one element of integer operand `i` (k, depth, axis). Errors: it isn't one
// integer; IsUndetermined() if it isn't known.
absl::StatusOr<SymValue> InputSym(const NodeView& node, int i);
// The same as a plain number; IsUndetermined() if it depends on a symbol.
absl::StatusOr<int64_t> InputInt(const NodeView& node, int i);

// ceil(log2(n + 1)): the comparisons that put one element in its place among n
// sorted ones. Of a symbolic n an expression that holds up to 2^32; overflows
// where that would grow too large.
Count PlacingComparisons(const Extent& n);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_KNOWN_ELEMENTS_H_
