// SPDX-License-Identifier: Apache-2.0
// Convolutions: Conv and ConvTranspose.
//
// Either is a sum of products, one MAC each, that starts at the bias. Conv
// gathers C/group * kernel products for each output; ConvTranspose scatters
// each input over M/group * kernel outputs. Products with padding count (R9),
// unless they are skipped.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/window.h"

namespace opcost {
namespace {

// What shape and count need to know of a convolution.
struct Geometry {
  DataType type = DataType::kUndefined;
  Extent batch;
  Extent in_channels;            // of all groups, as the weight has it
  Extent out_channels;           // of all groups
  Extent in_channels_of_group;   // C/group
  Extent out_channels_of_group;  // M/group
  int64_t group = 1;
  Dims in_spatial;
  Dims kernel;
  Extent kernel_volume() const { return Volume(kernel); }
};

// The kernel of a weight, the same as the attribute kernel_shape if that is
// there.
absl::StatusOr<Dims> KernelOf(const NodeView& node, const Dims& weight) {
  const Dims kernel(weight.begin() + 2, weight.end());
  OPCOST_ASSIGN_OR_RETURN(const std::optional<IntDims> stated,
                          KernelShapeAttribute(node, kernel.size()));
  if (!stated.has_value()) return kernel;
  Dims resolved;
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    const Extent extent = (*stated)[axis];
    if (kernel[axis].is_concrete() && !(kernel[axis] == extent)) {
      return node.Invalid("kernel_shape is ",
                          ToString(Shape(Dims(stated->begin(), stated->end()))),
                          " but the weight's kernel is ",
                          ToString(Shape(kernel)));
    }
    resolved.push_back(extent);
  }
  return resolved;
}

// Operands 0 and 1 of equal rank, group and kernel; the channels are the
// caller's.
absl::Status ResolveOperands(const NodeView& node, Geometry* g_out) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* w, node.Input(1));
  if (x->shape.rank() < 3 || x->shape.rank() != w->shape.rank()) {
    return node.Invalid("input ", ToString(x->shape), " and weight ",
                        ToString(w->shape),
                        " must have the same number of axes, at least 3");
  }
  Geometry& g = *g_out;
  g.type = x->type;
  g.batch = x->shape.dims()[0];
  OPCOST_ASSIGN_OR_RETURN(g.group, node.Int("group", 1));
  if (g.group < 1) {
    return node.Invalid("group must be at least 1 but is ", g.group);
  }
  g.in_spatial.assign(x->shape.dims().begin() + 2, x->shape.dims().end());
  OPCOST_ASSIGN_OR_RETURN(g.kernel, KernelOf(node, w->shape.dims()));
  return absl::OkStatus();
}

// False where both are numbers and differ, or `expected` is beyond all numbers.
bool MayBeEqual(const Extent& expected, const Extent& actual) {
  if (expected.overflowed()) return false;
  return !expected.is_concrete() || !actual.is_concrete() || expected == actual;
}

absl::Status CheckGroupDivides(const NodeView& node, int64_t group,
                               const Extent& channels,
                               absl::string_view which) {
  if (!channels.is_concrete() || channels.value() % group == 0) {
    return absl::OkStatus();
  }
  return node.Invalid("group ", group, " does not divide the ",
                      channels.ToString(), " ", which, " channels");
}

absl::Status CheckBias(const NodeView& node, const Extent& out_channels) {
  if (!node.HasInput(2)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* bias, node.Input(2));
  if (bias->shape.rank() == 1 &&
      MayBeEqual(out_channels, bias->shape.dims()[0])) {
    return absl::OkStatus();
  }
  return node.Invalid("the bias is ", ToString(bias->shape), " but there are ",
                      out_channels.ToString(), " output channels");
}

// All but the output.
absl::StatusOr<Geometry> ResolveConv(const NodeView& node) {
  Geometry g;
  OPCOST_RETURN_IF_ERROR(ResolveOperands(node, &g));
  const Extent& channels = node.InputType(0).tensor.shape.dims()[1];
  const Dims& weight = node.InputType(1).tensor.shape.dims();
  g.out_channels = weight[0];
  g.in_channels_of_group = weight[1];
  g.in_channels = weight[1] * g.group;
  if (!MayBeEqual(g.in_channels, channels)) {
    return node.Invalid("the weight reads ", weight[1].ToString(), " x group ",
                        g.group, " channels but the input has ",
                        channels.ToString());
  }
  OPCOST_RETURN_IF_ERROR(
      CheckGroupDivides(node, g.group, g.out_channels, "output"));
  g.out_channels_of_group = g.out_channels / g.group;
  OPCOST_RETURN_IF_ERROR(CheckBias(node, g.out_channels));
  return g;
}

// All but the output.
absl::StatusOr<Geometry> ResolveConvTranspose(const NodeView& node) {
  Geometry g;
  OPCOST_RETURN_IF_ERROR(ResolveOperands(node, &g));
  const Extent& channels = node.InputType(0).tensor.shape.dims()[1];
  const Dims& weight = node.InputType(1).tensor.shape.dims();
  g.in_channels = weight[0];
  if (!MayBeEqual(g.in_channels, channels)) {
    return node.Invalid("the weight reads ", weight[0].ToString(),
                        " channels but the input has ", channels.ToString());
  }
  OPCOST_RETURN_IF_ERROR(
      CheckGroupDivides(node, g.group, g.in_channels, "input"));
  g.in_channels_of_group = g.in_channels / g.group;
  g.out_channels_of_group = weight[1];
  g.out_channels = weight[1] * g.group;
  if (g.out_channels.overflowed()) {
    return node.Invalid("group ", g.group, " x ", weight[1].ToString(),
                        " output channels don't fit 63 bits");
  }
  OPCOST_RETURN_IF_ERROR(CheckBias(node, g.out_channels));
  return g;
}

OutputTypes OutputOf(const Geometry& g, const Dims& out_spatial) {
  Dims output = {g.batch, g.out_channels};
  output.insert(output.end(), out_spatial.begin(), out_spatial.end());
  return OutputTypes{ValueType(g.type, std::move(output))};
}

absl::StatusOr<OutputTypes> InferConv(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveConv(node));
  OPCOST_ASSIGN_OR_RETURN(const Dims slid,
                          SlideWindow(node, g.in_spatial, g.kernel));
  return OutputOf(g, slid);
}

absl::StatusOr<OutputTypes> InferConvTranspose(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveConvTranspose(node));
  OPCOST_ASSIGN_OR_RETURN(const Dims slid,
                          SlideWindowBack(node, g.in_spatial, g.kernel));
  return OutputOf(g, slid);
}

// What one matrix-vector product touches of each array (--array-scope operand).
struct OperandScope {
  Extent weight, input, output;
};

OpCounts CountMacs(const TypedNodeView& node, const Geometry& g,
                   const Count& macs, const OperandScope& scope) {
  const Count out = node.OutputVolume(0);
  node.Let("N", g.batch);
  node.Let("C", g.in_channels);
  node.Let("M", g.out_channels);
  node.Let("group", g.group);
  node.Let("kernel", g.kernel_volume());
  node.Let("out", out);
  node.Let("B", node.HasInput(2) ? 1 : 0);

  OpCounts counts;
  AddMacs(counts, 0, 1, macs);
  if (Access* x = ReadInputAs(counts, node, 0, macs, Role::kWeight)) {
    x->operand_elements = scope.input;
  }
  if (Access* w = ReadInputAs(counts, node, 1, macs, Role::kWeight)) {
    w->operand_elements = scope.weight;
  }
  if (Access* bias = ReadInputAs(counts, node, 2, out, Role::kBias)) {
    bias->operand_elements = g.out_channels_of_group;
  }
  if (Access* y = WriteOutput(counts, node, 0, out)) {
    y->operand_elements = scope.output;
  }
  return counts;
}

// Of the `all` pairs of a window and a kernel element, those that count.
struct Pairs {
  Count counted;
  std::string bound_reason;
};

Pairs PairsOf(const TypedNodeView& node, const Count& all,
              const std::optional<Extent>& inside) {
  Pairs pairs;
  pairs.counted = inside.value_or(all);
  if (!inside.has_value()) pairs.bound_reason = std::string(kPaddingIsCounted);
  node.Let(kPairsInside, pairs.counted);
  return pairs;
}

absl::StatusOr<OpCounts> CountConv(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveConv(node));
  // The output as the shape rule gave it, so that the two can't disagree.
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const auto output = absl::MakeConstSpan(y->shape.dims());
  node.Let("out_spatial", Volume(output.subspan(2)));
  const Extent patch = Volume({g.in_channels_of_group, g.kernel_volume()});
  Count macs = Volume({Volume(output), patch});
  Pairs pairs;
  if (node.options().skip_padding) {
    OPCOST_ASSIGN_OR_RETURN(
        const std::optional<Extent> inside,
        PairsInside(node, g.in_spatial, g.kernel, output.subspan(2)));
    pairs = PairsOf(
        node, Volume({Volume(output.subspan(2)), g.kernel_volume()}), inside);
    macs =
        Volume({output[0], output[1], g.in_channels_of_group, pairs.counted});
  }
  OpCounts counts =
      CountMacs(node, g, macs,
                {.weight = Volume({g.out_channels_of_group, patch}),
                 .input = patch,
                 .output = g.out_channels_of_group});
  AddWeightMatrix(counts, node,
                  {.blocks = g.group,
                   .rows = g.out_channels_of_group,
                   .columns = patch,
                   .vectors = g.batch * Volume(output.subspan(2)),
                   .is_one_matrix = true});
  counts.bound_reason = std::move(pairs.bound_reason);
  return counts;
}

absl::StatusOr<OpCounts> CountConvTranspose(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Geometry g, ResolveConvTranspose(node));
  const Extent in_spatial = Volume(g.in_spatial);
  node.Let("in_spatial", in_spatial);
  const Extent patch = Volume({g.out_channels_of_group, g.kernel_volume()});
  Count macs = Volume({g.batch, g.in_channels, in_spatial, patch});
  Pairs pairs;
  if (node.options().skip_padding) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
    OPCOST_ASSIGN_OR_RETURN(
        const std::optional<Extent> inside,
        PairsInsideBack(node, g.in_spatial, g.kernel,
                        absl::MakeConstSpan(y->shape.dims()).subspan(2)));
    pairs = PairsOf(node, Volume({in_spatial, g.kernel_volume()}), inside);
    macs = Volume(
        {g.batch, g.in_channels, g.out_channels_of_group, pairs.counted});
  }
  OpCounts counts =
      CountMacs(node, g, macs,
                {.weight = Volume({patch, g.in_channels_of_group}),
                 .input = g.in_channels_of_group,
                 .output = patch});
  AddWeightMatrix(counts, node,
                  {.blocks = g.group,
                   .rows = patch,
                   .columns = g.in_channels_of_group,
                   .vectors = g.batch * in_spatial,
                   .is_transposed = true,
                   .is_one_matrix = true});
  counts.bound_reason = std::move(pairs.bound_reason);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "Conv",
     .since = 1,
     .infer = &InferConv,
     .count = &CountConv,
     .formula = {.macs = "N*M*(C/group)*kernel*out_spatial",
                 .mul = "MACs",
                 .add = "MACs",
                 .reads = "X: MACs; W: MACs; B: [B]*out",
                 .writes = "Y: out",
                 .rules = "R1 R2 R3 R9"},
     .description = "Convolution: one MAC per output, input channel of its "
                    "group and kernel element; sums start at the bias"},
    {.name = "ConvTranspose",
     .since = 1,
     .infer = &InferConvTranspose,
     .count = &CountConvTranspose,
     .formula = {.macs = "N*C*(M/group)*kernel*in_spatial",
                 .mul = "MACs",
                 .add = "MACs",
                 .reads = "X: MACs; W: MACs; B: [B]*out",
                 .writes = "Y: out",
                 .rules = "R1 R2 R3 R9"},
     .description = "Transposed convolution: one MAC per input, output channel "
                    "of its group and kernel element; sums start at the bias"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ConvOps() { return kOps; }

}  // namespace opcost
