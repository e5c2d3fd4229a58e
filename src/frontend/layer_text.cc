// SPDX-License-Identifier: Apache-2.0
#include "opcost/frontend/layer_text.h"

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "onnx/onnx_pb.h"
#include "opcost/ir/payload_source.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/layer_attribute.h"
#include "src/frontend/layer_parser.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr char kWeightFile[] = "layer.weights";
// As much of a text as a message quotes.
constexpr size_t kQuotedBytes = 80;

// The IR version that came with an operator set: readers of the one know the
// other (ONNX, docs/Versioning.md).
int64_t IrVersionFor(const ParsedLayer& layer) {
  if (!layer.domain.empty() || layer.opset <= 18) return 8;
  if (layer.opset <= 20) return 9;
  if (layer.opset <= 22) return 10;
  return 11;
}

void SetShape(const Shape& shape, onnx::TypeProto_Tensor* type) {
  auto* proto = type->mutable_shape();
  for (const Extent& extent : shape.dims()) {
    proto->add_dim()->set_dim_value(extent.value());
  }
}

void AddExternal(string_view key, std::string value,
                 onnx::TensorProto* tensor) {
  onnx::StringStringEntryProto* entry = tensor->add_external_data();
  entry->set_key(std::string(key));
  entry->set_value(std::move(value));
}

// `offset_bytes` is where the next constant begins in the absent file.
absl::Status AddConstant(const LayerOperand& operand, Extent* offset_bytes,
                         onnx::GraphProto* graph) {
  onnx::TensorProto* tensor = graph->add_initializer();
  tensor->set_name(operand.name);
  tensor->set_data_type(static_cast<int32_t>(operand.type.type));
  for (const Extent& extent : operand.type.shape.dims()) {
    tensor->add_dims(extent.value());
  }
  if (operand.elements.has_value()) return FillElements(operand, tensor);
  if (operand.type.type == DataType::kString) {
    return absl::InvalidArgumentError(absl::StrCat(
        operand.name, ": a constant of strings has no size; make it an input"));
  }
  const Extent length = RawSizeBytes(operand.type);
  const Extent end = *offset_bytes + length;
  if (!end.is_concrete()) {
    return absl::InvalidArgumentError(
        absl::StrCat(operand.name, ": the layer's constants take more than ",
                     "2^63 - 1 bytes"));
  }
  tensor->set_data_location(onnx::TensorProto::EXTERNAL);
  AddExternal("location", kWeightFile, tensor);
  AddExternal("offset", offset_bytes->ToString(), tensor);
  AddExternal("length", length.ToString(), tensor);
  *offset_bytes = end;
  return absl::OkStatus();
}

absl::Status AddOperands(const ParsedLayer& layer, onnx::GraphProto* graph,
                         onnx::NodeProto* node) {
  Extent offset_bytes = 0;
  for (const LayerOperand& operand : layer.operands) {
    node->add_input(operand.is_absent ? "" : operand.name);
    if (operand.is_absent) continue;
    if (!operand.is_input) {
      OPCOST_RETURN_IF_ERROR(AddConstant(operand, &offset_bytes, graph));
      continue;
    }
    onnx::ValueInfoProto* input = graph->add_input();
    input->set_name(operand.name);
    onnx::TypeProto_Tensor* type = input->mutable_type()->mutable_tensor_type();
    type->set_elem_type(static_cast<int32_t>(operand.type.type));
    SetShape(operand.type.shape, type);
  }
  return absl::OkStatus();
}

void AddOpset(const std::string& domain, int version, onnx::ModelProto* model) {
  onnx::OperatorSetIdProto* opset = model->add_opset_import();
  opset->set_domain(domain);
  opset->set_version(version);
}

absl::StatusOr<std::string> ModelOf(string_view text) {
  OPCOST_ASSIGN_OR_RETURN(const ParsedLayer layer, ParseLayer(text));
  onnx::ModelProto model;
  model.set_ir_version(IrVersionFor(layer));
  model.set_producer_name("opcost");
  if (!layer.domain.empty()) AddOpset("", 17, &model);
  AddOpset(layer.domain, layer.opset, &model);
  onnx::GraphProto* graph = model.mutable_graph();
  graph->set_name("layer");
  onnx::NodeProto* node = graph->add_node();
  node->set_name("layer");
  node->set_op_type(layer.operator_name);
  node->set_domain(layer.domain);
  OPCOST_RETURN_IF_ERROR(AddOperands(layer, graph, node));
  for (const LayerField& attribute : layer.attributes) {
    OPCOST_RETURN_IF_ERROR(FillAttribute(attribute, node->add_attribute()));
  }
  for (size_t o = 0; o < layer.outputs.size(); ++o) {
    const std::string name = o == 0 ? "y" : absl::StrCat("y", o + 1);
    node->add_output(layer.outputs[o] ? name : "");
    if (layer.outputs[o]) graph->add_output()->set_name(name);
  }
  return model.SerializeAsString();
}

}  // namespace

absl::StatusOr<std::string> LayerModel(string_view text) {
  const auto failed = [&](string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("layer '", text.substr(0, kQuotedBytes),
                     text.size() > kQuotedBytes ? "...': " : "': ", what));
  };
  if (text.size() > kMaxLayerTextBytes) {
    return failed(absl::StrCat("the text has ", text.size(), " bytes; at most ",
                               kMaxLayerTextBytes, " are read"));
  }
  if (text.find_first_of(string_view("\n\r\0", 3)) != text.npos) {
    return failed("a layer is a single line");
  }
  try {
    absl::StatusOr<std::string> model = ModelOf(text);
    if (model.ok()) return model;
    return failed(model.status().message());
  } catch (const std::exception& error) {  // of protobuf, or no memory
    return absl::InternalError(error.what());
  }
}

}  // namespace opcost
