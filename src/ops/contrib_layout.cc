// SPDX-License-Identifier: Apache-2.0
// What a runtime leaves of a graph whose layout it has changed: pooling with
// the channels last or in blocks, pooling of quantised tensors, and the copies
// between layouts. Source: ONNX Runtime, docs/ContribOperators.md and the
// schemas of its domains com.microsoft.nchwc and com.ms.internal.nhwc.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fused_activation.h"
#include "src/ops/geometry.h"
#include "src/ops/requantize.h"
#include "src/ops/window.h"

namespace opcost {
namespace {

// Channels of a block: 8 float32 fill the vectors of most machines (those of
// 512 bits take 16; channels that are no multiple of 16 then fill up further).
constexpr int64_t kBlock = 8;

// ---- Pooling ---------------------------------------------------------------

enum class Layout { kChannelsFirst, kChannelsLast, kAttribute };
enum class Pooling { kMaximum, kMean, kQuantizedMean };

struct PoolForm {
  Layout layout = Layout::kChannelsFirst;
  Pooling pooling = Pooling::kMaximum;
  bool is_global = false;
};

struct Pool {
  DataType type = DataType::kUndefined;
  Extent window;
  Dims output;
  Count terms() const { return Volume({Volume(output), window}); }
};

// Scale and zero point of input and output.
constexpr int kPoolParameters[] = {1, 2, 3, 4};

absl::StatusOr<bool> ChannelsLast(const NodeView& node, Layout layout) {
  if (layout != Layout::kAttribute) return layout == Layout::kChannelsLast;
  OPCOST_ASSIGN_OR_RETURN(const int64_t last, node.Int("channels_last", 0));
  return last != 0;
}

absl::StatusOr<Dims> PooledExtents(const NodeView& node,
                                   absl::Span<const Extent> spatial,
                                   bool is_global, Extent* window) {
  if (is_global) {
    *window = Volume(spatial);
    return Dims(spatial.size(), Extent(1));
  }
  OPCOST_ASSIGN_OR_RETURN(const std::optional<IntDims> stated,
                          KernelShapeAttribute(node, spatial.size()));
  if (!stated.has_value()) {
    return node.Invalid("attribute 'kernel_shape' is missing");
  }
  const Dims kernel(stated->begin(), stated->end());
  *window = Volume(kernel);
  return SlideWindow(node, spatial, kernel);
}

absl::StatusOr<Pool> ResolvePool(const NodeView& node, const PoolForm& form) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const int least = form.is_global ? 2 : 3;
  if (x->shape.rank() < least) {
    return node.Invalid("the input must have at least ", least, " axes but is ",
                        ToString(x->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const bool last, ChannelsLast(node, form.layout));
  const Dims& dims = x->shape.dims();
  Pool pool;
  pool.type = x->type;
  OPCOST_ASSIGN_OR_RETURN(const Dims pooled,
                          PooledExtents(node,
                                        absl::MakeConstSpan(dims).subspan(
                                            last ? 1 : 2, dims.size() - 2),
                                        form.is_global, &pool.window));
  pool.output = {dims[0]};
  if (!last) pool.output.push_back(dims[1]);
  pool.output.insert(pool.output.end(), pooled.begin(), pooled.end());
  if (last) pool.output.push_back(dims.back());
  return pool;
}

template <const PoolForm* kForm>
absl::StatusOr<OutputTypes> InferPool(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Pool pool, ResolvePool(node, *kForm));
  if (kForm->pooling == Pooling::kQuantizedMean) {
    for (const int i : kPoolParameters) {
      OPCOST_RETURN_IF_ERROR(
          CheckOneElement(node, i, absl::StrCat("operand ", i)));
    }
  }
  OutputTypes types{ValueType(pool.type, pool.output)};
  if (kForm->pooling == Pooling::kMaximum && node.HasOutput(1)) {
    types.push_back(ValueType(DataType::kInt64, std::move(pool.output)));
  }
  return types;
}

// Windows over the border count in full (R9).
OpCounts CountWindows(const TypedNodeView& node, const Pool& pool) {
  const Count out = Volume(pool.output);
  node.Let("out", out);
  node.Let("window", pool.window);
  node.Let("Indices", node.HasOutput(1) ? 1 : 0);
  OpCounts counts;
  ReadInput(counts, node, 0, pool.terms());
  WriteOutput(counts, node, 0, out);
  WriteOutput(counts, node, 1, node.OutputVolume(1));
  return counts;
}

template <const PoolForm* kForm>
absl::StatusOr<OpCounts> CountPool(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Pool pool, ResolvePool(node, *kForm));
  OPCOST_ASSIGN_OR_RETURN(const PerElement each, FusedActivation(node));
  OpCounts counts = CountWindows(node, pool);
  const Count out = Volume(pool.output);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), pool.terms());
  if (kForm->pooling == Pooling::kMean) {
    AddArith(counts, ArithOp::kMul, OperandSet::Input(0), out);
  }
  AddActivation(counts, node, each, out);
  return counts;
}

// The sum in int32; the window's reciprocal is part of the ratio of the scales.
template <const PoolForm* kForm>
absl::StatusOr<OpCounts> CountQuantizedMean(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Pool pool, ResolvePool(node, *kForm));
  OpCounts counts = CountWindows(node, pool);
  AddArith(counts, ArithOp::kAdd, OperandSet::Fixed(DataType::kInt32),
           pool.terms());
  AddRequantize(counts, Volume(pool.output));
  Count parameters;
  for (const int i : kPoolParameters) {
    parameters += ZeroPointReads(node, i);
    ReadZeroPoint(counts, node, i);
  }
  node.Let("parameters", parameters);
  return counts;
}

constexpr PoolForm kMax = {};
constexpr PoolForm kMaxNhwc = {.layout = Layout::kChannelsLast};
constexpr PoolForm kMean = {.pooling = Pooling::kMean};
constexpr PoolForm kMeanNhwc = {.layout = Layout::kChannelsLast,
                                .pooling = Pooling::kMean};
constexpr PoolForm kGlobalMax = {.is_global = true};
constexpr PoolForm kGlobalMaxNhwc = {.layout = Layout::kChannelsLast,
                                     .is_global = true};
constexpr PoolForm kGlobalMean = {.pooling = Pooling::kMean, .is_global = true};
constexpr PoolForm kGlobalMeanNhwc = {.layout = Layout::kChannelsLast,
                                      .pooling = Pooling::kMean,
                                      .is_global = true};
constexpr PoolForm kQuantizedMean = {.layout = Layout::kAttribute,
                                     .pooling = Pooling::kQuantizedMean};
constexpr PoolForm kQuantizedMeanNhwc = {.layout = Layout::kChannelsLast,
                                         .pooling = Pooling::kQuantizedMean};
constexpr PoolForm kGlobalQuantizedMean = {.layout = Layout::kAttribute,
                                           .pooling = Pooling::kQuantizedMean,
                                           .is_global = true};

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

constexpr absl::string_view kActMul =
    "out*(act_mul + act_div*div + act_exp*exp + act_log*log + act_erf*erf"
    " + act_tanh*tanh + act_sigmoid*sigmoid)";
constexpr Formula kMaxFormula = {
    .mul = kActMul,
    .add =
        "out*(window + act_add + act_div*div + act_exp*exp + act_log*log"
        " + act_erf*erf + act_tanh*tanh + act_sigmoid*sigmoid)",
    .reads = "i0: out*window",
    .writes = "o0: out; o1: [Indices]*out",
    .rules = "R1 R3 R9"};
constexpr Formula kMeanFormula = {
    .mul =
        "out*(1 + act_mul + act_div*div + act_exp*exp + act_log*log"
        " + act_erf*erf + act_tanh*tanh + act_sigmoid*sigmoid)",
    .add =
        "out*(window + act_add + act_div*div + act_exp*exp + act_log*log"
        " + act_erf*erf + act_tanh*tanh + act_sigmoid*sigmoid)",
    .reads = "i0: out*window",
    .writes = "o0: out",
    .rules = "R1 R3 R7 R9"};
constexpr Formula kQuantizedMeanFormula = {
    .mul = "out",
    .add = "out*window + 3*out",
    .reads = "i0: out*window; parameters: parameters",
    .writes = "o0: out",
    .rules = "R1 R2 R3 R7 R9"};
constexpr Formula kReorderFormula = {
    .reads = "i0: moved", .writes = "o0: out", .rules = "R1 R5"};
constexpr Formula kMovedFormula = {
    .reads = "i0: moved", .writes = "o0: moved", .rules = "R1 R5"};

constexpr absl::string_view kMs = "com.microsoft";
constexpr absl::string_view kNchwc = "com.microsoft.nchwc";
constexpr absl::string_view kNhwc = "com.ms.internal.nhwc";

constexpr OpDef kOps[] = {
    {.name = "NhwcMaxPool",
     .infer = &InferPool<&kMaxNhwc>,
     .count = &CountPool<&kMaxNhwc>,
     .formula = kMaxFormula,
     .description = "MaxPool with the channels last",
     .domain = kMs},
    {.name = "QLinearAveragePool",
     .infer = &InferPool<&kQuantizedMean>,
     .count = &CountQuantizedMean<&kQuantizedMean>,
     .formula = kQuantizedMeanFormula,
     .description = "sum of each window in int32, requantised once; the "
                    "window's reciprocal is part of the scales",
     .domain = kMs},
    {.name = "QLinearGlobalAveragePool",
     .infer = &InferPool<&kGlobalQuantizedMean>,
     .count = &CountQuantizedMean<&kGlobalQuantizedMean>,
     .formula = kQuantizedMeanFormula,
     .description = "sum over the spatial axes in int32, requantised once",
     .domain = kMs},
    {.name = "AveragePool",
     .infer = &InferPool<&kMean>,
     .count = &CountPool<&kMean>,
     .formula = kMeanFormula,
     .description = "AveragePool in blocks of channels",
     .domain = kNchwc},
    {.name = "GlobalAveragePool",
     .infer = &InferPool<&kGlobalMean>,
     .count = &CountPool<&kGlobalMean>,
     .formula = kMeanFormula,
     .description = "GlobalAveragePool in blocks of channels",
     .domain = kNchwc},
    {.name = "GlobalMaxPool",
     .infer = &InferPool<&kGlobalMax>,
     .count = &CountPool<&kGlobalMax>,
     .formula = kMaxFormula,
     .description = "GlobalMaxPool in blocks of channels",
     .domain = kNchwc},
    {.name = "MaxPool",
     .infer = &InferPool<&kMax>,
     .count = &CountPool<&kMax>,
     .formula = kMaxFormula,
     .description = "MaxPool in blocks of channels",
     .domain = kNchwc},
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
    {.name = "AveragePool",
     .infer = &InferPool<&kMeanNhwc>,
     .count = &CountPool<&kMeanNhwc>,
     .formula = kMeanFormula,
     .description = "AveragePool with the channels last, and an activation",
     .domain = kNhwc},
    {.name = "DepthToSpace",
     .infer = &InferDepth<true>,
     .count = &CountDepth,
     .formula = kMovedFormula,
     .description = "DepthToSpace with the channels last; a view for blocks of "
                    "1",
     .domain = kNhwc},
    {.name = "GlobalAveragePool",
     .infer = &InferPool<&kGlobalMeanNhwc>,
     .count = &CountPool<&kGlobalMeanNhwc>,
     .formula = kMeanFormula,
     .description = "GlobalAveragePool with the channels last",
     .domain = kNhwc},
    {.name = "GlobalMaxPool",
     .infer = &InferPool<&kGlobalMaxNhwc>,
     .count = &CountPool<&kGlobalMaxNhwc>,
     .formula = kMaxFormula,
     .description = "GlobalMaxPool with the channels last",
     .domain = kNhwc},
    {.name = "MaxPool",
     .infer = &InferPool<&kMaxNhwc>,
     .count = &CountPool<&kMaxNhwc>,
     .formula = kMaxFormula,
     .description = "MaxPool with the channels last, and an activation",
     .domain = kNhwc},
    {.name = "QLinearAveragePool",
     .infer = &InferPool<&kQuantizedMeanNhwc>,
     .count = &CountQuantizedMean<&kQuantizedMeanNhwc>,
     .formula = kQuantizedMeanFormula,
     .description = "QLinearAveragePool with the channels last",
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
