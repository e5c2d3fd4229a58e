// SPDX-License-Identifier: Apache-2.0
#include "src/ops/ml_scores.h"

#include <utility>
#include <variant>
#include <vector>

#include "opcost/support/status_macros.h"
#include "src/ops/elementwise.h"

namespace opcost {

absl::StatusOr<FeatureRows> ResolveRows(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const TensorType* x, node.Input(0));
  const Dims& dims = x->shape.dims();
  if (dims.size() == 1) return FeatureRows{x->type, 1, dims[0]};
  if (dims.size() == 2) return FeatureRows{x->type, dims[0], dims[1]};
  return node.Invalid("the input must have 1 or 2 axes but has ", dims.size());
}

absl::StatusOr<ClassLabels> LabelsOf(const NodeView& node,
                                     absl::string_view ints,
                                     absl::string_view strings) {
  OPCOST_ASSIGN_OR_RETURN(const absl::Span<const int64_t> numbers,
                          node.IntsView(ints));
  OPCOST_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                          node.Strings(strings));
  if (!numbers.empty() && !names.empty()) {
    return node.Invalid("attributes '", ints, "' and '", strings,
                        "' are both given, but only one may be");
  }
  if (!names.empty()) {
    return ClassLabels{DataType::kString, static_cast<int64_t>(names.size())};
  }
  return ClassLabels{DataType::kInt64, static_cast<int64_t>(numbers.size())};
}

absl::StatusOr<PostTransform> PostTransformOf(const NodeView& node) {
  OPCOST_ASSIGN_OR_RETURN(const std::string name,
                          node.String("post_transform", "NONE"));
  constexpr std::pair<absl::string_view, PostTransform> kTransforms[] = {
      {"NONE", PostTransform::kNone},
      {"SOFTMAX", PostTransform::kSoftmax},
      {"LOGISTIC", PostTransform::kLogistic},
      {"SOFTMAX_ZERO", PostTransform::kSoftmaxZero},
      {"PROBIT", PostTransform::kProbit}};
  for (const auto& [spelling, transform] : kTransforms) {
    if (spelling == name) return transform;
  }
  return node.Invalid("post_transform '", name,
                      "' is none of NONE, SOFTMAX, LOGISTIC, SOFTMAX_ZERO and "
                      "PROBIT");
}

void AddPostTransform(OpCounts& counts, const TypedNodeView& node,
                      PostTransform transform, int o, const Count& rows,
                      const Count& length) {
  const Count scores = Volume({rows, length});
  const bool zeros = transform == PostTransform::kSoftmaxZero;
  const bool softmaxes = zeros || transform == PostTransform::kSoftmax;
  const bool sigmoids = transform == PostTransform::kLogistic;
  const bool probits = transform == PostTransform::kProbit;
  node.Let("scores", length);
  node.Let("softmaxes", softmaxes ? rows : Count(0));
  node.Let("zeros", zeros ? scores : Count(0));
  node.Let("sigmoids", sigmoids ? scores : Count(0));
  node.Let("probits", probits ? scores : Count(0));
  const OperandSet format = OperandSet::Output(o);
  if (softmaxes) {
    AddEach(counts, {.mul = 1, .add = 3, .exp = 1}, scores, format);
    AddArith(counts, ArithOp::kDiv, format, rows);
    RereadOutput(counts, node, o, scores * 2);
    WriteOutput(counts, node, o, scores * 2);
  }
  if (zeros) AddArith(counts, ArithOp::kAdd, format, scores);
  if (sigmoids) AddArith(counts, ArithOp::kSigmoid, format, scores);
  if (probits) {
    AddEach(counts, {.mul = 7, .add = 7, .sqrt = 2, .log = 1}, scores, format);
  }
}

OperandSet Products(int scores_output) {
  return {1, uint32_t{1} << scores_output};
}

absl::StatusOr<int64_t> FloatCount(const NodeView& node,
                                   absl::string_view name) {
  const Attribute* attribute = node.node().FindAttribute(name);
  if (attribute == nullptr) return 0;
  const auto* floats = std::get_if<std::vector<double>>(&attribute->content);
  if (floats == nullptr) {
    return node.Invalid("attribute '", name, "' must be a list of numbers");
  }
  return static_cast<int64_t>(floats->size());
}

void AddProducts(OpCounts& counts, OperandSet format, const Count& macs) {
  AddArith(counts, ArithOp::kMul, format, macs, ArithRole::kProduct);
  AddArith(counts, ArithOp::kAdd, format, macs, ArithRole::kAccumulate);
  counts.macs += macs;
}

void AddLabels(OpCounts& counts, const TypedNodeView& node, const Count& rows,
               const Count& length, int64_t labels) {
  const Count used = node.IsOutputUsed(0) ? rows : Count(0);
  const Count compared = Volume({used, length});
  node.Let("compared", compared);
  AddArith(counts, ArithOp::kAdd, OperandSet::Output(1), compared);
  if (labels > 0 && !used.Is(0)) {
    UseScratch(counts, "class labels", OperandSet::Fixed(DataType::kInt64),
               labels, used, 0);
  }
  node.Let("labelled", labels > 0 ? used : Count(0));
  WriteOutput(counts, node, 0, rows);
}

}  // namespace opcost
