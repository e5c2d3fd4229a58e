// SPDX-License-Identifier: Apache-2.0
// How sure a sum over layers is.
#ifndef OPCOST_SRC_ENERGY_TOTAL_STATUS_H_
#define OPCOST_SRC_ENERGY_TOTAL_STATUS_H_

#include "opcost/analysis/analysis.h"
#include "opcost/energy/estimate.h"

namespace opcost {

// Of the sum of all layers: upper bounds and unknown layers spread through it.
TotalStatus StatusOfTotal(const Analysis& analysis);

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_TOTAL_STATUS_H_
