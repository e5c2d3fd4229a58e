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
  if (count < 1000) text += "  ";  // no prefix
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

std::string ShapeText(const ValueType& type) {
  if (!type.is_tensor()) return ToString(type);
  const Shape& shape = type.tensor.shape;
  if (!shape.has_rank() || shape.dims().empty()) return ToString(shape);
  std::string text;
  for (const Extent& extent : shape.dims()) {
    if (!text.empty()) text += 'x';
    if (extent.is_concrete()) {
      absl::StrAppend(&text, extent.value());
    } else {
      text += extent.ToString();
    }
  }
  return text;
}

// A cell of text that may hold anything.
void PutLine(absl::string_view text, Grid& grid) {
  if (IsPrintableAscii(text)) {
    grid.PutAscii(text);
  } else {
    grid.Put(OneLine(text));
  }
}

struct LayerLayout {
  bool by_op = false;
  bool has_runs = false;
  bool has_formats = false;  // of weights
  int bar_width = 0;
  double largest_pj = 0;  // of a row: the longest bar
};

// The cells of a LayerGrid()'s rows.
class LayerCells {
 public:
  LayerCells(const Estimate& estimate, const EnergyScale& scale,
             const LayerLayout& layout)
      : estimate_(estimate), scale_(scale), layout_(layout) {}

  void Add(const ReportRow& row, Style style, Grid& grid) const {
    const Sums& sums = row.sums;
    const bool is_total = row.name == "total" && row.times == 0;
    const bool is_unknown = row.layers > 0 && row.is_unknown();
    PutLine(row.name, grid);
    if (layout_.by_op) {
      grid.PutAscii(absl::StrCat(row.layers));
    } else {
      PutLine(row.op, grid);
      PutShape(row, grid);
    }
    if (layout_.has_runs) {
      grid.PutAscii(is_total ? std::string() : absl::StrCat(row.times));
    }
    if (layout_.has_formats) {
      grid.PutAscii(row.layer == nullptr ? std::string()
                                         : StorageLabel(estimate_, *row.layer));
    }
    grid.PutAscii(is_unknown ? "?  " : AlignedCount(sums.macs));
    for (const double pj : {sums.mul_energy.pj, sums.add_energy.pj,
                            sums.read_energy.pj, sums.write_energy.pj}) {
      grid.PutAscii(is_unknown ? scale_.Unknown() : scale_.Aligned(pj));
    }
    grid.PutAscii(is_unknown ? scale_.Unknown() : Total(row));
    grid.PutAscii(
        is_unknown ? "?  " : Percent(sums.total.pj, estimate_.totals.total.pj));
    if (layout_.bar_width > 0) {
      // Sums of rows would outdo every bar.
      const bool has_bar = row.is_shown_alone && layout_.largest_pj > 0;
      grid.Put(has_bar
                   ? Bar(sums.total.pj / layout_.largest_pj, layout_.bar_width)
                   : std::string());
    }
    grid.EndRow(style);
  }

 private:
  void PutShape(const ReportRow& row, Grid& grid) const {
    const ValueType* type = row.layer == nullptr
                                ? nullptr
                                : OutputType(estimate_, *row.layer->layer);
    PutLine(type == nullptr ? std::string() : ShapeText(*type), grid);
  }

  std::string Total(const ReportRow& row) const {
    const absl::string_view sign = row.sign();
    std::string energy = scale_.Aligned(row.sums.total.pj);
    return sign.empty() ? energy : absl::StrCat(sign, " ", energy);
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
std::vector<GridColumn> LayerColumns(const LayerLayout& layout,
                                     absl::string_view unit) {
  const bool by_op = layout.by_op;
  std::vector<GridColumn> columns = {
      {by_op ? "operator" : "layer", false, true, 0}};
  if (by_op) {
    columns.push_back({"layers", true, false, 3});
  } else {
    columns.push_back({"operator", false, true, 2});
    columns.push_back({"output", false, false, 6});
  }
  if (layout.has_runs) columns.push_back({"runs", true, false, 3});
  if (layout.has_formats) columns.push_back({"weights", false, false, 1});
  columns.push_back({"MACs  ", true, false, 3});
  for (const char* operation : {"mul", "add", "read", "write"}) {
    columns.push_back({operation, true, false, 5});
  }
  columns.push_back({absl::StrCat("total ", unit), true, false, 0});
  columns.push_back({"%", true, false, 1});
  if (layout.bar_width > 0) columns.push_back({"", false, false, 4});
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
  const bool has_formats = !by_op && !estimate.options.storage.is_plain();
  const LayerLayout layout{by_op, has_runs, has_formats, bar_width, largest_pj};
  Grid grid(LayerColumns(layout, scale.unit));
  grid.Reserve(selected.rows.size() + 2);
  const LayerCells cells(estimate, scale, layout);
  for (const ReportRow& row : selected.rows) {
    cells.Add(row, StyleOf(row), grid);
  }
  if (selected.others.has_value()) {
    ReportRow others = *selected.others;
    if (others.unknown_layers > 0 && !others.is_unknown()) {
      absl::StrAppend(&others.name, " (", others.unknown_layers, " unknown)");
    }
    cells.Add(others, Style::kDim, grid);
  }
  cells.Add(TotalRow(estimate), Style::kBold, grid);
  return grid;
}

}  // namespace opcost
