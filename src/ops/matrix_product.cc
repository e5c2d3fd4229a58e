// SPDX-License-Identifier: Apache-2.0
#include "src/ops/matrix_product.h"

#include "opcost/support/status_macros.h"
#include "src/ops/broadcast.h"

namespace opcost {
namespace {

// Which operand is the matrix of the matrix-vector products (--array-scope
// operand): the constant one if exactly one is, else B.
bool MatrixIsA(const NodeView& node, int a, int b) {
  return node.IsConstant(a) && !node.IsConstant(b);
}

// All axes but the last two.
absl::Span<const Extent> StackOf(absl::Span<const Extent> dims) {
  return dims.first(dims.size() < 2 ? 0 : dims.size() - 2);
}

}  // namespace

absl::StatusOr<MatrixProduct> MatrixProductOf(const NodeView& node,
                                              absl::Span<const Extent> a,
                                              absl::Span<const Extent> b) {
  if (a.empty() || b.empty()) {
    return node.Invalid(a.empty() ? "A" : "B",
                        " is a scalar but must have at least 1 axis");
  }
  MatrixProduct p;
  p.m = a.size() == 1 ? Extent(1) : a[a.size() - 2];
  p.n = b.size() == 1 ? Extent(1) : b[b.size() - 1];
  const Extent& columns = a[a.size() - 1];
  const Extent& rows = b.size() == 1 ? b[0] : b[b.size() - 2];
  if (columns.is_concrete() && rows.is_concrete() && !(columns == rows)) {
    return node.Invalid("A has ", columns.ToString(), " columns but B has ",
                        rows.ToString(), " rows");
  }
  p.k = columns.is_concrete() ? columns : rows;
  OPCOST_ASSIGN_OR_RETURN(p.batch, Broadcast(node, StackOf(a), StackOf(b)));
  p.output = p.batch;
  if (a.size() > 1) p.output.push_back(p.m);
  if (b.size() > 1) p.output.push_back(p.n);
  return p;
}

void LetMatrixProduct(const TypedNodeView& node, const MatrixProduct& p) {
  node.Let("batch", Volume(p.batch));
  node.Let("M", p.m);
  node.Let("K", p.k);
  node.Let("N", p.n);
  node.Let("out", Volume(p.output));
}

OpCounts CountMatrixProduct(const TypedNodeView& node, const MatrixProduct& p,
                            int a, int b) {
  LetMatrixProduct(node, p);
  const Count macs = p.macs();
  const bool matrix_is_a = MatrixIsA(node, a, b);
  OpCounts counts;
  AddMacs(counts, a, b, macs);
  if (Access* left = ReadInputAs(counts, node, a, macs, Role::kWeight)) {
    left->operand_elements = matrix_is_a ? Volume({p.k, p.m}) : p.k;
  }
  if (Access* right = ReadInputAs(counts, node, b, macs, Role::kWeight)) {
    right->operand_elements = matrix_is_a ? p.k : Volume({p.k, p.n});
  }
  return counts;
}

void AddProductMatrix(OpCounts& counts, const TypedNodeView& node,
                      const MatrixProduct& p, int a, int b,
                      const StoredTransposed& transposed) {
  const bool is_a = MatrixIsA(node, a, b);
  const int operand = is_a ? a : b;
  const Dims& dims = node.InputType(operand).tensor.shape.dims();
  const Count blocks = Volume(StackOf(dims));
  if (blocks.Is(0)) return;
  AddWeightMatrix(counts, node,
                  {.operand = static_cast<int16_t>(operand),
                   .vector_operand = static_cast<int16_t>(is_a ? b : a),
                   .blocks = blocks,
                   .rows = is_a ? p.m : p.n,
                   .columns = p.k,
                   .vectors = Volume(p.batch) / blocks * (is_a ? p.n : p.m),
                   .is_transposed = is_a ? transposed.a : !transposed.b});
}

void WriteMatrixProduct(OpCounts& counts, const TypedNodeView& node,
                        const MatrixProduct& p, int a, int b) {
  if (Access* y = WriteOutput(counts, node, 0, Volume(p.output))) {
    y->operand_elements = MatrixIsA(node, a, b) ? p.m : p.n;
  }
}

}  // namespace opcost
