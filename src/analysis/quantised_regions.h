// SPDX-License-Identifier: Apache-2.0
// Quantised regions, which run as integer kernels (cost model, section 5).
#ifndef OPCOST_SRC_ANALYSIS_QUANTISED_REGIONS_H_
#define OPCOST_SRC_ANALYSIS_QUANTISED_REGIONS_H_

#include "src/analysis/layer_graph.h"

namespace opcost {

// True if the graph holds a DequantizeLinear, without which nothing folds.
bool HasQuantisedTensors(const Graph& graph);

// Folds every DequantizeLinear, Relu, Clip and QuantizeLinear that belongs to
// an operator with an integer form into that operator's layer; then
// contractions whose weights alone are quantised.
void FoldQuantisedRegions(LayerGraph& graph);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_QUANTISED_REGIONS_H_
