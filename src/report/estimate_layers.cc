// SPDX-License-Identifier: Apache-2.0
// The table of layers, for text and markdown.
#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "src/report/documents.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

// Counts with their last digits in line, whether or not they have a prefix.
std::string AlignedCount(int64_t count) {
  std::string text = HumanCount(count);
  if (text.find(' ') == std::string::npos) text += "  ";
  return text;
}

// `fraction` of `width` columns, to an eighth of one.
std::string Bar(double fraction, int width) {
  constexpr absl::string_view kEighths[] = {"",  "▏", "▎", "▍",
                                            "▌", "▋", "▊", "▉"};
  if (!(fraction > 0)) return "";
  const int eighths = std::clamp(
      static_cast<int>(std::lround(fraction * width * 8)), 1, width * 8);
  std::string bar;
  for (int i = 0; i < eighths / 8; ++i) bar += "█";
  absl::StrAppend(&bar, kEighths[static_cast<size_t>(eighths % 8)]);
  return bar;
}

std::string ShapeText(const Estimate& estimate, const ReportRow& row) {
  if (row.layer == nullptr) return "";
  const ValueType* type = OutputType(estimate, *row.layer->layer->node);
  if (type == nullptr) return "";
  return OneLine(type->is_tensor() ? ToString(type->tensor.shape)
                                   : ToString(*type));
}

struct LayerLayout {
  bool by_op = false;
  bool has_runs = false;
  int bar_width = 0;
  double largest_pj = 0;  // of a row: the longest bar
};

// The cells of a LayerGrid()'s rows.
class LayerCells {
 public:
  LayerCells(const Estimate& estimate, const EnergyScale& scale,
             const LayerLayout& layout)
      : estimate_(estimate), scale_(scale), layout_(layout) {}

  std::vector<std::string> Of(const ReportRow& row) const {
    const Sums& sums = row.sums;
    const bool is_total = row.name == "total" && row.times == 0;
    const bool is_unknown = row.layers > 0 && row.is_unknown();
    std::vector<std::string> cells = {OneLine(row.name)};
    if (layout_.by_op) {
      cells.push_back(absl::StrCat(row.layers));
    } else {
      cells.push_back(OneLine(row.op));
      cells.push_back(ShapeText(estimate_, row));
    }
    if (layout_.has_runs) {
      cells.push_back(is_total ? "" : absl::StrCat(row.times));
    }
    cells.push_back(is_unknown ? "?  " : AlignedCount(sums.macs));
    for (const double pj : {sums.mul_energy.pj, sums.add_energy.pj,
                            sums.read_energy.pj, sums.write_energy.pj}) {
      cells.push_back(is_unknown ? scale_.Unknown() : scale_.Aligned(pj));
    }
    cells.push_back(is_unknown ? scale_.Unknown() : Total(row));
    cells.push_back(
        is_unknown ? "?  " : Percent(sums.total.pj, estimate_.totals.total.pj));
    if (layout_.bar_width > 0) {
      // Sums of rows would outdo every bar.
      const bool has_bar = row.is_shown_alone && layout_.largest_pj > 0;
      cells.push_back(
          has_bar ? Bar(sums.total.pj / layout_.largest_pj, layout_.bar_width)
                  : "");
    }
    return cells;
  }

 private:
  std::string Total(const ReportRow& row) const {
    return absl::StrCat(row.sign(), row.sign().empty() ? "" : " ",
                        scale_.Aligned(row.sums.total.pj));
  }

  const Estimate& estimate_;
  const EnergyScale& scale_;
  LayerLayout layout_;
};

Style StyleOf(const ReportRow& row) {
  if (row.is_unknown()) return Style::kYellow;
  return row.is_view() ? Style::kDim : Style::kPlain;
}

// The sums of the whole model as a row of their own.
ReportRow TotalRow(const Estimate& estimate) {
  ReportRow row;
  row.name = "total";
  row.layers = static_cast<int64_t>(estimate.layers.size());
  for (const LayerEstimate& layer : estimate.layers) {
    const Coverage::Status status = layer.layer->coverage.status;
    row.unknown_layers += status == Coverage::Status::kUnknown ? 1 : 0;
    row.bound_layers += status == Coverage::Status::kBound ? 1 : 0;
  }
  row.sums = estimate.totals;
  return row;
}

// Where the width is short, first shapes go, then the split by operation.
std::vector<GridColumn> LayerColumns(bool by_op, bool has_runs, bool has_bars,
                                     absl::string_view unit) {
  std::vector<GridColumn> columns = {
      {by_op ? "operator" : "layer", false, true, 0}};
  if (by_op) {
    columns.push_back({"layers", true, false, 3});
  } else {
    columns.push_back({"operator", false, true, 2});
    columns.push_back({"output", false, false, 6});
  }
  if (has_runs) columns.push_back({"runs", true, false, 3});
  columns.push_back({"MACs  ", true, false, 3});
  for (const char* operation : {"mul", "add", "read", "write"}) {
    columns.push_back({operation, true, false, 5});
  }
  columns.push_back({absl::StrCat("total ", unit), true, false, 0});
  columns.push_back({"%", true, false, 1});
  if (has_bars) columns.push_back({"", false, false, 4});
  return columns;
}

}  // namespace

Grid LayerGrid(const Estimate& estimate, const RenderOptions& options,
               const EnergyScale& scale, int bar_width) {
  const ReportRows selected = SelectRows(estimate, options);
  const bool by_op = options.group_by == GroupBy::kOp;
  const bool has_runs = std::any_of(
      estimate.layers.begin(), estimate.layers.end(),
      [](const LayerEstimate& layer) { return layer.layer->times != 1; });
  double largest_pj = 0;
  for (const ReportRow& row : selected.rows) {
    largest_pj = std::max(largest_pj, row.sums.total.pj);
  }
  Grid grid(LayerColumns(by_op, has_runs, bar_width > 0, scale.unit));
  const LayerCells cells(estimate, scale,
                         {by_op, has_runs, bar_width, largest_pj});
  for (const ReportRow& row : selected.rows) {
    grid.Add(cells.Of(row), StyleOf(row));
  }
  if (selected.others.has_value()) {
    ReportRow others = *selected.others;
    if (others.unknown_layers > 0 && !others.is_unknown()) {
      absl::StrAppend(&others.name, " (", others.unknown_layers, " unknown)");
    }
    grid.Add(cells.Of(others), Style::kDim);
  }
  grid.Add(cells.Of(TotalRow(estimate)), Style::kBold);
  return grid;
}

}  // namespace opcost
