// SPDX-License-Identifier: Apache-2.0
#include "tests/weights/plain_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "opcost/ir/element_bits.h"

namespace opcost {
namespace {

// A value that can be ordered: NaN is behind all numbers, and 64-bit integers
// keep every digit.
struct PlainValue {
  bool is_nan = false;
  long double number = 0;
  friend bool operator<(const PlainValue& a, const PlainValue& b) {
    if (a.is_nan || b.is_nan) return !a.is_nan && b.is_nan;
    return a.number < b.number;
  }
};

PlainValue ValueOf(DataType type, uint64_t code) {
  if (type == DataType::kUint64) return {false, static_cast<long double>(code)};
  if (!IsFloating(type)) {
    return {false, static_cast<long double>(IntFromBits(type, code))};
  }
  const double number = FloatFromBits(type, code);
  if (std::isnan(number)) return {true, 0};
  return {false, number == 0 ? 0.0L : static_cast<long double>(number)};
}

class Plain {
 public:
  Plain(const std::vector<uint64_t>& codes, DataType type,
        const MatrixLayout& layout, const StatisticsOptions& options)
      : layout_(layout), options_(options) {
    for (const uint64_t code : codes) values_.push_back(ValueOf(type, code));
  }

  TensorStatistics Compute() {
    result_.elements = static_cast<int64_t>(values_.size());
    SummarizeValues();
    const bool is_one = layout_.is_one_matrix;
    result_.matrices.resize(is_one ? 1 : static_cast<size_t>(layout_.blocks));
    for (int64_t block = 0; block < layout_.blocks; ++block) {
      MatrixStatistics& matrix =
          result_.matrices[is_one ? 0 : static_cast<size_t>(block)];
      matrix.rows += layout_.rows;
      matrix.columns = layout_.columns;
      for (int64_t row = 0; row < layout_.rows; ++row) {
        AddRow(block, row, &matrix);
      }
      CountZeroColumns(block);
    }
    if (!options_.wants_rows) result_.rows.clear();
    return result_;
  }

 private:
  const PlainValue& At(int64_t block, int64_t row, int64_t column) const {
    const int64_t within = layout_.is_transposed
                               ? column * layout_.rows + row
                               : row * layout_.columns + column;
    return values_[static_cast<size_t>(block * layout_.rows * layout_.columns +
                                       within)];
  }

  bool IsZero(int64_t block, int64_t row, int64_t column) const {
    const PlainValue& value = At(block, row, column);
    const ZeroPoints& zeros = options_.zero_points;
    int64_t zero = zeros.values[0];
    if (zeros.values.size() > 1) {
      const int64_t each =
          zeros.columns_each > 0 ? zeros.columns_each : layout_.columns;
      const int64_t in_row = (layout_.columns + each - 1) / each;
      zero = zeros.values[static_cast<size_t>(
          (block * layout_.rows + row) * in_row + column / each)];
    }
    return !value.is_nan && value.number == static_cast<long double>(zero);
  }

  void SummarizeValues() {
    std::map<PlainValue, int64_t> counts;
    for (const PlainValue& value : values_) ++counts[value];
    if (values_.empty()) return;
    bool has_number = false;
    for (const auto& [value, count] : counts) {
      if (value.is_nan) {
        result_.not_numbers = count;
        continue;
      }
      if (!has_number) result_.minimum = static_cast<double>(value.number);
      result_.maximum = static_cast<double>(value.number);
      has_number = true;
    }
    const auto distinct = static_cast<int64_t>(counts.size());
    if (distinct > kMostDistinctValues) return;
    result_.distinct = distinct;
    double bits = 0;
    std::vector<std::pair<int64_t, PlainValue>> order;
    for (const auto& [value, count] : counts) {
      const double share =
          static_cast<double>(count) / static_cast<double>(values_.size());
      bits -= share * std::log2(share);
      order.emplace_back(-count, value);
    }
    result_.entropy_bits = bits;
    std::sort(order.begin(), order.end());
    for (const auto& [count, value] : order) {
      const auto rank = static_cast<int64_t>(ranks_.size());
      ranks_[value] = rank;
    }
    const PlainValue& implicit = order[0].second;
    result_.implicit_count = -order[0].first;
    result_.implicit_value = implicit.is_nan
                                 ? std::numeric_limits<double>::quiet_NaN()
                                 : static_cast<double>(implicit.number);
    result_.implicit_is_zero =
        options_.zero_points.values.size() == 1 && !implicit.is_nan &&
        implicit.number ==
            static_cast<long double>(options_.zero_points.values[0]);
  }

  void AddRow(int64_t block, int64_t row, MatrixStatistics* matrix) {
    RowStatistics statistics;
    std::set<int64_t> present;
    for (int64_t column = 0; column < layout_.columns; ++column) {
      if (!IsZero(block, row, column)) ++statistics.nonzeros;
      if (ranks_.empty()) continue;
      const int64_t rank = ranks_.at(At(block, row, column));
      if (rank == 0) continue;
      ++statistics.elements;
      present.insert(rank);
    }
    statistics.distinct = static_cast<int64_t>(present.size());
    if (!present.empty()) {
      statistics.padded = *present.rbegin() - statistics.distinct;
    }
    if (layout_.columns > 0) {
      result_.zeros += layout_.columns - statistics.nonzeros;
      if (statistics.nonzeros == 0) ++result_.zero_rows;
    }
    matrix->nonzeros += statistics.nonzeros;
    matrix->explicit_elements += statistics.elements;
    matrix->distinct_in_rows += statistics.distinct;
    matrix->padded += statistics.padded;
    RaiseMost(block, row, matrix);
    result_.rows.push_back(statistics);
  }

  void RaiseMost(int64_t block, int64_t row, MatrixStatistics* matrix) {
    for (size_t i = 0; i < kNmBlocks.size(); ++i) {
      const int64_t size = kNmBlocks[i];
      for (int64_t begin = 0; begin < layout_.columns; begin += size) {
        int32_t nonzeros = 0;
        for (int64_t column = begin;
             column < std::min(begin + size, layout_.columns); ++column) {
          if (!IsZero(block, row, column)) ++nonzeros;
        }
        matrix->most_in_block[i] = std::max(matrix->most_in_block[i], nonzeros);
      }
    }
  }

  void CountZeroColumns(int64_t block) {
    if (layout_.rows == 0) return;
    const int64_t each = options_.columns_per_channel;
    for (int64_t begin = 0; begin < layout_.columns; begin += each) {
      bool is_channel_zero = true;
      for (int64_t column = begin;
           column < std::min(begin + each, layout_.columns); ++column) {
        bool is_zero = true;
        for (int64_t row = 0; row < layout_.rows; ++row) {
          is_zero = is_zero && IsZero(block, row, column);
        }
        if (is_zero) ++result_.zero_columns;
        is_channel_zero = is_channel_zero && is_zero;
      }
      if (is_channel_zero) ++result_.zero_channels;
    }
  }

  MatrixLayout layout_;
  StatisticsOptions options_;
  std::vector<PlainValue> values_;
  std::map<PlainValue, int64_t> ranks_;
  TensorStatistics result_;
};

}  // namespace

TensorStatistics PlainStatistics(const std::vector<uint64_t>& codes,
                                 DataType type, const MatrixLayout& layout,
                                 const StatisticsOptions& options) {
  return Plain(codes, type, layout, options).Compute();
}

}  // namespace opcost
