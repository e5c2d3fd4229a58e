// SPDX-License-Identifier: Apache-2.0
#include "opcost/weights/statistics.h"

#include <algorithm>
#include <limits>
#include <type_traits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/support/extent.h"
#include "opcost/support/status_macros.h"
#include "opcost/weights/zeros.h"
#include "src/weights/codes.h"
#include "src/weights/histogram.h"
#include "src/weights/narrow_rank_pass.h"
#include "src/weights/passes.h"
#include "src/weights/ranking.h"
#include "src/weights/row_walk.h"
#include "src/weights/threads.h"

namespace opcost {
namespace {

// Bits of all elements must fit 63 bits.
constexpr int64_t kMostElements = int64_t{1} << 56;
// Rows are listed in memory.
constexpr int64_t kMostRows = int64_t{1} << 26;

absl::Status CheckZeroPoints(const MatrixLayout& layout,
                             const ZeroPoints& zero_points) {
  const auto given = static_cast<int64_t>(zero_points.values.size());
  if (given == 1) return absl::OkStatus();
  const int64_t each = zero_points.columns_each > 0
                           ? zero_points.columns_each
                           : std::max<int64_t>(layout.columns, 1);
  const int64_t in_row = (std::max<int64_t>(layout.columns, 1) - 1) / each + 1;
  const Extent expected =
      Extent(layout.blocks) * Extent(layout.rows) * Extent(in_row);
  if (expected.Is(given)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "has ", given, " zero points; expected 1 or ", expected.ToString()));
}

absl::Status CheckLayout(const PayloadReader& payload, DataType type,
                         const MatrixLayout& layout, bool wants_rows) {
  if (!HasCodes(type)) {
    return absl::InvalidArgumentError(
        absl::StrCat("elements of type ", Name(type), " aren't weights"));
  }
  const Extent elements =
      Extent(layout.blocks) * Extent(layout.rows) * Extent(layout.columns);
  if (!elements.is_concrete() || elements.value() > kMostElements) {
    return absl::InvalidArgumentError("has too many elements to be read");
  }
  const Extent bytes = Extent::CeilDiv(elements * Extent(WidthBits(type)), 8);
  const auto has = static_cast<int64_t>(payload.size_bytes());
  if (!bytes.Is(has)) {
    return absl::InvalidArgumentError(
        absl::StrCat(layout.blocks, " matrices of ", layout.rows, " x ",
                     layout.columns, " take ", bytes.ToString(), " bytes of ",
                     Name(type), ", but the tensor has ", has));
  }
  if (!layout.is_one_matrix && layout.blocks > kMostMatrices) {
    return absl::InvalidArgumentError(
        absl::StrCat("is ", layout.blocks, " matrices; at most ", kMostMatrices,
                     " are looked at"));
  }
  const Extent rows = Extent(layout.blocks) * Extent(layout.rows);
  if (wants_rows && (!rows.is_concrete() || rows.value() > kMostRows)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "has ", rows.ToString(), " rows; at most ", kMostRows, " are listed"));
  }
  return absl::OkStatus();
}

// One tensor, by the width of its codes.
template <typename T>
class Computation {
 public:
  using Histogram =
      std::conditional_t<sizeof(T) <= 2, TableHistogram<T>, HashHistogram<T>>;
  using Ranks = std::conditional_t<sizeof(T) <= 2, RankTable<T>, RankHash<T>>;

  Computation(const PayloadReader& payload, DataType type,
              const MatrixLayout& layout, const StatisticsOptions& options,
              TensorStatistics* statistics)
      : payload_(payload),
        type_(type),
        layout_(layout),
        options_(options),
        statistics_(*statistics),
        threads_(ThreadCount(options.threads)),
        sink_(layout, std::max<int64_t>(options.columns_per_channel, 1),
              statistics) {}

  absl::Status Run() {
    if (options_.wants_rows) {
      statistics_.rows.resize(
          static_cast<size_t>(layout_.blocks * layout_.rows));
    }
    if (statistics_.elements == 0) return absl::OkStatus();
    context_ = {type_, layout_, &options_.zero_points, &sink_,
                options_.wants_rows ? &statistics_.rows : nullptr};
    OPCOST_RETURN_IF_ERROR(CountZerosAndCodes());
    return statistics_.distinct.has_value() ? RankRows() : absl::OkStatus();
  }

 private:
  absl::Status CountZerosAndCodes();
  void Summarize(Histogram* histogram);
  absl::Status RankRows();

  const PayloadReader& payload_;
  DataType type_;
  MatrixLayout layout_;
  const StatisticsOptions& options_;
  TensorStatistics& statistics_;
  int threads_;
  BlockSink sink_;
  PassContext context_;
  std::vector<CodeCount> by_rank_;
};

template <typename T>
absl::Status Computation<T>::CountZerosAndCodes() {
  const WalkPlan plan =
      PlanWalk(payload_, layout_, WidthBits(type_), threads_, 8);
  std::vector<ZeroPass<T, Histogram>> passes;
  passes.reserve(static_cast<size_t>(threads_));
  for (int i = 0; i < threads_; ++i)
    passes.emplace_back(context_, plan.slots());
  OPCOST_RETURN_IF_ERROR((WalkRows<T>(plan, &passes)));
  for (size_t i = 1; i < passes.size(); ++i) {
    passes[0].histogram().Merge(passes[i].histogram());
  }
  for (const auto& pass : passes) statistics_.zero_rows += pass.zero_rows();
  statistics_.zeros = statistics_.elements;
  for (const MatrixStatistics& matrix : statistics_.matrices) {
    statistics_.zeros -= matrix.nonzeros;
  }
  Summarize(&passes[0].histogram());
  return absl::OkStatus();
}

template <typename T>
void Computation<T>::Summarize(Histogram* histogram) {
  CodeRange range;
  by_rank_ = histogram->Counts(&range);
  statistics_.not_numbers = range.nans;
  if (range.lowest <= range.highest) {
    statistics_.minimum = NumberOfOrder(type_, range.lowest);
    statistics_.maximum = NumberOfOrder(type_, range.highest);
  }
  if (!histogram->is_complete()) return;
  SortByRank(type_, &by_rank_);
  statistics_.distinct = static_cast<int64_t>(by_rank_.size());
  statistics_.entropy_bits = EntropyBits(by_rank_, statistics_.elements);
  const CodeCount& implicit = by_rank_.front();
  statistics_.implicit_value = NumberOfCode(type_, implicit.code);
  statistics_.implicit_count = implicit.count;
  if (options_.zero_points.values.size() == 1) {
    const ZeroPattern zero = ZeroOf(type_, options_.zero_points.values.front());
    statistics_.implicit_is_zero =
        zero.exists && (implicit.code & zero.mask) == zero.value;
  }
}

template <typename T>
absl::Status Computation<T>::RankRows() {
  const auto distinct = static_cast<int64_t>(by_rank_.size());
  const Ranks ranks(type_, by_rank_);
  const int64_t slot_bytes = distinct * static_cast<int64_t>(sizeof(uint16_t));
  const WalkPlan plan =
      PlanWalk(payload_, layout_, WidthBits(type_), threads_, slot_bytes);
  const auto threads = static_cast<size_t>(threads_);
  if constexpr (sizeof(T) == 1) {
    if (layout_.columns >= NarrowRankPass::kFewestColumns) {
      std::vector<NarrowRankPass> passes(
          threads, NarrowRankPass(context_, plan.slots(), ranks));
      return WalkRows<T>(plan, &passes);
    }
  }
  std::vector<RankPass<T, Ranks>> passes(
      threads, RankPass<T, Ranks>(context_, plan.slots(), ranks, distinct));
  return WalkRows<T>(plan, &passes);
}

template <typename T>
absl::Status Compute(const PayloadReader& payload, DataType type,
                     const MatrixLayout& layout,
                     const StatisticsOptions& options,
                     TensorStatistics* statistics) {
  return Computation<T>(payload, type, layout, options, statistics).Run();
}

absl::Status ComputeByWidth(const PayloadReader& payload, DataType type,
                            const MatrixLayout& layout,
                            const StatisticsOptions& options,
                            TensorStatistics* statistics) {
  switch (WidthBits(type)) {
    case 16:
      return Compute<uint16_t>(payload, type, layout, options, statistics);
    case 32:
      return Compute<uint32_t>(payload, type, layout, options, statistics);
    case 64:
      return Compute<uint64_t>(payload, type, layout, options, statistics);
    default:
      return Compute<uint8_t>(payload, type, layout, options, statistics);
  }
}

}  // namespace

absl::StatusOr<TensorStatistics> ComputeStatistics(
    const PayloadReader& payload, DataType type, const MatrixLayout& layout,
    const StatisticsOptions& options) {
  OPCOST_RETURN_IF_ERROR(
      CheckLayout(payload, type, layout, options.wants_rows));
  OPCOST_RETURN_IF_ERROR(CheckZeroPoints(layout, options.zero_points));
  TensorStatistics statistics;
  statistics.elements = layout.blocks * layout.rows * layout.columns;
  OPCOST_RETURN_IF_ERROR(
      ComputeByWidth(payload, type, layout, options, &statistics));
  return statistics;
}

}  // namespace opcost
