// SPDX-License-Identifier: Apache-2.0
// Grams of CO2e in the documents.
#ifndef OPCOST_REPORT_CARBON_H_
#define OPCOST_REPORT_CARBON_H_

#include <string>

#include "absl/strings/string_view.h"
#include "opcost/carbon/statement.h"
#include "opcost/energy/estimate.h"
#include "opcost/report/comparison.h"
#include "opcost/report/report.h"

namespace opcost {

// RenderEstimate() and RenderComparison() with the carbon of the total, of each
// side's total: last in text, in the lists of markdown, and as "carbon" in JSON
// and in the last line of JSONL; CSV is as without. A total that is a bound
// gives grams with the same sign. null: no carbon. The table's unit must not be
// relative.
std::string RenderEstimate(const Estimate& estimate,
                           const RenderOptions& options,
                           const CarbonTerms* carbon);
std::string RenderComparison(const Comparison& comparison,
                             const RenderOptions& options,
                             const CarbonTerms* carbon);

// `opcost carbon`: text, JSON (schemas/carbon.schema.json) or CSV. `basis` says
// what the energy is of ("250 W for 100 h"); empty: nothing.
std::string RenderCarbon(const CarbonStatement& statement,
                         absl::string_view basis, const RenderOptions& options);

// The lines of text on their own, for reports of other energies: energy,
// intensity with source and year, grams, and PUE where one is given. `sign`
// ("=", ">=") goes before energies and grams; empty: nothing does. `width` is
// RenderOptions'. `one` is what the energy is of, once.
std::string CarbonText(const CarbonStatement& statement, absl::string_view sign,
                       int width, absl::string_view one = "inference");

// "90.478 g", "1.425 kg": five significant digits in pg, ng, ug, mg, g, kg or
// t, the largest that keeps the number at 1 or above.
std::string HumanGrams(double grams);

}  // namespace opcost

#endif  // OPCOST_REPORT_CARBON_H_
