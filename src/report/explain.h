// SPDX-License-Identifier: Apache-2.0
// The parts of Explain().
#ifndef OPCOST_SRC_REPORT_EXPLAIN_H_
#define OPCOST_SRC_REPORT_EXPLAIN_H_

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "opcost/energy/estimate.h"
#include "opcost/report/report.h"

namespace opcost {

// What the explained layers refer to, told once at the end.
struct References {
  std::set<std::string> sources;  // Source::id
  std::set<std::string> rules;    // "R3"
};

// A line of a section: a label and the steps to its number.
struct Equation {
  std::string label;
  std::vector<std::string> steps;
  bool on_one_line = true;
};
std::string EquationLines(const std::vector<Equation>& equations, int width);
// "MACs = N*M = 1*96 = 96" in parts; the formula alone where it can't be read
// with the names that `find` knows.
std::vector<std::string> StepsOf(
    absl::string_view formula,
    const std::function<std::optional<Count>(absl::string_view)>& find);

// The sections of one layer's explanation; each ends in '\n'.
//
// Formula and legend give what one run does, functions expanded as the table
// has them.
std::string ExplainCounts(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options, References& references);
// What the reading of the graph folded into the layer, and what that adds to
// the counts; empty where there is nothing.
std::string ExplainFoldings(const Estimate& estimate,
                            const LayerEstimate& layer,
                            const RenderOptions& options);
// What stands in the place of the dense products where the weights have another
// format, or why they have none; empty where none was asked for.
std::string ExplainStorage(const Estimate& estimate, const LayerEstimate& layer,
                           const RenderOptions& options);
// Each array with its size and tier.
std::string ExplainArrays(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options);
// Each price with where it is from.
std::string ExplainPrices(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options, References& references);
// Count times price, row by row, down to the total.
std::string ExplainEnergy(const Estimate& estimate, const LayerEstimate& layer,
                          const RenderOptions& options);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_EXPLAIN_H_
