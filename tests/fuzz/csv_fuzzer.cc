// SPDX-License-Identifier: Apache-2.0
// Any bytes as comma-separated values: refused with a line, or a table of which
// every row has the header's cells, and which reads the same once it is written
// again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "opcost/support/csv_reader.h"
#include "src/report/grid.h"

namespace {

void Check(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<opcost::CsvDocument> read =
      opcost::ParseCsv("f.csv", text);
  if (!read.ok()) {
    Check(absl::StartsWith(read.status().message(), "f.csv:"));
    return 0;
  }
  std::string again = opcost::CsvLine(read->header);
  for (const opcost::CsvRow& row : read->rows) {
    Check(row.cells.size() == read->header.size());
    again += opcost::CsvLine(row.cells);
  }
  const absl::StatusOr<opcost::CsvDocument> reread =
      opcost::ParseCsv("f.csv", again);
  Check(reread.ok() && reread->header == read->header);
  Check(reread->rows.size() == read->rows.size());
  for (size_t i = 0; i < read->rows.size(); ++i) {
    Check(reread->rows[i].cells == read->rows[i].cells);
  }
  return 0;
}
