// SPDX-License-Identifier: Apache-2.0
// ai.onnx.preview.training: one step of an optimizer for several tensors, and
// Gradient.
//
// Their operands are the learning rate, the update count, then the tensors X,
// their gradients and one or two accumulated states of each, all X first. The
// scalars of a step are computed once (R2). A term whose coefficient is 0, the
// default, isn't there.
#include <algorithm>
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr absl::string_view kDomain = "ai.onnx.preview.training";
constexpr int kRate = 0;
constexpr int kUpdates = 1;
constexpr int kFirst = 2;

// ---- What the optimizers share
// -----------------------------------------------

// The number of tensors that are optimized, of which each has `states` states.
absl::StatusOr<int> TensorCount(const NodeView& node, int states) {
  const int each = 2 + states;
  const int given = node.input_count() - kFirst;
  if (given < each || given % each != 0) {
    return node.Invalid("after the learning rate and the update count, ", each,
                        " operands must follow for each tensor, but there are ",
                        std::max(given, 0));
  }
  return given / each;
}

// The new X, then the new states, each of the type of the old one.
absl::StatusOr<OutputTypes> InferStep(const NodeView& node, int states) {
  OPCOST_ASSIGN_OR_RETURN(const int tensors, TensorCount(node, states));
  for (int t = 0; t < tensors; ++t) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(kFirst + t));
    for (int part = 1; part < 2 + states; ++part) {
      const int i = kFirst + part * tensors + t;
      OPCOST_ASSIGN_OR_RETURN(const TensorType* other, node.Input(i));
      if (x->shape.is_concrete() && other->shape.is_concrete() &&
          !(x->shape == other->shape)) {
        return node.Invalid("operand ", i, " is ", ToString(other->shape),
                            " but its tensor is ", ToString(x->shape));
      }
    }
  }
  OutputTypes types;
  for (int part = 0; part < 2 + states; ++part) {
    if (part == 1) continue;  // a gradient isn't updated
    for (int t = 0; t < tensors; ++t) {
      types.push_back(node.InputType(kFirst + part * tensors + t));
    }
  }
  return types;
}

// Elements of all tensors, and all they read and write. Names `in`.
absl::StatusOr<Count> MoveTensors(OpCounts& counts, const TypedNodeView& node,
                                  int states) {
  OPCOST_ASSIGN_OR_RETURN(const int tensors, TensorCount(node, states));
  Count in;
  for (int t = 0; t < tensors; ++t) in += node.InputVolume(kFirst + t);
  node.Let("in", in);
  for (int i = kFirst; i < node.input_count(); ++i) {
    ReadInput(counts, node, i, node.InputVolume(i));
  }
  for (int o = 0; o < node.output_count(); ++o) {
    WriteOutput(counts, node, o, node.OutputVolume(o));
  }
  return in;
}

// Variadic operands share a type.
constexpr OperandSet kTensors = OperandSet::Input(kFirst);
constexpr OperandSet kScalars = OperandSet::Input(kRate);

absl::StatusOr<bool> IsNonZero(const NodeView& node, absl::string_view name,
                               double otherwise) {
  OPCOST_ASSIGN_OR_RETURN(const double value, node.Float(name, otherwise));
  return value != 0;
}

// ---- Adagrad
// -----------------------------------------------------------------

absl::StatusOr<OutputTypes> InferAdagrad(const NodeView& node) {
  return InferStep(node, 1);
}

// r = R / (1 + T*decay_factor); G' = norm_coefficient*X + G; H' = H + G'*G';
// X' = X - r*G' / (sqrt(H') + epsilon).
absl::StatusOr<OpCounts> CountAdagrad(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const bool decays,
                          IsNonZero(node, "decay_factor", 0));
  OPCOST_ASSIGN_OR_RETURN(const bool has_norm,
                          IsNonZero(node, "norm_coefficient", 0));
  node.Let("decays", decays ? 1 : 0);
  node.Let("norm", has_norm ? 1 : 0);
  OpCounts counts;
  ReadInput(counts, node, kRate, 1);
  if (decays) {
    AddEach(counts, {.mul = 1, .add = 1, .div = 1}, 1, kScalars);
    ReadInput(counts, node, kUpdates, 1);
  }
  OPCOST_ASSIGN_OR_RETURN(const Count in, MoveTensors(counts, node, 1));
  AddEach(counts, {.mul = 2, .add = 3, .div = 1, .sqrt = 1}, in, kTensors);
  if (has_norm) AddEach(counts, {.mul = 1, .add = 1}, in, kTensors);
  return counts;
}

// ---- Adam
// --------------------------------------------------------------------

absl::StatusOr<OutputTypes> InferAdam(const NodeView& node) {
  return InferStep(node, 2);
}

// r = T > 0 ? R * sqrt(1 - beta^T) / (1 - alpha^T) : R;
// G' = norm_coefficient*X + G; V' = alpha*V + (1-alpha)*G';
// H' = beta*H + (1-beta)*G'*G'; X' = X - r*V' / (sqrt(H') + epsilon), and
// that times 1 - norm_coefficient_post.
absl::StatusOr<OpCounts> CountAdam(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const bool has_norm,
                          IsNonZero(node, "norm_coefficient", 0));
  OPCOST_ASSIGN_OR_RETURN(const bool has_post,
                          IsNonZero(node, "norm_coefficient_post", 0));
  node.Let("norm", has_norm ? 1 : 0);
  node.Let("post", has_post ? 1 : 0);
  OpCounts counts;
  ReadInput(counts, node, kRate, 1);
  ReadInput(counts, node, kUpdates, 1);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(kUpdates), 1);
  AddEach(counts, {.mul = 1, .add = 2, .div = 1, .sqrt = 1, .pow = 2}, 1,
          kScalars);
  OPCOST_ASSIGN_OR_RETURN(const Count in, MoveTensors(counts, node, 2));
  AddEach(counts, {.mul = 6, .add = 4, .div = 1, .sqrt = 1}, in, kTensors);
  if (has_norm) AddEach(counts, {.mul = 1, .add = 1}, in, kTensors);
  if (has_post) AddEach(counts, {.mul = 1}, in, kTensors);
  return counts;
}

// ---- Momentum
// ----------------------------------------------------------------

absl::StatusOr<bool> IsNesterov(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string mode, node.String("mode", ""));
  if (mode != "nesterov" && mode != "standard") {
    return node.Invalid("mode '", mode, "' is neither nesterov nor standard");
  }
  return mode == "nesterov";
}

absl::StatusOr<OutputTypes> InferMomentum(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(IsNesterov(node).status());
  return InferStep(node, 1);
}

// b = T > 0 ? beta : 1; G' = norm_coefficient*X + G; V' = alpha*V + b*G';
// X' = X - R*V', or, after Nesterov, X - R*(G' + alpha*V').
absl::StatusOr<OpCounts> CountMomentum(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const bool is_nesterov, IsNesterov(node));
  OPCOST_ASSIGN_OR_RETURN(const bool has_norm,
                          IsNonZero(node, "norm_coefficient", 0));
  node.Let("nesterov", is_nesterov ? 1 : 0);
  node.Let("norm", has_norm ? 1 : 0);
  OpCounts counts;
  ReadInput(counts, node, kRate, 1);
  ReadInput(counts, node, kUpdates, 1);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(kUpdates), 1);
  OPCOST_ASSIGN_OR_RETURN(const Count in, MoveTensors(counts, node, 1));
  AddEach(counts, {.mul = 3, .add = 2}, in, kTensors);
  if (is_nesterov) AddEach(counts, {.mul = 1, .add = 1}, in, kTensors);
  if (has_norm) AddEach(counts, {.mul = 1, .add = 1}, in, kTensors);
  return counts;
}

// ---- Gradient
// ----------------------------------------------------------------

// A gradient has the type of what it is by: one of the first operands.
absl::StatusOr<OutputTypes> InferGradient(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const auto xs, node.Strings("xs"));
  if (xs.empty()) return node.Invalid("attribute 'xs' is missing or empty");
  if (xs.size() > static_cast<size_t>(node.input_count())) {
    return node.Invalid("xs names ", xs.size(), " tensors but there are ",
                        node.input_count(), " operands");
  }
  OutputTypes types;
  for (int i = 0; i < static_cast<int>(xs.size()); ++i) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(i));
    types.push_back(*x);
  }
  return types;
}

constexpr OpDef kOps[] = {
    {.name = "Adagrad",
     .since = 1,
     .infer = &InferAdagrad,
     .count = &CountAdagrad,
     .formula = {.mul = "(2 + norm)*in + in*sqrt + in*div + decays + "
                        "decays*div",
                 .add = "(3 + norm)*in + in*sqrt + in*div + decays + "
                        "decays*div",
                 .reads = "R: 1; T: decays; inputs: 3*in",
                 .writes = "outputs: 2*in",
                 .rules = "R1 R2"},
     .description = "X - r*G/(sqrt(H + G*G) + epsilon) for each element; r "
                    "once; regularization and decay where they aren't 0",
     .domain = kDomain},
    {.name = "Adam",
     .since = 1,
     .infer = &InferAdam,
     .count = &CountAdam,
     .formula = {.mul = "(6 + norm + post)*in + in*sqrt + in*div + 1 + 2*pow + "
                        "sqrt + div",
                 .add = "(4 + norm)*in + in*sqrt + in*div + 3 + 2*pow + sqrt + "
                        "div",
                 .reads = "R: 1; T: 1; inputs: 4*in",
                 .writes = "outputs: 3*in",
                 .rules = "R1 R2"},
     .description = "X - r*V/(sqrt(H) + epsilon) for each element, V and H "
                    "being running means of the gradient and its square; r "
                    "once; regularizations where they aren't 0",
     .domain = kDomain},
    {.name = "Gradient",
     .since = 1,
     .infer = &InferGradient,
     .formula = {"0", "0", "0", "", "", "R1"},
     .description = "derivatives of a part of the graph",
     .domain = kDomain,
     .uncountable = "it differentiates a part of the graph of which it names "
                    "only the ends"},
    {.name = "Momentum",
     .since = 1,
     .infer = &InferMomentum,
     .count = &CountMomentum,
     .formula = {.mul = "(3 + nesterov + norm)*in",
                 .add = "(2 + nesterov + norm)*in + 1",
                 .reads = "R: 1; T: 1; inputs: 3*in",
                 .writes = "outputs: 2*in",
                 .rules = "R1 R2"},
     .description = "X - R*V for each element, V being alpha*V + beta*G; one "
                    "more product and sum after Nesterov; regularization where "
                    "it isn't 0",
     .domain = kDomain},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> TrainingOps() { return kOps; }

}  // namespace opcost
