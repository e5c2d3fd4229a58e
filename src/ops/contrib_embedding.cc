// SPDX-License-Identifier: Apache-2.0
// Embeddings and position encodings that ONNX Runtime adds
// (docs/ContribOperators.md of ONNX Runtime).
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/attention_core.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/normalization_steps.h"

namespace opcost {
namespace {

constexpr absl::string_view kMicrosoft = "com.microsoft";

// The dimensions of operand `i`, which must have `rank` axes.
absl::StatusOr<absl::Span<const Extent>> DimsOfRank(const NodeView& node, int i,
                                                    absl::string_view what,
                                                    size_t rank) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
  if (operand->shape.dims().size() != rank) {
    return node.Invalid(what, " must have ", rank, " axes but is ",
                        ToString(operand->shape));
  }
  return absl::Span<const Extent>(operand->shape.dims());
}

bool Differ(const Extent& a, const Extent& b) {
  return a.is_concrete() && b.is_concrete() && !(a == b);
}

// EmbedLayerNormalization: the sum of a word's, a position's and a segment's
// embedding, normalized.

constexpr int kIds = 0;
constexpr int kSegmentIds = 1;
constexpr int kWords = 2;
constexpr int kPositions = 3;
constexpr int kSegments = 4;
constexpr int kEmbedGamma = 5;
constexpr int kEmbedBeta = 6;
constexpr int kEmbedMask = 7;
constexpr int kPositionIds = 8;
constexpr int kMaskIndex = 1;     // output
constexpr int kEmbeddingSum = 2;  // output

struct Embedding {
  Dims tokens;  // batch, sequence
  Extent hidden;
  NormalizedRows rows() const { return {Volume(tokens), hidden}; }
};

absl::StatusOr<Embedding> ResolveEmbedding(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const Extent> ids,
                          DimsOfRank(node, kIds, "input_ids", 2));
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const Extent> words,
                          DimsOfRank(node, kWords, "word_embedding", 2));
  const Extent& hidden = words[1];
  const auto check = [&node, &hidden](int i, absl::string_view what,
                                      size_t rank) -> absl::Status {
    OPCOST_ASSIGN_OR_RETURN(const absl::Span<const Extent> dims,
                            DimsOfRank(node, i, what, rank));
    if (Differ(dims.back(), hidden)) {
      return node.Invalid(what, " has rows of ", dims.back().ToString(),
                          " but word_embedding of ", hidden.ToString());
    }
    return absl::OkStatus();
  };
  OPCOST_RETURN_IF_ERROR(check(kPositions, "position_embedding", 2));
  OPCOST_RETURN_IF_ERROR(check(kEmbedGamma, "gamma", 1));
  OPCOST_RETURN_IF_ERROR(check(kEmbedBeta, "beta", 1));
  if (node.HasInput(kSegmentIds)) {
    OPCOST_RETURN_IF_ERROR(
        DimsOfRank(node, kSegmentIds, "segment_ids", 2).status());
    OPCOST_RETURN_IF_ERROR(check(kSegments, "segment_embedding", 2));
  }
  return Embedding{Dims(ids.begin(), ids.end()), hidden};
}

absl::StatusOr<OutputTypes> InferEmbedding(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Embedding e, ResolveEmbedding(node));
  const ValueType embedded(node.InputType(kWords).tensor.type,
                           Dims{e.tokens[0], e.tokens[1], e.hidden});
  return OutputTypes{
      embedded, ValueType(node.InputType(kIds).tensor.type, Dims{e.tokens[0]}),
      embedded};
}

// The mask's words are counted: one comparison and one add each.
void CountMaskIndex(OpCounts& counts, const TypedNodeView& node,
                    const Embedding& e) {
  const bool has_mask =
      node.HasInput(kEmbedMask) && node.IsOutputUsed(kMaskIndex);
  node.Let("mask", Count(has_mask ? 1 : 0));
  node.Let("batch", e.tokens[0]);
  node.Let("mask_index", Count(node.IsOutputUsed(kMaskIndex) ? 1 : 0));
  if (has_mask) {
    const Count tokens = Volume(e.tokens);
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(kEmbedMask), tokens * 2);
    ReadInputAs(counts, node, kEmbedMask, tokens, Role::kIndex);
  }
  WriteOutput(counts, node, kMaskIndex, e.tokens[0]);
}

// The sum stays in its output, or in output 0 where nothing reads that.
absl::StatusOr<OpCounts> CountEmbedding(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Embedding e, ResolveEmbedding(node));
  const NormalizedRows rows = e.rows();
  const Count out = rows.elements();
  const bool has_segments = node.HasInput(kSegmentIds);
  const OperandSet sum = OperandSet::Inputs(kWords, kPositions);
  LetRows(node, rows);
  node.Let("segments", Count(has_segments ? 1 : 0));
  node.Let("ids", node.InputVolume(kIds));
  node.Let("position_ids", node.InputVolume(kPositionIds));
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, sum, has_segments ? out * 2 : out);
  AddNormalization(counts, rows, RowStatistics::kMeanAndVariance,
                   {sum, kEmbedGamma, kEmbedBeta});
  for (const int index : {kIds, kSegmentIds, kPositionIds}) {
    ReadInputAs(counts, node, index, node.InputVolume(index), Role::kIndex);
  }
  ReadInputAs(counts, node, kWords, out, Role::kWeight);
  ReadInputAs(counts, node, kPositions, out, Role::kWeight);
  if (has_segments) ReadInputAs(counts, node, kSegments, out, Role::kWeight);
  ReadInput(counts, node, kEmbedGamma, out);
  ReadInputAs(counts, node, kEmbedBeta, out, Role::kBias);
  const int place = node.IsOutputUsed(kEmbeddingSum) ? kEmbeddingSum : 0;
  WriteOutput(counts, node, 0, place == 0 ? out * 2 : out);
  if (place != 0) WriteOutput(counts, node, place, out);
  RereadOutput(counts, node, place, out * 2);
  CountMaskIndex(counts, node, e);
  return counts;
}

// RotaryEmbedding of com.microsoft: like ONNX's of opset 23, with the operands
// in another order.

constexpr int kRotaryIds = 1;
constexpr int kCos = 2;
constexpr int kSin = 3;

struct Rotary {
  Extent out;
  Extent rotated;  // of `out`; the rest is copied
};

// The heads' size is the cache's, or, where `rotary_embedding_dim` rotates the
// first part of a head only, the hidden size over `num_heads`.
absl::StatusOr<Rotary> ResolveRotary(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t dim,
                          node.Int("rotary_embedding_dim", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t num_heads, node.Int("num_heads", 0));
  OPCOST_RETURN_IF_ERROR(node.Input(kRotaryIds).status());
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const Extent> cos,
                          DimsOfRank(node, kCos, "cos_cache", 2));
  OPCOST_RETURN_IF_ERROR(DimsOfRank(node, kSin, "sin_cache", 2).status());
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.size() != 3 && dims.size() != 4) {
    return node.Invalid("the input must have 3 or 4 axes but is ",
                        ToString(x->shape));
  }
  if (dim < 0 || num_heads < 0 || dim % 2 != 0) {
    return node.Invalid("rotary_embedding_dim ", dim, " and num_heads ",
                        num_heads,
                        " must not be negative, and the first be even");
  }
  Rotary rotary;
  rotary.out = Volume(dims);
  rotary.rotated = rotary.out;
  if (dim == 0) return rotary;
  if (Differ(cos[1], Extent(dim / 2))) {
    return node.Invalid("cos_cache has rows of ", cos[1].ToString(),
                        " but rotary_embedding_dim ", dim, " needs ", dim / 2);
  }
  if (dims.size() == 4) {
    rotary.rotated = Volume({dims[0], dims[1], dims[2], Extent(dim)});
  } else {
    if (num_heads == 0) {
      return node.Invalid("rotary_embedding_dim ", dim,
                          " needs num_heads where the input has 3 axes");
    }
    rotary.rotated = Volume({dims[0], dims[1], Extent(num_heads), Extent(dim)});
  }
  return rotary;
}

absl::StatusOr<OutputTypes> InferRotary(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveRotary(node).status());
  return InferSameAsInput(node);
}

absl::StatusOr<OpCounts> CountRotary(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Rotary rotary, ResolveRotary(node));
  node.Let("out", rotary.out);
  node.Let("rotated", rotary.rotated);
  node.Let("ids", node.InputVolume(kRotaryIds));
  OpCounts counts;
  AddRotation(counts, OperandSet::Inputs(0, kCos), rotary.rotated);
  ReadInput(counts, node, 0, rotary.out + rotary.rotated);
  ReadInputAs(counts, node, kRotaryIds, node.InputVolume(kRotaryIds),
              Role::kIndex);
  ReadInput(counts, node, kCos, rotary.rotated);
  ReadInput(counts, node, kSin, rotary.rotated);
  WriteOutput(counts, node, 0, rotary.out);
  return counts;
}

// RelativePositionBias: the table's entry of each pair's bucket. The buckets
// are addresses (R8).

absl::StatusOr<OutputTypes> InferRelativeBias(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const Extent> table,
                          DimsOfRank(node, 0, "bias_table", 2));
  Dims output = {Extent(1), table[1]};
  for (const int i : {1, 2}) {
    OPCOST_ASSIGN_OR_RETURN(const Dims length, InputExtents(node, i));
    if (length.size() != 1) {
      return node.Invalid(i == 1 ? "query_length" : "key_length", " has ",
                          length.size(), " elements but must have 1");
    }
    output.push_back(length[0]);
  }
  return OutputTypes{
      ValueType(node.InputType(0).tensor.type, std::move(output))};
}

absl::StatusOr<OpCounts> CountRelativeBias(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  OpCounts counts;
  ReadInputAs(counts, node, 0, out, Role::kWeight);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// GatedRelativePositionBias: a gate per token and head, from the biased query,
// scales that token's row of relative positions:
//   [u, r] = the sums of the halves of (query + query_bias) * weight + bias
//   gate   = sigmoid(u) * (sigmoid(r) * eco_a - 1) + 2

constexpr int kQueryBias = 1;
constexpr int kRelPos = 2;
constexpr int kGateWeight = 3;
constexpr int kGateBias = 4;
constexpr int kEcoA = 5;
constexpr int kTokenOffset = 6;

struct GatedBias {
  Extent tokens;  // of the query
  Extent heads;
  Extent head_size;
  Extent gates;  // D, columns of the weight
  Dims output;   // batch, heads, sequence, sequence
  Count rows() const { return tokens * heads; }
};

absl::StatusOr<GatedBias> ResolveGatedBias(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* query, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t heads, node.Int("num_heads", 0));
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const Extent> weight,
                          DimsOfRank(node, kGateWeight, "weight", 2));
  for (const int i : {kQueryBias, kRelPos, kGateBias, kEcoA}) {
    OPCOST_RETURN_IF_ERROR(node.Input(i).status());
  }
  if (heads < 1) {
    return node.Invalid("num_heads is ", heads, " but must be positive");
  }
  const absl::Span<const Extent> dims = query->shape.dims();
  const bool is_packed = node.HasInput(kTokenOffset);
  if (dims.size() != (is_packed ? 2U : 3U)) {
    return node.Invalid("query_layer must have ", is_packed ? 2 : 3, " axes ",
                        is_packed ? "with" : "without", " token_offset but is ",
                        ToString(query->shape));
  }
  absl::Span<const Extent> padded = dims.first(dims.size() - 1);
  if (is_packed) {
    OPCOST_ASSIGN_OR_RETURN(padded,
                            DimsOfRank(node, kTokenOffset, "token_offset", 2));
  }
  const Extent size = weight[0] * heads;
  if (Differ(size, dims.back())) {
    return node.Invalid("query_layer has ", dims.back().ToString(),
                        " columns but ", heads, " heads of ",
                        weight[0].ToString(), " are ", size.ToString());
  }
  return GatedBias{Volume(dims.first(dims.size() - 1)), Extent(heads),
                   weight[0], weight[1],
                   Dims{padded[0], Extent(heads), padded[1], padded[1]}};
}

absl::StatusOr<OutputTypes> InferGatedBias(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(GatedBias bias, ResolveGatedBias(node));
  return OutputTypes{
      ValueType(node.InputType(0).tensor.type, std::move(bias.output))};
}

// The gate stays in a register while it scales its row.
absl::StatusOr<OpCounts> CountGatedBias(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const GatedBias b, ResolveGatedBias(node));
  const Count rows = b.rows();
  const Count query = rows * b.head_size;
  const Count macs = query * b.gates;
  const Count out = Volume(b.output);
  const OperandSet x = OperandSet::Input(0);
  node.Let("rows", rows);
  node.Let("d", b.head_size);
  node.Let("D", b.gates);
  node.Let("out", out);
  node.Let("offsets", node.InputVolume(kTokenOffset));
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, x, query);
  AddMacs(counts, 0, kGateWeight, macs);
  AddArith(counts, ArithOp::kAdd, x, rows * b.gates);
  AddEach(counts, {.mul = 2, .add = 2, .sigmoid = 2}, rows, x);
  AddArith(counts, ArithOp::kMul, OperandSet::Input(kRelPos), out);
  ReadInput(counts, node, 0, query);
  ReadInputAs(counts, node, kQueryBias, query, Role::kBias);
  UseScratch(counts, "query", x, query, macs, query);
  ReadInputAs(counts, node, kGateWeight, macs, Role::kWeight);
  ReadInputAs(counts, node, kGateBias, rows * b.gates, Role::kBias);
  ReadInput(counts, node, kEcoA, rows);
  ReadInput(counts, node, kRelPos, out);
  ReadInputAs(counts, node, kTokenOffset, node.InputVolume(kTokenOffset),
              Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "EmbedLayerNormalization",
     .since = 1,
     .infer = &InferEmbedding,
     .count = &CountEmbedding,
     .formula = {.mul = "rows*(3*L + 2 + sqrt + div)",
                 .add = "rows*(6*L + [segments]*L + 1 + sqrt + div) + "
                        "2*[mask]*ids",
                 .reads = "input_ids: ids; segment_ids: [segments]*ids; "
                          "position_ids: position_ids; word_embedding: rows*L; "
                          "position_embedding: rows*L; segment_embedding: "
                          "[segments]*rows*L; gamma: rows*L; beta: rows*L; "
                          "sum: 2*rows*L; mask: [mask]*ids",
                 .writes = "sum: rows*L; output: rows*L; mask_index: "
                           "[mask_index]*batch",
                 .rules = "R1 R2 R4 R6"},
     .description = "LayerNormalization of the sum of word, position and "
                    "segment embeddings, which stays in embedding_sum, or in "
                    "output where nothing reads that",
     .domain = kMicrosoft,
     .passes = "sum and mean, variance, result"},
    {.name = "GatedRelativePositionBias",
     .since = 1,
     .infer = &InferGatedBias,
     .count = &CountGatedBias,
     .formula = {.macs = "rows*d*D",
                 .mul = "MACs + rows*(2 + 2*sigmoid) + out",
                 .add = "rows*d + MACs + rows*D + rows*(2 + 2*sigmoid)",
                 .reads = "query_layer: rows*d; query_bias: rows*d; query: "
                          "MACs; weight: MACs; bias: rows*D; eco_a: rows; "
                          "rel_pos: out; token_offset: offsets",
                 .writes = "query: rows*d; output: out",
                 .rules = "R1 R2 R3 R6 R10"},
     .description = "relative positions times a gate per token and head, which "
                    "a product of the biased query gives",
     .domain = kMicrosoft},
    {.name = "RelativePositionBias",
     .since = 1,
     .infer = &InferRelativeBias,
     .count = &CountRelativeBias,
     .formula = {.reads = "bias_table: out",
                 .writes = "output: out",
                 .rules = "R1 R8"},
     .description = "the table's entry of each pair of positions; finding its "
                    "bucket is address arithmetic",
     .domain = kMicrosoft},
    {.name = "RotaryEmbedding",
     .since = 1,
     .infer = &InferRotary,
     .count = &CountRotary,
     .formula = {.mul = "2*rotated",
                 .add = "rotated",
                 .reads = "input: out + rotated; position_ids: ids; cos_cache: "
                          "rotated; sin_cache: rotated",
                 .writes = "output: out",
                 .rules = "R1 R8"},
     .description = "x*cos + partner*sin of each rotated element; where "
                    "rotary_embedding_dim is given, the rest of a head is "
                    "copied",
     .domain = kMicrosoft},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribEmbeddingOps() { return kOps; }

}  // namespace opcost
