// SPDX-License-Identifier: Apache-2.0
// Operators that users describe in a file (--operators;
// docs/user-operators.md).
#ifndef OPCOST_OPS_CUSTOM_OPERATORS_H_
#define OPCOST_OPS_CUSTOM_OPERATORS_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/graph.h"
#include "opcost/ops/op_def.h"

namespace opcost {

// The operators of one file. Immutable.
class CustomOperators {
 public:
  // Reads the file's text, TOML of schema "opcost.operators/1". `path` names it
  // in messages; it isn't opened. Errors: INVALID_ARGUMENT, with
  // "path:line:column: " in front: not TOML; an unknown, missing or repeated
  // key or operator; an expression that can't be read or uses a name that
  // nothing binds; parts that contradict each other.
  static absl::StatusOr<CustomOperators> Parse(absl::string_view path,
                                               absl::string_view text);

  CustomOperators(CustomOperators&&) noexcept;
  CustomOperators& operator=(CustomOperators&&) noexcept;
  ~CustomOperators();

  const std::string& path() const { return path_; }
  // The row for `domain` ("" is ai.onnx), `name` and version `opset`: of those
  // whose `since` isn't above it the latest. nullptr if there is none.
  const OpDef* Find(absl::string_view domain, absl::string_view name,
                    int opset) const;
  // Every row, in the order of the file.
  std::vector<const OpDef*> All() const;

 private:
  CustomOperators();

  std::string path_;
  std::vector<std::unique_ptr<const CustomOperator>> operators_;
};

// The row for `node`: the user's own, if `operators` has one, else opcost's.
// nullptr if nobody knows the operator.
const OpDef* FindOperator(const CustomOperators* operators, const Node& node);

}  // namespace opcost

#endif  // OPCOST_OPS_CUSTOM_OPERATORS_H_
