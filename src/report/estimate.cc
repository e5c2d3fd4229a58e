// SPDX-License-Identifier: Apache-2.0
#include "opcost/report/carbon.h"
#include "opcost/report/report.h"
#include "src/report/documents.h"

namespace opcost {

std::string RenderEstimate(const Estimate& estimate,
                           const RenderOptions& options) {
  return RenderEstimate(estimate, options, nullptr);
}

std::string RenderEstimate(const Estimate& estimate,
                           const RenderOptions& options,
                           const CarbonTerms* carbon) {
  switch (options.format) {
    case Format::kText:
      break;
    case Format::kJson:
      return EstimateAsJson(estimate, options, carbon);
    case Format::kJsonl:
      return EstimateAsJsonLines(estimate, options, carbon);
    case Format::kCsv:
      return EstimateAsCsv(estimate, options);
    case Format::kMarkdown:
      return EstimateAsMarkdown(estimate, options, carbon);
  }
  return EstimateAsText(estimate, options, carbon);
}

}  // namespace opcost
