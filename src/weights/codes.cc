// SPDX-License-Identifier: Apache-2.0
#include "src/weights/codes.h"

#include <bit>
#include <cmath>
#include <limits>

#include "opcost/ir/element_bits.h"

namespace opcost {

bool HasCodes(DataType type) {
  return type != DataType::kComplex64 && type != DataType::kComplex128 &&
         (IsFloating(type) || IsInteger(type) || type == DataType::kBool);
}

uint64_t CanonicalCode(DataType type, uint64_t code) {
  if (type == DataType::kBool) return code != 0 ? 1 : 0;
  if (!IsFloating(type)) return code;
  const double number = FloatFromBits(type, code);
  if (number == 0) return 0;
  if (!std::isnan(number)) return code;
  return BitsFromFloat(type, std::numeric_limits<double>::quiet_NaN());
}

uint64_t OrderOfCode(DataType type, uint64_t code) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  if (type == DataType::kUint64) return code;
  if (!IsFloating(type)) {
    return static_cast<uint64_t>(IntFromBits(type, code)) ^ kSign;
  }
  const double number = FloatFromBits(type, code);
  if (std::isnan(number)) return ~uint64_t{0};
  const auto bits = std::bit_cast<uint64_t>(number);
  return (bits & kSign) != 0 ? ~bits : bits | kSign;
}

double NumberOfOrder(DataType type, uint64_t order) {
  constexpr uint64_t kSign = uint64_t{1} << 63;
  if (type == DataType::kUint64) return static_cast<double>(order);
  if (!IsFloating(type)) {
    return static_cast<double>(static_cast<int64_t>(order ^ kSign));
  }
  return std::bit_cast<double>((order & kSign) != 0 ? order ^ kSign : ~order);
}

double NumberOfCode(DataType type, uint64_t code) {
  if (type == DataType::kUint64) return static_cast<double>(code);
  return IsFloating(type) ? FloatFromBits(type, code)
                          : static_cast<double>(IntFromBits(type, code));
}

bool IsNanCode(DataType type, uint64_t code) {
  return IsFloating(type) && std::isnan(FloatFromBits(type, code));
}

}  // namespace opcost
