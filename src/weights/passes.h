// SPDX-License-Identifier: Apache-2.0
// What is done with every row: once for zeros and frequencies, and once more
// when the ranks of all values are known.
#ifndef OPCOST_SRC_WEIGHTS_PASSES_H_
#define OPCOST_SRC_WEIGHTS_PASSES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "opcost/ir/data_type.h"
#include "opcost/weights/statistics.h"
#include "opcost/weights/zeros.h"
#include "src/weights/block_sink.h"
#include "src/weights/row_walk.h"
#include "src/weights/zero_runs.h"

namespace opcost {

// What the visitors of one tensor share.
struct PassContext {
  DataType type = DataType::kFloat32;
  MatrixLayout layout;
  const ZeroPoints* zero_points = nullptr;
  BlockSink* sink = nullptr;
  std::vector<RowStatistics>* rows = nullptr;  // null: not wanted
};

// Zeros and frequencies.
template <typename T, typename Histogram>
class ZeroPass {
 public:
  ZeroPass(const PassContext& context, int64_t slots)
      : context_(context),
        histogram_(context.type),
        row_nonzeros_(static_cast<size_t>(slots), 0),
        flags_(static_cast<size_t>(kLongestSegment + kSegmentStep)) {
    const int64_t columns = context.layout.columns;
    if (columns <= kMostFlaggedColumns) {
      columns_.resize(static_cast<size_t>(columns), 0);
    }
    uniform_ = context.zero_points->values.size() == 1;
    SetZero(context.zero_points->values.front());
  }

  void Visit(const Segment& segment, const T* codes) {
    const int64_t block = segment.row / context_.layout.rows;
    if (block != block_) EnterBlock(block);
    Flag(segment, codes);
    const int64_t nonzeros = SumFlags(flags_.data(), segment.size);
    if (!columns_.empty()) {
      OrFlags(flags_.data(), segment.size,
              columns_.data() + static_cast<size_t>(segment.column));
    }
    if (part_.most_in_block.back() != kNmBlocks.back() && nonzeros != 0) {
      RaiseMostInBlock(flags_.data(), segment.size, &part_.most_in_block);
    }
    histogram_.Add(codes, segment.size);
    part_.nonzeros += nonzeros;
    int64_t& in_row = row_nonzeros_[static_cast<size_t>(segment.slot)];
    in_row += nonzeros;
    if (segment.ends_row) EndRow(segment.row, std::exchange(in_row, 0));
  }

  void EndRun() {
    if (block_ < 0) return;
    context_.sink->Add(block_, part_);
    context_.sink->AddColumns(block_, rows_, columns_);
    part_ = {};
    rows_ = 0;
    std::fill(columns_.begin(), columns_.end(), uint8_t{0});
    block_ = -1;
  }

  Histogram& histogram() { return histogram_; }
  int64_t zero_rows() const { return zero_rows_; }

 private:
  void EnterBlock(int64_t block) {
    EndRun();
    block_ = block;
  }

  void EndRow(int64_t row, int64_t nonzeros) {
    ++rows_;
    if (nonzeros == 0) ++zero_rows_;
    if (context_.rows != nullptr) {
      (*context_.rows)[static_cast<size_t>(row)].nonzeros = nonzeros;
    }
  }

  void SetZero(int64_t zero_point) {
    const ZeroPattern zero = ZeroOf(context_.type, zero_point);
    mask_ = static_cast<T>(zero.mask);
    zero_ = static_cast<T>(zero.value);
    has_zero_ = zero.exists;
  }

  void FlagRun(const T* codes, int64_t begin, int64_t end) {
    if (has_zero_) {
      FlagNonzeros(codes + begin, end - begin, mask_, zero_,
                   flags_.data() + begin);
    } else {
      std::fill(flags_.data() + begin, flags_.data() + end, uint8_t{1});
    }
  }

  void Flag(const Segment& segment, const T* codes) {
    if (uniform_) {
      FlagRun(codes, 0, segment.size);
      return;
    }
    const int64_t columns = context_.layout.columns;
    const int64_t each = context_.zero_points->columns_each > 0
                             ? context_.zero_points->columns_each
                             : columns;
    const int64_t in_row = (columns - 1) / each + 1;
    for (int64_t at = 0; at < segment.size;) {
      const int64_t group = (segment.column + at) / each;
      const int64_t end =
          std::min((group + 1) * each - segment.column, segment.size);
      SetZero(context_.zero_points
                  ->values[static_cast<size_t>(segment.row * in_row + group)]);
      FlagRun(codes, at, end);
      at = end;
    }
  }

  PassContext context_;
  Histogram histogram_;
  std::vector<int64_t> row_nonzeros_;  // by slot
  std::vector<uint8_t> flags_;         // of a segment: not zero
  std::vector<uint8_t> columns_;       // of the block: not zero throughout
  bool uniform_ = true;
  T mask_ = 0;
  T zero_ = 0;
  bool has_zero_ = true;
  int64_t block_ = -1;
  int64_t rows_ = 0;  // of the block that this run has seen to their end
  MatrixStatistics part_;
  int64_t zero_rows_ = 0;
};

// Distinct values by row.
template <typename T, typename Ranks>
class RankPass {
 public:
  RankPass(const PassContext& context, int64_t slots, const Ranks& ranks,
           int64_t distinct)
      : context_(context),
        ranks_(&ranks),
        distinct_(static_cast<size_t>(distinct)),
        rows_(static_cast<size_t>(slots)),
        seen_(static_cast<size_t>(slots * distinct), 0) {}

  void Visit(const Segment& segment, const T* codes) {
    const int64_t block = segment.row / context_.layout.rows;
    if (block != block_) {
      EndRun();
      block_ = block;
    }
    const auto slot = static_cast<size_t>(segment.slot);
    RowState& row = rows_[slot];
    uint16_t* seen = seen_.data() + slot * distinct_;
    if (segment.column == 0) Begin(&row, seen);
    const uint16_t stamp = row.stamp;
    uint32_t found = 0;
    uint32_t others = 0;
    uint32_t highest = row.highest;
    for (int64_t i = 0; i < segment.size; ++i) {
      const uint32_t rank = ranks_->RankOf(codes[i]);
      found += seen[rank] != stamp ? 1U : 0U;
      seen[rank] = stamp;
      others += rank != 0 ? 1U : 0U;
      highest = std::max(highest, rank);
    }
    row.highest = highest;
    row.found += found;
    row.elements += others;
    if (segment.ends_row) End(segment.row, row, seen[0] == stamp);
  }

  void EndRun() {
    if (block_ < 0) return;
    context_.sink->Add(block_, part_);
    part_ = {};
    block_ = -1;
  }

 private:
  struct RowState {
    int64_t elements = 0;  // other than the implicit value
    int64_t found = 0;     // distinct values
    uint32_t highest = 0;  // rank
    uint16_t stamp = 0;    // marks what this row has
  };

  void Begin(RowState* row, uint16_t* seen) {
    row->elements = 0;
    row->found = 0;
    row->highest = 0;
    if (++row->stamp == 0) {  // 65,535 rows later
      std::fill(seen, seen + distinct_, uint16_t{0});
      row->stamp = 1;
    }
  }

  void End(int64_t index, const RowState& row, bool has_implicit) {
    const int64_t distinct = row.found - (has_implicit ? 1 : 0);
    const int64_t padded = row.highest - distinct;
    part_.explicit_elements += row.elements;
    part_.distinct_in_rows += distinct;
    part_.padded += padded;
    if (context_.rows == nullptr) return;
    RowStatistics& statistics = (*context_.rows)[static_cast<size_t>(index)];
    statistics.elements = row.elements;
    statistics.distinct = distinct;
    statistics.padded = padded;
  }

  PassContext context_;
  const Ranks* ranks_;
  size_t distinct_;
  std::vector<RowState> rows_;  // by slot
  std::vector<uint16_t> seen_;  // by slot and rank: the last row that had it
  int64_t block_ = -1;
  MatrixStatistics part_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_PASSES_H_
