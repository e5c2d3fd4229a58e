// SPDX-License-Identifier: Apache-2.0
// What the options of opcost collect say.
#ifndef OPCOST_SRC_CLI_COLLECT_REQUEST_H_
#define OPCOST_SRC_CLI_COLLECT_REQUEST_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/types/span.h"

namespace opcost {

struct CollectRequest {
  // --layers: how many random layers of each operator.
  std::vector<std::pair<std::string, int64_t>> layers;
  bool has_layers = false;
  std::string ranges;            // --ranges; empty: the default
  bool takes_whole = true;       // --networks whole|both
  bool takes_layers = true;      // --networks layers|both
  std::vector<int64_t> batches;  // --batch; empty: as the models have it
  bool lists = false;            // --list
  bool prints_ranges = false;    // --print-ranges
};

struct OptionRow;
// The rows of these options.
absl::Span<const OptionRow> CollectOptionRows();

// `count` layers of the operators that are drawn by default, as evenly as they
// can be shared out.
std::vector<std::pair<std::string, int64_t>> ShareOut(int64_t count);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_COLLECT_REQUEST_H_
