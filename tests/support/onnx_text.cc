// SPDX-License-Identifier: Apache-2.0
#include "tests/support/onnx_text.h"

#include <exception>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "onnx/defs/parser.h"
#include "onnx/defs/schema.h"
#include "onnx/shape_inference/implementation.h"
#include "opcost/frontend/import.h"
#include "opcost/ir/data_type.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

std::string ElementName(int32_t number) {
  const std::optional<DataType> type = DataTypeFromOnnx(number);
  return std::string(type.has_value() ? Name(*type) : "undefined");
}

template <typename Proto>
std::string TensorText(const Proto& proto) {
  std::string text = ElementName(proto.elem_type()) + " ";
  if (!proto.has_shape()) return text + "?";
  if (proto.shape().dim_size() == 0) return text + "scalar";
  absl::string_view separator;
  for (const auto& dim : proto.shape().dim()) {
    absl::StrAppend(&text, separator);
    if (dim.has_dim_value()) {
      absl::StrAppend(&text, dim.dim_value());
    } else {
      absl::StrAppend(&text, dim.dim_param().empty() ? "?" : dim.dim_param());
    }
    separator = "x";
  }
  return text;
}

std::string TypeText(const onnx::TypeProto& type) {
  if (type.has_tensor_type()) return TensorText(type.tensor_type());
  if (type.has_sparse_tensor_type()) {
    return TensorText(type.sparse_tensor_type());
  }
  if (type.has_sequence_type()) {
    return absl::StrCat("seq(", TypeText(type.sequence_type().elem_type()),
                        ")");
  }
  if (type.has_optional_type()) {
    return absl::StrCat("optional(", TypeText(type.optional_type().elem_type()),
                        ")");
  }
  if (type.has_map_type()) {
    return absl::StrCat("map(", ElementName(type.map_type().key_type()), ", ",
                        TypeText(type.map_type().value_type()), ")");
  }
  return "?";
}

}  // namespace

absl::StatusOr<onnx::ModelProto> ProtoFromText(absl::string_view text,
                                               int opset) {
  std::string whole(absl::StripLeadingAsciiWhitespace(text));
  if (!absl::StartsWith(whole, "<")) {
    whole = absl::StrCat("<ir_version: 8, opset_import: [\"\" : ", opset, "]> ",
                         absl::StartsWith(whole, "(") ? "g " : "", whole);
  }
  onnx::ModelProto model;
  try {
    const onnx::Common::Status status =
        onnx::OnnxParser::Parse(model, whole.c_str());
    if (!status.IsOK()) {
      return absl::InvalidArgumentError(status.ErrorMessage());
    }
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return model;
}

absl::StatusOr<Model> ModelFromText(absl::string_view text, int opset) {
  OPCOST_ASSIGN_OR_RETURN(const onnx::ModelProto proto,
                          ProtoFromText(text, opset));
  return ImportBytes(proto.SerializeAsString(), "test.onnx");
}

void RenameDims(const DimNames& names, onnx::ModelProto* model) {
  const auto rename = [&names](auto* infos) {
    for (onnx::ValueInfoProto& info : *infos) {
      if (!info.type().has_tensor_type()) continue;
      onnx::TensorShapeProto* shape =
          info.mutable_type()->mutable_tensor_type()->mutable_shape();
      for (onnx::TensorShapeProto::Dimension& dim : *shape->mutable_dim()) {
        const auto name = names.find(dim.dim_param());
        if (name != names.end()) dim.set_dim_param(name->second);
      }
    }
  };
  onnx::GraphProto* graph = model->mutable_graph();
  rename(graph->mutable_input());
  rename(graph->mutable_output());
  rename(graph->mutable_value_info());
}

absl::StatusOr<Model> ModelFromText(absl::string_view text,
                                    const DimNames& names) {
  OPCOST_ASSIGN_OR_RETURN(onnx::ModelProto proto, ProtoFromText(text));
  RenameDims(names, &proto);
  return ImportBytes(proto.SerializeAsString(), "test.onnx");
}

std::string OnnxBytesFromText(absl::string_view text, int opset) {
  const absl::StatusOr<onnx::ModelProto> proto = ProtoFromText(text, opset);
  return proto.ok() ? proto->SerializeAsString() : "";
}

std::map<std::string, std::string> OracleShapes(absl::string_view text,
                                                int opset) {
  absl::StatusOr<onnx::ModelProto> proto = ProtoFromText(text, opset);
  if (!proto.ok()) return {{"error", std::string(proto.status().message())}};
  return OracleShapesOf(*std::move(proto));
}

std::map<std::string, std::string> OracleShapesOf(onnx::ModelProto model) {
  try {
    const onnx::ShapeInferenceOptions options(true, 1, true);
    onnx::shape_inference::InferShapes(
        model, onnx::OpSchemaRegistry::Instance(), options);
  } catch (const std::exception& error) {
    return {{"error", error.what()}};
  }
  std::map<std::string, std::string> shapes;
  const auto add = [&shapes](const auto& infos) {
    for (const onnx::ValueInfoProto& info : infos) {
      shapes.emplace(info.name(), TypeText(info.type()));
    }
  };
  add(model.graph().input());
  add(model.graph().value_info());
  add(model.graph().output());
  return shapes;
}

}  // namespace opcost
