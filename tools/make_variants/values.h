// SPDX-License-Identifier: Apache-2.0
// Variants that change the values of weights and nothing else.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_VALUES_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_VALUES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "opcost/weights/statistics.h"
#include "tools/make_variants/output.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

// Of `elements`, the number that `fraction` asks for: rounded to nearest.
int64_t Share(double fraction, int64_t elements);

// Writes the tensor with Share(fraction, elements) elements at least equal to
// zero: those of least magnitude, of equal ones those stored first. Reads it
// three times (float32).
absl::Status PruneByMagnitude(const Tensor& tensor, double fraction,
                              Sink* sink);

// Writes the tensor with all but `n` of each `m` consecutive elements of a row
// equal to zero (the last elements of a row, fewer than `m`, keep `n` too):
// those of least magnitude, of equal ones those stored first.
absl::Status PruneBlocks(const Tensor& tensor, const MatrixLayout& layout,
                         int64_t n, int64_t m, Sink* sink);

// Writes the tensor with each element rounded to the nearest of 2^bits equally
// spaced values, of which the least and the greatest are the tensor's own.
// INVALID_ARGUMENT if an element isn't finite.
absl::Status QuantizeUniformly(const Tensor& tensor, int bits, Sink* sink);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_VALUES_H_
