// SPDX-License-Identifier: Apache-2.0
// JSON that we read: reports, ours and saved ones.
#ifndef OPCOST_SRC_REPORT_REPORT_OPTIONS_H_
#define OPCOST_SRC_REPORT_REPORT_OPTIONS_H_

#include <map>
#include <string>

#include "absl/strings/string_view.h"
#include "src/report/json_writer.h"

namespace opcost {

// The members of a report's "options", those of objects as "dims.N", each value
// as JSON. Empty if `report` isn't JSON or has none.
std::map<std::string, std::string> OptionsOfReport(absl::string_view report);

// Writes the JSON value `text` as it stands, keys in their order; null if it
// isn't JSON.
void WriteVerbatim(absl::string_view text, JsonWriter& json);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_REPORT_OPTIONS_H_
