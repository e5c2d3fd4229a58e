// SPDX-License-Identifier: Apache-2.0
// The elements of small tensors, and what may be wrong with stored data.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/ir/element_bits.h"
#include "src/frontend/tensor_import.h"
#include "tests/frontend/protos.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

onnx::TensorProto Tensor(DataType type, std::vector<int64_t> dims) {
  onnx::TensorProto tensor;
  FillTensor(&tensor, "w", static_cast<int32_t>(type), std::move(dims));
  return tensor;
}

onnx::TensorProto RawTensor(DataType type, std::vector<int64_t> dims,
                            const std::string& raw) {
  onnx::TensorProto tensor = Tensor(type, std::move(dims));
  tensor.set_raw_data(raw);
  return tensor;
}

std::vector<int64_t> IntsOf(const onnx::TensorProto& tensor) {
  const auto stored = ImportTensor(tensor, {});
  EXPECT_THAT(stored, IsOk());
  if (!stored.ok() || (*stored)->value == nullptr) return {-999};
  return (*stored)->value->AsInts().value_or(std::vector<int64_t>{-998});
}

std::vector<double> FloatsOf(const onnx::TensorProto& tensor) {
  const auto stored = ImportTensor(tensor, {});
  EXPECT_THAT(stored, IsOk());
  if (!stored.ok() || (*stored)->value == nullptr) return {-999};
  std::vector<double> floats;
  for (int64_t i = 0; i < (*stored)->value->size(); ++i) {
    floats.push_back((*stored)->value->Float(i));
  }
  return floats;
}

TEST(RawData, HoldIntegersOfEveryWidth) {
  EXPECT_THAT(IntsOf(RawTensor(DataType::kInt8, {2}, "\x01\xff")),
              ElementsAre(1, -1));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kUint8, {2}, "\x01\xff")),
              ElementsAre(1, 255));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kInt16, {1}, "\xfe\xff")),
              ElementsAre(-2));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kUint16, {1}, "\xfe\xff")),
              ElementsAre(65534));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kInt32, {1}, "\x04\x03\x02\x81")),
              ElementsAre(0x81020304 - 0x100000000));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kUint32, {1}, "\x04\x03\x02\x81")),
              ElementsAre(0x81020304));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kInt64, {1}, std::string(8, '\xff'))),
              ElementsAre(-1));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kUint64, {1},
                               std::string("\2\0\0\0\0\0\0\0", 8))),
              ElementsAre(2));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kBool, {3}, std::string("\0\1\2", 3))),
              ElementsAre(0, 1, 1));
}

TEST(RawData, PackIntegersOf4And2BitsFromTheLowestBit) {
  // 0x21: 1 then 2; 0xf8: -8 then -1; the odd last one leaves a half byte.
  EXPECT_THAT(IntsOf(RawTensor(DataType::kInt4, {5}, "\x21\xf8\x07")),
              ElementsAre(1, 2, -8, -1, 7));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kUint4, {4}, "\x21\xf8")),
              ElementsAre(1, 2, 8, 15));
  // 0b11'10'01'00: 0, 1, 2, 3 from the lowest bits.
  EXPECT_THAT(IntsOf(RawTensor(DataType::kUint2, {5}, "\xe4\x02")),
              ElementsAre(0, 1, 2, 3, 2));
  EXPECT_THAT(IntsOf(RawTensor(DataType::kInt2, {4}, "\xe4")),
              ElementsAre(0, 1, -2, -1));
}

TEST(RawData, HoldFloats) {
  EXPECT_THAT(FloatsOf(RawTensor(DataType::kFloat32, {1},
                                 std::string("\0\0\xc0\xbf", 4))),
              ElementsAre(-1.5));
  EXPECT_THAT(FloatsOf(RawTensor(DataType::kFloat64, {1},
                                 std::string("\0\0\0\0\0\0\xf8\x3f", 8))),
              ElementsAre(1.5));
  EXPECT_THAT(FloatsOf(RawTensor(DataType::kFloat16, {2},
                                 std::string("\0\x3e\0\xc0", 4))),
              ElementsAre(1.5, -2.0));
  EXPECT_THAT(FloatsOf(RawTensor(DataType::kFloat4E2M1, {3}, "\x21\x0f")),
              ElementsAre(0.5, 1.0, -6.0));
}

TEST(TypedData, HoldElementsInTheFieldOfTheirType) {
  onnx::TensorProto int8 = Tensor(DataType::kInt8, {2});
  int8.add_int32_data(-5);
  int8.add_int32_data(5);
  EXPECT_THAT(IntsOf(int8), ElementsAre(-5, 5));
  onnx::TensorProto int64 = Tensor(DataType::kInt64, {1, 2});
  int64.add_int64_data(-1);
  int64.add_int64_data(int64_t{1} << 40);
  EXPECT_THAT(IntsOf(int64), ElementsAre(-1, int64_t{1} << 40));
  onnx::TensorProto uint32 = Tensor(DataType::kUint32, {1});
  uint32.add_uint64_data(4000000000);
  EXPECT_THAT(IntsOf(uint32), ElementsAre(4000000000));
  onnx::TensorProto boolean = Tensor(DataType::kBool, {2});
  boolean.add_int32_data(1);
  boolean.add_int32_data(0);
  EXPECT_THAT(IntsOf(boolean), ElementsAre(1, 0));
  onnx::TensorProto float32 = Tensor(DataType::kFloat32, {});
  float32.add_float_data(0.25F);
  EXPECT_THAT(FloatsOf(float32), ElementsAre(0.25));
  onnx::TensorProto float64 = Tensor(DataType::kFloat64, {1});
  float64.add_double_data(0.1);
  EXPECT_THAT(FloatsOf(float64), ElementsAre(0.1));
  onnx::TensorProto float16 = Tensor(DataType::kFloat16, {1});
  float16.add_int32_data(0x3e00);
  EXPECT_THAT(FloatsOf(float16), ElementsAre(1.5));
  onnx::TensorProto float8 = Tensor(DataType::kFloat8E4M3FN, {1});
  float8.add_int32_data(0xb8);
  EXPECT_THAT(FloatsOf(float8), ElementsAre(-1.0));
}

TEST(TypedData, PackTwoInt4OrFourInt2InABytesEntry) {
  onnx::TensorProto int4 = Tensor(DataType::kInt4, {3});
  int4.add_int32_data(0x21);
  int4.add_int32_data(0x0f);
  EXPECT_THAT(IntsOf(int4), ElementsAre(1, 2, -1));
  onnx::TensorProto uint2 = Tensor(DataType::kUint2, {5});
  uint2.add_int32_data(0xe4);
  uint2.add_int32_data(0x01);
  EXPECT_THAT(IntsOf(uint2), ElementsAre(0, 1, 2, 3, 1));
}

TEST(StoredData, OfAnEmptyTensorHaveNoElements) {
  EXPECT_THAT(IntsOf(Tensor(DataType::kInt64, {0})), ElementsAre());
  EXPECT_THAT(
      FloatsOf(RawTensor(DataType::kFloat32, {int64_t{1} << 62, 8, 0}, "")),
      ElementsAre());
}

TEST(StoredData, OfStringsAndComplexNumbersHaveNoValue) {
  onnx::TensorProto text = Tensor(DataType::kString, {1});
  text.add_string_data("a");
  ASSERT_OK_AND_ASSIGN(const auto stored_text, ImportTensor(text, {}));
  EXPECT_EQ(stored_text->value, nullptr);
  onnx::TensorProto complex = Tensor(DataType::kComplex64, {1});
  complex.add_float_data(1);
  complex.add_float_data(2);
  ASSERT_OK_AND_ASSIGN(const auto stored_complex, ImportTensor(complex, {}));
  EXPECT_EQ(stored_complex->value, nullptr);
}

TEST(StoredData, ThatNoInt64HoldsHaveNoValue) {
  ASSERT_OK_AND_ASSIGN(
      const auto stored,
      ImportTensor(RawTensor(DataType::kUint64, {1}, std::string(8, '\xff')),
                   {}));
  EXPECT_EQ(stored->value, nullptr);
}

struct Pattern {
  DataType type;
  uint64_t bits;
  double number;
};

// float8: ONNX's "Float stored in 8 bits", the tables of special values and of
// the formats; float4: "4 bit floating point"; e8m0: OCP MX
// specification 5.4.1.
constexpr Pattern kPatterns[] = {
    {DataType::kFloat8E4M3FN, 0x00, 0.0},
    {DataType::kFloat8E4M3FN, 0x01, 0x1p-9},
    {DataType::kFloat8E4M3FN, 0x07, 0.875 * 0x1p-6},
    {DataType::kFloat8E4M3FN, 0x08, 0x1p-6},
    {DataType::kFloat8E4M3FN, 0x38, 1.0},
    {DataType::kFloat8E4M3FN, 0x7e, 448.0},
    {DataType::kFloat8E4M3FN, 0xfe, -448.0},
    {DataType::kFloat8E4M3FN, 0x7f, kNan},
    {DataType::kFloat8E4M3FN, 0xff, kNan},
    {DataType::kFloat8E4M3FNUZ, 0x80, kNan},
    {DataType::kFloat8E4M3FNUZ, 0x01, 0x1p-10},
    {DataType::kFloat8E4M3FNUZ, 0x40, 1.0},
    {DataType::kFloat8E4M3FNUZ, 0x7f, 240.0},
    {DataType::kFloat8E4M3FNUZ, 0xff, -240.0},
    {DataType::kFloat8E5M2, 0x01, 0x1p-16},
    {DataType::kFloat8E5M2, 0x04, 0x1p-14},
    {DataType::kFloat8E5M2, 0x3c, 1.0},
    {DataType::kFloat8E5M2, 0x7b, 57344.0},
    {DataType::kFloat8E5M2, 0x7c, kInfinity},
    {DataType::kFloat8E5M2, 0xfc, -kInfinity},
    {DataType::kFloat8E5M2, 0x7d, kNan},
    {DataType::kFloat8E5M2, 0xff, kNan},
    {DataType::kFloat8E5M2FNUZ, 0x80, kNan},
    {DataType::kFloat8E5M2FNUZ, 0x01, 0x1p-17},
    {DataType::kFloat8E5M2FNUZ, 0x40, 1.0},
    {DataType::kFloat8E5M2FNUZ, 0x7f, 57344.0},
    {DataType::kFloat8E8M0, 0x00, 0x1p-127},
    {DataType::kFloat8E8M0, 0x7f, 1.0},
    {DataType::kFloat8E8M0, 0xfe, 0x1p127},
    {DataType::kFloat8E8M0, 0xff, kNan},
    {DataType::kFloat4E2M1, 0x0, 0.0},
    {DataType::kFloat4E2M1, 0x1, 0.5},
    {DataType::kFloat4E2M1, 0x2, 1.0},
    {DataType::kFloat4E2M1, 0x3, 1.5},
    {DataType::kFloat4E2M1, 0x4, 2.0},
    {DataType::kFloat4E2M1, 0x5, 3.0},
    {DataType::kFloat4E2M1, 0x6, 4.0},
    {DataType::kFloat4E2M1, 0x7, 6.0},
    {DataType::kFloat4E2M1, 0xf, -6.0},
    {DataType::kFloat16, 0x0001, 0x1p-24},
    {DataType::kFloat16, 0x7bff, 65504.0},
    {DataType::kFloat16, 0xfc00, -kInfinity},
    {DataType::kFloat16, 0x7e00, kNan},
    {DataType::kBfloat16, 0x3f80, 1.0},
    {DataType::kBfloat16, 0xc040, -3.0},
    {DataType::kBfloat16, 0x7f80, kInfinity},
    {DataType::kBfloat16, 0x7fc0, kNan},
    {DataType::kFloat32, 0x3fc00000, 1.5},
    {DataType::kFloat64, 0x3ff8000000000000, 1.5},
};

TEST(FloatFromBits, AgreesWithTheFormatsTables) {
  for (const Pattern& pattern : kPatterns) {
    SCOPED_TRACE(absl::StrCat(Name(pattern.type), " ", pattern.bits));
    const double number = FloatFromBits(pattern.type, pattern.bits);
    if (std::isnan(pattern.number)) {
      EXPECT_TRUE(std::isnan(number)) << number;
    } else {
      EXPECT_EQ(number, pattern.number);
    }
  }
}

struct TensorError {
  const char* name;
  onnx::TensorProto tensor;
  const char* message;
};

onnx::TensorProto External(
    std::initializer_list<std::pair<const char*, const char*>> entries) {
  onnx::TensorProto tensor = Tensor(DataType::kFloat32, {2, 300});
  tensor.set_data_location(onnx::TensorProto::EXTERNAL);
  for (const auto& [key, value] : entries) {
    onnx::StringStringEntryProto* entry = tensor.add_external_data();
    entry->set_key(key);
    entry->set_value(value);
  }
  return tensor;
}

TEST(StoredData, ThatContradictTheirShapeAreErrors) {
  onnx::TensorProto typed = Tensor(DataType::kInt64, {3});
  typed.add_int64_data(1);
  onnx::TensorProto complex = Tensor(DataType::kComplex64, {1});
  complex.add_float_data(1);
  const std::vector<TensorError> cases = {
      {"too few bytes", RawTensor(DataType::kFloat32, {2, 3}, "12345678"),
       "has 8 bytes of raw_data, but float32 2x3 takes 24; the file is "
       "damaged, or its writer is wrong"},
      {"too many bytes", RawTensor(DataType::kInt4, {3}, "123"),
       "has 3 bytes of raw_data, but int4 3 takes 2; the file is damaged, or "
       "its writer is wrong"},
      {"too few elements", typed,
       "has 1 elements in int64_data, but int64 3 takes 3; the file is "
       "damaged, or its writer is wrong"},
      {"no imaginary part", complex,
       "has 1 elements in float_data, but complex64 1 takes 2; the file is "
       "damaged, or its writer is wrong"},
      {"no data at all", Tensor(DataType::kFloat32, {2}),
       "has 0 elements in float_data, but float32 2 takes 2; the file is "
       "damaged, or its writer is wrong"},
      {"raw strings", RawTensor(DataType::kString, {1}, "a"),
       "has 0 elements in string_data, but string 1 takes 1; the file is "
       "damaged, or its writer is wrong"},
      {"negative dimension", RawTensor(DataType::kFloat32, {2, 5, -3}, ""),
       "dimension 2 is -3; the dimensions of stored data are zero or more"},
      {"too many elements",
       RawTensor(DataType::kFloat32, {int64_t{1} << 62, 2}, ""),
       "its shape 4611686018427387904x2 has more than 2^63 - 1 elements"},
      {"too many bytes to count",
       RawTensor(DataType::kFloat32, {int64_t{1} << 62}, ""),
       "has 0 bytes of raw_data, but float32 4611686018427387904 takes "
       "overflow; the file is damaged, or its writer is wrong"},
      {"no element type", Tensor(DataType::kUndefined, {}),
       "it has no element type; export the model with typed tensors"},
  };
  for (const TensorError& error : cases) {
    SCOPED_TRACE(error.name);
    EXPECT_THAT(ImportTensor(error.tensor, {}), FailsWith(error.message));
  }
}

TEST(StoredData, ThatWereCutAndContradictTheirShapeAreErrors) {
  onnx::ModelProto model = ReluModel();
  AddInitializer(model.mutable_graph(), "w", 1, {200}, std::string(1200, 'a'));
  EXPECT_THAT(Import(model),
              FailsWith("m.onnx: initializer 'w': has 1200 bytes of data, but "
                        "float32 200 takes 800; the file is damaged, or its "
                        "writer is wrong"));
}

TEST(StoredData, OfAnAttributeNameItsNodeInErrors) {
  onnx::ModelProto model = ReluModel();
  onnx::AttributeProto* attribute =
      model.mutable_graph()->mutable_node(0)->add_attribute();
  attribute->set_name("value");
  attribute->set_type(onnx::AttributeProto::TENSOR);
  FillTensor(attribute->mutable_t(), "", 7, {2});
  EXPECT_THAT(Import(model),
              FailsWith("m.onnx: Relu 'r', attribute 'value': has 0 elements "
                        "in int64_data, but int64 2 takes 2; the file is "
                        "damaged, or its writer is wrong"));
}

TEST(ExternalData, AreNotedAndNotOpened) {
  ASSERT_OK_AND_ASSIGN(
      const auto stored,
      ImportTensor(External({{"location", "./weights//sub/../w.bin"},
                             {"offset", "4096"},
                             {"length", "2400"},
                             {"checksum", "anything"}}),
                   {}));
  EXPECT_EQ(stored->payload.place, Payload::Place::kExternal);
  EXPECT_EQ(stored->payload.location, "weights/w.bin");
  EXPECT_EQ(stored->payload.offset_bytes, 4096u);
  EXPECT_EQ(stored->payload.length_bytes, 2u * 300u * 4u);
  EXPECT_EQ(stored->value, nullptr);
  ASSERT_OK_AND_ASSIGN(const auto bare,
                       ImportTensor(External({{"location", "w"}}), {}));
  EXPECT_EQ(bare->payload.length_bytes, 0u);
}

TEST(ExternalData, OutsideTheModelsFolderAreErrors) {
  for (const char* location : {"/etc/passwd", "..", "../w", "a/../../w", "a/..",
                               ".", "./", "a/b/../../../w/x"}) {
    EXPECT_THAT(
        ImportTensor(External({{"location", location}}), {}),
        FailsWith(absl::StrCat(
            "its external data lies in '", location,
            "', a path that leaves the model's folder; move the data beside "
            "the model and save it again")));
  }
  for (const onnx::TensorProto& tensor :
       {External({}), External({{"location", ""}})}) {
    EXPECT_THAT(ImportTensor(tensor, {}),
                FailsWith("its external data has no location; expected a file "
                          "in the model's folder"));
  }
  onnx::TensorProto zero_byte = External({{"location", "w"}});
  zero_byte.mutable_external_data(0)->set_value(std::string("w\0../x", 6));
  EXPECT_THAT(ImportTensor(zero_byte, {}),
              FailsWith(HasSubstr("a path that leaves the model's folder")));
}

TEST(ExternalData, OfAPlaceThatIsNoNumberAreErrors) {
  for (const char* number : {"-1", "ten", "", "0x10", "99999999999999999999"}) {
    EXPECT_THAT(
        ImportTensor(External({{"location", "w"}, {"offset", number}}), {}),
        FailsWith(absl::StrCat("the offset of its external data is '", number,
                               "'; expected a number of bytes")));
    EXPECT_THAT(
        ImportTensor(External({{"location", "w"}, {"length", number}}), {}),
        FailsWith(absl::StrCat("the length of its external data is '", number,
                               "'; expected a number of bytes")));
  }
}

TEST(ExternalData, ThatContradictTheirShapeAreErrors) {
  EXPECT_THAT(
      ImportTensor(External({{"location", "w"}, {"length", "2399"}}), {}),
      FailsWith("has 2399 bytes of external data, but float32 2x300 takes "
                "2400; the file is damaged, or its writer is wrong"));
}

onnx::SparseTensorProto Sparse(std::vector<int64_t> index_dims) {
  onnx::SparseTensorProto sparse;
  *sparse.mutable_values() = RawTensor(DataType::kInt8, {2}, "ab");
  int64_t count = 1;
  for (const int64_t dim : index_dims) count *= dim;
  *sparse.mutable_indices() =
      RawTensor(DataType::kInt64, std::move(index_dims),
                std::string(static_cast<size_t>(8 * count), '\0'));
  sparse.add_dims(4);
  sparse.add_dims(5);
  return sparse;
}

TEST(SparseTensor, HasItsDenseShapeAndNoValue) {
  for (const onnx::SparseTensorProto& sparse : {Sparse({2}), Sparse({2, 2})}) {
    ASSERT_OK_AND_ASSIGN(const auto stored, ImportSparseTensor(sparse, {}));
    EXPECT_EQ(ToString(stored->type), "int8 4x5");
    EXPECT_TRUE(stored->is_sparse);
    EXPECT_EQ(stored->value, nullptr);
  }
}

TEST(SparseTensor, WithoutARowOfIndicesForEachValueIsAnError) {
  EXPECT_THAT(ImportSparseTensor(Sparse({3, 2}), {}),
              FailsWith("its values are 2 and its indices 3x2; expected one "
                        "row of indices for each value"));
  onnx::SparseTensorProto no_values = Sparse({2});
  no_values.clear_values();
  EXPECT_THAT(ImportSparseTensor(no_values, {}),
              FailsWith("its values: it has no element type; export the model "
                        "with typed tensors"));
  onnx::SparseTensorProto short_indices = Sparse({2});
  short_indices.mutable_indices()->set_raw_data("12345678");
  EXPECT_THAT(ImportSparseTensor(short_indices, {}),
              FailsWith(HasSubstr("its indices: has 8 bytes of raw_data")));
  onnx::SparseTensorProto negative = Sparse({2});
  negative.set_dims(1, -5);
  EXPECT_THAT(ImportSparseTensor(negative, {}),
              FailsWith(HasSubstr("dimension 1 is -5")));
}

}  // namespace
}  // namespace opcost
