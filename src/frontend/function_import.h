// SPDX-License-Identifier: Apache-2.0
// FunctionProto as Function.
#ifndef OPCOST_FRONTEND_FUNCTION_IMPORT_H_
#define OPCOST_FRONTEND_FUNCTION_IMPORT_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/repeated_field.h"
#include "onnx/onnx_pb.h"
#include "opcost/ir/graph.h"
#include "src/frontend/graph_import.h"

namespace opcost {

// The versions that `ids` import, each domain once. `who` ("the model") starts
// the messages (INVALID_ARGUMENT): a version below 1, or two of one domain.
absl::StatusOr<std::vector<OpsetImport>> ImportOpsets(
    const google::protobuf::RepeatedPtrField<onnx::OperatorSetIdProto>& ids,
    absl::string_view who);

// Appends the functions of `model` to `functions`, and takes their nodes out of
// the message. A domain that a function doesn't import has the version that
// `context`, the model's, imports. Errors: those of ImportGraph(); a function
// without a name, or defined twice (INVALID_ARGUMENT). They name the function.
absl::Status ImportFunctions(onnx::ModelProto* model,
                             const ModelContext& context,
                             std::vector<Function>* functions);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_FUNCTION_IMPORT_H_
