// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/csv_reader.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

class CsvReader {
 public:
  CsvReader(absl::string_view path, absl::string_view text)
      : path_(path), text_(text) {
    constexpr absl::string_view kByteOrderMark = "\xEF\xBB\xBF";
    if (text_.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      text_.remove_prefix(kByteOrderMark.size());
    }
  }

  absl::StatusOr<CsvDocument> Read() {
    CsvDocument document;
    bool has_header = false;
    while (position_ < text_.size()) {
      if (SkipsLine()) continue;
      OPCOST_ASSIGN_OR_RETURN(CsvRow row, ReadRow());
      if (!has_header) {
        document.header = std::move(row.cells);
        has_header = true;
        continue;
      }
      if (row.cells.size() != document.header.size()) {
        return Error(row.line, absl::StrCat("the row has ", row.cells.size(),
                                            " cells, the header ",
                                            document.header.size()));
      }
      document.rows.push_back(std::move(row));
    }
    if (!has_header) {
      return Error(line_, "expected a line of column names");
    }
    return document;
  }

 private:
  absl::Status Error(int64_t line, absl::string_view what) const {
    return absl::InvalidArgumentError(
        absl::StrCat(path_, ":", line, ": ", what));
  }

  char Peek() const {
    return position_ < text_.size() ? text_[position_] : '\n';
  }
  bool IsAtLineEnd() const {
    const char c = Peek();
    return c == '\n' || (c == '\r' && (position_ + 1 == text_.size() ||
                                       text_[position_ + 1] == '\n'));
  }
  void PassLineEnd() {
    position_ = std::min(text_.find('\n', position_), text_.size() - 1) + 1;
    ++line_;
  }

  // Passes an empty line or a comment.
  bool SkipsLine() {
    if (!IsAtLineEnd() && Peek() != '#') return false;
    PassLineEnd();
    return true;
  }

  absl::StatusOr<CsvRow> ReadRow() {
    CsvRow row;
    row.line = line_;
    while (true) {
      std::string& cell = row.cells.emplace_back();
      if (Peek() == '"' && position_ < text_.size()) {
        OPCOST_RETURN_IF_ERROR(ReadQuoted(row.line, cell));
      } else {
        while (Peek() != ',' && !IsAtLineEnd()) cell += text_[position_++];
      }
      if (Peek() == ',') {
        ++position_;
        continue;
      }
      if (!IsAtLineEnd()) {
        return Error(line_,
                     "text behind a cell's closing quote; expected a "
                     "comma or the line's end");
      }
      if (position_ < text_.size()) PassLineEnd();
      return row;
    }
  }

  absl::Status ReadQuoted(int64_t first_line, std::string& cell) {
    ++position_;
    while (position_ < text_.size()) {
      const char c = text_[position_++];
      if (c == '\n') ++line_;
      if (c != '"') {
        cell += c;
      } else if (position_ < text_.size() && text_[position_] == '"') {
        cell += text_[position_++];
      } else {
        return absl::OkStatus();
      }
    }
    return Error(first_line, "a cell's opening quote has no closing one");
  }

  absl::string_view path_;
  absl::string_view text_;
  size_t position_ = 0;
  int64_t line_ = 1;
};

}  // namespace

std::optional<size_t> CsvDocument::FindColumn(absl::string_view name) const {
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i] == name) return i;
  }
  return std::nullopt;
}

absl::StatusOr<CsvDocument> ParseCsv(absl::string_view path,
                                     absl::string_view text) {
  return CsvReader(path, text).Read();
}

}  // namespace opcost
