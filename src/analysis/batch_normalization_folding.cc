// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <utility>

#include "src/analysis/deployment.h"
#include "src/analysis/layer_edit.h"
#include "src/analysis/region_kinds.h"

namespace opcost {
namespace {

constexpr int kShift = 2;  // operand of BatchNormalization, and of Conv
constexpr int kVariance = 4;

// True if the layer applies constants: x * scale + shift per channel.
bool IsConstantNormalization(const LayerGraph& graph, int l) {
  const Node& node = graph.node(l);
  if (node.op_type != "BatchNormalization" || !node.domain.empty() ||
      graph.layer(l).coverage.status == Coverage::Status::kUnknown) {
    return false;
  }
  const int64_t* mode = FindInt(node, "training_mode");
  if (mode != nullptr && *mode != 0) return false;
  for (int i = 1; i <= kVariance; ++i) {
    const ValueIndex v = graph.Input(l, i);
    if (v == kAbsent || !graph.facts(v).is_constant) return false;
  }
  for (int o = 1; o < static_cast<int>(graph.Outputs(l).size()); ++o) {
    const ValueIndex v = graph.Output(l, o);
    if (v != kAbsent && (graph.Escapes(v) || !graph.UsesOf(v).empty())) {
      return false;
    }
  }
  return true;
}

// True if the contraction's weights and bias can take in a factor and a summand
// for each channel, which is axis 1 of its output.
bool HasFoldableWeights(const LayerGraph& graph, int l, ValueIndex output) {
  if (KindOf(graph, l) != RegionKind::kContraction ||
      graph.layer(l).coverage.status == Coverage::Status::kUnknown) {
    return false;
  }
  const ValueIndex weight = graph.Input(l, 1);
  const ValueIndex bias = graph.Input(l, kShift);
  if (weight == kAbsent || !graph.facts(weight).is_constant) return false;
  if (bias != kAbsent && !graph.facts(bias).is_constant) return false;
  const Node& node = graph.node(l);
  if (node.op_type == "Conv" || node.op_type == "ConvTranspose") return true;
  const Dims* dims = graph.DimsOf(output);
  return dims != nullptr && dims->size() == 2;
}

// The shift is a bias, where the contraction has none.
void AddBias(LayerGraph& graph, int l, ValueIndex shift, const Count& out) {
  FoldedLayer& draft = graph.Draft(l);
  if (draft.inputs.size() <= kShift) draft.inputs.resize(kShift + 1, kAbsent);
  graph.SetInput(l, kShift, shift);
  OpCounts& counts = graph.layer(l).counts;
  Access access;
  access.index = kShift;
  access.role = Role::kBias;
  access.elements = graph.VolumeOf(shift);
  access.operand_elements = access.elements;
  access.reads = access.elements.Is(1) ? Count(1) : out;
  for (const Access& other : counts.accesses) {
    if (other.side == Access::Side::kOutput) {
      access.operand_elements = other.operand_elements;
    }
  }
  draft.terms.push_back({"reads " + std::string(graph.NameOf(shift)), true,
                         "out", access.reads, "the bias"});
  counts.accesses.push_back(std::move(access));
}

}  // namespace

void FoldBatchNormalizations(LayerGraph& graph) {
  for (int l = 0; l < graph.size(); ++l) {
    if (!IsConstantNormalization(graph, l)) continue;
    const ValueIndex v = graph.Input(l, 0);
    if (v == kAbsent) continue;
    const int before = graph.ProducerLayer(v);
    if (before < 0 || graph.SoleReader(before, v) != l ||
        graph.Output(before, 0) != v || !HasFoldableWeights(graph, before, v)) {
      continue;
    }
    const ValueIndex shift = graph.Input(l, kShift);
    if (graph.Input(before, kShift) == kAbsent) {
      AddBias(graph, before, shift, graph.VolumeOf(v));
    }
    graph.SetOutput(before, 0, graph.Output(l, 0));
    graph.Drop(before, l,
               "its factors are part of the weights, its summands are the "
               "bias");
  }
  graph.Renew();
}

}  // namespace opcost
