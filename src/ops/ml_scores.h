// SPDX-License-Identifier: Apache-2.0
// What the operators of ai.onnx.ml that score rows of features share.
//
// Their models stand in attributes, lists of float32: such a list counts as a
// scratch array that is read and never written.
#ifndef OPCOST_SRC_OPS_ML_SCORES_H_
#define OPCOST_SRC_OPS_ML_SCORES_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "opcost/ir/node_view.h"
#include "opcost/ops/op_counts.h"

namespace opcost {

inline constexpr absl::string_view kMlDomain = "ai.onnx.ml";

// Rows of features: operand 0 is rows x features, or the features of one row.
struct FeatureRows {
  DataType type = DataType::kUndefined;
  Extent rows;
  Extent features;
};
// Errors: as NodeView::Input(); operand 0 has another number of axes.
absl::StatusOr<FeatureRows> ResolveRows(const NodeView& node);

// The class labels of a classifier.
struct ClassLabels {
  DataType type = DataType::kInt64;
  int64_t count = 0;
};
// From the attributes `ints` and `strings`, of which only one may have labels.
absl::StatusOr<ClassLabels> LabelsOf(const NodeView& node,
                                     absl::string_view ints,
                                     absl::string_view strings);

enum class PostTransform { kNone, kSoftmax, kLogistic, kSoftmaxZero, kProbit };
// Of an attribute that spells it. Error: it spells none.
absl::StatusOr<PostTransform> PostTransformOf(const NodeView& node);

// What a transform does with `rows` of `length` scores in output `o`:
//   SOFTMAX       as the operator, but that the maximum is taken of the scores
//                 as they come: 2*L reads and 2*L writes more than NONE per row
//   SOFTMAX_ZERO  and one comparison per score, since scores of 0 stay 0
//   LOGISTIC      one sigmoid per score
//   PROBIT        per score 7 mul, 7 add, a logarithm and two roots: Winitzki's
//                 approximation of the inverse error function
// Names `softmaxes` (their rows), `zeros`, `sigmoids` and `probits` (scores),
// and `scores` (of a row).
void AddPostTransform(OpCounts& counts, const TypedNodeView& node,
                      PostTransform transform, int o, const Count& rows,
                      const Count& length);

// The format of what features and coefficients give: that of the scores in
// output `scores_output`, or the features' where that is wider.
OperandSet Products(int scores_output);

// The number of elements of the attribute `name`, a list of floats; 0 if the
// node lacks it.
absl::StatusOr<int64_t> FloatCount(const NodeView& node,
                                   absl::string_view name);

// Adds products and sums of contractions, and counts them as MACs.
void AddProducts(OpCounts& counts, OperandSet format, const Count& macs);

// The label in output 0 of the best of `length` scores of each row, if it is
// used; `labels` is the number of class labels. Names `labelled` and
// `compared`.
void AddLabels(OpCounts& counts, const TypedNodeView& node, const Count& rows,
               const Count& length, int64_t labels);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_ML_SCORES_H_
