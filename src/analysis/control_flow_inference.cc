// SPDX-License-Identifier: Apache-2.0
// If, SequenceMap, and what all control flow shares (cost model, section 4).
#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "opcost/ops/registry.h"
#include "opcost/support/status_macros.h"
#include "src/analysis/expansion.h"
#include "src/analysis/inferrer.h"
#include "src/analysis/type_merge.h"

namespace opcost {
namespace {

// Sequences are followed to what made them through this many nodes.
constexpr int kMaxSequenceSteps = 64;

bool CountsRuns(const Node& node) {
  return !node.bodies.empty() &&
         (node.op_type == "Loop" || node.op_type == "SequenceMap");
}

const Node* ProducerOf(const Graph& graph, ValueIndex v) {
  const int32_t producer = graph.values[static_cast<size_t>(v)].producer;
  return producer < 0 ? nullptr : &graph.nodes[static_cast<size_t>(producer)];
}

}  // namespace

absl::Status Inferrer::InferControlFlow(size_t n) {
  const Node& node = graph_.nodes[n];
  if (node.op_type == "If") return InferIf(n);
  if (node.op_type == "Loop") return InferLoop(n);
  if (node.op_type == "Scan") return InferScan(n);
  return InferSequenceMap(n);
}

std::optional<SymValue> Inferrer::ScalarOf(ValueIndex v) const {
  if (v == kAbsent) return std::nullopt;
  const TensorValue* value = Facts(v).value.get();
  if (value == nullptr || !value->holds_integers() || value->size() != 1) {
    return std::nullopt;
  }
  return value->Int(0);
}

std::optional<bool> Inferrer::TruthOf(ValueIndex v) const {
  const std::optional<SymValue> scalar = ScalarOf(v);
  if (!scalar.has_value() || !scalar->is_concrete()) return std::nullopt;
  return scalar->value() != 0;
}

void Inferrer::SetSame(ValueIndex v, ValueIndex origin) {
  if (v == kAbsent) return;
  SetFacts(v, Facts(origin));
  if (Facts(v).is_constant) {
    result_.origin[static_cast<size_t>(v)] =
        result_.origin[static_cast<size_t>(origin)];
  }
}

absl::Status Inferrer::InferIf(size_t n) {
  const Node& node = graph_.nodes[n];
  const NodeView view(graph_, node, facts_);
  if (node.bodies.size() != 2) {
    return view.Invalid("it needs two graphs, then_branch and else_branch");
  }
  if (!view.HasInput(0)) return view.Invalid("operand 0 is missing");
  for (const Body& body : node.bodies) {
    if (body.outputs.size() >= node.outputs.size()) continue;
    return view.Invalid(body.attribute, " returns ", body.outputs.size(),
                        " values, but the node has ", node.outputs.size(),
                        " outputs");
  }
  result_.control[n] = ControlFacts{std::vector<BodyRuns>(2), false};
  const std::optional<bool> condition = TruthOf(node.inputs[0]);
  if (!condition.has_value()) return MergeBranches(n);
  const bool first_is_then = node.bodies[0].attribute == "then_branch";
  return InferBranch(n, *condition == first_is_then ? 0 : 1);
}

// The branch that a constant condition picks. The other may be wrong for these
// shapes, and isn't looked at.
absl::Status Inferrer::InferBranch(size_t n, size_t branch) {
  const Node& node = graph_.nodes[n];
  const Body& body = node.bodies[branch];
  result_.control[n].bodies[1 - branch].times = Extent(0);
  OPCOST_RETURN_IF_ERROR(InferRange(static_cast<size_t>(body.begin_node),
                                    static_cast<size_t>(body.end_node)));
  result_.nodes[n].is_constant = AreConstants(body.outputs);
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    if (body.outputs[o] != kAbsent) SetSame(node.outputs[o], body.outputs[o]);
  }
  return absl::OkStatus();
}

absl::Status Inferrer::MergeBranches(size_t n) {
  const Node& node = graph_.nodes[n];
  const Body& a = node.bodies[0];
  const Body& b = node.bodies[1];
  for (const Body& body : node.bodies) {
    OPCOST_RETURN_IF_ERROR(InferRange(static_cast<size_t>(body.begin_node),
                                      static_cast<size_t>(body.end_node)));
  }
  const bool is_constant = IsConstantValue(node.inputs[0]) &&
                           AreConstants(a.outputs) && AreConstants(b.outputs);
  result_.nodes[n].is_constant = is_constant;
  result_.control[n].picks_one = true;
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    if (node.outputs[o] == kAbsent) continue;
    if (a.outputs[o] == kAbsent || b.outputs[o] == kAbsent) continue;
    const ValueType& one = Facts(a.outputs[o]).type;
    const ValueType& other = Facts(b.outputs[o]).type;
    if (one.is_tensor() && other.is_tensor() &&
        one.tensor.type != other.tensor.type) {
      return NodeView(graph_, node, facts_)
          .Invalid("output ", o, " is ", Name(one.tensor.type), " from ",
                   a.attribute, " but ", Name(other.tensor.type), " from ",
                   b.attribute);
    }
    ValueType merged = MergeTypes(one, other, NameOf(node.outputs[o]),
                                  &analysis_->data_extents);
    SetFacts(node.outputs[o], {std::move(merged), is_constant, nullptr});
  }
  return absl::OkStatus();
}

absl::Status Inferrer::InferSequenceMap(size_t n) {
  const Node& node = graph_.nodes[n];
  const Body& body = node.bodies[0];
  const NodeView view(graph_, node, facts_);
  if (!view.HasInput(0)) return view.Invalid("operand 0 is missing");
  if (body.inputs.size() != node.inputs.size() ||
      body.outputs.size() < node.outputs.size()) {
    return view.Invalid("its body has ", body.inputs.size(), " inputs and ",
                        body.outputs.size(), " outputs, but the node has ",
                        node.inputs.size(), " and ", node.outputs.size());
  }
  SetMapInputs(node, body);
  OPCOST_RETURN_IF_ERROR(InferRange(static_cast<size_t>(body.begin_node),
                                    static_cast<size_t>(body.end_node)));
  std::optional<Extent> length = LengthOf(node.inputs[0]);
  OPCOST_ASSIGN_OR_RETURN(const std::optional<Extent> given,
                          GivenTripCount(node, length));
  if (given.has_value()) length = given;
  const bool is_constant = AreConstants(body.outputs);
  result_.nodes[n].is_constant = is_constant;
  result_.control[n] = ControlFacts{{RunsOf(node, length, true)}, false};
  for (size_t o = 0; o < node.outputs.size(); ++o) {
    ValueType type;
    type.kind = ValueKind::kSequence;
    type.element = std::make_shared<const ValueType>(
        body.outputs[o] == kAbsent ? ValueType() : Facts(body.outputs[o]).type);
    SetFacts(node.outputs[o], {std::move(type), is_constant, nullptr});
  }
  return absl::OkStatus();
}

// Sequences give an element to each run, tensors themselves.
void Inferrer::SetMapInputs(const Node& node, const Body& body) {
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kAbsent || body.inputs[i] == kAbsent) continue;
    const ValueFacts& given = Facts(node.inputs[i]);
    if (given.type.kind != ValueKind::kSequence) {
      SetSame(body.inputs[i], node.inputs[i]);
      continue;
    }
    ValueType element =
        given.type.element == nullptr ? ValueType() : *given.type.element;
    SetFacts(body.inputs[i], {std::move(element), given.is_constant, nullptr});
  }
}

// How many tensors a SplitToSequence makes.
std::optional<Extent> Inferrer::PartsOf(const Node& split) const {
  const ValueType& type = Facts(split.inputs[0]).type;
  const auto attribute = NodeView(graph_, split, facts_).Int("axis", 0);
  if (!attribute.ok() || !type.is_tensor() || !type.tensor.shape.has_rank()) {
    return std::nullopt;
  }
  const int64_t rank = type.tensor.shape.rank();
  const int64_t axis = *attribute < 0 ? *attribute + rank : *attribute;
  if (axis < 0 || axis >= rank) return std::nullopt;
  const Extent extent = type.tensor.shape.dims()[static_cast<size_t>(axis)];
  if (split.inputs.size() < 2 || split.inputs[1] == kAbsent) return extent;
  const ValueType& parts = Facts(split.inputs[1]).type;
  if (parts.is_tensor() && parts.tensor.shape.has_rank() &&
      parts.tensor.shape.rank() == 1) {
    return parts.tensor.shape.dims()[0];
  }
  const std::optional<SymValue> each = ScalarOf(split.inputs[1]);
  if (!each.has_value()) return std::nullopt;
  return Extent::CeilDiv(extent, Extent(*each));
}

// The number of elements of a sequence, from the nodes that made it.
std::optional<Extent> Inferrer::LengthOf(ValueIndex sequence) const {
  int64_t more = 0;
  for (int step = 0; step < kMaxSequenceSteps && sequence != kAbsent; ++step) {
    const Node* node = ProducerOf(graph_, sequence);
    if (node == nullptr || !node->domain.empty()) return std::nullopt;
    if (node->op_type == "SequenceEmpty") return Extent(more);
    if (node->op_type == "SequenceConstruct") {
      return Extent(static_cast<int64_t>(node->inputs.size()) + more);
    }
    if (node->inputs.empty() || node->inputs[0] == kAbsent) return std::nullopt;
    sequence = node->inputs[0];
    if (node->op_type == "SplitToSequence") {
      const std::optional<Extent> parts = PartsOf(*node);
      if (!parts.has_value()) return std::nullopt;
      return *parts + Extent(more);
    }
    if (node->op_type == "SequenceInsert") {
      ++more;
    } else if (node->op_type == "SequenceErase") {
      --more;
    } else if (node->op_type != "SequenceMap" && node->op_type != "Identity") {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

absl::Status Inferrer::CheckTripCounts() const {
  for (const auto& [name, count] : options_.trip_counts) {
    std::set<std::string> known;
    for (const Node& node : graph_.nodes) {
      if (!CountsRuns(node)) continue;
      known.insert(absl::StrCat("'", graph_.NodeLabel(node), "'"));
    }
    if (known.count(absl::StrCat("'", name, "'")) != 0) continue;
    return absl::NotFoundError(absl::StrCat(
        "--trip-count ", name, "=", count, ": the model has no Loop of that ",
        "name",
        known.empty() ? ""
                      : absl::StrCat("; it has ", absl::StrJoin(known, ", "))));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Extent>> Inferrer::GivenTripCount(
    const Node& node, const std::optional<Extent>& most) const {
  const auto given =
      options_.trip_counts.find(std::string(graph_.NodeLabel(node)));
  if (given == options_.trip_counts.end()) return std::optional<Extent>();
  if (most.has_value() && most->is_concrete() &&
      given->second > most->value()) {
    return absl::NotFoundError(absl::StrCat(
        "--trip-count ", given->first, "=", given->second, ": the ",
        node.op_type, " runs at most ", most->value(), " times"));
  }
  return std::optional<Extent>(Extent(given->second));
}

std::string Inferrer::TripCountRemedy(const Node& node) const {
  const absl::string_view label = graph_.NodeLabel(node);
  const bool is_word =
      label.find_first_of(" '\"$`\\()*;&|<>") == absl::string_view::npos;
  return absl::StrCat("give it with --trip-count ", is_word ? "" : "'", label,
                      "=<count>", is_word ? "" : "'");
}

// `times` is the most that the node's body runs; `exact` if it runs no less.
BodyRuns Inferrer::RunsOf(const Node& node, const std::optional<Extent>& times,
                          bool exact) const {
  const std::string who =
      absl::StrCat(node.op_type, " '", graph_.NodeLabel(node), "'");
  BodyRuns runs;
  runs.times = times;
  if (!times.has_value()) {
    runs.unknown_reason =
        absl::StrCat("how often the body of ", who,
                     " runs isn't known before the model does");
    runs.remedy = TripCountRemedy(node);
    return runs;
  }
  const Extent most = AtMost(*times, analysis_->data_extents);
  if (!most.is_concrete() && !options_.keep_symbols) {
    runs.times = std::nullopt;
    runs.unknown_reason =
        absl::StrCat("the body of ", who, " runs ", most.ToString(),
                     " times, which has no number before "
                     "the model runs");
    runs.remedy = CountsRuns(node)
                      ? TripCountRemedy(node)
                      : "give the model's inputs sizes that settle it (--dim, "
                        "--input)";
    return runs;
  }
  if (!exact) {
    runs.bound_reason =
        absl::StrCat("the body of ", who, " runs at most ", most.ToString(),
                     " times; its condition can end it earlier");
  } else if (!(most == *times)) {
    runs.bound_reason =
        absl::StrCat("the body of ", who, " runs at most ", most.ToString(),
                     " times, depending on the data");
  }
  runs.times = most;
  return runs;
}

}  // namespace opcost
