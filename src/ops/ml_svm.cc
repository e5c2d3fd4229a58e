// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: support vector machines.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"
#include "src/ops/families.h"
#include "src/ops/ml_scores.h"

namespace opcost {
namespace {

enum class Kernel { kLinear, kPoly, kRbf, kSigmoid };

struct Svm {
  FeatureRows x;
  Kernel kernel = Kernel::kLinear;
  std::optional<double> degree;  // of a polynomial kernel
  int64_t vectors = 0;           // support vectors; 0: a linear model
  int64_t classes = 1;
  ClassLabels labels;
  bool has_probabilities = false;
  PostTransform transform = PostTransform::kNone;
};

absl::Status ResolveKernel(const NodeView& node, Svm* svm) {
  OPCOST_ASSIGN_OR_RETURN(svm->x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(svm->transform, PostTransformOf(node));
  OPCOST_ASSIGN_OR_RETURN(const std::string name,
                          node.String("kernel_type", "LINEAR"));
  OPCOST_ASSIGN_OR_RETURN(const auto parameters, node.Floats("kernel_params"));
  if (parameters.size() == 3) svm->degree = parameters[2];
  if (name == "LINEAR") {
    svm->kernel = Kernel::kLinear;
  } else if (name == "POLY") {
    svm->kernel = Kernel::kPoly;
  } else if (name == "RBF") {
    svm->kernel = Kernel::kRbf;
  } else if (name == "SIGMOID") {
    svm->kernel = Kernel::kSigmoid;
  } else {
    return node.Invalid("kernel_type '", name,
                        "' is none of LINEAR, POLY, RBF and SIGMOID");
  }
  return absl::OkStatus();
}

// Checks that the list `name` is `rows` times the features.
absl::Status CheckVectors(const NodeView& node, const Svm& svm,
                          absl::string_view name, int64_t rows) {
  OPCOST_ASSIGN_OR_RETURN(const int64_t given, FloatCount(node, name));
  const Extent expected = svm.x.features * rows;
  if (!expected.is_concrete() || expected.Is(given)) return absl::OkStatus();
  return node.Invalid(name, " has ", given, " elements but ", rows, " x ",
                      svm.x.features.ToString(), " features need ",
                      expected.ToString());
}

absl::StatusOr<Svm> ResolveSvmRegressor(const NodeView& node) {
  Svm svm;
  OPCOST_RETURN_IF_ERROR(ResolveKernel(node, &svm));
  OPCOST_ASSIGN_OR_RETURN(svm.vectors, node.Int("n_supports", 0));
  if (svm.vectors < 0) {
    return node.Invalid("n_supports is ", svm.vectors,
                        " but can't be negative");
  }
  OPCOST_RETURN_IF_ERROR(
      svm.vectors > 0 ? CheckVectors(node, svm, "support_vectors", svm.vectors)
                      : CheckVectors(node, svm, "coefficients", 1));
  return svm;
}

absl::StatusOr<Svm> ResolveSvmClassifier(const NodeView& node) {
  Svm svm;
  OPCOST_RETURN_IF_ERROR(ResolveKernel(node, &svm));
  OPCOST_ASSIGN_OR_RETURN(
      svm.labels, LabelsOf(node, "classlabels_ints", "classlabels_strings"));
  svm.classes = std::max<int64_t>(svm.labels.count, 1);
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> of_classes,
                          node.IntsView("vectors_per_class"));
  for (const int64_t vectors : of_classes) {
    if (vectors < 0 ||
        __builtin_add_overflow(svm.vectors, vectors, &svm.vectors)) {
      return node.Invalid("vectors_per_class has ", vectors,
                          " but each is a number of support vectors");
    }
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t probabilities,
                          FloatCount(node, "prob_a"));
  svm.has_probabilities = svm.vectors > 0 && probabilities > 0;
  OPCOST_RETURN_IF_ERROR(
      svm.vectors > 0 ? CheckVectors(node, svm, "support_vectors", svm.vectors)
                      : CheckVectors(node, svm, "coefficients", svm.classes));
  return svm;
}

// Pairs of classes, of which a classifier by support vectors tells each apart.
Extent PairsOf(const Svm& svm) {
  return Extent(svm.classes) * (svm.classes - 1) / 2;
}

// Scores of a row: one per class from a linear model or with probabilities,
// else one per pair, or two for two classes.
Extent ScoresOf(const Svm& svm) {
  if (svm.vectors == 0 || svm.has_probabilities || svm.classes <= 2) {
    return svm.classes;
  }
  return PairsOf(svm);
}

absl::StatusOr<OutputTypes> InferSvmRegressor(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Svm svm, ResolveSvmRegressor(node));
  return OutputTypes{ValueType(DataType::kFloat32, {svm.x.rows, 1})};
}

absl::StatusOr<OutputTypes> InferSvmClassifier(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Svm svm, ResolveSvmClassifier(node));
  return OutputTypes{
      ValueType(svm.labels.type, {svm.x.rows}),
      ValueType(DataType::kFloat32, {svm.x.rows, ScoresOf(svm)})};
}

// `kernels` kernels of a row and a list of `vectors` rows, read each time:
//   LINEAR  the sum of products            POLY  (gamma*sum + coef0)^degree
//   RBF     exp(-gamma*|x - v|^2)          SIGMOID  tanh(gamma*sum + coef0)
// Names `kernels`, `features`, `poly`, `rbf`, `tanhs` (kernels of each kind)
// and `poly_mul`, `pows`.
void AddKernels(OpCounts& counts, const TypedNodeView& node, const Svm& svm,
                const Count& kernels, Kernel kernel, int o,
                const Count& vectors, absl::string_view list) {
  const OperandSet format = Products(o);
  const Count macs = Volume({kernels, svm.x.features});
  const bool is_poly = kernel == Kernel::kPoly;
  const bool is_rbf = kernel == Kernel::kRbf;
  const bool is_sigmoid = kernel == Kernel::kSigmoid;
  AddProducts(counts, format, macs);
  if (is_rbf) {
    AddArith(counts, ArithOp::kAdd, format, macs);
    AddEach(counts, {.mul = 1, .exp = 1}, kernels, format);
  }
  if (is_poly || is_sigmoid) {
    AddEach(counts, {.mul = 1, .add = 1}, kernels, format);
  }
  if (is_sigmoid) AddArith(counts, ArithOp::kTanh, format, kernels);
  // Constant exponents expand as Pow's do.
  const double degree = is_poly ? svm.degree.value_or(0) : 1;
  int poly_mul = 0;
  if (degree == 2) poly_mul = 1;
  if (degree == 3) poly_mul = 2;
  const bool has_pow = is_poly && poly_mul == 0;
  AddArith(counts, ArithOp::kMul, format, kernels * poly_mul);
  if (has_pow) AddArith(counts, ArithOp::kPow, format, kernels);
  node.Let("kernels", kernels);
  node.Let("features", svm.x.features);
  node.Let("rbf", is_rbf ? kernels : Count(0));
  node.Let("scaled", is_poly || is_sigmoid ? kernels : Count(0));
  node.Let("tanhs", is_sigmoid ? kernels : Count(0));
  node.Let("poly_mul", poly_mul);
  node.Let("pows", has_pow ? kernels : Count(0));
  ReadInput(counts, node, 0, macs);
  UseScratch(counts, list, OperandSet::Output(o),
             Volume({vectors, svm.x.features}), macs, 0);
}

absl::StatusOr<OpCounts> CountSvmRegressor(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Svm svm, ResolveSvmRegressor(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t one_class, node.Int("one_class", 0));
  const bool is_linear = svm.vectors == 0;
  const Extent& rows = svm.x.rows;
  const Count kernels = rows * (is_linear ? 1 : svm.vectors);
  const Count weighted = is_linear ? Count(0) : kernels;
  OpCounts counts;
  AddKernels(counts, node, svm, kernels,
             is_linear ? Kernel::kLinear : svm.kernel, 0,
             is_linear ? 1 : svm.vectors,
             is_linear ? "coefficients" : "support vectors");
  node.Let("rows", rows);
  node.Let("weighted", weighted);
  node.Let("one_class", one_class != 0 ? 1 : 0);
  // The sum starts at rho, a scalar.
  if (!is_linear) {
    AddProducts(counts, Products(0), weighted);
    UseScratch(counts, "coefficients", OperandSet::Output(0), svm.vectors,
               weighted, 0);
  }
  if (one_class != 0) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Output(0), rows);
  }
  WriteOutput(counts, node, 0, rows);
  AddPostTransform(counts, node, svm.transform, 0, rows, 1);
  return counts;
}

// A linear model has a sum per class. Otherwise the kernels of a row and all
// support vectors, kept in scratch, enter a sum for each pair of classes, which
// votes for one of them.
absl::StatusOr<OpCounts> CountSvmClassifier(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Svm svm, ResolveSvmClassifier(node));
  if (svm.has_probabilities) {
    return node.Unknown(
        "how often the coupling of its probabilities iterates depends on the "
        "data");
  }
  const bool is_linear = svm.vectors == 0;
  const Extent& rows = svm.x.rows;
  const Count kernels = rows * (is_linear ? svm.classes : svm.vectors);
  const Count pairs = is_linear ? Count(0) : rows * PairsOf(svm);
  // Each vector takes part in the pairs of its class.
  const Count weighted = is_linear ? Count(0) : kernels * (svm.classes - 1);
  const Extent scores = ScoresOf(svm);
  OpCounts counts;
  AddKernels(counts, node, svm, kernels,
             is_linear ? Kernel::kLinear : svm.kernel, 1,
             is_linear ? svm.classes : svm.vectors,
             is_linear ? "coefficients" : "support vectors");
  node.Let("rows", rows);
  node.Let("weighted", weighted);
  node.Let("pairs", pairs);
  node.Let("kept", is_linear ? Count(0) : kernels);
  node.Let("rhos", is_linear ? Count(0) : pairs);
  // The other class's score, the negative.
  const Count negated = is_linear || svm.classes != 2 ? Count(0) : rows;
  node.Let("negated", negated);
  if (!is_linear) {
    const OperandSet format = OperandSet::Output(1);
    AddProducts(counts, Products(1), weighted);
    AddArith(counts, ArithOp::kAdd, format, pairs * 2 + negated);
    UseScratch(counts, "kernels", format, svm.vectors, weighted, kernels);
    UseScratch(counts, "coefficients", format,
               Extent(svm.vectors) * (svm.classes - 1), weighted, 0);
    UseScratch(counts, "rho", format, PairsOf(svm), pairs, 0);
  }
  WriteOutput(counts, node, 1, Volume({rows, scores}));
  AddPostTransform(counts, node, svm.transform, 1, rows, scores);
  AddLabels(counts, node, rows, svm.classes, svm.labels.count);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "SVMClassifier",
     .since = 1,
     .infer = &InferSvmClassifier,
     .count = &CountSvmClassifier,
     .formula = {.macs = "kernels*features + weighted",
                 .mul = "MACs + rbf + rbf*exp + scaled + tanhs*tanh + "
                        "kernels*poly_mul + pows*pow + softmaxes*(scores*exp + "
                        "div + scores) + sigmoids*sigmoid + probits*(7 + log + "
                        "2*sqrt)",
                 .add = "MACs + rbf*features + rbf*exp + scaled + tanhs*tanh + "
                        "pows*pow + 2*pairs + negated + compared + "
                        "softmaxes*(3*scores + scores*exp + div) + zeros + "
                        "sigmoids*sigmoid + probits*(7 + log + 2*sqrt)",
                 .reads = "i0: kernels*features; vectors: kernels*features; "
                          "kernels: weighted; coefficients: weighted; rho: "
                          "rhos; o1: 2*softmaxes*scores; class_labels: "
                          "labelled",
                 .writes = "kernels: kept; o0: rows; o1: rows*scores + "
                           "2*softmaxes*scores",
                 .rules = "R1 R2 R3 R4 R6"},
     .description = "kernels of each row and all support vectors, kept in "
                    "scratch; for each pair of classes a sum of them, from "
                    "rho, and a vote; without support vectors a linear model. "
                    "With prob_a it can't be counted: its coupling iterates",
     .domain = kMlDomain,
     .passes = "kernels, sums of pairs"},
    {.name = "SVMRegressor",
     .since = 1,
     .infer = &InferSvmRegressor,
     .count = &CountSvmRegressor,
     .formula = {.macs = "kernels*features + weighted",
                 .mul = "MACs + rbf + rbf*exp + scaled + tanhs*tanh + "
                        "kernels*poly_mul + pows*pow + softmaxes*(scores*exp + "
                        "div + scores) + sigmoids*sigmoid + probits*(7 + log + "
                        "2*sqrt)",
                 .add = "MACs + rbf*features + rbf*exp + scaled + tanhs*tanh + "
                        "pows*pow + one_class*rows + softmaxes*(3*scores + "
                        "scores*exp + div) + zeros + sigmoids*sigmoid + "
                        "probits*(7 + log + 2*sqrt)",
                 .reads = "i0: kernels*features; vectors: kernels*features; "
                          "coefficients: weighted; o0: 2*softmaxes*scores",
                 .writes = "o0: rows + 2*softmaxes*scores",
                 .rules = "R1 R2 R3 R4 R6"},
     .description = "the kernels of each row and all support vectors, each "
                    "times its coefficient, summed from rho; without support "
                    "vectors a linear model; vectors and coefficients are "
                    "scratch arrays that are read",
     .domain = kMlDomain},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> MlSvmOps() { return kOps; }

}  // namespace opcost
