// SPDX-License-Identifier: Apache-2.0
// Products of matrices whose operands stand anywhere among a node's, and may
// have been transposed first: for the fused and quantised forms of MatMul.
#ifndef OPCOST_SRC_OPS_MATRIX_PRODUCT_H_
#define OPCOST_SRC_OPS_MATRIX_PRODUCT_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/types.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// A stack of products of m x k by k x n matrices.
struct MatrixProduct {
  Dims batch;
  Extent m, k, n;
  Dims output;  // axes of the result
  Count macs() const { return Volume({Volume(batch), m, k, n}); }
};

// The product of tensors of extents `a` and `b`, as numpy has it: stacks
// broadcast, an operand of one axis is a row on the left and a column on the
// right. Errors: a scalar; k that differs; stacks that don't broadcast.
absl::StatusOr<MatrixProduct> MatrixProductOf(const NodeView& node,
                                              absl::Span<const Extent> a,
                                              absl::Span<const Extent> b);

// The MACs of operands `a` and `b` of the node, and the reads of both. Names
// `batch`, `M`, `K`, `N` and `out` in the legend.
OpCounts CountMatrixProduct(const TypedNodeView& node, const MatrixProduct& p,
                            int a, int b);
// Names `batch`, `M`, `K`, `N` and `out` in the legend.
void LetMatrixProduct(const TypedNodeView& node, const MatrixProduct& p);
// Which operands hold their matrices transposed.
struct StoredTransposed {
  bool a = false;
  bool b = false;
};
// Says which operand of the product is a constant matrix: A's rows are output
// features, B's columns.
void AddProductMatrix(OpCounts& counts, const TypedNodeView& node,
                      const MatrixProduct& p, int a, int b,
                      const StoredTransposed& transposed = {});
// Adds the write of output 0, after all reads, and what a matrix-vector product
// touches of it.
void WriteMatrixProduct(OpCounts& counts, const TypedNodeView& node,
                        const MatrixProduct& p, int a, int b);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_MATRIX_PRODUCT_H_
