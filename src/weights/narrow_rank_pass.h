// SPDX-License-Identifier: Apache-2.0
// Distinct values by row, of codes of at most 8 bits.
#ifndef OPCOST_SRC_WEIGHTS_NARROW_RANK_PASS_H_
#define OPCOST_SRC_WEIGHTS_NARROW_RANK_PASS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "opcost/ir/data_type.h"
#include "opcost/weights/statistics.h"
#include "src/weights/block_sink.h"
#include "src/weights/codes.h"
#include "src/weights/passes.h"
#include "src/weights/ranking.h"
#include "src/weights/row_walk.h"

namespace opcost {

// What RankPass does, for rows of at least kFewestColumns: marks codes (pairs
// of them, where two fit a byte) in place of ranks, which saves looking ranks
// up for each element.
class NarrowRankPass {
 public:
  // Shorter rows would spend their time on their marks.
  static constexpr int64_t kFewestColumns = 256;

  NarrowRankPass(const PassContext& context, int64_t slots,
                 const RankTable<uint8_t>& ranks)
      : context_(context),
        ranks_(&ranks),
        is_paired_(WidthBits(context.type) < 8),
        marks_(static_cast<size_t>(slots)),
        elements_(static_cast<size_t>(slots), 0),
        pairs_(static_cast<size_t>(kLongestSegment)) {
    FindImplicitPattern();
  }

  void Visit(const Segment& segment, const uint8_t* codes) {
    const int64_t block = segment.row / context_.layout.rows;
    if (block != block_) {
      EndRun();
      block_ = block;
    }
    const auto slot = static_cast<size_t>(segment.slot);
    Mark(codes, segment.size, marks_[slot].data());
    elements_[slot] += CountOthers(codes, segment.size);
    if (segment.ends_row) End(segment.row, slot);
  }

  void EndRun() {
    if (block_ < 0) return;
    context_.sink->Add(block_, part_);
    part_ = {};
    block_ = -1;
  }

 private:
  using Marks = std::array<uint8_t, 256>;

  // Codes of rank 0, as bits that are the same in all and in no other.
  void FindImplicitPattern() {
    const int codes = 1 << WidthBits(context_.type);
    unsigned ones = 0xff;
    unsigned zeros = 0xff;
    int count = 0;
    for (int code = 0; code < codes; ++code) {
      if (ranks_->RankOf(static_cast<uint8_t>(code)) != 0) continue;
      ones &= static_cast<unsigned>(code);
      zeros &= ~static_cast<unsigned>(code);
      ++count;
    }
    mask_ = static_cast<uint8_t>((ones | zeros) & 0xff);
    value_ = static_cast<uint8_t>(ones);
    for (int code = 0; code < codes; ++code) {
      if ((static_cast<unsigned>(code) & mask_) == value_) --count;
    }
    has_pattern_ = count == 0;
  }

  void Mark(const uint8_t* codes, int64_t size, uint8_t* marks) {
    const uint8_t* from = codes;
    int64_t count = size;
    if (is_paired_) {
      count = size / 2;
      PairCodes(codes, count, pairs_.data());
      // A pair of the last one with itself.
      if (size % 2 != 0) {
        pairs_[static_cast<size_t>(count++)] =
            static_cast<uint8_t>(codes[size - 1] * 0x11);
      }
      from = pairs_.data();
    }
    for (int64_t i = 0; i < count; ++i) marks[from[i]] = 1;
  }

  int64_t CountOthers(const uint8_t* codes, int64_t size) const {
    if (has_pattern_) {
      int64_t others = 0;
      constexpr int64_t kBlock = 128;  // sums of 8 bits don't overflow
      for (int64_t begin = 0; begin < size; begin += kBlock) {
        const int64_t end = std::min(begin + kBlock, size);
        uint8_t sum = 0;
        for (int64_t i = begin; i < end; ++i) {
          sum = static_cast<uint8_t>(sum + ((codes[i] & mask_) != value_));
        }
        others += sum;
      }
      return others;
    }
    int64_t others = 0;
    for (int64_t i = 0; i < size; ++i) {
      others += ranks_->RankOf(codes[i]) != 0 ? 1 : 0;
    }
    return others;
  }

  void End(int64_t index, size_t slot) {
    Marks present = {};  // by rank
    Marks& marks = marks_[slot];
    for (size_t i = 0; i < marks.size(); ++i) {
      if (marks[i] == 0) continue;
      const size_t low = is_paired_ ? i & 0xf : i;
      const size_t high = is_paired_ ? i >> 4 : i;
      present[ranks_->RankOf(static_cast<uint8_t>(low))] = 1;
      present[ranks_->RankOf(static_cast<uint8_t>(high))] = 1;
    }
    marks.fill(0);
    int64_t distinct = 0;
    int64_t highest = 0;
    for (size_t rank = 1; rank < present.size(); ++rank) {
      if (present[rank] == 0) continue;
      ++distinct;
      highest = static_cast<int64_t>(rank);
    }
    part_.explicit_elements += elements_[slot];
    part_.distinct_in_rows += distinct;
    part_.padded += highest - distinct;
    if (context_.rows != nullptr) {
      RowStatistics& row = (*context_.rows)[static_cast<size_t>(index)];
      row.elements = elements_[slot];
      row.distinct = distinct;
      row.padded = highest - distinct;
    }
    elements_[slot] = 0;
  }

  PassContext context_;
  const RankTable<uint8_t>* ranks_;
  bool is_paired_;
  std::vector<Marks> marks_;       // by slot
  std::vector<int64_t> elements_;  // ditto: other than the implicit value
  std::vector<uint8_t> pairs_;     // of a segment
  bool has_pattern_ = false;       // codes of rank 0 are those of:
  uint8_t mask_ = 0;
  uint8_t value_ = 0;
  int64_t block_ = -1;
  MatrixStatistics part_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_NARROW_RANK_PASS_H_
