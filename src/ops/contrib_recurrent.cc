// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's recurrent layer of quantised weights: DynamicQuantizeLSTM.
// Source: ONNX Runtime, docs/ContribOperators.md.
//
// X, once, and the previous hidden state, before each step of each direction,
// are quantised as by DynamicQuantizeLinear, each by a scale of its own. The
// integer products accumulate in int32. The two sums of a gate have different
// scales, so that each is multiplied by its own, 1 float32 mul, before an add
// joins them and the two biases of the gate are added. The rest of a cell is
// LSTM's, in floating point.
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/families.h"
#include "src/ops/recurrent_cells.h"
#include "src/ops/requantize.h"

namespace opcost {
namespace {

using recurrent::kB;
using recurrent::kR;
using recurrent::kW;
using recurrent::kX;

// Of W, each followed by its zero point.
constexpr int kWScale = 8;
constexpr int kRScale = 10;
constexpr OperandSet kFloat = OperandSet::Fixed(DataType::kFloat32);
constexpr OperandSet kQuantized = OperandSet::Fixed(DataType::kUint8);

// One scale of each direction, or one of each unit of its gates; as many zero
// points.
absl::Status CheckScale(const NodeView& node, const RecurrentGeometry& g, int i,
                        absl::string_view what) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scale, node.Input(i));
  Dims expected = {g.directions};
  if (scale->shape.rank() == 2) expected.push_back(g.hidden_size * kLstmGates);
  OPCOST_RETURN_IF_ERROR(
      CheckShapeIs(node, i, absl::StrCat(what, "_scale"), expected));
  return CheckShapeIs(node, i + 1, absl::StrCat(what, "_zero_point"),
                      scale->shape.dims());
}

absl::StatusOr<RecurrentGeometry> Resolve(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(
      RecurrentGeometry g,
      ResolveRecurrent(node, kLstmGates, GateAxis::kColumns));
  OPCOST_RETURN_IF_ERROR(CheckScale(node, g, kWScale, "W"));
  OPCOST_RETURN_IF_ERROR(CheckScale(node, g, kRScale, "R"));
  return g;
}

absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RecurrentGeometry g, Resolve(node));
  return RecurrentTypes(g);
}

// DynamicQuantizeLinear of `elements`, in `ranges` runs with a scale each.
void CountQuantization(OpCounts& counts, const Count& elements,
                       const Count& ranges) {
  const OperandSet x = OperandSet::Input(kX);
  AddArith(counts, ArithOp::kMul, x, elements);
  AddArith(counts, ArithOp::kAdd, x, elements * 5 + ranges * 8);
  AddArith(counts, ArithOp::kDiv, x, ranges * 2);
}

// The integer products of the gates with the vectors of `size` that operand `w`
// multiplies.
void CountProducts(OpCounts& counts, const TypedNodeView& node, int w,
                   const Count& sums, const Extent& size, const Extent& units) {
  const Count macs = Volume({sums, size});
  OperandSet operands = OperandSet::Input(w);
  operands.fixed = DataType::kUint8;
  AddArith(counts, ArithOp::kMul, operands, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, operands, macs, ArithRole::kAccumulate);
  counts.macs += macs;
  if (Access* weight = ReadInputAs(counts, node, w, macs, Role::kWeight)) {
    weight->operand_elements = Volume({units, size});
  }
}

constexpr absl::string_view kQuantizedX = "quantized X";
constexpr absl::string_view kQuantizedH = "quantized h";

// Weights of the gates, stored with a row for each input: their columns are
// output features.
void AddMatrix(OpCounts& counts, const TypedNodeView& node,
               const RecurrentGeometry& g, int w, absl::string_view vectors) {
  AddWeightMatrix(counts, node,
                  {.operand = static_cast<int16_t>(w),
                   .vector_operand = -1,
                   .vector_scratch = vectors,
                   .blocks = g.directions,
                   .rows = g.hidden_size * kLstmGates,
                   .columns = w == kW ? g.input_size : g.hidden_size,
                   .vectors = g.sequence_steps,
                   .is_transposed = true});
}

// A scale per unit is read for each of the `sums`; one per direction once.
Count ScaleReadsOf(const TypedNodeView& node, int i, const Count& sums) {
  const TensorType& scale = node.InputType(i).tensor;
  return scale.shape.rank() == 2 ? sums : Volume(scale.shape.dims());
}

void ReadScales(OpCounts& counts, const TypedNodeView& node,
                const Count& sums) {
  node.Let("w_scales", ScaleReadsOf(node, kWScale, sums));
  node.Let("r_scales", ScaleReadsOf(node, kRScale, sums));
  node.Let("w_zeros", ZeroPointReads(node, kWScale + 1));
  node.Let("r_zeros", ZeroPointReads(node, kRScale + 1));
  for (const int i : {kWScale, kRScale}) {
    ReadInput(counts, node, i, ScaleReadsOf(node, i, sums));
    ReadZeroPoint(counts, node, i + 1);
  }
}

absl::StatusOr<OpCounts> CountQuantizedLstm(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RecurrentGeometry g, Resolve(node));
  OPCOST_ASSIGN_OR_RETURN(const LstmCell cell,
                          ResolveLstmCell(node, g.directions));
  const int gates = cell.cost.gates;
  const Count in = node.InputVolume(kX);
  const Count cells = g.cells();
  const Count ranges = g.longest * g.directions + 1;
  const Count sums = cells * gates;
  const Extent units = g.hidden_size * gates;
  const Count state = Volume({g.batch, g.hidden_size});
  const bool has_bias = node.HasInput(kB);
  node.Let("in", in);
  node.Let("cells", cells);
  node.Let("gates", gates);
  node.Let("I", g.input_size);
  node.Let("H", g.hidden_size);
  node.Let("ranges", ranges);
  node.Let("bias", has_bias ? 1 : 0);
  OpCounts counts;
  CountQuantization(counts, in + cells, ranges);
  ReadInputAs(counts, node, kX, in * 2, Role::kInput);
  UseScratch(counts, kQuantizedX, kQuantized, in, Volume({sums, g.input_size}),
             in);
  counts.accesses.back().operand_elements = g.input_size;
  CountProducts(counts, node, kW, sums, g.input_size, units);
  AddMatrix(counts, node, g, kW, kQuantizedX);
  UseScratch(counts, "previous h", OperandSet::Input(kX), state, cells * 2, 0);
  UseScratch(counts, kQuantizedH, kQuantized, state,
             Volume({sums, g.hidden_size}), cells);
  counts.accesses.back().operand_elements = g.hidden_size;
  CountProducts(counts, node, kR, sums, g.hidden_size, units);
  AddMatrix(counts, node, g, kR, kQuantizedH);
  AddArith(counts, ArithOp::kMul, kFloat, sums * 2);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(kX), sums);
  ReadScales(counts, node, sums);
  CountCellFunctions(counts, node, g, cell.cost, cell.functions);
  if (has_bias) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(kX, kB), sums * 2);
  }
  ReadGateBiases(counts, node, g, gates);
  CountEnds(counts, node, g);
  CountPeepholes(counts, node, g, cell);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "DynamicQuantizeLSTM",
     .infer = &Infer,
     .count = &CountQuantizedLstm,
     .formula =
         {.macs = "cells*gates*(I + H)",
          .mul = "MACs + in + cells + 2*ranges*div + 2*gates*cells + muls + "
                 "peepholes + sigmoids*sigmoid + tanhs*tanh + exps*exp + "
                 "logs*log + divs*div",
          .add = "MACs + 5*(in + cells) + ranges*(8 + 2*div) + gates*cells + "
                 "2*[bias]*gates*cells + adds + peepholes + sigmoids*sigmoid + "
                 "tanhs*tanh + exps*exp + logs*log + divs*div",
          .reads = "i0: 2*in; quantized X: cells*gates*I; i1: cells*gates*I; "
                   "previous h: 2*cells; quantized h: cells*gates*H; "
                   "i2: cells*gates*H; i3: [bias]*2*gates*cells; i4: lens; "
                   "i5: initial_h; i6: initial_c; i7: peepholes; "
                   "i8: w_scales; i9: w_zeros; i10: r_scales; i11: r_zeros",
          .writes = "quantized X: in; quantized h: cells; o0: all; o1: last; "
                    "o2: last",
          .rules = "R1 R2 R3 R4 R6"},
     .description =
         "LSTM of int8 weights: X, and the hidden state before each step, are "
         "quantised as by DynamicQuantizeLinear into scratch; each gate is two "
         "sums of integer products, each times its scale (1 float32 mul), and "
         "the adds of the other sum and of two biases; the rest as LSTM",
     .domain = "com.microsoft",
     .passes = "range of X, quantisation of X, products; at each step range of "
               "the hidden state, its quantisation, products",
     .bound = "sequence_lens that aren't constant may end sequences before the "
              "last step"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribRecurrentOps() { return kOps; }

}  // namespace opcost
