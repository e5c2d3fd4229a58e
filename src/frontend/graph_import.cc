// SPDX-License-Identifier: Apache-2.0
#include "src/frontend/graph_import.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"
#include "opcost/support/status_macros.h"
#include "src/frontend/attribute_import.h"
#include "src/frontend/node_order.h"
#include "src/frontend/tensor_import.h"
#include "src/frontend/type_import.h"

namespace opcost {
namespace {

absl::Status Prefixed(const absl::Status& status, absl::string_view prefix) {
  return absl::Status(status.code(),
                      absl::StrCat(prefix, ": ", status.message()));
}

std::string Describe(const onnx::NodeProto& node) {
  absl::string_view label = node.name();
  for (int i = 0; label.empty() && i < node.output_size(); ++i) {
    label = node.output(i);
  }
  return absl::StrCat(node.op_type(), " '", label, "'");
}

// The node's overload, a field that is newer than ONNX 1.12.
std::string OverloadOf(const onnx::NodeProto& proto) {
  constexpr int kOverload = 8;
  std::string overload;
  const google::protobuf::UnknownFieldSet& fields = proto.unknown_fields();
  for (int i = 0; i < fields.field_count(); ++i) {
    const google::protobuf::UnknownField& field = fields.field(i);
    if (field.number() == kOverload &&
        field.type() == google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      overload = field.length_delimited();
    }
  }
  return overload;
}

// Builds one graph. Names are looked up in it, then in the graphs around it;
// what is found there becomes a value without a producer, and is noted as
// captured by the node around.
class GraphBuilder {
 public:
  GraphBuilder(const onnx::GraphProto& proto, const ModelContext& context,
               GraphBuilder* outer)
      : proto_(proto), context_(context), outer_(outer) {}

  absl::StatusOr<Graph> Build();

  // `outer` is the builder of the graph around a subgraph, or null.
  static absl::Status FillAttribute(const onnx::AttributeProto& proto,
                                    const ModelContext& context,
                                    GraphBuilder* outer, Attribute* attribute);

 private:
  Value& value(ValueIndex index) {
    return graph_.values[static_cast<size_t>(index)];
  }
  ValueIndex Append(absl::string_view name);

  absl::Status DeclareInputs();
  absl::Status DeclareInitializers();
  template <typename Proto, typename Import>
  absl::Status DeclareInitializer(const Proto& proto, const std::string& name,
                                  Import import);
  absl::Status DeclareNodes();
  absl::Status DeclareOutputsOf(const onnx::NodeProto& proto, int32_t index);
  absl::Status AddDeclaredTypes(
      const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& infos,
      absl::string_view role);
  absl::Status ResolveNodes();
  absl::Status ResolveInputs(const onnx::NodeProto& proto, size_t index);
  absl::Status ImportAttributes(const onnx::NodeProto& proto, size_t index);
  absl::Status ResolveOutputs();

  absl::StatusOr<int> OpsetOf(const onnx::NodeProto& proto) const;
  std::optional<ValueIndex> Find(absl::string_view name);
  absl::Status DefinedTwice(absl::string_view name, absl::string_view as) const;

  const onnx::GraphProto& proto_;
  const ModelContext& context_;
  GraphBuilder* outer_;
  Graph graph_;
  absl::flat_hash_map<absl::string_view, ValueIndex> indices_;
  std::vector<ValueIndex> captured_;  // by the node that is being resolved
  bool sorted_ = true;
};

absl::StatusOr<Graph> GraphBuilder::Build() {
  graph_.name = proto_.name();
  const auto values = static_cast<size_t>(
      proto_.input_size() + proto_.initializer_size() + proto_.node_size());
  graph_.values.reserve(values);
  indices_.reserve(values);
  OPCOST_RETURN_IF_ERROR(DeclareInputs());
  OPCOST_RETURN_IF_ERROR(DeclareInitializers());
  OPCOST_RETURN_IF_ERROR(DeclareNodes());
  OPCOST_RETURN_IF_ERROR(AddDeclaredTypes(proto_.output(), "output"));
  OPCOST_RETURN_IF_ERROR(AddDeclaredTypes(proto_.value_info(), "value"));
  OPCOST_RETURN_IF_ERROR(ResolveNodes());
  OPCOST_RETURN_IF_ERROR(ResolveOutputs());
  if (!sorted_) OPCOST_RETURN_IF_ERROR(SortNodes(&graph_));
  return std::move(graph_);
}

ValueIndex GraphBuilder::Append(absl::string_view name) {
  graph_.values.emplace_back();
  graph_.values.back().name.assign(name.data(), name.size());
  return static_cast<ValueIndex>(graph_.values.size() - 1);
}

absl::Status GraphBuilder::DefinedTwice(absl::string_view name,
                                        absl::string_view as) const {
  const auto known = indices_.find(name);
  const Value& first = graph_.values[static_cast<size_t>(known->second)];
  std::string first_as = "as an initializer";
  if (first.is_input) {
    first_as = "as an input";
  } else if (first.producer >= 0) {
    first_as = absl::StrCat("by ", Describe(proto_.node(first.producer)));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("'", name, "' is defined twice: ", first_as, " and ", as,
                   "; every value needs a name of its own"));
}

absl::Status GraphBuilder::DeclareInputs() {
  graph_.inputs.reserve(static_cast<size_t>(proto_.input_size()));
  for (const onnx::ValueInfoProto& input : proto_.input()) {
    if (input.name().empty()) {
      return absl::InvalidArgumentError("an input of the graph has no name");
    }
    const auto [place, is_new] = indices_.try_emplace(input.name());
    if (!is_new) return DefinedTwice(input.name(), "as another input");
    place->second = Append(input.name());
    Value& added = graph_.values.back();
    added.is_input = true;
    graph_.inputs.push_back(place->second);
    const absl::Status typed =
        ImportType(input.type(), input.name(), &added.declared);
    // Inputs of subgraphs may lack an element type: the outer node gives it.
    if (!typed.ok() && (outer_ == nullptr || !absl::IsUnimplemented(typed))) {
      return Prefixed(typed, absl::StrCat("input '", input.name(), "'"));
    }
  }
  return absl::OkStatus();
}

template <typename Proto, typename Import>
absl::Status GraphBuilder::DeclareInitializer(const Proto& proto,
                                              const std::string& name,
                                              Import import) {
  if (name.empty()) {
    return absl::InvalidArgumentError("an initializer has no name");
  }
  const auto [place, is_new] = indices_.try_emplace(name);
  if (is_new) {
    place->second = Append(name);
  } else if (value(place->second).stored != nullptr) {
    return DefinedTwice(name, "as another initializer");
  }
  absl::StatusOr<std::shared_ptr<const StoredTensor>> stored =
      import(proto, context_.payloads);
  if (!stored.ok()) {
    return Prefixed(stored.status(), absl::StrCat("initializer '", name, "'"));
  }
  value(place->second).stored = *std::move(stored);
  return absl::OkStatus();
}

absl::Status GraphBuilder::DeclareInitializers() {
  for (const onnx::TensorProto& tensor : proto_.initializer()) {
    OPCOST_RETURN_IF_ERROR(
        DeclareInitializer(tensor, tensor.name(), ImportTensor));
  }
  for (const onnx::SparseTensorProto& tensor : proto_.sparse_initializer()) {
    OPCOST_RETURN_IF_ERROR(
        DeclareInitializer(tensor, tensor.values().name(), ImportSparseTensor));
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::DeclareNodes() {
  graph_.nodes.resize(static_cast<size_t>(proto_.node_size()));
  for (int n = 0; n < proto_.node_size(); ++n) {
    const onnx::NodeProto& proto = proto_.node(n);
    Node& node = graph_.nodes[static_cast<size_t>(n)];
    if (proto.op_type().empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "node ", n, " '", proto.name(), "' has no operator (op_type)"));
    }
    node.name = proto.name();
    node.op_type = proto.op_type();
    node.domain = std::string(NormalizeDomain(proto.domain()));
    if (!proto.unknown_fields().empty()) node.overload = OverloadOf(proto);
    OPCOST_ASSIGN_OR_RETURN(node.opset, OpsetOf(proto));
    OPCOST_RETURN_IF_ERROR(DeclareOutputsOf(proto, n));
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::DeclareOutputsOf(const onnx::NodeProto& proto,
                                            int32_t index) {
  Node& node = graph_.nodes[static_cast<size_t>(index)];
  node.outputs.reserve(static_cast<size_t>(proto.output_size()));
  for (const std::string& name : proto.output()) {
    if (name.empty()) {
      node.outputs.push_back(kAbsent);
      continue;
    }
    const auto [place, is_new] = indices_.try_emplace(name);
    if (!is_new) {
      return DefinedTwice(name, absl::StrCat("by ", Describe(proto)));
    }
    place->second = Append(name);
    graph_.values.back().producer = index;
    node.outputs.push_back(place->second);
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::AddDeclaredTypes(
    const google::protobuf::RepeatedPtrField<onnx::ValueInfoProto>& infos,
    absl::string_view role) {
  for (const onnx::ValueInfoProto& info : infos) {
    const auto known = indices_.find(info.name());
    if (known == indices_.end() ||
        value(known->second).declared.kind != ValueKind::kUnknown) {
      continue;
    }
    const absl::Status typed =
        ImportType(info.type(), info.name(), &value(known->second).declared);
    if (!typed.ok() && !absl::IsUnimplemented(typed)) {
      return Prefixed(typed, absl::StrCat(role, " '", info.name(), "'"));
    }
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::ResolveNodes() {
  for (size_t n = 0; n < graph_.nodes.size(); ++n) {
    const onnx::NodeProto& proto = proto_.node(static_cast<int>(n));
    captured_.clear();
    OPCOST_RETURN_IF_ERROR(ResolveInputs(proto, n));
    OPCOST_RETURN_IF_ERROR(ImportAttributes(proto, n));
    std::sort(captured_.begin(), captured_.end());
    captured_.erase(std::unique(captured_.begin(), captured_.end()),
                    captured_.end());
    for (const ValueIndex captured : captured_) {
      sorted_ = sorted_ && value(captured).producer < static_cast<int32_t>(n);
    }
    graph_.nodes[n].captured = captured_;
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::ResolveInputs(const onnx::NodeProto& proto,
                                         size_t index) {
  Node& node = graph_.nodes[index];
  node.inputs.reserve(static_cast<size_t>(proto.input_size()));
  for (int i = 0; i < proto.input_size(); ++i) {
    const std::string& name = proto.input(i);
    if (name.empty()) {
      node.inputs.push_back(kAbsent);
      continue;
    }
    const std::optional<ValueIndex> found = Find(name);
    if (!found.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat(Describe(proto), ": input ", i, " is '", name,
                       "', which no node, input or initializer defines"));
    }
    sorted_ = sorted_ && value(*found).producer < static_cast<int32_t>(index);
    node.inputs.push_back(*found);
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::ImportAttributes(const onnx::NodeProto& proto,
                                            size_t index) {
  std::vector<Attribute>& attributes = graph_.nodes[index].attributes;
  attributes.reserve(static_cast<size_t>(proto.attribute_size()));
  for (const onnx::AttributeProto& attribute : proto.attribute()) {
    const absl::Status filled =
        FillAttribute(attribute, context_, this, &attributes.emplace_back());
    if (!filled.ok()) {
      return Prefixed(filled, absl::StrCat(Describe(proto), ", attribute '",
                                           attribute.name(), "'"));
    }
  }
  return absl::OkStatus();
}

absl::Status GraphBuilder::FillAttribute(const onnx::AttributeProto& proto,
                                         const ModelContext& context,
                                         GraphBuilder* outer,
                                         Attribute* attribute) {
  attribute->name = proto.name();
  if (!proto.ref_attr_name().empty()) {
    if (!context.in_function) {
      return absl::InvalidArgumentError(
          absl::StrCat("it refers to the attribute '", proto.ref_attr_name(),
                       "' of a function, but its node is in none"));
    }
    attribute->referenced = proto.ref_attr_name();
    return absl::OkStatus();
  }
  if (KindOf(proto) == onnx::AttributeProto::GRAPH) {
    OPCOST_ASSIGN_OR_RETURN(Graph graph,
                            GraphBuilder(proto.g(), context, outer).Build());
    attribute->content = std::make_shared<const Graph>(std::move(graph));
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(attribute->content,
                          ImportContent(proto, context.payloads));
  return absl::OkStatus();
}

absl::Status GraphBuilder::ResolveOutputs() {
  for (const onnx::ValueInfoProto& output : proto_.output()) {
    const std::optional<ValueIndex> found =
        output.name().empty() ? std::nullopt : Find(output.name());
    if (!found.has_value()) {
      return absl::InvalidArgumentError(
          absl::StrCat("output '", output.name(),
                       "' of the graph is defined by no node, input or "
                       "initializer"));
    }
    value(*found).is_output = true;
    graph_.outputs.push_back(*found);
  }
  return absl::OkStatus();
}

absl::StatusOr<int> GraphBuilder::OpsetOf(const onnx::NodeProto& proto) const {
  const absl::string_view domain = NormalizeDomain(proto.domain());
  for (const OpsetImport& opset : context_.opsets) {
    if (opset.domain == domain) return static_cast<int>(opset.version);
  }
  // Foreign domains are often left out, and have few versions.
  if (!domain.empty()) return 1;
  return absl::InvalidArgumentError(absl::StrCat(
      Describe(proto),
      ": the model imports no version of the default domain (ai.onnx)"));
}

std::optional<ValueIndex> GraphBuilder::Find(absl::string_view name) {
  const auto known = indices_.find(name);
  if (known != indices_.end()) return known->second;
  if (outer_ == nullptr) return std::nullopt;
  const std::optional<ValueIndex> around = outer_->Find(name);
  if (!around.has_value()) return std::nullopt;
  outer_->captured_.push_back(*around);
  const ValueIndex added = Append(name);
  indices_.emplace(name, added);
  return added;
}

}  // namespace

absl::StatusOr<Graph> ImportGraph(const onnx::GraphProto& proto,
                                  const ModelContext& context) {
  return GraphBuilder(proto, context, nullptr).Build();
}

absl::StatusOr<Attribute> ImportAttribute(const onnx::AttributeProto& proto,
                                          const ModelContext& context) {
  Attribute attribute;
  OPCOST_RETURN_IF_ERROR(
      GraphBuilder::FillAttribute(proto, context, nullptr, &attribute));
  return attribute;
}

absl::string_view NormalizeDomain(absl::string_view domain) {
  return domain == "ai.onnx" ? absl::string_view() : domain;
}

}  // namespace opcost
