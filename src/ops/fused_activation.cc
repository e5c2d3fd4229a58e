// SPDX-License-Identifier: Apache-2.0
#include "src/ops/fused_activation.h"

#include <string>

#include "opcost/support/status_macros.h"

namespace opcost {
namespace {

struct Activation {
  absl::string_view name;
  PerElement each;
};

// As the rows of these names count, with parameters other than 1.
constexpr Activation kActivations[] = {
    {"", {}},
    {"Affine", {.mul = 1, .add = 1}},
    {"Celu", {.mul = 2, .add = 2, .exp = 1}},
    {"Clip", {.add = 2}},
    {"Elu", {.mul = 1, .add = 2, .exp = 1}},
    {"Gelu", {.mul = 3, .add = 1, .erf = 1}},
    {"HardSigmoid", {.mul = 1, .add = 3}},
    {"HardSwish", {.mul = 2, .add = 3}},
    {"Identity", {}},
    {"LeakyRelu", {.mul = 1, .add = 1}},
    {"Mish", {.mul = 1, .add = 1, .exp = 1, .log = 1, .tanh = 1}},
    {"ParametricSoftplus", {.mul = 2, .add = 1, .exp = 1, .log = 1}},
    {"QuickGelu", {.mul = 2, .sigmoid = 1}},
    {"Relu", {.add = 1}},
    {"ScaledTanh", {.mul = 2, .tanh = 1}},
    {"Selu", {.mul = 2, .add = 2, .exp = 1}},
    {"Sigmoid", {.sigmoid = 1}},
    {"Silu", {.mul = 1, .sigmoid = 1}},
    {"Softplus", {.add = 1, .exp = 1, .log = 1}},
    {"Softsign", {.add = 2, .div = 1}},
    {"Swish", {.mul = 1, .sigmoid = 1}},
    {"Tanh", {.tanh = 1}},
    {"ThresholdedRelu", {.add = 1}},
    {"none", {}},
    {"silu", {.mul = 1, .sigmoid = 1}},
    {"swish", {.mul = 1, .sigmoid = 1}},
};

}  // namespace

absl::StatusOr<PerElement> FusedActivation(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string name,
                          node.String("activation", ""));
  for (const Activation& known : kActivations) {
    if (known.name == name) return known.each;
  }
  return node.Unknown("no rule states the work of activation '", name, "'");
}

void AddActivation(OpCounts& counts, const TypedNodeView& node,
                   const PerElement& each, const Count& out) {
  node.Let("act_mul", each.mul);
  node.Let("act_add", each.add);
  node.Let("act_div", each.div);
  node.Let("act_exp", each.exp);
  node.Let("act_log", each.log);
  node.Let("act_erf", each.erf);
  node.Let("act_tanh", each.tanh);
  node.Let("act_sigmoid", each.sigmoid);
  AddEach(counts, each, out, OperandSet::Output(0));
}

}  // namespace opcost
