// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "src/report/carbon_parts.h"
#include "src/report/documents.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

std::string List(absl::string_view title,
                 const std::vector<std::string>& lines) {
  if (lines.empty()) return "";
  std::string out = absl::StrCat("\n", title, "\n\n");
  for (const std::string& line : lines) {
    absl::StrAppend(&out, "- ", MarkdownText(line), "\n");
  }
  return out;
}

}  // namespace

std::string EstimateAsMarkdown(const Estimate& estimate,
                               const RenderOptions& options,
                               const CarbonTerms* carbon) {
  const EnergyScale scale = ScaleOf(estimate, options);
  std::string out = absl::StrCat(
      "### ", MarkdownText(OneLine(estimate.analysis->model->path)), "\n\n",
      MarkdownText(ModelLine(estimate)), "\n\n");
  for (const Fact& fact : BasisOf(estimate)) {
    absl::StrAppend(&out, "- ", fact.name, ": ", MarkdownText(fact.text), "\n");
  }
  absl::StrAppend(&out, "\n");
  for (const Fact& fact : ClosingOf(estimate, scale)) {
    const bool is_total = fact.name == "total";
    absl::StrAppend(&out, "- ", is_total ? "**" : "", fact.name,
                    is_total ? " " : ": ", MarkdownText(fact.text),
                    is_total ? "**" : "", "\n");
  }
  if (carbon != nullptr) {
    absl::StrAppend(&out, "\n");
    for (const Fact& fact :
         CarbonFacts(StateCarbon(*carbon, JoulesOf(estimate.totals.total.pj)),
                     Sign(estimate.status))) {
      absl::StrAppend(&out, "- ", fact.name, ": ", MarkdownText(fact.text),
                      "\n");
    }
  }
  if (estimate.layers.empty()) return out;
  absl::StrAppend(&out, "\n",
                  LayerGrid(estimate, options, scale, 0).Markdown());
  absl::StrAppend(&out, List("Unknown, and not in the total:",
                             UnknownLines(*estimate.analysis)));
  absl::StrAppend(&out, List("Upper bounds:", BoundLines(*estimate.analysis)));
  absl::StrAppend(&out, "\n", OperationGrid(estimate, scale).Markdown(), "\n",
                  TierGrid(estimate, scale).Markdown());
  return out;
}

}  // namespace opcost
