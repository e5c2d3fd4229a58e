// SPDX-License-Identifier: Apache-2.0
// Nested loops over any number of axes, and reproducible random choices: what
// counting references are made of.
#ifndef OPCOST_TESTS_SUPPORT_LOOPS_H_
#define OPCOST_TESTS_SUPPORT_LOOPS_H_

#include <cstdint>
#include <initializer_list>
#include <random>
#include <vector>

#include "opcost/ir/types.h"

namespace opcost {

using Index = std::vector<int64_t>;

// Calls body(index) for each index below `extents`, the last axis innermost;
// once, with no axes, for none.
template <typename Body>
void ForEachIndex(const Index& extents, Body body) {
  for (const int64_t extent : extents) {
    if (extent == 0) return;
  }
  Index index(extents.size(), 0);
  while (true) {
    body(static_cast<const Index&>(index));
    size_t axis = extents.size();
    while (axis > 0 && ++index[axis - 1] == extents[axis - 1]) {
      index[--axis] = 0;
    }
    if (axis == 0) return;
  }
}

// The axes of `first`, then those of `second`.
inline Index Joined(Index first, const Index& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

inline Dims ToDims(const Index& extents) {
  return Dims(extents.begin(), extents.end());
}

// Choices that are the same in every run and with every standard library.
class Draw {
 public:
  explicit Draw(uint32_t seed) : engine_(seed) {}

  // lowest <= result <= highest
  int64_t Between(int64_t lowest, int64_t highest) {
    return lowest + static_cast<int64_t>(engine_() % static_cast<uint32_t>(
                                                         highest - lowest + 1));
  }
  Index Several(size_t count, int64_t lowest, int64_t highest) {
    Index result(count);
    for (int64_t& value : result) value = Between(lowest, highest);
    return result;
  }
  bool Coin() { return Between(0, 1) == 1; }
  template <typename T>
  T OneOf(std::initializer_list<T> choices) {
    return choices
        .begin()[Between(0, static_cast<int64_t>(choices.size()) - 1)];
  }

 private:
  std::mt19937 engine_;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_LOOPS_H_
