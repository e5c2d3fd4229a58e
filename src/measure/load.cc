// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/load.h"

#include <unistd.h>

#include <cstddef>
#include <initializer_list>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "src/measure/system.h"

namespace opcost {
namespace {

// The sum of some fields of a line, counted from 0, in seconds.
std::optional<double> SumTicks(absl::string_view line,
                               std::initializer_list<size_t> fields) {
  const std::vector<absl::string_view> words =
      absl::StrSplit(line, ' ', absl::SkipEmpty());
  double ticks = 0;
  for (const size_t field : fields) {
    int64_t count = 0;
    if (field >= words.size() || !absl::SimpleAtoi(words[field], &count) ||
        count < 0) {
      return std::nullopt;
    }
    ticks += static_cast<double>(count);
  }
  return ticks / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

std::optional<double> BusySeconds(const std::string& proc_root) {
  const absl::StatusOr<std::string> text = ReadSmallFile(proc_root + "/stat");
  if (!text.ok()) return std::nullopt;
  absl::string_view line(*text);
  line = line.substr(0, line.find('\n'));
  if (!absl::ConsumePrefix(&line, "cpu ")) return std::nullopt;
  // user nice system (idle iowait) irq softirq steal (guest guest_nice)
  return SumTicks(line, {0, 1, 2, 5, 6, 7});
}

std::optional<double> ProcessSeconds(int64_t pid,
                                     const std::string& proc_root) {
  const absl::StatusOr<std::string> text =
      ReadSmallFile(absl::StrCat(proc_root, "/", pid, "/stat"));
  if (!text.ok()) return std::nullopt;
  // The second field is a name in parentheses, which may hold any text.
  const size_t name_end = text->rfind(") ");
  if (name_end == std::string::npos) return std::nullopt;
  // utime, stime, cutime, cstime are fields 14 to 17, counted from 1.
  return SumTicks(absl::string_view(*text).substr(name_end + 2),
                  {14 - 3, 15 - 3, 16 - 3, 17 - 3});
}

}  // namespace opcost
