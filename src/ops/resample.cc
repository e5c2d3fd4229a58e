// SPDX-License-Identifier: Apache-2.0
// Resize and Upsample. Nearest copies one element per output, and is a view
// where no extent changes; linear weighs 2 and cubic 4 elements per axis whose
// extent changes, 2^d or 4^d in all, and computes even where none does.
// Weights and places are address arithmetic (R8).
#include <cmath>
#include <cstdint>
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

enum class Interpolation : uint8_t { kNearest, kLinear, kCubic };

struct Resampling {
  const TensorType* data = nullptr;
  Interpolation mode = Interpolation::kNearest;
  bool antialias = false;
  Dims output;
  // Axes whose elements don't stay in place although their extent does: a
  // region of interest is cut from them.
  std::vector<bool> cropped;
  // A region is cut out that isn't known, so that every axis may be cropped.
  bool region_unknown = false;
};

absl::StatusOr<Interpolation> ModeOf(const NodeView& node, bool takes_cubic) {
  OPCOST_ASSIGN_OR_RETURN(const std::string mode,
                          node.String("mode", "nearest"));
  if (mode == "nearest") return Interpolation::kNearest;
  // Opset 1 of Upsample spelt it so.
  if (mode == "linear" || mode == "bilinear") return Interpolation::kLinear;
  if (mode == "cubic" && takes_cubic) return Interpolation::kCubic;
  return node.Invalid("mode '", mode, "' isn't one of opset ", node.opset());
}

// floor(extent * scale), in float32 as runtimes compute it. Of a symbolic
// extent only multiples of 1/2^16 are exact.
absl::StatusOr<Extent> Scaled(const NodeView& node, const Extent& extent,
                              double scale, size_t axis) {
  if (extent.is_concrete()) {
    const float scaled =
        static_cast<float>(extent.value()) * static_cast<float>(scale);
    if (!(scaled < 9.0e18F)) {  // below 2^63; false for a NaN
      return node.Invalid("axis ", axis, " of extent ", extent.ToString(),
                          " times ", scale, " doesn't fit 63 bits");
    }
    return Extent(static_cast<int64_t>(std::floor(scaled)));
  }
  constexpr int64_t kParts = 1 << 16;
  const double parts = scale * static_cast<double>(kParts);
  if (parts < 9.0e15 && std::floor(parts) == parts) {
    return extent * Extent(static_cast<int64_t>(parts)) / Extent(kParts);
  }
  return node.Unknown("axis ", axis, " of extent ", extent.ToString(),
                      " times ", scale,
                      " isn't known before its dimensions are");
}

absl::Status CheckScale(const NodeView& node, double scale, size_t axis,
                        bool may_shrink) {
  if (may_shrink ? scale > 0 : scale >= 1) return absl::OkStatus();
  return node.Invalid("the scale of axis ", axis, " is ", scale,
                      " but must be ", may_shrink ? "above 0" : "at least 1");
}

// ---- Upsample
// --------------------------------------------------------------------

// One scale per axis: of height and width alone in opset 1, then an attribute,
// from 9 on an operand.
absl::StatusOr<std::vector<double>> UpsampleScales(const NodeView& node,
                                                   int rank) {
  if (node.opset() >= 9) return InputFloats(node, 1);
  if (node.opset() >= 7) {
    if (!node.HasAttribute("scales")) {
      return node.Invalid("attribute 'scales' is missing");
    }
    return node.Floats("scales");
  }
  if (rank != 4) {
    return node.Invalid("the input must have 4 axes (NCHW) but has ", rank);
  }
  for (const absl::string_view name : {"height_scale", "width_scale"}) {
    if (!node.HasAttribute(name)) {
      return node.Invalid("attribute '", name, "' is missing");
    }
  }
  OPCOST_ASSIGN_OR_RETURN(const double height, node.Float("height_scale", 1));
  OPCOST_ASSIGN_OR_RETURN(const double width, node.Float("width_scale", 1));
  return std::vector<double>{1, 1, height, width};
}

absl::StatusOr<Resampling> ResolveUpsample(const NodeView& node) {
  Resampling r;
  OPCOST_ASSIGN_OR_RETURN(r.data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(r.mode, ModeOf(node, false));
  const Dims& dims = r.data->shape.dims();
  OPCOST_ASSIGN_OR_RETURN(const std::vector<double> scales,
                          UpsampleScales(node, r.data->shape.rank()));
  if (scales.size() != dims.size()) {
    return node.Invalid("there are ", scales.size(),
                        " scales but the input has ", dims.size(), " axes");
  }
  for (size_t a = 0; a < dims.size(); ++a) {
    OPCOST_RETURN_IF_ERROR(CheckScale(node, scales[a], a, false));
    OPCOST_ASSIGN_OR_RETURN(Extent extent, Scaled(node, dims[a], scales[a], a));
    r.output.push_back(std::move(extent));
  }
  r.cropped.assign(dims.size(), false);
  return r;
}

// ---- Resize
// ----------------------------------------------------------------------

// The axes that scales, sizes and roi are about; all unless opset 18 names
// some.
absl::StatusOr<std::vector<int>> ResizedAxes(const NodeView& node, int rank) {
  if (node.opset() >= 18 && node.HasAttribute("axes")) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> axes, node.Ints("axes"));
    return NormalizeAxes(node, axes, rank);
  }
  std::vector<int> all;
  for (int axis = 0; axis < rank; ++axis) all.push_back(axis);
  return all;
}

// True if operand `i` is given: absent and empty mean the same here.
absl::StatusOr<bool> IsGiven(const NodeView& node, int i) {
  if (!node.HasInput(i)) return false;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* type, node.Input(i));
  return !Volume(type->shape.dims()).Is(0);
}

absl::Status CheckSize(const NodeView& node, absl::string_view what,
                       size_t size, size_t expected) {
  if (size == expected) return absl::OkStatus();
  return node.Invalid("there are ", size, " ", what, " but ", expected,
                      " axes to resize");
}

// The fraction of each axis that is cut out: 1 but for tf_crop_and_resize.
// Where sizes are given it settles no extent and need not be known.
absl::StatusOr<std::vector<double>> CutOut(const NodeView& node,
                                           absl::Span<const int> axes,
                                           bool by_sizes, Resampling& r) {
  std::vector<double> fractions(axes.size(), 1);
  OPCOST_ASSIGN_OR_RETURN(
      const std::string transformation,
      node.String("coordinate_transformation_mode", "half_pixel"));
  if (transformation != "tf_crop_and_resize") return fractions;
  const absl::StatusOr<std::vector<double>> region = InputFloats(node, 1);
  if (by_sizes && IsUndetermined(region.status())) {
    r.region_unknown = true;
    for (const int axis : axes) r.cropped[static_cast<size_t>(axis)] = true;
    return fractions;
  }
  OPCOST_RETURN_IF_ERROR(region.status());
  const std::vector<double>& roi = *region;
  if (roi.size() != 2 * axes.size()) {
    return node.Invalid("the region of interest has ", roi.size(),
                        " numbers but ", axes.size(), " axes need ",
                        2 * axes.size());
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    const double start = roi[i];
    const double end = roi[i + axes.size()];
    fractions[i] = end - start;
    r.cropped[static_cast<size_t>(axes[i])] = start != 0 || end != 1;
  }
  return fractions;
}

absl::Status ApplyScales(const NodeView& node, absl::Span<const int> axes,
                         absl::Span<const double> fractions, int operand,
                         Resampling& r) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<double> scales,
                          InputFloats(node, operand));
  OPCOST_RETURN_IF_ERROR(CheckSize(node, "scales", scales.size(), axes.size()));
  for (size_t i = 0; i < axes.size(); ++i) {
    const auto axis = static_cast<size_t>(axes[i]);
    OPCOST_RETURN_IF_ERROR(CheckScale(node, scales[i], axis, true));
    const double factor = scales[i] * fractions[i];
    if (!(factor >= 0)) {
      return node.Invalid("the region of interest of axis ", axis,
                          " ends before it starts");
    }
    OPCOST_ASSIGN_OR_RETURN(r.output[axis],
                            Scaled(node, r.output[axis], factor, axis));
  }
  return absl::OkStatus();
}

// Adjusts `sizes` so that all axes are scaled alike, by the least (or greatest)
// ratio; halves are rounded up.
absl::Status KeepAspectRatio(const NodeView& node, absl::Span<const int> axes,
                             bool not_larger, Dims& sizes, const Dims& dims) {
  size_t chosen = 0;
  const auto in = [&](size_t i) -> const Extent& {
    return dims[static_cast<size_t>(axes[i])];
  };
  for (size_t i = 0; i < axes.size(); ++i) {
    if (!sizes[i].is_concrete() || !in(i).is_concrete()) {
      return node.Unknown("the ratio of ", sizes[i].ToString(), " to ",
                          in(i).ToString(), " isn't a number");
    }
    if (in(i).Is(0)) {
      return node.Invalid("axis ", axes[i],
                          " is empty and has no aspect ratio");
    }
    // sizes[i] / in(i) against sizes[chosen] / in(chosen).
    const Extent left = sizes[i] * in(chosen);
    const Extent right = sizes[chosen] * in(i);
    if (left.overflowed() || right.overflowed()) {
      return node.Invalid("the sizes are too large to compare their ratios");
    }
    const bool closer = not_larger ? left.value() < right.value()
                                   : left.value() > right.value();
    if (closer) chosen = i;
  }
  if (axes.empty()) return absl::OkStatus();
  const Extent numerator = sizes[chosen];
  const Extent denominator = in(chosen);
  for (size_t i = 0; i < axes.size(); ++i) {
    sizes[i] = (numerator * in(i)*2 + denominator) / (denominator * 2);
  }
  return absl::OkStatus();
}

absl::Status ApplySizes(const NodeView& node, absl::Span<const int> axes,
                        Resampling& r) {
  OPCOST_ASSIGN_OR_RETURN(Dims sizes, InputExtents(node, 3));
  OPCOST_RETURN_IF_ERROR(CheckSize(node, "sizes", sizes.size(), axes.size()));
  OPCOST_ASSIGN_OR_RETURN(const std::string policy,
                          node.String("keep_aspect_ratio_policy", "stretch"));
  if (node.opset() >= 18 && policy != "stretch") {
    if (policy != "not_larger" && policy != "not_smaller") {
      return node.Invalid("keep_aspect_ratio_policy '", policy,
                          "' isn't stretch, not_larger or not_smaller");
    }
    OPCOST_RETURN_IF_ERROR(KeepAspectRatio(node, axes, policy == "not_larger",
                                           sizes, r.data->shape.dims()));
  }
  for (size_t i = 0; i < axes.size(); ++i) {
    r.output[static_cast<size_t>(axes[i])] = sizes[i];
  }
  return absl::OkStatus();
}

absl::StatusOr<Resampling> ResolveResize(const NodeView& node) {
  Resampling r;
  OPCOST_ASSIGN_OR_RETURN(r.data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(r.mode, ModeOf(node, node.opset() >= 11));
  OPCOST_ASSIGN_OR_RETURN(const int64_t antialias, node.Int("antialias", 0));
  r.antialias = antialias != 0 && node.opset() >= 18;
  r.output = r.data->shape.dims();
  r.cropped.assign(r.output.size(), false);
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int> axes,
                          ResizedAxes(node, r.data->shape.rank()));
  if (node.opset() < 11) {
    const std::vector<double> whole(axes.size(), 1);
    OPCOST_RETURN_IF_ERROR(ApplyScales(node, axes, whole, 1, r));
    return r;
  }
  OPCOST_ASSIGN_OR_RETURN(const bool by_scales, IsGiven(node, 2));
  OPCOST_ASSIGN_OR_RETURN(const bool by_sizes, IsGiven(node, 3));
  if (by_scales == by_sizes) {
    return node.Invalid(by_scales ? "scales and sizes are both given, but only "
                                    "one may be"
                                  : "neither scales nor sizes are given");
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<double> fractions,
                          CutOut(node, axes, by_sizes, r));
  OPCOST_RETURN_IF_ERROR(by_scales ? ApplyScales(node, axes, fractions, 2, r)
                                   : ApplySizes(node, axes, r));
  return r;
}

// ---- both
// ------------------------------------------------------------------------

using Resolver = absl::StatusOr<Resampling>(const NodeView&);

template <Resolver* resolve>
absl::StatusOr<OutputTypes> InferResample(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Resampling r, resolve(node));
  for (const Extent& extent : r.output) {
    if (extent.overflowed()) {
      return node.Invalid("an extent of the output doesn't fit 63 bits");
    }
  }
  return OutputTypes{ValueType(r.data->type, std::move(r.output))};
}

// Elements of the input that one output weighs. Antialiasing widens the filter
// by the reduction, in/out: an upper bound, since the scale may be less round
// and windows at the border are cut.
Count Taps(const Resampling& r) {
  if (r.mode == Interpolation::kNearest) return 1;
  const int64_t width = r.mode == Interpolation::kLinear ? 2 : 4;
  Count taps = 1;
  for (size_t a = 0; a < r.output.size(); ++a) {
    const Extent& in = r.data->shape.dims()[a];
    const Extent& out = r.output[a];
    if (in == out && !r.cropped[a]) continue;
    if (!r.antialias || out.Is(0)) {
      taps *= width;
    } else {
      taps *= Extent::Max(width, Extent::CeilDiv(in * width, out));
    }
  }
  return taps;
}

bool KeepsEveryElement(const Resampling& r) {
  if (r.mode != Interpolation::kNearest) return false;
  for (const bool cropped : r.cropped) {
    if (cropped) return false;
  }
  return r.output == r.data->shape.dims();
}

// Why the taps are a bound; empty where they are exact.
std::string BoundReason(const Resampling& r) {
  if (r.mode == Interpolation::kNearest) return "";
  bool is_reduced = false, keeps_an_extent = false;
  for (size_t a = 0; a < r.output.size(); ++a) {
    const Extent& in = r.data->shape.dims()[a];
    const Extent& out = r.output[a];
    keeps_an_extent |= in == out && r.cropped[a];
    is_reduced |= !(in == out) && (!in.is_concrete() || !out.is_concrete() ||
                                   in.value() > out.value());
  }
  if (r.region_unknown && keeps_an_extent) {
    return "an axis that the region doesn't cut is weighed too";
  }
  return r.antialias && is_reduced ? "antialias takes fewer taps at the border"
                                   : "";
}

template <Resolver* resolve>
absl::StatusOr<OpCounts> CountResample(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Resampling r, resolve(node));
  const bool is_view = KeepsEveryElement(r);
  const Count out = is_view ? Count(0) : Volume(r.output);
  const Count taps = Taps(r);
  const bool weighs = r.mode != Interpolation::kNearest;
  node.Let("out", out);
  node.Let("taps", taps);
  node.Let("weighs", weighs ? 1 : 0);
  if (is_view) return View();
  OpCounts counts;
  if (weighs) {
    AddArith(counts, ArithOp::kMul, OperandSet::Input(0), taps * out);
    AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), taps * out,
             ArithRole::kAccumulate);
  }
  ReadInput(counts, node, 0, taps * out);
  WriteOutput(counts, node, 0, out);
  counts.bound_reason = BoundReason(r);
  return counts;
}

// What no extent changes keeps its value.
template <Resolver* resolve>
OutputValues FoldResample(const TypedNodeView& node) {
  const TensorValue* data = FoldableInput(node, 0);
  const auto r = resolve(node);
  if (data == nullptr || !r.ok() || !KeepsEveryElement(*r)) return {nullptr};
  return FoldSameOrder(node);
}

constexpr Formula kResample = {
    "0",      "[weighs]*taps*out", "[weighs]*taps*out", "X: taps*out",
    "Y: out", "R1 R3 R5 R8"};

constexpr OpDef kOps[] = {
    {.name = "Resize",
     .since = 10,
     .infer = InferResample<ResolveResize>,
     .count = CountResample<ResolveResize>,
     .fold = FoldResample<ResolveResize>,
     .formula = kResample,
     .description = "nearest: a copy per output, a view where no extent "
                    "changes; linear and cubic: 2 and 4 taps per axis that "
                    "changes, more with antialias",
     .bound = "antialias takes fewer taps at the border; a region that isn't "
              "known may leave an axis as it is"},
    {"Upsample", 1, InferResample<ResolveUpsample>,
     CountResample<ResolveUpsample>, FoldResample<ResolveUpsample>, kResample,
     "nearest: a copy per output, a view where no extent changes; linear: 2 "
     "taps per axis that changes"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ResampleOps() { return kOps; }

}  // namespace opcost
