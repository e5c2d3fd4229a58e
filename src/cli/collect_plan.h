// SPDX-License-Identifier: Apache-2.0
// What a collection measures, in order.
#ifndef OPCOST_SRC_CLI_COLLECT_PLAN_H_
#define OPCOST_SRC_CLI_COLLECT_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/report/measurement.h"
#include "src/cli/collect_request.h"
#include "src/cli/measured_run.h"

namespace opcost {

// One row to measure: a network's file, or a layer as text.
struct CollectItem {
  std::string network;  // its path; empty: a layer
  MeasureRequest request;
  CalibrationRow row;

  // As people see it: the layer, or the network with its batch.
  std::string Label() const;
};

struct CollectPlan {
  std::vector<CollectItem> items;
  // Layers of networks that aren't measured alone, and why.
  std::vector<std::string> remarks;
};

// What a collection is asked for.
struct CollectSources {
  CollectRequest request;
  uint64_t seed = 1;
  std::vector<std::string> networks;  // paths
  InputOptions input;                 // of the networks
  std::string input_options;          // the same as the user wrote it
  std::string folder;  // of the data, which paths in it are relative to
};

// Random layers in turns, then each network at each batch, whole, then its
// layers, a repeated one once.
//
// Errors: those of ParseLayerRanges(), DrawLayer(), ImportFile(), Analyze().
absl::StatusOr<CollectPlan> PlanCollection(const CollectSources& sources);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_COLLECT_PLAN_H_
