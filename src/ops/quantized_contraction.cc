// SPDX-License-Identifier: Apache-2.0
// Contractions of integers: ConvInteger and MatMulInteger, whose result is the
// int32 sum; QLinearConv and QLinearMatMul, which requantise it.
//
// Zero points are folded into the sums: each of their elements is read once.
// Requantising an output is 1 mul by the scales' quotient (R7) and 3 adds: the
// zero point and two saturating comparisons, in float32.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/agree.h"
#include "src/ops/families.h"
#include "src/ops/matrix_product.h"
#include "src/ops/requantize.h"
#include "src/ops/window.h"

namespace opcost {
namespace {

// Which operand is which; kNone: the operator has none.
constexpr int kNone = -1;
struct Operands {
  int left = 0;
  int right = 1;
  int left_scale = kNone;
  int left_zero_point = 2;
  int right_scale = kNone;
  int right_zero_point = 3;
  int output_scale = kNone;
  int output_zero_point = kNone;
  int bias = kNone;
};
constexpr Operands kInteger;
constexpr Operands kQLinear = {.left = 0,
                               .right = 3,
                               .left_scale = 1,
                               .left_zero_point = 2,
                               .right_scale = 4,
                               .right_zero_point = 5,
                               .output_scale = 6,
                               .output_zero_point = 7,
                               .bias = 8};

// A contraction of two operands, and what one matrix-vector product touches.
struct Contraction {
  Dims output;
  Count macs;
  Extent left_scope, right_scope, output_scope;
  // Of convolutions, for --padding skipped.
  Dims in_spatial, kernel;
  Extent in_channels_of_group;
  // The constant operand, if there is one.
  WeightMatrix matrix;
};

// The extents of a kernel, the same as kernel_shape if that is there.
absl::StatusOr<Dims> KernelOf(const NodeView& node, const Dims& weight) {
  Dims kernel(weight.begin() + 2, weight.end());
  OPCOST_ASSIGN_OR_RETURN(const std::optional<IntDims> stated,
                          KernelShapeAttribute(node, kernel.size()));
  if (!stated.has_value()) return kernel;
  for (size_t axis = 0; axis < kernel.size(); ++axis) {
    OPCOST_ASSIGN_OR_RETURN(
        kernel[axis], Agree(node, "kernel_shape", (*stated)[axis],
                            "the weight's kernel on that axis", kernel[axis]));
  }
  return kernel;
}

absl::StatusOr<int64_t> GroupOf(const NodeView& node, const Extent& outputs) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t group, node.Int("group", 1));
  if (group < 1) {
    return node.Invalid("group must be at least 1 but is ", group);
  }
  if (outputs.is_concrete() && outputs.value() % group != 0) {
    return node.Invalid("group ", group, " does not divide the ",
                        outputs.ToString(), " output channels");
  }
  return group;
}

// OK if operand `i` is absent or has one element, or one per output channel.
absl::Status CheckPerChannel(const NodeView& node, int i,
                             absl::string_view what, const Extent& channels) {
  if (!node.HasInput(i)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* operand, node.Input(i));
  const Extent elements = Volume(operand->shape.dims());
  if (elements.Is(1) || CouldAgree(elements, channels)) return absl::OkStatus();
  return node.Invalid(what, " has ", elements.ToString(),
                      " elements but must have 1 or one for each of the ",
                      channels.ToString(), " output channels");
}

absl::StatusOr<Contraction> ResolveConv(const NodeView& node,
                                        const Operands& o) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(o.left));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* w, node.Input(o.right));
  const Dims& x_dims = x->shape.dims();
  const Dims& w_dims = w->shape.dims();
  if (x_dims.size() < 3 || x_dims.size() != w_dims.size()) {
    return node.Invalid("input ", ToString(x->shape), " and weight ",
                        ToString(w->shape),
                        " must have the same number of axes, at least 3");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t group, GroupOf(node, w_dims[0]));
  OPCOST_RETURN_IF_ERROR(Agree(node, "the number of input channels", x_dims[1],
                               "group times the weight's second axis",
                               w_dims[1] * group)
                             .status());
  OPCOST_RETURN_IF_ERROR(CheckPerChannel(node, o.right_zero_point,
                                         "the weight's zero point", w_dims[0]));
  if (o.right_scale != kNone) {
    OPCOST_RETURN_IF_ERROR(
        CheckPerChannel(node, o.right_scale, "the weight's scale", w_dims[0]));
    OPCOST_RETURN_IF_ERROR(
        CheckOptionalShapeIs(node, o.bias, "the bias", {w_dims[0]}));
  }
  OPCOST_ASSIGN_OR_RETURN(const Dims kernel, KernelOf(node, w_dims));
  const absl::Span<const Extent> spatial = absl::MakeConstSpan(x_dims);
  OPCOST_ASSIGN_OR_RETURN(const Dims slid,
                          SlideWindow(node, spatial.subspan(2), kernel));
  const Extent patch = Volume({w_dims[1], Volume(kernel)});
  Contraction c;
  c.output = {x_dims[0], w_dims[0]};
  c.output.insert(c.output.end(), slid.begin(), slid.end());
  c.macs = Volume({Volume(c.output), patch});
  c.left_scope = patch;
  c.output_scope = w_dims[0] / group;
  c.right_scope = Volume({c.output_scope, patch});
  c.in_spatial.assign(x_dims.begin() + 2, x_dims.end());
  c.kernel = kernel;
  c.in_channels_of_group = w_dims[1];
  c.matrix = {.operand = static_cast<int16_t>(o.right),
              .vector_operand = static_cast<int16_t>(o.left),
              .blocks = group,
              .rows = c.output_scope,
              .columns = patch,
              .vectors = x_dims[0] * Volume(slid),
              .is_one_matrix = true};
  return c;
}

// Of a constant operand of extents `dims`: A's rows, B's columns are output
// features.
WeightMatrix MatrixOf(const MatrixProduct& p, const Operands& o, bool is_a,
                      const Dims& dims) {
  const auto stack =
      absl::MakeConstSpan(dims).first(dims.size() < 2 ? 0 : dims.size() - 2);
  const Count blocks = Volume(stack);
  const Count vectors = blocks.Is(0) ? Count(0) : Volume(p.batch) / blocks;
  return {.operand = static_cast<int16_t>(is_a ? o.left : o.right),
          .vector_operand = static_cast<int16_t>(is_a ? o.right : o.left),
          .blocks = blocks,
          .rows = is_a ? p.m : p.n,
          .columns = p.k,
          .vectors = vectors * (is_a ? p.n : p.m),
          .is_transposed = !is_a};
}

absl::StatusOr<Contraction> ResolveMatMul(const NodeView& node,
                                          const Operands& o) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(o.left));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(o.right));
  OPCOST_ASSIGN_OR_RETURN(
      MatrixProduct p, MatrixProductOf(node, a->shape.dims(), b->shape.dims()));
  const bool matrix_is_a = node.IsConstant(o.left) && !node.IsConstant(o.right);
  Contraction c;
  c.macs = p.macs();
  c.matrix = MatrixOf(p, o, matrix_is_a, (matrix_is_a ? a : b)->shape.dims());
  c.output = std::move(p.output);
  c.left_scope = matrix_is_a ? Volume({p.k, p.m}) : p.k;
  c.right_scope = matrix_is_a ? p.k : Volume({p.k, p.n});
  c.output_scope = matrix_is_a ? p.m : p.n;
  return c;
}

using Resolver = absl::StatusOr<Contraction>(const NodeView&, const Operands&);

template <Resolver* kResolve>
absl::StatusOr<OutputTypes> InferInteger(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Contraction c, kResolve(node, kInteger));
  return OutputTypes{ValueType(DataType::kInt32, std::move(c.output))};
}

// The output has its zero point's type.
template <Resolver* kResolve>
absl::StatusOr<OutputTypes> InferQLinear(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Contraction c, kResolve(node, kQLinear));
  for (int i = 0; i < kQLinear.bias; ++i) {
    if (!node.HasInput(i)) return node.Input(i).status();
  }
  const DataType type = node.InputType(kQLinear.output_zero_point).tensor.type;
  return OutputTypes{ValueType(type, std::move(c.output))};
}

// Under --padding skipped, takes products with padding off a convolution's
// MACs; the result says why they are a bound, and is empty where they aren't.
absl::StatusOr<std::string> SkipPadding(const TypedNodeView& node,
                                        Contraction* c) {
  if (!node.options().skip_padding || c->kernel.empty()) return std::string();
  const auto output = absl::MakeConstSpan(c->output);
  OPCOST_ASSIGN_OR_RETURN(
      const std::optional<Extent> inside,
      PairsInside(node, c->in_spatial, c->kernel, output.subspan(2)));
  if (!inside.has_value()) return std::string(kPaddingIsCounted);
  c->macs = Volume({output[0], output[1], c->in_channels_of_group, *inside});
  return std::string();
}

// The MACs, the reads of both operands, and each element of the zero points.
OpCounts CountMacs(const TypedNodeView& node, const Contraction& c,
                   const Operands& o) {
  node.Let("products", c.macs);
  node.Let("out", Volume(c.output));
  OpCounts counts;
  AddMacs(counts, o.left, o.right, c.macs);
  if (Access* a = ReadInputAs(counts, node, o.left, c.macs, Role::kWeight)) {
    a->operand_elements = c.left_scope;
  }
  if (Access* b = ReadInputAs(counts, node, o.right, c.macs, Role::kWeight)) {
    b->operand_elements = c.right_scope;
  }
  AddWeightMatrix(counts, node, c.matrix);
  node.Let("left_zero_points", ZeroPointReads(node, o.left_zero_point));
  node.Let("right_zero_points", ZeroPointReads(node, o.right_zero_point));
  ReadZeroPoint(counts, node, o.left_zero_point);
  ReadZeroPoint(counts, node, o.right_zero_point);
  return counts;
}

void WriteResult(OpCounts& counts, const TypedNodeView& node,
                 const Contraction& c) {
  if (Access* y = WriteOutput(counts, node, 0, Volume(c.output))) {
    y->operand_elements = c.output_scope;
  }
}

template <Resolver* kResolve>
absl::StatusOr<OpCounts> CountInteger(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Contraction c, kResolve(node, kInteger));
  OPCOST_ASSIGN_OR_RETURN(std::string bound_reason, SkipPadding(node, &c));
  OpCounts counts = CountMacs(node, c, kInteger);
  counts.bound_reason = std::move(bound_reason);
  WriteResult(counts, node, c);
  return counts;
}

template <Resolver* kResolve>
absl::StatusOr<OpCounts> CountQLinear(const TypedNodeView& node) {
  constexpr Operands o = kQLinear;
  OPCOST_ASSIGN_OR_RETURN(Contraction c, kResolve(node, o));
  OPCOST_ASSIGN_OR_RETURN(std::string bound_reason, SkipPadding(node, &c));
  const Count out = Volume(c.output);
  OpCounts counts = CountMacs(node, c, o);
  counts.bound_reason = std::move(bound_reason);
  const bool has_bias = node.HasInput(o.bias);
  node.Let("B", has_bias ? 1 : 0);
  AddRequantize(counts, out);
  const std::pair<absl::string_view, int> parameters[] = {
      {"left_scales", o.left_scale},
      {"right_scales", o.right_scale},
      {"output_scales", o.output_scale},
      {"output_zero_points", o.output_zero_point}};
  for (const auto& [name, i] : parameters) {
    node.Let(name, ScaleReads(node, i, out));
    ReadScale(counts, node, i, out);
  }
  if (Access* bias = ReadInputAs(counts, node, o.bias, out, Role::kBias)) {
    bias->operand_elements = c.output_scope;
  }
  WriteResult(counts, node, c);
  return counts;
}

constexpr absl::string_view kRequantised =
    "per output 1 mul and 3 adds in float32 requantise the int32 sum; a scale "
    "of one element is read once, one per channel, row or column once per "
    "output; each element of the operands' zero points is read once";

constexpr OpDef kOps[] = {
    {.name = "ConvInteger",
     .since = 10,
     .infer = &InferInteger<&ResolveConv>,
     .count = &CountInteger<&ResolveConv>,
     .formula = {.macs = "products",
                 .mul = "MACs",
                 .add = "MACs",
                 .reads = "x: MACs; w: MACs; x_zero_point: left_zero_points; "
                          "w_zero_point: right_zero_points",
                 .writes = "y: out",
                 .rules = "R1 R2 R3 R7 R9"},
     .description = "as Conv, of integers, summed in int32; zero points are "
                    "folded: each of their elements is read once"},
    {.name = "MatMulInteger",
     .since = 10,
     .infer = &InferInteger<&ResolveMatMul>,
     .count = &CountInteger<&ResolveMatMul>,
     .formula = {.macs = "products",
                 .mul = "MACs",
                 .add = "MACs",
                 .reads = "A: MACs; B: MACs; a_zero_point: left_zero_points; "
                          "b_zero_point: right_zero_points",
                 .writes = "Y: out",
                 .rules = "R1 R2 R3 R7 R10"},
     .description = "as MatMul, of integers, summed in int32; zero points are "
                    "folded: each of their elements is read once"},
    {.name = "QLinearConv",
     .since = 10,
     .infer = &InferQLinear<&ResolveConv>,
     .count = &CountQLinear<&ResolveConv>,
     .formula =
         {.macs = "products",
          .mul = "MACs + out",
          .add = "MACs + 3*out",
          .reads =
              "x: MACs; w: MACs; x_zero_point: left_zero_points; w_zero_point: "
              "right_zero_points; x_scale: left_scales; w_scale: right_scales; "
              "y_scale: output_scales; y_zero_point: output_zero_points; "
              "B: [B]*out",
          .writes = "y: out",
          .rules = "R1 R2 R3 R7 R9"},
     .description = kRequantised},
    {.name = "QLinearMatMul",
     .since = 10,
     .infer = &InferQLinear<&ResolveMatMul>,
     .count = &CountQLinear<&ResolveMatMul>,
     .formula =
         {.macs = "products",
          .mul = "MACs + out",
          .add = "MACs + 3*out",
          .reads =
              "a: MACs; b: MACs; a_zero_point: left_zero_points; b_zero_point: "
              "right_zero_points; a_scale: left_scales; b_scale: right_scales; "
              "y_scale: output_scales; y_zero_point: output_zero_points",
          .writes = "y: out",
          .rules = "R1 R2 R3 R7 R10"},
     .description = kRequantised},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> QuantizedContractionOps() { return kOps; }

}  // namespace opcost
