// SPDX-License-Identifier: Apache-2.0
// A file that is read piece by piece.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_FILE_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace opcost::variants {

// Neither mapped nor held: what isn't asked for takes no memory.
class File {
 public:
  // NOT_FOUND or UNAVAILABLE, with the path.
  static absl::StatusOr<std::shared_ptr<const File>> Open(
      const std::string& path);
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();

  uint64_t size() const { return size_; }
  const std::string& path() const { return path_; }
  // Bytes [offset, offset + count). UNAVAILABLE, with the path, if the file
  // ends before or can't be read.
  absl::Status Read(uint64_t offset, int64_t count, char* out) const;
  // Whether `path` is this file, by whatever name.
  bool IsAt(const std::string& path) const;

 private:
  File() = default;

  std::string path_;
  int descriptor_ = -1;
  uint64_t size_ = 0;
};

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_FILE_H_
