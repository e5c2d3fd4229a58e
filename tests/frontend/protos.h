// SPDX-License-Identifier: Apache-2.0
// Models built field by field, for what ONNX's text format can't say.
#ifndef OPCOST_TESTS_FRONTEND_PROTOS_H_
#define OPCOST_TESTS_FRONTEND_PROTOS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "onnx/onnx_pb.h"
#include "opcost/frontend/import.h"

namespace opcost {

inline onnx::NodeProto* AddNode(onnx::GraphProto* graph,
                                const std::string& op_type,
                                std::initializer_list<const char*> inputs,
                                std::initializer_list<const char*> outputs,
                                const std::string& name = "") {
  onnx::NodeProto* node = graph->add_node();
  node->set_op_type(op_type);
  node->set_name(name);
  for (const char* input : inputs) node->add_input(input);
  for (const char* output : outputs) node->add_output(output);
  return node;
}

inline onnx::TypeProto TypeOf(int32_t element, std::vector<int64_t> dims) {
  onnx::TypeProto type;
  type.mutable_tensor_type()->set_elem_type(element);
  auto* shape = type.mutable_tensor_type()->mutable_shape();
  for (const int64_t dim : dims) shape->add_dim()->set_dim_value(dim);
  return type;
}

inline onnx::ValueInfoProto* AddInput(onnx::GraphProto* graph,
                                      const std::string& name,
                                      int32_t element = 1,
                                      std::vector<int64_t> dims = {2}) {
  onnx::ValueInfoProto* input = graph->add_input();
  input->set_name(name);
  *input->mutable_type() = TypeOf(element, std::move(dims));
  return input;
}

inline void FillTensor(onnx::TensorProto* tensor, const std::string& name,
                       int32_t element, std::vector<int64_t> dims) {
  tensor->set_name(name);
  tensor->set_data_type(element);
  for (const int64_t dim : dims) tensor->add_dims(dim);
}

inline onnx::TensorProto* AddInitializer(onnx::GraphProto* graph,
                                         const std::string& name,
                                         int32_t element,
                                         std::vector<int64_t> dims,
                                         const std::string& raw) {
  onnx::TensorProto* tensor = graph->add_initializer();
  FillTensor(tensor, name, element, std::move(dims));
  tensor->set_raw_data(raw);
  return tensor;
}

inline onnx::ModelProto EmptyModel() {
  onnx::ModelProto model;
  model.set_ir_version(8);
  model.add_opset_import()->set_version(17);
  model.mutable_graph()->set_name("g");
  return model;
}

// y = Relu(x), float[2].
inline onnx::ModelProto ReluModel() {
  onnx::ModelProto model = EmptyModel();
  AddInput(model.mutable_graph(), "x");
  AddNode(model.mutable_graph(), "Relu", {"x"}, {"y"}, "r");
  model.mutable_graph()->add_output()->set_name("y");
  return model;
}

inline absl::StatusOr<Model> Import(const onnx::ModelProto& model) {
  return ImportBytes(model.SerializeAsString(), "m.onnx");
}

// The value called `name`; a value called "no such value" if there is none.
inline const Value& ValueNamed(const Graph& graph, const std::string& name) {
  static const Value* const kNone = [] {
    auto* none = new Value;
    none->name = "no such value";
    return none;
  }();
  for (const Value& value : graph.values) {
    if (value.name == name) return value;
  }
  return *kNone;
}

}  // namespace opcost

#endif  // OPCOST_TESTS_FRONTEND_PROTOS_H_
