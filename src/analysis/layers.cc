// SPDX-License-Identifier: Apache-2.0
#include "src/analysis/layers.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "opcost/support/status_macros.h"
#include "src/analysis/branch_cost.h"
#include "src/analysis/liveness.h"
#include "src/analysis/readings.h"

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
    live_ = MarkLive(graph_, inference_, &analysis_->used);
    analysis_->layers.reserve(
        static_cast<size_t>(std::count(live_.begin(), live_.end(), true)));
    const absl::Status status = CountRange(0, graph_.nodes.size(), {});
    if (!status.ok()) {
      return absl::Status(status.code(), absl::StrCat(analysis_->model->path,
                                                      ": ", status.message()));
    }
    OPCOST_RETURN_IF_ERROR(ApplyReading(inference_, live_, bounds_, analysis_));
    names_.reserve(analysis_->layers.size());
    for (LayerCounts& layer : analysis_->layers) {
      layer.name = UniqueName(*layer.node);
      if (layer.coverage.status == Coverage::Status::kUnknown) Warn(layer);
    }
    NoteDeadNodes();
    return SumParameters();
  }

 private:
  // How often, and how surely, the nodes of a body run.
  struct Context {
    int64_t times = 1;
    std::string bound_reason;    // empty: exactly so often
    std::string unknown_reason;  // empty: it is known
    std::string remedy;
  };

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

  absl::Status CountRange(size_t begin, size_t end, const Context& context) {
    for (size_t n = begin; n < end; ++n) {
      const std::vector<Body>& bodies = graph_.nodes[n].bodies;
      if (live_[n]) OPCOST_RETURN_IF_ERROR(CountNode(n, context));
      if (bodies.empty()) continue;
      if (live_[n]) OPCOST_RETURN_IF_ERROR(CountBodies(n, context));
      n = static_cast<size_t>(bodies.back().end_node) - 1;
    }
    return absl::OkStatus();
  }

  // The layers of a control-flow node's bodies. The node itself moves nothing.
  absl::Status CountBodies(size_t n, const Context& context) {
    const Node& node = graph_.nodes[n];
    const ControlFacts& facts = inference_.control.at(n);
    std::vector<LayerCounts>& layers = analysis_->layers;
    const size_t own = layers.size() - 1;
    // The first layers of the bodies, then the end.
    std::vector<size_t> begins;
    for (size_t b = 0; b < node.bodies.size(); ++b) {
      const Body& body = node.bodies[b];
      const BodyRuns& runs = facts.bodies[b];
      begins.push_back(layers.size());
      if (!Runs(n, b)) continue;
      OPCOST_ASSIGN_OR_RETURN(const Context inside, Enter(node, runs, context));
      OPCOST_RETURN_IF_ERROR(CountRange(static_cast<size_t>(body.begin_node),
                                        static_cast<size_t>(body.end_node),
                                        inside));
      const bool does_work = std::any_of(
          layers.begin() + static_cast<std::ptrdiff_t>(begins.back()),
          layers.end(), [](const LayerCounts& l) { return DoesWork(l); });
      if (context.unknown_reason.empty() && !inside.unknown_reason.empty() &&
          does_work) {
        layers[own].coverage = {Coverage::Status::kUnknown,
                                inside.unknown_reason, inside.remedy};
      }
    }
    begins.push_back(layers.size());
    if (facts.picks_one) KeepTheDearer(node, begins);
    return absl::OkStatus();
  }

  bool Runs(size_t n, size_t body) const {
    const std::optional<Extent>& times =
        inference_.control.at(n).bodies[body].times;
    return !times.has_value() || !times->Is(0);
  }

  static bool DoesWork(const LayerCounts& layer) {
    return layer.coverage.status == Coverage::Status::kUnknown ||
           !layer.counts.arith.empty() || !layer.counts.accesses.empty();
  }

  absl::StatusOr<Context> Enter(const Node& node, const BodyRuns& runs,
                                const Context& around) const {
    Context inside = around;
    const auto add = [](std::string* to, const std::string& more) {
      absl::StrAppend(to, to->empty() || more.empty() ? "" : "; ", more);
    };
    add(&inside.bound_reason, runs.bound_reason);
    if (!runs.times.has_value() || !runs.times->is_concrete()) {
      const std::string reason =
          runs.times.has_value()
              ? absl::StrCat("the body of ", node.op_type, " '",
                             graph_.NodeLabel(node), "' runs ",
                             runs.times->ToString(), " times")
              : runs.unknown_reason;
      if (runs.times.has_value() && runs.times->overflowed()) {
        return TooManyRuns(node);
      }
      add(&inside.unknown_reason, reason);
      add(&inside.remedy, runs.times.has_value()
                              ? "give the model's inputs sizes that settle it "
                                "(--dim, --input)"
                              : runs.remedy);
    } else if (__builtin_mul_overflow(inside.times, runs.times->value(),
                                      &inside.times)) {
      return TooManyRuns(node);
    }
    return inside;
  }

  absl::Status TooManyRuns(const Node& node) const {
    return absl::OutOfRangeError(
        absl::StrCat(node.op_type, " '", graph_.NodeLabel(node),
                     "': the runs of its body don't fit 63 bits"));
  }

  // Drops the layers of the branch of an If that counts for less.
  void KeepTheDearer(const Node& node, const std::vector<size_t>& begins) {
    std::vector<LayerCounts>& layers = analysis_->layers;
    const size_t then_branch =
        node.bodies[0].attribute == "then_branch" ? 0 : 1;
    const size_t else_branch = 1 - then_branch;
    const auto cost = [&](size_t b) {
      return CostOf(absl::MakeConstSpan(layers).subspan(
          begins[b], begins[b + 1] - begins[b]));
    };
    const size_t kept = IsDearer(cost(else_branch), cost(then_branch))
                            ? else_branch
                            : then_branch;
    const auto at = [&](size_t l) {
      return layers.begin() + static_cast<std::ptrdiff_t>(l);
    };
    const size_t dropped = 1 - kept;
    layers.erase(at(begins[dropped]), at(begins[dropped + 1]));
    const size_t end = begins[0] + (begins[kept + 1] - begins[kept]);
    const std::string reason = absl::StrCat(
        "If '", graph_.NodeLabel(node), "' runs one of its branches; ",
        node.bodies[kept].attribute, ", which does more, is counted");
    for (size_t l = begins[0]; l < end; ++l) MarkBound(reason, &layers[l]);
  }

  // A layer that does nothing is certain, however often it does it.
  static void MarkBound(const std::string& reason, LayerCounts* layer) {
    if (reason.empty() || !DoesWork(*layer) ||
        layer->coverage.status == Coverage::Status::kUnknown) {
      return;
    }
    layer->coverage.status = Coverage::Status::kBound;
    absl::StrAppend(&layer->coverage.reason,
                    layer->coverage.reason.empty() ? "" : "; ", reason);
  }

  static void TakeContext(const Context& context, LayerCounts* layer) {
    layer->times = context.times;
    if (layer->coverage.status == Coverage::Status::kUnknown ||
        !DoesWork(*layer)) {
      return;
    }
    MarkBound(context.bound_reason, layer);
    if (context.unknown_reason.empty()) return;
    layer->coverage = {Coverage::Status::kUnknown, context.unknown_reason,
                       context.remedy};
    layer->counts = OpCounts();
  }

  absl::Status CountNode(size_t n, const Context& context) {
    const Node& node = graph_.nodes[n];
    const NodeFacts& facts = inference_.nodes[n];
    LayerCounts& layer = analysis_->layers.emplace_back();
    layer.node = &node;
    layer.def = facts.def;
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
    TakeContext(context, &layer);
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
    layer->coverage = {
        Coverage::Status::kUnknown,
        is_function
            ? absl::StrCat("the model defines function ", QualifiedOp(node),
                           ", but not its overload '", node.overload, "'")
            : absl::StrCat("operator ", QualifiedOp(node), " of opset ",
                           node.opset, " isn't known"),
        "describe it in a file for --operators, or read the total without it"};
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
    absl::flat_hash_map<int32_t, int32_t> idle;  // ends of bodies by begins
    for (size_t n = 0; n < graph_.nodes.size(); ++n) {
      if (!idle.empty()) {
        auto body = idle.find(static_cast<int32_t>(n));
        for (; body != idle.end(); body = idle.find(static_cast<int32_t>(n))) {
          if (body->second == body->first) break;
          n = static_cast<size_t>(body->second);
        }
        if (n >= graph_.nodes.size()) break;
      }
      const std::vector<Body>& bodies = graph_.nodes[n].bodies;
      if (live_[n] || inference_.nodes[n].is_constant) {
        for (size_t b = 0; b < bodies.size(); ++b) {
          // The nodes of a body that doesn't run aren't dead.
          if (!live_[n] || !Runs(n, b)) {
            idle.emplace(bodies[b].begin_node, bodies[b].end_node);
          }
        }
        continue;
      }
      const Node& node = graph_.nodes[n];
      if (!bodies.empty()) n = static_cast<size_t>(bodies.back().end_node) - 1;
      if (dead < kNamesShown) {
        absl::StrAppend(&names, dead == 0 ? "'" : ", '", graph_.NodeLabel(node),
                        "'");
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
        const ValueIndex v = layer.inputs()[static_cast<size_t>(access.index)];
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
