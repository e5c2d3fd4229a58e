// SPDX-License-Identifier: Apache-2.0
// Payloads of ONNX models: in their file, beside it, or kept as bytes.
#ifndef OPCOST_FRONTEND_PAYLOADS_H_
#define OPCOST_FRONTEND_PAYLOADS_H_

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/payload_source.h"

namespace opcost {

// The payloads of one imported model. Files are opened when the first tensor in
// them is, mapped, and their pages given back behind who reads. External data
// are looked for in the model's folder alone: no symbolic link is followed.
// Who shortens a file while it is read makes the reader fail with SIGBUS.
class ModelPayloads : public PayloadSource {
 public:
  // Of a model that ImportFile() read from `path`. Opens nothing.
  explicit ModelPayloads(std::string path);
  // Of a model that ImportBytes() read from `bytes`, which must outlive this;
  // `path` names them. External data have no folder then.
  ModelPayloads(absl::string_view bytes, std::string path);
  ~ModelPayloads() override;

  absl::StatusOr<std::unique_ptr<PayloadReader>> Open(
      const StoredTensor& tensor, absl::string_view name) const override;

 private:
  class File;

  // The model's own file for an empty location.
  absl::StatusOr<const File*> FileAt(const std::string& location) const;
  absl::StatusOr<std::unique_ptr<PayloadReader>> OpenUnnamed(
      const StoredTensor& tensor) const;

  std::string path_;
  bool is_kept_ = false;
  mutable std::mutex mutex_;
  // By location; the model's own under the empty one.
  mutable std::map<std::string, std::unique_ptr<const File>> files_;
};

}  // namespace opcost

#endif  // OPCOST_FRONTEND_PAYLOADS_H_
