// SPDX-License-Identifier: Apache-2.0
// Operators that rank or sort out elements: TopK, Unique, NonZero, Compress,
// OneHot, Hardmax.
//
// Putting an element in its place among n sorted ones takes ceil(log2(n + 1))
// comparisons. How many elements NonZero, Compress and Unique find depends on
// the data unless their operands are known; the most is counted.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/known_elements.h"
#include "src/ops/unique.h"

namespace opcost {
namespace {

// ---- TopK
// ----------------------------------------------------------------------

constexpr int kTopKOperandOpset = 10;

struct TopKGeometry {
  const TensorType* data = nullptr;
  size_t axis = 0;
  Extent rows;
  Extent length;
};

absl::StatusOr<TopKGeometry> ResolveTopK(const NodeView& node) {
  TopKGeometry g;
  OPCOST_ASSIGN_OR_RETURN(g.data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", -1, g.data->shape.rank()));
  g.axis = static_cast<size_t>(axis);
  const absl::Span<const Extent> dims = g.data->shape.dims();
  g.rows = LinesOf(dims, g.axis);
  g.length = dims[g.axis];
  return g;
}

// K, an attribute up to opset 9; nullopt if only the data settle it.
absl::StatusOr<std::optional<SymValue>> GivenK(const NodeView& node) {
  if (node.opset() < kTopKOperandOpset) {
    if (!node.HasAttribute("k")) {
      return node.Invalid("attribute 'k' is missing");
    }
    OPCOST_ASSIGN_OR_RETURN(const int64_t k, node.Int("k", 0));
    return std::optional<SymValue>(k);
  }
  const absl::StatusOr<SymValue> k = InputSym(node, 1);
  if (k.ok()) return std::optional<SymValue>(*k);
  if (IsUndetermined(k.status())) return std::optional<SymValue>();
  return k.status();
}

absl::StatusOr<OutputTypes> InferTopK(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TopKGeometry g, ResolveTopK(node));
  OPCOST_ASSIGN_OR_RETURN(const std::optional<SymValue> given, GivenK(node));
  OutputTypes types;
  Extent k;
  if (given.has_value()) {
    OPCOST_ASSIGN_OR_RETURN(k, NonNegative(node, *given, "K"));
    if (k.is_concrete() && g.length.is_concrete() &&
        k.value() > g.length.value()) {
      return node.Invalid("K is ", k.value(), " but axis ", g.axis,
                          " has extent ", g.length.value());
    }
  } else {
    k = DataDependentExtent(node, 0, static_cast<int>(g.axis), g.length,
                            &types);
  }
  Dims dims = g.data->shape.dims();
  dims[g.axis] = k;
  types.push_back(ValueType(g.data->type, dims));
  types.push_back(ValueType(DataType::kInt64, std::move(dims)));
  return types;
}

absl::Status TooLargeExpression(const NodeView& node, const Extent& n) {
  return node.Unknown("the number of comparisons among ", n.ToString(),
                      " elements has no short expression");
}

absl::StatusOr<OpCounts> CountTopK(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TopKGeometry g, ResolveTopK(node));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* values, node.Output(0));
  const Extent& k = values->shape.dims()[g.axis];
  const Count comparisons = PlacingComparisons(k);
  if (comparisons.overflowed()) return TooLargeExpression(node, k);
  const Count in = Volume(g.data->shape.dims());
  const Count out = Volume(values->shape.dims());
  node.Let("rows", g.rows);
  node.Let("L", g.length);
  node.Let("k", k);
  node.Let("comparisons", comparisons);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), in * comparisons);
  ReadInput(counts, node, 0, in);
  WriteOutput(counts, node, 0, out);
  WriteOutput(counts, node, 1, out);
  return counts;
}

// Equal elements keep their order, as the specification asks.
OutputValues FoldTopK(const TypedNodeView& node) {
  const auto g = ResolveTopK(node);
  const auto elements = ElementsOf(FoldableInput(node, 0));
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto largest = node.Int("largest", 1);
  const auto sorted = node.Int("sorted", 1);
  if (!g.ok() || !elements.has_value() || !dims.has_value() || !largest.ok() ||
      !sorted.ok() || *sorted == 0 || !AreComparable(*elements)) {
    return {nullptr, nullptr};
  }
  const Lines from = LinesAlong(FoldableInput(node, 0)->dims(), g->axis);
  const Lines to = LinesAlong(*dims, g->axis);
  const auto size = static_cast<size_t>(to.outer * to.length * to.inner);
  std::vector<Element> values(size);
  std::vector<int64_t> places(size);
  for (int64_t o = 0; o < from.outer; ++o) {
    for (int64_t n = 0; n < from.inner; ++n) {
      const auto at = [&](int64_t i) -> const Element& {
        return (*elements)[static_cast<size_t>(from.Offset(o, i, n))];
      };
      std::vector<int64_t> order;
      for (int64_t i = 0; i < from.length; ++i) order.push_back(i);
      std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        return *largest != 0 ? IsLess(at(b), at(a)) : IsLess(at(a), at(b));
      });
      for (int64_t i = 0; i < to.length; ++i) {
        const auto place = static_cast<size_t>(to.Offset(o, i, n));
        values[place] = at(order[static_cast<size_t>(i)]);
        places[place] = order[static_cast<size_t>(i)];
      }
    }
  }
  return {KnownTensor(node.OutputType(0).tensor.type, *dims, values),
          KnownInts(*dims, places)};
}

// ---- NonZero
// -------------------------------------------------------------------

// How many elements of a tensor count, if that is known: else the most.
struct Found {
  Extent at_most;
  bool is_exact = false;
};

// How many of the first `considered` elements of `value` (null: not known)
// aren't 0.
Found NonZerosIn(const TensorValue* value, const Extent& considered) {
  Found found{considered, false};
  if (value == nullptr || value->type() == DataType::kString ||
      !considered.is_concrete()) {
    return found;
  }
  const int64_t size = std::min(considered.value(), value->size());
  if (size == 0) return {0, true};
  const auto at = [value](int64_t i) {
    return IsNonZero(value->holds_integers() ? Element(value->Int(i))
                                             : Element(value->Float(i)));
  };
  if (value->is_uniform()) {
    const std::optional<bool> all = at(0);
    if (!all.has_value()) return found;
    return {*all ? size : 0, true};
  }
  if (size > kMaxKnownElements) return found;
  int64_t most = 0;
  found.is_exact = true;
  for (int64_t i = 0; i < size; ++i) {
    const std::optional<bool> is_nonzero = at(i);
    found.is_exact = found.is_exact && is_nonzero.has_value();
    if (is_nonzero.value_or(true)) ++most;
  }
  found.at_most = most;
  return found;
}

absl::StatusOr<OutputTypes> InferNonZero(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const Found found = NonZerosIn(node.InputValue(0), Volume(x->shape.dims()));
  OutputTypes types;
  Extent number = found.is_exact
                      ? found.at_most
                      : DataDependentExtent(node, 0, 1, found.at_most, &types);
  types.push_back(ValueType(DataType::kInt64,
                            {Extent(x->shape.rank()), std::move(number)}));
  return types;
}

absl::StatusOr<OpCounts> CountNonZero(const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  const Count out = node.OutputVolume(0);
  node.Let("in", in);
  node.Let("out", out);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), in);
  ReadInput(counts, node, 0, in);
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldNonZero(const TypedNodeView& node) {
  const TensorValue* value = FoldableInput(node, 0);
  const auto elements = ElementsOf(value);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (!elements.has_value() || !dims.has_value()) return {nullptr};
  const IntDims strides = Strides(value->dims());
  const int64_t found = (*dims)[1];
  if (found * (*dims)[0] > kMaxKnownElements) return {nullptr};
  std::vector<int64_t> places(static_cast<size_t>(found * (*dims)[0]));
  int64_t next = 0;
  for (size_t i = 0; i < elements->size(); ++i) {
    const std::optional<bool> is_nonzero = IsNonZero((*elements)[i]);
    if (!is_nonzero.has_value()) return {nullptr};
    if (!*is_nonzero) continue;
    for (size_t a = 0; a < strides.size(); ++a) {
      places[a * static_cast<size_t>(found) + static_cast<size_t>(next)] =
          static_cast<int64_t>(i) / strides[a] % value->dims()[a];
    }
    ++next;
  }
  return {KnownInts(*dims, places)};
}

// ---- Compress
// ------------------------------------------------------------------

// The axis that Compress selects along; nullopt: of all elements in a row.
absl::StatusOr<std::optional<size_t>> CompressAxis(const NodeView& node) {
  if (!node.HasAttribute("axis")) return std::optional<size_t>();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", 0, x->shape.rank()));
  return std::optional<size_t>(static_cast<size_t>(axis));
}

absl::StatusOr<OutputTypes> InferCompress(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* condition, node.Input(1));
  if (condition->shape.rank() != 1) {
    return node.Invalid("the condition must have 1 axis but is ",
                        ToString(condition->shape));
  }
  OPCOST_ASSIGN_OR_RETURN(const std::optional<size_t> axis, CompressAxis(node));
  const Dims& dims = x->shape.dims();
  const Extent length = axis.has_value() ? dims[*axis] : Volume(dims);
  const Extent& conditions = condition->shape.dims()[0];
  if (conditions.is_concrete() && length.is_concrete() &&
      conditions.value() > length.value()) {
    return node.Invalid("there are ", conditions.value(),
                        " conditions but only ", length.value(), " elements");
  }
  const Found found =
      NonZerosIn(node.InputValue(1), Extent::Min(length, conditions));
  OutputTypes types;
  const int place = axis.has_value() ? static_cast<int>(*axis) : 0;
  Extent number = found.is_exact ? found.at_most
                                 : DataDependentExtent(node, 0, place,
                                                       found.at_most, &types);
  Dims selected = axis.has_value() ? dims : Dims{0};
  selected[static_cast<size_t>(place)] = std::move(number);
  types.push_back(ValueType(x->type, std::move(selected)));
  return types;
}

absl::StatusOr<OpCounts> CountCompress(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const Count conditions = node.InputVolume(1);
  node.Let("out", out);
  node.Let("conditions", conditions);
  OpCounts counts;
  ReadInput(counts, node, 0, out);
  ReadInputAs(counts, node, 1, conditions, Role::kIndex);
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldCompress(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const auto conditions = ElementsOf(FoldableInput(node, 1));
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto axis = CompressAxis(node);
  if (data == nullptr || !conditions.has_value() || !dims.has_value() ||
      !axis.ok()) {
    return {nullptr};
  }
  std::vector<int64_t> places;
  for (size_t i = 0; i < conditions->size(); ++i) {
    const std::optional<bool> holds = IsNonZero((*conditions)[i]);
    if (!holds.has_value()) return {nullptr};
    if (*holds) places.push_back(static_cast<int64_t>(i));
  }
  return {Rearrange(*dims, data, [&](const IntDims& index) {
    const int64_t at = index[axis->value_or(0)];
    const int64_t place = places[static_cast<size_t>(at)];
    if (!axis->has_value()) return place;
    IntDims inside = index;
    inside[**axis] = place;
    return OffsetOf(data->dims(), inside);
  })};
}

// ---- OneHot
// --------------------------------------------------------------------

struct OneHotGeometry {
  size_t axis = 0;
  Dims output;
};

absl::StatusOr<OneHotGeometry> ResolveOneHot(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* values, node.Input(2));
  const Dims& pair = values->shape.dims();
  if (pair.size() != 1 || (pair[0].is_concrete() && !pair[0].Is(2))) {
    return node.Invalid("the values must be 2 (off and on) but are ",
                        ToString(values->shape));
  }
  OneHotGeometry g;
  OPCOST_ASSIGN_OR_RETURN(const int axis,
                          AxisOf(node, "axis", -1, indices->shape.rank() + 1));
  g.axis = static_cast<size_t>(axis);
  // The depth may be of any numeric type.
  Extent depth;
  const TensorValue* given = node.InputValue(1);
  if (given != nullptr && !given->holds_integers()) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<double> depths,
                            InputFloats(node, 1));
    if (depths.size() != 1 || !(depths[0] >= 0) || depths[0] > 0x1p53) {
      return node.Invalid("the depth must be one number of at least 0");
    }
    depth = static_cast<int64_t>(depths[0]);
  } else {
    OPCOST_ASSIGN_OR_RETURN(const SymValue number, InputSym(node, 1));
    OPCOST_ASSIGN_OR_RETURN(depth, NonNegative(node, number, "the depth"));
  }
  g.output = indices->shape.dims();
  g.output.insert(g.output.begin() + axis, std::move(depth));
  return g;
}

absl::StatusOr<OutputTypes> InferOneHot(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(OneHotGeometry g, ResolveOneHot(node));
  return OutputTypes{
      ValueType(node.InputType(2).tensor.type, std::move(g.output))};
}

// Each output is one of the two values; where an index points is an address
// (R8).
absl::StatusOr<OpCounts> CountOneHot(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  const Count indices = node.InputVolume(0);
  node.Let("out", out);
  node.Let("indices", indices);
  OpCounts counts;
  ReadInputAs(counts, node, 0, indices, Role::kIndex);
  ReadInput(counts, node, 2, out);
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldOneHot(const TypedNodeView& node) {
  const auto g = ResolveOneHot(node);
  const auto indices = ElementsOf(FoldableInput(node, 0));
  const TensorValue* values = FoldableInput(node, 2);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (!g.ok() || !indices.has_value() || values == nullptr ||
      !dims.has_value()) {
    return {nullptr};
  }
  const int64_t depth = (*dims)[g->axis];
  const IntDims& from = FoldableInput(node, 0)->dims();
  return {Rearrange(*dims, values, [&](const IntDims& index) -> int64_t {
    IntDims inside = index;
    inside.erase(inside.begin() + static_cast<std::ptrdiff_t>(g->axis));
    const auto at = static_cast<size_t>(OffsetOf(from, inside));
    const std::optional<Element> picked =
        CastElement((*indices)[at], DataType::kInt64);
    if (!picked.has_value()) return -1;
    const SymValue& number = std::get<SymValue>(*picked);
    if (!number.is_concrete()) return -1;
    const int64_t position =
        number.value() < 0 ? number.value() + depth : number.value();
    return position == index[g->axis] ? 1 : 0;
  })};
}

// ---- Hardmax
// -------------------------------------------------------------------

// Rows run along `axis`; before opset 13 over all axes from it on.
absl::StatusOr<OutputTypes> InferHardmax(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const int64_t otherwise = node.opset() < 13 ? 1 : -1;
  OPCOST_RETURN_IF_ERROR(
      AxisOf(node, "axis", otherwise, x->shape.rank()).status());
  return OutputTypes{*x};
}

// The maximum of each row takes a comparison per element; the rest is where it
// stands (R8).
absl::StatusOr<OpCounts> CountHardmax(const TypedNodeView& node) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out);
  ReadInput(counts, node, 0, out);
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "Compress",
     .since = 9,
     .infer = &InferCompress,
     .count = &CountCompress,
     .fold = &FoldCompress,
     .formula = {.reads = "input: out; condition: conditions",
                 .writes = "output: out",
                 .rules = "R1 R2"},
     .description = "the elements, or slices along `axis`, whose condition "
                    "holds: a copy of them; each condition is read once",
     .bound = "as many elements as there are conditions, unless the conditions "
              "are known"},
    {.name = "Hardmax",
     .since = 1,
     .infer = &InferHardmax,
     .count = &CountHardmax,
     .formula = {.add = "out",
                 .reads = "input: out",
                 .writes = "output: out",
                 .rules = "R1 R2 R3"},
     .description = "1 at the first maximum of each row, else 0: one "
                    "comparison per element"},
    {.name = "NonZero",
     .since = 9,
     .infer = &InferNonZero,
     .count = &CountNonZero,
     .fold = &FoldNonZero,
     .formula =
         {.add = "in", .reads = "X: in", .writes = "Y: out", .rules = "R1 R2"},
     .description = "the places of the elements that aren't 0: one comparison "
                    "per element",
     .bound = "all elements may differ from 0, unless they are known"},
    {.name = "OneHot",
     .since = 9,
     .infer = &InferOneHot,
     .count = &CountOneHot,
     .fold = &FoldOneHot,
     .formula = {.reads = "indices: indices; values: out",
                 .writes = "output: out",
                 .rules = "R1 R2 R8"},
     .description = "the on-value where an index points, else the off-value: a "
                    "copy of one of them per output; each index is read once"},
    {.name = "TopK",
     .since = 1,
     .infer = &InferTopK,
     .count = &CountTopK,
     .fold = &FoldTopK,
     .formula = {.add = "rows*L*comparisons",
                 .reads = "X: rows*L",
                 .writes = "Values: rows*k; Indices: rows*k",
                 .rules = "R1 R2 R8"},
     .description = "the k largest or smallest of each row and their places: "
                    "ceil(log2(k + 1)) comparisons per element",
     .bound = "a K that the model computes from data is counted as the whole "
              "row"},
    {.name = "Unique",
     .since = 11,
     .infer = &InferUnique,
     .count = &CountUnique,
     .fold = &FoldUnique,
     .formula = {.add = "in*comparisons + [counts]*slices",
                 .reads = "X: in",
                 .writes = "Y: found*slice; indices: found; "
                           "inverse_indices: slices; counts: found",
                 .rules = "R1 R2 R3"},
     .description = "the different elements, or slices along `axis`: each is "
                    "put in its place among those found, by ceil(log2(found + "
                    "1)) comparisons of all its elements; counting adds 1 each",
     .bound = "all elements may differ, unless they are known"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> SortOps() { return kOps; }

}  // namespace opcost
