// SPDX-License-Identifier: Apache-2.0
// Operators on images and grids: GridSample, AffineGrid, Col2Im, MaxUnpool,
// CenterCropPad, DeformConv.
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/deform_conv.h"
#include "src/ops/families.h"
#include "src/ops/fold_movement.h"
#include "src/ops/geometry.h"
#include "src/ops/sampling.h"

namespace opcost {
namespace {

// False where both are numbers and differ.
bool MayBeEqual(const Extent& a, const Extent& b) {
  return !a.is_concrete() || !b.is_concrete() || a == b;
}

// ---- GridSample -------------------------------------------------------------

// How positions outside the input are brought back into it, per position and
// axis: `border` by a minimum and a maximum; `reflection` by a triangle wave,
// range - |u - 2*range*floor(u / (2*range)) - range| of the distance u to the
// first element, and back.
struct PaddingWork {
  int64_t mul = 0;
  int64_t add = 0;
};

absl::StatusOr<PaddingWork> PaddingWorkOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string mode,
                          node.String("padding_mode", "zeros"));
  if (mode == "zeros") return PaddingWork{};
  if (mode == "border") return PaddingWork{0, 2};
  if (mode == "reflection") return PaddingWork{2, 7};
  return node.Invalid("attribute 'padding_mode' is '", mode,
                      "' but must be zeros, border or reflection");
}

// Elements of the input on each axis of a sample: 1, 2 or 4. Opset 20 renamed
// the modes.
absl::StatusOr<int64_t> TapsPerAxis(const NodeView& node) {
  const bool is_old = node.opset() < 20;
  OPCOST_ASSIGN_OR_RETURN(const std::string mode,
                          node.String("mode", is_old ? "bilinear" : "linear"));
  if (mode == "nearest") return int64_t{1};
  if (mode == (is_old ? "bilinear" : "linear")) return int64_t{2};
  if (mode == (is_old ? "bicubic" : "cubic")) return int64_t{4};
  return node.Invalid("mode '", mode, "' isn't one of opset ", node.opset());
}

struct GridGeometry {
  DataType type = DataType::kUndefined;
  int64_t taps_per_axis = 2;
  PaddingWork padding;
  size_t axes = 0;
  Extent positions;  // that all channels of an image share
  Dims output;
};

absl::StatusOr<GridGeometry> ResolveGridSample(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* grid, node.Input(1));
  const Dims& from = x->shape.dims();
  const absl::Span<const Extent> at = grid->shape.dims();
  if (from.size() < 3 || at.size() != from.size()) {
    return node.Invalid("input ", ToString(x->shape), " and grid ",
                        ToString(grid->shape),
                        " must have the same number of axes, at least 3");
  }
  GridGeometry g;
  g.type = x->type;
  g.axes = from.size() - 2;
  if (!MayBeEqual(from[0], at[0])) {
    return node.Invalid("the input has a batch of ", from[0].ToString(),
                        " but the grid of ", at[0].ToString());
  }
  if (!MayBeEqual(at.back(), static_cast<int64_t>(g.axes))) {
    return node.Invalid("the grid's positions have ", at.back().ToString(),
                        " coordinates but the input has ", g.axes,
                        " spatial axes");
  }
  OPCOST_ASSIGN_OR_RETURN(g.taps_per_axis, TapsPerAxis(node));
  OPCOST_ASSIGN_OR_RETURN(g.padding, PaddingWorkOf(node));
  const absl::Span<const Extent> spatial = at.subspan(1, g.axes);
  g.output = {from[0], from[1]};
  g.output.insert(g.output.end(), spatial.begin(), spatial.end());
  g.positions = Volume({from[0], Volume(spatial)});
  return g;
}

absl::StatusOr<OutputTypes> InferGridSample(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(GridGeometry g, ResolveGridSample(node));
  return OutputTypes{ValueType(g.type, std::move(g.output))};
}

// On each axis of each position: the scaling to the input's elements (1 mul, 1
// add), the padding, and the weights; a nearest position is rounded.
absl::StatusOr<OpCounts> CountGridSample(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const GridGeometry g, ResolveGridSample(node));
  const int64_t per_axis = g.taps_per_axis;
  int64_t muls = 1 + g.padding.mul;
  int64_t adds = 1 + g.padding.add;
  if (per_axis == 1) adds += 1;
  if (per_axis == 2) adds += kLinearWeightAdds;
  if (per_axis == 4) {
    muls += kCubicWeightMuls;
    adds += kCubicWeightAdds;
  }
  const Count out = Volume(g.output);
  const Count coordinates = Volume({g.positions, static_cast<int64_t>(g.axes)});
  const Count taps = TapsOf(per_axis, g.axes);
  const Count products = WeightProducts(per_axis, g.axes);
  const bool weighs = per_axis > 1;
  node.Let("out", out);
  node.Let("taps", taps);
  node.Let("positions", g.positions);
  node.Let("coordinates", coordinates);
  node.Let("weighs", weighs ? 1 : 0);
  node.Let("coordinate_mul", muls);
  node.Let("coordinate_add", adds);
  node.Let("weight_mul", products);
  OpCounts counts;
  const OperandSet grid = OperandSet::Input(1);
  AddArith(counts, ArithOp::kMul, grid, Volume({coordinates, muls}));
  AddArith(counts, ArithOp::kAdd, grid, Volume({coordinates, adds}));
  if (weighs) {
    AddArith(counts, ArithOp::kMul, grid, Volume({g.positions, products}));
    AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, 1),
             Volume({taps, out}));
    AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, 1),
             Volume({taps, out}), ArithRole::kAccumulate);
  }
  ReadInput(counts, node, 0, Volume({taps, out}));
  ReadInput(counts, node, 1, coordinates);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- AffineGrid -------------------------------------------------------------

absl::StatusOr<OutputTypes> InferAffineGrid(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* theta, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const Dims size, InputExtents(node, 1));
  const Dims& from = theta->shape.dims();
  if (size.size() != 4 && size.size() != 5) {
    return node.Invalid("the size must be of an image of 4 or 5 axes but has ",
                        size.size(), " elements");
  }
  const auto axes = static_cast<int64_t>(size.size()) - 2;
  if (from.size() != 3 || !MayBeEqual(from[0], size[0]) ||
      !MayBeEqual(from[1], axes) || !MayBeEqual(from[2], axes + 1)) {
    return node.Invalid("theta is ", ToString(theta->shape), " but must be ",
                        size[0].ToString(), "x", axes, "x", axes + 1);
  }
  Dims dims = {size[0]};
  dims.insert(dims.end(), size.begin() + 2, size.end());
  dims.push_back(axes);
  return OutputTypes{ValueType(theta->type, std::move(dims))};
}

// A row of theta times a position, from its last element on (R3); the positions
// depend on the size alone (R7).
absl::StatusOr<OpCounts> CountAffineGrid(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* grid, node.Output(0));
  const Count out = Volume(grid->shape.dims());
  const Count axes = grid->shape.dims().back();
  node.Let("out", out);
  node.Let("axes", axes);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Input(0), out * axes);
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), out * axes,
           ArithRole::kAccumulate);
  ReadInput(counts, node, 0, out * (axes + 1));
  WriteOutput(counts, node, 0, out);
  return counts;
}

// ---- Col2Im -----------------------------------------------------------------

// The list attribute `name`, `count` values of at least `least`; all
// `otherwise` if the node lacks it.
absl::StatusOr<std::vector<int64_t>> ListOf(const NodeView& node,
                                            absl::string_view name,
                                            size_t count, int64_t least,
                                            int64_t otherwise) {
  OPCOST_ASSIGN_OR_RETURN(std::vector<int64_t> values, node.Ints(name));
  if (values.empty()) values.assign(count, otherwise);
  if (values.size() != count) {
    return node.Invalid(name, " must have ", count, " values but has ",
                        values.size());
  }
  for (const int64_t value : values) {
    if (value < least) {
      return node.Invalid(name, " must be at least ", least, " but has ",
                          value);
    }
  }
  return values;
}

// The number of blocks of `block` that fit into `image`.
absl::StatusOr<Extent> BlocksOf(const NodeView& node, const Dims& image,
                                const Dims& block) {
  const size_t axes = image.size();
  OPCOST_ASSIGN_OR_RETURN(const auto strides,
                          ListOf(node, "strides", axes, 1, 1));
  OPCOST_ASSIGN_OR_RETURN(const auto dilations,
                          ListOf(node, "dilations", axes, 1, 1));
  OPCOST_ASSIGN_OR_RETURN(const auto pads,
                          ListOf(node, "pads", 2 * axes, 0, 0));
  Extent blocks = 1;
  for (size_t a = 0; a < axes; ++a) {
    if (block[a].Is(0)) return node.Invalid("a block must not be empty");
    const Extent padded = image[a] + pads[a] + pads[axes + a];
    const Extent span = (block[a] - 1) * dilations[a] + 1;
    if (padded.is_concrete() && span.is_concrete() &&
        span.value() > padded.value()) {
      return node.Invalid("a block spans ", span.ToString(),
                          " but the padded image has ", padded.ToString(),
                          " on spatial axis ", a);
    }
    blocks *= (padded - span) / strides[a] + 1;
  }
  return blocks;
}

absl::StatusOr<OutputTypes> InferCol2Im(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* columns, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const Dims image, InputExtents(node, 1));
  OPCOST_ASSIGN_OR_RETURN(const Dims block, InputExtents(node, 2));
  const Dims& from = columns->shape.dims();
  if (from.size() != 3) {
    return node.Invalid("the input must have 3 axes but is ",
                        ToString(columns->shape));
  }
  if (image.empty() || image.size() != block.size()) {
    return node.Invalid("the image has ", image.size(),
                        " spatial axes but the blocks have ", block.size());
  }
  OPCOST_ASSIGN_OR_RETURN(const Extent blocks, BlocksOf(node, image, block));
  if (!MayBeEqual(blocks, from[2])) {
    return node.Invalid("the input has ", from[2].ToString(),
                        " blocks but the image takes ", blocks.ToString());
  }
  const Extent block_size = Volume(block);
  const Extent channels = from[1] / block_size;
  if (!MayBeEqual(channels * block_size, from[1])) {
    return node.Invalid("a column of ", from[1].ToString(),
                        " elements doesn't divide into blocks of ",
                        block_size.ToString());
  }
  Dims dims = {from[0], channels};
  dims.insert(dims.end(), image.begin(), image.end());
  return OutputTypes{ValueType(columns->type, std::move(dims))};
}

// Each element of a column is a term of the sum of one output, those that fall
// on padding included (R9).
absl::StatusOr<OpCounts> CountCol2Im(const TypedNodeView& node) {
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

// ---- MaxUnpool --------------------------------------------------------------

absl::StatusOr<OutputTypes> InferMaxUnpool(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  const Dims& from = x->shape.dims();
  if (from.size() < 3) {
    return node.Invalid("the input must have at least 3 axes but is ",
                        ToString(x->shape));
  }
  if (x->shape.is_concrete() && indices->shape.is_concrete() &&
      x->shape != indices->shape) {
    return node.Invalid("the input is ", ToString(x->shape),
                        " but the indices are ", ToString(indices->shape));
  }
  if (!node.HasAttribute("kernel_shape")) {
    return node.Invalid("attribute 'kernel_shape' is missing");
  }
  const size_t axes = from.size() - 2;
  OPCOST_ASSIGN_OR_RETURN(const auto kernel,
                          ListOf(node, "kernel_shape", axes, 1, 1));
  OPCOST_ASSIGN_OR_RETURN(const auto strides,
                          ListOf(node, "strides", axes, 1, 1));
  OPCOST_ASSIGN_OR_RETURN(const auto pads,
                          ListOf(node, "pads", 2 * axes, 0, 0));
  if (node.HasInput(2)) {
    OPCOST_ASSIGN_OR_RETURN(Dims given, InputExtents(node, 2));
    if (given.size() != from.size()) {
      return node.Invalid("output_shape has ", given.size(),
                          " elements but the input has ", from.size(), " axes");
    }
    return OutputTypes{ValueType(x->type, std::move(given))};
  }
  Dims dims = {from[0], from[1]};
  for (size_t a = 0; a < axes; ++a) {
    const SymValue extent = (from[2 + a].sym() - 1) * strides[a] + kernel[a] -
                            pads[a] - pads[axes + a];
    OPCOST_ASSIGN_OR_RETURN(
        Extent known,
        NonNegative(node, extent,
                    absl::StrCat("axis ", 2 + a, " of the output")));
    dims.push_back(std::move(known));
  }
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

// The output is filled with zeros, then each element is written at its index.
absl::StatusOr<OpCounts> CountMaxUnpool(const TypedNodeView& node) {
  const Count in = node.InputVolume(0);
  const Count out = node.OutputVolume(0);
  node.Let("in", in);
  node.Let("out", out);
  OpCounts counts;
  ReadInput(counts, node, 0, in);
  ReadInputAs(counts, node, 1, in, Role::kIndex);
  WriteOutput(counts, node, 0, out + in);
  return counts;
}

// ---- CenterCropPad ----------------------------------------------------------

absl::StatusOr<OutputTypes> InferCenterCropPad(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const Dims wanted, InputExtents(node, 1));
  std::vector<int> axes(static_cast<size_t>(x->shape.rank()));
  std::iota(axes.begin(), axes.end(), 0);
  if (node.HasAttribute("axes")) {
    OPCOST_ASSIGN_OR_RETURN(const auto given, node.Ints("axes"));
    OPCOST_ASSIGN_OR_RETURN(axes, NormalizeAxes(node, given, x->shape.rank()));
  }
  if (wanted.size() != axes.size()) {
    return node.Invalid("the shape has ", wanted.size(), " elements for ",
                        axes.size(), " axes");
  }
  Dims dims = x->shape.dims();
  for (size_t i = 0; i < axes.size(); ++i) {
    dims[static_cast<size_t>(axes[i])] = wanted[i];
  }
  return OutputTypes{ValueType(x->type, std::move(dims))};
}

absl::StatusOr<OpCounts> CountCenterCropPad(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const bool is_view = x->shape == y->shape;
  Dims kept;
  for (size_t a = 0; a < x->shape.dims().size(); ++a) {
    kept.push_back(Extent::Min(x->shape.dims()[a], y->shape.dims()[a]));
  }
  const Count read = is_view ? Count(0) : Volume(kept);
  const Count out = is_view ? Count(0) : Volume(y->shape.dims());
  node.Let("kept", read);
  node.Let("out", out);
  if (is_view) return View();
  OpCounts counts;
  ReadInput(counts, node, 0, read);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// Halves are rounded down: the odd element is cropped, or padded, at the end.
OutputValues FoldCenterCropPad(const TypedNodeView& node) {
  const TensorValue* x = FoldableInput(node, 0);
  const std::optional<IntDims> dims = FoldableDims(node, 0);
  if (x == nullptr || !dims.has_value()) return {nullptr};
  const TensorValue zero =
      x->holds_integers() ? TensorValue::Integers(x->type(), {}, {SymValue(0)})
                          : TensorValue::Floats(x->type(), {}, {0.0});
  const TensorValue* sources[] = {x, &zero};
  return {Assemble(*dims, sources, [&](const IntDims& index) {
    IntDims inside = index;
    for (size_t a = 0; a < inside.size(); ++a) {
      const int64_t from = x->dims()[a];
      const int64_t to = (*dims)[a];
      inside[a] += from >= to ? (from - to) / 2 : -((to - from) / 2);
      if (inside[a] < 0 || inside[a] >= from) return ElementPlace{1, 0};
    }
    return ElementPlace{0, OffsetOf(x->dims(), inside)};
  })};
}

constexpr absl::string_view kGridSampleMul =
    "coordinate_mul*coordinates + weight_mul*positions + [weighs]*taps*out";
constexpr absl::string_view kGridSampleAdd =
    "coordinate_add*coordinates + [weighs]*taps*out";

constexpr OpDef kOps[] = {
    {.name = "AffineGrid",
     .since = 20,
     .infer = &InferAffineGrid,
     .count = &CountAffineGrid,
     .formula = {.mul = "axes*out",
                 .add = "axes*out",
                 .reads = "i0: (axes + 1)*out",
                 .writes = "o0: out",
                 .rules = "R1 R3 R7 R8"},
     .description = "a matrix times each position of a grid, which the size "
                    "settles: per coordinate one mul and one add for each "
                    "axis, from the translation on"},
    {.name = "CenterCropPad",
     .since = 18,
     .infer = &InferCenterCropPad,
     .count = &CountCenterCropPad,
     .fold = &FoldCenterCropPad,
     .formula = {.reads = "i0: kept", .writes = "o0: out", .rules = "R1 R5 R8"},
     .description = "the middle of the input, zeros around it: a copy; a view "
                    "where no extent changes"},
    {.name = "Col2Im",
     .since = 18,
     .infer = &InferCol2Im,
     .count = &CountCol2Im,
     .formula = {.add = "in",
                 .reads = "i0: in",
                 .writes = "o0: out",
                 .rules = "R1 R3 R8 R9"},
     .description = "overlapping blocks added up to an image: one add per "
                    "element of a block"},
    {.name = "DeformConv",
     .since = 19,
     .infer = &InferDeformConv,
     .count = &CountDeformConv,
     .formula = {.macs = "N*M*(C/group)*kernel*out_spatial",
                 .mul = "MACs + taps*samples + weight_mul*positions + "
                        "[mask]*samples",
                 .add = "MACs + taps*samples + 4*coordinates",
                 .reads = "i1: MACs; samples: MACs; i0: taps*samples; i2: "
                          "coordinates; i3: [bias]*out; i4: [mask]*positions",
                 .writes = "o0: out; samples: samples",
                 .rules = "R1 R2 R3 R9"},
     .description = "convolution of samples at positions that the offsets "
                    "move: each sample is interpolated linearly, times its "
                    "mask, and kept; each position takes 4 adds per axis and "
                    "the products of its weights"},
    {.name = "GridSample",
     .since = 16,
     .infer = &InferGridSample,
     .count = &CountGridSample,
     .formula = {.mul = kGridSampleMul,
                 .add = kGridSampleAdd,
                 .reads = "X: taps*out; grid: coordinates",
                 .writes = "Y: out",
                 .rules = "R1 R3 R9"},
     .description = "samples at the grid's positions: 1, 2^d or 4^d taps per "
                    "output (nearest, linear, cubic); each coordinate is "
                    "scaled (1 mul, 1 add), padded (border 2 add, reflection 2 "
                    "mul, 7 add) and floored; linear weights take 2 more adds, "
                    "cubic 12 mul and 14 more adds, and their products over "
                    "the axes 1 mul each, once for all channels"},
    {.name = "MaxUnpool",
     .since = 9,
     .infer = &InferMaxUnpool,
     .count = &CountMaxUnpool,
     .formula = {.reads = "X: in; I: in",
                 .writes = "output: out + in",
                 .rules = "R1 R5 R8"},
     .description = "zeros, then each element written at its index"},
    {.name = "GridSample",
     .infer = &InferGridSample,
     .count = &CountGridSample,
     .formula = {.mul = kGridSampleMul,
                 .add = kGridSampleAdd,
                 .reads = "i0: taps*out; i1: coordinates",
                 .writes = "o0: out",
                 .rules = "R1 R3 R9"},
     .description = "GridSample of ONNX, with the modes of opset 16",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> SpatialOps() { return kOps; }

}  // namespace opcost
