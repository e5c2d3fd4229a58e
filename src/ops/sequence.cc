// SPDX-License-Identifier: Apache-2.0
// Sequences of tensors. A sequence holds its tensors by reference, so that
// building it, changing it and taking a tensor from it move nothing (R5).
// SplitToSequence and ConcatFromSequence copy; there a sequence counts as one
// array of all its elements.
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/sequence_types.h"

namespace opcost {
namespace {

// ---- Views ------------------------------------------------------------------

// The integer scalar that is operand `i`; nullopt if its value isn't known.
absl::StatusOr<std::optional<int64_t>> ScalarOf(const NodeView& node, int i) {
  const TensorValue* value = node.InputValue(i);
  if (value == nullptr) return std::optional<int64_t>();
  if (value->size() != 1 || !value->holds_integers() ||
      value->type() == DataType::kString) {
    return node.Invalid("operand ", i, " must be one integer but is ",
                        Name(value->type()), " ",
                        ToString(absl::MakeConstSpan(value->extents())));
  }
  return value->Int(0).AsInt();
}

// The place that operand `i` names in `sequence`, counted from 0; nullopt if
// that isn't known. `beyond` is 1 where the end of the sequence is a place too.
absl::StatusOr<std::optional<size_t>> PositionOf(const NodeView& node, int i,
                                                 const ValueType& sequence,
                                                 int64_t beyond) {
  OPCOST_ASSIGN_OR_RETURN(const std::optional<int64_t> given,
                          ScalarOf(node, i));
  if (!given.has_value() || !sequence.length.has_value() ||
      !sequence.length->is_concrete()) {
    return std::optional<size_t>();
  }
  const int64_t length = sequence.length->value();
  if (*given < -length || *given > length + beyond - 1) {
    return node.Invalid("position ", *given, " is outside the ", length,
                        " tensors of the sequence");
  }
  return std::optional<size_t>(
      static_cast<size_t>(*given < 0 ? *given + length : *given));
}

absl::StatusOr<OutputTypes> InferSequenceAt(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ValueType* sequence, InputSequence(node, 0));
  if (!node.HasInput(1)) return node.Invalid("operand 1 is missing");
  OPCOST_ASSIGN_OR_RETURN(const std::optional<size_t> position,
                          PositionOf(node, 1, *sequence, 0));
  if (sequence->length.has_value() && sequence->length->Is(0)) {
    return node.Invalid("the sequence is empty");
  }
  OutputTypes types;
  ValueType element = *sequence->element;
  if (sequence->elements != nullptr) {
    element = position.has_value()
                  ? ElementAt(*sequence, *position)
                  : CommonType(node, 0, *sequence->elements, &types);
  }
  // Of an unknown shape the model's own declaration may tell more.
  if (element.is_tensor() && !element.tensor.shape.has_rank()) {
    element = ValueType();
  }
  types.push_back(std::move(element));
  return types;
}

absl::StatusOr<OutputTypes> InferSequenceConstruct(const NodeView& node) {
  if (node.input_count() == 0) return node.Invalid("operand 0 is missing");
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  std::vector<ValueType> elements;
  for (int i = 0; i < node.input_count(); ++i) {
    if (!node.HasInput(i)) return node.Invalid("operand ", i, " is missing");
    ValueType type = node.InputType(i);
    if (type.kind == ValueKind::kUnknown) type.kind = ValueKind::kTensor;
    if (!type.is_tensor()) {
      return node.Invalid("operand ", i, " must be a tensor but is ",
                          ToString(type));
    }
    elements.push_back(std::move(type));
  }
  OutputTypes types;
  types.push_back(SequenceOfEach(node, 0, std::move(elements), &types));
  return types;
}

absl::StatusOr<OutputTypes> InferSequenceEmpty(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(
      const int64_t number,
      node.Int("dtype", static_cast<int64_t>(DataType::kFloat32)));
  const std::optional<DataType> type = DataTypeFromOnnx(number);
  if (!type.has_value()) {
    return node.Invalid("dtype ", number, " is no element type");
  }
  return OutputTypes{SequenceOf(TensorType{*type, Shape::Unknown()}, 0)};
}

// The elements of `sequence`, of known length, one by one.
std::vector<ValueType> Listed(const ValueType& sequence) {
  if (sequence.elements != nullptr) return *sequence.elements;
  return std::vector<ValueType>(static_cast<size_t>(sequence.length->value()),
                                *sequence.element);
}

absl::StatusOr<OutputTypes> InferSequenceErase(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ValueType* sequence, InputSequence(node, 0));
  std::optional<size_t> position;
  if (node.HasInput(1)) {
    OPCOST_ASSIGN_OR_RETURN(position, PositionOf(node, 1, *sequence, 0));
  } else if (sequence->elements != nullptr) {
    position = sequence->elements->size() - 1;
  }
  if (sequence->length.has_value() && sequence->length->Is(0)) {
    return node.Invalid("the sequence is empty");
  }
  OutputTypes types;
  if (sequence->elements != nullptr && position.has_value()) {
    std::vector<ValueType> left = *sequence->elements;
    left.erase(left.begin() + static_cast<std::ptrdiff_t>(*position));
    types.push_back(SequenceOfEach(node, 0, std::move(left), &types));
    return types;
  }
  std::optional<Extent> length = sequence->length;
  if (length.has_value()) length = *length - 1;
  types.push_back(SequenceOf(*sequence->element, std::move(length)));
  return types;
}

// `sequence` with one more of `tensor` at `position`, if that is known.
ValueType WithInserted(const NodeView& node, const ValueType& sequence,
                       const ValueType& tensor, std::optional<size_t> position,
                       OutputTypes* types) {
  if (sequence.length.has_value() && sequence.length->Is(0)) {
    return SequenceOf(tensor, 1);
  }
  std::optional<Extent> length = sequence.length;
  if (length.has_value()) length = *length + 1;
  const bool alike =
      sequence.elements == nullptr && sequence.element->tensor == tensor.tensor;
  if (alike) return SequenceOf(tensor, std::move(length));
  const bool listable =
      position.has_value() && sequence.length->value() < kMaxListedElements;
  if (!listable) {
    const ValueType both[] = {*sequence.element, tensor};
    return SequenceOf(CommonType(node, 0, both, types), std::move(length));
  }
  std::vector<ValueType> all = Listed(sequence);
  all.insert(all.begin() + static_cast<std::ptrdiff_t>(*position), tensor);
  return SequenceOfEach(node, 0, std::move(all), types);
}

absl::StatusOr<OutputTypes> InferSequenceInsert(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ValueType* sequence, InputSequence(node, 0));
  if (!node.HasInput(1)) return node.Invalid("operand 1 is missing");
  ValueType tensor = node.InputType(1);
  if (tensor.kind == ValueKind::kUnknown) tensor.kind = ValueKind::kTensor;
  if (!tensor.is_tensor()) {
    return node.Invalid("operand 1 must be a tensor but is ", ToString(tensor));
  }
  const DataType held = sequence->element->tensor.type;
  if (tensor.tensor.type == DataType::kUndefined) tensor.tensor.type = held;
  if (held != DataType::kUndefined && tensor.tensor.type != held) {
    return node.Invalid("the sequence holds ", Name(held),
                        " tensors but operand 1 is ", Name(tensor.tensor.type));
  }
  std::optional<size_t> position;
  if (node.HasInput(2)) {
    OPCOST_ASSIGN_OR_RETURN(position, PositionOf(node, 2, *sequence, 1));
  } else if (sequence->length.has_value() && sequence->length->is_concrete()) {
    position = static_cast<size_t>(sequence->length->value());
  }
  OutputTypes types;
  types.push_back(WithInserted(node, *sequence, tensor, position, &types));
  return types;
}

absl::StatusOr<OutputTypes> InferSequenceLength(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(InputSequence(node, 0).status());
  return OutputTypes{ValueType(DataType::kInt64, Dims{})};
}

absl::StatusOr<OpCounts> CountSequenceLength(const TypedNodeView& node) {
  node.Let("out", 1);
  OpCounts counts;
  WriteOutput(counts, node, 0, 1);
  return counts;
}

// The length, or a symbol for it, as Shape gives symbols for extents.
OutputValues FoldSequenceLength(const TypedNodeView& node) {
  const auto sequence = InputSequence(node, 0);
  if (!sequence.ok()) return {nullptr};
  const Extent length =
      (*sequence)->length.value_or(Extent::Symbol(node.OutputName(0)));
  if (length.overflowed()) return {nullptr};
  return {std::make_shared<const TensorValue>(
      TensorValue::Integers(DataType::kInt64, {}, {length.sym()}))};
}

// ---- SplitToSequence --------------------------------------------------------

// `dims` with `extent` on `axis`, as an element of a sequence.
ValueType PartOf(const TensorType& data, size_t axis, Extent extent) {
  Dims dims = data.shape.dims();
  dims[axis] = std::move(extent);
  return ValueType(data.type, std::move(dims));
}

// Parts of `part` each, the last of which may be shorter.
absl::StatusOr<ValueType> SplitEvenly(const NodeView& node,
                                      const TensorType& data, size_t axis,
                                      const SymValue& part,
                                      OutputTypes* types) {
  if (part.is_concrete() && part.value() <= 0) {
    return node.Invalid("split is ", part.value(),
                        " but a part must have at least 1 element");
  }
  const Extent& extent = data.shape.dims()[axis];
  const Extent each(part);
  const Extent length = Extent::CeilDiv(extent, each);
  const Extent rest(SymValue::Mod(extent.sym(), part));
  if (rest.Is(0)) return SequenceOf(PartOf(data, axis, each), length);
  if (length.Is(1)) return SequenceOf(PartOf(data, axis, extent), 1);
  if (!rest.is_concrete() || !length.is_concrete() ||
      length.value() > kMaxListedElements) {
    const Extent any =
        DataDependentExtent(node, 0, static_cast<int>(axis), each, types);
    return SequenceOf(PartOf(data, axis, any), length);
  }
  std::vector<ValueType> parts(static_cast<size_t>(length.value()),
                               PartOf(data, axis, each));
  parts.back() = PartOf(data, axis, rest);
  return SequenceOfEach(node, 0, std::move(parts), types);
}

// Parts of the lengths `given`.
absl::StatusOr<ValueType> SplitAsGiven(const NodeView& node,
                                       const TensorType& data, size_t axis,
                                       absl::Span<const SymValue> given,
                                       OutputTypes* types) {
  if (given.empty()) return node.Invalid("split gives no lengths");
  std::vector<ValueType> parts;
  Extent sum;
  for (size_t i = 0; i < given.size(); ++i) {
    OPCOST_ASSIGN_OR_RETURN(
        Extent part, NonNegative(node, given[i],
                                 absl::StrCat("length ", i, " of the split")));
    sum += part;
    parts.push_back(PartOf(data, axis, std::move(part)));
  }
  const Extent& extent = data.shape.dims()[axis];
  if (sum.overflowed() ||
      (sum.is_concrete() && extent.is_concrete() && !(sum == extent))) {
    return node.Invalid("the lengths of the split add up to ", sum.ToString(),
                        " but axis ", axis, " has extent ", extent.ToString());
  }
  return SequenceOfEach(node, 0, std::move(parts), types);
}

// Parts whose lengths only the data settle.
ValueType SplitUnknown(const NodeView& node, const TensorType& data,
                       size_t axis, OutputTypes* types) {
  std::optional<Extent> length;
  const ValueType& split = node.InputType(1);
  if (split.is_tensor() && split.tensor.shape.has_rank() &&
      split.tensor.shape.rank() == 1) {
    length = split.tensor.shape.dims()[0];
  }
  const Extent any = DataDependentExtent(node, 0, static_cast<int>(axis),
                                         data.shape.dims()[axis], types);
  return SequenceOf(PartOf(data, axis, any), std::move(length));
}

absl::StatusOr<OutputTypes> InferSplitToSequence(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int found,
                          AxisOf(node, "axis", 0, data->shape.rank()));
  OPCOST_ASSIGN_OR_RETURN(const int64_t keepdims, node.Int("keepdims", 1));
  const auto axis = static_cast<size_t>(found);
  if (!node.HasInput(1)) {
    ValueType element = PartOf(*data, axis, 1);
    // Which `split` makes void.
    if (keepdims == 0) {
      Dims& dims = element.tensor.shape.mutable_dims();
      dims.erase(dims.begin() + found);
    }
    return OutputTypes{
        SequenceOf(std::move(element), data->shape.dims()[axis])};
  }
  OutputTypes types;
  if (node.InputValue(1) == nullptr) {
    types.push_back(SplitUnknown(node, *data, axis, &types));
    return types;
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<SymValue> split,
                          InputSyms(node, 1));
  absl::StatusOr<ValueType> sequence =
      node.InputValue(1)->dims().empty()
          ? SplitEvenly(node, *data, axis, split[0], &types)
          : SplitAsGiven(node, *data, axis, split, &types);
  if (!sequence.ok()) return sequence.status();
  types.push_back(*std::move(sequence));
  return types;
}

absl::StatusOr<OpCounts> CountSplitToSequence(const TypedNodeView& node) {
  if (HasOnePart(node.OutputType(0))) return CountView(node);
  const Count moved = node.InputVolume(0);
  node.Let("moved", moved);
  OpCounts counts;
  ReadInput(counts, node, 0, moved);
  if (Access* written = WriteOutput(counts, node, 0, moved)) {
    written->elements = written->operand_elements = moved;
  }
  return counts;
}

// ---- ConcatFromSequence -----------------------------------------------------

// Adds the extents of element `i` to `joined`, along `axis` unless that is new.
absl::Status Join(const NodeView& node, const ValueType& element, size_t i,
                  std::optional<size_t> axis, Dims& joined) {
  if (!element.tensor.shape.has_rank()) {
    return node.Unknown("the shape of tensor ", i,
                        " of the sequence isn't known");
  }
  const Dims& dims = element.tensor.shape.dims();
  if (dims.size() != joined.size()) {
    return node.Invalid("tensor ", i, " of the sequence has ", dims.size(),
                        " axes but tensor 0 has ", joined.size());
  }
  for (size_t a = 0; a < dims.size(); ++a) {
    if (a == axis) {
      joined[a] += dims[a];
    } else if (!joined[a].is_concrete()) {
      joined[a] = dims[a];
    } else if (dims[a].is_concrete() && !(dims[a] == joined[a])) {
      return node.Invalid("tensor ", i, " of the sequence has extent ",
                          dims[a].ToString(), " on axis ", a,
                          " but those before it have ", joined[a].ToString());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTypes> InferConcatFromSequence(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ValueType* sequence, InputSequence(node, 0));
  if (sequence->length.has_value() && sequence->length->Is(0)) {
    return node.Invalid("the sequence is empty");
  }
  const ValueType& first = ElementAt(*sequence, 0);
  if (!first.is_tensor()) {
    return node.Invalid("the sequence must hold tensors but holds ",
                        ToString(first));
  }
  if (!first.tensor.shape.has_rank()) {
    return node.Unknown("the shape of the sequence's tensors isn't known");
  }
  if (!node.HasAttribute("axis")) {
    return node.Invalid("attribute 'axis' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t new_axis, node.Int("new_axis", 0));
  const bool stacks = new_axis != 0;
  OPCOST_ASSIGN_OR_RETURN(
      const int axis,
      AxisOf(node, "axis", 0, first.tensor.shape.rank() + (stacks ? 1 : 0)));
  const auto along = static_cast<size_t>(axis);
  Dims dims = first.tensor.shape.dims();
  const Extent length =
      sequence->length.value_or(UnboundedExtent(node, 0, axis));
  if (sequence->elements != nullptr) {
    const auto joined = stacks ? std::nullopt : std::optional<size_t>(along);
    for (size_t i = 1; i < sequence->elements->size(); ++i) {
      OPCOST_RETURN_IF_ERROR(
          Join(node, ElementAt(*sequence, i), i, joined, dims));
    }
  } else if (!stacks) {
    dims[along] = sequence->length.has_value() ? dims[along] * length : length;
  }
  if (stacks) dims.insert(dims.begin() + axis, length);
  return OutputTypes{ValueType(first.tensor.type, std::move(dims))};
}

absl::StatusOr<OpCounts> CountConcatFromSequence(const TypedNodeView& node) {
  if (HasOnePart(node.InputType(0))) return CountView(node);
  const Count moved = node.OutputVolume(0);
  node.Let("moved", moved);
  OpCounts counts;
  if (Access* read = ReadInput(counts, node, 0, moved)) {
    read->elements = read->operand_elements = moved;
  }
  WriteOutput(counts, node, 0, moved);
  return counts;
}

constexpr Formula kView = {"0", "0", "0", "", "", "R5"};

constexpr OpDef kOps[] = {
    {.name = "ConcatFromSequence",
     .since = 11,
     .infer = &InferConcatFromSequence,
     .count = &CountConcatFromSequence,
     .formula = {.reads = "i0: moved", .writes = "o0: moved", .rules = "R1 R5"},
     .description = "the tensors of a sequence, one array of all of them, one "
                    "after another along `axis` or stacked on a new one; a "
                    "view of one tensor"},
    {.name = "SequenceAt",
     .since = 11,
     .infer = &InferSequenceAt,
     .count = &CountAlwaysView,
     .formula = kView,
     .description = "a tensor of a sequence, which holds it by reference",
     .bound = "tensors of different extents count at the largest where the "
              "position isn't constant"},
    {.name = "SequenceConstruct",
     .since = 11,
     .infer = &InferSequenceConstruct,
     .count = &CountAlwaysView,
     .formula = kView,
     .description = "a sequence of its operands, which it holds by reference"},
    {.name = "SequenceEmpty",
     .since = 11,
     .infer = &InferSequenceEmpty,
     .count = &CountAlwaysView,
     .formula = kView,
     .description = "a sequence of no tensors"},
    {.name = "SequenceErase",
     .since = 11,
     .infer = &InferSequenceErase,
     .count = &CountAlwaysView,
     .formula = kView,
     .description = "a sequence without one of its tensors, none of which "
                    "moves"},
    {.name = "SequenceInsert",
     .since = 11,
     .infer = &InferSequenceInsert,
     .count = &CountAlwaysView,
     .formula = kView,
     .description = "a sequence with one more tensor, which it holds by "
                    "reference"},
    {.name = "SequenceLength",
     .since = 11,
     .infer = &InferSequenceLength,
     .count = &CountSequenceLength,
     .fold = &FoldSequenceLength,
     .formula = {.reads = "", .writes = "o0: out", .rules = "R1 R7"},
     .description = "the number of a sequence's tensors, of which it reads "
                    "nothing",
     .reads_shapes_only = true},
    {.name = "SplitToSequence",
     .since = 11,
     .infer = &InferSplitToSequence,
     .count = &CountSplitToSequence,
     .formula = {.reads = "i0: moved", .writes = "o0: moved", .rules = "R1 R5"},
     .description = "parts of the operand along `axis`, written as one array "
                    "of them all; a view of one part",
     .bound = "parts whose lengths aren't constant count at the whole extent "
              "in later layers"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> SequenceOps() { return kOps; }

}  // namespace opcost
