// SPDX-License-Identifier: Apache-2.0
// What a graph takes along where it is inlined: names, types, bytes.
#ifndef OPCOST_SRC_ANALYSIS_INLINING_H_
#define OPCOST_SRC_ANALYSIS_INLINING_H_

#include <cstddef>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "opcost/ir/graph.h"

namespace opcost {

// Names, each of them once.
class UniqueNames {
 public:
  // False if the name is taken.
  bool Insert(const std::string& name) { return names_.insert(name).second; }
  // `name`, or with the first of "#2", "#3" ... behind it that isn't taken.
  std::string Take(const std::string& name);

 private:
  absl::flat_hash_set<std::string> names_;
  absl::flat_hash_map<std::string, size_t> last_number_;
};

// The declared type of an inlined value: symbols that stand for its unnamed
// dimensions, and all those of a function, which may use them otherwise than
// the model, are renamed.
ValueType RenamedType(const ValueType& declared, const std::string& old_name,
                      const std::string& new_name, bool in_function);

// About how much a copy of the content takes beside itself.
size_t BytesOf(const Attribute::Content& content);

// The value that `v` is, seen through Identity nodes.
ValueIndex SeenThroughIdentity(const Graph& graph, ValueIndex v);

// The graph that the attribute is; nullptr if it is none.
const Graph* SubgraphOf(const Attribute& attribute);

}  // namespace opcost

#endif  // OPCOST_SRC_ANALYSIS_INLINING_H_
