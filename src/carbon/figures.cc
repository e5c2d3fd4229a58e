// SPDX-License-Identifier: Apache-2.0
#include "src/carbon/figures.h"

#include <cstddef>
#include <map>
#include <utility>

#include "absl/strings/numbers.h"
#include "opcost/support/csv_reader.h"
#include "src/carbon/embedded_figures.h"

namespace opcost {
namespace {

// What the file is; nothing if there is no such file.
CsvDocument DocumentOf(absl::string_view file) {
  for (const EmbeddedFigures& figures : EmbeddedFigureFiles()) {
    if (figures.name == file) {
      return ParseCsv(file, figures.text).value_or(CsvDocument());
    }
  }
  return {};
}

// What each source is cited as, by its id.
std::map<std::string, std::string> Citations() {
  std::map<std::string, std::string> citations;
  for (const CsvRow& row : DocumentOf("sources").rows) {
    citations[row.cells[0]] = row.cells[1];
  }
  return citations;
}

}  // namespace

std::vector<CarbonFigure> FiguresOf(absl::string_view file) {
  const std::map<std::string, std::string> citations = Citations();
  std::vector<CarbonFigure> figures;
  for (const auto& [line, row] : DocumentOf(file).rows) {
    // Keys, a name unless the key is one, then figure, year and source.
    if (row.size() != 6 && row.size() != 4) continue;
    const size_t keys = row.size() == 6 ? 2 : 1;
    CarbonFigure figure;
    figure.keys.assign(row.begin(),
                       row.begin() + static_cast<std::ptrdiff_t>(keys));
    if (keys == 2) figure.name = row[2];
    const size_t at = row.size() - 3;
    const auto source = citations.find(row[at + 2]);
    if (!absl::SimpleAtod(row[at], &figure.g_per_kwh) ||
        !absl::SimpleAtoi(row[at + 1], &figure.year) ||
        source == citations.end()) {
      continue;
    }
    figure.source = source->second;
    figures.push_back(std::move(figure));
  }
  return figures;
}

}  // namespace opcost
