// SPDX-License-Identifier: Apache-2.0
// Statistics by their definitions, an element at a time.
#ifndef OPCOST_TESTS_WEIGHTS_PLAIN_STATISTICS_H_
#define OPCOST_TESTS_WEIGHTS_PLAIN_STATISTICS_H_

#include <cstdint>
#include <vector>

#include "opcost/ir/data_type.h"
#include "opcost/weights/statistics.h"

namespace opcost {

// `codes` are the elements' bit patterns, as stored.
TensorStatistics PlainStatistics(const std::vector<uint64_t>& codes,
                                 DataType type, const MatrixLayout& layout,
                                 const StatisticsOptions& options);

}  // namespace opcost

#endif  // OPCOST_TESTS_WEIGHTS_PLAIN_STATISTICS_H_
