// SPDX-License-Identifier: Apache-2.0
// The arithmetic of normalizing rows, for operators that normalize what they
// have computed themselves: skip connections, embeddings, heads.
#ifndef OPCOST_SRC_OPS_NORMALIZATION_STEPS_H_
#define OPCOST_SRC_OPS_NORMALIZATION_STEPS_H_

#include "opcost/ops/op_counts.h"
#include "src/ops/row_normalization.h"

namespace opcost {

// What a row is normalized by, and how many passes over it that takes (R4).
enum class RowStatistics {
  kMeanAndVariance,  // LayerNormalization: mean, variance, result
  kMeanOfSquares,    // RMSNormalization: mean of squares, result
};

// Passes over the row after the one that first has its elements at hand.
constexpr int LaterPasses(RowStatistics statistics) {
  return statistics == RowStatistics::kMeanAndVariance ? 2 : 1;
}

// The operands that take part; `scale` and `bias` are -1 where there is none.
struct NormalizationOperands {
  OperandSet rows;
  int scale = -1;
  int bias = -1;
};

// Adds the operations, not the reads and writes. The row of L elements costs
//   mean and variance  mul 2 + 2*L, add 1 + 4*L
//   mean of squares    mul 1 + 2*L, add 1 + L
// a square root and a division, L mul with a scale and L add with a bias.
void AddNormalization(OpCounts& counts, const NormalizedRows& rows,
                      RowStatistics statistics,
                      const NormalizationOperands& operands);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_NORMALIZATION_STEPS_H_
