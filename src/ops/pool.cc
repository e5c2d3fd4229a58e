// SPDX-License-Identifier: Apache-2.0
// Pooling over windows, and over the whole of the spatial axes.
//
// Windows over the border count in full (R9), unless padding is skipped.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/window.h"

namespace opcost {
namespace {

// What shape and count need to know of a pooling.
struct Pool {
  DataType type = DataType::kUndefined;
  Extent window;  // elements that one output depends on
  Dims output;
  Dims kernel = {};  // empty for a global pool, which has no padding
};

using ResolveRule = absl::StatusOr<Pool>(const NodeView&);

absl::StatusOr<Pool> ResolvePool(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() < 3) {
    return node.Invalid("the input must have at least 3 axes but is ",
                        ToString(x->shape));
  }
  const Dims& dims = x->shape.dims();
  const auto spatial = absl::MakeConstSpan(dims).subspan(2);
  OPCOST_ASSIGN_OR_RETURN(const std::optional<IntDims> stated,
                          KernelShapeAttribute(node, spatial.size()));
  if (!stated.has_value()) {
    // LpPool of opset 1 alone may leave it out, and has no rule for that.
    return node.Invalid("attribute 'kernel_shape' is missing");
  }
  const Dims kernel(stated->begin(), stated->end());
  OPCOST_ASSIGN_OR_RETURN(const Dims slid, SlideWindow(node, spatial, kernel));
  Pool pool{x->type, Volume(kernel), {dims[0], dims[1]}};
  pool.output.insert(pool.output.end(), slid.begin(), slid.end());
  pool.kernel = kernel;
  return pool;
}

absl::StatusOr<Pool> ResolveGlobalPool(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() < 2) {
    return node.Invalid("the input must have at least 2 axes but is ",
                        ToString(x->shape));
  }
  const Dims& dims = x->shape.dims();
  Pool pool{x->type, Volume(absl::MakeConstSpan(dims).subspan(2)), dims};
  for (size_t axis = 2; axis < dims.size(); ++axis) pool.output[axis] = 1;
  return pool;
}

template <ResolveRule* kResolve>
absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Pool pool, kResolve(node));
  return OutputTypes{ValueType(pool.type, std::move(pool.output))};
}

absl::StatusOr<OutputTypes> InferMaxPool(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Pool pool, ResolvePool(node));
  OutputTypes types{ValueType(pool.type, pool.output)};
  if (node.HasOutput(1)) {
    types.push_back(ValueType(DataType::kInt64, pool.output));
  }
  return types;
}

// Elements that all windows cover.
struct Terms {
  Count counted;
  std::string bound_reason;
};

absl::StatusOr<Terms> TermsOf(const TypedNodeView& node, const Pool& pool) {
  Terms terms{Volume({Volume(pool.output), pool.window}), ""};
  if (node.options().skip_padding && !pool.kernel.empty()) {
    const auto output = absl::MakeConstSpan(pool.output);
    const Dims& dims = node.InputType(0).tensor.shape.dims();
    OPCOST_ASSIGN_OR_RETURN(
        const std::optional<Extent> inside,
        PairsInside(node, absl::MakeConstSpan(dims).subspan(2), pool.kernel,
                    output.subspan(2)));
    if (inside.has_value()) {
      terms.counted = Volume({output[0], output[1], *inside});
    } else {
      terms.bound_reason = std::string(kPaddingIsCounted);
    }
    node.Let(kPairsInside, terms.counted);
  }
  return terms;
}

// The reads of the windows, the write of the outputs, and the legend.
OpCounts CountTraffic(const TypedNodeView& node, const Pool& pool,
                      const Terms& terms) {
  node.Let("out", Volume(pool.output));
  node.Let("window", pool.window);
  OpCounts counts;
  ReadInput(counts, node, 0, terms.counted);
  WriteOutput(counts, node, 0, Volume(pool.output));
  counts.bound_reason = terms.bound_reason;
  return counts;
}

template <ResolveRule* kResolve>
absl::StatusOr<OpCounts> CountMax(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Pool pool, kResolve(node));
  OPCOST_ASSIGN_OR_RETURN(const Terms terms, TermsOf(node, pool));
  OpCounts counts = CountTraffic(node, pool, terms);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), terms.counted);
  return counts;
}

absl::StatusOr<OpCounts> CountMaxPool(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, CountMax<&ResolvePool>(node));
  node.Let("Indices", node.HasOutput(1) ? 1 : 0);
  WriteOutput(counts, node, 1, node.OutputVolume(1));
  return counts;
}

// The sum is multiplied by the reciprocal of the window, which is known before
// any inference (R7).
template <ResolveRule* kResolve>
absl::StatusOr<OpCounts> CountAverage(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Pool pool, kResolve(node));
  OPCOST_ASSIGN_OR_RETURN(const Terms terms, TermsOf(node, pool));
  OpCounts counts = CountTraffic(node, pool, terms);
  AddArith(counts, ArithOp::kMul, OperandSet::Input(0), Volume(pool.output));
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), terms.counted);
  return counts;
}

// A power by a constant exponent (cost model, section 3.4).
struct Power {
  int mul = 0;
  int sqrt = 0;
  int pow = 0;
};

Power PowerOf(double exponent) {
  if (exponent == 1) return {};
  if (exponent == 2) return {.mul = 1};
  if (exponent == 3) return {.mul = 2};
  if (exponent == 0.5) return {.sqrt = 1};
  return {.pow = 1};
}

void AddPower(OpCounts& counts, const Power& power, const Count& count) {
  const OperandSet x = OperandSet::Input(0);
  AddArith(counts, ArithOp::kMul, x, count * power.mul);
  AddArith(counts, ArithOp::kSqrt, x, count * power.sqrt);
  AddArith(counts, ArithOp::kPow, x, count * power.pow);
}

// (sum of |x|^p)^(1/p). A square needs no absolute value, which is 1 add.
template <ResolveRule* kResolve>
absl::StatusOr<OpCounts> CountLp(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Pool pool, kResolve(node));
  OPCOST_ASSIGN_OR_RETURN(const double p, node.Float("p", 2));
  if (!(p > 0)) return node.Invalid("p must be positive but is ", p);
  const Power power = PowerOf(p);
  const Power root = PowerOf(1 / p);
  const bool takes_abs = p != 2;
  node.Let("abs", takes_abs ? 1 : 0);
  node.Let("power_mul", power.mul);
  node.Let("power_sqrt", power.sqrt);
  node.Let("power_pow", power.pow);
  node.Let("root_mul", root.mul);
  node.Let("root_sqrt", root.sqrt);
  node.Let("root_pow", root.pow);

  OPCOST_ASSIGN_OR_RETURN(const Terms covered, TermsOf(node, pool));
  OpCounts counts = CountTraffic(node, pool, covered);
  const Count& terms = covered.counted;
  const OperandSet x = OperandSet::Input(0);
  if (takes_abs) AddArith(counts, ArithOp::kAdd, x, terms);
  AddPower(counts, power, terms);
  // A sum of products works in the accumulator's format.
  AddArith(counts, ArithOp::kAdd, x, terms,
           power.mul > 0 ? ArithRole::kAccumulate : ArithRole::kPlain);
  AddPower(counts, root, Volume(pool.output));
  return counts;
}

constexpr Formula kAverageFormula = {.mul = "out",
                                     .add = "out*window",
                                     .reads = "X: out*window",
                                     .writes = "Y: out",
                                     .rules = "R1 R3 R7 R9"};
constexpr Formula kLpFormula = {
    .mul =
        "out*window*(power_mul + power_sqrt*sqrt + power_pow*pow)"
        " + out*(root_mul + root_sqrt*sqrt + root_pow*pow)",
    .add =
        "out*window*(abs + 1 + power_sqrt*sqrt + power_pow*pow)"
        " + out*(root_sqrt*sqrt + root_pow*pow)",
    .reads = "X: out*window",
    .writes = "Y: out",
    .rules = "R1 R3 R6 R9"};

constexpr OpDef kOps[] = {
    {.name = "AveragePool",
     .infer = &Infer<&ResolvePool>,
     .count = &CountAverage<&ResolvePool>,
     .formula = kAverageFormula,
     .description = "Mean of each window: a sum, and 1 mul by the window's "
                    "reciprocal"},
    {.name = "GlobalAveragePool",
     .infer = &Infer<&ResolveGlobalPool>,
     .count = &CountAverage<&ResolveGlobalPool>,
     .formula = kAverageFormula,
     .description = "Mean over the spatial axes: a sum, and 1 mul by the "
                    "window's reciprocal"},
    {.name = "GlobalLpPool",
     .infer = &Infer<&ResolveGlobalPool>,
     .count = &CountLp<&ResolveGlobalPool>,
     .formula = kLpFormula,
     .description = "Lp norm over the spatial axes: |x|^p summed, then the "
                    "root; 1 mul per element for p = 2"},
    {.name = "GlobalMaxPool",
     .infer = &Infer<&ResolveGlobalPool>,
     .count = &CountMax<&ResolveGlobalPool>,
     .formula = {.add = "out*window",
                 .reads = "X: out*window",
                 .writes = "Y: out",
                 .rules = "R1 R3"},
     .description = "Maximum over the spatial axes: 1 add per element"},
    {.name = "LpPool",
     .infer = &Infer<&ResolvePool>,
     .count = &CountLp<&ResolvePool>,
     .formula = kLpFormula,
     .description = "Lp norm of each window: |x|^p summed, then the root; 1 "
                    "mul per element for p = 2"},
    {.name = "MaxPool",
     .infer = &InferMaxPool,
     .count = &CountMaxPool,
     .formula = {.add = "out*window",
                 .reads = "X: out*window",
                 .writes = "Y: out; Indices: [Indices]*out",
                 .rules = "R1 R3 R9"},
     .description = "Maximum of each window: 1 add per element; the positions "
                    "of the maxima cost a write each"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> PoolOps() { return kOps; }

}  // namespace opcost
