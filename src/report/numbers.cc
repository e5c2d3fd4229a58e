// SPDX-License-Identifier: Apache-2.0
#include "src/report/numbers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace opcost {
namespace {

// A decimal prefix is a factor of 1000; counts go on where units of energy end.
constexpr std::array<absl::string_view, 7> kPrefixes = {"",  "k", "M", "G",
                                                        "T", "P", "E"};
constexpr std::array<absl::string_view, 5> kEnergyUnits = {"pJ", "nJ", "uJ",
                                                           "mJ", "J"};

// Room for the largest double in full.
constexpr size_t kBufferSize = 400;

template <typename... Format>
std::string Print(double number, Format... format) {
  char buffer[kBufferSize];  // not zeroed: only what is written is read
  const std::to_chars_result end =
      std::to_chars(buffer, buffer + kBufferSize, number, format...);
  return std::string(buffer, end.ptr);
}

// What a double has exactly, as its powers up to the 22nd are.
constexpr std::array<double, 13> kTenTo = {1e0, 1e1, 1e2, 1e3,  1e4,  1e5, 1e6,
                                           1e7, 1e8, 1e9, 1e10, 1e11, 1e12};
constexpr std::array<double, 13> kTenToMinus = {1e0,   1e-1,  1e-2, 1e-3, 1e-4,
                                                1e-5,  1e-6,  1e-7, 1e-8, 1e-9,
                                                1e-10, 1e-11, 1e-12};
// Doubles below it have halves: 2^52.
constexpr double kHasHalves = 4503599627370496.0;

// `number` times `factor`, rounded as to_chars() rounds its digits: to the
// nearest integer to the exact product, and to the even one of two.
uint64_t RoundedProduct(double number, double factor) {
  const double product = number * factor;
  auto whole = static_cast<uint64_t>(product);
  const double rest = product - static_cast<double>(whole);
  if (rest != 0.5) return whole + (rest > 0.5 ? 1 : 0);
  // The product is rounded by less than it is away from any half but this one.
  const double error = std::fma(number, factor, -product);
  const bool is_up = error == 0 ? whole % 2 == 1 : error > 0;
  return whole + (is_up ? 1 : 0);
}

// "9.99", "99.9", "999.9": three or four significant digits of a number from 1
// to 1000; three of a smaller one.
std::string FewDigits(double number) {
  if (number == 0) return "0";
  if (number < 0.9995) return Print(number, std::chars_format::general, 3);
  return FixedDouble(number, number < 9.995 ? 2 : 1);
}

// Rounded to one decimal, numbers from here on have a digit more.
constexpr double kFourDigits = 999.95;
constexpr double kFiveDigits = 9999.95;

// Divides `number` by 1000 until it is below `limit`; at most `most` times.
int TakePrefix(double& number, int most, double limit) {
  int prefix = 0;
  while (prefix < most && number >= limit) {
    number /= 1000;
    ++prefix;
  }
  return prefix;
}

std::string WithPrefix(int64_t number, absl::string_view unit) {
  if (number < 1000) {
    return absl::StrCat(number, unit.empty() ? "" : " ", unit);
  }
  double scaled = static_cast<double>(number);
  // The number is a whole one of four digits at least: the prefix is "k" or
  // more, although 999.95 alone would not make it so.
  const int prefix =
      TakePrefix(scaled, static_cast<int>(kPrefixes.size()) - 1, kFourDigits);
  return absl::StrCat(FewDigits(scaled), " ",
                      kPrefixes[static_cast<size_t>(prefix)], unit);
}

int DigitsBeforePoint(double number) {
  return number > 0 ? static_cast<int>(std::floor(std::log10(number))) + 1 : 1;
}

std::string GroupDigits(absl::string_view digits) {
  std::string out;
  for (size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) out.push_back(',');
    out.push_back(digits[i]);
  }
  return out;
}

// In the smallest unit that keeps `largest_pj` below `limit`, or in `unit`.
EnergyScale ScaleBelow(double limit, double largest_pj, Unit unit,
                       EnergyUnit table_unit) {
  EnergyScale scale;
  double largest = largest_pj;
  const bool is_relative = table_unit == EnergyUnit::kRelative;
  if (unit == Unit::kAuto || is_relative) {
    const size_t units = is_relative ? kPrefixes.size() : kEnergyUnits.size();
    const int prefix = TakePrefix(largest, static_cast<int>(units) - 1, limit);
    scale.pj = std::pow(1000.0, prefix);
    const auto index = static_cast<size_t>(prefix);
    scale.unit = is_relative ? absl::StrCat(kPrefixes[index],
                                            prefix > 0 ? " " : "", "MAC")
                             : std::string(kEnergyUnits[index]);
  } else {
    const size_t index = static_cast<size_t>(unit) - 1;
    scale.pj = std::pow(1000.0, static_cast<double>(index));
    scale.unit = std::string(kEnergyUnits[index]);
    largest /= scale.pj;
  }
  // As rounded to five digits: 9.99996 is 10.000.
  const int before = DigitsBeforePoint(largest * (1 + 5e-6));
  scale.decimals =
      before > 0 ? std::clamp(5 - before, 0, 4) : std::min(3 - before, 12);
  return scale;
}

}  // namespace

std::string ShortestDouble(double number) {
  std::string text = Print(number);
  if (std::isfinite(number) && text.find_first_of(".e") == std::string::npos) {
    text += ".0";
  }
  return text;
}

std::string FixedDouble(double number, int decimals) {
  if (decimals < 0 || decimals >= static_cast<int>(kTenTo.size()) ||
      std::signbit(number) ||
      !(number * kTenTo[static_cast<size_t>(decimals)] < kHasHalves)) {
    return Print(number, std::chars_format::fixed, decimals);
  }
  uint64_t digits =
      RoundedProduct(number, kTenTo[static_cast<size_t>(decimals)]);
  // 16 digits at most, a point, and zeros in front of it.
  char buffer[32];
  char* const end = buffer + sizeof(buffer);
  char* begin = end;
  for (int i = 0; i < decimals; ++i, digits /= 10) {
    *--begin = static_cast<char>('0' + digits % 10);
  }
  if (decimals > 0) *--begin = '.';
  do {
    *--begin = static_cast<char>('0' + digits % 10);
    digits /= 10;
  } while (digits > 0);
  return std::string(begin, end);
}

std::string Grouped(int64_t number) {
  const std::string digits = absl::StrCat(number);
  if (number < 0) return absl::StrCat("-", GroupDigits(digits.substr(1)));
  return GroupDigits(digits);
}

std::string Grouped(double number) {
  const int before = DigitsBeforePoint(std::abs(number));
  if (!std::isfinite(number) || before > 18 || before < -9) {
    return Print(number, std::chars_format::general, 15);
  }
  std::string text = FixedDouble(number, std::clamp(15 - before, 0, 24));
  const size_t point = text.find('.');
  if (point == std::string::npos) return GroupDigits(text);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  const absl::string_view view(text);
  const size_t sign = number < 0 ? 1 : 0;
  return absl::StrCat(
      view.substr(0, sign),
      GroupDigits(view.substr(sign, std::min(point, view.size()) - sign)),
      view.substr(std::min(point, view.size())));
}

EnergyScale ScaleFor(double largest_pj, Unit unit, EnergyUnit table_unit) {
  return ScaleBelow(kFiveDigits, largest_pj, unit, table_unit);
}

std::string EnergyScale::Number(double energy_pj) const {
  if (energy_pj == 0) return "0";
  const double number = energy_pj / pj;
  const double least =
      decimals >= 0 && decimals < static_cast<int>(kTenToMinus.size())
          ? kTenToMinus[static_cast<size_t>(decimals)]
          : std::pow(10.0, -decimals);
  if (number < least / 2)
    return absl::StrCat("<", FixedDouble(least, decimals));
  return FixedDouble(number, decimals);
}

std::string EnergyScale::Padded(std::string text) const {
  if (decimals > 0) text.append(static_cast<size_t>(decimals) + 1, ' ');
  return text;
}

std::string EnergyScale::Aligned(double energy_pj) const {
  return energy_pj == 0 ? Padded("0") : Number(energy_pj);
}

std::string EnergyScale::Unknown() const { return Padded("?"); }

std::string EnergyScale::Text(double energy_pj) const {
  return absl::StrCat(Number(energy_pj), " ", unit);
}

std::string Percent(double part, double whole) {
  if (part == 0 || !(whole > 0)) return "0  ";
  const double percent = 100 * part / whole;
  return percent < 0.05 ? "<0.1" : FixedDouble(percent, 1);
}

std::string HumanCount(int64_t count) { return WithPrefix(count, ""); }

std::string HumanBytes(int64_t bytes) { return WithPrefix(bytes, "B"); }

std::string HumanEnergy(double pj, Unit unit, EnergyUnit table_unit) {
  const EnergyScale scale = ScaleBelow(kFourDigits, pj, unit, table_unit);
  return absl::StrCat(FewDigits(pj / scale.pj), " ", scale.unit);
}

}  // namespace opcost
