// SPDX-License-Identifier: Apache-2.0
// What the command line says of carbon, and the grams that come of it.
#ifndef OPCOST_SRC_CLI_CARBON_REQUEST_H_
#define OPCOST_SRC_CLI_CARBON_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/carbon/statement.h"
#include "opcost/energy/cost_table.h"

namespace opcost {

struct CommandLine;
struct OptionRow;

// The options that ask for carbon, as they were given.
struct CarbonRequest {
  std::optional<CarbonIntensity> intensity;
  std::string intensity_flag;         // "--country"
  std::optional<int64_t> inferences;  // --inferences
  std::optional<double> pue;          // --pue
  // Of `opcost carbon`: --energy in joules, --power in watts, --hours.
  std::optional<double> joules, watts, hours;
  std::string power_text, hours_text;
};

// The rows of these options.
absl::Span<const OptionRow> CarbonOptionRows();

// The terms that the options give; nullopt: none of them asks for carbon. A
// usage error that lists the four ways to give an intensity if there is none
// although --inferences or --pue is there.
absl::StatusOr<std::optional<CarbonTerms>> CarbonTermsOf(
    const CommandLine& line);

// The same for energies of `table`: a usage error if its unit is relative,
// since units of one MAC are no joules.
absl::StatusOr<std::optional<CarbonTerms>> CarbonTermsOf(
    const CommandLine& line, const CostTable& table);

// The usage error of a relative table.
absl::Status NeedsJoules(const CommandLine& line, absl::string_view table);

// The carbon of all inferences, each of which takes `joules`; nullopt: nobody
// asks. Errors are those of CarbonTermsOf().
absl::StatusOr<std::optional<CarbonStatement>> CarbonOf(const CommandLine& line,
                                                        double joules);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_CARBON_REQUEST_H_
