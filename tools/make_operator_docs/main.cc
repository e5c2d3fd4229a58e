// SPDX-License-Identifier: Apache-2.0
// Prints the operator reference, docs/operators.md.
#include <cstdlib>
#include <iostream>

#include "tools/make_operator_docs/operator_docs.h"

int main(int argc, char**) {
  if (argc > 1) {
    std::cerr << "make_operator_docs takes no arguments; it prints "
                 "docs/operators.md\n";
    return 2;
  }
  std::cout << opcost::OperatorDocs() << std::flush;
  return std::cout.good() ? EXIT_SUCCESS : EXIT_FAILURE;
}
