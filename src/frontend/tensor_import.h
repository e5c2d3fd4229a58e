// SPDX-License-Identifier: Apache-2.0
// TensorProto and SparseTensorProto as StoredTensor.
#ifndef OPCOST_FRONTEND_TENSOR_IMPORT_H_
#define OPCOST_FRONTEND_TENSOR_IMPORT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "opcost/ir/graph.h"
#include "src/frontend/skeleton.h"

namespace opcost {

// The tensor of a skeleton whose cut payloads are `payloads`. Its elements are
// decoded if they were kept and are numbers. Errors (INVALID_ARGUMENT), which
// don't name the tensor: no known element type, a negative or too large
// dimension, data whose size contradicts the shape, external data outside the
// model's folder.
absl::StatusOr<std::shared_ptr<const StoredTensor>> ImportTensor(
    const onnx::TensorProto& proto, absl::Span<const CutPayload> payloads);

// The same of a sparse tensor: its dense shape, its values' payload, no value.
absl::StatusOr<std::shared_ptr<const StoredTensor>> ImportSparseTensor(
    const onnx::SparseTensorProto& proto,
    absl::Span<const CutPayload> payloads);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_TENSOR_IMPORT_H_
