// SPDX-License-Identifier: Apache-2.0
// Zeros of a segment as flags, and what follows from flags.
#ifndef OPCOST_SRC_WEIGHTS_ZERO_RUNS_H_
#define OPCOST_SRC_WEIGHTS_ZERO_RUNS_H_

#include <array>
#include <cstdint>

#include "opcost/weights/statistics.h"

namespace opcost {

// flags[i] = 1 where codes[i] isn't zero.
template <typename T>
void FlagNonzeros(const T* codes, int64_t count, T mask, T zero,
                  uint8_t* flags) {
  for (int64_t i = 0; i < count; ++i) {
    flags[i] = (codes[i] & mask) != zero ? 1 : 0;
  }
}

int64_t SumFlags(const uint8_t* flags, int64_t count);

// into[i] |= flags[i].
void OrFlags(const uint8_t* flags, int64_t count, uint8_t* into);

// Raises most[i] to the most flags in any block of kNmBlocks[i]. Overwrites
// `flags`, which has room for `count` rounded up to 32.
void RaiseMostInBlock(uint8_t* flags, int64_t count,
                      std::array<int32_t, kNmBlocks.size()>* most);

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_ZERO_RUNS_H_
