// SPDX-License-Identifier: Apache-2.0
#include "src/cli/output.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

absl::Status CantWrite(absl::string_view what, int error) {
  return absl::UnknownError(
      absl::StrCat("can't write ", what,
                   error == 0 ? "" : absl::StrCat(": ", std::strerror(error))));
}

// True once all of `text` is in `file`; else errno says why not.
bool WriteAll(int file, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// The permissions that a file at `path` has, or would have if it were created.
mode_t ModeFor(const std::string& path) {
  struct stat present {};
  if (stat(path.c_str(), &present) == 0) return present.st_mode & 07777;
  const mode_t mask = umask(0);
  umask(mask);
  return 0666 & ~mask;
}

absl::Status WriteInPlace(const std::string& path, absl::string_view text) {
  errno = 0;
  std::ofstream file(path, std::ios::binary);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  return file.good() ? absl::OkStatus() : CantWrite(path, errno);
}

}  // namespace

absl::Status WriteFile(const std::string& path, absl::string_view text) {
  std::error_code error;
  std::filesystem::path target = path;
  if (std::filesystem::is_symlink(target, error)) {
    target = std::filesystem::weakly_canonical(target, error);
    if (error) return CantWrite(path, error.value());
  }
  const auto kind = std::filesystem::status(target, error).type();
  if (kind == std::filesystem::file_type::directory) {
    return CantWrite(path, EISDIR);
  }
  if (kind != std::filesystem::file_type::regular &&
      kind != std::filesystem::file_type::not_found) {
    return WriteInPlace(path, text);
  }
  // Replacing a file needs no permission to write to it; respect what it says.
  if (kind == std::filesystem::file_type::regular &&
      access(target.c_str(), W_OK) != 0) {
    return CantWrite(path, errno);
  }
  std::string temporary = target.string() + ".XXXXXX";
  const int file = mkstemp(temporary.data());
  if (file < 0) return CantWrite(path, errno);
  int failure = 0;
  if (!WriteAll(file, text) || fchmod(file, ModeFor(target.string())) != 0) {
    failure = errno;
  }
  if (close(file) != 0 && failure == 0) failure = errno;
  if (failure == 0 && rename(temporary.c_str(), target.c_str()) != 0) {
    failure = errno;
  }
  if (failure == 0) return absl::OkStatus();
  unlink(temporary.c_str());
  return CantWrite(path, failure);
}

absl::Status WriteStream(std::ostream& out, absl::string_view text) {
  errno = 0;
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.flush();
  return out.good() ? absl::OkStatus() : CantWrite("standard output", errno);
}

}  // namespace opcost
