// SPDX-License-Identifier: Apache-2.0
// The tables of costtables/, compiled in.
#ifndef OPCOST_SRC_ENERGY_EMBEDDED_TABLES_H_
#define OPCOST_SRC_ENERGY_EMBEDDED_TABLES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace opcost {

struct EmbeddedTable {
  absl::string_view name;  // of the file, without ".toml"
  absl::string_view text;
};

// Sorted by name. Defined in a file that cmake/EmbedTables.cmake writes.
absl::Span<const EmbeddedTable> EmbeddedTables();

}  // namespace opcost

#endif  // OPCOST_SRC_ENERGY_EMBEDDED_TABLES_H_
