// SPDX-License-Identifier: Apache-2.0
// Operators with an integer form (cost model, section 5).
#ifndef OPCOST_SRC_ANALYSIS_REGION_KINDS_H_
#define OPCOST_SRC_ANALYSIS_REGION_KINDS_H_

#include <cstdint>

#include "opcost/support/extent.h"
#include "src/analysis/layer_graph.h"
#include "src/analysis/quantised_tensor.h"

namespace opcost {

enum class RegionKind : uint8_t {
  kNone,
  kContraction,  // Conv, ConvTranspose, Gemm, MatMul
  kElementwise,  // Add, Mul
  kAverage,      // AveragePool, GlobalAveragePool
  kKeeper,       // gives numbers that it was given: MaxPool, Relu, Clip, views
  kConcat,
  kRecurrent,  // LSTM, GRU, RNN: their weights alone may be quantised
  kLookup,     // Gather: the same of its data
};

RegionKind KindOf(const LayerGraph& graph, int layer);
// True if the layer gives its operand 0 under another shape, and moves nothing.
bool IsView(const LayerGraph& graph, int layer);
// True if a MaxPool or GlobalMaxPool has no use for the places of the maxima.
bool IsMaximum(const LayerGraph& graph, int layer);
// True if the layer is a Relu, or a Clip whose bounds are constant.
bool IsSaturation(const LayerGraph& graph, int layer);
// The comparisons that it makes for each element.
int ComparisonsOf(const LayerGraph& graph, int layer);

// How many elements of the scale of operand `i` one output of the contraction
// takes: 1 per tensor or per output feature, else one per block.
Count ScalesPerOutput(const LayerGraph& graph, const QuantisedTensors& tensors,
                      int layer, int i, const QuantisedTensor& tensor);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_REGION_KINDS_H_
