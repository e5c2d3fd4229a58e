// SPDX-License-Identifier: Apache-2.0
// Reads the formulae of an operator's row (see Formula in op_def.h).
//
//   expression = term { ("+" | "-") term }
//   term       = factor { ("*" | "/") factor }
//   factor     = number | name | "[" name "]" | "(" expression ")"
//
// A name is a letter or "_", then letters, digits and "_". A name in brackets
// is 0 where the name's number is 0, else 1. Division rounds down.
#ifndef OPCOST_OPS_FORMULA_H_
#define OPCOST_OPS_FORMULA_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/support/extent.h"

namespace opcost {

// The value of `expression`, with names looked up by `lookup` (nullopt: it
// doesn't know the name; names in brackets are passed without them). A value
// that doesn't fit 63 bits is an overflowed Count. Errors: INVALID_ARGUMENT
// with the position, counted from 1, of what can't be read or is not known.
absl::StatusOr<Count> EvaluateFormula(
    absl::string_view expression,
    const std::function<std::optional<Count>(absl::string_view)>& lookup);

// `expression` with each name that `lookup` knows replaced by its text
// ("1*96*3*(11*11)"); bracketed names become 0 where that text is "0", else 1.
// Names it doesn't know stay. Errors: as EvaluateFormula(), names excepted.
absl::StatusOr<std::string> SubstituteFormula(
    absl::string_view expression,
    const std::function<std::optional<std::string>(absl::string_view)>& lookup);

// Splits "W: MACs; B: [B]*out" into ("W", "MACs") and ("B", "[B]*out"). A term
// without a colon has an empty operand. The pieces refer to `terms`.
std::vector<std::pair<absl::string_view, absl::string_view>> FormulaTerms(
    absl::string_view terms);

}  // namespace opcost

#endif  // OPCOST_OPS_FORMULA_H_
