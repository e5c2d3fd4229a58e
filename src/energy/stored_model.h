// SPDX-License-Identifier: Apache-2.0
// A model whose weights are stored as the options say.
#ifndef OPCOST_SRC_ENERGY_STORED_MODEL_H_
#define OPCOST_SRC_ENERGY_STORED_MODEL_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/memory/storage.h"

namespace opcost {

struct StoredModel {
  std::shared_ptr<const Analysis> analysis;  // with notes of what stays dense
  std::vector<LayerStorage> layers;
};

// Takes the format that the options name, or for each layer the one of least
// energy; ties, and what can't be priced: the order of kStorageFormats.
//
// Errors: those of FindStorage(); of dense weights' energies.
absl::StatusOr<StoredModel> StoreModel(const Analysis& analysis,
                                       const CostTable& table,
                                       const EstimateOptions& options);

// The energies of the layers as `analysis` has them. Errors: those of
// MakeEstimate().
absl::StatusOr<std::vector<double>> LayerEnergies(
    const Analysis& analysis, const CostTable& table,
    const EstimateOptions& options);

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_STORED_MODEL_H_
