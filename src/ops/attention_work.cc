// SPDX-License-Identifier: Apache-2.0
#include "src/ops/attention_work.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/geometry.h"
#include "src/ops/normalization_steps.h"

namespace opcost {
namespace {

constexpr absl::string_view kUnknownPast =
    "the past length is known at run time only; the whole buffer counts";

OperandSet With(OperandSet operands, int i) {
  if (i >= 0) operands.inputs |= 1U << i;
  return operands;
}

}  // namespace

absl::StatusOr<std::optional<Extent>> KnownLength(const NodeView& node, int i,
                                                  absl::string_view what) {
  if (i < 0 || node.InputValue(i) == nullptr) return std::optional<Extent>();
  OPCOST_ASSIGN_OR_RETURN(const std::vector<SymValue> length,
                          InputSyms(node, i));
  if (length.size() != 1) {
    return node.Invalid(what, " has ", length.size(),
                        " elements but must have 1");
  }
  OPCOST_ASSIGN_OR_RETURN(Extent extent, NonNegative(node, length[0], what));
  return std::optional<Extent>(std::move(extent));
}

KeySequence GrowingCache(const Extent& past, const Extent& fresh) {
  return {past, fresh, past + fresh, false, ""};
}

absl::StatusOr<KeySequence> BufferedCache(const NodeView& node,
                                          const Extent& room,
                                          const Extent& fresh,
                                          const std::optional<Extent>& past) {
  const Extent filled = past.has_value() ? *past + fresh : fresh;
  if (filled.is_concrete() && room.is_concrete() &&
      filled.value() > room.value()) {
    return node.Invalid("the cache has room for ", room.ToString(),
                        " keys but there are ", filled.ToString());
  }
  if (past.has_value()) return KeySequence{*past, fresh, room, true, ""};
  return KeySequence{room - fresh, fresh, room, true, kUnknownPast};
}

bool MasksScores(const NodeView& node, int i) {
  if (i < 0 || !node.HasInput(i)) return false;
  const TensorType& type = node.InputType(i).tensor;
  return type.shape.has_rank() && type.shape.rank() > 1;
}

AttentionArray AttentionWork::AddScratch(absl::string_view name,
                                         const Count& elements) {
  scratch_.push_back({name, elements, Count(0), Count(0), Extent(0)});
  return {true, static_cast<int>(scratch_.size()) - 1, elements};
}

void AttentionWork::Read(const AttentionArray& array, const Count& uses,
                         const Extent& scope) {
  if (!array.is_scratch) {
    ReadOperand(array.index, uses);
    for (Uses& operand : operands_) {
      if (operand.index == array.index) {
        operand.scope = Extent::Max(operand.scope, scope);
      }
    }
    return;
  }
  Scratch& scratch = scratch_[static_cast<size_t>(array.index)];
  scratch.reads += uses;
  scratch.scope = Extent::Max(scratch.scope, scope);
}

void AttentionWork::ReadOperand(int i, const Count& uses, Role role) {
  if (i < 0 || !node_.HasInput(i) || uses.Is(0)) return;
  for (Uses& operand : operands_) {
    if (operand.index == i) {
      operand.reads += uses;
      return;
    }
  }
  operands_.push_back({i, role, uses, Extent(0)});
}

void AttentionWork::Write(const AttentionArray& scratch, const Count& count) {
  scratch_[static_cast<size_t>(scratch.index)].writes += count;
}

AttentionArray AttentionWork::Target(const AttentionArray& from,
                                     absl::string_view name) {
  return from.is_scratch ? from : AddScratch(name, from.elements);
}

AttentionArray AttentionWork::AddBias(const AttentionArray& from, int bias,
                                      absl::string_view name) {
  AddArith(*counts_, ArithOp::kAdd, With(format_, bias), from.elements);
  Read(from, from.elements);
  ReadOperand(bias, from.elements, Role::kBias);
  const AttentionArray to = Target(from, name);
  Write(to, to.elements);
  prepared_reads_ += from.elements * 2;
  prepared_writes_ += from.elements;
  return to;
}

AttentionArray AttentionWork::NormalizeHeads(const AttentionArray& from,
                                             const Count& heads, int weight,
                                             absl::string_view name) {
  const Extent size = heads.Is(0) ? Extent(0) : from.elements / heads;
  AddNormalization(*counts_, {heads, size}, RowStatistics::kMeanOfSquares,
                   {format_, weight, -1});
  Read(from, from.elements * 2);
  ReadOperand(weight, from.elements);
  const AttentionArray to = Target(from, name);
  Write(to, to.elements);
  prepared_reads_ += from.elements * 3;
  prepared_writes_ += from.elements;
  return to;
}

AttentionArray AttentionWork::Rotate(const AttentionArray& from,
                                     const Count& rotated, int cos,
                                     absl::string_view name) {
  AddRotation(*counts_, With(format_, cos), rotated);
  const Count copied = from.is_scratch ? Count(0) : from.elements - rotated;
  Read(from, rotated * 2 + copied);
  if (cos >= 0) {
    ReadOperand(cos, rotated);
    ReadOperand(cos + 1, rotated);
    prepared_reads_ += rotated * 2;
  }
  const AttentionArray to = Target(from, name);
  Write(to, rotated + copied);
  prepared_reads_ += rotated * 2 + copied;
  prepared_writes_ += rotated + copied;
  return to;
}

void AttentionWork::Attend(const Attended& a) {
  const AttentionExtents& e = a.extents;
  AddAttention(*counts_, node_, e, a.formats, a.scores);
  const Count fresh = e.rows() * a.keys.fresh;
  const Count past = e.rows() * a.keys.past;
  const Extent key_scope = e.keys * e.head_size;
  const Extent value_scope = e.keys * e.value_head_size;
  Read(a.query, e.key_macs(), e.head_size);
  Read(a.key, fresh * e.head_size, key_scope);
  Read(a.value, fresh * e.value_head_size, value_scope);
  if (a.past_key >= 0) {
    Read(Operand(a.past_key, past), past * e.head_size, key_scope);
    Read(Operand(a.past_value, past), past * e.value_head_size, value_scope);
  }
  if (!a.keys.bound.empty()) counts_->bound_reason = std::string(a.keys.bound);
}

void AttentionWork::Append(const AttentionArray& fresh, int past_operand,
                           const Count& past, int present, bool shares_buffer) {
  if (!node_.IsOutputUsed(present)) return;
  const Count copied = shares_buffer ? Count(0) : past;
  Read(fresh, fresh.elements);
  ReadOperand(past_operand, copied);
  moved_ += fresh.elements + copied;
  for (Written& written : outputs_) {
    if (written.output == present) {
      written.writes += fresh.elements + copied;
      return;
    }
  }
  outputs_.push_back({present, fresh.elements + copied});
}

void AttentionWork::Finish() {
  for (const Uses& operand : operands_) {
    Access* access =
        operand.role == Role::kInput
            ? ReadInput(*counts_, node_, operand.index, operand.reads)
            : ReadInputAs(*counts_, node_, operand.index, operand.reads,
                          operand.role);
    if (access != nullptr && !operand.scope.Is(0)) {
      access->operand_elements = operand.scope;
    }
  }
  for (const Scratch& scratch : scratch_) {
    UseScratch(*counts_, scratch.name, format_, scratch.elements, scratch.reads,
               scratch.writes);
    if (!scratch.scope.Is(0)) {
      counts_->accesses.back().operand_elements = scratch.scope;
    }
  }
  for (const Written& written : outputs_) {
    WriteOutput(*counts_, node_, written.output, written.writes);
  }
  node_.Let("moved", moved_);
  node_.Let("prepared_reads", prepared_reads_);
  node_.Let("prepared_writes", prepared_writes_);
}

}  // namespace opcost
