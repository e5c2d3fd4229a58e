// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/layers.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

// How many names a message lists before it only counts them.
constexpr size_t kNamesShown = 5;

std::string QualifiedOp(const Node& node) {
  return node.domain.empty() ? node.op_type
                             : absl::StrCat(node.domain, ".", node.op_type);
}

class LayerCounter {
 public:
  LayerCounter(const Inference& inference, const InputOptions& options,
               Analysis* analysis)
      : inference_(inference),
        keep_symbols_(options.keep_symbols),
        graph_(*analysis->graph),
        analysis_(analysis) {
    if (keep_symbols_) return;
    for (const auto& [symbol, at_most] : analysis->data_extents) {
      if (at_most.is_concrete()) bounds_.emplace(symbol, at_most.value());
    }
  }

  absl::Status Run() {
    MarkLive();
    analysis_->layers.reserve(
        static_cast<size_t>(std::count(live_.begin(), live_.end(), true)));
    names_.reserve(graph_.nodes.size());
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!live_[n]) continue;
      const absl::Status status = CountNode(n);
      if (!status.ok()) {
        return absl::Status(
            status.code(),
            absl::StrCat(analysis_->model->path, ": ", status.message()));
      }
    }
    NoteDeadNodes();
    return SumParameters();
  }

 private:
  void Use(ValueIndex v) {
    if (v != kAbsent) analysis_->used[static_cast<size_t>(v)] = 1;
  }

  bool IsUsed(ValueIndex v) const {
    return v != kAbsent && analysis_->used[static_cast<size_t>(v)] != 0;
  }

  // Backwards from the graph's outputs; folded nodes need nothing.
  void MarkLive() {
    live_.assign(graph_.nodes.size(), false);
    for (const ValueIndex output : graph_.outputs) Use(output);
    for (size_t n = graph_.nodes.size(); n-- > 0;) {
      const Node& node = graph_.nodes[n];
      const auto is_used = [this](ValueIndex v) { return IsUsed(v); };
      live_[n] = !inference_.nodes[n].is_constant &&
                 std::any_of(node.outputs.begin(), node.outputs.end(), is_used);
      if (!live_[n]) continue;
      for (const ValueIndex input : node.inputs) Use(input);
      for (const ValueIndex input : node.captured) Use(input);
    }
  }

  // The node's label, with "#2", "#3" ... behind it if a layer has it already.
  std::string UniqueName(const Node& node) {
    const absl::string_view base = graph_.NodeLabel(node);
    int& uses = names_[base];
    while (true) {
      if (++uses == 1) {
        if (!numbered_.contains(base)) return std::string(base);
        continue;
      }
      std::string name = absl::StrCat(base, "#", uses);
      if (!names_.contains(name) && numbered_.insert(name).second) return name;
    }
  }

  absl::Status CountNode(size_t n) {
    const Node& node = graph_.nodes[n];
    const NodeFacts& facts = inference_.nodes[n];
    LayerCounts& layer = analysis_->layers.emplace_back();
    layer.node = &node;
    layer.def = facts.def;
    layer.name = UniqueName(node);
    if (facts.def == nullptr) {
      MarkUnknownOperator(node, &layer);
    } else if (facts.def->count == nullptr) {
      layer.coverage = {
          Coverage::Status::kUnknown, std::string(facts.def->uncountable),
          "read the total without it, or describe its work by --operators"};
    } else if (!facts.is_inferred) {
      MarkUnknown(inference_.unknown_reasons.at(n).message(), node, &layer);
    } else {
      OPCOST_RETURN_IF_ERROR(Count(node, *facts.def, &layer));
    }
    if (layer.coverage.status == Coverage::Status::kUnknown) Warn(layer);
    return absl::OkStatus();
  }

  absl::Status Count(const Node& node, const OpDef& def, LayerCounts* layer) {
    const TypedNodeView view(graph_, node, analysis_->values, analysis_->used,
                             nullptr, analysis_->count_options);
    absl::StatusOr<OpCounts> counts = CountBy(def, view);
    if (!counts.ok()) {
      if (!IsUndetermined(counts.status())) return counts.status();
      MarkUnknown(counts.status().message(), node, layer);
      return absl::OkStatus();
    }
    TakeBounds(&*counts, layer);
    OPCOST_RETURN_IF_ERROR(counts->Validate(view));
    const std::set<std::string> symbols = SymbolsOf(*counts);
    if (!symbols.empty() && !keep_symbols_) {
      layer->coverage = {
          Coverage::Status::kUnknown,
          absl::StrCat("its counts depend on '", *symbols.begin(),
                       "', which has no number before the model runs"),
          "give the model's inputs sizes that settle it (--dim, --input)"};
      return absl::OkStatus();
    }
    layer->counts = *std::move(counts);
    return absl::OkStatus();
  }

  // Calls visit(count) for each count.
  template <typename Visit>
  static void ForEachCount(OpCounts& counts, const Visit& visit) {
    visit(counts.macs);
    for (Arith& arith : counts.arith) visit(arith.count);
    for (Access& access : counts.accesses) {
      visit(access.elements);
      visit(access.operand_elements);
      visit(access.reads);
      visit(access.writes);
    }
  }

  static std::set<std::string> SymbolsOf(OpCounts& counts) {
    std::set<std::string> symbols;
    ForEachCount(counts, [&symbols](const opcost::Count& count) {
      if (!count.is_concrete()) count.CollectSymbols(&symbols);
    });
    return symbols;
  }

  // Data-dependent extents count at their bounds; the layer says so.
  void TakeBounds(OpCounts* counts, LayerCounts* layer) const {
    std::string reason = counts->bound_reason;
    if (keep_symbols_ && !analysis_->data_extents.empty()) {
      for (const std::string& symbol : SymbolsOf(*counts)) {
        const auto extent = analysis_->data_extents.find(symbol);
        if (extent == analysis_->data_extents.end()) continue;
        absl::StrAppend(&reason, reason.empty() ? "" : "; ", "'", symbol,
                        "' depends on the data and is at most ",
                        extent->second.ToString());
      }
    }
    if (!bounds_.empty()) {
      for (const std::string& symbol : SymbolsOf(*counts)) {
        const auto bound = bounds_.find(symbol);
        if (bound == bounds_.end()) continue;
        absl::StrAppend(&reason, reason.empty() ? "" : "; ", "'", symbol,
                        "' depends on the data and is counted at its most, ",
                        bound->second);
      }
      ForEachCount(*counts, [this](opcost::Count& count) {
        if (!count.is_concrete()) count = count.Bind(bounds_);
      });
    }
    if (reason.empty()) return;
    layer->coverage = {Coverage::Status::kBound, std::move(reason), ""};
  }

  // `message` starts with the node, which the layer's row names already.
  void MarkUnknown(absl::string_view message, const Node& node,
                   LayerCounts* layer) const {
    const std::string prefix =
        absl::StrCat(node.op_type, " '", graph_.NodeLabel(node), "': ");
    if (message.substr(0, prefix.size()) == prefix) {
      message.remove_prefix(prefix.size());
    }
    layer->coverage = {
        Coverage::Status::kUnknown, std::string(message),
        "a shape that the model declares for the value (value_info) would "
        "settle it"};
  }

  void MarkUnknownOperator(const Node& node, LayerCounts* layer) const {
    const std::vector<Function>& functions = analysis_->model->functions;
    const bool is_function = std::any_of(
        functions.begin(), functions.end(), [&node](const Function& function) {
          return function.domain == node.domain &&
                 function.name == node.op_type;
        });
    std::string remedy =
        "express it by operators that are known, or read the total without it";
    if (is_function) {
      remedy = "inline the model's functions before (onnx.inliner in Python)";
    }
    layer->coverage = {
        Coverage::Status::kUnknown,
        is_function
            ? absl::StrCat("the model defines ", QualifiedOp(node),
                           " as a function, and functions aren't inlined")
            : absl::StrCat("operator ", QualifiedOp(node), " of opset ",
                           node.opset, " isn't known"),
        std::move(remedy)};
  }

  void Warn(const LayerCounts& layer) {
    analysis_->diagnostics.Warn(
        "unknown-layer",
        absl::StrCat(layer.node->op_type, " '", layer.name,
                     "' can't be counted: ", layer.coverage.reason, "; ",
                     layer.coverage.remedy));
  }

  void NoteDeadNodes() {
    size_t dead = 0;
    std::string names;
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (live_[n] || inference_.nodes[n].is_constant) continue;
      if (dead < kNamesShown) {
        absl::StrAppend(&names, dead == 0 ? "'" : ", '",
                        graph_.NodeLabel(graph_.nodes[n]), "'");
      }
      ++dead;
    }
    if (dead == 0) return;
    if (dead > kNamesShown) {
      absl::StrAppend(&names, " and ", dead - kNamesShown, " more");
    }
    analysis_->diagnostics.Note(
        "dead-nodes",
        absl::StrCat(dead, dead == 1 ? " node is" : " nodes are",
                     " skipped, since nothing uses what ",
                     dead == 1 ? "it computes: " : "they compute: ", names));
  }

  absl::Status SumParameters() {
    absl::flat_hash_set<ValueIndex> seen;
    Extent elements(0);
    Extent bytes(0);
    for (const LayerCounts& layer : analysis_->layers) {
      for (const Access& access : layer.counts.accesses) {
        if (access.role != Role::kWeight && access.role != Role::kBias) {
          continue;
        }
        const ValueIndex v =
            layer.node->inputs[static_cast<size_t>(access.index)];
        if (!analysis_->values[static_cast<size_t>(v)].is_constant) continue;
        const ValueIndex origin = inference_.origin[static_cast<size_t>(v)];
        // A constant whose size is a symbol is no stored parameter.
        if (!access.elements.is_concrete()) continue;
        if (!seen.insert(origin).second) continue;
        const TensorType& type =
            analysis_->values[static_cast<size_t>(origin)].type.tensor;
        elements += access.elements;
        bytes += Extent::CeilDiv(access.elements * WidthBits(type.type), 8);
      }
    }
    if (elements.overflowed() || bytes.overflowed()) {
      return absl::OutOfRangeError(absl::StrCat(
          analysis_->model->path, ": the parameters' bytes don't fit 63 bits"));
    }
    analysis_->parameters = elements.value();
    analysis_->parameter_bytes = bytes.value();
    return absl::OkStatus();
  }

  const Inference& inference_;
  bool keep_symbols_;
  const Graph& graph_;
  Analysis* analysis_;
  Bindings bounds_;  // of data-dependent extents
  std::vector<bool> live_;
  absl::flat_hash_map<absl::string_view, int> names_;  // uses of each label
  absl::flat_hash_set<std::string> numbered_;          // names with a number
};

}  // namespace

absl::Status CountLayers(const Inference& inference,
                         const InputOptions& options, Analysis* analysis) {
  return LayerCounter(inference, options, analysis).Run();
}

}  // namespace opcost
