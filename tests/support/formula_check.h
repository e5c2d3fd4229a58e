// SPDX-License-Identifier: Apache-2.0
// Whether what a row says of its counts is what its rule counts.
#ifndef OPCOST_TESTS_SUPPORT_FORMULA_CHECK_H_
#define OPCOST_TESTS_SUPPORT_FORMULA_CHECK_H_

#include "tests/support/one_node.h"

namespace opcost {

// Counts the node and expects that its MACs, muls, adds, total reads and total
// writes are those of its row's formula. Names mean, in this order, what the
// rule gave by Let(), the MACs (`MACs`), and in `mul` and `add` one evaluation
// of a function of the cost table, which stands for a number of muls and adds
// that no other function has.
//
// Two rules depend on the graph around the node and stand in no formula: a
// constant operand of one element is read once (R2), and an output that nothing
// reads isn't written (R1). Here a term of `reads` or `writes` whose operand is
// spelt as the ONNX specification names the formal input or output, or as
// operand "i0" or output "o0", counts as 1 or as 0 then. Operators that libonnx
// doesn't know yet need the second spelling, or operands of more elements.
void ExpectFormulaAgrees(OneNode& node);

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_FORMULA_CHECK_H_
