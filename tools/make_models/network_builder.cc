// SPDX-License-Identifier: Apache-2.0
#include "tools/make_models/network_builder.h"

#include <utility>

namespace opcost::model_zoo {
namespace {

constexpr int64_t kIrVersion = 8;
constexpr int64_t kOpset = 17;

void SetInt(onnx::NodeProto* node, const std::string& name, int64_t value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INT);
  attribute->set_i(value);
}

void SetInts(onnx::NodeProto* node, const std::string& name,
             const std::vector<int64_t>& values) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::INTS);
  for (int64_t value : values) attribute->add_ints(value);
}

void SetFloat(onnx::NodeProto* node, const std::string& name, float value) {
  onnx::AttributeProto* attribute = node->add_attribute();
  attribute->set_name(name);
  attribute->set_type(onnx::AttributeProto::FLOAT);
  attribute->set_f(value);
}

void SetWindow(onnx::NodeProto* node, const Window& window) {
  SetInts(node, "kernel_shape", {window.kernel, window.width()});
  if (window.stride != 1)
    SetInts(node, "strides", {window.stride, window.stride});
  if (window.pad != 0)
    SetInts(node, "pads", {window.pad, window.pad, window.pad, window.pad});
  if (window.same) {
    onnx::AttributeProto* attribute = node->add_attribute();
    attribute->set_name("auto_pad");
    attribute->set_type(onnx::AttributeProto::STRING);
    attribute->set_s("SAME_UPPER");
  }
}

int64_t Steps(int64_t extent, int64_t kernel, const Window& window) {
  if (window.same) return (extent + window.stride - 1) / window.stride;
  return (extent + 2 * window.pad - kernel) / window.stride + 1;
}

void Declare(const Tensor& tensor, onnx::ValueInfoProto* value) {
  value->set_name(tensor.name);
  onnx::TypeProto::Tensor* type = value->mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  for (int64_t dim : tensor.dims)
    type->mutable_shape()->add_dim()->set_dim_value(dim);
}

}  // namespace

int64_t Weight::Elements() const {
  int64_t elements = 1;
  for (int64_t dim : dims) elements *= dim;
  return elements;
}

int64_t Network::Parameters() const {
  int64_t parameters = 0;
  for (const Weight& weight : weights)
    parameters += weight.is_statistic ? 0 : weight.Elements();
  return parameters;
}

NetworkBuilder::NetworkBuilder(std::string name, const Tensor& input) {
  network_.name = std::move(name);
  network_.model.set_ir_version(kIrVersion);
  network_.model.set_producer_name("opcost make_models");
  network_.model.add_opset_import()->set_version(kOpset);
  onnx::GraphProto* graph = network_.model.mutable_graph();
  graph->set_name(network_.name);
  Declare(input, graph->add_input());
}

onnx::NodeProto* NetworkBuilder::AddNode(
    const std::string& op, const std::string& name,
    const std::vector<std::string>& inputs) {
  onnx::NodeProto* node = network_.model.mutable_graph()->add_node();
  node->set_op_type(op);
  node->set_name(name);
  for (const std::string& input : inputs) node->add_input(input);
  node->add_output(name);
  return node;
}

std::string NetworkBuilder::AddWeight(const std::string& name,
                                      std::vector<int64_t> dims, Fill fill,
                                      int64_t fan_in) {
  network_.weights.push_back({name, std::move(dims), fill, fan_in, false});
  return name;
}

std::string NetworkBuilder::ScalarConstant(const std::string& name,
                                           float value) {
  onnx::GraphProto* graph = network_.model.mutable_graph();
  for (const onnx::TensorProto& known : graph->initializer()) {
    if (known.name() == name) return name;
  }
  onnx::TensorProto* tensor = graph->add_initializer();
  tensor->set_name(name);
  tensor->set_data_type(onnx::TensorProto::FLOAT);
  tensor->add_float_data(value);
  return name;
}

Tensor NetworkBuilder::Conv(const std::string& name, const Tensor& x,
                            int64_t channels, const Window& window,
                            const ConvOptions& options) {
  const int64_t depth = x.dims[1] / options.group;
  const int64_t fan_in = depth * window.kernel * window.width();
  std::vector<std::string> inputs = {
      x.name, AddWeight(name + ".weight",
                        {channels, depth, window.kernel, window.width()},
                        Fill::kHe, fan_in)};
  if (options.has_bias)
    inputs.push_back(
        AddWeight(name + ".bias", {channels}, Fill::kBias, fan_in));
  onnx::NodeProto* node = AddNode("Conv", name, inputs);
  SetWindow(node, window);
  if (options.group != 1) SetInt(node, "group", options.group);
  return {name,
          {x.dims[0], channels, Steps(x.dims[2], window.kernel, window),
           Steps(x.dims[3], window.width(), window)}};
}

Tensor NetworkBuilder::Gemm(const std::string& name, const Tensor& x,
                            int64_t features) {
  const int64_t fan_in = x.dims[1];
  onnx::NodeProto* node = AddNode(
      "Gemm", name,
      {x.name,
       AddWeight(name + ".weight", {features, fan_in}, Fill::kHe, fan_in),
       AddWeight(name + ".bias", {features}, Fill::kBias, fan_in)});
  SetInt(node, "transB", 1);
  return {name, {x.dims[0], features}};
}

Tensor NetworkBuilder::BatchNormalization(const std::string& name,
                                          const Tensor& x) {
  const std::vector<int64_t> dims = {x.dims[1]};
  const std::vector<std::string> inputs = {
      x.name, AddWeight(name + ".weight", dims, Fill::kOne, 1),
      AddWeight(name + ".bias", dims, Fill::kZero, 1),
      AddWeight(name + ".running_mean", dims, Fill::kZero, 1),
      AddWeight(name + ".running_var", dims, Fill::kOne, 1)};
  network_.weights[network_.weights.size() - 2].is_statistic = true;
  network_.weights[network_.weights.size() - 1].is_statistic = true;
  AddNode("BatchNormalization", name, inputs);
  return {name, x.dims};
}

Tensor NetworkBuilder::Lrn(const std::string& name, const Tensor& x,
                           int64_t size, float bias) {
  onnx::NodeProto* node = AddNode("LRN", name, {x.name});
  SetInt(node, "size", size);
  SetFloat(node, "alpha", 1e-4F);
  SetFloat(node, "beta", 0.75F);
  SetFloat(node, "bias", bias);
  return {name, x.dims};
}

Tensor NetworkBuilder::Unary(const std::string& op, const std::string& name,
                             const Tensor& x) {
  AddNode(op, name, {x.name});
  return {name, x.dims};
}

Tensor NetworkBuilder::Relu(const std::string& name, const Tensor& x) {
  return Unary("Relu", name, x);
}

Tensor NetworkBuilder::Relu6(const std::string& name, const Tensor& x) {
  AddNode(
      "Clip", name,
      {x.name, ScalarConstant("relu6.min", 0), ScalarConstant("relu6.max", 6)});
  return {name, x.dims};
}

Tensor NetworkBuilder::Sigmoid(const std::string& name, const Tensor& x) {
  return Unary("Sigmoid", name, x);
}

Tensor NetworkBuilder::Softmax(const std::string& name, const Tensor& x) {
  return Unary("Softmax", name, x);
}

Tensor NetworkBuilder::Pool(const std::string& op, const std::string& name,
                            const Tensor& x, const Window& window) {
  SetWindow(AddNode(op, name, {x.name}), window);
  return {name,
          {x.dims[0], x.dims[1], Steps(x.dims[2], window.kernel, window),
           Steps(x.dims[3], window.width(), window)}};
}

Tensor NetworkBuilder::MaxPool(const std::string& name, const Tensor& x,
                               const Window& window) {
  return Pool("MaxPool", name, x, window);
}

Tensor NetworkBuilder::AveragePool(const std::string& name, const Tensor& x,
                                   const Window& window) {
  return Pool("AveragePool", name, x, window);
}

Tensor NetworkBuilder::GlobalPool(const std::string& op,
                                  const std::string& name, const Tensor& x) {
  AddNode(op, name, {x.name});
  return {name, {x.dims[0], x.dims[1], 1, 1}};
}

Tensor NetworkBuilder::GlobalAveragePool(const std::string& name,
                                         const Tensor& x) {
  return GlobalPool("GlobalAveragePool", name, x);
}

Tensor NetworkBuilder::GlobalMaxPool(const std::string& name, const Tensor& x) {
  return GlobalPool("GlobalMaxPool", name, x);
}

Tensor NetworkBuilder::Flatten(const std::string& name, const Tensor& x) {
  AddNode("Flatten", name, {x.name});
  int64_t features = 1;
  for (size_t axis = 1; axis < x.dims.size(); ++axis) features *= x.dims[axis];
  return {name, {x.dims[0], features}};
}

Tensor NetworkBuilder::Add(const std::string& name, const Tensor& a,
                           const Tensor& b) {
  AddNode("Add", name, {a.name, b.name});
  return {name, a.dims};
}

Tensor NetworkBuilder::Mul(const std::string& name, const Tensor& a,
                           const Tensor& b) {
  AddNode("Mul", name, {a.name, b.name});
  return {name, a.dims};
}

Tensor NetworkBuilder::Concat(const std::string& name,
                              const std::vector<Tensor>& parts) {
  std::vector<std::string> inputs;
  Tensor result = {name, parts[0].dims};
  result.dims[1] = 0;
  for (const Tensor& part : parts) {
    inputs.push_back(part.name);
    result.dims[1] += part.dims[1];
  }
  SetInt(AddNode("Concat", name, inputs), "axis", 1);
  return result;
}

Network NetworkBuilder::Finish(const Tensor& output) {
  Declare(output, network_.model.mutable_graph()->add_output());
  return std::move(network_);
}

}  // namespace opcost::model_zoo
