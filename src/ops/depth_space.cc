// SPDX-License-Identifier: Apache-2.0
// DepthToSpace and SpaceToDepth: a transposition of the input seen with its
// blocks as axes of their own.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// The input as six axes, and their order in the output.
struct Blocks {
  Dims split;
  std::vector<int> perm;
  Dims output;
  DataType type = DataType::kUndefined;
};

// What both operators need: the four axes, the blocksize, and whether depth
// comes before the block (CRD); before `since_mode` the order is DCR.
struct BlockInput {
  const TensorType* data = nullptr;
  int64_t blocksize = 1;
  bool crd = false;
};

absl::StatusOr<BlockInput> ReadBlocks(const NodeView& node, int since_mode) {
  BlockInput in;
  OPCOST_ASSIGN_OR_RETURN(in.data, node.Input(0));
  if (in.data->shape.rank() != 4) {
    return node.Invalid("the input must have 4 axes (NCHW) but has ",
                        in.data->shape.rank());
  }
  if (!node.HasAttribute("blocksize")) {
    return node.Invalid("attribute 'blocksize' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(in.blocksize, node.Int("blocksize", 1));
  if (in.blocksize < 1) {
    return node.Invalid("blocksize must be at least 1 but is ", in.blocksize);
  }
  if (node.opset() < since_mode) return in;
  OPCOST_ASSIGN_OR_RETURN(const std::string mode, node.String("mode", "DCR"));
  if (mode != "DCR" && mode != "CRD") {
    return node.Invalid("mode must be DCR or CRD but is '", mode, "'");
  }
  in.crd = mode == "CRD";
  return in;
}

// `extent` / `by`; an error if they are numbers and it isn't exact.
absl::StatusOr<Extent> Divided(const NodeView& node, const Extent& extent,
                               const Extent& by, absl::string_view what) {
  const Extent quotient = extent / by;
  if (extent.is_concrete() && !(quotient * by == extent)) {
    return node.Invalid(what, " has extent ", extent.ToString(), ", which ",
                        by.ToString(), " doesn't divide");
  }
  return quotient;
}

absl::StatusOr<Blocks> ResolveDepthToSpace(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const BlockInput in, ReadBlocks(node, 11));
  const Dims& d = in.data->shape.dims();
  const Extent b = in.blocksize;
  OPCOST_ASSIGN_OR_RETURN(const Extent depth,
                          Divided(node, d[1], b * b, "the channel axis"));
  Blocks blocks;
  blocks.type = in.data->type;
  blocks.output = {d[0], depth, d[2] * b, d[3] * b};
  if (in.crd) {
    blocks.split = {d[0], depth, b, b, d[2], d[3]};
    blocks.perm = {0, 1, 4, 2, 5, 3};
  } else {
    blocks.split = {d[0], b, b, depth, d[2], d[3]};
    blocks.perm = {0, 3, 4, 1, 5, 2};
  }
  return blocks;
}

absl::StatusOr<Blocks> ResolveSpaceToDepth(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const BlockInput in, ReadBlocks(node, 28));
  const Dims& d = in.data->shape.dims();
  const Extent b = in.blocksize;
  OPCOST_ASSIGN_OR_RETURN(const Extent rows,
                          Divided(node, d[2], b, "the height"));
  OPCOST_ASSIGN_OR_RETURN(const Extent columns,
                          Divided(node, d[3], b, "the width"));
  Blocks blocks;
  blocks.type = in.data->type;
  blocks.output = {d[0], d[1] * b * b, rows, columns};
  blocks.split = {d[0], d[1], rows, b, columns, b};
  blocks.perm = in.crd ? std::vector<int>{0, 1, 3, 5, 2, 4}
                       : std::vector<int>{0, 3, 5, 1, 2, 4};
  return blocks;
}

using Resolver = absl::StatusOr<Blocks>(const NodeView&);

template <Resolver* resolve>
absl::StatusOr<OutputTypes> InferBlocks(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Blocks blocks, resolve(node));
  return OutputTypes{ValueType(blocks.type, std::move(blocks.output))};
}

template <Resolver* resolve>
absl::StatusOr<OpCounts> CountBlocks(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Blocks blocks, resolve(node));
  return KeepsOrder(blocks.split, blocks.perm) ? CountView(node)
                                               : CountCopy(node);
}

template <Resolver* resolve>
OutputValues FoldBlocks(const TypedNodeView& node) {
  const TensorValue* value = FoldableInput(node, 0);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto blocks = resolve(node);
  if (value == nullptr || !dims.has_value() || !blocks.ok()) return {nullptr};
  IntDims split;
  for (const Extent& extent : blocks->split) split.push_back(extent.value());
  return {Transposed(value, split, blocks->perm, *dims)};
}

constexpr Formula kMoves = {"0",    "0", "0", "input: moved", "output: moved",
                            "R1 R5"};

constexpr OpDef kOps[] = {
    {"DepthToSpace", 1, InferBlocks<ResolveDepthToSpace>,
     CountBlocks<ResolveDepthToSpace>, FoldBlocks<ResolveDepthToSpace>, kMoves,
     "channels moved into blocks of the plane", "", false, true},
    {"SpaceToDepth", 1, InferBlocks<ResolveSpaceToDepth>,
     CountBlocks<ResolveSpaceToDepth>, FoldBlocks<ResolveSpaceToDepth>, kMoves,
     "blocks of the plane moved into channels", "", false, true},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> DepthSpaceOps() { return kOps; }

}  // namespace opcost
