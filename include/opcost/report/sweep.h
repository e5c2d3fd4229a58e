// SPDX-License-Identifier: Apache-2.0
// The totals of many combinations of options, a row each.
#ifndef OPCOST_REPORT_SWEEP_H_
#define OPCOST_REPORT_SWEEP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "opcost/energy/cost_table.h"
#include "opcost/energy/totals.h"
#include "opcost/report/report.h"

namespace opcost {

struct SweepColumn {
  std::string name;                 // "bits", "dim.N"
  std::vector<std::string> values;  // one at least
};

// What one combination takes.
struct SweepRow {
  Totals totals;
  int64_t samples = 1;
  EnergyUnit unit = EnergyUnit::kPicojoule;
};

// Rows for every combination of the columns' values, the last column's changing
// fastest.
struct Sweep {
  std::vector<SweepColumn> columns;
  std::vector<SweepRow> rows;

  // Of column `column`, the value in row `row`: an index into its values.
  size_t ValueAt(size_t row, size_t column) const;
};

// Text, CSV or JSONL; a line of JSONL is schemas/sweep.schema.json's, and its
// "totals" are those of a report.
std::string RenderSweep(const Sweep& sweep, const RenderOptions& options);

}  // namespace opcost

#endif  // OPCOST_REPORT_SWEEP_H_
