// SPDX-License-Identifier: Apache-2.0
// A CSV file that grows row by row, and survives whatever ends its writer.
#ifndef OPCOST_SRC_CLI_COLLECT_FILE_H_
#define OPCOST_SRC_CLI_COLLECT_FILE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/support/csv_reader.h"

namespace opcost {

class CollectFile {
 public:
  // Opens file `path`, or creates it, for one process alone, and reads the rows
  // that it has. A last row that was cut off is cut away. `header` is the line
  // that it begins with, or gets with the first row.
  //
  // Errors name the path: it can't be opened, isn't a regular file, is open
  // in another opcost, isn't CSV, or has another header.
  static absl::StatusOr<std::unique_ptr<CollectFile>> Open(
      const std::string& path, const std::string& header);
  // Removes the file if it is still empty.
  ~CollectFile();
  CollectFile(const CollectFile&) = delete;
  CollectFile& operator=(const CollectFile&) = delete;

  const std::string& path() const { return path_; }
  // What the file had when it was opened.
  const CsvDocument& document() const { return document_; }

  // Appends a line, which ends in '\n', at once, and waits until it is on the
  // disk.
  absl::Status Append(absl::string_view line);

 private:
  CollectFile() = default;
  absl::Status Read(const std::string& header);

  std::string path_;
  std::string header_;  // that is still to be written; empty: none
  CsvDocument document_;
  int file_ = -1;
};

// Bytes of `text` up to the end of its last whole CSV row.
size_t WholeRowBytes(absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_COLLECT_FILE_H_
