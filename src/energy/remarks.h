// SPDX-License-Identifier: Apache-2.0
// What a reader of an estimate should know of its prices.
#ifndef OPCOST_SRC_ENERGY_REMARKS_H_
#define OPCOST_SRC_ENERGY_REMARKS_H_

#include "opcost/energy/estimate.h"
#include "src/energy/price_book.h"

namespace opcost {

// Adds to `estimate`, whose rows and totals are complete: interpolated prices,
// 8-bit floats, a relative unit, arrays near a tier's boundary.
void AddRemarks(const PriceBook& book, Estimate& estimate);

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_REMARKS_H_
