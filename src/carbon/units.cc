// SPDX-License-Identifier: Apache-2.0
#include "opcost/carbon/units.h"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr std::pair<string_view, double> kPrefixes[] = {
    {"p", 1e-12},     {"n", 1e-9}, {"u", 1e-6}, {"\u00b5", 1e-6},
    {"\u03bc", 1e-6}, {"m", 1e-3}, {"", 1},     {"k", 1e3},
    {"M", 1e6},       {"G", 1e9},  {"T", 1e12}};

struct BaseUnit {
  string_view name;
  double factor;
};

// Where the number at the head of `text` ends; 0 if there is none. A sign
// belongs to it, so that the message about it can be sharp.
size_t EndOfNumber(string_view text) {
  size_t end = text.find_first_not_of("+-.0123456789");
  if (end == text.npos) return text.size();
  if (end == 0 || (text[end] != 'e' && text[end] != 'E')) return end;
  size_t exponent = end + 1;
  if (exponent < text.size() &&
      (text[exponent] == '-' || text[exponent] == '+')) {
    ++exponent;
  }
  const size_t behind = text.find_first_not_of("0123456789", exponent);
  if (exponent == text.size() || behind == exponent) return end;
  return behind == text.npos ? text.size() : behind;
}

absl::StatusOr<double> ParseQuantity(string_view text, string_view example,
                                     const std::vector<BaseUnit>& bases) {
  const size_t end = EndOfNumber(text);
  const string_view unit = absl::StripAsciiWhitespace(text.substr(end));
  const auto fail = [&](string_view why) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' ", why, "; write it as ", example));
  };
  if (end == 0) return fail("doesn't begin with a number");
  if (unit.empty()) return fail("has no unit");
  OPCOST_ASSIGN_OR_RETURN(const double number,
                          ParseAmount(text.substr(0, end), 0));
  std::vector<std::string> known;
  for (const BaseUnit& base : bases) {
    for (const auto& [prefix, factor] : kPrefixes) {
      const std::string name = absl::StrCat(prefix, base.name);
      if (unit == name) {
        const double quantity = number * factor * base.factor;
        if (!std::isfinite(quantity)) return fail("is too large");
        return quantity;
      }
      known.push_back(name);
    }
  }
  // Case alone is the usual slip; which unit of two was meant, nobody knows.
  std::vector<std::string> near;
  for (const std::string& name : known) {
    if (absl::EqualsIgnoreCase(name, unit)) {
      near.push_back(absl::StrCat("'", name, "'"));
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "'", text, "' has the unknown unit '", unit, "'; ",
      near.empty()
          ? absl::StrCat("write it as ", example)
          : absl::StrCat("did you mean ", absl::StrJoin(near, " or "), "?")));
}

}  // namespace

absl::StatusOr<double> ParseAmount(string_view text, double least) {
  double number = 0;
  // SimpleAtod forgives blanks, and knows infinities.
  const bool is_number =
      !text.empty() && text.find_first_not_of("+-.eE0123456789") == text.npos &&
      absl::SimpleAtod(text, &number) && std::isfinite(number);
  if (!is_number || number < least) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' is not a number from ", least, " up"));
  }
  return number == 0 ? 0.0 : number;  // no negative zero
}

absl::StatusOr<double> ParseEnergy(string_view text) {
  return ParseQuantity(text, "3kWh, 250Wh, 5MJ or 40uJ",
                       {{"J", 1}, {"Wh", kSecondsPerHour}});
}

absl::StatusOr<double> ParsePower(string_view text) {
  return ParseQuantity(text, "250W, 1.2kW or 300mW", {{"W", 1}});
}

}  // namespace opcost
