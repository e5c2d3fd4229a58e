// SPDX-License-Identifier: Apache-2.0
// What a rule may see of a node.
#ifndef OPCOST_IR_NODE_VIEW_H_
#define OPCOST_IR_NODE_VIEW_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "opcost/ir/graph.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/ir/types.h"

namespace opcost {

// What is known of a value before the model runs.
struct ValueFacts {
  ValueType type;
  bool is_constant = false;  // depends on constants and shapes alone (rule R7)
  // The elements, where they are small or uniform; may be set for the integer
  // values of shape arithmetic only.
  std::shared_ptr<const TensorValue> value;
};

// True if `status` says that something isn't known yet (an input without a
// shape), rather than that the model is wrong. Such a layer is unknown.
bool IsUndetermined(const absl::Status& status);

// A node with what is known of its inputs. Cheap to copy; refers to the graph
// and to the facts, which must outlive it.
//
// Errors start with "<Operator> '<label>': ".
class NodeView {
 public:
  NodeView(const Graph& graph, const Node& node,
           absl::Span<const ValueFacts> facts)
      : graph_(&graph), node_(&node), facts_(facts) {}

  const Node& node() const { return *node_; }
  absl::string_view op_type() const { return node_->op_type; }
  int opset() const { return node_->opset; }
  absl::string_view label() const { return graph_->NodeLabel(*node_); }

  // Number of operands that the node lists, absent ones included.
  int input_count() const { return static_cast<int>(node_->inputs.size()); }
  int output_count() const { return static_cast<int>(node_->outputs.size()); }
  bool HasInput(int i) const {
    return i < input_count() &&
           node_->inputs[static_cast<size_t>(i)] != kAbsent;
  }
  // True if the node names its output `i`.
  bool HasOutput(int i) const {
    return i < output_count() &&
           node_->outputs[static_cast<size_t>(i)] != kAbsent;
  }
  // The name of output `o`; empty if the node doesn't list it.
  absl::string_view OutputName(int o) const;
  // True if operand `i` is present and depends on constants and shapes alone.
  bool IsConstant(int i) const { return HasInput(i) && facts(i).is_constant; }
  // The elements of operand `i`; nullptr if it is absent or they aren't known.
  const TensorValue* InputValue(int i) const {
    return HasInput(i) ? facts(i).value.get() : nullptr;
  }
  // The type of operand `i`, whatever it is. Call only if HasInput(i).
  const ValueType& InputType(int i) const { return facts(i).type; }

  // The tensor type of operand `i`, of known rank. Errors: the operand is
  // missing or no tensor; IsUndetermined() if its rank isn't known.
  absl::StatusOr<const TensorType*> Input(int i) const;
  // The plain integers of operand `i` (shape, axes, pads, starts). Errors: as
  // Input(); IsUndetermined() if the elements aren't known.
  absl::StatusOr<std::vector<int64_t>> InputInts(int i) const;

  bool HasAttribute(absl::string_view name) const {
    return node_->FindAttribute(name) != nullptr;
  }
  // The attribute, or `otherwise` if the node lacks it. An attribute of another
  // kind is an error. Floats are also taken from ints.
  absl::StatusOr<int64_t> Int(absl::string_view name, int64_t otherwise) const;
  absl::StatusOr<double> Float(absl::string_view name, double otherwise) const;
  absl::StatusOr<std::string> String(absl::string_view name,
                                     absl::string_view otherwise) const;
  // Empty if the node lacks it.
  absl::StatusOr<std::vector<int64_t>> Ints(absl::string_view name) const;
  // The same without a copy: refers to the graph.
  absl::StatusOr<absl::Span<const int64_t>> IntsView(
      absl::string_view name) const;
  absl::StatusOr<std::vector<double>> Floats(absl::string_view name) const;
  absl::StatusOr<std::vector<std::string>> Strings(
      absl::string_view name) const;
  // nullptr if the node lacks it.
  absl::StatusOr<std::shared_ptr<const StoredTensor>> Tensor(
      absl::string_view name) const;

  // An error about this node: INVALID_ARGUMENT.
  template <typename... Args>
  absl::Status Invalid(const Args&... what) const {
    return Prefixed(absl::StatusCode::kInvalidArgument, absl::StrCat(what...));
  }
  // What can't be known of this node; see IsUndetermined().
  template <typename... Args>
  absl::Status Unknown(const Args&... what) const {
    return Prefixed(absl::StatusCode::kUnavailable, absl::StrCat(what...));
  }

 protected:
  const ValueFacts& facts(int i) const {
    return facts_[static_cast<size_t>(node_->inputs[static_cast<size_t>(i)])];
  }
  const ValueFacts& output_facts(int i) const {
    return facts_[static_cast<size_t>(node_->outputs[static_cast<size_t>(i)])];
  }

 private:
  absl::Status Prefixed(absl::StatusCode code, absl::string_view what) const;
  absl::Status WrongKind(const Attribute& attribute,
                         absl::string_view expected) const;

  const Graph* graph_;
  const Node* node_;
  absl::Span<const ValueFacts> facts_;
};

// What changes the counts of every layer alike.
struct CountOptions {
  // --padding skipped: only products whose input exists are counted (R9).
  bool skip_padding = false;
};

// The named numbers of a counting rule, for `explain`: "N" is 1, "kernel" is 9.
using Legend = std::vector<std::pair<absl::string_view, Count>>;

// A node whose output types are known too: what a counting rule sees.
class TypedNodeView : public NodeView {
 public:
  // `used` tells of each of the graph's values whether anything reads it.
  // `legend`, if given, is filled by Let().
  TypedNodeView(const Graph& graph, const Node& node,
                absl::Span<const ValueFacts> facts,
                absl::Span<const uint8_t> used, Legend* legend = nullptr,
                const CountOptions& options = {})
      : NodeView(graph, node, facts),
        used_(used),
        legend_(legend),
        options_(options) {}

  const CountOptions& options() const { return options_; }

  // The tensor type of output `i`, of known rank. Errors as Input().
  absl::StatusOr<const TensorType*> Output(int i) const;
  const ValueType& OutputType(int i) const { return output_facts(i).type; }
  // True if a layer reads output `i`, or the graph returns it.
  bool IsOutputUsed(int i) const {
    return HasOutput(i) &&
           used_[static_cast<size_t>(node().outputs[static_cast<size_t>(i)])] !=
               0;
  }
  // Elements of operand or output `i`; 0 if it is absent or of unknown shape.
  Count InputVolume(int i) const;
  Count OutputVolume(int i) const;

  // Names a number of the rule's formula; `name` must be a literal.
  void Let(absl::string_view name, const Count& value) const {
    if (legend_ != nullptr) legend_->emplace_back(name, value);
  }

 private:
  absl::Span<const uint8_t> used_;
  Legend* legend_;
  CountOptions options_;
};

}  // namespace opcost

#endif  // OPCOST_IR_NODE_VIEW_H_
