// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's mixture of experts (docs/ContribOperators.md of ONNX Runtime):
// a router chooses k of E experts for each token; each is two or three products
// with an activation between them. All experts are stored; those at work count.
#include <cstdint>
#include <string>
#include <utility>

#include "absl/types/span.h"
#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"

namespace opcost {
namespace {

constexpr absl::string_view kMicrosoft = "com.microsoft";
constexpr int kRouter = 1;
constexpr int kLayers = 3;  // fc1, fc2, fc3

// Which operands a layer's are; -1: the operator has none.
struct LayerForm {
  int weights = -1;
  int scales = -1;
  int bias = -1;
  int zero_points = -1;
  int global_scale = -1;
};
struct Form {
  LayerForm layers[kLayers];
  int router_weights = -1;
  bool is_quantized = false;
};
constexpr Form kFloat = {.layers = {{.weights = 2, .bias = 3},
                                    {.weights = 4, .bias = 5},
                                    {.weights = 6, .bias = 7}}};
constexpr Form kQuantized = {
    .layers = {{2, 3, 4, 11, 15}, {5, 6, 7, 12, 16}, {8, 9, 10, 13, -1}},
    .router_weights = 14,
    .is_quantized = true};

// One product of each expert: `outputs` sums over `inputs` terms.
struct Layer {
  bool present = false;
  Extent outputs;
  Extent inputs;
};

struct Experts {
  Extent tokens;
  Extent experts;
  Extent hidden;
  Extent inner;
  int64_t k = 1;
  int64_t pack = 1;     // numbers in an element of the weights
  NumberFormat number;  // their format, where they are packed
  bool is_swiglu = false;
  bool normalizes = false;
  PerElement activation;
  Layer layers[kLayers];

  Count chosen() const { return tokens * k; }
};

bool Differ(const Extent& a, const Extent& b) {
  return a.is_concrete() && b.is_concrete() && !(a == b);
}

bool Has(const NodeView& node, int i) { return i >= 0 && node.HasInput(i); }

// How QMoE's weights are packed.
absl::Status ResolvePacking(const NodeView& node, Experts* e) {
  OPCOST_ASSIGN_OR_RETURN(const std::string type,
                          node.String("quant_type", "int"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t bits,
                          node.Int("expert_weight_bits", 4));
  if (type == "fp4" || type == "nvfp4") {
    e->pack = 2;
    e->number = FormatOf(DataType::kFloat4E2M1);
  } else if (type == "int" && (bits == 2 || bits == 4)) {
    e->pack = 8 / bits;
    e->number = FormatOf(bits == 2 ? DataType::kUint2 : DataType::kUint4);
  } else if (type == "int" && bits != 8) {
    return node.Invalid("expert_weight_bits is ", bits,
                        " but must be 2, 4 or 8");
  } else if (type != "int" && type != "fp8") {
    return node.Unknown("quant_type '", type,
                        "' has no rule; use 'int', 'fp4', 'nvfp4' or 'fp8'");
  }
  return absl::OkStatus();
}

// The activation's operations on each inner element, with the product of the
// two halves of a gated one.
absl::Status ResolveActivation(const NodeView& node, Experts* e) {
  OPCOST_ASSIGN_OR_RETURN(const std::string type,
                          node.String("activation_type", "relu"));
  OPCOST_ASSIGN_OR_RETURN(const double alpha,
                          node.Float("activation_alpha", 1));
  OPCOST_ASSIGN_OR_RETURN(const double beta, node.Float("activation_beta", 0));
  e->is_swiglu = type == "swiglu";
  if (type == "relu") {
    e->activation = {.add = 1};
  } else if (type == "gelu") {
    e->activation = {.mul = 3, .add = 1, .erf = 1};
  } else if (type == "silu") {
    e->activation = {.mul = 1, .sigmoid = 1};
  } else if (e->is_swiglu) {
    // One comparison clamps the gate, two the linear half.
    e->activation = {.mul = alpha == 1 ? 2 : 3,
                     .add = (node.HasAttribute("swiglu_limit") ? 3 : 0) +
                            (beta == 0 ? 0 : 1),
                     .sigmoid = 1};
  } else if (type != "identity") {
    return node.Invalid("activation_type '", type,
                        "' is none of relu, gelu, silu, swiglu, identity");
  }
  if (!e->is_swiglu && e->layers[2].present) ++e->activation.mul;
  return absl::OkStatus();
}

// OK if the weights of layer `l` are experts x outputs x inputs, packed.
absl::Status CheckWeights(const NodeView& node, const Form& form,
                          const Experts& e, int l) {
  const LayerForm& operands = form.layers[l];
  OPCOST_ASSIGN_OR_RETURN(const TensorType* weights,
                          node.Input(operands.weights));
  const Dims& dims = weights->shape.dims();
  const Layer& layer = e.layers[l];
  if (dims.size() == 3 && !Differ(dims[0], e.experts) &&
      !Differ(dims[1], layer.outputs) &&
      !Differ(dims[2], layer.inputs / e.pack)) {
    return absl::OkStatus();
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t prepacked,
                          node.Int("weights_prepacked", -1));
  if (form.is_quantized && prepacked != 0 && dims.size() == 3) {
    return node.Unknown("fc", l + 1, "'s weights ", ToString(weights->shape),
                        " have an execution provider's own layout");
  }
  return node.Invalid("fc", l + 1, "'s weights must be ", e.experts.ToString(),
                      " experts x ", layer.outputs.ToString(), " x ",
                      (layer.inputs / e.pack).ToString(), " but are ",
                      ToString(weights->shape));
}

absl::Status ResolveTokens(const NodeView& node, Experts* e) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* input, node.Input(0));
  OPCOST_ASSIGN_OR_RETURN(const TensorType* router, node.Input(kRouter));
  const absl::Span<const Extent> dims = input->shape.dims();
  if (dims.size() != 2 && dims.size() != 3) {
    return node.Invalid("the input must have 2 or 3 axes but is ",
                        ToString(input->shape));
  }
  if (router->shape.rank() != 2) {
    return node.Invalid("router_probs must have 2 axes but is ",
                        ToString(router->shape));
  }
  e->tokens = Volume(dims.first(dims.size() - 1));
  e->hidden = dims.back();
  e->experts = router->shape.dims()[1];
  OPCOST_ASSIGN_OR_RETURN(e->k, node.Int("k", 1));
  if (e->k < 1 || (e->experts.is_concrete() && e->k > e->experts.value())) {
    return node.Invalid("k is ", e->k, " but there are ", e->experts.ToString(),
                        " experts");
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t normalizes,
                          node.Int("normalize_routing_weights", 0));
  e->normalizes = normalizes != 0;
  return absl::OkStatus();
}

template <Form kForm>
absl::StatusOr<Experts> Resolve(const NodeView& node) {
  Experts e;
  OPCOST_RETURN_IF_ERROR(ResolveTokens(node, &e));
  if (kForm.is_quantized) OPCOST_RETURN_IF_ERROR(ResolvePacking(node, &e));
  e.layers[2].present = Has(node, kForm.layers[2].weights);
  OPCOST_RETURN_IF_ERROR(ResolveActivation(node, &e));
  OPCOST_ASSIGN_OR_RETURN(const int64_t fusion, node.Int("swiglu_fusion", 0));
  const bool is_fused = e.is_swiglu && fusion != 0;
  if (e.is_swiglu && !is_fused && !e.layers[2].present) {
    return node.Invalid(
        "swiglu needs fc3's weights unless swiglu_fusion is 1 "
        "or 2");
  }
  OPCOST_ASSIGN_OR_RETURN(const TensorType* second,
                          node.Input(kForm.layers[1].weights));
  if (second->shape.rank() != 3) {
    return node.Invalid("fc2's weights must have 3 axes but are ",
                        ToString(second->shape));
  }
  e.inner = second->shape.dims()[2] * e.pack;
  e.layers[0] = {true, is_fused ? e.inner * 2 : e.inner, e.hidden};
  e.layers[1] = {true, e.hidden, e.inner};
  e.layers[2] = {e.layers[2].present, e.inner, e.hidden};
  for (int l = 0; l < kLayers; ++l) {
    if (!e.layers[l].present) continue;
    OPCOST_RETURN_IF_ERROR(CheckWeights(node, kForm, e, l));
  }
  return e;
}

template <Form kForm>
absl::StatusOr<OutputTypes> Infer(const NodeView& node) {
  OPCOST_RETURN_IF_ERROR(Resolve<kForm>(node).status());
  return InferSameAsInput(node);
}

// Comparisons per expert that choose the k greatest: ceil(log2(k + 1)).
int64_t SelectionLevels(int64_t k) {
  int64_t levels = 0;
  for (int64_t reach = k; reach > 0; reach /= 2) ++levels;
  return levels;
}

// Softmax over the experts, and the choice of k; where router weights are given
// apart, the choice alone. The chosen weights stay in registers.
void CountRouting(OpCounts& counts, const TypedNodeView& node, const Experts& e,
                  int router_weights) {
  const bool has_weights = Has(node, router_weights);
  const OperandSet format = OperandSet::Input(kRouter);
  const Count all = e.tokens * e.experts;
  const int64_t levels = SelectionLevels(e.k);
  node.Let("softmax", Count(has_weights ? 0 : 1));
  node.Let("normalize", Count(e.normalizes ? 1 : 0));
  node.Let("levels", Count(levels));
  if (!has_weights) {
    AddEach(counts, {.mul = 1, .add = 3, .exp = 1}, all, format);
    AddArith(counts, ArithOp::kDiv, format, e.tokens);
    UseScratch(counts, "routing", format, all, all * 2, all * 2);
  }
  AddArith(counts, ArithOp::kAdd, format, all * levels);
  ReadInput(counts, node, kRouter, has_weights ? all : all * 2);
  if (has_weights) ReadInput(counts, node, router_weights, e.chosen());
  if (e.normalizes) {
    AddArith(counts, ArithOp::kAdd, format, e.chosen());
    AddArith(counts, ArithOp::kDiv, format, e.tokens);
    AddArith(counts, ArithOp::kMul, format, e.chosen());
  }
}

// What is read, and done, to have a layer's weights as floats.
struct Dequantization {
  Count products;
  Count offsets;
  Count scales;
  Count zero_points;
  Count globals;
};

void ReadPacked(OpCounts& counts, const TypedNodeView& node, int i,
                const Count& uses, const Experts& e, Role role) {
  Access* access = ReadInputAs(counts, node, i, uses, role);
  if (access == nullptr || e.pack == 1) return;
  access->packed_format = e.number;
  access->elements = access->elements * e.pack;
  access->operand_elements = access->elements;
}

// Each use of a weight is scaled, after its zero point is taken off; scales and
// zero points are read once per block and output.
void CountDequantization(OpCounts& counts, const TypedNodeView& node,
                         const LayerForm& operands, const Layer& layer,
                         const Experts& e, Dequantization* all) {
  const Count macs = Volume({e.chosen(), layer.outputs, layer.inputs});
  const OperandSet format = OperandSet::Input(0);
  if (Has(node, operands.scales)) {
    const absl::Span<const Extent> dims =
        node.InputType(operands.scales).tensor.shape.dims();
    const Count blocks = Volume(dims.subspan(1));
    const Count uses = e.chosen() * blocks;
    AddArith(counts, ArithOp::kMul, format, macs);
    ReadInput(counts, node, operands.scales, uses);
    all->products += macs;
    all->scales += uses;
    if (Has(node, operands.zero_points)) {
      AddArith(counts, ArithOp::kAdd, format, macs);
      ReadPacked(counts, node, operands.zero_points, uses, e, Role::kInput);
      all->offsets += macs;
      all->zero_points += uses;
    }
  }
  if (Has(node, operands.global_scale)) {
    const Count outputs = e.chosen() * layer.outputs;
    AddArith(counts, ArithOp::kMul, format, outputs);
    ReadInput(counts, node, operands.global_scale, e.chosen());
    all->products += outputs;
    all->globals += e.chosen();
  }
}

// The products of all layers; sums start at the biases.
template <Form kForm>
absl::Status CountLayers(OpCounts& counts, const TypedNodeView& node,
                         const Experts& e) {
  Dequantization dequantization;
  Count biases(0), input_reads(0);
  for (int l = 0; l < kLayers; ++l) {
    const Layer& layer = e.layers[l];
    const LayerForm& operands = kForm.layers[l];
    if (!layer.present) continue;
    if (Has(node, operands.scales)) {
      OPCOST_ASSIGN_OR_RETURN(const TensorType* scales,
                              node.Input(operands.scales));
      if (scales->shape.rank() < 2) {
        return node.Invalid("fc", l + 1,
                            "'s scales must have 2 or 3 axes but "
                            "are ",
                            ToString(scales->shape));
      }
    }
    const Count macs = Volume({e.chosen(), layer.outputs, layer.inputs});
    AddMacs(counts, 0, operands.weights, macs);
    ReadPacked(counts, node, operands.weights, macs, e, Role::kWeight);
    if (l != 1) input_reads += macs;
    if (Has(node, operands.bias)) {
      const Count outputs = e.chosen() * layer.outputs;
      ReadInputAs(counts, node, operands.bias, outputs, Role::kBias);
      biases += outputs;
    }
    CountDequantization(counts, node, operands, layer, e, &dequantization);
  }
  ReadInput(counts, node, 0, input_reads);
  node.Let("biases", biases);
  node.Let("scaled", dequantization.products);
  node.Let("offset", dequantization.offsets);
  node.Let("scales", dequantization.scales);
  node.Let("zero_points", dequantization.zero_points);
  node.Let("globals", dequantization.globals);
  return absl::OkStatus();
}

template <Form kForm>
absl::StatusOr<OpCounts> CountExperts(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Experts e, Resolve<kForm>(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t mixer, node.Int("use_sparse_mixer", 0));
  if (mixer != 0) return node.Unknown("the sparse mixer has no counting rule");
  const Count chosen = e.chosen();
  const Count inner = chosen * e.inner;
  const Count results = chosen * e.hidden;
  const OperandSet format = OperandSet::Input(0);
  node.Let("tokens", e.tokens);
  node.Let("E", e.experts);
  node.Let("chosen", chosen);
  node.Let("D", e.hidden);
  node.Let("I", e.inner);
  node.Let("first", e.layers[0].outputs);
  node.Let("fc3", Count(e.layers[2].present ? 1 : 0));
  node.Let("act_mul", Count(e.activation.mul));
  node.Let("act_add", Count(e.activation.add));
  node.Let("sigmoids", Count(e.activation.sigmoid));
  node.Let("erfs", Count(e.activation.erf));
  OpCounts counts;
  CountRouting(counts, node, e, kForm.router_weights);
  OPCOST_RETURN_IF_ERROR(CountLayers<kForm>(counts, node, e));
  AddEach(counts, e.activation, inner, format);
  UseScratch(counts, "inner", format, inner, inner * e.hidden, inner);
  // Each expert's result, times its routing weight, is added up in a register.
  AddEach(counts, {.mul = 1, .add = 1}, results, format);
  WriteOutput(counts, node, 0, e.tokens * e.hidden);
  return counts;
}

constexpr Formula kFormula = {
    .macs = "chosen*D*(first + [fc3]*I + I)",
    .mul =
        "MACs + [softmax]*tokens*(E*(1 + exp) + div) + "
        "[normalize]*(chosen + tokens*div) + chosen*I*(act_mul + "
        "sigmoids*sigmoid + erfs*erf) + chosen*D + scaled",
    .add =
        "MACs + [softmax]*tokens*(E*(3 + exp) + div) + tokens*E*levels + "
        "[normalize]*(chosen + tokens*div) + chosen*I*(act_add + "
        "sigmoids*sigmoid + erfs*erf) + chosen*D + offset",
    .reads =
        "router_probs: (1 + [softmax])*tokens*E; routing: "
        "2*[softmax]*tokens*E; router_weights: (1 - [softmax])*chosen; "
        "input: chosen*D*(first + [fc3]*I); fc1_experts_weights: "
        "chosen*D*first; fc3_experts_weights: [fc3]*chosen*D*I; "
        "fc2_experts_weights: chosen*I*D; inner: chosen*I*D; biases: "
        "biases; scales: scales; zero points: zero_points; global "
        "scales: globals",
    .writes =
        "routing: 2*[softmax]*tokens*E; inner: chosen*I; output: "
        "tokens*D",
    .rules = "R1 R2 R3 R4 R6"};
constexpr absl::string_view kPasses =
    "softmax of the router (maximum, exponentials and sum, quotient), choice, "
    "the experts' products";

constexpr OpDef kOps[] = {
    {.name = "MoE",
     .since = 1,
     .infer = &Infer<kFloat>,
     .count = &CountExperts<kFloat>,
     .formula = kFormula,
     .description = "k of E experts for each token, chosen by a softmax; the "
                    "weights of all are stored, those of the chosen are read",
     .domain = kMicrosoft,
     .passes = kPasses},
    {.name = "QMoE",
     .since = 1,
     .infer = &Infer<kQuantized>,
     .count = &CountExperts<kQuantized>,
     .formula = kFormula,
     .description = "MoE with quantized weights, read at their packed width: "
                    "each use costs a mul, and an add with a zero point; "
                    "scales and zero points are read once per block and output",
     .domain = kMicrosoft,
     .passes = kPasses},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> ContribMoeOps() { return kOps; }

}  // namespace opcost
