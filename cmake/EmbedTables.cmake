# SPDX-License-Identifier: Apache-2.0
# Texts that are compiled in, for the executable to work without files around it.
# Each is read again when it changes.

# opcost_embed(<module> HEADER <header> STRUCT <type> FUNCTION <name> FILES <files>):
# adds generated/embedded_<module>.cc to the module. It defines FUNCTION, whose
# elements of type STRUCT are the files' names without their ends, and their texts.
function(opcost_embed module)
  cmake_parse_arguments(ARG "" "HEADER;STRUCT;FUNCTION" "FILES" ${ARGN})
  list(SORT ARG_FILES)
  set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY
               CMAKE_CONFIGURE_DEPENDS ${ARG_FILES})
  set(source "// Made by cmake/EmbedTables.cmake.\n")
  string(APPEND source "#include \"${ARG_HEADER}\"\n\n")
  string(APPEND source "namespace opcost {\nnamespace {\n\n")
  string(APPEND source "constexpr ${ARG_STRUCT} kFiles[] = {\n")
  foreach(file IN LISTS ARG_FILES)
    get_filename_component(name ${file} NAME_WLE)
    file(READ ${file} text)
    string(APPEND source "    {\"${name}\", R\"opcost(${text})opcost\"},\n")
  endforeach()
  string(APPEND source "};\n\n}  // namespace\n\n")
  string(APPEND source "absl::Span<const ${ARG_STRUCT}> ${ARG_FUNCTION}() {"
                       " return kFiles; }\n\n}  // namespace opcost\n")

  # Written only if it differs, so that a configure run alone rebuilds nothing.
  set(embedded ${PROJECT_BINARY_DIR}/generated/embedded_${module}.cc)
  set(previous "")
  if(EXISTS ${embedded})
    file(READ ${embedded} previous)
  endif()
  if(NOT previous STREQUAL source)
    file(WRITE ${embedded} "${source}")
  endif()
  target_sources(opcost_${module} PRIVATE ${embedded})
endfunction()

file(GLOB tables CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/costtables/*.toml)
opcost_embed(energy HEADER src/energy/embedded_tables.h STRUCT EmbeddedTable
             FUNCTION EmbeddedTables FILES ${tables})
file(GLOB figures CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/data/carbon/*.csv)
opcost_embed(carbon HEADER src/carbon/embedded_figures.h STRUCT EmbeddedFigures
             FUNCTION EmbeddedFigureFiles FILES ${figures})
