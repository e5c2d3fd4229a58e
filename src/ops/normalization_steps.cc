// SPDX-License-Identifier: Apache-2.0
#include "src/ops/normalization_steps.h"

namespace opcost {
namespace {

OperandSet With(OperandSet operands, int i) {
  operands.inputs |= 1U << i;
  return operands;
}

}  // namespace

void AddNormalization(OpCounts& counts, const NormalizedRows& rows,
                      RowStatistics statistics,
                      const NormalizationOperands& operands) {
  const bool has_mean = statistics == RowStatistics::kMeanAndVariance;
  const OperandSet& x = operands.rows;
  const Count all = rows.elements();
  if (has_mean) {
    AddArith(counts, ArithOp::kMul, x, rows.rows);
    AddArith(counts, ArithOp::kAdd, x, all * 3);
  }
  // Squares, their mean, epsilon, the reciprocal of the root, the products.
  AddArith(counts, ArithOp::kMul, x, all * 2 + rows.rows);
  AddArith(counts, ArithOp::kAdd, x, all, ArithRole::kAccumulate);
  AddArith(counts, ArithOp::kAdd, x, rows.rows);
  AddArith(counts, ArithOp::kSqrt, x, rows.rows);
  AddArith(counts, ArithOp::kDiv, x, rows.rows);
  if (operands.scale >= 0) {
    AddArith(counts, ArithOp::kMul, With(x, operands.scale), all);
  }
  if (operands.bias >= 0) {
    AddArith(counts, ArithOp::kAdd, With(x, operands.bias), all);
  }
}

}  // namespace opcost
