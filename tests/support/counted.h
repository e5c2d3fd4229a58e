// SPDX-License-Identifier: Apache-2.0
// Which suites of a run counted which operators.
#ifndef OPCOST_TESTS_SUPPORT_COUNTED_H_
#define OPCOST_TESTS_SUPPORT_COUNTED_H_

#include <map>
#include <set>
#include <string>

#include "opcost/ops/op_def.h"

namespace opcost {

// Notes that the test that runs now counted `def`.
void NoteCounted(const OpDef& def);

// By operator ("ai.onnx Conv"): the suites that counted it so far.
const std::map<std::string, std::set<std::string>>& CountedSoFar();

// "ai.onnx Conv": the domain, written out, and the name.
std::string KeyOf(const OpDef& def);

}  // namespace opcost

#endif  // OPCOST_TESTS_SUPPORT_COUNTED_H_
