// SPDX-License-Identifier: Apache-2.0
// Counts of nodes whose extents depend on the data, at the most of these.
#ifndef OPCOST_TESTS_OPS_BOUND_TALLY_H_
#define OPCOST_TESTS_OPS_BOUND_TALLY_H_

#include <gtest/gtest.h>

#include <string>

#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"

namespace opcost {

// The tally of the node's counts with each data-dependent extent at its most.
// Expects that the row's formula agrees.
inline Tally TallyAtMost(OneNode& node) {
  const absl::StatusOr<OutputTypes> types = node.Infer();
  absl::StatusOr<OpCounts> counts = node.Count();
  if (!types.ok() || !counts.ok()) {
    ADD_FAILURE() << types.status() << counts.status();
    return Tally();
  }
  Bindings most;
  for (const DataExtent& extent : types->data_extents) {
    most.emplace(extent.symbol, extent.at_most.value());
  }
  for (Arith& arith : counts->arith) arith.count = arith.count.Bind(most);
  for (Access& access : counts->accesses) {
    access.reads = access.reads.Bind(most);
    access.writes = access.writes.Bind(most);
  }
  ExpectFormulaAgrees(node);
  return TallyOf(*counts);
}

// "o0#1 at most 12", joined by commas; empty if no extent depends on the data.
inline std::string DataExtentsText(OneNode& node) {
  const absl::StatusOr<OutputTypes> types = node.Infer();
  if (!types.ok()) return std::string(types.status().message());
  std::string text;
  for (const DataExtent& extent : types->data_extents) {
    if (!text.empty()) text += ", ";
    text += extent.symbol + " at most " + extent.at_most.ToString();
  }
  return text;
}

}  // namespace opcost

#endif  // OPCOST_TESTS_OPS_BOUND_TALLY_H_
