// SPDX-License-Identifier: Apache-2.0
// Determinants and inverses of square matrices, counted as elimination without
// exchanging rows: which rows a pivot exchanges depends on the data.
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

struct Matrices {
  Dims batch;
  Extent size;  // rows, and columns
};

absl::StatusOr<Matrices> ResolveMatrices(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const Dims& dims = x->shape.dims();
  if (dims.size() < 2) {
    return node.Invalid("the input must have at least 2 axes but has ",
                        dims.size());
  }
  const Extent& rows = dims[dims.size() - 2];
  const Extent& columns = dims.back();
  if (rows.is_concrete() && columns.is_concrete() && !(rows == columns)) {
    return node.Invalid("the matrices must be square but are ", rows.ToString(),
                        "x", columns.ToString());
  }
  Matrices matrices;
  matrices.batch.assign(dims.begin(), dims.end() - 2);
  matrices.size = rows.is_concrete() ? rows : columns;
  return matrices;
}

absl::StatusOr<OutputTypes> InferDet(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Matrices m, ResolveMatrices(node));
  return OutputTypes{
      ValueType(node.InputType(0).tensor.type, std::move(m.batch))};
}

// Names `matrices` and `M`.
Count LetMatrices(const TypedNodeView& node, const Matrices& m) {
  const Count matrices = Volume(m.batch);
  node.Let("matrices", matrices);
  node.Let("M", m.size);
  return matrices;
}

// Of a copy in scratch: below each pivot, M(M-1)/2 in all, a quotient, and with
// it a product and a difference for each element to the right, (M-1)M(2M-1)/6
// in all; then the product of the diagonal.
absl::StatusOr<OpCounts> CountDet(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Matrices m, ResolveMatrices(node));
  const Count matrices = LetMatrices(node, m);
  const OperandSet x = OperandSet::Input(0);
  const Extent& n = m.size;
  OpCounts counts;
  WriteOutput(counts, node, 0, matrices);
  // An empty matrix has determinant 1.
  if (n.Is(0) || matrices.Is(0)) return counts;
  const Extent below = n * (n - 1) / 2;
  const Extent right = n * (n - 1) * (n * 2 - 1) / 6;
  AddArith(counts, ArithOp::kDiv, x, matrices * below);
  AddArith(counts, ArithOp::kMul, x, matrices * (right + n - 1));
  AddArith(counts, ArithOp::kAdd, x, matrices * right);
  ReadInput(counts, node, 0, matrices * n * n);
  UseScratch(counts, "matrix", x, n * n,
             matrices * (right * 2 + below + n * 2 - 1),
             matrices * (n * n + right));
  return counts;
}

absl::StatusOr<OutputTypes> InferInverse(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveMatrices(node).status());
  return InferSameAsInput(node);
}

// Gauss-Jordan, in place in the output: for each of M pivots a reciprocal, its
// row scaled, M-1 products; in each other row M products and differences.
absl::StatusOr<OpCounts> CountInverse(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Matrices m, ResolveMatrices(node));
  const Count matrices = LetMatrices(node, m);
  const OperandSet x = OperandSet::Input(0);
  const Extent& n = m.size;
  if (n.Is(0) || matrices.Is(0)) return OpCounts();
  const Extent others = n - 1;
  const Extent pivots = matrices * n;
  OpCounts counts;
  AddArith(counts, ArithOp::kDiv, x, pivots);
  AddArith(counts, ArithOp::kMul, x, pivots * (others + others * n));
  AddArith(counts, ArithOp::kAdd, x, pivots * (others * n));
  ReadInput(counts, node, 0, matrices * n * n);
  RereadOutput(counts, node, 0,
               pivots * (others * 2 + others * others * 2 + 1));
  WriteOutput(counts, node, 0, matrices * n * n + pivots * n * n);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "Det",
     .since = 11,
     .infer = &InferDet,
     .count = &CountDet,
     .formula = {.mul = "matrices*[M]*(M*(M - [M])*(2*M - [M])/6 + M - [M]) + "
                        "matrices*(M*(M - [M])/2)*div",
                 .add = "matrices*(M*(M - [M])*(2*M - [M])/6) + "
                        "matrices*(M*(M - [M])/2)*div",
                 .reads = "i0: matrices*M*M; matrix: matrices*[M]*(2*(M*(M - "
                          "[M])*(2*M - [M])/6) + M*(M - [M])/2 + 2*M - [M])",
                 .writes =
                     "o0: matrices; matrix: matrices*(M*M + M*(M - [M])*(2*M - "
                     "[M])/6)",
                 .rules = "R1 R2 R3"},
     .description = "elimination below the diagonal of a copy in scratch, "
                    "without exchanging rows, and the diagonal's product"},
    {.name = "Inverse",
     .since = 1,
     .infer = &InferInverse,
     .count = &CountInverse,
     .formula = {.mul = "matrices*M*(M - [M])*(M + 1) + matrices*M*div",
                 .add = "matrices*M*(M - [M])*M + matrices*M*div",
                 .reads = "i0: matrices*M*M; o0: matrices*M*(2*(M - [M]) + "
                          "2*(M - [M])*(M - [M]) + 1)",
                 .writes = "o0: matrices*(M*M + M*M*M)",
                 .rules = "R1 R2 R3"},
     .description = "Gauss-Jordan elimination in place in the output, without "
                    "exchanging rows",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> LinalgOps() { return kOps; }

}  // namespace opcost
