// SPDX-License-Identifier: Apache-2.0
// Which channels of a network are the same channels.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_CHANNEL_GRAPH_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_CHANNEL_GRAPH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tools/make_variants/graph_edit.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

// Channels of one set, each `repeat` times in a row (a flattened image).
struct Segment {
  int set = 0;
  int64_t repeat = 1;
};
using Segments = std::vector<Segment>;

// An axis of a stored tensor that goes along with channels.
struct Cut {
  std::string tensor;
  int axis = 0;
  Segments segments;
  bool is_scored = false;  // a weight's output features
};

// Follows each set of channels from the operator that makes it through
// elementwise operators, normalisations, pools and depthwise convolutions to
// those that sum over it. Operators that combine channels one by one (a
// residual Add) make two sets one. What an operator reads that isn't listed in
// channel_graph.cc keeps its channels.
class ChannelGraph {
 public:
  // `source` must outlive it.
  explicit ChannelGraph(const Source& source);

  // Sets that are equal have the same root.
  int Root(int set) const;
  int sets() const { return static_cast<int>(sets_.size()); }
  int64_t Size(int set) const { return sets_[Index(Root(set))].size; }
  // Why no channel of the set may go; empty if they may.
  const std::string& Reason(int set) const {
    return sets_[Index(Root(set))].reason;
  }
  // The operator that made the set.
  const std::string& Maker(int set) const { return sets_[Index(set)].maker; }
  const std::vector<Cut>& cuts() const { return cuts_; }
  // Depthwise convolutions: their index and their channels.
  const std::map<int, Segments>& depthwise() const { return depthwise_; }

 private:
  struct Set {
    int parent = 0;
    int64_t size = 0;
    std::string maker;
    std::string reason;
  };
  struct Channels {
    int axis = 1;
    Segments segments;
  };
  static size_t Index(int i) { return static_cast<size_t>(i); }

  int NewSet(int64_t size, const onnx::NodeProto& maker);
  void Keep(int set, const std::string& reason);
  void KeepValue(const std::string& name, const std::string& reason);
  void Join(const Segments& a, const Segments& b, const std::string& reason);
  void AddCut(const std::string& tensor, int axis, const Segments& segments,
              bool is_scored);
  const Channels* Find(const std::string& name) const;
  const ValueKnowledge* Shape(const std::string& name) const;

  void Follow(int n);
  bool FollowConvolution(int n);
  bool FollowTransposed(const onnx::NodeProto& node);
  bool FollowGemm(const onnx::NodeProto& node);
  bool FollowMatMul(const onnx::NodeProto& node);
  bool FollowNormalization(const onnx::NodeProto& node);
  bool FollowFlatten(const onnx::NodeProto& node);
  bool FollowConcat(const onnx::NodeProto& node);
  bool FollowElementwise(const onnx::NodeProto& node);
  bool FollowSame(const onnx::NodeProto& node);
  void AddFeatures(const onnx::NodeProto& node, int weight_axis, int64_t size,
                   int output_axis);
  bool CutInput(const onnx::NodeProto& node, int weight_axis, int channel_axis);
  bool JoinOperand(const onnx::NodeProto& node, const std::string& operand,
                   size_t rank, const Channels& channels);
  bool Covers(const Cut& cut) const;
  void KeepWhatIsRead();

  const Source& source_;
  const onnx::GraphProto& proto_;
  GraphIndex index_;
  std::vector<Set> sets_;
  std::map<std::string, Channels> values_;
  std::vector<Cut> cuts_;
  std::map<int, Segments> depthwise_;
};

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_CHANNEL_GRAPH_H_
