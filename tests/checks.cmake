# SPDX-License-Identifier: Apache-2.0
# Tests that aren't GoogleTest: rules that the sources keep, and scripts.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME checks/layers_and_sizes
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/check_layers.py
          ${PROJECT_SOURCE_DIR})
add_test(NAME checks/check_layers_test
  COMMAND Python3::Interpreter
          ${PROJECT_SOURCE_DIR}/tests/tools/check_layers_test.py)
