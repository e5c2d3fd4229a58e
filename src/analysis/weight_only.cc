// SPDX-License-Identifier: Apache-2.0
// Weights that alone are quantised: each use is dequantised.
#include <cstddef>
#include <optional>

#include "absl/strings/string_view.h"
#include "src/analysis/layer_edit.h"
#include "src/analysis/quantised_tensor.h"
#include "src/analysis/region_kinds.h"
#include "src/analysis/regions.h"

namespace opcost {

// `uses` of the tensor's numbers in the format of `format`, with `scales` reads
// of scales and zero points, unless one holds for all.
void Regions::DequantiseUses(int l, const QuantisedTensor& tensor,
                             OperandSet format, const Count& uses,
                             absl::string_view uses_formula,
                             const Count& scales) {
  LayerEdit edit(graph_, l);
  edit.Add(ArithOp::kMul, format, uses, uses_formula,
           "each use of a weight times its scale");
  const bool has_offset = tensors_.HasOffset(tensor.quantisation);
  if (has_offset) {
    edit.Add(ArithOp::kAdd, format, uses, uses_formula,
             "each use of a weight less its zero point");
  }
  edit.Read(tensor.quantisation.scale, scales, "out*blocks",
            "a scale per block and output");
  if (has_offset) {
    edit.Read(tensor.quantisation.zero_point, scales, "out*blocks",
              "a zero point per block and output");
  }
}

bool Regions::FoldWeights(int l, int i) {
  const ValueIndex v = graph_.Input(l, i);
  if (v == kAbsent || !graph_.facts(v).is_constant) return false;
  const std::optional<QuantisedTensor> tensor = Data(v);
  if (!tensor.has_value() || graph_.Input(l, 1 - i) == kAbsent) return false;
  OpCounts& counts = graph_.layer(l).counts;
  const OperandSet activations = OperandSet::Input(1 - i);
  for (Arith& arith : counts.arith) {
    if (arith.role != ArithRole::kPlain) arith.operands = activations;
  }
  const Count scales = ScalesPerOutput(graph_, tensors_, l, i, *tensor);
  const Count out = graph_.VolumeOf(graph_.Output(l, 0));
  TakeTensor(l, i, *tensor, "the weight is stored and read");
  DequantiseUses(l, *tensor, activations, counts.macs, "MACs", out * scales);
  return true;
}

namespace {

Count ReadsOf(const OpCounts& counts, int i) {
  Count reads;
  for (const Access& access : counts.accesses) {
    if (access.side == Access::Side::kInput && access.index == i) {
      reads += access.reads;
    }
  }
  return reads;
}

}  // namespace

// W and R are [directions, gates, inputs], summed over the last axis.
void Regions::FoldRecurrentWeights(int l, int i) {
  const ValueIndex v = graph_.Input(l, i);
  if (v == kAbsent || !graph_.facts(v).is_constant) return;
  const std::optional<QuantisedTensor> tensor = Data(v);
  const Dims* dims = graph_.DimsOf(v);
  if (!tensor.has_value() || dims->empty() || dims->back().Is(0)) return;
  const std::optional<Dims> extents = tensors_.ScaleExtents(*tensor);
  const Count uses = ReadsOf(graph_.layer(l).counts, i);
  const Count sums = uses / dims->back();
  TakeTensor(l, i, *tensor, "the weight is stored and read");
  DequantiseUses(l, *tensor, OperandSet::Input(0), uses, uses.ToString(),
                 extents.has_value() ? sums * extents->back() : sums);
}

// The scales of a slice are read once for each that is looked up.
void Regions::FoldLookup(int l) {
  const ValueIndex v = graph_.Input(l, 0);
  if (v == kAbsent || !graph_.facts(v).is_constant) return;
  const std::optional<QuantisedTensor> tensor = Data(v);
  const Dims* dims = graph_.DimsOf(v);
  if (!tensor.has_value() || dims->empty()) return;
  const Count uses = ReadsOf(graph_.layer(l).counts, 0);
  const std::optional<Dims> extents = tensors_.ScaleExtents(*tensor);
  Count scales = uses;
  const auto* axis = FindInt(graph_.node(l), "axis");
  int64_t along = axis == nullptr ? 0 : *axis;
  if (along < 0) along += static_cast<int64_t>(dims->size());
  if (extents.has_value() && along >= 0 &&
      along < static_cast<int64_t>(extents->size())) {
    scales = graph_.VolumeOf(graph_.Input(l, 1));
    for (size_t a = 0; a < extents->size(); ++a) {
      if (a != static_cast<size_t>(along)) scales *= (*extents)[a];
    }
  }
  TakeTensor(l, 0, *tensor, "the table is stored and read");
  DequantiseUses(l, *tensor, OperandSet::Output(0), uses, "out", scales);
}

}  // namespace opcost
