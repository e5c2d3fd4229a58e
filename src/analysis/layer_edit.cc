// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/layer_edit.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace opcost {

void LayerEdit::Add(ArithOp op, OperandSet operands, const Count& count,
                    absl::string_view formula, absl::string_view reason) {
  if (count.Is(0)) return;
  AddArith(counts(), op, operands, count);
  graph_.Draft(l_).terms.push_back({std::string(Name(op)), true,
                                    std::string(formula), count,
                                    std::string(reason)});
}

void LayerEdit::Drop(const std::function<bool(const Arith&)>& goes,
                     absl::string_view formula, absl::string_view reason) {
  auto& all = counts().arith;
  FoldedLayer& draft = graph_.Draft(l_);
  for (const Arith& arith : all) {
    if (!goes(arith)) continue;
    draft.terms.push_back({std::string(Name(arith.op)), false,
                           std::string(formula), arith.count,
                           std::string(reason)});
  }
  all.erase(std::remove_if(all.begin(), all.end(), goes), all.end());
}

void LayerEdit::Read(ValueIndex v, const Count& uses, absl::string_view formula,
                     absl::string_view reason) {
  if (v == kAbsent || uses.Is(0)) return;
  const int index = graph_.AddInput(l_, v);
  if (index > std::numeric_limits<int16_t>::max()) return;
  const bool is_constant = graph_.facts(v).is_constant;
  Access access;
  access.index = static_cast<int16_t>(index);
  access.elements = graph_.VolumeOf(v);
  access.operand_elements = access.elements;
  const bool is_one = access.elements.Is(1);
  access.role = is_constant && !is_one ? Role::kWeight : Role::kInput;
  access.reads = is_constant && is_one ? Count(1) : uses;
  graph_.Draft(l_).terms.push_back(
      {absl::StrCat("reads ", graph_.NameOf(v)), true,
       is_constant && is_one ? "1" : std::string(formula), access.reads,
       std::string(reason)});
  counts().accesses.push_back(std::move(access));
}

void LayerEdit::DropReads(int i) {
  auto& all = counts().accesses;
  for (const Access& access : all) {
    if (access.side != Access::Side::kInput || access.index != i) continue;
    graph_.Draft(l_).terms.push_back(
        {absl::StrCat("reads ", graph_.NameOf(graph_.Input(l_, i))), false,
         access.reads.ToString(), access.reads, "nothing needs it"});
  }
  all.erase(std::remove_if(all.begin(), all.end(),
                           [i](const Access& access) {
                             return access.side == Access::Side::kInput &&
                                    access.index == i;
                           }),
            all.end());
}

void LayerEdit::Write(const Count& count) {
  Access access;
  access.side = Access::Side::kOutput;
  access.role = Role::kOutput;
  access.elements = count;
  access.operand_elements = count;
  access.writes = count;
  counts().accesses.push_back(std::move(access));
}

void LayerEdit::Requantize(const Count& outputs, absl::string_view formula) {
  constexpr OperandSet kFloat = OperandSet::Fixed(DataType::kFloat32);
  Add(ArithOp::kMul, kFloat, outputs, formula,
      "requantisation: the sum times the quotient of the scales");
  Add(ArithOp::kAdd, kFloat, outputs * 3, absl::StrCat("3*", formula),
      "requantisation: the zero point, two saturating comparisons");
}

void LayerEdit::ReadQuantisation(const Quantisation& q, const Count& results,
                                 absl::string_view formula) {
  const Count scales = graph_.VolumeOf(q.scale);
  const bool is_one = scales.Is(1);
  Read(q.scale, is_one ? Count(1) : results, is_one ? "1" : formula,
       is_one ? "the scale" : "a scale for each result");
  if (q.zero_point == kAbsent) return;
  const Count zero_points = graph_.VolumeOf(q.zero_point);
  Read(q.zero_point, zero_points, zero_points.ToString(),
       "each zero point, folded into the sums");
}

void LayerEdit::TakeInput(int i, const QuantisedTensor& tensor) {
  graph_.SetInput(l_, i, tensor.array);
  FoldedLayer& draft = graph_.Draft(l_);
  if (tensor.quantisation.zero_point != kAbsent) {
    if (draft.zero_points.size() <= static_cast<size_t>(i)) {
      draft.zero_points.resize(static_cast<size_t>(i) + 1, kAbsent);
    }
    draft.zero_points[static_cast<size_t>(i)] = tensor.quantisation.zero_point;
  }
  if (!tensor.is_rearranged) return;
  const bool is_turned = tensor.order.has_value() &&
                         tensor.order->size() == 2 && (*tensor.order)[0] == 1 &&
                         (*tensor.order)[1] == 0;
  const bool stays = tensor.order.has_value() &&
                     std::is_sorted(tensor.order->begin(), tensor.order->end());
  if (stays) return;
  std::vector<WeightMatrix>& matrices = counts().matrices;
  const auto is_it = [i](const WeightMatrix& m) { return m.operand == i; };
  if (!is_turned) {
    matrices.erase(std::remove_if(matrices.begin(), matrices.end(), is_it),
                   matrices.end());
    return;
  }
  for (WeightMatrix& matrix : matrices) {
    if (is_it(matrix)) matrix.is_transposed = !matrix.is_transposed;
  }
}

}  // namespace opcost
