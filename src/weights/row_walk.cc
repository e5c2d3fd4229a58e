// SPDX-License-Identifier: Apache-2.0
#include "src/weights/row_walk.h"

#include <algorithm>

namespace opcost {
namespace {

// For the tiles and slots of all threads, and for one thread's at most.
constexpr int64_t kAllBytes = int64_t{32} << 20;
constexpr int64_t kMostBytes = int64_t{4} << 20;

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
  // Tiles of fewer rows than this would take every cache line too often.
  constexpr int64_t kFewestRows = 256;
  const int64_t whole_column =
      RoundUp(layout.columns, kSegmentStep) + kSegmentStep;
  const int64_t few_rows = std::min(kFewestRows, layout.rows);
  if (whole_column <= codes / few_rows) {
    plan.tile_columns = layout.columns;
    // A strip for each thread, if there are rows enough.
    const int64_t share =
        RoundUp((layout.rows - 1) / threads + 1, kSegmentStep);
    plan.tile_rows = std::min({codes / whole_column, layout.rows, share});
    return plan;
  }
  plan.tile_rows = std::clamp(bytes / std::max<int64_t>(slot_bytes, 1),
                              int64_t{8}, few_rows);
  plan.tile_rows = std::min(plan.tile_rows, layout.rows);
  plan.tile_columns = std::min(
      codes / plan.tile_rows / kSegmentStep * kSegmentStep, layout.columns);
  return plan;
}

}  // namespace opcost
