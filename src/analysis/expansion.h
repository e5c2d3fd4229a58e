// SPDX-License-Identifier: Apache-2.0
// Local functions and the bodies of control flow, inlined.
#ifndef OPCOST_SRC_ANALYSIS_EXPANSION_H_
#define OPCOST_SRC_ANALYSIS_EXPANSION_H_

#include <memory>

#include "absl/status/statusor.h"
#include "opcost/ir/graph.h"

namespace opcost {

// Hostile models can ask for more than any computer holds.
inline constexpr size_t kMaxExpandedNodes = 1'000'000;
inline constexpr int kMaxExpansionDepth = 64;

// One flat graph: calls of the model's functions are replaced by their bodies,
// and the bodies of If, Loop, Scan and SequenceMap follow their node (see
// Node::bodies). nullptr if the model's graph has neither.
//
// The model's own values come first and keep their indices. Inlined nodes and
// values are called by their path: the node around, '/', their own name; a
// second value of one name, or a control-flow node that shares its name with
// another node, gets "#2", "#3". A function's values have no symbols of their
// model. Where a function returns an input as it is, an Identity stands for it.
// What Loop or Scan carries unchanged is the value outside itself.
//
// Errors (INVALID_ARGUMENT), which name node and function: a function that
// calls itself, perhaps by way of others; functions and bodies within each
// other more than kMaxExpansionDepth levels deep; more than kMaxExpandedNodes
// nodes, or 512 MB of graph; a call with more inputs or outputs than the
// function has.
absl::StatusOr<std::shared_ptr<const Graph>> Expand(const Model& model);

// True if `op_type` of the default domain has bodies that Expand() inlines.
bool IsControlFlow(const Node& node);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_EXPANSION_H_
