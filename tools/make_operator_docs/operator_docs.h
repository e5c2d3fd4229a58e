// SPDX-License-Identifier: Apache-2.0
// The operator reference, made from the registry.
#ifndef OPCOST_TOOLS_MAKE_OPERATOR_DOCS_OPERATOR_DOCS_H_
#define OPCOST_TOOLS_MAKE_OPERATOR_DOCS_OPERATOR_DOCS_H_

#include <string>

namespace opcost {

// docs/operators.md: every row of the registry, by domain and name.
std::string OperatorDocs();

}  // namespace opcost

#endif  // OPCOST_TOOLS_MAKE_OPERATOR_DOCS_OPERATOR_DOCS_H_
