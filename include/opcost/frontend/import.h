// SPDX-License-Identifier: Apache-2.0
// Reading ONNX files.
#ifndef OPCOST_FRONTEND_IMPORT_H_
#define OPCOST_FRONTEND_IMPORT_H_

#include <istream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/graph.h"

namespace opcost {

// Reads the model in file `path` through a memory map: tensor payloads above 1
// KB are neither read nor copied, and external data isn't opened.
//
// Errors begin with the path: a file that can't be read (NOT_FOUND,
// PERMISSION_DENIED), is empty, isn't ONNX, is cut off or corrupt, nests too
// deeply, has an IR version outside 3 to 13, uses a value that nothing defines,
// defines a name twice, is cyclic, has a negative dimension, or names external
// data outside its own folder.
absl::StatusOr<Model> ImportFile(const std::string& path);

// The same from bytes; `path` names them in messages and in the model. They
// need to live only for the call.
absl::StatusOr<Model> ImportBytes(absl::string_view bytes,
                                  const std::string& path);

// The same from a stream, read to its end ("-" is the path).
absl::StatusOr<Model> ImportStream(std::istream& stream);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_IMPORT_H_
