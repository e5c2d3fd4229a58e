// SPDX-License-Identifier: Apache-2.0
#include "src/ops/families.h"

namespace opcost {

absl::Span<const OpDef> ContribStateOps() { return {}; }

}  // namespace opcost
