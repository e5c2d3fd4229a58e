// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/attribute_import.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/frontend/tensor_import.h"
#include "src/frontend/type_import.h"

namespace opcost {

onnx::AttributeProto::AttributeType KindOf(const onnx::AttributeProto& proto) {
  using Proto = onnx::AttributeProto;
  if (proto.type() != Proto::UNDEFINED) return proto.type();
  if (proto.has_f()) return Proto::FLOAT;
  if (proto.has_i()) return Proto::INT;
  if (proto.has_s()) return Proto::STRING;
  if (proto.has_t()) return Proto::TENSOR;
  if (proto.has_g()) return Proto::GRAPH;
  if (proto.has_sparse_tensor()) return Proto::SPARSE_TENSOR;
  if (proto.has_tp()) return Proto::TYPE_PROTO;
  if (proto.floats_size() > 0) return Proto::FLOATS;
  if (proto.ints_size() > 0) return Proto::INTS;
  if (proto.strings_size() > 0) return Proto::STRINGS;
  return Proto::UNDEFINED;
}

absl::StatusOr<Attribute::Content> ImportContent(
    const onnx::AttributeProto& proto, absl::Span<const CutPayload> payloads) {
  using Content = Attribute::Content;
  switch (KindOf(proto)) {
    case onnx::AttributeProto::FLOAT:
      return Content(static_cast<double>(proto.f()));
    case onnx::AttributeProto::INT:
      return Content(static_cast<int64_t>(proto.i()));
    case onnx::AttributeProto::STRING:
      return Content(proto.s());
    case onnx::AttributeProto::FLOATS:
      return Content(
          std::vector<double>(proto.floats().begin(), proto.floats().end()));
    case onnx::AttributeProto::INTS:
      return Content(
          std::vector<int64_t>(proto.ints().begin(), proto.ints().end()));
    case onnx::AttributeProto::STRINGS:
      return Content(std::vector<std::string>(proto.strings().begin(),
                                              proto.strings().end()));
    case onnx::AttributeProto::TENSOR: {
      OPCOST_ASSIGN_OR_RETURN(std::shared_ptr<const StoredTensor> tensor,
                              ImportTensor(proto.t(), payloads));
      return Content(std::move(tensor));
    }
    case onnx::AttributeProto::SPARSE_TENSOR: {
      OPCOST_ASSIGN_OR_RETURN(
          std::shared_ptr<const StoredTensor> tensor,
          ImportSparseTensor(proto.sparse_tensor(), payloads));
      return Content(std::move(tensor));
    }
    case onnx::AttributeProto::TYPE_PROTO: {
      auto type = std::make_shared<ValueType>();
      OPCOST_RETURN_IF_ERROR(ImportType(proto.tp(), proto.name(), type.get()));
      return Content(std::shared_ptr<const ValueType>(std::move(type)));
    }
    default:
      return Content();
  }
}

}  // namespace opcost
