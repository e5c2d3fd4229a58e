// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/report/explain.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/rows.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

std::string Number(const Count& count) {
  return count.is_concrete() ? Grouped(count.value()) : count.ToString();
}

// "+ 3*out = 1,200: requantisation".
std::string TermText(const FoldedTerm& term) {
  const std::string number = Number(term.count);
  std::string text = term.is_added ? "+ " : "- ";
  if (term.formula != term.count.ToString()) {
    absl::StrAppend(&text, term.formula, " = ");
  }
  absl::StrAppend(&text, number);
  return absl::StrCat(text, "  (", term.reason, ")");
}

std::string TermLines(const FoldedLayer& folded, int width) {
  size_t longest = 0;
  for (const FoldedTerm& term : folded.terms) {
    longest = std::max(longest, term.what.size());
  }
  std::string out;
  for (const FoldedTerm& term : folded.terms) {
    std::string first = absl::StrCat("  ", OneLine(term.what));
    first.resize(std::max(first.size(), longest + 2), ' ');
    absl::StrAppend(
        &out, Wrap(absl::StrCat(first, " "), OneLine(TermText(term)), width));
  }
  return out;
}

}  // namespace

std::string ExplainFoldings(const Estimate& estimate,
                            const LayerEstimate& layer,
                            const RenderOptions& options) {
  if (layer.layer->folded == nullptr) return "";
  const FoldedLayer& folded = *layer.layer->folded;
  if (folded.nodes.empty() && folded.terms.empty() && folded.elided.empty()) {
    return "";  // it but reads another array
  }
  const Analysis& analysis = *estimate.analysis;
  const std::string title =
      absl::StrCat("folded into it (--graph ", Name(analysis.reading), ")");
  std::string out =
      absl::StrCat("\n", Paint(title, Style::kBold, options.color), "\n");
  if (!folded.elided.empty()) {
    absl::StrAppend(&out, Wrap("  a view: ", folded.elided, options.width));
  }
  for (const FoldedNode& each : folded.nodes) {
    const std::string first =
        absl::StrCat("  ", OpName(*each.node), " ",
                     analysis.graph->NodeLabel(*each.node), ": ");
    absl::StrAppend(&out,
                    Wrap(OneLine(first), OneLine(each.reason), options.width));
  }
  absl::StrAppend(&out, TermLines(folded, options.width));
  return out;
}

}  // namespace opcost
