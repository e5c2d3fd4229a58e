// SPDX-License-Identifier: Apache-2.0
// One layer as a line of text, and the ONNX model that it stands for.
#ifndef OPCOST_FRONTEND_LAYER_TEXT_H_
#define OPCOST_FRONTEND_LAYER_TEXT_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// A longer text is refused: nobody writes one.
inline constexpr size_t kMaxLayerTextBytes = size_t{16} << 10;

// The bytes of an ONNX model of one node, as `text` describes it:
//
//   Conv x=1x3x224x224 w=64x3x7x7 b=64 strides=2,2 pads=3,3,3,3
//   Linear x=64x5000 w=1000x5000 b=1000
//   Add x=1x64x56x56:int8 x2=1x64x56x56:int8
//
// The operator, then NAME=VALUE with blanks between. A small letter, perhaps
// with a number, is an operand, in the order of the operator's own: x, x2, x3
// ... are graph inputs, all others constants. Any other name, and k and p, is
// an attribute; opset and outputs are the model's. docs/layer-text.md has the
// whole grammar.
//
// Constants without elements are declared in an external file "layer.weights"
// that doesn't exist, so that the model is small. The node is called "layer",
// its outputs "y", "y2" ..., whose shapes are left to inference.
//
// Errors, all INVALID_ARGUMENT, begin with the layer: a word that isn't
// NAME=VALUE, a name given twice, a shape, type, list or number that isn't one,
// an extent below 1, constants beyond 2^63 - 1 bytes, a text that is too long.
// Whether the operator takes such operands is for Analyze() to say.
absl::StatusOr<std::string> LayerModel(absl::string_view text);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_LAYER_TEXT_H_
