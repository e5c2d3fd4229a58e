// SPDX-License-Identifier: Apache-2.0
// The log that an external meter writes, as a function of time.
#ifndef OPCOST_SRC_MEASURE_METER_LOG_H_
#define OPCOST_SRC_MEASURE_METER_LOG_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// Where two lines are further apart, what lies between them isn't known.
inline constexpr double kMostGapSeconds = 10;

struct MeterPoint {
  int64_t nanoseconds = 0;  // since 1970
  double watts = 0;
};

// A file of lines of time and watts. Fields are parted by commas, semicolons or
// tabs and may stand in double quotes; empty lines and those that begin with #
// don't count. A first line without any number names the columns: time (or
// timestamp, datetime, date, epoch, utc, seconds) and watts (or watt, w, power;
// a unit may follow in brackets or after _); without such names a file of two
// columns is time, watts, as is one without a first line of names, whose
// further columns don't count.
class MeterLog {
 public:
  explicit MeterLog(std::string path) : path_(std::move(path)) {}

  // Reads what the file has gained since; all of it if it is another file now,
  // or has shrunk. A last line without a line end is still being written, and
  // isn't read. Errors: UNAVAILABLE if there is no such file;
  // PERMISSION_DENIED; DATA_LOSS for a line that isn't time and watts or goes
  // back in time.
  absl::Status Refresh();

  const std::vector<MeterPoint>& points() const { return points_; }

  // The integral of the watts, by trapezoids, between two times in nanoseconds
  // since 1970; at both ends the watts are interpolated. Errors: DATA_LOSS
  // unless the lines cover the time without a gap of over kMostGapSeconds.
  absl::StatusOr<int64_t> Microjoules(int64_t begin, int64_t end) const;

 private:
  absl::Status ReadNew();
  absl::Status Take(absl::string_view line);
  absl::Status TakeNames(const std::vector<absl::string_view>& fields);
  absl::Status AtLine(absl::string_view problem) const;
  absl::Status CheckCovers(int64_t begin, int64_t end) const;
  void StartOver();

  std::string path_;
  std::vector<MeterPoint> points_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  int64_t offset_ = 0;   // of what has been read
  std::string unended_;  // the last line, as far as it is there
  int64_t lines_ = 0;
  bool has_begun_ = false;  // the first line that counts has been seen
  size_t time_column_ = 0;
  size_t watts_column_ = 1;
};

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_METER_LOG_H_
