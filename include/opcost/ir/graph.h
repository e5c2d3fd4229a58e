// SPDX-License-Identifier: Apache-2.0
// A model as the rest of opcost sees it: no protobuf in it, weights by place.
#ifndef OPCOST_IR_GRAPH_H_
#define OPCOST_IR_GRAPH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/ir/types.h"

namespace opcost {

struct Graph;

// Where the bytes of a constant lie. They are never copied.
struct Payload {
  enum class Place : uint8_t {
    kNone,       // no bytes: an empty tensor, a value computed by a node, or
                 // a tensor of at most 1 KB, whose elements are in its value
    kModelFile,  // in the model's own file, from `offset_bytes`
    kExternal,   // in `location`, a path relative to the model's folder
    kScattered,  // in the model's file, from `offset_bytes`, but not as plain
                 // bytes: in more than one piece, or as protobuf varints
  };
  Place place = Place::kNone;
  uint64_t offset_bytes = 0;
  uint64_t length_bytes = 0;  // 0 for external data whose length isn't given
  std::string location;
};

// A constant that the model stores: its type, its place, and its value where it
// is small or uniform.
struct StoredTensor {
  TensorType type;
  std::shared_ptr<const TensorValue> value;  // null if not known
  Payload payload;
  bool is_sparse = false;
};

// An operator's attribute. A kind that no rule reads (lists of tensors or
// graphs) keeps its name alone: std::monostate. A sparse tensor is a
// StoredTensor with is_sparse set, a type_proto a ValueType.
struct Attribute {
  using Content = std::variant<
      std::monostate, int64_t, double, std::string, std::vector<int64_t>,
      std::vector<double>, std::vector<std::string>,
      std::shared_ptr<const StoredTensor>, std::shared_ptr<const Graph>,
      std::shared_ptr<const ValueType>>;
  std::string name;
  Content content;
  // Inside a function's body: the attribute of the function's caller whose
  // content it takes (ref_attr_name). Empty elsewhere.
  std::string referenced{};  // braces: brace lists may leave it out
};

// Index into Graph::values; kAbsent marks an optional operand that is left out.
using ValueIndex = int32_t;
inline constexpr ValueIndex kAbsent = -1;

// A body of a control-flow node (then_branch, else_branch, body), inlined: its
// nodes stand in the same graph, right behind the node, those of nested bodies
// among them.
struct Body {
  std::string attribute;   // the node's attribute that it was
  int32_t begin_node = 0;  // its nodes are [begin_node, end_node)
  int32_t end_node = 0;
  std::vector<ValueIndex> inputs;   // of the body, in its own order
  std::vector<ValueIndex> outputs;  // ditto; may be values of an outer graph
};

struct Node {
  std::string name;      // as the model has it; may be empty or repeated
  std::string op_type;   // as ONNX spells it
  std::string domain;    // "" for ai.onnx
  std::string overload;  // which of several functions of one name
  int opset = 0;         // the version of `domain` that the model imports
  absl::InlinedVector<ValueIndex, 4> inputs;
  absl::InlinedVector<ValueIndex, 2> outputs;
  std::vector<Attribute> attributes;
  // Values of this graph that the node's subgraphs read from it.
  std::vector<ValueIndex> captured;
  // Of an expanded graph's control-flow node, in the order of their nodes; then
  // `captured` is empty, since the bodies' nodes read the values themselves.
  std::vector<Body> bodies;

  // nullptr if the node doesn't have it.
  const Attribute* FindAttribute(absl::string_view attribute_name) const;
};

struct Value {
  std::string name;
  ValueType declared;  // kUnknown if the model says nothing
  std::shared_ptr<const StoredTensor> stored;  // set for initializers
  int32_t producer = -1;                       // index of the node, or -1
  bool is_input = false;                       // of the graph
  bool is_output = false;                      // of the graph
};

// Nodes in an order in which each comes after those that it reads from: the
// file's own, where that is one.
struct Graph {
  std::string name;
  std::vector<Node> nodes;
  std::vector<Value> values;
  std::vector<ValueIndex> inputs;  // those that are initializers included
  std::vector<ValueIndex> outputs;

  // The name of node `n` for messages: its own, else its first output's.
  absl::string_view NodeLabel(const Node& node) const;
};

struct OpsetImport {
  std::string domain;  // "" for ai.onnx
  int64_t version = 0;
};

// A function that the model defines: its body with the names of its inputs,
// outputs and attributes.
struct Function {
  std::string domain;  // "" for ai.onnx
  std::string name;
  std::string overload;
  std::vector<std::string> attributes;  // that a caller must give
  std::vector<Attribute> defaults;      // that a caller may give
  std::vector<OpsetImport> opsets;      // of the body
  Graph body;
};

struct Model {
  std::string path;  // as the user gave it; "-" for standard input
  std::string producer;
  int64_t ir_version = 0;
  std::vector<OpsetImport> opsets;
  Graph graph;
  // XXH3-128 of the file without its tensor payloads: "xxh3-128:<32 digits>".
  std::string structure_digest;
  // Functions that the model defines, in its order.
  std::vector<Function> functions;
};

}  // namespace opcost

#endif  // OPCOST_IR_GRAPH_H_
