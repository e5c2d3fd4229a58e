// SPDX-License-Identifier: Apache-2.0
// The rows of data/carbon/.
#ifndef OPCOST_SRC_CARBON_FIGURES_H_
#define OPCOST_SRC_CARBON_FIGURES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace opcost {

// A figure with the names that it is found by.
struct CarbonFigure {
  std::vector<std::string>
      keys;          // {"DE", "DEU"}, {"gcp", "us-west1"}, {"coal"}
  std::string name;  // "Germany", "Oregon"; of a source empty
  double g_per_kwh = 0;
  int year = 0;
  std::string source;  // as it is cited
};

// The figures of "countries", "cloud-regions" or "energy-sources", in the
// file's order; none if there is no such file. A row that can't be read is left
// out; a test holds that there is none.
std::vector<CarbonFigure> FiguresOf(absl::string_view file);

}  // namespace opcost

#endif  // OPCOST_SRC_CARBON_FIGURES_H_
