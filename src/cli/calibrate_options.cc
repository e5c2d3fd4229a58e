// SPDX-License-Identifier: Apache-2.0
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/cli/calibrate_request.h"
#include "src/cli/command_line.h"

namespace opcost {
namespace {

using absl::string_view;

absl::Status ApplyFit(string_view value, CommandLine& line) {
  for (const FitDetail detail :
       {FitDetail::kScale, FitDetail::kGroups, FitDetail::kFull}) {
    if (Name(detail) != value) continue;
    line.calibrate.fit.detail = detail;
    return absl::OkStatus();
  }
  return UsageError(
      absl::StrCat("unknown value '", value, "'; use scale, groups or full"));
}

absl::Status ApplyError(string_view value, CommandLine& line) {
  line.calibrate.fit.is_relative = value == "relative";
  if (value == "relative" || value == "absolute") return absl::OkStatus();
  return UsageError(
      absl::StrCat("unknown value '", value, "'; use relative or absolute"));
}

template <bool FitOptions::*kField>
absl::Status ApplyFitFlag(string_view, CommandLine& line) {
  line.calibrate.fit.*kField = true;
  return absl::OkStatus();
}

absl::Status ApplyFeatures(string_view value, CommandLine& line) {
  line.calibrate.features = absl::StrSplit(value, ',');
  for (const std::string& name : line.calibrate.features) {
    if (name.empty()) return UsageError("a column's name is empty");
  }
  return absl::OkStatus();
}

absl::Status ApplyWhere(string_view value, CommandLine& line) {
  const size_t equals = value.find('=');
  if (equals == value.npos || equals == 0) {
    return UsageError(
        absl::StrCat("'", value, "' does not have the form COLUMN=VALUE"));
  }
  line.calibrate.conditions.emplace_back(value.substr(0, equals),
                                         value.substr(equals + 1));
  return absl::OkStatus();
}

absl::Status ApplyPrior(string_view value, CommandLine& line) {
  double deviation = 0;
  constexpr double kLeast = 1e-3;
  constexpr double kMost = 1e3;
  if (!absl::SimpleAtod(value, &deviation) || !(deviation >= kLeast) ||
      deviation > kMost) {
    return UsageError(absl::StrCat("'", value, "' is not a number from ",
                                   kLeast, " to ", kMost));
  }
  line.calibrate.fit.prior_deviation = deviation;
  return absl::OkStatus();
}

template <std::string CalibrationRequest::*kField>
absl::Status ApplyFile(string_view value, CommandLine& line) {
  if (value.empty()) return UsageError("its value must not be empty");
  line.calibrate.*kField = std::string(value);
  return absl::OkStatus();
}

// clang-format off
constexpr OptionRow kOptions[] = {
    {"--fit", "DETAIL", "scale (one factor on the base table), groups (a factor for arithmetic, for functions and for each tier; the default) or full (each operation and format, each tier's reads and writes)", OptionGroup::kFit, kCalibrate, false, &ApplyFit},
    {"--error", "KIND", "what is made small: relative errors, so that all rows count alike (the default), or absolute ones, where the largest rows decide", OptionGroup::kFit, kCalibrate, false, &ApplyError},
    {"--dispatch", "", "also fit a cost for each operator that is run", OptionGroup::kFit, kCalibrate, false, &ApplyFitFlag<&FitOptions::has_dispatch>},
    {"--static", "", "also fit a power that the machine takes whatever it does; needs the column seconds", OptionGroup::kFit, kCalibrate, false, &ApplyFitFlag<&FitOptions::has_static>},
    {"--features", "COL,COL", "also fit a price for the numbers in these columns (performance counters, say)", OptionGroup::kFit, kCalibrate, false, &ApplyFeatures},
    {"--prior", "R", "how strongly prices hold to the base table: without the data's word a price lies within R times itself of the common scale (0.001 to 1000). Default: 3; less for few rows", OptionGroup::kFit, kCalibrate, false, &ApplyPrior},
    {"--where", "COLUMN=VALUE", "take only the rows that have VALUE in COLUMN. May be repeated: then all must hold", OptionGroup::kFit, kCalibrate, true, &ApplyWhere},
    {"--test", "FILE.csv", "predict these rows too, without fitting them", OptionGroup::kFit, kCalibrate, false, &ApplyFile<&CalibrationRequest::test>},
    {"--residuals", "FILE.csv", "write each row's measurement and predictions", OptionGroup::kOutput, kCalibrate, false, &ApplyFile<&CalibrationRequest::residuals>},
};
// clang-format on

}  // namespace

absl::Span<const OptionRow> CalibrateOptionRows() { return kOptions; }

}  // namespace opcost
