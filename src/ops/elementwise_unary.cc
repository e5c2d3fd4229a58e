// SPDX-License-Identifier: Apache-2.0
// Functions of one operand, element by element, Cast and CastLike.
#include <cmath>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/fold_elementwise.h"

namespace opcost {
namespace {

// The first opset whose Cast names its type by ONNX's number.
constexpr int kCastByNumberOpset = 6;

// Element rules. `nullopt` for an integer whose result depends on a symbol.

SymValue NegateInt(const SymValue& x) { return SymValue(0) - x; }
SymValue AbsInt(const SymValue& x) { return SymValue::Max(x, NegateInt(x)); }
SymValue SameInt(const SymValue& x) { return x; }

std::optional<SymValue> SignInt(const SymValue& x) {
  return SymValue::Max(-1, SymValue::Min(x, 1));
}

std::optional<SymValue> NotInt(const SymValue& x) {
  // A truth value that depends on symbols is 0 or 1.
  if (!x.is_concrete()) return SymValue(1) - x;
  return SymValue(x.value() == 0 ? 1 : 0);
}

std::optional<SymValue> NoInt(const SymValue&) { return std::nullopt; }

double NegateFloat(double x) { return -x; }
double AbsFloat(double x) { return std::fabs(x); }
double SignFloat(double x) { return x < 0 ? -1 : (x > 0 ? 1 : 0); }
double FloorFloat(double x) { return std::floor(x); }
double CeilFloat(double x) { return std::ceil(x); }
// Halfway cases go to the even neighbour, as Round's specification has it.
double RoundEven(double x) {
  const double below = std::floor(x);
  const double fraction = x - below;
  if (fraction != 0.5) return std::floor(x + 0.5);
  return std::fmod(below, 2) == 0 ? below : below + 1;
}
double ExpFloat(double x) { return std::exp(x); }
double LogFloat(double x) { return std::log(x); }
double SqrtFloat(double x) { return std::sqrt(x); }
double ReciprocalFloat(double x) { return 1 / x; }
// Logic on floats has no meaning; the result isn't finite, hence not known.
double NotFloat(double) { return std::nan(""); }

absl::StatusOr<DataType> CastTarget(const NodeView& node) {
  if (!node.HasAttribute("to"))
    return node.Invalid("attribute 'to' is missing");
  if (node.opset() < kCastByNumberOpset) {
    OPCOST_ASSIGN_OR_RETURN(const std::string name, node.String("to", ""));
    const std::optional<DataType> type =
        DataTypeFromName(absl::AsciiStrToLower(name));
    if (type.has_value()) return *type;
    return node.Invalid("attribute 'to' is '", name,
                        "', which is no element type");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t number, node.Int("to", 0));
  const std::optional<DataType> type = DataTypeFromOnnx(number);
  if (type.has_value()) return *type;
  return node.Invalid("attribute 'to' is ", number,
                      ", which is no known element type");
}

absl::StatusOr<OutputTypes> InferCast(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const DataType to, CastTarget(node));
  return OutputTypes{TensorType{to, x->shape}};
}

absl::StatusOr<OutputTypes> InferCastLike(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (!node.HasInput(1)) return node.Invalid("operand 1 is missing");
  // The rank of the target doesn't matter.
  const ValueType& target = node.InputType(1);
  if (!target.is_tensor() || target.tensor.type == DataType::kUndefined) {
    return node.Unknown("the element type of operand 1 isn't known");
  }
  return OutputTypes{TensorType{target.tensor.type, x->shape}};
}

// A conversion is one add in the input's format (cost model, sections 1, 3.1).
absl::StatusOr<OpCounts> CountCast(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  if (x->type == y->type) return View();
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, CountPass(node, {.add = 1}));
  counts.is_view_if_formats_match = true;
  return counts;
}

OutputValues FoldCast(const TypedNodeView& node) {
  if (!node.HasOutput(0)) return {};
  const DataType to = node.OutputType(0).tensor.type;
  constexpr int kData[] = {0};
  return FoldOperands(node, kData, [to](absl::Span<const Element> x) {
    return CastElement(x[0], to);
  });
}

constexpr Formula OneAdd(absl::string_view reads = "X: out",
                         absl::string_view writes = "Y: out") {
  return {.add = "out", .reads = reads, .writes = writes, .rules = "R1"};
}

constexpr Formula Function(absl::string_view each,
                           absl::string_view reads = "X: out",
                           absl::string_view writes = "Y: out") {
  return {.mul = each,
          .add = each,
          .reads = reads,
          .writes = writes,
          .rules = "R1 R6"};
}

constexpr absl::string_view kReadsInput = "input: out";
constexpr absl::string_view kWritesOutput = "output: out";

constexpr OpDef kOps[] = {
    {.name = "Abs",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldElements<&Map<AbsInt, AbsFloat>>,
     .formula = OneAdd(),
     .description = "|x|: one comparison per element"},
    {.name = "Cast",
     .since = 1,
     .infer = &InferCast,
     .count = &CountCast,
     .fold = &FoldCast,
     .formula = {.add = "out",
                 .reads = kReadsInput,
                 .writes = kWritesOutput,
                 .rules = "R1 R5"},
     .description = "converts the element type: one add per element in the "
                    "input's format; a view where the formats are equal"},
    {.name = "CastLike",
     .since = 15,
     .infer = &InferCastLike,
     .count = &CountCast,
     .fold = &FoldCast,
     .formula = {.add = "out",
                 .reads = kReadsInput,
                 .writes = kWritesOutput,
                 .rules = "R1 R5 R8"},
     .description = "converts to the element type of another tensor, which "
                    "isn't read: one add per element in the input's format; a "
                    "view where the formats are equal"},
    {.name = "Ceil",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldElements<&Map<SameInt, CeilFloat>>,
     .formula = OneAdd(),
     .description = "rounds up: one add per element"},
    {.name = "Erf",
     .since = 9,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.erf = 1}>,
     .formula = Function("erf*out", kReadsInput, kWritesOutput),
     .description = "error function: one evaluation per element"},
    {.name = "Exp",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.exp = 1}>,
     .fold = &FoldElements<&Map<NoInt, ExpFloat>>,
     .formula = Function("exp*out", kReadsInput, kWritesOutput),
     .description = "e to the x: one evaluation per element"},
    {.name = "Floor",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldElements<&Map<SameInt, FloorFloat>>,
     .formula = OneAdd(),
     .description = "rounds down: one add per element"},
    {.name = "Log",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.log = 1}>,
     .fold = &FoldElements<&Map<NoInt, LogFloat>>,
     .formula = Function("log*out", kReadsInput, kWritesOutput),
     .description = "natural logarithm: one evaluation per element"},
    {.name = "Neg",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldElements<&Map<NegateInt, NegateFloat>>,
     .formula = OneAdd(),
     .description = "0 - x: one add per element"},
    {.name = "Not",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldElements<&Map<NotInt, NotFloat>>,
     .formula = OneAdd(),
     .description = "logical complement: one add per element"},
    {.name = "Reciprocal",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.div = 1}>,
     .fold = &FoldElements<&Map<NoInt, ReciprocalFloat>>,
     .formula = Function("div*out"),
     .description = "1 / x: one division per element"},
    {.name = "Round",
     .since = 11,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldElements<&Map<SameInt, RoundEven>>,
     .formula = OneAdd(),
     .description =
         "rounds to the nearest, halves to even: one add per element"},
    {.name = "Sign",
     .since = 9,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.add = 1}>,
     .fold = &FoldElements<&Map<SignInt, SignFloat>>,
     .formula = OneAdd(kReadsInput, kWritesOutput),
     .description = "-1, 0 or 1: one comparison per element"},
    {.name = "Sqrt",
     .since = 1,
     .infer = &InferSameAsInput,
     .count = &CountUnary<PerElement{.sqrt = 1}>,
     .fold = &FoldElements<&Map<NoInt, SqrtFloat>>,
     .formula = Function("sqrt*out"),
     .description = "square root: one evaluation per element"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ElementwiseUnaryOps() { return kOps; }

}  // namespace opcost
