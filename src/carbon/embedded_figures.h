// SPDX-License-Identifier: Apache-2.0
// The files of data/carbon/, compiled in.
#ifndef OPCOST_SRC_CARBON_EMBEDDED_FIGURES_H_
#define OPCOST_SRC_CARBON_EMBEDDED_FIGURES_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace opcost {

struct EmbeddedFigures {
  absl::string_view name;  // of the file, without ".csv"
  absl::string_view text;
};

// Sorted by name. Defined in a file that cmake/EmbedTables.cmake writes.
absl::Span<const EmbeddedFigures> EmbeddedFigureFiles();

}  // namespace opcost

#endif  // OPCOST_SRC_CARBON_EMBEDDED_FIGURES_H_
