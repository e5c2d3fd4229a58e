// SPDX-License-Identifier: Apache-2.0
// Activations: fixed functions of one operand, with PRelu's slope and Clip's
// bounds. A choice between branches costs all its branches and one comparison.
#include <limits>
#include <optional>
#include <string>

#include "absl/container/inlined_vector.h"
#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fold_elementwise.h"

namespace opcost {
namespace {

// The first opset whose Clip has its bounds as operands, and whose PRelu
// broadcasts its slope.
constexpr int kClipOperandsOpset = 11;
constexpr int kPReluBroadcastOpset = 7;
constexpr int kClipMin = 1;
constexpr int kClipMax = 2;
// Selu's defaults, float32 (ONNX, Selu-22).
constexpr double kSeluAlpha = 1.67326319217681884765625;
constexpr double kSeluGamma = 1.05070102214813232421875;

// 1 unless `factor` is 1: a multiplication that changes nothing isn't done.
int MulBy(double factor) { return factor == 1.0 ? 0 : 1; }

// alpha * (exp(x) - 1) where x is negative.
absl::StatusOr<OpCounts> CountElu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1.0));
  node.Let("scaled", Count(MulBy(alpha)));
  return CountPass(node, {.mul = MulBy(alpha), .add = 2, .exp = 1});
}

// alpha * (exp(x / alpha) - 1) where x is negative; 1 / alpha is folded.
absl::StatusOr<OpCounts> CountCelu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1.0));
  node.Let("scaled", Count(MulBy(alpha)));
  return CountPass(node, {.mul = 2 * MulBy(alpha), .add = 2, .exp = 1});
}

// gamma * x, or gamma*alpha * exp(x) - gamma*alpha; gamma*alpha is folded.
absl::StatusOr<OpCounts> CountSelu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", kSeluAlpha));
  OPCOST_ASSIGN_OR_RETURN(const double gamma, node.Float("gamma", kSeluGamma));
  const int right = MulBy(gamma);
  const int left = MulBy(gamma * alpha);
  node.Let("right", Count(right));
  node.Let("left", Count(left));
  return CountPass(node, {.mul = right + left, .add = 2, .exp = 1});
}

// x * sigmoid(alpha * x).
absl::StatusOr<OpCounts> CountSwish(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1.0));
  node.Let("scaled", Count(MulBy(alpha)));
  return CountPass(node, {.mul = 1 + MulBy(alpha), .sigmoid = 1});
}

// The gate and the linear input have the same shape.
absl::StatusOr<OutputTypes> InferSwiGlu(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* gate, node.Input(0));
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  OPCOST_RETURN_IF_ERROR(CheckShapeIs(node, 1, "B", gate->shape.dims()));
  return OutputTypes{ValueType(*gate)};
}

// a * sigmoid(alpha * a) * b.
absl::StatusOr<OpCounts> CountSwiGlu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double alpha, node.Float("alpha", 1.0));
  node.Let("scaled", Count(MulBy(alpha)));
  const Count out = node.OutputVolume(0);
  OpCounts counts;
  AddEach(counts, {.mul = 1 + MulBy(alpha), .sigmoid = 1}, out,
          OperandSet::Input(0));
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, 1), out);
  ReadAllWriteOutput(counts, node, out);
  return counts;
}

absl::StatusOr<bool> IsTanhGelu(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string form,
                          node.String("approximate", "none"));
  if (form != "none" && form != "tanh") {
    return node.Invalid("attribute 'approximate' is '", form,
                        "' but must be 'none' or 'tanh'");
  }
  return form == "tanh";
}

absl::StatusOr<OutputTypes> InferGelu(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(IsTanhGelu(node).status());
  return InferSameAsInput(node);
}

// 0.5*x * (1 + erf(x * 1/sqrt(2))), or
// 0.5*x * (1 + tanh(c * (x + 0.044715 * x*x*x))).
absl::StatusOr<OpCounts> CountGelu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const bool is_tanh, IsTanhGelu(node));
  node.Let("tanh_form", Count(is_tanh ? 1 : 0));
  if (is_tanh) return CountPass(node, {.mul = 6, .add = 2, .tanh = 1});
  return CountPass(node, {.mul = 3, .add = 1, .erf = 1});
}

// Before opset 7 the slope is one number, or one per channel (axis 1).
absl::Status CheckSlope(const NodeView& node, const TensorType& x,
                        const TensorType& slope) {
  const Dims& dims = x.shape.dims();
  if (node.opset() >= kPReluBroadcastOpset) {
    return CheckBroadcastsTo(node, "the slope", slope.shape.dims(), dims);
  }
  const Extent slopes = Volume(slope.shape.dims());
  const Extent channels = dims.size() > 1 ? dims[1] : Extent(1);
  if (slopes.is_concrete() && channels.is_concrete() && !slopes.Is(1) &&
      !(slopes == channels)) {
    return node.Invalid("the slope has ", slopes.ToString(),
                        " elements but must have 1 or one for each of the ",
                        channels.ToString(), " channels");
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTypes> InferPRelu(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* slope, node.Input(1));
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  OPCOST_RETURN_IF_ERROR(CheckSlope(node, *x, *slope));
  return OutputTypes{ValueType(*x)};
}

absl::StatusOr<OpCounts> CountPRelu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Count out = Volume(y->shape.dims());
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, 1), out);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out);
  ReadAllWriteOutput(counts, node, out);
  return counts;
}

bool HasBound(const NodeView& node, absl::string_view name, int operand) {
  return node.opset() < kClipOperandsOpset ? node.HasAttribute(name)
                                           : node.HasInput(operand);
}

absl::Status CheckBound(const NodeView& node, absl::string_view name,
                        int operand) {
  if (node.opset() < kClipOperandsOpset) return node.Float(name, 0).status();
  if (!node.HasInput(operand)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* bound, node.Input(operand));
  const Extent elements = Volume(bound->shape.dims());
  if (elements.is_concrete() && !elements.Is(1)) {
    return node.Invalid("'", name, "' must be a scalar but is ",
                        ToString(bound->shape));
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTypes> InferClip(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckBound(node, "min", kClipMin));
  OPCOST_RETURN_IF_ERROR(CheckBound(node, "max", kClipMax));
  return InferSameAsInput(node);
}

// One comparison per bound; without one a copy that changes nothing.
absl::StatusOr<OpCounts> CountClip(const TypedNodeView& node) {
  const int has_min = HasBound(node, "min", kClipMin) ? 1 : 0;
  const int has_max = HasBound(node, "max", kClipMax) ? 1 : 0;
  if (has_min + has_max == 0) return View();
  const bool are_operands = node.opset() >= kClipOperandsOpset;
  node.Let("min", Count(has_min));
  node.Let("max", Count(has_max));
  node.Let("operands", Count(are_operands ? 1 : 0));
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts,
                          CountPass(node, {.add = has_min + has_max}));
  if (are_operands) {
    ReadInput(counts, node, kClipMin, node.OutputVolume(0));
    ReadInput(counts, node, kClipMax, node.OutputVolume(0));
  }
  return counts;
}

SymValue Least(const SymValue& a, const SymValue& b) {
  return SymValue::Min(a, b);
}
SymValue Greatest(const SymValue& a, const SymValue& b) {
  return SymValue::Max(a, b);
}
double LeastFloat(double a, double b) { return a < b ? a : b; }
double GreatestFloat(double a, double b) { return a > b ? a : b; }

OutputValues FoldRelu(const TypedNodeView& node) {
  return FoldOperands(
      node, [](absl::Span<const Element> e) -> std::optional<Element> {
        if (const double* x = std::get_if<double>(&e[0])) {
          return Element(GreatestFloat(*x, 0));
        }
        return Element(SymValue::Max(std::get<SymValue>(e[0]), 0));
      });
}

// Before opset 11 the bounds are attributes, and clip floats alone.
OutputValues FoldClipByAttributes(const TypedNodeView& node) {
  constexpr double kMost = std::numeric_limits<double>::max();
  const auto least = node.Float("min", -kMost);
  const auto most = node.Float("max", kMost);
  if (!least.ok() || !most.ok()) return {};
  return FoldOperands(
      node, [&](absl::Span<const Element> e) -> std::optional<Element> {
        const double* x = std::get_if<double>(&e[0]);
        if (x == nullptr) return std::nullopt;
        return Element(LeastFloat(GreatestFloat(*x, *least), *most));
      });
}

OutputValues FoldClip(const TypedNodeView& node) {
  if (node.opset() < kClipOperandsOpset) return FoldClipByAttributes(node);
  absl::InlinedVector<int, 3> operands = {0};
  const bool has_min = node.HasInput(kClipMin);
  if (has_min) operands.push_back(kClipMin);
  if (node.HasInput(kClipMax)) operands.push_back(kClipMax);
  return FoldOperands(
      node, operands,
      [has_min](absl::Span<const Element> e) -> std::optional<Element> {
        std::optional<Element> x = e[0];
        if (has_min) x = Accumulate<Greatest, GreatestFloat>({*x, e[1]});
        if (!x.has_value() || e.size() == (has_min ? 2U : 1U)) return x;
        return Accumulate<Least, LeastFloat>({*x, e.back()});
      });
}

// ONNX calls the operands of most rows X and Y, of some input and output.
constexpr Formula Pass(absl::string_view mul, absl::string_view add,
                       absl::string_view reads = "X: out",
                       absl::string_view writes = "Y: out") {
  return {.mul = mul,
          .add = add,
          .reads = reads,
          .writes = writes,
          .rules = "R1 R6 R7"};
}

constexpr OpDef kOps[] = {
    {.name = "Celu",
     .since = 12,
     .infer = &InferSameAsInput,
     .count = &CountCelu,
     .formula = Pass("(exp + 2*[scaled])*out", "(exp + 2)*out"),
     .description = "x or alpha*(exp(x/alpha)-1): both branches and a "
                    "comparison; no mul by an alpha of 1"},
    {.name = "Clip",
     .since = 1,
     .infer = &InferClip,
     .count = &CountClip,
     .fold = &FoldClip,
     .formula = {.add = "([min] + [max])*out",
                 .reads = "input: out; min: [operands]*[min]*out; "
                          "max: [operands]*[max]*out",
                 .writes = "output: out",
                 .rules = "R1 R2 R5"},
     .description = "one comparison per bound that is given; bounds that are "
                    "attributes (before opset 11) aren't read"},
    {.name = "Elu",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountElu,
     .formula = Pass("(exp + [scaled])*out", "(exp + 2)*out"),
     .description = "x or alpha*(exp(x)-1): both branches and a comparison; no "
                    "mul by an alpha of 1"},
    {.name = "Gelu",
     .since = 20,
     .infer = &InferGelu,
     .count = &CountGelu,
     .formula =
         Pass("(1 - [tanh_form])*(erf + 3)*out + [tanh_form]*(tanh + 6)*out",
              "(1 - [tanh_form])*(erf + 1)*out + [tanh_form]*(tanh + 2)*out"),
     .description = "0.5*x*(1+erf(x/sqrt(2))); approximate: "
                    "0.5*x*(1+tanh(c*(x+0.044715*x*x*x)))"},
    {.name = "HardSigmoid",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.mul = 1, .add = 3}>,
     .formula = Pass("out", "3*out"),
     .description = "max(0, min(1, alpha*x + beta))"},
    {.name = "HardSwish",
     .since = 14,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.mul = 2, .add = 3}>,
     .formula = Pass("2*out", "3*out"),
     .description = "x * max(0, min(1, x/6 + 0.5))"},
    {.name = "LeakyRelu",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.mul = 1, .add = 1}>,
     .formula = Pass("out", "out"),
     .description = "x or alpha*x: a mul and a comparison"},
    {.name = "Mish",
     .since = 18,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{
         .mul = 1, .add = 1, .exp = 1, .log = 1, .tanh = 1}>,
     .formula =
         Pass("(exp + log + tanh + 1)*out", "(exp + log + tanh + 1)*out"),
     .description = "x * tanh(log(1 + exp(x)))"},
    {.name = "PRelu",
     .since = 1,
     .infer = &InferPRelu,
     .count = &CountPRelu,
     .formula = {.mul = "out",
                 .add = "out",
                 .reads = "X: out; slope: out",
                 .writes = "Y: out",
                 .rules = "R1 R2 R10"},
     .description = "x or slope*x: a mul and a comparison; the slope is read "
                    "once per output"},
    {.name = "Relu",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldRelu,
     .formula = Pass("0", "out"),
     .description = "max(x, 0): one comparison per element"},
    {.name = "Selu",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountSelu,
     .formula = Pass("(exp + [right] + [left])*out", "(exp + 2)*out"),
     .description =
         "gamma*x or gamma*alpha*exp(x) - gamma*alpha: both branches "
         "and a comparison; no mul by 1"},
    {.name = "Sigmoid",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.sigmoid = 1}>,
     .formula = Pass("sigmoid*out", "sigmoid*out"),
     .description = "1 / (1 + exp(-x)): one evaluation per element"},
    {.name = "Softplus",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1, .exp = 1, .log = 1}>,
     .formula = Pass("(exp + log)*out", "(exp + log + 1)*out"),
     .description = "log(1 + exp(x))"},
    {.name = "Softsign",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 2, .div = 1}>,
     .formula = Pass("div*out", "(div + 2)*out", "input: out", "output: out"),
     .description = "x / (1 + |x|)"},
    {.name = "SwiGLU",
     .since = 28,
     .infer = &InferSwiGlu,
     .count = &CountSwiGlu,
     .formula =
         Pass("(sigmoid + 2 + [scaled])*out", "sigmoid*out", "A: out; B: out"),
     .description = "a * sigmoid(alpha*a) * b; no mul by an alpha of 1"},
    {.name = "Swish",
     .since = 24,
     .infer = &InferSameAsInput,
     .count = &CountSwish,
     .formula = Pass("(sigmoid + 1 + [scaled])*out", "sigmoid*out"),
     .description = "x * sigmoid(alpha*x); no mul by an alpha of 1"},
    {.name = "Tanh",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.tanh = 1}>,
     .formula = Pass("tanh*out", "tanh*out", "input: out", "output: out"),
     .description = "hyperbolic tangent: one evaluation per element"},
    // Experimental up to opset 9, and the same.
    {.name = "ThresholdedRelu",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .formula = Pass("0", "out"),
     .description = "x where it exceeds alpha, else 0: one comparison per "
                    "element"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ActivationOps() { return kOps; }

}  // namespace opcost
