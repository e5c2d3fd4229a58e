// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/liveness.h"

#include <cstddef>
#include <optional>
#include <utility>
#include <variant>

#include "absl/container/flat_hash_map.h"

namespace opcost {
namespace {

class Liveness {
 public:
  Liveness(const Graph& graph, const Inference& inference,
           std::vector<uint8_t>* used)
      : graph_(graph), inference_(inference), used_(*used) {
    live_.assign(graph.nodes.size(), false);
  }

  std::vector<bool> Run() {
    for (size_t n = 0; n < graph_.nodes.size(); ++n) FindBodyInputs(n);
    for (const ValueIndex output : graph_.outputs) Use(output);
    while (!waiting_.empty()) {
      const ValueIndex v = waiting_.back();
      waiting_.pop_back();
      const int32_t producer = graph_.values[static_cast<size_t>(v)].producer;
      if (producer >= 0) NeedNode(static_cast<size_t>(producer), v);
      const auto input = body_inputs_.find(v);
      if (input != body_inputs_.end()) NeedBodyInput(input->second);
    }
    return std::move(live_);
  }

 private:
  struct BodyInput {
    size_t node;
    size_t index;
  };

  // How a Loop's or Scan's carried values lie in its operands and its body.
  struct Carried {
    size_t first_operand = 0;
    size_t first_input = 0;
    size_t first_output = 0;
    size_t count = 0;
  };

  static bool IsLoop(const Node& node) { return node.op_type == "Loop"; }

  static Carried CarriedOf(const Node& node) {
    const Body& body = node.bodies[0];
    Carried carried;
    if (IsLoop(node)) {
      carried = {2, 2, 1, body.inputs.size() - 2};
    } else if (node.op_type == "Scan") {
      const Attribute* scanned = node.FindAttribute("num_scan_inputs");
      carried.first_operand = node.opset < 9 ? 1 : 0;
      // Inference has checked that it is there, and how large it is.
      carried.count = body.inputs.size() -
                      static_cast<size_t>(std::get<int64_t>(scanned->content));
    }
    return carried;
  }

  void Use(ValueIndex v) {
    if (v == kAbsent || used_[static_cast<size_t>(v)] != 0) return;
    used_[static_cast<size_t>(v)] = 1;
    waiting_.push_back(v);
  }

  // True if the body's nodes are part of the run.
  bool Runs(size_t n, size_t body) const {
    const auto facts = inference_.control.find(n);
    if (facts == inference_.control.end()) return false;
    const std::optional<Extent>& times = facts->second.bodies[body].times;
    return !times.has_value() || !times->Is(0);
  }

  void FindBodyInputs(size_t n) {
    const Node& node = graph_.nodes[n];
    // A body that was never looked at runs neither.
    if (node.bodies.empty() || inference_.control.count(n) == 0) return;
    for (size_t o = 0; o < node.outputs.size(); ++o) {
      if (node.outputs[o] != kAbsent) outputs_.emplace(node.outputs[o], o);
    }
    const Body& body = node.bodies[0];
    if (node.op_type == "If") return;
    const Carried carried = CarriedOf(node);
    for (size_t i = 0; i < body.inputs.size(); ++i) {
      const size_t operand = i - carried.first_input + carried.first_operand;
      const bool is_outer = i >= carried.first_input &&
                            operand < node.inputs.size() &&
                            node.inputs[operand] == body.inputs[i];
      if (!is_outer) body_inputs_.emplace(body.inputs[i], BodyInput{n, i});
    }
  }

  void NeedNode(size_t n, ValueIndex output) {
    if (inference_.nodes[n].is_constant) return;
    const Node& node = graph_.nodes[n];
    const bool is_new = !live_[n];
    live_[n] = true;
    if (!node.bodies.empty()) {
      if (is_new) NeedControlFlow(n);
      const auto place = outputs_.find(output);
      if (place != outputs_.end()) NeedOutput(n, place->second);
      return;
    }
    if (!is_new) return;
    for (const ValueIndex input : node.inputs) Use(input);
    for (const ValueIndex input : node.captured) Use(input);
  }

  // What decides how often the bodies run.
  void NeedControlFlow(size_t n) {
    const Node& node = graph_.nodes[n];
    if (node.op_type == "If") Use(node.inputs[0]);
    if (node.op_type == "Scan" && node.opset < 9) Use(node.inputs[0]);
    if (!IsLoop(node)) return;
    for (size_t i = 0; i < node.inputs.size() && i < 2; ++i) {
      Use(node.inputs[i]);
    }
    if (Runs(n, 0)) Use(node.bodies[0].outputs[0]);
  }

  void NeedOutput(size_t n, size_t o) {
    const Node& node = graph_.nodes[n];
    const Carried carried = node.op_type == "If" ? Carried() : CarriedOf(node);
    for (size_t b = 0; b < node.bodies.size(); ++b) {
      if (Runs(n, b)) Use(node.bodies[b].outputs[o + carried.first_output]);
    }
    if (o < carried.count) Use(node.inputs[carried.first_operand + o]);
  }

  void NeedBodyInput(const BodyInput& input) {
    const Node& node = graph_.nodes[input.node];
    const Body& body = node.bodies[0];
    const Carried carried = CarriedOf(node);
    if (input.index < carried.first_input) {  // iteration number, condition
      return;
    }
    const size_t k = input.index - carried.first_input;
    Use(node.inputs[carried.first_operand + k]);
    if (k < carried.count) Use(body.outputs[carried.first_output + k]);
  }

  const Graph& graph_;
  const Inference& inference_;
  std::vector<uint8_t>& used_;
  std::vector<bool> live_;
  std::vector<ValueIndex> waiting_;
  absl::flat_hash_map<ValueIndex, BodyInput> body_inputs_;
  // Which output of its control-flow node a value is.
  absl::flat_hash_map<ValueIndex, size_t> outputs_;
};

}  // namespace

std::vector<bool> MarkLive(const Graph& graph, const Inference& inference,
                           std::vector<uint8_t>* used) {
  return Liveness(graph, inference, used).Run();
}

}  // namespace opcost
