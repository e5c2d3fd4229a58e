// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/region_kinds.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/container/inlined_vector.h"

namespace opcost {
namespace {

constexpr int kClipOperandsOpset = 11;

constexpr std::pair<absl::string_view, RegionKind> kKinds[] = {
    {"Conv", RegionKind::kContraction},
    {"ConvTranspose", RegionKind::kContraction},
    {"Gemm", RegionKind::kContraction},
    {"MatMul", RegionKind::kContraction},
    {"Add", RegionKind::kElementwise},
    {"Mul", RegionKind::kElementwise},
    {"AveragePool", RegionKind::kAverage},
    {"GlobalAveragePool", RegionKind::kAverage},
    {"MaxPool", RegionKind::kKeeper},
    {"GlobalMaxPool", RegionKind::kKeeper},
    {"Relu", RegionKind::kKeeper},
    {"Clip", RegionKind::kKeeper},
    {"Concat", RegionKind::kConcat},
    {"LSTM", RegionKind::kRecurrent},
    {"GRU", RegionKind::kRecurrent},
    {"RNN", RegionKind::kRecurrent},
    {"Gather", RegionKind::kLookup},
};

bool IsSet(const Node& node, absl::string_view name) {
  const int64_t* number = FindInt(node, name);
  return number != nullptr && *number != 0;
}

// Whether axis `a` of operand `i`, which has `rank` axes, is summed over.
bool IsSummed(const Node& node, int i, int a, int rank) {
  if (node.op_type == "Conv") return a >= 1;
  if (node.op_type == "ConvTranspose") return i == 0 ? a >= 1 : a != 1;
  if (node.op_type == "Gemm") {
    const bool is_turned = IsSet(node, i == 0 ? "transA" : "transB");
    return a == ((i == 0) != is_turned ? 1 : 0);
  }
  return i == 0 || rank == 1 ? a == rank - 1 : a == rank - 2;
}

}  // namespace

RegionKind KindOf(const LayerGraph& graph, int layer) {
  const Node& node = graph.node(layer);
  if (!node.domain.empty() || node.inputs.empty() || node.outputs.empty()) {
    return RegionKind::kNone;
  }
  for (const auto& [name, kind] : kKinds) {
    if (node.op_type == name) return kind;
  }
  const OpDef* def = graph.layer(layer).def;
  return def != nullptr && def->moves_only ? RegionKind::kKeeper
                                           : RegionKind::kNone;
}

bool IsView(const LayerGraph& graph, int layer) {
  const LayerCounts& counts = graph.layer(layer);
  return counts.counts.is_view && counts.def != nullptr &&
         counts.def->moves_only && graph.Input(layer, 0) != kAbsent;
}

bool IsMaximum(const LayerGraph& graph, int layer) {
  const Node& node = graph.node(layer);
  if (!node.domain.empty()) return false;
  if (node.op_type == "GlobalMaxPool") return true;
  return node.op_type == "MaxPool" && node.outputs.size() == 1;
}

bool IsSaturation(const LayerGraph& graph, int layer) {
  const Node& node = graph.node(layer);
  if (!node.domain.empty()) return false;
  if (node.op_type == "Relu") return true;
  if (node.op_type != "Clip") return false;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    const ValueIndex bound = node.inputs[i];
    if (bound != kAbsent && !graph.facts(bound).is_constant) return false;
  }
  return true;
}

int ComparisonsOf(const LayerGraph& graph, int layer) {
  const Node& node = graph.node(layer);
  if (node.op_type == "Relu") return 1;
  if (node.opset < kClipOperandsOpset) {
    return (node.FindAttribute("min") != nullptr ? 1 : 0) +
           (node.FindAttribute("max") != nullptr ? 1 : 0);
  }
  int bounds = 0;
  for (size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kAbsent) ++bounds;
  }
  return bounds;
}

Count ScalesPerOutput(const LayerGraph& graph, const QuantisedTensors& tensors,
                      int layer, int i, const QuantisedTensor& tensor) {
  const Count scales = graph.VolumeOf(tensor.quantisation.scale);
  if (scales.Is(1)) return 1;
  const std::optional<Dims> extents = tensors.ScaleExtents(tensor);
  if (extents.has_value()) {
    absl::InlinedVector<Extent, 4> summed;
    const auto rank = static_cast<int>(extents->size());
    for (int a = 0; a < rank; ++a) {
      if (IsSummed(graph.node(layer), i, a, rank)) {
        summed.push_back((*extents)[static_cast<size_t>(a)]);
      }
    }
    return Volume(summed);
  }
  // Behind a change of axes: the scales share themselves out to the outputs'
  // features.
  for (const WeightMatrix& matrix : graph.layer(layer).counts.matrices) {
    const Count rows = matrix.blocks * matrix.rows;
    if (matrix.operand == i && !rows.Is(0)) return Count::CeilDiv(scales, rows);
  }
  return 1;
}

}  // namespace opcost
