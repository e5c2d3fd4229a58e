// SPDX-License-Identifier: Apache-2.0
#include "opcost/carbon/statement.h"

#include "opcost/carbon/units.h"

namespace opcost {

CarbonStatement StateCarbon(const CarbonTerms& terms, double joules) {
  CarbonStatement statement;
  statement.terms = terms;
  statement.joules = joules * static_cast<double>(terms.inferences);
  statement.kwh = statement.joules / kJoulesPerKwh;
  statement.grams = statement.kwh * terms.intensity.g_per_kwh;
  const double pue = terms.pue.value_or(1);
  statement.total_kwh = statement.kwh * pue;
  statement.total_grams = statement.grams * pue;
  return statement;
}

}  // namespace opcost
