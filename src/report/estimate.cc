// SPDX-License-Identifier: Apache-2.0
#include "opcost/report/report.h"
#include "src/report/documents.h"

namespace opcost {

std::string RenderEstimate(const Estimate& estimate,
                           const RenderOptions& options) {
  switch (options.format) {
    case Format::kText:
      break;
    case Format::kJson:
      return EstimateAsJson(estimate, options);
    case Format::kJsonl:
      return EstimateAsJsonLines(estimate, options);
    case Format::kCsv:
      return EstimateAsCsv(estimate, options);
    case Format::kMarkdown:
      return EstimateAsMarkdown(estimate, options);
  }
  return EstimateAsText(estimate, options);
}

}  // namespace opcost
