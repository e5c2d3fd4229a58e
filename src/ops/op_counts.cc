// SPDX-License-Identifier: Apache-2.0
#include "opcost/ops/op_counts.h"

#include "absl/strings/str_cat.h"

namespace opcost {
namespace {

constexpr absl::string_view kArithNames[kArithOpCount] = {
    "mul", "add", "div", "sqrt", "exp",  "log",    "pow",
    "sin", "cos", "tan", "erf",  "tanh", "sigmoid"};

constexpr absl::string_view kRoleNames[] = {"input", "weight", "bias",
                                            "index", "output", "scratch"};
constexpr std::array<absl::string_view, kStorageFormatCount>
    kStorageFormatNames = {"dense", "csr", "cer", "cser", "bitmap", "nm"};

Access* AppendRead(OpCounts& counts, const TypedNodeView& node, int i,
                   const Count& uses, Role role, bool takes_weight_bits) {
  if (!node.HasInput(i) || uses.Is(0)) return nullptr;
  Access access;
  access.side = Access::Side::kInput;
  access.role = role;
  access.index = static_cast<int16_t>(i);
  access.takes_weight_bits = takes_weight_bits;
  access.elements = node.InputVolume(i);
  access.operand_elements = access.elements;
  // R2: a constant of a single element is an immediate.
  const bool immediate = node.IsConstant(i) && access.elements.Is(1);
  access.reads = immediate ? Count(1) : uses;
  counts.accesses.push_back(std::move(access));
  return &counts.accesses.back();
}

absl::Status OutOfRange(const NodeView& node, absl::string_view what) {
  return absl::OutOfRangeError(
      absl::StrCat(node.op_type(), " '", node.label(), "': the number of ",
                   what, " doesn't fit 63 bits; reduce the input's extents"));
}

}  // namespace

absl::string_view Name(ArithOp op) {
  return kArithNames[static_cast<size_t>(op)];
}

absl::string_view Name(Role role) {
  return kRoleNames[static_cast<size_t>(role)];
}

absl::string_view Name(StorageFormat format) {
  return kStorageFormatNames[static_cast<size_t>(format)];
}

absl::Status OpCounts::Validate(const NodeView& node) const {
  if (macs.overflowed()) return OutOfRange(node, "multiply-accumulates");
  for (const Arith& a : arith) {
    if (a.count.overflowed()) {
      return OutOfRange(node, absl::StrCat(Name(a.op), " operations"));
    }
  }
  for (const Access& access : accesses) {
    if (access.elements.overflowed()) return OutOfRange(node, "elements");
    if (access.reads.overflowed()) return OutOfRange(node, "reads");
    if (access.writes.overflowed()) return OutOfRange(node, "writes");
  }
  return absl::OkStatus();
}

OpCounts View() {
  OpCounts counts;
  counts.is_view = true;
  return counts;
}

void AddArith(OpCounts& counts, ArithOp op, OperandSet operands,
              const Count& count, ArithRole role) {
  if (count.Is(0)) return;
  counts.arith.push_back({op, role, operands, count});
}

void AddMacs(OpCounts& counts, int a, int b, const Count& macs) {
  const OperandSet operands = OperandSet::Inputs(a, b);
  AddArith(counts, ArithOp::kMul, operands, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, operands, macs, ArithRole::kAccumulate);
  counts.macs += macs;
}

Access* ReadInput(OpCounts& counts, const TypedNodeView& node, int i,
                  const Count& uses) {
  const bool is_parameter = node.IsConstant(i) && !node.InputVolume(i).Is(1);
  return AppendRead(counts, node, i, uses,
                    is_parameter ? Role::kWeight : Role::kInput, false);
}

Access* ReadInputAs(OpCounts& counts, const TypedNodeView& node, int i,
                    const Count& uses, Role role) {
  if (role == Role::kWeight && !node.IsConstant(i)) {
    return AppendRead(counts, node, i, uses, Role::kInput, false);
  }
  return AppendRead(counts, node, i, uses, role, role == Role::kWeight);
}

void AddWeightMatrix(OpCounts& counts, const TypedNodeView& node,
                     const WeightMatrix& matrix) {
  if (node.IsConstant(matrix.operand)) counts.matrices.push_back(matrix);
}

Access* WriteOutput(OpCounts& counts, const TypedNodeView& node, int o,
                    const Count& count) {
  if (!node.IsOutputUsed(o) || count.Is(0)) return nullptr;
  Access access;
  access.side = Access::Side::kOutput;
  access.role = Role::kOutput;
  access.index = static_cast<int16_t>(o);
  access.elements = node.OutputVolume(o);
  access.operand_elements = access.elements;
  access.writes = count;
  counts.accesses.push_back(std::move(access));
  return &counts.accesses.back();
}

void RereadOutput(OpCounts& counts, const TypedNodeView& node, int o,
                  const Count& uses) {
  if (!node.HasOutput(o) || uses.Is(0)) return;
  Access access;
  access.side = Access::Side::kOutput;
  access.role = Role::kOutput;
  access.index = static_cast<int16_t>(o);
  access.elements = node.OutputVolume(o);
  access.operand_elements = access.elements;
  access.reads = uses;
  counts.accesses.push_back(std::move(access));
}

void UseScratch(OpCounts& counts, absl::string_view name, OperandSet format,
                const Count& elements, const Count& reads,
                const Count& writes) {
  Access access;
  access.side = Access::Side::kScratch;
  access.role = Role::kScratch;
  access.scratch_format = format;
  access.scratch_name = name;
  access.elements = elements;
  access.operand_elements = elements;
  access.reads = reads;
  access.writes = writes;
  counts.accesses.push_back(std::move(access));
}

}  // namespace opcost
