// SPDX-License-Identifier: Apache-2.0
// Prices of widths that a table lacks (cost model, 3.3).
#ifndef OPCOST_SRC_ENERGY_PRICE_LAW_H_
#define OPCOST_SRC_ENERGY_PRICE_LAW_H_

#include <vector>

#include "opcost/energy/cost_table.h"

namespace opcost {

// The price of one width.
struct WidthPrice {
  int width_bits = 0;
  const Price* price = nullptr;
};

// Ascending widths, each once.
using PriceCurve = std::vector<WidthPrice>;

// `price` with its value and range times `factor`.
Price Scaled(const Price& price, double factor);

// The price at `width_bits`, by a curve that isn't empty. An entry's own width
// gives that entry. Else the price says which entries it is from.
//
// Linear: between the bracketing widths, through the origin below the smallest,
// largest entry * width / its width above (reads, writes, adds, functions).
Price LinearPrice(const PriceCurve& curve, int width_bits);
// A power law through the bracketing widths, or through the two nearest at an
// end; the width squared where there is one entry (muls, MACs). Linear where
// one of the two prices is zero, through which no power law goes.
Price PowerPrice(const PriceCurve& curve, int width_bits);

// True if every price, and every bound of a range, is the same per bit, and
// there are two or more: then interpolation adds no assumption.
bool IsProportional(const PriceCurve& curve);

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_PRICE_LAW_H_
