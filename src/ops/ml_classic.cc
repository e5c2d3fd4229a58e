// SPDX-License-Identifier: Apache-2.0
// ai.onnx.ml: linear models.
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

// ---- Linear models
// -----------------------------------------------------------

struct Linear {
  FeatureRows x;
  Extent sums;    // of products, for each row
  Extent scores;  // that come of them
  bool has_intercepts = false;
  ClassLabels labels;
  PostTransform transform = PostTransform::kNone;
};

// Checks that the coefficients are a row of features for each of `sums`.
absl::Status CheckCoefficients(const NodeView& node, const Linear& linear,
                               int64_t coefficients) {
  const Extent expected = linear.sums * linear.x.features;
  if (expected.is_concrete() && !expected.Is(coefficients)) {
    return node.Invalid("there are ", coefficients, " coefficients but ",
                        linear.sums.ToString(), " x ",
                        linear.x.features.ToString(), " features need ",
                        expected.ToString());
  }
  return absl::OkStatus();
}

absl::StatusOr<Linear> ResolveLinearClassifier(const NodeView& node) {
  Linear linear;
  OPCOST_ASSIGN_OR_RETURN(linear.x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(linear.transform, PostTransformOf(node));
  OPCOST_ASSIGN_OR_RETURN(
      linear.labels, LabelsOf(node, "classlabels_ints", "classlabels_strings"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t coefficients,
                          FloatCount(node, "coefficients"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t intercepts,
                          FloatCount(node, "intercepts"));
  if (coefficients == 0) {
    return node.Invalid("attribute 'coefficients' is missing or empty");
  }
  linear.has_intercepts = intercepts > 0;
  const Extent& features = linear.x.features;
  if (intercepts > 0) {
    linear.sums = intercepts;
  } else if (features.is_concrete() && !features.Is(0)) {
    linear.sums = coefficients / features.value();
  } else {
    linear.sums = linear.labels.count;
  }
  OPCOST_RETURN_IF_ERROR(CheckCoefficients(node, linear, coefficients));
  // One sum tells two classes apart: its negative is the other's score.
  const bool is_binary = linear.sums.Is(1) && linear.labels.count == 2;
  linear.scores = is_binary ? Extent(2) : linear.sums;
  return linear;
}

absl::StatusOr<OutputTypes> InferLinearClassifier(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Linear linear, ResolveLinearClassifier(node));
  return OutputTypes{
      ValueType(linear.labels.type, {linear.x.rows}),
      ValueType(DataType::kFloat32, {linear.x.rows, linear.scores})};
}

absl::StatusOr<Linear> ResolveLinearRegressor(const NodeView& node) {
  Linear linear;
  OPCOST_ASSIGN_OR_RETURN(linear.x, ResolveRows(node));
  OPCOST_ASSIGN_OR_RETURN(linear.transform, PostTransformOf(node));
  OPCOST_ASSIGN_OR_RETURN(const int64_t targets, node.Int("targets", 1));
  if (targets < 1) {
    return node.Invalid("targets must be at least 1 but is ", targets);
  }
  OPCOST_ASSIGN_OR_RETURN(const int64_t coefficients,
                          FloatCount(node, "coefficients"));
  OPCOST_ASSIGN_OR_RETURN(const int64_t intercepts,
                          FloatCount(node, "intercepts"));
  if (intercepts != 0 && intercepts != targets) {
    return node.Invalid("there are ", intercepts, " intercepts but ", targets,
                        " targets");
  }
  linear.has_intercepts = intercepts > 0;
  linear.sums = linear.scores = targets;
  OPCOST_RETURN_IF_ERROR(CheckCoefficients(node, linear, coefficients));
  return linear;
}

absl::StatusOr<OutputTypes> InferLinearRegressor(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Linear linear, ResolveLinearRegressor(node));
  return OutputTypes{
      ValueType(DataType::kFloat32, {linear.x.rows, linear.scores})};
}

// Sums of products that start at the intercepts (R3), into output `o`.
void AddLinear(OpCounts& counts, const TypedNodeView& node,
               const Linear& linear, int o) {
  const Extent& features = linear.x.features;
  const Count sums = Volume({linear.x.rows, linear.sums});
  const Count macs = Volume({sums, features});
  const Count scores = Volume({linear.x.rows, linear.scores});
  const bool is_binary = !(linear.sums == linear.scores);
  node.Let("rows", linear.x.rows);
  node.Let("features", features);
  node.Let("sums", linear.sums);
  node.Let("intercepts", linear.has_intercepts ? 1 : 0);
  node.Let("binary", is_binary ? 1 : 0);
  AddProducts(counts, Products(o), macs);
  if (is_binary) {
    AddArith(counts, ArithOp::kAdd, OperandSet::Output(o), linear.x.rows);
  }
  ReadInput(counts, node, 0, macs);
  UseScratch(counts, "coefficients", OperandSet::Output(o),
             Volume({linear.sums, features}), macs, 0);
  if (linear.has_intercepts) {
    UseScratch(counts, "intercepts", OperandSet::Output(o), linear.sums, sums,
               0);
  }
  WriteOutput(counts, node, o, scores);
  AddPostTransform(counts, node, linear.transform, o, linear.x.rows,
                   linear.scores);
}

absl::StatusOr<OpCounts> CountLinearClassifier(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Linear linear, ResolveLinearClassifier(node));
  OpCounts counts;
  AddLinear(counts, node, linear, 1);
  AddLabels(counts, node, linear.x.rows, linear.scores, linear.labels.count);
  return counts;
}

absl::StatusOr<OpCounts> CountLinearRegressor(const TypedNodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const Linear linear, ResolveLinearRegressor(node));
  OpCounts counts;
  AddLinear(counts, node, linear, 0);
  return counts;
}

constexpr OpDef kOps[] = {
    {.name = "LinearClassifier",
     .since = 1,
     .infer = &InferLinearClassifier,
     .count = &CountLinearClassifier,
     .formula = {.macs = "rows*sums*features",
                 .mul = "MACs + softmaxes*(scores*exp + div + scores) + "
                        "sigmoids*sigmoid + probits*(7 + log + 2*sqrt)",
                 .add = "MACs + binary*rows + compared + "
                        "softmaxes*(3*scores + scores*exp + div) + zeros + "
                        "sigmoids*sigmoid + probits*(7 + log + 2*sqrt)",
                 .reads = "i0: MACs; coefficients: MACs; intercepts: "
                          "intercepts*rows*sums; o1: 2*softmaxes*scores; "
                          "class_labels: labelled",
                 .writes = "o0: rows; o1: rows*scores + 2*softmaxes*scores",
                 .rules = "R1 R2 R3 R4 R6"},
     .description = "a sum of products per class and row, from its intercept; "
                    "its post_transform; the label of the best; coefficients "
                    "and labels are scratch arrays that are read",
     .domain = kMlDomain},
    {.name = "LinearRegressor",
     .since = 1,
     .infer = &InferLinearRegressor,
     .count = &CountLinearRegressor,
     .formula = {.macs = "rows*sums*features",
                 .mul = "MACs + softmaxes*(scores*exp + div + scores) + "
                        "sigmoids*sigmoid + probits*(7 + log + 2*sqrt)",
                 .add = "MACs + softmaxes*(3*scores + scores*exp + div) + "
                        "zeros + sigmoids*sigmoid + probits*(7 + log + "
                        "2*sqrt)",
                 .reads = "i0: MACs; coefficients: MACs; intercepts: "
                          "intercepts*rows*sums; o0: 2*softmaxes*scores",
                 .writes = "o0: rows*scores + 2*softmaxes*scores",
                 .rules = "R1 R2 R3 R4 R6"},
     .description = "a sum of products per target and row, from its "
                    "intercept; its post_transform; coefficients are a "
                    "scratch array that is read",
     .domain = kMlDomain},
};
static_assert(SortedAndUnique(kOps));

}  // namespace

absl::Span<const OpDef> MlClassicOps() { return kOps; }

}  // namespace opcost
