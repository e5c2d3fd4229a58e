// SPDX-License-Identifier: Apache-2.0
#include "src/ops/gate_functions.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

struct GateFunction {
  absl::string_view name;
  PerElement cost;
  bool takes_alpha = false;
};

// As the operators of these names are counted (cost model, section 4).
constexpr GateFunction kGateFunctions[] = {
    {"Relu", {.add = 1}},
    {"Tanh", {.tanh = 1}},
    {"Sigmoid", {.sigmoid = 1}},
    {"Affine", {.mul = 1, .add = 1}, true},
    {"LeakyRelu", {.mul = 1, .add = 1}, true},
    {"ThresholdedRelu", {.add = 1}, true},
    {"ScaledTanh", {.mul = 2, .tanh = 1}, true},
    {"HardSigmoid", {.mul = 1, .add = 3}, true},
    {"Elu", {.add = 2, .exp = 1}, true},
    {"Softsign", {.add = 2, .div = 1}},
    {"Softplus", {.add = 1, .exp = 1, .log = 1}},
};

// Runtimes take the names in any case.
const GateFunction* FindGateFunction(absl::string_view name) {
  const auto* found = std::find_if(
      std::begin(kGateFunctions), std::end(kGateFunctions),
      [name](const GateFunction& function) {
        return absl::EqualsIgnoreCase(
            absl::string_view(function.name.data(), function.name.size()),
            name);
      });
  return found == std::end(kGateFunctions) ? nullptr : found;
}

}  // namespace

absl::StatusOr<std::vector<PerElement>> GateFunctions(
    const NodeView& node, absl::Span<const absl::string_view> defaults,
    size_t directions) {
  OPCOST_ASSIGN_OR_RETURN(std::vector<std::string> names,
                          node.Strings("activations"));
  const size_t expected = defaults.size() * directions;
  if (names.empty()) {
    for (size_t i = 0; i < expected; ++i) {
      names.emplace_back(defaults[i % defaults.size()]);
    }
  }
  if (names.size() < expected) {
    return node.Invalid(
        "activations must name ", expected,
        expected == 1 ? " function but names " : " functions but names ",
        names.size());
  }
  OPCOST_ASSIGN_OR_RETURN(const std::vector<double> alphas,
                          node.Floats("activation_alpha"));
  std::vector<PerElement> costs;
  size_t alphas_taken = 0;
  for (size_t i = 0; i < expected; ++i) {
    const GateFunction* function = FindGateFunction(names[i]);
    if (function == nullptr) {
      return node.Invalid("activations names '", names[i],
                          "', which is no activation function");
    }
    costs.push_back(function->cost);
    // Functions take the alphas in their order; Elu's is 1 by default, and a
    // mul by 1 isn't done.
    if (function->takes_alpha && alphas_taken < alphas.size()) {
      const double alpha = alphas[alphas_taken++];
      if (function->name == "Elu" && alpha != 1) ++costs.back().mul;
    }
  }
  return costs;
}

PerElement Plus(const PerElement& a, const PerElement& b, int times) {
  PerElement sum = a;
  sum.mul += times * b.mul;
  sum.add += times * b.add;
  sum.div += times * b.div;
  sum.sqrt += times * b.sqrt;
  sum.exp += times * b.exp;
  sum.log += times * b.log;
  sum.pow += times * b.pow;
  sum.erf += times * b.erf;
  sum.tanh += times * b.tanh;
  sum.sigmoid += times * b.sigmoid;
  return sum;
}

}  // namespace opcost
