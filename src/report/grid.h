// SPDX-License-Identifier: Apache-2.0
// Rows and columns, for a terminal, for markdown and for CSV.
#ifndef OPCOST_SRC_REPORT_GRID_H_
#define OPCOST_SRC_REPORT_GRID_H_

#include <cstddef>
#include <cstdint>
#include <string>
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
  explicit Grid(std::vector<GridColumn> columns);

  // As many cells as there are columns.
  void Add(const std::vector<std::string>& cells, Style style = Style::kPlain);
  // The same without a vector: each cell by itself, and EndRow() after the
  // last.
  void Put(absl::string_view cell);
  void PutAscii(absl::string_view cell);  // faster
  void EndRow(Style style = Style::kPlain);
  // Room for `rows` rows of usual length.
  void Reserve(size_t rows) {
    constexpr size_t kUsualCell = 8;
    cells_.reserve(cells_.size() + rows * columns_.size());
    text_.reserve(text_.size() + rows * columns_.size() * kUsualCell);
  }

  // Lines of at most `width` columns (no limit if `width` < 1), each of them
  // behind `indent` blanks.
  std::string Text(int width, bool color, int indent = 0) const;
  // A table as GitHub shows it; bold rows are bold, the others plain.
  std::string Markdown() const;

 private:
  void Put(absl::string_view cell, int width);
  // A cell's place in `text_`, and its width in columns.
  struct Cell {
    size_t begin;
    size_t size;
    int width;
  };
  absl::string_view TextOf(const Cell& cell) const {
    return absl::string_view(text_).substr(cell.begin, cell.size);
  }
  // Takes the columns of `rank` back if there turns out to be room for them.
  void Restore(int rank, int width, std::vector<int>& widths) const;
  // Width of each column, -1 if dropped.
  std::vector<int> Fit(int width) const;
  // Appends the row at `row` of `cells_`, without blanks at its end.
  void AppendLine(size_t row, const std::vector<int>& widths,
                  std::string& out) const;

  std::vector<GridColumn> columns_;
  // Row after row, all cells of each; the first row are the titles.
  std::vector<Cell> cells_;
  std::vector<Style> styles_;  // of each row
  std::string text_;
  std::vector<int> natural_;  // the width of each column's widest cell
  size_t next_column_ = 0;    // of the row that is being put
};

// `text` without blanks around it, and so that markdown shows it as it stands.
std::string MarkdownText(absl::string_view text);

// One line of CSV (RFC 4180) with its CRLF, which ParseCsv() reads back as the
// same cells.
std::string CsvLine(const std::vector<std::string>& cells);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_GRID_H_
