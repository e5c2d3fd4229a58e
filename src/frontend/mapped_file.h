// SPDX-License-Identifier: Apache-2.0
// A file's bytes through the page cache.
#ifndef OPCOST_FRONTEND_MAPPED_FILE_H_
#define OPCOST_FRONTEND_MAPPED_FILE_H_

#include <cstddef>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// The bytes of a file, mapped read-only; those of a pipe under /dev
// (/dev/stdin, /dev/fd/63), read. Who shortens a mapped file while it is read
// makes the reader fail with SIGBUS, as with any memory map.
class MappedFile {
 public:
  // Errors, without the path: NOT_FOUND, PERMISSION_DENIED, and
  // INVALID_ARGUMENT for a directory, a device or pipe, or an empty file.
  static absl::StatusOr<MappedFile> Open(const std::string& path);

  MappedFile(MappedFile&& other) noexcept
      : mapping_(std::exchange(other.mapping_, nullptr)),
        size_(std::exchange(other.size_, 0)),
        read_(std::move(other.read_)) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  absl::string_view bytes() const {
    return mapping_ == nullptr
               ? absl::string_view(read_)
               : absl::string_view(static_cast<const char*>(mapping_), size_);
  }

 private:
  MappedFile() = default;
  absl::Status Map(int descriptor, size_t size);
  absl::Status Read(int descriptor);

  void* mapping_ = nullptr;
  size_t size_ = 0;
  std::string read_;
};

}  // namespace opcost

#endif  // OPCOST_FRONTEND_MAPPED_FILE_H_
