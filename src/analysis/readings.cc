// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/readings.h"

#include "absl/strings/str_cat.h"
#include "src/analysis/deployment.h"
#include "src/analysis/layer_graph.h"
#include "src/analysis/quantised_regions.h"

namespace opcost {

absl::Status ApplyReading(const Inference& inference,
                          const std::vector<bool>& live, const Bindings& bounds,
                          Analysis* analysis) {
  if (analysis->reading == GraphReading::kAsWritten) return absl::OkStatus();
  const bool is_deployed = analysis->reading == GraphReading::kDeployed;
  const bool is_quantised = HasQuantisedTensors(*analysis->graph);
  if (!is_quantised && !is_deployed) return absl::OkStatus();
  LayerGraph graph(inference, live, analysis);
  // First, since a convolution and its normalization are one region.
  if (is_deployed) FoldBatchNormalizations(graph);
  if (is_quantised) FoldQuantisedRegions(graph);
  if (is_deployed) {
    FuseElementwise(graph);
    ElideCopies(graph);
  }
  const absl::Status status = graph.Finish(bounds);
  if (status.ok()) return status;
  return absl::Status(status.code(), absl::StrCat(analysis->model->path, ": ",
                                                  status.message()));
}

}  // namespace opcost
