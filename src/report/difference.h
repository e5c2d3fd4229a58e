// SPDX-License-Identifier: Apache-2.0
// Where the difference between two layers comes from.
#ifndef OPCOST_SRC_REPORT_DIFFERENCE_H_
#define OPCOST_SRC_REPORT_DIFFERENCE_H_

#include <map>
#include <optional>
#include <tuple>

#include "opcost/energy/cost_table.h"
#include "opcost/report/comparison.h"

namespace opcost {

// A layer of one side in the forms that the path of Difference passes.
struct LayerForms {
  const SideLayer* own = nullptr;
  const SideLayer* at_base_prices = nullptr;
  // Null: it isn't known how the layer would be, stored dense.
  const SideLayer* dense = nullptr;
};

// Takes differences apart, with the prices of one table, each looked up once.
class DifferenceSplitter {
 public:
  explicit DifferenceSplitter(const CostTable& table) : table_(table) {}

  // `variant` less `base`. Both are known. A step whose price the table doesn't
  // have is taken together with the next.
  Difference Split(const LayerForms& base, const LayerForms& variant);

 private:
  // A tier and a format.
  using Key = std::tuple<int, int, int, int>;
  static Key KeyOf(int tier, const NumberFormat& format) {
    return {tier, format.width_bits, static_cast<int>(format.kind),
            static_cast<int>(format.type)};
  }

  // The energy of what a row counts, in another format and tier.
  std::optional<double> PriceOf(const SideTraffic& counts,
                                const NumberFormat& format, int tier);
  std::optional<double> ReadPrice(int tier, const NumberFormat& format);
  std::optional<double> WritePrice(int tier, const NumberFormat& format);

  void AddTraffic(const SideLayer& base, const SideLayer& variant,
                  Difference& sum);
  void AddStep(const SideTraffic& base, const SideTraffic& variant,
               Difference& sum);

  const CostTable& table_;
  // nullopt: the table has no such price.
  std::map<Key, std::optional<double>> reads_, writes_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_DIFFERENCE_H_
