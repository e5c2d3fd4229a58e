// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's products of integers, and its QuantizeLinear and
// DequantizeLinear. Source: ONNX Runtime, docs/ContribOperators.md.
//
// Products accumulate in int32. Where the result is a float, the accumulator is
// multiplied by the product of the scales: 1 float32 mul per output. Zero
// points are folded: each of their elements is read once.
#include <cstdint>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/matrix_product.h"
#include "src/ops/power.h"
#include "src/ops/requantize.h"

namespace opcost {
namespace {

constexpr OperandSet kFloat = OperandSet::Fixed(DataType::kFloat32);
constexpr OperandSet kInt = OperandSet::Fixed(DataType::kInt32);

absl::StatusOr<MatrixProduct> ResolveProduct(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  return MatrixProductOf(node, a->shape.dims(), b->shape.dims());
}

absl::Status CheckBias(const NodeView& node, int i, const MatrixProduct& p) {
  if (!node.HasInput(i)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* bias, node.Input(i));
  return CheckBroadcastsTo(node, "the bias", bias->shape.dims(), p.output);
}

// ---- MatMulInteger16 -------------------------------------------------------

absl::StatusOr<OutputTypes> InferInteger16(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(MatrixProduct p, ResolveProduct(node));
  const bool is_unsigned = node.InputType(0).tensor.type == DataType::kUint16 &&
                           node.InputType(1).tensor.type == DataType::kUint16;
  return OutputTypes{ValueType(
      is_unsigned ? DataType::kUint32 : DataType::kInt32, std::move(p.output))};
}

absl::StatusOr<OpCounts> CountInteger16(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MatrixProduct p, ResolveProduct(node));
  OpCounts counts = CountMatrixProduct(node, p, 0, 1);
  AddProductMatrix(counts, node, p, 0, 1);
  WriteMatrixProduct(counts, node, p, 0, 1);
  return counts;
}

// ---- MatMulIntegerToFloat --------------------------------------------------

absl::StatusOr<OutputTypes> InferIntegerToFloat(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(MatrixProduct p, ResolveProduct(node));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scale, node.Input(2));
  OPCOST_RETURN_IF_ERROR(CheckBias(node, 6, p));
  return OutputTypes{ValueType(scale->type, std::move(p.output))};
}

// The bias is a float, so that the integer sums can't start at it.
void AddFloatBias(OpCounts& counts, const TypedNodeView& node, int i,
                  const Count& out) {
  node.Let("bias", node.HasInput(i) ? 1 : 0);
  if (!node.HasInput(i)) return;
  AddArith(counts, ArithOp::kAdd, OperandSet::Output(0), out);
  ReadInput(counts, node, i, out);
}

absl::StatusOr<OpCounts> CountIntegerToFloat(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MatrixProduct p, ResolveProduct(node));
  const Count out = Volume(p.output);
  OpCounts counts = CountMatrixProduct(node, p, 0, 1);
  AddProductMatrix(counts, node, p, 0, 1);
  AddArith(counts, ArithOp::kMul, kFloat, out);
  node.Let("a_scales", ScaleReads(node, 2, out));
  node.Let("b_scales", ScaleReads(node, 3, out));
  node.Let("a_zeros", ZeroPointReads(node, 4));
  node.Let("b_zeros", ZeroPointReads(node, 5));
  for (const int scale : {2, 3}) ReadScale(counts, node, scale, out);
  for (const int zero : {4, 5}) ReadZeroPoint(counts, node, zero);
  AddFloatBias(counts, node, 6, out);
  WriteMatrixProduct(counts, node, p, 0, 1);
  return counts;
}

// ---- DynamicQuantizeMatMul -------------------------------------------------

absl::StatusOr<OutputTypes> InferDynamic(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(MatrixProduct p, ResolveProduct(node));
  OPCOST_RETURN_IF_ERROR(CheckBias(node, 4, p));
  return OutputTypes{
      ValueType(node.InputType(0).tensor.type, std::move(p.output))};
}

constexpr absl::string_view kQuantizedA = "quantized A";

// DynamicQuantizeLinear of A into scratch, the product of that with B, and the
// float result. A's scale and zero point stay in registers.
absl::StatusOr<OpCounts> CountDynamic(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MatrixProduct p, ResolveProduct(node));
  LetMatrixProduct(node, p);
  const Count in = node.InputVolume(0);
  const Count out = Volume(p.output);
  const Count macs = p.macs();
  node.Let("in", in);
  node.Let("b_scales", ScaleReads(node, 2, out));
  node.Let("b_zeros", ZeroPointReads(node, 3));
  OpCounts counts;
  const OperandSet a = OperandSet::Input(0);
  AddArith(counts, ArithOp::kMul, a, in);
  AddArith(counts, ArithOp::kAdd, a, in * 5 + 8);
  AddArith(counts, ArithOp::kDiv, a, 2);
  OperandSet quantized = OperandSet::Input(1);
  quantized.fixed = DataType::kUint8;
  AddArith(counts, ArithOp::kMul, quantized, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, quantized, macs, ArithRole::kAccumulate);
  counts.macs += macs;
  AddArith(counts, ArithOp::kMul, kFloat, out);
  ReadInputAs(counts, node, 0, in * 2, Role::kInput);
  UseScratch(counts, kQuantizedA, OperandSet::Fixed(DataType::kUint8), in, macs,
             in);
  if (Access* b = ReadInputAs(counts, node, 1, macs, Role::kWeight)) {
    b->operand_elements = Volume({p.k, p.n});
  }
  AddProductMatrix(counts, node, p, 0, 1);
  for (WeightMatrix& matrix : counts.matrices) {
    matrix.vector_operand = -1;
    matrix.vector_scratch = kQuantizedA;
  }
  ReadScale(counts, node, 2, out);
  ReadZeroPoint(counts, node, 3);
  AddFloatBias(counts, node, 4, out);
  WriteMatrixProduct(counts, node, p, 0, 1);
  return counts;
}

// ---- QGemm -----------------------------------------------------------------

enum QGemmOperand {
  kGemmA = 0,
  kAScale = 1,
  kAZero = 2,
  kGemmB = 3,
  kBScale = 4,
  kBZero = 5,
  kGemmC = 6,
  kYScale = 7,
  kYZero = 8
};

absl::StatusOr<MatrixProduct> ResolveQGemm(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(kGemmA));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(kGemmB));
  if (a->shape.rank() != 2 || b->shape.rank() != 2) {
    return node.Invalid("A ", ToString(a->shape), " and B ", ToString(b->shape),
                        " must have 2 axes each");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_a, node.Int("transA", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_b, node.Int("transB", 0));
  Dims a_dims = a->shape.dims();
  Dims b_dims = b->shape.dims();
  if (trans_a != 0) std::swap(a_dims[0], a_dims[1]);
  if (trans_b != 0) std::swap(b_dims[0], b_dims[1]);
  OPCOST_ASSIGN_OR_RETURN(MatrixProduct p,
                          MatrixProductOf(node, a_dims, b_dims));
  if (node.HasInput(kGemmC)) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* c, node.Input(kGemmC));
    OPCOST_RETURN_IF_ERROR(
        CheckBroadcastsTo(node, "C", c->shape.dims(), p.output));
  }
  return p;
}

absl::StatusOr<OutputTypes> InferQGemm(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(MatrixProduct p, ResolveQGemm(node));
  const DataType type = node.HasInput(kYZero)
                            ? node.InputType(kYZero).tensor.type
                            : DataType::kFloat32;
  return OutputTypes{ValueType(type, std::move(p.output))};
}

// The sums start at C, an int32 of the product's scale; alpha is part of the
// ratio of the scales.
absl::StatusOr<OpCounts> CountQGemm(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MatrixProduct p, ResolveQGemm(node));
  const Count out = Volume(p.output);
  const bool is_quantized = node.HasInput(kYZero);
  node.Let("C", node.HasInput(kGemmC) ? 1 : 0);
  node.Let("quantized", is_quantized ? 1 : 0);
  node.Let("b_scales", ScaleReads(node, kBScale, out));
  Count others;
  for (const int i : {kAScale, kYScale}) others += ScaleReads(node, i, out);
  for (const int i : {kAZero, kBZero, kYZero})
    others += ZeroPointReads(node, i);
  node.Let("others", others);
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_a, node.Int("transA", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_b, node.Int("transB", 0));
  OpCounts counts = CountMatrixProduct(node, p, kGemmA, kGemmB);
  AddProductMatrix(counts, node, p, kGemmA, kGemmB,
                   {trans_a != 0, trans_b != 0});
  if (is_quantized) {
    AddRequantize(counts, out);
  } else {
    AddArith(counts, ArithOp::kMul, kFloat, out);
  }
  for (const int i : {kAScale, kBScale, kYScale}) {
    ReadScale(counts, node, i, out);
  }
  for (const int i : {kAZero, kBZero, kYZero}) ReadZeroPoint(counts, node, i);
  ReadInputAs(counts, node, kGemmC, out, Role::kBias);
  WriteMatrixProduct(counts, node, p, kGemmA, kGemmB);
  return counts;
}

// ---- MulInteger ------------------------------------------------------------

absl::StatusOr<OutputTypes> InferMulInteger(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(2));
  OPCOST_ASSIGN_OR_RETURN(Dims dims,
                          Broadcast(node, a->shape.dims(), b->shape.dims()));
  return OutputTypes{ValueType(DataType::kInt32, std::move(dims))};
}

// Nothing sums the products, so that each operand loses its zero point first.
absl::StatusOr<OpCounts> CountMulInteger(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const int zeros = (node.HasInput(1) ? 1 : 0) + (node.HasInput(3) ? 1 : 0);
  node.Let("out", out);
  node.Let("zeros", zeros);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, 2), out);
  if (zeros > 0) AddArith(counts, ArithOp::kAdd, kInt, out * zeros);
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, 2, out);
  for (const int i : {1, 3}) ReadZeroPoint(counts, node, i);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- QuantizeLinear, DequantizeLinear --------------------------------------

// Scale and zero point have one element, or one for each of `axis`.
absl::Status CheckQuantization(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (!node.HasAttribute("axis")) {
    OPCOST_RETURN_IF_ERROR(CheckOneElement(node, 1, "the scale"));
    return CheckOneElement(node, 2, "the zero point");
  }
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 0, x->shape.rank()));
  const Extent& channels = x->shape.dims()[static_cast<size_t>(axis)];
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scale, node.Input(1));
  const Extent scales = Volume(scale->shape.dims());
  if (scales.is_concrete() && channels.is_concrete() && !scales.Is(1) &&
      !(scales == channels)) {
    return node.Invalid("there are ", scales.ToString(), " scales but axis ",
                        axis, " has ", channels.ToString(), " elements");
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTypes> InferQuantize(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckQuantization(node));
  TensorType y = node.InputType(0).tensor;
  y.type = node.HasInput(2) ? node.InputType(2).tensor.type : DataType::kUint8;
  return OutputTypes{ValueType(std::move(y))};
}

absl::StatusOr<OutputTypes> InferDequantize(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckQuantization(node));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scale, node.Input(1));
  TensorType y = node.InputType(0).tensor;
  y.type = scale->type;
  return OutputTypes{ValueType(std::move(y))};
}

// The pass over the data, and over what describes its quantisation.
void ReadAndWrite(OpCounts& counts, const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  node.Let("in", in);
  node.Let("scales", ScaleReads(node, 1, in));
  node.Let("zeros", ScaleReads(node, 2, in));
  ReadInput(counts, node, 0, in);
  for (const int i : {1, 2}) ReadScale(counts, node, i, in);
  WriteOutput(counts, node, 0, in);
}

absl::StatusOr<OpCounts> CountQuantize(const TypedNodeView& node) {
  OpCounts counts;
  AddEach(counts, {.mul = 1, .add = 3}, node.InputVolume(0),
          OperandSet::Input(0));
  ReadAndWrite(counts, node);
  return counts;
}

absl::StatusOr<OpCounts> CountDequantize(const TypedNodeView& node) {
  const bool shifts = node.HasInput(2) && SoleNumber(node.InputValue(2)) != 0.0;
  node.Let("zero_point", shifts ? 1 : 0);
  OpCounts counts;
  const Count in = node.InputVolume(0);
  AddArith(counts, ArithOp::kMul, OperandSet::Output(0), in);
  if (shifts) AddArith(counts, ArithOp::kAdd, kInt, in);
  ReadAndWrite(counts, node);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "DequantizeLinear",
     .infer = &InferDequantize,
     .count = &CountDequantize,
     .formula = {.mul = "in",
                 .add = "[zero_point]*in",
                 .reads = "i0: in; i1: scales; i2: zeros",
                 .writes = "o0: in",
                 .rules = "R1 R2"},
     .description = "(x - zero point) * scale: 1 mul, and 1 int32 add unless "
                    "the zero point is known to be 0",
     .domain = "com.microsoft"},
    {.name = "DynamicQuantizeMatMul",
     .infer = &InferDynamic,
     .count = &CountDynamic,
     .formula = {.macs = "batch*M*K*N",
                 .mul = "MACs + in + 2*div + out",
                 .add = "MACs + 5*in + 2*div + 8 + [bias]*out",
                 .reads = "i0: 2*in; scratch: MACs; i1: MACs; i2: b_scales;"
                          " i3: b_zeros; i4: [bias]*out",
                 .writes = "scratch: in; o0: out",
                 .rules = "R1 R2 R4"},
     .description = "A is quantised as by DynamicQuantizeLinear into scratch; "
                    "integer MACs; 1 mul per output by the scales",
     .domain = "com.microsoft",
     .passes = "range of A, quantisation of A, product"},
    {.name = "MatMulInteger16",
     .infer = &InferInteger16,
     .count = &CountInteger16,
     .formula = {.macs = "batch*M*K*N",
                 .mul = "MACs",
                 .add = "MACs",
                 .reads = "i0: MACs; i1: MACs",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R10"},
     .description = "MatMul of int16, accumulated in int32",
     .domain = "com.microsoft"},
    {.name = "MatMulIntegerToFloat",
     .infer = &InferIntegerToFloat,
     .count = &CountIntegerToFloat,
     .formula = {.macs = "batch*M*K*N",
                 .mul = "MACs + out",
                 .add = "MACs + [bias]*out",
                 .reads = "i0: MACs; i1: MACs; i2: a_scales; i3: b_scales;"
                          " i4: a_zeros; i5: b_zeros; i6: [bias]*out",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R10"},
     .description = "MatMul of int8, accumulated in int32; 1 float32 mul per "
                    "output by the scales, and the bias after it",
     .domain = "com.microsoft"},
    {.name = "MulInteger",
     .infer = &InferMulInteger,
     .count = &CountMulInteger,
     .formula = {.mul = "out",
                 .add = "zeros*out",
                 .reads = "i0: out; i2: out; zero_points: zeros",
                 .writes = "o0: out",
                 .rules = "R1 R2 R10"},
     .description = "product of int8, 1 int32 add per zero point given",
     .domain = "com.microsoft"},
    {.name = "QGemm",
     .infer = &InferQGemm,
     .count = &CountQGemm,
     .formula = {.macs = "batch*M*K*N",
                 .mul = "MACs + out",
                 .add = "MACs + 3*[quantized]*out",
                 .reads =
                     "i0: MACs; i3: MACs; i4: b_scales; parameters: others;"
                     " i6: [C]*out",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R7 R10"},
     .description = "Gemm of int8, sums start at C; requantised if the output "
                    "has a scale, else 1 float32 mul per output; alpha is part "
                    "of the scales",
     .domain = "com.microsoft"},
    {.name = "QuantizeLinear",
     .infer = &InferQuantize,
     .count = &CountQuantize,
     .formula = {.mul = "in",
                 .add = "3*in",
                 .reads = "i0: in; i1: scales; i2: zeros",
                 .writes = "o0: in",
                 .rules = "R1 R2 R7"},
     .description = "x / scale + zero point, saturated: 1 mul, 3 adds; "
                    "rounding is free",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribIntegerOps() { return kOps; }

}  // namespace opcost
