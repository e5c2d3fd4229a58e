# SPDX-License-Identifier: Apache-2.0
# Installs opcost into a folder of its own, builds a program against it with
# nothing else from this tree, and runs it.
#   cmake -DBUILD=... -DSOURCE=... -DWORK=... -DMODEL=... -P package_test.cmake
function(run)
  execute_process(COMMAND ${ARGN} COMMAND_ERROR_IS_FATAL ANY
                  OUTPUT_VARIABLE output)
  set(output "${output}" PARENT_SCOPE)
endfunction()

file(REMOVE_RECURSE ${WORK})
run(${CMAKE_COMMAND} --install ${BUILD} --prefix ${WORK}/installed)
run(${CMAKE_COMMAND} -G Ninja -S ${SOURCE} -B ${WORK}/build
    -DCMAKE_PREFIX_PATH=${WORK}/installed -DCMAKE_BUILD_TYPE=Debug
    -DCMAKE_CXX_COMPILER=${COMPILER} -DCMAKE_CXX_FLAGS=${FLAGS})
run(${CMAKE_COMMAND} --build ${WORK}/build)

# A ReLU of 3*4*5 = 60 float32 elements, 240 bytes in the nearest tier: 60 adds
# of 0.9 pJ, 60 reads and 60 writes of 5 pJ.
run(${WORK}/build/outsider ${MODEL})
if(NOT output STREQUAL "654 pJ\n")
  message(FATAL_ERROR "the outside program printed '${output}'")
endif()

# The program, and what comes with it.
run(${WORK}/installed/bin/opcost ${MODEL} --format csv)
if(NOT output MATCHES ",654\\.0\r?\n")
  message(FATAL_ERROR "the installed opcost printed '${output}'")
endif()
foreach(file
    share/opcost/costtables/horowitz-45nm.toml
    share/bash-completion/completions/opcost
    share/zsh/site-functions/_opcost
    share/fish/vendor_completions.d/opcost.fish
    include/opcost/opcost.h)
  if(NOT EXISTS ${WORK}/installed/${file})
    message(FATAL_ERROR "${file} was not installed")
  endif()
endforeach()
file(GLOB schemas ${WORK}/installed/share/opcost/schemas/*.json)
if(NOT schemas)
  message(FATAL_ERROR "no schema was installed")
endif()
if(EXISTS ${WORK}/installed/include/opcost/cli)
  message(FATAL_ERROR "the command line's header was installed")
endif()
