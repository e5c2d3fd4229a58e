// SPDX-License-Identifier: Apache-2.0
// Which stored tensors are a contraction's constant operand: what opcost's own
// counting rules say.
#include <map>
#include <set>
#include <utility>

#include "opcost/frontend/import.h"
#include "opcost/support/status_macros.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {
namespace {

// The stored tensor that value `v` is, through transpositions of a matrix,
// each of which flips `is_transposed`; kAbsent if there is none.
ValueIndex StoredBehind(const Graph& graph, ValueIndex v, bool* is_transposed) {
  for (;;) {
    const Value& value = graph.values[static_cast<size_t>(v)];
    if (value.stored != nullptr) return v;
    if (value.producer < 0) return kAbsent;
    const Node& node = graph.nodes[static_cast<size_t>(value.producer)];
    if (node.op_type == "Constant") return v;
    if (node.inputs.empty()) return kAbsent;
    if (node.op_type == "Transpose") {
      const Attribute* perm = node.FindAttribute("perm");
      const auto* axes =
          perm == nullptr ? nullptr
                          : std::get_if<std::vector<int64_t>>(&perm->content);
      if (axes == nullptr || *axes != std::vector<int64_t>{1, 0})
        return kAbsent;
      *is_transposed = !*is_transposed;
    } else if (node.op_type != "Identity") {
      return kAbsent;
    }
    v = node.inputs[0];
  }
}

ValueKnowledge KnowledgeOf(const ValueFacts& facts) {
  ValueKnowledge knowledge;
  knowledge.is_constant = facts.is_constant;
  if (facts.type.kind != ValueKind::kTensor) return knowledge;
  knowledge.type = facts.type.tensor.type;
  const Shape& shape = facts.type.tensor.shape;
  knowledge.has_shape = shape.has_rank();
  if (!shape.has_rank()) return knowledge;
  for (const Extent& extent : shape.dims())
    knowledge.dims.push_back(extent.is_concrete() ? extent.value() : -1);
  return knowledge;
}

}  // namespace

absl::Status Source::Analyse() {
  OPCOST_ASSIGN_OR_RETURN(const Model model, ImportFile(path_));
  InputOptions options;
  options.keep_symbols = true;
  options.reading = GraphReading::kAsWritten;
  OPCOST_ASSIGN_OR_RETURN(const Analysis analysis, Analyze(model, options));
  const std::vector<Value>& values = analysis.graph->values;
  for (size_t v = 0; v < values.size(); ++v) {
    if (!values[v].name.empty())
      values_.emplace(values[v].name, KnowledgeOf(analysis.values[v]));
  }
  AddMatrices(analysis);
  return absl::OkStatus();
}

void Source::AddMatrices(const Analysis& analysis) {
  std::set<std::string> seen;
  for (const LayerCounts& layer : analysis.layers) {
    for (const WeightMatrix& matrix : layer.counts.matrices) {
      if (!matrix.blocks.is_concrete() || !matrix.rows.is_concrete() ||
          !matrix.columns.is_concrete())
        continue;
      Weight weight;
      weight.layout = {.blocks = matrix.blocks.value(),
                       .rows = matrix.rows.value(),
                       .columns = matrix.columns.value(),
                       .is_transposed = matrix.is_transposed,
                       .is_one_matrix = matrix.is_one_matrix};
      const ValueIndex stored =
          StoredBehind(*analysis.graph,
                       layer.node->inputs[static_cast<size_t>(matrix.operand)],
                       &weight.layout.is_transposed);
      if (stored == kAbsent) continue;
      weight.tensor = analysis.graph->values[static_cast<size_t>(stored)].name;
      weight.node = layer.name;
      weight.op = layer.node->op_type;
      if (seen.insert(weight.tensor).second)
        matrices_.push_back(std::move(weight));
    }
  }
}

}  // namespace opcost::variants
