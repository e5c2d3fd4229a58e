// SPDX-License-Identifier: Apache-2.0
// Types of values as the JSON documents have them.
#ifndef OPCOST_SRC_REPORT_JSON_TYPES_H_
#define OPCOST_SRC_REPORT_JSON_TYPES_H_

#include <string>

#include "opcost/energy/estimate.h"
#include "opcost/ir/types.h"
#include "src/report/json_writer.h"

namespace opcost {

// The element type's name of a tensor ("float32"); ToString() of other values.
std::string TypeName(const ValueType& type);
// "tensor", "sequence", "optional", "map"; "unknown".
absl::string_view KindName(ValueKind kind);
// "float32"; of a MAC whose operands differ "int8*int4".
std::string ArithType(const PricedArith& row);
// An array of numbers; an extent that isn't known is a string: its expression,
// or "?". null for an unknown rank and for what is no tensor.
void WriteShape(const ValueType& type, JsonWriter& json);
// The same for one extent in text: "12", "N", "?".
std::string ExtentText(const Extent& extent);

}  // namespace opcost

#endif  // OPCOST_SRC_REPORT_JSON_TYPES_H_
