// SPDX-License-Identifier: Apache-2.0
// What a reading of the graph makes of its layers (cost model, section 5).
#ifndef OPCOST_SRC_ANALYSIS_READINGS_H_
#define OPCOST_SRC_ANALYSIS_READINGS_H_

#include <vector>

#include "absl/status/status.h"
#include "opcost/analysis/analysis.h"
#include "opcost/support/sym_value.h"
#include "src/analysis/inference.h"

namespace opcost {

// Applies `analysis->reading` to the layers, which are counted and have no
// names yet: folds layers into others, and sets `used` of the values that are
// read no more. `live` tells of each node whether it is; `bounds` are of
// data-dependent extents, as the layers were counted with.
//
// Errors, which begin with the model's path: a count beyond 63 bits
// (OUT_OF_RANGE).
absl::Status ApplyReading(const Inference& inference,
                          const std::vector<bool>& live, const Bindings& bounds,
                          Analysis* analysis);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_READINGS_H_
