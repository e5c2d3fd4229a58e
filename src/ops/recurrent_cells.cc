// SPDX-License-Identifier: Apache-2.0
#include "src/ops/recurrent_cells.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/gate_functions.h"

namespace opcost {

using recurrent::kB;
using recurrent::kInitialC;
using recurrent::kInitialH;
using recurrent::kPeepholes;
using recurrent::kR;
using recurrent::kSequenceLens;
using recurrent::kW;
using recurrent::kX;

namespace {

constexpr int kMinAndMax = 2;  // the comparisons of a clipped value

absl::StatusOr<int> DirectionsOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string direction,
                          node.String("direction", "forward"));
  if (direction == "bidirectional") return 2;
  if (direction == "forward" || direction == "reverse") return 1;
  return node.Invalid(
      "direction must be forward, reverse or bidirectional but is '", direction,
      "'");
}

// The axis of R that isn't the gates'; hidden_size where that is a symbol.
absl::StatusOr<Extent> HiddenSizeOf(const NodeView& node, GateAxis gate_axis) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* r, node.Input(kR));
  if (r->shape.rank() != 3) {
    return node.Invalid("R must have 3 axes but is ", ToString(r->shape));
  }
  const bool has_rows = gate_axis == GateAxis::kRows;
  const Extent& units = r->shape.dims()[has_rows ? 2 : 1];
  if (!node.HasAttribute("hidden_size")) return units;
  OPCOST_ASSIGN_OR_RETURN(const int64_t stated, node.Int("hidden_size", 0));
  if (stated < 0) {
    return node.Invalid("hidden_size must not be negative but is ", stated);
  }
  return Agree(node, "hidden_size", stated,
               has_rows ? "R's last axis" : "R's axis 1", units);
}

// The extents of W, or of R, for vectors of `size`.
Dims WeightDims(const RecurrentGeometry& g, const Extent& units,
                const Extent& size, GateAxis gate_axis) {
  if (gate_axis == GateAxis::kRows) return {g.directions, units, size};
  return {g.directions, size, units};
}

absl::Status CheckOperands(const NodeView& node, const RecurrentGeometry& g,
                           int gates, GateAxis gate_axis) {
  const Extent rows = g.hidden_size * gates;
  const Extent directions = g.directions;
  OPCOST_RETURN_IF_ERROR(CheckShapeIs(
      node, kW, "W", WeightDims(g, rows, g.input_size, gate_axis)));
  OPCOST_RETURN_IF_ERROR(CheckShapeIs(
      node, kR, "R", WeightDims(g, rows, g.hidden_size, gate_axis)));
  OPCOST_RETURN_IF_ERROR(
      CheckOptionalShapeIs(node, kB, "B", {directions, rows * 2}));
  OPCOST_RETURN_IF_ERROR(
      CheckOptionalShapeIs(node, kSequenceLens, "sequence_lens", {g.batch}));
  OPCOST_RETURN_IF_ERROR(
      CheckOptionalShapeIs(node, kInitialH, "initial_h", g.state_dims()));
  OPCOST_RETURN_IF_ERROR(
      CheckOptionalShapeIs(node, kInitialC, "initial_c", g.state_dims()));
  return CheckOptionalShapeIs(node, kPeepholes, "P",
                              {directions, g.hidden_size * 3});
}

// Where sequence_lens isn't known, every sequence may have all steps.
absl::Status ResolveSequences(const NodeView& node, RecurrentGeometry* g) {
  g->sequence_steps = g->steps * g->batch;
  g->longest = g->steps;
  if (!node.HasInput(kSequenceLens)) return absl::OkStatus();
  const TensorValue* value = node.InputValue(kSequenceLens);
  const std::optional<std::vector<int64_t>> lengths =
      value == nullptr ? std::nullopt : value->AsInts();
  g->may_end_early = !lengths.has_value();
  if (!lengths.has_value()) return absl::OkStatus();
  g->sequence_steps = 0;
  g->longest = 0;
  for (const int64_t length : *lengths) {
    if (length < 0 || (g->steps.is_concrete() && length > g->steps.value())) {
      return node.Invalid("sequence_lens has ", length,
                          " but must lie in 0 to the ", g->steps.ToString(),
                          " steps of X");
    }
    g->sequence_steps += length;
    g->longest = Extent::Max(g->longest, length);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RecurrentGeometry> ResolveRecurrent(const NodeView& node,
                                                   int gates,
                                                   GateAxis gate_axis) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(kX));
  if (x->shape.rank() != 3) {
    return node.Invalid("X must have 3 axes but is ", ToString(x->shape));
  }
  if (gates != kLstmGates && node.input_count() > kInitialC) {
    return node.Invalid("takes at most ", kInitialC, " operands but has ",
                        node.input_count());
  }
  OPCOST_RETURN_IF_ERROR(node.Input(kW).status());
  OPCOST_ASSIGN_OR_RETURN(const int64_t layout, node.Int("layout", 0));
  if (layout != 0 && layout != 1) {
    return node.Invalid("layout must be 0 or 1 but is ", layout);
  }
  RecurrentGeometry g;
  g.type = x->type;
  g.batch_first = layout == 1;
  const Dims& dims = x->shape.dims();
  g.steps = dims[g.batch_first ? 1 : 0];
  g.batch = dims[g.batch_first ? 0 : 1];
  g.input_size = dims[2];
  OPCOST_ASSIGN_OR_RETURN(g.directions, DirectionsOf(node));
  OPCOST_ASSIGN_OR_RETURN(g.hidden_size, HiddenSizeOf(node, gate_axis));
  OPCOST_RETURN_IF_ERROR(CheckOperands(node, g, gates, gate_axis));
  OPCOST_RETURN_IF_ERROR(ResolveSequences(node, &g));
  return g;
}

OutputTypes RecurrentTypes(const RecurrentGeometry& geometry) {
  const ValueType state(geometry.type, geometry.state_dims());
  return OutputTypes{ValueType(geometry.type, geometry.sequence_dims()), state,
                     state};
}

absl::Status AddClip(const NodeView& node, CellCost* cell) {
  OPCOST_ASSIGN_OR_RETURN(const double clip, node.Float("clip", 0));
  if (clip > 0) cell->arithmetic.add += kMinAndMax * cell->activations;
  return absl::OkStatus();
}

absl::StatusOr<LstmCell> ResolveLstmCell(const NodeView& node, int directions) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t input_forget,
                          node.Int("input_forget", 0));
  const int coupled = input_forget != 0 ? 1 : 0;
  constexpr std::array<absl::string_view, 3> kDefaults = {"Sigmoid", "Tanh",
                                                          "Tanh"};
  OPCOST_ASSIGN_OR_RETURN(
      const std::vector<PerElement> named,
      GateFunctions(node, kDefaults, static_cast<size_t>(directions)));
  LstmCell cell;
  for (size_t i = 0; i < named.size(); i += kDefaults.size()) {
    PerElement each = Plus({}, named[i], 3 - coupled);
    each = Plus(each, named[i + 1], 1);
    cell.functions.push_back(Plus(each, named[i + 2], 1));
  }
  cell.cost = {.gates = kLstmGates - coupled,
               .biases_added = 4 - coupled,
               .activations = 5 - coupled,
               .arithmetic = {.mul = 3, .add = 1 + coupled}};
  OPCOST_RETURN_IF_ERROR(AddClip(node, &cell.cost));
  cell.peepholes = node.HasInput(kPeepholes) ? 3 - coupled : 0;
  return cell;
}

void CountCellFunctions(OpCounts& counts, const TypedNodeView& node,
                        const RecurrentGeometry& geometry, const CellCost& cell,
                        const std::vector<PerElement>& functions) {
  // Both directions have as many cells; their functions may differ.
  const Count cells_of_one =
      Volume({geometry.sequence_steps, geometry.hidden_size});
  PerElement each = functions[0];
  if (geometry.directions == 2) each = Plus(each, functions[1], 1);
  each = Plus(each, cell.arithmetic, geometry.directions);
  AddEach(counts, each, cells_of_one, OperandSet::Input(kX));
  const std::pair<absl::string_view, int> evaluations[] = {
      {"sigmoids", each.sigmoid}, {"tanhs", each.tanh}, {"exps", each.exp},
      {"logs", each.log},         {"divs", each.div},   {"muls", each.mul},
      {"adds", each.add}};
  for (const auto& [name, times] : evaluations) {
    node.Let(name, cells_of_one * times);
  }
}

void ReadGateBiases(OpCounts& counts, const TypedNodeView& node,
                    const RecurrentGeometry& geometry, int gates) {
  if (Access* b = ReadInputAs(counts, node, kB, geometry.cells() * 2 * gates,
                              Role::kBias)) {
    b->operand_elements = geometry.hidden_size * 2 * gates;
  }
}

void CountPeepholes(OpCounts& counts, const TypedNodeView& node,
                    const RecurrentGeometry& geometry, const LstmCell& cell) {
  const Count products = geometry.cells() * cell.peepholes;
  const OperandSet operands = OperandSet::Inputs(kX, kPeepholes);
  node.Let("peepholes", products);
  AddArith(counts, ArithOp::kMul, operands, products);
  AddArith(counts, ArithOp::kAdd, operands, products);
  ReadInput(counts, node, kPeepholes, products);
}

void CountEnds(OpCounts& counts, const TypedNodeView& node,
               const RecurrentGeometry& geometry) {
  ReadInputAs(counts, node, kSequenceLens, geometry.batch, Role::kIndex);
  const Count state = Volume(geometry.state_dims());
  const Count all = Volume(geometry.sequence_dims());
  ReadInput(counts, node, kInitialH, state);
  ReadInput(counts, node, kInitialC, state);
  node.Let("lens", node.HasInput(kSequenceLens) ? geometry.batch : Count(0));
  node.Let("initial_h", node.HasInput(kInitialH) ? state : Count(0));
  node.Let("initial_c", node.HasInput(kInitialC) ? state : Count(0));
  node.Let("all", all);
  node.Let("last", state);
  const Count written[] = {all, state, state};
  for (int o = 0; o < 3; ++o) {
    if (Access* y = WriteOutput(counts, node, o, written[o])) {
      y->operand_elements = geometry.hidden_size;
    }
  }
  if (geometry.may_end_early) {
    counts.bound_reason =
        "sequence_lens may end sequences before the last step";
  }
}

}  // namespace opcost
