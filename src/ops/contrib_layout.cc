// SPDX-License-Identifier: Apache-2.0
// What a runtime leaves of a graph whose layout it has changed: the copies
// between layouts, and copies with the channels last or in blocks. Source: the
// schemas of ONNX Runtime's domains com.microsoft.nchwc and
// com.ms.internal.nhwc.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// Channels of a block: 8 float32 fill the vectors of most machines (those of
// 512 bits take 16; channels that are no multiple of 16 then fill up further).
constexpr int64_t kBlock = 8;

// ---- Copies between layouts ------------------------------------------------

absl::StatusOr<const TensorType*> LayoutInput(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() < 2) {
    return node.Invalid("the input must have at least 2 axes but is ",
                        ToString(x->shape));
  }
  return x;
}

// Channels first, filled up to whole blocks.
absl::StatusOr<OutputTypes> InferReorderInput(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, LayoutInput(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t last, node.Int("channels_last", 0));
  const Dims& dims = x->shape.dims();
  const Extent& channels = last != 0 ? dims.back() : dims[1];
  Dims output = {dims[0], Extent::CeilDiv(channels, kBlock) * kBlock};
  const auto first = dims.begin() + (last != 0 ? 1 : 2);
  output.insert(output.end(), first, first + (x->shape.rank() - 2));
  return OutputTypes{ValueType(x->type, std::move(output))};
}

absl::StatusOr<OutputTypes> InferReorderOutput(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, LayoutInput(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t last, node.Int("channels_last", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t channels, node.Int("channels", 0));
  if (channels < 1) {
    return node.Invalid("attribute 'channels' must be at least 1 but is ",
                        channels);
  }
  const Dims& dims = x->shape.dims();
  Dims output = {dims[0]};
  if (last == 0) output.push_back(channels);
  output.insert(output.end(), dims.begin() + 2, dims.end());
  if (last != 0) output.push_back(channels);
  return OutputTypes{ValueType(x->type, std::move(output))};
}

// The elements of the smaller side are read; what fills up a block is written
// only.
absl::StatusOr<OpCounts> CountReorder(const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  const Count out = node.OutputVolume(0);
  const Count moved = Extent::Min(in, out);
  node.Let("moved", moved);
  node.Let("out", out);
  OpCounts counts;
  ReadInput(counts, node, 0, moved);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- Upsample --------------------------------------------------------------

absl::StatusOr<std::vector<int64_t>> UpsampleScales(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, LayoutInput(node));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> scales,
                          node.Ints("scales"));
  if (scales.size() != x->shape.dims().size()) {
    return node.Invalid("there are ", scales.size(),
                        " scales but the input has ", x->shape.rank(), " axes");
  }
  for (const int64_t scale : scales) {
    if (scale < 1) {
      return node.Invalid("scales must be at least 1 but has ", scale);
    }
  }
  return scales;
}

absl::StatusOr<OutputTypes> InferUpsample(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> scales,
                          UpsampleScales(node));
  TensorType y = node.InputType(0).tensor;
  for (size_t axis = 0; axis < scales.size(); ++axis) {
    y.shape.mutable_dims()[axis] *= scales[axis];
  }
  return OutputTypes{ValueType(std::move(y))};
}

// Nearest copies; linear in d axes takes 2^d neighbours, as Resize.
absl::StatusOr<OpCounts> CountUpsample(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> scales,
                          UpsampleScales(node));
  OPCOST_ASSIGN_OR_RETURN(const std::string mode,
                          node.String("mode", "nearest"));
  if (mode != "nearest" && mode != "linear") {
    return node.Invalid("mode must be nearest or linear but is '", mode, "'");
  }
  Count neighbours = 1;
  bool is_view = true;
  for (const int64_t scale : scales) {
    if (scale == 1) continue;
    is_view = false;
    if (mode == "linear") neighbours *= 2;
  }
  const Count out = is_view ? Count(0) : node.OutputVolume(0);
  node.Let("out", out);
  node.Let("neighbours", neighbours);
  node.Let("linear", mode == "linear" ? 1 : 0);
  if (is_view) return View();
  OpCounts counts;
  if (mode == "linear") {
    AddEach(counts, {.mul = 1, .add = 1}, out * neighbours,
            OperandSet::Input(0));
  }
  ReadInput(counts, node, 0, out * neighbours);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- DepthToSpace, SpaceToDepth with the channels last ---------------------

template <bool kToSpace>
absl::StatusOr<OutputTypes> InferDepth(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t block, node.Int("blocksize", 0));
  if (x->shape.rank() != 4 || block < 1) {
    return node.Invalid("the input must have 4 axes but is ",
                        ToString(x->shape), ", and blocksize ", block,
                        " must be at least 1");
  }
  const Extent along = block;
  const Extent area = along * along;
  Dims dims = x->shape.dims();
  const auto is_divided = [](const Extent& extent, const Extent& by) {
    return !extent.is_concrete() || !by.is_concrete() ||
           extent.value() % by.value() == 0;
  };
  const bool fits =
      kToSpace ? is_divided(dims[3], area)
               : is_divided(dims[1], along) && is_divided(dims[2], along);
  if (!fits || area.overflowed()) {
    return node.Invalid("blocksize ", block, " doesn't divide ",
                        ToString(x->shape));
  }
  for (const size_t axis : {size_t{1}, size_t{2}}) {
    dims[axis] = kToSpace ? dims[axis] * along : dims[axis] / along;
  }
  dims[3] = kToSpace ? dims[3] / area : dims[3] * area;
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

absl::StatusOr<OpCounts> CountDepth(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t block, node.Int("blocksize", 0));
  return block == 1 ? CountView(node) : CountCopy(node);
}

constexpr Formula kReorderFormula = {
    .reads = "i0: moved", .writes = "o0: out", .rules = "R1 R5"};
constexpr Formula kMovedFormula = {
    .reads = "i0: moved", .writes = "o0: moved", .rules = "R1 R5"};

constexpr absl::string_view kNchwc = "com.microsoft.nchwc";
constexpr absl::string_view kNhwc = "com.ms.internal.nhwc";

constexpr OpDef kOps[] = {
    {.name = "ReorderInput",
     .infer = &InferReorderInput,
     .count = &CountReorder,
     .formula = kReorderFormula,
     .description = "to blocks of 8 channels; what fills up the last block is "
                    "written",
     .domain = kNchwc},
    {.name = "ReorderOutput",
     .infer = &InferReorderOutput,
     .count = &CountReorder,
     .formula = kReorderFormula,
     .description = "from blocks of channels",
     .domain = kNchwc},
    {.name = "Upsample",
     .infer = &InferUpsample,
     .count = &CountUpsample,
     .formula = {.mul = "linear*neighbours*out",
                 .add = "linear*neighbours*out",
                 .reads = "i0: neighbours*out",
                 .writes = "o0: out",
                 .rules = "R1 R5"},
     .description = "Resize by whole factors in blocks of channels",
     .domain = kNchwc},
    {.name = "DepthToSpace",
     .infer = &InferDepth<true>,
     .count = &CountDepth,
     .formula = kMovedFormula,
     .description = "DepthToSpace with the channels last; a view for blocks of "
                    "1",
     .domain = kNhwc},
    {.name = "SpaceToDepth",
     .infer = &InferDepth<false>,
     .count = &CountDepth,
     .formula = kMovedFormula,
     .description = "SpaceToDepth with the channels last; a view for blocks of "
                    "1",
     .domain = kNhwc},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribLayoutOps() { return kOps; }

}  // namespace opcost
