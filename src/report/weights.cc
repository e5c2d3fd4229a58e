// SPDX-License-Identifier: Apache-2.0
// `opcost weights` for people.
#include "opcost/report/weights.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/report/documents.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"
#include "src/report/weights_documents.h"

namespace opcost {
namespace {

constexpr char kNone[] = "-";

// "-0.0312", "127"; three digits.
std::string ShortNumber(double number) {
  return absl::StrFormat("%.3g", number);
}

std::string OptionalCount(int64_t count) {
  return count < 0 ? kNone : Grouped(count);
}

// The rows that are shown: all, or the largest.
std::vector<const SurveyedWeights*> Shown(const WeightSurvey& survey,
                                          const RenderOptions& options) {
  std::vector<const SurveyedWeights*> rows;
  for (const SurveyedWeights& weights : survey.weights) {
    rows.push_back(&weights);
  }
  if (!options.top.has_value() ||
      *options.top >= static_cast<int64_t>(rows.size())) {
    return rows;
  }
  std::vector<const SurveyedWeights*> by_size = rows;
  std::stable_sort(by_size.begin(), by_size.end(),
                   [](const SurveyedWeights* a, const SurveyedWeights* b) {
                     return a->forms[0].bytes > b->forms[0].bytes;
                   });
  by_size.resize(static_cast<size_t>(*options.top));
  rows.erase(std::remove_if(rows.begin(), rows.end(),
                            [&by_size](const SurveyedWeights* row) {
                              return std::find(by_size.begin(), by_size.end(),
                                               row) == by_size.end();
                            }),
             rows.end());
  return rows;
}

Grid ValueGrid(const std::vector<const SurveyedWeights*>& rows) {
  Grid grid({{"weights", false, true, 0},
             {"shape", false, true, 0},
             {"zeros %", true, false, 0},
             {"N:M", true, false, 0},
             {"distinct", true, false, 0},
             {"bits", true, false, 0},
             {"min", true, false, 0},
             {"max", true, false, 0},
             {"0 rows", true, false, 0},
             {"0 ch.", true, false, 0}});
  for (const SurveyedWeights* row : rows) {
    std::vector<std::string> cells = {OneLine(row->name), ShapeText(*row)};
    if (!row->statistics.has_value()) {
      cells.resize(10, "?");
      grid.Add(cells, Style::kDim);
      continue;
    }
    const TensorStatistics& s = *row->statistics;
    cells.push_back(
        Percent(static_cast<double>(s.zeros), static_cast<double>(s.elements)));
    cells.push_back(row->pattern().empty() ? kNone : row->pattern());
    cells.push_back(s.distinct.has_value()
                        ? Grouped(*s.distinct)
                        : absl::StrCat(">", Grouped(kMostDistinctValues)));
    cells.push_back(s.entropy_bits.has_value() ? FixedDouble(*s.entropy_bits, 2)
                                               : kNone);
    cells.push_back(ShortNumber(s.minimum));
    cells.push_back(ShortNumber(s.maximum));
    cells.push_back(Grouped(s.zero_rows));
    cells.push_back(OptionalCount(s.zero_channels));
    grid.Add(cells);
  }
  return grid;
}

// Appends a cell for each format: `number` of what is available, `marked` with
// a star.
template <typename Number>
void AddForms(const SurveyedWeights& row, size_t marked, Number number,
              std::vector<std::string>* cells) {
  for (size_t f = 0; f < row.forms.size(); ++f) {
    const SurveyedForm& form = row.forms[f];
    // A blank keeps numbers in line with those that are marked.
    cells->push_back(form.is_available()
                         ? absl::StrCat(number(form), f == marked ? "*" : " ")
                         : absl::StrCat(kNone, " "));
  }
}

void AddFormColumns(absl::string_view unit, std::vector<GridColumn>* columns) {
  for (const StorageFormat format : kStorageFormats) {
    const bool has_unit = format == StorageFormat::kDense && !unit.empty();
    columns->push_back({absl::StrCat(Name(format), has_unit ? ", " : "",
                                     has_unit ? unit : "", " "),
                        true, false, 0});
  }
}

size_t SmallestForm(const SurveyedWeights& row) {
  size_t smallest = 0;
  for (size_t f = 0; f < row.forms.size(); ++f) {
    if (row.forms[f].is_available() &&
        row.forms[f].bytes < row.forms[smallest].bytes) {
      smallest = f;
    }
  }
  return smallest;
}

Grid SizeGrid(const std::vector<const SurveyedWeights*>& rows) {
  std::vector<GridColumn> columns = {{"size", false, true, 0},
                                     {"type", false, true, 0}};
  AddFormColumns("", &columns);
  Grid grid(std::move(columns));
  for (const SurveyedWeights* row : rows) {
    std::vector<std::string> cells = {OneLine(row->name),
                                      std::string(Name(row->type))};
    AddForms(
        *row, SmallestForm(*row),
        [](const SurveyedForm& form) { return HumanBytes(form.bytes); },
        &cells);
    grid.Add(cells);
  }
  return grid;
}

// True if any of the weights can be stored so.
bool IsAvailable(const WeightSurvey& survey, size_t form) {
  return survey.total_pj[form].has_value() &&
         std::any_of(survey.weights.begin(), survey.weights.end(),
                     [form](const SurveyedWeights& weights) {
                       return weights.forms[form].is_available();
                     });
}

Grid EnergyGrid(const WeightSurvey& survey,
                const std::vector<const SurveyedWeights*>& rows,
                const EnergyScale& scale) {
  std::vector<GridColumn> columns = {{"energy", false, true, 0}};
  AddFormColumns(scale.unit, &columns);
  Grid grid(std::move(columns));
  for (const SurveyedWeights* row : rows) {
    std::vector<std::string> cells = {OneLine(row->name)};
    AddForms(
        *row, row->best,
        [&scale](const SurveyedForm& form) { return scale.Number(form.pj); },
        &cells);
    grid.Add(cells);
  }
  size_t best = 0;
  for (size_t f = 0; f < survey.total_pj.size(); ++f) {
    // Sums in another order aren't a saving.
    if (IsAvailable(survey, f) &&
        *survey.total_pj[f] < *survey.total_pj[best] * (1 - 1e-12)) {
      best = f;
    }
  }
  std::vector<std::string> totals = {"whole model"};
  for (size_t f = 0; f < survey.total_pj.size(); ++f) {
    totals.push_back(IsAvailable(survey, f)
                         ? absl::StrCat(scale.Number(*survey.total_pj[f]),
                                        f == best ? "*" : " ")
                         : absl::StrCat(kNone, " "));
  }
  grid.Add(totals, Style::kBold);
  return grid;
}

EnergyScale ScaleOf(const WeightSurvey& survey, const RenderOptions& options) {
  return ScaleFor(survey.dense_pj, options.unit, survey.table->unit());
}

std::vector<Fact> ClosingOf(const WeightSurvey& survey,
                            const EnergyScale& scale) {
  std::vector<Fact> facts;
  if (survey.weights.empty()) {
    return {{"weights", "none: no contraction has a constant operand"}};
  }
  facts.push_back(
      {"best", absl::StrCat(scale.Text(survey.best_pj),
                            " with each layer in its best format, ",
                            scale.Text(survey.dense_pj), " dense")});
  if (!survey.hint.empty()) facts.push_back({"hint", survey.hint});
  return facts;
}

// What isn't known, weights of the same reason together.
std::vector<std::string> UnknownLinesOf(const WeightSurvey& survey) {
  std::vector<std::pair<std::string, std::vector<std::string>>> reasons;
  for (const SurveyedWeights& weights : survey.weights) {
    if (weights.reason.empty()) continue;
    const auto same = std::find_if(
        reasons.begin(), reasons.end(),
        [&](const auto& entry) { return entry.first == weights.reason; });
    const std::string name = absl::StrCat("'", OneLine(weights.name), "'");
    if (same == reasons.end()) {
      reasons.push_back({weights.reason, {name}});
    } else {
      same->second.push_back(name);
    }
  }
  std::vector<std::string> lines;
  for (const auto& [reason, names] : reasons) {
    constexpr size_t kNamed = 3;
    const size_t shown = std::min(names.size(), kNamed);
    std::string line =
        absl::StrJoin(names.begin(),
                      names.begin() + static_cast<std::ptrdiff_t>(shown), ", ");
    if (names.size() > shown) {
      absl::StrAppend(&line, " and ", names.size() - shown, " more");
    }
    lines.push_back(absl::StrCat(line, ": ", OneLine(reason)));
  }
  return lines;
}

}  // namespace

std::string ShapeText(const SurveyedWeights& weights) {
  if (weights.shape.empty()) return "scalar";
  return absl::StrJoin(weights.shape, "x");
}

std::string WeightsAsText(const WeightSurvey& survey,
                          const RenderOptions& options) {
  const EnergyScale scale = ScaleOf(survey, options);
  const std::vector<const SurveyedWeights*> rows = Shown(survey, options);
  const int width = options.width;
  const std::string path = OneLine(survey.analysis->model->path);
  std::string out = absl::StrCat(
      Paint(width < 1 ? path : Elide(path, width), Style::kBold, options.color),
      "\n");
  for (const Fact& fact :
       BasisOf(*survey.analysis, *survey.table, survey.options)) {
    std::string name = fact.name;
    name.resize(9, ' ');
    absl::StrAppend(&out, Wrap(name, fact.text, width));
  }
  if (!rows.empty()) {
    absl::StrAppend(&out, "\n", ValueGrid(rows).Text(width, options.color),
                    "\n", SizeGrid(rows).Text(width, options.color), "\n",
                    EnergyGrid(survey, rows, scale).Text(width, options.color));
  }
  if (rows.size() < survey.weights.size()) {
    absl::StrAppend(&out, survey.weights.size() - rows.size(),
                    " smaller ones aren't shown (--top all)\n");
  }
  const std::vector<std::string> unknown = UnknownLinesOf(survey);
  if (!unknown.empty()) out += "\nnot known:\n";
  for (const std::string& line : unknown) {
    absl::StrAppend(&out, Wrap("  ", line, width));
  }
  out += "\n";
  for (const Fact& fact : ClosingOf(survey, scale)) {
    std::string name = fact.name;
    name.resize(9, ' ');
    absl::StrAppend(&out, Wrap(name, fact.text, width));
  }
  return out;
}

std::string WeightsAsMarkdown(const WeightSurvey& survey,
                              const RenderOptions& options) {
  const EnergyScale scale = ScaleOf(survey, options);
  const std::vector<const SurveyedWeights*> rows = Shown(survey, options);
  std::string out = absl::StrCat(
      "# ", MarkdownText(OneLine(survey.analysis->model->path)), "\n\n");
  for (const Fact& fact :
       BasisOf(*survey.analysis, *survey.table, survey.options)) {
    absl::StrAppend(&out, "- ", MarkdownText(fact.name), ": ",
                    MarkdownText(fact.text), "\n");
  }
  if (!rows.empty()) {
    absl::StrAppend(&out, "\n", ValueGrid(rows).Markdown(), "\n",
                    SizeGrid(rows).Markdown(), "\n",
                    EnergyGrid(survey, rows, scale).Markdown());
  }
  out += "\n";
  for (const std::string& line : UnknownLinesOf(survey)) {
    absl::StrAppend(&out, "- not known: ", MarkdownText(line), "\n");
  }
  for (const Fact& fact : ClosingOf(survey, scale)) {
    absl::StrAppend(&out, "- ", MarkdownText(fact.name), ": ",
                    MarkdownText(fact.text), "\n");
  }
  return out;
}

std::string RenderWeights(const WeightSurvey& survey,
                          const RenderOptions& options) {
  switch (options.format) {
    case Format::kText:
      break;
    case Format::kJson:
      return WeightsAsJson(survey);
    case Format::kJsonl:
      return WeightsAsJsonLines(survey);
    case Format::kCsv:
      return WeightsAsCsv(survey);
    case Format::kMarkdown:
      return WeightsAsMarkdown(survey, options);
  }
  return WeightsAsText(survey, options);
}

}  // namespace opcost
