// SPDX-License-Identifier: Apache-2.0
#include "opcost/ir/data_type.h"

#include <cstddef>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace opcost {
namespace {

enum class Class : uint8_t { kFloat, kInt, kOther };

struct TypeRow {
  absl::string_view name;
  int width_bits;
  Class kind;
};

// By ONNX's number.
constexpr TypeRow kTypes[kDataTypeCount] = {
    {"undefined", 0, Class::kOther},
    {"float32", 32, Class::kFloat},
    {"uint8", 8, Class::kInt},
    {"int8", 8, Class::kInt},
    {"uint16", 16, Class::kInt},
    {"int16", 16, Class::kInt},
    {"int32", 32, Class::kInt},
    {"int64", 64, Class::kInt},
    {"string", 64, Class::kOther},
    {"bool", 8, Class::kOther},
    {"float16", 16, Class::kFloat},
    {"float64", 64, Class::kFloat},
    {"uint32", 32, Class::kInt},
    {"uint64", 64, Class::kInt},
    {"complex64", 64, Class::kFloat},
    {"complex128", 128, Class::kFloat},
    {"bfloat16", 16, Class::kFloat},
    {"float8e4m3fn", 8, Class::kFloat},
    {"float8e4m3fnuz", 8, Class::kFloat},
    {"float8e5m2", 8, Class::kFloat},
    {"float8e5m2fnuz", 8, Class::kFloat},
    {"uint4", 4, Class::kInt},
    {"int4", 4, Class::kInt},
    {"float4e2m1", 4, Class::kFloat},
    {"float8e8m0", 8, Class::kFloat},
    {"uint2", 2, Class::kInt},
    {"int2", 2, Class::kInt},
};

constexpr int kMaxWidthBits = 128;

const TypeRow& Row(DataType type) { return kTypes[static_cast<size_t>(type)]; }

// The number after `prefix`, if it is a width.
std::optional<int> WidthAfter(absl::string_view text,
                              absl::string_view prefix) {
  int width = 0;
  if (!absl::ConsumePrefix(&text, prefix) || text.empty() ||
      !absl::ascii_isdigit(static_cast<unsigned char>(text[0])) ||
      !absl::SimpleAtoi(text, &width) || width < 1 || width > kMaxWidthBits) {
    return std::nullopt;
  }
  return width;
}

}  // namespace

std::optional<DataType> DataTypeFromOnnx(int64_t onnx_number) {
  if (onnx_number <= 0 || onnx_number >= kDataTypeCount) return std::nullopt;
  return static_cast<DataType>(onnx_number);
}

absl::string_view Name(DataType type) { return Row(type).name; }

std::optional<DataType> DataTypeFromName(absl::string_view name) {
  if (name == "float") return DataType::kFloat32;
  if (name == "double") return DataType::kFloat64;
  for (int i = 1; i < kDataTypeCount; ++i) {
    const auto type = static_cast<DataType>(i);
    if (Row(type).name == name) return type;
  }
  return std::nullopt;
}

int WidthBits(DataType type) { return Row(type).width_bits; }

bool IsFloating(DataType type) { return Row(type).kind == Class::kFloat; }

bool IsInteger(DataType type) { return Row(type).kind == Class::kInt; }

NumberFormat FormatOf(DataType type) {
  return {IsFloating(type) ? NumberKind::kFloat : NumberKind::kInt,
          static_cast<uint16_t>(WidthBits(type)), type};
}

NumberFormat FloatOfWidth(int width_bits) {
  switch (width_bits) {
    case 16:
      return FormatOf(DataType::kFloat16);
    case 32:
      return FormatOf(DataType::kFloat32);
    case 64:
      return FormatOf(DataType::kFloat64);
    default:
      return {NumberKind::kFloat, static_cast<uint16_t>(width_bits),
              DataType::kUndefined};
  }
}

std::optional<NumberFormat> ParseNumberFormat(absl::string_view text) {
  if (const std::optional<int> width = WidthAfter(text, "")) {
    return FloatOfWidth(*width);
  }
  if (const std::optional<DataType> type = DataTypeFromName(text)) {
    if (*type == DataType::kString) return std::nullopt;
    return FormatOf(*type);
  }
  if (const std::optional<int> width = WidthAfter(text, "float")) {
    return FloatOfWidth(*width);
  }
  for (const absl::string_view prefix : {"int", "uint"}) {
    if (const std::optional<int> width = WidthAfter(text, prefix)) {
      return NumberFormat{NumberKind::kInt, static_cast<uint16_t>(*width),
                          DataType::kUndefined};
    }
  }
  return std::nullopt;
}

std::string ToString(const NumberFormat& format) {
  if (format.type != DataType::kUndefined)
    return std::string(Name(format.type));
  return absl::StrCat(format.kind == NumberKind::kFloat ? "float" : "int",
                      format.width_bits);
}

}  // namespace opcost
