// SPDX-License-Identifier: Apache-2.0
// A body that runs again and again: types that hold for every run.
#include <algorithm>
#include <utility>

#include "opcost/support/status_macros.h"
#include "src/analysis/inferrer.h"
#include "src/analysis/type_merge.h"

namespace opcost {
namespace {

// Runs that are followed one by one, where that tells more than all at once.
constexpr int64_t kMaxSimulatedRuns = 256;
// Passes in which an extent that changes is let go alone; then whole shapes.
constexpr int kWideningPasses = 3;

ValueFacts Scalar(DataType type, bool is_constant,
                  std::optional<int64_t> number) {
  ValueFacts facts{ValueType(type, {}), is_constant, nullptr};
  if (number.has_value()) {
    facts.value = std::make_shared<const TensorValue>(
        TensorValue::Integers(type, {}, {SymValue(*number)}));
  }
  return facts;
}

}  // namespace

bool Inferrer::IsUnchanged(const Repeated& loop, size_t k) const {
  return loop.node->inputs[loop.first_operand + k] ==
         loop.body->inputs[loop.first_input + k];
}

absl::string_view Inferrer::ResultName(const Repeated& loop, size_t k) const {
  const Node& node = *loop.node;
  const bool is_named = k < node.outputs.size() && node.outputs[k] != kAbsent;
  return NameOf(is_named ? node.outputs[k]
                         : loop.body->inputs[loop.first_input + k]);
}

absl::Status Inferrer::RunBody(const Repeated& loop,
                               const std::vector<ValueFacts>& carried,
                               Pass pass, int64_t run) {
  const Body& body = *loop.body;
  if (loop.is_loop) {
    SetFacts(body.inputs[0],
             Scalar(DataType::kInt64, pass != Pass::kAnyRun,
                    pass == Pass::kOneRun ? std::optional<int64_t>(run)
                                          : std::nullopt));
    // A run begins only where the condition holds.
    SetFacts(body.inputs[1], Scalar(DataType::kBool, true, 1));
  }
  for (size_t k = 0; k < carried.size(); ++k) {
    if (IsUnchanged(loop, k)) continue;
    ValueFacts facts = carried[k];
    if (pass != Pass::kOneRun) {
      facts.is_constant = pass == Pass::kConstants;
      facts.value = nullptr;
    }
    SetFacts(body.inputs[loop.first_input + k], std::move(facts));
  }
  return InferRange(static_cast<size_t>(body.begin_node),
                    static_cast<size_t>(body.end_node));
}

// True if the body computes constants from constants alone.
absl::StatusOr<bool> Inferrer::IsConstantBody(const Repeated& loop) {
  const auto& operands = loop.node->inputs;
  const bool reads_constants =
      std::all_of(operands.begin(), operands.end(),
                  [this](ValueIndex v) { return IsConstantValue(v); });
  if (!reads_constants || IsExhausted()) return false;
  OPCOST_RETURN_IF_ERROR(RunBody(loop, loop.initial, Pass::kConstants));
  return AreConstants(loop.body->outputs);
}

// True if a carried value leaves the body otherwise than it entered.
bool Inferrer::ChangesTypes(const Repeated& loop) const {
  for (size_t k = 0; k < loop.initial.size(); ++k) {
    const ValueIndex input = loop.body->inputs[loop.first_input + k];
    const ValueIndex output = loop.body->outputs[loop.first_output + k];
    if (output == kAbsent || IsUnchanged(loop, k)) continue;
    if (!SameType(Facts(input).type, Facts(output).type)) return true;
  }
  return false;
}

absl::StatusOr<Inferrer::Simulation> Inferrer::Simulate(const Repeated& loop,
                                                        bool needs_types) {
  Simulation seen;
  seen.carried = loop.initial;
  for (const ValueFacts& facts : loop.initial) {
    seen.inputs.push_back(facts.type);
    seen.results.push_back(facts.type);
  }
  ExtentBounds& bounds = analysis_->data_extents;
  const bool is_limited = loop.most.has_value() && loop.most->is_concrete();
  while (true) {
    if (is_limited && seen.runs >= loop.most->value()) {
      seen.ended = true;
      return seen;
    }
    if (seen.runs >= kMaxSimulatedRuns || IsExhausted()) return seen;
    for (size_t k = 0; k < seen.carried.size(); ++k) {
      seen.inputs[k] =
          MergeTypes(seen.inputs[k], seen.carried[k].type,
                     NameOf(loop.body->inputs[loop.first_input + k]), &bounds);
    }
    OPCOST_RETURN_IF_ERROR(
        RunBody(loop, seen.carried, Pass::kOneRun, seen.runs));
    ++seen.runs;
    for (size_t k = 0; k < seen.carried.size(); ++k) {
      const ValueIndex output = loop.body->outputs[loop.first_output + k];
      seen.carried[k] = output == kAbsent ? ValueFacts() : Facts(output);
      seen.results[k] = MergeTypes(seen.results[k], seen.carried[k].type,
                                   ResultName(loop, k), &bounds);
    }
    if (!loop.is_loop) continue;
    const std::optional<bool> goes_on = TruthOf(loop.body->outputs[0]);
    if (goes_on == false) {
      seen.ended = true;
      return seen;
    }
    if (goes_on.has_value()) continue;
    seen.decided = false;
    if (!is_limited || !needs_types) return seen;
  }
}

// Lets go of extents that change from run to run, until nothing changes.
absl::StatusOr<std::vector<ValueType>> Inferrer::Widen(const Repeated& loop) {
  std::vector<ValueFacts> carried = loop.initial;
  for (int pass = 0;; ++pass) {
    OPCOST_RETURN_IF_ERROR(RunBody(loop, carried, Pass::kAnyRun));
    bool changed = false;
    for (size_t k = 0; k < carried.size(); ++k) {
      const ValueIndex output = loop.body->outputs[loop.first_output + k];
      if (IsUnchanged(loop, k) || output == kAbsent) continue;
      ValueType& type = carried[k].type;
      ValueType wider =
          MergeTypes(type, Facts(output).type,
                     NameOf(loop.body->inputs[loop.first_input + k]),
                     &analysis_->data_extents, /*unbounded=*/true);
      if (SameType(wider, type)) continue;
      changed = true;
      if (pass >= kWideningPasses || IsExhausted()) {
        wider = ValueType();
      } else if (pass == kWideningPasses - 1 && wider.is_tensor()) {
        wider.tensor.shape = Shape::Unknown();
      }
      type = std::move(wider);
    }
    if (!changed || pass > kWideningPasses) break;
  }
  std::vector<ValueType> inputs;
  inputs.reserve(carried.size());
  for (ValueFacts& facts : carried) inputs.push_back(std::move(facts.type));
  return inputs;
}

// The carried values after the last run.
std::vector<ValueFacts> Inferrer::ResultsOf(
    const Repeated& loop, const Simulation* simulation,
    const std::vector<ValueType>& inputs, bool is_constant) {
  std::vector<ValueFacts> results;
  for (size_t k = 0; k < loop.initial.size(); ++k) {
    if (simulation != nullptr && simulation->decided && loop.exact) {
      results.push_back(simulation->carried[k]);
    } else if (simulation != nullptr) {
      results.push_back({simulation->results[k], false, nullptr});
    } else {
      results.push_back(
          {MergeTypes(loop.initial[k].type, inputs[k], ResultName(loop, k),
                      &analysis_->data_extents,
                      /*unbounded=*/true),
           false, nullptr});
    }
    results.back().is_constant = is_constant;
    if (!is_constant) results.back().value = nullptr;
  }
  return results;
}

absl::StatusOr<std::vector<ValueFacts>> Inferrer::Repeat(Repeated& loop,
                                                         bool* is_constant) {
  OPCOST_ASSIGN_OR_RETURN(*is_constant, IsConstantBody(loop));
  OPCOST_RETURN_IF_ERROR(RunBody(loop, loop.initial, Pass::kAnyRun));
  bool may_end = false;
  if (loop.is_loop && !(loop.most.has_value() && loop.most->Is(0))) {
    const std::optional<bool> goes_on = TruthOf(loop.body->outputs[0]);
    may_end = !goes_on.has_value();
    if (goes_on == false && !(loop.most.has_value() && loop.most->Is(1))) {
      loop.exact = loop.can_start &&
                   (!loop.most.has_value() || loop.most->is_concrete());
      loop.most = Extent(1);
    }
  }
  const bool changes = ChangesTypes(loop);
  const bool is_limited = loop.most.has_value() && loop.most->is_concrete() &&
                          loop.most->value() <= kMaxSimulatedRuns;
  Simulation simulation;
  if (!IsExhausted() && ((may_end && loop.can_start) ||
                         ((changes || *is_constant) && is_limited))) {
    OPCOST_ASSIGN_OR_RETURN(simulation, Simulate(loop, changes));
  }
  if (simulation.ended && simulation.decided && may_end) {
    loop.most = Extent(simulation.runs);
  } else if (may_end) {
    loop.exact = false;
  }
  if (!changes && simulation.runs == 0) {
    std::vector<ValueType> inputs;
    for (const ValueFacts& facts : loop.initial) inputs.push_back(facts.type);
    return ResultsOf(loop, nullptr, inputs, *is_constant);
  }
  if (!simulation.ended) {
    OPCOST_ASSIGN_OR_RETURN(const std::vector<ValueType> inputs, Widen(loop));
    return ResultsOf(loop, nullptr, inputs, *is_constant);
  }
  // Last, what holds for any run is what the body's layers are counted with.
  std::vector<ValueFacts> any_run;
  for (const ValueType& type : simulation.inputs) {
    any_run.push_back({type, false, nullptr});
  }
  OPCOST_RETURN_IF_ERROR(RunBody(loop, any_run, Pass::kAnyRun));
  return ResultsOf(loop, &simulation, simulation.inputs, *is_constant);
}

}  // namespace opcost
