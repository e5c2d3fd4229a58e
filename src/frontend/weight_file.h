// SPDX-License-Identifier: Apache-2.0
// A file of weights, read in pieces that don't stay in memory.
#ifndef OPCOST_SRC_FRONTEND_WEIGHT_FILE_H_
#define OPCOST_SRC_FRONTEND_WEIGHT_FILE_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// The bytes of a regular file, mapped read-only, or of a string.
class WeightFile {
 public:
  // Opens `location`, a path of plain steps (NormalizeExternalPath) relative to
  // `folder`; no step may be a symbolic link. An empty location opens `folder`
  // itself, a file, as the user gave it. Errors don't name the file: NOT_FOUND,
  // PERMISSION_DENIED, INVALID_ARGUMENT for what isn't a regular file.
  static absl::StatusOr<std::unique_ptr<const WeightFile>> Open(
      const std::string& folder, const std::string& location);
  // `bytes` must outlive the result.
  static std::unique_ptr<const WeightFile> OfBytes(absl::string_view bytes);

  WeightFile(const WeightFile&) = delete;
  WeightFile& operator=(const WeightFile&) = delete;
  ~WeightFile();

  absl::string_view bytes() const { return bytes_; }

  // Asks for the pages of [begin, end) at once, and gives them back.
  void Load(size_t begin, size_t end) const;
  void Drop(size_t begin, size_t end) const;

 private:
  WeightFile() = default;
  absl::Status Map(int descriptor);
  void Advise(size_t begin, size_t end, int advice) const;

  absl::string_view bytes_;
  void* mapping_ = nullptr;
};

}  // namespace opcost

#endif  // OPCOST_SRC_FRONTEND_WEIGHT_FILE_H_
