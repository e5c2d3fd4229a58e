// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/graph.h"

namespace opcost {

const Attribute* Node::FindAttribute(absl::string_view attribute_name) const {
  for (const Attribute& attribute : attributes) {
    if (attribute.name == attribute_name) return &attribute;
  }
  return nullptr;
}

absl::string_view Graph::NodeLabel(const Node& node) const {
  if (!node.name.empty()) return node.name;
  for (const ValueIndex output : node.outputs) {
    if (output != kAbsent) return values[static_cast<size_t>(output)].name;
  }
  return "";
}

}  // namespace opcost
