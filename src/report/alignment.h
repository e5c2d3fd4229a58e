// SPDX-License-Identifier: Apache-2.0
// Which layers of two models correspond to each other.
#ifndef OPCOST_SRC_REPORT_ALIGNMENT_H_
#define OPCOST_SRC_REPORT_ALIGNMENT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace opcost {

// What layers are aligned by.
struct AlignmentKey {
  absl::string_view name;   // unique in its model
  absl::string_view op;     // "Conv", "com.microsoft.QLinearAdd"
  absl::string_view shape;  // of the output: "1x64x55x55"
};

// The operator that `op` is a form of: "Conv" of QLinearConv and FusedConv,
// "MatMul" of Gemm and MatMulNBits; `op` itself where it is no form of another.
std::string OperatorFamily(absl::string_view op);

// For each layer of `variant` the one of `base` that it corresponds to; -1:
// none. First by name, if the operators are of one family; a name that is its
// operator and a number ("Conv_12", "12") says where a layer stands rather than
// which it is, and doesn't count. Then by structure, in order, between layers
// that have found each other: of all pairings of layers of one family that keep
// the order, one with the most pairs of equal output shape (weight 3, and 1
// more for an equal name) and of equal rank (weight 1).
//
// Takes time proportional to the product of the numbers of layers between two
// such pairs, which are few; beyond 2^26 pairs the n-th layer of a family and
// shape is aligned with the n-th.
std::vector<int> Align(absl::Span<const AlignmentKey> base,
                       absl::Span<const AlignmentKey> variant);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_ALIGNMENT_H_
