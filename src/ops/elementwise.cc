// SPDX-License-Identifier: Apache-2.0
#include "src/ops/elementwise.h"

#include <algorithm>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/broadcast.h"

namespace opcost {
namespace {

// The first opset whose binary operators broadcast as numpy does.
constexpr int kNumpyBroadcastOpset = 7;
constexpr int kMaxOperandBits = 32;

// Before opset 7: operand 1 is repeated to fill operand 0, whose shape the
// result has. B's axes stand at `axis` and after, by default at the last ones.
absl::StatusOr<Dims> InferLegacyDims(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  OPCOST_ASSIGN_OR_RETURN(const int64_t broadcasts, node.Int("broadcast", 0));
  const Dims& to = a->shape.dims();
  const Dims& from = b->shape.dims();
  if (broadcasts == 0) {
    if (a->shape.is_concrete() && b->shape.is_concrete() && to != from) {
      return node.Invalid("shapes ", ToString(a->shape), " and ",
                          ToString(b->shape),
                          " must be equal, since broadcast isn't 1");
    }
    return to;
  }
  if (Volume(from).Is(1)) return to;
  int64_t axis = a->shape.rank() - b->shape.rank();
  if (node.HasAttribute("axis")) {
    OPCOST_ASSIGN_OR_RETURN(axis, AxisOf(node, "axis", 0, a->shape.rank()));
  }
  bool fits = axis >= 0 && axis + b->shape.rank() <= a->shape.rank();
  for (size_t i = 0; fits && i < from.size(); ++i) {
    const Extent& x = from[i];
    const Extent& y = to[static_cast<size_t>(axis) + i];
    fits = x.Is(1) || x == y || !x.is_concrete() || !y.is_concrete();
  }
  if (!fits) {
    return node.Invalid("operand 1 is ", ToString(b->shape),
                        ", which doesn't fill operand 0, ", ToString(a->shape),
                        ", at axis ", axis);
  }
  return to;
}

}  // namespace

void AddEach(OpCounts& counts, const PerElement& each, const Count& elements,
             OperandSet operands) {
  const std::pair<ArithOp, int> operations[] = {
      {ArithOp::kMul, each.mul},        {ArithOp::kAdd, each.add},
      {ArithOp::kDiv, each.div},        {ArithOp::kSqrt, each.sqrt},
      {ArithOp::kExp, each.exp},        {ArithOp::kLog, each.log},
      {ArithOp::kPow, each.pow},        {ArithOp::kSin, each.sin},
      {ArithOp::kCos, each.cos},        {ArithOp::kTan, each.tan},
      {ArithOp::kErf, each.erf},        {ArithOp::kTanh, each.tanh},
      {ArithOp::kSigmoid, each.sigmoid}};
  for (const auto& [op, times] : operations) {
    // Nothing times an overflow would overflow.
    if (times > 0) AddArith(counts, op, operands, elements * times);
  }
}

absl::StatusOr<OutputTypes> InferSameAsInput(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  return OutputTypes{ValueType(*x)};
}

absl::StatusOr<OpCounts> CountPass(const TypedNodeView& node,
                                   const PerElement& each) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* y, node.Output(0));
  const Count out = Volume(y->shape.dims());
  node.Let("out", out);
  OpCounts counts;
  AddEach(counts, each, out, OperandSet::Input(0));
  ReadInput(counts, node, 0, out);
  WriteOutput(counts, node, 0, out);
  return counts;
}

absl::StatusOr<Dims> InferBinaryDims(const NodeView& node) {
  if (node.opset() < kNumpyBroadcastOpset && node.node().domain.empty()) {
    return InferLegacyDims(node);
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* a, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* b, node.Input(1));
  return Broadcast(node, a->shape.dims(), b->shape.dims());
}

absl::Status CheckOneType(const NodeView& node, int first) {
  DataType expected = DataType::kUndefined;
  for (int i = first; i < node.input_count(); ++i) {
    if (!node.HasInput(i)) continue;
    const DataType type = node.InputType(i).tensor.type;
    if (expected == DataType::kUndefined) expected = type;
    if (type != DataType::kUndefined && type != expected) {
      return node.Invalid("the operands must have one element type but are ",
                          Name(expected), " and ", Name(type));
    }
  }
  return absl::OkStatus();
}

const Dims& DimsOf(const NodeView& node, int i) {
  return node.InputType(i).tensor.shape.dims();
}

void ReadAllWriteOutput(OpCounts& counts, const TypedNodeView& node,
                        const Count& out) {
  node.Let("out", out);
  node.Let("operands", Count(node.input_count()));
  for (int i = 0; i < node.input_count(); ++i) ReadInput(counts, node, i, out);
  WriteOutput(counts, node, 0, out);
}

OperandSet AllInputs(const NodeView& node) {
  OperandSet all;
  for (int i = 0; i < std::min(node.input_count(), kMaxOperandBits); ++i) {
    if (node.HasInput(i)) all.inputs |= uint32_t{1} << i;
  }
  return all;
}

}  // namespace opcost
