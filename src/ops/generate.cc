// SPDX-License-Identifier: Apache-2.0
// Operators that make a tensor from shapes, attributes or a few scalars: Shape,
// Size, Constant, ConstantOfShape, Range.
#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// Writes of what a layer generates; its operands are geometry (R8).
absl::StatusOr<OpCounts> CountGenerated(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  OpCounts counts;
  WriteOutput(counts, node, 0, out);
  return counts;
}

KnownValue Known(TensorValue value) {
  return std::make_shared<const TensorValue>(std::move(value));
}

// ---- Shape, Size
// -------------------------------------------------------------

// The axes whose extents a Shape gives: all before opset 15, else from `start`
// to `end`, clamped.
absl::StatusOr<absl::Span<const Extent>> ShapeSlice(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  const absl::Span<const Extent> dims = data->shape.dims();
  if (node.opset() < 15) return dims;
  const auto rank = static_cast<int64_t>(dims.size());
  OPCOST_ASSIGN_OR_RETURN(int64_t start, node.Int("start", 0));
  OPCOST_ASSIGN_OR_RETURN(int64_t end, node.Int("end", rank));
  start = std::clamp<int64_t>(start < 0 ? start + rank : start, 0, rank);
  end = std::clamp<int64_t>(end < 0 ? end + rank : end, 0, rank);
  return dims.subspan(static_cast<size_t>(start),
                      static_cast<size_t>(std::max<int64_t>(end - start, 0)));
}

absl::StatusOr<OutputTypes> InferShape(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const Extent> axes,
                          ShapeSlice(node));
  return OutputTypes{
      ValueType(DataType::kInt64, {static_cast<int64_t>(axes.size())})};
}

OutputValues FoldShape(const TypedNodeView& node) {
  const auto axes = ShapeSlice(node);
  if (!axes.ok() || axes->size() > static_cast<size_t>(kMaxKnownElements)) {
    return {nullptr};
  }
  std::vector<SymValue> extents;
  for (const Extent& extent : *axes) extents.push_back(extent.sym());
  return {Known(TensorValue::Integers(DataType::kInt64,
                                      {static_cast<int64_t>(axes->size())},
                                      std::move(extents)))};
}

absl::StatusOr<OutputTypes> InferSize(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(node.Input(0).status());
  return OutputTypes{ValueType(DataType::kInt64, Dims{})};
}

OutputValues FoldSize(const TypedNodeView& node) {
  const auto data = node.Input(0);
  if (!data.ok()) return {nullptr};
  const Extent elements = Volume((*data)->shape.dims());
  if (elements.overflowed()) return {nullptr};
  return {Known(TensorValue::Integers(DataType::kInt64, {}, {elements.sym()}))};
}

// ---- Constant
// ----------------------------------------------------------------

constexpr absl::string_view kConstantAttributes[] = {
    "value",       "sparse_value", "value_int",    "value_ints",
    "value_float", "value_floats", "value_string", "value_strings"};

// The attribute that holds the constant: exactly one of the eight.
absl::StatusOr<const Attribute*> ConstantAttribute(const NodeView& node) {
  const Attribute* found = nullptr;
  for (const absl::string_view name : kConstantAttributes) {
    const Attribute* attribute = node.node().FindAttribute(name);
    if (attribute == nullptr) continue;
    if (found != nullptr) {
      return node.Invalid("attributes '", found->name, "' and '", name,
                          "' are both given, but one must hold the constant");
    }
    found = attribute;
  }
  if (found == nullptr) {
    return node.Invalid("no attribute 'value' or 'value_...' holds its value");
  }
  return found;
}

ValueType VectorType(DataType type, size_t size) {
  return ValueType(type, Dims{static_cast<int64_t>(size)});
}

// The type of a constant in one of the attributes value_*.
absl::StatusOr<ValueType> TypeOfList(const NodeView& node,
                                     absl::string_view name) {
  if (name == "value_int") {
    OPCOST_RETURN_IF_ERROR(node.Int(name, 0).status());
    return ValueType(DataType::kInt64, Dims{});
  }
  if (name == "value_float") {
    OPCOST_RETURN_IF_ERROR(node.Float(name, 0).status());
    return ValueType(DataType::kFloat32, Dims{});
  }
  if (name == "value_string") {
    OPCOST_RETURN_IF_ERROR(node.String(name, "").status());
    return ValueType(DataType::kString, Dims{});
  }
  if (name == "value_ints") {
    OPCOST_ASSIGN_OR_RETURN(const auto elements, node.Ints(name));
    return VectorType(DataType::kInt64, elements.size());
  }
  if (name == "value_floats") {
    OPCOST_ASSIGN_OR_RETURN(const auto elements, node.Floats(name));
    return VectorType(DataType::kFloat32, elements.size());
  }
  OPCOST_ASSIGN_OR_RETURN(const auto elements, node.Strings(name));
  return VectorType(DataType::kString, elements.size());
}

absl::StatusOr<OutputTypes> InferConstant(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Attribute* held, ConstantAttribute(node));
  if (held->name != "value" && held->name != "sparse_value") {
    OPCOST_ASSIGN_OR_RETURN(ValueType type, TypeOfList(node, held->name));
    return OutputTypes{std::move(type)};
  }
  if (std::holds_alternative<std::monostate>(held->content)) {
    return node.Unknown("attribute '", held->name, "' isn't read");
  }
  OPCOST_ASSIGN_OR_RETURN(const std::shared_ptr<const StoredTensor> tensor,
                          node.Tensor(held->name));
  if (tensor == nullptr) {
    return node.Unknown("attribute '", held->name, "' is empty");
  }
  return OutputTypes{tensor->type};
}

// The elements of a constant in one of the attributes value_*.
KnownValue ListValue(const Attribute& held) {
  const Attribute::Content& content = held.content;
  if (const auto* i = std::get_if<int64_t>(&content)) {
    if (held.name != "value_float") {
      return Known(TensorValue::Integers(DataType::kInt64, {}, {SymValue(*i)}));
    }
    return Known(
        TensorValue::Floats(DataType::kFloat32, {}, {static_cast<double>(*i)}));
  }
  if (const auto* f = std::get_if<double>(&content)) {
    return Known(TensorValue::Floats(DataType::kFloat32, {}, {*f}));
  }
  const auto small = [](size_t size) {
    return size <= static_cast<size_t>(kMaxKnownElements);
  };
  const auto* ints = std::get_if<std::vector<int64_t>>(&content);
  if (ints != nullptr && small(ints->size())) {
    return Known(TensorValue::Integers(
        DataType::kInt64, {static_cast<int64_t>(ints->size())},
        std::vector<SymValue>(ints->begin(), ints->end())));
  }
  const auto* floats = std::get_if<std::vector<double>>(&content);
  if (floats != nullptr && small(floats->size())) {
    return Known(TensorValue::Floats(
        DataType::kFloat32, {static_cast<int64_t>(floats->size())}, *floats));
  }
  return nullptr;
}

OutputValues FoldConstant(const TypedNodeView& node) {
  const auto held = ConstantAttribute(node);
  if (!held.ok()) return {nullptr};
  const auto* tensor =
      std::get_if<std::shared_ptr<const StoredTensor>>(&(*held)->content);
  if (tensor == nullptr) return {ListValue(**held)};
  return {*tensor == nullptr ? nullptr : (*tensor)->value};
}

// ---- ConstantOfShape
// -----------------------------------------------------------

absl::StatusOr<OutputTypes> InferConstantOfShape(const NodeView& node) {
  DataType type = DataType::kFloat32;
  OPCOST_ASSIGN_OR_RETURN(const std::shared_ptr<const StoredTensor> value,
                          node.Tensor("value"));
  if (value != nullptr) {
    type = value->type.type;
    const Shape& shape = value->type.shape;
    if (shape.has_rank() && !Volume(shape.dims()).Is(1)) {
      return node.Invalid("attribute 'value' must be one element but is ",
                          ToString(shape));
    }
  }
  OPCOST_ASSIGN_OR_RETURN(Dims dims, InputExtents(node, 0));
  return OutputTypes{ValueType(type, std::move(dims))};
}

OutputValues FoldConstantOfShape(const TypedNodeView& node) {
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto stored = node.Tensor("value");
  if (!dims.has_value() || !stored.ok()) return {nullptr};
  if (*stored == nullptr) {
    return {Known(TensorValue::UniformFloat(DataType::kFloat32, *dims, 0))};
  }
  const TensorValue* value = (*stored)->value.get();
  if (value == nullptr || value->type() == DataType::kString) return {nullptr};
  return {Rearrange(*dims, value, [](const IntDims&) { return int64_t{0}; })};
}

// ---- Range
// ---------------------------------------------------------------------

// The scalar operand `i`. Errors: it isn't one element; IsUndetermined().
absl::StatusOr<const TensorValue*> RangeScalar(const NodeView& node, int i) {
  if (!node.HasInput(i)) return node.Invalid("operand ", i, " is missing");
  const TensorValue* value = node.InputValue(i);
  if (value == nullptr) {
    return node.Unknown("its length depends on operand ", i,
                        ", which isn't known before the model runs");
  }
  if (value->size() != 1 || value->type() == DataType::kString) {
    return node.Invalid("operand ", i, " must be one number but has ",
                        value->size(), " elements");
  }
  return value;
}

struct RangeOf {
  const TensorValue* start = nullptr;
  std::optional<TensorValue> delta;
  Extent length;
};

// Of ONNX Runtime's domain the operator may leave delta out: it is 1 then.
bool HasDelta(const NodeView& node) {
  return node.node().domain.empty() || node.HasInput(2);
}

absl::StatusOr<TensorValue> DeltaOf(const NodeView& node,
                                    const TensorValue& start) {
  if (HasDelta(node)) {
    OPCOST_ASSIGN_OR_RETURN(const TensorValue* given, RangeScalar(node, 2));
    return *given;
  }
  if (start.holds_integers()) {
    return TensorValue::Integers(start.type(), {}, {SymValue(1)});
  }
  return TensorValue::Floats(start.type(), {}, {1.0});
}

absl::StatusOr<Extent> IntegerLength(const NodeView& node,
                                     const SymValue& start,
                                     const SymValue& limit,
                                     const SymValue& delta) {
  if (!delta.is_concrete()) {
    return node.Unknown("the sign of delta ", delta.ToString(),
                        " isn't known before its dimensions are");
  }
  if (delta.value() == 0) return node.Invalid("delta must not be 0");
  const SymValue length = SymValue::CeilDiv(limit - start, delta);
  if (length.overflowed()) {
    return node.Invalid("its length doesn't fit 63 bits");
  }
  return Extent(SymValue::Max(length, 0));
}

absl::StatusOr<Extent> FloatLength(const NodeView& node, double start,
                                   double limit, double delta) {
  if (delta == 0) return node.Invalid("delta must not be 0");
  const double length = std::ceil((limit - start) / delta);
  if (!(std::abs(length) < 9.0e18)) {  // below 2^63; false for a NaN
    return node.Invalid("its length doesn't fit 63 bits");
  }
  return Extent(static_cast<int64_t>(std::max(length, 0.0)));
}

absl::StatusOr<RangeOf> ResolveRange(const NodeView& node) {
  RangeOf range;
  OPCOST_ASSIGN_OR_RETURN(range.start, RangeScalar(node, 0));
  OPCOST_ASSIGN_OR_RETURN(const TensorValue* limit, RangeScalar(node, 1));
  OPCOST_ASSIGN_OR_RETURN(range.delta, DeltaOf(node, *range.start));
  const bool integers = range.start->holds_integers();
  if (limit->holds_integers() != integers ||
      range.delta->holds_integers() != integers) {
    return node.Invalid("start is ", Name(range.start->type()), ", limit ",
                        Name(limit->type()), " and delta ",
                        Name(range.delta->type()), ", but they must agree");
  }
  if (integers) {
    OPCOST_ASSIGN_OR_RETURN(
        range.length, IntegerLength(node, range.start->Int(0), limit->Int(0),
                                    range.delta->Int(0)));
    return range;
  }
  OPCOST_ASSIGN_OR_RETURN(
      range.length, FloatLength(node, range.start->Float(0), limit->Float(0),
                                range.delta->Float(0)));
  return range;
}

absl::StatusOr<OutputTypes> InferRange(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RangeOf range, ResolveRange(node));
  return OutputTypes{ValueType(range.start->type(), {range.length})};
}

// Each element is start + i * delta, as the specification has it; start + i
// where delta is left out.
absl::StatusOr<OpCounts> CountRange(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const bool has_delta = HasDelta(node);
  node.Let("out", out);
  node.Let("delta", has_delta ? 1 : 0);
  OpCounts counts;
  if (has_delta) {
    AddArith(counts, ArithOp::kMul, OperandSet::Input(2), out);
    AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, 2), out);
  } else {
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out);
  }
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, 2, out);
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldRange(const TypedNodeView& node) {
  const absl::StatusOr<RangeOf> range = ResolveRange(node);
  if (!range.ok() || !range->length.is_concrete() ||
      range->length.value() > kMaxKnownElements) {
    return {nullptr};
  }
  const int64_t length = range->length.value();
  const DataType type = range->start->type();
  if (range->start->holds_integers()) {
    std::vector<SymValue> elements;
    for (int64_t i = 0; i < length; ++i) {
      elements.push_back(range->start->Int(0) + range->delta->Int(0) * i);
    }
    return {Known(TensorValue::Integers(type, {length}, std::move(elements)))};
  }
  std::vector<double> elements;
  for (int64_t i = 0; i < length; ++i) {
    elements.push_back(range->start->Float(0) +
                       range->delta->Float(0) * static_cast<double>(i));
  }
  return {Known(TensorValue::Floats(type, {length}, std::move(elements)))};
}

constexpr OpDef kOps[] = {
    {"Constant",
     1,
     InferConstant,
     CountAlwaysView,
     FoldConstant,
     {"0", "0", "0", "", "", "R7"},
     "a tensor that the model stores"},
    {"ConstantOfShape",
     9,
     InferConstantOfShape,
     CountGenerated,
     FoldConstantOfShape,
     {"0", "0", "0", "", "output: out", "R1 R7 R8"},
     "a tensor filled with one value"},
    {"Range",
     11,
     InferRange,
     CountRange,
     FoldRange,
     {"0", "out", "out", "start: out; delta: out", "output: out", "R1 R2 R8"},
     "start + i * delta for each i"},
    {"Shape",
     1,
     InferShape,
     CountGenerated,
     FoldShape,
     {"0", "0", "0", "", "shape: out", "R1 R7"},
     "the extents of a tensor, of which it reads nothing",
     "",
     true},
    {"Size",
     1,
     InferSize,
     CountGenerated,
     FoldSize,
     {"0", "0", "0", "", "size: out", "R1 R7"},
     "the number of a tensor's elements, of which it reads nothing",
     "",
     true},
    {.name = "Range",
     .infer = InferRange,
     .count = CountRange,
     .fold = FoldRange,
     .formula = {.mul = "[delta]*out",
                 .add = "out",
                 .reads = "i0: out; i2: [delta]*out",
                 .writes = "o0: out",
                 .rules = "R1 R2 R8"},
     .description = "start + i * delta for each i; no mul where delta is left "
                    "out",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> GenerateOps() { return kOps; }

}  // namespace opcost
