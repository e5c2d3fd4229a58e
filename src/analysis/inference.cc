// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/inference.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/ops/registry.h"
#include "opcost/support/status_macros.h"
#include "src/analysis/inferrer.h"
#include "src/analysis/type_merge.h"

namespace opcost {

Inferrer::Inferrer(const InputBinding& binding, const InputOptions& options,
                   Analysis* analysis)
    : binding_(binding),
      options_(options),
      graph_(*analysis->graph),
      analysis_(analysis),
      facts_(analysis->values) {
  // Loops within loops are inferred again in each pass over the outer one.
  constexpr size_t kPasses = 8;
  constexpr size_t kLeastWork = 1'000'000;
  work_limit_ = std::max(kLeastWork, kPasses * graph_.nodes.size());
  result_.nodes.resize(graph_.nodes.size());
  result_.origin.resize(graph_.values.size());
  std::iota(result_.origin.begin(), result_.origin.end(), 0);
}

absl::StatusOr<Inference> Inferrer::Run() {
  OPCOST_RETURN_IF_ERROR(CheckTripCounts());
  for (size_t v = 0; v < graph_.values.size(); ++v) {
    const StoredTensor* stored = graph_.values[v].stored.get();
    if (stored == nullptr) continue;
    facts_[v] = {stored->type, true, stored->value};
  }
  const absl::Status status = InferRange(0, graph_.nodes.size());
  if (absl::IsNotFound(status)) return status;  // of the command line
  if (!status.ok()) {
    return absl::Status(status.code(), absl::StrCat(analysis_->model->path,
                                                    ": ", status.message()));
  }
  return std::move(result_);
}

absl::Status Inferrer::InferRange(size_t begin, size_t end) {
  for (size_t n = begin; n < end; ++n) {
    ++work_;
    OPCOST_RETURN_IF_ERROR(InferNode(n));
    const std::vector<Body>& bodies = graph_.nodes[n].bodies;
    if (!bodies.empty()) n = static_cast<size_t>(bodies.back().end_node) - 1;
  }
  return absl::OkStatus();
}

bool Inferrer::IsConstantValue(ValueIndex v) const {
  return v == kAbsent || facts_[static_cast<size_t>(v)].is_constant;
}

bool Inferrer::AreConstants(const std::vector<ValueIndex>& values) const {
  return std::all_of(values.begin(), values.end(),
                     [this](ValueIndex v) { return IsConstantValue(v); });
}

bool Inferrer::ReadsConstantsOnly(const Node& node) const {
  return std::all_of(node.inputs.begin(), node.inputs.end(),
                     [this](ValueIndex v) { return IsConstantValue(v); }) &&
         AreConstants(node.captured);
}

absl::Status Inferrer::InferNode(size_t n) {
  const Node& node = graph_.nodes[n];
  NodeFacts& facts = result_.nodes[n];
  facts = NodeFacts();
  facts.def = FindOperator(analysis_->operators.get(), node);
  if (!node.bodies.empty()) return InferControlFlow(n);
  if (facts.def == nullptr) {
    InferUnknownOperator(n);
    return absl::OkStatus();
  }
  absl::StatusOr<OutputTypes> types =
      InferBy(*facts.def, NodeView(graph_, node, facts_));
  NoteUserOperator(node, *facts.def);
  // A node that reads shapes alone is constant as soon as they are known.
  facts.is_constant = !IsRandomGenerator(node.domain, node.op_type) &&
                      ((facts.def->reads_shapes_only && types.ok()) ||
                       ReadsConstantsOnly(node));
  if (!types.ok()) {
    if (!IsUndetermined(types.status())) return types.status();
    facts.is_inferred = false;
    result_.unknown_reasons.insert_or_assign(n, types.status());
    for (const ValueIndex output : node.outputs) TakeDeclared(output, n);
    return absl::OkStatus();
  }
  return TakeTypes(n, *std::move(types));
}

absl::Status Inferrer::TakeTypes(size_t n, OutputTypes types) {
  const Node& node = graph_.nodes[n];
  const NodeFacts& facts = result_.nodes[n];
  for (DataExtent& extent : types.data_extents) {
    Extent at_most = AtMost(extent.at_most, analysis_->data_extents);
    analysis_->data_extents.insert_or_assign(std::move(extent.symbol),
                                             std::move(at_most));
  }
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    if (node.outputs[o] == kAbsent) continue;
    if (o >= types.size() || types[o].kind == ValueKind::kUnknown) {
      TakeDeclared(node.outputs[o], n);
      continue;
    }
    OPCOST_RETURN_IF_ERROR(CheckExtents(node, o, types[o]));
    ValueFacts& output = facts_[static_cast<size_t>(node.outputs[o])];
    output.type = std::move(types[o]);
    output.is_constant = facts.is_constant;
    output.value = nullptr;  // of another pass over a body
  }
  if (facts.is_constant) Fold(node, *facts.def);
  return absl::OkStatus();
}

absl::Status Inferrer::CheckExtents(const Node& node, size_t o,
                                    const ValueType& type) const {
  if (!type.is_tensor() || !type.tensor.shape.has_rank()) {
    return absl::OkStatus();
  }
  for (int axis = 0; axis < type.tensor.shape.rank(); ++axis) {
    if (!type.tensor.shape.dims()[static_cast<size_t>(axis)].overflowed()) {
      continue;
    }
    return NodeView(graph_, node, facts_)
        .Invalid("the extent of axis ", axis, " of output ", o,
                 " is negative or doesn't fit 63 bits; check the shapes of "
                 "its inputs");
  }
  return absl::OkStatus();
}

void Inferrer::NoteUserOperator(const Node& node, const OpDef& def) {
  if (def.custom == nullptr ||
      FindOp(node.domain, node.op_type, node.opset) == nullptr) {
    return;
  }
  analysis_->diagnostics.Note(
      "user-operator",
      absl::StrCat(analysis_->operators->path(), " describes ",
                   node.domain.empty() ? "" : absl::StrCat(node.domain, "."),
                   node.op_type, " and goes before opcost's own rule"));
}

// An operator of ONNX's own computes the same from the same constants, whether
// or not it is known here; one of a foreign domain may not.
void Inferrer::InferUnknownOperator(size_t n) {
  const Node& node = graph_.nodes[n];
  result_.nodes[n].is_inferred = false;
  result_.nodes[n].is_constant =
      node.domain.empty() && !IsRandomGenerator(node.domain, node.op_type) &&
      ReadsConstantsOnly(node);
  for (const ValueIndex output : node.outputs) TakeDeclared(output, n);
}

// What the model itself says of a value, where no rule can tell.
void Inferrer::TakeDeclared(ValueIndex v, size_t n) {
  if (v == kAbsent) return;
  ValueFacts& facts = facts_[static_cast<size_t>(v)];
  facts.is_constant = result_.nodes[n].is_constant;
  facts.value = nullptr;
  const Value& value = graph_.values[static_cast<size_t>(v)];
  facts.type = binding_.replaces_declared_shapes
                   ? ValueType()
                   : binding_.Read(value.declared, value.name);
}

void Inferrer::Fold(const Node& node, const OpDef& def) {
  if (def.moves_only && !node.inputs.empty() && node.inputs[0] != kAbsent &&
      !node.outputs.empty() && node.outputs[0] != kAbsent) {
    result_.origin[static_cast<size_t>(node.outputs[0])] =
        result_.origin[static_cast<size_t>(node.inputs[0])];
  }
  if (def.fold == nullptr) return;
  OutputValues values =
      def.fold(TypedNodeView(graph_, node, facts_, analysis_->used));
  for (size_t o = 0; o < node.outputs.size() && o < values.size(); ++o) {
    if (node.outputs[o] == kAbsent) continue;
    facts_[static_cast<size_t>(node.outputs[o])].value = std::move(values[o]);
  }
}

void Inferrer::SetFacts(ValueIndex v, ValueFacts facts) {
  if (v == kAbsent) return;
  ValueFacts& known = facts_[static_cast<size_t>(v)];
  known = std::move(facts);
  result_.origin[static_cast<size_t>(v)] = v;
  const bool is_unknown =
      known.type.kind == ValueKind::kUnknown ||
      (known.type.is_tensor() && !known.type.tensor.shape.has_rank());
  if (!is_unknown || binding_.replaces_declared_shapes) return;
  const ValueType& declared = graph_.values[static_cast<size_t>(v)].declared;
  if (known.type.is_tensor() &&
      (!declared.is_tensor() || !declared.tensor.shape.has_rank() ||
       declared.tensor.type != known.type.tensor.type)) {
    return;
  }
  known.type =
      binding_.Read(declared, graph_.values[static_cast<size_t>(v)].name);
}

absl::StatusOr<Inference> InferTypes(const InputBinding& binding,
                                     const InputOptions& options,
                                     Analysis* analysis) {
  return Inferrer(binding, options, analysis).Run();
}

}  // namespace opcost
