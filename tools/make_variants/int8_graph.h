// SPDX-License-Identifier: Apache-2.0
// A float graph as a quantizer sees it.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_INT8_GRAPH_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_INT8_GRAPH_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tools/make_variants/graph_edit.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

struct Range {
  double least = 0;
  double greatest = 0;
};

// The graph after batch normalisations are folded into the convolutions and
// Gemms before them, and each Relu or Clip behind an operator that computes
// integers is dropped: its range becomes that of the operator's output.
class FloatGraph {
 public:
  // `range` is what Relu's results are taken to end at. Fills in the ranges of
  // the values behind dropped nodes. `source` must outlive it.
  FloatGraph(const Source& source, double range,
             std::map<std::string, Range>* ranges);

  enum class Kind : uint8_t {
    kComputes,  // Conv, ConvTranspose, Gemm, MatMul, Add, Mul
    kAverages,  // average pools, Concat: results lie where the inputs do
    kFollows,   // MaxPool, Relu, Clip and views: integers if the input is
    kOther,
  };
  Kind KindOf(const onnx::NodeProto& node) const;

  int size() const { return proto_.node_size(); }
  const onnx::NodeProto& node(int n) const { return proto_.node(n); }
  bool IsDropped(int n) const { return dropped_[static_cast<size_t>(n)]; }
  // Of the graph before.
  const GraphIndex& index() const { return index_; }

  // What an operator's results are known to lie in: of Relu, Clip, Sigmoid,
  // Softmax.
  std::optional<Range> RangeOf(const onnx::NodeProto& node, double range) const;
  // The inputs that are quantised as data or weights.
  std::vector<int> DataInputs(const onnx::NodeProto& node) const;
  // The input that is a contraction's stored weight; -1 if there is none.
  int WeightInput(const onnx::NodeProto& node) const;
  bool HasBias(const onnx::NodeProto& node) const;
  // The axis of a stored weight that counts output features; -1 where groups
  // have features of their own along it.
  int FeatureAxis(const onnx::NodeProto& node, const Tensor& weight) const;
  int64_t Features(const onnx::NodeProto& node) const;
  // The batch normalisation that was folded into node `n`, or nullptr.
  const onnx::NodeProto* NormalizationBehind(int n) const;
  // "2 batch normalisations folded, 3 activations dropped".
  std::string Summary() const;

 private:
  void FoldNormalization(int n);
  // Whether `bias` is stored, one element for each of `features`.
  bool IsRowOf(const std::string& bias, int64_t features) const;
  void DropActivation(int n, double range,
                      std::map<std::string, Range>* ranges);
  // The node that alone writes what `node` alone reads, or -1.
  int OnlyNeighbour(const onnx::NodeProto& node) const;
  bool IsFloat32(const std::string& name) const;
  std::optional<double> Bound(const onnx::NodeProto& node, int input,
                              absl::string_view attribute) const;

  const Source& source_;
  onnx::GraphProto proto_;
  GraphIndex index_;
  std::vector<bool> dropped_;
  std::map<std::string, int> producers_;  // after what was folded
  std::map<int, int> normalizations_;     // by the node they are folded into
  int activations_ = 0;
};

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_INT8_GRAPH_H_
