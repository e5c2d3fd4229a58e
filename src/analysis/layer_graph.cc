// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/layer_graph.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// In graph order, each once.
void SortNodes(std::vector<FoldedNode>& nodes) {
  std::stable_sort(
      nodes.begin(), nodes.end(),
      [](const FoldedNode& a, const FoldedNode& b) { return a.node < b.node; });
  const auto end = std::unique(nodes.begin(), nodes.end(),
                               [](const FoldedNode& a, const FoldedNode& b) {
                                 return a.node == b.node;
                               });
  nodes.erase(end, nodes.end());
}

}  // namespace

LayerGraph::LayerGraph(const Inference& inference,
                       const std::vector<bool>& live, Analysis* analysis)
    : inference_(inference), analysis_(analysis) {
  const Graph& whole = graph();
  layer_of_node_.assign(whole.nodes.size(), -1);
  for (int l = 0; l < size(); ++l) {
    layer_of_node_[static_cast<size_t>(&node(l) - whole.nodes.data())] = l;
  }
  drafts_.resize(static_cast<size_t>(size()));
  dropped_.resize(static_cast<size_t>(size()), 0);
  FindScopes();
  FindEscapes(live);
  Renew();
}

// Nested bodies come after those around them.
void LayerGraph::FindScopes() {
  const std::vector<Node>& nodes = graph().nodes;
  scope_of_node_.assign(nodes.size(), 0);
  int32_t scope = 0;
  for (const Node& node : nodes) {
    for (const Body& body : node.bodies) {
      ++scope;
      std::fill(scope_of_node_.begin() + body.begin_node,
                scope_of_node_.begin() + body.end_node, scope);
    }
  }
}

void LayerGraph::FindEscapes(const std::vector<bool>& live) {
  const Graph& whole = graph();
  escapes_.assign(whole.values.size(), 0);
  const auto mark = [this](ValueIndex v) {
    if (v != kAbsent) escapes_[static_cast<size_t>(v)] = 1;
  };
  for (const ValueIndex v : whole.outputs) mark(v);
  for (size_t n = 0; n < whole.nodes.size(); ++n) {
    const Node& node = whole.nodes[n];
    if (!live[n]) continue;
    for (const ValueIndex v : node.captured) mark(v);
    for (const Body& body : node.bodies) {
      for (const ValueIndex v : body.outputs) mark(v);
    }
    if (layer_of_node_[n] >= 0) continue;
    for (const ValueIndex v : node.inputs) mark(v);
  }
}

void LayerGraph::Renew() {
  const size_t values = graph().values.size();
  uses_.assign(values, {});
  writer_.assign(values, -1);
  for (int l = 0; l < size(); ++l) {
    if (IsDropped(l)) continue;
    int32_t operand = 0;
    for (const ValueIndex v : Inputs(l)) {
      if (v != kAbsent) uses_[static_cast<size_t>(v)].push_back({l, operand});
      ++operand;
    }
    for (const ValueIndex v : Outputs(l)) {
      if (v != kAbsent) writer_[static_cast<size_t>(v)] = l;
    }
  }
}

DataType LayerGraph::TypeOf(ValueIndex v) const {
  if (v == kAbsent || !facts(v).type.is_tensor()) return DataType::kUndefined;
  return facts(v).type.tensor.type;
}

const Dims* LayerGraph::DimsOf(ValueIndex v) const {
  if (v == kAbsent || !facts(v).type.is_tensor()) return nullptr;
  const Shape& shape = facts(v).type.tensor.shape;
  return shape.has_rank() ? &shape.dims() : nullptr;
}

Count LayerGraph::VolumeOf(ValueIndex v) const {
  const Dims* dims = DimsOf(v);
  return dims == nullptr ? Count(0) : Volume(*dims);
}

absl::string_view LayerGraph::NameOf(ValueIndex v) const {
  if (v == kAbsent) return "";
  return graph().values[static_cast<size_t>(v)].name;
}

void LayerGraph::Retype(ValueIndex v, DataType type) {
  analysis_->values[static_cast<size_t>(v)].type.tensor.type = type;
}

absl::Span<const ValueIndex> LayerGraph::Inputs(int l) const {
  const auto& draft = drafts_[static_cast<size_t>(l)];
  if (draft != nullptr) return draft->inputs;
  return node(l).inputs;
}

absl::Span<const ValueIndex> LayerGraph::Outputs(int l) const {
  const auto& draft = drafts_[static_cast<size_t>(l)];
  if (draft != nullptr) return draft->outputs;
  return node(l).outputs;
}

ValueIndex LayerGraph::Input(int l, int i) const {
  const auto inputs = Inputs(l);
  const auto index = static_cast<size_t>(i);
  return index < inputs.size() ? inputs[index] : kAbsent;
}

ValueIndex LayerGraph::Output(int l, int o) const {
  const auto outputs = Outputs(l);
  const auto index = static_cast<size_t>(o);
  return index < outputs.size() ? outputs[index] : kAbsent;
}

int LayerGraph::ProducerNode(ValueIndex v) const {
  if (v == kAbsent) return -1;
  const int n = graph().values[static_cast<size_t>(v)].producer;
  if (n < 0) return -1;
  const auto& outputs = graph().nodes[static_cast<size_t>(n)].outputs;
  return !outputs.empty() && outputs[0] == v ? n : -1;
}

bool LayerGraph::RunTogether(int a, int b) const {
  const auto scope = [this](int l) {
    const ptrdiff_t n = &node(l) - graph().nodes.data();
    return scope_of_node_[static_cast<size_t>(n)];
  };
  return layer(a).times == layer(b).times && scope(a) == scope(b);
}

int LayerGraph::SoleReader(int l, ValueIndex v) const {
  if (v == kAbsent || Escapes(v) || UsesOf(v).size() != 1) return -1;
  const int reader = UsesOf(v)[0].layer;
  if (IsDropped(reader) || !RunTogether(l, reader) ||
      layer(reader).coverage.status == Coverage::Status::kUnknown) {
    return -1;
  }
  return reader;
}

FoldedLayer& LayerGraph::Draft(int l) {
  std::shared_ptr<FoldedLayer>& draft = drafts_[static_cast<size_t>(l)];
  if (draft == nullptr) {
    draft = std::make_shared<FoldedLayer>();
    draft->inputs.assign(node(l).inputs.begin(), node(l).inputs.end());
    draft->outputs.assign(node(l).outputs.begin(), node(l).outputs.end());
  }
  return *draft;
}

void LayerGraph::Take(int l, const Node& node, std::string reason) {
  Draft(l).nodes.push_back({&node, std::move(reason)});
}

void LayerGraph::Drop(int l, int from, std::string reason) {
  Take(l, node(from), std::move(reason));
  for (const ValueIndex v : Inputs(from)) changed_.push_back(v);
  for (const ValueIndex v : Outputs(from)) changed_.push_back(v);
  dropped_[static_cast<size_t>(from)] = 1;
}

void LayerGraph::SetInput(int l, int i, ValueIndex v) {
  ValueIndex& input = Draft(l).inputs[static_cast<size_t>(i)];
  changed_.push_back(input);
  changed_.push_back(v);
  input = v;
}

void LayerGraph::SetOutput(int l, int o, ValueIndex v) {
  ValueIndex& output = Draft(l).outputs[static_cast<size_t>(o)];
  changed_.push_back(output);
  output = v;
  if (v != kAbsent) writer_[static_cast<size_t>(v)] = l;
}

int LayerGraph::AddInput(int l, ValueIndex v) {
  std::vector<ValueIndex>& inputs = Draft(l).inputs;
  const auto known = std::find(inputs.begin(), inputs.end(), v);
  const auto index = static_cast<int>(known - inputs.begin());
  if (known == inputs.end()) {
    inputs.push_back(v);
    changed_.push_back(v);
  }
  return index;
}

void LayerGraph::MoveUse(ValueIndex v, const ValueUse& from,
                         const ValueUse& to) {
  auto& uses = uses_[static_cast<size_t>(v)];
  // Among many it makes no difference: only a sole use is ever asked for.
  constexpr size_t kFew = 16;
  if (uses.size() > kFew) return;
  std::replace(uses.begin(), uses.end(), from, to);
}

void LayerGraph::Elide(int l, std::string reason) {
  layer(l).counts = View();
  Draft(l).elided = std::move(reason);
}

// Counts made from types may hold extents that the data settle; the layer's own
// are at their bounds already.
void LayerGraph::BindCounts(LayerCounts& layer, FoldedLayer& draft,
                            const Bindings& bounds) const {
  if (bounds.empty()) return;
  const auto bind = [&bounds](Count& count) {
    if (!count.is_concrete()) count = count.Bind(bounds);
  };
  for (Arith& arith : layer.counts.arith) bind(arith.count);
  for (Access& access : layer.counts.accesses) {
    bind(access.elements);
    bind(access.operand_elements);
    bind(access.reads);
    bind(access.writes);
  }
  for (FoldedTerm& term : draft.terms) bind(term.count);
}

absl::Status LayerGraph::Finish(const Bindings& bounds) {
  Renew();
  for (const ValueIndex v : changed_) {
    if (v == kAbsent) continue;
    const bool is_used = Escapes(v) || !UsesOf(v).empty();
    analysis_->used[static_cast<size_t>(v)] = is_used ? 1 : 0;
  }
  std::vector<LayerCounts> kept;
  kept.reserve(analysis_->layers.size());
  for (int l = 0; l < size(); ++l) {
    if (IsDropped(l)) continue;
    LayerCounts& each = layer(l);
    if (auto& draft = drafts_[static_cast<size_t>(l)]; draft != nullptr) {
      SortNodes(draft->nodes);
      BindCounts(each, *draft, bounds);
      OPCOST_RETURN_IF_ERROR(each.counts.Validate(
          NodeView(graph(), *each.node, analysis_->values)));
      each.folded = std::move(draft);
    }
    kept.push_back(std::move(each));
  }
  analysis_->layers = std::move(kept);
  return absl::OkStatus();
}

}  // namespace opcost
