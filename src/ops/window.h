// SPDX-License-Identifier: Apache-2.0
// A kernel that slides over the spatial axes: kernel_shape, strides, dilations,
// pads, auto_pad and ceil_mode, resolved once for shape and count.
#ifndef OPCOST_SRC_OPS_WINDOW_H_
#define OPCOST_SRC_OPS_WINDOW_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/ir/node_view.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/ir/types.h"

namespace opcost {

// The attribute kernel_shape for `axes` spatial axes; nullopt if the node lacks
// it. Errors: another number of values, a value below 1.
absl::StatusOr<std::optional<IntDims>> KernelShapeAttribute(
    const NodeView& node, size_t axes);

// Extents of what a kernel of extents `kernel` gives as it slides over the
// extents `spatial`, by strides, dilations, pads, auto_pad and ceil_mode. Where
// auto_pad isn't NOTSET it holds, and pads doesn't. Windows that would start in
// the padding behind the input are left out. An empty axis that doesn't hold
// the kernel gives none. Errors: attributes that contradict the number of axes
// or are out of range; a kernel that doesn't fit into the padded input; an
// extent above 2^63 - 1.
absl::StatusOr<Dims> SlideWindow(const NodeView& node,
                                 absl::Span<const Extent> spatial,
                                 absl::Span<const Extent> kernel);

// The inverse, for ConvTranspose: extents by strides, dilations, pads,
// auto_pad, output_padding and output_shape. An empty axis gives an empty one.
// Errors: as SlideWindow(); pads that leave nothing of the output.
absl::StatusOr<Dims> SlideWindowBack(const NodeView& node,
                                     absl::Span<const Extent> spatial,
                                     absl::Span<const Extent> kernel);

// The pairs of a window and an element of the kernel that meet an element of
// the input, where a kernel of extents `kernel` slides over the extents
// `spatial` and gives the extents `output`, as SlideWindow() has them: what
// rule R9 counts under --padding skipped. nullopt where an extent isn't a
// number and padding may matter.
absl::StatusOr<std::optional<Extent>> PairsInside(
    const NodeView& node, absl::Span<const Extent> spatial,
    absl::Span<const Extent> kernel, absl::Span<const Extent> output);

// The same for SlideWindowBack(): pairs of an element of the input and one of
// the kernel whose product belongs to an output, as pads don't cut it off.
// `more_pads`, if not empty, cut off further outputs before and behind each
// axis; `output` lacks them already.
absl::StatusOr<std::optional<Extent>> PairsInsideBack(
    const NodeView& node, absl::Span<const Extent> spatial,
    absl::Span<const Extent> kernel, absl::Span<const Extent> output,
    absl::Span<const int64_t> more_pads = {});

// What a rule that skips padding calls its pairs in the legend. In the formulae
// they stand for kernel*out_spatial, kernel*in_spatial or out*window.
inline constexpr absl::string_view kPairsInside = "inside";

// Why counts are an upper bound where the above don't know.
inline constexpr absl::string_view kPaddingIsCounted =
    "an extent isn't a number, so that its padding is counted in full";

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_WINDOW_H_
