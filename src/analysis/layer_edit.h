// SPDX-License-Identifier: Apache-2.0
// Changes to one layer's counts, each with its term for people.
#ifndef OPCOST_SRC_ANALYSIS_LAYER_EDIT_H_
#define OPCOST_SRC_ANALYSIS_LAYER_EDIT_H_

#include <functional>
#include <string>

#include "absl/strings/string_view.h"
#include "opcost/ops/op_counts.h"
#include "src/analysis/layer_graph.h"
#include "src/analysis/quantised_tensor.h"

namespace opcost {

class LayerEdit {
 public:
  LayerEdit(LayerGraph& graph, int layer) : graph_(graph), l_(layer) {}

  OpCounts& counts() { return graph_.layer(l_).counts; }
  int index() const { return l_; }

  // Adds operations; none if `count` is zero. `formula` is how the count comes
  // about, `reason` what they are for.
  void Add(ArithOp op, OperandSet operands, const Count& count,
           absl::string_view formula, absl::string_view reason);
  // Drops the operations that `goes` picks.
  void Drop(const std::function<bool(const Arith&)>& goes,
            absl::string_view formula, absl::string_view reason);
  // Adds reads of `v`: one if it is a constant of one element (R2).
  void Read(ValueIndex v, const Count& uses, absl::string_view formula,
            absl::string_view reason);
  // Drops the reads of operand `i`.
  void DropReads(int i);
  // Adds writes of output 0.
  void Write(const Count& count);
  // Requantises `outputs` results in float32 (section 4).
  void Requantize(const Count& outputs, absl::string_view formula);
  // Reads scale and zero point, as QLinear operators do: the scale once if it
  // is one, else once per result; each element of the zero point once.
  void ReadQuantisation(const Quantisation& q, const Count& results,
                        absl::string_view formula);
  // Operand `i` is the array of the tensor. The matrix of a contraction goes by
  // the array's layout, or goes.
  void TakeInput(int i, const QuantisedTensor& tensor);

 private:
  LayerGraph& graph_;
  int l_;
};

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_LAYER_EDIT_H_
