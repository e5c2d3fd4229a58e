// SPDX-License-Identifier: Apache-2.0
// Elements of tensors as the bits that ONNX stores, and back.
#ifndef OPCOST_IR_ELEMENT_BITS_H_
#define OPCOST_IR_ELEMENT_BITS_H_

#include <cstdint>

#include "opcost/ir/data_type.h"

namespace opcost {

// The number that the lowest WidthBits(type) bits of `bits` stand for. `type`
// is a real floating-point type. Formats of 4 to 16 bits as in ONNX's
// documents on float8 and float4 (docs/docsgen/source/technical), which follow
// the Open Compute Project's 8-bit and microscaling formats, and arXiv
// 2206.02915 for those whose names end in FNUZ.
double FloatFromBits(DataType type, uint64_t bits);

// The same for integers and bool (0 or 1). A uint64 above 2^63 - 1 wraps.
int64_t IntFromBits(DataType type, uint64_t bits);

// The inverse of FloatFromBits() for numbers that `type` has; others are
// rounded towards zero, NaN becomes one of the type's, or its highest pattern
// where it has none.
uint64_t BitsFromFloat(DataType type, double number);

}  // namespace opcost

#endif  // OPCOST_IR_ELEMENT_BITS_H_
