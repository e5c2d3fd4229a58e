// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/analysis/deployment.h"
#include "src/analysis/region_kinds.h"

namespace opcost {
namespace {

// Operands that OperandSet has bits for.
constexpr size_t kMaxOperands = 32;
// What one layer takes in, at most; more than any network has.
constexpr size_t kMaxOperations = 1024;
constexpr size_t kMaxAccesses = 128;

constexpr std::array<absl::string_view, 20> kActivations = {
    "Relu",  "LeakyRelu", "PRelu",    "ThresholdedRelu", "Clip",
    "Elu",   "Celu",      "Selu",     "Sigmoid",         "HardSigmoid",
    "Gelu",  "HardSwish", "Mish",     "Softplus",        "Softsign",
    "Swish", "Tanh",      "FastGelu", "QuickGelu",       "BiasGelu"};

bool IsActivation(const Node& node) {
  return (node.domain.empty() || node.domain == "com.microsoft") &&
         std::find(kActivations.begin(), kActivations.end(), node.op_type) !=
             kActivations.end();
}

// How a layer is to take in another: `producer` writes `value` as its output
// `output`, which `consumer` alone reads.
struct Fusion {
  int producer = -1;
  int output = 0;
  int consumer = -1;
  ValueIndex value = kAbsent;
};

class Fuser {
 public:
  explicit Fuser(LayerGraph& graph) : graph_(graph) {}

  void Run() {
    graph_.Renew();
    for (int l = 0; l < graph_.size(); ++l) {
      if (graph_.IsDropped(l) || !IsKnown(l)) continue;
      if (FuseSelfGate(l)) continue;
      if (const std::optional<Fusion> fusion = Find(l)) Merge(*fusion);
    }
  }

 private:
  bool IsKnown(int l) const {
    return graph_.layer(l).coverage.status != Coverage::Status::kUnknown;
  }
  bool IsConversion(int l) const;
  int DataOperands(int l) const;
  std::optional<Fusion> Find(int l) const;
  std::optional<Fusion> Producer(int l, ValueIndex v) const;
  bool IsThereBefore(ValueIndex v, int l) const;
  bool FuseSelfGate(int l);
  void Merge(const Fusion& fusion);
  OperandSet Mapped(const OperandSet& set, const Fusion& fusion,
                    const std::vector<int>& operands) const;
  void TakeCounts(const Fusion& fusion, const std::vector<int>& operands);
  void TakeNotes(const Fusion& fusion, const std::vector<int>& operands);

  LayerGraph& graph_;
};

// A Cast of an integer sum to a float.
bool Fuser::IsConversion(int l) const {
  const Node& node = graph_.node(l);
  return node.op_type == "Cast" && node.domain.empty() &&
         IsInteger(graph_.TypeOf(graph_.Input(l, 0))) &&
         IsFloating(graph_.TypeOf(graph_.Output(l, 0)));
}

// How many of the first operands may be the producer's: 1 of an activation, 2
// of an Add or Mul, 0 of any other layer. A Div or Sub by a constant scalar is
// a Mul or an Add (R7).
int Fuser::DataOperands(int l) const {
  const Node& node = graph_.node(l);
  if (graph_.layer(l).counts.is_view || graph_.Outputs(l).size() != 1) return 0;
  if (IsActivation(node) || IsConversion(l)) return 1;
  if (!node.domain.empty() || node.inputs.size() != 2) return 0;
  if (node.op_type == "Add" || node.op_type == "Mul") return 2;
  if (node.op_type != "Div" && node.op_type != "Sub") return 0;
  const ValueIndex second = graph_.Input(l, 1);
  return second != kAbsent && graph_.facts(second).is_constant &&
                 graph_.VolumeOf(second).Is(1)
             ? 1
             : 0;
}

// True if the value is known before layer `l` begins.
bool Fuser::IsThereBefore(ValueIndex v, int l) const {
  if (v == kAbsent || graph_.facts(v).is_constant) return true;
  return graph_.ProducerLayer(v) < l;
}

// The layer that writes `v` once, element by element, as its last step.
std::optional<Fusion> Fuser::Producer(int l, ValueIndex v) const {
  if (v == kAbsent || graph_.facts(v).is_constant) return std::nullopt;
  const int p = graph_.ProducerLayer(v);
  if (p < 0 || p == l || graph_.IsDropped(p) || !IsKnown(p) ||
      !graph_.RunTogether(p, l) || graph_.Escapes(v)) {
    return std::nullopt;
  }
  const OpCounts& counts = graph_.layer(p).counts;
  if (counts.is_view || counts.is_view_if_formats_match ||
      counts.arith.empty() || counts.arith.size() > kMaxOperations ||
      counts.accesses.size() > kMaxAccesses ||
      graph_.TypeOf(v) == DataType::kUndefined) {
    return std::nullopt;
  }
  Fusion fusion{p, 0, l, v};
  const auto outputs = graph_.Outputs(p);
  fusion.output = static_cast<int>(
      std::find(outputs.begin(), outputs.end(), v) - outputs.begin());
  const Count elements = graph_.VolumeOf(v);
  int writes = 0;
  for (const Access& access : counts.accesses) {
    if (access.side != Access::Side::kOutput || access.index != fusion.output) {
      continue;
    }
    if (!access.reads.Is(0) || !(access.writes == access.elements)) {
      return std::nullopt;
    }
    ++writes;
  }
  const bool fits = graph_.VolumeOf(graph_.Output(l, 0)) == elements;
  return writes == 1 && fits ? std::optional<Fusion>(fusion) : std::nullopt;
}

// The last of the layers that layer `l` can run with.
std::optional<Fusion> Fuser::Find(int l) const {
  std::optional<Fusion> best;
  const int operands = DataOperands(l);
  for (int i = 0; i < operands; ++i) {
    const ValueIndex v = graph_.Input(l, i);
    const std::optional<Fusion> found = Producer(l, v);
    if (!found.has_value() || graph_.UsesOf(v).size() != 1) continue;
    const auto inputs = graph_.Inputs(l);
    const bool are_there =
        std::all_of(inputs.begin(), inputs.end(), [&](ValueIndex other) {
          return other == v || IsThereBefore(other, found->producer);
        });
    const bool fits =
        graph_.Inputs(found->producer).size() + inputs.size() <= kMaxOperands;
    if (!are_there || !fits) continue;
    if (!best.has_value() || found->producer > best->producer) best = found;
  }
  return best;
}

// x times a function of x, such as x * Sigmoid(x): both run on x's producer.
// `l` is the function.
bool Fuser::FuseSelfGate(int l) {
  if (!IsActivation(graph_.node(l)) || DataOperands(l) != 1) return false;
  const ValueIndex x = graph_.Input(l, 0);
  const ValueIndex gate = graph_.Output(l, 0);
  const int mul = graph_.SoleReader(l, gate);
  if (mul < 0 || x == kAbsent || graph_.UsesOf(x).size() != 2) return false;
  const Node& node = graph_.node(mul);
  if (node.op_type != "Mul" || DataOperands(mul) != 2) return false;
  const bool is_gate =
      (graph_.Input(mul, 0) == x && graph_.Input(mul, 1) == gate) ||
      (graph_.Input(mul, 1) == x && graph_.Input(mul, 0) == gate);
  const std::optional<Fusion> first = Producer(l, x);
  if (!is_gate || !first.has_value() || !IsKnown(mul) ||
      graph_.Inputs(l).size() + graph_.Inputs(first->producer).size() + 2 >
          kMaxOperands ||
      graph_.Inputs(mul).size() != 2) {
    return false;
  }
  const auto inputs = graph_.Inputs(l);
  for (const ValueIndex other : inputs) {
    if (other != x && !IsThereBefore(other, first->producer)) return false;
  }
  Fusion second = *first;
  second.consumer = mul;
  second.value = gate;
  Merge(*first);
  // The product takes both from registers.
  graph_.SetInput(mul, 0, gate);
  graph_.SetInput(mul, 1, gate);
  Merge(second);
  return true;
}

OperandSet Fuser::Mapped(const OperandSet& set, const Fusion& fusion,
                         const std::vector<int>& operands) const {
  OperandSet mapped = OperandSet::Fixed(set.fixed);
  for (uint32_t bits = set.inputs; bits != 0; bits &= bits - 1) {
    const auto i = static_cast<size_t>(std::countr_zero(bits));
    if (i < operands.size() && operands[i] >= 0) {
      mapped.inputs |= uint32_t{1} << operands[i];
      continue;
    }
    // The value between: what the layer now computes has its format, unless it
    // is quantised, which no option changes.
    const DataType type = graph_.TypeOf(fusion.value);
    if (IsFloating(type)) {
      mapped.outputs |= uint32_t{1} << fusion.output;
    } else {
      mapped.fixed = type;
    }
  }
  if (set.outputs != 0) mapped.outputs |= uint32_t{1} << fusion.output;
  return mapped;
}

// "out", "3*out".
std::string FormulaOf(const Count& count, const Count& out) {
  for (int k = 1; k <= 8; ++k) {
    if (count == out * k) return k == 1 ? "out" : absl::StrCat(k, "*out");
  }
  return count.ToString();
}

// Why the consumer does that: as its own terms have it, if one of them is it.
std::string ReasonOf(const FoldedLayer& consumer, absl::string_view what,
                     const Count& count, std::string otherwise) {
  for (const FoldedTerm& term : consumer.terms) {
    if (term.is_added && term.what == what && term.count == count) {
      return term.reason;
    }
  }
  return otherwise;
}

void Fuser::TakeCounts(const Fusion& fusion, const std::vector<int>& operands) {
  OpCounts& to = graph_.layer(fusion.producer).counts;
  const OpCounts& from = graph_.layer(fusion.consumer).counts;
  const Node& node = graph_.node(fusion.consumer);
  const DataType before = graph_.TypeOf(fusion.value);
  const uint32_t output_bit = uint32_t{1} << fusion.output;
  if (before != graph_.TypeOf(graph_.Output(fusion.consumer, 0))) {
    for (Arith& arith : to.arith) {
      if ((arith.operands.outputs & output_bit) == 0) continue;
      arith.operands.outputs &= ~output_bit;
      arith.operands.fixed = before;
    }
  }
  const Count out = graph_.VolumeOf(fusion.value);
  FoldedLayer& draft = graph_.Draft(fusion.producer);
  const FoldedLayer& own = graph_.Draft(fusion.consumer);
  for (Arith arith : from.arith) {
    arith.operands = Mapped(arith.operands, fusion, operands);
    draft.terms.push_back(
        {std::string(Name(arith.op)), true, FormulaOf(arith.count, out),
         arith.count,
         ReasonOf(own, Name(arith.op), arith.count,
                  absl::StrCat(node.op_type, " on the accumulators"))});
    to.arith.push_back(std::move(arith));
  }
  Count operand_elements = out;
  const auto is_between = [&fusion](const Access& access) {
    return access.side == Access::Side::kOutput &&
           access.index == fusion.output;
  };
  for (const Access& access : to.accesses) {
    if (is_between(access)) operand_elements = access.operand_elements;
  }
  to.accesses.erase(
      std::remove_if(to.accesses.begin(), to.accesses.end(), is_between),
      to.accesses.end());
  for (Access access : from.accesses) {
    if (access.side == Access::Side::kInput) {
      const int operand = operands[static_cast<size_t>(access.index)];
      if (operand < 0) continue;
      access.index = static_cast<int16_t>(operand);
      const std::string what = absl::StrCat(
          "reads ", graph_.NameOf(graph_.Input(fusion.producer, operand)));
      draft.terms.push_back(
          {what, true, FormulaOf(access.reads, out), access.reads,
           ReasonOf(own, what, access.reads,
                    absl::StrCat("the other operand of ", node.op_type))});
    } else if (access.side == Access::Side::kOutput) {
      access.index = static_cast<int16_t>(fusion.output);
      access.operand_elements = operand_elements;
    }
    to.accesses.push_back(std::move(access));
  }
}

// Reasons, zero points and what the consumer had taken in.
void Fuser::TakeNotes(const Fusion& fusion, const std::vector<int>& operands) {
  LayerCounts& to = graph_.layer(fusion.producer);
  const LayerCounts& from = graph_.layer(fusion.consumer);
  if (from.coverage.status == Coverage::Status::kBound &&
      from.coverage.reason != to.coverage.reason) {
    to.coverage.status = Coverage::Status::kBound;
    absl::StrAppend(&to.coverage.reason, to.coverage.reason.empty() ? "" : "; ",
                    from.coverage.reason);
  }
  const FoldedLayer taken = graph_.Draft(fusion.consumer);
  FoldedLayer& draft = graph_.Draft(fusion.producer);
  draft.nodes.insert(draft.nodes.end(), taken.nodes.begin(), taken.nodes.end());
  for (size_t i = 0; i < taken.zero_points.size(); ++i) {
    if (taken.zero_points[i] == kAbsent || operands[i] < 0) continue;
    const auto at = static_cast<size_t>(operands[i]);
    if (draft.zero_points.size() <= at) {
      draft.zero_points.resize(at + 1, kAbsent);
    }
    draft.zero_points[at] = taken.zero_points[i];
  }
}

void Fuser::Merge(const Fusion& fusion) {
  const std::vector<ValueIndex> inputs(graph_.Inputs(fusion.consumer).begin(),
                                       graph_.Inputs(fusion.consumer).end());
  std::vector<int> operands;  // of the producer, by the consumer's; -1: between
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool is_other = inputs[i] != fusion.value && inputs[i] != kAbsent;
    operands.push_back(is_other ? graph_.AddInput(fusion.producer, inputs[i])
                                : -1);
    if (!is_other) continue;
    graph_.MoveUse(inputs[i], {fusion.consumer, static_cast<int32_t>(i)},
                   {fusion.producer, operands.back()});
  }
  TakeCounts(fusion, operands);
  TakeNotes(fusion, operands);
  const ValueIndex output = graph_.Output(fusion.consumer, 0);
  graph_.Drop(fusion.producer, fusion.consumer,
              "it runs on the accumulators; the array between is neither "
              "written nor read");
  graph_.SetOutput(fusion.producer, fusion.output, output);
}

}  // namespace

void FuseElementwise(LayerGraph& graph) { Fuser(graph).Run(); }

}  // namespace opcost
