// SPDX-License-Identifier: Apache-2.0
// Values by falling frequency (cost model, section 6).
#ifndef OPCOST_SRC_WEIGHTS_RANKING_H_
#define OPCOST_SRC_WEIGHTS_RANKING_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "opcost/ir/data_type.h"
#include "src/weights/histogram.h"

namespace opcost {

// Sorts by falling count, then by rising number: the first has rank 0.
void SortByRank(DataType type, std::vector<CodeCount>* counts);

// Bits of one element drawn from `counts`, which are of `elements` in all.
double EntropyBits(const std::vector<CodeCount>& counts, int64_t elements);

// The ranks of codes of at most 16 bits, those that aren't canonical included.
template <typename T>
class RankTable {
 public:
  RankTable(DataType type, const std::vector<CodeCount>& by_rank);
  uint32_t RankOf(T code) const { return ranks_[code]; }

 private:
  std::vector<uint16_t> ranks_;
};

// Those of 32 and 64 bits. Codes that don't occur have rank 0.
template <typename T>
class RankHash {
 public:
  RankHash(DataType type, const std::vector<CodeCount>& by_rank);
  uint32_t RankOf(T code) const;

 private:
  static constexpr uint32_t kEmpty = ~uint32_t{0};
  struct Slot {
    T code = 0;
    uint32_t rank = kEmpty;
  };
  bool is_float_;
  std::vector<Slot> slots_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_RANKING_H_
