// SPDX-License-Identifier: Apache-2.0
// What an optimising runtime leaves of a graph (cost model, section 5).
#ifndef OPCOST_SRC_ANALYSIS_DEPLOYMENT_H_
#define OPCOST_SRC_ANALYSIS_DEPLOYMENT_H_

#include "src/analysis/layer_graph.h"

namespace opcost {

// Folds each BatchNormalization of constants into the weights and the bias of
// the contraction before it.
void FoldBatchNormalizations(LayerGraph& graph);

// Lets activations, and Add and Mul of a scalar, a bias or another tensor, run
// on their producer's accumulators: the array between is neither written nor
// read. Nothing else may use that array.
void FuseElementwise(LayerGraph& graph);

// Makes views of copies that a runtime elides: a Concat that appends to a
// cache, an Expand of shared heads, a Concat or Split of contiguous parts.
void ElideCopies(LayerGraph& graph);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_DEPLOYMENT_H_
