// SPDX-License-Identifier: Apache-2.0
// Elements that a model holds as protobuf varints, or field by field.
#ifndef OPCOST_SRC_FRONTEND_SCATTERED_PAYLOAD_H_
#define OPCOST_SRC_FRONTEND_SCATTERED_PAYLOAD_H_

#include <memory>

#include "absl/status/statusor.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/payload_source.h"
#include "src/frontend/weight_file.h"

namespace opcost {

// A reader of `tensor`, whose payload lies scattered in `file`, a model, which
// must outlive it. Walks once over the payload, whose entries are noted every
// 64 Ki so that reading may begin anywhere. Errors don't name the tensor:
// another number of elements than the type's, data in a field that isn't the
// type's or as raw data in several pieces, a file that has changed.
absl::StatusOr<std::unique_ptr<PayloadReader>> OpenScattered(
    const StoredTensor& tensor, const WeightFile& file);

}  // namespace opcost

#endif  // OPCOST_SRC_FRONTEND_SCATTERED_PAYLOAD_H_
