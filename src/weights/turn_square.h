// SPDX-License-Identifier: Apache-2.0
// Transposing small squares of codes in registers.
#ifndef OPCOST_SRC_WEIGHTS_TURN_SQUARE_H_
#define OPCOST_SRC_WEIGHTS_TURN_SQUARE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace opcost {

// Codes in a word of 64 bits: the side of a square.
template <typename T>
inline constexpr int64_t kTurnSide = 8 / static_cast<int64_t>(sizeof(T));

// to[j][i] = from[i][j] for a square of that side; strides in codes. Swaps
// halves of ever smaller squares (Warren, Hacker's Delight, 7-3, with codes in
// the place of bits).
template <typename T>
void TurnSquare(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
  constexpr int64_t kSide = kTurnSide<T>;
  constexpr int kCodeBits = 8 * static_cast<int>(sizeof(T));
  uint64_t words[static_cast<size_t>(kSide)];
  for (int64_t i = 0; i < kSide; ++i) {
    std::memcpy(&words[i], from + i * from_stride, sizeof(uint64_t));
  }
  // Of two neighbouring runs of `half` codes, the lower.
  uint64_t lower = ~uint64_t{0};
  for (int64_t half = kSide / 2; half > 0; half /= 2) {
    const int shift = static_cast<int>(half) * kCodeBits;
    lower ^= lower << shift;
    for (int64_t i = 0; i < kSide; ++i) {
      if ((i & half) != 0) continue;
      const uint64_t swapped = (words[i] >> shift ^ words[i + half]) & lower;
      words[i + half] ^= swapped;
      words[i] ^= swapped << shift;
    }
  }
  for (int64_t i = 0; i < kSide; ++i) {
    std::memcpy(to + i * to_stride, &words[i], sizeof(uint64_t));
  }
}

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_TURN_SQUARE_H_
