// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/totals.h"

#include <vector>

#include "absl/status/status.h"
#include "opcost/support/status_macros.h"
#include "src/energy/estimator.h"
#include "src/energy/stored_model.h"
#include "src/energy/total_status.h"

namespace opcost {

absl::StatusOr<Totals> Estimator::RunTotals() {
  if (power_ != nullptr) {
    // Seconds are a maximum per layer, so that the rows are needed.
    OPCOST_ASSIGN_OR_RETURN(const Estimate estimate, Run());
    return Totals{estimate.totals, estimate.status, estimate.once_pj};
  }
  const Analysis& analysis = *out_.analysis;
  // All layers in one row: only its MACs are asked for afterwards.
  out_.layers.resize(1);
  for (const LayerCounts& layer : analysis.layers) {
    if (layer.coverage.status == Coverage::Status::kUnknown ||
        formats_.IsView(layer)) {
      continue;
    }
    LayerEstimate scratch;
    OPCOST_RETURN_IF_ERROR(PriceArithmetic(layer, scratch));
    if (!AddChecked(out_.layers[0].sums.macs, scratch.sums.macs)) {
      return absl::OutOfRangeError(
          "the model's number of multiply-accumulates doesn't fit 63 bits; "
          "reduce the input's extents");
    }
  }
  OPCOST_ASSIGN_OR_RETURN(
      const std::vector<TierTraffic> traffic,
      PlaceSums(analysis, formats_, table_.tiers(), out_.options.memory));
  for (const TierTraffic& sum : traffic) {
    OPCOST_ASSIGN_OR_RETURN(
        MovementLine * line,
        book_.Movement(sum.tier, sum.format, sum.reads != 0, sum.writes != 0));
    line->reads = sum.reads;
    line->writes = sum.writes;
  }
  OPCOST_RETURN_IF_ERROR(AddTotals());
  MemoryOptions once;
  once.movement = Movement::kOnce;
  once.array_scope = out_.options.memory.array_scope;
  OPCOST_ASSIGN_OR_RETURN(const std::vector<TierTraffic> moved_once,
                          PlaceSums(analysis, formats_, table_.tiers(), once));
  OPCOST_RETURN_IF_ERROR(AddOnce(moved_once));
  return Totals{out_.totals, StatusOfTotal(analysis), out_.once_pj};
}

absl::StatusOr<Totals> MakeTotals(const Analysis& analysis,
                                  const CostTable& table,
                                  const EstimateOptions& options) {
  if (options.storage.is_plain()) {
    return Estimator(analysis, table, options).RunTotals();
  }
  OPCOST_ASSIGN_OR_RETURN(const StoredModel model,
                          StoreModel(analysis, table, options));
  return Estimator(*model.analysis, table, options).RunTotals();
}

}  // namespace opcost
