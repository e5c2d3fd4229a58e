// SPDX-License-Identifier: Apache-2.0
// Products of matrices: MatMul and Gemm.
#include <cstdint>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/broadcast.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

// A stack of products of M x K by K x N matrices.
struct Product {
  DataType type = DataType::kUndefined;
  Dims batch;
  Extent m, k, n;
  Dims output;  // axes of Y
};

// The number that rows of A and columns of B share; a number rather than a
// symbol.
absl::StatusOr<Extent> SharedExtent(const NodeView& node, const Extent& a,
                                    const Extent& b) {
  if (a.is_concrete() && b.is_concrete() && !(a == b)) {
    return node.Invalid("A has ", a.ToString(), " columns but B has ",
                        b.ToString(), " rows");
  }
  return a.is_concrete() ? a : b;
}

// A 1-D operand is a row on the left and a column on the right; the result has
// no axis for it.
absl::StatusOr<Product> ResolveMatMul(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  const Dims& a_dims = a->shape.dims();
  const Dims& b_dims = b->shape.dims();
  if (a_dims.empty() || b_dims.empty()) {
    return node.Invalid("operand ", a_dims.empty() ? 0 : 1,
                        " is a scalar but must have at least 1 axis");
  }
  const size_t a_rank = a_dims.size();
  const size_t b_rank = b_dims.size();
  Product p;
  p.type = a->type;
  p.m = a_rank == 1 ? Extent(1) : a_dims[a_rank - 2];
  p.n = b_rank == 1 ? Extent(1) : b_dims[b_rank - 1];
  OPCOST_ASSIGN_OR_RETURN(
      p.k, SharedExtent(node, a_dims[a_rank - 1],
                        b_rank == 1 ? b_dims[0] : b_dims[b_rank - 2]));
  const auto batch_of = [](const Dims& dims) {
    return absl::MakeConstSpan(dims).first(dims.size() < 2 ? 0
                                                           : dims.size() - 2);
  };
  OPCOST_ASSIGN_OR_RETURN(p.batch,
                          Broadcast(node, batch_of(a_dims), batch_of(b_dims)));
  p.output = p.batch;
  if (a_rank > 1) p.output.push_back(p.m);
  if (b_rank > 1) p.output.push_back(p.n);
  return p;
}

absl::Status CheckGemmC(const NodeView& node, const Dims& output) {
  if (!node.HasInput(2)) {
    // C became optional with opset 11.
    return node.opset() < 11 ? node.Input(2).status() : absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* c, node.Input(2));
  OPCOST_ASSIGN_OR_RETURN(const int64_t broadcasts, node.Int("broadcast", 0));
  if (node.opset() < 7 && broadcasts == 0 && c->shape.is_concrete() &&
      Shape(output).is_concrete() && !(c->shape.dims() == output)) {
    return node.Invalid("C is ", ToString(c->shape), " but the product is ",
                        ToString(Shape(output)),
                        "; before opset 7 that takes broadcast = 1");
  }
  return CheckBroadcastsTo(node, "C", c->shape.dims(), output);
}

absl::StatusOr<Product> ResolveGemm(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  if (a->shape.rank() != 2 || b->shape.rank() != 2) {
    return node.Invalid("A ", ToString(a->shape), " and B ", ToString(b->shape),
                        " must have 2 axes each");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_a, node.Int("transA", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_b, node.Int("transB", 0));
  const Dims& a_dims = a->shape.dims();
  const Dims& b_dims = b->shape.dims();
  Product p;
  p.type = a->type;
  p.m = a_dims[trans_a != 0 ? 1 : 0];
  p.n = b_dims[trans_b != 0 ? 0 : 1];
  OPCOST_ASSIGN_OR_RETURN(p.k, SharedExtent(node, a_dims[trans_a != 0 ? 0 : 1],
                                            b_dims[trans_b != 0 ? 1 : 0]));
  p.output = {p.m, p.n};
  OPCOST_RETURN_IF_ERROR(CheckGemmC(node, p.output));
  return p;
}

absl::StatusOr<OutputTypes> InferMatMul(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Product p, ResolveMatMul(node));
  return OutputTypes{ValueType(p.type, std::move(p.output))};
}

absl::StatusOr<OutputTypes> InferGemm(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Product p, ResolveGemm(node));
  return OutputTypes{ValueType(p.type, std::move(p.output))};
}

// Which operand is the matrix of the matrix-vector products (--array-scope
// operand): the constant one if exactly one is, else B.
bool MatrixIsA(const NodeView& node) {
  return node.IsConstant(0) && !node.IsConstant(1);
}

// The constant operand: A's rows are outputs, B's columns.
void AddMatrix(OpCounts& counts, const TypedNodeView& node, const Product& p,
               bool is_transposed) {
  const bool is_a = MatrixIsA(node);
  const int16_t operand = is_a ? 0 : 1;
  const Dims& dims = node.InputType(operand).tensor.shape.dims();
  const Count blocks =
      dims.size() < 3
          ? Count(1)
          : Volume(absl::MakeConstSpan(dims).first(dims.size() - 2));
  const Count uses = Volume(p.batch);
  if (blocks.Is(0)) return;
  AddWeightMatrix(counts, node,
                  {.operand = operand,
                   .vector_operand = static_cast<int16_t>(1 - operand),
                   .blocks = blocks,
                   .rows = is_a ? p.m : p.n,
                   .columns = p.k,
                   .vectors = uses / blocks * (is_a ? p.n : p.m),
                   .is_transposed = is_transposed});
}

// The MACs and the reads of A and B.
OpCounts CountProducts(const TypedNodeView& node, const Product& p) {
  const Count macs = Volume({Volume(p.batch), p.m, p.k, p.n});
  node.Let("M", p.m);
  node.Let("K", p.k);
  node.Let("N", p.n);
  node.Let("out", Volume(p.output));
  OpCounts counts;
  AddMacs(counts, 0, 1, macs);
  const bool matrix_is_a = MatrixIsA(node);
  if (Access* a = ReadInputAs(counts, node, 0, macs, Role::kWeight)) {
    a->operand_elements = matrix_is_a ? Volume({p.k, p.m}) : p.k;
  }
  if (Access* b = ReadInputAs(counts, node, 1, macs, Role::kWeight)) {
    b->operand_elements = matrix_is_a ? p.k : Volume({p.k, p.n});
  }
  return counts;
}

void WriteProduct(OpCounts& counts, const TypedNodeView& node,
                  const Product& p) {
  if (Access* y = WriteOutput(counts, node, 0, Volume(p.output))) {
    y->operand_elements = MatrixIsA(node) ? p.m : p.n;
  }
}

absl::StatusOr<OpCounts> CountMatMul(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Product p, ResolveMatMul(node));
  node.Let("batch", Volume(p.batch));
  OpCounts counts = CountProducts(node, p);
  AddMatrix(counts, node, p, !MatrixIsA(node));
  WriteProduct(counts, node, p);
  return counts;
}

// What a row of the output, or a column if A is the matrix, takes of C.
Extent GemmCScope(const NodeView& node) {
  const Dims& c = node.InputType(2).tensor.shape.dims();
  const size_t axis_from_end = MatrixIsA(node) ? 2 : 1;
  return c.size() < axis_from_end ? Extent(1) : c[c.size() - axis_from_end];
}

absl::StatusOr<OpCounts> CountGemm(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Product p, ResolveGemm(node));
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1));
  OPCOST_ASSIGN_OR_RETURN(const double beta, node.Float("beta", 1));
  const bool has_c = node.HasInput(2);
  const bool scales_product = alpha != 1;
  const bool scales_c = has_c && beta != 1;
  node.Let("alpha", scales_product ? 1 : 0);
  node.Let("beta", scales_c ? 1 : 0);
  node.Let("C", has_c ? 1 : 0);

  const Count out = Volume(p.output);
  OpCounts counts = CountProducts(node, p);
  if (scales_product) {
    AddArith(counts, ArithOp::kMul, OperandSet::Output(0), out);
    // The products can't start at C, which alpha doesn't scale.
    if (has_c) AddArith(counts, ArithOp::kAdd, OperandSet::Output(0), out);
  }
  if (scales_c) AddArith(counts, ArithOp::kMul, OperandSet::Input(2), out);
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_a, node.Int("transA", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_b, node.Int("transB", 0));
  AddMatrix(counts, node, p, MatrixIsA(node) ? trans_a != 0 : trans_b == 0);
  if (Access* c = ReadInputAs(counts, node, 2, out, Role::kBias)) {
    c->operand_elements = GemmCScope(node);
  }
  WriteProduct(counts, node, p);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "Gemm",
     .since = 1,
     .infer = &InferGemm,
     .count = &CountGemm,
     .formula = {.macs = "M*K*N",
                 .mul = "MACs + [alpha]*out + [beta]*out",
                 .add = "MACs + [alpha]*[C]*out",
                 .reads = "A: MACs; B: MACs; C: [C]*out",
                 .writes = "Y: out",
                 .rules = "R1 R2 R3 R10"},
     .description = "alpha*A*B + beta*C: the sums start at C; alpha and beta "
                    "cost nothing where they are 1"},
    {.name = "MatMul",
     .since = 1,
     .infer = &InferMatMul,
     .count = &CountMatMul,
     .formula = {.macs = "batch*M*K*N",
                 .mul = "MACs",
                 .add = "MACs",
                 .reads = "A: MACs; B: MACs",
                 .writes = "Y: out",
                 .rules = "R1 R2 R3 R10"},
     .description = "Product of matrices, batches broadcast: one MAC per "
                    "output and element of the shared axis"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> MatMulOps() { return kOps; }

}  // namespace opcost
