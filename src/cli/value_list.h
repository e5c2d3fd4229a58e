// SPDX-License-Identifier: Apache-2.0
// Lists of values, as opcost sweep takes them.
#ifndef OPCOST_SRC_CLI_VALUE_LIST_H_
#define OPCOST_SRC_CLI_VALUE_LIST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "src/cli/command_line.h"

namespace opcost {

// Whether sweep takes a list for this option: what says how a model is priced
// or what its inputs are.
bool IsSwept(const OptionRow& row);

// "1,4,8", "1..8", "16..128..16": the values, in order. A usage error for an
// empty value, a range that goes nowhere, or more than a million values.
absl::StatusOr<std::vector<std::string>> ExpandList(absl::string_view text);

// Adds the axis that `value` gives to `row`; each value must be one that the
// option takes. Usage errors, which name the option.
absl::Status AddAxis(const OptionRow& row, absl::string_view value,
                     CommandLine& line);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_VALUE_LIST_H_
