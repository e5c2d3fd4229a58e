// SPDX-License-Identifier: Apache-2.0
// Where results go.
#ifndef OPCOST_SRC_CLI_OUTPUT_H_
#define OPCOST_SRC_CLI_OUTPUT_H_

#include <ostream>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace opcost {

// Writes `text` to file `path` through a temporary file in the same folder, so
// that `path` holds the whole text or what it held before. A link is followed;
// what isn't a regular file (a device, a pipe) is written in place.
//
// Errors name the path and the system's reason.
absl::Status WriteFile(const std::string& path, absl::string_view text);

// Writes `text` to `out` and flushes it. An error if it doesn't arrive (a full
// disk, a closed pipe).
absl::Status WriteStream(std::ostream& out, absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_OUTPUT_H_
