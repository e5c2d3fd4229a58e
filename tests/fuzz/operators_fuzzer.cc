// SPDX-License-Identifier: Apache-2.0
// Any bytes as a file of user's operators: refused with a place, or operators
// that can be asked about nodes of every shape. And as an expression, which
// prints so that it reads back.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "opcost/ops/custom_operators.h"
#include "opcost/support/sym_parser.h"

namespace opcost {
namespace {

void Check(bool holds) {
  if (!holds) __builtin_trap();
}

// A node of the operator with `inputs` inputs of `rank` axes.
void AskAboutNode(const OpDef& def, int inputs, int rank) {
  Graph graph;
  Node node;
  node.op_type = std::string(def.name);
  node.domain = std::string(def.domain);
  node.opset = 1 << 20;
  std::vector<ValueFacts> facts;
  const auto add = [&](bool is_input) {
    ValueFacts fact;
    Dims dims;
    for (int axis = 0; axis < rank; ++axis) {
      dims.push_back(axis % 2 == 0 ? Extent(axis + 2) : Extent::Symbol("N"));
    }
    if (is_input) fact.type = ValueType(DataType::kFloat32, dims);
    const auto index = static_cast<ValueIndex>(facts.size());
    (is_input ? node.inputs.push_back(index) : node.outputs.push_back(index));
    facts.push_back(std::move(fact));
    graph.values.emplace_back();
  };
  for (int i = 0; i < inputs; ++i) add(true);
  add(false);
  const auto types = InferBy(def, NodeView(graph, node, facts));
  if (!types.ok()) return;
  facts[static_cast<size_t>(inputs)].type = (*types)[0];
  const std::vector<uint8_t> used(facts.size(), 1);
  Legend legend;
  const TypedNodeView view(graph, node, facts, used, &legend);
  const auto counts = CountBy(def, view);
  if (counts.ok()) counts->Validate(view).IgnoreError();
}

}  // namespace
}  // namespace opcost

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (size <= opcost::kMaxDimensionBytes) {
    const auto value = opcost::ParseExpression(text);
    if (value.ok()) {
      const auto again = opcost::ParseExpression(value->ToString());
      opcost::Check(!again.ok() || *again == *value);
    }
  }
  const auto operators = opcost::CustomOperators::Parse("o.toml", text);
  if (!operators.ok()) return 0;
  for (const opcost::OpDef* def : operators->All()) {
    for (int inputs = 0; inputs < 4; ++inputs) {
      for (int rank = 0; rank < 4; ++rank) {
        opcost::AskAboutNode(*def, inputs, rank);
      }
    }
  }
  return 0;
}
