// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace opcost::variants {

absl::StatusOr<std::shared_ptr<const File>> File::Open(
    const std::string& path) {
  std::shared_ptr<File> file(new File());
  file->path_ = path;
  file->descriptor_ = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  struct stat status = {};
  if (file->descriptor_ < 0 || fstat(file->descriptor_, &status) != 0) {
    const bool is_absent = errno == ENOENT || errno == ENOTDIR;
    const std::string message = absl::StrCat(path, ": ", std::strerror(errno));
    if (is_absent) return absl::NotFoundError(message);
    return absl::UnavailableError(message);
  }
  if (!S_ISREG(status.st_mode))
    return absl::UnavailableError(absl::StrCat(path, ": not a plain file"));
  file->size_ = static_cast<uint64_t>(status.st_size);
  return file;
}

File::~File() {
  if (descriptor_ >= 0) close(descriptor_);
}

absl::Status File::Read(uint64_t offset, int64_t count, char* out) const {
  while (count > 0) {
    const ssize_t got = pread(descriptor_, out, static_cast<size_t>(count),
                              static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      return absl::UnavailableError(absl::StrCat(
          path_, ": ",
          got == 0 ? "the file ends amid a tensor" : std::strerror(errno)));
    }
    offset += static_cast<uint64_t>(got);
    out += got;
    count -= got;
  }
  return absl::OkStatus();
}

bool File::IsAt(const std::string& path) const {
  std::error_code error;
  return std::filesystem::equivalent(path_, path, error) && !error;
}

}  // namespace opcost::variants
