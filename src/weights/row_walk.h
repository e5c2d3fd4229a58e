// SPDX-License-Identifier: Apache-2.0
// Every row of a stored matrix, piece by piece, on all cores.
#ifndef OPCOST_SRC_WEIGHTS_ROW_WALK_H_
#define OPCOST_SRC_WEIGHTS_ROW_WALK_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "opcost/ir/payload_source.h"
#include "opcost/weights/statistics.h"
#include "src/weights/codes.h"
#include "src/weights/threads.h"
#include "src/weights/turn_square.h"

namespace opcost {

// Consecutive columns of one row.
struct Segment {
  int64_t row = 0;     // of all blocks
  int64_t column = 0;  // a multiple of kSegmentStep
  int64_t size = 0;    // at most kLongestSegment
  // Rows whose segments alternate have different slots, below SlotsOf().
  int64_t slot = 0;
  bool ends_row = false;
};

// Every N:M block of kNmBlocks begins and ends within a segment.
inline constexpr int64_t kSegmentStep = 32;
inline constexpr int64_t kLongestSegment = 4096;

// How a walk cuts up its tensor.
struct WalkPlan {
  const PayloadReader* payload = nullptr;
  MatrixLayout layout;
  int width_bits = 0;
  int threads = 1;
  // A transposed matrix is read in tiles of this many rows and columns.
  int64_t tile_rows = 1;
  int64_t tile_columns = 1;

  // Columns too many for a tile: rows take turns.
  bool alternates() const {
    return layout.is_transposed && tile_columns < layout.columns;
  }
  int64_t slots() const { return alternates() ? tile_rows : 1; }
};

// `slot_bytes`: what a visitor needs for each slot.
WalkPlan PlanWalk(const PayloadReader& payload, const MatrixLayout& layout,
                  int width_bits, int threads, int64_t slot_bytes);

// Walks rows that are stored one after the other.
template <typename T, typename Visitor>
class RowWalk {
 public:
  RowWalk(const WalkPlan& plan, Visitor* visitor)
      : plan_(plan), visitor_(visitor) {
    codes_.resize(static_cast<size_t>(kSegmentStep + kLongestSegment));
  }

  // Rows [begin, end) of all blocks.
  absl::Status Walk(int64_t begin, int64_t end) {
    const int64_t bits = plan_.layout.columns * plan_.width_bits;
    segment_ = {begin, 0, 0, 0, false};
    end_row_ = end;
    kept_ = 0;
    return plan_.payload->Read(
        static_cast<uint64_t>(begin * bits / 8),
        static_cast<uint64_t>((end * bits + 7) / 8),
        [this](absl::Span<const uint8_t> piece) { Take(piece); });
  }

 private:
  void Take(absl::Span<const uint8_t> piece) {
    const int64_t codes =
        static_cast<int64_t>(piece.size()) * 8 / plan_.width_bits;
    for (int64_t at = 0; at < codes;) {
      const int64_t count = std::min(codes - at, kLongestSegment);
      CopyCodes(piece.data(), at * plan_.width_bits, plan_.width_bits, count,
                codes_.data() + kept_);
      at += count;
      Consume(kept_ + count);
    }
  }

  // Hands over the `count` codes that there are, but for a few of a row that
  // goes on.
  void Consume(int64_t count) {
    const T* codes = codes_.data();
    while (count != 0 && segment_.row != end_row_) {
      const int64_t left = plan_.layout.columns - segment_.column;
      segment_.ends_row = count >= left && left <= kLongestSegment;
      segment_.size = segment_.ends_row ? left
                                        : std::min(count, kLongestSegment) /
                                              kSegmentStep * kSegmentStep;
      if (segment_.size == 0) break;
      visitor_->Visit(segment_, codes);
      codes += segment_.size;
      count -= segment_.size;
      segment_.column += segment_.size;
      if (segment_.ends_row) {
        ++segment_.row;
        segment_.column = 0;
      }
    }
    std::copy(codes, codes + count, codes_.data());
    kept_ = segment_.row == end_row_ ? 0 : count;
  }

  const WalkPlan& plan_;
  Visitor* visitor_;
  std::vector<T> codes_;
  int64_t kept_ = 0;  // codes at the front that are still to be handed over
  Segment segment_;
  int64_t end_row_ = 0;
};

// Walks rows that are stored interleaved, a column after the other.
template <typename T, typename Visitor>
class ColumnWalk {
 public:
  ColumnWalk(const WalkPlan& plan, Visitor* visitor)
      : plan_(plan),
        visitor_(visitor),
        // A step more keeps rows from sharing sets of the caches.
        stride_((plan.tile_columns + 2 * kSegmentStep - 1) / kSegmentStep *
                kSegmentStep),
        tile_(static_cast<size_t>(plan.tile_rows * stride_)),
        band_stride_(plan.tile_rows + kSegmentStep),
        band_(static_cast<size_t>(kSegmentStep * band_stride_)) {}

  // Rows [begin, end) of block `block`, at most tile_rows.
  absl::Status Walk(int64_t block, int64_t begin, int64_t end) {
    for (int64_t column = 0; column < plan_.layout.columns;
         column += plan_.tile_columns) {
      const int64_t columns =
          std::min(plan_.tile_columns, plan_.layout.columns - column);
      const absl::Status status = Fill(block, begin, end, column, columns);
      if (!status.ok()) return status;
      for (int64_t row = begin; row < end; ++row) {
        VisitRow(block, row, row - begin, column, columns);
      }
    }
    return absl::OkStatus();
  }

 private:
  // Reads a tile and turns it, so that a row's columns follow each other.
  absl::Status Fill(int64_t block, int64_t begin, int64_t end, int64_t column,
                    int64_t columns) {
    const int64_t rows = end - begin;
    const int width = plan_.width_bits;
    const auto bit_of = [&](int64_t c) {
      return ((block * plan_.layout.columns + column + c) * plan_.layout.rows +
              begin) *
             width;
    };
    ranges_.clear();
    for (int64_t c = 0; c < columns; ++c) {
      ranges_.push_back(
          {static_cast<uint64_t>(bit_of(c) / 8),
           static_cast<uint64_t>((bit_of(c) + rows * width + 7) / 8)});
    }
    return plan_.payload->ReadRanges(
        ranges_, [&](size_t index, absl::Span<const uint8_t> bytes) {
          const auto c = static_cast<int64_t>(index);
          CopyCodes(bytes.data(), bit_of(c) % 8, width, rows,
                    band_.data() + c % kSegmentStep * band_stride_);
          if (c % kSegmentStep == kSegmentStep - 1 || c + 1 == columns) {
            TurnBand(rows, c / kSegmentStep * kSegmentStep, c + 1);
          }
        });
  }

  // Columns [begin, end) of the tile from the band. Overwrites what is behind
  // the last column, which rows have room for.
  void TurnBand(int64_t rows, int64_t begin, int64_t end) {
    constexpr int64_t kSide = kTurnSide<T>;
    const int64_t whole = rows / kSide * kSide;
    for (int64_t row = 0; row < whole; row += kSide) {
      for (int64_t c = 0; c < end - begin; c += kSide) {
        TurnSquare(band_.data() + c * band_stride_ + row, band_stride_,
                   tile_.data() + row * stride_ + begin + c, stride_);
      }
    }
    for (int64_t row = whole; row < rows; ++row) {
      T* to = tile_.data() + row * stride_ + begin;
      const T* from = band_.data() + row;
      for (int64_t c = 0; c < end - begin; ++c) to[c] = from[c * band_stride_];
    }
  }

  void VisitRow(int64_t block, int64_t row, int64_t in_tile, int64_t column,
                int64_t columns) {
    Segment segment;
    segment.row = block * plan_.layout.rows + row;
    segment.slot = plan_.alternates() ? in_tile : 0;
    for (int64_t at = 0; at < columns; at += segment.size) {
      segment.column = column + at;
      segment.size = std::min(kLongestSegment, columns - at);
      segment.ends_row = column + at + segment.size == plan_.layout.columns;
      visitor_->Visit(segment, tile_.data() + in_tile * stride_ + at);
    }
  }

  const WalkPlan& plan_;
  Visitor* visitor_;
  int64_t stride_;  // from a row of the tile to the next
  std::vector<T> tile_;
  int64_t band_stride_;
  std::vector<T> band_;  // columns as they are stored
  std::vector<PayloadReader::Range> ranges_;
};

// Shows every row to the visitors, one for each thread. After a run of rows of
// its own a visitor is told so: EndRun().
template <typename T, typename Visitor>
absl::Status WalkRows(const WalkPlan& plan, std::vector<Visitor>* visitors) {
  const MatrixLayout& layout = plan.layout;
  const auto end_run = [&](int thread, absl::Status status) {
    (*visitors)[static_cast<size_t>(thread)].EndRun();
    return status;
  };
  if (!layout.is_transposed) {
    // Eight rows end at a whole byte.
    constexpr int64_t kElements = int64_t{1} << 19;
    const int64_t rows =
        std::max<int64_t>(kElements / layout.columns / 8 * 8, 8);
    std::vector<RowWalk<T, Visitor>> walks;
    for (Visitor& visitor : *visitors) walks.emplace_back(plan, &visitor);
    return ForChunks(plan.threads, layout.blocks * layout.rows, rows,
                     [&](int thread, int64_t begin, int64_t end) {
                       return end_run(
                           thread,
                           walks[static_cast<size_t>(thread)].Walk(begin, end));
                     });
  }
  std::vector<ColumnWalk<T, Visitor>> walks;
  for (Visitor& visitor : *visitors) walks.emplace_back(plan, &visitor);
  const int64_t strips = (layout.rows - 1) / plan.tile_rows + 1;
  return ForChunks(
      plan.threads, layout.blocks * strips, 1,
      [&](int thread, int64_t strip, int64_t) {
        const int64_t begin = strip % strips * plan.tile_rows;
        const int64_t end = std::min(begin + plan.tile_rows, layout.rows);
        return end_run(thread, walks[static_cast<size_t>(thread)].Walk(
                                   strip / strips, begin, end));
      });
}

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_ROW_WALK_H_
