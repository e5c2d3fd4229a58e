// SPDX-License-Identifier: Apache-2.0
// Tensors that are to be had as quantised numbers: what a DequantizeLinear
// gives, seen through views.
#ifndef OPCOST_SRC_ANALYSIS_QUANTISED_TENSOR_H_
#define OPCOST_SRC_ANALYSIS_QUANTISED_TENSOR_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/inlined_vector.h"
#include "opcost/ir/graph.h"
#include "src/analysis/layer_graph.h"

namespace opcost {

// How numbers stand for real ones: (number - zero point) * scale.
struct Quantisation {
  DataType type = DataType::kUndefined;  // of the numbers
  ValueIndex scale = kAbsent;
  ValueIndex zero_point = kAbsent;
  // The QuantizeLinear or DequantizeLinear, whose attributes tell the axis.
  const Node* node = nullptr;
};

// A floating-point tensor whose elements are the numbers of `array`.
struct QuantisedTensor {
  ValueIndex array = kAbsent;
  Quantisation quantisation;
  // The DequantizeLinear, and the views behind it.
  absl::InlinedVector<const Node*, 2> nodes;
  // Axis i of the tensor is axis order[i] of the array; unset where a view has
  // changed the axes.
  std::optional<absl::InlinedVector<int, 4>> order;
  bool is_rearranged = false;  // a Transpose stands between
};

// Numbers that contractions multiply as they are: integers of up to 16 bits and
// floats of up to 8.
bool IsQuantisedType(DataType type);
bool IsOperator(const Node& node, absl::string_view name);
// The attribute; nullptr if the node has no integer of that name.
const int64_t* FindInt(const Node& node, absl::string_view name);

class QuantisedTensors {
 public:
  explicit QuantisedTensors(const LayerGraph& graph) : graph_(graph) {}

  // The tensor as quantised numbers; nullopt if it isn't to be had as such.
  // Numbers of any integer type up to 32 bits, as those of a bias.
  std::optional<QuantisedTensor> Find(ValueIndex v) const;
  // The value itself holds such numbers from now on.
  void Set(ValueIndex v, const Quantisation& quantisation) {
    retyped_[v] = quantisation;
  }

  // True if one scale and zero point hold for all elements.
  bool IsPerTensor(const Quantisation& q) const;
  // True if both are known to be the same.
  bool AreSame(const Quantisation& a, const Quantisation& b) const;
  // False if the zero point is absent or known to be 0.
  bool HasOffset(const Quantisation& q) const;
  // True if the saturation of numbers so quantised does what the Relu or Clip
  // `layer` does, as far as is known.
  bool Absorbs(const Quantisation& q, int layer) const;
  // The extents of the scale along the axes of the tensor, 1 where it doesn't
  // vary; nullopt if they can't be told.
  std::optional<Dims> ScaleExtents(const QuantisedTensor& tensor) const;

 private:
  bool Step(const Node& node, bool is_constant, QuantisedTensor* tensor) const;
  void Start(const Node& node, QuantisedTensor* tensor) const;
  bool AreEqual(ValueIndex a, ValueIndex b) const;

  const LayerGraph& graph_;
  absl::flat_hash_map<ValueIndex, Quantisation> retyped_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_QUANTISED_TENSOR_H_
