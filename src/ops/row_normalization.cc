// SPDX-License-Identifier: Apache-2.0
#include "src/ops/row_normalization.h"

namespace opcost {

void LetRows(const TypedNodeView& node, const NormalizedRows& rows) {
  node.Let("rows", rows.rows);
  node.Let("L", rows.length);
}

OpCounts CountNormalizedRows(const TypedNodeView& node,
                             const NormalizedRows& rows) {
  const bool has_scale = node.HasInput(kNormScale);
  const bool has_bias = node.HasInput(kNormBias);
  LetRows(node, rows);
  node.Let("scale", Count(has_scale ? 1 : 0));
  node.Let("bias", Count(has_bias ? 1 : 0));
  const OperandSet x = OperandSet::Input(0);
  const Count out = rows.elements();
  OpCounts counts;
  // Mean and variance.
  AddArith(counts, ArithOp::kMul, x, rows.rows * 2);
  AddArith(counts, ArithOp::kAdd, x, out * 2 + rows.rows);
  AddArith(counts, ArithOp::kMul, x, out);
  AddArith(counts, ArithOp::kAdd, x, out, ArithRole::kAccumulate);
  AddArith(counts, ArithOp::kSqrt, x, rows.rows);
  AddArith(counts, ArithOp::kDiv, x, rows.rows);
  // The result.
  AddArith(counts, ArithOp::kAdd, x, out);
  AddArith(counts, ArithOp::kMul, x, out);
  if (has_scale) {
    AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, kNormScale), out);
  }
  if (has_bias) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, kNormBias), out);
  }
  ReadInput(counts, node, 0, out * 3);
  ReadInput(counts, node, kNormScale, out);
  ReadInputAs(counts, node, kNormBias, out, Role::kBias);
  WriteOutput(counts, node, 0, out);
  return counts;
}

}  // namespace opcost
