// SPDX-License-Identifier: Apache-2.0
// Text as an expression over named dimensions.
#ifndef OPCOST_SUPPORT_SYM_PARSER_H_
#define OPCOST_SUPPORT_SYM_PARSER_H_

#include <functional>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/support/extent.h"
#include "opcost/support/sym_value.h"

namespace opcost {

// Longest dimension name that is read as an expression, and longest text that
// ParseExpression() reads, in bytes.
inline constexpr size_t kMaxDimensionBytes = 256;
inline constexpr size_t kMaxExpressionBytes = size_t{64} * 1024;

// The value of an expression: whole numbers and names under + - * / // % ^
// (also **) and parentheses, and the functions floor, ceil, min, max, mod,
// select(condition, then, else). What SymValue prints reads back as the same
// value.
//
// A name is a letter, '_' or a character beyond ASCII, then any of these,
// digits and . # : $ @; any other name stands in quotes ('batch size', a quote
// within as two). '/' divides exactly: fractions are carried along as they
// stand, until floor() or ceil() rounds them; where neither does, the
// expression is taken to be whole, and rounded down. '//' and '%' round down,
// as Python's. '^' takes a number from 0 to 64.
//
// Errors, INVALID_ARGUMENT, say what was expected and at which character
// (from 1): not an expression; a number beyond 63 bits; a text or a nesting
// beyond what anyone writes.
absl::StatusOr<SymValue> ParseExpression(absl::string_view text);

// The same with the names' values; a name that `lookup` doesn't know (nullopt)
// is an error.
using NameLookup =
    std::function<std::optional<SymValue>(absl::string_view name)>;
absl::StatusOr<SymValue> ParseExpression(absl::string_view text,
                                         const NameLookup& lookup);

// True if `name` can stand in an expression without quotes.
bool IsPlainName(absl::string_view name);

// What a dimension that a model calls `name` stands for: an expression where
// the name is one ("past_sequence_length + 1", "floor((H-3)/2)+1"), else a
// symbol of that name ("batch size", "input.1", "-"). A name whose value would
// be negative, or doesn't fit, is a symbol too.
Extent DimensionCalled(absl::string_view name);

}  // namespace opcost

#endif  // OPCOST_SUPPORT_SYM_PARSER_H_
