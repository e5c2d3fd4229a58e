// SPDX-License-Identifier: Apache-2.0
// What a graph's outputs need.
#ifndef OPCOST_SRC_ANALYSIS_LIVENESS_H_
#define OPCOST_SRC_ANALYSIS_LIVENESS_H_

#include <cstdint>
#include <vector>

#include "opcost/ir/graph.h"
#include "src/analysis/inference.h"

namespace opcost {

// By node: whether something that the graph returns needs it. Folded nodes need
// nothing, and nothing needs them. `used`, one for each value and all 0, is set
// for values that a live node reads, or that the graph, or a body that runs,
// returns to something that needs them.
std::vector<bool> MarkLive(const Graph& graph, const Inference& inference,
                           std::vector<uint8_t>* used);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_LIVENESS_H_
