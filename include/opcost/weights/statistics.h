// SPDX-License-Identifier: Apache-2.0
// What the values of a weight tensor are like, as far as storage formats and
// whoever chooses one need it.
#ifndef OPCOST_WEIGHTS_STATISTICS_H_
#define OPCOST_WEIGHTS_STATISTICS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/ir/data_type.h"
#include "opcost/ir/payload_source.h"

namespace opcost {

// Distinct values are counted exactly up to this many in a tensor.
inline constexpr int64_t kMostDistinctValues = 65536;

// The block sizes M of N:M patterns that are looked for.
inline constexpr std::array<int, 5> kNmBlocks = {2, 4, 8, 16, 32};

// A stored tensor as matrices: `blocks` times [rows, columns] or, transposed,
// `blocks` times [columns, rows], without gaps (WeightMatrix of op_counts.h,
// with numbers).
struct MatrixLayout {
  int64_t blocks = 1;
  int64_t rows = 0;     // of a block
  int64_t columns = 0;  // of a block
  bool is_transposed = false;
  bool is_one_matrix = false;  // the blocks are the groups of one matrix

  friend bool operator==(const MatrixLayout&, const MatrixLayout&) = default;
};

// One row of a matrix. "Zero" is the zero point of quantised values; -0 is 0.
struct RowStatistics {
  int64_t nonzeros = 0;
  // Of the values other than the tensor's implicit one, its most frequent:
  int64_t elements = 0;  // z
  int64_t distinct = 0;  // k
  int64_t padded = 0;    // kp: ranks below the row's highest that are absent

  friend bool operator==(const RowStatistics&, const RowStatistics&) = default;
};

// One matrix: sums over its rows (cost model, section 6).
struct MatrixStatistics {
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t nonzeros = 0;           // Z of csr and bitmap
  int64_t explicit_elements = 0;  // Z of cer and cser
  int64_t distinct_in_rows = 0;   // K
  int64_t padded = 0;             // KP
  // The most non-zeros in any block of kNmBlocks[i] columns of a row.
  std::array<int32_t, kNmBlocks.size()> most_in_block = {};
};

// Columns that are zero throughout are counted in blocks of up to this many.
inline constexpr int64_t kMostFlaggedColumns = 1 << 20;

// A tensor of more matrices than this is refused.
inline constexpr int64_t kMostMatrices = 65536;

// A whole tensor. Beyond kMostDistinctValues nothing is known of ranks: the
// matrices' explicit_elements, distinct_in_rows and padded, and the rows'
// elements, distinct and padded, are 0 then.
struct TensorStatistics {
  int64_t elements = 0;
  int64_t zeros = 0;   // that equal the zero point
  double minimum = 0;  // of the numbers among them; 0 if there are none
  double maximum = 0;
  int64_t not_numbers = 0;  // NaN
  // Unset beyond kMostDistinctValues.
  std::optional<int64_t> distinct;       // D
  std::optional<double> entropy_bits;    // of one element
  std::optional<double> implicit_value;  // the most frequent; ties: the least
  std::optional<int64_t> implicit_count;
  bool implicit_is_zero = false;
  int64_t zero_rows = 0;  // whole output features
  // Whole inputs of a block's rows, and whole input channels (all kernel
  // elements of one); -1: not counted, of more than kMostFlaggedColumns.
  int64_t zero_columns = 0;
  int64_t zero_channels = 0;
  std::vector<MatrixStatistics> matrices;  // one, or one for each block
  std::vector<RowStatistics>
      rows;  // of all matrices, in order; only on request
};

// The stored integers that stand for zero: one for the whole tensor; or, row
// by row of all blocks, one for each `columns_each` columns, the last of a row
// for those that are left (0: one for each row). Floats have 0 alone.
struct ZeroPoints {
  std::vector<int64_t> values = {0};
  int64_t columns_each = 0;

  friend bool operator==(const ZeroPoints&, const ZeroPoints&) = default;
};

struct StatisticsOptions {
  ZeroPoints zero_points;
  // Columns that belong to one input channel: a convolution's kernel elements.
  int64_t columns_per_channel = 1;
  bool wants_rows = false;
  int threads = 0;  // 0: all cores
};

// Reads the payload of a tensor of `type` twice, on all cores, in memory that
// doesn't depend on its size; in 8 MB and some more for each core. All NaNs are
// one value, ranked after the numbers.
//
// Errors: those of PayloadReader::Read(); INVALID_ARGUMENT for strings and
// complex numbers, for a layout of another number of elements than the payload,
// for another number of zero points than the layout has, for more than
// kMostMatrices matrices, and for more than 2^26 rows if they are wanted.
absl::StatusOr<TensorStatistics> ComputeStatistics(
    const PayloadReader& payload, DataType type, const MatrixLayout& layout,
    const StatisticsOptions& options);

}  // namespace opcost

#endif  // OPCOST_WEIGHTS_STATISTICS_H_
