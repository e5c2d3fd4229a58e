// SPDX-License-Identifier: Apache-2.0
// The operators that opcost knows.
#ifndef OPCOST_OPS_REGISTRY_H_
#define OPCOST_OPS_REGISTRY_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ops/op_def.h"

namespace opcost {

// Every row, ordered by (domain, name, since).
absl::Span<const OpDef> AllOps();

// The row that holds for `name` of `domain` ("" is ai.onnx) at version `opset`:
// the latest whose `since` isn't above it. nullptr if there is none.
const OpDef* FindOp(absl::string_view domain, absl::string_view name,
                    int opset);

// True if a node of this kind draws random numbers: never constant (rule R7).
bool IsRandomGenerator(absl::string_view domain, absl::string_view name);

}  // namespace opcost

#endif  // OPCOST_OPS_REGISTRY_H_
