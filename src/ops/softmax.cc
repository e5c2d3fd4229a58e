// SPDX-License-Identifier: Apache-2.0
// Softmax and LogSoftmax.
//
// Both take rows of `L` elements. From opset 13 a row runs along one axis;
// before, the tensor is coerced to two dimensions at `axis`, and a row is
// everything from that axis on.
#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/axes.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr int kOneAxisOpset = 13;

struct Rows {
  Extent rows;
  Extent length;
  Extent elements() const { return rows * length; }
};

absl::StatusOr<Rows> Resolve(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const absl::Span<const Extent> dims = x->shape.dims();
  const bool is_one_axis = node.opset() >= kOneAxisOpset;
  if (dims.empty()) return Rows{1, 1};
  OPCOST_ASSIGN_OR_RETURN(
      const int axis,
      AxisOf(node, "axis", is_one_axis ? -1 : 1, x->shape.rank()));
  const auto first = static_cast<size_t>(axis);
  if (!is_one_axis) {
    return Rows{Volume(dims.first(first)), Volume(dims.subspan(first))};
  }
  return Rows{Volume(dims.first(first)) * Volume(dims.subspan(first + 1)),
              dims[first]};
}

absl::StatusOr<OutputTypes> InferSoftmax(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(Resolve(node).status());
  return InferSameAsInput(node);
}

void LetRows(const TypedNodeView& node, const Rows& rows) {
  node.Let("rows", rows.rows);
  node.Let("L", rows.length);
}

// Three passes: the maximum; the exponentials, written to the output, and their
// sum; the product with the sum's reciprocal.
absl::StatusOr<OpCounts> CountSoftmax(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Rows rows, Resolve(node));
  LetRows(node, rows);
  const Count out = rows.elements();
  OpCounts counts;
  AddEach(counts, {.mul = 1, .add = 3, .exp = 1}, out, OperandSet::Input(0));
  AddArith(counts, ArithOp::kDiv, OperandSet::Input(0), rows.rows);
  ReadInput(counts, node, 0, out * 2);
  RereadOutput(counts, node, 0, out);
  WriteOutput(counts, node, 0, out * 2);
  return counts;
}

// Three passes over the input: the maximum; the sum of exponentials; the
// difference to maximum plus logarithm, which the log's own cost includes.
absl::StatusOr<OpCounts> CountLogSoftmax(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Rows rows, Resolve(node));
  LetRows(node, rows);
  const Count out = rows.elements();
  OpCounts counts;
  AddEach(counts, {.add = 4, .exp = 1}, out, OperandSet::Input(0));
  AddArith(counts, ArithOp::kLog, OperandSet::Input(0), rows.rows);
  ReadInput(counts, node, 0, out * 3);
  WriteOutput(counts, node, 0, out);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "LogSoftmax",
     .since = 1,
     .infer = &InferSoftmax,
     .count = &CountLogSoftmax,
     .formula = {.mul = "rows*(exp*L + log)",
                 .add = "rows*(4*L + exp*L + log)",
                 .reads = "input: 3*rows*L",
                 .writes = "output: rows*L",
                 .rules = "R1 R4 R6"},
     .description = "per row of L: maximum, sum of exponentials, difference; L "
                    "is one axis, before opset 13 all axes from `axis` on"},
    {.name = "Softmax",
     .since = 1,
     .infer = &InferSoftmax,
     .count = &CountSoftmax,
     .formula = {.mul = "rows*(exp*L + div + L)",
                 .add = "rows*(3*L + exp*L + div)",
                 .reads = "input: 2*rows*L; output: rows*L",
                 .writes = "output: 2*rows*L",
                 .rules = "R1 R4 R6"},
     .description = "per row of L: maximum, exponentials and their sum, "
                    "division; L is one axis, before opset 13 all axes from "
                    "`axis` on"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> SoftmaxOps() { return kOps; }

}  // namespace opcost
