// SPDX-License-Identifier: Apache-2.0
// Fourier transforms and what prepares their input: DFT, STFT, the windows,
// MelWeightMatrix.
//
// ONNX defines a transform as a sum and names no algorithm: it is counted as
// that sum, which a fast Fourier transform undercuts. Its factors
// exp(-2*pi*i*k*n/L) depend on shapes alone (R7): a scratch array of L complex
// numbers, of which each term reads one.
#include <optional>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"
#include "src/ops/sequence_types.h"

namespace opcost {
namespace {

constexpr absl::string_view kDirectSum =
    "counted as the sum that defines it; a fast Fourier transform needs fewer "
    "operations";

// ---- Sums
// --------------------------------------------------------------------

// Sums of `length` terms, one for each complex (or real) number of the output.
struct Transform {
  Extent sums;
  Extent length;
  int in_parts = 2;        // 1: real input
  int out_parts = 2;       // 1: real output
  bool is_scaled = false;  // by 1/length
};

// The products, sums and reads of factors; not the reads of the input. Names
// `sums`, `L`, `in_parts`, `out_parts`, `scaled` and `factor_parts`.
void AddSums(OpCounts& counts, const TypedNodeView& node, const Transform& t) {
  // A real number times a complex one whose real part is wanted alone.
  const int factor_parts = t.in_parts == 1 && t.out_parts == 1 ? 1 : 2;
  node.Let("sums", t.sums);
  node.Let("L", t.length);
  node.Let("in_parts", t.in_parts);
  node.Let("out_parts", t.out_parts);
  node.Let("scaled", t.is_scaled ? 1 : 0);
  node.Let("factor_parts", factor_parts);
  const OperandSet x = OperandSet::Input(0);
  const Count terms = Volume({t.sums, t.length});
  const Count macs = Volume({terms, t.in_parts, t.out_parts});
  AddArith(counts, ArithOp::kMul, x, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, x, macs, ArithRole::kAccumulate);
  counts.macs += macs;
  if (t.is_scaled) {
    AddArith(counts, ArithOp::kMul, x, Volume({t.sums, t.out_parts}));
  }
  UseScratch(counts, "factors", x, t.length * 2, terms * factor_parts, 0);
  counts.bound_reason = std::string(kDirectSum);
}

// 1 or 2, the real or complex numbers on the last axis of a signal.
absl::StatusOr<int> PartsOf(const NodeView& node, const Extent& last) {
  if (!last.is_concrete()) {
    return node.Unknown(
        "whether the signal is real or complex (1 or 2 on its "
        "last axis, ",
        last.ToString(), ") isn't known");
  }
  if (!last.Is(1) && !last.Is(2)) {
    return node.Invalid("the last axis must be 1 (real) or 2 (complex) but is ",
                        last.ToString());
  }
  return static_cast<int>(last.value());
}

// The one extent that operand `i` is, at least `least`.
absl::StatusOr<Extent> ScalarExtent(const NodeView& node, int i,
                                    absl::string_view what, int64_t least) {
  OPCOST_ASSIGN_OR_RETURN(const std::vector<SymValue> given,
                          InputSyms(node, i));
  if (given.size() != 1) {
    return node.Invalid(what, " must be one number but has ", given.size());
  }
  if (given[0].is_concrete() && given[0].value() < least) {
    return node.Invalid(what, " must be at least ", least, " but is ",
                        given[0].value());
  }
  return Extent(given[0]);
}

// floor(length/2) + 1, the part of a real signal's spectrum that isn't
// repeated.
Extent Onesided(const Extent& length) { return length / 2 + 1; }

// ---- DFT
// ---------------------------------------------------------------------

constexpr int kAxisOperandOpset = 20;

struct Dft {
  DataType type = DataType::kUndefined;
  Dims output;
  Transform transform;
};

// Attribute `axis` before opset 20, then operand 2.
absl::StatusOr<int> DftAxis(const NodeView& node, int rank) {
  int64_t axis = node.opset() >= kAxisOperandOpset ? -2 : 1;
  if (node.opset() < kAxisOperandOpset) {
    OPCOST_ASSIGN_OR_RETURN(axis, node.Int("axis", axis));
  } else if (node.HasInput(2)) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> given,
                            node.InputInts(2));
    if (given.size() != 1) {
      return node.Invalid("axis must be one number but has ", given.size());
    }
    axis = given[0];
  }
  OPCOST_ASSIGN_OR_RETURN(const int known, NormalizeAxis(node, axis, rank));
  if (known == rank - 1) {
    return node.Invalid("axis ", axis,
                        " is the last, which holds real and imaginary parts");
  }
  return known;
}

absl::StatusOr<Dft> ResolveDft(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  if (x->shape.rank() < 2) {
    return node.Invalid("the input must have at least 2 axes but has ",
                        x->shape.rank());
  }
  Dft dft;
  dft.type = x->type;
  dft.output = x->shape.dims();
  Transform& t = dft.transform;
  OPCOST_ASSIGN_OR_RETURN(t.in_parts, PartsOf(node, dft.output.back()));
  OPCOST_ASSIGN_OR_RETURN(const int axis, DftAxis(node, x->shape.rank()));
  OPCOST_ASSIGN_OR_RETURN(const int64_t inverse, node.Int("inverse", 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t onesided, node.Int("onesided", 0));
  Extent& extent = dft.output[static_cast<size_t>(axis)];
  const bool gives_reals = onesided != 0 && inverse != 0;
  if (onesided != 0 && inverse == 0 && t.in_parts == 2) {
    return node.Invalid("onesided is 1 but the input is complex");
  }
  t.is_scaled = inverse != 0;
  t.out_parts = gives_reals ? 1 : 2;
  t.length = gives_reals ? extent * 2 - 2 : extent;
  if (node.HasInput(1)) {
    OPCOST_ASSIGN_OR_RETURN(t.length, ScalarExtent(node, 1, "dft_length", 1));
  }
  extent = onesided != 0 && inverse == 0 ? Onesided(t.length) : t.length;
  dft.output.back() = 1;
  t.sums = Volume(dft.output);
  dft.output.back() = t.out_parts;
  return dft;
}

absl::StatusOr<OutputTypes> InferDft(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(Dft dft, ResolveDft(node));
  return OutputTypes{ValueType(dft.type, std::move(dft.output))};
}

absl::StatusOr<OpCounts> CountDft(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Dft dft, ResolveDft(node));
  const Transform& t = dft.transform;
  OpCounts counts;
  AddSums(counts, node, t);
  ReadInput(counts, node, 0, Volume({t.sums, t.length, t.in_parts}));
  WriteOutput(counts, node, 0, Volume({t.sums, t.out_parts}));
  return counts;
}

// ---- STFT
// --------------------------------------------------------------------

struct Stft {
  DataType type = DataType::kUndefined;
  Extent batch;
  Extent frames;
  Extent bins;
  Transform transform;
};

// The window's length, else frame_length, else the whole signal.
absl::StatusOr<Extent> FrameLength(const NodeView& node, const Extent& signal) {
  std::optional<Extent> length;
  if (node.HasInput(2)) {
    OPCOST_ASSIGN_OR_RETURN(const TensorType* window, node.Input(2));
    if (window->shape.rank() != 1) {
      return node.Invalid("the window must have 1 axis but has ",
                          window->shape.rank());
    }
    length = window->shape.dims()[0];
  }
  if (!node.HasInput(3)) return length.value_or(signal);
  OPCOST_ASSIGN_OR_RETURN(const Extent given,
                          ScalarExtent(node, 3, "frame_length", 1));
  if (length.has_value() && length->is_concrete() && given.is_concrete() &&
      !(*length == given)) {
    return node.Invalid("frame_length is ", given.ToString(),
                        " but the window has ", length->ToString(),
                        " elements");
  }
  return given;
}

absl::StatusOr<Stft> ResolveStft(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const Dims& dims = x->shape.dims();
  if (dims.size() != 2 && dims.size() != 3) {
    return node.Invalid("the signal must have 2 or 3 axes but has ",
                        dims.size());
  }
  Stft stft;
  stft.type = x->type;
  stft.batch = dims[0];
  Transform& t = stft.transform;
  t.in_parts = 1;
  if (dims.size() == 3) {
    OPCOST_ASSIGN_OR_RETURN(t.in_parts, PartsOf(node, dims[2]));
  }
  OPCOST_ASSIGN_OR_RETURN(const Extent step,
                          ScalarExtent(node, 1, "frame_step", 1));
  OPCOST_ASSIGN_OR_RETURN(t.length, FrameLength(node, dims[1]));
  if (t.length.is_concrete() && dims[1].is_concrete() &&
      t.length.value() > dims[1].value()) {
    return node.Invalid("a frame of ", t.length.ToString(),
                        " is longer than the signal of ", dims[1].ToString());
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t onesided, node.Int("onesided", 1));
  stft.frames = (dims[1] - t.length) / step + 1;
  stft.bins = onesided != 0 ? Onesided(t.length) : t.length;
  t.sums = Volume({stft.batch, stft.frames, stft.bins});
  return stft;
}

absl::StatusOr<OutputTypes> InferStft(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Stft stft, ResolveStft(node));
  return OutputTypes{
      ValueType(stft.type, {stft.batch, stft.frames, stft.bins, 2})};
}

// With a window each frame is first multiplied by it, into scratch.
absl::StatusOr<OpCounts> CountStft(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Stft stft, ResolveStft(node));
  const Transform& t = stft.transform;
  const bool has_window = node.HasInput(2);
  const Count terms = Volume({t.sums, t.length, t.in_parts});
  const Count framed = Volume({stft.batch, stft.frames, t.length});
  const Count windowed = framed * t.in_parts;
  node.Let("window", has_window ? 1 : 0);
  node.Let("framed", framed);
  OpCounts counts;
  AddSums(counts, node, t);
  if (has_window) {
    AddArith(counts, ArithOp::kMul, OperandSet::Inputs(0, 2), windowed);
    ReadInput(counts, node, 2, framed);
    UseScratch(counts, "frame", OperandSet::Input(0), t.length * t.in_parts,
               terms, windowed);
  }
  ReadInput(counts, node, 0, has_window ? windowed : terms);
  WriteOutput(counts, node, 0, t.sums * 2);
  return counts;
}

// ---- Windows and mel weights
// -------------------------------------------------

absl::StatusOr<DataType> OutputDataType(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(
      const int64_t number,
      node.Int("output_datatype", static_cast<int64_t>(DataType::kFloat32)));
  const std::optional<DataType> type = DataTypeFromOnnx(number);
  if (!type.has_value()) {
    return node.Invalid("output_datatype ", number, " is no element type");
  }
  return *type;
}

// The one extent that operand `i` is, or a symbol for axis `axis` of output 0.
absl::StatusOr<Extent> ExtentOrSymbol(const NodeView& node, int i, int axis,
                                      absl::string_view what, int64_t least) {
  absl::StatusOr<Extent> extent = ScalarExtent(node, i, what, least);
  if (extent.ok() || !IsUndetermined(extent.status())) return extent;
  return UnboundedExtent(node, 0, axis);
}

absl::StatusOr<OutputTypes> InferWindow(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const DataType type, OutputDataType(node));
  OPCOST_ASSIGN_OR_RETURN(const Extent size,
                          ExtentOrSymbol(node, 0, 0, "size", 0));
  return OutputTypes{ValueType(type, {size})};
}

// a0 - a1*cos(n*t) + a2*cos(n*2t), whose last term Blackman's window has alone;
// t is 2*pi over the length. The weights are floats, whatever the output is.
absl::StatusOr<OpCounts> CountWindow(const TypedNodeView& node, int cosines) {
  const Count out = node.OutputVolume(0);
  node.Let("out", out);
  const DataType type = node.OutputType(0).tensor.type;
  const OperandSet format = IsFloating(type)
                                ? OperandSet::Output(0)
                                : OperandSet::Fixed(DataType::kFloat32);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, format, out * cosines * 2);
  AddArith(counts, ArithOp::kAdd, format, out * cosines);
  AddArith(counts, ArithOp::kCos, format, out * cosines);
  WriteOutput(counts, node, 0, out);
  return counts;
}

template <int kCosines>
absl::StatusOr<OpCounts> CountCosines(const TypedNodeView& node) {
  return CountWindow(node, kCosines);
}

absl::StatusOr<OutputTypes> InferMelWeightMatrix(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const DataType type, OutputDataType(node));
  OPCOST_ASSIGN_OR_RETURN(const Extent mels,
                          ExtentOrSymbol(node, 0, 1, "num_mel_bins", 0));
  absl::StatusOr<Extent> length = ScalarExtent(node, 1, "dft_length", 0);
  if (!length.ok() && !IsUndetermined(length.status())) {
    return length.status();
  }
  const Extent bins =
      length.ok() ? Onesided(*length) : UnboundedExtent(node, 0, 0);
  return OutputTypes{ValueType(type, {bins, mels})};
}

constexpr Formula kOneCosine = {"0", "2*out + out*cos", "out + out*cos",
                                "",  "o0: out",         "R1 R7"};

constexpr OpDef kOps[] = {
    {.name = "BlackmanWindow",
     .since = 17,
     .infer = &InferWindow,
     .count = &CountCosines<2>,
     .formula = {.mul = "4*out + 2*out*cos",
                 .add = "2*out + 2*out*cos",
                 .reads = "",
                 .writes = "o0: out",
                 .rules = "R1 R7"},
     .description = "0.42 - 0.5*cos(n*t) + 0.08*cos(n*2t); a constant, as a "
                    "rule"},
    {.name = "DFT",
     .since = 17,
     .infer = &InferDft,
     .count = &CountDft,
     .formula = {.macs = "sums*L*in_parts*out_parts",
                 .mul = "MACs + scaled*sums*out_parts",
                 .add = "MACs",
                 .reads = "i0: sums*L*in_parts; factors: sums*L*factor_parts",
                 .writes = "o0: sums*out_parts",
                 .rules = "R1 R2 R7 R9"},
     .description = "sums of L terms, each a number of the signal (2 parts if "
                    "complex) times a factor; padding up to L counts; the "
                    "inverse is scaled by 1/L",
     .bound = kDirectSum},
    {.name = "HammingWindow",
     .since = 17,
     .infer = &InferWindow,
     .count = &CountCosines<1>,
     .formula = kOneCosine,
     .description = "25/46 - 21/46*cos(n*t); a constant, as a rule"},
    {.name = "HannWindow",
     .since = 17,
     .infer = &InferWindow,
     .count = &CountCosines<1>,
     .formula = kOneCosine,
     .description = "0.5 - 0.5*cos(n*t); a constant, as a rule"},
    {.name = "MelWeightMatrix",
     .since = 17,
     .infer = &InferMelWeightMatrix,
     .formula = {"0", "0", "0", "", "", "R7"},
     .description = "triangles over the bins of a spectrum; a constant, as a "
                    "rule",
     .uncountable = "how many bins its triangles cover depends on operands "
                    "that aren't constant"},
    {.name = "STFT",
     .since = 17,
     .infer = &InferStft,
     .count = &CountStft,
     .formula = {.macs = "sums*L*in_parts*out_parts",
                 .mul = "MACs + window*framed*in_parts",
                 .add = "MACs",
                 .reads = "i0: window*framed*in_parts + "
                          "(1 - window)*sums*L*in_parts; i2: window*framed; "
                          "frame: window*sums*L*in_parts; "
                          "factors: sums*L*factor_parts",
                 .writes = "o0: 2*sums; frame: window*framed*in_parts",
                 .rules = "R1 R2 R4 R7"},
     .description = "the DFT of each frame of L, first multiplied by the "
                    "window, if there is one, into scratch",
     .passes = "window, sums",
     .bound = kDirectSum},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> SignalOps() { return kOps; }

}  // namespace opcost
