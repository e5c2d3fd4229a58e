// SPDX-License-Identifier: Apache-2.0
// Layers that carry a state from step to step: LinearAttention and
// CausalConvWithState.
#include <cstdint>
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

// LinearAttention: each head of keys and values has a state, a matrix of key
// size by value size, which each step updates. It is a scratch array, filled
// with the past state or zeros before the first step.

constexpr int kQuery = 0;
constexpr int kKey = 1;
constexpr int kValue = 2;
constexpr int kPastState = 3;
constexpr int kDecay = 4;
constexpr int kBeta = 5;
constexpr int kPresentState = 1;

struct LinearGeometry {
  Extent batch, steps, query_heads, heads, key_size, value_size;
  bool is_gated = false;  // the state decays
  bool is_delta = false;  // the update is the error of what the state retrieves

  Dims state_dims() const { return {batch, heads, key_size, value_size}; }
  // Elements of the state that all steps update.
  Count updates() const {
    return Volume({batch, steps, heads, key_size, value_size});
  }
  Count outputs() const {
    return Volume({batch, steps, query_heads, value_size});
  }
  Count values() const { return Volume({batch, steps, heads, value_size}); }
};

absl::Status ResolveRule(const NodeView& node, LinearGeometry* g) {
  OPCOST_ASSIGN_OR_RETURN(const std::string rule,
                          node.String("update_rule", "gated_delta"));
  if (rule != "linear" && rule != "gated" && rule != "delta" &&
      rule != "gated_delta") {
    return node.Invalid(
        "update_rule must be linear, gated, delta or "
        "gated_delta but is '",
        rule, "'");
  }
  g->is_gated = rule == "gated" || rule == "gated_delta";
  g->is_delta = rule == "delta" || rule == "gated_delta";
  if (node.HasInput(kDecay) != g->is_gated) {
    return node.Invalid("update_rule '", rule, "' ",
                        g->is_gated ? "needs" : "has no use for",
                        " the operand decay");
  }
  if (node.HasInput(kBeta) != g->is_delta) {
    return node.Invalid("update_rule '", rule, "' ",
                        g->is_delta ? "needs" : "has no use for",
                        " the operand beta");
  }
  return absl::OkStatus();
}

absl::Status ResolveHeads(const NodeView& node, LinearGeometry* g) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t query_heads,
                          node.Int("q_num_heads", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t heads, node.Int("kv_num_heads", 0));
  if (heads < 1 || query_heads < 1 || query_heads % heads != 0) {
    return node.Invalid("q_num_heads ", query_heads,
                        " must be a positive multiple of kv_num_heads ", heads);
  }
  g->query_heads = query_heads;
  g->heads = heads;
  return absl::OkStatus();
}

// The last axis of operand `i`, divided among `heads`.
absl::StatusOr<Extent> SizeOfHead(const NodeView& node, int i,
                                  const Extent& heads) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(i));
  if (x->shape.rank() != 3) {
    return node.Invalid("operand ", i, " must have 3 axes but is ",
                        ToString(x->shape));
  }
  const Extent& last = x->shape.dims()[2];
  if (last.is_concrete() && last.value() % heads.value() != 0) {
    return node.Invalid("the last axis of operand ", i, " is ", last.ToString(),
                        ", which ", heads.ToString(), " heads don't share");
  }
  return last / heads;
}

// One decay per head, or one per element of its keys; one beta per head, or one
// for all.
absl::Status CheckGates(const NodeView& node, const LinearGeometry& g) {
  const auto check = [&](int i, absl::string_view what, const Extent& one,
                         const Extent& other) -> absl::Status {
    if (!node.HasInput(i)) return absl::OkStatus();
    OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(i));
    const bool is_first =
        x->shape.rank() == 3 && CouldAgree(x->shape.dims()[2], one);
    return CheckShapeIs(node, i, what,
                        {g.batch, g.steps, is_first ? one : other});
  };
  OPCOST_RETURN_IF_ERROR(check(kDecay, "decay", g.heads, g.heads * g.key_size));
  return check(kBeta, "beta", 1, g.heads);
}

absl::StatusOr<LinearGeometry> ResolveLinear(const NodeView& node) {
  LinearGeometry g;
  OPCOST_RETURN_IF_ERROR(ResolveRule(node, &g));
  OPCOST_RETURN_IF_ERROR(ResolveHeads(node, &g));
  OPCOST_ASSIGN_OR_RETURN(g.key_size, SizeOfHead(node, kQuery, g.query_heads));
  OPCOST_ASSIGN_OR_RETURN(const Extent of_keys,
                          SizeOfHead(node, kKey, g.heads));
  OPCOST_ASSIGN_OR_RETURN(
      g.key_size, Agree(node, "the head size of the queries", g.key_size,
                        "that of the keys", of_keys));
  OPCOST_ASSIGN_OR_RETURN(g.value_size, SizeOfHead(node, kValue, g.heads));
  const Dims& query = node.InputType(kQuery).tensor.shape.dims();
  g.batch = query[0];
  g.steps = query[1];
  OPCOST_RETURN_IF_ERROR(CheckShapeIs(
      node, kKey, "the keys", {g.batch, g.steps, g.heads * g.key_size}));
  OPCOST_RETURN_IF_ERROR(CheckShapeIs(
      node, kValue, "the values", {g.batch, g.steps, g.heads * g.value_size}));
  OPCOST_RETURN_IF_ERROR(
      CheckOptionalShapeIs(node, kPastState, "past_state", g.state_dims()));
  OPCOST_RETURN_IF_ERROR(CheckGates(node, g));
  return g;
}

absl::StatusOr<OutputTypes> InferLinear(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const LinearGeometry g, ResolveLinear(node));
  const DataType type = node.InputType(kQuery).tensor.type;
  const DataType state =
      node.HasInput(kPastState) ? node.InputType(kPastState).tensor.type : type;
  return OutputTypes{
      ValueType(type, Dims{g.batch, g.steps, g.query_heads * g.value_size}),
      ValueType(state, g.state_dims())};
}

OperandSet StateFormat(const NodeView& node) {
  return OperandSet::Input(node.HasInput(kPastState) ? kPastState : kQuery);
}

void AddStateMacs(OpCounts& counts, int operand, const OperandSet& state,
                  const Count& macs) {
  OperandSet both = state;
  both.inputs |= OperandSet::Input(operand).inputs;
  AddArith(counts, ArithOp::kMul, both, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, both, macs, ArithRole::kAccumulate);
  counts.macs += macs;
}

void ReadPart(OpCounts& counts, const TypedNodeView& node, int i,
              const Count& uses, const Extent& scope) {
  if (Access* x = ReadInput(counts, node, i, uses)) x->operand_elements = scope;
}

void LetLinear(const TypedNodeView& node, const LinearGeometry& g) {
  node.Let("updates", g.updates());
  node.Let("outputs", g.outputs());
  node.Let("values", g.values());
  node.Let("dk", g.key_size);
  node.Let("state", Volume(g.state_dims()));
  node.Let("past", node.InputVolume(kPastState));
  node.Let("decays", node.InputVolume(kDecay));
  node.Let("gated", g.is_gated ? 1 : 0);
  node.Let("delta", g.is_delta ? 1 : 0);
}

// Per step and head: S = exp(g)*S; with delta, v = beta * (v - S^T*k), whose
// sums are a pass over the state of their own; S = S + k*v^T;
// o = scale * q^T*S for each of the queries that share the state.
absl::StatusOr<OpCounts> CountLinear(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const LinearGeometry g, ResolveLinear(node));
  LetLinear(node, g);
  const OperandSet state = StateFormat(node);
  const Count updates = g.updates();
  const Count size = Volume(g.state_dims());
  const Count retrieved = g.is_delta ? updates : Count(0);
  const Count products = Volume({g.outputs(), g.key_size});
  const Count decays = node.InputVolume(kDecay);
  OpCounts counts;
  AddStateMacs(counts, kKey, state, updates + retrieved);
  AddStateMacs(counts, kQuery, state, products);
  if (g.is_gated) {
    AddArith(counts, ArithOp::kExp, OperandSet::Input(kDecay), decays);
    AddArith(counts, ArithOp::kMul, state, updates);
  }
  if (g.is_delta) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(kValue), g.values());
    AddArith(counts, ArithOp::kMul, OperandSet::Inputs(kValue, kBeta),
             g.values());
  }
  AddArith(counts, ArithOp::kMul, OperandSet::Input(kQuery), g.outputs());
  ReadPart(counts, node, kQuery, products, g.key_size);
  ReadPart(counts, node, kKey, updates + retrieved, g.key_size);
  ReadPart(counts, node, kValue, g.is_delta ? g.values() : updates,
           g.value_size);
  ReadInput(counts, node, kPastState, size);
  ReadInput(counts, node, kDecay, decays);
  if (g.is_delta) ReadInput(counts, node, kBeta, g.values());
  const Count decayed = g.is_gated ? retrieved : Count(0);
  UseScratch(counts, "state", state, size, updates + retrieved + products,
             size + updates + decayed);
  counts.accesses.back().operand_elements = Volume({g.key_size, g.value_size});
  if (Access* y = WriteOutput(counts, node, 0, g.outputs())) {
    y->operand_elements = g.value_size;
  }
  WriteOutput(counts, node, kPresentState, size);
  return counts;
}

// CausalConvWithState: a convolution of each channel with its own kernel, over
// the last kernel - 1 elements of the past, or zeros, and the input.

constexpr int kInput = 0;
constexpr int kWeight = 1;
constexpr int kBias = 2;
constexpr int kPast = 3;

struct ConvGeometry {
  Extent batch, channels, length, kernel;
  bool is_activated = false;

  Dims state_dims() const { return {batch, channels, kernel - 1}; }
  Count rows() const { return Volume({batch, channels}); }
  Count outputs() const { return Volume({batch, channels, length}); }
  // Of a row: positions whose kernel reaches the past, each one less than the
  // one before.
  Count past_products() const {
    const Extent reaching = Extent::Min(length, kernel - 1);
    return reaching * (kernel * 2 - 1 - reaching) / 2;
  }
};

absl::StatusOr<ConvGeometry> ResolveConv(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(kInput));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* w, node.Input(kWeight));
  if (x->shape.rank() != 3 || w->shape.rank() != 3) {
    return node.Invalid("input ", ToString(x->shape), " and weight ",
                        ToString(w->shape), " must have 3 axes each");
  }
  ConvGeometry g;
  g.batch = x->shape.dims()[0];
  g.channels = x->shape.dims()[1];
  g.length = x->shape.dims()[2];
  g.kernel = w->shape.dims()[2];
  if (g.kernel.Is(0)) return node.Invalid("the kernel has no elements");
  OPCOST_RETURN_IF_ERROR(CheckShapeIs(node, kWeight, "the weight",
                                      {g.channels, Extent(1), g.kernel}));
  OPCOST_RETURN_IF_ERROR(
      CheckOptionalShapeIs(node, kBias, "the bias", {g.channels}));
  OPCOST_RETURN_IF_ERROR(
      CheckOptionalShapeIs(node, kPast, "past_state", g.state_dims()));
  OPCOST_ASSIGN_OR_RETURN(const std::string activation,
                          node.String("activation", "none"));
  g.is_activated = activation == "silu" || activation == "swish";
  if (!g.is_activated && activation != "none") {
    return node.Invalid("activation must be silu, swish or none but is '",
                        activation, "'");
  }
  return g;
}

absl::StatusOr<OutputTypes> InferConv(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ConvGeometry g, ResolveConv(node));
  return OutputTypes{
      node.InputType(kInput),
      ValueType(node.InputType(kInput).tensor.type, g.state_dims())};
}

// The last elements of past and input are copied to present_state. The number
// that comes from the input.
Count CountPresent(OpCounts& counts, const TypedNodeView& node,
                   const ConvGeometry& g) {
  if (!node.IsOutputUsed(kPresentState)) return 0;
  const Count size = Volume(g.state_dims());
  const Count fresh = Volume({g.rows(), Extent::Min(g.length, g.kernel - 1)});
  ReadInput(counts, node, kInput, fresh);
  ReadInput(counts, node, kPast, size - fresh);
  WriteOutput(counts, node, kPresentState, size);
  return fresh;
}

absl::StatusOr<OpCounts> CountConv(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const ConvGeometry g, ResolveConv(node));
  const bool has_past = node.HasInput(kPast);
  const Count out = g.outputs();
  const Count before = Volume({g.rows(), g.past_products()});
  const Count past = has_past ? before : Count(0);
  const bool skips = node.options().skip_padding && !has_past;
  const Count skipped = skips ? before : Count(0);
  const Count macs = Volume({out, g.kernel}) - skipped;
  OpCounts counts;
  AddMacs(counts, kInput, kWeight, macs);
  if (g.is_activated) {
    AddArith(counts, ArithOp::kSigmoid, OperandSet::Input(kInput), out);
    AddArith(counts, ArithOp::kMul, OperandSet::Input(kInput), out);
  }
  ReadPart(counts, node, kInput, macs - past, g.kernel);
  ReadPart(counts, node, kPast, past, g.kernel - 1);
  if (Access* w = ReadInputAs(counts, node, kWeight, macs, Role::kWeight)) {
    w->operand_elements = g.kernel;
  }
  if (Access* b = ReadInputAs(counts, node, kBias, out, Role::kBias)) {
    b->operand_elements = 1;
  }
  if (Access* y = WriteOutput(counts, node, 0, out)) y->operand_elements = 1;
  const Count fresh = CountPresent(counts, node, g);
  const Count state =
      node.IsOutputUsed(kPresentState) ? Volume(g.state_dims()) : Count(0);
  node.Let("out", out);
  node.Let("kernel", g.kernel);
  node.Let("skipped", skipped);
  node.Let("activated", g.is_activated ? 1 : 0);
  node.Let("past_products", past);
  node.Let("bias", node.HasInput(kBias) ? 1 : 0);
  node.Let("kept", fresh);
  node.Let("kept_past", has_past ? state - fresh : Count(0));
  node.Let("present", state);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "CausalConvWithState",
     .since = 27,
     .infer = &InferConv,
     .count = &CountConv,
     .formula = {.macs = "out*kernel - skipped",
                 .mul = "MACs + [activated]*(sigmoid + 1)*out",
                 .add = "MACs + [activated]*sigmoid*out",
                 .reads = "input: MACs - past_products + kept; weight: MACs; "
                          "bias: [bias]*out; past_state: past_products + "
                          "kept_past",
                 .writes = "output: out; present_state: present",
                 .rules = "R1 R2 R3 R5 R9"},
     .description =
         "each channel with its own kernel, over the past state, or zeros that "
         "count as padding does, and the input; sums start at the bias; the "
         "last kernel - 1 elements are copied to present_state where it is "
         "used"},
    {.name = "LinearAttention",
     .since = 27,
     .infer = &InferLinear,
     .count = &CountLinear,
     .formula =
         {.macs = "(1 + delta)*updates + outputs*dk",
          .mul = "MACs + [gated]*updates + decays*exp + delta*values + outputs",
          .add = "MACs + decays*exp + delta*values",
          .reads = "query: outputs*dk; key: (1 + delta)*updates; value: "
                   "delta*values + (1 - delta)*updates; past_state: past; "
                   "decay: decays; beta: delta*values; "
                   "scratch: (1 + delta)*updates + outputs*dk",
          .writes = "output: outputs; present_state: state; "
                    "scratch: state + (1 + gated*delta)*updates",
          .rules = "R1 R2 R4 R6 R10"},
     .description =
         "the recurrence, step by step: decay of the state, correction by what "
         "it retrieves, update by key times value, product with the queries "
         "that share it, scale; the state is an array, filled before the first "
         "step",
     .passes = "retrieval where update_rule has delta; update; products with "
               "the queries"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> StateOps() { return kOps; }

}  // namespace opcost
