// SPDX-License-Identifier: Apache-2.0
// Operators on bits, remainders and tests of floats: BitShift, BitwiseAnd and
// its kin, BitCast, Mod, IsInf, IsNaN, Shrink.
//
// A bitwise operation is one add (cost model, section 1).
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fold_elementwise.h"
#include "src/ops/fold_movement.h"
#include "src/ops/known_elements.h"

namespace opcost {
namespace {

// ---- Bits
// ----------------------------------------------------------------------

absl::Status CheckIntegers(const NodeView& node) {
  for (int i = 0; i < node.input_count(); ++i) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(i));
    if (!IsInteger(x->type) && x->type != DataType::kUndefined) {
      return node.Invalid("operand ", i, " must hold integers but is ",
                          Name(x->type));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTypes> InferOneType(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Dims dims, InferBinaryDims(node));
  OPCOST_RETURN_IF_ERROR(CheckOneType(node));
  return OutputTypes{ValueType(node.InputType(0).tensor.type, std::move(dims))};
}

absl::StatusOr<OutputTypes> InferBitwise(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckIntegers(node));
  return InferOneType(node);
}

absl::StatusOr<OutputTypes> InferBitwiseNot(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckIntegers(node));
  return InferSameAsInput(node);
}

absl::StatusOr<bool> ShiftsLeft(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string direction,
                          node.String("direction", ""));
  if (direction == "LEFT" || direction == "RIGHT") return direction == "LEFT";
  return node.Invalid("attribute 'direction' must be LEFT or RIGHT but is '",
                      direction, "'");
}

absl::StatusOr<OutputTypes> InferBitShift(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ShiftsLeft(node).status());
  return InferBitwise(node);
}

absl::StatusOr<OpCounts> CountOneAdd(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, AllInputs(node), out);
  ReadAllWriteOutput(counts, node, out);
  return counts;
}

using BitRule = uint64_t(uint64_t a, uint64_t b);
uint64_t AndBits(uint64_t a, uint64_t b) { return a & b; }
uint64_t OrBits(uint64_t a, uint64_t b) { return a | b; }
uint64_t XorBits(uint64_t a, uint64_t b) { return a ^ b; }

// Of integers as int64 holds them: what doesn't fit the type isn't known.
template <BitRule* kRule>
std::optional<Element> OnBits(absl::Span<const Element> operands) {
  const SymValue* a = std::get_if<SymValue>(&operands[0]);
  const SymValue* b = std::get_if<SymValue>(&operands[1]);
  if (a == nullptr || b == nullptr || !a->is_concrete() || !b->is_concrete()) {
    return std::nullopt;
  }
  const uint64_t bits = kRule(static_cast<uint64_t>(a->value()),
                              static_cast<uint64_t>(b->value()));
  return Element(SymValue(static_cast<int64_t>(bits)));
}

// ~x is -1 - x of signed types; of unsigned ones their greatest minus x.
OutputValues FoldBitwiseNot(const TypedNodeView& node) {
  if (!node.HasInput(0)) return {};
  const DataType type = node.InputType(0).tensor.type;
  const bool is_unsigned = Name(type)[0] == 'u';
  const int width = WidthBits(type);
  if (is_unsigned && width >= 63) return {};
  const SymValue all =
      is_unsigned ? (int64_t{1} << width) - int64_t{1} : int64_t{-1};
  return FoldOperands(
      node, [&all](absl::Span<const Element> x) -> std::optional<Element> {
        const SymValue* integer = std::get_if<SymValue>(&x[0]);
        if (integer == nullptr) return std::nullopt;
        return Element(all - *integer);
      });
}

// A shift is a product with, or a quotient by, a power of two.
OutputValues FoldBitShift(const TypedNodeView& node) {
  const auto left = ShiftsLeft(node);
  if (!left.ok()) return {};
  return FoldOperands(
      node, [&left](absl::Span<const Element> e) -> std::optional<Element> {
        constexpr int64_t kMost = 62;
        const SymValue* x = std::get_if<SymValue>(&e[0]);
        const SymValue* by = std::get_if<SymValue>(&e[1]);
        if (x == nullptr || by == nullptr || !by->is_concrete() ||
            by->value() < 0 || by->value() > kMost) {
          return std::nullopt;
        }
        const SymValue power = int64_t{1} << by->value();
        return Element(*left ? *x * power : SymValue::FloorDiv(*x, power));
      });
}

// ---- BitCast
// -------------------------------------------------------------------

absl::StatusOr<OutputTypes> InferBitCast(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (!node.HasAttribute("to")) {
    return node.Invalid("attribute 'to' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, node.Int("to", 0));
  const std::optional<DataType> to = DataTypeFromOnnx(number);
  if (!to.has_value() || *to == DataType::kString) {
    return node.Invalid("attribute 'to' is ", number,
                        ", which is no element type of known width");
  }
  if (x->type != DataType::kUndefined && WidthBits(*to) != WidthBits(x->type)) {
    return node.Invalid(Name(*to), " has ", WidthBits(*to), " bits but ",
                        Name(x->type), " has ", WidthBits(x->type));
  }
  return OutputTypes{TensorType{*to, x->shape}};
}

absl::StatusOr<OpCounts> CountBitCast(const TypedNodeView&) { return View(); }

// ---- Mod
// -----------------------------------------------------------------------

absl::StatusOr<bool> TakesSignOfDividend(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t fmod, node.Int("fmod", 0));
  if (fmod != 0 && fmod != 1) {
    return node.Invalid("attribute 'fmod' must be 0 or 1 but is ", fmod);
  }
  return fmod == 1;
}

absl::StatusOr<OutputTypes> InferMod(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(OutputTypes types, InferOneType(node));
  OPCOST_ASSIGN_OR_RETURN(const bool fmod, TakesSignOfDividend(node));
  const DataType type = types[0].tensor.type;
  if (!fmod && IsFloating(type)) {
    return node.Invalid("the operands are ", Name(type),
                        ", which needs attribute 'fmod' to be 1");
  }
  return types;
}

// a - b * round(a / b); the reciprocal of a constant floating-point divisor is
// folded (R7).
absl::StatusOr<OpCounts> CountMod(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Count out = Volume(y->shape.dims());
  const bool by_reciprocal = node.IsConstant(1) && IsFloating(y->type);
  node.Let("constant_divisor", Count(by_reciprocal ? 1 : 0));
  OpCounts counts;
  AddEach(
      counts,
      {.mul = by_reciprocal ? 2 : 1, .add = 2, .div = by_reciprocal ? 0 : 1},
      out, OperandSet::Inputs(0, 1));
  ReadAllWriteOutput(counts, node, out);
  return counts;
}

OutputValues FoldMod(const TypedNodeView& node) {
  const auto fmod = TakesSignOfDividend(node);
  if (!fmod.ok()) return {};
  return FoldOperands(
      node, [&fmod](absl::Span<const Element> e) -> std::optional<Element> {
        if (e[0].index() != e[1].index()) return std::nullopt;
        if (const double* x = std::get_if<double>(&e[0])) {
          return Element(std::fmod(*x, std::get<double>(e[1])));
        }
        const SymValue& a = std::get<SymValue>(e[0]);
        const SymValue& b = std::get<SymValue>(e[1]);
        if (!*fmod) return Element(SymValue::Mod(a, b));
        return Element(a - b * SymValue::TruncDiv(a, b));
      });
}

// ---- IsInf, IsNaN, Shrink
// ------------------------------------------------------

absl::StatusOr<OutputTypes> InferTest(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  return OutputTypes{TensorType{DataType::kBool, x->shape}};
}

OutputValues FoldIsNaN(const TypedNodeView& node) {
  return FoldOperands(
      node, [](absl::Span<const Element> e) -> std::optional<Element> {
        const double* x = std::get_if<double>(&e[0]);
        if (x == nullptr) return std::nullopt;
        return Element(SymValue(std::isnan(*x) ? 1 : 0));
      });
}

OutputValues FoldIsInf(const TypedNodeView& node) {
  const auto negative = node.Int("detect_negative", 1);
  const auto positive = node.Int("detect_positive", 1);
  if (!negative.ok() || !positive.ok()) return {};
  return FoldOperands(
      node, [&](absl::Span<const Element> e) -> std::optional<Element> {
        const double* x = std::get_if<double>(&e[0]);
        if (x == nullptr) return std::nullopt;
        const bool detects = (*x < 0 ? *negative : *positive) != 0;
        return Element(SymValue(std::isinf(*x) && detects ? 1 : 0));
      });
}

// x + bias below -lambd, x - bias above lambd, else 0: both branches, and the
// two comparisons that choose.
absl::StatusOr<OpCounts> CountShrink(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const double bias, node.Float("bias", 0));
  const int shifts = bias == 0 ? 0 : 1;
  node.Let("bias", Count(shifts));
  return CountPass(node, {.add = 2 + 2 * shifts});
}

constexpr Formula OneAdd(absl::string_view reads, absl::string_view writes) {
  return {.add = "out", .reads = reads, .writes = writes, .rules = "R1 R2 R10"};
}

constexpr OpDef kOps[] = {
    {.name = "BitCast",
     .since = 26,
     .infer = &InferBitCast,
     .count = &CountBitCast,
     .formula = {.reads = "", .writes = "", .rules = "R5"},
     .description = "the same bits under another element type of the same "
                    "width: a view"},
    {.name = "BitShift",
     .since = 11,
     .infer = &InferBitShift,
     .count = &CountOneAdd,
     .fold = &FoldBitShift,
     .formula = OneAdd("X: out; Y: out", "Z: out"),
     .description = "x shifted by y bits: one add per output"},
    {.name = "BitwiseAnd",
     .since = 18,
     .infer = &InferBitwise,
     .count = &CountOneAdd,
     .fold = &FoldElements<&OnBits<AndBits>>,
     .formula = OneAdd("i0: out; i1: out", "o0: out"),
     .description = "bitwise and: one add per output"},
    {.name = "BitwiseNot",
     .since = 18,
     .infer = &InferBitwiseNot,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldBitwiseNot,
     .formula = OneAdd("i0: out", "o0: out"),
     .description = "bitwise complement: one add per output"},
    {.name = "BitwiseOr",
     .since = 18,
     .infer = &InferBitwise,
     .count = &CountOneAdd,
     .fold = &FoldElements<&OnBits<OrBits>>,
     .formula = OneAdd("i0: out; i1: out", "o0: out"),
     .description = "bitwise or: one add per output"},
    {.name = "BitwiseXor",
     .since = 18,
     .infer = &InferBitwise,
     .count = &CountOneAdd,
     .fold = &FoldElements<&OnBits<XorBits>>,
     .formula = OneAdd("i0: out; i1: out", "o0: out"),
     .description = "bitwise exclusive or: one add per output"},
    {.name = "IsInf",
     .since = 10,
     .infer = &InferTest,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldIsInf,
     .formula = OneAdd("X: out", "Y: out"),
     .description = "whether x is infinite: one comparison per element, of "
                    "whichever sign"},
    {.name = "IsNaN",
     .since = 9,
     .infer = &InferTest,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldIsNaN,
     .formula = OneAdd("X: out", "Y: out"),
     .description = "whether x is no number: one comparison per element"},
    {.name = "Mod",
     .since = 10,
     .infer = &InferMod,
     .count = &CountMod,
     .fold = &FoldMod,
     .formula = {.mul = "(1 + [constant_divisor])*out + "
                        "(1 - [constant_divisor])*div*out",
                 .add = "2*out + (1 - [constant_divisor])*div*out",
                 .reads = "A: out; B: out",
                 .writes = "C: out",
                 .rules = "R1 R2 R6 R7 R10"},
     .description = "a - b * rounded(a / b): a division (one mul by the "
                    "reciprocal of a constant floating-point divisor), a "
                    "rounding, a mul and a subtraction per output"},
    {.name = "Shrink",
     .since = 9,
     .infer = &InferSameAsInput,
     .count = &CountShrink,
     .formula = {.add = "2*out + 2*[bias]*out",
                 .reads = "input: out",
                 .writes = "output: out",
                 .rules = "R1"},
     .description = "x + bias below -lambd, x - bias above lambd, else 0: two "
                    "comparisons per element, and an add per branch unless "
                    "bias is 0"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> BitwiseOps() { return kOps; }

}  // namespace opcost
