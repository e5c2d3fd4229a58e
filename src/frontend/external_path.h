// SPDX-License-Identifier: Apache-2.0
// Where external data may lie.
#ifndef OPCOST_FRONTEND_EXTERNAL_PATH_H_
#define OPCOST_FRONTEND_EXTERNAL_PATH_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// `location` relative to the model's folder, without "." and "..". Errors
// (INVALID_ARGUMENT): empty, absolute, or a path that leaves the model's
// folder. The file isn't looked at; symbolic links are for who opens it.
absl::StatusOr<std::string> NormalizeExternalPath(absl::string_view location);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_EXTERNAL_PATH_H_
