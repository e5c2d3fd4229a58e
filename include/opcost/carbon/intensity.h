// SPDX-License-Identifier: Apache-2.0
// How many grams of CO2e a kWh of electricity is, and who says so.
#ifndef OPCOST_CARBON_INTENSITY_H_
#define OPCOST_CARBON_INTENSITY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

enum class IntensityKind : uint8_t { kGiven, kCountry, kCloud, kMix };
// "given", "country", "cloud", "mix".
absl::string_view Name(IntensityKind kind);

// One source of an energy mix.
struct MixPart {
  std::string name;  // "natural_gas"
  double share = 0;  // of the energy, 0 to 1
  double g_per_kwh = 0;
};

// The carbon intensity of electricity, in grams of CO2e per kWh.
struct CarbonIntensity {
  IntensityKind kind = IntensityKind::kGiven;
  double g_per_kwh = 0;
  std::string code;    // "DE", "gcp:europe-west1", "coal=0.25, wind=0.75"
  std::string name;    // "Germany", "Belgium"; of a given one empty
  std::string source;  // who published it; of a given one empty
  int year = 0;        // that it is of; of a given one 0
  std::vector<MixPart> parts;  // of a mix
};

// The number that `text` is: 0 or more grams of CO2e per kWh.
absl::StatusOr<CarbonIntensity> GivenIntensity(absl::string_view text);

// By ISO 3166-1 code, of two letters or three, in either case; WORLD is the
// world's average. Figures: data/carbon/countries.csv.
//
// Errors (NOT_FOUND): an unknown code, with near matches among codes and names.
absl::StatusOr<CarbonIntensity> IntensityOfCountry(absl::string_view code);

// By PROVIDER:REGION, "gcp:europe-west1", "aws:us-east-1", "azure:West Europe",
// in either case and with or without blanks and hyphens ("azure:westeurope").
// Figures: data/carbon/cloud-regions.csv.
//
// Errors: no ':' (INVALID_ARGUMENT); an unknown provider or region (NOT_FOUND),
// with near matches.
absl::StatusOr<CarbonIntensity> IntensityOfCloud(absl::string_view region);

// By shares of energy sources, "coal=0.25,natural_gas=0.35,nuclear=0.4": the
// sum of share times figure of data/carbon/energy-sources.csv. Shares are 0 to
// 1 and sum to 1 within 1e-6; '-' and ' ' in a name stand for '_'.
//
// Errors (INVALID_ARGUMENT): not of this form, an unknown source (with those
// that there are), one that is named twice, a share that isn't from 0 to 1,
// shares of another sum, which is named.
absl::StatusOr<CarbonIntensity> IntensityOfMix(absl::string_view mix);

}  // namespace opcost

#endif  // OPCOST_CARBON_INTENSITY_H_
