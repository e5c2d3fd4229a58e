// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/type_import.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// Fills the shape in place: its extents are dear to move.
absl::Status ImportShape(const onnx::TensorShapeProto& proto,
                         absl::string_view value_name, Shape* shape) {
  *shape = Shape(Dims());
  Dims& dims = shape->mutable_dims();
  dims.reserve(static_cast<size_t>(proto.dim_size()));
  Extent known(1);
  bool is_empty = false;
  for (int axis = 0; axis < proto.dim_size(); ++axis) {
    const onnx::TensorShapeProto::Dimension& dim = proto.dim(axis);
    if (dim.has_dim_value()) {
      if (dim.dim_value() < 0) {
        return absl::InvalidArgumentError(absl::StrCat(
            "dimension ", axis, " is ", dim.dim_value(),
            "; a dimension is zero or more, or has a name (dim_param) if its "
            "size isn't known"));
      }
      dims.emplace_back(dim.dim_value());
      is_empty = is_empty || dim.dim_value() == 0;
      known *= dims.back();
    } else if (dim.has_dim_param() && !dim.dim_param().empty()) {
      dims.push_back(Extent::Symbol(dim.dim_param()));
    } else {
      dims.push_back(Extent::Symbol(absl::StrCat(value_name, ".", axis)));
    }
  }
  if (!known.is_concrete() && !is_empty) {
    return absl::InvalidArgumentError(
        absl::StrCat("its shape ", ToString(absl::MakeConstSpan(dims)),
                     " has more than 2^63 - 1 elements"));
  }
  return absl::OkStatus();
}

// A tensor type, dense or sparse.
template <typename Proto>
absl::Status ImportTensorType(const Proto& proto, absl::string_view value_name,
                              ValueType* type) {
  type->kind = ValueKind::kTensor;
  OPCOST_ASSIGN_OR_RETURN(type->tensor.type, ImportDataType(proto.elem_type()));
  if (!proto.has_shape()) return absl::OkStatus();
  return ImportShape(proto.shape(), value_name, &type->tensor.shape);
}

absl::Status ImportContainer(ValueKind kind, const onnx::TypeProto& element,
                             absl::string_view value_name, ValueType* type) {
  type->kind = kind;
  auto inner = std::make_shared<ValueType>();
  OPCOST_RETURN_IF_ERROR(ImportType(element, value_name, inner.get()));
  type->element = std::move(inner);
  return absl::OkStatus();
}

// The same as ImportType(), but leaves what it has read of a wrong type.
absl::Status FillType(const onnx::TypeProto& proto,
                      absl::string_view value_name, ValueType* type) {
  switch (proto.value_case()) {
    case onnx::TypeProto::kTensorType:
      return ImportTensorType(proto.tensor_type(), value_name, type);
    case onnx::TypeProto::kSparseTensorType:
      return ImportTensorType(proto.sparse_tensor_type(), value_name, type);
    case onnx::TypeProto::kSequenceType:
      return ImportContainer(ValueKind::kSequence,
                             proto.sequence_type().elem_type(), value_name,
                             type);
    case onnx::TypeProto::kOptionalType:
      return ImportContainer(ValueKind::kOptional,
                             proto.optional_type().elem_type(), value_name,
                             type);
    case onnx::TypeProto::kMapType: {
      OPCOST_RETURN_IF_ERROR(ImportContainer(
          ValueKind::kMap, proto.map_type().value_type(), value_name, type));
      OPCOST_ASSIGN_OR_RETURN(type->map_key,
                              ImportDataType(proto.map_type().key_type()));
      return absl::OkStatus();
    }
    default:
      return absl::OkStatus();
  }
}

}  // namespace

absl::StatusOr<DataType> ImportDataType(int32_t onnx_number) {
  if (onnx_number == onnx::TensorProto::UNDEFINED) {
    return absl::UnimplementedError(
        "it has no element type; export the model with typed tensors");
  }
  const std::optional<DataType> type = DataTypeFromOnnx(onnx_number);
  if (!type.has_value()) {
    return absl::UnimplementedError(
        absl::StrCat("its element type is ONNX's number ", onnx_number,
                     ", but this opcost knows 1 to ", kDataTypeCount - 1,
                     "; a newer opcost may know it"));
  }
  return *type;
}

absl::Status ImportType(const onnx::TypeProto& proto,
                        absl::string_view value_name, ValueType* type) {
  absl::Status filled = FillType(proto, value_name, type);
  if (!filled.ok()) *type = ValueType();
  return filled;
}

}  // namespace opcost
