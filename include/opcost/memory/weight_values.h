// SPDX-License-Identifier: Apache-2.0
// From the constant operand of a contraction to the tensor that the model
// stores, and to what is to be known of its values.
#ifndef OPCOST_MEMORY_WEIGHT_VALUES_H_
#define OPCOST_MEMORY_WEIGHT_VALUES_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/payload_source.h"
#include "opcost/ops/op_counts.h"
#include "opcost/weights/statistics.h"

namespace opcost {

// A stored tensor as the matrix that a contraction multiplies by.
struct WeightValues {
  std::string name;                            // of the stored tensor
  std::shared_ptr<const StoredTensor> stored;  // as the model has it
  MatrixLayout layout;                         // of its elements
  ZeroPoints zero_points;
  // Kernel elements of a convolution: columns of one input channel.
  int64_t columns_per_channel = 1;
};

// Follows operand `matrix.operand` of `layer`, of `analysis`, back through
// views, Transposes, DequantizeLinears and widening Casts. `payloads` is asked
// for zero points alone.
//
// Errors: FAILED_PRECONDITION, with the reason, for what can't be traced: a
// matrix whose size isn't a number; values that a node computes; a Transpose
// that leaves no rows and columns; zero points that follow neither. Those of
// PayloadSource::Open() for zero points.
absl::StatusOr<WeightValues> TraceWeights(const Analysis& analysis,
                                          const LayerCounts& layer,
                                          const WeightMatrix& matrix,
                                          const PayloadSource& payloads);

// The statistics of what TraceWeights() found.
absl::StatusOr<TensorStatistics> StatisticsOf(const WeightValues& weights,
                                              const PayloadSource& payloads,
                                              bool wants_rows = false,
                                              int threads = 0);

}  // namespace opcost

#endif  // OPCOST_MEMORY_WEIGHT_VALUES_H_
