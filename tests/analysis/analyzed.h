// SPDX-License-Identifier: Apache-2.0
// A model of text and its layers, for tests of what stands in bodies.
#ifndef OPCOST_TESTS_ANALYSIS_ANALYZED_H_
#define OPCOST_TESTS_ANALYSIS_ANALYZED_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "tests/support/onnx_text.h"

namespace opcost {

inline constexpr Coverage::Status kExact = Coverage::Status::kExact;
inline constexpr Coverage::Status kBound = Coverage::Status::kBound;
inline constexpr Coverage::Status kUnknown = Coverage::Status::kUnknown;

struct Analyzed {
  explicit Analyzed(const std::string& text, const InputOptions& options = {})
      : model(ModelFromText(text)),
        analysis(model.ok() ? Analyze(*model, options)
                            : absl::StatusOr<Analysis>(model.status())) {}

  // "Add l/y x5": the name, and how often it runs if not once.
  std::vector<std::string> Layers() const {
    std::vector<std::string> layers;
    for (const LayerCounts& layer : analysis->layers) {
      layers.push_back(absl::StrCat(
          layer.node->op_type, " ", layer.name,
          layer.times == 1 ? "" : absl::StrCat(" x", layer.times)));
    }
    return layers;
  }
  const LayerCounts& Layer(const std::string& name) const {
    for (const LayerCounts& layer : analysis->layers) {
      if (layer.name == name) return layer;
    }
    ADD_FAILURE() << "no layer '" << name << "'";
    static const LayerCounts* const kNone = new LayerCounts;
    return *kNone;
  }
  std::string TypeOf(const std::string& name) const {
    const Graph& graph = *analysis->graph;
    for (size_t v = 0; v < graph.values.size(); ++v) {
      if (graph.values[v].name == name) {
        return ToString(analysis->values[v].type);
      }
    }
    return "no such value";
  }

  absl::StatusOr<Model> model;
  absl::StatusOr<Analysis> analysis;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_ANALYSIS_ANALYZED_H_
