// SPDX-License-Identifier: Apache-2.0
// From an energy to grams of CO2e.
#ifndef OPCOST_CARBON_STATEMENT_H_
#define OPCOST_CARBON_STATEMENT_H_

#include <cstdint>
#include <optional>

#include "opcost/carbon/intensity.h"

namespace opcost {

// What turns the energy of one inference into grams.
struct CarbonTerms {
  CarbonIntensity intensity;
  // Power usage effectiveness of the building, 1 or more; nullopt: not given,
  // which counts as 1.
  std::optional<double> pue;
  int64_t inferences = 1;
};

// Energy and carbon of all inferences. PUE is applied last and apart: `joules`,
// `kwh` and `grams` are the computer's alone, the totals the building's.
struct CarbonStatement {
  CarbonTerms terms;
  double joules = 0;
  double kwh = 0;          // joules / 3.6e6
  double grams = 0;        // kwh * g_per_kwh
  double total_kwh = 0;    // kwh * PUE
  double total_grams = 0;  // grams * PUE
};

// `joules` are of one inference, finite and not negative.
CarbonStatement StateCarbon(const CarbonTerms& terms, double joules);

}  // namespace opcost

#endif  // OPCOST_CARBON_STATEMENT_H_
