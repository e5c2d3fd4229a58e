// SPDX-License-Identifier: Apache-2.0
#include "tools/make_variants/elements.h"

#include <algorithm>
#include <cmath>

#include "opcost/ir/element_bits.h"

namespace opcost::variants {

uint16_t RoundToNarrow(double value, int exponent_bits, int mantissa_bits) {
  const int sign_at = exponent_bits + mantissa_bits;
  const uint32_t sign = std::signbit(value) ? 1U << sign_at : 0;
  const uint32_t infinity = ((1U << exponent_bits) - 1) << mantissa_bits;
  if (std::isnan(value))
    return static_cast<uint16_t>(infinity | 1U << (mantissa_bits - 1));
  const double magnitude = std::fabs(value);
  if (std::isinf(value)) return static_cast<uint16_t>(sign | infinity);
  const int least = 2 - (1 << (exponent_bits - 1));  // of normal numbers
  const int exponent =
      magnitude == 0 ? least : std::max(std::ilogb(magnitude), least);
  // In units of the last place, the leading 1 of normal numbers included, which
  // adds one to the exponent's field.
  const double units =
      std::nearbyint(std::ldexp(magnitude, mantissa_bits - exponent));
  const double bits = units + std::ldexp(exponent - least, mantissa_bits);
  return static_cast<uint16_t>(
      sign | static_cast<uint32_t>(std::min<double>(bits, infinity)));
}

double Float16::Load(Bits bits) {
  return FloatFromBits(DataType::kFloat16, bits);
}

}  // namespace opcost::variants
