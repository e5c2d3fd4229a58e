// SPDX-License-Identifier: Apache-2.0
// Elements as codes: their bit patterns, one to an integer.
#ifndef OPCOST_SRC_WEIGHTS_CODES_H_
#define OPCOST_SRC_WEIGHTS_CODES_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "opcost/ir/data_type.h"

namespace opcost {

// Real floating-point types, integers and bool: what has values to rank.
bool HasCodes(DataType type);

// The codes of `count` bytes, with a width that the compiler knows.
template <int kWidthBits, typename T>
void Unpack(const uint8_t* bytes, int64_t count, T* codes) {
  constexpr int kPerByte = 8 / kWidthBits;
  constexpr unsigned kOnes = (1U << kWidthBits) - 1;
  for (int64_t i = 0; i < count; ++i) {
    const unsigned byte = bytes[i];
    for (int lane = 0; lane < kPerByte; ++lane) {
      codes[i * kPerByte + lane] =
          static_cast<T>(byte >> (lane * kWidthBits) & kOnes);
    }
  }
}

// Copies `count` elements of `width_bits`, of which the first begins at bit
// `first_bit` of `bytes`, to `codes`. Elements of 4 and 2 bits are unpacked;
// others begin at whole bytes and are as wide as T.
template <typename T>
void CopyCodes(const uint8_t* bytes, int64_t first_bit, int width_bits,
               int64_t count, T* codes) {
  if (width_bits >= 8) {
    std::memcpy(codes, bytes + first_bit / 8,
                static_cast<size_t>(count) * sizeof(T));
    return;
  }
  const int64_t per_byte = 8 / width_bits;
  const auto ones = static_cast<unsigned>((1 << width_bits) - 1);
  int64_t skip = first_bit % 8 / width_bits;
  const uint8_t* from = bytes + first_bit / 8;
  int64_t i = 0;
  for (; skip != 0 && i < count; ++i) {
    codes[i] = static_cast<T>(
        static_cast<unsigned>(*from) >> (skip * width_bits) & ones);
    if (++skip == per_byte) {
      skip = 0;
      ++from;
    }
  }
  const int64_t whole = (count - i) / per_byte;
  if (width_bits == 4) {
    Unpack<4>(from, whole, codes + i);
  } else {
    Unpack<2>(from, whole, codes + i);
  }
  i += whole * per_byte;
  from += whole;
  for (int64_t lane = 0; i < count; ++i, ++lane) {
    codes[i] = static_cast<T>(
        static_cast<unsigned>(*from) >> (lane * width_bits) & ones);
  }
}

// Pairs of codes of at most 4 bits: pairs[i] holds codes[2 * i] and, above it,
// codes[2 * i + 1].
inline void PairCodes(const uint8_t* codes, int64_t pairs_count,
                      uint8_t* pairs) {
  for (int64_t i = 0; i < pairs_count; ++i) {
    pairs[i] =
        static_cast<uint8_t>(codes[2 * i] | (codes[2 * i + 1] << 4 & 0xf0));
  }
}

// Among the codes of a type those of equal numbers have one canonical code: -0
// is 0, and all NaNs are the same.
uint64_t CanonicalCode(DataType type, uint64_t code);

// Rises with the number that a canonical code stands for; NaN is last.
uint64_t OrderOfCode(DataType type, uint64_t code);

// The number itself, and that of a place in the order.
double NumberOfOrder(DataType type, uint64_t order);
double NumberOfCode(DataType type, uint64_t code);
bool IsNanCode(DataType type, uint64_t code);

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_CODES_H_
