// SPDX-License-Identifier: Apache-2.0
// Types and constants of a graph's values.
#ifndef OPCOST_SRC_ANALYSIS_INFERENCE_H_
#define OPCOST_SRC_ANALYSIS_INFERENCE_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "src/analysis/binding.h"

namespace opcost {

// What inference found of each node.
struct NodeFacts {
  const OpDef* def = nullptr;  // null: unknown operator
  bool is_constant = false;    // folded: its outputs are constants
  // False: the rule couldn't tell the outputs; `unknown_reasons` has why.
  bool is_inferred = true;
};

// How often a body runs each time that its node does.
struct BodyRuns {
  std::optional<Extent> times = Extent(1);  // nullopt: it isn't known
  std::string bound_reason;                 // why it may run less; or empty
  // Where it isn't known: why, and what the user can do.
  std::string unknown_reason;
  std::string remedy;
};

struct ControlFacts {
  std::vector<BodyRuns> bodies;  // as the node's
  bool picks_one = false;        // any one of them runs: an If
};

struct Inference {
  std::vector<NodeFacts> nodes;  // as the graph's
  std::map<size_t, absl::Status> unknown_reasons;
  // By control-flow node.
  std::map<size_t, ControlFacts> control;
  // By value: the constant that it is the same parameter as (itself, unless a
  // folded node only moved it).
  std::vector<ValueIndex> origin;
};

// Fills `analysis->values` in graph order, from the inputs' types, which
// BindInputs() has set. Errors begin with the model's path, but for a
// --trip-count that the model lacks (NOT_FOUND).
absl::StatusOr<Inference> InferTypes(const InputBinding& binding,
                                     const InputOptions& options,
                                     Analysis* analysis);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_INFERENCE_H_
