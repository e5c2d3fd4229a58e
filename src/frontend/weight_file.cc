// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/weight_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { Reset(-1); }

  int number() const { return number_; }
  void Reset(int number) {
    if (number_ >= 0) close(number_);
    number_ = number;
  }

 private:
  int number_;
};

absl::Status FromErrno(int error) {
  switch (error) {
    case ENOENT:
      return absl::NotFoundError("no such file");
    case EACCES:
    case EPERM:
      return absl::PermissionDeniedError("no permission to read the file");
    case ELOOP:
    case ENOTDIR:  // also of a link where a folder was asked for
      return absl::InvalidArgumentError(
          "is a symbolic link, or lies behind one, which may lead out of the "
          "model's folder; put the file itself there");
    default:
      return absl::UnavailableError(
          absl::StrCat("the file can't be read: ", std::strerror(error)));
  }
}

// Without O_NONBLOCK, opening a pipe that nobody writes to would hang.
constexpr int kFlags = O_RDONLY | O_CLOEXEC | O_NONBLOCK;

absl::Status OpenBeneath(const std::string& folder, const std::string& location,
                         Descriptor* file) {
  if (location.empty()) {
    file->Reset(open(folder.c_str(), kFlags));
    return file->number() < 0 ? FromErrno(errno) : absl::OkStatus();
  }
  file->Reset(open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  const std::vector<std::string> steps = absl::StrSplit(location, '/');
  for (size_t i = 0; i < steps.size() && file->number() >= 0; ++i) {
    const int flags = i + 1 < steps.size()
                          ? O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW
                          : kFlags | O_NOFOLLOW;
    const int next = openat(file->number(), steps[i].c_str(), flags);
    const int error = errno;
    file->Reset(next);
    errno = error;
  }
  return file->number() < 0 ? FromErrno(errno) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<const WeightFile>> WeightFile::Open(
    const std::string& folder, const std::string& location) {
  Descriptor descriptor(-1);
  OPCOST_RETURN_IF_ERROR(OpenBeneath(folder, location, &descriptor));
  std::unique_ptr<WeightFile> file(new WeightFile());
  OPCOST_RETURN_IF_ERROR(file->Map(descriptor.number()));
  return std::unique_ptr<const WeightFile>(std::move(file));
}

std::unique_ptr<const WeightFile> WeightFile::OfBytes(absl::string_view bytes) {
  std::unique_ptr<WeightFile> file(new WeightFile());
  file->bytes_ = bytes;
  return file;
}

WeightFile::~WeightFile() {
  if (mapping_ != nullptr) munmap(mapping_, bytes_.size());
}

absl::Status WeightFile::Map(int descriptor) {
  struct stat status = {};
  if (fstat(descriptor, &status) != 0) return FromErrno(errno);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(
        "isn't a regular file, which weights are read from");
  }
  const auto size = static_cast<size_t>(status.st_size);
  if (size == 0) return absl::OkStatus();
  void* mapping = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor, 0);
  if (mapping == MAP_FAILED) return FromErrno(errno);
  mapping_ = mapping;
  bytes_ = absl::string_view(static_cast<const char*>(mapping), size);
  return absl::OkStatus();
}

void WeightFile::Load(size_t begin, size_t end) const {
#ifdef MADV_POPULATE_READ  // Linux 5.14: one call in place of a fault per page
  Advise(begin, end, MADV_POPULATE_READ);
#else
  Advise(begin, end, MADV_WILLNEED);
#endif
}

void WeightFile::Drop(size_t begin, size_t end) const {
  Advise(begin, end, MADV_DONTNEED);
}

void WeightFile::Advise(size_t begin, size_t end, int advice) const {
  if (mapping_ == nullptr || begin >= end) return;
  static const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t first = begin / page * page;
  // A hint: where the kernel refuses it, pages come one by one.
  madvise(static_cast<char*>(mapping_) + first, end - first, advice);
}

}  // namespace opcost
