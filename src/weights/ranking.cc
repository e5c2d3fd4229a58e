// SPDX-License-Identifier: Apache-2.0
#include "src/weights/ranking.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "src/weights/code_hash.h"
#include "src/weights/codes.h"

namespace opcost {

void SortByRank(DataType type, std::vector<CodeCount>* counts) {
  std::sort(counts->begin(), counts->end(),
            [type](const CodeCount& a, const CodeCount& b) {
              if (a.count != b.count) return a.count > b.count;
              return OrderOfCode(type, a.code) < OrderOfCode(type, b.code);
            });
}

double EntropyBits(const std::vector<CodeCount>& counts, int64_t elements) {
  if (counts.size() <= 1) return 0;
  double bits = 0;
  for (const CodeCount& row : counts) {
    const double share =
        static_cast<double>(row.count) / static_cast<double>(elements);
    bits -= share * std::log2(share);
  }
  return bits;
}

template <typename T>
RankTable<T>::RankTable(DataType type, const std::vector<CodeCount>& by_rank)
    : ranks_(size_t{1} << std::min(WidthBits(type), 16), 0) {
  for (size_t rank = 0; rank < by_rank.size(); ++rank) {
    ranks_[by_rank[rank].code] = static_cast<uint16_t>(rank);
  }
  for (size_t code = 0; code < ranks_.size(); ++code) {
    ranks_[code] = ranks_[CanonicalCode(type, code)];
  }
}

template <typename T>
RankHash<T>::RankHash(DataType type, const std::vector<CodeCount>& by_rank)
    : is_float_(IsFloating(type)),
      slots_(std::bit_ceil(2 * by_rank.size() + 2)) {
  for (size_t rank = 0; rank < by_rank.size(); ++rank) {
    size_t at = SlotOfCode(by_rank[rank].code, slots_.size());
    while (slots_[at].rank != kEmpty) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = {static_cast<T>(by_rank[rank].code),
                  static_cast<uint32_t>(rank)};
  }
}

template <typename T>
uint32_t RankHash<T>::RankOf(T code) const {
  constexpr T kMagnitude = static_cast<T>(~T{0}) >> 1;
  constexpr T kInfinity = sizeof(T) == 4 ? static_cast<T>(0x7f800000U)
                                         : static_cast<T>(0x7ff0000000000000U);
  if (is_float_) {
    const T magnitude = code & kMagnitude;
    if (magnitude == 0) code = 0;
    if (magnitude > kInfinity) code = kMagnitude;
  }
  size_t at = SlotOfCode(code, slots_.size());
  while (slots_[at].code != code) {
    if (slots_[at].rank == kEmpty) return 0;
    at = (at + 1) & (slots_.size() - 1);
  }
  return slots_[at].rank == kEmpty ? 0 : slots_[at].rank;
}

template class RankTable<uint8_t>;
template class RankTable<uint16_t>;
template class RankHash<uint32_t>;
template class RankHash<uint64_t>;

}  // namespace opcost
