// SPDX-License-Identifier: Apache-2.0
#include "opcost/report/sweep.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "src/report/grid.h"
#include "src/report/json_writer.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

absl::string_view UnitName(EnergyUnit unit) {
  return unit == EnergyUnit::kRelative ? "relative" : "pJ";
}

bool HasStatic(const Sweep& sweep) {
  return std::any_of(
      sweep.rows.begin(), sweep.rows.end(),
      [](const SweepRow& row) { return row.totals.sums.static_pj != 0; });
}

std::vector<std::string> Values(const Sweep& sweep, size_t row) {
  std::vector<std::string> values;
  for (size_t c = 0; c < sweep.columns.size(); ++c) {
    values.push_back(ValidUtf8(sweep.columns[c].values[sweep.ValueAt(row, c)]));
  }
  return values;
}

std::string AsCsv(const Sweep& sweep) {
  const bool has_static = HasStatic(sweep);
  std::vector<std::string> titles;
  for (const SweepColumn& column : sweep.columns) {
    titles.push_back(ValidUtf8(column.name));
  }
  for (const char* title :
       {"unit", "status", "samples", "macs", "mul", "add", "reads", "writes",
        "mul_pj", "add_pj", "read_pj", "write_pj"}) {
    titles.emplace_back(title);
  }
  if (has_static) titles.emplace_back("static_pj");
  for (const char* title : {"total_pj", "min_pj", "max_pj", "once_pj"}) {
    titles.emplace_back(title);
  }
  std::string csv = CsvLine(titles);
  for (size_t i = 0; i < sweep.rows.size(); ++i) {
    const SweepRow& row = sweep.rows[i];
    const Sums& sums = row.totals.sums;
    std::vector<std::string> cells = Values(sweep, i);
    cells.emplace_back(UnitName(row.unit));
    cells.emplace_back(Name(row.totals.status));
    for (const int64_t count : {row.samples, sums.macs, sums.mul, sums.add,
                                sums.reads, sums.writes}) {
      cells.push_back(absl::StrCat(count));
    }
    for (const double pj : {sums.mul_energy.pj, sums.add_energy.pj,
                            sums.read_energy.pj, sums.write_energy.pj}) {
      cells.push_back(ShortestDouble(pj));
    }
    if (has_static) cells.push_back(ShortestDouble(sums.static_pj));
    for (const double pj : {sums.total.pj, sums.total.min_pj, sums.total.max_pj,
                            row.totals.once_pj}) {
      cells.push_back(ShortestDouble(pj));
    }
    absl::StrAppend(&csv, CsvLine(cells));
  }
  return csv;
}

void WriteTotals(const SweepRow& row, bool has_static, JsonWriter& json) {
  const Sums& sums = row.totals.sums;
  json.Key("totals").BeginObject();
  json.Member("status", Name(row.totals.status));
  json.Member("macs", sums.macs);
  json.Member("mul", sums.mul);
  json.Member("add", sums.add);
  json.Member("reads", sums.reads);
  json.Member("writes", sums.writes);
  json.Member("samples", row.samples);
  json.Key("energy_pj").BeginObject();
  json.Member("mul", sums.mul_energy.pj);
  json.Member("add", sums.add_energy.pj);
  json.Member("read", sums.read_energy.pj);
  json.Member("write", sums.write_energy.pj);
  if (has_static) json.Member("static", sums.static_pj);
  json.Member("total", sums.total.pj);
  json.Member("min", sums.total.min_pj);
  json.Member("max", sums.total.max_pj);
  json.EndObject();
  json.Member("once_pj", row.totals.once_pj);
  json.EndObject();
}

std::string AsJsonLines(const Sweep& sweep) {
  const bool has_static = HasStatic(sweep);
  std::string lines;
  for (size_t i = 0; i < sweep.rows.size(); ++i) {
    JsonWriter json(JsonWriter::Layout::kCompact);
    json.BeginObject();
    json.Key("options").BeginObject();
    for (size_t c = 0; c < sweep.columns.size(); ++c) {
      const SweepColumn& column = sweep.columns[c];
      json.Member(column.name, column.values[sweep.ValueAt(i, c)]);
    }
    json.EndObject();
    json.Member("unit", UnitName(sweep.rows[i].unit));
    WriteTotals(sweep.rows[i], has_static, json);
    json.EndObject();
    absl::StrAppend(&lines, json.Take(), "\n");
  }
  return lines;
}

// The energies of rows in one scale; in each row's own where tables differ in
// their units.
class EnergyText {
 public:
  EnergyText(const Sweep& sweep, Unit unit) : unit_(unit) {
    double largest = 0;
    for (const SweepRow& row : sweep.rows) {
      largest = std::max(largest, row.totals.sums.total.pj);
      is_shared_ &= row.unit == sweep.rows[0].unit;
    }
    if (!sweep.rows.empty()) {
      scale_ = ScaleFor(largest, unit, sweep.rows[0].unit);
    }
  }

  std::string Title(absl::string_view name) const {
    return is_shared_ ? absl::StrCat(name, " ", scale_.unit)
                      : std::string(name);
  }
  std::string Cell(double pj, const SweepRow& row) const {
    return is_shared_ ? scale_.Aligned(pj) : HumanEnergy(pj, unit_, row.unit);
  }

 private:
  Unit unit_;
  bool is_shared_ = true;
  EnergyScale scale_;
};

std::string AsText(const Sweep& sweep, const RenderOptions& options) {
  const EnergyText energy(sweep, options.unit);
  std::vector<GridColumn> columns;
  for (const SweepColumn& column : sweep.columns) {
    columns.push_back({OneLine(column.name), true, true, 0});
  }
  columns.push_back({"MACs", true, false, 2});
  for (const char* operation : {"mul", "add", "read", "write"}) {
    columns.push_back({operation, true, false, 3});
  }
  columns.push_back({energy.Title("total"), true, false, 0});
  columns.push_back({energy.Title("once"), true, false, 1});
  Grid grid(std::move(columns));
  grid.Reserve(sweep.rows.size());
  for (size_t i = 0; i < sweep.rows.size(); ++i) {
    const SweepRow& row = sweep.rows[i];
    const Sums& sums = row.totals.sums;
    for (const std::string& value : Values(sweep, i)) grid.Put(OneLine(value));
    grid.PutAscii(HumanCount(sums.macs));
    for (const double pj : {sums.mul_energy.pj, sums.add_energy.pj,
                            sums.read_energy.pj, sums.write_energy.pj}) {
      grid.PutAscii(energy.Cell(pj, row));
    }
    const bool is_exact = row.totals.status == TotalStatus::kExact;
    grid.PutAscii(absl::StrCat(is_exact ? "" : Sign(row.totals.status),
                               is_exact ? "" : " ",
                               energy.Cell(sums.total.pj, row)));
    grid.PutAscii(energy.Cell(row.totals.once_pj, row));
    grid.EndRow();
  }
  return grid.Text(options.width, options.color);
}

}  // namespace

size_t Sweep::ValueAt(size_t row, size_t column) const {
  for (size_t c = columns.size(); c-- > column + 1;) {
    row /= columns[c].values.size();
  }
  return row % columns[column].values.size();
}

std::string RenderSweep(const Sweep& sweep, const RenderOptions& options) {
  if (options.format == Format::kCsv) return AsCsv(sweep);
  if (options.format == Format::kJsonl) return AsJsonLines(sweep);
  return AsText(sweep, options);
}

}  // namespace opcost
