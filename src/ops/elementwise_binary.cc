// SPDX-License-Identifier: Apache-2.0
// Operators of two and more operands, element by element, with broadcasting:
// arithmetic, extrema, comparisons, logic and Where.
#include <optional>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fold_elementwise.h"
#include "src/ops/power.h"

namespace opcost {
namespace {

// The first opset whose Sum, Mean, Max and Min broadcast.
constexpr int kVariadicBroadcastOpset = 8;

absl::StatusOr<OutputTypes> InferBinary(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Dims dims, InferBinaryDims(node));
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  return OutputTypes{ValueType(node.InputType(0).tensor.type, std::move(dims))};
}

// Comparisons and logic.
absl::StatusOr<OutputTypes> InferPredicate(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Dims dims, InferBinaryDims(node));
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  return OutputTypes{ValueType(DataType::kBool, std::move(dims))};
}

// The exponent may have a type of its own (from opset 12).
absl::StatusOr<OutputTypes> InferPow(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Dims dims, InferBinaryDims(node));
  return OutputTypes{ValueType(node.InputType(0).tensor.type, std::move(dims))};
}

absl::StatusOr<OutputTypes> InferVariadic(const NodeView& node) {
  if (node.input_count() == 0) return node.Invalid("operand 0 is missing");
  OPCOST_ASSIGN_OR_RETURN(const TensorType* first, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(Dims dims, BroadcastInputs(node));
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  if (node.opset() < kVariadicBroadcastOpset) {
    for (int i = 1; i < node.input_count(); ++i) {
      OPCOST_ASSIGN_OR_RETURN(const TensorType* other, node.Input(i));
      const bool known =
          first->shape.is_concrete() && other->shape.is_concrete();
      if (known && first->shape != other->shape) {
        return node.Invalid("operand ", i, " is ", ToString(other->shape),
                            " but operand 0 is ", ToString(first->shape),
                            "; before opset 8 they must be equal");
      }
    }
  }
  return OutputTypes{ValueType(first->type, std::move(dims))};
}

absl::StatusOr<OutputTypes> InferWhere(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* condition, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(1));
  OPCOST_RETURN_IF_ERROR(node.Input(2).status());
  if (condition->type != DataType::kBool &&
      condition->type != DataType::kUndefined) {
    return node.Invalid("the condition must be bool but is ",
                        Name(condition->type));
  }
  OPCOST_RETURN_IF_ERROR(CheckOneType(node, 1));
  OPCOST_ASSIGN_OR_RETURN(Dims dims, BroadcastInputs(node));
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

// `kEach` per output and operand after the first.
template <PerElement kEach>
absl::StatusOr<OpCounts> CountCombination(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Count out = Volume(y->shape.dims());
  OpCounts counts;
  AddEach(counts, kEach, out * (node.input_count() - 1), AllInputs(node));
  ReadAllWriteOutput(counts, node, out);
  return counts;
}

// Sum, Max and Min of one operand copy it, which changes nothing (R5).
template <PerElement kEach>
absl::StatusOr<OpCounts> CountVariadic(const TypedNodeView& node) {
  if (node.input_count() == 1) return View();
  return CountCombination<kEach>(node);
}

// The sum, and one mul by the reciprocal of the number of operands (R7).
absl::StatusOr<OpCounts> CountMean(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts,
                          CountCombination<PerElement{.add = 1}>(node));
  AddArith(counts, ArithOp::kMul, AllInputs(node), node.OutputVolume(0));
  return counts;
}

// A constant floating-point divisor is folded to its reciprocal (R7).
absl::StatusOr<OpCounts> CountDiv(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Count out = Volume(y->shape.dims());
  const bool by_reciprocal = node.IsConstant(1) && IsFloating(y->type);
  node.Let("constant_divisor", Count(by_reciprocal ? 1 : 0));
  OpCounts counts;
  AddArith(counts, by_reciprocal ? ArithOp::kMul : ArithOp::kDiv,
           OperandSet::Inputs(0, 1), out);
  ReadAllWriteOutput(counts, node, out);
  return counts;
}

absl::StatusOr<OpCounts> CountPow(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Count out = Volume(y->shape.dims());
  OpCounts counts;
  AddPower(counts, node,
           node.IsConstant(1) ? SoleNumber(node.InputValue(1)) : std::nullopt,
           out);
  ReadAllWriteOutput(counts, node, out);
  return counts;
}

// The larger of X and Y, X if they are equal. Of sizes that depend on symbols
// the one that fills the output is the larger.
int LargerBranch(const TypedNodeView& node) {
  const Count x = node.InputVolume(1);
  const Count y = node.InputVolume(2);
  if (x.is_concrete() && y.is_concrete()) return y.value() > x.value() ? 2 : 1;
  if (x == y) return 1;
  const Count out = node.OutputVolume(0);
  return x == out || y.Is(1) || !(y == out || x.Is(1)) ? 1 : 2;
}

absl::StatusOr<OpCounts> CountWhere(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Count out = Volume(y->shape.dims());
  const int chosen = LargerBranch(node);
  node.Let("out", out);
  node.Let("x_larger", Count(chosen == 1 ? 1 : 0));
  OpCounts counts;
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, chosen, out);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// Element rules.

SymValue AddInt(const SymValue& a, const SymValue& b) { return a + b; }
SymValue SubInt(const SymValue& a, const SymValue& b) { return a - b; }
SymValue MulInt(const SymValue& a, const SymValue& b) { return a * b; }
SymValue DivInt(const SymValue& a, const SymValue& b) {
  return SymValue::TruncDiv(a, b);
}
SymValue MaxInt(const SymValue& a, const SymValue& b) {
  return SymValue::Max(a, b);
}
SymValue MinInt(const SymValue& a, const SymValue& b) {
  return SymValue::Min(a, b);
}
double AddFloat(double a, double b) { return a + b; }
double SubFloat(double a, double b) { return a - b; }
double MulFloat(double a, double b) { return a * b; }
double DivFloat(double a, double b) { return a / b; }
double MaxFloat(double a, double b) { return a > b ? a : b; }
double MinFloat(double a, double b) { return a < b ? a : b; }

std::optional<Element> MeanOf(absl::Span<const Element> operands) {
  const std::optional<Element> sum = Accumulate<AddInt, AddFloat>(operands);
  if (!sum.has_value() || !std::holds_alternative<double>(*sum)) {
    return std::nullopt;
  }
  return Element(std::get<double>(*sum) / static_cast<double>(operands.size()));
}

Element Truth(bool holds) { return Element(SymValue(holds ? 1 : 0)); }

// What a comparison gives where it depends on symbols: 1 or 0, computed from
// the two integers.
using SymbolicPredicate = SymValue(const SymValue& a, const SymValue& b);
SymValue LessThan(const SymValue& a, const SymValue& b) {
  return SymValue::Min(1, SymValue::Max(0, b - a));
}
SymValue GreaterThan(const SymValue& a, const SymValue& b) {
  return LessThan(b, a);
}
SymValue NotAbove(const SymValue& a, const SymValue& b) {
  return SymValue(1) - LessThan(b, a);
}
SymValue NotBelow(const SymValue& a, const SymValue& b) {
  return SymValue(1) - LessThan(a, b);
}
SymValue EqualTo(const SymValue& a, const SymValue& b) {
  return SymValue(1) - SymValue::Min(1, SymValue::Max(a - b, b - a));
}

using Predicate = bool(int sign);
bool IsZero(int sign) { return sign == 0; }
bool IsNegative(int sign) { return sign < 0; }
bool IsPositive(int sign) { return sign > 0; }
bool IsNotPositive(int sign) { return sign <= 0; }
bool IsNotNegative(int sign) { return sign >= 0; }

// True where the sign of a - b is as `kHolds` has it.
template <Predicate* kHolds, SymbolicPredicate* kSymbolic>
std::optional<Element> Compare(absl::Span<const Element> operands) {
  const std::optional<int> sign = CompareElements(operands[0], operands[1]);
  if (sign.has_value()) return Truth(kHolds(*sign));
  const SymValue* a = std::get_if<SymValue>(&operands[0]);
  const SymValue* b = std::get_if<SymValue>(&operands[1]);
  if (a == nullptr || b == nullptr) return std::nullopt;
  return Element(kSymbolic(*a, *b));
}

using Logic = bool(bool a, bool b);
bool Both(bool a, bool b) { return a && b; }
bool Either(bool a, bool b) { return a || b; }
bool OneOnly(bool a, bool b) { return a != b; }

// A truth value that depends on symbols is 0 or 1.
SymValue LessAndGreater(const SymValue& a, const SymValue& b) {
  return SymValue::Max(a, b) - SymValue::Min(a, b);
}

template <Logic* kLogic, SymbolicPredicate* kSymbolic>
std::optional<Element> Combine(absl::Span<const Element> operands) {
  const SymValue* a = std::get_if<SymValue>(&operands[0]);
  const SymValue* b = std::get_if<SymValue>(&operands[1]);
  if (a == nullptr || b == nullptr) return std::nullopt;
  for (const SymValue* known : {a, b}) {
    // One operand may settle the result.
    const bool truth = known->is_concrete() && known->value() != 0;
    if (known->is_concrete() && kLogic(truth, false) == kLogic(truth, true)) {
      return Truth(kLogic(truth, true));
    }
  }
  if (!a->is_concrete() || !b->is_concrete()) {
    return Element(kSymbolic(*a, *b));
  }
  return Truth(kLogic(a->value() != 0, b->value() != 0));
}

std::optional<Element> Choose(absl::Span<const Element> operands) {
  const SymValue* condition = std::get_if<SymValue>(&operands[0]);
  if (condition == nullptr) return std::nullopt;
  if (condition->is_concrete()) {
    return condition->value() != 0 ? operands[1] : operands[2];
  }
  const SymValue* x = std::get_if<SymValue>(&operands[1]);
  const SymValue* y = std::get_if<SymValue>(&operands[2]);
  if (x == nullptr || y == nullptr) return std::nullopt;
  return Element(SymValue::Select(*condition, *x, *y));
}

// Formulae of the rows; `operands` is the number of operands.

constexpr Formula OneAdd() {
  return {.add = "out",
          .reads = "A: out; B: out",
          .writes = "C: out",
          .rules = "R1 R2 R10"};
}

constexpr Formula AddPerOperand(absl::string_view mul,
                                absl::string_view writes) {
  return {.mul = mul,
          .add = "(operands - 1)*out",
          .reads = "data_0: operands*out",
          .writes = writes,
          .rules = "R1 R2 R5 R10"};
}

constexpr auto* kCountOneAdd = &CountCombination<PerElement{.add = 1}>;

constexpr OpDef kOps[] = {
    {.name = "Add",
     .since = 1,
     .infer = &InferBinary,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Accumulate<AddInt, AddFloat>>,
     .formula = OneAdd(),
     .description = "a + b: one add per output"},
    {.name = "And",
     .since = 1,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Combine<Both, MinInt>>,
     .formula = OneAdd(),
     .description = "logical and: one add per output"},
    {.name = "Div",
     .since = 1,
     .infer = &InferBinary,
     .count = &CountDiv,
     .fold = &FoldElements<&Accumulate<DivInt, DivFloat>>,
     .formula = {.mul = "[constant_divisor]*out + "
                        "(1 - [constant_divisor])*div*out",
                 .add = "(1 - [constant_divisor])*div*out",
                 .reads = "A: out; B: out",
                 .writes = "C: out",
                 .rules = "R1 R2 R6 R7 R10"},
     .description = "a / b: one division per output; one mul by the reciprocal "
                    "of a constant floating-point divisor"},
    {.name = "Equal",
     .since = 1,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Compare<IsZero, EqualTo>>,
     .formula = OneAdd(),
     .description = "a = b: one comparison per output in the inputs' format"},
    {.name = "Greater",
     .since = 1,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Compare<IsPositive, GreaterThan>>,
     .formula = OneAdd(),
     .description = "a > b: one comparison per output in the inputs' format"},
    {.name = "GreaterOrEqual",
     .since = 12,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Compare<IsNotNegative, NotBelow>>,
     .formula = OneAdd(),
     .description = "a >= b: one comparison per output in the inputs' format"},
    {.name = "Less",
     .since = 1,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Compare<IsNegative, LessThan>>,
     .formula = OneAdd(),
     .description = "a < b: one comparison per output in the inputs' format"},
    {.name = "LessOrEqual",
     .since = 12,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Compare<IsNotPositive, NotAbove>>,
     .formula = OneAdd(),
     .description = "a <= b: one comparison per output in the inputs' format"},
    {.name = "Max",
     .since = 1,
     .infer = &InferVariadic,
     .count = &CountVariadic<PerElement{.add = 1}>,
     .fold = &FoldElements<&Accumulate<MaxInt, MaxFloat>>,
     .formula = AddPerOperand("0", "max: out"),
     .description = "greatest of the operands: one comparison per output and "
                    "operand after the first; of one operand a view"},
    {.name = "Mean",
     .since = 1,
     .infer = &InferVariadic,
     .count = &CountMean,
     .fold = &FoldElements<&MeanOf>,
     .formula = AddPerOperand("out", "mean: out"),
     .description = "one add per output and operand after the first, and one "
                    "mul by the reciprocal of their number"},
    {.name = "Min",
     .since = 1,
     .infer = &InferVariadic,
     .count = &CountVariadic<PerElement{.add = 1}>,
     .fold = &FoldElements<&Accumulate<MinInt, MinFloat>>,
     .formula = AddPerOperand("0", "min: out"),
     .description = "least of the operands: one comparison per output and "
                    "operand after the first; of one operand a view"},
    {.name = "Mul",
     .since = 1,
     .infer = &InferBinary,
     .count = &CountCombination<PerElement{.mul = 1}>,
     .fold = &FoldElements<&Accumulate<MulInt, MulFloat>>,
     .formula = {.mul = "out",
                 .reads = "A: out; B: out",
                 .writes = "C: out",
                 .rules = "R1 R2 R10"},
     .description = "a * b: one mul per output"},
    {.name = "Or",
     .since = 1,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Combine<Either, MaxInt>>,
     .formula = OneAdd(),
     .description = "logical or: one add per output"},
    {.name = "Pow",
     .since = 1,
     .infer = &InferPow,
     .count = &CountPow,
     .fold = &FoldElements<&PowerOf>,
     .formula = {.mul =
                     "([square] + 2*[cube] + [root]*sqrt + [general]*pow)*out",
                 .add = "([root]*sqrt + [general]*pow)*out",
                 .reads = "X: out; Y: out",
                 .writes = "Z: out",
                 .rules = "R1 R2 R6 R10"},
     .description = "x to the y: one evaluation per output; constant exponents "
                    "2, 3 and 0.5 are 1 mul, 2 mul and a square root"},
    {.name = "Sub",
     .since = 1,
     .infer = &InferBinary,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Accumulate<SubInt, SubFloat>>,
     .formula = OneAdd(),
     .description = "a - b: one add per output"},
    {.name = "Sum",
     .since = 1,
     .infer = &InferVariadic,
     .count = &CountVariadic<PerElement{.add = 1}>,
     .fold = &FoldElements<&Accumulate<AddInt, AddFloat>>,
     .formula = AddPerOperand("0", "sum: out"),
     .description = "one add per output and operand after the first; of one "
                    "operand a view"},
    {.name = "Where",
     .since = 9,
     .infer = &InferWhere,
     .count = &CountWhere,
     .fold = &FoldElements<&Choose>,
     .formula = {.reads = "condition: out; X: [x_larger]*out; "
                          "Y: (1 - [x_larger])*out",
                 .writes = "output: out",
                 .rules = "R1 R2 R10"},
     .description =
         "x where the condition holds, else y: the chosen values are "
         "read from the larger of the two, x if they are equal"},
    {.name = "Xor",
     .since = 1,
     .infer = &InferPredicate,
     .count = kCountOneAdd,
     .fold = &FoldElements<&Combine<OneOnly, LessAndGreater>>,
     .formula = OneAdd(),
     .description = "exclusive or: one add per output"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ElementwiseBinaryOps() { return kOps; }

}  // namespace opcost
