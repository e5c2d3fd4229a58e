// SPDX-License-Identifier: Apache-2.0
// opcost carbon, and the carbon of other commands.
#include <cmath>

#include "absl/strings/str_cat.h"
#include "opcost/carbon/units.h"
#include "opcost/report/carbon.h"
#include "opcost/support/status_macros.h"
#include "src/cli/carbon_request.h"
#include "src/cli/commands.h"

namespace opcost {
namespace {

absl::Status NoIntensity(absl::string_view what) {
  return UsageError(absl::StrCat(
      what,
      " needs a carbon intensity; give one of --carbon-intensity G (grams of "
      "CO2e per kWh), --country CODE (DE; WORLD for the average), --cloud "
      "PROVIDER:REGION (gcp:europe-west1) or --energy-mix SOURCE=SHARE,... "
      "(coal=0.25,wind=0.75)"));
}

// What the energy of `opcost carbon` is.
struct GivenEnergy {
  double joules = 0;
  std::string basis;  // "250W for 100 h"; empty: given as an energy
};

absl::StatusOr<GivenEnergy> EnergyOf(const CarbonRequest& carbon) {
  if (carbon.joules.has_value()) {
    if (carbon.watts.has_value() || carbon.hours.has_value()) {
      return UsageError(
          "--energy is given, and so is --power or --hours; leave one of the "
          "two ways out");
    }
    return GivenEnergy{*carbon.joules, ""};
  }
  if (carbon.watts.has_value() != carbon.hours.has_value()) {
    return UsageError(carbon.watts.has_value()
                          ? "--power needs --hours: how long it is drawn"
                          : "--hours needs --power: what is drawn, as 250W");
  }
  if (!carbon.watts.has_value()) {
    return UsageError(
        "an energy is missing; give --energy 3kWh, or --power 250W --hours "
        "100");
  }
  return GivenEnergy{
      *carbon.watts * *carbon.hours * kSecondsPerHour,
      absl::StrCat(carbon.power_text, " for ", carbon.hours_text, " h")};
}

}  // namespace

absl::Status NeedsJoules(const CommandLine& line, absl::string_view table) {
  return UsageError(absl::StrCat(
      line.carbon.intensity_flag, " needs joules, but table '", table,
      "' is relative, in units of one MAC; choose another with --table"));
}

absl::StatusOr<std::optional<CarbonTerms>> CarbonTermsOf(
    const CommandLine& line) {
  const CarbonRequest& carbon = line.carbon;
  if (!carbon.intensity.has_value()) {
    if (carbon.inferences.has_value()) return NoIntensity("--inferences");
    if (carbon.pue.has_value()) return NoIntensity("--pue");
    return std::optional<CarbonTerms>();
  }
  CarbonTerms terms;
  terms.intensity = *carbon.intensity;
  terms.pue = carbon.pue;
  terms.inferences = carbon.inferences.value_or(1);
  return std::optional<CarbonTerms>(terms);
}

absl::StatusOr<std::optional<CarbonTerms>> CarbonTermsOf(
    const CommandLine& line, const CostTable& table) {
  OPCOST_ASSIGN_OR_RETURN(const std::optional<CarbonTerms> terms,
                          CarbonTermsOf(line));
  if (terms.has_value() && table.unit() == EnergyUnit::kRelative) {
    return NeedsJoules(line, table.name());
  }
  return terms;
}

absl::StatusOr<std::optional<CarbonStatement>> CarbonOf(const CommandLine& line,
                                                        double joules) {
  OPCOST_ASSIGN_OR_RETURN(const std::optional<CarbonTerms> terms,
                          CarbonTermsOf(line));
  if (!terms.has_value()) return std::optional<CarbonStatement>();
  return std::optional<CarbonStatement>(StateCarbon(*terms, joules));
}

absl::StatusOr<ExitStatus> RunCarbon(const CommandLine& line,
                                     const CliEnvironment& environment) {
  OPCOST_ASSIGN_OR_RETURN(const GivenEnergy energy, EnergyOf(line.carbon));
  if (!line.carbon.intensity.has_value()) return NoIntensity("'carbon'");
  OPCOST_ASSIGN_OR_RETURN(const std::optional<CarbonStatement> statement,
                          CarbonOf(line, energy.joules));
  if (!std::isfinite(statement->total_grams)) {
    return UsageError("the energy is too large");
  }
  std::string basis = energy.basis;
  if (line.carbon.inferences.has_value()) {
    absl::StrAppend(&basis, basis.empty() ? "" : ", ", "times ",
                    *line.carbon.inferences);
  }
  OPCOST_RETURN_IF_ERROR(
      Deliver(line, environment,
              RenderCarbon(*statement, basis, RenderingOf(line, environment))));
  return kDone;
}

}  // namespace opcost
