// SPDX-License-Identifier: Apache-2.0
// A side of a comparison from an estimate.
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/report/comparison.h"
#include "src/report/documents.h"
#include "src/report/json_types.h"
#include "src/report/report_options.h"

namespace opcost {
namespace {

SideEnergies EnergiesOf(const Sums& sums) {
  return {sums.mul_energy.pj,   sums.add_energy.pj, sums.read_energy.pj,
          sums.write_energy.pj, sums.static_pj,     sums.total.pj};
}

std::string ShapeOf(const Estimate& estimate, const LayerCounts& layer) {
  const ValueType* type = OutputType(estimate, layer);
  if (type == nullptr || !type->is_tensor() || !type->tensor.shape.has_rank()) {
    return "";
  }
  std::string text;
  for (const Extent& extent : type->tensor.shape.dims()) {
    absl::StrAppend(&text, text.empty() ? "" : "x", ExtentText(extent));
  }
  return text;
}

SideLayer LayerOf(const Estimate& estimate, const LayerEstimate& layer) {
  constexpr absl::string_view kStatuses[] = {"exact", "bound", "unknown"};
  const LayerCounts& counts = *layer.layer;
  SideLayer side;
  side.name = counts.name;
  side.op = OpName(*counts.node);
  side.shape = ShapeOf(estimate, counts);
  side.status =
      std::string(kStatuses[static_cast<size_t>(counts.coverage.status)]);
  side.weight_format = WeightFormat(layer);
  side.macs = layer.sums.macs;
  for (const PricedArith& row : layer.arithmetic) {
    side.arithmetic.push_back(
        {std::string(Name(row)), row.format,
         row.op == PricedOp::kMac ? row.second : row.format, row.count,
         row.energy.pj});
  }
  for (const PricedTraffic& row : layer.traffic) {
    const ArrayTraffic& traffic = row.traffic;
    side.traffic.push_back({traffic.name(), std::string(Name(traffic.role)),
                            traffic.format, traffic.tier, traffic.reads,
                            traffic.writes, row.read.pj + row.write.pj});
  }
  if (!side.is_unknown()) side.energies = EnergiesOf(layer.sums);
  return side;
}

}  // namespace

std::vector<SideLayer> SideLayersOf(const Estimate& estimate) {
  std::vector<SideLayer> layers;
  layers.reserve(estimate.layers.size());
  for (const LayerEstimate& layer : estimate.layers) {
    layers.push_back(LayerOf(estimate, layer));
  }
  return layers;
}

ComparisonSide SideOf(const Estimate& estimate, absl::string_view name) {
  ComparisonSide side;
  side.name = std::string(name);
  side.layers = SideLayersOf(estimate);
  side.status = estimate.status;
  side.macs = estimate.totals.macs;
  side.parameters = estimate.analysis->parameters;
  side.weight_bytes = estimate.analysis->parameter_bytes;
  side.samples = estimate.analysis->samples;
  side.totals = EnergiesOf(estimate.totals);
  for (size_t i = 0; i < estimate.by_tier.size(); ++i) {
    const TierSums& sums = estimate.by_tier[i];
    side.tiers.push_back({estimate.table->tiers()[i].name, sums.reads,
                          sums.writes,
                          sums.read_energy.pj + sums.write_energy.pj});
  }
  side.table = estimate.table->name();
  side.table_digest = estimate.table->digest();
  side.unit = estimate.table->unit();
  side.report = EstimateHeadAsJson(estimate);
  side.options = OptionsOfReport(side.report);
  return side;
}

}  // namespace opcost
