// SPDX-License-Identifier: Apache-2.0
#include "src/report/grid.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

constexpr int kGap = 2;  // blanks between columns
// What an elided cell keeps before columns are dropped. A row's name, in the
// first column, has two fifths of the line: cut shorter, names of exported
// models are all alike.
constexpr int kElidedWidth = 12;
int NameWidth(int width) { return std::max(kElidedWidth, width / 5 * 2); }
constexpr int kNoLimit = std::numeric_limits<int>::max();

int Total(const std::vector<int>& widths) {
  int total = 0;
  bool is_first = true;
  for (const int width : widths) {
    if (width < 0) continue;
    total += width + (is_first ? 0 : kGap);
    is_first = false;
  }
  return total;
}

}  // namespace

std::string Paint(absl::string_view text, Style style, bool color) {
  constexpr absl::string_view kCodes[] = {"", "1", "2", "33"};
  const absl::string_view code = kCodes[static_cast<size_t>(style)];
  if (!color || code.empty() || text.empty()) return std::string(text);
  if (text.back() == '\n') {
    text.remove_suffix(1);
    return absl::StrCat(Paint(text, style, color), "\n");
  }
  return absl::StrCat("\x1b[", code, "m", text, "\x1b[0m");
}

std::string Wrap(absl::string_view first, absl::string_view text, int width) {
  const int limit = width < 1 ? kNoLimit : width;
  const int indent = CodePoints(first);
  std::string out(first);
  int column = indent;
  bool is_line_empty = true;
  for (const absl::string_view word :
       absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const int length = CodePoints(word);
    if (!is_line_empty && column + 1 + length > limit) {
      absl::StrAppend(&out, "\n",
                      std::string(static_cast<size_t>(indent), ' '));
      column = indent;
      is_line_empty = true;
    }
    if (!is_line_empty) {
      out += ' ';
      ++column;
    }
    const std::string shown = Elide(word, std::max(limit - column, 1));
    out += shown;
    column += CodePoints(shown);
    is_line_empty = false;
  }
  absl::StripTrailingAsciiWhitespace(&out);
  out += '\n';
  return out;
}

std::vector<int> Grid::Natural() const {
  std::vector<int> widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    int widest = CodePoints(columns_[c].title);
    for (const Row& row : rows_) {
      widest = std::max(widest, CodePoints(row.cells[c]));
    }
    widths.push_back(widest);
  }
  return widths;
}

void Grid::Restore(int rank, int width, std::vector<int>& widths) const {
  std::vector<int> restored = widths;
  const std::vector<int> natural = Natural();
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].drop_rank == rank) restored[c] = natural[c];
  }
  if (Total(restored) <= width) widths = std::move(restored);
}

std::vector<int> Grid::Fit(int width) const {
  std::vector<int> widths = Natural();
  std::vector<int> least;
  int highest_rank = 0;
  for (size_t c = 0; c < columns_.size(); ++c) {
    const int kept = c == 0 ? NameWidth(width) : kElidedWidth;
    least.push_back(columns_[c].elides ? std::min(widths[c], kept) : widths[c]);
    highest_rank = std::max(highest_rank, columns_[c].drop_rank);
  }
  for (int rank = highest_rank; rank > 0 && Total(least) > width; --rank) {
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (columns_[c].drop_rank == rank) widths[c] = least[c] = -1;
    }
  }
  for (int rank = highest_rank; rank > 0; --rank) Restore(rank, width, widths);
  // The widest of the columns that can gives way, one column at a time.
  int excess = Total(widths) - width;
  while (excess > 0) {
    int* widest = nullptr;
    for (size_t c = 0; c < columns_.size(); ++c) {
      if (columns_[c].elides && widths[c] > 1 &&
          (widest == nullptr || widths[c] > *widest)) {
        widest = &widths[c];
      }
    }
    if (widest == nullptr) break;
    --*widest;
    --excess;
  }
  return widths;
}

std::string Grid::Line(const std::vector<std::string>& cells,
                       const std::vector<int>& widths) const {
  std::string line;
  bool is_first = true;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (widths[c] < 0) continue;
    if (!is_first) line.append(kGap, ' ');
    is_first = false;
    const std::string cell = Elide(cells[c], widths[c]);
    const auto blanks = static_cast<size_t>(widths[c] - CodePoints(cell));
    if (columns_[c].is_right) line.append(blanks, ' ');
    line += cell;
    if (!columns_[c].is_right) line.append(blanks, ' ');
  }
  absl::StripTrailingAsciiWhitespace(&line);
  return line;
}

std::string Grid::Text(int width, bool color, int indent) const {
  const int limit = width < 1 ? kNoLimit : std::max(width - indent, 1);
  const std::vector<int> widths = Fit(limit);
  const std::string margin(static_cast<size_t>(indent), ' ');
  std::string out;
  const auto add = [&](const std::vector<std::string>& cells, Style style) {
    const std::string line = Line(cells, widths);
    if (!line.empty()) out += margin;
    absl::StrAppend(&out, Paint(FirstCodePoints(line, limit), style, color),
                    "\n");
  };
  std::vector<std::string> titles;
  for (const GridColumn& column : columns_) titles.push_back(column.title);
  const auto is_blank = [](const std::string& t) { return t.empty(); };
  if (!std::all_of(titles.begin(), titles.end(), is_blank)) {
    add(titles, Style::kBold);
  }
  for (const Row& row : rows_) add(row.cells, row.style);
  return out;
}

std::string Grid::Markdown() const {
  std::string out = "|";
  for (const GridColumn& column : columns_) {
    absl::StrAppend(&out, " ", MarkdownText(column.title), " |");
  }
  out += "\n|";
  for (const GridColumn& column : columns_) {
    absl::StrAppend(&out, column.is_right ? " ---: |" : " --- |");
  }
  for (const Row& row : rows_) {
    out += "\n|";
    for (const std::string& cell : row.cells) {
      const std::string text = MarkdownText(cell);
      const absl::string_view mark =
          row.style == Style::kBold && !text.empty() ? "**" : "";
      absl::StrAppend(&out, " ", mark, text, mark, " |");
    }
  }
  out += '\n';
  return out;
}

std::string MarkdownText(absl::string_view text) {
  return absl::StrReplaceAll(absl::StripAsciiWhitespace(text), {{"\\", "\\\\"},
                                                                {"|", "\\|"},
                                                                {"<", "&lt;"},
                                                                {"*", "\\*"},
                                                                {"_", "\\_"},
                                                                {"`", "\\`"},
                                                                {"[", "\\["},
                                                                {"~", "\\~"}});
}

std::string CsvLine(const std::vector<std::string>& cells) {
  std::string line;
  for (const std::string& cell : cells) {
    if (&cell != &cells.front()) line += ',';
    if (cell.find_first_of(",\"\r\n") == std::string::npos) {
      line += cell;
    } else {
      absl::StrAppend(&line, "\"", absl::StrReplaceAll(cell, {{"\"", "\"\""}}),
                      "\"");
    }
  }
  line += "\r\n";
  return line;
}

}  // namespace opcost
