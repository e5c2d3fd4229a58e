// SPDX-License-Identifier: Apache-2.0
// A layer of a network as a line of text of its own.
#ifndef OPCOST_ANALYSIS_LAYER_AS_TEXT_H_
#define OPCOST_ANALYSIS_LAYER_AS_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"

namespace opcost {

// The text of a model of one node that does what one run of `layer` does: its
// operator, the shapes and types of its operands, the elements of those that
// describe geometry, its attributes (docs/layer-text.md). The layer must be one
// of `analysis`, whose extents are numbers.
//
// Errors, all UNIMPLEMENTED, say why the layer has no text: it stands for
// several nodes, an operand is no tensor or has an unknown extent, an attribute
// is a tensor or a graph.
absl::StatusOr<std::string> LayerAsText(const Analysis& analysis,
                                        const LayerCounts& layer);

}  // namespace opcost

#endif  // OPCOST_ANALYSIS_LAYER_AS_TEXT_H_
