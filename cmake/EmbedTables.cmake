# SPDX-License-Identifier: Apache-2.0
# Writes generated/embedded_tables.cc: the texts of costtables/*.toml, for the
# executable to work without files around it. Runs again when a table changes.
file(GLOB tables CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/costtables/*.toml)
list(SORT tables)
set_property(DIRECTORY ${PROJECT_SOURCE_DIR} APPEND PROPERTY
             CMAKE_CONFIGURE_DEPENDS ${tables})

set(source "// Made by cmake/EmbedTables.cmake from costtables/*.toml.\n")
string(APPEND source "#include \"src/energy/embedded_tables.h\"\n\n")
string(APPEND source "namespace opcost {\nnamespace {\n\n")
string(APPEND source "constexpr EmbeddedTable kTables[] = {\n")
foreach(table IN LISTS tables)
  get_filename_component(name ${table} NAME_WLE)
  file(READ ${table} text)
  string(APPEND source "    {\"${name}\", R\"opcost(${text})opcost\"},\n")
endforeach()
string(APPEND source "};\n\n}  // namespace\n\n")
string(APPEND source "absl::Span<const EmbeddedTable> EmbeddedTables() {"
                     " return kTables; }\n\n}  // namespace opcost\n")

# Written only if it differs, so that a configure run alone rebuilds nothing.
set(embedded ${PROJECT_BINARY_DIR}/generated/embedded_tables.cc)
set(previous "")
if(EXISTS ${embedded})
  file(READ ${embedded} previous)
endif()
if(NOT previous STREQUAL source)
  file(WRITE ${embedded} "${source}")
endif()
target_sources(opcost_energy PRIVATE ${embedded})
