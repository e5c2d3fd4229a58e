// SPDX-License-Identifier: Apache-2.0
// What changing a graph needs to know of it.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_GRAPH_EDIT_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_GRAPH_EDIT_H_

#include <onnx/onnx_pb.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tools/make_variants/output.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

// The attribute, or nullptr.
const onnx::AttributeProto* FindAttribute(const onnx::NodeProto& node,
                                          absl::string_view name);
int64_t IntOf(const onnx::NodeProto& node, absl::string_view name,
              int64_t otherwise);
float FloatOf(const onnx::NodeProto& node, absl::string_view name,
              float otherwise);
// Replaces or adds it.
void SetInt(onnx::NodeProto* node, const std::string& name, int64_t value);

// The name of input `i`; empty if it is left out.
std::string InputOf(const onnx::NodeProto& node, int i);
// A node's name, else its first output's.
std::string LabelOf(const onnx::NodeProto& node);
bool IsOnnx(const onnx::NodeProto& node);  // of the domain ai.onnx

onnx::NodeProto MakeNode(const std::string& op, const std::string& name,
                         const std::vector<std::string>& inputs,
                         const std::string& output);

// Nodes of a graph by the values that they write and read.
class GraphIndex {
 public:
  explicit GraphIndex(const onnx::GraphProto& graph);

  // Index of the node that writes `name`; -1 if none does.
  int Producer(const std::string& name) const;
  // How often `name` is read, by nodes and by what is in them, or returned.
  int Uses(const std::string& name) const;
  // The nodes that read it; bodies excepted.
  const std::vector<int>& Consumers(const std::string& name) const;
  bool IsReturned(const std::string& name) const {
    return returned_.count(name) != 0;
  }

 private:
  void CountBodies(const onnx::NodeProto& node);

  std::map<std::string, int> producers_;
  std::map<std::string, int> uses_;
  std::map<std::string, std::vector<int>> consumers_;
  std::set<std::string> returned_;
};

// All elements of a tensor of at most kPieceElements, as numbers: a bias, the
// coefficients of a batch normalisation. INVALID_ARGUMENT if it has more, or
// isn't of floats.
absl::StatusOr<std::vector<double>> ReadAll(const Tensor& tensor);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_GRAPH_EDIT_H_
