// SPDX-License-Identifier: Apache-2.0
// Which nodes are layers, and what each does.
#ifndef OPCOST_SRC_ANALYSIS_LAYERS_H_
#define OPCOST_SRC_ANALYSIS_LAYERS_H_

#include "absl/status/status.h"
#include "opcost/analysis/analysis.h"
#include "src/analysis/inference.h"

namespace opcost {

// Drops folded and dead nodes, and counts the others into `analysis->layers`;
// sets `used`, `parameters` and the diagnostics. Errors begin with the model's
// path.
absl::Status CountLayers(const Inference& inference,
                         const InputOptions& options, Analysis* analysis);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_LAYERS_H_
