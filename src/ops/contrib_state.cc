// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's operators that carry a state from run to run
// (docs/ContribOperators.md of ONNX Runtime): a causal depthwise convolution
// with the last inputs of the run before.
#include <cstdint>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr int kWeight = 1;
constexpr int kBias = 2;
constexpr int kPastState = 3;
constexpr int kPresentState = 1;  // output
constexpr int64_t kMaxWindow = 8;
constexpr int64_t kMaxDilation = int64_t{1} << 31;  // more is no model

struct CausalConv {
  Extent rows;    // sequences: batch x channels x the other image axes
  Extent length;  // of a sequence
  Extent taps;    // along the sequence
  Extent other_taps;
  Extent state;  // (taps - 1) x dilation
  int64_t dilation = 1;
  int64_t window = 0;
  bool has_activation = false;
  Dims present;

  Count out() const { return rows * length; }
};

bool Differ(const Extent& a, const Extent& b) {
  return a.is_concrete() && b.is_concrete() && !(a == b);
}

absl::Status ResolveAttributes(const NodeView& node, CausalConv* c) {
  OPCOST_ASSIGN_OR_RETURN(const std::string activation,
                          node.String("activation", "none"));
  OPCOST_ASSIGN_OR_RETURN(c->dilation, node.Int("dilation", 1));
  OPCOST_ASSIGN_OR_RETURN(c->window, node.Int("state_window", 0));
  c->has_activation = activation == "silu" || activation == "swish";
  if (!c->has_activation && activation != "none") {
    return node.Invalid("activation '", activation,
                        "' is none of silu, swish, none");
  }
  if (c->dilation < 1 || c->dilation > kMaxDilation) {
    return node.Invalid("dilation is ", c->dilation,
                        " but must be between 1 and ", kMaxDilation);
  }
  if (c->window < 0 || c->window > kMaxWindow) {
    return node.Invalid("state_window is ", c->window,
                        " but must be between 0 and ", kMaxWindow);
  }
  return absl::OkStatus();
}

absl::StatusOr<CausalConv> Resolve(const NodeView& node) {
  CausalConv c;
  OPCOST_RETURN_IF_ERROR(ResolveAttributes(node, &c));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* input, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* weight, node.Input(kWeight));
  OPCOST_ASSIGN_OR_RETURN(const int64_t ndim, node.Int("ndim", 1));
  OPCOST_ASSIGN_OR_RETURN(const int64_t last, node.Int("channels_last", 0));
  const absl::Span<const Extent> x = input->shape.dims();
  const absl::Span<const Extent> w = weight->shape.dims();
  if (ndim < 1 || ndim > 3 || (last != 0 && ndim != 1)) {
    return node.Invalid("ndim is ", ndim,
                        " but must be 1, 2 or 3, and 1 with "
                        "channels_last");
  }
  const auto axes = static_cast<size_t>(ndim);
  if (w.size() != axes + 2 || x.size() < 3 ||
      (last == 0 && x.size() != axes + 2)) {
    return node.Invalid("the input ", ToString(input->shape),
                        " and the weight ", ToString(weight->shape),
                        " don't have ", ndim, " image axes");
  }
  const Extent channels = last != 0 ? Volume(x.subspan(2)) : x[1];
  if (Differ(w[0], channels) || Differ(w[1], Extent(1))) {
    return node.Invalid("the weight must be ", channels.ToString(),
                        " channels x 1 x taps but is ",
                        ToString(weight->shape));
  }
  c.taps = w.back();
  if (c.taps.Is(0)) return node.Invalid("the weight has no taps");
  c.other_taps = Volume(w.subspan(2, axes - 1));
  c.state = (c.taps - Extent(1)) * c.dilation;
  const size_t sequence_axis = last != 0 ? 1 : x.size() - 1;
  c.length = x[sequence_axis];
  Dims sequences(x.begin(), x.end());
  sequences[sequence_axis] = Extent(1);
  c.rows = Volume(sequences);
  if (c.window > 0) c.present.push_back(Extent(c.window));
  c.present.insert(c.present.end(), x.begin(), x.end());
  c.present[sequence_axis + (c.window > 0 ? 1 : 0)] = c.state;
  return c;
}

absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(CausalConv c, Resolve(node));
  return OutputTypes{node.InputType(0), ValueType(node.InputType(0).tensor.type,
                                                  std::move(c.present))};
}

// Of each sequence, the uses of elements before its start: tap i reaches
// i x dilation back, from each position closer to the start than that.
Count UsesBeforeStart(const CausalConv& c) {
  const Extent far = c.taps - Extent(1);
  const Extent within = Extent::Min(far, c.length / c.dilation);
  return within * (within + 1) / 2 * c.dilation + (far - within) * c.length;
}

// The state after the run: the last inputs, and where they are too few, the
// last of the state before. Returns the copies from the input and the state.
std::pair<Count, Count> StateCopies(const CausalConv& c, bool has_past) {
  const Extent slots = c.window > 0 ? Extent(c.window) : Extent(1);
  const Extent from_input = Extent::Min(c.length, c.state);
  const Extent from_past = has_past ? c.state - from_input : Extent(0);
  return {Volume({slots, c.rows, from_input}),
          Volume({slots, c.rows, from_past})};
}

absl::StatusOr<OpCounts> CountCausalConv(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const CausalConv c, Resolve(node));
  const bool has_past = node.HasInput(kPastState);
  const Count out = c.out();
  const Count macs = Volume({c.rows, c.length, c.other_taps, c.taps});
  const Count before =
      has_past ? Volume({c.rows, c.other_taps, UsesBeforeStart(c)}) : Count(0);
  std::pair<Count, Count> copies{Count(0), Count(0)};
  Count written(0);
  if (node.IsOutputUsed(kPresentState)) {
    copies = StateCopies(c, has_past);
    written = Volume(c.present);
  }
  node.Let("out", out);
  node.Let("taps", c.taps * c.other_taps);
  node.Let("bias", Count(node.HasInput(kBias) ? 1 : 0));
  node.Let("silu", Count(c.has_activation ? 1 : 0));
  node.Let("before", before);
  node.Let("from_input", copies.first);
  node.Let("from_past", copies.second);
  node.Let("state", written);
  OpCounts counts;
  AddMacs(counts, 0, kWeight, macs);
  if (c.has_activation) {
    AddEach(counts, {.mul = 1, .sigmoid = 1}, out, OperandSet::Input(0));
  }
  ReadInput(counts, node, 0, macs - before + copies.first);
  ReadInputAs(counts, node, kWeight, macs, Role::kWeight);
  ReadInputAs(counts, node, kBias, out, Role::kBias);
  ReadInput(counts, node, kPastState, before + copies.second);
  WriteOutput(counts, node, 0, out);
  WriteOutput(counts, node, kPresentState, written);
  if (c.window > 0) {
    counts.bound_reason = "slots of the state window may hold zeros";
  }
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "CausalConvWithState",
     .since = 1,
     .infer = &Infer,
     .count = &CountCausalConv,
     .formula = {.macs = "out*taps",
                 .mul = "MACs + [silu]*out*(1 + sigmoid)",
                 .add = "MACs + [silu]*out*sigmoid",
                 .reads = "input: MACs - before + from_input; weight: MACs; "
                          "bias: [bias]*out; past_state: before + from_past",
                 .writes = "output: out; present_state: state",
                 .rules = "R1 R2 R3 R9"},
     .description = "depthwise convolution along the last image axis with the "
                    "inputs before it; `before` of the uses fall on the past "
                    "state, or on padding, which counts as input; the last "
                    "inputs are copied to present_state",
     .domain = "com.microsoft",
     .bound = "the slots of a state window count as full"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribStateOps() { return kOps; }

}  // namespace opcost
