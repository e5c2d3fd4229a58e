// SPDX-License-Identifier: Apache-2.0
// Models from ONNX's text format, and libonnx as the oracle of their shapes.
#ifndef OPCOST_TESTS_SUPPORT_ONNX_TEXT_H_
#define OPCOST_TESTS_SUPPORT_ONNX_TEXT_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "onnx/onnx_pb.h"
#include "opcost/ir/graph.h"

namespace opcost {

// ModelFromText("(float[1,3] x) => (float[1,3] y) { y = Relu(x) }")
//
// `text` is a whole model ("<ir_version: 8, opset_import: [...]> g (...) ..."),
// or a graph, with or without a name: then IR version 8 and version `opset` of
// the default domain are put before it. libonnx 1.12 knows opsets up to 17.
// Its parser's mistakes: INVALID_ARGUMENT with its message.
absl::StatusOr<onnx::ModelProto> ProtoFromText(absl::string_view text,
                                               int opset = 17);
// Imported, with the path "test.onnx".
absl::StatusOr<Model> ModelFromText(absl::string_view text, int opset = 17);
// Gives dimensions names that ONNX text can't hold: {"ALL", "P + S"}.
using DimNames = std::map<std::string, std::string>;
void RenameDims(const DimNames& names, onnx::ModelProto* model);
absl::StatusOr<Model> ModelFromText(absl::string_view text,
                                    const DimNames& names);
// The model's bytes; empty if the text is wrong.
std::string OnnxBytesFromText(absl::string_view text, int opset = 17);

// What libonnx infers (strictly, and with data propagation) for each value of
// the graph, inputs and outputs included: "float32 1x4x6x6", as our ToString()
// prints it; unnamed unknown dimensions as "?". A failure is the one entry
// "error".
std::map<std::string, std::string> OracleShapes(absl::string_view text,
                                                int opset = 17);
std::map<std::string, std::string> OracleShapesOf(onnx::ModelProto model);

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_ONNX_TEXT_H_
