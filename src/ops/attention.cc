// SPDX-License-Identifier: Apache-2.0
// Attention and FlexAttention: scaled dot-product attention. The softmax works
// in the format of the queries, whatever softmax_precision says.
#include <cstdint>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/attention_core.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

constexpr int kQ = 0;
constexpr int kK = 1;
constexpr int kV = 2;
constexpr int kMask = 3;
constexpr int kPastKey = 4;
constexpr int kPastValue = 5;
constexpr int kNonpadLength = 6;
constexpr int kPresentKey = 1;
constexpr int kPresentValue = 2;
constexpr int kScores = 3;

// Queries, keys and values as batch, heads, length, head size, in whichever
// layout the operands have them.
struct Heads {
  Extent batch, heads, length, size;
};

struct Geometry {
  Heads q, k, v;
  bool is_packed = false;  // 3 axes: batch, length, heads * head size
  Extent past;             // keys that past_key holds
  AttentionExtents extents() const {
    return {q.batch, q.heads, q.length, past + k.length, q.size, v.size};
  }
};

absl::StatusOr<Extent> HeadCount(const NodeView& node, absl::string_view name) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t heads, node.Int(name, 0));
  if (heads < 1) {
    return node.Invalid(name, " must be at least 1 for operands of 3 axes but ",
                        "is ", heads);
  }
  return Extent(heads);
}

absl::StatusOr<Heads> HeadsOf(const NodeView& node, int i,
                              absl::string_view heads_attribute) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(i));
  const Dims& dims = x->shape.dims();
  if (dims.size() == 4) return Heads{dims[0], dims[1], dims[2], dims[3]};
  if (dims.size() != 3) {
    return node.Invalid("operand ", i, " must have 3 or 4 axes but is ",
                        ToString(x->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const Extent heads, HeadCount(node, heads_attribute));
  if (dims[2].is_concrete() && dims[2].value() % heads.value() != 0) {
    return node.Invalid(heads_attribute, " ", heads.ToString(),
                        " does not divide the last axis of operand ", i, ", ",
                        dims[2].ToString());
  }
  return Heads{dims[0], heads, dims[1], dims[2] / heads};
}

// Queries share the heads of keys and values evenly.
absl::Status CheckHeads(const NodeView& node, const Geometry& g) {
  OPCOST_RETURN_IF_ERROR(Agree(node, "the number of the keys' heads", g.k.heads,
                               "that of the values", g.v.heads)
                             .status());
  const Extent& q = g.q.heads;
  const Extent& k = g.k.heads;
  if (!q.is_concrete() || !k.is_concrete()) return absl::OkStatus();
  if (k.value() > 0 && q.value() % k.value() == 0) return absl::OkStatus();
  return node.Invalid("the ", q.ToString(),
                      " heads of the queries don't share the ", k.ToString(),
                      " heads of the keys evenly");
}

absl::Status AgreeOnExtents(const NodeView& node, Geometry* g) {
  OPCOST_ASSIGN_OR_RETURN(g->q.batch,
                          Agree(node, "the batch of the queries", g->q.batch,
                                "that of the keys", g->k.batch));
  OPCOST_ASSIGN_OR_RETURN(g->q.batch,
                          Agree(node, "the batch of the queries", g->q.batch,
                                "that of the values", g->v.batch));
  OPCOST_ASSIGN_OR_RETURN(g->q.size,
                          Agree(node, "the head size of the queries", g->q.size,
                                "that of the keys", g->k.size));
  OPCOST_ASSIGN_OR_RETURN(g->k.length,
                          Agree(node, "the length of the keys", g->k.length,
                                "that of the values", g->v.length));
  return absl::OkStatus();
}

absl::StatusOr<Geometry> ResolveOperands(const NodeView& node) {
  Geometry g;
  OPCOST_ASSIGN_OR_RETURN(g.q, HeadsOf(node, kQ, "q_num_heads"));
  OPCOST_ASSIGN_OR_RETURN(g.k, HeadsOf(node, kK, "kv_num_heads"));
  OPCOST_ASSIGN_OR_RETURN(g.v, HeadsOf(node, kV, "kv_num_heads"));
  const size_t rank = DimsOf(node, kQ).size();
  if (DimsOf(node, kK).size() != rank || DimsOf(node, kV).size() != rank) {
    return node.Invalid(
        "queries, keys and values must have the same number of "
        "axes but have ",
        rank, ", ", DimsOf(node, kK).size(), " and ", DimsOf(node, kV).size());
  }
  g.is_packed = rank == 3;
  OPCOST_RETURN_IF_ERROR(CheckHeads(node, g));
  OPCOST_RETURN_IF_ERROR(AgreeOnExtents(node, &g));
  return g;
}

// past_key and past_value: batch, heads, past length, head size.
absl::Status ResolvePast(const NodeView& node, Geometry* g) {
  g->past = 0;
  if (node.HasInput(kPastKey) != node.HasInput(kPastValue)) {
    return node.Invalid("past_key and past_value must be given together");
  }
  if (!node.HasInput(kPastKey)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* past, node.Input(kPastKey));
  if (past->shape.rank() != 4) {
    return node.Invalid("past_key must have 4 axes but is ",
                        ToString(past->shape));
  }
  g->past = past->shape.dims()[2];
  OPCOST_RETURN_IF_ERROR(
      CheckShapeIs(node, kPastKey, "past_key",
                   {g->q.batch, g->k.heads, g->past, g->q.size}));
  return CheckShapeIs(node, kPastValue, "past_value",
                      {g->q.batch, g->v.heads, g->past, g->v.size});
}

// The keys that the mask covers: fewer than all, from opset 24 on, leave the
// last ones out.
Extent MaskedKeys(const NodeView& node, const AttentionExtents& extents) {
  const Dims& mask = DimsOf(node, kMask);
  if (mask.empty() || !mask.back().is_concrete() || mask.back().Is(1)) {
    return extents.keys;
  }
  return Extent::Min(mask.back(), extents.keys);
}

absl::Status CheckMask(const NodeView& node, const Geometry& g) {
  if (!node.HasInput(kMask)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* mask, node.Input(kMask));
  const AttentionExtents e = g.extents();
  Dims scores = {e.batch, e.heads, e.queries, e.keys};
  const Dims& dims = mask->shape.dims();
  constexpr int kShortMaskOpset = 24;
  if (node.opset() >= kShortMaskOpset && !dims.empty() &&
      dims.back().is_concrete() && e.keys.is_concrete() &&
      dims.back().value() < e.keys.value()) {
    scores.back() = dims.back();
  }
  return CheckBroadcastsTo(node, "the mask", dims, scores);
}

absl::StatusOr<Geometry> ResolveAttention(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Geometry g, ResolveOperands(node));
  OPCOST_RETURN_IF_ERROR(ResolvePast(node, &g));
  OPCOST_RETURN_IF_ERROR(CheckMask(node, g));
  OPCOST_RETURN_IF_ERROR(CheckOptionalShapeIs(node, kNonpadLength,
                                              "nonpad_kv_seqlen", {g.q.batch}));
  OPCOST_ASSIGN_OR_RETURN(const int64_t mode,
                          node.Int("qk_matmul_output_mode", 0));
  if (mode < 0 || mode > 3) {
    return node.Invalid("qk_matmul_output_mode must be 0 to 3 but is ", mode);
  }
  return g;
}

Dims OutputDims(const Geometry& g) {
  if (g.is_packed) return {g.q.batch, g.q.length, g.q.heads * g.v.size};
  return {g.q.batch, g.q.heads, g.q.length, g.v.size};
}

absl::StatusOr<OutputTypes> InferAttention(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveAttention(node));
  const AttentionExtents e = g.extents();
  const DataType q = node.InputType(kQ).tensor.type;
  const DataType v = node.InputType(kV).tensor.type;
  return OutputTypes{
      ValueType(q, OutputDims(g)),
      ValueType(q, Dims{e.batch, g.k.heads, e.keys, e.head_size}),
      ValueType(v, Dims{e.batch, g.v.heads, e.keys, e.value_head_size}),
      ValueType(q, Dims{e.batch, e.heads, e.queries, e.keys})};
}

// Elements that are moved to a present output.
struct Moved {
  Count fresh;  // from the keys or values
  Count past;
};

// Output `o` is operand `past`, then operand `i` in the layout of 4 axes: a
// copy, unless there is nothing past and the layout is the same (R5).
Moved CountPresent(OpCounts& counts, const TypedNodeView& node,
                   const Geometry& g, int o, int i, int past) {
  if (!node.IsOutputUsed(o)) return {};
  const Heads& heads = o == kPresentKey ? g.k : g.v;
  const bool same_layout =
      !g.is_packed ||
      KeepsOrder(Dims{heads.batch, heads.length, heads.heads, heads.size},
                 {0, 2, 1, 3});
  if (g.past.Is(0) && same_layout) return {};
  const Moved moved = {node.InputVolume(i), node.InputVolume(past)};
  ReadInput(counts, node, i, moved.fresh);
  ReadInput(counts, node, past, moved.past);
  WriteOutput(counts, node, o, moved.fresh + moved.past);
  return moved;
}

AttentionFormats FormatsOf() {
  return {.query_key = OperandSet::Inputs(kQ, kK),
          .value = OperandSet::Input(kV),
          .scores = OperandSet::Input(kQ)};
}

absl::StatusOr<OpCounts> CountAttention(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveAttention(node));
  OPCOST_ASSIGN_OR_RETURN(const double softcap, node.Float("softcap", 0));
  const AttentionExtents e = g.extents();
  const bool has_mask = node.HasInput(kMask);
  OpCounts counts;
  AddAttention(counts, node, e, FormatsOf(),
               {.masks = has_mask ? 1 : 0, .has_softcap = softcap > 0});
  ReadQueries(counts, node, kQ, e);
  ReadKeys(counts, node, kK, e, g.k.length);
  ReadKeys(counts, node, kPastKey, e, g.past);
  ReadValues(counts, node, kV, e, g.k.length);
  ReadValues(counts, node, kPastValue, e, g.past);
  const Count masked =
      has_mask ? Volume({e.rows(), MaskedKeys(node, e)}) : Count(0);
  ReadInput(counts, node, kMask, masked);
  ReadInputAs(counts, node, kNonpadLength, e.batch, Role::kIndex);
  WriteAttention(counts, node, 0, e);
  const Moved keys = CountPresent(counts, node, g, kPresentKey, kK, kPastKey);
  const Moved values =
      CountPresent(counts, node, g, kPresentValue, kV, kPastValue);
  WriteOutput(counts, node, kScores, e.scores());
  node.Let("new_keys", g.k.length);
  node.Let("past_keys", g.past);
  node.Let("masked", masked);
  node.Let("lengths", node.HasInput(kNonpadLength) ? e.batch : Count(0));
  node.Let("moved_keys", keys.fresh);
  node.Let("moved_past_keys", keys.past);
  node.Let("moved_values", values.fresh);
  node.Let("moved_past_values", values.past);
  node.Let("qk_output", node.IsOutputUsed(kScores) ? 1 : 0);
  return counts;
}

absl::StatusOr<Geometry> ResolveFlex(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Geometry g, ResolveOperands(node));
  if (g.is_packed) {
    return node.Invalid("queries, keys and values must have 4 axes but have 3");
  }
  g.past = 0;
  return g;
}

absl::StatusOr<OutputTypes> InferFlex(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveFlex(node));
  return OutputTypes{ValueType(node.InputType(kQ).tensor.type, OutputDims(g))};
}

absl::StatusOr<OpCounts> CountFlex(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveFlex(node));
  for (const absl::string_view body : {"score_mod", "prob_mod"}) {
    if (node.HasAttribute(body)) {
      return node.Unknown("the work of its body '", body, "' isn't counted");
    }
  }
  const AttentionExtents e = g.extents();
  OpCounts counts;
  AddAttention(counts, node, e, FormatsOf(), {});
  ReadQueries(counts, node, kQ, e);
  ReadKeys(counts, node, kK, e, e.keys);
  ReadValues(counts, node, kV, e, e.keys);
  WriteAttention(counts, node, 0, e);
  return counts;
}

constexpr absl::string_view kPasses =
    "the products with the keys write the scores; the softmax takes three "
    "passes over them; the products with the values read them";

constexpr OpDef kOps[] = {
    {.name = "Attention",
     .since = 23,
     .infer = &InferAttention,
     .count = &CountAttention,
     .formula =
         {.macs = "S*(d + dv)",
          .mul = "MACs + S + 2*[softcap]*S + [softcap]*S*tanh + S*(exp + 1) + "
                 "rows*div",
          .add = "MACs + masks*S + [softcap]*S*tanh + S*(3 + exp) + rows*div",
          .reads = "Q: S*d; K: rows*new_keys*d + moved_keys; past_key: "
                   "rows*past_keys*d + moved_past_keys; V: rows*new_keys*dv + "
                   "moved_values; past_value: rows*past_keys*dv + "
                   "moved_past_values; attn_mask: masked; nonpad_kv_seqlen: "
                   "lengths; scores: 3*S + S*dv",
          .writes = "Y: rows*dv; scores: 3*S; present_key: moved_keys + "
                    "moved_past_keys; present_value: moved_values + "
                    "moved_past_values; qk_matmul_output: [qk_output]*S",
          .rules = "R1 R2 R4 R5 R6 R8"},
     .description =
         "S scores of head size d: their products, scale, softcap, mask and "
         "softmax, and the products with values of head size dv; past keys and "
         "values are read where they lie, and copied where present ones are "
         "used; causal and window masks and nonpad_kv_seqlen take nothing away",
     .passes = kPasses},
    {.name = "FlexAttention",
     .since = 1,
     .infer = &InferFlex,
     .count = &CountFlex,
     .formula = {.macs = "S*(d + dv)",
                 .mul = "MACs + S + S*(exp + 1) + rows*div",
                 .add = "MACs + S*(3 + exp) + rows*div",
                 .reads = "Q: S*d; K: S*d; V: S*dv; scores: 3*S + S*dv",
                 .writes = "Y: rows*dv; scores: 3*S",
                 .rules = "R1 R2 R4 R6"},
     .description = "as Attention without masks and past; unknown with a body "
                    "that changes scores or probabilities",
     .domain = "ai.onnx.preview",
     .passes = kPasses},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> AttentionOps() { return kOps; }

}  // namespace opcost
