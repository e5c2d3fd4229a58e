// SPDX-License-Identifier: Apache-2.0
// The report for a terminal.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "src/report/carbon_parts.h"
#include "src/report/documents.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

constexpr int kWideTerminal = 120;
constexpr size_t kQuietLines = 3;  // of a list under -q
constexpr size_t kBoundLines = 5;  // of upper bounds without -v

std::string List(absl::string_view title, const std::vector<std::string>& lines,
                 size_t most, const RenderOptions& options) {
  if (lines.empty()) return "";
  std::string out = absl::StrCat("\n", Paint(Wrap("", title, options.width),
                                             Style::kYellow, options.color));
  for (size_t i = 0; i < std::min(lines.size(), most); ++i) {
    absl::StrAppend(&out, Wrap("  ", lines[i], options.width));
  }
  if (lines.size() > most) {
    absl::StrAppend(&out, "  and ", lines.size() - most, " more\n");
  }
  return out;
}

std::string Closing(const Estimate& estimate, const EnergyScale& scale,
                    const RenderOptions& options) {
  const std::string closing =
      FactsText(ClosingOf(estimate, scale), options.width);
  const size_t end_of_total = closing.find('\n');
  return absl::StrCat(
      Paint(closing.substr(0, end_of_total), Style::kBold, options.color),
      closing.substr(end_of_total));
}

}  // namespace

std::string EstimateAsText(const Estimate& estimate,
                           const RenderOptions& options,
                           const CarbonTerms* carbon) {
  const EnergyScale scale = ScaleOf(estimate, options);
  const int width = options.width;
  const std::string path = OneLine(estimate.analysis->model->path);
  std::string out = absl::StrCat(
      Paint(width < 1 ? path : Elide(path, width), Style::kBold, options.color),
      "\n");
  absl::StrAppend(&out, Wrap("", ModelLine(estimate), width), "\n");
  absl::StrAppend(&out, FactsText(BasisOf(estimate), width), "\n");
  if (estimate.layers.empty()) {
    absl::StrAppend(&out, Wrap("", "no layer is left to run", width));
  } else {
    const int bar_width = width < 1 || width >= kWideTerminal ? 20 : 10;
    absl::StrAppend(&out, LayerGrid(estimate, options, scale, bar_width)
                              .Text(width, options.color));
  }
  const bool is_quiet = options.verbosity < 0;
  const std::vector<std::string> unknown = UnknownLines(*estimate.analysis);
  absl::StrAppend(&out, List("unknown, and not in the total:", unknown,
                             is_quiet ? kQuietLines : unknown.size(), options));
  if (!is_quiet) {
    const std::vector<std::string> bounds = BoundLines(*estimate.analysis);
    const size_t most = options.verbosity > 0 ? bounds.size() : kBoundLines;
    absl::StrAppend(&out, List("upper bounds:", bounds, most, options));
  }
  if (!estimate.layers.empty()) {
    absl::StrAppend(&out, "\n",
                    OperationGrid(estimate, scale).Text(width, options.color),
                    "\n", TierGrid(estimate, scale).Text(width, options.color));
  }
  absl::StrAppend(&out, "\n", Closing(estimate, scale, options));
  if (carbon != nullptr) {
    absl::StrAppend(
        &out, "\n",
        CarbonText(StateCarbon(*carbon, JoulesOf(estimate.totals.total.pj)),
                   Sign(estimate.status), width));
  }
  return out;
}

}  // namespace opcost
