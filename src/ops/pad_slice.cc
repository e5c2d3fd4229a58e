// SPDX-License-Identifier: Apache-2.0
// Operators that add or remove elements at the ends of axes: Pad, Slice.
#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

// ---- Pad
// -----------------------------------------------------------------------

struct PadGeometry {
  const TensorType* data = nullptr;
  std::string mode;
  bool constant_mode = true;
  std::vector<SymValue> before, after;  // of every axis; negative: cropped
  Dims output;
  Dims kept;  // what of each input axis reaches the output
};

// The opset of ONNX whose rules a Pad follows: ONNX Runtime's own is as that of
// opset 11.
int PadOpset(const NodeView& node) {
  return node.node().domain.empty() ? node.opset() : 11;
}

// The mode, once it is known to be one of the opset's.
absl::StatusOr<std::string> PadMode(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string mode,
                          node.String("mode", "constant"));
  const bool known = mode == "constant" || mode == "reflect" ||
                     mode == "edge" || (mode == "wrap" && PadOpset(node) >= 19);
  if (!known) {
    return node.Invalid("mode '", mode, "' isn't one of opset ", node.opset());
  }
  return mode;
}

// The pads as they are listed: an attribute up to opset 10, then an operand,
// which ONNX Runtime's own Pad also takes as one row.
absl::StatusOr<std::vector<SymValue>> ListedPads(const NodeView& node) {
  if (node.node().domain.empty()) {
    return SymsOf(node, node.opset() == 1 ? "paddings" : "pads", 1, 11);
  }
  const TensorValue* value = node.InputValue(1);
  const bool is_row = value != nullptr && value->holds_integers() &&
                      value->dims().size() == 2 && value->dims()[0] == 1 &&
                      value->size() <= kMaxKnownElements;
  if (!is_row) return InputSyms(node, 1);
  std::vector<SymValue> pads;
  for (int64_t i = 0; i < value->size(); ++i) pads.push_back(value->Int(i));
  return pads;
}

// Numbers of elements before and after each axis, 0 where none are given; since
// opset 18 for a choice of axes.
absl::Status ReadPads(const NodeView& node, PadGeometry& pad) {
  const int rank = pad.data->shape.rank();
  OPCOST_ASSIGN_OR_RETURN(const std::vector<SymValue> pads, ListedPads(node));
  std::vector<int> axes;
  for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  if (PadOpset(node) >= 18 && node.HasInput(3)) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> given,
                            node.InputInts(3));
    OPCOST_ASSIGN_OR_RETURN(axes, NormalizeAxes(node, given, rank));
  }
  if (pads.size() != 2 * axes.size()) {
    return node.Invalid("there are ", pads.size(), " pads but ", axes.size(),
                        " axes need ", 2 * axes.size());
  }
  pad.before.resize(static_cast<size_t>(rank));
  pad.after.resize(static_cast<size_t>(rank));
  for (size_t i = 0; i < axes.size(); ++i) {
    pad.before[static_cast<size_t>(axes[i])] = pads[i];
    pad.after[static_cast<size_t>(axes[i])] = pads[i + axes.size()];
  }
  return absl::OkStatus();
}

absl::Status CheckPadded(const NodeView& node, const PadGeometry& pad,
                         size_t axis, absl::string_view mode) {
  const Extent& extent = pad.data->shape.dims()[axis];
  const SymValue padded = extent.sym() + pad.before[axis] + pad.after[axis];
  if (padded.is_concrete() && padded.value() < 0) {
    return node.Invalid("axis ", axis, " of extent ", extent.ToString(),
                        " with pads ", pad.before[axis].ToString(), " and ",
                        pad.after[axis].ToString(), " would have extent ",
                        padded.value());
  }
  if (mode != "constant" && extent.Is(0) && !(padded == SymValue(0))) {
    return node.Invalid("axis ", axis, " is empty, so that mode '", mode,
                        "' has nothing to pad it with");
  }
  return absl::OkStatus();
}

absl::StatusOr<PadGeometry> ResolvePad(const NodeView& node) {
  PadGeometry pad;
  OPCOST_ASSIGN_OR_RETURN(pad.data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(pad.mode, PadMode(node));
  const std::string& mode = pad.mode;
  pad.constant_mode = mode == "constant";
  OPCOST_RETURN_IF_ERROR(ReadPads(node, pad));
  const Dims& dims = pad.data->shape.dims();
  for (size_t a = 0; a < dims.size(); ++a) {
    OPCOST_RETURN_IF_ERROR(CheckPadded(node, pad, a, mode));
    const SymValue& extent = dims[a].sym();
    pad.output.push_back(Extent(extent + pad.before[a] + pad.after[a]));
    const SymValue kept = extent + SymValue::Min(pad.before[a], 0) +
                          SymValue::Min(pad.after[a], 0);
    pad.kept.push_back(Extent(SymValue::Max(kept, 0)));
  }
  return pad;
}

absl::StatusOr<OutputTypes> InferPad(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(PadGeometry pad, ResolvePad(node));
  return OutputTypes{ValueType(pad.data->type, std::move(pad.output))};
}

// Each element that is kept is read once, however often reflect, edge and wrap
// repeat it; the value of mode constant is read once per element it fills.
absl::StatusOr<OpCounts> CountPad(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const PadGeometry pad, ResolvePad(node));
  const auto is_zero = [](const SymValue& n) { return n == SymValue(0); };
  const bool is_view =
      std::all_of(pad.before.begin(), pad.before.end(), is_zero) &&
      std::all_of(pad.after.begin(), pad.after.end(), is_zero);
  const Count out = is_view ? Count(0) : Volume(pad.output);
  const Count kept = is_view ? Count(0) : Volume(pad.kept);
  const bool has_value =
      pad.constant_mode && PadOpset(node) >= 11 && node.HasInput(2);
  const Count filled = has_value ? out - kept : Count(0);
  node.Let("kept", kept);
  node.Let("filled", filled);
  node.Let("out", out);
  if (is_view) return View();
  OpCounts counts;
  ReadInput(counts, node, 0, kept);
  if (has_value) ReadInput(counts, node, 2, filled);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// What mode constant fills with: operand 2, attribute `value`, or 0.
KnownValue FillValue(const NodeView& node, const TensorValue& data) {
  double value = 0;
  if (PadOpset(node) >= 11 && node.HasInput(2)) {
    const TensorValue* given = FoldableInput(node, 2);
    if (given == nullptr || given->size() != 1) return nullptr;
    return std::make_shared<const TensorValue>(*given);
  }
  if (PadOpset(node) < 11) {
    const absl::StatusOr<double> attribute = node.Float("value", 0);
    if (!attribute.ok()) return nullptr;
    value = *attribute;
  }
  if (!data.holds_integers()) {
    return std::make_shared<const TensorValue>(
        TensorValue::Floats(data.type(), {}, {value}));
  }
  if (value != 0) return nullptr;  // before opset 11 only floats were padded
  return std::make_shared<const TensorValue>(
      TensorValue::Integers(data.type(), {}, {SymValue(0)}));
}

// The element of an axis of `extent` that modes edge, reflect and wrap put at
// `place`, which may lie outside.
int64_t PaddedPlace(absl::string_view mode, int64_t place, int64_t extent) {
  if (mode == "edge") return std::clamp<int64_t>(place, 0, extent - 1);
  if (mode == "wrap") return (place % extent + extent) % extent;
  if (extent == 1) return 0;
  const int64_t period = 2 * (extent - 1);
  const int64_t phase = (place % period + period) % period;
  return phase < extent ? phase : period - phase;
}

OutputValues FoldPad(const TypedNodeView& node) {
  const auto pad = ResolvePad(node);
  const TensorValue* data = FoldableInput(node, 0);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (!pad.ok() || data == nullptr || !dims.has_value()) return {nullptr};
  constexpr int64_t kMostPads = int64_t{1} << 40;  // sums with them fit
  for (const SymValue& before : pad->before) {
    if (!before.is_concrete() || before.value() < -kMostPads ||
        before.value() > kMostPads) {
      return {nullptr};
    }
  }
  if (!pad->constant_mode) {
    return {Rearrange(*dims, data, [&](const IntDims& index) {
      IntDims inside = index;
      for (size_t a = 0; a < inside.size(); ++a) {
        inside[a] = PaddedPlace(pad->mode, inside[a] - pad->before[a].value(),
                                data->dims()[a]);
      }
      return OffsetOf(data->dims(), inside);
    })};
  }
  const KnownValue fill = FillValue(node, *data);
  if (fill == nullptr) return {nullptr};
  const TensorValue* sources[] = {data, fill.get()};
  return {Assemble(*dims, sources, [&](const IntDims& index) {
    IntDims inside = index;
    for (size_t a = 0; a < inside.size(); ++a) {
      inside[a] -= pad->before[a].value();
      if (inside[a] < 0 || inside[a] >= data->dims()[a]) {
        return ElementPlace{1, 0};
      }
    }
    return ElementPlace{0, OffsetOf(data->dims(), inside)};
  })};
}

// ---- Slice
// ---------------------------------------------------------------------

// What a Slice takes of one axis: `length` elements from `start` on.
struct AxisSlice {
  SymValue start = 0;
  SymValue length = 0;
  int64_t step = 1;
};

// Exporters write the end of an axis of unknown length as INT32_MAX or above
// (INT32_MIN or below, for slices backward).
constexpr int64_t kFarEnd = std::numeric_limits<int32_t>::max();
constexpr int64_t kFarStart = std::numeric_limits<int32_t>::min();

// The positions that a bound may take on an axis, per the specification.
struct Bounds {
  SymValue least;
  SymValue most;
};

// A bound as the model gives it, counted from the start and clamped. Of a
// symbolic bound or axis only what the length of the slice doesn't clamp
// anyway: the result may then lie beyond the ends.
SymValue Resolved(const SymValue& given, const SymValue& extent,
                  const Bounds& bounds) {
  if (!given.is_concrete()) {
    // 1 for a bound that counts from the end, else 0.
    const SymValue counts_back = SymValue::Min(1, SymValue::Max(0, 0 - given));
    return given + extent * counts_back;
  }
  const int64_t number = given.value();
  if (!extent.is_concrete() && number >= kFarEnd) return bounds.most;
  if (!extent.is_concrete() && number <= kFarStart) {
    return SymValue::Min(bounds.least, bounds.most);
  }
  const SymValue position = number < 0 ? given + extent : given;
  if (!extent.is_concrete()) return position;
  return SymValue::Min(SymValue::Max(position, bounds.least), bounds.most);
}

// Start, end and step of one axis of `extent`, clamped as the specification has
// it.
AxisSlice SliceAxis(const SymValue& extent, const SymValue& given_start,
                    const SymValue& given_end, int64_t step) {
  AxisSlice slice;
  slice.step = step;
  if (step > 0) {
    const SymValue start =
        SymValue::Max(Resolved(given_start, extent, {0, extent}), 0);
    const SymValue end =
        SymValue::Min(Resolved(given_end, extent, {0, extent}), extent);
    const bool is_last_k = end == extent && given_start.is_concrete() &&
                           given_start.value() < 0 &&
                           given_start.value() > kFarStart;
    // extent - max(extent - k, 0) is min(k, extent).
    const SymValue span = is_last_k ? SymValue::Min(0 - given_start, extent)
                                    : SymValue::Max(end - start, 0);
    slice.length = SymValue::CeilDiv(span, step);
    slice.start = start;
    return slice;
  }
  const SymValue last = extent - 1;
  // From the last element on, also of an empty axis.
  const bool from_last =
      given_start == SymValue(-1) ||
      (given_start.is_concrete() && given_start.value() >= kFarEnd);
  slice.start = last;
  if (!from_last) {
    slice.start = SymValue::Min(
        SymValue::Max(Resolved(given_start, extent, {0, last}), 0), last);
  }
  const SymValue end =
      SymValue::Max(Resolved(given_end, extent, {-1, last}), -1);
  // Divides by -step, which itself may not fit 64 bits.
  slice.length =
      SymValue::CeilDiv(0 - SymValue::Max(slice.start - end, 0), step);
  return slice;
}

// The operand or attribute lists of a Slice, of one length each.
struct SliceLists {
  std::vector<SymValue> starts, ends;
  std::vector<int> axes;
  std::vector<int64_t> steps;
};

absl::StatusOr<SliceLists> ReadSlice(const NodeView& node, int rank) {
  SliceLists lists;
  OPCOST_ASSIGN_OR_RETURN(lists.starts, SymsOf(node, "starts", 1, 10));
  OPCOST_ASSIGN_OR_RETURN(lists.ends, SymsOf(node, "ends", 2, 10));
  const size_t size = lists.starts.size();
  if (lists.ends.size() != size) {
    return node.Invalid("there are ", size, " starts but ", lists.ends.size(),
                        " ends");
  }
  OPCOST_ASSIGN_OR_RETURN(std::optional<std::vector<int64_t>> axes,
                          AxesOf(node, "axes", 10, 3));
  if (!axes.has_value()) {
    axes.emplace();
    for (size_t i = 0; i < size; ++i) axes->push_back(static_cast<int64_t>(i));
  }
  lists.steps.assign(size, 1);
  if (node.opset() >= 10 && node.HasInput(4)) {
    OPCOST_ASSIGN_OR_RETURN(lists.steps, node.InputInts(4));
  }
  if (axes->size() != size || lists.steps.size() != size) {
    return node.Invalid("there are ", size, " starts but ", axes->size(),
                        " axes and ", lists.steps.size(), " steps");
  }
  OPCOST_ASSIGN_OR_RETURN(lists.axes, NormalizeAxes(node, *axes, rank));
  return lists;
}

// What is taken of every axis: all of those that aren't named.
absl::StatusOr<std::vector<AxisSlice>> ResolveSlice(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  const Dims& dims = data->shape.dims();
  OPCOST_ASSIGN_OR_RETURN(const SliceLists lists,
                          ReadSlice(node, data->shape.rank()));
  std::vector<AxisSlice> slices;
  for (const Extent& extent : dims) slices.push_back({0, extent.sym(), 1});
  for (size_t i = 0; i < lists.axes.size(); ++i) {
    const auto axis = static_cast<size_t>(lists.axes[i]);
    if (lists.steps[i] == 0) {
      return node.Invalid("the step of axis ", axis, " must not be 0");
    }
    slices[axis] = SliceAxis(dims[axis].sym(), lists.starts[i], lists.ends[i],
                             lists.steps[i]);
    if (slices[axis].length.overflowed()) {
      return node.Invalid("the length of axis ", axis, " doesn't fit 63 bits");
    }
  }
  return slices;
}

absl::StatusOr<OutputTypes> InferSlice(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<AxisSlice> slices,
                          ResolveSlice(node));
  Dims dims;
  for (const AxisSlice& slice : slices) dims.push_back(Extent(slice.length));
  return OutputTypes{ValueType(data->type, std::move(dims))};
}

// The whole tensor forwards is the tensor; the order of one element is no
// order.
absl::StatusOr<OpCounts> CountSlice(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<AxisSlice> slices,
                          ResolveSlice(node));
  bool is_view = true;
  for (size_t a = 0; a < slices.size(); ++a) {
    const Extent& extent = data->shape.dims()[a];
    is_view = is_view && slices[a].length == extent.sym() &&
              (slices[a].step > 0 || extent.Is(1));
  }
  return is_view ? CountView(node) : CountCopy(node);
}

OutputValues FoldSlice(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  const auto slices = ResolveSlice(node);
  if (data == nullptr || !dims.has_value() || !slices.ok()) return {nullptr};
  for (const AxisSlice& slice : *slices) {
    if (!slice.start.is_concrete()) return {nullptr};
  }
  return {Rearrange(*dims, data, [&](const IntDims& index) {
    IntDims inside;
    for (size_t a = 0; a < index.size(); ++a) {
      // index 0 first: a step that is never taken may be of any size.
      const int64_t moved = index[a] == 0 ? 0 : index[a] * (*slices)[a].step;
      inside.push_back((*slices)[a].start.value() + moved);
    }
    return OffsetOf(data->dims(), inside);
  })};
}

constexpr OpDef kOps[] = {
    {"Pad",
     1,
     InferPad,
     CountPad,
     FoldPad,
     {"0", "0", "0", "data: kept; constant_value: filled", "output: out",
      "R1 R2 R5 R8"},
     "elements added at, or cropped from, the ends of axes; a view where all "
     "pads are 0"},
    {"Slice",
     1,
     InferSlice,
     CountSlice,
     FoldSlice,
     {"0", "0", "0", "data: moved", "output: moved", "R1 R5 R8"},
     "every step-th element from start to end of each axis; a view of the "
     "whole "
     "with positive steps"},
    {.name = "Pad",
     .infer = InferPad,
     .count = CountPad,
     .fold = FoldPad,
     .formula = {.reads = "i0: kept; i2: filled",
                 .writes = "o0: out",
                 .rules = "R1 R2 R5 R8"},
     .description = "Pad of ONNX, whose pads are an operand",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> PadSliceOps() { return kOps; }

}  // namespace opcost
