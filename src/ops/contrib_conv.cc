// SPDX-License-Identifier: Apache-2.0
// Convolutions that a runtime leaves in optimised graphs: with an activation or
// a sum fused to them, of quantised tensors, with the channels last, or in
// blocks of channels. Source: ONNX Runtime, docs/ContribOperators.md and the
// schemas of its domains com.microsoft.nchwc and com.ms.internal.nhwc.
//
// As Conv, whatever the layout: one MAC per output, input channel of its group
// and kernel element, sums start at the bias. The operand that is added to the
// result costs 1 add and 1 read per output, the activation moves nothing.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/families.h"
#include "src/ops/fused_activation.h"
#include "src/ops/requantize.h"
#include "src/ops/window.h"

namespace opcost {
namespace {

enum class Layout {
  kChannelsFirst,
  kChannelsLast,
  kAttribute,  // channels_last says which
  kBlocked,    // channels first, filled up to whole blocks
};

// Which operand is what; -1: there is none.
struct ConvForm {
  int x = 0, w = 1, bias = 2, sum = -1;
  Layout layout = Layout::kChannelsFirst;
  bool is_quantized = false;
};

constexpr ConvForm kFusedForm = {.sum = 3};
constexpr ConvForm kNhwcForm = {.layout = Layout::kChannelsLast};
constexpr ConvForm kNhwcFusedForm = {.sum = 3, .layout = Layout::kChannelsLast};
constexpr ConvForm kBlockedForm = {.sum = 3, .layout = Layout::kBlocked};
constexpr ConvForm kQLinearForm = {
    .w = 3, .bias = 8, .layout = Layout::kAttribute, .is_quantized = true};
constexpr ConvForm kQLinearNhwcForm = {
    .w = 3, .bias = 8, .layout = Layout::kChannelsLast, .is_quantized = true};
constexpr ConvForm kDynamicPadsForm = {.bias = 3};

constexpr int kDynamicPads = 2;
// Of QLinearConv.
constexpr int kWeightScale = 4;
constexpr int kYZeroPoint = 7;
constexpr int kScalarParameters[] = {1, 2, 6, 7};
constexpr int kWeightZeroPoint = 5;

struct ConvShape {
  DataType type = DataType::kUndefined;
  bool channels_last = false;
  Extent batch, in_channels, out_channels;
  int64_t group = 1;
  Dims in_spatial, kernel;
  Extent kernel_volume() const { return Volume(kernel); }
};

absl::StatusOr<bool> ChannelsLast(const NodeView& node, Layout layout) {
  if (layout != Layout::kAttribute) return layout == Layout::kChannelsLast;
  OPCOST_ASSIGN_OR_RETURN(const int64_t last, node.Int("channels_last", 0));
  return last != 0;
}

// The extents of the kernel: those of the weight, or of kernel_shape where the
// weight's aren't known.
absl::StatusOr<Dims> KernelOf(const NodeView& node, const Dims& weight) {
  Dims kernel(weight.begin() + 2, weight.end());
  OPCOST_ASSIGN_OR_RETURN(const std::optional<IntDims> stated,
                          KernelShapeAttribute(node, kernel.size()));
  for (size_t axis = 0; stated.has_value() && axis < kernel.size(); ++axis) {
    const Extent extent = (*stated)[axis];
    if (kernel[axis].is_concrete() && !(kernel[axis] == extent)) {
      return node.Invalid("kernel_shape is ",
                          ToString(Shape(Dims(stated->begin(), stated->end()))),
                          " but the weight's kernel is ",
                          ToString(Shape(kernel)));
    }
    kernel[axis] = extent;
  }
  return kernel;
}

// What the operands say; the channels of X in `channels`.
absl::StatusOr<ConvShape> ResolveOperands(const NodeView& node,
                                          const ConvForm& form,
                                          Extent* channels) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(form.x));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* w, node.Input(form.w));
  if (x->shape.rank() < 3 || x->shape.rank() != w->shape.rank()) {
    return node.Invalid("input ", ToString(x->shape), " and weight ",
                        ToString(w->shape),
                        " must have the same number of axes, at least 3");
  }
  ConvShape s;
  s.type = x->type;
  OPCOST_ASSIGN_OR_RETURN(s.channels_last, ChannelsLast(node, form.layout));
  OPCOST_ASSIGN_OR_RETURN(s.group, node.Int("group", 1));
  if (s.group < 1) {
    return node.Invalid("group must be at least 1 but is ", s.group);
  }
  const Dims& dims = x->shape.dims();
  const auto first = dims.begin() + (s.channels_last ? 1 : 2);
  s.batch = dims[0];
  *channels = s.channels_last ? dims.back() : dims[1];
  s.in_spatial.assign(first, first + (x->shape.rank() - 2));
  OPCOST_ASSIGN_OR_RETURN(s.kernel, KernelOf(node, w->shape.dims()));
  return s;
}

// OK if the bias and the sum, where they are, fit the output's `channels` and
// `rank`.
absl::Status CheckBias(const NodeView& node, const ConvForm& form,
                       const Extent& channels) {
  if (!node.HasInput(form.bias)) return absl::OkStatus();
  OPCOST_ASSIGN_OR_RETURN(const TensorType* bias, node.Input(form.bias));
  const Dims& dims = bias->shape.dims();
  if (dims.size() == 1 && (!dims[0].is_concrete() || !channels.is_concrete() ||
                           dims[0] == channels)) {
    return absl::OkStatus();
  }
  return node.Invalid("the bias is ", ToString(bias->shape), " but there are ",
                      channels.ToString(), " output channels");
}

absl::Status CheckGroup(const NodeView& node, int64_t group,
                        const Extent& channels, absl::string_view which) {
  if (!channels.is_concrete() || channels.value() % group == 0) {
    return absl::OkStatus();
  }
  return node.Invalid("group ", group, " does not divide the ",
                      channels.ToString(), " ", which, " channels");
}

absl::StatusOr<ConvShape> ResolveConv(const NodeView& node,
                                      const ConvForm& form) {
  Extent channels;
  OPCOST_ASSIGN_OR_RETURN(ConvShape s, ResolveOperands(node, form, &channels));
  const Dims& weight = node.InputType(form.w).tensor.shape.dims();
  s.out_channels = weight[0];
  s.in_channels = weight[1] * s.group;
  if (s.in_channels.overflowed()) {
    return node.Invalid("group ", s.group, " x ", weight[1].ToString(),
                        " channels don't fit 63 bits");
  }
  // Of blocked channels the block is the machine's: either may be filled up.
  if (form.layout != Layout::kBlocked && s.in_channels.is_concrete() &&
      channels.is_concrete() && !(s.in_channels == channels)) {
    return node.Invalid("the weight reads ", weight[1].ToString(), " x group ",
                        s.group, " channels but the input has ",
                        channels.ToString());
  }
  OPCOST_RETURN_IF_ERROR(CheckGroup(node, s.group, s.out_channels, "output"));
  OPCOST_RETURN_IF_ERROR(CheckBias(node, form, s.out_channels));
  return s;
}

Dims OutputDims(const ConvShape& s, const Dims& spatial) {
  Dims output = {s.batch};
  if (!s.channels_last) output.push_back(s.out_channels);
  output.insert(output.end(), spatial.begin(), spatial.end());
  if (s.channels_last) output.push_back(s.out_channels);
  return output;
}

template <const ConvForm* kForm>
absl::StatusOr<OutputTypes> InferConv(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(ConvShape s, ResolveConv(node, *kForm));
  OPCOST_ASSIGN_OR_RETURN(const Dims spatial,
                          SlideWindow(node, s.in_spatial, s.kernel));
  if (kForm->is_quantized) {
    for (const int i : kScalarParameters) {
      OPCOST_RETURN_IF_ERROR(
          CheckOneElement(node, i, absl::StrCat("operand ", i)));
    }
    if (node.HasInput(kYZeroPoint)) {
      s.type = node.InputType(kYZeroPoint).tensor.type;
    }
  }
  return OutputTypes{ValueType(s.type, OutputDims(s, spatial))};
}

// What one matrix-vector product touches: a group's weights, a patch, a column.
struct Scope {
  Extent weight, input, output;
};

// The MACs, the reads of X, W, bias and sum, and the write of the output.
OpCounts CountMacs(const TypedNodeView& node, const ConvForm& form,
                   const ConvShape& s, const Count& macs, const Scope& scope) {
  const Count out = node.OutputVolume(0);
  const bool has_sum = form.sum >= 0 && node.HasInput(form.sum);
  node.Let("N", s.batch);
  node.Let("C", s.in_channels);
  node.Let("M", s.out_channels);
  node.Let("group", s.group);
  node.Let("kernel", s.kernel_volume());
  node.Let("out", out);
  node.Let("B", node.HasInput(form.bias) ? 1 : 0);
  node.Let("sum", has_sum ? 1 : 0);
  OpCounts counts;
  AddMacs(counts, form.x, form.w, macs);
  if (has_sum) AddArith(counts, ArithOp::kAdd, OperandSet::Output(0), out);
  if (Access* x = ReadInputAs(counts, node, form.x, macs, Role::kWeight)) {
    x->operand_elements = scope.input;
  }
  if (Access* w = ReadInputAs(counts, node, form.w, macs, Role::kWeight)) {
    w->operand_elements = scope.weight;
  }
  if (Access* bias = ReadInputAs(counts, node, form.bias, out, Role::kBias)) {
    bias->operand_elements = scope.output;
  }
  if (has_sum) ReadInput(counts, node, form.sum, out);
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

absl::StatusOr<OpCounts> CountGathering(const TypedNodeView& node,
                                        const ConvForm& form) {
  OPCOST_ASSIGN_OR_RETURN(const ConvShape s, ResolveConv(node, form));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Dims& dims = y->shape.dims();
  const auto spatial = absl::MakeConstSpan(dims).subspan(
      s.channels_last ? 1 : 2, dims.size() - 2);
  node.Let("out_spatial", Volume(spatial));
  const Extent patch = Volume({s.in_channels / s.group, s.kernel_volume()});
  const Extent column = s.out_channels / s.group;
  Count macs = Volume({Volume(dims), patch});
  Pairs pairs;
  if (node.options().skip_padding) {
    OPCOST_ASSIGN_OR_RETURN(const std::optional<Extent> inside,
                            PairsInside(node, s.in_spatial, s.kernel, spatial));
    pairs = PairsOf(node, Volume({Volume(spatial), s.kernel_volume()}), inside);
    macs = Volume(
        {dims[0], s.out_channels, s.in_channels / s.group, pairs.counted});
  }
  OpCounts counts = CountMacs(
      node, form, s, macs,
      {.weight = Volume({column, patch}), .input = patch, .output = column});
  // Blocked weights lie in another order.
  if (form.layout != Layout::kBlocked) {
    AddWeightMatrix(counts, node,
                    {.operand = static_cast<int16_t>(form.w),
                     .vector_operand = static_cast<int16_t>(form.x),
                     .blocks = s.group,
                     .rows = column,
                     .columns = patch,
                     .vectors = dims[0] * Volume(spatial),
                     .is_one_matrix = true});
  }
  counts.bound_reason = std::move(pairs.bound_reason);
  return counts;
}

template <const ConvForm* kForm>
absl::StatusOr<OpCounts> CountConv(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const PerElement each, FusedActivation(node));
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, CountGathering(node, *kForm));
  AddActivation(counts, node, each, node.OutputVolume(0));
  return counts;
}

template <const ConvForm* kForm>
absl::StatusOr<OpCounts> CountQLinearConv(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(OpCounts counts, CountGathering(node, *kForm));
  const Count out = node.OutputVolume(0);
  AddRequantize(counts, out);
  node.Let("scales", ScaleReads(node, kWeightScale, out));
  ReadScale(counts, node, kWeightScale, out);
  Count parameters = ZeroPointReads(node, kWeightZeroPoint);
  ReadZeroPoint(counts, node, kWeightZeroPoint);
  for (const int i : kScalarParameters) {
    parameters += ZeroPointReads(node, i);
    ReadZeroPoint(counts, node, i);
  }
  node.Let("parameters", parameters);
  return counts;
}

// ---- ConvTransposeWithDynamicPads ------------------------------------------

absl::StatusOr<ConvShape> ResolveTransposed(const NodeView& node,
                                            Extent* channels_of_group) {
  Extent channels;
  OPCOST_ASSIGN_OR_RETURN(ConvShape s,
                          ResolveOperands(node, kDynamicPadsForm, &channels));
  const Dims& weight = node.InputType(1).tensor.shape.dims();
  s.in_channels = weight[0];
  *channels_of_group = weight[1];
  s.out_channels = weight[1] * s.group;
  if (s.in_channels.is_concrete() && channels.is_concrete() &&
      !(s.in_channels == channels)) {
    return node.Invalid("the weight reads ", weight[0].ToString(),
                        " channels but the input has ", channels.ToString());
  }
  if (s.out_channels.overflowed()) {
    return node.Invalid("group ", s.group, " x ", weight[1].ToString(),
                        " output channels don't fit 63 bits");
  }
  OPCOST_RETURN_IF_ERROR(CheckGroup(node, s.group, s.in_channels, "input"));
  OPCOST_RETURN_IF_ERROR(CheckBias(node, kDynamicPadsForm, s.out_channels));
  return s;
}

absl::StatusOr<OutputTypes> InferTransposed(const NodeView& node) {
  Extent unused;
  OPCOST_ASSIGN_OR_RETURN(const ConvShape s, ResolveTransposed(node, &unused));
  OPCOST_ASSIGN_OR_RETURN(Dims spatial,
                          SlideWindowBack(node, s.in_spatial, s.kernel));
  if (node.HasInput(kDynamicPads)) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> pads,
                            node.InputInts(kDynamicPads));
    if (pads.size() != 2 * spatial.size()) {
      return node.Invalid("there are ", pads.size(), " pads but ",
                          spatial.size(), " axes need ", 2 * spatial.size());
    }
    for (size_t axis = 0; axis < spatial.size(); ++axis) {
      const Extent pad = Extent(pads[axis]) + pads[axis + spatial.size()];
      const Extent left = spatial[axis] - pad;
      if (left.overflowed()) {
        return node.Invalid(
            "the pads of ", pad.ToString(), " leave nothing of the output's ",
            spatial[axis].ToString(), " on spatial axis ", axis);
      }
      spatial[axis] = left;
    }
  }
  return OutputTypes{ValueType(s.type, OutputDims(s, spatial))};
}

absl::StatusOr<OpCounts> CountTransposed(const TypedNodeView& node) {
  Extent column;
  OPCOST_ASSIGN_OR_RETURN(const ConvShape s, ResolveTransposed(node, &column));
  const Extent in_spatial = Volume(s.in_spatial);
  node.Let("in_spatial", in_spatial);
  const Extent patch = Volume({column, s.kernel_volume()});
  const Extent row = s.in_channels / s.group;
  Count macs = Volume({s.batch, s.in_channels, in_spatial, patch});
  Pairs pairs;
  if (node.options().skip_padding) {
    std::vector<int64_t> pads;
    if (node.HasInput(kDynamicPads)) {
      OPCOST_ASSIGN_OR_RETURN(pads, node.InputInts(kDynamicPads));
    }
    OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
    OPCOST_ASSIGN_OR_RETURN(
        const std::optional<Extent> inside,
        PairsInsideBack(node, s.in_spatial, s.kernel,
                        absl::MakeConstSpan(y->shape.dims()).subspan(2), pads));
    pairs = PairsOf(node, Volume({in_spatial, s.kernel_volume()}), inside);
    macs = Volume({s.batch, s.in_channels, column, pairs.counted});
  }
  OpCounts counts = CountMacs(
      node, kDynamicPadsForm, s, macs,
      {.weight = Volume({patch, row}), .input = row, .output = patch});
  counts.bound_reason = std::move(pairs.bound_reason);
  return counts;
}

constexpr Formula kFusedFormula = {
    .macs = "N*M*(C/group)*kernel*out_spatial",
    .mul =
        "MACs + out*(act_mul + act_div*div + act_exp*exp + act_log*log"
        " + act_erf*erf + act_tanh*tanh + act_sigmoid*sigmoid)",
    .add =
        "MACs + [sum]*out"
        " + out*(act_add + act_div*div + act_exp*exp + act_log*log"
        " + act_erf*erf + act_tanh*tanh + act_sigmoid*sigmoid)",
    .reads = "i0: MACs; i1: MACs; i2: [B]*out; i3: [sum]*out",
    .writes = "o0: out",
    .rules = "R1 R2 R3 R6 R9"};
constexpr Formula kQLinearFormula = {
    .macs = "N*M*(C/group)*kernel*out_spatial",
    .mul = "MACs + out",
    .add = "MACs + 3*out",
    .reads =
        "i0: MACs; i3: MACs; i4: scales; parameters: parameters; i8: [B]*out",
    .writes = "o0: out",
    .rules = "R1 R2 R3 R9"};

constexpr OpDef kOps[] = {
    {.name = "ConvTransposeWithDynamicPads",
     .infer = &InferTransposed,
     .count = &CountTransposed,
     .formula = {.macs = "N*C*(M/group)*kernel*in_spatial",
                 .mul = "MACs",
                 .add = "MACs",
                 .reads = "i0: MACs; i1: MACs; i3: [B]*out",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3 R8 R9"},
     .description = "ConvTranspose whose pads are an operand",
     .domain = "com.microsoft"},
    {.name = "FusedConv",
     .infer = &InferConv<&kFusedForm>,
     .count = &CountConv<&kFusedForm>,
     .formula = kFusedFormula,
     .description = "Conv, then the sum with Z where it is there, then an "
                    "activation, before the result is written",
     .domain = "com.microsoft"},
    {.name = "NhwcConv",
     .infer = &InferConv<&kNhwcForm>,
     .count = &CountConv<&kNhwcForm>,
     .formula = kFusedFormula,
     .description = "Conv with the channels last in input and output",
     .domain = "com.microsoft"},
    {.name = "NhwcFusedConv",
     .infer = &InferConv<&kNhwcFusedForm>,
     .count = &CountConv<&kNhwcFusedForm>,
     .formula = kFusedFormula,
     .description = "FusedConv with the channels last in input and output",
     .domain = "com.microsoft"},
    {.name = "QLinearConv",
     .infer = &InferConv<&kQLinearForm>,
     .count = &CountQLinearConv<&kQLinearForm>,
     .formula = kQLinearFormula,
     .description = "Conv of int8, accumulated in int32, requantised once per "
                    "output; channels_last says where the channels stand",
     .domain = "com.microsoft"},
    {.name = "Conv",
     .infer = &InferConv<&kBlockedForm>,
     .count = &CountConv<&kBlockedForm>,
     .formula = kFusedFormula,
     .description = "FusedConv in blocks of channels: the channels that fill "
                    "up a block count as the weight has them",
     .domain = "com.microsoft.nchwc"},
    {.name = "Conv",
     .infer = &InferConv<&kNhwcForm>,
     .count = &CountConv<&kNhwcForm>,
     .formula = kFusedFormula,
     .description = "Conv with the channels last, and an activation",
     .domain = "com.ms.internal.nhwc"},
    {.name = "QLinearConv",
     .infer = &InferConv<&kQLinearNhwcForm>,
     .count = &CountQLinearConv<&kQLinearNhwcForm>,
     .formula = kQLinearFormula,
     .description = "QLinearConv with the channels last",
     .domain = "com.ms.internal.nhwc"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribConvOps() { return kOps; }

}  // namespace opcost
