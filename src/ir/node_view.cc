// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/node_view.h"

#include <utility>

namespace opcost {
namespace {

absl::string_view KindName(ValueKind kind) {
  switch (kind) {
    case ValueKind::kTensor:
      return "a tensor";
    case ValueKind::kSequence:
      return "a sequence";
    case ValueKind::kOptional:
      return "an optional";
    case ValueKind::kMap:
      return "a map";
    case ValueKind::kUnknown:
      break;
  }
  return "of unknown type";
}

}  // namespace

bool IsUndetermined(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable;
}

absl::Status NodeView::Prefixed(absl::StatusCode code,
                                absl::string_view what) const {
  return absl::Status(code,
                      absl::StrCat(op_type(), " '", label(), "': ", what));
}

absl::string_view NodeView::OutputName(int o) const {
  if (!HasOutput(o)) return "";
  return graph_
      ->values[static_cast<size_t>(node_->outputs[static_cast<size_t>(o)])]
      .name;
}

absl::StatusOr<const TensorType*> NodeView::Input(int i) const {
  if (!HasInput(i)) return Invalid("operand ", i, " is missing");
  const ValueType& type = facts(i).type;
  const auto name = [this, i]() -> const std::string& {
    const auto index =
        static_cast<size_t>(node_->inputs[static_cast<size_t>(i)]);
    return graph_->values[index].name;
  };
  if (type.kind == ValueKind::kUnknown ||
      (type.is_tensor() && !type.tensor.shape.has_rank())) {
    return Unknown("the shape of '", name(), "' isn't known");
  }
  if (!type.is_tensor()) {
    return Invalid("operand ", i, " ('", name(), "') must be a tensor but is ",
                   KindName(type.kind));
  }
  return &type.tensor;
}

absl::StatusOr<std::vector<int64_t>> NodeView::InputInts(int i) const {
  if (!HasInput(i)) return Invalid("operand ", i, " is missing");
  const auto index = static_cast<size_t>(node_->inputs[static_cast<size_t>(i)]);
  const TensorValue* value = InputValue(i);
  if (value == nullptr) {
    return Unknown("the elements of '", graph_->values[index].name,
                   "' aren't known before the model runs");
  }
  std::optional<std::vector<int64_t>> ints = value->AsInts();
  if (!ints.has_value()) {
    if (!value->holds_integers()) {
      return Invalid("operand ", i, " ('", graph_->values[index].name,
                     "') must hold integers but is ", Name(value->type()));
    }
    return Unknown("the elements of '", graph_->values[index].name,
                   "' depend on dimensions without a number");
  }
  return *std::move(ints);
}

absl::Status NodeView::WrongKind(const Attribute& attribute,
                                 absl::string_view expected) const {
  return Invalid("attribute '", attribute.name, "' must be ", expected);
}

absl::StatusOr<int64_t> NodeView::Int(absl::string_view name,
                                      int64_t otherwise) const {
  const Attribute* attribute = node_->FindAttribute(name);
  if (attribute == nullptr) return otherwise;
  const auto* value = std::get_if<int64_t>(&attribute->content);
  if (value == nullptr) return WrongKind(*attribute, "an integer");
  return *value;
}

absl::StatusOr<double> NodeView::Float(absl::string_view name,
                                       double otherwise) const {
  const Attribute* attribute = node_->FindAttribute(name);
  if (attribute == nullptr) return otherwise;
  if (const auto* value = std::get_if<double>(&attribute->content)) {
    return *value;
  }
  if (const auto* value = std::get_if<int64_t>(&attribute->content)) {
    return static_cast<double>(*value);
  }
  return WrongKind(*attribute, "a number");
}

absl::StatusOr<std::string> NodeView::String(
    absl::string_view name, absl::string_view otherwise) const {
  const Attribute* attribute = node_->FindAttribute(name);
  if (attribute == nullptr) return std::string(otherwise);
  const auto* value = std::get_if<std::string>(&attribute->content);
  if (value == nullptr) return WrongKind(*attribute, "a string");
  return *value;
}

absl::StatusOr<absl::Span<const int64_t>> NodeView::IntsView(
    absl::string_view name) const {
  const Attribute* attribute = node_->FindAttribute(name);
  if (attribute == nullptr) return absl::Span<const int64_t>();
  const auto* value = std::get_if<std::vector<int64_t>>(&attribute->content);
  if (value == nullptr) return WrongKind(*attribute, "a list of integers");
  return absl::MakeConstSpan(*value);
}

absl::StatusOr<std::vector<int64_t>> NodeView::Ints(
    absl::string_view name) const {
  absl::StatusOr<absl::Span<const int64_t>> view = IntsView(name);
  if (!view.ok()) return view.status();
  return std::vector<int64_t>(view->begin(), view->end());
}

absl::StatusOr<std::vector<double>> NodeView::Floats(
    absl::string_view name) const {
  const Attribute* attribute = node_->FindAttribute(name);
  if (attribute == nullptr) return std::vector<double>();
  const auto* value = std::get_if<std::vector<double>>(&attribute->content);
  if (value == nullptr) return WrongKind(*attribute, "a list of numbers");
  return *value;
}

absl::StatusOr<std::vector<std::string>> NodeView::Strings(
    absl::string_view name) const {
  const Attribute* attribute = node_->FindAttribute(name);
  if (attribute == nullptr) return std::vector<std::string>();
  const auto* value =
      std::get_if<std::vector<std::string>>(&attribute->content);
  if (value == nullptr) return WrongKind(*attribute, "a list of strings");
  return *value;
}

absl::StatusOr<std::shared_ptr<const StoredTensor>> NodeView::Tensor(
    absl::string_view name) const {
  const Attribute* attribute = node_->FindAttribute(name);
  if (attribute == nullptr) return std::shared_ptr<const StoredTensor>();
  const auto* value =
      std::get_if<std::shared_ptr<const StoredTensor>>(&attribute->content);
  if (value == nullptr) return WrongKind(*attribute, "a tensor");
  return *value;
}

absl::StatusOr<const TensorType*> TypedNodeView::Output(int i) const {
  if (!HasOutput(i)) return Invalid("output ", i, " is missing");
  const ValueType& type = output_facts(i).type;
  if (!type.is_tensor() || !type.tensor.shape.has_rank()) {
    return Unknown("the shape of its output ", i, " isn't known");
  }
  return &type.tensor;
}

Count TypedNodeView::InputVolume(int i) const {
  if (!HasInput(i)) return Count(0);
  const ValueType& type = facts(i).type;
  return type.is_tensor() && type.tensor.shape.has_rank()
             ? Volume(type.tensor.shape.dims())
             : Count(0);
}

Count TypedNodeView::OutputVolume(int i) const {
  if (!HasOutput(i)) return Count(0);
  const ValueType& type = output_facts(i).type;
  return type.is_tensor() && type.tensor.shape.has_rank()
             ? Volume(type.tensor.shape.dims())
             : Count(0);
}

}  // namespace opcost
