// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/expansion.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/analysis/inlining.h"

namespace opcost {
namespace {

constexpr size_t kMaxBytes = size_t{512} << 20;
// No value of the flat graph yet.
constexpr ValueIndex kUnset = -2;

// What subgraphs read from around them, by name.
using Captures = absl::flat_hash_map<absl::string_view, ValueIndex>;

bool HasSubgraph(const Node& node) {
  return std::any_of(
      node.attributes.begin(), node.attributes.end(),
      [](const Attribute& a) { return SubgraphOf(a) != nullptr; });
}

bool IsBodyAttribute(const Node& node, absl::string_view name) {
  return node.op_type == "If" ? name == "then_branch" || name == "else_branch"
                              : name == "body";
}

std::string Shown(const Function& function) {
  return absl::StrCat(function.domain, function.domain.empty() ? "" : ".",
                      function.name, function.overload.empty() ? "" : ":",
                      function.overload);
}

class Expander {
 public:
  explicit Expander(const Model& model) : model_(model) {
    for (const Function& function : model.functions) {
      functions_.emplace(std::make_tuple(absl::string_view(function.domain),
                                         absl::string_view(function.name),
                                         absl::string_view(function.overload)),
                         &function);
    }
  }

  bool IsNeeded() const {
    return std::any_of(model_.graph.nodes.begin(), model_.graph.nodes.end(),
                       [this](const Node& node) {
                         return HasSubgraph(node) ||
                                FunctionOf(node) != nullptr;
                       });
  }

  absl::StatusOr<std::shared_ptr<const Graph>> Run();

 private:
  struct Call;

  // An attribute, and where the names and references in it are looked up.
  struct Given {
    const Attribute* attribute = nullptr;
    const Captures* captures = nullptr;  // null: none
    const Call* call = nullptr;          // null: outside of functions
  };

  // A function that is being inlined.
  struct Call {
    const Function* function = nullptr;
    const Call* caller = nullptr;
    Captures captures;  // of the call's own subgraphs
    absl::flat_hash_map<absl::string_view, Given> attributes;
  };

  // A graph that is being inlined.
  struct Scope {
    const Graph* graph = nullptr;
    const Call* call = nullptr;
    std::string prefix;
    int depth = 0;
    std::vector<ValueIndex> flat;  // of the graph's values, in the flat graph
  };

  const Function* FunctionOf(const Node& node) const {
    if (functions_.empty()) return nullptr;
    const auto known = functions_.find(std::make_tuple(
        absl::string_view(node.domain), absl::string_view(node.op_type),
        absl::string_view(node.overload)));
    return known == functions_.end() ? nullptr : known->second;
  }

  static ValueIndex Flat(const Scope& scope, ValueIndex v) {
    return v == kAbsent ? kAbsent : scope.flat[static_cast<size_t>(v)];
  }

  absl::Status Charge(size_t bytes);
  absl::Status CheckDepth(const Scope& scope, const Node& node) const;
  absl::StatusOr<ValueIndex> AddValue(const Scope& scope, const Value& value);
  absl::Status AddValues(Scope& scope);
  absl::StatusOr<std::string> LabelOf(const Scope& scope, const Node& node);
  absl::StatusOr<Captures> CapturesOf(const Scope& scope, const Node& node);
  static Given Resolve(const Scope& scope, const Attribute& attribute,
                       const Captures& captures);

  absl::Status AddNodes(Scope& scope);
  absl::Status AddNode(const Scope& scope, const Node& node);
  absl::Status AddBodies(const Scope& scope, const Node& node, size_t index,
                         const Captures& captures);
  absl::StatusOr<Body> AddBody(const Scope& scope, const Node& outer,
                               size_t index, const Given& given,
                               const Attribute& attribute);
  void TakeCarriedUnchanged(const Graph& body, size_t index, Scope& scope);
  absl::Status AddCall(const Scope& scope, const Node& node,
                       const Function& function);
  absl::Status FillCall(const Scope& scope, const Node& node, Call& call);
  absl::Status MapCall(const Scope& scope, const Node& node, Scope& inside);
  absl::Status ReturnFrom(const Scope& scope, const Node& node, Scope& inside);

  const Model& model_;
  absl::flat_hash_map<
      std::tuple<absl::string_view, absl::string_view, absl::string_view>,
      const Function*>
      functions_;
  Graph graph_;
  UniqueNames value_names_;
  UniqueNames labels_;
  size_t bytes_ = 0;
};

absl::Status Expander::Charge(size_t bytes) {
  bytes_ += bytes;
  if (bytes_ <= kMaxBytes) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "the model with its functions and bodies inlined takes more than ",
      kMaxBytes >> 20, " MB; its functions call each other too often"));
}

absl::Status Expander::CheckDepth(const Scope& scope, const Node& node) const {
  if (scope.depth < kMaxExpansionDepth) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      node.op_type, " '", scope.graph->NodeLabel(node),
      "': functions and bodies are more than ", kMaxExpansionDepth,
      " levels deep within each other; flatten the model's functions"));
}

absl::StatusOr<ValueIndex> Expander::AddValue(const Scope& scope,
                                              const Value& value) {
  OPCOST_RETURN_IF_ERROR(
      Charge(sizeof(Value) + 3 * (scope.prefix.size() + value.name.size())));
  Value added;
  added.name = value_names_.Take(absl::StrCat(scope.prefix, value.name));
  added.declared = RenamedType(value.declared, value.name, added.name,
                               scope.call != nullptr);
  added.stored = value.stored;
  graph_.values.push_back(std::move(added));
  return static_cast<ValueIndex>(graph_.values.size() - 1);
}

absl::Status Expander::AddValues(Scope& scope) {
  for (size_t v = 0; v < scope.flat.size(); ++v) {
    if (scope.flat[v] != kUnset) continue;
    OPCOST_ASSIGN_OR_RETURN(scope.flat[v],
                            AddValue(scope, scope.graph->values[v]));
  }
  return absl::OkStatus();
}

// The path of `node`; unique if it is a control-flow node.
absl::StatusOr<std::string> Expander::LabelOf(const Scope& scope,
                                              const Node& node) {
  std::string label = absl::StrCat(scope.prefix, scope.graph->NodeLabel(node));
  OPCOST_RETURN_IF_ERROR(Charge(2 * label.size()));
  if (IsControlFlow(node)) return labels_.Take(label);
  labels_.Insert(label);
  return label;
}

absl::StatusOr<Captures> Expander::CapturesOf(const Scope& scope,
                                              const Node& node) {
  Captures captures;
  OPCOST_RETURN_IF_ERROR(Charge(32 * node.captured.size()));
  for (const ValueIndex v : node.captured) {
    captures.emplace(scope.graph->values[static_cast<size_t>(v)].name,
                     Flat(scope, v));
  }
  return captures;
}

// The attribute itself, or what the caller gives for it; null if nothing.
Expander::Given Expander::Resolve(const Scope& scope,
                                  const Attribute& attribute,
                                  const Captures& captures) {
  if (attribute.referenced.empty()) return {&attribute, &captures, scope.call};
  if (scope.call == nullptr) return {};
  const auto given = scope.call->attributes.find(attribute.referenced);
  return given == scope.call->attributes.end() ? Given() : given->second;
}

absl::Status Expander::AddNodes(Scope& scope) {
  for (const Node& node : scope.graph->nodes) {
    const Function* function = FunctionOf(node);
    OPCOST_RETURN_IF_ERROR(function == nullptr
                               ? AddNode(scope, node)
                               : AddCall(scope, node, *function));
  }
  return absl::OkStatus();
}

absl::Status Expander::AddNode(const Scope& scope, const Node& node) {
  if (graph_.nodes.size() >= kMaxExpandedNodes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the model with its functions and bodies inlined has more than ",
        kMaxExpandedNodes, " nodes; its functions call each other too often"));
  }
  OPCOST_RETURN_IF_ERROR(
      Charge(sizeof(Node) + node.op_type.size() + node.domain.size() +
             sizeof(ValueIndex) * (node.inputs.size() + node.outputs.size())));
  OPCOST_ASSIGN_OR_RETURN(const Captures captures, CapturesOf(scope, node));
  const size_t index = graph_.nodes.size();
  Node added;
  OPCOST_ASSIGN_OR_RETURN(added.name, LabelOf(scope, node));
  added.op_type = node.op_type;
  added.domain = node.domain;
  added.overload = node.overload;
  added.opset = node.opset;
  for (const ValueIndex v : node.inputs) added.inputs.push_back(Flat(scope, v));
  for (const ValueIndex v : node.outputs) {
    const ValueIndex flat = Flat(scope, v);
    added.outputs.push_back(flat);
    if (flat != kAbsent) {
      graph_.values[static_cast<size_t>(flat)].producer =
          static_cast<int32_t>(index);
    }
  }
  const bool has_bodies = IsControlFlow(node);
  for (const Attribute& attribute : node.attributes) {
    const Given given = Resolve(scope, attribute, captures);
    if (given.attribute == nullptr) continue;
    OPCOST_RETURN_IF_ERROR(
        Charge(sizeof(Attribute) + BytesOf(given.attribute->content)));
    added.attributes.push_back({attribute.name, given.attribute->content, ""});
    if (has_bodies || given.captures == nullptr) continue;
    if (SubgraphOf(*given.attribute) == nullptr) continue;
    for (const auto& [name, v] : *given.captures) added.captured.push_back(v);
  }
  std::sort(added.captured.begin(), added.captured.end());
  added.captured.erase(
      std::unique(added.captured.begin(), added.captured.end()),
      added.captured.end());
  graph_.nodes.push_back(std::move(added));
  return has_bodies ? AddBodies(scope, node, index, captures)
                    : absl::OkStatus();
}

absl::Status Expander::AddBodies(const Scope& scope, const Node& node,
                                 size_t index, const Captures& captures) {
  std::vector<Body> bodies;
  for (const Attribute& attribute : node.attributes) {
    const bool is_repeated = std::any_of(
        bodies.begin(), bodies.end(),
        [&](const Body& body) { return body.attribute == attribute.name; });
    if (is_repeated || !IsBodyAttribute(node, attribute.name)) continue;
    const Given given = Resolve(scope, attribute, captures);
    if (given.attribute == nullptr || SubgraphOf(*given.attribute) == nullptr) {
      continue;
    }
    OPCOST_RETURN_IF_ERROR(CheckDepth(scope, node));
    OPCOST_ASSIGN_OR_RETURN(Body body,
                            AddBody(scope, node, index, given, attribute));
    bodies.push_back(std::move(body));
  }
  graph_.nodes[index].bodies = std::move(bodies);
  return absl::OkStatus();
}

absl::StatusOr<Body> Expander::AddBody(const Scope& scope, const Node& outer,
                                       size_t index, const Given& given,
                                       const Attribute& attribute) {
  const Graph& graph = *SubgraphOf(*given.attribute);
  Scope inside;
  inside.graph = &graph;
  inside.call = given.call;
  inside.prefix = absl::StrCat(graph_.nodes[index].name, "/");
  inside.depth = scope.depth + 1;
  OPCOST_RETURN_IF_ERROR(Charge(sizeof(ValueIndex) * graph.values.size()));
  inside.flat.assign(graph.values.size(), kUnset);
  for (size_t v = 0; v < graph.values.size(); ++v) {
    const Value& value = graph.values[v];
    if (value.producer >= 0 || value.is_input || value.stored != nullptr) {
      continue;
    }
    const auto around = given.captures == nullptr
                            ? Captures::const_iterator()
                            : given.captures->find(value.name);
    if (given.captures == nullptr || around == given.captures->end()) {
      return absl::InvalidArgumentError(absl::StrCat(
          outer.op_type, " '", graph_.nodes[index].name, "', attribute '",
          attribute.name, "': '", value.name, "' is defined by nothing"));
    }
    inside.flat[v] = around->second;
  }
  TakeCarriedUnchanged(graph, index, inside);
  OPCOST_RETURN_IF_ERROR(AddValues(inside));
  Body body;
  body.attribute = attribute.name;
  body.begin_node = static_cast<int32_t>(graph_.nodes.size());
  OPCOST_RETURN_IF_ERROR(AddNodes(inside));
  body.end_node = static_cast<int32_t>(graph_.nodes.size());
  for (const ValueIndex v : graph.inputs)
    body.inputs.push_back(Flat(inside, v));
  for (const ValueIndex v : graph.outputs) {
    body.outputs.push_back(Flat(inside, v));
  }
  return body;
}

// What a Loop or Scan hands on as it is, is the same in every run.
void Expander::TakeCarriedUnchanged(const Graph& body, size_t index,
                                    Scope& scope) {
  const Node& node = graph_.nodes[index];
  size_t first_input = 0;
  size_t first_output = 0;
  if (node.op_type == "Loop") {
    first_input = 2;
    first_output = 1;
  } else if (node.op_type != "Scan" || node.opset < 9) {
    return;
  }
  for (size_t i = first_input; i < node.inputs.size(); ++i) {
    const size_t output = i - first_input + first_output;
    if (i >= body.inputs.size() || output >= body.outputs.size()) return;
    const ValueIndex input = body.inputs[i];
    if (node.inputs[i] == kAbsent ||
        scope.flat[static_cast<size_t>(input)] != kUnset) {
      continue;
    }
    if (SeenThroughIdentity(body, body.outputs[output]) == input) {
      scope.flat[static_cast<size_t>(input)] = node.inputs[i];
    }
  }
}

absl::Status Expander::AddCall(const Scope& scope, const Node& node,
                               const Function& function) {
  const auto where = [&] {
    return absl::StrCat(
        Shown(function), " '",
        absl::StrCat(scope.prefix, scope.graph->NodeLabel(node)), "': ");
  };
  for (const Call* call = scope.call; call != nullptr; call = call->caller) {
    if (call->function == &function) {
      return absl::InvalidArgumentError(absl::StrCat(
          where(), "function '", Shown(function),
          "' calls itself, by itself or by way of others; a function of a "
          "model must not be recursive"));
    }
  }
  if (node.inputs.size() > function.body.inputs.size() ||
      node.outputs.size() > function.body.outputs.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        where(), "the call has ", node.inputs.size(), " inputs and ",
        node.outputs.size(), " outputs, but function '", Shown(function),
        "' has ", function.body.inputs.size(), " and ",
        function.body.outputs.size()));
  }
  OPCOST_RETURN_IF_ERROR(CheckDepth(scope, node));
  OPCOST_ASSIGN_OR_RETURN(const std::string label, LabelOf(scope, node));
  Call call;
  call.function = &function;
  OPCOST_RETURN_IF_ERROR(FillCall(scope, node, call));
  Scope inside;
  inside.graph = &function.body;
  inside.call = &call;
  inside.prefix = absl::StrCat(label, "/");
  inside.depth = scope.depth + 1;
  OPCOST_RETURN_IF_ERROR(MapCall(scope, node, inside));
  OPCOST_RETURN_IF_ERROR(AddNodes(inside));
  return ReturnFrom(scope, node, inside);
}

absl::Status Expander::FillCall(const Scope& scope, const Node& node,
                                Call& call) {
  const Function& function = *call.function;
  call.caller = scope.call;
  OPCOST_ASSIGN_OR_RETURN(call.captures, CapturesOf(scope, node));
  OPCOST_RETURN_IF_ERROR(
      Charge(64 * (node.attributes.size() + function.defaults.size())));
  for (const Attribute& attribute : node.attributes) {
    const Given given = Resolve(scope, attribute, call.captures);
    if (given.attribute == nullptr) continue;
    call.attributes.emplace(attribute.name, given);
  }
  for (const Attribute& attribute : function.defaults) {
    call.attributes.emplace(attribute.name,
                            Given{&attribute, nullptr, nullptr});
  }
  return absl::OkStatus();
}

// Inputs and outputs are the call's; outputs, where a node computes them.
absl::Status Expander::MapCall(const Scope& scope, const Node& node,
                               Scope& inside) {
  const Graph& body = *inside.graph;
  OPCOST_RETURN_IF_ERROR(Charge(sizeof(ValueIndex) * body.values.size()));
  inside.flat.assign(body.values.size(), kUnset);
  for (size_t i = 0; i < body.inputs.size(); ++i) {
    inside.flat[static_cast<size_t>(body.inputs[i])] =
        i < node.inputs.size() ? Flat(scope, node.inputs[i]) : kAbsent;
  }
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    const auto v = static_cast<size_t>(body.outputs[o]);
    const ValueIndex outer = Flat(scope, node.outputs[o]);
    if (outer == kAbsent || body.values[v].producer < 0 ||
        inside.flat[v] != kUnset) {
      continue;
    }
    inside.flat[v] = outer;
    ValueType& declared = graph_.values[static_cast<size_t>(outer)].declared;
    if (declared.kind == ValueKind::kUnknown) {
      declared =
          RenamedType(body.values[v].declared, body.values[v].name,
                      graph_.values[static_cast<size_t>(outer)].name, true);
    }
  }
  return AddValues(inside);
}

// Outputs that are inputs, or that are returned twice, get an Identity.
absl::Status Expander::ReturnFrom(const Scope& scope, const Node& node,
                                  Scope& inside) {
  const Graph& body = *inside.graph;
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    const ValueIndex outer = Flat(scope, node.outputs[o]);
    const ValueIndex inner = Flat(inside, body.outputs[o]);
    if (outer == kAbsent || outer == inner) continue;
    if (inner == kAbsent) {
      return absl::InvalidArgumentError(
          absl::StrCat(node.op_type, " '", scope.graph->NodeLabel(node),
                       "': output ", o, " of the function is its input '",
                       body.values[static_cast<size_t>(body.outputs[o])].name,
                       "', which the call leaves out"));
    }
    Node identity;
    identity.op_type = "Identity";
    identity.opset = 1;
    identity.name = absl::StrCat(
        inside.prefix, body.values[static_cast<size_t>(body.outputs[o])].name);
    OPCOST_RETURN_IF_ERROR(Charge(sizeof(Node) + identity.name.size()));
    identity.inputs.push_back(inner);
    identity.outputs.push_back(outer);
    graph_.values[static_cast<size_t>(outer)].producer =
        static_cast<int32_t>(graph_.nodes.size());
    graph_.nodes.push_back(std::move(identity));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Graph>> Expander::Run() {
  graph_.name = model_.graph.name;
  graph_.values = model_.graph.values;
  graph_.inputs = model_.graph.inputs;
  graph_.outputs = model_.graph.outputs;
  for (const Value& value : graph_.values) value_names_.Insert(value.name);
  Scope top;
  top.graph = &model_.graph;
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    top.flat.push_back(static_cast<ValueIndex>(v));
  }
  OPCOST_RETURN_IF_ERROR(AddNodes(top));
  return std::make_shared<const Graph>(std::move(graph_));
}

}  // namespace

bool IsControlFlow(const Node& node) {
  return node.domain.empty() &&
         (node.op_type == "If" || node.op_type == "Loop" ||
          node.op_type == "Scan" || node.op_type == "SequenceMap");
}

absl::StatusOr<std::shared_ptr<const Graph>> Expand(const Model& model) {
  Expander expander(model);
  if (!expander.IsNeeded()) return std::shared_ptr<const Graph>();
  absl::StatusOr<std::shared_ptr<const Graph>> graph = expander.Run();
  if (!graph.ok()) {
    return absl::Status(
        graph.status().code(),
        absl::StrCat(model.path, ": ", graph.status().message()));
  }
  return graph;
}

}  // namespace opcost
