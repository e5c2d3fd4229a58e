// SPDX-License-Identifier: Apache-2.0
#include "opcost/analysis/analysis.h"

#include "opcost/support/status_macros.h"
#include "src/analysis/binding.h"
#include "src/analysis/expansion.h"
#include "src/analysis/inference.h"
#include "src/analysis/layers.h"

namespace opcost {
namespace {

absl::StatusOr<Analysis> Begin(const Model& model,
                               const InputOptions& options) {
  Analysis analysis;
  analysis.operators = options.operators;
  analysis.model = &model;
  OPCOST_ASSIGN_OR_RETURN(analysis.expanded, Expand(model));
  analysis.graph =
      analysis.expanded == nullptr ? &model.graph : analysis.expanded.get();
  analysis.values.resize(analysis.graph->values.size());
  analysis.used.resize(analysis.graph->values.size(), 0);
  return analysis;
}

int64_t SamplesOf(const Analysis& analysis) {
  const std::vector<ValueIndex> inputs = analysis.RealInputs();
  if (inputs.empty()) return 1;
  const ValueType& first = analysis.values[static_cast<size_t>(inputs[0])].type;
  if (!first.is_tensor() || !first.tensor.shape.has_rank() ||
      first.tensor.shape.rank() == 0) {
    return 1;
  }
  return first.tensor.shape.dims()[0].AsInt().value_or(1);
}

}  // namespace

absl::string_view Name(GraphReading reading) {
  switch (reading) {
    case GraphReading::kAsWritten:
      return "as-written";
    case GraphReading::kFolded:
      return "folded";
    case GraphReading::kDeployed:
      return "deployed";
  }
  return "";
}

std::vector<ValueIndex> Analysis::RealInputs() const {
  std::vector<ValueIndex> inputs;
  for (const ValueIndex input : graph->inputs) {
    if (graph->values[static_cast<size_t>(input)].stored == nullptr) {
      inputs.push_back(input);
    }
  }
  return inputs;
}

absl::StatusOr<Analysis> InferShapes(const Model& model,
                                     const InputOptions& options) {
  OPCOST_ASSIGN_OR_RETURN(Analysis analysis, Begin(model, options));
  OPCOST_ASSIGN_OR_RETURN(const InputBinding binding,
                          BindInputs(options, &analysis));
  OPCOST_RETURN_IF_ERROR(InferTypes(binding, options, &analysis).status());
  analysis.samples = SamplesOf(analysis);
  return analysis;
}

absl::StatusOr<Analysis> Analyze(const Model& model,
                                 const InputOptions& options) {
  OPCOST_ASSIGN_OR_RETURN(Analysis analysis, Begin(model, options));
  analysis.count_options = options.count;
  analysis.reading = options.reading;
  OPCOST_ASSIGN_OR_RETURN(const InputBinding binding,
                          BindInputs(options, &analysis));
  OPCOST_ASSIGN_OR_RETURN(const Inference inference,
                          InferTypes(binding, options, &analysis));
  OPCOST_RETURN_IF_ERROR(CountLayers(inference, options, &analysis));
  analysis.samples = SamplesOf(analysis);
  return analysis;
}

Legend LegendOf(const Analysis& analysis, const LayerCounts& layer) {
  Legend legend;
  if (layer.def == nullptr || layer.def->count == nullptr) return legend;
  const TypedNodeView view(*analysis.graph, *layer.node, analysis.values,
                           analysis.used, &legend, analysis.count_options);
  // The same call as the one that counted the layer, which succeeded.
  if (!CountBy(*layer.def, view).ok()) legend.clear();
  return legend;
}

}  // namespace opcost
