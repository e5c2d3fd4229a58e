// SPDX-License-Identifier: Apache-2.0
// Einsum: sums of products over named indices.
//
// One operand is summed, copied or seen in another order. Of two, each
// combination of all their indices is one MAC. More are contracted pairwise
// from the left, by way of intermediate arrays that keep the indices still
// needed.
#include <cstddef>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/einsum_equation.h"
#include "src/ops/families.h"
#include "src/ops/geometry.h"

namespace opcost {
namespace {

using Indices = std::vector<EinsumIndex>;

absl::StatusOr<OutputTypes> InferEinsum(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const EinsumEquation equation, ResolveEinsum(node));
  return OutputTypes{ValueType(node.InputType(0).tensor.type,
                               equation.ExtentsOf(equation.output))};
}

// Those of `list` that are in `other`, or those that aren't.
Indices Filtered(absl::Span<const EinsumIndex> list,
                 absl::Span<const EinsumIndex> other, bool in_other) {
  Indices result;
  for (const EinsumIndex index : list) {
    if (Contains(other, index) == in_other) result.push_back(index);
  }
  return result;
}

// The numbers of the row's formula.
struct Work {
  Count products = 0;  // MACs
  Count sums = 0;      // adds of a single operand
  Count reads = 0;     // of the operands
  Count partial = 0;   // elements of intermediate results
  Count partial_reads = 0;
};

void LetWork(const TypedNodeView& node, const Work& work, const Count& out) {
  node.Let("products", work.products);
  node.Let("sums", work.sums);
  node.Let("operand_reads", work.reads);
  node.Let("partial", work.partial);
  node.Let("partial_reads", work.partial_reads);
  node.Let("out", out);
}

// True if the output has the operand's axes in an order that moves nothing. Its
// indices are all that the operand has.
bool IsViewOf(const EinsumEquation& equation) {
  // A diagonal of axes of 1 is all there is.
  Indices operand;
  for (const EinsumIndex index : equation.operands[0]) {
    const bool again = Contains(operand, index);
    if (!again || !equation.ExtentOf(index).Is(1)) operand.push_back(index);
  }
  if (operand.size() != equation.output.size()) return false;
  std::vector<int> perm;
  for (const EinsumIndex index : equation.output) {
    for (size_t axis = 0; axis < operand.size(); ++axis) {
      if (operand[axis] == index) perm.push_back(static_cast<int>(axis));
    }
  }
  return KeepsOrder(equation.ExtentsOf(operand), perm);
}

// The sum of the elements that each output takes; a copy, of a diagonal or in
// another order, where that is one.
OpCounts CountOne(const TypedNodeView& node, const EinsumEquation& equation) {
  const Count out = Volume(equation.ExtentsOf(equation.output));
  const Count taken = Volume(equation.extents);
  const bool is_sum = equation.output.size() < equation.indices.size();
  Work work;
  if (!is_sum && IsViewOf(equation)) {
    LetWork(node, work, 0);
    return View();
  }
  work.sums = is_sum ? taken : Count(0);
  work.reads = taken;
  LetWork(node, work, out);
  OpCounts counts;
  AddArith(counts, ArithOp::kAdd, OperandSet::Input(0), work.sums);
  ReadInput(counts, node, 0, taken);
  WriteOutput(counts, node, 0, out);
  return counts;
}

// What one matrix-vector product touches (--array-scope operand): the matrix is
// the constant operand if exactly one is, else the right one. Indices of both
// that the output keeps number the products.
struct Scopes {
  Extent left, right, output;
};

Scopes ScopesOf(const NodeView& node, const EinsumEquation& equation) {
  const bool matrix_is_left = node.IsConstant(0) && !node.IsConstant(1);
  const Indices& matrix = equation.operands[matrix_is_left ? 0 : 1];
  const Indices& vector = equation.operands[matrix_is_left ? 1 : 0];
  const Indices distinct = Union(matrix, {});
  const Indices shared = Filtered(distinct, vector, true);
  const Indices batch = Filtered(shared, equation.output, true);
  const Extent of_matrix =
      Volume(equation.ExtentsOf(Filtered(distinct, batch, false)));
  const Extent of_vector = Volume(
      equation.ExtentsOf(Filtered(Union(vector, {}), equation.output, false)));
  const Indices kept = Filtered(distinct, equation.output, true);
  Scopes scopes;
  scopes.left = matrix_is_left ? of_matrix : of_vector;
  scopes.right = matrix_is_left ? of_vector : of_matrix;
  scopes.output = Volume(equation.ExtentsOf(Filtered(kept, batch, false)));
  return scopes;
}

OpCounts CountTwo(const TypedNodeView& node, const EinsumEquation& equation) {
  const Count macs = Volume(equation.extents);
  const Count out = Volume(equation.ExtentsOf(equation.output));
  const Scopes scopes = ScopesOf(node, equation);
  LetWork(node, {.products = macs, .reads = macs * 2}, out);
  OpCounts counts;
  AddMacs(counts, 0, 1, macs);
  if (Access* a = ReadInputAs(counts, node, 0, macs, Role::kWeight)) {
    a->operand_elements = scopes.left;
  }
  if (Access* b = ReadInputAs(counts, node, 1, macs, Role::kWeight)) {
    b->operand_elements = scopes.right;
  }
  if (Access* y = WriteOutput(counts, node, 0, out)) {
    y->operand_elements = scopes.output;
  }
  return counts;
}

// For each operand, the indices that those behind it, or the output, need.
std::vector<Indices> NeededBehind(const EinsumEquation& equation) {
  std::vector<Indices> needed(equation.operands.size());
  Indices behind = equation.output;
  for (size_t i = needed.size(); i-- > 0;) {
    needed[i] = behind;
    behind = Union(behind, equation.operands[i]);
  }
  return needed;
}

// Each step multiplies what there is, `left`, by the next operand. All operands
// have one type, and the intermediate results have it too.
OpCounts CountMany(const TypedNodeView& node, const EinsumEquation& equation) {
  const Count out = Volume(equation.ExtentsOf(equation.output));
  OpCounts counts;
  Work work;
  const std::vector<Indices> needed = NeededBehind(equation);
  Indices left = Union(equation.operands[0], {});
  Count left_elements;  // of the scratch array; none before the first step
  for (size_t i = 1; i < equation.operands.size(); ++i) {
    const int operand = static_cast<int>(i);
    const Indices all = Union(left, equation.operands[i]);
    const Count macs = Volume(equation.ExtentsOf(all));
    AddMacs(counts, 0, operand, macs);
    work.products += macs;
    work.reads += macs;
    if (i == 1) {
      ReadInputAs(counts, node, 0, macs, Role::kWeight);
      work.reads += macs;
    } else {
      UseScratch(counts, "partial product", OperandSet::Input(0), left_elements,
                 macs, left_elements);
      work.partial += left_elements;
      work.partial_reads += macs;
    }
    ReadInputAs(counts, node, operand, macs, Role::kWeight);
    left = Filtered(all, needed[i], true);
    left_elements = Volume(equation.ExtentsOf(left));
  }
  WriteOutput(counts, node, 0, out);
  LetWork(node, work, out);
  return counts;
}

absl::StatusOr<OpCounts> CountEinsum(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const EinsumEquation equation, ResolveEinsum(node));
  if (equation.operands.size() == 1) return CountOne(node, equation);
  if (equation.operands.size() == 2) return CountTwo(node, equation);
  return CountMany(node, equation);
}

constexpr OpDef kOps[] = {
    {.name = "Einsum",
     .since = 12,
     .infer = &InferEinsum,
     .count = &CountEinsum,
     .formula = {.macs = "products",
                 .mul = "MACs",
                 .add = "MACs + sums",
                 .reads = "Inputs: operand_reads; partial product: "
                          "partial_reads",
                 .writes = "Output: out; partial product: partial",
                 .rules = "R1 R2 R3 R5 R10"},
     .description =
         "of two operands one MAC per combination of all indices; of more "
         "pairwise from the left, intermediate results being arrays of the "
         "indices still needed; of one the sum of what each output takes, a "
         "copy, or a view"},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> EinsumOps() { return kOps; }

}  // namespace opcost
