# SPDX-License-Identifier: Apache-2.0
# The installed package: find_package(opcost), then link opcost::opcost.
include(CMakePackageConfigHelpers)

set(OPCOST_PACKAGE_DIR ${CMAKE_INSTALL_LIBDIR}/cmake/opcost)

install(TARGETS opcost EXPORT opcostTargets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS opcost_executable DESTINATION ${CMAKE_INSTALL_BINDIR})

# The command line is the program's alone.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/opcost
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}
  FILES_MATCHING PATTERN "*.h" PATTERN cli EXCLUDE)

install(EXPORT opcostTargets NAMESPACE opcost::
  DESTINATION ${OPCOST_PACKAGE_DIR})
configure_package_config_file(
  ${PROJECT_SOURCE_DIR}/cmake/opcostConfig.cmake.in
  ${PROJECT_BINARY_DIR}/opcostConfig.cmake
  INSTALL_DESTINATION ${OPCOST_PACKAGE_DIR})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/opcostConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/opcostConfig.cmake
              ${PROJECT_BINARY_DIR}/opcostConfigVersion.cmake
  DESTINATION ${OPCOST_PACKAGE_DIR})

# Compiled in as well; as files they are models for one's own.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/costtables ${PROJECT_SOURCE_DIR}/schemas
  DESTINATION ${CMAKE_INSTALL_DATADIR}/opcost
  FILES_MATCHING PATTERN "*.toml" PATTERN "*.json")

# What `opcost measure` runs models with.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/tools/runners
  DESTINATION ${CMAKE_INSTALL_DATADIR}/opcost
  FILES_MATCHING PATTERN "*.py" PATTERN __pycache__ EXCLUDE)

# The figures' licences ask to be named wherever they go.
install(DIRECTORY ${PROJECT_SOURCE_DIR}/data/carbon
  DESTINATION ${CMAKE_INSTALL_DATADIR}/opcost)

install(FILES ${PROJECT_SOURCE_DIR}/completions/opcost.bash
  DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions
  RENAME opcost)
install(FILES ${PROJECT_SOURCE_DIR}/completions/_opcost
  DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES ${PROJECT_SOURCE_DIR}/completions/opcost.fish
  DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
