// SPDX-License-Identifier: Apache-2.0
// The statistics of all weights of a model.
#ifndef OPCOST_MEMORY_WEIGHT_STATISTICS_H_
#define OPCOST_MEMORY_WEIGHT_STATISTICS_H_

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/payload_source.h"
#include "opcost/memory/storage.h"
#include "opcost/memory/weight_values.h"
#include "opcost/ops/op_counts.h"
#include "opcost/weights/statistics.h"

namespace opcost {

// What is known of one operand: where its values lie, unless they couldn't be
// traced, and their statistics or the reason why there are none.
struct KnownWeights {
  std::optional<WeightValues> values;
  absl::StatusOr<TensorStatistics> statistics;
};

// Reads the weights of one model, a tensor that several operands share once.
// Refers to all that it is given.
class WeightReader {
 public:
  WeightReader(const Analysis& analysis, const PayloadSource& payloads,
               int threads = 0)
      : analysis_(&analysis), payloads_(&payloads), threads_(threads) {}

  // Operand `matrix` of `layer`; operands that share a tensor, its layout and
  // its zero points share the result. Errors: as ReadStatistics().
  absl::StatusOr<std::shared_ptr<const KnownWeights>> Read(
      const LayerCounts& layer, const WeightMatrix& matrix);

 private:
  const Analysis* analysis_;
  const PayloadSource* payloads_;
  int threads_;
  std::map<const StoredTensor*,
           std::vector<std::shared_ptr<const KnownWeights>>>
      read_;
};

// The matrices of `layer` that WeightOperandsOf() lists, in its order.
std::vector<const WeightMatrix*> MatricesOf(const LayerCounts& layer);

// Reads every operand that WeightOperandsOf(analysis) lists, one after another,
// each tensor once and on `threads` cores (0: all). What can't be traced or
// counted has its reason in the place of statistics.
//
// Errors: those of PayloadSource::Open() and PayloadReader::Read() for a
// payload that isn't there, such as a missing file.
absl::StatusOr<WeightStatistics> ReadStatistics(const Analysis& analysis,
                                                const PayloadSource& payloads,
                                                int threads = 0);

}  // namespace opcost

#endif  // OPCOST_MEMORY_WEIGHT_STATISTICS_H_
