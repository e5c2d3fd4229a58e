// SPDX-License-Identifier: Apache-2.0
#include "tests/support/one_node.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/ops/registry.h"
#include "opcost/support/status_macros.h"
#include "tests/support/counted.h"

namespace opcost {

OneNode::OneNode(absl::string_view op_type, int opset,
                 absl::string_view domain) {
  Node node;
  node.op_type = std::string(op_type);
  node.domain = std::string(domain);
  node.opset = opset;
  graph_.nodes.push_back(std::move(node));
}

OneNode& OneNode::Add(ValueFacts facts) {
  Value value;
  value.name = absl::StrCat("i", graph_.nodes[0].inputs.size());
  graph_.nodes[0].inputs.push_back(static_cast<ValueIndex>(facts_.size()));
  graph_.values.push_back(std::move(value));
  facts_.push_back(std::move(facts));
  return *this;
}

OneNode& OneNode::Input(Dims dims, DataType type) {
  return Add({ValueType(type, std::move(dims)), false, nullptr});
}

OneNode& OneNode::InputOfUnknownRank(DataType type) {
  return Add({TensorType{type, Shape::Unknown()}, false, nullptr});
}

OneNode& OneNode::InputOf(ValueType type) {
  return Add({std::move(type), false, nullptr});
}

OneNode& OneNode::Constant(Dims dims, DataType type) {
  return Add({ValueType(type, std::move(dims)), true, nullptr});
}

OneNode& OneNode::ConstantValue(TensorValue value) {
  ValueType type(value.type(), value.extents());
  return Add({std::move(type), true,
              std::make_shared<const TensorValue>(std::move(value))});
}

OneNode& OneNode::ConstantInts(std::vector<int64_t> elements) {
  const IntDims dims = {static_cast<int64_t>(elements.size())};
  return ConstantValue(TensorValue::Integers(
      DataType::kInt64, dims,
      std::vector<SymValue>(elements.begin(), elements.end())));
}

OneNode& OneNode::ConstantFloats(std::vector<double> elements) {
  const IntDims dims = {static_cast<int64_t>(elements.size())};
  return ConstantValue(
      TensorValue::Floats(DataType::kFloat32, dims, std::move(elements)));
}

OneNode& OneNode::ConstantScalar(int64_t element) {
  return ConstantValue(TensorValue::Integers(DataType::kInt64, {}, {element}));
}

OneNode& OneNode::ConstantScalarFloat(double element, DataType type) {
  return ConstantValue(TensorValue::Floats(type, {}, {element}));
}

OneNode& OneNode::Absent() {
  graph_.nodes[0].inputs.push_back(kAbsent);
  return *this;
}

OneNode& OneNode::Attr(absl::string_view name, int64_t value) {
  graph_.nodes[0].attributes.push_back({std::string(name), value});
  return *this;
}

OneNode& OneNode::Attr(absl::string_view name, int value) {
  return Attr(name, static_cast<int64_t>(value));
}

OneNode& OneNode::Attr(absl::string_view name, double value) {
  graph_.nodes[0].attributes.push_back({std::string(name), value});
  return *this;
}

OneNode& OneNode::Attr(absl::string_view name, const char* value) {
  graph_.nodes[0].attributes.push_back({std::string(name), std::string(value)});
  return *this;
}

OneNode& OneNode::Attr(absl::string_view name, std::vector<int64_t> value) {
  graph_.nodes[0].attributes.push_back({std::string(name), std::move(value)});
  return *this;
}

OneNode& OneNode::AttrFloats(absl::string_view name,
                             std::vector<double> value) {
  graph_.nodes[0].attributes.push_back({std::string(name), std::move(value)});
  return *this;
}

OneNode& OneNode::AttrStrings(absl::string_view name,
                              std::vector<std::string> value) {
  graph_.nodes[0].attributes.push_back({std::string(name), std::move(value)});
  return *this;
}

OneNode& OneNode::AttrType(absl::string_view name, ValueType type) {
  graph_.nodes[0].attributes.push_back(
      {std::string(name), std::make_shared<const ValueType>(std::move(type))});
  return *this;
}

OneNode& OneNode::Outputs(int count) {
  output_count_ = count;
  return *this;
}

OneNode& OneNode::UnusedOutput(int index) {
  unused_outputs_.push_back(index);
  return *this;
}

bool OneNode::IsImmediate(int i) const {
  if (i < 0 || static_cast<size_t>(i) >= node().inputs.size()) return false;
  const ValueIndex value = node().inputs[static_cast<size_t>(i)];
  if (value == kAbsent) return false;
  const ValueFacts& facts = facts_[static_cast<size_t>(value)];
  return facts.is_constant && facts.type.is_tensor() &&
         facts.type.tensor.shape.has_rank() &&
         Volume(facts.type.tensor.shape.dims()).Is(1);
}

bool OneNode::IsOutputUsed(int o) const {
  return o >= 0 && o < output_count_ &&
         std::find(unused_outputs_.begin(), unused_outputs_.end(), o) ==
             unused_outputs_.end();
}

const OpDef* OneNode::def() const {
  const Node& node = graph_.nodes[0];
  return FindOp(node.domain, node.op_type, node.opset);
}

absl::StatusOr<OutputTypes> OneNode::Infer() {
  if (!sealed_) {
    for (int o = 0; o < output_count_; ++o) {
      Value value;
      value.name = absl::StrCat("o", o);
      graph_.nodes[0].outputs.push_back(static_cast<ValueIndex>(facts_.size()));
      graph_.values.push_back(std::move(value));
      facts_.emplace_back();
    }
    used_.assign(facts_.size(), 1);
    for (const int o : unused_outputs_) {
      used_[facts_.size() - static_cast<size_t>(output_count_ - o)] = 0;
    }
    sealed_ = true;
  }
  const OpDef* row = def();
  if (row == nullptr) {
    return absl::NotFoundError(
        absl::StrCat("no operator ", graph_.nodes[0].op_type));
  }
  return row->infer(NodeView(graph_, graph_.nodes[0], facts_));
}

absl::StatusOr<TypedNodeView> OneNode::InferredView() {
  OPCOST_ASSIGN_OR_RETURN(OutputTypes types, Infer());
  const size_t first = facts_.size() - static_cast<size_t>(output_count_);
  for (size_t o = 0; o < static_cast<size_t>(output_count_) && o < types.size();
       ++o) {
    facts_[first + o].type = types[o];
  }
  legend_.clear();
  return TypedNodeView(graph_, graph_.nodes[0], facts_, used_, &legend_);
}

std::string OneNode::InferText(int o) {
  const absl::StatusOr<OutputTypes> types = Infer();
  if (!types.ok()) return std::string(types.status().message());
  if (static_cast<size_t>(o) >= types->size()) return "no such output";
  return ToString((*types)[static_cast<size_t>(o)]);
}

absl::StatusOr<OpCounts> OneNode::Count() {
  OPCOST_ASSIGN_OR_RETURN(const TypedNodeView view, InferredView());
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, def()->count(view));
  OPCOST_RETURN_IF_ERROR(counts.Validate(view));
  NoteCounted(*def());
  return counts;
}

absl::StatusOr<OutputValues> OneNode::Fold() {
  OPCOST_ASSIGN_OR_RETURN(const TypedNodeView view, InferredView());
  if (def()->fold == nullptr) return OutputValues();
  return def()->fold(view);
}

}  // namespace opcost
