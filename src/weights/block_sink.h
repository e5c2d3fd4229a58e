// SPDX-License-Identifier: Apache-2.0
// Where threads put what they found in runs of rows.
#ifndef OPCOST_SRC_WEIGHTS_BLOCK_SINK_H_
#define OPCOST_SRC_WEIGHTS_BLOCK_SINK_H_

#include <cstdint>
#include <map>
#include <mutex>
#include <vector>

#include "absl/types/span.h"
#include "opcost/weights/statistics.h"

namespace opcost {

// The sums of the matrices, and the columns of blocks of which some rows are
// still missing. Safe to be used by several threads.
class BlockSink {
 public:
  BlockSink(const MatrixLayout& layout, int64_t columns_per_channel,
            TensorStatistics* statistics);

  // Adds what rows of `block` gave: `part`, whose rows and columns are 0.
  void Add(int64_t block, const MatrixStatistics& part);
  // Says of `rows` rows of `block` which columns have a non-zero: `flags`,
  // empty if columns aren't flagged.
  void AddColumns(int64_t block, int64_t rows, absl::Span<const uint8_t> flags);

 private:
  struct Pending {
    int64_t rows = 0;
    std::vector<uint8_t> flags;
  };
  void CountColumns(absl::Span<const uint8_t> flags);

  MatrixLayout layout_;
  int64_t columns_per_channel_;
  TensorStatistics* statistics_;
  std::mutex mutex_;
  std::map<int64_t, Pending> pending_;  // by block
};

}  // namespace opcost

#endif  // OPCOST_SRC_WEIGHTS_BLOCK_SINK_H_
