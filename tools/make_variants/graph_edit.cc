// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/graph_edit.h"

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/elements.h"

namespace opcost::variants {

const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node,
                                          absl::string_view name) {
  for (const onnx::AttributeProto& attribute : node.attribute())
    if (attribute.name() == name) return &attribute;
  return nullptr;
}

int64_t IntOf(const onnx::NodeProto& node, absl::string_view name,
              int64_t otherwise) {
  const onnx::AttributeProto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->i();
}

float FloatOf(const onnx::NodeProto& node, absl::string_view name,
              float otherwise) {
  const onnx::AttributeProto* attribute = FindAttribute(node, name);
  return attribute == nullptr ? otherwise : attribute->f();
}

void SetInt(onnx::NodeProto* node, const std::string& name, int64_t value) {
  for (onnx::AttributeProto& attribute : *node->mutable_attribute()) {
    if (attribute.name() != name) continue;
    attribute.set_i(value);
    return;
  }
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

std::string InputOf(const onnx::NodeProto& node, int i) {
  return i < node.input_size() ? node.input(i) : "";
}

std::string LabelOf(const onnx::NodeProto& node) {
  if (!node.name().empty() || node.output_size() == 0) return node.name();
  return node.output(0);
}

bool IsOnnx(const onnx::NodeProto& node) {
  return node.domain().empty() || node.domain() == "ai.onnx";
}

onnx::NodeProto MakeNode(const std::string& op, const std::string& name,
                         const std::vector<std::string>& inputs,
                         const std::string& output) {
  onnx::NodeProto node;
  node.set_op_type(op);
  node.set_name(name);
  for (const std::string& input : inputs) node.add_input(input);
  node.add_output(output);
  return node;
}

GraphIndex::GraphIndex(const onnx::GraphProto& graph) {
  for (int n = 0; n < graph.node_size(); ++n) {
    const onnx::NodeProto& node = graph.node(n);
    for (const std::string& output : node.output()) producers_[output] = n;
    for (const std::string& input : node.input()) {
      consumers_[input].push_back(n);
      ++uses_[input];
    }
    CountBodies(node);
  }
  for (const onnx::ValueInfoProto& output : graph.output()) {
    returned_.insert(output.name());
    ++uses_[output.name()];
  }
}

void GraphIndex::CountBodies(const onnx::NodeProto& node) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (!attribute.has_g()) continue;
    for (const onnx::NodeProto& inner : attribute.g().node()) {
      for (const std::string& input : inner.input()) ++uses_[input];
      CountBodies(inner);
    }
    for (const onnx::ValueInfoProto& output : attribute.g().output())
      ++uses_[output.name()];
  }
}

int GraphIndex::Producer(const std::string& name) const {
  const auto found = producers_.find(name);
  return found == producers_.end() ? -1 : found->second;
}

int GraphIndex::Uses(const std::string& name) const {
  const auto found = uses_.find(name);
  return found == uses_.end() ? 0 : found->second;
}

const std::vector<int>& GraphIndex::Consumers(const std::string& name) const {
  static const auto* const kNone = new std::vector<int>();
  const auto found = consumers_.find(name);
  return found == consumers_.end() ? *kNone : found->second;
}

absl::StatusOr<std::vector<double>> ReadAll(const Tensor& tensor) {
  if (!IsPlainFloat(tensor.type) || tensor.elements > kPieceElements) {
    return absl::InvalidArgumentError(
        absl::StrCat("tensor '", tensor.name, "' has ", tensor.elements,
                     " elements of ", absl::string_view(Name(tensor.type)),
                     "; expected at most ", kPieceElements, " floats"));
  }
  std::vector<double> elements;
  OPCOST_RETURN_IF_ERROR(
      tensor.ForEachPiece(1, [&](const char* bytes, int64_t count) {
        WithFloat(tensor.type, [&](auto format) {
          using Format = decltype(format);
          for (int64_t i = 0; i < count; ++i)
            elements.push_back(
                Format::Load(BitsAt<typename Format::Bits>(bytes, i)));
        });
        return absl::OkStatus();
      }));
  return elements;
}

}  // namespace opcost::variants
