// SPDX-License-Identifier: Apache-2.0
// What every format of a comparison shows: aligned layers or operators, sorted
// and cut.
#ifndef OPCOST_SRC_REPORT_COMPARISON_ROWS_H_
#define OPCOST_SRC_REPORT_COMPARISON_ROWS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "opcost/report/comparison.h"
#include "opcost/report/report.h"

namespace opcost {

// What one side has of a row.
struct ComparedCell {
  const SideLayer* layer = nullptr;  // null: none, or several
  int64_t layers = 0;                // 0: a dash
  int64_t unknown_layers = 0;
  int64_t bound_layers = 0;
  int64_t macs = 0;
  double pj = 0;                         // of those that are known
  double ratio = 1;                      // over BASE's
  std::optional<Difference> difference;  // from BASE's

  bool is_absent() const { return layers == 0; }
  bool is_unknown() const { return layers > 0 && unknown_layers == layers; }
  bool has_ratio() const { return layers > 0 && unknown_layers == 0; }
  // "exact", "bound", "unknown", "lower-bound", "indeterminate"; "absent".
  absl::string_view status() const;
};

struct ComparedRow {
  std::string name;  // BASE's, or that of the first side that has it
  std::string op;
  std::vector<ComparedCell> cells;  // of each side
  double largest_pj = 0;            // of all sides
};

struct ComparedRows {
  std::vector<ComparedRow> rows;
  std::optional<ComparedRow> others;  // if `top` cuts
};

// Ties keep BASE's order.
ComparedRows SelectRows(const Comparison& comparison,
                        const RenderOptions& options);

// "A" to "Z", then "S27".
std::string SideLetter(size_t side);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_COMPARISON_ROWS_H_
