// SPDX-License-Identifier: Apache-2.0
// Optional values. An optional holds its element by reference: putting it in
// and taking it out move nothing (R5).
#include <memory>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// Since opset 18 a tensor or a sequence stands for an optional that holds it.
constexpr int kPlainOperandOpset = 18;

// The type that attribute `type` states; null if the node lacks it.
absl::StatusOr<std::shared_ptr<const ValueType>> StatedType(
    const NodeView& node) {
  const Attribute* attribute = node.node().FindAttribute("type");
  if (attribute == nullptr) return std::shared_ptr<const ValueType>();
  if (const auto* type =
          std::get_if<std::shared_ptr<const ValueType>>(&attribute->content)) {
    return *type;
  }
  if (std::holds_alternative<std::monostate>(attribute->content)) {
    return node.Unknown("attribute 'type' isn't read");
  }
  return node.Invalid("attribute 'type' must be a type");
}

absl::StatusOr<OutputTypes> InferOptional(const NodeView& node) {
  ValueType optional;
  optional.kind = ValueKind::kOptional;
  if (node.HasInput(0)) {
    optional.element = std::make_shared<const ValueType>(node.InputType(0));
    optional.length = 1;
  } else {
    OPCOST_ASSIGN_OR_RETURN(optional.element, StatedType(node));
    if (optional.element == nullptr) {
      return node.Invalid(
          "neither operand 0 nor attribute 'type' says what it is of");
    }
    optional.length = 0;
  }
  return OutputTypes{std::move(optional)};
}

// Operand 0, which is present, as far as this opset may take it. Errors: it is
// of another kind; IsUndetermined().
absl::Status CheckOperand(const NodeView& node) {
  const ValueType& type = node.InputType(0);
  if (type.kind == ValueKind::kUnknown) {
    return node.Unknown("the type of operand 0 isn't known");
  }
  if (type.kind == ValueKind::kOptional) return absl::OkStatus();
  const bool may_be_plain =
      type.is_tensor() || type.kind == ValueKind::kSequence;
  if (node.opset() >= kPlainOperandOpset && may_be_plain) {
    return absl::OkStatus();
  }
  return node.Invalid(
      "operand 0 must be an optional",
      node.opset() >= kPlainOperandOpset ? ", a tensor or a sequence" : "",
      " but is ", ToString(type));
}

absl::StatusOr<OutputTypes> InferGetElement(const NodeView& node) {
  if (!node.HasInput(0)) return node.Invalid("operand 0 is missing");
  OPCOST_RETURN_IF_ERROR(CheckOperand(node));
  const ValueType& type = node.InputType(0);
  if (type.kind != ValueKind::kOptional) return OutputTypes{type};
  if (type.length.has_value() && type.length->Is(0)) {
    return node.Invalid("the optional is empty");
  }
  // Of an unknown element the model's own declaration may tell more.
  return OutputTypes{type.element == nullptr ? ValueType() : *type.element};
}

// The element's value, where the operand is the element itself.
OutputValues FoldGetElement(const TypedNodeView& node) {
  if (!node.HasInput(0) || !node.InputType(0).is_tensor()) return {nullptr};
  const TensorValue* value = node.InputValue(0);
  if (value == nullptr) return {nullptr};
  return {std::make_shared<const TensorValue>(*value)};
}

absl::StatusOr<OutputTypes> InferHasElement(const NodeView& node) {
  if (node.HasInput(0)) {
    OPCOST_RETURN_IF_ERROR(CheckOperand(node));
  } else if (node.opset() < kPlainOperandOpset) {
    return node.Invalid("operand 0 is missing");
  }
  return OutputTypes{ValueType(DataType::kBool, Dims{})};
}

absl::StatusOr<OpCounts> CountHasElement(const TypedNodeView& node) {
  node.Let("out", 1);
  OpCounts counts;
  WriteOutput(counts, node, 0, 1);
  return counts;
}

// Whether there is an element, or a symbol for that.
OutputValues FoldHasElement(const TypedNodeView& node) {
  Extent holds = 1;
  if (!node.HasInput(0)) {
    holds = 0;
  } else if (node.InputType(0).kind == ValueKind::kOptional) {
    holds =
        node.InputType(0).length.value_or(Extent::Symbol(node.OutputName(0)));
  }
  return {std::make_shared<const TensorValue>(
      TensorValue::Integers(DataType::kBool, {}, {holds.sym()}))};
}

constexpr Formula kView = {"0", "0", "0", "", "", "R5"};

constexpr OpDef kOps[] = {
    {.name = "Optional",
     .since = 15,
     .infer = &InferOptional,
     .count = &CountAlwaysView,
     .formula = kView,
     .description = "an optional that holds its operand by reference, or is "
                    "empty without one"},
    {.name = "OptionalGetElement",
     .since = 15,
     .infer = &InferGetElement,
     .count = &CountAlwaysView,
     .fold = &FoldGetElement,
     .formula = kView,
     .description = "the element of an optional, or the operand itself",
     .moves_only = true},
    {.name = "OptionalHasElement",
     .since = 15,
     .infer = &InferHasElement,
     .count = &CountHasElement,
     .fold = &FoldHasElement,
     .formula = {.reads = "", .writes = "o0: out", .rules = "R1 R7"},
     .description = "whether an optional holds an element, of which it reads "
                    "nothing; true of a tensor or a sequence",
     .reads_shapes_only = true},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> OptionalOps() { return kOps; }

}  // namespace opcost
