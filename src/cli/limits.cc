// SPDX-License-Identifier: Apache-2.0
#include "src/cli/limits.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "opcost/report/report.h"

namespace opcost {
namespace {

using absl::string_view;

constexpr string_view kDigits = "0123456789";

// The characters at the head of `text` that are a decimal number.
size_t LengthOfNumber(string_view text) {
  const auto skip_digits = [text](size_t at) {
    const size_t end = text.find_first_not_of(kDigits, at);
    return end == text.npos ? text.size() : end;
  };
  size_t end = skip_digits(0);
  if (end == 0) return 0;
  if (end + 1 < text.size() && text[end] == '.' &&
      absl::ascii_isdigit(static_cast<unsigned char>(text[end + 1]))) {
    end = skip_digits(end + 1);
  }
  if (end < text.size() && (text[end] == 'e' || text[end] == 'E')) {
    size_t exponent = end + 1;
    if (exponent < text.size() &&
        (text[exponent] == '-' || text[exponent] == '+')) {
      ++exponent;
    }
    // "5E" is five of the prefix E.
    if (exponent < text.size() && skip_digits(exponent) > exponent) {
      end = skip_digits(exponent);
    }
  }
  return end;
}

struct Scale {
  string_view name;
  double factor;
};
constexpr Scale kJoules[] = {
    {"pJ", 1}, {"nJ", 1e3}, {"uJ", 1e6}, {"mJ", 1e9}, {"J", 1e12}};
constexpr Scale kMacs[] = {{"MAC", 1},    {"kMAC", 1e3},  {"MMAC", 1e6},
                           {"GMAC", 1e9}, {"TMAC", 1e12}, {"PMAC", 1e15},
                           {"EMAC", 1e18}};

}  // namespace

absl::StatusOr<EnergyLimit> ParseEnergyLimit(string_view text) {
  const size_t length = LengthOfNumber(text);
  const string_view unit =
      absl::StripLeadingAsciiWhitespace(text.substr(length));
  EnergyLimit limit;
  limit.text = std::string(text);
  double number = 0;
  const bool is_number =
      length > 0 && absl::SimpleAtod(text.substr(0, length), &number);
  const auto find = [&](const auto& scales, bool is_relative) {
    for (const Scale& scale : scales) {
      if (scale.name != unit) continue;
      limit.amount = number * scale.factor;
      limit.is_relative = is_relative;
      return true;
    }
    return false;
  };
  if (!is_number || !(find(kJoules, false) || find(kMacs, true)) ||
      !std::isfinite(limit.amount)) {
    return UsageError(absl::StrCat(
        "'", text,
        "' is not an energy; give a number and pJ, nJ, uJ, mJ or J (5mJ), or, "
        "under a relative table, MAC with or without k, M, G, T, P or E "
        "(1.2GMAC)"));
  }
  return limit;
}

absl::Status CheckUnit(const EnergyLimit& limit, const CostTable& table) {
  const bool is_relative = table.unit() == EnergyUnit::kRelative;
  if (is_relative == limit.is_relative) return absl::OkStatus();
  return UsageError(
      is_relative
          ? absl::StrCat("--max-energy: table ", table.name(),
                         " is relative, its unit one MAC, so that ", limit.text,
                         " says nothing of it; give the limit in MAC (1.2GMAC)")
          : absl::StrCat("--max-energy: table ", table.name(),
                         " gives joules, so that ", limit.text,
                         " says nothing of it; give the limit in pJ, nJ, uJ, "
                         "mJ or J"));
}

ExitStatus CheckEnergy(const EnergyLimit& limit, string_view path,
                       const LimitedTotal& total, std::ostream& err) {
  const bool lacks_layers = total.status == TotalStatus::kLowerBound ||
                            total.status == TotalStatus::kIndeterminate;
  if (total.amount > limit.amount) {
    string_view bound = "";
    if (total.status == TotalStatus::kLowerBound) bound = "at least ";
    if (total.status == TotalStatus::kUpperBound) bound = "at most ";
    err << "opcost: --max-energy " << limit.text << " is exceeded: " << path
        << " takes " << bound
        << HumanEnergy(total.amount, Unit::kAuto, total.unit) << '\n';
    return kLimitExceeded;
  }
  if (!lacks_layers) return kDone;
  err << "opcost: --max-energy " << limit.text
      << " isn't shown to hold: " << path << " has unknown layers\n";
  return kIncomplete;
}

ExitStatus Worse(ExitStatus a, ExitStatus b) {
  constexpr ExitStatus kWorstFirst[] = {kBadUsage, kBadInput, kLimitExceeded,
                                        kIncomplete};
  for (const ExitStatus status : kWorstFirst) {
    if (a == status || b == status) return status;
  }
  return kDone;
}

ExitStatus AllowUnknown(const CommandLine& line, ExitStatus status) {
  return status == kIncomplete && line.allows_unknown ? kDone : status;
}

}  // namespace opcost
