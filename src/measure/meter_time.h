// SPDX-License-Identifier: Apache-2.0
// Time stamps of a meter's log.
#ifndef OPCOST_SRC_MEASURE_METER_TIME_H_
#define OPCOST_SRC_MEASURE_METER_TIME_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace opcost {

// Nanoseconds since 1970 of "1700000000.25" (seconds) or of ISO 8601 with its
// zone: "2023-11-14T22:13:20.25Z", "2023-11-14 23:13:20+01:00". Digits past the
// ninth of a fraction don't count. Errors: INVALID_ARGUMENT, in words that
// follow a place, for any other text, a time without a zone, before 1970 or
// after 2261.
absl::StatusOr<int64_t> ParseMeterTime(absl::string_view text);

// "1700000000.25".
std::string SecondsText(int64_t nanoseconds);

}  // namespace opcost

#endif  // OPCOST_SRC_MEASURE_METER_TIME_H_
