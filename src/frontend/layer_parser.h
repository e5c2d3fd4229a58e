// SPDX-License-Identifier: Apache-2.0
// The parts of a layer's text: an operator, operands and attributes.
#ifndef OPCOST_SRC_FRONTEND_LAYER_PARSER_H_
#define OPCOST_SRC_FRONTEND_LAYER_PARSER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/types.h"

namespace opcost {

// A word NAME=VALUE.
struct LayerField {
  std::string name;
  std::string value;       // quotes and escapes undone
  bool is_quoted = false;  // a string, whatever it looks like
};

struct LayerOperand {
  std::string name;
  bool is_input = false;   // of the graph; else a constant
  bool is_absent = false;  // b=none
  TensorType type;         // of concrete shape
  // The elements of a constant as they were written: s=[1,64]. Their number is
  // the type's.
  std::optional<std::vector<std::string>> elements;
};

struct ParsedLayer {
  std::string alias;   // the operator as it was written
  std::string domain;  // "" for ai.onnx
  std::string operator_name;
  int opset = 0;                       // of `domain`
  std::vector<bool> outputs = {true};  // false: it is left out
  std::vector<LayerOperand> operands;
  std::vector<LayerField> attributes;
};

// Errors are INVALID_ARGUMENT and don't name the layer.
absl::StatusOr<ParsedLayer> ParseLayer(absl::string_view text);

// A whole number with an optional sign, and nothing else.
std::optional<int64_t> WholeNumber(absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_SRC_FRONTEND_LAYER_PARSER_H_
