// SPDX-License-Identifier: Apache-2.0
// Recurrent layers: GRU, LSTM and RNN.
//
// A cell is one element of the hidden state at one step of one sequence in one
// direction. Its gates are sums of products with the input and with the
// previous hidden state, which start at the biases Wb (R3); the biases Rb are
// added. The previous hidden state is a scratch array of batch * hidden
// elements, whose place in memory the table prices; an LSTM's cell state stays
// in a register.
#include <array>
#include <cstdint>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/gate_functions.h"
#include "src/ops/recurrent_cells.h"

namespace opcost {
namespace {

using recurrent::kB;
using recurrent::kR;
using recurrent::kW;
using recurrent::kX;

constexpr int kGruGates = 3;
constexpr int kRnnGates = 1;

template <int kGates>
absl::StatusOr<OutputTypes> InferRecurrent(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RecurrentGeometry g,
                          ResolveRecurrent(node, kGates));
  return RecurrentTypes(g);
}

constexpr absl::string_view kPreviousHidden = "previous h";

// The products of the gates with the input and the previous hidden state.
void CountProducts(OpCounts& counts, const TypedNodeView& node,
                   const RecurrentGeometry& g, int gates) {
  const Extent gate_rows = g.hidden_size * gates;
  const Count rows = Volume({g.cells(), gates});
  const Count of_input = Volume({rows, g.input_size});
  const Count of_hidden = Volume({rows, g.hidden_size});
  node.Let("cells", g.cells());
  node.Let("gates", gates);
  node.Let("I", g.input_size);
  node.Let("H", g.hidden_size);
  AddMacs(counts, kX, kW, of_input);
  AddMacs(counts, kX, kR, of_hidden);
  if (Access* x = ReadInputAs(counts, node, kX, of_input, Role::kWeight)) {
    x->operand_elements = g.input_size;
  }
  if (Access* w = ReadInputAs(counts, node, kW, of_input, Role::kWeight)) {
    w->operand_elements = Volume({gate_rows, g.input_size});
  }
  if (Access* r = ReadInputAs(counts, node, kR, of_hidden, Role::kWeight)) {
    r->operand_elements = Volume({gate_rows, g.hidden_size});
  }
  const Count vectors = g.sequence_steps;
  AddWeightMatrix(counts, node,
                  {.operand = kW,
                   .vector_operand = kX,
                   .blocks = g.directions,
                   .rows = gate_rows,
                   .columns = g.input_size,
                   .vectors = vectors});
  AddWeightMatrix(counts, node,
                  {.operand = kR,
                   .vector_operand = -1,
                   .vector_scratch = kPreviousHidden,
                   .blocks = g.directions,
                   .rows = gate_rows,
                   .columns = g.hidden_size,
                   .vectors = vectors});
  UseScratch(counts, kPreviousHidden, OperandSet::Input(kX),
             Volume({g.batch, g.hidden_size}), of_hidden, 0);
  counts.accesses.back().operand_elements = g.hidden_size;
}

// The functions of one cell of each direction are in `functions`.
OpCounts CountCells(const TypedNodeView& node, const RecurrentGeometry& g,
                    const CellCost& cell,
                    const std::vector<PerElement>& functions) {
  const bool has_bias = node.HasInput(kB);
  OpCounts counts;
  CountProducts(counts, node, g, cell.gates);
  CountCellFunctions(counts, node, g, cell, functions);
  node.Let("bias", has_bias ? 1 : 0);
  node.Let("biases_added", cell.biases_added);
  if (has_bias) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(kX, kB),
             g.cells() * cell.biases_added);
  }
  ReadGateBiases(counts, node, g, cell.gates);
  CountEnds(counts, node, g);
  return counts;
}

absl::StatusOr<OpCounts> CountLstm(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RecurrentGeometry g,
                          ResolveRecurrent(node, kLstmGates));
  OPCOST_ASSIGN_OR_RETURN(const LstmCell cell,
                          ResolveLstmCell(node, g.directions));
  OpCounts counts = CountCells(node, g, cell.cost, cell.functions);
  CountPeepholes(counts, node, g, cell);
  return counts;
}

// z, r = f(...), h = g(X*Wh + (r*h)*Rh), H = (1 - z)*h + z*H. With
// linear_before_reset r multiplies the product with Rh, which joins that with
// Wh only then.
absl::StatusOr<OpCounts> CountGru(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RecurrentGeometry g,
                          ResolveRecurrent(node, kGruGates));
  OPCOST_ASSIGN_OR_RETURN(const int64_t linear,
                          node.Int("linear_before_reset", 0));
  constexpr std::array<absl::string_view, 2> kDefaults = {"Sigmoid", "Tanh"};
  OPCOST_ASSIGN_OR_RETURN(
      const std::vector<PerElement> named,
      GateFunctions(node, kDefaults, static_cast<size_t>(g.directions)));
  std::vector<PerElement> functions;
  for (size_t i = 0; i < named.size(); i += kDefaults.size()) {
    functions.push_back(Plus(Plus({}, named[i], 2), named[i + 1], 1));
  }
  const int joined = linear != 0 ? 1 : 0;
  CellCost cell{.gates = kGruGates,
                .biases_added = 3 - joined,
                .activations = 3,
                .arithmetic = {.mul = 3, .add = 2 + joined}};
  OPCOST_RETURN_IF_ERROR(AddClip(node, &cell));
  return CountCells(node, g, cell, functions);
}

absl::StatusOr<OpCounts> CountRnn(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RecurrentGeometry g,
                          ResolveRecurrent(node, kRnnGates));
  constexpr std::array<absl::string_view, 1> kDefaults = {"Tanh"};
  OPCOST_ASSIGN_OR_RETURN(
      const std::vector<PerElement> functions,
      GateFunctions(node, kDefaults, static_cast<size_t>(g.directions)));
  CellCost cell;
  OPCOST_RETURN_IF_ERROR(AddClip(node, &cell));
  return CountCells(node, g, cell, functions);
}

// `muls` and `adds` are those of the cells' own arithmetic, of `clip` and of
// activations that aren't functions of the cost table.
constexpr absl::string_view kProducts = "cells*gates*(I + H)";
constexpr absl::string_view kMul =
    "MACs + muls + sigmoids*sigmoid + tanhs*tanh + exps*exp + logs*log + "
    "divs*div";
constexpr absl::string_view kAdd =
    "MACs + adds + bias*biases_added*cells + sigmoids*sigmoid + tanhs*tanh + "
    "exps*exp + logs*log + divs*div";
constexpr absl::string_view kReads =
    "X: cells*gates*I; W: cells*gates*I; previous h: cells*gates*H; "
    "R: cells*gates*H; B: bias*2*gates*cells; sequence_lens: lens; "
    "initial_h: initial_h";
constexpr absl::string_view kWrites = "Y: all; Y_h: last";
constexpr absl::string_view kRules = "R1 R2 R3 R6";
constexpr absl::string_view kBound =
    "sequence_lens that aren't constant may end sequences before the last step";

constexpr OpDef kOps[] = {
    {.name = "GRU",
     .since = 1,
     .infer = &InferRecurrent<kGruGates>,
     .count = &CountGru,
     .formula = {.macs = kProducts,
                 .mul = kMul,
                 .add = kAdd,
                 .reads = kReads,
                 .writes = kWrites,
                 .rules = kRules},
     .description =
         "3 gates of a cell, 3 mul and 2 add between them; the two biases of a "
         "gate are a start and an add; linear_before_reset joins the hidden "
         "gate's two products by an add of their own; clip is 2 comparisons "
         "for each activation",
     .bound = kBound},
    {.name = "LSTM",
     .since = 1,
     .infer = &InferRecurrent<kLstmGates>,
     .count = &CountLstm,
     .formula =
         {.macs = kProducts,
          .mul = "MACs + muls + peepholes + sigmoids*sigmoid + tanhs*tanh + "
                 "exps*exp + logs*log + divs*div",
          .add = "MACs + adds + peepholes + bias*biases_added*cells + "
                 "sigmoids*sigmoid + tanhs*tanh + exps*exp + logs*log + "
                 "divs*div",
          .reads =
              "X: cells*gates*I; W: cells*gates*I; previous h: cells*gates*H; "
              "R: cells*gates*H; B: bias*2*gates*cells; sequence_lens: lens; "
              "initial_h: initial_h; initial_c: initial_c; P: peepholes",
          .writes = "Y: all; Y_h: last; Y_c: last",
          .rules = kRules},
     .description =
         "4 gates of a cell, 3 mul and 1 add between them; the two biases of a "
         "gate are a start and an add; a peephole is 1 mul and 1 add; with "
         "input_forget the forget gate is 1 - i; clip is 2 comparisons for "
         "each activation; the cell state stays in a register",
     .bound = kBound},
    {.name = "RNN",
     .since = 1,
     .infer = &InferRecurrent<kRnnGates>,
     .count = &CountRnn,
     .formula = {.macs = kProducts,
                 .mul = kMul,
                 .add = kAdd,
                 .reads = kReads,
                 .writes = kWrites,
                 .rules = kRules},
     .description = "1 gate of a cell; its two biases are a start and an add; "
                    "clip is 2 comparisons for each activation",
     .bound = kBound},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> RecurrentOps() { return kOps; }

}  // namespace opcost
