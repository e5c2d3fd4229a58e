// SPDX-License-Identifier: Apache-2.0
// Types and constants of a graph's values.
#ifndef OPCOST_SRC_ANALYSIS_INFERENCE_H_
#define OPCOST_SRC_ANALYSIS_INFERENCE_H_

#include <map>
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

struct Inference {
  std::vector<NodeFacts> nodes;  // as the graph's
  std::map<size_t, absl::Status> unknown_reasons;
  // By value: the constant that it is the same parameter as (itself, unless a
  // folded node only moved it).
  std::vector<ValueIndex> origin;
};

// Fills `analysis->values` in graph order, from the inputs' types, which
// BindInputs() has set. Errors begin with the model's path.
absl::StatusOr<Inference> InferTypes(const InputBinding& binding,
                                     Analysis* analysis);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_INFERENCE_H_
