# SPDX-License-Identifier: Apache-2.0
# The installed package: find_package(opcost), then link opcost::opcost.
include(CMakePackageConfigHelpers)
