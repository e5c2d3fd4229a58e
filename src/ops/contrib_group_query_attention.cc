// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's attention of heads that share keys and values in groups, as
// decoders have it (docs/ContribOperators.md of ONNX Runtime).
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/attention_core.h"
#include "src/ops/attention_work.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr absl::string_view kMicrosoft = "com.microsoft";
constexpr int kQuery = 0;
constexpr int kKey = 1;
constexpr int kValue = 2;
constexpr int kPastKey = 3;       // the value's follows
constexpr int kPresentKey = 1;    // output, the value's follows
constexpr int kScoresOutput = 3;  // output

// Which operand is what; -1: the operator has no such operand.
struct Form {
  int total = -1;  // total_sequence_length
  int cos = -1;    // the sine's follows
  int position_ids = -1;
  int attention_bias = -1;
  int head_sink = -1;
  int key_scale = -1;   // the value's follows
  int query_norm = -1;  // the key's follows
  int block_rows = -1;  // of a block mask; its columns follow
};
constexpr Form kGroup = {.total = 6,
                         .cos = 7,
                         .position_ids = 9,
                         .attention_bias = 10,
                         .head_sink = 11,
                         .key_scale = 12,
                         .query_norm = 14};
constexpr Form kSparse = {.total = 7, .cos = 9, .block_rows = 5};

constexpr absl::string_view kBlockBound =
    "the block mask leaves out scores, which all count";
constexpr absl::string_view kWindowBound =
    "a window cache drops keys as new ones come; all that fit in it count";

struct Group {
  AttentionExtents extents;
  Extent kv_heads;
  KeySequence keys;
  bool is_packed = false;  // keys and values lie in the query's operand
  bool has_past = false;
  bool is_quantized = false;  // the caches
  bool is_4_bit = false;      // two numbers in each of their elements
  Extent rotated;             // elements of a head; 0: no rotary embedding
  Extent fresh_tokens;        // of keys
  Dims output;

  Extent tokens() const { return extents.batch * extents.queries; }
};

bool Differ(const Extent& a, const Extent& b) {
  return a.is_concrete() && b.is_concrete() && !(a == b);
}

bool Has(const NodeView& node, int i) { return i >= 0 && node.HasInput(i); }

// Heads' number and size, and the fresh keys.
absl::Status ResolveHeads(const NodeView& node, Group* g) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* query, node.Input(kQuery));
  OPCOST_ASSIGN_OR_RETURN(const int64_t heads, node.Int("num_heads", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t kv_heads, node.Int("kv_num_heads", 0));
  if (heads < 1 || kv_heads < 1 || heads > INT32_MAX || heads % kv_heads != 0) {
    return node.Invalid("num_heads ", heads,
                        " must be a positive multiple of kv_num_heads ",
                        kv_heads);
  }
  const absl::Span<const Extent> dims = query->shape.dims();
  if (dims.size() != 3) {
    return node.Invalid("the query must have 3 axes but is ",
                        ToString(query->shape));
  }
  AttentionExtents& e = g->extents;
  g->is_packed = !node.HasInput(kKey);
  const int64_t columns = g->is_packed ? heads + 2 * kv_heads : heads;
  if (dims[2].is_concrete() && dims[2].value() % columns != 0) {
    return node.Invalid("the query has ", dims[2].ToString(),
                        " columns, which ", columns, " heads can't share");
  }
  e.batch = dims[0];
  e.queries = dims[1];
  e.heads = Extent(heads);
  e.head_size = dims[2] / columns;
  e.value_head_size = e.head_size;
  g->kv_heads = Extent(kv_heads);
  g->keys.fresh = dims[1];
  g->output = {dims[0], dims[1], e.heads * e.head_size};
  if (g->is_packed) return absl::OkStatus();
  for (const int i : {kKey, kValue}) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
    const Dims& kv = operand->shape.dims();
    if (kv.size() != 3 || Differ(kv[2], g->kv_heads * e.head_size)) {
      return node.Invalid(i == kKey ? "key" : "value",
                          " must be batch x length x ",
                          (g->kv_heads * e.head_size).ToString(), " but is ",
                          ToString(operand->shape));
    }
    g->keys.fresh = kv[1];
  }
  return absl::OkStatus();
}

// The keys where the operator itself has to find out whether past and present
// share a buffer. ONNX Runtime gives the present the longer one of the past and
// the total: a past that has room for the total is a buffer. One of known size
// is, too, where the total isn't a number.
absl::StatusOr<KeySequence> KeysOfCache(const NodeView& node,
                                        const Extent& past, const Extent& fresh,
                                        const std::optional<Extent>& total) {
  const bool is_sized = past.is_concrete() && past.value() > 0;
  if (total.has_value() && total->is_concrete() && past.is_concrete() &&
      past.value() < total->value()) {
    const KeySequence keys = GrowingCache(past, fresh);
    if (keys.total().is_concrete() && keys.total().value() < total->value()) {
      return node.Invalid("total_sequence_length is ", total->ToString(),
                          " but ", past.ToString(), " past and ",
                          fresh.ToString(), " new keys are ",
                          keys.total().ToString());
    }
    return KeySequence{*total - fresh, fresh, *total, false, ""};
  }
  const bool fits = !fresh.is_concrete() || !past.is_concrete() ||
                    fresh.value() <= past.value();
  if (total.has_value() && (*total == past || is_sized)) {
    return BufferedCache(node, past, fresh, *total - fresh);
  }
  if (!total.has_value() && is_sized && fits) {
    return BufferedCache(node, past, fresh, std::nullopt);
  }
  return GrowingCache(past, fresh);
}

template <Form kForm>
absl::Status ResolveKeys(const NodeView& node, Group* g) {
  const Extent fresh = g->keys.fresh;
  g->has_past = node.HasInput(kPastKey);
  if (!g->has_past) {
    g->keys = GrowingCache(Extent(0), fresh);
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* past, node.Input(kPastKey));
  OPCOST_RETURN_IF_ERROR(node.Input(kPastKey + 1).status());
  const absl::Span<const Extent> dims = past->shape.dims();
  const Extent size = g->is_4_bit ? Extent::CeilDiv(g->extents.head_size, 2)
                                  : g->extents.head_size;
  if (dims.size() != 4 || Differ(dims[1], g->kv_heads) ||
      Differ(dims[3], size)) {
    return node.Invalid("past_key must be batch x ", g->kv_heads.ToString(),
                        " heads x length x ", size.ToString(), " but is ",
                        ToString(past->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(
      const std::optional<Extent> total,
      KnownLength(node, kForm.total, "total_sequence_length"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t window,
                          node.Int("sliding_window_cache", 0));
  if (total.has_value() && total->is_concrete() && fresh.is_concrete() &&
      total->value() < fresh.value()) {
    return node.Invalid("total_sequence_length is ", total->ToString(),
                        " but there are ", fresh.ToString(), " new keys");
  }
  if (kForm.block_rows >= 0) {
    std::optional<Extent> length;
    if (total.has_value()) length = *total - fresh;
    OPCOST_ASSIGN_OR_RETURN(g->keys,
                            BufferedCache(node, dims[2], fresh, length));
    g->keys.bound = kBlockBound;
  } else if (window != 0) {
    const Extent kept =
        total.has_value() ? Extent::Min(dims[2], *total - fresh) : dims[2];
    g->keys = {kept, fresh, dims[2], false, kWindowBound};
  } else {
    OPCOST_ASSIGN_OR_RETURN(g->keys, KeysOfCache(node, dims[2], fresh, total));
  }
  return absl::OkStatus();
}

template <Form kForm>
absl::Status ResolveRotary(const NodeView& node, Group* g) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t rotary, node.Int("do_rotary", 0));
  if (rotary == 0) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* cos, node.Input(kForm.cos));
  OPCOST_RETURN_IF_ERROR(node.Input(kForm.cos + 1).status());
  if (cos->shape.rank() != 2) {
    return node.Invalid("cos_cache must have 2 axes but is ",
                        ToString(cos->shape));
  }
  g->rotated = cos->shape.dims()[1] * 2;
  const Extent& size = g->extents.head_size;
  if (g->rotated.is_concrete() && size.is_concrete() &&
      g->rotated.value() > size.value()) {
    return node.Invalid("cos_cache rotates ", g->rotated.ToString(),
                        " elements of heads of ", size.ToString());
  }
  return absl::OkStatus();
}

template <Form kForm>
absl::StatusOr<Group> Resolve(const NodeView& node) {
  Group g;
  OPCOST_RETURN_IF_ERROR(ResolveHeads(node, &g));
  if (kForm.key_scale >= 0) {
    OPCOST_ASSIGN_OR_RETURN(const std::string quantized,
                            node.String("k_quant_type", "NONE"));
    OPCOST_ASSIGN_OR_RETURN(const int64_t bits,
                            node.Int("kv_cache_bit_width", 8));
    g.is_quantized = quantized != "NONE" && node.HasInput(kPastKey);
    g.is_4_bit = g.is_quantized && bits == 4;
  }
  OPCOST_RETURN_IF_ERROR(ResolveKeys<kForm>(node, &g));
  OPCOST_RETURN_IF_ERROR(ResolveRotary<kForm>(node, &g));
  g.extents.keys = g.keys.total();
  g.fresh_tokens = g.extents.batch * g.keys.fresh;
  return g;
}

template <Form kForm>
absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Group g, Resolve<kForm>(node));
  const AttentionExtents& e = g.extents;
  const DataType type = node.InputType(kQuery).tensor.type;
  const DataType cached =
      g.has_past ? node.InputType(kPastKey).tensor.type : type;
  const ValueType present(
      cached, Dims{e.batch, g.kv_heads, g.keys.present,
                   g.is_4_bit ? Extent::CeilDiv(e.head_size, 2) : e.head_size});
  return OutputTypes{
      ValueType(type, std::move(g.output)), present, present,
      ValueType(type, Dims{e.batch, e.heads, e.queries, e.keys})};
}

struct QueryKeyValue {
  AttentionArray query, key, value;
};

// Norm of each head, then rotary position embedding, into scratch.
template <Form kForm>
QueryKeyValue Prepare(const TypedNodeView& node, const Group& g,
                      AttentionWork& work) {
  const AttentionExtents& e = g.extents;
  const Count query_rows = g.tokens() * e.heads;
  const Count key_rows = g.fresh_tokens * g.kv_heads;
  QueryKeyValue qkv{AttentionWork::Operand(kQuery, query_rows * e.head_size),
                    AttentionWork::Operand(g.is_packed ? kQuery : kKey,
                                           key_rows * e.head_size),
                    AttentionWork::Operand(g.is_packed ? kQuery : kValue,
                                           key_rows * e.head_size)};
  const bool has_norm = Has(node, kForm.query_norm);
  if (has_norm) {
    qkv.query =
        work.NormalizeHeads(qkv.query, query_rows, kForm.query_norm, "queries");
    qkv.key =
        work.NormalizeHeads(qkv.key, key_rows, kForm.query_norm + 1, "keys");
  }
  if (!g.rotated.Is(0)) {
    qkv.query =
        work.Rotate(qkv.query, query_rows * g.rotated, kForm.cos, "queries");
    qkv.key = work.Rotate(qkv.key, key_rows * g.rotated, kForm.cos, "keys");
  }
  const Count rows = query_rows + key_rows;
  node.Let("normed", has_norm ? rows : Count(0));
  node.Let("rotated", rows * g.rotated);
  return qkv;
}

// The numbers of a quantized cache become floats at each use, and the new ones
// integers once: each by one product with its scale, which is read per use
// where there is one per channel.
void CountQuantized(OpCounts& counts, const TypedNodeView& node, const Group& g,
                    int key_scale, OperandSet format, AttentionWork& work) {
  const AttentionExtents& e = g.extents;
  const Count fresh = Volume({g.fresh_tokens, g.kv_heads, e.head_size});
  Count uses(0), written(0), scales(0);
  if (g.is_quantized) {
    const Count past = Volume({e.rows(), g.keys.past, e.head_size});
    uses = past * 2;
    AddArith(counts, ArithOp::kMul, format, uses);
    for (const int i : {0, 1}) {
      const bool is_stored = node.IsOutputUsed(kPresentKey + i);
      const Count stored = is_stored ? fresh : Count(0);
      AddEach(counts, {.mul = 1, .add = 3}, stored, format);
      written += stored;
      const bool per_channel = !node.InputVolume(key_scale + i).Is(1);
      const Count reads = per_channel ? past + stored : Count(1);
      work.ReadOperand(key_scale + i, reads);
      if (node.HasInput(key_scale + i)) scales += reads;
    }
  }
  node.Let("dequantized", uses);
  node.Let("quantized", written);
  node.Let("scales", scales);
}

// Two numbers of four bits lie in each element of the caches.
void MarkPacked(OpCounts& counts) {
  for (Access& access : counts.accesses) {
    const bool is_past =
        access.side == Access::Side::kInput &&
        (access.index == kPastKey || access.index == kPastKey + 1);
    const bool is_present =
        access.side == Access::Side::kOutput &&
        (access.index == kPresentKey || access.index == kPresentKey + 1);
    if (!is_past && !is_present) continue;
    access.packed_format = FormatOf(DataType::kInt4);
    access.elements = access.elements * 2;
  }
}

// What only some of the operators have: masks, sinks, indices.
template <Form kForm>
absl::StatusOr<AttentionScores> ReadScoreOperands(const TypedNodeView& node,
                                                  const Group& g,
                                                  AttentionWork& work) {
  OPCOST_ASSIGN_OR_RETURN(const double softcap, node.Float("softcap", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t smooth, node.Int("smooth_softmax", -1));
  AttentionScores scores;
  scores.has_softcap = softcap != 0;
  scores.has_sink = smooth == 1 || Has(node, kForm.head_sink);
  Count sinks(0), indices(0);
  if (Has(node, kForm.attention_bias)) {
    scores.masks = 1;
    work.ReadOperand(kForm.attention_bias, g.extents.scores());
  }
  if (Has(node, kForm.head_sink)) {
    sinks = g.extents.rows();
    work.ReadOperand(kForm.head_sink, sinks);
  }
  for (const int i : {kForm.position_ids, kForm.block_rows,
                      kForm.block_rows < 0 ? -1 : kForm.block_rows + 1}) {
    if (!Has(node, i)) continue;
    indices += node.InputVolume(i);
    work.ReadOperand(i, node.InputVolume(i), Role::kIndex);
  }
  node.Let("sinks", sinks);
  node.Let("indices", indices);
  return scores;
}

template <Form kForm>
absl::StatusOr<OpCounts> CountGroup(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Group g, Resolve<kForm>(node));
  const AttentionExtents& e = g.extents;
  const OperandSet format = OperandSet::Input(kQuery);
  OpCounts counts;
  AttentionWork work(&counts, node, format);
  const QueryKeyValue qkv = Prepare<kForm>(node, g, work);
  OPCOST_ASSIGN_OR_RETURN(const AttentionScores scores,
                          ReadScoreOperands<kForm>(node, g, work));
  const int past_key = g.has_past ? kPastKey : -1;
  const int past_value = g.has_past ? kPastKey + 1 : -1;
  work.Attend({e,
               g.keys,
               qkv.query,
               qkv.key,
               qkv.value,
               past_key,
               past_value,
               {format, format, format},
               scores});
  const Count cached = Volume({e.batch, g.kv_heads, g.keys.past, e.head_size});
  work.Append(qkv.key, past_key, cached, kPresentKey, g.keys.shares_buffer);
  work.Append(qkv.value, past_value, cached, kPresentKey + 1,
              g.keys.shares_buffer);
  CountQuantized(counts, node, g, kForm.key_scale, format, work);
  WriteOutput(counts, node, kScoresOutput, e.scores());
  node.Let("qk", Count(node.IsOutputUsed(kScoresOutput) ? 1 : 0));
  WriteAttention(counts, node, 0, e);
  work.Finish();
  if (g.is_4_bit) MarkPacked(counts);
  return counts;
}

constexpr Formula kGroupFormula = {
    .macs = "S*(d + dv)",
    .mul =
        "MACs + S*(2 + exp) + [softcap]*S*(2 + tanh) + rows*(div + "
        "[sink]*exp) + normed*(1 + 3*d + sqrt + div) + 2*rotated + "
        "dequantized + quantized",
    .add =
        "MACs + masks*S + S*(3 + exp) + [softcap]*S*tanh + rows*(div + "
        "[sink]*(3 + exp)) + normed*(1 + d + sqrt + div) + rotated + "
        "3*quantized",
    .reads =
        "query: S*d; key, past_key: S*d; value, past_value: S*dv; norm "
        "and rotation: prepared_reads; attention_bias: masks*S; "
        "head_sink: sinks; scores: 3*S + S*dv; cache: moved; k_scale, "
        "v_scale: scales; position_ids: indices",
    .writes =
        "queries, keys: prepared_writes; scores: 3*S; output: rows*dv; "
        "present_key, present_value: moved; output_qk: [qk]*S",
    .rules = "R1 R2 R3 R4 R6 R8"};
constexpr Formula kSparseFormula = {
    .macs = "S*(d + dv)",
    .mul = "MACs + S*(2 + exp) + rows*div + 2*rotated",
    .add = "MACs + S*(3 + exp) + rows*div + rotated",
    .reads =
        "query: S*d; key, past_key: S*d; value, past_value: S*dv; "
        "rotation: prepared_reads; scores: 3*S + S*dv; cache: moved; "
        "block_row_indices, block_col_indices: indices",
    .writes =
        "queries, keys: prepared_writes; scores: 3*S; output: rows*dv; "
        "present_key, present_value: moved",
    .rules = "R1 R2 R3 R4 R6 R8"};
constexpr absl::string_view kPasses =
    "norm of heads (mean of squares, result), rotation, scores, softmax "
    "(maximum, exponentials and sum, quotient), values";

constexpr OpDef kOps[] = {
    {.name = "GroupQueryAttention",
     .since = 1,
     .infer = &Infer<kGroup>,
     .count = &CountGroup<kGroup>,
     .formula = kGroupFormula,
     .description = "attention of S scores, after norm and rotation where the "
                    "node has them; causal and window masks reduce nothing; "
                    "past and new keys and values are copied to present, the "
                    "new ones alone where the past has room for the total, "
                    "which makes it a shared buffer",
     .domain = kMicrosoft,
     .passes = kPasses,
     .bound = "a buffer counts in full where only the run tells the total "
              "length; a window cache counts all that fit in it"},
    {.name = "SparseAttention",
     .since = 1,
     .infer = &Infer<kSparse>,
     .count = &CountGroup<kSparse>,
     .formula = kSparseFormula,
     .description = "GroupQueryAttention of the blocks that a mask names, in "
                    "caches that are shared buffers",
     .domain = kMicrosoft,
     .passes = "rotation, scores, softmax (maximum, exponentials and sum, "
               "quotient), values",
     .bound = kBlockBound},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribGroupQueryAttentionOps() { return kOps; }

}  // namespace opcost
