// SPDX-License-Identifier: Apache-2.0
// The formats of RenderComparison(), and what they share; `carbon` may be null.
#ifndef OPCOST_SRC_REPORT_COMPARISON_DOCUMENTS_H_
#define OPCOST_SRC_REPORT_COMPARISON_DOCUMENTS_H_

#include <string>
#include <vector>

#include "opcost/carbon/statement.h"
#include "opcost/report/comparison.h"
#include "opcost/report/report.h"

namespace opcost {

std::string ComparisonAsText(const Comparison& comparison,
                             const RenderOptions& options,
                             const CarbonTerms* carbon);
std::string ComparisonAsMarkdown(const Comparison& comparison,
                                 const RenderOptions& options,
                                 const CarbonTerms* carbon);
std::string ComparisonAsJson(const Comparison& comparison,
                             const RenderOptions& options,
                             const CarbonTerms* carbon);
std::string ComparisonAsJsonLines(const Comparison& comparison,
                                  const RenderOptions& options,
                                  const CarbonTerms* carbon);
std::string ComparisonAsCsv(const Comparison& comparison,
                            const RenderOptions& options);

// What `side` spends less than `base` on a tier, by name; tiers of `side` that
// `base` lacks stand behind its own.
struct TierSaving {
  std::string tier;
  double base_pj = 0;
  double pj = 0;
};
std::vector<TierSaving> TierSavings(const ComparisonSide& base,
                                    const ComparisonSide& side);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_COMPARISON_DOCUMENTS_H_
