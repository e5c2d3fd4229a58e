// SPDX-License-Identifier: Apache-2.0
#include "src/measure/meter_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"
#include "src/measure/meter_time.h"
#include "src/measure/system.h"

namespace opcost {
namespace {

constexpr size_t kPartBytes = size_t{1} << 20;
constexpr size_t kMostLineBytes = size_t{64} << 10;
// Ten samples a second for two months; 800 MB of memory.
constexpr size_t kMostPoints = 50000000;
constexpr double kMostWatts = 1e9;
constexpr double kSecond = 1e9;

std::vector<absl::string_view> Fields(absl::string_view line) {
  std::vector<absl::string_view> fields =
      absl::StrSplit(line, absl::ByAnyChar(",;\t"));
  for (absl::string_view& field : fields) {
    field = absl::StripAsciiWhitespace(field);
    if (field.size() >= 2 && field.front() == '"' && field.back() == '"') {
      field = absl::StripAsciiWhitespace(field.substr(1, field.size() - 2));
    }
  }
  return fields;
}

bool IsNumber(absl::string_view field) {
  double number = 0;
  return absl::SimpleAtod(field, &number) || ParseMeterTime(field).ok();
}

// "Power (W)" and "power_w" -> "power".
std::string PlainName(absl::string_view field) {
  std::string name = absl::AsciiStrToLower(field);
  name.resize(std::min(name.find_first_of("([_"), name.size()));
  return std::string(absl::StripAsciiWhitespace(name));
}

bool IsTimeName(const std::string& name) {
  for (const absl::string_view known :
       {"time", "timestamp", "datetime", "date", "epoch", "utc", "seconds"}) {
    if (name == known) return true;
  }
  return false;
}

bool IsWattsName(const std::string& name) {
  for (const absl::string_view known : {"watts", "watt", "w", "power"}) {
    if (name == known) return true;
  }
  return false;
}

// Watts at a time between two points, that of either included.
long double WattsAt(const MeterPoint& a, const MeterPoint& b, int64_t time) {
  if (b.nanoseconds == a.nanoseconds) return b.watts;
  const long double share =
      static_cast<long double>(time - a.nanoseconds) /
      static_cast<long double>(b.nanoseconds - a.nanoseconds);
  return a.watts + (static_cast<long double>(b.watts) - a.watts) * share;
}

}  // namespace

absl::Status MeterLog::AtLine(absl::string_view problem) const {
  return absl::DataLossError(absl::StrCat(path_, ":", lines_, ": ", problem));
}

void MeterLog::StartOver() {
  points_.clear();
  unended_.clear();
  offset_ = 0;
  lines_ = 0;
  has_begun_ = false;
  time_column_ = 0;
  watts_column_ = 1;
}

absl::Status MeterLog::Refresh() {
  const absl::Status status = ReadNew();
  // What was wrong may have been put right by the next time.
  if (!status.ok()) StartOver();
  return status;
}

absl::Status MeterLog::ReadNew() {
  const int file = open(path_.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) {
    const int error = errno;
    const std::string problem = absl::StrCat(
        path_, ": the meter's log can't be opened: ", std::strerror(error));
    return error == EACCES ? absl::PermissionDeniedError(problem)
                           : absl::UnavailableError(problem);
  }
  struct stat status = {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file);
    return absl::UnavailableError(
        absl::StrCat(path_, ": the meter's log isn't a regular file"));
  }
  if (status.st_dev != device_ || status.st_ino != inode_ ||
      status.st_size < offset_) {
    StartOver();
    device_ = status.st_dev;
    inode_ = status.st_ino;
  }
  absl::Status result;
  std::string part(kPartBytes, '\0');
  while (result.ok()) {
    const ssize_t got = pread(file, part.data(), part.size(), offset_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      result = absl::DataLossError(
          absl::StrCat(path_, ": can't be read: ", std::strerror(errno)));
    }
    if (got <= 0) break;
    offset_ += got;
    absl::string_view rest(part.data(), static_cast<size_t>(got));
    for (size_t end;
         result.ok() && (end = rest.find('\n')) != absl::string_view::npos;) {
      absl::StrAppend(&unended_, rest.substr(0, end));
      rest.remove_prefix(end + 1);
      ++lines_;
      result = Take(unended_);
      unended_.clear();
    }
    if (!result.ok()) break;
    absl::StrAppend(&unended_, rest);
    if (unended_.size() > kMostLineBytes) {
      ++lines_;
      result = AtLine(
          absl::StrCat("the line is longer than ", kMostLineBytes, " bytes"));
    }
  }
  close(file);
  return result;
}

absl::Status MeterLog::Take(absl::string_view line) {
  line = absl::StripAsciiWhitespace(line);
  if (line.empty() || line[0] == '#') return absl::OkStatus();
  const std::vector<absl::string_view> fields = Fields(line);
  if (!has_begun_) {
    has_begun_ = true;
    if (std::none_of(fields.begin(), fields.end(), IsNumber)) {
      return TakeNames(fields);
    }
  }
  if (fields.size() <= std::max(time_column_, watts_column_)) {
    return AtLine(absl::StrCat("expected time and watts in columns ",
                               time_column_ + 1, " and ", watts_column_ + 1,
                               ", found '", Printable(line), "'"));
  }
  MeterPoint point;
  const absl::StatusOr<int64_t> time = ParseMeterTime(fields[time_column_]);
  if (!time.ok()) return AtLine(time.status().message());
  point.nanoseconds = *time;
  // Not a number compares false.
  if (!absl::SimpleAtod(fields[watts_column_], &point.watts) ||
      !(point.watts >= 0 && point.watts <= kMostWatts)) {
    return AtLine(absl::StrCat("expected watts of at least 0, found '",
                               Printable(fields[watts_column_]), "'"));
  }
  if (!points_.empty() && point.nanoseconds < points_.back().nanoseconds) {
    return AtLine(absl::StrCat("time ", SecondsText(point.nanoseconds),
                               " is before the line above's, ",
                               SecondsText(points_.back().nanoseconds),
                               ": the log must be in order"));
  }
  if (points_.size() >= kMostPoints) {
    return AtLine(absl::StrCat("more than ", kMostPoints,
                               " lines: start a new log for the run"));
  }
  points_.push_back(point);
  return absl::OkStatus();
}

absl::Status MeterLog::TakeNames(const std::vector<absl::string_view>& fields) {
  std::vector<size_t> times, watts;
  for (size_t i = 0; i < fields.size(); ++i) {
    const std::string name = PlainName(fields[i]);
    if (IsTimeName(name)) times.push_back(i);
    if (IsWattsName(name)) watts.push_back(i);
  }
  if (times.size() == 1 && watts.size() == 1) {
    time_column_ = times[0];
    watts_column_ = watts[0];
    return absl::OkStatus();
  }
  if (fields.size() == 2) return absl::OkStatus();
  return AtLine(absl::StrCat(
      "expected one column called time and one called watts, found '",
      Printable(absl::StrJoin(fields, ",")), "'"));
}

absl::Status MeterLog::CheckCovers(int64_t begin, int64_t end) const {
  const std::string unread =
      unended_.empty() ? "" : "; its last line has no line end and isn't read";
  if (points_.empty()) {
    return absl::DataLossError(
        absl::StrCat(path_, " holds no line of time and watts", unread));
  }
  const int64_t first = points_.front().nanoseconds;
  const int64_t last = points_.back().nanoseconds;
  if (first <= begin && end <= last) return absl::OkStatus();
  std::string problem = absl::StrCat(
      path_, " covers ", SecondsText(first), " to ", SecondsText(last),
      " (seconds since 1970), but the run took from ", SecondsText(begin),
      " to ", SecondsText(end), ":");
  if (first > begin) {
    absl::StrAppendFormat(&problem, " it begins %.3f s too late",
                          static_cast<double>(first - begin) / kSecond);
  }
  if (last < end) {
    absl::StrAppendFormat(&problem, "%s it ends %.3f s too early",
                          first > begin ? " and" : "",
                          static_cast<double>(end - last) / kSecond);
  }
  return absl::DataLossError(problem + unread);
}

absl::StatusOr<int64_t> MeterLog::Microjoules(int64_t begin,
                                              int64_t end) const {
  OPCOST_RETURN_IF_ERROR(CheckCovers(begin, end));
  const auto is_before = [](int64_t time, const MeterPoint& point) {
    return time < point.nanoseconds;
  };
  auto b = std::upper_bound(points_.begin(), points_.end(), begin, is_before);
  long double nanojoules = 0;
  for (; b != points_.end() && (b - 1)->nanoseconds < end; ++b) {
    const MeterPoint& a = *(b - 1);
    const int64_t gap = b->nanoseconds - a.nanoseconds;
    if (static_cast<double>(gap) > kMostGapSeconds * kSecond) {
      return absl::DataLossError(absl::StrFormat(
          "%s: no line between %s and %s (%.3f s), within the time of the run: "
          "gaps of up to %.0f s are bridged",
          path_, SecondsText(a.nanoseconds), SecondsText(b->nanoseconds),
          static_cast<double>(gap) / kSecond, kMostGapSeconds));
    }
    const int64_t from = std::max(a.nanoseconds, begin);
    const int64_t to = std::min(b->nanoseconds, end);
    nanojoules += (WattsAt(a, *b, from) + WattsAt(a, *b, to)) / 2 *
                  static_cast<long double>(to - from);
  }
  if (nanojoules > 9e21L) {
    return absl::DataLossError(
        absl::StrCat(path_, ": more than 2^63 uJ in one run"));
  }
  return std::llround(nanojoules / 1000);
}

}  // namespace opcost
