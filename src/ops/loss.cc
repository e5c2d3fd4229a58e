// SPDX-License-Identifier: Apache-2.0
// Losses: NegativeLogLikelihoodLoss, SoftmaxCrossEntropyLoss. A position is an
// element of the targets; its C scores lie along axis 1.
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr int kScores = 0;
constexpr int kTarget = 1;
constexpr int kWeight = 2;
constexpr int kLogProb = 1;  // output of SoftmaxCrossEntropyLoss

enum class Reduction { kNone, kSum, kMean };

struct Loss {
  TensorType scores;
  Dims positions;
  Extent classes;
  Reduction reduction = Reduction::kMean;
};

absl::StatusOr<Reduction> ReductionOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string name,
                          node.String("reduction", "mean"));
  if (name == "none") return Reduction::kNone;
  if (name == "sum") return Reduction::kSum;
  if (name == "mean") return Reduction::kMean;
  return node.Invalid("reduction '", name, "' is none of none, sum and mean");
}

// Scores N x C x ..., targets N x ..., weights C.
absl::StatusOr<Loss> ResolveLoss(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scores, node.Input(kScores));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* target, node.Input(kTarget));
  if (scores->shape.rank() < 2) {
    return node.Invalid("the scores must have at least 2 axes but have ",
                        scores->shape.rank());
  }
  Loss loss;
  loss.scores = *scores;
  loss.positions = scores->shape.dims();
  loss.classes = loss.positions[1];
  loss.positions.erase(loss.positions.begin() + 1);
  const Dims& given = target->shape.dims();
  bool fits = given.size() == loss.positions.size();
  for (size_t a = 0; fits && a < given.size(); ++a) {
    Extent& extent = loss.positions[a];
    if (!extent.is_concrete()) extent = given[a];
    fits = !given[a].is_concrete() || extent == given[a];
  }
  if (!fits) {
    return node.Invalid("the targets are ", ToString(target->shape),
                        " but the scores ", ToString(scores->shape),
                        " without axis 1 are ",
                        ToString(absl::MakeConstSpan(loss.positions)));
  }
  if (node.HasInput(kWeight)) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* weight, node.Input(kWeight));
    const bool is_list = weight->shape.rank() == 1;
    const Extent length = is_list ? weight->shape.dims()[0] : Extent(0);
    if (!is_list || (length.is_concrete() && loss.classes.is_concrete() &&
                     !(length == loss.classes))) {
      return node.Invalid("the weights are ", ToString(weight->shape),
                          " but there are ", loss.classes.ToString(),
                          " classes");
    }
  }
  OPCOST_ASSIGN_OR_RETURN(loss.reduction, ReductionOf(node));
  return loss;
}

absl::StatusOr<OutputTypes> InferLoss(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Loss loss, ResolveLoss(node));
  Dims dims;
  if (loss.reduction == Reduction::kNone) dims = std::move(loss.positions);
  return OutputTypes{ValueType(loss.scores.type, std::move(dims)),
                     std::move(loss.scores)};
}

// What follows the choice of each position's log probability, which the caller
// reads: minus it, times the weight, added up and averaged. Targets that
// ignore_index excludes count as others do. Names `positions`, `W`, `ignores`,
// `reduced`, `mean`, `averaged` and `written`.
void AddLoss(OpCounts& counts, const TypedNodeView& node, const Loss& loss) {
  const Count positions = Volume(loss.positions);
  const bool has_weight = node.HasInput(kWeight);
  const bool ignores = node.HasAttribute("ignore_index");
  const bool is_reduced = loss.reduction != Reduction::kNone;
  const bool is_mean = loss.reduction == Reduction::kMean;
  // The mean is over the weights that were applied, where they aren't all 1.
  const bool is_averaged = is_mean && (has_weight || ignores);
  const Count written = is_reduced ? Count(1) : positions;
  node.Let("positions", positions);
  node.Let("W", has_weight ? 1 : 0);
  node.Let("ignores", ignores ? 1 : 0);
  node.Let("reduced", is_reduced ? 1 : 0);
  node.Let("averaged", is_averaged ? 1 : 0);
  node.Let("scaled", is_mean && !is_averaged ? 1 : 0);
  node.Let("written", written);
  const OperandSet x = OperandSet::Input(kScores);
  AddArith(counts, ArithOp::kAdd, x, positions);  // minus
  if (ignores) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(kTarget), positions);
  }
  if (has_weight) {
    AddArith(counts, ArithOp::kMul, OperandSet::Inputs(kScores, kWeight),
             positions);
    ReadInput(counts, node, kWeight, positions);
  }
  if (is_reduced) AddArith(counts, ArithOp::kAdd, x, positions);
  if (is_averaged) {
    AddArith(counts, ArithOp::kAdd, x, positions);
    AddArith(counts, ArithOp::kDiv, x, 1);
  } else if (is_mean) {
    AddArith(counts, ArithOp::kMul, x, 1);
  }
  ReadInputAs(counts, node, kTarget, positions, Role::kIndex);
  WriteOutput(counts, node, 0, written);
}

absl::StatusOr<OpCounts> CountNll(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Loss loss, ResolveLoss(node));
  OpCounts counts;
  ReadInput(counts, node, kScores, Volume(loss.positions));
  AddLoss(counts, node, loss);
  return counts;
}

// LogSoftmax over the C scores of each position, as the operator of that name;
// where its result isn't wanted, the last of its passes takes the target's
// score alone.
absl::StatusOr<OpCounts> CountCrossEntropy(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Loss loss, ResolveLoss(node));
  const Count positions = Volume(loss.positions);
  const Count scores = Volume({positions, loss.classes});
  const bool has_log_prob = node.IsOutputUsed(kLogProb);
  const Count differences = has_log_prob ? scores : positions;
  node.Let("C", loss.classes);
  node.Let("log_prob", has_log_prob ? 1 : 0);
  node.Let("differences", differences);
  const OperandSet x = OperandSet::Input(kScores);
  OpCounts counts;
  AddEach(counts, {.add = 3, .exp = 1}, scores, x);
  AddArith(counts, ArithOp::kLog, x, positions);
  AddArith(counts, ArithOp::kAdd, x, differences);
  ReadInput(counts, node, kScores, scores * 2 + differences);
  if (has_log_prob) {
    WriteOutput(counts, node, kLogProb, scores);
    RereadOutput(counts, node, kLogProb, positions);
  }
  AddLoss(counts, node, loss);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "NegativeLogLikelihoodLoss",
     .since = 12,
     .infer = &InferLoss,
     .count = &CountNll,
     .formula = {.mul = "W*positions + scaled + averaged*div",
                 .add = "(1 + ignores + reduced + averaged)*positions + "
                        "averaged*div",
                 .reads = "i0: positions; i1: positions; i2: W*positions",
                 .writes = "o0: written",
                 .rules = "R1 R2 R3"},
     .description = "for each position minus the target's log probability, "
                    "times its weight; their sum, or their mean over the "
                    "weights; ignored positions count as others do"},
    {.name = "SoftmaxCrossEntropyLoss",
     .since = 12,
     .infer = &InferLoss,
     .count = &CountCrossEntropy,
     .formula = {.mul = "C*positions*exp + positions*log + W*positions + "
                        "scaled + averaged*div",
                 .add = "3*C*positions + C*positions*exp + positions*log + "
                        "differences + (1 + ignores + reduced + "
                        "averaged)*positions + averaged*div",
                 .reads = "i0: 2*C*positions + differences; i1: positions; i2: "
                          "W*positions; o1: log_prob*positions",
                 .writes = "o0: written; o1: log_prob*C*positions",
                 .rules = "R1 R2 R3 R4 R6"},
     .description = "LogSoftmax over the C scores of each position, then "
                    "NegativeLogLikelihoodLoss; unless log_prob is used, only "
                    "the target's log probability is formed",
     .passes = "maximum, sum of exponentials, difference"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> LossOps() { return kOps; }

}  // namespace opcost
