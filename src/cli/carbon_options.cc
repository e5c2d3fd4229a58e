// SPDX-License-Identifier: Apache-2.0
// The options that ask for carbon.
#include <limits>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "opcost/carbon/units.h"
#include "opcost/support/status_macros.h"
#include "src/cli/carbon_request.h"
#include "src/cli/command_line.h"

namespace opcost {
namespace {

using absl::string_view;

// What the carbon module refuses is the command line's mistake.
template <typename T>
absl::Status Set(absl::StatusOr<T> parsed, std::optional<T>& field) {
  if (!parsed.ok()) return UsageError(parsed.status().message());
  field = *std::move(parsed);
  return absl::OkStatus();
}

absl::Status SetIntensity(absl::StatusOr<CarbonIntensity> parsed,
                          string_view flag, CommandLine& line) {
  CarbonRequest& carbon = line.carbon;
  if (carbon.intensity.has_value()) {
    return UsageError(absl::StrCat(
        carbon.intensity_flag,
        " is given too, and an intensity comes from one place; leave one of "
        "them out"));
  }
  carbon.intensity_flag = std::string(flag);
  return Set(std::move(parsed), carbon.intensity);
}

absl::Status ApplyGiven(string_view value, CommandLine& line) {
  return SetIntensity(GivenIntensity(value), "--carbon-intensity", line);
}

absl::Status ApplyCountry(string_view value, CommandLine& line) {
  return SetIntensity(IntensityOfCountry(value), "--country", line);
}

absl::Status ApplyCloud(string_view value, CommandLine& line) {
  return SetIntensity(IntensityOfCloud(value), "--cloud", line);
}

absl::Status ApplyMix(string_view value, CommandLine& line) {
  return SetIntensity(IntensityOfMix(value), "--energy-mix", line);
}

absl::Status ApplyInferences(string_view value, CommandLine& line) {
  int64_t number = 0;
  const bool is_digits =
      !value.empty() && value.find_first_not_of("0123456789") == value.npos;
  if (!is_digits || !absl::SimpleAtoi(value, &number) || number < 1) {
    return UsageError(absl::StrCat("'", value,
                                   "' is not a whole number from 1 ", "to ",
                                   std::numeric_limits<int64_t>::max()));
  }
  line.carbon.inferences = number;
  return absl::OkStatus();
}

absl::Status ApplyPue(string_view value, CommandLine& line) {
  return Set(ParseAmount(value, 1), line.carbon.pue);
}

absl::Status ApplyEnergy(string_view value, CommandLine& line) {
  return Set(ParseEnergy(value), line.carbon.joules);
}

absl::Status ApplyPower(string_view value, CommandLine& line) {
  line.carbon.power_text = absl::StrJoin(
      absl::StrSplit(value, absl::ByAnyChar(" \t\n\v\f\r"), absl::SkipEmpty()),
      " ");
  return Set(ParsePower(value), line.carbon.watts);
}

absl::Status ApplyHours(string_view value, CommandLine& line) {
  line.carbon.hours_text = std::string(value);
  return Set(ParseAmount(value, 0), line.carbon.hours);
}

constexpr unsigned kStating = kListing | kMeasure | kCarbon;

// clang-format off
constexpr OptionRow kRows[] = {
    {"--energy", "E", "the energy: 3kWh, 250Wh, 5MJ, 40uJ", OptionGroup::kCarbon, kCarbon, false, &ApplyEnergy},
    {"--power", "P", "the power in place of it, beside --hours: 250W, 1.2kW, 300mW", OptionGroup::kCarbon, kCarbon, false, &ApplyPower},
    {"--hours", "H", "how long it is drawn", OptionGroup::kCarbon, kCarbon, false, &ApplyHours},
    {"--carbon-intensity", "G", "print the grams of CO2e, at G grams per kWh", OptionGroup::kCarbon, kStating, false, &ApplyGiven},
    {"--country", "CODE", "the same at the intensity of a country's grid, by ISO code (DE, DEU), or WORLD", OptionGroup::kCarbon, kStating, false, &ApplyCountry},
    {"--cloud", "PROVIDER:REGION", "the same of a region of aws, azure or gcp: gcp:europe-west1", OptionGroup::kCarbon, kStating, false, &ApplyCloud},
    {"--energy-mix", "SOURCE=SHARE,...", "the same of a mix of energy sources, whose shares sum to 1: coal=0.25,wind=0.75", OptionGroup::kCarbon, kStating, false, &ApplyMix},
    {"--inferences", "N", "the grams of N inferences. Default: 1", OptionGroup::kCarbon, kStating, false, &ApplyInferences},
    {"--pue", "X", "also with what the building takes: power usage effectiveness, 1 or more", OptionGroup::kCarbon, kStating, false, &ApplyPue},
};
// clang-format on

}  // namespace

absl::Span<const OptionRow> CarbonOptionRows() { return kRows; }

}  // namespace opcost
