// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/weight_statistics.h"

#include <cstddef>
#include <utility>
#include <vector>

#include "opcost/memory/weight_values.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// Whether `status` says that values can't be had, rather than that reading them
// failed.
bool IsReason(const absl::Status& status) {
  return absl::IsFailedPrecondition(status) || absl::IsUnimplemented(status);
}

absl::Status AsReason(const absl::Status& status) {
  return absl::FailedPreconditionError(status.message());
}

// An error says that reading failed; a reason is kept.
absl::StatusOr<absl::StatusOr<TensorStatistics>> Read(
    const Analysis& analysis, const LayerCounts& layer,
    const WeightMatrix& matrix, const PayloadSource& payloads, int threads) {
  using Result = absl::StatusOr<TensorStatistics>;
  const absl::StatusOr<WeightValues> weights =
      TraceWeights(analysis, layer, matrix, payloads);
  if (!weights.ok()) {
    if (!IsReason(weights.status())) return weights.status();
    return Result(AsReason(weights.status()));
  }
  const auto reader = payloads.Open(*weights->stored, weights->name);
  if (!reader.ok()) {
    if (!IsReason(reader.status())) return reader.status();
    return Result(AsReason(reader.status()));
  }
  StatisticsOptions options;
  options.zero_points = weights->zero_points;
  options.columns_per_channel = weights->columns_per_channel;
  options.threads = threads;
  Result statistics = ComputeStatistics(**reader, weights->stored->type.type,
                                        weights->layout, options);
  if (statistics.ok()) return statistics;
  if (!absl::IsInvalidArgument(statistics.status())) return statistics.status();
  return Result(AsReason(statistics.status()));
}

}  // namespace

absl::StatusOr<WeightStatistics> ReadStatistics(const Analysis& analysis,
                                                const PayloadSource& payloads,
                                                int threads) {
  WeightStatistics all;
  for (const LayerCounts& layer : analysis.layers) {
    const std::vector<WeightOperand> operands =
        WeightOperandsOf(analysis, layer);
    size_t next = 0;
    for (const WeightMatrix& matrix : layer.counts.matrices) {
      if (next == operands.size()) break;
      // Those without numbers aren't operands.
      if (!matrix.blocks.is_concrete() || !matrix.rows.is_concrete() ||
          !matrix.columns.is_concrete()) {
        continue;
      }
      const WeightOperand& operand = operands[next++];
      if (all.count(operand) != 0) continue;
      OPCOST_ASSIGN_OR_RETURN(auto statistics,
                              Read(analysis, layer, matrix, payloads, threads));
      all.emplace(operand, std::move(statistics));
    }
  }
  return all;
}

}  // namespace opcost
