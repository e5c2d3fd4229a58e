// SPDX-License-Identifier: Apache-2.0
#include "opcost/calibrate/calibration.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"
#include "src/calibrate/rates.h"

namespace opcost {
namespace {

constexpr double kPicojoulesPerJoule = 1e12;

using FitRows = std::vector<std::pair<std::string, std::string>>;

std::string TextList(const std::vector<std::string>& items) {
  return absl::StrCat("[",
                      absl::StrJoin(items, ", ",
                                    [](std::string* out, const auto& item) {
                                      absl::StrAppend(out, TomlText(item));
                                    }),
                      "]");
}

std::string Rounded(double number) {
  return std::isfinite(number) ? absl::StrFormat("%.4g", number) : "nan";
}

void AddQuality(absl::string_view what, const FitQuality& quality,
                FitRows& rows) {
  rows.emplace_back(
      what,
      absl::StrCat("{ rows = ", quality.rows, ", r2 = ", Rounded(quality.r2),
                   ", mean_error = ", Rounded(quality.mean_error),
                   ", median_error = ", Rounded(quality.median_error), " }"));
}

std::string UnitOf(ActivityKind kind) {
  switch (kind) {
    case ActivityKind::kSeconds:
      return "W";
    case ActivityKind::kOperators:
      return "pJ per operator";
    case ActivityKind::kColumn:
      return "pJ per unit";
    default:
      return "times the base";
  }
}

// "4.32e+01 times the base, +- 1.2 %, determined".
std::string PriceText(const FittedPrice& price) {
  const double value = price.kind == ActivityKind::kSeconds
                           ? price.value / kPicojoulesPerJoule
                           : price.value;
  std::string text = absl::StrFormat("%.4g %s", value, UnitOf(price.kind));
  if (price.bound.empty() && price.value > 0) {
    absl::StrAppendFormat(&text, ", +- %.2g %%",
                          100 * price.half_width / price.value);
  }
  absl::StrAppend(&text, ", ", Name(price.determination));
  if (!price.bound.empty()) absl::StrAppend(&text, ", ", price.bound);
  return text;
}

FitRows FitSection(const Calibration& calibration) {
  const CalibrationOrigin& origin = calibration.origin;
  const FitOptions& options = calibration.fit.options;
  FitRows rows;
  rows.emplace_back("data", TextList(origin.files));
  rows.emplace_back("data_digest", TomlText(origin.digest));
  rows.emplace_back("base", TomlText(calibration.base));
  rows.emplace_back("base_digest", TomlText(calibration.base_digest));
  rows.emplace_back("fit", TomlText(Name(options.detail)));
  rows.emplace_back("error",
                    TomlText(options.is_relative ? "relative" : "absolute"));
  rows.emplace_back("memory_model", TomlText(origin.memory_model));
  rows.emplace_back("array_scope", TomlText(origin.array_scope));
  rows.emplace_back("graph", TomlText(origin.graph));
  rows.emplace_back("host", TomlText(absl::StrJoin(origin.hosts, ", ")));
  rows.emplace_back("counter", TomlText(absl::StrJoin(origin.counters, ", ")));
  AddQuality("training", calibration.fit.quality, rows);
  AddQuality("training_by_macs", calibration.fit.quality_by_macs, rows);
  if (calibration.validation.has_value()) {
    AddQuality("cross_validation", calibration.validation->quality, rows);
    AddQuality("cross_validation_by_macs",
               calibration.validation->quality_by_macs, rows);
  }
  if (calibration.test_quality.has_value()) {
    AddQuality("test", *calibration.test_quality, rows);
    AddQuality("test_by_macs", *calibration.test_quality_by_macs, rows);
  }
  for (const FittedPrice& price : calibration.fit.prices) {
    rows.emplace_back(absl::StrCat("prices.", TomlText(price.name)),
                      TomlText(PriceText(price)));
  }
  return rows;
}

}  // namespace

absl::StatusOr<Calibration> Calibrate(CalibrationOrigin origin,
                                      CalibrationData data,
                                      std::vector<MeasuredRow> test_rows,
                                      const CostTable& base,
                                      const FitOptions& options) {
  Calibration result;
  result.origin = std::move(origin);
  result.base = base.name();
  result.base_digest = base.digest();
  OPCOST_ASSIGN_OR_RETURN(result.fit, FitPrices(data, base, options));
  const bool has_groups = std::any_of(data.rows.begin(), data.rows.end(),
                                      [&data](const MeasuredRow& row) {
                                        return row.group != data.rows[0].group;
                                      });
  if (has_groups) {
    OPCOST_ASSIGN_OR_RETURN(result.validation,
                            CrossValidate(data, base, options));
  }
  std::vector<double> measured;
  for (const MeasuredRow& row : test_rows) {
    measured.push_back(row.joules);
    result.test_predicted.push_back(result.fit.Predict(row));
    result.test_predicted_by_macs.push_back(result.fit.joules_per_mac *
                                            row.macs);
  }
  if (!test_rows.empty()) {
    result.test_quality = QualityOf(measured, result.test_predicted, 1);
    result.test_quality_by_macs =
        QualityOf(measured, result.test_predicted_by_macs, 1);
  }
  result.data = std::move(data);
  result.test_rows = std::move(test_rows);
  return result;
}

absl::StatusOr<std::string> WriteFittedTable(const Calibration& calibration,
                                             const CostTable& base,
                                             absl::string_view name) {
  TableChanges changes;
  changes.name = std::string(name);
  changes.title = absl::StrCat(base.name(), " fitted to ",
                               calibration.data.rows.size(), " measurements");
  changes.comment =
      "Written by opcost calibrate; [fit] at the end says how it came about.";
  changes.source = {
      "fit",
      absl::StrCat("fitted to ", absl::StrJoin(calibration.origin.files, ", ")),
      absl::StrCat("base ", base.name())};
  changes.otherwise = calibration.fit.common_scale;
  changes.extras = calibration.data.extras;
  for (const FittedPrice& price : calibration.fit.prices) {
    if (price.kind == ActivityKind::kSeconds) {
      const double per_operator = changes.static_power.pj_per_operator;
      changes.static_power =
          FitRates(calibration.data, base, price.value / kPicojoulesPerJoule);
      changes.static_power.pj_per_operator = per_operator;
    } else if (price.kind == ActivityKind::kOperators) {
      changes.static_power.pj_per_operator = price.value;
    }
    if (price.kind > ActivityKind::kWrite) continue;
    for (const size_t activity : price.activities) {
      changes.factors[calibration.data.activities[activity].key] = price.value;
    }
  }
  changes.fit = FitSection(calibration);
  return WriteTable(base, changes);
}

}  // namespace opcost
