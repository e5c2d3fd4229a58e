// SPDX-License-Identifier: Apache-2.0
// Scaled dot-product attention, as the operators that hold it share it (cost
// model, section 4). With S = B*h*Sq*Sk scores, head sizes d and dv:
//   Q*K^T    S*d MACs, each sum scaled (S mul) and masked (S add, where there
//            is a mask) before it is written: S writes
//   softmax  three passes over each row of Sk scores: 3*S reads, 2*S writes
//   P*V      S*dv MACs, which read the probabilities S*dv times
// The scores and, in their place, the probabilities are a scratch array.
// Causal and window masks take nothing away; they cost nothing either, being
// bounds of loops (R8).
#ifndef OPCOST_SRC_OPS_ATTENTION_CORE_H_
#define OPCOST_SRC_OPS_ATTENTION_CORE_H_

#include "opcost/ir/node_view.h"
#include "opcost/ir/types.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

struct AttentionExtents {
  Extent batch;
  Extent heads;    // of the queries
  Extent queries;  // Sq
  Extent keys;     // Sk, past ones included
  Extent head_size;
  Extent value_head_size;

  Count rows() const { return Volume({batch, heads, queries}); }
  Count scores() const { return Volume({batch, heads, queries, keys}); }
  Count key_macs() const {
    return Volume({batch, heads, queries, keys, head_size});
  }
  Count value_macs() const {
    return Volume({batch, heads, queries, keys, value_head_size});
  }
};

struct AttentionFormats {
  OperandSet query_key;  // of Q and K: Inputs(0, 1)
  OperandSet value;      // of V; the products with V take both
  OperandSet scores;     // of the softmax and the scratch array: Input(0)
};

// What happens to each score besides the scale.
struct AttentionScores {
  int masks = 0;             // operands added to, or selecting, each score
  bool has_softcap = false;  // softcap * tanh(score / softcap): 2 mul, 1 tanh
  bool has_sink = false;     // one more term in each row's maximum and sum
};

// Adds the operations, and the scratch array "scores". Names in the legend S
// (scores), rows, d, dv, masks, softcap and sink, with which a row's formula
// is, beside what else the operator does,
//   macs:   S*(d + dv)
//   mul:    MACs + S + 2*[softcap]*S + [softcap]*S*tanh + S*(exp + 1)
//           + rows*(div + [sink]*exp)
//   add:    MACs + masks*S + [softcap]*S*tanh + S*(3 + exp)
//           + rows*(div + [sink]*(3 + exp))
//   reads:  scores: 3*S + S*dv      writes: scores: 3*S
// The reads of Q, K, V, masks and sinks and the writes of outputs are the
// caller's, who knows where they lie.
void AddAttention(OpCounts& counts, const TypedNodeView& node,
                  const AttentionExtents& extents,
                  const AttentionFormats& formats,
                  const AttentionScores& scores);

// Adds what rotary position embedding does to `rotated` elements: each times a
// cosine, plus its partner, negated in one half, times a sine.
void AddRotation(OpCounts& counts, OperandSet operands, const Count& rotated);

// Adds the reads of operand `i` by the products with the queries: as Q, one
// head's row per score (S*d uses).
void ReadQueries(OpCounts& counts, const TypedNodeView& node, int i,
                 const AttentionExtents& extents);
// As K or V: `keys` of the Sk keys lie in operand `i`, each used once per query
// and head.
void ReadKeys(OpCounts& counts, const TypedNodeView& node, int i,
              const AttentionExtents& extents, const Extent& keys);
void ReadValues(OpCounts& counts, const TypedNodeView& node, int i,
                const AttentionExtents& extents, const Extent& keys);
// Writes output `o`: rows*dv.
void WriteAttention(OpCounts& counts, const TypedNodeView& node, int o,
                    const AttentionExtents& extents);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_ATTENTION_CORE_H_
