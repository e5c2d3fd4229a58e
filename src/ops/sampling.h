// SPDX-License-Identifier: Apache-2.0
// Interpolation at positions that are data: GridSample, RoiAlign, DeformConv.
//
// A position costs, once for all channels that share it: on each axis its
// floor, its fraction and the weights of the taps; then the products of the
// weights of the axes. Each sample then costs a mul, an add and a read per tap
// (as Resize's). Whether a tap lies outside the input is an address's matter
// (R8), and taps outside count (R9).
#ifndef OPCOST_SRC_OPS_SAMPLING_H_
#define OPCOST_SRC_OPS_SAMPLING_H_

#include <cstddef>
#include <cstdint>

#include "opcost/support/extent.h"

namespace opcost {

// Floor, fraction t, and the weights t and 1 - t of linear interpolation: per
// position and axis.
inline constexpr int64_t kLinearWeightAdds = 3;
// Of cubic convolution (Keys 1981, as Resize has it): floor and fraction, the
// distances t + 1, 1 - t and 2 - t, and two polynomials each of
// ((a+2)*d - (a+3))*d*d + 1 and ((a*d - 5*a)*d + 8*a)*d - 4*a.
inline constexpr int64_t kCubicWeightMuls = 12;
inline constexpr int64_t kCubicWeightAdds = 15;

// Elements that one sample weighs: `per_axis` (1, 2 or 4) on each of `axes`.
inline Count TapsOf(int64_t per_axis, size_t axes) {
  Count taps = 1;
  for (size_t a = 0; a < axes && !taps.overflowed(); ++a) taps *= per_axis;
  return taps;
}

// The muls that make the weights of all taps from those of the axes, axis after
// axis.
inline Count WeightProducts(int64_t per_axis, size_t axes) {
  if (per_axis == 1) return 0;
  Count products = 0;
  for (size_t a = 2; a <= axes && !products.overflowed(); ++a) {
    products += TapsOf(per_axis, a);
  }
  return products;
}

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_SAMPLING_H_
