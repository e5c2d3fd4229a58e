// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's attention of projected queries, keys and values, each head
// with its own keys (docs/ContribOperators.md of ONNX Runtime).
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/attention_core.h"
#include "src/ops/attention_work.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr absl::string_view kMicrosoft = "com.microsoft";
constexpr int kQuery = 0;
constexpr int kKey = 1;
constexpr int kValue = 2;
constexpr int kPresentKey = 1;    // output, the value's follows
constexpr int kScoresOutput = 3;  // output

// Which operand is what; -1: the operator has no such operand.
struct Form {
  int bias = -1;
  int mask = -1;
  int attention_bias = -1;
  int past_key = -1;  // the value's follows
  int past_length = -1;
  int indirection = -1;   // cache_indirection of beam search
  int token_offset = -1;  // the tokens of all sequences are packed
  // Past and present share a buffer if the past length is given, rather than
  // by an attribute.
  bool length_shares_buffer = false;
};
constexpr Form kMultiHead = {.bias = 3,
                             .mask = 4,
                             .attention_bias = 5,
                             .past_key = 6,
                             .past_length = 8,
                             .indirection = 9,
                             .length_shares_buffer = true};
constexpr Form kDecoder = {.bias = 10,
                           .mask = 3,
                           .attention_bias = 4,
                           .past_key = 5,
                           .past_length = 7,
                           .indirection = 9};
constexpr Form kPacked = {.bias = 3, .attention_bias = 6, .token_offset = 4};

// How queries, keys and values lie in the operands.
enum class Layout {
  kSeparate,   // query, key and value
  kCross,      // keys and values by head: batch, heads, length, size
  kPackedKv,   // keys and values in operand 1
  kPackedQkv,  // all in operand 0
};

struct MultiHead {
  AttentionExtents extents;
  KeySequence keys;
  Layout layout = Layout::kSeparate;
  Extent tokens;      // of the queries
  Extent key_tokens;  // of the fresh keys
  Dims output;
};

bool Differ(const Extent& a, const Extent& b) {
  return a.is_concrete() && b.is_concrete() && !(a == b);
}

absl::StatusOr<Extent> PerHead(const NodeView& node, absl::string_view what,
                               const Extent& hidden, const Extent& heads) {
  if (hidden.is_concrete() && hidden.value() % heads.value() != 0) {
    return node.Invalid(what, " has ", hidden.ToString(),
                        " columns, which isn't a multiple of num_heads ",
                        heads.ToString());
  }
  return hidden / heads;
}

// Queries, keys and values in one operand: (..., heads, 3, size), or the three
// side by side in the last axis.
absl::Status ResolvePackedQkv(const NodeView& node,
                              absl::Span<const Extent> dims, size_t tokens,
                              MultiHead* m) {
  AttentionExtents& e = m->extents;
  m->layout = Layout::kPackedQkv;
  m->key_tokens = m->tokens;
  if (dims.size() == tokens + 3) {
    if (Differ(dims[tokens], e.heads) || Differ(dims[tokens + 1], Extent(3))) {
      return node.Invalid("the packed query must end in ", e.heads.ToString(),
                          " heads x 3 x size but is ", ToString(dims));
    }
    e.head_size = dims.back();
  } else {
    OPCOST_ASSIGN_OR_RETURN(e.head_size, PerHead(node, "the packed query",
                                                 dims.back(), e.heads * 3));
  }
  e.value_head_size = e.head_size;
  return absl::OkStatus();
}

// Keys, and perhaps values, in operand 1.
absl::Status ResolveKeyValue(const NodeView& node,
                             absl::Span<const Extent> query, size_t tokens,
                             MultiHead* m) {
  AttentionExtents& e = m->extents;
  OPCOST_ASSIGN_OR_RETURN(e.head_size,
                          PerHead(node, "query", query.back(), e.heads));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* key, node.Input(kKey));
  const absl::Span<const Extent> k = key->shape.dims();
  if (!node.HasInput(kValue)) {
    if (k.size() != tokens + 3 || Differ(k[tokens + 1], Extent(2)) ||
        Differ(k[tokens], e.heads) || Differ(k.back(), e.head_size)) {
      return node.Invalid("without a value the key must end in ",
                          e.heads.ToString(), " heads x 2 x ",
                          e.head_size.ToString(), " but is ",
                          ToString(key->shape));
    }
    m->layout = Layout::kPackedKv;
    m->key_tokens = Volume(k.first(tokens));
    e.value_head_size = e.head_size;
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* value, node.Input(kValue));
  const absl::Span<const Extent> v = value->shape.dims();
  if (k.size() == 4 && v.size() == 4 && tokens == 2) {
    m->layout = Layout::kCross;
    m->key_tokens = k[0] * k[2];
    e.value_head_size = v[3];
    return Differ(k[3], e.head_size) || Differ(k[1], e.heads)
               ? node.Invalid("key must be batch x ", e.heads.ToString(),
                              " heads x length x ", e.head_size.ToString(),
                              " but is ", ToString(key->shape))
               : absl::OkStatus();
  }
  if (k.size() != tokens + 1 || v.size() != tokens + 1 ||
      Differ(k.back(), query.back())) {
    return node.Invalid("key ", ToString(key->shape), " and value ",
                        ToString(value->shape), " don't fit a query ",
                        ToString(query));
  }
  m->key_tokens = Volume(k.first(tokens));
  OPCOST_ASSIGN_OR_RETURN(e.value_head_size,
                          PerHead(node, "value", v.back(), e.heads));
  return absl::OkStatus();
}

// The extent of the fresh keys' sequence axis.
Extent FreshKeys(const NodeView& node, const MultiHead& m,
                 const Extent& queries) {
  if (m.layout == Layout::kPackedQkv) return queries;
  const Dims& key = node.InputType(kKey).tensor.shape.dims();
  return key[m.layout == Layout::kCross ? 2 : 1];
}

template <Form kForm>
absl::StatusOr<KeySequence> ResolveKeys(const NodeView& node,
                                        const MultiHead& m) {
  const Extent fresh = FreshKeys(node, m, m.extents.queries);
  if (kForm.past_key < 0 || !node.HasInput(kForm.past_key) ||
      m.layout == Layout::kCross) {
    return GrowingCache(Extent(0), fresh);
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* past, node.Input(kForm.past_key));
  OPCOST_RETURN_IF_ERROR(node.Input(kForm.past_key + 1).status());
  const absl::Span<const Extent> dims = past->shape.dims();
  if (dims.size() != 4 || Differ(dims[1], m.extents.heads) ||
      Differ(dims[3], m.extents.head_size)) {
    return node.Invalid("past_key must be batch x ", m.extents.heads.ToString(),
                        " heads x length x ", m.extents.head_size.ToString(),
                        " but is ", ToString(past->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t attribute,
                          node.Int("past_present_share_buffer", 0));
  const bool shares = kForm.length_shares_buffer
                          ? node.HasInput(kForm.past_length)
                          : attribute != 0;
  if (!shares) return GrowingCache(dims[2], fresh);
  OPCOST_ASSIGN_OR_RETURN(
      const std::optional<Extent> length,
      KnownLength(node, kForm.past_length, "past_sequence_length"));
  return BufferedCache(node, dims[2], fresh, length);
}

// Tokens of all sequences packed: each sees at most the longest sequence's.
absl::Status ResolvePackedKeys(const NodeView& node, int token_offset,
                               MultiHead* m) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* offset, node.Input(token_offset));
  if (offset->shape.rank() != 2) {
    return node.Invalid("token_offset must have 2 axes but is ",
                        ToString(offset->shape));
  }
  m->keys.fresh = offset->shape.dims()[1];
  m->keys.past = Extent(0);
  m->keys.bound = "shorter sequences than the longest have fewer keys";
  return absl::OkStatus();
}

template <Form kForm>
absl::StatusOr<MultiHead> Resolve(const NodeView& node) {
  constexpr bool kIsPacked = kForm.token_offset >= 0;
  constexpr size_t kTokenAxes = kIsPacked ? 1 : 2;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* query, node.Input(kQuery));
  OPCOST_ASSIGN_OR_RETURN(const int64_t heads, node.Int("num_heads", 0));
  if (heads < 1 || heads > INT32_MAX) {
    return node.Invalid("num_heads is ", heads, " but must be positive");
  }
  const absl::Span<const Extent> dims = query->shape.dims();
  if (dims.size() != kTokenAxes + 1 && dims.size() != kTokenAxes + 3) {
    return node.Invalid("the query must have ", kTokenAxes + 1, " or ",
                        kTokenAxes + 3, " axes but is ",
                        ToString(query->shape));
  }
  MultiHead m;
  AttentionExtents& e = m.extents;
  e.heads = Extent(heads);
  e.batch = kIsPacked ? Extent(1) : dims[0];
  e.queries = dims[kTokenAxes - 1];
  m.tokens = Volume(dims.first(kTokenAxes));
  if (node.HasInput(kKey) && dims.size() == kTokenAxes + 1) {
    OPCOST_RETURN_IF_ERROR(ResolveKeyValue(node, dims, kTokenAxes, &m));
  } else {
    OPCOST_RETURN_IF_ERROR(ResolvePackedQkv(node, dims, kTokenAxes, &m));
  }
  if (kIsPacked) {
    OPCOST_RETURN_IF_ERROR(ResolvePackedKeys(node, kForm.token_offset, &m));
  } else {
    OPCOST_ASSIGN_OR_RETURN(m.keys, ResolveKeys<kForm>(node, m));
  }
  e.keys = m.keys.total();
  m.output.assign(dims.begin(), dims.begin() + kTokenAxes);
  m.output.push_back(e.heads * e.value_head_size);
  return m;
}

template <Form kForm>
absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(MultiHead m, Resolve<kForm>(node));
  const AttentionExtents& e = m.extents;
  const DataType type = node.InputType(kQuery).tensor.type;
  return OutputTypes{
      ValueType(type, std::move(m.output)),
      ValueType(type, Dims{e.batch, e.heads, m.keys.present, e.head_size}),
      ValueType(type,
                Dims{e.batch, e.heads, m.keys.present, e.value_head_size}),
      ValueType(type, Dims{e.batch, e.heads, e.queries, e.keys})};
}

struct QueryKeyValue {
  AttentionArray query, key, value;
};

// Where the operands have them; a bias makes copies of those that it is added
// to: not of the keys and values of another layer's cache.
QueryKeyValue Prepare(const TypedNodeView& node, const MultiHead& m, int bias,
                      AttentionWork& work) {
  const AttentionExtents& e = m.extents;
  const Extent key_heads = m.key_tokens * e.heads;
  const int key = m.layout == Layout::kPackedQkv ? kQuery : kKey;
  const int value = m.layout == Layout::kPackedQkv  ? kQuery
                    : m.layout == Layout::kPackedKv ? kKey
                                                    : kValue;
  QueryKeyValue qkv{
      AttentionWork::Operand(kQuery, m.tokens * e.heads * e.head_size),
      AttentionWork::Operand(key, key_heads * e.head_size),
      AttentionWork::Operand(value, key_heads * e.value_head_size)};
  Count biased(0);
  if (node.HasInput(bias)) {
    qkv.query = work.AddBias(qkv.query, bias, "queries");
    biased = qkv.query.elements;
    if (m.layout != Layout::kCross) {
      qkv.key = work.AddBias(qkv.key, bias, "keys");
      qkv.value = work.AddBias(qkv.value, bias, "values");
      biased += qkv.key.elements + qkv.value.elements;
    }
  }
  node.Let("biased", biased);
  return qkv;
}

template <Form kForm>
absl::StatusOr<OpCounts> CountMultiHead(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const MultiHead m, Resolve<kForm>(node));
  const AttentionExtents& e = m.extents;
  const OperandSet format = OperandSet::Input(kQuery);
  OpCounts counts;
  AttentionWork work(&counts, node, format);
  const QueryKeyValue qkv = Prepare(node, m, kForm.bias, work);
  AttentionScores scores;
  for (const int i : {kForm.mask, kForm.attention_bias}) {
    if (!MasksScores(node, i)) continue;
    ++scores.masks;
    work.ReadOperand(i, e.scores());
  }
  const Count beams =
      kForm.indirection < 0 ? Count(0) : node.InputVolume(kForm.indirection);
  node.Let("beams", beams);
  work.ReadOperand(kForm.indirection, beams, Role::kIndex);
  const bool has_past = kForm.past_key >= 0 && m.layout != Layout::kCross &&
                        node.HasInput(kForm.past_key);
  const int past = has_past ? kForm.past_key : -1;
  const int past_value = has_past ? kForm.past_key + 1 : -1;
  work.Attend({e,
               m.keys,
               qkv.query,
               qkv.key,
               qkv.value,
               past,
               past_value,
               {format, format, format},
               scores});
  if (kForm.past_key >= 0) {
    const Extent cached = Volume({e.batch, e.heads, m.keys.past});
    work.Append(qkv.key, past, cached * e.head_size, kPresentKey,
                m.keys.shares_buffer);
    work.Append(qkv.value, past_value, cached * e.value_head_size,
                kPresentKey + 1, m.keys.shares_buffer);
    WriteOutput(counts, node, kScoresOutput, e.scores());
  }
  node.Let("qk", Count(node.IsOutputUsed(kScoresOutput) ? 1 : 0));
  WriteAttention(counts, node, 0, e);
  work.Finish();
  return counts;
}

constexpr Formula kFormula = {
    .macs = "S*(d + dv)",
    .mul = "MACs + S*(2 + exp) + rows*div",
    .add = "MACs + biased + masks*S + S*(3 + exp) + rows*div",
    .reads =
        "query: S*d; key, past_key: S*d; value, past_value: S*dv; query, "
        "key, value and bias: prepared_reads; masks: masks*S; scores: "
        "3*S + S*dv; cache: moved; cache_indirection: beams",
    .writes =
        "queries, keys, values: prepared_writes; scores: 3*S; output: "
        "rows*dv; present: moved; qk: [qk]*S",
    .rules = "R1 R2 R3 R4 R6 R8"};
constexpr absl::string_view kPasses =
    "scores, softmax (maximum, exponentials and sum, quotient), values";
constexpr absl::string_view kBufferBound =
    "where past and present share a buffer and only the run tells the past "
    "length, the whole buffer counts";

constexpr OpDef kOps[] = {
    {.name = "DecoderMaskedMultiHeadAttention",
     .since = 1,
     .infer = &Infer<kDecoder>,
     .count = &CountMultiHead<kDecoder>,
     .formula = kFormula,
     .description = "MultiHeadAttention of one new token per sequence",
     .domain = kMicrosoft,
     .passes = kPasses,
     .bound = kBufferBound},
    {.name = "MultiHeadAttention",
     .since = 1,
     .infer = &Infer<kMultiHead>,
     .count = &CountMultiHead<kMultiHead>,
     .formula = kFormula,
     .description = "attention of S scores, separate or packed operands; a "
                    "bias is added into copies first; past and new keys and "
                    "values are copied to present, the new ones alone where "
                    "they share a buffer",
     .domain = kMicrosoft,
     .passes = kPasses,
     .bound = kBufferBound},
    {.name = "PackedMultiHeadAttention",
     .since = 1,
     .infer = &Infer<kPacked>,
     .count = &CountMultiHead<kPacked>,
     .formula = kFormula,
     .description = "MultiHeadAttention of sequences without their padding",
     .domain = kMicrosoft,
     .passes = kPasses,
     .bound =
         "each token counts as many keys as the longest sequence may have"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribMultiHeadAttentionOps() { return kOps; }

}  // namespace opcost
