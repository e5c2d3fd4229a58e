// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// Files up to this size are read ahead whole; of larger ones only the pages
// that the walk touches.
constexpr size_t kReadAheadBytes = size_t{1} << 20;

struct Descriptor {
  int number = -1;
  ~Descriptor() {
    if (number >= 0) close(number);
  }
};

absl::Status FromErrno(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      return absl::NotFoundError("no such file");
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError("no permission to read the file");
    default:
      return absl::UnavailableError(
          absl::StrCat("the file can't be read: ", std::strerror(error)));
  }
}

}  // namespace

MappedFile::~MappedFile() {
  if (mapping_ != nullptr) munmap(mapping_, size_);
}

absl::StatusOr<MappedFile> MappedFile::Open(const std::string& path) {
  const bool in_dev = absl::StartsWith(path, "/dev/");
  // Without O_NONBLOCK, opening a pipe that nobody writes to would hang.
  const int flags = O_RDONLY | O_CLOEXEC | (in_dev ? 0 : O_NONBLOCK);
  Descriptor descriptor;
  descriptor.number = open(path.c_str(), flags);
  struct stat status = {};
  if (descriptor.number < 0 || fstat(descriptor.number, &status) != 0) {
    return FromErrno(errno);
  }
  const bool is_pipe = S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode);
  MappedFile file;
  if (S_ISREG(status.st_mode)) {
    OPCOST_RETURN_IF_ERROR(
        file.Map(descriptor.number, static_cast<size_t>(status.st_size)));
  } else if (in_dev && is_pipe) {
    OPCOST_RETURN_IF_ERROR(file.Read(descriptor.number));
  } else if (S_ISDIR(status.st_mode)) {
    return absl::InvalidArgumentError("is a directory; expected an ONNX file");
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("is a ", is_pipe ? "pipe" : "device",
                     "; expected an ONNX file, or '-' for standard input"));
  }
  if (file.bytes().empty()) {
    return absl::InvalidArgumentError(
        "the file is empty; expected an ONNX model");
  }
  return file;
}

absl::Status MappedFile::Map(int descriptor, size_t size) {
  if (size == 0) return absl::OkStatus();
  const bool read_ahead = size <= kReadAheadBytes;
  void* mapping =
      mmap(nullptr, size, PROT_READ,
           MAP_PRIVATE | (read_ahead ? MAP_POPULATE : 0), descriptor, 0);
  if (mapping == MAP_FAILED) return FromErrno(errno);
  mapping_ = mapping;
  size_ = size;
  if (!read_ahead) madvise(mapping, size, MADV_RANDOM);
  return absl::OkStatus();
}

absl::Status MappedFile::Read(int descriptor) {
  std::vector<char> buffer(size_t{1} << 16);
  while (true) {
    const ssize_t count = read(descriptor, buffer.data(), buffer.size());
    if (count == 0) return absl::OkStatus();
    if (count > 0) {
      read_.append(buffer.data(), static_cast<size_t>(count));
    } else if (errno != EINTR) {
      return FromErrno(errno);
    }
  }
}

}  // namespace opcost
