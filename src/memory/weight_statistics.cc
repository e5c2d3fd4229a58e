// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/weight_statistics.h"

#include <algorithm>
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
absl::StatusOr<KnownWeights> ReadTraced(const WeightValues& values,
                                        const PayloadSource& payloads,
                                        int threads) {
  const auto reader = payloads.Open(*values.stored, values.name);
  if (!reader.ok()) {
    if (!IsReason(reader.status())) return reader.status();
    return KnownWeights{values, AsReason(reader.status())};
  }
  StatisticsOptions options;
  options.zero_points = values.zero_points;
  options.columns_per_channel = values.columns_per_channel;
  options.threads = threads;
  absl::StatusOr<TensorStatistics> statistics = ComputeStatistics(
      **reader, values.stored->type.type, values.layout, options);
  if (!statistics.ok()) {
    // What isn't counted (too many matrices), not what can't be read.
    if (!absl::IsInvalidArgument(statistics.status())) {
      return statistics.status();
    }
    return KnownWeights{values, AsReason(statistics.status())};
  }
  return KnownWeights{values, *std::move(statistics)};
}

bool AreSame(const WeightValues& a, const WeightValues& b) {
  return a.layout == b.layout && a.zero_points == b.zero_points &&
         a.columns_per_channel == b.columns_per_channel;
}

}  // namespace

absl::StatusOr<std::shared_ptr<const KnownWeights>> WeightReader::Read(
    const LayerCounts& layer, const WeightMatrix& matrix) {
  const absl::StatusOr<WeightValues> values =
      TraceWeights(*analysis_, layer, matrix, *payloads_);
  if (!values.ok()) {
    if (!IsReason(values.status())) return values.status();
    return std::make_shared<const KnownWeights>(
        KnownWeights{std::nullopt, AsReason(values.status())});
  }
  auto& known = read_[values->stored.get()];
  for (const std::shared_ptr<const KnownWeights>& weights : known) {
    if (AreSame(*weights->values, *values)) return weights;
  }
  OPCOST_ASSIGN_OR_RETURN(KnownWeights read,
                          ReadTraced(*values, *payloads_, threads_));
  known.push_back(std::make_shared<const KnownWeights>(std::move(read)));
  return known.back();
}

std::vector<const WeightMatrix*> MatricesOf(const LayerCounts& layer) {
  std::vector<const WeightMatrix*> matrices;
  if (layer.coverage.status == Coverage::Status::kUnknown) return matrices;
  for (const WeightMatrix& matrix : layer.counts.matrices) {
    if (matrix.blocks.is_concrete() && matrix.rows.is_concrete() &&
        matrix.columns.is_concrete()) {
      matrices.push_back(&matrix);
    }
  }
  return matrices;
}

absl::StatusOr<WeightStatistics> ReadStatistics(const Analysis& analysis,
                                                const PayloadSource& payloads,
                                                int threads) {
  WeightStatistics all;
  WeightReader reader(analysis, payloads, threads);
  for (const LayerCounts& layer : analysis.layers) {
    const std::vector<WeightOperand> operands =
        WeightOperandsOf(analysis, layer);
    const std::vector<const WeightMatrix*> matrices = MatricesOf(layer);
    for (size_t i = 0; i < std::min(operands.size(), matrices.size()); ++i) {
      if (all.count(operands[i]) != 0) continue;
      OPCOST_ASSIGN_OR_RETURN(const auto read,
                              reader.Read(layer, *matrices[i]));
      all.emplace(operands[i], read->statistics);
    }
  }
  return all;
}

}  // namespace opcost
