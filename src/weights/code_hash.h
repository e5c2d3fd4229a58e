// SPDX-License-Identifier: Apache-2.0
// Where a code of 32 or 64 bits begins to look for its slot.
#ifndef OPCOST_SRC_WEIGHTS_CODE_HASH_H_
#define OPCOST_SRC_WEIGHTS_CODE_HASH_H_

#include <cstddef>
#include <cstdint>

namespace opcost {

// Among `slots`, a power of two. The multiplier is 2^64 / golden ratio, made
// odd (Fibonacci hashing: Knuth, The Art of Computer Programming 3, 6.4); the
// fold first brings what a float's low bits say into play.
inline size_t SlotOfCode(uint64_t code, size_t slots) {
  const uint64_t folded = code ^ code >> 32;
  const uint64_t product = folded * 0x9e3779b97f4a7c15U;
  return static_cast<size_t>(product >> 32) & (slots - 1);
}

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_CODE_HASH_H_
