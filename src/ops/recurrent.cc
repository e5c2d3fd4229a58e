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
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/families.h"
#include "src/ops/gate_functions.h"

namespace opcost {
namespace {

constexpr int kX = 0;
constexpr int kW = 1;
constexpr int kR = 2;
constexpr int kB = 3;
constexpr int kSequenceLens = 4;
constexpr int kInitialH = 5;
constexpr int kInitialC = 6;
constexpr int kPeepholes = 7;
constexpr int kLstmGates = 4;
constexpr int kGruGates = 3;
constexpr int kRnnGates = 1;
constexpr int kMinAndMax = 2;  // the comparisons of a clipped value

struct Geometry {
  DataType type = DataType::kUndefined;
  Extent steps;  // of the longest sequence
  Extent batch;
  Extent input_size;
  Extent hidden_size;
  int directions = 1;
  bool batch_first = false;  // layout 1
  // Steps of all sequences together, as far as sequence_lens is known.
  Count sequence_steps;
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
  Count cells() const {
    return Volume({directions, sequence_steps, hidden_size});
  }
};

absl::StatusOr<int> DirectionsOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string direction,
                          node.String("direction", "forward"));
  if (direction == "bidirectional") return 2;
  if (direction == "forward" || direction == "reverse") return 1;
  return node.Invalid(
      "direction must be forward, reverse or bidirectional but is '", direction,
      "'");
}

// The last axis of R; hidden_size where that is a symbol.
absl::StatusOr<Extent> HiddenSizeOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* r, node.Input(kR));
  if (r->shape.rank() != 3) {
    return node.Invalid("R must have 3 axes but is ", ToString(r->shape));
  }
  const Extent& columns = r->shape.dims()[2];
  if (!node.HasAttribute("hidden_size")) return columns;
  OPCOST_ASSIGN_OR_RETURN(const int64_t stated, node.Int("hidden_size", 0));
  if (stated < 0) {
    return node.Invalid("hidden_size must not be negative but is ", stated);
  }
  return Agree(node, "hidden_size", stated, "R's last axis", columns);
}

absl::Status CheckOperands(const NodeView& node, const Geometry& g, int gates) {
  const Extent rows = g.hidden_size * gates;
  const Extent directions = g.directions;
  OPCOST_RETURN_IF_ERROR(
      CheckShapeIs(node, kW, "W", {directions, rows, g.input_size}));
  OPCOST_RETURN_IF_ERROR(
      CheckShapeIs(node, kR, "R", {directions, rows, g.hidden_size}));
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
absl::Status ResolveSequences(const NodeView& node, Geometry* g) {
  g->sequence_steps = g->steps * g->batch;
  if (!node.HasInput(kSequenceLens)) return absl::OkStatus();
  const TensorValue* value = node.InputValue(kSequenceLens);
  const std::optional<std::vector<int64_t>> lengths =
      value == nullptr ? std::nullopt : value->AsInts();
  g->may_end_early = !lengths.has_value();
  if (!lengths.has_value()) return absl::OkStatus();
  g->sequence_steps = 0;
  for (const int64_t length : *lengths) {
    if (length < 0 || (g->steps.is_concrete() && length > g->steps.value())) {
      return node.Invalid("sequence_lens has ", length,
                          " but must lie in 0 to the ", g->steps.ToString(),
                          " steps of X");
    }
    g->sequence_steps += length;
  }
  return absl::OkStatus();
}

absl::StatusOr<Geometry> Resolve(const NodeView& node, int gates) {
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
  Geometry g;
  g.type = x->type;
  g.batch_first = layout == 1;
  const Dims& dims = x->shape.dims();
  g.steps = dims[g.batch_first ? 1 : 0];
  g.batch = dims[g.batch_first ? 0 : 1];
  g.input_size = dims[2];
  OPCOST_ASSIGN_OR_RETURN(g.directions, DirectionsOf(node));
  OPCOST_ASSIGN_OR_RETURN(g.hidden_size, HiddenSizeOf(node));
  OPCOST_RETURN_IF_ERROR(CheckOperands(node, g, gates));
  OPCOST_RETURN_IF_ERROR(ResolveSequences(node, &g));
  return g;
}

template <int kGates>
absl::StatusOr<OutputTypes> InferRecurrent(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, Resolve(node, kGates));
  const ValueType state(g.type, g.state_dims());
  return OutputTypes{ValueType(g.type, g.sequence_dims()), state, state};
}

// What a cell does apart from its gates' products and biases.
struct CellCost {
  int gates = 1;          // that are computed
  int biases_added = 1;   // each after its sum, which starts at another bias
  int activations = 1;    // whose inputs `clip` bounds
  PerElement arithmetic;  // between the gates
};

// Whether `clip` bounds anything.
absl::StatusOr<bool> IsClipped(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double clip, node.Float("clip", 0));
  return clip > 0;
}

void LetFunctions(const TypedNodeView& node, const PerElement& each,
                  const Count& cells) {
  const std::pair<absl::string_view, int> evaluations[] = {
      {"sigmoids", each.sigmoid}, {"tanhs", each.tanh}, {"exps", each.exp},
      {"logs", each.log},         {"divs", each.div},   {"muls", each.mul},
      {"adds", each.add}};
  for (const auto& [name, times] : evaluations) {
    node.Let(name, cells * times);
  }
}

// The products of the gates with the input and the previous hidden state.
void CountProducts(OpCounts& counts, const TypedNodeView& node,
                   const Geometry& g, int gates) {
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
  UseScratch(counts, "previous h", OperandSet::Input(kX),
             Volume({g.batch, g.hidden_size}), of_hidden, 0);
  counts.accesses.back().operand_elements = g.hidden_size;
}

// The cost of one cell of each direction is in `functions`.
OpCounts CountCells(const TypedNodeView& node, const Geometry& g,
                    const CellCost& cell,
                    const std::vector<PerElement>& functions) {
  const bool has_bias = node.HasInput(kB);
  const Count cells = g.cells();
  OpCounts counts;
  CountProducts(counts, node, g, cell.gates);
  // Both directions have as many cells; their functions may differ.
  const Count cells_of_one = Volume({g.sequence_steps, g.hidden_size});
  PerElement each = functions[0];
  if (g.directions == 2) each = Plus(each, functions[1], 1);
  each = Plus(each, cell.arithmetic, g.directions);
  AddEach(counts, each, cells_of_one, OperandSet::Input(kX));
  LetFunctions(node, each, cells_of_one);
  node.Let("bias", has_bias ? 1 : 0);
  node.Let("biases_added", cell.biases_added);
  if (has_bias) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(kX, kB),
             cells * cell.biases_added);
    if (Access* b = ReadInputAs(counts, node, kB, cells * 2 * cell.gates,
                                Role::kBias)) {
      b->operand_elements = g.hidden_size * 2 * cell.gates;
    }
  }
  ReadInputAs(counts, node, kSequenceLens, g.batch, Role::kIndex);
  const Count state = Volume(g.state_dims());
  ReadInput(counts, node, kInitialH, state);
  ReadInput(counts, node, kInitialC, state);
  node.Let("lens", node.HasInput(kSequenceLens) ? g.batch : Count(0));
  node.Let("initial_h", node.HasInput(kInitialH) ? state : Count(0));
  node.Let("initial_c", node.HasInput(kInitialC) ? state : Count(0));
  node.Let("all", Volume(g.sequence_dims()));
  node.Let("last", state);
  const Count written[] = {Volume(g.sequence_dims()), state, state};
  for (int o = 0; o < 3; ++o) {
    if (Access* y = WriteOutput(counts, node, o, written[o])) {
      y->operand_elements = g.hidden_size;
    }
  }
  if (g.may_end_early) {
    counts.bound_reason =
        "sequence_lens may end sequences before the last step";
  }
  return counts;
}

// Adds `clip`'s comparisons to a cell.
absl::Status AddClip(const NodeView& node, CellCost* cell) {
  OPCOST_ASSIGN_OR_RETURN(const bool is_clipped, IsClipped(node));
  if (is_clipped) cell->arithmetic.add += kMinAndMax * cell->activations;
  return absl::OkStatus();
}

// i, o, f = f(...), c = g(...), C = f*C + i*c, h = o*h(C). input_forget couples
// the gates: f = 1 - i, whose own weights aren't used then.
absl::StatusOr<OpCounts> CountLstm(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, Resolve(node, kLstmGates));
  OPCOST_ASSIGN_OR_RETURN(const int64_t input_forget,
                          node.Int("input_forget", 0));
  const int coupled = input_forget != 0 ? 1 : 0;
  constexpr std::array<absl::string_view, 3> kDefaults = {"Sigmoid", "Tanh",
                                                          "Tanh"};
  OPCOST_ASSIGN_OR_RETURN(
      const std::vector<PerElement> named,
      GateFunctions(node, kDefaults, static_cast<size_t>(g.directions)));
  std::vector<PerElement> functions;
  for (size_t i = 0; i < named.size(); i += kDefaults.size()) {
    PerElement each = Plus({}, named[i], 3 - coupled);
    each = Plus(each, named[i + 1], 1);
    functions.push_back(Plus(each, named[i + 2], 1));
  }
  CellCost cell{.gates = kLstmGates - coupled,
                .biases_added = 4 - coupled,
                .activations = 5 - coupled,
                .arithmetic = {.mul = 3, .add = 1 + coupled}};
  OPCOST_RETURN_IF_ERROR(AddClip(node, &cell));
  OpCounts counts = CountCells(node, g, cell, functions);
  const int peepholes = node.HasInput(kPeepholes) ? 3 - coupled : 0;
  const Count products = g.cells() * peepholes;
  node.Let("peepholes", products);
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(kX, kPeepholes), products);
  AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(kX, kPeepholes), products);
  ReadInput(counts, node, kPeepholes, products);
  return counts;
}

// z, r = f(...), h = g(X*Wh + (r*h)*Rh), H = (1 - z)*h + z*H. With
// linear_before_reset r multiplies the product with Rh, which joins that with
// Wh only then.
absl::StatusOr<OpCounts> CountGru(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, Resolve(node, kGruGates));
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
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, Resolve(node, kRnnGates));
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
