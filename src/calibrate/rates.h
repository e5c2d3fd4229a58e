// SPDX-License-Identifier: Apache-2.0
// Rates that turn counts into seconds, so that a static power has a time.
#ifndef OPCOST_SRC_CALIBRATE_RATES_H_
#define OPCOST_SRC_CALIBRATE_RATES_H_

#include "opcost/calibrate/activities.h"
#include "opcost/energy/cost_table.h"

namespace opcost {

// The rates of MACs (of every format in the data) and of the last tier's bytes
// for which the longer of the two times comes nearest to the rows' seconds, as
// ratios, and `watts` beside them. Rows without seconds are left out.
StaticPower FitRates(const CalibrationData& data, const CostTable& base,
                     double watts);

}  // namespace opcost

#endif  // OPCOST_SRC_CALIBRATE_RATES_H_
