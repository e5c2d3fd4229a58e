// SPDX-License-Identifier: Apache-2.0
// The formats of RenderEstimate(), a file each; `carbon` may be null.
#ifndef OPCOST_SRC_REPORT_DOCUMENTS_H_
#define OPCOST_SRC_REPORT_DOCUMENTS_H_

#include <string>
#include <vector>

#include "opcost/carbon/statement.h"
#include "opcost/report/report.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/rows.h"

namespace opcost {

std::string EstimateAsText(const Estimate& estimate,
                           const RenderOptions& options,
                           const CarbonTerms* carbon);
std::string EstimateAsMarkdown(const Estimate& estimate,
                               const RenderOptions& options,
                               const CarbonTerms* carbon);
std::string EstimateAsJson(const Estimate& estimate,
                           const RenderOptions& options,
                           const CarbonTerms* carbon);
std::string EstimateAsJsonLines(const Estimate& estimate,
                                const RenderOptions& options,
                                const CarbonTerms* carbon);
std::string EstimateAsCsv(const Estimate& estimate,
                          const RenderOptions& options);

// The JSON of EstimateAsJson() without its layers, on one line.
std::string EstimateHeadAsJson(const Estimate& estimate);
// How the layer's weights are stored; empty if it has none.
std::string WeightFormat(const LayerEstimate& layer);

// The parts that text and markdown share (estimate_parts.cc).

// The scale of every energy of the report.
EnergyScale ScaleOf(const Estimate& estimate, const RenderOptions& options);
// A name and what the numbers rest on: {"prices", "horowitz-45nm: ..."}.
struct Fact {
  std::string name;
  std::string text;
};
// A line for each, the texts in line and wrapped at `width` columns.
std::string FactsText(const std::vector<Fact>& facts, int width);
// "61.1 M parameters (244.4 MB), 714.2 M MACs, opset 17".
std::string ModelLine(const Estimate& estimate);
std::string ModelLine(const Analysis& analysis, absl::string_view macs);
std::vector<Fact> BasisOf(const Estimate& estimate);
std::vector<Fact> BasisOf(const Analysis& analysis, const CostTable& table,
                          const EstimateOptions& options);
// What keeps a total from being exact: ", a lower bound: 1 layer is unknown".
std::string StatusText(const Analysis& analysis, TotalStatus status);
// The table of layers; `bar_width` 0 leaves the bars out.
Grid LayerGrid(const Estimate& estimate, const RenderOptions& options,
               const EnergyScale& scale, int bar_width);
// Counts and energies by operation, and by tier.
Grid OperationGrid(const Estimate& estimate, const EnergyScale& scale);
Grid TierGrid(const Estimate& estimate, const EnergyScale& scale);
// The unknown layers ("Foo 'node_1': why; what to do"), all of them, and the
// upper bounds, layers of the same reason together.
std::vector<std::string> UnknownLines(const Analysis& analysis);
std::vector<std::string> BoundLines(const Analysis& analysis);
// The last lines: {"total", ">= 594.12 mJ  lower bound: ..."}, ...
std::vector<Fact> ClosingOf(const Estimate& estimate, const EnergyScale& scale);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_DOCUMENTS_H_
