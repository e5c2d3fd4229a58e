// SPDX-License-Identifier: Apache-2.0
// Operators along one axis or diagonal: CumSum, CumProd, Trilu, EyeLike,
// ReverseSequence.
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/known_elements.h"

namespace opcost {
namespace {

// ---- CumSum, CumProd
// -----------------------------------------------------------

absl::StatusOr<OutputTypes> InferCumulative(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (!node.HasInput(1)) return node.Invalid("operand 1 (axis) is missing");
  if (node.InputValue(1) != nullptr) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t axis, InputInt(node, 1));
    OPCOST_RETURN_IF_ERROR(NormalizeAxis(node, axis, x->shape.rank()).status());
  }
  return OutputTypes{*x};
}

absl::StatusOr<size_t> AxisOperand(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t given, InputInt(node, 1));
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          NormalizeAxis(node, given, x->shape.rank()));
  return static_cast<size_t>(axis);
}

// An exclusive sum needs no last element of its line: there is no output behind
// it.
template <ArithOp kOp>
absl::StatusOr<OpCounts> CountCumulative(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t exclusive, node.Int("exclusive", 0));
  const Count out = Volume(x->shape.dims());
  Count terms = out;
  if (exclusive != 0) {
    OPCOST_ASSIGN_OR_RETURN(const size_t axis, AxisOperand(node));
    const SymValue& length = x->shape.dims()[axis].sym();
    terms = Volume(
        {LinesOf(x->shape.dims(), axis), Extent(SymValue::Max(length - 1, 0))});
  }
  node.Let("terms", terms);
  node.Let("out", out);
  OpCounts counts;
  AddArith(counts, kOp, OperandSet::Input(0), terms);
  ReadInput(counts, node, 0, terms);
  WriteOutput(counts, node, 0, out);
  return counts;
}

template <ArithOp kOp>
std::optional<Element> Accumulated(const Element& sum, const Element& next) {
  if (sum.index() != next.index()) return std::nullopt;
  if (const double* a = std::get_if<double>(&sum)) {
    const double b = std::get<double>(next);
    return Element(kOp == ArithOp::kAdd ? *a + b : *a * b);
  }
  const SymValue& a = std::get<SymValue>(sum);
  const SymValue& b = std::get<SymValue>(next);
  return Element(kOp == ArithOp::kAdd ? a + b : a * b);
}

template <ArithOp kOp>
OutputValues FoldCumulative(const TypedNodeView& node) {
  const TensorValue* x = FoldableInput(node, 0);
  const auto elements = ElementsOf(x);
  const auto axis = AxisOperand(node);
  const auto exclusive = node.Int("exclusive", 0);
  const auto reverse = node.Int("reverse", 0);
  if (!elements.has_value() || !axis.ok() || !exclusive.ok() || !reverse.ok()) {
    return {nullptr};
  }
  const int64_t identity = kOp == ArithOp::kAdd ? 0 : 1;
  const Lines lines = LinesAlong(x->dims(), *axis);
  std::vector<Element> results = *elements;
  for (int64_t line = 0; line < lines.outer * lines.inner; ++line) {
    Element sum = x->holds_integers() ? Element(SymValue(identity))
                                      : Element(static_cast<double>(identity));
    for (int64_t i = 0; i < lines.length; ++i) {
      const int64_t at = *reverse != 0 ? lines.length - 1 - i : i;
      const auto place = static_cast<size_t>(
          lines.Offset(line / lines.inner, at, line % lines.inner));
      const auto next = Accumulated<kOp>(sum, (*elements)[place]);
      if (!next.has_value()) return {nullptr};
      results[place] = *exclusive != 0 ? sum : *next;
      // Each sum is rounded as the type has it.
      const auto fitted = FitElement(*next, x->type());
      if (!fitted.has_value()) return {nullptr};
      sum = *fitted;
    }
  }
  return {KnownTensor(x->type(), x->dims(), results)};
}

// ---- Trilu
// ---------------------------------------------------------------------

struct Triangle {
  bool upper = true;
  std::optional<SymValue> k;  // nullopt: only the data settle it
  Extent matrices, rows, columns;
};

absl::StatusOr<Triangle> ResolveTrilu(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const absl::Span<const Extent> dims = x->shape.dims();
  if (dims.size() < 2) {
    return node.Invalid("the input must have at least 2 axes but is ",
                        ToString(x->shape));
  }
  Triangle t;
  t.rows = dims[dims.size() - 2];
  t.columns = dims[dims.size() - 1];
  t.matrices = Volume(dims.first(dims.size() - 2));
  OPCOST_ASSIGN_OR_RETURN(const int64_t upper, node.Int("upper", 1));
  t.upper = upper != 0;
  t.k = SymValue(0);
  if (!node.HasInput(1)) return t;
  const absl::StatusOr<SymValue> k = InputSym(node, 1);
  if (k.ok()) {
    t.k = *k;
  } else if (IsUndetermined(k.status())) {
    t.k.reset();
  } else {
    return k.status();
  }
  return t;
}

absl::StatusOr<OutputTypes> InferTrilu(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(ResolveTrilu(node).status());
  return OutputTypes{node.InputType(0)};
}

// The elements of a matrix on and above diagonal `k`: whole rows while i + k is
// below 0, then one element fewer in each row.
SymValue UpperElements(const SymValue& rows, const SymValue& columns,
                       const SymValue& k) {
  const SymValue whole = SymValue::Min(SymValue::Max(0 - k, 0), rows);
  const SymValue longest = SymValue::Max(columns - k - whole, 0);
  const SymValue falling = SymValue::Min(rows - whole, longest);
  return whole * columns +
         SymValue::FloorDiv(falling * (longest * 2 - falling + 1), 2);
}

Count KeptElements(const Triangle& t) {
  const SymValue& rows = t.rows.sym();
  const SymValue& columns = t.columns.sym();
  if (!t.k.has_value()) return Volume({t.rows, t.columns});
  // A diagonal beyond the matrix is as good as the one beside it.
  const SymValue k =
      SymValue::Min(SymValue::Max(*t.k, 0 - rows - 1), columns + 1);
  if (t.upper) return Count(UpperElements(rows, columns, k));
  return Count(rows * columns - UpperElements(rows, columns, k + 1));
}

absl::StatusOr<OpCounts> CountTrilu(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Triangle t, ResolveTrilu(node));
  const Count kept_of_matrix = KeptElements(t);
  const bool is_view =
      t.k.has_value() &&
      (kept_of_matrix == t.rows * t.columns || node.OutputVolume(0).Is(0));
  const Count kept = is_view ? Count(0) : Volume({t.matrices, kept_of_matrix});
  const Count out = is_view ? Count(0) : node.OutputVolume(0);
  node.Let("kept", kept);
  node.Let("out", out);
  if (is_view) return View();
  OpCounts counts;
  ReadInput(counts, node, 0, kept);
  WriteOutput(counts, node, 0, out);
  if (!t.k.has_value()) {
    counts.bound_reason =
        "the diagonal depends on the data; all elements count as kept";
  }
  return counts;
}

OutputValues FoldTrilu(const TypedNodeView& node) {
  const TensorValue* x = FoldableInput(node, 0);
  const auto t = ResolveTrilu(node);
  if (x == nullptr || !t.ok() || !t->k.has_value() || !t->k->is_concrete()) {
    return {nullptr};
  }
  const TensorValue zero =
      x->holds_integers() ? TensorValue::Integers(x->type(), {}, {SymValue(0)})
                          : TensorValue::Floats(x->type(), {}, {0.0});
  const TensorValue* sources[] = {x, &zero};
  const int64_t k = t->k->value();
  return {Assemble(x->dims(), sources, [&](const IntDims& index) {
    const int64_t diagonal = index[index.size() - 1] - index[index.size() - 2];
    const bool is_kept = t->upper ? diagonal >= k : diagonal <= k;
    return is_kept ? ElementPlace{0, OffsetOf(x->dims(), index)}
                   : ElementPlace{1, 0};
  })};
}

// ---- EyeLike
// -------------------------------------------------------------------

absl::StatusOr<OutputTypes> InferEyeLike(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() != 2) {
    return node.Invalid("the input must have 2 axes but is ",
                        ToString(x->shape));
  }
  TensorType type = *x;
  if (node.HasAttribute("dtype")) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t number, node.Int("dtype", 0));
    const std::optional<DataType> given = DataTypeFromOnnx(number);
    if (!given.has_value()) {
      return node.Invalid("attribute 'dtype' is ", number,
                          ", which is no known element type");
    }
    type.type = *given;
  }
  return OutputTypes{std::move(type)};
}

absl::StatusOr<OpCounts> CountEyeLike(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  OpCounts counts;
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldEyeLike(const TypedNodeView& node) {
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto k = node.Int("k", 0);
  if (!dims.has_value() || !k.ok()) return {nullptr};
  const DataType type = node.OutputType(0).tensor.type;
  if (type == DataType::kString || type == DataType::kUndefined) {
    return {nullptr};
  }
  const TensorValue pair =
      IsFloating(type)
          ? TensorValue::Floats(type, {2}, {0.0, 1.0})
          : TensorValue::Integers(type, {2}, {SymValue(0), SymValue(1)});
  return {Rearrange(*dims, &pair, [&k](const IntDims& index) -> int64_t {
    return index[1] - index[0] == *k ? 1 : 0;
  })};
}

// ---- ReverseSequence
// -----------------------------------------------------------

absl::StatusOr<size_t> TimeAxis(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* lengths, node.Input(1));
  if (x->shape.rank() < 2) {
    return node.Invalid("the input must have at least 2 axes but is ",
                        ToString(x->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t time, node.Int("time_axis", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t batch, node.Int("batch_axis", 1));
  if (time < 0 || time > 1 || batch < 0 || batch > 1 || time == batch) {
    return node.Invalid("time_axis and batch_axis must be 0 and 1 but are ",
                        time, " and ", batch);
  }
  const Extent& batches = x->shape.dims()[static_cast<size_t>(batch)];
  const Dims& given = lengths->shape.dims();
  if (given.size() != 1 || (given[0].is_concrete() && batches.is_concrete() &&
                            !(given[0] == batches))) {
    return node.Invalid("the lengths are ", ToString(lengths->shape),
                        " but there must be one for each of ",
                        batches.ToString(), " sequences");
  }
  return static_cast<size_t>(time);
}

absl::StatusOr<OutputTypes> InferReverseSequence(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(TimeAxis(node).status());
  return OutputTypes{node.InputType(0)};
}

// One step has no order.
absl::StatusOr<OpCounts> CountReverseSequence(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const size_t time, TimeAxis(node));
  const Extent& steps = node.InputType(0).tensor.shape.dims()[time];
  const bool is_view = steps.Is(1) || node.OutputVolume(0).Is(0);
  const Count moved = is_view ? Count(0) : node.OutputVolume(0);
  const Count lengths = is_view ? Count(0) : node.InputVolume(1);
  node.Let("moved", moved);
  node.Let("lengths", lengths);
  if (is_view) return View();
  OpCounts counts;
  ReadInput(counts, node, 0, moved);
  ReadInputAs(counts, node, 1, lengths, Role::kIndex);
  WriteOutput(counts, node, 0, moved);
  return counts;
}

constexpr absl::string_view kTriluBound =
    "a diagonal that the model computes from data may keep all";

constexpr OpDef kOps[] = {
    {.name = "CumProd",
     .since = 26,
     .infer = &InferCumulative,
     .count = &CountCumulative<ArithOp::kMul>,
     .fold = &FoldCumulative<ArithOp::kMul>,
     .formula = {.mul = "terms",
                 .reads = "i0: terms",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R8"},
     .description = "running products along an axis: one mul per element, of "
                    "exclusive ones the last of each line left out"},
    {.name = "CumSum",
     .since = 11,
     .infer = &InferCumulative,
     .count = &CountCumulative<ArithOp::kAdd>,
     .fold = &FoldCumulative<ArithOp::kAdd>,
     .formula = {.add = "terms",
                 .reads = "x: terms",
                 .writes = "y: out",
                 .rules = "R1 R2 R3 R8"},
     .description = "running sums along an axis: one add per element, of "
                    "exclusive ones the last of each line left out"},
    {.name = "EyeLike",
     .since = 9,
     .infer = &InferEyeLike,
     .count = &CountEyeLike,
     .fold = &FoldEyeLike,
     .formula = {.reads = "", .writes = "output: out", .rules = "R1 R7"},
     .description = "ones on a diagonal, else zeros, in the shape of a tensor "
                    "of which it reads nothing",
     .reads_shapes_only = true},
    {.name = "ReverseSequence",
     .since = 10,
     .infer = &InferReverseSequence,
     .count = &CountReverseSequence,
     .formula = {.reads = "input: moved; sequence_lens: lengths",
                 .writes = "Y: moved",
                 .rules = "R1 R5"},
     .description = "each sequence with its first steps in reverse order: a "
                    "copy; each length is read once; a view of one step"},
    {.name = "Trilu",
     .since = 14,
     .infer = &InferTrilu,
     .count = &CountTrilu,
     .fold = &FoldTrilu,
     .formula = {.reads = "input: kept",
                 .writes = "output: out",
                 .rules = "R1 R5 R8"},
     .description = "the upper or lower triangle of each matrix, zeros "
                    "elsewhere: a read per element kept; a view where all are",
     .bound = kTriluBound},
    {.name = "Trilu",
     .infer = &InferTrilu,
     .count = &CountTrilu,
     .fold = &FoldTrilu,
     .formula = {.reads = "i0: kept", .writes = "o0: out", .rules = "R1 R5 R8"},
     .description = "Trilu of ONNX",
     .domain = "com.microsoft",
     .bound = kTriluBound},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> CumulativeOps() { return kOps; }

}  // namespace opcost
