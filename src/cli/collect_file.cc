// SPDX-License-Identifier: Apache-2.0
#include "src/cli/collect_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::UnknownError(
      absl::StrCat("can't ", what, " ", path, ": ", std::strerror(errno)));
}

absl::StatusOr<std::string> ReadAll(int file, const std::string& path) {
  std::string text;
  std::array<char, 1 << 16> piece{};
  while (true) {
    const ssize_t size = read(file, piece.data(), piece.size());
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return Failed("read", path);
    if (size == 0) return text;
    text.append(piece.data(), static_cast<size_t>(size));
  }
}

}  // namespace

size_t WholeRowBytes(absl::string_view text) {
  size_t end = 0;
  bool is_quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"') is_quoted = !is_quoted;
    if (text[i] == '\n' && !is_quoted) end = i + 1;
  }
  return end;
}

absl::StatusOr<std::unique_ptr<CollectFile>> CollectFile::Open(
    const std::string& path, const std::string& header) {
  std::unique_ptr<CollectFile> file(new CollectFile);
  file->path_ = path;
  file->file_ = open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
                     S_IRUSR | S_IWUSR | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH);
  if (file->file_ < 0) return Failed("open", path);
  struct stat status {};
  if (fstat(file->file_, &status) != 0) return Failed("open", path);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     " is no regular file; rows are appended to one, so "
                     "that a collection can go on where it ended"));
  }
  if (flock(file->file_, LOCK_EX | LOCK_NB) != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is being written by another opcost collect"));
  }
  OPCOST_RETURN_IF_ERROR(file->Read(header));
  return file;
}

absl::Status CollectFile::Read(const std::string& header) {
  OPCOST_ASSIGN_OR_RETURN(std::string text, ReadAll(file_, path_));
  const size_t whole = WholeRowBytes(text);
  const absl::string_view rest = absl::string_view(text).substr(whole);
  if (whole == 0) {
    // Only a beginning of our own may be thrown away.
    if (rest != header.substr(0, rest.size())) {
      return absl::InvalidArgumentError(
          absl::StrCat(path_, " is no calibration data: it begins with '",
                       rest.substr(0, 40), "'"));
    }
    header_ = header;
  } else {
    OPCOST_ASSIGN_OR_RETURN(document_, ParseCsv(path_, text.substr(0, whole)));
    OPCOST_ASSIGN_OR_RETURN(const CsvDocument expected, ParseCsv("", header));
    if (document_.header != expected.header) {
      return absl::InvalidArgumentError(absl::StrCat(
          path_, ": its columns are ", absl::StrJoin(document_.header, ","),
          "; rows of a collection have ", absl::StrJoin(expected.header, ",")));
    }
  }
  if (!rest.empty() && ftruncate(file_, static_cast<off_t>(whole)) != 0) {
    return Failed("write", path_);
  }
  return absl::OkStatus();
}

CollectFile::~CollectFile() {
  if (file_ < 0) return;
  struct stat status {};
  if (!header_.empty() && fstat(file_, &status) == 0 && status.st_size == 0 &&
      S_ISREG(status.st_mode)) {
    unlink(path_.c_str());
  }
  close(file_);
}

absl::Status CollectFile::Append(absl::string_view line) {
  const std::string text = absl::StrCat(header_, line);
  absl::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t written = write(file_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Failed("write", path_);
    rest.remove_prefix(static_cast<size_t>(written));
  }
  if (fsync(file_) != 0) return Failed("write", path_);
  header_.clear();
  return absl::OkStatus();
}

}  // namespace opcost
