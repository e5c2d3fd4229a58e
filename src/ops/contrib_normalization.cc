// SPDX-License-Identifier: Apache-2.0
// Normalizations that ONNX Runtime adds (docs/ContribOperators.md of ONNX
// Runtime): with a skip connection, with an activation, of groups, and the
// simplified ones by the mean of squares alone.
//
// ONNX Runtime defines LayerNormalization (before opset 17) and
// SimplifiedLayerNormalization in ONNX's own domain; exporters write them there
// and in com.microsoft.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/normalization_steps.h"

namespace opcost {
namespace {

constexpr absl::string_view kMicrosoft = "com.microsoft";
constexpr RowStatistics kLayer = RowStatistics::kMeanAndVariance;
constexpr RowStatistics kSimplified = RowStatistics::kMeanOfSquares;

// OK if operand `i`, where the node has it, may be repeated to fill `dims`.
absl::Status CheckFills(const NodeView& node, int i, absl::string_view what,
                        absl::Span<const Extent> dims) {
  if (i < 0 || !node.HasInput(i)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
  return CheckBroadcastsTo(node, what, operand->shape.dims(), dims);
}

// A row is all that lies along the axes from `axis` on.
struct RowsFromAxis {
  NormalizedRows rows;
  Dims statistics;  // one for each row
};

RowsFromAxis SplitAt(absl::Span<const Extent> dims, int axis) {
  const auto first = static_cast<size_t>(axis);
  RowsFromAxis split;
  split.rows = {Volume(dims.first(first)), Volume(dims.subspan(first))};
  split.statistics.assign(dims.size(), Extent(1));
  std::copy(dims.begin(), dims.begin() + axis, split.statistics.begin());
  return split;
}

void LetUsed(const TypedNodeView& node, absl::string_view name, int output) {
  node.Let(name, Count(node.IsOutputUsed(output) ? 1 : 0));
}

void LetPresent(const TypedNodeView& node, absl::string_view name, int i) {
  node.Let(name, Count(node.HasInput(i) ? 1 : 0));
}

// LayerNormalization and SimplifiedLayerNormalization.

absl::StatusOr<RowsFromAxis> ResolveLayer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_RETURN_IF_ERROR(node.Input(kNormScale).status());
  const Dims& dims = x->shape.dims();
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", -1, x->shape.rank()));
  OPCOST_RETURN_IF_ERROR(CheckFills(node, kNormScale, "the scale", dims));
  OPCOST_RETURN_IF_ERROR(CheckFills(node, kNormBias, "the bias", dims));
  return SplitAt(dims, axis);
}

template <RowStatistics kStatistics>
absl::StatusOr<OutputTypes> InferLayer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(RowsFromAxis layer, ResolveLayer(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t stash, node.Int("stash_type", 1));
  const std::optional<DataType> type = DataTypeFromOnnx(stash);
  if (!type.has_value()) {
    return node.Invalid("attribute 'stash_type' is ", stash,
                        ", which is no known element type");
  }
  const ValueType statistics(*type, std::move(layer.statistics));
  return OutputTypes{node.InputType(0), statistics, statistics};
}

template <RowStatistics kStatistics>
absl::StatusOr<OpCounts> CountLayer(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RowsFromAxis layer, ResolveLayer(node));
  const bool has_bias = kStatistics == kLayer && node.HasInput(kNormBias);
  const Count out = layer.rows.elements();
  LetRows(node, layer.rows);
  node.Let("bias", Count(has_bias ? 1 : 0));
  LetUsed(node, "statistics1", 1);
  LetUsed(node, "statistics2", 2);
  OpCounts counts;
  AddNormalization(
      counts, layer.rows, kStatistics,
      {OperandSet::Input(0), kNormScale, has_bias ? kNormBias : -1});
  ReadInput(counts, node, 0, out * (1 + LaterPasses(kStatistics)));
  ReadInput(counts, node, kNormScale, out);
  if (has_bias) ReadInputAs(counts, node, kNormBias, out, Role::kBias);
  WriteOutput(counts, node, 0, out);
  WriteOutput(counts, node, 1, layer.rows.rows);
  WriteOutput(counts, node, 2, layer.rows.rows);
  return counts;
}

// What is normalized is a sum that the operator makes first. It stays, between
// the passes, in the output that gives it, or else in output 0, which the
// result then overwrites.
void WriteSumAndResult(OpCounts& counts, const TypedNodeView& node, int sum,
                       const Count& out, int later_passes) {
  const int place = node.IsOutputUsed(sum) ? sum : 0;
  WriteOutput(counts, node, 0, place == 0 ? out * 2 : out);
  if (place != 0) WriteOutput(counts, node, place, out);
  RereadOutput(counts, node, place, out * later_passes);
}

// SkipLayerNormalization and SkipSimplifiedLayerNormalization.

struct SkipForm {
  RowStatistics statistics = kLayer;
  int beta = -1;
  int bias = -1;
};
constexpr int kSkip = 1;
constexpr int kGamma = 2;
constexpr int kSkipSum = 3;  // output
constexpr SkipForm kSkipLayer = {kLayer, 3, 4};
constexpr SkipForm kSkipSimplified = {kSimplified, -1, 3};

template <SkipForm kForm>
absl::StatusOr<RowsFromAxis> ResolveSkip(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_RETURN_IF_ERROR(node.Input(kSkip).status());
  OPCOST_RETURN_IF_ERROR(node.Input(kGamma).status());
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.empty()) {
    return node.Invalid("the input is a scalar but must have rows");
  }
  OPCOST_RETURN_IF_ERROR(CheckFills(node, kSkip, "skip", dims));
  OPCOST_RETURN_IF_ERROR(CheckFills(node, kGamma, "gamma", dims));
  OPCOST_RETURN_IF_ERROR(CheckFills(node, kForm.beta, "beta", dims));
  OPCOST_RETURN_IF_ERROR(CheckFills(node, kForm.bias, "bias", dims));
  return SplitAt(dims, static_cast<int>(dims.size()) - 1);
}

template <SkipForm kForm>
absl::StatusOr<OutputTypes> InferSkip(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(RowsFromAxis split, ResolveSkip<kForm>(node));
  const ValueType statistics(DataType::kFloat32, std::move(split.statistics));
  return OutputTypes{node.InputType(0), statistics, statistics,
                     node.InputType(0)};
}

template <SkipForm kForm>
absl::StatusOr<OpCounts> CountSkip(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const RowsFromAxis split, ResolveSkip<kForm>(node));
  const bool has_beta = kForm.beta >= 0 && node.HasInput(kForm.beta);
  const bool has_bias = node.HasInput(kForm.bias);
  const Count out = split.rows.elements();
  LetRows(node, split.rows);
  node.Let("beta", Count(has_beta ? 1 : 0));
  node.Let("bias", Count(has_bias ? 1 : 0));
  LetUsed(node, "mean", 1);
  LetUsed(node, "inverse", 2);
  const OperandSet sum = OperandSet::Inputs(0, kSkip);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, sum, has_bias ? out * 2 : out);
  AddNormalization(counts, split.rows, kForm.statistics,
                   {sum, kGamma, has_beta ? kForm.beta : -1});
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, kSkip, out);
  ReadInput(counts, node, kGamma, out);
  if (has_beta) ReadInputAs(counts, node, kForm.beta, out, Role::kBias);
  ReadInputAs(counts, node, kForm.bias, out, Role::kBias);
  WriteSumAndResult(counts, node, kSkipSum, out, LaterPasses(kForm.statistics));
  WriteOutput(counts, node, 1, split.rows.rows);
  WriteOutput(counts, node, 2, split.rows.rows);
  return counts;
}

// GroupNorm and SkipGroupNorm: a row is one group of channels of one sample.

constexpr int kGroupBeta = 2;
constexpr int kGroupSkip = 3;
constexpr int kGroupBias = 4;
constexpr int kGroupSum = 1;  // output

struct GroupGeometry {
  NormalizedRows rows;
  bool has_activation = false;  // SiLU
};

// OK if operand `i`, where the node has it, has one element per channel.
absl::Status CheckPerChannel(const NodeView& node, int i,
                             absl::string_view what, const Extent& channels) {
  if (!node.HasInput(i)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
  const Extent elements = Volume(operand->shape.dims());
  if (elements.is_concrete() && channels.is_concrete() &&
      !(elements == channels)) {
    return node.Invalid(what, " has ", elements.ToString(),
                        " elements but must have one for each of the ",
                        channels.ToString(), " channels");
  }
  return absl::OkStatus();
}

absl::StatusOr<GroupGeometry> ResolveGroup(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_RETURN_IF_ERROR(node.Input(kNormScale).status());
  OPCOST_RETURN_IF_ERROR(node.Input(kGroupBeta).status());
  OPCOST_ASSIGN_OR_RETURN(const int64_t groups, node.Int("groups", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t last, node.Int("channels_last", 1));
  OPCOST_ASSIGN_OR_RETURN(const int64_t activation, node.Int("activation", 0));
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.size() < 3) {
    return node.Invalid("X must have a batch, a channel and image axes but is ",
                        ToString(x->shape));
  }
  if (activation != 0 && activation != 1) {
    return node.Invalid("attribute 'activation' is ", activation,
                        " but must be 0 or 1");
  }
  const Extent& channels = last != 0 ? dims.back() : dims[1];
  if (groups < 1 ||
      (channels.is_concrete() && channels.value() % groups != 0)) {
    return node.Invalid("groups ", groups, " doesn't divide the ",
                        channels.ToString(), " channels");
  }
  OPCOST_RETURN_IF_ERROR(CheckPerChannel(node, kNormScale, "gamma", channels));
  OPCOST_RETURN_IF_ERROR(CheckPerChannel(node, kGroupBeta, "beta", channels));
  const Extent image = last != 0 ? Volume(dims.subspan(1, dims.size() - 2))
                                 : Volume(dims.subspan(2));
  return GroupGeometry{{dims[0] * groups, channels / groups * image},
                       activation == 1};
}

absl::StatusOr<OutputTypes> InferGroup(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveGroup(node).status());
  return OutputTypes{node.InputType(0), node.InputType(0)};
}

// What GroupNorm and SkipGroupNorm do to the rows once they have them.
OpCounts NormalizeGroups(const TypedNodeView& node, const GroupGeometry& group,
                         OperandSet rows) {
  const Count out = group.rows.elements();
  LetRows(node, group.rows);
  node.Let("silu", Count(group.has_activation ? 1 : 0));
  OpCounts counts;
  AddNormalization(counts, group.rows, kLayer, {rows, kNormScale, kGroupBeta});
  if (group.has_activation)
    AddEach(counts, {.mul = 1, .sigmoid = 1}, out, rows);
  ReadInput(counts, node, kNormScale, out);
  ReadInputAs(counts, node, kGroupBeta, out, Role::kBias);
  return counts;
}

absl::StatusOr<OpCounts> CountGroupNorm(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const GroupGeometry group, ResolveGroup(node));
  const Count out = group.rows.elements();
  OpCounts counts = NormalizeGroups(node, group, OperandSet::Input(0));
  ReadInput(counts, node, 0, out * 3);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// The skip is (N x H x W x C), (N x 1 x 1 x C) or (N x C): read once per use.
absl::StatusOr<OutputTypes> InferSkipGroup(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(node.Input(kGroupSkip).status());
  return InferGroup(node);
}

absl::StatusOr<OpCounts> CountSkipGroup(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const GroupGeometry group, ResolveGroup(node));
  const Count out = group.rows.elements();
  const OperandSet sum = OperandSet::Inputs(0, kGroupSkip);
  LetPresent(node, "bias", kGroupBias);
  OpCounts counts = NormalizeGroups(node, group, sum);
  AddArith(counts, ArithOp::kAdd, sum,
           node.HasInput(kGroupBias) ? out * 2 : out);
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, kGroupSkip, out);
  ReadInputAs(counts, node, kGroupBias, out, Role::kBias);
  WriteSumAndResult(counts, node, kGroupSum, out, LaterPasses(kLayer));
  return counts;
}

constexpr Formula kLayerFormula = {
    .mul = "rows*(3*L + 2 + sqrt + div)",
    .add = "rows*(4*L + [bias]*L + 1 + sqrt + div)",
    .reads = "X: 3*rows*L; scale: rows*L; B: [bias]*rows*L",
    .writes =
        "Y: rows*L; mean: [statistics1]*rows; inv_std_var: "
        "[statistics2]*rows",
    .rules = "R1 R2 R4 R6 R10"};
constexpr Formula kSimplifiedFormula = {
    .mul = "rows*(3*L + 1 + sqrt + div)",
    .add = "rows*(L + 1 + sqrt + div)",
    .reads = "X: 2*rows*L; scale: rows*L",
    .writes = "Y: rows*L; inv_std_var: ([statistics1] + [statistics2])*rows",
    .rules = "R1 R2 R4 R6 R10"};
constexpr absl::string_view kLayerText =
    "mean, variance and result of all that lies along the axes from `axis` on; "
    "ONNX Runtime's form of it";
constexpr absl::string_view kSimplifiedText =
    "each row over the root of its mean of squares, times the scale; a row is "
    "all that lies along the axes from `axis` on";
constexpr absl::string_view kLayerPasses = "mean, variance, result";
constexpr absl::string_view kSimplifiedPasses = "mean of squares, result";
constexpr Formula kSkipSimplifiedFormula = {
    .mul = "rows*(3*L + 1 + sqrt + div)",
    .add = "rows*(2*L + [bias]*L + 1 + sqrt + div)",
    .reads =
        "input: rows*L; skip: rows*L; gamma: rows*L; bias: "
        "[bias]*rows*L; sum: rows*L",
    .writes =
        "sum: rows*L; output: rows*L; mean: [mean]*rows; inv_std_var: "
        "[inverse]*rows",
    .rules = "R1 R2 R4 R6 R10"};
constexpr absl::string_view kSkipSimplifiedText =
    "SimplifiedLayerNormalization of input + skip + bias along the last axis; "
    "the sum stays in input_skip_bias_sum, or in output where nothing reads "
    "that";
constexpr absl::string_view kSkipSimplifiedPasses =
    "sum and mean of squares, result";
constexpr absl::string_view kSumPasses = "sum and mean, variance, result";

constexpr OpDef kOps[] = {
    {.name = "LayerNormalization",
     .since = 1,
     .infer = &InferLayer<kLayer>,
     .count = &CountLayer<kLayer>,
     .formula = kLayerFormula,
     .description = kLayerText,
     .passes = kLayerPasses},
    {.name = "SimplifiedLayerNormalization",
     .since = 1,
     .infer = &InferLayer<kSimplified>,
     .count = &CountLayer<kSimplified>,
     .formula = kSimplifiedFormula,
     .description = kSimplifiedText,
     .passes = kSimplifiedPasses},
    {.name = "SkipSimplifiedLayerNormalization",
     .since = 1,
     .infer = &InferSkip<kSkipSimplified>,
     .count = &CountSkip<kSkipSimplified>,
     .formula = kSkipSimplifiedFormula,
     .description = kSkipSimplifiedText,
     .passes = kSkipSimplifiedPasses},
    {.name = "GroupNorm",
     .since = 1,
     .infer = &InferGroup,
     .count = &CountGroupNorm,
     .formula = {.mul = "rows*(3*L + 2 + sqrt + div) + [silu]*rows*L*(sigmoid "
                        "+ 1)",
                 .add = "rows*(5*L + 1 + sqrt + div) + [silu]*rows*L*sigmoid",
                 .reads = "X: 3*rows*L; gamma: rows*L; beta: rows*L",
                 .writes = "Y: rows*L",
                 .rules = "R1 R2 R4 R6 R10"},
     .description = "mean, variance and result of each group of channels of a "
                    "sample, then SiLU where `activation` is 1",
     .domain = kMicrosoft,
     .passes = kLayerPasses},
    {.name = "LayerNormalization",
     .since = 1,
     .infer = &InferLayer<kLayer>,
     .count = &CountLayer<kLayer>,
     .formula = kLayerFormula,
     .description = kLayerText,
     .domain = kMicrosoft,
     .passes = kLayerPasses},
    {.name = "SimplifiedLayerNormalization",
     .since = 1,
     .infer = &InferLayer<kSimplified>,
     .count = &CountLayer<kSimplified>,
     .formula = kSimplifiedFormula,
     .description = kSimplifiedText,
     .domain = kMicrosoft,
     .passes = kSimplifiedPasses},
    {.name = "SkipGroupNorm",
     .since = 1,
     .infer = &InferSkipGroup,
     .count = &CountSkipGroup,
     .formula = {.mul = "rows*(3*L + 2 + sqrt + div) + [silu]*rows*L*(sigmoid "
                        "+ 1)",
                 .add = "rows*(6*L + [bias]*L + 1 + sqrt + div) + "
                        "[silu]*rows*L*sigmoid",
                 .reads =
                     "X: rows*L; skip: rows*L; bias: [bias]*rows*L; gamma: "
                     "rows*L; beta: rows*L; sum: 2*rows*L",
                 .writes = "sum: rows*L; Y: rows*L",
                 .rules = "R1 R2 R4 R6 R10"},
     .description = "GroupNorm of X + skip + bias; the sum stays in S, or in Y "
                    "where nothing reads S",
     .domain = kMicrosoft,
     .passes = kSumPasses},
    {.name = "SkipLayerNormalization",
     .since = 1,
     .infer = &InferSkip<kSkipLayer>,
     .count = &CountSkip<kSkipLayer>,
     .formula = {.mul = "rows*(3*L + 2 + sqrt + div)",
                 .add = "rows*(5*L + [beta]*L + [bias]*L + 1 + sqrt + div)",
                 .reads = "input: rows*L; skip: rows*L; gamma: rows*L; beta: "
                          "[beta]*rows*L; bias: [bias]*rows*L; sum: 2*rows*L",
                 .writes = "sum: rows*L; output: rows*L; mean: [mean]*rows; "
                           "inv_std_var: [inverse]*rows",
                 .rules = "R1 R2 R4 R6 R10"},
     .description = "LayerNormalization of input + skip + bias along the last "
                    "axis; the sum stays in input_skip_bias_sum, or in output "
                    "where nothing reads that",
     .domain = kMicrosoft,
     .passes = kSumPasses},
    {.name = "SkipSimplifiedLayerNormalization",
     .since = 1,
     .infer = &InferSkip<kSkipSimplified>,
     .count = &CountSkip<kSkipSimplified>,
     .formula = kSkipSimplifiedFormula,
     .description = kSkipSimplifiedText,
     .domain = kMicrosoft,
     .passes = kSkipSimplifiedPasses},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribNormalizationOps() { return kOps; }

}  // namespace opcost
