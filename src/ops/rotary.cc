// SPDX-License-Identifier: Apache-2.0
// RotaryEmbedding: pairs of elements, turned by an angle that depends on their
// position.
#include <cstdint>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr int kX = 0;
constexpr int kCos = 1;
constexpr int kSin = 2;
constexpr int kPositions = 3;

struct Geometry {
  Extent batch, length, heads, head_size;
  Extent rotated_size;  // of a head's elements, the first
  Count rotated() const { return Volume({batch, length, heads, rotated_size}); }
  Count all() const { return Volume({batch, length, heads, head_size}); }
};

// X is batch, heads, length, head size, or batch, length, hidden size.
absl::StatusOr<Geometry> ResolveHeads(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(kX));
  const Dims& dims = x->shape.dims();
  Geometry g;
  if (dims.size() == 4) {
    g.batch = dims[0];
    g.heads = dims[1];
    g.length = dims[2];
    g.head_size = dims[3];
    return g;
  }
  if (dims.size() != 3) {
    return node.Invalid("X must have 3 or 4 axes but is ", ToString(x->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t heads, node.Int("num_heads", 0));
  if (heads < 1) {
    return node.Invalid("num_heads must be at least 1 for an X of 3 axes but ",
                        "is ", heads);
  }
  if (dims[2].is_concrete() && dims[2].value() % heads != 0) {
    return node.Invalid("num_heads ", heads, " does not divide the ",
                        dims[2].ToString(), " elements of X's last axis");
  }
  g.batch = dims[0];
  g.length = dims[1];
  g.heads = heads;
  g.head_size = dims[2] / heads;
  return g;
}

// The caches hold half of what is rotated: for each position, or, without
// position_ids, for each step of each sequence.
absl::Status CheckCaches(const NodeView& node, const Geometry& g) {
  const Extent half = g.rotated_size / 2;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* cos, node.Input(kCos));
  if (node.HasInput(kPositions)) {
    OPCOST_RETURN_IF_ERROR(
        CheckShapeIs(node, kPositions, "position_ids", {g.batch, g.length}));
    if (cos->shape.rank() != 2) {
      return node.Invalid(
          "cos_cache must have 2 axes if position_ids are "
          "given but is ",
          ToString(cos->shape));
    }
    const Extent& positions = cos->shape.dims()[0];
    OPCOST_RETURN_IF_ERROR(
        CheckShapeIs(node, kCos, "cos_cache", {positions, half}));
    return CheckShapeIs(node, kSin, "sin_cache", {positions, half});
  }
  OPCOST_RETURN_IF_ERROR(
      CheckShapeIs(node, kCos, "cos_cache", {g.batch, g.length, half}));
  return CheckShapeIs(node, kSin, "sin_cache", {g.batch, g.length, half});
}

absl::StatusOr<Geometry> Resolve(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Geometry g, ResolveHeads(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t rotated,
                          node.Int("rotary_embedding_dim", 0));
  g.rotated_size = rotated == 0 ? g.head_size : Extent(rotated);
  if (g.rotated_size.overflowed() ||
      (g.rotated_size.is_concrete() && g.rotated_size.value() % 2 != 0)) {
    return node.Invalid(
        "rotary_embedding_dim must be even and not negative ", "but is ",
        rotated == 0 ? g.head_size.ToString() : Extent(rotated).ToString());
  }
  if (g.rotated_size.is_concrete() && g.head_size.is_concrete() &&
      g.rotated_size.value() > g.head_size.value()) {
    return node.Invalid("rotary_embedding_dim is ", rotated,
                        " but a head has only ", g.head_size.ToString(),
                        " elements");
  }
  OPCOST_RETURN_IF_ERROR(CheckCaches(node, g));
  return g;
}

absl::StatusOr<OutputTypes> InferRotary(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(Resolve(node).status());
  return OutputTypes{node.InputType(kX)};
}

// Each rotated element is x*cos -+ y*sin, where y is the other of its pair.
absl::StatusOr<OpCounts> CountRotary(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, Resolve(node));
  const Count out = g.all();
  const Count rotated = g.rotated();
  const Count positions = node.InputVolume(kPositions);
  node.Let("out", out);
  node.Let("rotated", rotated);
  node.Let("positions", positions);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(kX, kCos), rotated);
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(kX, kSin), rotated);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(kX), rotated);
  ReadInput(counts, node, kX, out + rotated);
  ReadInput(counts, node, kCos, rotated);
  ReadInput(counts, node, kSin, rotated);
  ReadInputAs(counts, node, kPositions, positions, Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "RotaryEmbedding",
     .since = 23,
     .infer = &InferRotary,
     .count = &CountRotary,
     .formula = {.mul = "2*rotated",
                 .add = "rotated",
                 .reads = "X: out + rotated; cos_cache: rotated; sin_cache: "
                          "rotated; position_ids: positions",
                 .writes = "Y: out",
                 .rules = "R1 R2 R8 R10"},
     .description =
         "each element of a rotated pair is the two elements times cosine and "
         "sine, added; the elements of a head beyond rotary_embedding_dim are "
         "copied; each position is read once, as an index"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> RotaryOps() { return kOps; }

}  // namespace opcost
