// SPDX-License-Identifier: Apache-2.0
// The counts that LayerNormalization, InstanceNormalization, GroupNormalization
// and BatchNormalization's training share (cost model, section 4).
#ifndef OPCOST_SRC_OPS_ROW_NORMALIZATION_H_
#define OPCOST_SRC_OPS_ROW_NORMALIZATION_H_

#include "opcost/ir/node_view.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// The operands of all of them.
inline constexpr int kNormScale = 1;
inline constexpr int kNormBias = 2;

// What is normalized together is a row.
struct NormalizedRows {
  Extent rows;
  Extent length;
  Extent elements() const { return rows * length; }
};

// Names `rows` and `L` in the legend.
void LetRows(const TypedNodeView& node, const NormalizedRows& rows);

// Each row minus its mean, over its standard deviation, times the scale, plus
// the bias, each of these two where the node has it. Names `rows`, `L`, `scale`
// and `bias` in the legend. The row of L elements costs
//   mul: 1 (mean), L (squares), 1 (variance), L (times the inverse), L (scale)
//   add: L (mean), L + L (squared differences), 1 (epsilon), L + L (result)
// and a square root and a division.
OpCounts CountNormalizedRows(const TypedNodeView& node,
                             const NormalizedRows& rows);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_ROW_NORMALIZATION_H_
