// SPDX-License-Identifier: Apache-2.0
// Pooling that a runtime leaves in optimised graphs: with the channels last or
// in blocks, of quantised tensors, with an activation. Source: ONNX Runtime,
// docs/ContribOperators.md and the schemas of its domains com.microsoft.nchwc
// and com.ms.internal.nhwc.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/fused_activation.h"
#include "src/ops/requantize.h"
#include "src/ops/window.h"

namespace opcost {
namespace {

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
  Extent batch, channels;
  Dims spatial;  // of the input
  Dims kernel;   // empty for a global pool, which has no padding
  Dims pooled;   // the output's spatial extents
};

// Scale and zero point of input and output.
constexpr int kPoolParameters[] = {1, 2, 3, 4};

absl::StatusOr<bool> ChannelsLast(const NodeView& node, Layout layout) {
  if (layout != Layout::kAttribute) return layout == Layout::kChannelsLast;
  OPCOST_ASSIGN_OR_RETURN(const int64_t last, node.Int("channels_last", 0));
  return last != 0;
}

// The kernel, the window and what it leaves of the spatial axes.
absl::Status ResolveWindow(const NodeView& node, bool is_global, Pool* pool) {
  if (is_global) {
    pool->window = Volume(pool->spatial);
    pool->pooled = Dims(pool->spatial.size(), Extent(1));
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const std::optional<IntDims> stated,
                          KernelShapeAttribute(node, pool->spatial.size()));
  if (!stated.has_value()) {
    return node.Invalid("attribute 'kernel_shape' is missing");
  }
  pool->kernel.assign(stated->begin(), stated->end());
  pool->window = Volume(pool->kernel);
  OPCOST_ASSIGN_OR_RETURN(pool->pooled,
                          SlideWindow(node, pool->spatial, pool->kernel));
  return absl::OkStatus();
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
  pool.batch = dims[0];
  pool.channels = last ? dims.back() : dims[1];
  const auto first = dims.begin() + (last ? 1 : 2);
  pool.spatial.assign(first, first + (x->shape.rank() - 2));
  OPCOST_RETURN_IF_ERROR(ResolveWindow(node, form.is_global, &pool));
  pool.output = {dims[0]};
  if (!last) pool.output.push_back(dims[1]);
  pool.output.insert(pool.output.end(), pool.pooled.begin(), pool.pooled.end());
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

// Elements that all windows cover. Those over the border count in full (R9),
// unless padding is skipped.
struct Terms {
  Count counted;
  std::string bound_reason;
};

absl::StatusOr<Terms> TermsOf(const TypedNodeView& node, const Pool& pool) {
  const Count out = Volume(pool.output);
  Terms terms{Volume({out, pool.window}), ""};
  if (!node.options().skip_padding || pool.kernel.empty()) return terms;
  OPCOST_ASSIGN_OR_RETURN(
      const std::optional<Extent> inside,
      PairsInside(node, pool.spatial, pool.kernel, pool.pooled));
  if (inside.has_value()) {
    terms.counted = Volume({pool.batch, pool.channels, *inside});
  } else {
    terms.bound_reason = std::string(kPaddingIsCounted);
  }
  node.Let(kPairsInside, terms.counted);
  return terms;
}

OpCounts CountWindows(const TypedNodeView& node, const Pool& pool,
                      const Terms& terms) {
  const Count out = Volume(pool.output);
  node.Let("out", out);
  node.Let("window", pool.window);
  node.Let("Indices", node.HasOutput(1) ? 1 : 0);
  OpCounts counts;
  ReadInput(counts, node, 0, terms.counted);
  WriteOutput(counts, node, 0, out);
  WriteOutput(counts, node, 1, node.OutputVolume(1));
  counts.bound_reason = terms.bound_reason;
  return counts;
}

template <const PoolForm* kForm>
absl::StatusOr<OpCounts> CountPool(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Pool pool, ResolvePool(node, *kForm));
  OPCOST_ASSIGN_OR_RETURN(const PerElement each, FusedActivation(node));
  OPCOST_ASSIGN_OR_RETURN(const Terms terms, TermsOf(node, pool));
  OpCounts counts = CountWindows(node, pool, terms);
  const Count out = Volume(pool.output);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), terms.counted);
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
  OPCOST_ASSIGN_OR_RETURN(const Terms terms, TermsOf(node, pool));
  OpCounts counts = CountWindows(node, pool, terms);
  AddArith(counts, ArithOp::kAdd, OperandSet::Fixed(DataType::kInt32),
           terms.counted);
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
    {.name = "AveragePool",
     .infer = &InferPool<&kMeanNhwc>,
     .count = &CountPool<&kMeanNhwc>,
     .formula = kMeanFormula,
     .description = "AveragePool with the channels last, and an activation",
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
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribPoolOps() { return kOps; }

}  // namespace opcost
