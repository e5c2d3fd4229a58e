// SPDX-License-Identifier: Apache-2.0
// Known elements reduced along axes: shape arithmetic multiplies extents by
// ReduceProd, and takes their largest.
#ifndef OPCOST_SRC_OPS_FOLD_REDUCTION_H_
#define OPCOST_SRC_OPS_FOLD_REDUCTION_H_

#include <cstdint>
#include <vector>

#include "opcost/ir/tensor_value.h"
#include "src/ops/fold_movement.h"

namespace opcost {

enum class Reduction : uint8_t {
  kNone,
  kSum,
  kProd,
  kMin,
  kMax,
  kMean,
  kL1,
  kL2,
  kSumSquare,
  kLogSum,
  kLogSumExp
};

// `data` reduced along the axes for which `reduced` is true, with the extents
// `dims`. Null where the result doesn't fit the element type, where it isn't
// int32, int64 or floating, where the elements are too many, for kNone, and for
// roots and logarithms of integers.
KnownValue Reduced(Reduction reduction, const TensorValue& data,
                   const std::vector<bool>& reduced, const IntDims& dims);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_FOLD_REDUCTION_H_
