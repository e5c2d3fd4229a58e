// SPDX-License-Identifier: Apache-2.0
// Prices one analysis: with all its rows, or its totals alone.
#ifndef OPCOST_SRC_ENERGY_ESTIMATOR_H_
#define OPCOST_SRC_ENERGY_ESTIMATOR_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/energy/estimate.h"
#include "opcost/energy/totals.h"
#include "src/energy/price_book.h"

namespace opcost {

// Prices the layers of one analysis.
class Estimator {
 public:
  Estimator(const Analysis& analysis, const CostTable& table,
            const EstimateOptions& options)
      : table_(table),
        power_(table.static_power()),
        formats_(analysis, options.formats),
        book_(table) {
    out_.analysis = &analysis;
    out_.table = &table;
    out_.options = options;
    out_.diagnostics = analysis.diagnostics;
  }

  absl::StatusOr<Estimate> Run();
  absl::StatusOr<std::vector<double>> LayerEnergies();
  // The totals of Run() without its rows.
  absl::StatusOr<Totals> RunTotals();

 private:
  using Lines = absl::InlinedVector<std::pair<ArithLine*, int64_t>, 4>;

  absl::Status PriceLayers(std::vector<LayerTraffic> traffic);
  absl::Status PriceLayer(const LayerCounts& layer, LayerTraffic&& traffic,
                          LayerEstimate& result);
  absl::Status PriceArithmetic(const LayerCounts& layer, LayerEstimate& result);
  absl::Status Collect(const LayerCounts& layer, const Arith& arith,
                       Lines& lines);
  absl::Status Buy(ArithLine* line, int64_t count, Lines& lines);
  ArithLine* MacLine(const LayerCounts& layer, const Arith& product);
  absl::StatusOr<int64_t> LooseAdds(const LayerCounts& layer,
                                    const Arith& accumulate, int64_t count);
  absl::StatusOr<int64_t> AllRuns(const LayerCounts& layer, const Count& count,
                                  absl::string_view what) const;
  absl::Status PriceTraffic(LayerTraffic&& traffic, LayerEstimate& result);
  double MacSeconds(const LayerCounts& layer);
  // In pJ.
  double StaticEnergy(double seconds, double operator_runs) const;
  template <typename Rows>
  double MovementSeconds(const Rows& rows) const;
  absl::Status AddTotals();
  absl::Status AddOnce(absl::Span<const TierTraffic> sums);

  const CostTable& table_;
  const StaticPower* power_;
  Formats formats_;
  PriceBook book_;
  std::vector<double> mac_seconds_;  // of each layer, if there is a power
  double operator_runs_ = 0;         // of layers that are run, if there is one
  Estimate out_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_ESTIMATOR_H_
