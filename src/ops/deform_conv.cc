// SPDX-License-Identifier: Apache-2.0
#include "src/ops/deform_conv.h"

#include <cstdint>
#include <optional>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/sampling.h"
#include "src/ops/window.h"

namespace opcost {
namespace {

// The operands: X, W, offset, B, mask.
constexpr int kWeight = 1;
constexpr int kOffset = 2;
constexpr int kBias = 3;
constexpr int kMask = 4;

// Per position and axis: the offset added to the window's place, and the
// weights.
constexpr int64_t kCoordinateAdds = 1 + kLinearWeightAdds;

struct Deformed {
  DataType type = DataType::kUndefined;
  size_t axes = 0;
  int64_t group = 1;
  int64_t offset_group = 1;
  Extent batch, in_channels, in_channels_of_group, out_channels;
  Dims kernel;
  Dims out_spatial;

  Extent places() const {  // kernel elements of all windows of an image
    return Volume({Volume(kernel), Volume(out_spatial)});
  }
};

bool MayBeEqual(const Extent& a, const Extent& b) {
  return !a.is_concrete() || !b.is_concrete() || a == b;
}

absl::StatusOr<int64_t> GroupOf(const NodeView& node, absl::string_view name,
                                const Extent& channels) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t group, node.Int(name, 1));
  if (group < 1) {
    return node.Invalid(name, " must be at least 1 but is ", group);
  }
  if (channels.is_concrete() && channels.value() % group != 0) {
    return node.Invalid(name, " ", group, " does not divide the ",
                        channels.ToString(), " channels");
  }
  return group;
}

// Operand `i` holds `per_place` numbers for each kernel element, offset group
// and output.
absl::Status CheckPerPlace(const NodeView& node, int i, absl::string_view what,
                           const Deformed& d, int64_t per_place) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
  const Extent channels = Volume({Volume(d.kernel), d.offset_group, per_place});
  Dims expected = {d.batch, channels};
  expected.insert(expected.end(), d.out_spatial.begin(), d.out_spatial.end());
  const Dims& dims = operand->shape.dims();
  bool fits = dims.size() == expected.size();
  for (size_t a = 0; fits && a < dims.size(); ++a) {
    fits = MayBeEqual(dims[a], expected[a]);
  }
  if (fits) return absl::OkStatus();
  return node.Invalid("the ", what, " is ", ToString(operand->shape),
                      " but must be ", ToString(Shape(expected)));
}

absl::StatusOr<Dims> KernelOf(const NodeView& node, const Dims& weight) {
  Dims kernel(weight.begin() + 2, weight.end());
  OPCOST_ASSIGN_OR_RETURN(const std::optional<IntDims> stated,
                          KernelShapeAttribute(node, kernel.size()));
  if (!stated.has_value()) return kernel;
  for (size_t a = 0; a < kernel.size(); ++a) {
    if (!MayBeEqual(kernel[a], (*stated)[a])) {
      return node.Invalid("kernel_shape has ", (*stated)[a], " on axis ", a,
                          " but the weight's kernel ", kernel[a].ToString());
    }
    kernel[a] = (*stated)[a];
  }
  return kernel;
}

absl::StatusOr<Deformed> Resolve(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* w, node.Input(kWeight));
  if (x->shape.rank() < 3 || x->shape.rank() != w->shape.rank()) {
    return node.Invalid("input ", ToString(x->shape), " and weight ",
                        ToString(w->shape),
                        " must have the same number of axes, at least 3");
  }
  const Dims& from = x->shape.dims();
  const Dims& weight = w->shape.dims();
  Deformed d;
  d.type = x->type;
  d.axes = from.size() - 2;
  d.batch = from[0];
  d.in_channels = from[1];
  d.out_channels = weight[0];
  d.in_channels_of_group = weight[1];
  OPCOST_ASSIGN_OR_RETURN(d.group, GroupOf(node, "group", d.out_channels));
  OPCOST_ASSIGN_OR_RETURN(d.offset_group,
                          GroupOf(node, "offset_group", d.in_channels));
  if (!MayBeEqual(weight[1] * d.group, from[1])) {
    return node.Invalid("the weight reads ", weight[1].ToString(), " x group ",
                        d.group, " channels but the input has ",
                        from[1].ToString());
  }
  OPCOST_ASSIGN_OR_RETURN(d.kernel, KernelOf(node, weight));
  OPCOST_ASSIGN_OR_RETURN(
      d.out_spatial,
      SlideWindow(node, absl::MakeConstSpan(from).subspan(2), d.kernel));
  OPCOST_RETURN_IF_ERROR(
      CheckPerPlace(node, kOffset, "offset", d, static_cast<int64_t>(d.axes)));
  if (node.HasInput(kMask)) {
    OPCOST_RETURN_IF_ERROR(CheckPerPlace(node, kMask, "mask", d, 1));
  }
  if (!node.HasInput(kBias)) return d;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* bias, node.Input(kBias));
  if (bias->shape.rank() != 1 ||
      !MayBeEqual(bias->shape.dims()[0], d.out_channels)) {
    return node.Invalid("the bias is ", ToString(bias->shape),
                        " but there are ", d.out_channels.ToString(),
                        " output channels");
  }
  return d;
}

void LetAll(const TypedNodeView& node, const Deformed& d) {
  node.Let("N", d.batch);
  node.Let("C", d.in_channels);
  node.Let("M", d.out_channels);
  node.Let("group", d.group);
  node.Let("kernel", Volume(d.kernel));
  node.Let("out_spatial", Volume(d.out_spatial));
  node.Let("out", node.OutputVolume(0));
  node.Let("bias", node.HasInput(kBias) ? 1 : 0);
  node.Let("mask", node.HasInput(kMask) ? 1 : 0);
}

}  // namespace

absl::StatusOr<OutputTypes> InferDeformConv(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Deformed d, Resolve(node));
  Dims dims = {d.batch, d.out_channels};
  dims.insert(dims.end(), d.out_spatial.begin(), d.out_spatial.end());
  return OutputTypes{ValueType(d.type, std::move(dims))};
}

// The samples of each window are made once and kept, as an array that the
// output channels share; the products then read them as a Conv reads its input.
absl::StatusOr<OpCounts> CountDeformConv(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Deformed d, Resolve(node));
  LetAll(node, d);
  const Count out = node.OutputVolume(0);
  const Extent patch = Volume({d.in_channels_of_group, Volume(d.kernel)});
  const Count macs = Volume({out, patch});
  const Count samples = Volume({d.batch, d.in_channels, d.places()});
  const Count positions = Volume({d.batch, d.offset_group, d.places()});
  const Count coordinates = Volume({positions, static_cast<int64_t>(d.axes)});
  const Count taps = TapsOf(2, d.axes);
  const Count products = WeightProducts(2, d.axes);
  node.Let("samples", samples);
  node.Let("positions", positions);
  node.Let("coordinates", coordinates);
  node.Let("taps", taps);
  node.Let("weight_mul", products);

  OpCounts counts;
  AddMacs(counts, 0, kWeight, macs);
  const OperandSet offset = OperandSet::Input(kOffset);
  AddArith(counts, ArithOp::kAdd, offset,
           Volume({coordinates, kCoordinateAdds}));
  AddArith(counts, ArithOp::kMul, offset, Volume({positions, products}));
  AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, kOffset),
           Volume({samples, taps}));
  AddArith(counts, ArithOp::kAdd, OperandSet::Inputs(0, kOffset),
           Volume({samples, taps}), ArithRole::kAccumulate);
  if (node.HasInput(kMask)) {
    AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, kMask), samples);
  }
  ReadInput(counts, node, 0, Volume({samples, taps}));
  if (Access* w = ReadInputAs(counts, node, kWeight, macs, Role::kWeight)) {
    w->operand_elements = Volume({d.out_channels / d.group, patch});
  }
  ReadInput(counts, node, kOffset, coordinates);
  if (Access* b = ReadInputAs(counts, node, kBias, out, Role::kBias)) {
    b->operand_elements = d.out_channels / d.group;
  }
  ReadInput(counts, node, kMask, positions);
  UseScratch(counts, "samples", OperandSet::Input(0), samples, macs, samples);
  counts.accesses.back().operand_elements = patch;
  if (Access* y = WriteOutput(counts, node, 0, out)) {
    y->operand_elements = d.out_channels / d.group;
  }
  return counts;
}

}  // namespace opcost
