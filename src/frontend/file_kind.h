// SPDX-License-Identifier: Apache-2.0
// What a file that isn't ONNX may be instead.
#ifndef OPCOST_FRONTEND_FILE_KIND_H_
#define OPCOST_FRONTEND_FILE_KIND_H_

#include "absl/strings/string_view.h"

namespace opcost {

// "it looks like ...; ..." with what to do, by the first bytes; empty if they
// tell nothing. Only for files that turned out not to be ONNX models.
absl::string_view GuessOtherKind(absl::string_view bytes);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_FILE_KIND_H_
