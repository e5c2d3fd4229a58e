// SPDX-License-Identifier: Apache-2.0
// Analyses written down by hand, for tests of what comes after counting.
#ifndef OPCOST_TESTS_SUPPORT_HAND_ANALYSIS_H_
#define OPCOST_TESTS_SUPPORT_HAND_ANALYSIS_H_

#include <cstdint>
#include <initializer_list>
#include <string>
#include <utility>

#include "opcost/analysis/analysis.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

// Up to 64 nodes, whose counts are whatever the test says.
class HandAnalysis {
 public:
  HandAnalysis() {
    model_.graph.nodes.reserve(64);
    analysis_.layers.reserve(64);
    analysis_.model = &model_;
    analysis_.graph = &model_.graph;
  }
  HandAnalysis(const HandAnalysis&) = delete;
  HandAnalysis& operator=(const HandAnalysis&) = delete;

  const Analysis& analysis() const { return analysis_; }
  Analysis& mutable_analysis() { return analysis_; }

  ValueIndex Tensor(std::string name, int64_t elements,
                    DataType type = DataType::kFloat32) {
    return Add(std::move(name), elements, type, false);
  }
  ValueIndex Constant(std::string name, int64_t elements,
                      DataType type = DataType::kFloat32) {
    return Add(std::move(name), elements, type, true);
  }
  // The layer's name is its first output's.
  LayerCounts& Layer(std::string op_type,
                     std::initializer_list<ValueIndex> inputs,
                     std::initializer_list<ValueIndex> outputs) {
    Node& node = model_.graph.nodes.emplace_back();
    node.op_type = std::move(op_type);
    node.opset = 13;
    node.inputs.assign(inputs.begin(), inputs.end());
    node.outputs.assign(outputs.begin(), outputs.end());
    LayerCounts& layer = analysis_.layers.emplace_back();
    layer.node = &node;
    layer.name =
        model_.graph.values[static_cast<size_t>(*outputs.begin())].name;
    return layer;
  }
  // One read per use of operand `i`.
  Access& Read(LayerCounts& layer, int i, int64_t uses, Role role) const {
    const ValueIndex value = layer.node->inputs[static_cast<size_t>(i)];
    Access& access = NewAccess(layer, Access::Side::kInput, role, i, value);
    access.reads = uses;
    access.takes_weight_bits = role == Role::kWeight;
    return access;
  }
  Access& Write(LayerCounts& layer, int o, int64_t count) const {
    const ValueIndex value = layer.node->outputs[static_cast<size_t>(o)];
    Access& access =
        NewAccess(layer, Access::Side::kOutput, Role::kOutput, o, value);
    access.writes = count;
    return access;
  }

 private:
  ValueIndex Add(std::string name, int64_t elements, DataType type,
                 bool is_constant) {
    Value value;
    value.name = std::move(name);
    model_.graph.values.push_back(std::move(value));
    ValueFacts facts;
    facts.type = ValueType(type, {Extent(elements)});
    facts.is_constant = is_constant;
    analysis_.values.push_back(std::move(facts));
    return static_cast<ValueIndex>(analysis_.values.size()) - 1;
  }
  Access& NewAccess(LayerCounts& layer, Access::Side side, Role role, int index,
                    ValueIndex value) const {
    Access& access = layer.counts.accesses.emplace_back();
    access.side = side;
    access.role = role;
    access.index = static_cast<int16_t>(index);
    access.elements = Volume(
        analysis_.values[static_cast<size_t>(value)].type.tensor.shape.dims());
    access.operand_elements = access.elements;
    return access;
  }

  Model model_;
  Analysis analysis_;
};

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_HAND_ANALYSIS_H_
