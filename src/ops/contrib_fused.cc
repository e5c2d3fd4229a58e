// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's activations, and what it fuses around them: a bias, a residual
// and Dropout. Source: ONNX Runtime, docs/ContribOperators.md.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

// ONNX Runtime's default for QuickGelu.
constexpr double kQuickGeluAlpha = 1.702;
// Gelu by erf: 0.5*x * (1 + erf(x * 1/sqrt(2))); by tanh:
// 0.5*x * (1 + tanh(a*x + b*x*x*x)).
constexpr PerElement kGelu = {.mul = 3, .add = 1, .erf = 1};
constexpr PerElement kTanhGelu = {.mul = 6, .add = 2, .tanh = 1};

// OK if operand `i`, called `what`, is absent or may be repeated to fill
// operand 0.
absl::Status CheckFillsData(const NodeView& node, int i,
                            absl::string_view what) {
  if (!node.HasInput(i)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* other, node.Input(i));
  return CheckBroadcastsTo(node, what, other->shape.dims(), data->shape.dims());
}

absl::StatusOr<OutputTypes> InferWithBias(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckFillsData(node, 1, "the bias"));
  return InferSameAsInput(node);
}

// One pass that adds operand 1, if it is there, and then does `kEach`.
template <PerElement kEach>
absl::StatusOr<OpCounts> CountWithBias(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const bool has_bias = node.HasInput(1);
  node.Let("bias", has_bias ? 1 : 0);
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, CountPass(node, kEach));
  if (has_bias) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, 1), out);
    ReadInputAs(counts, node, 1, out, Role::kBias);
  }
  return counts;
}

// x * sigmoid(alpha * x).
absl::StatusOr<OpCounts> CountQuickGelu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha,
                          node.Float("alpha", kQuickGeluAlpha));
  const int scaled = alpha == 1 ? 0 : 1;
  node.Let("scaled", scaled);
  return CountPass(node, {.mul = 1 + scaled, .sigmoid = 1});
}

// ---- BiasAdd, BiasSplitGelu ------------------------------------------------

absl::StatusOr<OutputTypes> InferBiasAdd(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(node.Input(1).status());
  OPCOST_RETURN_IF_ERROR(node.Input(2).status());
  OPCOST_RETURN_IF_ERROR(CheckFillsData(node, 1, "the bias"));
  OPCOST_RETURN_IF_ERROR(CheckFillsData(node, 2, "the skip"));
  return InferSameAsInput(node);
}

absl::StatusOr<OpCounts> CountBiasAdd(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, CountPass(node, {}));
  AddArith(counts, ArithOp::kAdd, AllInputs(node), out * 2);
  ReadInputAs(counts, node, 1, out, Role::kBias);
  ReadInput(counts, node, 2, out);
  return counts;
}

absl::StatusOr<OutputTypes> InferSplitGelu(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_RETURN_IF_ERROR(node.Input(1).status());
  OPCOST_RETURN_IF_ERROR(CheckFillsData(node, 1, "the bias"));
  TensorType y = *x;
  if (y.shape.rank() < 1) {
    return node.Invalid("the input is a scalar but must have at least 1 axis");
  }
  Extent& last = y.shape.mutable_dims().back();
  if (last.is_concrete() && last.value() % 2 != 0) {
    return node.Invalid("the last axis has ", last.ToString(),
                        " elements, which don't split into two halves");
  }
  last = last / 2;
  return OutputTypes{ValueType(std::move(y))};
}

// The left half times Gelu of the right one, each plus its bias.
absl::StatusOr<OpCounts> CountSplitGelu(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  OpCounts counts;
  AddEach(counts, {.mul = 4, .add = 1, .erf = 1}, out, OperandSet::Input(0));
  AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, 1), out * 2);
  ReadInput(counts, node, 0, out * 2);
  ReadInputAs(counts, node, 1, out * 2, Role::kBias);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- BiasSoftmax -----------------------------------------------------------

struct Rows {
  Extent rows, length;
};

absl::StatusOr<Rows> ResolveSoftmax(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_RETURN_IF_ERROR(node.Input(1).status());
  const absl::Span<const Extent> dims = x->shape.dims();
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 1, x->shape.rank()));
  const auto first = static_cast<size_t>(axis);
  return Rows{Volume(dims.first(first)), Volume(dims.subspan(first))};
}

absl::StatusOr<OutputTypes> InferBiasSoftmax(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveSoftmax(node).status());
  return InferSameAsInput(node);
}

// Softmax, whose first two passes each add the bias as they read.
absl::StatusOr<OpCounts> CountBiasSoftmax(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Rows rows, ResolveSoftmax(node));
  node.Let("rows", rows.rows);
  node.Let("L", rows.length);
  const Count out = rows.rows * rows.length;
  const OperandSet x = OperandSet::Input(0);
  OpCounts counts;
  AddEach(counts, {.mul = 1, .add = 3, .exp = 1}, out, x);
  AddArith(counts, ArithOp::kDiv, x, rows.rows);
  AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, 1), out * 2);
  ReadInput(counts, node, 0, out * 2);
  ReadInput(counts, node, 1, out * 2);
  RereadOutput(counts, node, 0, out);
  WriteOutput(counts, node, 0, out * 2);
  return counts;
}

// ---- Dropout with a bias, or with a mask of bits ---------------------------

// The operands of a Dropout after its data.
struct DropoutOperands {
  int bias, residual, ratio, training;  // -1: it takes none
};
constexpr DropoutOperands kPlainDropout = {-1, -1, 1, 2};
constexpr DropoutOperands kBiasDropout = {1, 2, 3, 4};

constexpr int64_t kBitsOfMaskElement = 32;

// In training, with a ratio that isn't known to be 0.
absl::StatusOr<bool> Drops(const NodeView& node, const DropoutOperands& o) {
  if (!node.HasInput(o.training)) return false;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> training,
                          node.InputInts(o.training));
  if (training.size() != 1) {
    return node.Invalid("operand ", o.training,
                        " (training_mode) must be one element but has ",
                        training.size());
  }
  const TensorValue* ratio = node.InputValue(o.ratio);
  const bool ratio_is_zero = ratio != nullptr && !ratio->holds_integers() &&
                             ratio->size() == 1 && ratio->Float(0) == 0;
  return training[0] != 0 && !ratio_is_zero;
}

template <const DropoutOperands* kOperands, bool kIsBitmask>
absl::StatusOr<OutputTypes> InferDropout(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  if (kOperands->bias > 0) {
    OPCOST_RETURN_IF_ERROR(node.Input(kOperands->bias).status());
    OPCOST_RETURN_IF_ERROR(CheckFillsData(node, kOperands->bias, "the bias"));
    OPCOST_RETURN_IF_ERROR(
        CheckFillsData(node, kOperands->residual, "the residual"));
  }
  TensorType mask{DataType::kBool, data->shape};
  if (kIsBitmask) {
    mask.type = DataType::kUint32;
    mask.shape = Shape(
        {Extent::CeilDiv(Volume(data->shape.dims()), kBitsOfMaskElement)});
  }
  return OutputTypes{*data, std::move(mask)};
}

// (data + bias) * mask * scale + residual. In training each element is compared
// with the ratio and multiplied by the mask and by the scale; the draw of a
// random number isn't counted. In inference there is no mask to multiply by,
// and one that is used is filled with ones.
template <const DropoutOperands* kOperands>
absl::StatusOr<OpCounts> CountDropout(const TypedNodeView& node) {
  constexpr const DropoutOperands& o = *kOperands;
  OPCOST_ASSIGN_OR_RETURN(const bool drops, Drops(node, o));
  const Count out = node.OutputVolume(0);
  const bool has_bias = o.bias > 0;
  const bool has_residual = o.residual > 0 && node.HasInput(o.residual);
  const bool moves = drops || has_bias;
  node.Let("out", out);
  node.Let("drops", drops ? 1 : 0);
  node.Let("moves", moves ? 1 : 0);
  node.Let("mask", node.OutputVolume(1));
  node.Let("residual", has_residual ? 1 : 0);
  node.Let("ratio", drops && node.HasInput(o.ratio) ? 1 : 0);
  if (!moves && !node.IsOutputUsed(1)) return View();
  OpCounts counts;
  const OperandSet data = OperandSet::Input(0);
  if (has_bias) AddArith(counts, ArithOp::kAdd, data, out);
  if (has_residual) AddArith(counts, ArithOp::kAdd, data, out);
  if (drops) AddEach(counts, {.mul = 2, .add = 1}, out, data);
  if (moves) ReadInput(counts, node, 0, out);
  if (has_bias) ReadInputAs(counts, node, o.bias, out, Role::kBias);
  if (has_residual) ReadInput(counts, node, o.residual, out);
  if (drops) ReadInput(counts, node, o.ratio, out);
  if (moves) WriteOutput(counts, node, 0, out);
  WriteOutput(counts, node, 1, node.OutputVolume(1));
  return counts;
}

constexpr Formula kBiasDropoutFormula = {
    .mul = "2*drops*out",
    .add = "(1 + [residual] + drops)*out",
    .reads = "i0: out; i1: out; i2: [residual]*out; i3: [ratio]*out",
    .writes = "o0: out; o1: mask",
    .rules = "R1 R2 R5"};

constexpr OpDef kOps[] = {
    {.name = "BiasAdd",
     .infer = &InferBiasAdd,
     .count = &CountBiasAdd,
     .formula = {.add = "2*out",
                 .reads = "i0: out; i1: out; i2: out",
                 .writes = "o0: out",
                 .rules = "R1 R10"},
     .description = "data + bias + skip",
     .domain = "com.microsoft"},
    {.name = "BiasDropout",
     .infer = &InferDropout<&kBiasDropout, false>,
     .count = &CountDropout<&kBiasDropout>,
     .formula = kBiasDropoutFormula,
     .description = "data + bias, plus the residual where there is one; "
                    "Dropout between them only in training",
     .domain = "com.microsoft"},
    {.name = "BiasGelu",
     .infer = &InferWithBias,
     .count = &CountWithBias<kGelu>,
     .formula = {.mul = "(erf + 3)*out",
                 .add = "(erf + 1 + [bias])*out",
                 .reads = "i0: out; i1: [bias]*out",
                 .writes = "o0: out",
                 .rules = "R1 R6 R10"},
     .description = "Gelu of data + bias",
     .domain = "com.microsoft"},
    {.name = "BiasSoftmax",
     .infer = &InferBiasSoftmax,
     .count = &CountBiasSoftmax,
     .formula = {.mul = "rows*(exp*L + div + L)",
                 .add = "rows*(5*L + exp*L + div)",
                 .reads = "i0: 2*rows*L; i1: 2*rows*L; output: rows*L",
                 .writes = "o0: 2*rows*L",
                 .rules = "R1 R4 R6 R10"},
     .description = "Softmax of data + bias over all axes from `axis` on; the "
                    "bias is added in each of the two passes that read",
     .domain = "com.microsoft",
     .passes = "maximum, exponentials and their sum, quotient"},
    {.name = "BiasSplitGelu",
     .infer = &InferSplitGelu,
     .count = &CountSplitGelu,
     .formula = {.mul = "(erf + 4)*out",
                 .add = "(erf + 3)*out",
                 .reads = "i0: 2*out; i1: 2*out",
                 .writes = "o0: out",
                 .rules = "R1 R6 R10"},
     .description = "the left half of data + bias times Gelu of the right half",
     .domain = "com.microsoft"},
    {.name = "BitmaskBiasDropout",
     .infer = &InferDropout<&kBiasDropout, true>,
     .count = &CountDropout<&kBiasDropout>,
     .formula = kBiasDropoutFormula,
     .description = "BiasDropout with a mask of one bit per element",
     .domain = "com.microsoft"},
    {.name = "BitmaskDropout",
     .infer = &InferDropout<&kPlainDropout, true>,
     .count = &CountDropout<&kPlainDropout>,
     .formula = {.mul = "2*drops*out",
                 .add = "drops*out",
                 .reads = "i0: drops*out; i1: [ratio]*out",
                 .writes = "o0: moves*out; o1: mask",
                 .rules = "R1 R2 R5"},
     .description = "a view in inference; Dropout with a mask of one bit per "
                    "element in training",
     .domain = "com.microsoft"},
    {.name = "FastGelu",
     .infer = &InferWithBias,
     .count = &CountWithBias<kTanhGelu>,
     .formula = {.mul = "(tanh + 6)*out",
                 .add = "(tanh + 2 + [bias])*out",
                 .reads = "i0: out; i1: [bias]*out",
                 .writes = "o0: out",
                 .rules = "R1 R6 R10"},
     .description = "Gelu by tanh, of the data plus the bias where there is "
                    "one",
     .domain = "com.microsoft"},
    {.name = "Gelu",
     .infer = &InferSameAsInput,
     .count = &CountUnary<kGelu>,
     .formula = {.mul = "(erf + 3)*out",
                 .add = "(erf + 1)*out",
                 .reads = "i0: out",
                 .writes = "o0: out",
                 .rules = "R1 R6"},
     .description = "0.5*x * (1 + erf(x/sqrt(2)))",
     .domain = "com.microsoft"},
    {.name = "QuickGelu",
     .infer = &InferSameAsInput,
     .count = &CountQuickGelu,
     .formula = {.mul = "(sigmoid + 1 + [scaled])*out",
                 .add = "sigmoid*out",
                 .reads = "i0: out",
                 .writes = "o0: out",
                 .rules = "R1 R6"},
     .description = "x * sigmoid(alpha*x); no mul by an alpha of 1",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribFusedOps() { return kOps; }

}  // namespace opcost
