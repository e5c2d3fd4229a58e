// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "src/report/comparison_documents.h"
#include "src/report/comparison_rows.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

// In the order of the columns.
constexpr double Difference::*kParts[] = {
    &Difference::format,   &Difference::counts,    &Difference::width,
    &Difference::tier,     &Difference::static_pj, &Difference::prices,
    &Difference::unmatched};

std::string Number(bool is_there, double number) {
  return is_there ? ShortestDouble(number) : "";
}

}  // namespace

std::string ComparisonAsCsv(const Comparison& comparison,
                            const RenderOptions& options) {
  std::string csv = CsvLine(
      {"row", "side", "model", "name", "op", "weight_format", "status", "macs",
       "total_pj", "ratio", "difference_pj", "format_pj", "counts_pj",
       "width_pj", "tier_pj", "static_pj", "prices_pj", "unmatched_pj"});
  for (const ComparedRow& row : SelectRows(comparison, options).rows) {
    for (size_t s = 0; s < row.cells.size(); ++s) {
      const ComparedCell& cell = row.cells[s];
      const SideLayer* layer = cell.layer;
      const bool is_known = !cell.is_absent() && !cell.is_unknown();
      const bool has_ratio = cell.has_ratio() && row.cells[0].has_ratio();
      std::vector<std::string> cells = {
          ValidUtf8(row.name),
          SideLetter(s),
          ValidUtf8(comparison.sides[s].name),
          layer == nullptr ? "" : ValidUtf8(layer->name),
          ValidUtf8(layer == nullptr ? row.op : layer->op),
          layer == nullptr ? "" : layer->weight_format,
          std::string(cell.status()),
          is_known ? absl::StrCat(cell.macs) : "",
          Number(is_known, cell.pj),
          Number(has_ratio, cell.ratio)};
      const Difference difference = cell.difference.value_or(Difference());
      const bool is_split = cell.difference.has_value();
      cells.push_back(Number(is_split, difference.sum()));
      for (const auto part : kParts) {
        cells.push_back(Number(is_split, difference.*part));
      }
      absl::StrAppend(&csv, CsvLine(cells));
    }
  }
  return csv;
}

}  // namespace opcost
