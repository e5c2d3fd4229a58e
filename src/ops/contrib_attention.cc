// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's attention operators that project queries, keys and values
// themselves (docs/ContribOperators.md of ONNX Runtime): one product of the
// input with merged weights, then scaled dot-product attention.
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/attention_core.h"
#include "src/ops/attention_work.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr absl::string_view kMicrosoft = "com.microsoft";
constexpr int kWeights = 1;
constexpr int kBias = 2;
constexpr int kPresent = 1;  // output

// Which operand is what; -1: the operator has no such operand.
struct Form {
  int mask = -1;
  int past = -1;
  int past_length = -1;
  int attention_bias = -1;
  int indirection = -1;   // cache_indirection of beam search
  int token_offset = -1;  // the input holds the tokens of all sequences packed
  int input_scale = -1;   // quantized: its weight's follows
  int zero_points = -1;   // the input's; the weight's follows
};
constexpr Form kAttention = {
    .mask = 3, .past = 4, .past_length = 6, .attention_bias = 5};
constexpr Form kDecoder = {.mask = 3,
                           .past = 4,
                           .past_length = 6,
                           .attention_bias = 5,
                           .indirection = 8};
constexpr Form kQuantized = {
    .mask = 5, .past = 8, .input_scale = 3, .zero_points = 6};
constexpr Form kPacked = {.attention_bias = 5, .token_offset = 3};

struct Projected {
  AttentionExtents extents;
  KeySequence keys;
  Extent tokens;      // of the input
  Extent input_size;  // columns of the input
  Extent columns;     // of the weights
  bool has_rotary = false;
  Extent rotated;  // elements of a head
  DataType type = DataType::kUndefined;
  Dims output;

  Extent Elements(const Extent& size) const {
    return Volume({tokens, extents.heads, size});
  }
};

bool Differ(const Extent& a, const Extent& b) {
  return a.is_concrete() && b.is_concrete() && !(a == b);
}

// Hidden sizes of queries and of values.
absl::StatusOr<std::pair<Extent, Extent>> HiddenSizes(const NodeView& node,
                                                      const Extent& columns) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> sizes,
                          node.Ints("qkv_hidden_sizes"));
  if (sizes.empty()) {
    if (columns.is_concrete() && columns.value() % 3 != 0) {
      return node.Invalid("the weights have ", columns.ToString(),
                          " columns, which queries, keys and values can't "
                          "share alike; give qkv_hidden_sizes");
    }
    return std::make_pair(columns / 3, columns / 3);
  }
  if (sizes.size() != 3 || sizes[0] < 1 || sizes[1] != sizes[0] ||
      sizes[2] < 1) {
    return node.Invalid(
        "qkv_hidden_sizes must be three positive sizes, the first two alike");
  }
  const Extent sum = Extent(sizes[0]) + Extent(sizes[1]) + Extent(sizes[2]);
  if (sum.overflowed() || Differ(sum, columns)) {
    return node.Invalid("qkv_hidden_sizes add up to ", sum.ToString(),
                        " but the weights have ", columns.ToString(),
                        " columns");
  }
  return std::make_pair(Extent(sizes[0]), Extent(sizes[2]));
}

absl::StatusOr<Extent> PerHead(const NodeView& node, const Extent& hidden,
                               int64_t heads) {
  if (hidden.is_concrete() && hidden.value() % heads != 0) {
    return node.Invalid("a hidden size of ", hidden.ToString(),
                        " isn't a multiple of num_heads ", heads);
  }
  return hidden / heads;
}

// `batch` and the queries' length: the input's first axes, or, where it is
// packed, those of token_offset.
template <Form kForm>
absl::Status ResolveTokens(const NodeView& node, Projected* p) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* input, node.Input(0));
  const absl::Span<const Extent> dims = input->shape.dims();
  constexpr bool kIsPacked = kForm.token_offset >= 0;
  if (dims.size() != (kIsPacked ? 2U : 3U)) {
    return node.Invalid("the input must have ", kIsPacked ? 2 : 3,
                        " axes but is ", ToString(input->shape));
  }
  p->output.assign(dims.begin(), dims.end());
  p->input_size = dims.back();
  p->tokens = Volume(dims.first(dims.size() - 1));
  if (!kIsPacked) {
    p->extents.batch = dims[0];
    p->extents.queries = dims[1];
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* offset,
                          node.Input(kForm.token_offset));
  if (offset->shape.rank() != 2) {
    return node.Invalid("token_offset must have 2 axes but is ",
                        ToString(offset->shape));
  }
  // Each token sees at most the keys of the longest sequence.
  p->extents.batch = Extent(1);
  p->extents.queries = dims[0];
  p->keys.fresh = offset->shape.dims()[1];
  p->keys.past = Extent(0);
  p->keys.bound = "shorter sequences than the longest have fewer keys";
  return absl::OkStatus();
}

template <Form kForm>
absl::Status ResolveKeys(const NodeView& node, Projected* p) {
  if (kForm.token_offset >= 0) return absl::OkStatus();
  const Extent& fresh = p->extents.queries;
  if (kForm.past < 0 || !node.HasInput(kForm.past)) {
    p->keys = GrowingCache(Extent(0), fresh);
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* past, node.Input(kForm.past));
  const absl::Span<const Extent> dims = past->shape.dims();
  if (dims.size() != 5 || Differ(dims[0], Extent(2)) ||
      Differ(dims[2], p->extents.heads) ||
      Differ(dims[4], p->extents.head_size)) {
    return node.Invalid("past must be 2 x batch x ",
                        p->extents.heads.ToString(), " heads x length x ",
                        p->extents.head_size.ToString(), " but is ",
                        ToString(past->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t shares,
                          node.Int("past_present_share_buffer", 0));
  if (shares == 0) {
    p->keys = GrowingCache(dims[3], fresh);
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(
      const std::optional<Extent> length,
      KnownLength(node, kForm.past_length, "past_sequence_length"));
  OPCOST_ASSIGN_OR_RETURN(p->keys, BufferedCache(node, dims[3], fresh, length));
  return absl::OkStatus();
}

// Rotary position embedding by tables that the operator holds itself.
absl::Status ResolveRotary(const NodeView& node, Projected* p) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t rotary, node.Int("do_rotary", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t size,
                          node.Int("rotary_embedding_dim", 0));
  p->has_rotary = rotary != 0;
  p->rotated = p->extents.head_size;
  if (size == 0) return absl::OkStatus();
  if (size < 0 || (p->rotated.is_concrete() && size > p->rotated.value())) {
    return node.Invalid("rotary_embedding_dim ", size, " doesn't fit heads of ",
                        p->rotated.ToString());
  }
  p->rotated = Extent(size);
  return absl::OkStatus();
}

template <Form kForm>
absl::StatusOr<Projected> Resolve(const NodeView& node) {
  Projected p;
  OPCOST_RETURN_IF_ERROR(ResolveTokens<kForm>(node, &p));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* weights, node.Input(kWeights));
  OPCOST_ASSIGN_OR_RETURN(const int64_t heads, node.Int("num_heads", 0));
  if (heads < 1) {
    return node.Invalid("num_heads is ", heads, " but must be positive");
  }
  const absl::Span<const Extent> dims = weights->shape.dims();
  if (dims.size() != 2 || Differ(dims[0], p.input_size)) {
    return node.Invalid("the weights must be ", p.input_size.ToString(),
                        " x columns but are ", ToString(weights->shape));
  }
  p.columns = dims[1];
  OPCOST_ASSIGN_OR_RETURN(const auto hidden, HiddenSizes(node, p.columns));
  p.extents.heads = Extent(heads);
  OPCOST_ASSIGN_OR_RETURN(p.extents.head_size,
                          PerHead(node, hidden.first, heads));
  OPCOST_ASSIGN_OR_RETURN(p.extents.value_head_size,
                          PerHead(node, hidden.second, heads));
  OPCOST_RETURN_IF_ERROR(ResolveKeys<kForm>(node, &p));
  OPCOST_RETURN_IF_ERROR(ResolveRotary(node, &p));
  p.extents.keys = p.keys.total();
  p.output.back() = hidden.second;
  const bool is_quantized = kForm.input_scale >= 0;
  if (is_quantized) {
    for (const int i : {kBias, kForm.input_scale, kForm.input_scale + 1}) {
      OPCOST_RETURN_IF_ERROR(node.Input(i).status());
    }
  }
  p.type = node.InputType(is_quantized ? kBias : 0).tensor.type;
  return p;
}

template <Form kForm>
absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Projected p, Resolve<kForm>(node));
  const AttentionExtents& e = p.extents;
  return OutputTypes{ValueType(p.type, std::move(p.output)),
                     ValueType(p.type, Dims{Extent(2), e.batch, e.heads,
                                            p.keys.present, e.head_size})};
}

struct QueryKeyValue {
  AttentionArray query, key, value;
};

// The product with the merged weights, into scratch. Its sums start at the
// bias; integer ones become floats first, by one product with the scales.
template <Form kForm>
QueryKeyValue Project(OpCounts& counts, const TypedNodeView& node,
                      const Projected& p, AttentionWork& work) {
  const Count all = p.tokens * p.columns;
  const Count macs = Volume({p.tokens, p.input_size, p.columns});
  node.Let("projected", all);
  node.Let("projection", macs);
  node.Let("bias", Count(node.HasInput(kBias) ? 1 : 0));
  AddMacs(counts, 0, kWeights, macs);
  work.ReadOperand(0, macs);
  work.ReadOperand(kWeights, macs, Role::kWeight);
  AddWeightMatrix(counts, node,
                  {.operand = kWeights,
                   .rows = p.columns,
                   .columns = p.input_size,
                   .vectors = p.tokens,
                   .is_transposed = true});
  work.ReadOperand(kBias, all, Role::kBias);
  if (kForm.input_scale >= 0) {
    const int weight_scale = kForm.input_scale + 1;
    const bool per_column = !node.InputVolume(weight_scale).Is(1);
    AddArith(counts, ArithOp::kMul, OperandSet::Fixed(DataType::kFloat32), all);
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(kBias), all);
    work.ReadOperand(kForm.input_scale, Count(1));
    work.ReadOperand(weight_scale, per_column ? all : Count(1));
    Count zero_points(0);
    for (const int i : {kForm.zero_points, kForm.zero_points + 1}) {
      work.ReadOperand(i, node.InputVolume(i));
      zero_points += node.InputVolume(i);
    }
    node.Let("scales", (per_column ? all : Count(1)) + 1);
    node.Let("zero_points", zero_points);
  }
  const Count keys = p.Elements(p.extents.head_size);
  QueryKeyValue qkv{
      work.AddScratch("queries", keys), work.AddScratch("keys", keys),
      work.AddScratch("values", p.Elements(p.extents.value_head_size))};
  for (const AttentionArray& array : {qkv.query, qkv.key, qkv.value}) {
    work.Write(array, array.elements);
  }
  return qkv;
}

template <Form kForm>
absl::StatusOr<OpCounts> CountProjected(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Projected p, Resolve<kForm>(node));
  const AttentionExtents& e = p.extents;
  const OperandSet format =
      OperandSet::Input(kForm.input_scale >= 0 ? kBias : 0);
  OpCounts counts;
  AttentionWork work(&counts, node, format);
  QueryKeyValue qkv = Project<kForm>(counts, node, p, work);
  const Count rotated = p.has_rotary ? p.Elements(p.rotated) : Count(0);
  if (p.has_rotary) {
    qkv.query = work.Rotate(qkv.query, rotated, -1, "queries");
    qkv.key = work.Rotate(qkv.key, rotated, -1, "keys");
  }
  node.Let("rotated", rotated * 2);
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
  const bool has_past = kForm.past >= 0 && node.HasInput(kForm.past);
  const int past = has_past ? kForm.past : -1;
  work.Attend({e,
               p.keys,
               qkv.query,
               qkv.key,
               qkv.value,
               past,
               past,
               {format, format, format},
               scores});
  const Extent cached = Volume({e.batch, e.heads, p.keys.past});
  if (kForm.past >= 0) {
    work.Append(qkv.key, past, cached * e.head_size, kPresent,
                p.keys.shares_buffer);
    work.Append(qkv.value, past, cached * e.value_head_size, kPresent,
                p.keys.shares_buffer);
  }
  WriteAttention(counts, node, 0, e);
  work.Finish();
  return counts;
}

constexpr Formula kFloatFormula = {
    .macs = "projection + S*(d + dv)",
    .mul = "MACs + 2*rotated + S*(2 + exp) + rows*div",
    .add = "MACs + rotated + masks*S + S*(3 + exp) + rows*div",
    .reads =
        "input: projection; weights: projection; bias: [bias]*projected; "
        "rotation: prepared_reads; queries: S*d; keys: S*d; values: S*dv; "
        "masks: masks*S; scores: 3*S + S*dv; cache: moved; "
        "cache_indirection: beams",
    .writes =
        "queries, keys, values: projected + prepared_writes; scores: "
        "3*S; output: rows*dv; present: moved",
    .rules = "R1 R2 R3 R4 R6 R8"};
constexpr Formula kQuantizedFormula = {
    .macs = "projection + S*(d + dv)",
    .mul = "MACs + projected + S*(2 + exp) + rows*div",
    .add = "MACs + projected + masks*S + S*(3 + exp) + rows*div",
    .reads =
        "input: projection; weight: projection; bias: projected; scales: "
        "scales; zero_points: zero_points; queries: S*d; keys: S*d; "
        "values: S*dv; masks: masks*S; scores: 3*S + S*dv; cache: moved",
    .writes =
        "queries, keys, values: projected; scores: 3*S; output: rows*dv; "
        "present: moved",
    .rules = "R1 R2 R3 R4 R6 R8"};
constexpr absl::string_view kPasses =
    "projection, scores, softmax (maximum, exponentials and sum, quotient), "
    "values";
constexpr absl::string_view kBufferBound =
    "where past and present share a buffer and only the run tells the past "
    "length, the whole buffer counts";

constexpr OpDef kOps[] = {
    {.name = "Attention",
     .since = 1,
     .infer = &Infer<kAttention>,
     .count = &CountProjected<kAttention>,
     .formula = kFloatFormula,
     .description = "queries, keys and values from one product with merged "
                    "weights, then attention of S scores; past and new keys "
                    "and values are copied to present, the new ones alone "
                    "where they share a buffer",
     .domain = kMicrosoft,
     .passes = kPasses,
     .bound = kBufferBound},
    {.name = "DecoderMaskedSelfAttention",
     .since = 1,
     .infer = &Infer<kDecoder>,
     .count = &CountProjected<kDecoder>,
     .formula = kFloatFormula,
     .description = "Attention of one new token per sequence",
     .domain = kMicrosoft,
     .passes = kPasses,
     .bound = kBufferBound},
    {.name = "PackedAttention",
     .since = 1,
     .infer = &Infer<kPacked>,
     .count = &CountProjected<kPacked>,
     .formula = kFloatFormula,
     .description = "Attention of sequences without their padding",
     .domain = kMicrosoft,
     .passes = kPasses,
     .bound =
         "each token counts as many keys as the longest sequence may have"},
    {.name = "QAttention",
     .since = 1,
     .infer = &Infer<kQuantized>,
     .count = &CountProjected<kQuantized>,
     .formula = kQuantizedFormula,
     .description = "Attention whose projection is an integer product; its "
                    "results are scaled to floats, then the bias is added",
     .domain = kMicrosoft,
     .passes = kPasses},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribAttentionOps() { return kOps; }

}  // namespace opcost
