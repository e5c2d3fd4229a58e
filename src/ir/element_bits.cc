// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/element_bits.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace opcost {
namespace {

// What the bit patterns that aren't plain numbers mean.
enum class Specials : uint8_t {
  kNone,  // nothing: all patterns are numbers
  kIeee,  // the highest exponent holds infinities and NaNs
  kFn,    // all ones but the sign is NaN
  kFnuz,  // minus zero is NaN
};

struct FloatLayout {
  int exponent_bits;
  int mantissa_bits;
  int bias;
  Specials specials;
};

FloatLayout LayoutOf(DataType type) {
  switch (type) {
    case DataType::kFloat16:
      return {5, 10, 15, Specials::kIeee};
    case DataType::kBfloat16:
      return {8, 7, 127, Specials::kIeee};
    case DataType::kFloat8E4M3FN:
      return {4, 3, 7, Specials::kFn};
    case DataType::kFloat8E4M3FNUZ:
      return {4, 3, 8, Specials::kFnuz};
    case DataType::kFloat8E5M2:
      return {5, 2, 15, Specials::kIeee};
    case DataType::kFloat8E5M2FNUZ:
      return {5, 2, 16, Specials::kFnuz};
    default:
      return {2, 1, 1, Specials::kNone};  // float4e2m1
  }
}

double Decode(const FloatLayout& layout, uint64_t bits) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  const uint64_t mantissa_ones = (uint64_t{1} << layout.mantissa_bits) - 1;
  const uint64_t exponent_ones = (uint64_t{1} << layout.exponent_bits) - 1;
  const uint64_t mantissa = bits & mantissa_ones;
  const uint64_t exponent = bits >> layout.mantissa_bits & exponent_ones;
  const bool negative =
      (bits >> (layout.mantissa_bits + layout.exponent_bits) & 1) != 0;
  const double sign = negative ? -1.0 : 1.0;
  if (layout.specials == Specials::kIeee && exponent == exponent_ones) {
    return mantissa != 0 ? kNan
                         : sign * std::numeric_limits<double>::infinity();
  }
  if (layout.specials == Specials::kFn && exponent == exponent_ones &&
      mantissa == mantissa_ones) {
    return kNan;
  }
  if (layout.specials == Specials::kFnuz && negative && exponent == 0 &&
      mantissa == 0) {
    return kNan;
  }
  // Below the lowest exponent the leading one is no longer implied.
  const uint64_t significand =
      exponent == 0 ? mantissa : mantissa | (mantissa_ones + 1);
  const int scale = (exponent == 0 ? 1 : static_cast<int>(exponent)) -
                    layout.bias - layout.mantissa_bits;
  return sign * std::ldexp(static_cast<double>(significand), scale);
}

// The pattern of a finite `magnitude`, without its sign.
uint64_t Encode(const FloatLayout& layout, double magnitude) {
  const int lowest = 1 - layout.bias;  // exponent of subnormal numbers
  int exponent = 0;
  std::frexp(magnitude, &exponent);
  exponent = std::max(exponent - 1, lowest);
  const auto significand = static_cast<uint64_t>(
      std::ldexp(magnitude, layout.mantissa_bits - exponent));
  const uint64_t implied = uint64_t{1} << layout.mantissa_bits;
  const uint64_t stored =
      significand < implied ? 0 : static_cast<uint64_t>(exponent + layout.bias);
  const uint64_t pattern =
      stored << layout.mantissa_bits | (significand & (implied - 1));
  const uint64_t highest =
      (uint64_t{1} << (layout.exponent_bits + layout.mantissa_bits)) - 1;
  return std::min(pattern, highest);
}

}  // namespace

double FloatFromBits(DataType type, uint64_t bits) {
  if (type == DataType::kFloat32) {
    return std::bit_cast<float>(static_cast<uint32_t>(bits));
  }
  if (type == DataType::kFloat64) return std::bit_cast<double>(bits);
  if (type == DataType::kFloat8E8M0) {
    const auto exponent = static_cast<int>(bits & 0xff);
    return exponent == 0xff ? std::numeric_limits<double>::quiet_NaN()
                            : std::ldexp(1.0, exponent - 127);
  }
  return Decode(LayoutOf(type), bits);
}

int64_t IntFromBits(DataType type, uint64_t bits) {
  const int unused_bits = 64 - WidthBits(type);
  const uint64_t top = bits << unused_bits;
  switch (type) {
    case DataType::kBool:
      return top != 0 ? 1 : 0;
    case DataType::kInt2:
    case DataType::kInt4:
    case DataType::kInt8:
    case DataType::kInt16:
    case DataType::kInt32:
    case DataType::kInt64:
      return static_cast<int64_t>(top) >> unused_bits;
    default:
      return static_cast<int64_t>(top >> unused_bits);
  }
}

uint64_t BitsFromFloat(DataType type, double number) {
  if (type == DataType::kFloat32) {
    return std::bit_cast<uint32_t>(static_cast<float>(number));
  }
  if (type == DataType::kFloat64) return std::bit_cast<uint64_t>(number);
  if (type == DataType::kFloat8E8M0) {
    if (std::isnan(number)) return 0xff;
    return static_cast<uint64_t>(std::clamp(
        number > 0 && std::isfinite(number) ? std::ilogb(number) + 127 : 0, 0,
        0xfe));
  }
  const FloatLayout layout = LayoutOf(type);
  const int sign_at = layout.exponent_bits + layout.mantissa_bits;
  const uint64_t sign = uint64_t{std::signbit(number) ? 1U : 0U} << sign_at;
  const uint64_t ones = (uint64_t{1} << sign_at) - 1;
  if (std::isnan(number)) {
    return layout.specials == Specials::kFnuz ? uint64_t{1} << sign_at : ones;
  }
  if (std::isinf(number)) {
    const bool has_infinity = layout.specials == Specials::kIeee;
    return sign |
           (has_infinity ? ones >> layout.mantissa_bits << layout.mantissa_bits
                         : ones);
  }
  return sign | Encode(layout, std::fabs(number));
}

}  // namespace opcost
