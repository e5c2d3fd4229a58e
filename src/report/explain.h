// SPDX-License-Identifier: Apache-2.0
// The parts of Explain().
#ifndef OPCOST_SRC_REPORT_EXPLAIN_H_
#define OPCOST_SRC_REPORT_EXPLAIN_H_

#include <set>
#include <string>

#include "opcost/energy/estimate.h"
#include "opcost/report/report.h"

namespace opcost {

// What the explained layers refer to, told once at the end.
struct References {
  std::set<std::string> sources;  // Source::id
  std::set<std::string> rules;    // "R3"
};

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
