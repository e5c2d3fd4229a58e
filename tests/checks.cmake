# SPDX-License-Identifier: Apache-2.0
# Tests that aren't GoogleTest: rules that the sources keep, and scripts.
find_package(Python3 REQUIRED COMPONENTS Interpreter)

add_test(NAME checks/layers_and_sizes
  COMMAND Python3::Interpreter ${PROJECT_SOURCE_DIR}/tools/check_layers.py
          ${PROJECT_SOURCE_DIR})
add_test(NAME checks/check_layers_test
  COMMAND Python3::Interpreter
          ${PROJECT_SOURCE_DIR}/tests/tools/check_layers_test.py)
# Skipped, visibly, without a Python that has ONNX Runtime.
add_test(NAME checks/runners
  COMMAND Python3::Interpreter
          ${PROJECT_SOURCE_DIR}/tests/tools/runners_test.py)
set_tests_properties(checks/runners PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME checks/completions
  COMMAND Python3::Interpreter
          ${PROJECT_SOURCE_DIR}/tests/tools/completions_test.py
          $<TARGET_FILE:opcost_executable>)

add_test(NAME checks/make_variants
  COMMAND Python3::Interpreter
          ${PROJECT_SOURCE_DIR}/tests/tools/make_variants_test.py
          $<TARGET_FILE:make_variants> $<TARGET_FILE:make_models>)

# An installed library whose user doesn't know of our sanitizers doesn't link.
if(NOT OPCOST_SANITIZE)
  add_test(NAME checks/package
    COMMAND ${CMAKE_COMMAND} -DBUILD=${PROJECT_BINARY_DIR}
            -DSOURCE=${PROJECT_SOURCE_DIR}/tests/package
            -DWORK=${PROJECT_BINARY_DIR}/package-test
            -DCOMPILER=${CMAKE_CXX_COMPILER} -DFLAGS=${CMAKE_CXX_FLAGS}
            -DMODEL=/usr/share/libonnx-testdata/data/node/test_relu/model.onnx
            -P ${PROJECT_SOURCE_DIR}/tests/package/package_test.cmake)
  set_tests_properties(checks/package PROPERTIES TIMEOUT 300)
endif()
