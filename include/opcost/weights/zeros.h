// SPDX-License-Identifier: Apache-2.0
// How many elements are zero, as fast as memory gives them.
#ifndef OPCOST_WEIGHTS_ZEROS_H_
#define OPCOST_WEIGHTS_ZEROS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "opcost/ir/data_type.h"
#include "opcost/ir/payload_source.h"

namespace opcost {

// The bit patterns of a type that stand for zero: all those that equal `value`
// in the bits of `mask`. -0 is 0 where a type has one.
struct ZeroPattern {
  uint64_t mask = ~uint64_t{0};
  uint64_t value = 0;
  bool exists = true;  // float8e8m0 has no zero

  friend bool operator==(const ZeroPattern&, const ZeroPattern&) = default;
};

// `zero_point` is that of quantised integers; 0 for all others. Bool has 0
// alone. A zero point that an integer type doesn't have is none of its
// elements.
ZeroPattern ZeroOf(DataType type, int64_t zero_point = 0);

// How many of the first `elements` of `bytes`, laid out as PayloadReader says,
// are zero. Requires a real type and bytes for all of them.
int64_t CountZeros(DataType type, const ZeroPattern& zero,
                   absl::Span<const uint8_t> bytes, int64_t elements);

// How many of a payload's `elements` of `type` are zero, on `threads` cores (0:
// all). Errors: those of PayloadReader::Read(); INVALID_ARGUMENT for strings
// and complex numbers.
absl::StatusOr<int64_t> CountZeros(const PayloadReader& payload, DataType type,
                                   int64_t elements, const ZeroPattern& zero,
                                   int threads = 0);

}  // namespace opcost

#endif  // OPCOST_WEIGHTS_ZEROS_H_
