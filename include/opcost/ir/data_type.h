// SPDX-License-Identifier: Apache-2.0
// Element types of tensors, and the number formats that they are priced in.
#ifndef OPCOST_IR_DATA_TYPE_H_
#define OPCOST_IR_DATA_TYPE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace opcost {

// ONNX element types; the numbers are those of onnx.TensorProto.DataType.
enum class DataType : uint8_t {
  kUndefined = 0,
  kFloat32 = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kFloat64 = 11,
  kUint32 = 12,
  kUint64 = 13,
  kComplex64 = 14,
  kComplex128 = 15,
  kBfloat16 = 16,
  kFloat8E4M3FN = 17,
  kFloat8E4M3FNUZ = 18,
  kFloat8E5M2 = 19,
  kFloat8E5M2FNUZ = 20,
  kUint4 = 21,
  kInt4 = 22,
  kFloat4E2M1 = 23,
  kFloat8E8M0 = 24,
  kUint2 = 25,
  kInt2 = 26,
};
inline constexpr int kDataTypeCount = 27;

// The type with ONNX's number `onnx_number`; nullopt if it is newer than this
// program, or undefined (0).
std::optional<DataType> DataTypeFromOnnx(int64_t onnx_number);

// "float32", "int8", "float8e4m3fn", "bool"; "undefined".
absl::string_view Name(DataType type);
// The inverse; also takes ONNX's own spellings "float" and "double".
std::optional<DataType> DataTypeFromName(absl::string_view name);

// Bits of one element. A string counts as an index of 64 bits; 0 if undefined.
int WidthBits(DataType type);

// Real or complex floating-point types, of any width.
bool IsFloating(DataType type);
// Integers of any width, bool and string excluded.
bool IsInteger(DataType type);

enum class NumberKind : uint8_t { kFloat, kInt };

// What the price of an operation or a movement is looked up by: a kind and a
// width, and the element type where it is one of ONNX's.
struct NumberFormat {
  NumberKind kind = NumberKind::kFloat;
  uint16_t width_bits = 32;
  DataType type = DataType::kFloat32;  // kUndefined: "a float of 24 bits"

  friend bool operator==(const NumberFormat&, const NumberFormat&) = default;
};

// The format of a tensor of `type`: bool is an int of 8 bits, a string an int
// of 64.
NumberFormat FormatOf(DataType type);
// The float of a width: float32 for 32, float16 for 16, float64 for 64, else a
// format without an element type.
NumberFormat FloatOfWidth(int width_bits);
// "32" (a float of that width), or a type name, or a kind and a width
// ("float8", "int6", "uint6"). nullopt for anything else, and for widths
// outside 1 to 128.
std::optional<NumberFormat> ParseNumberFormat(absl::string_view text);
// "float32", "int8", "bfloat16", "float24".
std::string ToString(const NumberFormat& format);

}  // namespace opcost

#endif  // OPCOST_IR_DATA_TYPE_H_
