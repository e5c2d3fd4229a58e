// SPDX-License-Identifier: Apache-2.0
// Comma-separated values as RFC 4180 has them.
#ifndef OPCOST_SUPPORT_CSV_READER_H_
#define OPCOST_SUPPORT_CSV_READER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

struct CsvRow {
  int64_t line = 0;  // of the file, from 1, where the row begins
  std::vector<std::string> cells;
};

// A header and rows of as many cells.
struct CsvDocument {
  std::vector<std::string> header;
  std::vector<CsvRow> rows;

  // The column called `name`; the first of several.
  std::optional<size_t> FindColumn(absl::string_view name) const;
};

// Reads a whole document. Lines end in LF or CRLF; cells in quotes may hold
// commas, line ends and doubled quotes; empty lines and lines that begin with
// '#' are skipped. `path` names the text in messages.
//
// Errors, INVALID_ARGUMENT, begin with "<path>:<line>: ": no header, a row of
// more or fewer cells than the header, text beside quotes, a quote without end.
absl::StatusOr<CsvDocument> ParseCsv(absl::string_view path,
                                     absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_SUPPORT_CSV_READER_H_
