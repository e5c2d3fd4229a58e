// SPDX-License-Identifier: Apache-2.0
#include "src/ops/sequence_types.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace opcost {

Extent UnboundedExtent(const NodeView& node, int output, int axis) {
  return Extent::Symbol(absl::StrCat(node.OutputName(output), "#", axis));
}

absl::StatusOr<const ValueType*> InputSequence(const NodeView& node, int i) {
  if (!node.HasInput(i)) return node.Invalid("operand ", i, " is missing");
  const ValueType& type = node.InputType(i);
  if (type.kind == ValueKind::kUnknown ||
      (type.kind == ValueKind::kSequence && type.element == nullptr)) {
    return node.Unknown("the type of operand ", i, " isn't known");
  }
  if (type.kind != ValueKind::kSequence) {
    return node.Invalid("operand ", i, " must be a sequence but is ",
                        ToString(type));
  }
  return &type;
}

ValueType CommonType(const NodeView& node, int output,
                     absl::Span<const ValueType> types, OutputTypes* noted) {
  TensorType common = types[0].tensor;
  for (const ValueType& type : types) {
    const Shape& shape = type.tensor.shape;
    if (!shape.has_rank() || !common.shape.has_rank() ||
        shape.rank() != common.shape.rank()) {
      return TensorType{common.type, Shape::Unknown()};
    }
  }
  for (int axis = 0; axis < common.shape.rank(); ++axis) {
    const auto along = static_cast<size_t>(axis);
    Extent& extent = common.shape.mutable_dims()[along];
    Extent most = extent;
    bool differs = false;
    for (const ValueType& type : types) {
      const Extent& other = type.tensor.shape.dims()[along];
      if (other == extent) continue;
      differs = true;
      most = Extent::Max(most, other);
    }
    if (!differs) continue;
    extent = DataDependentExtent(node, output, axis, std::move(most), noted);
  }
  return common;
}

ValueType SequenceOf(ValueType element, std::optional<Extent> length) {
  ValueType sequence;
  sequence.kind = ValueKind::kSequence;
  sequence.element = std::make_shared<const ValueType>(std::move(element));
  sequence.length = std::move(length);
  return sequence;
}

ValueType SequenceOfEach(const NodeView& node, int output,
                         std::vector<ValueType> types, OutputTypes* noted) {
  const auto length = static_cast<int64_t>(types.size());
  const bool alike =
      std::all_of(types.begin(), types.end(), [&types](const ValueType& type) {
        return type.tensor == types[0].tensor;
      });
  if (alike) return SequenceOf(std::move(types[0]), length);
  ValueType sequence =
      SequenceOf(CommonType(node, output, types, noted), length);
  if (length <= kMaxListedElements) {
    sequence.elements =
        std::make_shared<const std::vector<ValueType>>(std::move(types));
  }
  return sequence;
}

const ValueType& ElementAt(const ValueType& sequence, size_t i) {
  return sequence.elements == nullptr ? *sequence.element
                                      : (*sequence.elements)[i];
}

std::optional<Count> SequenceVolume(const ValueType& sequence) {
  const auto volume = [](const ValueType& type) -> std::optional<Count> {
    if (!type.is_tensor() || !type.tensor.shape.has_rank()) return std::nullopt;
    return Volume(type.tensor.shape.dims());
  };
  if (sequence.elements == nullptr) {
    const std::optional<Count> each = volume(*sequence.element);
    if (!each.has_value() || !sequence.length.has_value()) return std::nullopt;
    return *each * *sequence.length;
  }
  Count all;
  for (const ValueType& element : *sequence.elements) {
    const std::optional<Count> one = volume(element);
    if (!one.has_value()) return std::nullopt;
    all += *one;
  }
  return all;
}

bool HasOnePart(const ValueType& sequence) {
  if (sequence.elements == nullptr) {
    return sequence.length.has_value() &&
           (sequence.length->Is(0) || sequence.length->Is(1));
  }
  return std::count_if(sequence.elements->begin(), sequence.elements->end(),
                       [](const ValueType& element) {
                         const Shape& shape = element.tensor.shape;
                         return !shape.has_rank() ||
                                !Volume(shape.dims()).Is(0);
                       }) <= 1;
}

}  // namespace opcost
