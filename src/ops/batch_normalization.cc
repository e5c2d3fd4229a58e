// SPDX-License-Identifier: Apache-2.0
// Normalizations per element by what is known beforehand or lies beside it:
// BatchNormalization and LRN.
#include <utility>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/power.h"
#include "src/ops/row_normalization.h"

namespace opcost {
namespace {

constexpr int kMean = 3;
constexpr int kVariance = 4;
constexpr int kRunningMean = 1;
constexpr int kRunningVariance = 2;
constexpr int kSavedMean = 3;
constexpr int kSavedVariance = 4;
// The first opset with `training_mode`; the first without `spatial`; the first
// without `is_test`.
constexpr int kTrainingModeOpset = 14;
constexpr int kAlwaysSpatialOpset = 9;
constexpr int kNoIsTestOpset = 7;

// The number of statistics of each kind: one per channel, or, before opset 9
// with spatial = 0, one per feature.
absl::StatusOr<Extent> StatisticsOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.empty()) {
    return node.Invalid("the input must have a batch axis but is a scalar");
  }
  bool is_spatial = true;
  if (node.opset() < kAlwaysSpatialOpset) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t spatial, node.Int("spatial", 1));
    is_spatial = spatial != 0;
  }
  if (dims.size() == 1) return Extent(1);
  return is_spatial ? dims[1] : Volume(dims.subspan(1));
}

absl::StatusOr<Extent> ResolveBatchNormalization(const NodeView& node) {
  constexpr absl::string_view kNames[] = {"", "the scale", "the bias",
                                          "the mean", "the variance"};
  OPCOST_ASSIGN_OR_RETURN(Extent statistics, StatisticsOf(node));
  for (int i = kNormScale; i <= kVariance; ++i) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
    const Extent elements = Volume(operand->shape.dims());
    if (elements.is_concrete() && statistics.is_concrete() &&
        !(elements == statistics)) {
      return node.Invalid(kNames[i], " has ", elements.ToString(),
                          " elements but must have one for each of the ",
                          statistics.ToString(), " channels");
    }
  }
  return statistics;
}

// Outputs 1 and 2 are the running statistics, before opset 14 outputs 3 and 4
// those of the batch.
absl::StatusOr<OutputTypes> InferBatchNormalization(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveBatchNormalization(node).status());
  OPCOST_RETURN_IF_ERROR(node.Int("training_mode", 0).status());
  OPCOST_RETURN_IF_ERROR(node.Int("is_test", 0).status());
  const ValueType mean = node.InputType(kMean);
  const ValueType variance = node.InputType(kVariance);
  return OutputTypes{node.InputType(0), mean, variance, mean, variance};
}

// Before opset 14 a node trains if something uses what only training gives.
absl::StatusOr<bool> IsTraining(const TypedNodeView& node) {
  if (node.opset() >= kTrainingModeOpset) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t mode, node.Int("training_mode", 0));
    return mode != 0;
  }
  if (node.opset() < kNoIsTestOpset) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t is_test, node.Int("is_test", 0));
    if (is_test != 0) return false;
  }
  for (int o = kRunningMean; o <= kSavedVariance; ++o) {
    if (node.IsOutputUsed(o)) return true;
  }
  return false;
}

// running = given * momentum + current * (1 - momentum), where it is used.
void UpdateRunning(OpCounts& counts, const TypedNodeView& node, int output,
                   int operand, const Count& statistics) {
  if (!node.IsOutputUsed(output)) return;
  const OperandSet given = OperandSet::Input(operand);
  AddArith(counts, ArithOp::kMul, given, statistics * 2);
  AddArith(counts, ArithOp::kAdd, given, statistics);
  ReadInput(counts, node, operand, statistics);
  WriteOutput(counts, node, output, statistics);
}

// Training normalizes the row of each channel by its own statistics, as
// InstanceNormalization does that of each channel and sample.
OpCounts CountTraining(const TypedNodeView& node, const Count& statistics) {
  const Count out = node.InputVolume(0);
  const Count length = statistics.Is(0) ? Count(0) : out / statistics;
  OpCounts counts = CountNormalizedRows(node, {statistics, length});
  UpdateRunning(counts, node, kRunningMean, kMean, statistics);
  UpdateRunning(counts, node, kRunningVariance, kVariance, statistics);
  if (node.opset() < kTrainingModeOpset) {
    WriteOutput(counts, node, kSavedMean, statistics);
    WriteOutput(counts, node, kSavedVariance, statistics);
  }
  return counts;
}

// Inference: x * scale' + shift', which fold the statistics (R7). Statistics
// that aren't constant cost a square root and a division each time.
OpCounts CountInference(const TypedNodeView& node, const Count& statistics) {
  const Count out = node.InputVolume(0);
  const bool is_folded = node.IsConstant(kMean) && node.IsConstant(kVariance);
  node.Let("computed", Count(is_folded ? 0 : 1));
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, kNormScale), out);
  AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, kNormBias), out);
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, kNormScale, out);
  ReadInputAs(counts, node, kNormBias, out, Role::kBias);
  if (!is_folded) {
    const OperandSet variance = OperandSet::Input(kVariance);
    AddArith(counts, ArithOp::kSqrt, variance, statistics);
    AddArith(counts, ArithOp::kDiv, variance, statistics);
    ReadInput(counts, node, kMean, statistics);
    ReadInput(counts, node, kVariance, statistics);
  }
  WriteOutput(counts, node, 0, out);
  return counts;
}

absl::StatusOr<OpCounts> CountBatchNormalization(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Count statistics,
                          ResolveBatchNormalization(node));
  OPCOST_ASSIGN_OR_RETURN(const bool is_training, IsTraining(node));
  const auto updates = [&](int output) {
    return Count(is_training && node.IsOutputUsed(output) ? 1 : 0);
  };
  node.Let("out", node.InputVolume(0));
  node.Let("C", statistics);
  node.Let("training", Count(is_training ? 1 : 0));
  node.Let("running_mean", updates(kRunningMean));
  node.Let("running_var", updates(kRunningVariance));
  const bool has_saved = node.opset() < kTrainingModeOpset;
  node.Let("saved_mean", has_saved ? updates(kSavedMean) : Count(0));
  node.Let("saved_var", has_saved ? updates(kSavedVariance) : Count(0));
  if (is_training) {
    node.Let("computed", Count(0));
    return CountTraining(node, statistics);
  }
  return CountInference(node, statistics);
}

// LRN: each element over a power of the sum of squares of `size` channels.

struct LrnTerms {
  int64_t window = 1;
  double beta = 0;
};

absl::StatusOr<LrnTerms> ResolveLrn(const NodeView& node) {
  LrnTerms lrn;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() < 2) {
    return node.Invalid(
        "the input must have a batch and a channel axis but is ",
        ToString(x->shape));
  }
  if (!node.HasAttribute("size")) {
    return node.Invalid("attribute 'size' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(lrn.window, node.Int("size", 1));
  if (lrn.window < 1) {
    return node.Invalid("attribute 'size' is ", lrn.window,
                        " but must be at least 1");
  }
  OPCOST_ASSIGN_OR_RETURN(lrn.beta, node.Float("beta", 0.75));
  return lrn;
}

absl::StatusOr<OutputTypes> InferLrn(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveLrn(node).status());
  return InferSameAsInput(node);
}

absl::StatusOr<OpCounts> CountLrn(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const LrnTerms lrn, ResolveLrn(node));
  const Count out = node.InputVolume(0);
  const Count window(lrn.window);
  const OperandSet x = OperandSet::Input(0);
  node.Let("out", out);
  node.Let("window", window);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, x, out * window);
  AddArith(counts, ArithOp::kAdd, x, out * window, ArithRole::kAccumulate);
  AddArith(counts, ArithOp::kMul, x, out);  // by alpha / size
  AddArith(counts, ArithOp::kAdd, x, out);  // the bias
  AddPower(counts, node, lrn.beta, out);
  AddArith(counts, ArithOp::kDiv, x, out);
  ReadInput(counts, node, 0, out * (window + 1));
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "BatchNormalization",
     .since = 1,
     .infer = &InferBatchNormalization,
     .count = &CountBatchNormalization,
     .formula = {.mul = "(1 - [training])*out + [computed]*C*(sqrt + div) + "
                        "[training]*(3*out + C*(2 + sqrt + div)) + "
                        "2*([running_mean] + [running_var])*C",
                 .add = "(1 - [training])*out + [computed]*C*(sqrt + div) + "
                        "[training]*(5*out + C*(1 + sqrt + div)) + "
                        "([running_mean] + [running_var])*C",
                 .reads = "X: (1 + 2*[training])*out; scale: out; B: out; "
                          "i3: ([computed] + [running_mean])*C; "
                          "i4: ([computed] + [running_var])*C",
                 .writes = "Y: out; o1: [running_mean]*C; o2: [running_var]*C; "
                           "o3: [saved_mean]*C; o4: [saved_var]*C",
                 .rules = "R1 R2 R4 R6 R7"},
     .description =
         "x*scale + shift, whose coefficients are folded; statistics "
         "that aren't constant add C*(sqrt + div). Training: mean, "
         "variance and result of each channel, and 2 mul and 1 add "
         "for each running statistic that is used"},
    {.name = "LRN",
     .since = 1,
     .infer = &InferLrn,
     .count = &CountLrn,
     .formula = {.mul = "(window + 1)*out + ([square] + 2*[cube] + "
                        "[root]*sqrt + [general]*pow + div)*out",
                 .add = "(window + 1)*out + ([root]*sqrt + [general]*pow + "
                        "div)*out",
                 .reads = "X: (window + 1)*out",
                 .writes = "Y: out",
                 .rules = "R1 R6 R9"},
     .description = "x / (bias + alpha/size * sum of squares of `size` "
                    "channels)^beta; windows over the border in full"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> BatchNormalizationOps() { return kOps; }

}  // namespace opcost
