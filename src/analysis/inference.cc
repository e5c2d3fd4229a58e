// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/inference.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/str_cat.h"
#include "opcost/ops/registry.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

class Inferrer {
 public:
  Inferrer(const InputBinding& binding, Analysis* analysis)
      : binding_(binding),
        graph_(*analysis->graph),
        analysis_(analysis),
        facts_(analysis->values) {
    result_.nodes.resize(graph_.nodes.size());
    result_.origin.resize(graph_.values.size());
    std::iota(result_.origin.begin(), result_.origin.end(), 0);
  }

  absl::StatusOr<Inference> Run() {
    for (size_t v = 0; v < graph_.values.size(); ++v) {
      const StoredTensor* stored = graph_.values[v].stored.get();
      if (stored == nullptr) continue;
      facts_[v] = {stored->type, true, stored->value};
    }
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      const absl::Status status = InferNode(n);
      if (!status.ok()) {
        return absl::Status(
            status.code(),
            absl::StrCat(analysis_->model->path, ": ", status.message()));
      }
    }
    return std::move(result_);
  }

 private:
  bool IsConstantValue(ValueIndex v) const {
    return v == kAbsent || facts_[static_cast<size_t>(v)].is_constant;
  }

  bool ReadsConstantsOnly(const Node& node) const {
    const auto is_constant = [this](ValueIndex v) {
      return IsConstantValue(v);
    };
    return std::all_of(node.inputs.begin(), node.inputs.end(), is_constant) &&
           std::all_of(node.captured.begin(), node.captured.end(), is_constant);
  }

  absl::Status InferNode(size_t n) {
    const Node& node = graph_.nodes[n];
    NodeFacts& facts = result_.nodes[n];
    facts.def = FindOperator(analysis_->operators.get(), node);
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
      result_.unknown_reasons.emplace(n, types.status());
      for (const ValueIndex output : node.outputs) TakeDeclared(output, n);
      return absl::OkStatus();
    }
    for (DataExtent& extent : types->data_extents) {
      analysis_->data_extents.insert_or_assign(
          std::move(extent.symbol), extent.at_most.Bind(DataBounds()));
    }
    for (size_t o = 0; o < node.outputs.size(); ++o) {
      if (node.outputs[o] == kAbsent) continue;
      if (o >= types->size() || (*types)[o].kind == ValueKind::kUnknown) {
        TakeDeclared(node.outputs[o], n);
        continue;
      }
      OPCOST_RETURN_IF_ERROR(CheckExtents(node, o, (*types)[o]));
      ValueFacts& output = facts_[static_cast<size_t>(node.outputs[o])];
      output.type = std::move((*types)[o]);
      output.is_constant = facts.is_constant;
    }
    if (facts.is_constant) Fold(node, *facts.def);
    return absl::OkStatus();
  }

  // The numeric bounds of data-dependent extents so far.
  Bindings DataBounds() const {
    Bindings bounds;
    for (const auto& [symbol, at_most] : analysis_->data_extents) {
      if (at_most.is_concrete()) bounds.emplace(symbol, at_most.value());
    }
    return bounds;
  }

  absl::Status CheckExtents(const Node& node, size_t o,
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

  void NoteUserOperator(const Node& node, const OpDef& def) {
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

  // An operator of ONNX's own computes the same from the same constants,
  // whether or not it is known here; one of a foreign domain may not.
  void InferUnknownOperator(size_t n) {
    const Node& node = graph_.nodes[n];
    result_.nodes[n].is_inferred = false;
    result_.nodes[n].is_constant =
        node.domain.empty() && !IsRandomGenerator(node.domain, node.op_type) &&
        ReadsConstantsOnly(node);
    for (const ValueIndex output : node.outputs) TakeDeclared(output, n);
  }

  // What the model itself says of a value, where no rule can tell.
  void TakeDeclared(ValueIndex v, size_t n) {
    if (v == kAbsent) return;
    ValueFacts& facts = facts_[static_cast<size_t>(v)];
    facts.is_constant = result_.nodes[n].is_constant;
    if (binding_.replaces_declared_shapes) return;
    const Value& value = graph_.values[static_cast<size_t>(v)];
    facts.type = binding_.Read(value.declared, value.name);
  }

  void Fold(const Node& node, const OpDef& def) {
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

  const InputBinding& binding_;
  const Graph& graph_;
  Analysis* analysis_;
  std::vector<ValueFacts>& facts_;
  Inference result_;
};

}  // namespace

absl::StatusOr<Inference> InferTypes(const InputBinding& binding,
                                     Analysis* analysis) {
  return Inferrer(binding, analysis).Run();
}

}  // namespace opcost
