// SPDX-License-Identifier: Apache-2.0
#include "src/weights/block_sink.h"

#include <algorithm>
#include <cstddef>

#include "src/weights/zero_runs.h"

namespace opcost {

BlockSink::BlockSink(const MatrixLayout& layout, int64_t columns_per_channel,
                     TensorStatistics* statistics)
    : layout_(layout),
      columns_per_channel_(columns_per_channel),
      statistics_(statistics) {
  const int64_t matrices = layout.is_one_matrix ? 1 : layout.blocks;
  statistics->matrices.resize(static_cast<size_t>(matrices));
  for (MatrixStatistics& matrix : statistics->matrices) {
    matrix.rows = layout.rows * (layout.is_one_matrix ? layout.blocks : 1);
    matrix.columns = layout.columns;
  }
  const bool flags_columns = layout.columns <= kMostFlaggedColumns;
  statistics->zero_columns = flags_columns ? 0 : -1;
  statistics->zero_channels = flags_columns ? 0 : -1;
}

void BlockSink::Add(int64_t block, const MatrixStatistics& part) {
  const std::lock_guard<std::mutex> lock(mutex_);
  MatrixStatistics& sum =
      statistics_
          ->matrices[static_cast<size_t>(layout_.is_one_matrix ? 0 : block)];
  sum.nonzeros += part.nonzeros;
  sum.explicit_elements += part.explicit_elements;
  sum.distinct_in_rows += part.distinct_in_rows;
  sum.padded += part.padded;
  for (size_t i = 0; i < kNmBlocks.size(); ++i) {
    sum.most_in_block[i] =
        std::max(sum.most_in_block[i], part.most_in_block[i]);
  }
}

void BlockSink::AddColumns(int64_t block, int64_t rows,
                           absl::Span<const uint8_t> flags) {
  if (flags.empty()) return;
  const std::lock_guard<std::mutex> lock(mutex_);
  if (rows == layout_.rows) {
    CountColumns(flags);
    return;
  }
  Pending& pending = pending_[block];
  pending.rows += rows;
  pending.flags.resize(flags.size(), 0);
  OrFlags(flags.data(), static_cast<int64_t>(flags.size()),
          pending.flags.data());
  if (pending.rows != layout_.rows) return;
  CountColumns(pending.flags);
  pending_.erase(block);
}

void BlockSink::CountColumns(absl::Span<const uint8_t> flags) {
  const auto columns = static_cast<int64_t>(flags.size());
  statistics_->zero_columns += columns - SumFlags(flags.data(), columns);
  for (int64_t begin = 0; begin < columns; begin += columns_per_channel_) {
    const int64_t size = std::min(columns_per_channel_, columns - begin);
    if (SumFlags(flags.data() + begin, size) == 0) {
      ++statistics_->zero_channels;
    }
  }
}

}  // namespace opcost
