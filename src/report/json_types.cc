// SPDX-License-Identifier: Apache-2.0
#include "src/report/json_types.h"

#include "absl/strings/str_cat.h"

namespace opcost {

std::string TypeName(const ValueType& type) {
  return type.is_tensor() ? std::string(Name(type.tensor.type))
                          : ToString(type);
}

absl::string_view KindName(ValueKind kind) {
  constexpr absl::string_view kNames[] = {"unknown", "tensor", "sequence",
                                          "optional", "map"};
  return kNames[static_cast<size_t>(kind)];
}

std::string ArithType(const PricedArith& row) {
  if (row.op != PricedOp::kMac || row.second == row.format) {
    return ToString(row.format);
  }
  return absl::StrCat(ToString(row.format), "*", ToString(row.second));
}

std::string ExtentText(const Extent& extent) {
  return extent.overflowed() ? "?" : extent.ToString();
}

void WriteShape(const ValueType& type, JsonWriter& json) {
  if (!type.is_tensor() || !type.tensor.shape.has_rank()) {
    json.Null();
    return;
  }
  json.BeginArray(JsonWriter::Lines::kOne);
  for (const Extent& extent : type.tensor.shape.dims()) {
    extent.is_concrete() ? json.Int(extent.value())
                         : json.String(ExtentText(extent));
  }
  json.EndArray();
}

}  // namespace opcost
