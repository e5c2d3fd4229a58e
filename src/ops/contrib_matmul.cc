// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's products of matrices with something fused to them: a
// transposition of the operands, which moves nothing, a factor, an activation.
// Source: ONNX Runtime, docs/ContribOperators.md.
#include <cstdint>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fused_activation.h"
#include "src/ops/matrix_product.h"

namespace opcost {
namespace {

// `dims` after `trans_batch`, which moves axis 0 behind the stack's axes, and
// `trans`, which swaps the last two. One axis stays as it is.
Dims Transposed(const Dims& dims, bool trans, bool trans_batch) {
  if (dims.size() < 2) return dims;
  Dims moved = dims;
  const size_t last = dims.size() - 1;
  if (trans_batch) {
    for (size_t axis = 0; axis + 1 < last; ++axis) moved[axis] = dims[axis + 1];
    moved[last - 1] = dims[0];
  }
  if (trans) std::swap(moved[last - 1], moved[last]);
  return moved;
}

absl::StatusOr<Dims> OperandDims(const NodeView& node, int i,
                                 absl::string_view trans,
                                 absl::string_view trans_batch) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* type, node.Input(i));
  OPCOST_ASSIGN_OR_RETURN(const int64_t swaps, node.Int(trans, 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t moves, node.Int(trans_batch, 0));
  return Transposed(type->shape.dims(), swaps != 0, moves != 0);
}

absl::StatusOr<MatrixProduct> ResolveFusedMatMul(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Dims a,
                          OperandDims(node, 0, "transA", "transBatchA"));
  OPCOST_ASSIGN_OR_RETURN(const Dims b,
                          OperandDims(node, 1, "transB", "transBatchB"));
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  return MatrixProductOf(node, a, b);
}

// Both of two axes, and C, where it is there, repeated to fill the result.
absl::StatusOr<MatrixProduct> ResolveFusedGemm(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  if (a->shape.rank() != 2 || b->shape.rank() != 2) {
    return node.Invalid("A ", ToString(a->shape), " and B ", ToString(b->shape),
                        " must have 2 axes each");
  }
  OPCOST_ASSIGN_OR_RETURN(MatrixProduct p, ResolveFusedMatMul(node));
  if (node.HasInput(2)) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* c, node.Input(2));
    OPCOST_RETURN_IF_ERROR(
        CheckBroadcastsTo(node, "C", c->shape.dims(), p.output));
  }
  return p;
}

absl::StatusOr<MatrixProduct> ResolveGemmFastGelu(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* w, node.Input(1));
  OPCOST_ASSIGN_OR_RETURN(
      MatrixProduct p, MatrixProductOf(node, x->shape.dims(), w->shape.dims()));
  if (node.HasInput(2)) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* bias, node.Input(2));
    OPCOST_RETURN_IF_ERROR(
        CheckBroadcastsTo(node, "the bias", bias->shape.dims(), p.output));
  }
  return p;
}

using ResolveRule = absl::StatusOr<MatrixProduct>(const NodeView&);

template <ResolveRule* kResolve>
absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(MatrixProduct p, kResolve(node));
  return OutputTypes{
      ValueType(node.InputType(0).tensor.type, std::move(p.output))};
}

// Adds a mul per output unless alpha is 1, and names `alpha` in the legend.
absl::StatusOr<bool> AddAlpha(OpCounts& counts, const TypedNodeView& node,
                              const Count& out) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1));
  node.Let("alpha", alpha == 1 ? 0 : 1);
  if (alpha == 1) return false;
  AddArith(counts, ArithOp::kMul, OperandSet::Output(0), out);
  return true;
}

// The constant operand; none that is stored with its stack behind a matrix's
// axis, since its rows have gaps then.
absl::Status AddMatrix(OpCounts& counts, const TypedNodeView& node,
                       const MatrixProduct& p) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_a, node.Int("transA", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_b, node.Int("transB", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t moves_a, node.Int("transBatchA", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t moves_b, node.Int("transBatchB", 0));
  if (moves_a != 0 || moves_b != 0) return absl::OkStatus();
  AddProductMatrix(counts, node, p, 0, 1, {trans_a != 0, trans_b != 0});
  return absl::OkStatus();
}

absl::StatusOr<OpCounts> CountFusedMatMul(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MatrixProduct p, ResolveFusedMatMul(node));
  OpCounts counts = CountMatrixProduct(node, p, 0, 1);
  OPCOST_RETURN_IF_ERROR(AddMatrix(counts, node, p));
  OPCOST_RETURN_IF_ERROR(AddAlpha(counts, node, Volume(p.output)).status());
  WriteMatrixProduct(counts, node, p, 0, 1);
  return counts;
}

absl::StatusOr<OpCounts> CountFusedMatMulActivation(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const PerElement each, FusedActivation(node));
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, CountFusedMatMul(node));
  AddActivation(counts, node, each, node.OutputVolume(0));
  return counts;
}

// The sums start at C, unless alpha scales them first.
absl::StatusOr<OpCounts> CountFusedGemm(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MatrixProduct p, ResolveFusedGemm(node));
  OPCOST_ASSIGN_OR_RETURN(const PerElement each, FusedActivation(node));
  OPCOST_ASSIGN_OR_RETURN(const double beta, node.Float("beta", 1));
  const bool has_c = node.HasInput(2);
  const bool scales_c = has_c && beta != 1;
  node.Let("beta", scales_c ? 1 : 0);
  node.Let("C", has_c ? 1 : 0);
  const Count out = Volume(p.output);
  OpCounts counts = CountMatrixProduct(node, p, 0, 1);
  OPCOST_RETURN_IF_ERROR(AddMatrix(counts, node, p));
  OPCOST_ASSIGN_OR_RETURN(const bool has_alpha, AddAlpha(counts, node, out));
  if (has_alpha && has_c) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Output(0), out);
  }
  if (scales_c) AddArith(counts, ArithOp::kMul, OperandSet::Input(2), out);
  ReadInputAs(counts, node, 2, out, Role::kBias);
  WriteMatrixProduct(counts, node, p, 0, 1);
  AddActivation(counts, node, each, out);
  return counts;
}

// The sums start at the bias; the activation is Gelu by tanh.
absl::StatusOr<OpCounts> CountGemmFastGelu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MatrixProduct p, ResolveGemmFastGelu(node));
  const Count out = Volume(p.output);
  node.Let("bias", node.HasInput(2) ? 1 : 0);
  OpCounts counts = CountMatrixProduct(node, p, 0, 1);
  AddProductMatrix(counts, node, p, 0, 1);
  ReadInputAs(counts, node, 2, out, Role::kBias);
  WriteMatrixProduct(counts, node, p, 0, 1);
  AddEach(counts, {.mul = 6, .add = 2, .tanh = 1}, out, OperandSet::Output(0));
  return counts;
}

constexpr Formula kFusedMatMul = {.macs = "batch*M*K*N",
                                  .mul = "MACs + [alpha]*out",
                                  .add = "MACs",
                                  .reads = "i0: MACs; i1: MACs",
                                  .writes = "o0: out",
                                  .rules = "R1 R2 R3 R10"};

constexpr OpDef kOps[] = {
    {.name = "FusedGemm",
     .infer = &Infer<&ResolveFusedGemm>,
     .count = &CountFusedGemm,
     .formula = {.macs = "M*K*N",
                 .mul = "MACs + [alpha]*out + [beta]*out"
                        " + out*(act_mul + act_div*div + act_exp*exp"
                        " + act_log*log + act_erf*erf + act_tanh*tanh"
                        " + act_sigmoid*sigmoid)",
                 .add = "MACs + [alpha]*[C]*out"
                        " + out*(act_add + act_div*div + act_exp*exp"
                        " + act_log*log + act_erf*erf + act_tanh*tanh"
                        " + act_sigmoid*sigmoid)",
                 .reads = "i0: MACs; i1: MACs; i2: [C]*out",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R6 R10"},
     .description = "Gemm, and an activation of each result before it is "
                    "written",
     .domain = "com.microsoft"},
    {.name = "FusedMatMul",
     .infer = &Infer<&ResolveFusedMatMul>,
     .count = &CountFusedMatMul,
     .formula = kFusedMatMul,
     .description = "alpha*A*B with operands transposed on the way; alpha "
                    "costs nothing where it is 1",
     .domain = "com.microsoft"},
    {.name = "FusedMatMulActivation",
     .infer = &Infer<&ResolveFusedMatMul>,
     .count = &CountFusedMatMulActivation,
     .formula = {.macs = "batch*M*K*N",
                 .mul = "MACs + [alpha]*out"
                        " + out*(act_mul + act_div*div + act_exp*exp"
                        " + act_log*log + act_erf*erf + act_tanh*tanh"
                        " + act_sigmoid*sigmoid)",
                 .add = "MACs + out*(act_add + act_div*div + act_exp*exp"
                        " + act_log*log + act_erf*erf + act_tanh*tanh"
                        " + act_sigmoid*sigmoid)",
                 .reads = "i0: MACs; i1: MACs",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R6 R10"},
     .description = "FusedMatMul, and an activation of each result before it "
                    "is written",
     .domain = "com.microsoft"},
    {.name = "GemmFastGelu",
     .infer = &Infer<&ResolveGemmFastGelu>,
     .count = &CountGemmFastGelu,
     .formula = {.macs = "batch*M*K*N",
                 .mul = "MACs + (tanh + 6)*out",
                 .add = "MACs + (tanh + 2)*out",
                 .reads = "i0: MACs; i1: MACs; i2: [bias]*out",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R6 R10"},
     .description = "MatMul whose sums start at the bias, and Gelu by tanh of "
                    "each result",
     .domain = "com.microsoft"},
    {.name = "TransposeMatMul",
     .infer = &Infer<&ResolveFusedMatMul>,
     .count = &CountFusedMatMul,
     .formula = kFusedMatMul,
     .description = "FusedMatMul's older name",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribMatMulOps() { return kOps; }

}  // namespace opcost
