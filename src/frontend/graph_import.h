// SPDX-License-Identifier: Apache-2.0
// GraphProto as Graph.
#ifndef OPCOST_FRONTEND_GRAPH_IMPORT_H_
#define OPCOST_FRONTEND_GRAPH_IMPORT_H_

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "onnx/onnx_pb.h"
#include "opcost/ir/graph.h"
#include "src/frontend/skeleton.h"

namespace opcost {

// What a graph takes from its model.
struct ModelContext {
  absl::Span<const OpsetImport> opsets;
  absl::Span<const CutPayload> payloads;
  // In a function, attributes may refer to those of its caller.
  bool in_function = false;
};

// The model's graph, from a skeleton, so that subgraphs nest at most
// kMaxNesting deep. Errors (INVALID_ARGUMENT, or UNIMPLEMENTED for element
// types that are newer than this program): those of import.h that concern
// graphs.
absl::StatusOr<Graph> ImportGraph(const onnx::GraphProto& proto,
                                  const ModelContext& context);

// An attribute, subgraphs included. Errors as ImportGraph(); they don't name
// the attribute.
absl::StatusOr<Attribute> ImportAttribute(const onnx::AttributeProto& proto,
                                          const ModelContext& context);

// "ai.onnx" is spelt "".
absl::string_view NormalizeDomain(absl::string_view domain);

}  // namespace opcost

#endif  // OPCOST_FRONTEND_GRAPH_IMPORT_H_
