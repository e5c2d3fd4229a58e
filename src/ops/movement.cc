// SPDX-License-Identifier: Apache-2.0
// Operators that move elements to other places: Transpose, Concat, Split,
// Expand, Tile. Each element moved is one read and one write; a copy that
// changes nothing in memory is a view (R5).
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/broadcast.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// ---- Transpose
// -----------------------------------------------------------------

// The order of the axes: `perm`, or reversed.
absl::StatusOr<std::vector<int>> PermutationOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  const int rank = data->shape.rank();
  if (!node.HasAttribute("perm")) {
    std::vector<int> reversed;
    for (int axis = rank; axis-- > 0;) reversed.push_back(axis);
    return reversed;
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> perm, node.Ints("perm"));
  if (perm.size() != static_cast<size_t>(rank)) {
    return node.Invalid("perm orders ", perm.size(), " axes but the input has ",
                        rank);
  }
  return NormalizeAxes(node, perm, rank);
}

absl::StatusOr<OutputTypes> InferTranspose(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int> perm, PermutationOf(node));
  return OutputTypes{ValueType(data->type, Permuted(data->shape.dims(), perm))};
}

absl::StatusOr<OpCounts> CountTranspose(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int> perm, PermutationOf(node));
  return KeepsOrder(data->shape.dims(), perm) ? CountView(node)
                                              : CountCopy(node);
}

OutputValues FoldTranspose(const TypedNodeView& node) {
  const TensorValue* value = FoldableInput(node, 0);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto perm = PermutationOf(node);
  if (value == nullptr || !dims.has_value() || !perm.ok()) return {nullptr};
  return {Transposed(value, value->dims(), *perm, *dims)};
}

// ---- Concat
// --------------------------------------------------------------------

absl::StatusOr<int> ConcatAxis(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* first, node.Input(0));
  if (node.opset() >= 4 && !node.HasAttribute("axis")) {
    return node.Invalid("attribute 'axis' is missing");
  }
  return AxisOf(node, "axis", 1, first->shape.rank());
}

// Adds the extents of operand `i` to `joined`, those of the operands before it.
absl::Status Join(const NodeView& node, int i, size_t axis, Dims& joined) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* part, node.Input(i));
  const Dims& dims = part->shape.dims();
  if (dims.size() != joined.size()) {
    return node.Invalid("operand ", i, " has ", dims.size(),
                        " axes but operand 0 has ", joined.size());
  }
  for (size_t a = 0; a < dims.size(); ++a) {
    if (a == axis) {
      joined[a] += dims[a];
    } else if (!joined[a].is_concrete()) {
      joined[a] = dims[a];
    } else if (dims[a].is_concrete() && !(dims[a] == joined[a])) {
      return node.Invalid("operand ", i, " has extent ", dims[a].ToString(),
                          " on axis ", a, " but the operands before it have ",
                          joined[a].ToString());
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<OutputTypes> InferConcat(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* first, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const int axis, ConcatAxis(node));
  Dims joined = first->shape.dims();
  for (int i = 1; i < node.input_count(); ++i) {
    OPCOST_RETURN_IF_ERROR(Join(node, i, static_cast<size_t>(axis), joined));
  }
  return OutputTypes{ValueType(first->type, std::move(joined))};
}

// A Concat of one, or of one and empty ones, is that one.
absl::StatusOr<OpCounts> CountConcat(const TypedNodeView& node) {
  int parts = 0;
  for (int i = 0; i < node.input_count(); ++i) {
    if (!node.InputVolume(i).Is(0)) ++parts;
  }
  if (parts <= 1) return CountView(node);
  const Count out = node.OutputVolume(0);
  node.Let("moved", out);
  OpCounts counts;
  for (int i = 0; i < node.input_count(); ++i) {
    ReadInput(counts, node, i, node.InputVolume(i));
  }
  WriteOutput(counts, node, 0, out);
  return counts;
}

OutputValues FoldConcat(const TypedNodeView& node) {
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto axis = ConcatAxis(node);
  if (!dims.has_value() || !axis.ok()) return {nullptr};
  const auto along = static_cast<size_t>(*axis);
  std::vector<const TensorValue*> parts;
  for (int i = 0; i < node.input_count(); ++i) {
    const TensorValue* part = FoldableInput(node, i);
    if (part == nullptr) return {nullptr};
    // An empty part decides nothing, and has no element to compare.
    if (part->size() > 0) parts.push_back(part);
  }
  if (parts.empty()) parts.push_back(FoldableInput(node, 0));
  return {Assemble(*dims, parts, [&](const IntDims& index) {
    int64_t at = index[along];
    size_t source = 0;
    while (source + 1 < parts.size() && at >= parts[source]->dims()[along]) {
      at -= parts[source++]->dims()[along];
    }
    IntDims inside = index;
    inside[along] = at;
    return ElementPlace{source, OffsetOf(parts[source]->dims(), inside)};
  })};
}

// ---- Split
// ---------------------------------------------------------------------

// The lengths that the node gives, by an attribute up to opset 11 or an operand
// in opset 1 and from 13 on; nullopt if it gives none.
absl::StatusOr<std::optional<std::vector<SymValue>>> GivenLengths(
    const NodeView& node) {
  std::optional<std::vector<SymValue>> lengths;
  const bool takes_operand = node.opset() == 1 || node.opset() >= 13;
  if (takes_operand && node.HasInput(1)) {
    OPCOST_ASSIGN_OR_RETURN(lengths, InputSyms(node, 1));
  } else if (node.opset() < 13 && node.HasAttribute("split")) {
    OPCOST_ASSIGN_OR_RETURN(lengths, SymsOf(node, "split", 1, 13));
  }
  return lengths;
}

// Parts of equal length; since opset 18 the last may be shorter.
absl::StatusOr<std::vector<Extent>> EqualLengths(const NodeView& node,
                                                 const Extent& length) {
  const int outputs = node.output_count();
  if (outputs == 0) return node.Invalid("it has no outputs");
  const Extent part =
      node.opset() < 18 ? length / outputs : Extent::CeilDiv(length, outputs);
  std::vector<Extent> parts(static_cast<size_t>(outputs), part);
  if (node.opset() < 18) {
    if (length.is_concrete() && !(part * outputs == length)) {
      return node.Invalid("an extent of ", length.ToString(),
                          " doesn't divide into ", outputs, " equal parts");
    }
    return parts;
  }
  parts.back() = length - part * (outputs - 1);
  if (parts.back().overflowed()) {
    return node.Invalid("an extent of ", length.ToString(),
                        " is too short for ", outputs, " parts of ",
                        part.ToString());
  }
  return parts;
}

// Since opset 18 either the lengths or `num_outputs` must be given.
absl::Status CheckNumOutputs(const NodeView& node, bool has_lengths) {
  if (node.opset() < 18) return absl::OkStatus();
  const bool has_number = node.HasAttribute("num_outputs");
  if (has_lengths && has_number) {
    return node.Invalid(
        "operand 'split' and attribute 'num_outputs' are both given, but only "
        "one may be");
  }
  if (!has_lengths && !has_number) {
    return node.Invalid(
        "neither operand 'split' nor attribute 'num_outputs' is given");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t number,
                          node.Int("num_outputs", node.output_count()));
  if (number != node.output_count()) {
    return node.Invalid("num_outputs is ", number, " but the node has ",
                        node.output_count(), " outputs");
  }
  return absl::OkStatus();
}

struct SplitParts {
  int axis = 0;
  std::vector<Extent> lengths;
};

// The parts as given, once they are known to be one per output and to add up.
absl::StatusOr<std::vector<Extent>> CheckedLengths(
    const NodeView& node, absl::Span<const SymValue> given, int axis,
    const Extent& length) {
  if (given.size() != static_cast<size_t>(node.output_count())) {
    return node.Invalid("split gives ", given.size(),
                        " lengths but the node has ", node.output_count(),
                        " outputs");
  }
  std::vector<Extent> parts;
  Extent sum;
  for (size_t i = 0; i < given.size(); ++i) {
    OPCOST_ASSIGN_OR_RETURN(
        Extent part, NonNegative(node, given[i],
                                 absl::StrCat("length ", i, " of the split")));
    sum += part;
    parts.push_back(std::move(part));
  }
  if (sum.is_concrete() && length.is_concrete() && !(sum == length)) {
    return node.Invalid("the lengths of the split add up to ", sum.ToString(),
                        " but axis ", axis, " has extent ", length.ToString());
  }
  return parts;
}

absl::StatusOr<SplitParts> ResolveSplit(const NodeView& node) {
  SplitParts split;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(split.axis,
                          AxisOf(node, "axis", 0, data->shape.rank()));
  const Extent& length = data->shape.dims()[static_cast<size_t>(split.axis)];
  OPCOST_ASSIGN_OR_RETURN(const auto given, GivenLengths(node));
  OPCOST_RETURN_IF_ERROR(CheckNumOutputs(node, given.has_value()));
  if (given.has_value()) {
    OPCOST_ASSIGN_OR_RETURN(split.lengths,
                            CheckedLengths(node, *given, split.axis, length));
  } else {
    OPCOST_ASSIGN_OR_RETURN(split.lengths, EqualLengths(node, length));
  }
  return split;
}

absl::StatusOr<OutputTypes> InferSplit(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const SplitParts split, ResolveSplit(node));
  OutputTypes types;
  for (const Extent& length : split.lengths) {
    Dims dims = data->shape.dims();
    dims[static_cast<size_t>(split.axis)] = length;
    types.push_back(ValueType(data->type, std::move(dims)));
  }
  return types;
}

// Only what is written to outputs that something uses is read.
absl::StatusOr<OpCounts> CountSplit(const TypedNodeView& node) {
  int parts = 0;
  Count moved;
  for (int o = 0; o < node.output_count(); ++o) {
    if (!node.OutputVolume(o).Is(0)) ++parts;
    if (node.IsOutputUsed(o)) moved += node.OutputVolume(o);
  }
  if (parts <= 1) return CountView(node);
  node.Let("moved", moved);
  OpCounts counts;
  ReadInput(counts, node, 0, moved);
  for (int o = 0; o < node.output_count(); ++o) {
    WriteOutput(counts, node, o, node.OutputVolume(o));
  }
  return counts;
}

OutputValues FoldSplit(const TypedNodeView& node) {
  OutputValues values;
  const TensorValue* data = FoldableInput(node, 0);
  const auto split = ResolveSplit(node);
  if (data == nullptr || !split.ok()) return values;
  const auto along = static_cast<size_t>(split->axis);
  int64_t first = 0;
  for (int o = 0; o < node.output_count(); ++o) {
    const std::optional<IntDims> dims = FoldableDims(node, o);
    if (!dims.has_value()) return {};
    values.push_back(Rearrange(*dims, data, [&](const IntDims& index) {
      IntDims inside = index;
      inside[along] += first;
      return OffsetOf(data->dims(), inside);
    }));
    first += (*dims)[along];
  }
  return values;
}

// ---- Expand, Tile
// ----------------------------------------------------------------

absl::StatusOr<OutputTypes> InferExpand(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const Dims wanted, InputExtents(node, 1));
  OPCOST_ASSIGN_OR_RETURN(Dims dims,
                          Broadcast(node, data->shape.dims(), wanted));
  return OutputTypes{ValueType(data->type, std::move(dims))};
}

// How often each axis is repeated: before opset 6 one axis, then each.
absl::StatusOr<Dims> RepeatsOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  const int rank = data->shape.rank();
  OPCOST_ASSIGN_OR_RETURN(Dims given, InputExtents(node, 1));
  if (node.opset() >= 6) {
    if (given.size() == static_cast<size_t>(rank)) return given;
    return node.Invalid("repeats has ", given.size(),
                        " elements but the input has ", rank, " axes");
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> axis, node.InputInts(2));
  if (given.size() != 1 || axis.size() != 1) {
    return node.Invalid("tiles and axis must be one element each but have ",
                        given.size(), " and ", axis.size());
  }
  OPCOST_ASSIGN_OR_RETURN(const int known, NormalizeAxis(node, axis[0], rank));
  Dims repeats(static_cast<size_t>(rank), Extent(1));
  repeats[static_cast<size_t>(known)] = given[0];
  return repeats;
}

absl::StatusOr<OutputTypes> InferTile(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(Dims dims, RepeatsOf(node));
  for (size_t a = 0; a < dims.size(); ++a) dims[a] *= data->shape.dims()[a];
  return OutputTypes{ValueType(data->type, std::move(dims))};
}

// Neither operator leaves an element out unless the result is empty, so that as
// many elements are the same elements.
absl::StatusOr<OpCounts> CountRepeat(const TypedNodeView& node) {
  return node.InputVolume(0) == node.OutputVolume(0) ? CountView(node)
                                                     : CountCopy(node);
}

// Element i of an axis is element i modulo the input's extent: that is
// repetition, and broadcasting where the extent is 1.
OutputValues FoldRepeat(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (data == nullptr || !dims.has_value()) return {nullptr};
  const IntDims& from = data->dims();
  return {Rearrange(*dims, data, [&](const IntDims& index) {
    IntDims inside(index.end() - static_cast<ptrdiff_t>(from.size()),
                   index.end());
    for (size_t a = 0; a < from.size(); ++a) inside[a] %= from[a];
    return OffsetOf(from, inside);
  })};
}

constexpr OpDef kOps[] = {
    {"Concat",
     1,
     InferConcat,
     CountConcat,
     FoldConcat,
     {"0", "0", "0", "inputs: moved", "concat_result: moved", "R1 R5"},
     "the operands one after another along `axis`; a view of one part"},
    {"Expand",
     8,
     InferExpand,
     CountRepeat,
     FoldRepeat,
     {"0", "0", "0", "input: moved", "output: moved", "R1 R5 R8"},
     "the operand broadcast to a shape; a view to its own"},
    {"Split",
     1,
     InferSplit,
     CountSplit,
     FoldSplit,
     {"0", "0", "0", "input: moved", "outputs: moved", "R1 R5 R8"},
     "parts of the operand along `axis`; only those that are used move"},
    {"Tile",
     1,
     InferTile,
     CountRepeat,
     FoldRepeat,
     {"0", "0", "0", "input: moved", "output: moved", "R1 R5 R8"},
     "the operand repeated along its axes; a view where each repeat is 1"},
    {"Transpose",
     1,
     InferTranspose,
     CountTranspose,
     FoldTranspose,
     {"0", "0", "0", "data: moved", "transposed: moved", "R1 R5"},
     "the axes in another order; a view where those longer than 1 keep theirs",
     "",
     false,
     true},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> MovementOps() { return kOps; }

}  // namespace opcost
