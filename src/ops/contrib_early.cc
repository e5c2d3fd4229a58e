// SPDX-License-Identifier: Apache-2.0
// Operators that ONNX Runtime has beside ONNX's, or had before ONNX did:
// look-ups, distances, crops, and searches that run a subgraph. Source: ONNX
// Runtime, docs/ContribOperators.md.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// ---- CDist -----------------------------------------------------------------

struct Distances {
  DataType type = DataType::kUndefined;
  Extent m, k, n;  // rows of A, rows of B, columns of both
  bool takes_root = false;
};

absl::StatusOr<Distances> ResolveDistances(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  if (a->shape.rank() != 2 || b->shape.rank() != 2) {
    return node.Invalid("A ", ToString(a->shape), " and B ", ToString(b->shape),
                        " must have 2 axes each");
  }
  const Dims& left = a->shape.dims();
  const Dims& right = b->shape.dims();
  if (left[1].is_concrete() && right[1].is_concrete() &&
      !(left[1] == right[1])) {
    return node.Invalid("A has ", left[1].ToString(), " columns but B has ",
                        right[1].ToString());
  }
  OPCOST_ASSIGN_OR_RETURN(const std::string metric,
                          node.String("metric", "sqeuclidean"));
  if (metric != "euclidean" && metric != "sqeuclidean") {
    return node.Unknown("no rule states the work of metric '", metric, "'");
  }
  return Distances{a->type, left[0], right[0],
                   left[1].is_concrete() ? left[1] : right[1],
                   metric == "euclidean"};
}

absl::StatusOr<OutputTypes> InferDistances(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Distances d, ResolveDistances(node));
  return OutputTypes{ValueType(d.type, {d.m, d.k})};
}

// The sum of squared differences of each pair of rows, and its root.
absl::StatusOr<OpCounts> CountDistances(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Distances d, ResolveDistances(node));
  const Count out = d.m * d.k;
  const Count terms = Volume({d.m, d.k, d.n});
  node.Let("out", out);
  node.Let("terms", terms);
  node.Let("root", d.takes_root ? 1 : 0);
  const OperandSet both = OperandSet::Inputs(0, 1);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, both, terms);
  AddArith(counts, ArithOp::kMul, both, terms);
  AddArith(counts, ArithOp::kAdd, both, terms, ArithRole::kAccumulate);
  if (d.takes_root) AddArith(counts, ArithOp::kSqrt, both, out);
  ReadInput(counts, node, 0, terms);
  ReadInput(counts, node, 1, terms);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- CropAndResize ---------------------------------------------------------

absl::StatusOr<bool> IsBilinear(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string mode,
                          node.String("mode", "bilinear"));
  if (mode != "bilinear" && mode != "nearest") {
    return node.Invalid("mode must be bilinear or nearest but is '", mode, "'");
  }
  return mode == "bilinear";
}

absl::StatusOr<OutputTypes> InferCrops(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* rois, node.Input(1));
  OPCOST_RETURN_IF_ERROR(node.Input(2).status());
  OPCOST_RETURN_IF_ERROR(IsBilinear(node).status());
  if (x->shape.rank() != 4 || rois->shape.rank() != 2) {
    return node.Invalid("the input ", ToString(x->shape),
                        " must have 4 axes and the regions ",
                        ToString(rois->shape), " 2");
  }
  OPCOST_ASSIGN_OR_RETURN(const Dims size, InputExtents(node, 3));
  if (size.size() != 2) {
    return node.Invalid("crop_size must have 2 elements but has ", size.size());
  }
  return OutputTypes{ValueType(
      x->type, {rois->shape.dims()[0], x->shape.dims()[1], size[0], size[1]})};
}

// As Resize: 4 neighbours of each element, or 1.
absl::StatusOr<OpCounts> CountCrops(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const bool bilinear, IsBilinear(node));
  const Count out = node.OutputVolume(0);
  const Count taps = bilinear ? out * 4 : out;
  node.Let("out", out);
  node.Let("bilinear", bilinear ? 1 : 0);
  node.Let("taps", taps);
  node.Let("rois", node.InputVolume(1));
  node.Let("indices", node.InputVolume(2));
  OpCounts counts;
  if (bilinear) {
    AddEach(counts, {.mul = 1, .add = 1}, taps, OperandSet::Input(0));
  }
  ReadInput(counts, node, 0, taps);
  ReadInput(counts, node, 1, node.InputVolume(1));
  ReadInputAs(counts, node, 2, node.InputVolume(2), Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- ExpandDims ------------------------------------------------------------

absl::StatusOr<OutputTypes> InferExpandDims(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> axis, node.InputInts(1));
  if (axis.size() != 1) {
    return node.Invalid("axis must be one element but has ", axis.size());
  }
  OPCOST_ASSIGN_OR_RETURN(const int at,
                          NormalizeAxis(node, axis[0], x->shape.rank() + 1));
  Dims dims = x->shape.dims();
  dims.insert(dims.begin() + at, Extent(1));
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

// ---- GatherND --------------------------------------------------------------

absl::StatusOr<OutputTypes> InferGatherNd(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  const Dims& from = data->shape.dims();
  const Dims& at = indices->shape.dims();
  if (from.empty() || at.empty()) {
    return node.Invalid("data ", ToString(data->shape), " and indices ",
                        ToString(indices->shape),
                        " must have at least 1 axis each");
  }
  const std::optional<int64_t> depth = at.back().AsInt();
  if (!depth.has_value()) {
    return node.Unknown("the last axis of the indices is ",
                        at.back().ToString(),
                        ", which says how many axes they pick");
  }
  if (*depth > data->shape.rank()) {
    return node.Invalid("the indices pick ", *depth, " axes but the data has ",
                        data->shape.rank());
  }
  Dims dims(at.begin(), at.end() - 1);
  dims.insert(dims.end(), from.begin() + *depth, from.end());
  return OutputTypes{ValueType(data->type, std::move(dims))};
}

absl::StatusOr<OpCounts> CountGatherNd(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  node.Let("indices", node.InputVolume(1));
  OpCounts counts;
  ReadInput(counts, node, 0, out);
  ReadInputAs(counts, node, 1, node.InputVolume(1), Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- What no rule can state ------------------------------------------------

absl::StatusOr<OutputTypes> InferHash(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t positive, node.Int("positive", 1));
  return OutputTypes{ValueType(TensorType{
      positive != 0 ? DataType::kUint32 : DataType::kInt32, x->shape})};
}

absl::StatusOr<OutputTypes> InferUnique(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() != 1) {
    return node.Invalid("the input must have 1 axis but is ",
                        ToString(x->shape));
  }
  const Extent& size = x->shape.dims()[0];
  OutputTypes types{ValueType(x->type, {size}),
                    ValueType(DataType::kInt64, {size}),
                    ValueType(DataType::kInt64, {size})};
  const Extent unique = DataDependentExtent(node, 0, 0, size, &types);
  for (const size_t output : {size_t{0}, size_t{2}}) {
    types[output].tensor.shape = Shape({unique});
  }
  return types;
}

// Sequences of token ids; how many and how long is settled by other operands.
absl::StatusOr<OutputTypes> InferSearch(const NodeView&) {
  return OutputTypes{ValueType(TensorType{DataType::kInt32, Shape::Unknown()})};
}

constexpr absl::string_view kMs = "com.microsoft";
constexpr absl::string_view kSearches =
    "it runs its subgraphs until the tokens they give end the search";

constexpr OpDef Search(absl::string_view name, absl::string_view description) {
  return {.name = name,
          .infer = &InferSearch,
          .formula = {.reads = "", .writes = "", .rules = "R2"},
          .description = description,
          .domain = kMs,
          .uncountable = kSearches};
}

constexpr OpDef kOps[] = {
    Search("BeamSearch", "beam search over a decoder subgraph"),
    {.name = "CDist",
     .infer = &InferDistances,
     .count = &CountDistances,
     .formula = {.mul = "terms + [root]*out*sqrt",
                 .add = "2*terms + [root]*out*sqrt",
                 .reads = "i0: terms; i1: terms",
                 .writes = "o0: out",
                 .rules = "R1 R3 R6"},
     .description = "squared distances of each pair of rows: a difference, a "
                    "square and a sum per column; a root for euclidean",
     .domain = kMs},
    {.name = "CropAndResize",
     .infer = &InferCrops,
     .count = &CountCrops,
     .formula = {.mul = "[bilinear]*taps",
                 .add = "[bilinear]*taps",
                 .reads = "i0: taps; i1: rois; i2: indices",
                 .writes = "o0: out",
                 .rules = "R1 R8"},
     .description = "regions resized to one size, as Resize: 4 neighbours of "
                    "each element, or 1 for nearest",
     .domain = kMs},
    {.name = "ExpandDims",
     .infer = &InferExpandDims,
     .count = &CountAlwaysView,
     .formula = {.reads = "", .writes = "", .rules = "R5"},
     .description = "an axis of extent 1 more: a view",
     .domain = kMs},
    {.name = "GatherND",
     .infer = &InferGatherNd,
     .count = &CountGatherNd,
     .formula = {.reads = "i0: out; i1: indices",
                 .writes = "o0: out",
                 .rules = "R1"},
     .description = "slices at tuples of indices; each index is read once",
     .domain = kMs},
    Search("GreedySearch", "greedy search over a decoder subgraph"),
    {.name = "MurmurHash3",
     .infer = &InferHash,
     .formula = {.reads = "", .writes = "", .rules = "R1"},
     .description = "a hash of each element",
     .domain = kMs,
     .uncountable = "how much is hashed of a string only the data say"},
    Search("Sampling", "sampling over a decoder subgraph"),
    {.name = "Unique",
     .infer = &InferUnique,
     .formula = {.reads = "", .writes = "", .rules = "R1"},
     .description = "the different elements in the order they occur in",
     .domain = kMs,
     .uncountable = "how many elements are compared only the data say",
     .bound = "extents count at the elements of the input"},
    Search("WhisperBeamSearch", "beam search over Whisper's subgraphs"),
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribEarlyOps() { return kOps; }

}  // namespace opcost
