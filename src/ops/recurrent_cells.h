// SPDX-License-Identifier: Apache-2.0
// What recurrent layers share, whatever the format of their weights: the
// geometry, and the work of a cell apart from its gates' products.
#ifndef OPCOST_SRC_OPS_RECURRENT_CELLS_H_
#define OPCOST_SRC_OPS_RECURRENT_CELLS_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_counts.h"
#include "opcost/ops/op_def.h"
#include "src/ops/elementwise.h"

namespace opcost {

// The operands that GRU, LSTM and RNN have in common, and LSTM's further ones.
namespace recurrent {
inline constexpr int kX = 0;
inline constexpr int kW = 1;
inline constexpr int kR = 2;
inline constexpr int kB = 3;
inline constexpr int kSequenceLens = 4;
inline constexpr int kInitialH = 5;
inline constexpr int kInitialC = 6;
inline constexpr int kPeepholes = 7;
}  // namespace recurrent

inline constexpr int kLstmGates = 4;

// Which axis of W and R lists the gates' units: ONNX has them as rows, ONNX
// Runtime's DynamicQuantizeLSTM as columns.
enum class GateAxis { kRows, kColumns };

struct RecurrentGeometry {
  DataType type = DataType::kUndefined;
  Extent steps;  // of the longest sequence
  Extent batch;
  Extent input_size;
  Extent hidden_size;
  int directions = 1;
  bool batch_first = false;  // layout 1
  // Steps of all sequences together, and of the longest of them, as far as
  // sequence_lens is known.
  Count sequence_steps;
  Count longest;
  bool may_end_early = false;  // sequence_lens isn't known

  // Of Y, and of Y_h, Y_c and their initial values.
  Dims sequence_dims() const {
    if (batch_first) return {batch, steps, directions, hidden_size};
    return {steps, directions, batch, hidden_size};
  }
  Dims state_dims() const {
    if (batch_first) return {batch, directions, hidden_size};
    return {directions, batch, hidden_size};
  }
  // Elements of the hidden state, over all steps.
  Count cells() const {
    return Volume({directions, sequence_steps, hidden_size});
  }
};

// The geometry of a layer of `gates` gates. Errors: operands or attributes that
// contradict each other; IsUndetermined() if a rank isn't known.
absl::StatusOr<RecurrentGeometry> ResolveRecurrent(
    const NodeView& node, int gates, GateAxis gate_axis = GateAxis::kRows);

// The types of Y, Y_h and Y_c.
OutputTypes RecurrentTypes(const RecurrentGeometry& geometry);

// What a cell does apart from its gates' products and biases.
struct CellCost {
  int gates = 1;          // that are computed
  int biases_added = 1;   // each after its sum, which starts at another bias
  int activations = 1;    // whose inputs `clip` bounds
  PerElement arithmetic;  // between the gates
};

// Adds the comparisons of the attribute `clip` to a cell.
absl::Status AddClip(const NodeView& node, CellCost* cell);

// An LSTM's cell, and the functions of one cell of each direction.
struct LstmCell {
  CellCost cost;
  std::vector<PerElement> functions;
  int peepholes = 0;  // products with the cell state
};

// i, o, f = f(...), c = g(...), C = f*C + i*c, h = o*h(C). input_forget couples
// the gates: f = 1 - i, whose own weights aren't used then. Errors: as
// GateFunctions().
absl::StatusOr<LstmCell> ResolveLstmCell(const NodeView& node, int directions);

// Adds `cell` and the functions of one cell of each direction, for all cells,
// and names them in the legend.
void CountCellFunctions(OpCounts& counts, const TypedNodeView& node,
                        const RecurrentGeometry& geometry, const CellCost& cell,
                        const std::vector<PerElement>& functions);

// Adds the reads of B, two for each computed gate of each cell, if it is there.
void ReadGateBiases(OpCounts& counts, const TypedNodeView& node,
                    const RecurrentGeometry& geometry, int gates);

// Adds an LSTM's products with P.
void CountPeepholes(OpCounts& counts, const TypedNodeView& node,
                    const RecurrentGeometry& geometry, const LstmCell& cell);

// Adds the reads of the lengths and initial values and the writes of all
// outputs; says why the counts are a bound where the lengths aren't known.
void CountEnds(OpCounts& counts, const TypedNodeView& node,
               const RecurrentGeometry& geometry);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_RECURRENT_CELLS_H_
