// SPDX-License-Identifier: Apache-2.0
#include "src/weights/zero_runs.h"

#include <algorithm>
#include <cstddef>

namespace opcost {

int64_t SumFlags(const uint8_t* flags, int64_t count) {
  constexpr int64_t kBlock = 128;  // a counter of 8 bits doesn't overflow
  int64_t total = 0;
  int64_t i = 0;
  for (; i + kBlock <= count; i += kBlock) {
    uint8_t sum = 0;
    for (int64_t j = 0; j < kBlock; ++j) {
      sum = static_cast<uint8_t>(sum + flags[i + j]);
    }
    total += sum;
  }
  for (; i < count; ++i) total += flags[i];
  return total;
}

void OrFlags(const uint8_t* flags, int64_t count, uint8_t* into) {
  for (int64_t i = 0; i < count; ++i) into[i] |= flags[i];
}

void RaiseMostInBlock(uint8_t* flags, int64_t count,
                      std::array<int32_t, kNmBlocks.size()>* most) {
  constexpr int64_t kLargest = kNmBlocks.back();
  const int64_t padded = (count + kLargest - 1) / kLargest * kLargest;
  std::fill(flags + count, flags + padded, uint8_t{0});
  // Sums of 2, 4, ... 32 neighbours, each from those of half as many.
  int64_t sums = padded;
  for (size_t level = 0; level < kNmBlocks.size(); ++level) {
    sums /= 2;
    uint8_t highest = 0;
    for (int64_t i = 0; i < sums; ++i) {
      const auto sum = static_cast<uint8_t>(flags[2 * i] + flags[2 * i + 1]);
      flags[i] = sum;
      highest = std::max(highest, sum);
    }
    (*most)[level] = std::max<int32_t>((*most)[level], highest);
  }
}

}  // namespace opcost
