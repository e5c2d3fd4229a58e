// SPDX-License-Identifier: Apache-2.0
// Weights of 4 bits in blocks, as ONNX Runtime's MatMulNBits takes them.
#ifndef OPCOST_TOOLS_MAKE_VARIANTS_INT4_H_
#define OPCOST_TOOLS_MAKE_VARIANTS_INT4_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "tools/make_variants/output.h"
#include "tools/make_variants/source.h"

namespace opcost::variants {

// Replaces MatMul and Gemm nodes whose second operand is a stored matrix by
// com.microsoft's MatMulNBits of 4 bits, symmetric in blocks of `block`
// elements of a row: a block's scale is its element of greatest magnitude,
// over -8, so that the codes 0 to 15 stand for -8 to 7 times the scale (ONNX
// Runtime's symmetric default). A Gemm's C of one row becomes the bias, any
// other an Add; a Gemm with alpha or beta other than 1, or with transA, stays
// and is noted, and so do convolutions, which the operator doesn't know.
// INVALID_ARGUMENT if no node can be replaced.
absl::StatusOr<NewModel> MakeInt4(const Source& source, int64_t block);

}  // namespace opcost::variants

#endif  // OPCOST_TOOLS_MAKE_VARIANTS_INT4_H_
