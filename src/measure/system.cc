// SPDX-License-Identifier: Apache-2.0
#include "src/measure/system.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

constexpr size_t kMostBytes = size_t{64} << 10;
constexpr size_t kMostPrinted = 64;
constexpr size_t kMostListed = size_t{64} << 10;

absl::Status ErrnoStatus(int error) {
  const std::string words = std::strerror(error);
  if (error == ENOENT || error == ENOTDIR) return absl::NotFoundError(words);
  if (error == EACCES || error == EPERM) {
    return absl::PermissionDeniedError(words);
  }
  return absl::UnavailableError(words);
}

// Closes a file when it goes out of sight.
class OpenFile {
 public:
  explicit OpenFile(int descriptor) : descriptor_(descriptor) {}
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

template <typename Clock>
double SecondsOf() {
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  // Doesn't wait for the writer of a pipe that stands in a file's place.
  const OpenFile file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return ErrnoStatus(errno);
  struct stat status = {};
  if (fstat(file.get(), &status) != 0) return ErrnoStatus(errno);
  if (!S_ISREG(status.st_mode)) {
    return absl::UnavailableError("not a regular file");
  }
  std::string text;
  char part[4096];
  while (text.size() < kMostBytes) {
    const ssize_t got = read(file.get(), part, sizeof(part));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoStatus(errno);
    if (got == 0) break;
    text.append(part, static_cast<size_t>(got));
  }
  return text;
}

MeasureSystem RealSystem() {
  MeasureSystem system;
  system.read_file = ReadSmallFile;
  system.wall_seconds = SecondsOf<std::chrono::system_clock>;
  system.steady_seconds = SecondsOf<std::chrono::steady_clock>;
  system.sleep = [](double seconds) {
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
  };
  return system;
}

std::string FirstLineOrEmpty(const MeasureSystem& system,
                             const std::string& path) {
  const absl::StatusOr<std::string> text = system.read_file(path);
  if (!text.ok()) return "";
  const absl::string_view line(*text);
  return Printable(absl::StripAsciiWhitespace(line.substr(0, line.find('\n'))));
}

absl::StatusOr<int64_t> ParseCount(absl::string_view text) {
  int64_t count = 0;
  const bool is_count = !text.empty() && std::all_of(text.begin(), text.end(),
                                                     absl::ascii_isdigit);
  if (!is_count || !absl::SimpleAtoi(text, &count)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a whole number below 2^63, found '", Printable(text), "'"));
  }
  return count;
}

std::string Printable(absl::string_view text) {
  std::string printable(text.substr(0, kMostPrinted));
  for (char& c : printable) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c))) c = '?';
  }
  if (text.size() > kMostPrinted) absl::StrAppend(&printable, "...");
  return printable;
}

std::string ShellWord(absl::string_view path) {
  const bool is_plain =
      !path.empty() && std::all_of(path.begin(), path.end(), [](char c) {
        return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
               absl::string_view("/._-:+,@").find(c) != absl::string_view::npos;
      });
  if (is_plain) return std::string(path);
  return absl::StrCat("'", absl::StrReplaceAll(path, {{"'", "'\\''"}}), "'");
}

absl::StatusOr<std::vector<int>> ParseList(absl::string_view text) {
  const absl::Status refused = absl::InvalidArgumentError(
      absl::StrCat("expected numbers and ranges such as 0,2-4, found '",
                   Printable(text), "'"));
  std::vector<int> numbers;
  for (const absl::string_view part :
       absl::StrSplit(absl::StripAsciiWhitespace(text), ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(part, '-');
    if (ends.size() > 2) return refused;
    const absl::StatusOr<int64_t> first = ParseCount(ends.front());
    const absl::StatusOr<int64_t> last = ParseCount(ends.back());
    constexpr int64_t kMost = int64_t{1} << 20;
    if (!first.ok() || !last.ok() || *first > *last || *last > kMost ||
        numbers.size() + static_cast<size_t>(*last - *first) >= kMostListed) {
      return refused;
    }
    for (int64_t n = *first; n <= *last; ++n) {
      numbers.push_back(static_cast<int>(n));
    }
  }
  return numbers;
}

}  // namespace opcost
