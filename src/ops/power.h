// SPDX-License-Identifier: Apache-2.0
// Powers with constant exponents (cost model, section 3.4), for Pow and LRN.
#ifndef OPCOST_SRC_OPS_POWER_H_
#define OPCOST_SRC_OPS_POWER_H_

#include <optional>

#include "absl/types/span.h"
#include "opcost/ir/tensor_value.h"
#include "opcost/ops/op_counts.h"
#include "src/ops/fold_elementwise.h"

namespace opcost {

// The number that all elements of `value` are; nullopt if it is null, empty, or
// has different or symbolic elements.
std::optional<double> SoleNumber(const TensorValue* value);

// Adds `count` powers of elements of operand 0 to `exponent` (nullopt: not
// known): 1 mul for 2, 2 mul for 3, a square root for 0.5, else a power. Names
// `square`, `cube`, `root` and `general` in the legend, one of which is 1.
void AddPower(OpCounts& counts, const TypedNodeView& node,
              std::optional<double> exponent, const Count& count);

// The element rule of Pow: base and exponent. Integer bases take non-negative
// integer exponents alone.
std::optional<Element> PowerOf(absl::Span<const Element> operands);

}  // namespace opcost

#endif  // OPCOST_SRC_OPS_POWER_H_
