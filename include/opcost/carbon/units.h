// SPDX-License-Identifier: Apache-2.0
// Energies and powers as people write them.
#ifndef OPCOST_CARBON_UNITS_H_
#define OPCOST_CARBON_UNITS_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

inline constexpr double kJoulesPerKwh = 3.6e6;
inline constexpr double kSecondsPerHour = 3600;

// Joules of "3kWh", "250 Wh", "5MJ", "12J", "3mJ", "40uJ": a number that isn't
// negative, and J or Wh with one of the prefixes p n u (or µ) m k M G T. Case
// matters, since mJ and MJ are nine orders of magnitude apart.
//
// Errors (INVALID_ARGUMENT): no such number, no unit, an unknown one (with
// those that differ in case alone), a number beyond doubles.
absl::StatusOr<double> ParseEnergy(absl::string_view text);

// Watts of "250W", "1.2 kW", "300mW"; errors are those of ParseEnergy().
absl::StatusOr<double> ParsePower(absl::string_view text);

// A finite number without a unit that isn't below `least`; errors say so.
absl::StatusOr<double> ParseAmount(absl::string_view text, double least);

}  // namespace opcost

#endif  // OPCOST_CARBON_UNITS_H_
