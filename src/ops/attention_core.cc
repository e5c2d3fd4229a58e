// SPDX-License-Identifier: Apache-2.0
#include "src/ops/attention_core.h"

namespace opcost {
namespace {

OperandSet Both(const OperandSet& a, const OperandSet& b) {
  return {a.inputs | b.inputs, a.outputs | b.outputs,
          a.fixed == DataType::kUndefined ? b.fixed : a.fixed};
}

void AddProducts(OpCounts& counts, const OperandSet& operands,
                 const Count& macs) {
  AddArith(counts, ArithOp::kMul, operands, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, operands, macs, ArithRole::kAccumulate);
  counts.macs += macs;
}

// Per row: the maximum; the exponentials of the differences, and their sum; the
// products with its reciprocal. A sink takes part in the first two.
void AddSoftmax(OpCounts& counts, const OperandSet& format, const Count& scores,
                const Count& rows, bool has_sink) {
  const Count terms = has_sink ? scores + rows : scores;
  AddArith(counts, ArithOp::kAdd, format, terms * 3);
  AddArith(counts, ArithOp::kExp, format, terms);
  AddArith(counts, ArithOp::kDiv, format, rows);
  AddArith(counts, ArithOp::kMul, format, scores);
}

void LetAttention(const TypedNodeView& node, const AttentionExtents& extents,
                  const AttentionScores& scores) {
  node.Let("S", extents.scores());
  node.Let("rows", extents.rows());
  node.Let("d", extents.head_size);
  node.Let("dv", extents.value_head_size);
  node.Let("masks", Count(scores.masks));
  node.Let("softcap", Count(scores.has_softcap ? 1 : 0));
  node.Let("sink", Count(scores.has_sink ? 1 : 0));
}

}  // namespace

void AddAttention(OpCounts& counts, const TypedNodeView& node,
                  const AttentionExtents& extents,
                  const AttentionFormats& formats,
                  const AttentionScores& scores) {
  LetAttention(node, extents, scores);
  const Count all = extents.scores();
  const OperandSet& format = formats.scores;
  AddProducts(counts, formats.query_key, extents.key_macs());
  AddArith(counts, ArithOp::kMul, format, all);
  AddArith(counts, ArithOp::kAdd, format, all * scores.masks);
  if (scores.has_softcap) {
    AddArith(counts, ArithOp::kMul, format, all * 2);
    AddArith(counts, ArithOp::kTanh, format, all);
  }
  AddSoftmax(counts, format, all, extents.rows(), scores.has_sink);
  AddProducts(counts, Both(format, formats.value), extents.value_macs());
  UseScratch(counts, "scores", format, all, all * 3 + extents.value_macs(),
             all * 3);
  counts.accesses.back().operand_elements = extents.keys;
}

void AddRotation(OpCounts& counts, OperandSet operands, const Count& rotated) {
  AddArith(counts, ArithOp::kMul, operands, rotated * 2);
  AddArith(counts, ArithOp::kAdd, operands, rotated);
}

void ReadQueries(OpCounts& counts, const TypedNodeView& node, int i,
                 const AttentionExtents& extents) {
  if (Access* q = ReadInput(counts, node, i, extents.key_macs())) {
    q->operand_elements = extents.head_size;
  }
}

void ReadKeys(OpCounts& counts, const TypedNodeView& node, int i,
              const AttentionExtents& extents, const Extent& keys) {
  const Count uses = Volume({extents.rows(), keys, extents.head_size});
  if (Access* k = ReadInput(counts, node, i, uses)) {
    k->operand_elements = Volume({keys, extents.head_size});
  }
}

void ReadValues(OpCounts& counts, const TypedNodeView& node, int i,
                const AttentionExtents& extents, const Extent& keys) {
  const Count uses = Volume({extents.rows(), keys, extents.value_head_size});
  if (Access* v = ReadInput(counts, node, i, uses)) {
    v->operand_elements = Volume({keys, extents.value_head_size});
  }
}

void WriteAttention(OpCounts& counts, const TypedNodeView& node, int o,
                    const AttentionExtents& extents) {
  const Count out = Volume({extents.rows(), extents.value_head_size});
  if (Access* y = WriteOutput(counts, node, o, out)) {
    y->operand_elements = extents.value_head_size;
  }
}

}  // namespace opcost
