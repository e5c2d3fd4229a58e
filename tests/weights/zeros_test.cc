// SPDX-License-Identifier: Apache-2.0
// Zero counts, and which patterns are zeros.
#include "opcost/weights/zeros.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/support/status_matchers.h"
#include "tests/weights/bytes_payload.h"

namespace opcost {
namespace {

TEST(ZeroOf, TakesBothZerosOfAFloatAndTheZeroPointOfAnInteger) {
  EXPECT_EQ(ZeroOf(DataType::kFloat32), (ZeroPattern{0x7fffffff, 0, true}));
  EXPECT_EQ(ZeroOf(DataType::kBfloat16), (ZeroPattern{0x7fff, 0, true}));
  EXPECT_EQ(ZeroOf(DataType::kFloat8E5M2), (ZeroPattern{0x7f, 0, true}));
  EXPECT_EQ(ZeroOf(DataType::kFloat4E2M1), (ZeroPattern{7, 0, true}));
  // There, what would be -0 is NaN.
  EXPECT_EQ(ZeroOf(DataType::kFloat8E4M3FNUZ), (ZeroPattern{0xff, 0, true}));
  EXPECT_FALSE(ZeroOf(DataType::kFloat8E8M0).exists);
  EXPECT_EQ(ZeroOf(DataType::kInt8, -3), (ZeroPattern{0xff, 0xfd, true}));
  EXPECT_EQ(ZeroOf(DataType::kUint4, 8), (ZeroPattern{0xf, 8, true}));
  EXPECT_EQ(ZeroOf(DataType::kInt64), (ZeroPattern{~uint64_t{0}, 0, true}));
  // Beyond what the type holds.
  EXPECT_FALSE(ZeroOf(DataType::kInt8, 128).exists);
  EXPECT_FALSE(ZeroOf(DataType::kUint4, -1).exists);
}

TEST(CountZeros, FindsEveryPlaceForEveryWidth) {
  const struct {
    DataType type;
    int64_t zero_point;
  } kCases[] = {{DataType::kFloat64, 0},   {DataType::kFloat32, 0},
                {DataType::kFloat16, 0},   {DataType::kInt8, 5},
                {DataType::kUint4, 8},     {DataType::kInt2, -1},
                {DataType::kFloat4E2M1, 0}};
  std::mt19937_64 engine(3);
  for (const auto& c : kCases) {
    const int width = WidthBits(c.type);
    const ZeroPattern zero = ZeroOf(c.type, c.zero_point);
    for (const int64_t elements : {1, 3, 127, 128, 129, 100003}) {
      SCOPED_TRACE(Name(c.type));
      std::vector<uint64_t> codes;
      int64_t expected = 0;
      for (int64_t i = 0; i < elements; ++i) {
        const uint64_t code = engine() % 3 == 0 ? zero.value : engine();
        codes.push_back(width == 64 ? code
                                    : code & ((uint64_t{1} << width) - 1));
        if ((codes.back() & zero.mask) == zero.value) ++expected;
      }
      const BytesPayload payload(PackCodes(codes, width), 4096);
      for (const int threads : {1, 3}) {
        ASSERT_OK_AND_ASSIGN(
            const int64_t zeros,
            CountZeros(payload, c.type, elements, zero, threads));
        EXPECT_EQ(zeros, expected);
      }
    }
  }
}

TEST(CountZeros, RefusesStrings) {
  const BytesPayload payload(std::vector<uint8_t>(8, 0));
  EXPECT_THAT(CountZeros(payload, DataType::kString, 1, ZeroPattern{}),
              FailsWith("elements of type string aren't weights"));
}

}  // namespace
}  // namespace opcost
