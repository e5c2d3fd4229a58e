// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's operators with weights quantised in blocks: MatMulNBits,
// MatMulBnb4, MatMulFpQ4, GatherBlockQuantized.
// Source: ONNX Runtime, docs/ContribOperators.md.
//
// The weights are read at their packed width. Each use is one mul by the
// block's scale, and one add where a zero point is given, in the format of the
// activations; scales and zero points are read once per block and output. The
// zero point in the middle of the range, which holds where none is given, is
// another way to write signed numbers, and costs nothing.
#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr int64_t kLeastBlock = 16;
constexpr int kBitsOfByte = 8;

// A product of rows of `k` activations with a packed matrix.
struct PackedProduct {
  DataType type = DataType::kUndefined;
  Extent rows, k, n;  // n: results of a row
  Extent blocks;      // that one result takes its weights from
  NumberFormat weight;
  Extent stored;  // weights, those that fill the last block included
  Dims output;
  Count out() const { return rows * n; }
  Count macs() const { return Volume({rows, k, n}); }
};

NumberFormat PackedInteger(int64_t bits) {
  switch (bits) {
    case 2:
      return FormatOf(DataType::kUint2);
    case 4:
      return FormatOf(DataType::kUint4);
    case kBitsOfByte:
      return FormatOf(DataType::kUint8);
    default:
      return {NumberKind::kInt, static_cast<uint16_t>(bits),
              DataType::kUndefined};
  }
}

absl::StatusOr<int64_t> PositiveInt(const NodeView& node,
                                    absl::string_view name) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t value, node.Int(name, 0));
  if (value < 1) {
    return node.Invalid("attribute '", name, "' must be at least 1 but is ",
                        value);
  }
  return value;
}

absl::StatusOr<int64_t> BlockSize(const NodeView& node, int64_t otherwise) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t size,
                          node.Int("block_size", otherwise));
  if (size < kLeastBlock || (size & (size - 1)) != 0) {
    return node.Invalid("block_size must be a power of 2 and at least ",
                        kLeastBlock, " but is ", size);
  }
  return size;
}

absl::StatusOr<int64_t> Bits(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t bits, node.Int("bits", 4));
  if (bits < 2 || bits > kBitsOfByte) {
    return node.Invalid("bits must be 2 to 8 but is ", bits);
  }
  return bits;
}

// Fills what A says: the rows, and the output with `n` in place of `k`.
absl::Status TakeActivations(const NodeView& node, PackedProduct* p) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  const Dims& dims = a->shape.dims();
  if (dims.empty()) {
    return node.Invalid("A is a scalar but must have at least 1 axis");
  }
  if (dims.back().is_concrete() && p->k.is_concrete() &&
      !(dims.back() == p->k)) {
    return node.Invalid("the last axis of A has ", dims.back().ToString(),
                        " elements but the weight takes ", p->k.ToString());
  }
  p->type = a->type;
  p->rows = Volume(absl::MakeConstSpan(dims).first(dims.size() - 1));
  p->output = dims;
  p->output.back() = p->n;
  return absl::OkStatus();
}

// Errors: B is known to have other than `bytes` elements.
absl::Status CheckBytes(const NodeView& node, const Extent& bytes) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  const Extent given = Volume(b->shape.dims());
  if (given.is_concrete() && !(given == bytes)) {
    return node.Invalid("B is ", ToString(b->shape), " but the weights take ",
                        bytes.ToString(), " bytes");
  }
  return absl::OkStatus();
}

absl::StatusOr<PackedProduct> ResolveNBits(const NodeView& node) {
  PackedProduct p;
  OPCOST_ASSIGN_OR_RETURN(const int64_t k, PositiveInt(node, "K"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t n, PositiveInt(node, "N"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t bits, Bits(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t block, BlockSize(node, 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t prepacked,
                          node.Int("weight_prepacked", 0));
  p.k = k;
  p.n = n;
  p.blocks = Extent::CeilDiv(k, block);
  p.weight = PackedInteger(bits);
  p.stored = Volume({p.n, p.blocks, block});
  if (prepacked == 0) {
    OPCOST_RETURN_IF_ERROR(
        CheckBytes(node, Volume({p.n, p.blocks, Extent(block) * bits / 8})));
  }
  OPCOST_RETURN_IF_ERROR(TakeActivations(node, &p));
  return p;
}

// Blocks run over the whole of B, N rows of K codes; a result takes its weights
// from as many blocks as K fills.
absl::StatusOr<PackedProduct> ResolveBnb4(const NodeView& node) {
  PackedProduct p;
  OPCOST_ASSIGN_OR_RETURN(const int64_t features_in, PositiveInt(node, "K"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t features_out, PositiveInt(node, "N"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t block, BlockSize(node, 0));
  OPCOST_ASSIGN_OR_RETURN(const int64_t trans_b, node.Int("transB", 1));
  p.k = trans_b != 0 ? features_in : features_out;
  p.n = trans_b != 0 ? features_out : features_in;
  p.blocks = trans_b != 0 ? Extent::CeilDiv(p.k, block) : p.k;
  p.weight = PackedInteger(4);
  p.stored = p.k * p.n;
  OPCOST_RETURN_IF_ERROR(CheckBytes(node, Extent::CeilDiv(p.stored, 2)));
  OPCOST_RETURN_IF_ERROR(TakeActivations(node, &p));
  return p;
}

// The quantisation types of MatMulFpQ4, in their order.
struct FpQ4Type {
  int64_t block;
  bool has_offset;
};
constexpr FpQ4Type kFpQ4Types[] = {{32, false}, {32, true}, {64, false}};

absl::StatusOr<FpQ4Type> FpQ4TypeOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t type, node.Int("blk_quant_type", 1));
  if (type < 0 || type >= static_cast<int64_t>(std::size(kFpQ4Types))) {
    return node.Invalid("blk_quant_type must be 0, 1 or 2 but is ", type);
  }
  return kFpQ4Types[type];
}

absl::StatusOr<PackedProduct> ResolveFpQ4(const NodeView& node) {
  PackedProduct p;
  OPCOST_ASSIGN_OR_RETURN(const FpQ4Type type, FpQ4TypeOf(node));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<int64_t> shape, node.InputInts(2));
  if (shape.size() != 2 || shape[0] < 1 || shape[1] < 1) {
    return node.Invalid("B_shape must be two positive extents");
  }
  p.k = shape[0];
  p.n = shape[1];
  p.blocks = Extent::CeilDiv(p.k, type.block);
  p.weight = PackedInteger(4);
  p.stored = Volume({p.n, p.blocks, type.block});
  OPCOST_RETURN_IF_ERROR(TakeActivations(node, &p));
  return p;
}

using ResolveRule = absl::StatusOr<PackedProduct>(const NodeView&);

template <ResolveRule* kResolve>
absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(PackedProduct p, kResolve(node));
  return OutputTypes{ValueType(p.type, std::move(p.output))};
}

// Adds `uses` reads of `elements` numbers that operand `i` holds in `format`.
void ReadPacked(OpCounts& counts, const TypedNodeView& node, int i,
                const NumberFormat& format, const Count& elements,
                const Count& uses, Role role) {
  Access* access = ReadInputAs(counts, node, i, uses, role);
  if (access == nullptr) return;
  access->reads = uses;
  access->takes_weight_bits = false;
  access->packed_format = format;
  access->elements = elements;
  access->operand_elements = elements;
}

// The MACs on dequantised weights, all in the activations' format, and the
// reads of A and of the weights in B.
OpCounts CountPacked(const TypedNodeView& node, const PackedProduct& p,
                     bool has_zero_point) {
  const OperandSet a = OperandSet::Input(0);
  const Count macs = p.macs();
  node.Let("rows", p.rows);
  node.Let("K", p.k);
  node.Let("N", p.n);
  node.Let("blocks", p.blocks);
  node.Let("out", p.out());
  node.Let("zero_point", has_zero_point ? 1 : 0);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, a, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, a, macs, ArithRole::kAccumulate);
  counts.macs += macs;
  AddArith(counts, ArithOp::kMul, a, macs);
  if (has_zero_point) AddArith(counts, ArithOp::kAdd, a, macs);
  if (Access* x = ReadInputAs(counts, node, 0, macs, Role::kInput)) {
    x->operand_elements = p.k;
  }
  ReadPacked(counts, node, 1, p.weight, p.stored, macs, Role::kWeight);
  return counts;
}

void WritePacked(OpCounts& counts, const TypedNodeView& node,
                 const PackedProduct& p) {
  if (Access* y = WriteOutput(counts, node, 0, p.out())) {
    y->operand_elements = p.n;
  }
}

absl::StatusOr<OpCounts> CountNBits(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const PackedProduct p, ResolveNBits(node));
  constexpr int kScales = 2, kZeroPoints = 3, kGroups = 4, kBias = 5;
  OpCounts counts = CountPacked(node, p, node.HasInput(kZeroPoints));
  node.Let("g_idx", node.HasInput(kGroups) ? 1 : 0);
  node.Let("bias", node.HasInput(kBias) ? 1 : 0);
  const Count uses = Volume({p.out(), p.blocks});
  ReadInput(counts, node, kScales, uses);
  if (node.HasInput(kZeroPoints) &&
      node.InputType(kZeroPoints).tensor.type == DataType::kUint8) {
    ReadPacked(counts, node, kZeroPoints, p.weight, Volume({p.n, p.blocks}),
               uses, Role::kWeight);
  } else {
    ReadInput(counts, node, kZeroPoints, uses);
  }
  ReadInputAs(counts, node, kGroups, p.macs(), Role::kIndex);
  ReadInputAs(counts, node, kBias, p.out(), Role::kBias);
  WritePacked(counts, node, p);
  return counts;
}

absl::StatusOr<OpCounts> CountBnb4(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const PackedProduct p, ResolveBnb4(node));
  OpCounts counts = CountPacked(node, p, false);
  ReadInput(counts, node, 2, Volume({p.out(), p.blocks}));
  WritePacked(counts, node, p);
  return counts;
}

// B holds the weights of each block, its float32 scale, and a byte of offset.
absl::StatusOr<OpCounts> CountFpQ4(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const PackedProduct p, ResolveFpQ4(node));
  OPCOST_ASSIGN_OR_RETURN(const FpQ4Type type, FpQ4TypeOf(node));
  OpCounts counts = CountPacked(node, p, type.has_offset);
  const Count blocks = Volume({p.n, p.blocks});
  const Count uses = Volume({p.out(), p.blocks});
  ReadPacked(counts, node, 1, FormatOf(DataType::kFloat32), blocks, uses,
             Role::kWeight);
  if (type.has_offset) {
    ReadPacked(counts, node, 1, FormatOf(DataType::kUint8), blocks, uses,
               Role::kWeight);
  }
  WritePacked(counts, node, p);
  return counts;
}

// ---- GatherBlockQuantized --------------------------------------------------

struct BlockGather {
  DataType type = DataType::kUndefined;  // of the result: that of the scales
  NumberFormat weight;
  Dims data;  // extents in numbers, unpacked
  int gather_axis = 0;
  int quantize_axis = 0;
  Extent block;
  Dims output;
};

absl::StatusOr<BlockGather> ResolveBlockGather(const NodeView& node) {
  BlockGather g;
  OPCOST_ASSIGN_OR_RETURN(const TensorType* data, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* indices, node.Input(1));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* scales, node.Input(2));
  const int rank = data->shape.rank();
  OPCOST_ASSIGN_OR_RETURN(g.gather_axis, AxisOf(node, "gather_axis", 0, rank));
  OPCOST_ASSIGN_OR_RETURN(g.quantize_axis,
                          AxisOf(node, "quantize_axis", 1, rank));
  g.type = scales->type;
  g.data = data->shape.dims();
  g.weight = FormatOf(data->type);
  if (data->type == DataType::kUint8) {
    OPCOST_ASSIGN_OR_RETURN(const int64_t bits, Bits(node));
    if (kBitsOfByte % bits != 0) {
      return node.Invalid("bits must be 2, 4 or 8 but is ", bits);
    }
    g.weight = PackedInteger(bits);
    g.data.back() *= kBitsOfByte / bits;
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t whole, node.Int("block_size", 128));
  if (whole == 0 && IsFloating(data->type)) {
    g.block = g.data[static_cast<size_t>(g.quantize_axis)];
  } else {
    OPCOST_ASSIGN_OR_RETURN(g.block, BlockSize(node, 128));
  }
  const auto picked = g.data.begin() + g.gather_axis;
  g.output.assign(g.data.begin(), picked);
  g.output.insert(g.output.end(), indices->shape.dims().begin(),
                  indices->shape.dims().end());
  g.output.insert(g.output.end(), picked + 1, g.data.end());
  return g;
}

absl::StatusOr<OutputTypes> InferBlockGather(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(BlockGather g, ResolveBlockGather(node));
  return OutputTypes{ValueType(g.type, std::move(g.output))};
}

// How often a block and a slice of the output meet: where blocks run along the
// gathered axis, each element of the output has one of its own.
Count BlocksRead(const TypedNodeView& node, const BlockGather& g) {
  if (g.quantize_axis == g.gather_axis) return Volume(g.output);
  Count blocks = node.InputVolume(1);
  for (int axis = 0; axis < static_cast<int>(g.data.size()); ++axis) {
    const Extent& extent = g.data[static_cast<size_t>(axis)];
    if (axis == g.gather_axis) continue;
    blocks = Volume({blocks, axis == g.quantize_axis
                                 ? Extent::CeilDiv(extent, g.block)
                                 : extent});
  }
  return blocks;
}

absl::StatusOr<OpCounts> CountBlockGather(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const BlockGather g, ResolveBlockGather(node));
  constexpr int kScales = 2, kZeroPoints = 3;
  const bool has_zero_point = node.HasInput(kZeroPoints);
  const Count out = Volume(g.output);
  const Count blocks = BlocksRead(node, g);
  node.Let("out", out);
  node.Let("indices", node.InputVolume(1));
  node.Let("blocks", blocks);
  node.Let("zero_point", has_zero_point ? 1 : 0);
  OpCounts counts;
  AddArith(counts, ArithOp::kMul, OperandSet::Output(0), out);
  if (has_zero_point) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Output(0), out);
  }
  ReadPacked(counts, node, 0, g.weight, Volume(g.data), out, Role::kWeight);
  ReadInputAs(counts, node, 1, node.InputVolume(1), Role::kIndex);
  ReadInput(counts, node, kScales, blocks);
  if (has_zero_point) {
    Extent held = node.InputVolume(kZeroPoints);
    if (node.InputType(kZeroPoints).tensor.type == DataType::kUint8) {
      held *= kBitsOfByte / g.weight.width_bits;
    }
    ReadPacked(counts, node, kZeroPoints, g.weight, held, blocks,
               Role::kWeight);
  }
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr absl::string_view kMacs = "rows*K*N";

constexpr OpDef kOps[] = {
    {.name = "GatherBlockQuantized",
     .infer = &InferBlockGather,
     .count = &CountBlockGather,
     .formula = {.mul = "out",
                 .add = "[zero_point]*out",
                 .reads = "i0: out; i1: indices; i2: blocks;"
                          " zero_points: [zero_point]*blocks",
                 .writes = "o0: out",
                 .rules = "R1 R2"},
     .description = "Gather of weights quantised in blocks, dequantised on the "
                    "way: 1 mul each, 1 add with a zero point; a scale per "
                    "block and slice",
     .domain = "com.microsoft"},
    {.name = "MatMulBnb4",
     .infer = &Infer<&ResolveBnb4>,
     .count = &CountBnb4,
     .formula = {.macs = kMacs,
                 .mul = "2*MACs",
                 .add = "MACs",
                 .reads = "i0: MACs; i1: MACs; i2: out*blocks",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3"},
     .description = "MatMul with a weight of 4-bit codes (FP4, NF4): 1 mul per "
                    "use by the block's maximum, which is read once per block "
                    "and output",
     .domain = "com.microsoft"},
    {.name = "MatMulFpQ4",
     .infer = &Infer<&ResolveFpQ4>,
     .count = &CountFpQ4,
     .formula = {.macs = kMacs,
                 .mul = "2*MACs",
                 .add = "MACs + [zero_point]*MACs",
                 .reads = "i0: MACs; i1: MACs; scales: out*blocks;"
                          " zero_points: [zero_point]*out*blocks",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3"},
     .description = "MatMul with a 4-bit weight that holds its blocks' scales "
                    "and offsets: 1 mul per use, 1 add with an offset",
     .domain = "com.microsoft"},
    {.name = "MatMulNBits",
     .infer = &Infer<&ResolveNBits>,
     .count = &CountNBits,
     .formula = {.macs = kMacs,
                 .mul = "2*MACs",
                 .add = "MACs + [zero_point]*MACs",
                 .reads = "i0: MACs; i1: MACs; i2: out*blocks;"
                          " i3: [zero_point]*out*blocks; i4: [g_idx]*MACs;"
                          " i5: [bias]*out",
                 .writes = "o0: out",
                 .rules = "R1 R2 R3"},
     .description = "MatMul with a weight of 2 to 8 bits, quantised in blocks: "
                    "each use costs 1 mul, and 1 add where zero points are "
                    "given, in the activations' format, whatever "
                    "accuracy_level allows",
     .domain = "com.microsoft"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribQuantizedOps() { return kOps; }

}  // namespace opcost
