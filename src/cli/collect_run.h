// SPDX-License-Identifier: Apache-2.0
// Measures what a collection lacks, row by row.
#ifndef OPCOST_SRC_CLI_COLLECT_RUN_H_
#define OPCOST_SRC_CLI_COLLECT_RUN_H_

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "opcost/measure/measurement.h"
#include "src/cli/collect_file.h"
#include "src/cli/collect_plan.h"
#include "src/cli/progress.h"

namespace opcost {

// Measures one item. A result that isn't stable is ABORTED, and in `unstable`.
using MeasureItem = std::function<absl::StatusOr<Measurement>(
    const CollectItem& item, Measurement* unstable)>;

struct CollectOutcome {
  int64_t present = 0;  // rows that were there
  int64_t added = 0;
  int64_t unstable = 0;  // of those that were added
  std::vector<std::pair<std::string, std::string>> failed;  // label, reason
  int64_t failed_before = 0;  // in earlier runs: not tried again
};

// The header of the file of failures, beside that of the data.
std::string FailureHeader();
// "data.failed.csv" for "data.csv".
std::string FailurePath(const std::string& data_path);

// The items of `plan` that neither file has a row for: indices, in order.
// Errors: INVALID_ARGUMENT for a row of the data that the plan doesn't have.
absl::StatusOr<std::vector<size_t>> ItemsLeft(const CollectPlan& plan,
                                              const CollectFile& data,
                                              const CollectFile* failures,
                                              CollectOutcome* outcome);

// Measures the items `left`, and appends a row for each. An item that fails is
// a row of the file of failures, which is made for the first of them.
//
// Errors, with what was done so far in `outcome`: what concerns all items, a
// counter that is gone, a runner that can't be started; a row that was measured
// otherwise than this one; a disk that is full.
absl::Status MeasureItems(const CollectPlan& plan,
                          const std::vector<size_t>& left,
                          const MeasureItem& measure, CollectFile& data,
                          Progress& progress, CollectOutcome* outcome);

}  // namespace opcost

#endif  // OPCOST_SRC_CLI_COLLECT_RUN_H_
