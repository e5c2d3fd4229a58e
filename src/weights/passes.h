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

// Distinct values by row. Long rows mark each rank that they have, and are
// looked over at their end; short ones would spend their time on that, and look
// whether a rank is new as they go.
template <typename T, typename Ranks>
class RankPass {
 public:
  RankPass(const PassContext& context, int64_t slots, const Ranks& ranks,
           int64_t distinct)
      : context_(context),
        table_(&ranks),
        distinct_(static_cast<size_t>(distinct)),
        rows_(static_cast<size_t>(slots)),
        ranks_(static_cast<size_t>(kLongestSegment)) {
    const auto cells = static_cast<size_t>(slots * distinct);
    if (context.layout.columns >= distinct / kRanksPerColumn) {
      marked_.resize(cells, 0);
    } else {
      stamps_.resize(cells, 0);
    }
  }

  void Visit(const Segment& segment, const T* codes) {
    const int64_t block = segment.row / context_.layout.rows;
    if (block != block_) {
      EndRun();
      block_ = block;
    }
    for (int64_t i = 0; i < segment.size; ++i) {
      ranks_[static_cast<size_t>(i)] =
          static_cast<uint16_t>(table_->RankOf(codes[i]));
    }
    const auto slot = static_cast<size_t>(segment.slot);
    RowState& row = rows_[slot];
    if (!marked_.empty()) {
      uint8_t* marked = marked_.data() + slot * distinct_;
      Mark(segment.size, &row, marked);
      if (segment.ends_row) LookOver(&row, marked);
    } else {
      uint16_t* stamps = stamps_.data() + slot * distinct_;
      if (segment.column == 0) NextStamp(&row, stamps);
      Stamp(segment.size, &row, stamps);
      if (segment.ends_row && stamps[0] == row.stamp) --row.distinct;
    }
    if (segment.ends_row) End(segment.row, &row);
  }

  void EndRun() {
    if (block_ < 0) return;
    context_.sink->Add(block_, part_);
    part_ = {};
    block_ = -1;
  }

 private:
  // Looking over this many ranks takes as long as a column does.
  static constexpr int64_t kRanksPerColumn = 16;

  struct RowState {
    int64_t elements = 0;  // other than the implicit value
    int64_t distinct = 0;  // values; while stamps are counted with the implicit
    int64_t highest = 0;   // rank
    uint16_t stamp = 0;    // marks what this row has
  };

  void Mark(int64_t size, RowState* row, uint8_t* marked) {
    const uint16_t* ranks = ranks_.data();
    for (int64_t i = 0; i < size; ++i) marked[ranks[i]] = 1;
    int64_t others = 0;
    for (int64_t i = 0; i < size; ++i) others += ranks[i] != 0 ? 1 : 0;
    row->elements += others;
  }

  // Counts the marks of a row and wipes them off.
  void LookOver(RowState* row, uint8_t* marked) {
    size_t end = distinct_;
    while (end > 1 && marked[end - 1] == 0) --end;
    row->highest = static_cast<int64_t>(end) - 1;
    row->distinct = SumFlags(marked + 1, row->highest);
    std::fill(marked, marked + end, uint8_t{0});
  }

  void Stamp(int64_t size, RowState* row, uint16_t* stamps) {
    const uint16_t stamp = row->stamp;
    int64_t found = 0;
    int64_t others = 0;
    uint16_t highest = 0;
    for (int64_t i = 0; i < size; ++i) {
      const uint16_t rank = ranks_[static_cast<size_t>(i)];
      found += stamps[rank] != stamp ? 1 : 0;
      stamps[rank] = stamp;
      others += rank != 0 ? 1 : 0;
      highest = std::max(highest, rank);
    }
    row->distinct += found;
    row->elements += others;
    row->highest = std::max<int64_t>(row->highest, highest);
  }

  void NextStamp(RowState* row, uint16_t* stamps) {
    if (++row->stamp != 0) return;
    // 65,535 rows later.
    std::fill(stamps, stamps + distinct_, uint16_t{0});
    row->stamp = 1;
  }

  void End(int64_t index, RowState* row) {
    const int64_t padded = row->highest - row->distinct;
    part_.explicit_elements += row->elements;
    part_.distinct_in_rows += row->distinct;
    part_.padded += padded;
    if (context_.rows != nullptr) {
      RowStatistics& statistics = (*context_.rows)[static_cast<size_t>(index)];
      statistics.elements = row->elements;
      statistics.distinct = row->distinct;
      statistics.padded = padded;
    }
    row->elements = 0;
    row->distinct = 0;
    row->highest = 0;
  }

  PassContext context_;
  const Ranks* table_;
  size_t distinct_;
  std::vector<RowState> rows_;    // by slot
  std::vector<uint8_t> marked_;   // by slot and rank
  std::vector<uint16_t> stamps_;  // ditto: the last row that had it
  std::vector<uint16_t> ranks_;   // of a segment
  int64_t block_ = -1;
  MatrixStatistics part_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_PASSES_H_
