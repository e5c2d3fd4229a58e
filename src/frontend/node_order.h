// SPDX-License-Identifier: Apache-2.0
// Puts nodes after those that they read from.
#ifndef OPCOST_FRONTEND_NODE_ORDER_H_
#define OPCOST_FRONTEND_NODE_ORDER_H_

#include "absl/status/status.h"
#include "opcost/ir/graph.h"

namespace opcost {

// Sorts the nodes of `graph` topologically, those that are free to move in the
// order that they have, and updates Value::producer. Error (INVALID_ARGUMENT):
// the graph is cyclic; the message lists a cycle.
absl::Status SortNodes(Graph* graph);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_NODE_ORDER_H_
