// SPDX-License-Identifier: Apache-2.0
#include "tools/make_models/graph_builder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace opcost::model_zoo {
namespace {

constexpr char kContrib[] = "com.microsoft";

onnx::AttributeProto Attribute(const std::string& name,
                               onnx::AttributeProto::AttributeType type) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(type);
  return attribute;
}

void Declare(const std::string& name, onnx::TensorProto::DataType type,
             const std::vector<Dim>& dims, onnx::ValueInfoProto* value) {
  value->set_name(name);
  onnx::TypeProto::Tensor* tensor =
      value->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(type);
  onnx::TensorShapeProto* shape = tensor->mutable_shape();
  for (const Dim& dim : dims) {
    onnx::TensorShapeProto::Dimension* declared = shape->add_dim();
    if (dim.symbol.empty()) {
      declared->set_dim_value(dim.size);
    } else {
      declared->set_dim_param(dim.symbol);
    }
  }
}

}  // namespace

onnx::AttributeProto Int(const std::string& name, int64_t value) {
  onnx::AttributeProto attribute = Attribute(name, onnx::AttributeProto::INT);
  attribute.set_i(value);
  return attribute;
}

onnx::AttributeProto Ints(const std::string& name, const Sizes& values) {
  onnx::AttributeProto attribute = Attribute(name, onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
  return attribute;
}

onnx::AttributeProto Float(const std::string& name, float value) {
  onnx::AttributeProto attribute = Attribute(name, onnx::AttributeProto::FLOAT);
  attribute.set_f(value);
  return attribute;
}

onnx::AttributeProto Text(const std::string& name, const std::string& value) {
  onnx::AttributeProto attribute =
      Attribute(name, onnx::AttributeProto::STRING);
  attribute.set_s(value);
  return attribute;
}

GraphBuilder::GraphBuilder(std::string name, int64_t opset, Constants constants)
    : constants_(constants) {
  network_.name = std::move(name);
  network_.model.set_ir_version(8);
  network_.model.set_producer_name("opcost make_models");
  network_.model.add_opset_import()->set_version(opset);
  network_.model.mutable_graph()->set_name(network_.name);
}

Name GraphBuilder::Input(const std::string& name,
                         onnx::TensorProto::DataType type,
                         const std::vector<Dim>& dims) {
  Declare(name, type, dims, network_.model.mutable_graph()->add_input());
  return name;
}

void GraphBuilder::Output(const Name& value, const std::string& name,
                          onnx::TensorProto::DataType type,
                          const std::vector<Dim>& dims) {
  onnx::GraphProto* graph = network_.model.mutable_graph();
  Declare(name, type, dims, graph->add_output());
  for (onnx::NodeProto& node : *graph->mutable_node()) {
    for (std::string& input : *node.mutable_input())
      if (input == value) input = name;
    for (std::string& output : *node.mutable_output())
      if (output == value) output = name;
  }
}

std::string GraphBuilder::UniqueName(const std::string& op) {
  const std::string name = absl::StrCat(scope_, "/", op);
  const int repeats = repeats_[name]++;
  return repeats == 0 ? name : absl::StrCat(name, "_", repeats);
}

onnx::NodeProto* GraphBuilder::AddNode(const std::string& op,
                                       const Names& inputs, int outputs,
                                       const Attributes& attributes) {
  onnx::NodeProto* node = network_.model.mutable_graph()->add_node();
  node->set_op_type(op);
  node->set_name(UniqueName(op));
  for (const Name& input : inputs) node->add_input(input);
  node->add_output(node->name());
  for (int o = 1; o < outputs; ++o)
    node->add_output(absl::StrCat(node->name(), ":", o));
  for (const onnx::AttributeProto& attribute : attributes)
    *node->add_attribute() = attribute;
  return node;
}

Name GraphBuilder::Add(const std::string& op, const Names& inputs,
                       const Attributes& attributes) {
  return AddNode(op, inputs, 1, attributes)->output(0);
}

Names GraphBuilder::AddMany(const std::string& op, const Names& inputs,
                            int outputs, const Attributes& attributes) {
  const onnx::NodeProto* node = AddNode(op, inputs, outputs, attributes);
  return Names(node->output().begin(), node->output().end());
}

Names GraphBuilder::AddContrib(const std::string& op, const Names& inputs,
                               const std::vector<int>& outputs,
                               const Attributes& attributes) {
  if (network_.model.opset_import_size() == 1) {
    onnx::OperatorSetIdProto* import = network_.model.add_opset_import();
    import->set_domain(kContrib);
    import->set_version(1);
  }
  onnx::NodeProto* node = AddNode(op, inputs, outputs.back() + 1, attributes);
  node->set_domain(kContrib);
  Names wanted;
  for (const int o : outputs) wanted.push_back(node->output(o));
  for (std::string& output : *node->mutable_output()) {
    if (std::find(wanted.begin(), wanted.end(), output) == wanted.end())
      output.clear();
  }
  return wanted;
}

Name GraphBuilder::Constant(const std::string& name, onnx::TensorProto tensor) {
  onnx::GraphProto* graph = network_.model.mutable_graph();
  if (constants_ == Constants::kNodes) {
    onnx::NodeProto* node = AddNode("Constant", {}, 1, {});
    onnx::AttributeProto* value = node->add_attribute();
    *value = Attribute("value", onnx::AttributeProto::TENSOR);
    *value->mutable_t() = std::move(tensor);
    return node->output(0);
  }
  const auto [known, is_new] =
      constant_names_.emplace(tensor.SerializeAsString(), name);
  if (is_new) {
    tensor.set_name(name);
    *graph->add_initializer() = std::move(tensor);
  }
  return known->second;
}

Name GraphBuilder::Integers(const Sizes& elements) {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_dims(static_cast<int64_t>(elements.size()));
  for (const int64_t element : elements) tensor.add_int64_data(element);
  return Constant(absl::StrCat("[", absl::StrJoin(elements, ","), "]"),
                  std::move(tensor));
}

Name GraphBuilder::Integer(int64_t element) {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::INT64);
  tensor.add_int64_data(element);
  return Constant(absl::StrCat(element), std::move(tensor));
}

Name GraphBuilder::Real(float element) {
  onnx::TensorProto tensor;
  tensor.set_data_type(onnx::TensorProto::FLOAT);
  tensor.add_float_data(element);
  return Constant(absl::StrCat("float ", element), std::move(tensor));
}

Name GraphBuilder::Learnt(const std::string& name, Sizes dims, Fill fill,
                          int64_t fan_in) {
  network_.weights.push_back({name, std::move(dims), fill, fan_in, false});
  return name;
}

Name GraphBuilder::Table(const std::string& name, Sizes dims) {
  network_.weights.push_back({name, std::move(dims), Fill::kZero, 1, true});
  return name;
}

GraphBuilder::Scope::Scope(GraphBuilder* builder, const std::string& name)
    : builder_(builder), outer_(builder->scope_.size()) {
  absl::StrAppend(&builder_->scope_, "/", name);
}

Network GraphBuilder::Finish() { return std::move(network_); }

}  // namespace opcost::model_zoo
