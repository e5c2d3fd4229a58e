// SPDX-License-Identifier: Apache-2.0
// What the values of a weight tensor are like, as far as storage formats and
// whoever chooses one need it.
#ifndef OPCOST_WEIGHTS_STATISTICS_H_
#define OPCOST_WEIGHTS_STATISTICS_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

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

// A whole tensor.
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
  int64_t zero_rows = 0;     // whole output features
  int64_t zero_columns = 0;  // whole inputs of a matrix's rows
  int64_t zero_channels =
      0;  // whole input channels: all kernel elements of one
  std::vector<MatrixStatistics> matrices;  // one, or one for each block
  std::vector<RowStatistics>
      rows;  // of all matrices, in order; only on request
};

}  // namespace opcost

#endif  // OPCOST_WEIGHTS_STATISTICS_H_
