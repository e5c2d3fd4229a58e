// SPDX-License-Identifier: Apache-2.0
#include "absl/strings/str_cat.h"
#include "src/report/documents.h"
#include "src/report/utf8.h"

namespace opcost {

std::string EstimateAsCsv(const Estimate& estimate,
                          const RenderOptions& options) {
  std::string csv = CsvLine({"name", "op", "times", "status", "macs", "mul",
                             "add", "reads", "writes", "mul_pj", "add_pj",
                             "read_pj", "write_pj", "total_pj"});
  for (const ReportRow& row : SelectRows(estimate, options).rows) {
    std::vector<std::string> cells = {ValidUtf8(row.name), ValidUtf8(row.op),
                                      absl::StrCat(row.times),
                                      std::string(row.status())};
    const Sums& sums = row.sums;
    for (const int64_t count :
         {sums.macs, sums.mul, sums.add, sums.reads, sums.writes}) {
      cells.push_back(row.is_unknown() ? "" : absl::StrCat(count));
    }
    for (const double pj :
         {sums.mul_energy.pj, sums.add_energy.pj, sums.read_energy.pj,
          sums.write_energy.pj, sums.total.pj}) {
      cells.push_back(row.is_unknown() ? "" : ShortestDouble(pj));
    }
    absl::StrAppend(&csv, CsvLine(cells));
  }
  return csv;
}

}  // namespace opcost
