// SPDX-License-Identifier: Apache-2.0
// AttributeProto as Attribute, but for graphs.
#ifndef OPCOST_FRONTEND_ATTRIBUTE_IMPORT_H_
#define OPCOST_FRONTEND_ATTRIBUTE_IMPORT_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "opcost/ir/graph.h"
#include "src/frontend/skeleton.h"

namespace opcost {

// The kind of the content: the declared one, or, where models of old IR
// versions declare none, that of the field that is set.
onnx::AttributeProto::AttributeType KindOf(const onnx::AttributeProto& proto);

// The content of an attribute that isn't a graph; std::monostate for those.
// Errors: those of a tensor (INVALID_ARGUMENT) or a type (ImportType()); they
// don't name the attribute.
absl::StatusOr<Attribute::Content> ImportContent(
    const onnx::AttributeProto& proto, absl::Span<const CutPayload> payloads);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_ATTRIBUTE_IMPORT_H_
