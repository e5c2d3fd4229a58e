// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "src/analysis/deployment.h"
#include "src/analysis/region_kinds.h"

namespace opcost {
namespace {

// Values that a search looks at before it gives up.
constexpr size_t kMaxValues = 64;

class Elision {
 public:
  explicit Elision(LayerGraph& graph) : graph_(graph) {}

  void Run() {
    graph_.Renew();
    for (int l = 0; l < graph_.size(); ++l) {
      const Node& node = graph_.node(l);
      const LayerCounts& layer = graph_.layer(l);
      if (graph_.IsDropped(l) || !node.domain.empty() || layer.counts.is_view ||
          layer.coverage.status == Coverage::Status::kUnknown ||
          !layer.counts.arith.empty()) {
        continue;
      }
      if (node.op_type == "Concat") ElideConcat(l);
      if (node.op_type == "Split") ElideSplit(l);
      if (node.op_type == "Expand") ElideExpand(l);
    }
  }

 private:
  void ElideConcat(int l);
  void ElideSplit(int l);
  void ElideExpand(int l);
  bool IsContiguous(int l, ValueIndex whole) const;
  bool IsCarried(ValueIndex v) const;
  bool AppendsToCache(int l) const;
  bool IsOwn(int l, ValueIndex part) const;
  bool PlaceParts(int l);

  // Where a part lies: behind how many others of which whole.
  struct Place {
    size_t whole;
    size_t position;
  };

  LayerGraph& graph_;
  absl::flat_hash_map<ValueIndex, Place> places_;
  std::vector<size_t> lengths_;  // by whole: its parts so far
};

// True if the parts along `axis` of `whole` lie one after another: no axis
// before it is longer than 1.
bool Elision::IsContiguous(int l, ValueIndex whole) const {
  const Dims* dims = graph_.DimsOf(whole);
  if (dims == nullptr) return false;
  const int64_t* given = FindInt(graph_.node(l), "axis");
  int64_t axis = given == nullptr ? 0 : *given;
  const auto rank = static_cast<int64_t>(dims->size());
  if (axis < 0) axis += rank;
  if (axis < 0 || axis >= rank) return false;
  return std::all_of(dims->begin(), dims->begin() + axis,
                     [](const Extent& extent) { return extent.Is(1); });
}

// True if the value comes from outside: an input of the graph or of a body.
bool Elision::IsCarried(ValueIndex v) const {
  return v != kAbsent && !graph_.facts(v).is_constant &&
         graph_.graph().values[static_cast<size_t>(v)].producer < 0;
}

// What is given, and what it grows by, returned as a whole.
bool Elision::AppendsToCache(int l) const {
  const auto inputs = graph_.Inputs(l);
  return inputs.size() == 2 && graph_.Escapes(graph_.Output(l, 0)) &&
         IsCarried(inputs[0]) != IsCarried(inputs[1]);
}

// True if a layer computes the part, and could as well write it to its place in
// a whole.
bool Elision::IsOwn(int l, ValueIndex part) const {
  if (part == kAbsent || graph_.facts(part).is_constant ||
      graph_.Escapes(part)) {
    return false;
  }
  const int writer = graph_.ProducerLayer(part);
  return writer >= 0 && graph_.RunTogether(writer, l);
}

// Finds places for all parts, one behind the other, in a whole of their own or
// in one that another Concat of the first of them has begun.
bool Elision::PlaceParts(int l) {
  const auto parts = graph_.Inputs(l);
  absl::flat_hash_set<ValueIndex> seen;
  size_t placed = 0;
  Place next{lengths_.size(), 0};
  for (size_t i = 0; i < parts.size(); ++i) {
    if (!IsOwn(l, parts[i]) || !seen.insert(parts[i]).second) return false;
    const auto known = places_.find(parts[i]);
    if (known == places_.end()) continue;
    // It must lie right behind the part before it, itself in its place.
    const Place& place = known->second;
    if (i == 0) {
      next = {place.whole, place.position};
    } else if (placed != i || place.whole != next.whole ||
               place.position != next.position) {
      return false;
    }
    placed = i + 1;
    ++next.position;
  }
  if (placed == parts.size()) return true;
  if (placed == 0) {
    lengths_.push_back(0);
  } else if (next.position != lengths_[next.whole]) {
    return false;
  }
  for (size_t i = placed; i < parts.size(); ++i) {
    places_.emplace(parts[i], Place{next.whole, next.position++});
  }
  lengths_[next.whole] = next.position;
  return true;
}

void Elision::ElideConcat(int l) {
  if (AppendsToCache(l)) {
    graph_.Elide(l, "the cache is appended to in place");
    return;
  }
  if (!IsContiguous(l, graph_.Output(l, 0)) || !PlaceParts(l)) return;
  graph_.Elide(l,
               "each part is written to its place, since the parts are "
               "contiguous");
}

void Elision::ElideSplit(int l) {
  if (!IsContiguous(l, graph_.Input(l, 0))) return;
  graph_.Elide(l, "the parts are contiguous in the whole");
}

// Products and copies read the shared elements themselves.
void Elision::ElideExpand(int l) {
  const ValueIndex shared = graph_.Input(l, 0);
  if (shared == kAbsent || graph_.facts(shared).is_constant) return;
  std::vector<ValueIndex> waiting = {graph_.Output(l, 0)};
  std::vector<ValueUse> readers;
  for (size_t at = 0; at < waiting.size(); ++at) {
    const ValueIndex v = waiting[at];
    if (v == kAbsent || graph_.Escapes(v) || waiting.size() > kMaxValues) {
      return;
    }
    for (const ValueUse& use : graph_.UsesOf(v)) {
      const Node& node = graph_.node(use.layer);
      if (IsView(graph_, use.layer) && use.operand == 0) {
        waiting.push_back(graph_.Output(use.layer, 0));
      } else if (node.domain.empty() &&
                 (node.op_type == "MatMul" || node.op_type == "Transpose")) {
        readers.push_back(use);
      } else {
        return;
      }
      if (readers.size() > kMaxValues) return;
    }
  }
  if (readers.empty()) return;
  const Count elements = graph_.VolumeOf(shared);
  for (const ValueUse& use : readers) {
    for (Access& access : graph_.layer(use.layer).counts.accesses) {
      if (access.side != Access::Side::kInput || access.index != use.operand) {
        continue;
      }
      access.elements = elements;
      access.operand_elements = Count::Min(access.operand_elements, elements);
    }
    graph_.SetInput(use.layer, use.operand, shared);
  }
  graph_.Elide(l, "those that share its elements read them where they are");
}

}  // namespace

void ElideCopies(LayerGraph& graph) { Elision(graph).Run(); }

}  // namespace opcost
