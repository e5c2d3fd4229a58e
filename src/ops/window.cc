// SPDX-License-Identifier: Apache-2.0
#include "src/ops/window.h"

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

enum class AutoPad { kNotSet, kSameUpper, kSameLower, kValid };

// What a node says of its window, one value per spatial axis.
struct Attributes {
  AutoPad auto_pad = AutoPad::kNotSet;
  IntDims strides;
  IntDims dilations;
  IntDims pads_begin;
  IntDims pads_end;

  bool is_same() const {
    return auto_pad == AutoPad::kSameUpper || auto_pad == AutoPad::kSameLower;
  }
};

// The list attribute `name` of `count` values, none below `minimum`; all
// `otherwise` if the node lacks it.
absl::StatusOr<IntDims> PerAxis(const NodeView& node, absl::string_view name,
                                size_t count, int64_t minimum,
                                int64_t otherwise) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> given,
                          node.IntsView(name));
  IntDims values(given.begin(), given.end());
  if (values.empty()) values.assign(count, otherwise);
  if (values.size() != count) {
    return node.Invalid(name, " must have ", count,
                        count == 1 ? " value but has " : " values but has ",
                        values.size());
  }
  for (const int64_t value : values) {
    if (value < minimum) {
      return node.Invalid(name, " must be at least ", minimum, " but has ",
                          value);
    }
  }
  return values;
}

absl::StatusOr<AutoPad> AutoPadOf(const NodeView& node) {
  if (!node.HasAttribute("auto_pad")) return AutoPad::kNotSet;
  OPCOST_ASSIGN_OR_RETURN(const std::string name,
                          node.String("auto_pad", "NOTSET"));
  if (name == "NOTSET" || name.empty()) return AutoPad::kNotSet;
  if (name == "SAME_UPPER") return AutoPad::kSameUpper;
  if (name == "SAME_LOWER") return AutoPad::kSameLower;
  if (name == "VALID") return AutoPad::kValid;
  return node.Invalid(
      "auto_pad must be NOTSET, SAME_UPPER, SAME_LOWER or "
      "VALID but is '",
      name, "'");
}

absl::StatusOr<Attributes> AttributesOf(const NodeView& node, size_t axes) {
  Attributes a;
  OPCOST_ASSIGN_OR_RETURN(a.auto_pad, AutoPadOf(node));
  OPCOST_ASSIGN_OR_RETURN(a.strides, PerAxis(node, "strides", axes, 1, 1));
  OPCOST_ASSIGN_OR_RETURN(a.dilations, PerAxis(node, "dilations", axes, 1, 1));
  OPCOST_ASSIGN_OR_RETURN(IntDims pads, PerAxis(node, "pads", 2 * axes, 0, 0));
  // Runtimes let auto_pad override pads.
  if (a.auto_pad != AutoPad::kNotSet) pads.assign(2 * axes, 0);
  const auto middle = pads.begin() + static_cast<std::ptrdiff_t>(axes);
  a.pads_begin.assign(pads.begin(), middle);
  a.pads_end.assign(middle, pads.end());
  return a;
}

// What a kernel of `kernel` elements spans when it is dilated.
Extent Span(const Extent& kernel, int64_t dilation) {
  if (kernel.Is(0)) return 0;
  return (kernel - 1) * dilation + 1;
}

absl::Status TooLarge(const NodeView& node, size_t axis) {
  return node.Invalid("the output's extent on spatial axis ", axis,
                      " doesn't fit 63 bits");
}

// The number of windows on one axis, padding given.
absl::StatusOr<Extent> Windows(const NodeView& node, size_t axis,
                               const Extent& input, const Extent& span,
                               const Attributes& a, bool ceil_mode) {
  const Extent stride = a.strides[axis];
  const Extent before = input + a.pads_begin[axis];
  const Extent padded = before + a.pads_end[axis];
  if (padded.is_concrete() && span.is_concrete() &&
      span.value() > padded.value()) {
    if (input.Is(0)) return Extent(0);
    return node.Invalid("the kernel spans ", span.ToString(),
                        " but the padded input has ", padded.ToString(),
                        " on spatial axis ", axis);
  }
  if (!ceil_mode) return (padded - span) / stride + 1;
  const Extent windows = Extent::CeilDiv(padded - span, stride) + 1;
  // The last window may start behind the input only if the padding there and a
  // stride are longer than the kernel.
  const Extent reach = Extent(a.pads_end[axis]) + stride;
  if (reach.is_concrete() && span.is_concrete() &&
      reach.value() <= span.value()) {
    return windows;
  }
  return Extent::Min(windows, Extent::CeilDiv(before, stride));
}

// Wide enough for a product of two extents.
__extension__ using Int128 = __int128;

// sum over 0 <= i < n of floor((a*i + b) / m), for a, b >= 0 and m, n >= 1,
// by Euclid's algorithm.
Int128 FloorSum(Int128 n, Int128 m, Int128 a, Int128 b) {
  Int128 sum = 0;
  while (n > 0) {
    sum += (a / m) * (n * (n - 1) / 2) + (b / m) * n;
    a %= m;
    b %= m;
    const Int128 last = a * n + b;
    if (last < m) break;
    n = last / m;
    b = last % m;
    std::swap(m, a);
  }
  return sum;
}

// Windows and kernel elements on one axis: element k of window o lies at
// o*stride + k*dilation.
struct Axis {
  Int128 windows;
  Int128 kernel;
  Int128 stride;
  Int128 dilation;

  // The pairs that lie at `place` or before.
  Int128 UpTo(Int128 place) const {
    if (place < 0 || windows == 0) return 0;
    // Elements of which every window, and of which any, is among them.
    const Int128 in_last = place - (windows - 1) * stride;
    const Int128 all =
        in_last < 0 ? 0 : std::min(kernel, in_last / dilation + 1);
    const Int128 any = std::min(kernel, place / dilation + 1);
    if (any == all) return all * windows;
    // From the last such element backwards the places rise.
    const Int128 rest = place - (any - 1) * dilation;
    return all * windows + (any - all) +
           FloorSum(any - all, stride, dilation, rest);
  }

  // Those that lie in [begin, begin + length).
  Int128 Within(Int128 begin, Int128 length) const {
    return UpTo(begin + length - 1) - UpTo(begin - 1);
  }
};

// The pairs on one axis that meet one of `length` elements, the first of which
// lies at `begin`.
std::optional<Extent> PairsOnAxis(const Extent& windows, const Extent& kernel,
                                  int64_t stride, int64_t dilation,
                                  const Extent& begin, const Extent& length) {
  for (const Extent* extent : {&windows, &kernel, &begin, &length}) {
    if (!extent->is_concrete()) return std::nullopt;
  }
  const Extent span = Span(kernel, dilation) + (windows * stride);
  if (span.overflowed() || (begin + length).overflowed()) {
    return Extent::Overflow();
  }
  const Int128 pairs =
      Axis{windows.value(), kernel.value(), stride, dilation}.Within(
          begin.value(), length.value());
  constexpr Int128 kMost = std::numeric_limits<int64_t>::max();
  return pairs > kMost ? Extent::Overflow()
                       : Extent(static_cast<int64_t>(pairs));
}

// The padding before the first element, where auto_pad shares out `total`.
Extent BeginOfSame(const Attributes& a, const Extent& total) {
  if (!total.is_concrete()) return total;
  const int64_t least = total.value() / 2;
  return a.auto_pad == AutoPad::kSameUpper ? least : total.value() - least;
}

// larger - smaller, or 0.
Extent Surplus(const Extent& larger, const Extent& smaller) {
  if (larger.is_concrete() && smaller.is_concrete()) {
    return std::max<int64_t>(0, larger.value() - smaller.value());
  }
  return Extent::Max(larger, smaller) - smaller;
}

}  // namespace

absl::StatusOr<std::optional<IntDims>> KernelShapeAttribute(
    const NodeView& node, size_t axes) {
  std::optional<IntDims> kernel;
  if (!node.HasAttribute("kernel_shape")) return kernel;
  OPCOST_ASSIGN_OR_RETURN(kernel, PerAxis(node, "kernel_shape", axes, 1, 1));
  return kernel;
}

absl::StatusOr<Dims> SlideWindow(const NodeView& node,
                                 absl::Span<const Extent> spatial,
                                 absl::Span<const Extent> kernel) {
  OPCOST_ASSIGN_OR_RETURN(const Attributes a,
                          AttributesOf(node, spatial.size()));
  OPCOST_ASSIGN_OR_RETURN(const int64_t ceil_mode, node.Int("ceil_mode", 0));
  // With auto_pad VALID the specification's two formulae give the same number.
  const bool rounds_up = ceil_mode != 0 && a.auto_pad == AutoPad::kNotSet;
  Dims output;
  for (size_t axis = 0; axis < spatial.size(); ++axis) {
    const Extent span = Span(kernel[axis], a.dilations[axis]);
    Extent extent;
    if (a.is_same()) {
      extent = Extent::CeilDiv(spatial[axis], a.strides[axis]);
    } else {
      OPCOST_ASSIGN_OR_RETURN(
          extent, Windows(node, axis, spatial[axis], span, a, rounds_up));
    }
    if (extent.overflowed()) return TooLarge(node, axis);
    output.push_back(std::move(extent));
  }
  return output;
}

absl::StatusOr<Dims> SlideWindowBack(const NodeView& node,
                                     absl::Span<const Extent> spatial,
                                     absl::Span<const Extent> kernel) {
  const size_t axes = spatial.size();
  OPCOST_ASSIGN_OR_RETURN(const Attributes a, AttributesOf(node, axes));
  OPCOST_ASSIGN_OR_RETURN(const IntDims output_padding,
                          PerAxis(node, "output_padding", axes, 0, 0));
  if (node.HasAttribute("output_shape")) {
    OPCOST_ASSIGN_OR_RETURN(const IntDims shape,
                            PerAxis(node, "output_shape", axes, 0, 0));
    return Dims(shape.begin(), shape.end());
  }
  Dims output;
  for (size_t axis = 0; axis < axes; ++axis) {
    const Extent& input = spatial[axis];
    if (input.Is(0)) {
      output.push_back(0);
      continue;
    }
    const Extent stride = a.strides[axis];
    const Extent full = (input - 1) * stride + output_padding[axis] +
                        Span(kernel[axis], a.dilations[axis]);
    Extent extent;
    if (a.is_same()) {
      // Padding isn't negative, so a short kernel leaves less than
      // input*stride.
      extent = Extent::Min(full, input * stride);
    } else {
      const Extent pads = Extent(a.pads_begin[axis]) + a.pads_end[axis];
      if (full.is_concrete() && pads.is_concrete() &&
          pads.value() >= full.value()) {
        return node.Invalid("the pads of ", pads.ToString(),
                            " leave nothing of the output's ", full.ToString(),
                            " on spatial axis ", axis);
      }
      extent = full - pads;
    }
    if (extent.overflowed()) return TooLarge(node, axis);
    output.push_back(std::move(extent));
  }
  return output;
}

absl::StatusOr<std::optional<Extent>> PairsInside(
    const NodeView& node, absl::Span<const Extent> spatial,
    absl::Span<const Extent> kernel, absl::Span<const Extent> output) {
  OPCOST_ASSIGN_OR_RETURN(const Attributes a,
                          AttributesOf(node, spatial.size()));
  OPCOST_ASSIGN_OR_RETURN(const int64_t ceil_mode, node.Int("ceil_mode", 0));
  std::optional<Extent> all = Extent(1);
  for (size_t axis = 0; axis < spatial.size(); ++axis) {
    const int64_t stride = a.strides[axis];
    const int64_t dilation = a.dilations[axis];
    Extent begin = a.pads_begin[axis];
    if (a.is_same()) {
      const Extent reach =
          output[axis].Is(0)
              ? Extent(0)
              : (output[axis] - 1) * stride + Span(kernel[axis], dilation);
      begin = BeginOfSame(a, Surplus(reach, spatial[axis]));
    } else if (a.pads_begin[axis] == 0 && a.pads_end[axis] == 0 &&
               (ceil_mode == 0 || a.auto_pad == AutoPad::kValid)) {
      all = *all * output[axis] * kernel[axis];
      continue;
    }
    const std::optional<Extent> pairs = PairsOnAxis(
        output[axis], kernel[axis], stride, dilation, begin, spatial[axis]);
    if (!pairs.has_value()) return std::optional<Extent>();
    all = *all * *pairs;
  }
  return all;
}

absl::StatusOr<std::optional<Extent>> PairsInsideBack(
    const NodeView& node, absl::Span<const Extent> spatial,
    absl::Span<const Extent> kernel, absl::Span<const Extent> output,
    absl::Span<const int64_t> more_pads) {
  OPCOST_ASSIGN_OR_RETURN(const Attributes a,
                          AttributesOf(node, spatial.size()));
  OPCOST_ASSIGN_OR_RETURN(
      const IntDims output_padding,
      PerAxis(node, "output_padding", spatial.size(), 0, 0));
  const bool is_shared = a.is_same() || node.HasAttribute("output_shape");
  const bool has_more = more_pads.size() == 2 * spatial.size();
  std::optional<Extent> all = Extent(1);
  for (size_t axis = 0; axis < spatial.size(); ++axis) {
    const int64_t stride = a.strides[axis];
    const int64_t dilation = a.dilations[axis];
    if (spatial[axis].Is(0)) return std::optional<Extent>(0);
    const int64_t cut_before = has_more ? more_pads[axis] : 0;
    const int64_t cut_behind = has_more ? more_pads[axis + spatial.size()] : 0;
    if (!is_shared && a.pads_begin[axis] == 0 && a.pads_end[axis] == 0 &&
        cut_before == 0 && cut_behind == 0) {
      all = *all * spatial[axis] * kernel[axis];
      continue;
    }
    Extent begin = a.pads_begin[axis];
    if (is_shared) {
      const Extent full = (spatial[axis] - 1) * stride + output_padding[axis] +
                          Span(kernel[axis], dilation);
      const Extent shared = output[axis] + cut_before + cut_behind;
      begin = BeginOfSame(a, Surplus(full, shared));
    }
    begin = begin + cut_before;
    const std::optional<Extent> pairs = PairsOnAxis(
        spatial[axis], kernel[axis], stride, dilation, begin, output[axis]);
    if (!pairs.has_value()) return std::optional<Extent>();
    all = *all * *pairs;
  }
  return all;
}

}  // namespace opcost
