// SPDX-License-Identifier: Apache-2.0
#include "src/weights/row_walk.h"

#include <algorithm>

namespace opcost {
namespace {

// For the tiles and slots of all threads, and for one thread's at most.
constexpr int64_t kAllBytes = int64_t{32} << 20;
constexpr int64_t kMostBytes = int64_t{4} << 20;
constexpr int64_t kFewestRows = 8;

int64_t RoundUp(int64_t number, int64_t step) {
  return (number + step - 1) / step * step;
}

}  // namespace

WalkPlan PlanWalk(const PayloadReader& payload, const MatrixLayout& layout,
                  int width_bits, int threads, int64_t slot_bytes) {
  WalkPlan plan = {&payload, layout, width_bits, threads, 1, 1};
  if (!layout.is_transposed) return plan;
  const int64_t code_bytes = std::max(width_bits / 8, 1);
  const int64_t bytes =
      std::clamp(kAllBytes / threads, int64_t{1} << 20, kMostBytes);
  const int64_t codes = bytes / code_bytes;
  // Of each column as much as disks and caches like to give at once.
  constexpr int64_t kRunBits = 8192;
  const int64_t wanted_rows = std::min(kRunBits / width_bits, layout.rows);
  const int64_t rows_in_turn =
      std::min(std::max(bytes / std::max<int64_t>(slot_bytes, 1), kFewestRows),
               wanted_rows);
  const int64_t whole_column =
      RoundUp(layout.columns, kSegmentStep) + kSegmentStep;
  if (codes / whole_column >= rows_in_turn) {
    // A strip for each thread, if there are rows enough.
    const int64_t share =
        RoundUp((layout.rows - 1) / threads + 1, kSegmentStep);
    plan.tile_columns = layout.columns;
    plan.tile_rows = std::min({codes / whole_column, layout.rows, share});
    return plan;
  }
  plan.tile_rows = rows_in_turn;
  plan.tile_columns = std::min(
      codes / rows_in_turn / kSegmentStep * kSegmentStep, layout.columns);
  return plan;
}

}  // namespace opcost
