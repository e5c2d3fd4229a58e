// SPDX-License-Identifier: Apache-2.0
#include "src/weights/zero_runs.h"

#include <algorithm>
#include <cstddef>
#include <cstring>

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

namespace {

// Sums of 2, 4, ... 32 neighbours, each from those of half as many.
void RaiseFromPairs(uint8_t* flags, int64_t padded,
                    std::array<int32_t, kNmBlocks.size()>* most) {
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

// The same where blocks of 2 and 4 are known to be full: sums of 8 at once.
void RaiseFromEights(const uint8_t* flags, int64_t padded,
                     std::array<int32_t, kNmBlocks.size()>* most) {
  constexpr uint64_t kOnes = 0x0101010101010101U;
  constexpr int kTopByte = 56;
  int64_t highest[3] = {0, 0, 0};
  for (int64_t at = 0; at < padded; at += kNmBlocks.back()) {
    uint64_t words[4];
    std::memcpy(words, flags + at, sizeof(words));
    int64_t eights[4];
    for (int i = 0; i < 4; ++i) {
      eights[i] = static_cast<int64_t>(words[i] * kOnes >> kTopByte);
      highest[0] = std::max(highest[0], eights[i]);
    }
    const int64_t low = eights[0] + eights[1];
    const int64_t high = eights[2] + eights[3];
    highest[1] = std::max(highest[1], std::max(low, high));
    highest[2] = std::max(highest[2], low + high);
  }
  for (size_t i = 0; i < 3; ++i) {
    (*most)[i + 2] = std::max((*most)[i + 2], static_cast<int32_t>(highest[i]));
  }
}

}  // namespace

void RaiseMostInBlock(uint8_t* flags, int64_t count,
                      std::array<int32_t, kNmBlocks.size()>* most) {
  constexpr int64_t kLargest = kNmBlocks.back();
  static_assert(kNmBlocks == std::array<int, 5>{2, 4, 8, 16, 32});
  const int64_t padded = (count + kLargest - 1) / kLargest * kLargest;
  std::fill(flags + count, flags + padded, uint8_t{0});
  const bool are_full =
      (*most)[0] == kNmBlocks[0] && (*most)[1] == kNmBlocks[1];
  if (are_full) {
    RaiseFromEights(flags, padded, most);
  } else {
    RaiseFromPairs(flags, padded, most);
  }
}

}  // namespace opcost
