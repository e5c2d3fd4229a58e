// SPDX-License-Identifier: Apache-2.0
// The floating-point elements of stored tensors: their bits and their values.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_ELEMENTS_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_ELEMENTS_H_

#include <bit>
#include <cstdint>
#include <cstring>

#include "opcost/ir/data_type.h"

namespace opcost::variants {

// The bits of `value` in a binary format of `exponent_bits` and
// `mantissa_bits`, rounded to nearest, ties to even; infinity where it is too
// large.
uint16_t RoundToNarrow(double value, int exponent_bits, int mantissa_bits);

// How an element of each type is read and written; Magnitude() of a larger
// absolute value is larger.
struct Float16 {
  using Bits = uint16_t;
  static constexpr Bits kMagnitude = 0x7fff;
  static double Load(Bits bits);
  static Bits Store(double value) { return RoundToNarrow(value, 5, 10); }
};
struct Bfloat16 {
  using Bits = uint16_t;
  static constexpr Bits kMagnitude = 0x7fff;
  static double Load(Bits bits) {
    return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16);
  }
  static Bits Store(double value) { return RoundToNarrow(value, 8, 7); }
};
struct Float32 {
  using Bits = uint32_t;
  static constexpr Bits kMagnitude = 0x7fffffffU;
  static double Load(Bits bits) { return std::bit_cast<float>(bits); }
  static Bits Store(double value) {
    return std::bit_cast<Bits>(static_cast<float>(value));
  }
};
struct Float64 {
  using Bits = uint64_t;
  static constexpr Bits kMagnitude = 0x7fffffffffffffffU;
  static double Load(Bits bits) { return std::bit_cast<double>(bits); }
  static Bits Store(double value) { return std::bit_cast<Bits>(value); }
};

// Whether the elements of `type` are among the above.
inline bool IsPlainFloat(DataType type) {
  return type == DataType::kFloat16 || type == DataType::kBfloat16 ||
         type == DataType::kFloat32 || type == DataType::kFloat64;
}

// Calls `function` with the struct of `type`, which IsPlainFloat().
template <typename Function>
auto WithFloat(DataType type, const Function& function) {
  switch (type) {
    case DataType::kFloat16:
      return function(Float16{});
    case DataType::kBfloat16:
      return function(Bfloat16{});
    case DataType::kFloat64:
      return function(Float64{});
    default:
      return function(Float32{});
  }
}

// Element `i` of little-endian bytes.
template <typename Bits>
Bits BitsAt(const char* bytes, int64_t i) {
  Bits bits;
  std::memcpy(&bits, bytes + i * static_cast<int64_t>(sizeof(Bits)),
              sizeof(Bits));
  return bits;
}
template <typename Bits>
void PutBits(Bits bits, char* bytes, int64_t i) {
  std::memcpy(bytes + i * static_cast<int64_t>(sizeof(Bits)), &bits,
              sizeof(Bits));
}

static_assert(std::endian::native == std::endian::little,
              "ONNX's raw_data is little-endian");

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_ELEMENTS_H_
