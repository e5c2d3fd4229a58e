// SPDX-License-Identifier: Apache-2.0
// What the elementwise operators share: one pass over the output, a fixed
// number of operations on each element.
#ifndef OPCOST_SRC_OPS_ELEMENTWISE_H_
#define OPCOST_SRC_OPS_ELEMENTWISE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_counts.h"
#include "opcost/ops/op_def.h"

namespace opcost {

// Operations per element of the output; functions before their expansion.
struct PerElement {
  int mul = 0;
  int add = 0;
  int div = 0;
  int sqrt = 0;
  int exp = 0;
  int log = 0;
  int pow = 0;
  int sin = 0;
  int cos = 0;
  int tan = 0;
  int erf = 0;
  int tanh = 0;
  int sigmoid = 0;
};

// Adds `each` for every one of `elements`, in the format of `operands`.
void AddEach(OpCounts& counts, const PerElement& each, const Count& elements,
             OperandSet operands);

// The type of operand 0. Errors: as NodeView::Input().
absl::StatusOr<OutputTypes> InferSameAsInput(const NodeView& node);

// One pass over operand 0 that does `each` and writes output 0. Names `out` in
// the legend.
absl::StatusOr<OpCounts> CountPass(const TypedNodeView& node,
                                   const PerElement& each);

// CountPass() as a row of a family's table.
template <PerElement kEach>
absl::StatusOr<OpCounts> CountUnary(const TypedNodeView& node) {
  return CountPass(node, kEach);
}

// The extents of the result of an operator of two operands: broadcast as numpy
// does it, or, before opset 7, by the attributes `broadcast` and `axis`, which
// repeat operand 1 to fill operand 0. Errors: the shapes don't fit.
absl::StatusOr<Dims> InferBinaryDims(const NodeView& node);

// OK if all operands have the element type of operand `first`, where they have
// one.
absl::Status CheckOneType(const NodeView& node, int first = 0);

// The extents of operand `i`. Call only if Input(i) is OK.
const Dims& DimsOf(const NodeView& node, int i);

// Adds to `counts` the reads of all operands, each once per output element, and
// the write of output 0; names `out` and `operands` in the legend.
void ReadAllWriteOutput(OpCounts& counts, const TypedNodeView& node,
                        const Count& out);

// All operands of a variadic or binary operator (bit i is operand i).
OperandSet AllInputs(const NodeView& node);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_ELEMENTWISE_H_
