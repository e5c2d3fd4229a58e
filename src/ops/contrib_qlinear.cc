// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's operators on quantised tensors that are no contractions, as
// DequantizeLinear, the operator and QuantizeLinear in one. Source: ONNX
// Runtime, docs/ContribOperators.md.
//
// Addition, multiplication and means accumulate in int32 and requantise once
// per output; the reciprocal of a mean is part of the ratio of the scales. A
// function (LeakyRelu, Sigmoid, Softmax) is evaluated in float32 on the
// dequantised value, which costs 1 float32 mul, and 1 int32 add with a zero
// point other than 0; its result is requantised. Copies (Concat, Where)
// requantise only where scale or zero point changes. Scales and zero points of
// whole tensors are read once.
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/broadcast.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/power.h"
#include "src/ops/requantize.h"

namespace opcost {
namespace {

constexpr OperandSet kFloat = OperandSet::Fixed(DataType::kFloat32);
constexpr OperandSet kInt = OperandSet::Fixed(DataType::kInt32);

// Reads the scales and zero points `operands`, which have one element each, and
// names the number of these reads `parameters` in the legend.
void ReadParameters(OpCounts& counts, const TypedNodeView& node,
                    absl::Span<const int> operands) {
  Count parameters;
  for (const int i : operands) {
    parameters += ZeroPointReads(node, i);
    ReadZeroPoint(counts, node, i);
  }
  node.Let("parameters", parameters);
}

absl::Status CheckParameters(const NodeView& node,
                             absl::Span<const int> operands) {
  for (const int i : operands) {
    OPCOST_RETURN_IF_ERROR(
        CheckOneElement(node, i, absl::StrCat("operand ", i)));
  }
  return absl::OkStatus();
}

// ---- QLinearAdd, QLinearMul ------------------------------------------------

constexpr int kBinaryParameters[] = {1, 2, 4, 5, 6, 7};
constexpr int kBinaryB = 3;

absl::StatusOr<OutputTypes> InferBinary(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(kBinaryB));
  OPCOST_RETURN_IF_ERROR(CheckParameters(node, kBinaryParameters));
  OPCOST_ASSIGN_OR_RETURN(Dims dims,
                          Broadcast(node, a->shape.dims(), b->shape.dims()));
  return OutputTypes{ValueType(a->type, std::move(dims))};
}

template <ArithOp kOp>
absl::StatusOr<OpCounts> CountBinary(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  OpCounts counts;
  AddArith(counts, kOp,
           kOp == ArithOp::kAdd ? kInt : OperandSet::Inputs(0, kBinaryB), out);
  AddRequantize(counts, out);
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, kBinaryB, out);
  ReadParameters(counts, node, kBinaryParameters);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- QLinearLeakyRelu, QLinearSigmoid, QLinearSoftmax ----------------------

constexpr int kUnaryParameters[] = {1, 2, 3, 4};
constexpr int kUnaryZeroPoint = 2;

absl::StatusOr<OutputTypes> InferUnary(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(CheckParameters(node, kUnaryParameters));
  return InferSameAsInput(node);
}

// True unless the zero point of the data is absent or known to be 0.
bool HasZeroPoint(const NodeView& node, int i) {
  return node.HasInput(i) && SoleNumber(node.InputValue(i)) != 0.0;
}

// Dequantises, evaluates `kEach` in float32, requantises.
template <PerElement kEach>
absl::StatusOr<OpCounts> CountFunction(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const bool shifts = HasZeroPoint(node, kUnaryZeroPoint);
  node.Let("out", out);
  node.Let("zero_point", shifts ? 1 : 0);
  OpCounts counts;
  if (shifts) AddArith(counts, ArithOp::kAdd, kInt, out);
  AddArith(counts, ArithOp::kMul, kFloat, out);
  AddEach(counts, kEach, out, kFloat);
  AddRequantize(counts, out);
  ReadInput(counts, node, 0, out);
  ReadParameters(counts, node, kUnaryParameters);
  WriteOutput(counts, node, 0, out);
  return counts;
}

struct Rows {
  Extent rows, length;
};

// A row is what the Softmax of opset `opset` takes for one.
absl::StatusOr<Rows> ResolveSoftmax(const NodeView& node) {
  constexpr int64_t kOneAxisOpset = 13;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t opset,
                          node.Int("opset", kOneAxisOpset));
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.empty()) return Rows{1, 1};
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", -1, x->shape.rank()));
  const auto first = static_cast<size_t>(axis);
  if (opset < kOneAxisOpset) {
    return Rows{Volume(dims.first(first)), Volume(dims.subspan(first))};
  }
  return Rows{Volume(dims.first(first)) * Volume(dims.subspan(first + 1)),
              dims[first]};
}

absl::StatusOr<OutputTypes> InferSoftmax(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveSoftmax(node).status());
  return InferUnary(node);
}

// Per row: the maximum of the integers; exponentials of scaled differences, in
// which the zero point cancels, to a float row of scratch, and their sum; their
// product with the sum's reciprocal and the output's scale, saturated.
absl::StatusOr<OpCounts> CountSoftmax(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Rows rows, ResolveSoftmax(node));
  node.Let("rows", rows.rows);
  node.Let("L", rows.length);
  const Count out = rows.rows * rows.length;
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out);
  AddArith(counts, ArithOp::kAdd, kInt, out);
  AddEach(counts, {.mul = 1, .add = 1, .exp = 1}, out, kFloat);
  AddArith(counts, ArithOp::kDiv, kFloat, rows.rows);
  AddRequantize(counts, out);
  ReadInput(counts, node, 0, out * 2);
  UseScratch(counts, "exponentials", kFloat, rows.length, out, out);
  ReadParameters(counts, node, kUnaryParameters);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- QLinearReduceMean -----------------------------------------------------

absl::StatusOr<OutputTypes> InferReduceMean(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_RETURN_IF_ERROR(CheckParameters(node, kUnaryParameters));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> axes, node.Ints("axes"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t keepdims, node.Int("keepdims", 1));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int> known,
                          NormalizeAxes(node, axes, data->shape.rank()));
  const Dims& dims = data->shape.dims();
  std::vector<bool> reduced(dims.size(), known.empty());
  for (const int axis : known) reduced[static_cast<size_t>(axis)] = true;
  Dims output;
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (!reduced[axis]) {
      output.push_back(dims[axis]);
    } else if (keepdims != 0) {
      output.push_back(1);
    }
  }
  return OutputTypes{ValueType(data->type, std::move(output))};
}

absl::StatusOr<OpCounts> CountReduceMean(const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  const Count out = node.OutputVolume(0);
  node.Let("in", in);
  node.Let("out", out);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, kInt, in);
  AddRequantize(counts, out);
  ReadInput(counts, node, 0, in);
  ReadParameters(counts, node, kUnaryParameters);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- QLinearConcat ---------------------------------------------------------

// The operands are the output's scale and zero point, then each part with its
// scale and zero point.
constexpr int kFirstPart = 2;
constexpr int kPerPart = 3;

absl::StatusOr<OutputTypes> InferConcat(const NodeView& node) {
  if (node.input_count() < kFirstPart + kPerPart ||
      (node.input_count() - kFirstPart) % kPerPart != 0) {
    return node.Invalid("there are ", node.input_count(),
                        " operands but must be 2, and 3 for each part");
  }
  if (!node.HasAttribute("axis")) {
    return node.Invalid("attribute 'axis' is missing");
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* first, node.Input(kFirstPart));
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 0, first->shape.rank()));
  Dims joined = first->shape.dims();
  for (int i = kFirstPart + kPerPart; i < node.input_count(); i += kPerPart) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* part, node.Input(i));
    const Dims& dims = part->shape.dims();
    if (dims.size() != joined.size()) {
      return node.Invalid("operand ", i, " has ", dims.size(),
                          " axes but operand ", kFirstPart, " has ",
                          joined.size());
    }
    for (size_t a = 0; a < dims.size(); ++a) {
      if (a == static_cast<size_t>(axis)) {
        joined[a] += dims[a];
      } else if (!joined[a].is_concrete()) {
        joined[a] = dims[a];
      } else if (dims[a].is_concrete() && !(dims[a] == joined[a])) {
        return node.Invalid("operand ", i, " has extent ", dims[a].ToString(),
                            " on axis ", a, " but the operands before it have ",
                            joined[a].ToString());
      }
    }
  }
  return OutputTypes{ValueType(first->type, std::move(joined))};
}

// True if part `i` is quantised as the output is.
bool KeepsQuantization(const NodeView& node, int i) {
  return AreEqualScalars(node, 0, i + 1) && AreEqualScalars(node, 1, i + 2);
}

absl::StatusOr<OpCounts> CountConcat(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  Count changed, parameters;
  int parts = 0;
  for (int i = kFirstPart; i < node.input_count(); i += kPerPart) {
    const Count part = node.InputVolume(i);
    if (!part.Is(0)) ++parts;
    if (KeepsQuantization(node, i)) continue;
    changed += part;
    parameters += ZeroPointReads(node, i + 1) + ZeroPointReads(node, i + 2);
  }
  const bool is_view = parts <= 1 && changed.Is(0);
  node.Let("out", is_view ? Count(0) : out);
  node.Let("changed", changed);
  const bool requantizes = !changed.Is(0);
  if (requantizes) {
    parameters += ZeroPointReads(node, 0) + ZeroPointReads(node, 1);
  }
  node.Let("parameters", parameters);
  if (is_view) return View();
  OpCounts counts;
  AddRequantize(counts, changed);
  if (requantizes) {
    for (const int i : {0, 1}) ReadZeroPoint(counts, node, i);
  }
  for (int i = kFirstPart; i < node.input_count(); i += kPerPart) {
    ReadInput(counts, node, i, node.InputVolume(i));
    if (KeepsQuantization(node, i)) continue;
    for (const int at : {i + 1, i + 2}) ReadZeroPoint(counts, node, at);
  }
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- QLinearWhere ----------------------------------------------------------

constexpr int kWhereX = 1;
constexpr int kWhereY = 4;
constexpr int kWhereZScale = 7;
constexpr int kWhereParameters[] = {2, 3, 5, 6, 7, 8};

absl::StatusOr<OutputTypes> InferWhere(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* condition, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(kWhereX));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Input(kWhereY));
  OPCOST_RETURN_IF_ERROR(CheckParameters(node, kWhereParameters));
  OPCOST_ASSIGN_OR_RETURN(const Dims chosen,
                          Broadcast(node, x->shape.dims(), y->shape.dims()));
  OPCOST_ASSIGN_OR_RETURN(Dims dims,
                          Broadcast(node, condition->shape.dims(), chosen));
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

bool ChangesQuantization(const NodeView& node, int i) {
  return !AreEqualScalars(node, i + 1, kWhereZScale) ||
         !AreEqualScalars(node, i + 2, kWhereZScale + 1);
}

// The chosen values are charged to the larger of the two; which of them they
// are, and with it their scale, only the data say: all are requantised if
// either's scale or zero point changes.
absl::StatusOr<OpCounts> CountWhere(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const bool x_changes = ChangesQuantization(node, kWhereX);
  const bool y_changes = ChangesQuantization(node, kWhereY);
  const bool changes = x_changes || y_changes;
  const Count x = node.InputVolume(kWhereX);
  const Count y = node.InputVolume(kWhereY);
  const bool y_is_larger =
      x.is_concrete() && y.is_concrete() && y.value() > x.value();
  node.Let("out", out);
  node.Let("changes", changes ? 1 : 0);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out);
  ReadInput(counts, node, 0, out);
  ReadInput(counts, node, y_is_larger ? kWhereY : kWhereX, out);
  if (changes) {
    AddRequantize(counts, out);
    ReadParameters(counts, node, kWhereParameters);
  } else {
    node.Let("parameters", 0);
  }
  WriteOutput(counts, node, 0, out);
  if (x_changes != y_changes) {
    counts.bound_reason =
        "only the data say how many of the chosen values change their scale";
  }
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "QLinearAdd",
     .infer = &InferBinary,
     .count = &CountBinary<ArithOp::kAdd>,
     .formula = {.mul = "out",
                 .add = "4*out",
                 .reads = "i0: out; i3: out; parameters: parameters",
                 .writes = "o0: out",
                 .rules = "R1 R2 R10"},
     .description = "sum in int32, requantised once",
     .domain = "com.microsoft"},
    {.name = "QLinearConcat",
     .infer = &InferConcat,
     .count = &CountConcat,
     .formula = {.mul = "changed",
                 .add = "3*changed",
                 .reads = "parts: out; parameters: parameters",
                 .writes = "o0: out",
                 .rules = "R1 R2 R5"},
     .description = "the parts one after another; those of another scale or "
                    "zero point than the output are requantised",
     .domain = "com.microsoft"},
    {.name = "QLinearLeakyRelu",
     .infer = &InferUnary,
     .count = &CountFunction<PerElement{.mul = 1, .add = 1}>,
     .formula = {.mul = "3*out",
                 .add = "([zero_point] + 4)*out",
                 .reads = "i0: out; parameters: parameters",
                 .writes = "o0: out",
                 .rules = "R1 R2"},
     .description =
         "LeakyRelu of the dequantised value in float32, requantised",
     .domain = "com.microsoft"},
    {.name = "QLinearMul",
     .infer = &InferBinary,
     .count = &CountBinary<ArithOp::kMul>,
     .formula = {.mul = "2*out",
                 .add = "3*out",
                 .reads = "i0: out; i3: out; parameters: parameters",
                 .writes = "o0: out",
                 .rules = "R1 R2 R10"},
     .description = "product of the integers, requantised once",
     .domain = "com.microsoft"},
    {.name = "QLinearReduceMean",
     .infer = &InferReduceMean,
     .count = &CountReduceMean,
     .formula = {.mul = "out",
                 .add = "in + 3*out",
                 .reads = "i0: in; parameters: parameters",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R7"},
     .description = "sum in int32, requantised once; the mean's reciprocal is "
                    "part of the scales",
     .domain = "com.microsoft"},
    {.name = "QLinearSigmoid",
     .infer = &InferUnary,
     .count = &CountFunction<PerElement{.sigmoid = 1}>,
     .formula = {.mul = "(sigmoid + 2)*out",
                 .add = "(sigmoid + [zero_point] + 3)*out",
                 .reads = "i0: out; parameters: parameters",
                 .writes = "o0: out",
                 .rules = "R1 R2 R6"},
     .description = "Sigmoid of the dequantised value in float32, requantised",
     .domain = "com.microsoft"},
    {.name = "QLinearSoftmax",
     .infer = &InferSoftmax,
     .count = &CountSoftmax,
     .formula = {.mul = "rows*(2*L + exp*L + div)",
                 .add = "rows*(6*L + exp*L + div)",
                 .reads =
                     "i0: 2*rows*L; scratch: rows*L; parameters: parameters",
                 .writes = "scratch: rows*L; o0: rows*L",
                 .rules = "R1 R2 R4 R6"},
     .description = "per row of L: maximum of the integers, float32 "
                    "exponentials of their scaled differences, quotient, "
                    "requantised",
     .domain = "com.microsoft",
     .passes = "maximum, exponentials and their sum, quotient"},
    {.name = "QLinearWhere",
     .infer = &InferWhere,
     .count = &CountWhere,
     .formula = {.mul = "changes*out",
                 .add = "(1 + 3*changes)*out",
                 .reads = "i0: out; chosen: out; parameters: parameters",
                 .writes = "o0: out",
                 .rules = "R1 R2 R10"},
     .description = "the chosen values, all requantised if either's scale or "
                    "zero point isn't the output's",
     .domain = "com.microsoft",
     .bound = "where one of the two is quantised as the output is: all count "
              "as requantised"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribQlinearOps() { return kOps; }

}  // namespace opcost
