// SPDX-License-Identifier: Apache-2.0
// Any bytes give a model or an error that begins with the path.
#include <cstddef>
#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "opcost/frontend/import.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<opcost::Model> model =
      opcost::ImportBytes(bytes, "fuzz.onnx");
  if (model.ok()) {
    // Nodes come after those that they read from, and all indices are valid.
    const opcost::Graph& graph = model->graph;
    for (size_t n = 0; n < graph.nodes.size(); ++n) {
      for (const opcost::ValueIndex input : graph.nodes[n].inputs) {
        if (input == opcost::kAbsent) continue;
        const opcost::Value& value =
            graph.values.at(static_cast<size_t>(input));
        if (value.producer >= static_cast<int32_t>(n)) __builtin_trap();
      }
    }
  } else if (!absl::StartsWith(model.status().message(), "fuzz.onnx: ")) {
    __builtin_trap();
  }
  return 0;
}
