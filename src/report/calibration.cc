// SPDX-License-Identifier: Apache-2.0
// `opcost calibrate` for people, and its residuals.
#include "opcost/report/calibration.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "src/report/calibration_documents.h"
#include "src/report/grid.h"
#include "src/report/numbers.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

constexpr size_t kWorstRows = 8;
constexpr double kPicojoulesPerJoule = 1e12;

// "12.3 %"; a dash where there is no number.
std::string PercentText(double share) {
  if (!std::isfinite(share)) return "-";
  return absl::StrFormat("%.1f %%", 100 * share);
}

std::string R2Text(double r2) {
  return std::isfinite(r2) ? FixedDouble(r2, 4) : "-";
}

// "1.234 mJ": four digits.
std::string Joules(double joules) {
  constexpr std::pair<double, const char*> kUnits[] = {
      {1e3, "kJ"}, {1, "J"}, {1e-3, "mJ"}, {1e-6, "uJ"}, {1e-9, "nJ"}};
  for (const auto& [unit, name] : kUnits) {
    if (std::abs(joules) >= unit) {
      return absl::StrFormat("%.4g %s", joules / unit, name);
    }
  }
  return absl::StrFormat("%.4g pJ", joules * kPicojoulesPerJoule);
}

std::string ValueText(const FittedPrice& price) {
  switch (price.kind) {
    case ActivityKind::kSeconds:
      return absl::StrFormat("%.4g W", price.value / kPicojoulesPerJoule);
    case ActivityKind::kOperators:
      return absl::StrCat(Joules(price.value / kPicojoulesPerJoule), "/op");
    case ActivityKind::kColumn:
      return absl::StrCat(Joules(price.value / kPicojoulesPerJoule), "/unit");
    default:
      return absl::StrFormat("x %.4g", price.value);
  }
}

// What the factor makes of a price that the base has one number for.
std::string FittedPjText(const FittedPrice& price, const Calibration& all) {
  if (price.activities.size() != 1) return "";
  const Activity& activity = all.data.activities[price.activities[0]];
  if (activity.base_pj <= 0) return "";
  return absl::StrFormat("%.4g -> %.4g pJ", activity.base_pj,
                         activity.base_pj * price.value);
}

std::string IntervalText(const FittedPrice& price) {
  if (!price.bound.empty()) return price.bound;
  if (price.value <= 0) return "-";
  const double share = price.half_width / price.value;
  return share > 9.99 ? "> +-1000 %" : absl::StrCat("+-", PercentText(share));
}

Grid PriceGrid(const Calibration& all) {
  const bool has_prices = all.fit.options.detail == FitDetail::kFull;
  std::vector<GridColumn> columns = {{"price", false, true, 0},
                                     {"fitted", true, false, 0},
                                     {"95 % interval", true, false, 0},
                                     {"from data", true, false, 0},
                                     {"", false, false, 0}};
  if (has_prices) columns.push_back({"base -> fitted", false, false, 1});
  Grid grid(std::move(columns));
  for (const FittedPrice& price : all.fit.prices) {
    std::vector<std::string> cells = {
        OneLine(price.name), ValueText(price), IntervalText(price),
        PercentText(price.data_share), std::string(Name(price.determination))};
    if (has_prices) cells.push_back(FittedPjText(price, all));
    grid.Add(cells, price.determination == Determination::kUndetermined
                        ? Style::kDim
                        : Style::kPlain);
  }
  return grid;
}

Grid QualityGrid(const Calibration& all) {
  Grid grid({{"prediction", false, true, 0},
             {"rows", true, false, 0},
             {"R2", true, false, 0},
             {"adj. R2", true, false, 2},
             {"RMSE", true, false, 1},
             {"mean error", true, false, 0},
             {"median error", true, false, 0}});
  const auto add = [&grid](absl::string_view name, const FitQuality& quality,
                           bool is_adjusted) {
    grid.Add({std::string(name), Grouped(static_cast<int64_t>(quality.rows)),
              R2Text(quality.r2),
              is_adjusted ? R2Text(quality.adjusted_r2) : "",
              Joules(quality.rmse_joules), PercentText(quality.mean_error),
              PercentText(quality.median_error)});
  };
  constexpr char kByMacs[] = "  by MACs alone";
  add("training rows", all.fit.quality, true);
  add(kByMacs, all.fit.quality_by_macs, true);
  if (all.validation.has_value()) {
    add("groups held out", all.validation->quality, false);
    add(kByMacs, all.validation->quality_by_macs, false);
  }
  if (all.test_quality.has_value()) {
    add("test rows", *all.test_quality, false);
    add(kByMacs, *all.test_quality_by_macs, false);
  }
  return grid;
}

Grid GroupGrid(const CrossValidation& validation) {
  Grid grid({{"held out", false, true, 0},
             {"rows", true, false, 0},
             {"mean error", true, false, 0},
             {"by MACs alone", true, false, 0}});
  for (const HeldOutGroup& group : validation.groups) {
    grid.Add({OneLine(group.group), Grouped(static_cast<int64_t>(group.rows)),
              PercentText(group.mean_error),
              PercentText(group.mean_error_by_macs)});
  }
  return grid;
}

void AddWorst(const std::vector<MeasuredRow>& rows,
              const std::vector<double>& predicted, Grid& grid) {
  std::vector<size_t> order(rows.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  // As ratios, so that too little counts like too much.
  const auto distance = [&](size_t i) {
    const double ratio = predicted[i] / rows[i].joules;
    return ratio > 0 ? std::abs(std::log(ratio)) : HUGE_VAL;
  };
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return distance(a) > distance(b);
  });
  order.resize(std::min(order.size(), kWorstRows));
  for (const size_t i : order) {
    grid.Add({OneLine(rows[i].name), Joules(rows[i].joules),
              Joules(predicted[i]),
              absl::StrFormat("x %.2f", predicted[i] / rows[i].joules)});
  }
}

Grid WorstGrid(const std::vector<MeasuredRow>& rows,
               const std::vector<double>& predicted, absl::string_view title) {
  Grid grid({{std::string(title), false, true, 0},
             {"measured", true, false, 0},
             {"fitted", true, false, 0},
             {"ratio", true, false, 0}});
  AddWorst(rows, predicted, grid);
  return grid;
}

std::string HeadText(const Calibration& all) {
  const FitOptions& options = all.fit.options;
  std::string text = absl::StrCat(
      absl::StrJoin(all.origin.files, ", "), ": ",
      Grouped(static_cast<int64_t>(all.data.rows.size())), " rows");
  if (all.validation.has_value()) {
    absl::StrAppend(&text, " in ", all.validation->groups.size(), " groups");
  }
  absl::StrAppend(&text, ", fitted on ", all.base, "\n");
  const auto line = [&text](absl::string_view name, absl::string_view what) {
    if (what.empty()) return;
    absl::StrAppend(&text, "  ", name, std::string(12 - name.size(), ' '), what,
                    "\n");
  };
  line("fit",
       absl::StrCat(Name(options.detail), ", ",
                    options.is_relative ? "relative" : "absolute", " errors",
                    options.has_dispatch ? ", with dispatch" : "",
                    options.has_static ? ", with static power" : ""));
  line("counts",
       absl::StrCat("memory model ", all.origin.memory_model, ", array scope ",
                    all.origin.array_scope, ", graph ", all.origin.graph));
  line("host", absl::StrJoin(all.origin.hosts, ", "));
  line("counter", absl::StrJoin(all.origin.counters, ", "));
  return text;
}

// Prices without which nothing can be said of the data's own kind of work.
std::string UndeterminedText(const Calibration& all) {
  std::vector<std::string> names;
  for (const FittedPrice& price : all.fit.prices) {
    if (price.determination == Determination::kUndetermined) {
      names.push_back(OneLine(price.name));
    }
  }
  if (names.empty()) return "";
  return absl::StrCat("The data don't determine ", absl::StrJoin(names, ", "),
                      ": the base table, scaled, holds there.");
}

}  // namespace

std::string CalibrationAsText(const Calibration& all,
                              const RenderOptions& options) {
  const int width = options.width;
  const bool color = options.color;
  std::string text = HeadText(all);
  absl::StrAppend(&text, "\n", PriceGrid(all).Text(width, color));
  const std::string undetermined = UndeterminedText(all);
  if (!undetermined.empty()) {
    absl::StrAppend(&text, "\n", Wrap("", undetermined, width));
  }
  absl::StrAppend(&text, "\n", QualityGrid(all).Text(width, color));
  if (all.validation.has_value()) {
    absl::StrAppend(&text, "\n", GroupGrid(*all.validation).Text(width, color));
  }
  absl::StrAppend(
      &text, "\n",
      WorstGrid(all.data.rows, all.fit.predicted, "worst training rows")
          .Text(width, color));
  if (!all.test_rows.empty()) {
    absl::StrAppend(
        &text, "\n",
        WorstGrid(all.test_rows, all.test_predicted, "worst test rows")
            .Text(width, color));
  }
  return text;
}

std::string RenderCalibration(const Calibration& calibration,
                              const RenderOptions& options) {
  return options.format == Format::kJson
             ? CalibrationAsJson(calibration)
             : CalibrationAsText(calibration, options);
}

std::string CalibrationResiduals(const Calibration& all) {
  std::string csv = CsvLine({"set", "name", "group", "measured_j", "fitted_j",
                             "cross_validated_j", "by_macs_j"});
  for (size_t i = 0; i < all.data.rows.size(); ++i) {
    const MeasuredRow& row = all.data.rows[i];
    csv += CsvLine({"training", row.name, row.group, ShortestDouble(row.joules),
                    ShortestDouble(all.fit.predicted[i]),
                    all.validation.has_value()
                        ? ShortestDouble(all.validation->predicted[i])
                        : "",
                    ShortestDouble(all.fit.predicted_by_macs[i])});
  }
  for (size_t i = 0; i < all.test_rows.size(); ++i) {
    const MeasuredRow& row = all.test_rows[i];
    csv += CsvLine({"test", row.name, row.group, ShortestDouble(row.joules),
                    ShortestDouble(all.test_predicted[i]), "",
                    ShortestDouble(all.test_predicted_by_macs[i])});
  }
  return csv;
}

}  // namespace opcost
