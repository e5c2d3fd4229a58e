// SPDX-License-Identifier: Apache-2.0
// What the documents that show carbon share.
#ifndef OPCOST_SRC_REPORT_CARBON_PARTS_H_
#define OPCOST_SRC_REPORT_CARBON_PARTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "opcost/carbon/statement.h"
#include "opcost/report/carbon.h"
#include "src/report/documents.h"
#include "src/report/grid.h"
#include "src/report/json_writer.h"

namespace opcost {

inline double JoulesOf(double pj) { return pj * 1e-12; }

// The lines of CarbonText().
std::vector<Fact> CarbonFacts(const CarbonStatement& statement,
                              absl::string_view sign,
                              absl::string_view one = "inference");
// What is the same for all sides of a comparison, and what each side's is.
std::vector<Fact> SharedCarbonFacts(const CarbonTerms& terms);
Grid CarbonGrid(const Comparison& comparison, const CarbonTerms& terms);

// The object of a document's "carbon". `status` is that of the energy; empty:
// it has none.
void WriteCarbon(const CarbonStatement& statement, absl::string_view status,
                 JsonWriter& json);

// The whole document of `opcost carbon`.
void WriteCarbonDocument(const CarbonStatement& statement, JsonWriter& json);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_CARBON_PARTS_H_
