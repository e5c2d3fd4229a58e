// SPDX-License-Identifier: Apache-2.0
#include "src/report/grid.h"

#include <algorithm>
#include <limits>
#include <utility>

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
constexpr size_t kEllipsisSize = 3;  // bytes of what Elide() puts in
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

bool NeedsQuotes(absl::string_view cell) {
  return cell.find_first_of(",\"\r\n") != absl::string_view::npos;
}

// A line that begins with such a cell would be taken for a comment, for none,
// or for one with a byte order mark.
bool IsPassedOver(absl::string_view first, size_t cells) {
  return absl::StartsWith(first, "#") ||
         absl::StartsWith(first, "\xEF\xBB\xBF") ||
         (first.empty() && cells == 1);
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
    const int room = std::max(limit - column, 1);
    if (length <= room) {
      out.append(word.data(), word.size());
    } else {
      out += Elide(word, room);
    }
    column += std::min(length, room);
    is_line_empty = false;
  }
  absl::StripTrailingAsciiWhitespace(&out);
  out += '\n';
  return out;
}

Grid::Grid(std::vector<GridColumn> columns)
    : columns_(std::move(columns)), natural_(columns_.size(), 0) {
  for (const GridColumn& column : columns_) Put(column.title);
  EndRow(Style::kBold);
}

void Grid::Add(const std::vector<std::string>& cells, Style style) {
  for (const std::string& cell : cells) Put(cell);
  EndRow(style);
}

void Grid::Put(absl::string_view cell, int width) {
  cells_.push_back({text_.size(), cell.size(), width});
  text_.append(cell.data(), cell.size());
  int& natural = natural_[next_column_++];
  natural = std::max(natural, width);
}

void Grid::Put(absl::string_view cell) { Put(cell, CodePoints(cell)); }

void Grid::PutAscii(absl::string_view cell) {
  Put(cell, static_cast<int>(cell.size()));
}

void Grid::EndRow(Style style) {
  styles_.push_back(style);
  next_column_ = 0;
}

void Grid::Restore(int rank, int width, std::vector<int>& widths) const {
  std::vector<int> restored = widths;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].drop_rank == rank) restored[c] = natural_[c];
  }
  if (Total(restored) <= width) widths = std::move(restored);
}

std::vector<int> Grid::Fit(int width) const {
  std::vector<int> widths = natural_;
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

void Grid::AppendLine(size_t row, const std::vector<int>& widths,
                      std::string& out) const {
  const Cell* cells = cells_.data() + row * columns_.size();
  // Blanks for the whole line at once, as many as it has bytes or more.
  size_t room = 0;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (widths[c] < 0) continue;
    room += kGap + cells[c].size + kEllipsisSize;
    room += static_cast<size_t>(std::max(widths[c] - cells[c].width, 0));
  }
  const size_t start = out.size();
  out.resize(start + room, ' ');
  size_t at = start;
  bool is_first = true;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (widths[c] < 0) continue;
    if (!is_first) at += kGap;
    is_first = false;
    const bool fits = cells[c].width <= widths[c];
    const auto blanks =
        static_cast<size_t>(fits ? widths[c] - cells[c].width : 0);
    if (columns_[c].is_right) at += blanks;
    const std::string elided =
        fits ? std::string() : Elide(TextOf(cells[c]), widths[c]);
    const absl::string_view shown = fits ? TextOf(cells[c]) : elided;
    std::copy(shown.begin(), shown.end(), &out[at]);
    at += shown.size();
    if (!columns_[c].is_right) at += blanks;
  }
  while (at > start && absl::ascii_isspace(static_cast<uint8_t>(out[at - 1]))) {
    --at;
  }
  out.resize(at);
}

std::string Grid::Text(int width, bool color, int indent) const {
  const int limit = width < 1 ? kNoLimit : std::max(width - indent, 1);
  const std::vector<int> widths = Fit(limit);
  const bool fits = Total(widths) <= limit;
  const auto margin = static_cast<size_t>(indent);
  const bool has_titles = std::any_of(
      columns_.begin(), columns_.end(),
      [](const GridColumn& column) { return !column.title.empty(); });
  std::string out;
  for (size_t row = has_titles ? 0 : 1; row < styles_.size(); ++row) {
    const size_t start = out.size();
    out.append(margin, ' ');
    AppendLine(row, widths, out);
    const size_t text = start + margin;
    if (out.size() == text) {
      out.resize(start);
    } else if (!fits || (color && styles_[row] != Style::kPlain)) {
      const std::string line = out.substr(text);
      out.resize(text);
      out += Paint(FirstCodePoints(line, limit), styles_[row], color);
    }
    out += '\n';
  }
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
  for (size_t row = 1; row < styles_.size(); ++row) {
    out += "\n|";
    for (size_t c = 0; c < columns_.size(); ++c) {
      const std::string text =
          MarkdownText(TextOf(cells_[row * columns_.size() + c]));
      const absl::string_view mark =
          styles_[row] == Style::kBold && !text.empty() ? "**" : "";
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
    const bool is_first = &cell == &cells.front();
    if (!is_first) line += ',';
    if (!NeedsQuotes(cell) && !(is_first && IsPassedOver(cell, cells.size()))) {
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
