// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/inlining.h"

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "absl/strings/str_cat.h"

namespace opcost {

std::string UniqueNames::Take(const std::string& name) {
  if (names_.insert(name).second) return name;
  size_t& number = last_number_[name];
  if (number == 0) number = 1;
  while (true) {
    std::string numbered = absl::StrCat(name, "#", ++number);
    if (names_.insert(numbered).second) return numbered;
  }
}

ValueType RenamedType(const ValueType& declared, const std::string& old_name,
                      const std::string& new_name, bool in_function) {
  if (!declared.is_tensor() || !declared.tensor.shape.has_rank()) {
    return in_function && !declared.is_tensor() ? ValueType() : declared;
  }
  ValueType renamed = declared;
  Dims& dims = renamed.tensor.shape.mutable_dims();
  for (size_t axis = 0; axis < dims.size(); ++axis) {
    if (dims[axis].is_concrete()) continue;
    if (in_function ||
        dims[axis] == Extent::Symbol(absl::StrCat(old_name, ".", axis))) {
      dims[axis] = Extent::Symbol(absl::StrCat(new_name, ".", axis));
    }
  }
  return renamed;
}

size_t BytesOf(const Attribute::Content& content) {
  if (const auto* text = std::get_if<std::string>(&content)) {
    return text->size();
  }
  if (const auto* ints = std::get_if<std::vector<int64_t>>(&content)) {
    return ints->size() * sizeof(int64_t);
  }
  if (const auto* floats = std::get_if<std::vector<double>>(&content)) {
    return floats->size() * sizeof(double);
  }
  size_t bytes = 0;
  if (const auto* texts = std::get_if<std::vector<std::string>>(&content)) {
    for (const std::string& text : *texts)
      bytes += sizeof(std::string) + text.size();
  }
  return bytes;
}

ValueIndex SeenThroughIdentity(const Graph& graph, ValueIndex v) {
  // Each step goes to an earlier node.
  while (v != kAbsent) {
    const int32_t producer = graph.values[static_cast<size_t>(v)].producer;
    if (producer < 0) break;
    const Node& node = graph.nodes[static_cast<size_t>(producer)];
    if (node.op_type != "Identity" || !node.domain.empty() ||
        node.inputs.size() != 1) {
      break;
    }
    v = node.inputs[0];
  }
  return v;
}

const Graph* SubgraphOf(const Attribute& attribute) {
  const auto* graph =
      std::get_if<std::shared_ptr<const Graph>>(&attribute.content);
  return graph == nullptr ? nullptr : graph->get();
}

}  // namespace opcost
