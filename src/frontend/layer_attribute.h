// SPDX-License-Identifier: Apache-2.0
// Attributes and elements of a layer's text as ONNX keeps them.
#ifndef OPCOST_SRC_FRONTEND_LAYER_ATTRIBUTE_H_
#define OPCOST_SRC_FRONTEND_LAYER_ATTRIBUTE_H_

#include "absl/status/status.h"
#include "onnx/onnx_pb.h"
#include "src/frontend/layer_parser.h"

namespace opcost {

// The attribute of `field`, of the kind that ONNX gives to its name, else of
// the kind that its value looks like.
absl::Status FillAttribute(const LayerField& field,
                           onnx::AttributeProto* attribute);

// Puts the operand's elements, of which it has some, into `tensor`, whose type
// and shape are set.
absl::Status FillElements(const LayerOperand& operand,
                          onnx::TensorProto* tensor);

}  // namespace opcost

#endif  // OPCOST_SRC_FRONTEND_LAYER_ATTRIBUTE_H_
