// SPDX-License-Identifier: Apache-2.0
// What counters need of the machine, in one place that a test can replace.
#ifndef OPCOST_SRC_MEASURE_SYSTEM_H_
#define OPCOST_SRC_MEASURE_SYSTEM_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

struct MeasureSystem {
  // Contents of a small file. Errors: NOT_FOUND; PERMISSION_DENIED;
  // UNAVAILABLE with the system's words for all else.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;
  std::function<double()> wall_seconds;    // since 1970
  std::function<double()> steady_seconds;  // of a clock that nobody sets
  std::function<void(double seconds)> sleep;
};

// The machine itself.
MeasureSystem RealSystem();

// At most 64 KiB of a regular file, as the kernel's small files are; never
// waits, whatever the path is. Errors as read_file's.
absl::StatusOr<std::string> ReadSmallFile(const std::string& path);

// The file's text without blanks around it; empty if it can't be read.
std::string FirstLineOrEmpty(const MeasureSystem& system,
                             const std::string& path);

// A whole number of at least 0 that the text holds and nothing else.
// Errors: INVALID_ARGUMENT, in words that follow a path.
absl::StatusOr<int64_t> ParseCount(absl::string_view text);

// Text of unknown origin for a message or a name: printable, and not long.
std::string Printable(absl::string_view text);

// A path as one word of a shell.
std::string ShellWord(absl::string_view path);

// "0,2-4" -> 0 2 3 4, as the kernel lists processors. Errors:
// INVALID_ARGUMENT for other text, or more than 65,536 numbers.
absl::StatusOr<std::vector<int>> ParseList(absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_SYSTEM_H_
