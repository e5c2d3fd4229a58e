// SPDX-License-Identifier: Apache-2.0
// Which axes of a tensor are the rows and columns of its matrices.
#ifndef OPCOST_SRC_MEMORY_MATRIX_AXES_H_
#define OPCOST_SRC_MEMORY_MATRIX_AXES_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/types/span.h"
#include "opcost/weights/statistics.h"

namespace opcost {

// `transposed` has the layout `layout`, and is the tensor `stored` (with the
// extents `dims` after the Transpose) by `permutation`: the layout of `stored`,
// whose rows and columns keep their order. nullopt if it has none.
std::optional<MatrixLayout> LayoutBeforeTranspose(
    const MatrixLayout& layout, absl::Span<const int64_t> dims,
    absl::Span<const int64_t> permutation);

// The zero point of each element of a tensor of extents `dims`: element i along
// `axis` has that of i / block. One along the axis alone, or (is_full) one for
// each element of all other axes too.
struct QuantizedAxis {
  std::vector<int64_t> dims;
  int64_t axis = 0;
  int64_t block = 1;
  bool is_full = false;
};

// The same by rows and columns of `layout`. nullopt if columns of one row don't
// share zero points in runs of one length, or for more than 2^24 of them.
std::optional<ZeroPoints> ByRow(const MatrixLayout& layout,
                                const QuantizedAxis& axis,
                                const std::vector<int64_t>& values);

}  // namespace opcost

#endif  // OPCOST_SRC_MEMORY_MATRIX_AXES_H_
