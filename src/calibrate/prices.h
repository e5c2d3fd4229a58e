// SPDX-License-Identifier: Apache-2.0
// Which prices a fit has, what they price, and how they are ordered.
#ifndef OPCOST_SRC_CALIBRATE_PRICES_H_
#define OPCOST_SRC_CALIBRATE_PRICES_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/calibrate/fit.h"

namespace opcost {

// prices[low] * low_pj <= prices[high] * high_pj.
struct PriceOrder {
  size_t low = 0, high = 0;
  double low_pj = 0, high_pj = 0;
};

struct PriceSystem {
  std::vector<FittedPrice> prices;  // without values
  std::vector<PriceOrder> orders;
};

// Groups the activities of `data` as the options ask. Errors: those of
// FitPrices() that concern seconds.
absl::StatusOr<PriceSystem> MakePriceSystem(const CalibrationData& data,
                                            const CostTable& base,
                                            const FitOptions& options);

}  // namespace opcost

#endif  // OPCOST_SRC_CALIBRATE_PRICES_H_
