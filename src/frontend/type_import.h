// SPDX-License-Identifier: Apache-2.0
// TypeProto as ValueType.
#ifndef OPCOST_FRONTEND_TYPE_IMPORT_H_
#define OPCOST_FRONTEND_TYPE_IMPORT_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "opcost/ir/types.h"

namespace opcost {

// The element type with ONNX's number. Errors (UNIMPLEMENTED): 0, or newer than
// this program.
absl::StatusOr<DataType> ImportDataType(int32_t onnx_number);

// Sets `type`, unknown until then, to the declared type of `value_name`, nested
// at most kMaxNesting deep. A dimension with neither size nor name gets the
// symbol "<value name>.<axis>". kUnknown where the model says nothing, or has
// an opaque type. Errors leave `type` unknown and don't name the value: an
// element type that isn't known (UNIMPLEMENTED), a negative dimension or more
// than 2^63 - 1 elements (INVALID_ARGUMENT).
absl::Status ImportType(const onnx::TypeProto& proto,
                        absl::string_view value_name, ValueType* type);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_TYPE_IMPORT_H_
