// SPDX-License-Identifier: Apache-2.0
// The statistics of all weights of a model.
#ifndef OPCOST_MEMORY_WEIGHT_STATISTICS_H_
#define OPCOST_MEMORY_WEIGHT_STATISTICS_H_

#include "absl/status/statusor.h"
#include "opcost/analysis/analysis.h"
#include "opcost/ir/payload_source.h"
#include "opcost/memory/storage.h"

namespace opcost {

// Reads every operand that WeightOperandsOf(analysis) lists, one after another,
// each on `threads` cores (0: all). What can't be traced or counted has its
// reason in the place of statistics.
//
// Errors: those of PayloadSource::Open() and PayloadReader::Read() for a
// payload that isn't there, such as a missing file.
absl::StatusOr<WeightStatistics> ReadStatistics(const Analysis& analysis,
                                                const PayloadSource& payloads,
                                                int threads = 0);

}  // namespace opcost

#endif  // OPCOST_MEMORY_WEIGHT_STATISTICS_H_
