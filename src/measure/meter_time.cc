// SPDX-License-Identifier: Apache-2.0
#include "src/measure/meter_time.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "opcost/support/status_macros.h"
#include "src/measure/system.h"

namespace opcost {
namespace {

constexpr int64_t kSecond = 1000000000;
constexpr int64_t kMostSeconds = 9200000000;  // the year 2261
// As seconds these would be the year 5138: they are milliseconds.
constexpr double kSurelyMilliseconds = 1e11;

absl::Status NoTime(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat(
      "expected seconds since 1970 or ISO 8601 with a zone, found '",
      Printable(text), "'"));
}

// Takes digits off the front: at least `least` of them, at most `most`.
bool TakeDigits(absl::string_view& text, size_t least, size_t most,
                int64_t& number) {
  size_t count = 0;
  number = 0;
  while (count < text.size() && count < most &&
         absl::ascii_isdigit(static_cast<unsigned char>(text[count]))) {
    number = number * 10 + (text[count++] - '0');
  }
  text.remove_prefix(count);
  return count >= least;
}

bool Take(absl::string_view& text, absl::string_view any_of) {
  if (text.empty() || any_of.find(text[0]) == absl::string_view::npos) {
    return false;
  }
  text.remove_prefix(1);
  return true;
}

// The nanoseconds of ".25", if it is there.
bool TakeFraction(absl::string_view& text, int64_t& nanoseconds) {
  nanoseconds = 0;
  if (!Take(text, ".,")) return true;
  const size_t before = text.size();
  if (!TakeDigits(text, 1, 9, nanoseconds)) return false;
  for (size_t digits = before - text.size(); digits < 9; ++digits) {
    nanoseconds *= 10;
  }
  int64_t beyond = 0;
  while (TakeDigits(text, 1, 9, beyond)) {
  }
  return true;
}

bool IsLeap(int64_t year) {
  return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

// Days from 1970-01-01 to a day of the Gregorian calendar; -1 if it has no such
// day.
int64_t DaysSince1970(int64_t year, int64_t month, int64_t day) {
  constexpr int64_t kDays[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (year < 1970 || month < 1 || month > 12 || day < 1) return -1;
  const auto days_of = [&](int64_t m) {
    return kDays[m - 1] + (m == 2 && IsLeap(year) ? 1 : 0);
  };
  if (day > days_of(month)) return -1;
  const int64_t before = year - 1;
  const int64_t leaps = (before / 4 - before / 100 + before / 400) -
                        (1969 / 4 - 1969 / 100 + 1969 / 400);
  int64_t days = (year - 1970) * 365 + leaps + day - 1;
  for (int64_t m = 1; m < month; ++m) days += days_of(m);
  return days;
}

// "Z", "+01:00", "-0330", "+01": seconds east of Greenwich.
bool TakeZone(absl::string_view& text, int64_t& seconds) {
  seconds = 0;
  if (Take(text, "Zz")) return true;
  const bool is_west = !text.empty() && text[0] == '-';
  int64_t hours = 0;
  int64_t minutes = 0;
  if (!Take(text, "+-") || !TakeDigits(text, 2, 2, hours) || hours > 14) {
    return false;
  }
  if (!text.empty()) {
    Take(text, ":");
    if (!TakeDigits(text, 2, 2, minutes) || minutes > 59) return false;
  }
  seconds = (hours * 60 + minutes) * 60 * (is_west ? -1 : 1);
  return true;
}

absl::StatusOr<int64_t> ParseIso(absl::string_view whole) {
  absl::string_view text = whole;
  int64_t year, month, day, hour, minute, second, nanoseconds, east;
  const bool is_iso = TakeDigits(text, 4, 4, year) && Take(text, "-") &&
                      TakeDigits(text, 2, 2, month) && Take(text, "-") &&
                      TakeDigits(text, 2, 2, day) && Take(text, "Tt ") &&
                      TakeDigits(text, 2, 2, hour) && hour < 24 &&
                      Take(text, ":") && TakeDigits(text, 2, 2, minute) &&
                      minute < 60 && Take(text, ":") &&
                      TakeDigits(text, 2, 2, second) && second <= 60 &&
                      TakeFraction(text, nanoseconds);
  if (!is_iso) return NoTime(whole);
  const int64_t days = DaysSince1970(year, month, day);
  if (days < 0) return NoTime(whole);
  if (text.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("time '", Printable(whole),
                     "' has no zone: write Z for UTC, or an offset such as "
                     "+02:00, after it"));
  }
  if (!TakeZone(text, east) || !text.empty()) return NoTime(whole);
  const int64_t seconds =
      ((days * 24 + hour) * 60 + minute) * 60 + second - east;
  if (seconds < 0 || seconds > kMostSeconds) return NoTime(whole);
  return seconds * kSecond + nanoseconds;
}

}  // namespace

absl::StatusOr<int64_t> ParseMeterTime(absl::string_view text) {
  if (text.size() > 4 && text[4] == '-') return ParseIso(text);
  // As integers: a double has steps of 0.24 us here.
  absl::string_view rest = text;
  int64_t seconds = 0;
  int64_t nanoseconds = 0;
  if (TakeDigits(rest, 1, 10, seconds) && TakeFraction(rest, nanoseconds) &&
      rest.empty() && seconds <= kMostSeconds) {
    return seconds * kSecond + nanoseconds;
  }
  double number = 0;
  if (!absl::SimpleAtod(text, &number) || !(number >= 0)) return NoTime(text);
  if (number > kSurelyMilliseconds) {
    return absl::InvalidArgumentError(
        absl::StrCat("time ", Printable(text),
                     " is too large for seconds since 1970: divide "
                     "milliseconds by 1000"));
  }
  if (number > static_cast<double>(kMostSeconds)) return NoTime(text);
  return std::llround(number * 1e9);
}

std::string SecondsText(int64_t nanoseconds) {
  std::string text =
      absl::StrFormat("%d.%09d", nanoseconds / kSecond, nanoseconds % kSecond);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

}  // namespace opcost
