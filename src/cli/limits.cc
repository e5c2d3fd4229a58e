// SPDX-License-Identifier: Apache-2.0
#include "src/cli/limits.h"

#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
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
constexpr size_t kOffenders = 5;  // that are named

bool LacksLayers(TotalStatus status) {
  return status == TotalStatus::kLowerBound ||
         status == TotalStatus::kIndeterminate;
}

// "1.234 times", "infinitely often" where BASE takes nothing.
std::string Times(double ratio) {
  return std::isfinite(ratio) ? absl::StrFormat("%.4g times", ratio)
                              : "more than nothing, which is";
}

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

absl::Status CheckUnit(const EnergyLimit& limit, string_view table,
                       EnergyUnit unit) {
  const bool is_relative = unit == EnergyUnit::kRelative;
  if (is_relative == limit.is_relative) return absl::OkStatus();
  return UsageError(
      is_relative
          ? absl::StrCat("--max-energy: table ", table,
                         " is relative, its unit one MAC, so that ", limit.text,
                         " says nothing of it; give the limit in MAC (1.2GMAC)")
          : absl::StrCat("--max-energy: table ", table,
                         " gives joules, so that ", limit.text,
                         " says nothing of it; give the limit in pJ, nJ, uJ, "
                         "mJ or J"));
}

ExitStatus CheckEnergy(const EnergyLimit& limit, string_view path,
                       const LimitedTotal& total, std::ostream& err) {
  if (total.amount > limit.amount) {
    string_view bound = "";
    if (total.status == TotalStatus::kLowerBound) bound = "at least ";
    if (total.status == TotalStatus::kUpperBound) bound = "at most ";
    err << "opcost: --max-energy " << limit.text << " is exceeded: " << path
        << " takes " << bound
        << HumanEnergy(total.amount, Unit::kAuto, total.unit) << '\n';
    return kLimitExceeded;
  }
  if (!LacksLayers(total.status)) return kDone;
  err << "opcost: --max-energy " << limit.text
      << " isn't shown to hold: " << path << " has unknown layers\n";
  return kIncomplete;
}

absl::StatusOr<RatioLimit> ParseRatioLimit(string_view text) {
  RatioLimit limit;
  limit.text = std::string(text);
  const bool is_number = LengthOfNumber(text) == text.size() &&
                         absl::SimpleAtod(text, &limit.ratio);
  if (!is_number || !(limit.ratio > 0) || !std::isfinite(limit.ratio)) {
    return UsageError(
        absl::StrCat("'", text, "' is not a number above 0, such as 1.10"));
  }
  return limit;
}

ExitStatus CheckRatios(const RatioLimit& limit, const Comparison& comparison,
                       std::ostream& err) {
  const ComparisonSide& base = comparison.sides[0];
  ExitStatus worst = kDone;
  for (size_t s = 1; s < comparison.sides.size(); ++s) {
    const ComparisonSide& side = comparison.sides[s];
    const double ratio = comparison.ratios[s];
    // A base that lacks layers makes ratios too large.
    if (ratio > limit.ratio && !LacksLayers(base.status)) {
      err << "opcost: --max-ratio " << limit.text
          << " is exceeded: " << side.name << " takes "
          << (LacksLayers(side.status) ? "at least " : "") << Times(ratio)
          << " what " << base.name << " takes\n";
      worst = Worse(worst, kLimitExceeded);
    } else if (LacksLayers(base.status) || LacksLayers(side.status)) {
      err << "opcost: --max-ratio " << limit.text << " isn't shown to hold: "
          << (LacksLayers(side.status) ? side.name : base.name)
          << " has unknown layers\n";
      worst = Worse(worst, kIncomplete);
    }
  }
  return worst;
}

ExitStatus CheckLayerRatios(const RatioLimit& limit,
                            const Comparison& comparison, std::ostream& err) {
  size_t offenders = 0;
  size_t unknown = 0;
  for (const ComparedLayer& row : comparison.layers) {
    const SideLayer* base = comparison.Find(row, 0);
    for (size_t s = 1; base != nullptr && s < comparison.sides.size(); ++s) {
      const SideLayer* layer = comparison.Find(row, s);
      if (layer == nullptr) continue;
      if (layer->is_unknown() || base->is_unknown()) {
        ++unknown;
        continue;
      }
      const double ratio = Ratio(layer->energies.total, base->energies.total);
      if (!(ratio > limit.ratio) || ++offenders > kOffenders) continue;
      err << "opcost: --max-layer-ratio " << limit.text
          << " is exceeded: " << layer->op << " '" << layer->name << "' of "
          << comparison.sides[s].name << " takes " << Times(ratio) << " what '"
          << base->name << "' of " << comparison.sides[0].name << " takes\n";
    }
  }
  if (offenders > kOffenders) {
    err << "opcost: --max-layer-ratio " << limit.text << " is exceeded by "
        << offenders - kOffenders << " more\n";
  }
  if (unknown > 0) {
    err << "opcost: --max-layer-ratio " << limit.text
        << " isn't shown to hold: " << unknown
        << (unknown == 1 ? " layer is unknown\n" : " layers are unknown\n");
  }
  return offenders > 0 ? kLimitExceeded : unknown > 0 ? kIncomplete : kDone;
}

ExitStatus Worse(ExitStatus a, ExitStatus b) {
  constexpr ExitStatus kWorstFirst[] = {kBadUsage, kBadInput, kNotMeasured,
                                        kLimitExceeded, kIncomplete};
  for (const ExitStatus status : kWorstFirst) {
    if (a == status || b == status) return status;
  }
  return kDone;
}

ExitStatus AllowUnknown(const CommandLine& line, ExitStatus status) {
  return status == kIncomplete && line.allows_unknown ? kDone : status;
}

}  // namespace opcost
