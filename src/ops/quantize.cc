// SPDX-License-Identifier: Apache-2.0
// Between real numbers and quantised ones: QuantizeLinear, DequantizeLinear,
// DynamicQuantizeLinear.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/axes.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fold_elementwise.h"

namespace opcost {
namespace {

constexpr int kScale = 1;
constexpr int kZeroPoint = 2;
// The first opsets whose scales may be one per index of an axis, and one per
// block.
constexpr int kPerAxisOpset = 13;
constexpr int kBlockedOpset = 21;
constexpr int64_t kAnyType = 0;  // output_dtype that isn't given

// The axis that scales belong to; a vector has no other than its own.
absl::StatusOr<int> ScaledAxis(const NodeView& node, int rank) {
  if (rank == 1) return 0;
  return AxisOf(node, "axis", 1, rank);
}

// The scale of blocked quantization has the axes of `x`, of which `axis` counts
// blocks.
absl::Status CheckBlocks(const NodeView& node, const Dims& x, const Dims& scale,
                         int64_t block_size) {
  const int rank = static_cast<int>(x.size());
  OPCOST_ASSIGN_OR_RETURN(const int axis, ScaledAxis(node, rank));
  Dims expected = x;
  Extent& blocks = expected[static_cast<size_t>(axis)];
  blocks = Extent::CeilDiv(blocks, block_size);
  if (std::equal(scale.begin(), scale.end(), expected.begin(), expected.end(),
                 CouldAgree)) {
    return absl::OkStatus();
  }
  return node.Invalid("the scale is ", ToString(absl::MakeConstSpan(scale)),
                      " but blocks of ", block_size, " on axis ", axis,
                      " make ", ToString(absl::MakeConstSpan(expected)));
}

// One zero point per scale; of one, a scalar is as good as a vector.
absl::Status CheckZeroPoint(const NodeView& node, const Dims& scale) {
  if (!node.HasInput(kZeroPoint)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* zero_point, node.Input(kZeroPoint));
  if (Volume(scale).Is(1) && Volume(zero_point->shape.dims()).Is(1)) {
    return absl::OkStatus();
  }
  return CheckShapeIs(node, kZeroPoint, "the zero point", scale);
}

// One scale, one per index of `axis`, or one per block.
absl::Status CheckScale(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scale, node.Input(kScale));
  const Dims& x_dims = x->shape.dims();
  const Dims& dims = scale->shape.dims();
  OPCOST_RETURN_IF_ERROR(CheckZeroPoint(node, dims));
  OPCOST_ASSIGN_OR_RETURN(const int64_t block_size, node.Int("block_size", 0));
  if (block_size < 0) {
    return node.Invalid("block_size must not be negative but is ", block_size);
  }
  if (block_size > 0 && node.opset() >= kBlockedOpset) {
    return CheckBlocks(node, x_dims, dims, block_size);
  }
  if (Volume(dims).Is(1)) return absl::OkStatus();
  if (node.opset() < kPerAxisOpset || dims.size() != 1) {
    return node.Invalid("the scale is ", ToString(scale->shape),
                        node.opset() < kPerAxisOpset
                            ? " but must be a scalar before opset 13"
                            : " but must be a scalar or have one axis, unless "
                              "block_size is given");
  }
  OPCOST_ASSIGN_OR_RETURN(const int axis, ScaledAxis(node, x->shape.rank()));
  return Agree(node, "the number of scales", dims[0], "the axis they belong to",
               x_dims[static_cast<size_t>(axis)])
      .status();
}

// The type that attribute output_dtype names; kUndefined if it names none.
absl::StatusOr<DataType> OutputDtype(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t number,
                          node.Int("output_dtype", kAnyType));
  if (number == kAnyType) return DataType::kUndefined;
  const std::optional<DataType> type = DataTypeFromOnnx(number);
  if (!type.has_value()) {
    return node.Invalid("attribute 'output_dtype' is ", number,
                        ", which is no known element type");
  }
  return *type;
}

// The zero point's type, else output_dtype, else uint8.
absl::StatusOr<OutputTypes> InferQuantize(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckScale(node));
  OPCOST_ASSIGN_OR_RETURN(const DataType stated, OutputDtype(node));
  DataType type = stated == DataType::kUndefined ? DataType::kUint8 : stated;
  if (node.HasInput(kZeroPoint)) {
    const DataType given = node.InputType(kZeroPoint).tensor.type;
    if (stated != DataType::kUndefined && given != DataType::kUndefined &&
        stated != given) {
      return node.Invalid("output_dtype is ", Name(stated),
                          " but the zero point is ", Name(given));
    }
    if (given != DataType::kUndefined) type = given;
  }
  return OutputTypes{ValueType(type, DimsOf(node, 0))};
}

// output_dtype, else the scale's type.
absl::StatusOr<OutputTypes> InferDequantize(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckScale(node));
  OPCOST_ASSIGN_OR_RETURN(const DataType stated, OutputDtype(node));
  const DataType type = stated == DataType::kUndefined
                            ? node.InputType(kScale).tensor.type
                            : stated;
  return OutputTypes{ValueType(type, DimsOf(node, 0))};
}

// Times the reciprocal of the scale (R7), plus the zero point, two saturating
// comparisons; rounding is free.
absl::StatusOr<OpCounts> CountQuantize(const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  const bool has_zero_point = node.HasInput(kZeroPoint);
  node.Let("in", in);
  node.Let("zero_point", has_zero_point ? 1 : 0);
  OpCounts counts;
  AddEach(counts, {.mul = 1, .add = 3}, in, OperandSet::Inputs(0, kScale));
  ReadInput(counts, node, 0, in);
  ReadInput(counts, node, kScale, in);
  ReadInput(counts, node, kZeroPoint, in);
  WriteOutput(counts, node, 0, in);
  return counts;
}

// True unless the zero point is known to be 0 wherever it is used.
bool HasOffset(const NodeView& node) {
  if (!node.HasInput(kZeroPoint)) return false;
  const TensorValue* value = node.InputValue(kZeroPoint);
  if (value == nullptr) return true;
  const int64_t distinct = value->is_uniform() ? 1 : value->size();
  for (int64_t i = 0; i < std::min(distinct, kMaxKnownElements); ++i) {
    const bool is_zero = value->holds_integers() ? value->Int(i) == SymValue(0)
                                                 : value->Float(i) == 0;
    if (!is_zero) return true;
  }
  return distinct > kMaxKnownElements;
}

// The difference is an integer, the product has the output's type.
absl::StatusOr<OpCounts> CountDequantize(const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  const bool has_offset = HasOffset(node);
  node.Let("in", in);
  node.Let("offset", has_offset ? 1 : 0);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Output(0), in);
  if (has_offset) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Fixed(DataType::kInt32), in);
  }
  ReadInput(counts, node, 0, in);
  ReadInput(counts, node, kScale, in);
  if (has_offset) ReadInput(counts, node, kZeroPoint, in);
  WriteOutput(counts, node, 0, in);
  return counts;
}

absl::StatusOr<OutputTypes> InferDynamic(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  return OutputTypes{ValueType(DataType::kUint8, x->shape.dims()),
                     ValueType(DataType::kFloat32, Dims()),
                     ValueType(DataType::kUint8, Dims())};
}

// The first pass takes minimum and maximum; from them come, once, scale and
// zero point: 2 div and 8 adds. The second quantises.
absl::StatusOr<OpCounts> CountDynamic(const TypedNodeView& node) {
  constexpr int kScalarAdds = 8;
  constexpr int kScalarDivs = 2;
  const Count in = node.InputVolume(0);
  const OperandSet x = OperandSet::Input(0);
  node.Let("in", in);
  OpCounts counts;
  AddEach(counts, {.mul = 1, .add = 5}, in, x);
  AddEach(counts, {.add = kScalarAdds, .div = kScalarDivs}, 1, x);
  ReadInput(counts, node, 0, in * 2);
  WriteOutput(counts, node, 0, in);
  WriteOutput(counts, node, 1, 1);
  WriteOutput(counts, node, 2, 1);
  return counts;
}

// Folding: one scale for all elements, in single precision, as it is computed.

std::optional<double> AsDouble(const Element& element) {
  if (const double* number = std::get_if<double>(&element)) return *number;
  const std::optional<int64_t> integer = std::get<SymValue>(element).AsInt();
  if (!integer.has_value()) return std::nullopt;
  return static_cast<double>(*integer);
}

bool IsPerTensor(const NodeView& node) {
  return node.HasInput(kScale) && Volume(DimsOf(node, kScale)).Is(1) &&
         node.InputType(kScale).tensor.type == DataType::kFloat32;
}

std::optional<Element> DequantizedElement(absl::Span<const Element> e) {
  const std::optional<double> x = AsDouble(e[0]);
  const std::optional<double> scale = AsDouble(e[1]);
  const std::optional<double> zero = e.size() > 2 ? AsDouble(e[2]) : 0.0;
  if (!x.has_value() || !scale.has_value() || !zero.has_value()) {
    return std::nullopt;
  }
  return Element((*x - *zero) * *scale);
}

OutputValues FoldDequantize(const TypedNodeView& node) {
  if (!IsPerTensor(node) ||
      node.OutputType(0).tensor.type != DataType::kFloat32) {
    return {};
  }
  return FoldOperands(node, &DequantizedElement);
}

// `value` between the bounds of an integer type of up to 32 bits.
std::optional<Element> Saturated(double value, DataType type) {
  const bool is_unsigned = Name(type)[0] == 'u';
  const double span = std::ldexp(1.0, WidthBits(type));
  const double least = is_unsigned ? 0 : -span / 2;
  const double greatest = least + span - 1;
  const double kept = std::min(std::max(value, least), greatest);
  if (!std::isfinite(kept)) return std::nullopt;
  return Element(SymValue(static_cast<int64_t>(kept)));
}

OutputValues FoldQuantize(const TypedNodeView& node) {
  const DataType type = node.OutputType(0).tensor.type;
  if (!IsPerTensor(node) || !IsInteger(type) || WidthBits(type) > 32 ||
      node.InputType(0).tensor.type != DataType::kFloat32) {
    return {};
  }
  return FoldOperands(
      node, [type](absl::Span<const Element> e) -> std::optional<Element> {
        const std::optional<double> x = AsDouble(e[0]);
        const std::optional<double> scale = AsDouble(e[1]);
        const std::optional<double> zero = e.size() > 2 ? AsDouble(e[2]) : 0.0;
        if (!x.has_value() || !scale.has_value() || !zero.has_value()) {
          return std::nullopt;
        }
        // Halves are rounded to even, in the mode that programs start in.
        const float quotient =
            static_cast<float>(*x) / static_cast<float>(*scale);
        return Saturated(std::nearbyint(static_cast<double>(quotient)) + *zero,
                         type);
      });
}

constexpr OpDef kOps[] = {
    {.name = "DequantizeLinear",
     .since = 10,
     .infer = &InferDequantize,
     .count = &CountDequantize,
     .fold = &FoldDequantize,
     .formula = {.mul = "in",
                 .add = "offset*in",
                 .reads = "x: in; x_scale: in; x_zero_point: offset*in",
                 .writes = "y: in",
                 .rules = "R1 R2 R10"},
     .description =
         "(x - zero point)*scale: 1 mul, and 1 int32 add unless the zero point "
         "is known to be 0; a scale of one constant element is read once, "
         "those of an axis or of blocks once per element"},
    {.name = "DynamicQuantizeLinear",
     .since = 11,
     .infer = &InferDynamic,
     .count = &CountDynamic,
     .formula = {.mul = "in + 2*div",
                 .add = "5*in + 2*div + 8",
                 .reads = "x: 2*in",
                 .writes = "y: in; y_scale: 1; y_zero_point: 1",
                 .rules = "R1 R4 R6"},
     .description = "scale and zero point from minimum and maximum, then as "
                    "QuantizeLinear",
     .passes = "minimum and maximum; quantisation"},
    {.name = "QuantizeLinear",
     .since = 10,
     .infer = &InferQuantize,
     .count = &CountQuantize,
     .fold = &FoldQuantize,
     .formula = {.mul = "in",
                 .add = "3*in",
                 .reads = "x: in; y_scale: in; y_zero_point: [zero_point]*in",
                 .writes = "y: in",
                 .rules = "R1 R2 R7 R10"},
     .description =
         "x times the scale's reciprocal, plus the zero point, two saturating "
         "comparisons; rounding is free; a scale of one constant element is "
         "read once, those of an axis or of blocks once per element"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> QuantizeOps() { return kOps; }

}  // namespace opcost
