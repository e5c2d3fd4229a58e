// SPDX-License-Identifier: Apache-2.0
#include "opcost/calibrate/validation.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

std::vector<std::string> GroupsOf(const CalibrationData& data) {
  std::vector<std::string> groups;
  for (const MeasuredRow& row : data.rows) {
    if (std::find(groups.begin(), groups.end(), row.group) == groups.end()) {
      groups.push_back(row.group);
    }
  }
  return groups;
}

}  // namespace

absl::StatusOr<CrossValidation> CrossValidate(const CalibrationData& data,
                                              const CostTable& base,
                                              const FitOptions& options) {
  const std::vector<std::string> groups = GroupsOf(data);
  if (groups.size() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cross-validation holds out one group after another, and the data "
        "have ",
        groups.size(), "; name the groups in the column 'group'"));
  }
  CrossValidation result;
  result.predicted.resize(data.rows.size());
  result.predicted_by_macs.resize(data.rows.size());
  for (const std::string& group : groups) {
    CalibrationData rest;
    rest.activities = data.activities;
    for (const MeasuredRow& row : data.rows) {
      if (row.group != group) rest.rows.push_back(row);
    }
    OPCOST_ASSIGN_OR_RETURN(const PriceFit fit, FitPrices(rest, base, options));
    HeldOutGroup held_out;
    held_out.group = group;
    for (size_t i = 0; i < data.rows.size(); ++i) {
      const MeasuredRow& row = data.rows[i];
      if (row.group != group) continue;
      result.predicted[i] = fit.Predict(row);
      result.predicted_by_macs[i] = fit.joules_per_mac * row.macs;
      ++held_out.rows;
      held_out.mean_error += std::abs(result.predicted[i] / row.joules - 1);
      held_out.mean_error_by_macs +=
          std::abs(result.predicted_by_macs[i] / row.joules - 1);
    }
    held_out.mean_error /= static_cast<double>(held_out.rows);
    held_out.mean_error_by_macs /= static_cast<double>(held_out.rows);
    result.groups.push_back(std::move(held_out));
  }
  std::vector<double> measured;
  for (const MeasuredRow& row : data.rows) measured.push_back(row.joules);
  result.quality = QualityOf(measured, result.predicted, 1);
  result.quality_by_macs = QualityOf(measured, result.predicted_by_macs, 1);
  return result;
}

}  // namespace opcost
