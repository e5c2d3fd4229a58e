// SPDX-License-Identifier: Apache-2.0
// Rows and columns, for a terminal, for markdown and for CSV.
#ifndef OPCOST_SRC_REPORT_GRID_H_
#define OPCOST_SRC_REPORT_GRID_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace opcost {

enum class Style : uint8_t { kPlain, kBold, kDim, kYellow };

// `text` with the ANSI sequences of `style` around it, if `color`.
std::string Paint(absl::string_view text, Style style, bool color);

// `text` in lines of at most `width` columns (no limit if `width` < 1), broken
// at blanks; the first begins with `first`, the others with as many blanks. A
// word that is too long is elided. Each line ends in '\n'.
std::string Wrap(absl::string_view first, absl::string_view text, int width);

struct GridColumn {
  std::string title;
  bool is_right = false;
  // The middle of its cells may become "…" where the width is short.
  bool elides = false;
  // Where that isn't enough, columns of the highest rank are dropped together;
  // those of rank 0 stay.
  int drop_rank = 0;
};

class Grid {
 public:
  explicit Grid(std::vector<GridColumn> columns)
      : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void Add(std::vector<std::string> cells, Style style = Style::kPlain) {
    rows_.push_back({std::move(cells), style});
  }
  bool empty() const { return rows_.empty(); }

  // Lines of at most `width` columns (no limit if `width` < 1), each of them
  // behind `indent` blanks.
  std::string Text(int width, bool color, int indent = 0) const;
  // A table as GitHub shows it; bold rows are bold, the others plain.
  std::string Markdown() const;

 private:
  struct Row {
    std::vector<std::string> cells;
    Style style;
  };
  // The width of each column's widest cell.
  std::vector<int> Natural() const;
  // Takes the columns of `rank` back if there turns out to be room for them.
  void Restore(int rank, int width, std::vector<int>& widths) const;
  // Width of each column, -1 if dropped.
  std::vector<int> Fit(int width) const;
  std::string Line(const std::vector<std::string>& cells,
                   const std::vector<int>& widths) const;

  std::vector<GridColumn> columns_;
  std::vector<Row> rows_;
};

// `text` without blanks around it, and so that markdown shows it as it stands.
std::string MarkdownText(absl::string_view text);

// One line of CSV (RFC 4180) with its CRLF.
std::string CsvLine(const std::vector<std::string>& cells);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_GRID_H_
