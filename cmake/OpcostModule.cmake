# SPDX-License-Identifier: Apache-2.0

# Warnings and sanitizers of our own code, never of a user's.
add_library(opcost_flags INTERFACE)
# Debug with sanitizers is optimised too. A boolean, since the list of sanitizers
# has a comma, which ends an argument of a generator expression.
set(opcost_optimised_debug OFF)
if(OPCOST_SANITIZE)
  set(opcost_optimised_debug ON)
endif()
target_compile_options(opcost_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
  # Where it optimises, GCC 12 takes members of optionals that are set for
  # uninitialised.
  $<$<AND:$<CXX_COMPILER_ID:GNU>,$<OR:$<NOT:$<CONFIG:Debug>>,$<BOOL:${opcost_optimised_debug}>>>:-Wno-maybe-uninitialized>
  $<$<BOOL:${OPCOST_WARNINGS_AS_ERRORS}>:-Werror>)
if(OPCOST_SANITIZE)
  target_compile_options(opcost_flags INTERFACE
    -fsanitize=${OPCOST_SANITIZE} -fno-sanitize-recover=all
    -fno-omit-frame-pointer)
  target_link_options(opcost_flags INTERFACE -fsanitize=${OPCOST_SANITIZE})
endif()

# opcost_module(<name> DEPS <targets> PRIVATE_DEPS <targets>): one directory of
# src/, all of whose .cc files belong to it. DEPS are seen through its headers.
function(opcost_module name)
  cmake_parse_arguments(ARG "" "" "DEPS;PRIVATE_DEPS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cc)
  add_library(opcost_${name} OBJECT ${sources})
  target_include_directories(opcost_${name}
    PUBLIC ${PROJECT_SOURCE_DIR}/include
    PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/generated)
  target_link_libraries(opcost_${name} PUBLIC ${ARG_DEPS}
                                       PRIVATE ${ARG_PRIVATE_DEPS} opcost_flags)
  if(NOT name STREQUAL "ops")
    opcost_reuse_precompiled(opcost_${name} opcost_precompiled)
  endif()
endfunction()

# opcost_library(<name> <modules>): one static archive of several modules.
function(opcost_library name)
  add_library(${name} STATIC)
  add_library(opcost::${name} ALIAS ${name})
  foreach(module ${ARGN})
    target_sources(${name} PRIVATE $<TARGET_OBJECTS:opcost_${module}>)
  endforeach()
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/generated>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(${name}
    PUBLIC absl::strings absl::status absl::statusor absl::flat_hash_map
           absl::inlined_vector absl::span
    # A static archive's users link what it uses, but need not have its headers:
    # xxhash, which has no CMake package, and toml++ by their plain names.
    PRIVATE onnx_proto $<BUILD_INTERFACE:PkgConfig::XXHASH>
            $<BUILD_INTERFACE:tomlplusplus::tomlplusplus>
            $<BUILD_INTERFACE:PkgConfig::NLOPT>
            $<INSTALL_INTERFACE:xxhash> $<INSTALL_INTERFACE:tomlplusplus>
            $<INSTALL_INTERFACE:nlopt> ${CMAKE_DL_LIBS})
endfunction()

# opcost_precompile(<target> <headers>): reads the headers once for all sources
# of a target, where OPCOST_PRECOMPILED_HEADERS asks for it: a build from nothing
# takes a third less, but a change to one of them compiles the whole target.
function(opcost_precompile target)
  if(OPCOST_PRECOMPILED_HEADERS AND TARGET ${target})
    target_precompile_headers(${target} PRIVATE ${ARGN})
  endif()
endfunction()

# opcost_reuse_precompiled(<target> <from>): what was precompiled for another
# target, which has to be compiled with the same options, and no definitions that
# the first lacks.
function(opcost_reuse_precompiled target from)
  if(OPCOST_PRECOMPILED_HEADERS AND TARGET ${target} AND TARGET ${from})
    target_precompile_headers(${target} REUSE_FROM ${from})
  endif()
endfunction()
