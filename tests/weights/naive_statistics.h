// SPDX-License-Identifier: Apache-2.0
// Statistics of small matrices, by the plainest means: what the fast ones must
// agree with, and what the tests of storage formats start from.
#ifndef OPCOST_TESTS_WEIGHTS_NAIVE_STATISTICS_H_
#define OPCOST_TESTS_WEIGHTS_NAIVE_STATISTICS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "opcost/weights/statistics.h"

namespace opcost {

// Rows of blocks, one after another, not transposed.
using Rows = std::vector<std::vector<double>>;

// The tensor's distinct values, most frequent first, ties by rising value.
inline std::vector<double> Ranked(const Rows& rows) {
  std::map<double, int64_t> counts;  // -0 and 0 are one key
  for (const auto& row : rows) {
    for (const double value : row) ++counts[value];
  }
  std::vector<double> values;
  values.reserve(counts.size());
  for (const auto& [value, count] : counts) values.push_back(value);
  std::stable_sort(values.begin(), values.end(),
                   [&](double a, double b) { return counts[a] > counts[b]; });
  return values;
}

// Of the blocks that `layout` says; `rows` holds them all.
inline TensorStatistics NaiveStatistics(const Rows& rows,
                                        const MatrixLayout& layout) {
  const std::vector<double> ranked = Ranked(rows);
  std::map<double, int64_t> rank;
  for (size_t i = 0; i < ranked.size(); ++i) {
    rank[ranked[i]] = static_cast<int64_t>(i);
  }
  TensorStatistics result;
  result.distinct = static_cast<int64_t>(ranked.size());
  result.implicit_value = ranked.empty() ? 0 : ranked[0];
  result.implicit_is_zero = *result.implicit_value == 0;
  const size_t matrices =
      layout.is_one_matrix ? 1 : static_cast<size_t>(layout.blocks);
  for (size_t b = 0; b < matrices; ++b) {
    MatrixStatistics matrix;
    matrix.rows = layout.rows * (layout.is_one_matrix ? layout.blocks : 1);
    matrix.columns = layout.columns;
    for (int64_t r = 0; r < matrix.rows; ++r) {
      const auto& row =
          rows[b * static_cast<size_t>(layout.rows) + static_cast<size_t>(r)];
      std::set<int64_t> ranks;
      for (const double value : row) {
        ++result.elements;
        matrix.nonzeros += value != 0 ? 1 : 0;
        result.zeros += value == 0 ? 1 : 0;
        if (rank[value] == 0) continue;
        ++matrix.explicit_elements;
        ranks.insert(rank[value]);
      }
      const auto k = static_cast<int64_t>(ranks.size());
      matrix.distinct_in_rows += k;
      matrix.padded += ranks.empty() ? 0 : *ranks.rbegin() - k;
      for (size_t i = 0; i < kNmBlocks.size(); ++i) {
        const auto block = static_cast<size_t>(kNmBlocks[i]);
        for (size_t c = 0; c < row.size(); c += block) {
          const auto end =
              static_cast<std::ptrdiff_t>(std::min(c + block, row.size()));
          const auto nonzeros = static_cast<int32_t>(std::count_if(
              row.begin() + static_cast<std::ptrdiff_t>(c), row.begin() + end,
              [](double value) { return value != 0; }));
          matrix.most_in_block[i] = std::max(matrix.most_in_block[i], nonzeros);
        }
      }
    }
    result.matrices.push_back(matrix);
  }
  return result;
}

}  // namespace opcost

#endif  // OPCOST_TESTS_WEIGHTS_NAIVE_STATISTICS_H_
