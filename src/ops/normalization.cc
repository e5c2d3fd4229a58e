// SPDX-License-Identifier: Apache-2.0
// Normalizations by the statistics of rows of the input: LayerNormalization and
// its relatives, LpNormalization. They differ in what a row is.
//
// A row of L elements is passed over three times (R4): for the mean, for the
// variance, for the result.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/row_normalization.h"

namespace opcost {
namespace {

// The first opset whose GroupNormalization scales each channel, not each group,
// and whose MeanVarianceNormalization lists its axes.
constexpr int kGroupPerChannelOpset = 21;
constexpr int kMvnAxesOpset = 9;

// The product of the extents on `axes`, and that of the others.
NormalizedRows RowsAlong(absl::Span<const Extent> dims,
                         absl::Span<const int> axes) {
  std::vector<bool> is_along(dims.size(), false);
  for (const int axis : axes) is_along[static_cast<size_t>(axis)] = true;
  Dims along, across;
  for (size_t i = 0; i < dims.size(); ++i) {
    (is_along[i] ? along : across).push_back(dims[i]);
  }
  return {Volume(across), Volume(along)};
}

// OK if operand `i`, the scale or bias, has `expected` elements, one per `per`.
absl::Status CheckPerRow(const NodeView& node, int i, const Extent& expected,
                         absl::string_view per) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
  const Extent elements = Volume(operand->shape.dims());
  if (elements.is_concrete() && expected.is_concrete() &&
      !(elements == expected)) {
    return node.Invalid(i == kNormScale ? "the scale" : "the bias", " has ",
                        elements.ToString(),
                        " elements but must have one for each of the ",
                        expected.ToString(), " ", per);
  }
  return absl::OkStatus();
}

// LayerNormalization: a row is everything from `axis` on.

struct LayerGeometry {
  NormalizedRows rows;
  Dims statistics;  // of the outputs Mean and InvStdDev
};

absl::StatusOr<LayerGeometry> ResolveLayer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const Dims& dims = x->shape.dims();
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", -1, x->shape.rank()));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scale, node.Input(kNormScale));
  OPCOST_RETURN_IF_ERROR(
      CheckBroadcastsTo(node, "the scale", scale->shape.dims(), dims));
  if (node.HasInput(kNormBias)) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* bias, node.Input(kNormBias));
    OPCOST_RETURN_IF_ERROR(
        CheckBroadcastsTo(node, "the bias", bias->shape.dims(), dims));
  }
  const auto first = static_cast<size_t>(axis);
  const absl::Span<const Extent> all = dims;
  LayerGeometry layer;
  layer.rows = {Volume(all.first(first)), Volume(all.subspan(first))};
  layer.statistics.assign(dims.size(), Extent(1));
  std::copy(dims.begin(), dims.begin() + axis, layer.statistics.begin());
  return layer;
}

// `stash_type` names the type of the statistics; what is computed in it is
// counted in the input's format all the same.
absl::StatusOr<OutputTypes> InferLayer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(LayerGeometry layer, ResolveLayer(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t stash, node.Int("stash_type", 1));
  const std::optional<DataType> type = DataTypeFromOnnx(stash);
  if (!type.has_value()) {
    return node.Invalid("attribute 'stash_type' is ", stash,
                        ", which is no known element type");
  }
  const ValueType statistics(*type, std::move(layer.statistics));
  return OutputTypes{node.InputType(0), statistics, statistics};
}

absl::StatusOr<OpCounts> CountLayer(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const LayerGeometry layer, ResolveLayer(node));
  OpCounts counts = CountNormalizedRows(node, layer.rows);
  WriteOutput(counts, node, 1, layer.rows.rows);
  WriteOutput(counts, node, 2, layer.rows.rows);
  return counts;
}

// RMSNormalization: rows as LayerNormalization's, divided by the root of the
// mean square. The output has the scale's type.

absl::StatusOr<OutputTypes> InferRms(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveLayer(node).status());
  return OutputTypes{ValueType(node.InputType(kNormScale).tensor.type,
                               node.InputType(0).tensor.shape.dims())};
}

// Two passes: the squares; the result.
absl::StatusOr<OpCounts> CountRms(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const LayerGeometry layer, ResolveLayer(node));
  const OperandSet x = OperandSet::Input(0);
  const Count out = layer.rows.elements();
  const Count& rows = layer.rows.rows;
  LetRows(node, layer.rows);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, x, out);
  AddArith(counts, ArithOp::kAdd, x, out, ArithRole::kAccumulate);
  AddArith(counts, ArithOp::kMul, x, rows);
  AddArith(counts, ArithOp::kAdd, x, rows);
  AddArith(counts, ArithOp::kSqrt, x, rows);
  AddArith(counts, ArithOp::kDiv, x, rows);
  AddArith(counts, ArithOp::kMul, x, out);
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, kNormScale), out);
  ReadInput(counts, node, 0, out * 2);
  ReadInput(counts, node, kNormScale, out);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// InstanceNormalization: a row is one channel of one sample.

absl::StatusOr<NormalizedRows> ResolveInstance(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.size() < 2) {
    return node.Invalid(
        "the input must have a batch and a channel axis but is ",
        ToString(x->shape));
  }
  OPCOST_RETURN_IF_ERROR(CheckPerRow(node, kNormScale, dims[1], "channels"));
  OPCOST_RETURN_IF_ERROR(CheckPerRow(node, kNormBias, dims[1], "channels"));
  return NormalizedRows{dims[0] * dims[1], Volume(dims.subspan(2))};
}

// GroupNormalization: a row is one group of channels of one sample.

absl::StatusOr<NormalizedRows> ResolveGroup(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.size() < 2) {
    return node.Invalid(
        "the input must have a batch and a channel axis but is ",
        ToString(x->shape));
  }
  if (!node.HasAttribute("num_groups")) {
    return node.Invalid("attribute 'num_groups' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t groups, node.Int("num_groups", 1));
  const Extent& channels = dims[1];
  if (groups < 1 ||
      (channels.is_concrete() && channels.value() % groups != 0)) {
    return node.Invalid("num_groups ", groups, " doesn't divide the ",
                        channels.ToString(), " channels");
  }
  const bool per_channel = node.opset() >= kGroupPerChannelOpset;
  const Extent expected = per_channel ? channels : Extent(groups);
  const absl::string_view per = per_channel ? "channels" : "groups";
  OPCOST_RETURN_IF_ERROR(CheckPerRow(node, kNormScale, expected, per));
  OPCOST_RETURN_IF_ERROR(CheckPerRow(node, kNormBias, expected, per));
  return NormalizedRows{dims[0] * groups,
                        channels / groups * Volume(dims.subspan(2))};
}

// MeanVarianceNormalization: a row is one channel of all samples, unless `axes`
// say otherwise. Before opset 9 `across_channels` adds the channels.

absl::StatusOr<NormalizedRows> ResolveMvn(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  std::vector<int64_t> axes = {0, 2, 3};
  if (node.opset() < kMvnAxesOpset) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t across,
                            node.Int("across_channels", 0));
    if (across != 0) axes = {0, 1, 2, 3};
  }
  if (node.HasAttribute("axes")) {
    OPCOST_ASSIGN_OR_RETURN(axes, node.Ints("axes"));
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int> along,
                          NormalizeAxes(node, axes, x->shape.rank()));
  return RowsAlong(x->shape.dims(), along);
}

// Before opset 9 `normalize_variance` may be 0: then the mean alone is
// subtracted.
absl::StatusOr<OpCounts> CountMvn(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const NormalizedRows rows, ResolveMvn(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t variance,
                          node.Int("normalize_variance", 1));
  const bool has_variance = node.opset() >= kMvnAxesOpset || variance != 0;
  node.Let("variance", Count(has_variance ? 1 : 0));
  if (has_variance) return CountNormalizedRows(node, rows);
  const Count out = rows.elements();
  LetRows(node, rows);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Input(0), rows.rows);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out * 2);
  ReadInput(counts, node, 0, out * 2);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// LpNormalization: a row runs along `axis`, and is divided by its norm: one
// reciprocal per row, one mul per element.

absl::StatusOr<NormalizedRows> ResolveLp(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", -1, x->shape.rank()));
  OPCOST_ASSIGN_OR_RETURN(const int64_t p, node.Int("p", 2));
  if (p != 1 && p != 2) {
    return node.Invalid("attribute 'p' is ", p, " but must be 1 or 2");
  }
  return RowsAlong(x->shape.dims(), {axis});
}

absl::StatusOr<OpCounts> CountLp(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const NormalizedRows rows, ResolveLp(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t p, node.Int("p", 2));
  const OperandSet x = OperandSet::Input(0);
  const Count out = rows.elements();
  LetRows(node, rows);
  node.Let("squares", Count(p == 2 ? 1 : 0));
  OpCounts counts;
  if (p == 2) {
    AddArith(counts, ArithOp::kMul, x, out);
    AddArith(counts, ArithOp::kAdd, x, out, ArithRole::kAccumulate);
    AddArith(counts, ArithOp::kSqrt, x, rows.rows);
  } else {
    AddArith(counts, ArithOp::kAdd, x, out * 2);
  }
  AddArith(counts, ArithOp::kDiv, x, rows.rows);
  AddArith(counts, ArithOp::kMul, x, out);
  ReadInput(counts, node, 0, out * 2);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// Checks the geometry; the output is like the input.
template <absl::StatusOr<NormalizedRows> (*kResolve)(const NodeView&)>
absl::StatusOr<OutputTypes> InferRows(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(kResolve(node).status());
  return InferSameAsInput(node);
}

template <absl::StatusOr<NormalizedRows> (*kResolve)(const NodeView&)>
absl::StatusOr<OpCounts> CountRows(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const NormalizedRows rows, kResolve(node));
  return CountNormalizedRows(node, rows);
}

constexpr OpDef kOps[] = {
    {.name = "GroupNormalization",
     .since = 18,
     .infer = &InferRows<&ResolveGroup>,
     .count = &CountRows<&ResolveGroup>,
     .formula = {.mul = "rows*(3*L + 2 + sqrt + div)",
                 .add = "rows*(5*L + 1 + sqrt + div)",
                 .reads = "X: 3*rows*L; scale: rows*L; bias: rows*L",
                 .writes = "Y: rows*L",
                 .rules = "R1 R2 R4 R6 R10"},
     .description = "mean, variance and result of each group of channels of a "
                    "sample; scale and bias per channel, before opset 21 per "
                    "group"},
    {.name = "InstanceNormalization",
     .since = 1,
     .infer = &InferRows<&ResolveInstance>,
     .count = &CountRows<&ResolveInstance>,
     .formula = {.mul = "rows*(3*L + 2 + sqrt + div)",
                 .add = "rows*(5*L + 1 + sqrt + div)",
                 .reads = "input: 3*rows*L; scale: rows*L; B: rows*L",
                 .writes = "output: rows*L",
                 .rules = "R1 R2 R4 R6 R10"},
     .description = "mean, variance and result of each channel of a sample"},
    {.name = "LayerNormalization",
     .since = 17,
     .infer = &InferLayer,
     .count = &CountLayer,
     .formula = {.mul = "rows*(3*L + 2 + sqrt + div)",
                 .add = "rows*(4*L + [bias]*L + 1 + sqrt + div)",
                 .reads = "X: 3*rows*L; Scale: rows*L; B: [bias]*rows*L",
                 .writes = "Y: rows*L; Mean: rows; InvStdDev: rows",
                 .rules = "R1 R2 R4 R6 R10"},
     .description =
         "mean, variance and result of all that lies along the axes "
         "from `axis` on; Mean and InvStdDev are written where used"},
    {.name = "LpNormalization",
     .since = 1,
     .infer = &InferRows<&ResolveLp>,
     .count = &CountLp,
     .formula = {.mul = "rows*(L + div + [squares]*(L + sqrt))",
                 .add = "rows*(L + div + [squares]*sqrt + (1 - [squares])*L)",
                 .reads = "input: 2*rows*L",
                 .writes = "output: rows*L",
                 .rules = "R1 R4 R6"},
     .description = "each row along `axis` times the reciprocal of its norm: "
                    "sum of absolute values, or root of the sum of squares"},
    {.name = "MeanVarianceNormalization",
     .since = 1,
     .infer = &InferRows<&ResolveMvn>,
     .count = &CountMvn,
     .formula = {.mul = "rows*(1 + [variance]*(2*L + 1 + sqrt + div))",
                 .add = "rows*(2*L + [variance]*(2*L + 1 + sqrt + div))",
                 .reads = "X: (2 + [variance])*rows*L",
                 .writes = "Y: rows*L",
                 .rules = "R1 R4 R6"},
     .description = "(x - mean) / (standard deviation + epsilon) along `axes`; "
                    "as LayerNormalization without scale and bias"},
    {.name = "RMSNormalization",
     .since = 23,
     .infer = &InferRms,
     .count = &CountRms,
     .formula = {.mul = "rows*(3*L + 1 + sqrt + div)",
                 .add = "rows*(L + 1 + sqrt + div)",
                 .reads = "X: 2*rows*L; scale: rows*L",
                 .writes = "Y: rows*L",
                 .rules = "R1 R2 R4 R6 R10"},
     .description = "each row of all that lies along the axes from `axis` on, "
                    "over the root of its mean square, times the scale",
     .passes = "mean square; result"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> NormalizationOps() { return kOps; }

}  // namespace opcost
