// SPDX-License-Identifier: Apache-2.0
// The layers of an analysis and the arrays between them, while a reading of the
// graph folds some into others.
#ifndef OPCOST_SRC_ANALYSIS_LAYER_GRAPH_H_
#define OPCOST_SRC_ANALYSIS_LAYER_GRAPH_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/analysis/analysis.h"
#include "src/analysis/inference.h"

namespace opcost {

// A layer that reads a value, and as which operand.
struct ValueUse {
  int32_t layer = 0;
  int32_t operand = 0;

  friend bool operator==(const ValueUse&, const ValueUse&) = default;
};

// Layers go by their index in Analysis::layers, which doesn't change before
// Finish().
class LayerGraph {
 public:
  LayerGraph(const Inference& inference, const std::vector<bool>& live,
             Analysis* analysis);

  int size() const { return static_cast<int>(analysis_->layers.size()); }
  const Graph& graph() const { return *analysis_->graph; }
  const Inference& inference() const { return inference_; }
  const Analysis& analysis() const { return *analysis_; }
  LayerCounts& layer(int l) const {
    return analysis_->layers[static_cast<size_t>(l)];
  }
  const Node& node(int l) const { return *layer(l).node; }
  const ValueFacts& facts(ValueIndex v) const {
    return analysis_->values[static_cast<size_t>(v)];
  }
  DataType TypeOf(ValueIndex v) const;
  // The extents of a tensor; null if they aren't known.
  const Dims* DimsOf(ValueIndex v) const;
  // Elements of a tensor; 0 if its shape isn't known.
  Count VolumeOf(ValueIndex v) const;
  // What messages call the value.
  absl::string_view NameOf(ValueIndex v) const;
  // Changes the element type of the array that the value is.
  void Retype(ValueIndex v, DataType type);

  // The arrays of layer `l` as they are now.
  absl::Span<const ValueIndex> Inputs(int l) const;
  absl::Span<const ValueIndex> Outputs(int l) const;
  // Operand `i`, output `o`; kAbsent where there is none.
  ValueIndex Input(int l, int i) const;
  ValueIndex Output(int l, int o) const;

  // The node that computes the value; -1: none, or it isn't the node's first
  // output.
  int ProducerNode(ValueIndex v) const;
  // The layer of a node; -1 if it has none.
  int LayerOfNode(int n) const {
    return n < 0 ? -1 : layer_of_node_[static_cast<size_t>(n)];
  }
  // The layer that writes the value now; -1: none.
  int ProducerLayer(ValueIndex v) const {
    return writer_[static_cast<size_t>(v)];
  }
  // The layers that read the value, as of the construction or the last
  // Renew().
  absl::Span<const ValueUse> UsesOf(ValueIndex v) const {
    return uses_[static_cast<size_t>(v)];
  }
  // True if the graph or a body returns the value, or something that is no
  // layer reads it.
  bool Escapes(ValueIndex v) const {
    return escapes_[static_cast<size_t>(v)] != 0;
  }
  // True if the layers stand in the same body and run equally often.
  bool RunTogether(int a, int b) const;
  // The one layer that reads the value, if it runs together with layer `l`;
  // else -1.
  int SoleReader(int l, ValueIndex v) const;

  // What is folded into layer `l`, to be added to.
  FoldedLayer& Draft(int l);
  // Notes that the node is part of layer `l`.
  void Take(int l, const Node& node, std::string reason);
  // The same of layer `from`, which is a layer no more.
  void Drop(int l, int from, std::string reason);
  bool IsDropped(int l) const { return dropped_[static_cast<size_t>(l)] != 0; }
  // Layer `l` reads `v` as operand `i`, or writes it as output `o`.
  void SetInput(int l, int i, ValueIndex v);
  void SetOutput(int l, int o, ValueIndex v);
  // The operand by which layer `l` reads `v`: a new one, unless it has one.
  int AddInput(int l, ValueIndex v);

  // Another layer reads the value in the place of one that did.
  void MoveUse(ValueIndex v, const ValueUse& from, const ValueUse& to);
  // Layer `l` moves nothing any more.
  void Elide(int l, std::string reason);
  // Finds the uses anew.
  void Renew();
  // Removes layers, counts and uses that nothing needs any more, and hands the
  // drafts to their layers. OUT_OF_RANGE if a count doesn't fit 63 bits.
  absl::Status Finish(const Bindings& bounds);

 private:
  void FindScopes();
  void FindEscapes(const std::vector<bool>& live);
  void BindCounts(LayerCounts& layer, FoldedLayer& draft,
                  const Bindings& bounds) const;

  const Inference& inference_;
  Analysis* analysis_;
  std::vector<int32_t> layer_of_node_;
  std::vector<int32_t> scope_of_node_;
  std::vector<int32_t> writer_;  // by value
  std::vector<absl::InlinedVector<ValueUse, 1>> uses_;
  std::vector<uint8_t> escapes_;
  std::vector<std::shared_ptr<FoldedLayer>> drafts_;  // by layer; null: none
  std::vector<uint8_t> dropped_;
  std::vector<ValueIndex> changed_;  // values that may be used no more
};

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_LAYER_GRAPH_H_
