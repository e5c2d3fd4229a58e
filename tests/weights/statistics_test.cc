// SPDX-License-Identifier: Apache-2.0
// Statistics of weights against their definitions.
#include "opcost/weights/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "opcost/ir/element_bits.h"
#include "tests/support/status_matchers.h"
#include "tests/weights/bytes_payload.h"
#include "tests/weights/plain_statistics.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

constexpr DataType kTypes[] = {DataType::kFloat32,    DataType::kUint8,
                               DataType::kInt8,       DataType::kUint16,
                               DataType::kInt16,      DataType::kInt32,
                               DataType::kInt64,      DataType::kBool,
                               DataType::kFloat16,    DataType::kFloat64,
                               DataType::kUint32,     DataType::kUint64,
                               DataType::kBfloat16,   DataType::kFloat8E4M3FN,
                               DataType::kFloat8E5M2, DataType::kFloat8E4M3FNUZ,
                               DataType::kUint4,      DataType::kFloat8E5M2FNUZ,
                               DataType::kInt4,       DataType::kFloat4E2M1,
                               DataType::kFloat8E8M0, DataType::kUint2,
                               DataType::kInt2};

void ExpectSame(const TensorStatistics& got, const TensorStatistics& expected) {
  EXPECT_EQ(got.elements, expected.elements);
  EXPECT_EQ(got.zeros, expected.zeros);
  EXPECT_EQ(got.minimum, expected.minimum);
  EXPECT_EQ(got.maximum, expected.maximum);
  EXPECT_EQ(got.not_numbers, expected.not_numbers);
  EXPECT_EQ(got.distinct, expected.distinct);
  EXPECT_EQ(got.implicit_count, expected.implicit_count);
  EXPECT_EQ(got.implicit_is_zero, expected.implicit_is_zero);
  EXPECT_EQ(got.zero_rows, expected.zero_rows);
  EXPECT_EQ(got.zero_columns, expected.zero_columns);
  EXPECT_EQ(got.zero_channels, expected.zero_channels);
  ASSERT_EQ(got.entropy_bits.has_value(), expected.entropy_bits.has_value());
  if (got.entropy_bits.has_value()) {
    EXPECT_NEAR(*got.entropy_bits, *expected.entropy_bits, 1e-9);
    EXPECT_TRUE(*got.implicit_value == *expected.implicit_value ||
                (std::isnan(*got.implicit_value) &&
                 std::isnan(*expected.implicit_value)));
  }
  ASSERT_EQ(got.matrices.size(), expected.matrices.size());
  for (size_t i = 0; i < got.matrices.size(); ++i) {
    const MatrixStatistics& a = got.matrices[i];
    const MatrixStatistics& b = expected.matrices[i];
    EXPECT_EQ(a.rows, b.rows);
    EXPECT_EQ(a.columns, b.columns);
    EXPECT_EQ(a.nonzeros, b.nonzeros);
    EXPECT_EQ(a.explicit_elements, b.explicit_elements);
    EXPECT_EQ(a.distinct_in_rows, b.distinct_in_rows);
    EXPECT_EQ(a.padded, b.padded);
    EXPECT_EQ(a.most_in_block, b.most_in_block);
  }
  EXPECT_EQ(got.rows, expected.rows);
}

// Codes of which a share is zero (of either sign) and the others come from a
// few patterns or from all.
class RandomCodes {
 public:
  explicit RandomCodes(uint32_t seed) : engine_(seed) {}

  int64_t Between(int64_t low, int64_t high) {
    return std::uniform_int_distribution<int64_t>(low, high)(engine_);
  }

  std::vector<uint64_t> Draw(DataType type, int64_t count, int64_t zero) {
    const int width = WidthBits(type);
    const uint64_t mask =
        width == 64 ? ~uint64_t{0} : (uint64_t{1} << width) - 1;
    const double sparsity = static_cast<double>(Between(0, 10)) / 10;
    std::vector<uint64_t> patterns;
    if (Between(0, 2) != 0) {
      const int64_t few = Between(1, 20);
      for (int64_t i = 0; i < few; ++i) patterns.push_back(engine_() & mask);
    }
    std::vector<uint64_t> codes;
    for (int64_t i = 0; i < count; ++i) {
      if (std::uniform_real_distribution<double>()(engine_) < sparsity) {
        const bool is_negative = IsFloating(type) && Between(0, 1) == 1;
        codes.push_back(is_negative ? uint64_t{1} << (width - 1)
                                    : static_cast<uint64_t>(zero) & mask);
      } else if (patterns.empty()) {
        codes.push_back(engine_() & mask);
      } else {
        codes.push_back(patterns[engine_() % patterns.size()]);
      }
      if (type == DataType::kBool) codes.back() = codes.back() != 0 ? 1 : 0;
    }
    return codes;
  }

 private:
  std::mt19937_64 engine_;
};

ZeroPoints DrawZeroPoints(DataType type, const MatrixLayout& layout,
                          RandomCodes& random) {
  ZeroPoints zeros;
  if (!IsInteger(type) || random.Between(0, 1) == 0) return zeros;
  const int64_t most =
      std::min<int64_t>((1 << (WidthBits(type) < 8 ? 1 : 6)), 64);
  zeros.values = {random.Between(0, most - 1)};
  if (random.Between(0, 1) == 0) return zeros;
  zeros.columns_each = random.Between(0, layout.columns);
  const int64_t each =
      zeros.columns_each > 0 ? zeros.columns_each : layout.columns;
  const int64_t count =
      layout.blocks * layout.rows * ((layout.columns + each - 1) / each);
  zeros.values.clear();
  for (int64_t i = 0; i < count; ++i) {
    zeros.values.push_back(random.Between(0, most - 1));
  }
  return zeros;
}

TEST(Statistics, AreThoseOfTheDefinitionsForEveryTypeAndLayout) {
  RandomCodes random(1);
  for (const DataType type : kTypes) {
    for (int i = 0; i < 24; ++i) {
      MatrixLayout layout;
      layout.blocks = random.Between(1, 4);
      layout.rows = random.Between(1, i % 3 == 0 ? 70 : 9);
      layout.columns = random.Between(1, i % 3 == 1 ? 150 : 9);
      layout.is_transposed = i % 2 == 1;
      layout.is_one_matrix = random.Between(0, 1) == 1;
      StatisticsOptions options;
      options.zero_points = DrawZeroPoints(type, layout, random);
      options.columns_per_channel = random.Between(1, 9);
      options.wants_rows = true;
      options.threads = static_cast<int>(random.Between(1, 3));
      const std::vector<uint64_t> codes =
          random.Draw(type, layout.blocks * layout.rows * layout.columns,
                      options.zero_points.values[0]);
      SCOPED_TRACE(absl::StrCat(Name(type), " ", layout.blocks, " x ",
                                layout.rows, " x ", layout.columns,
                                layout.is_transposed ? " transposed" : ""));
      const BytesPayload payload(PackCodes(codes, WidthBits(type)),
                                 i % 4 == 0 ? 16 : 4096);
      ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                           ComputeStatistics(payload, type, layout, options));
      ExpectSame(statistics, PlainStatistics(codes, type, layout, options));
      if (HasFailure()) return;
    }
  }
}

// Tensors that several threads share, and rows longer than a piece or a tile.
TEST(Statistics, OfLargeTensorsAreTheSameOnAnyNumberOfThreads) {
  struct Case {
    DataType type;
    MatrixLayout layout;
  };
  const Case cases[] = {
      {DataType::kInt8, {1, 11, 50011, false, false}},
      {DataType::kInt4, {3, 7, 9001, false, true}},
      {DataType::kInt4, {1, 133, 1001, true, false}},
      {DataType::kFloat16, {1, 300, 400, true, false}},
      {DataType::kFloat16, {2, 3, 9000, true, false}},
      {DataType::kInt32, {1, 300, 300, false, false}},
      // On 32 threads a tile holds a part of the columns.
      {DataType::kInt64, {1, 260, 600, true, false}},
      {DataType::kUint16, {5000, 3, 9, false, false}},
  };
  RandomCodes random(2);
  for (const Case& c : cases) {
    SCOPED_TRACE(absl::StrCat(Name(c.type), " ", c.layout.rows, " x ",
                              c.layout.columns));
    const int64_t count = c.layout.blocks * c.layout.rows * c.layout.columns;
    const std::vector<uint64_t> codes = random.Draw(c.type, count, 0);
    const BytesPayload payload(PackCodes(codes, WidthBits(c.type)));
    StatisticsOptions options;
    options.wants_rows = true;
    const TensorStatistics expected =
        PlainStatistics(codes, c.type, c.layout, options);
    for (const int threads : {1, 32}) {
      options.threads = threads;
      ASSERT_OK_AND_ASSIGN(
          const TensorStatistics statistics,
          ComputeStatistics(payload, c.type, c.layout, options));
      ExpectSame(statistics, expected);
    }
  }
}

std::vector<uint64_t> FloatCodes(const std::vector<float>& numbers) {
  std::vector<uint64_t> codes;
  for (const float number : numbers) {
    codes.push_back(std::bit_cast<uint32_t>(number));
  }
  return codes;
}

TEST(Statistics, OfTheWorkedExampleAreSixEqualElementsOfOneRow) {
  const BytesPayload payload(
      PackCodes(FloatCodes({0, 3, 0, 3, 3, 0, 0, 3, 0, 3, 0, 3}), 32));
  ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                       ComputeStatistics(payload, DataType::kFloat32,
                                         {1, 1, 12, false, false}, {}));
  EXPECT_EQ(statistics.zeros, 6);
  EXPECT_EQ(statistics.distinct, 2);
  EXPECT_EQ(statistics.implicit_value, 0);  // a tie, and 0 < 3
  EXPECT_TRUE(statistics.implicit_is_zero);
  EXPECT_DOUBLE_EQ(*statistics.entropy_bits, 1.0);
  const MatrixStatistics& matrix = statistics.matrices.at(0);
  EXPECT_EQ(matrix.nonzeros, 6);
  EXPECT_EQ(matrix.explicit_elements, 6);
  EXPECT_EQ(matrix.distinct_in_rows, 1);
  EXPECT_EQ(matrix.padded, 0);
  EXPECT_THAT(matrix.most_in_block, ElementsAre(1, 2, 4, 6, 6));
}

TEST(Statistics, PadTheRanksThatARowLacks) {
  // Ranks over the tensor: 0: four times, 1: three, 2: twice, 5: once.
  const BytesPayload payload(PackCodes(FloatCodes({0, 0, 1, 1, 1,  //
                                                   0, 0, 2, 2, 5}),
                                       32));
  StatisticsOptions options;
  options.wants_rows = true;
  ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                       ComputeStatistics(payload, DataType::kFloat32,
                                         {1, 2, 5, false, false}, options));
  // The second row has the ranks 2 and 3, but not 1.
  EXPECT_THAT(statistics.rows, ElementsAre(RowStatistics{3, 3, 1, 0},
                                           RowStatistics{3, 3, 2, 1}));
}

TEST(Statistics, TakeMinusZeroForZeroAndAllNansForOne) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const BytesPayload payload(
      PackCodes(FloatCodes({0, -0.0F, nan, -nan, 1.5F, -2}), 32));
  ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                       ComputeStatistics(payload, DataType::kFloat32,
                                         {1, 2, 3, false, false}, {}));
  EXPECT_EQ(statistics.zeros, 2);
  EXPECT_EQ(statistics.not_numbers, 2);
  EXPECT_EQ(statistics.distinct, 4);  // 0, NaN, 1.5, -2
  EXPECT_EQ(statistics.minimum, -2);
  EXPECT_EQ(statistics.maximum, 1.5);
}

TEST(Statistics, GiveUpDistinctValuesBeyond65536) {
  for (const int64_t distinct : {65536, 65537}) {
    std::vector<uint64_t> codes;
    for (int64_t i = 0; i < 2 * distinct; ++i) {
      codes.push_back(static_cast<uint64_t>(i % distinct));
    }
    const BytesPayload payload(PackCodes(codes, 32));
    const MatrixLayout layout = {1, 2, distinct, false, false};
    ASSERT_OK_AND_ASSIGN(
        const TensorStatistics statistics,
        ComputeStatistics(payload, DataType::kInt32, layout, {}));
    EXPECT_EQ(statistics.zeros, 2);
    EXPECT_EQ(statistics.minimum, 0);
    EXPECT_EQ(statistics.maximum, static_cast<double>(distinct - 1));
    if (distinct == 65536) {
      EXPECT_EQ(statistics.distinct, 65536);
      EXPECT_DOUBLE_EQ(*statistics.entropy_bits, 16.0);
      EXPECT_EQ(statistics.matrices[0].distinct_in_rows, 2 * (65536 - 1));
    } else {
      EXPECT_FALSE(statistics.distinct.has_value());
      EXPECT_FALSE(statistics.entropy_bits.has_value());
      EXPECT_FALSE(statistics.implicit_value.has_value());
      EXPECT_EQ(statistics.matrices[0].distinct_in_rows, 0);
    }
  }
}

TEST(Statistics, OfNoElementsAreZero) {
  const BytesPayload payload(std::vector<uint8_t>{});
  ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                       ComputeStatistics(payload, DataType::kFloat32,
                                         {1, 0, 12, false, false}, {}));
  EXPECT_EQ(statistics.elements, 0);
  EXPECT_EQ(statistics.zeros, 0);
  EXPECT_FALSE(statistics.distinct.has_value());
}

TEST(Statistics, RefuseWhatTheyCanNotCount) {
  const BytesPayload payload(std::vector<uint8_t>(48, 0));
  EXPECT_THAT(ComputeStatistics(payload, DataType::kString,
                                {1, 2, 3, false, false}, {}),
              FailsWith("elements of type string aren't weights"));
  EXPECT_THAT(ComputeStatistics(payload, DataType::kComplex64,
                                {1, 2, 3, false, false}, {}),
              FailsWith("elements of type complex64 aren't weights"));
  EXPECT_THAT(ComputeStatistics(payload, DataType::kFloat32,
                                {1, 3, 5, false, false}, {}),
              FailsWith("1 matrices of 3 x 5 take 60 bytes of float32, but the "
                        "tensor has 48"));
  const int64_t huge = int64_t{1} << 40;
  EXPECT_THAT(ComputeStatistics(payload, DataType::kFloat32,
                                {huge, huge, huge, false, false}, {}),
              FailsWith("has too many elements to be read"));
  const BytesPayload empty(std::vector<uint8_t>{});
  EXPECT_THAT(ComputeStatistics(empty, DataType::kFloat32,
                                {int64_t{1} << 17, 0, 3, false, false}, {}),
              FailsWith("is 131072 matrices; at most 65536 are looked at"));
  StatisticsOptions options;
  options.zero_points.values = {1, 2, 3};
  EXPECT_THAT(ComputeStatistics(payload, DataType::kInt32,
                                {1, 2, 6, false, false}, options),
              FailsWith("has 3 zero points; expected 1 or 2"));
  options.zero_points.values = {0};
  options.wants_rows = true;
  EXPECT_THAT(ComputeStatistics(empty, DataType::kInt32,
                                {1, huge, 0, false, false}, options),
              FailsWith("has 1099511627776 rows; at most 67108864 are listed"));
}

TEST(Statistics, PassOnWhatReadingFailsWith) {
  BytesPayload payload(std::vector<uint8_t>(48, 0));
  payload.set_fails();
  for (const bool is_transposed : {false, true}) {
    EXPECT_THAT(ComputeStatistics(payload, DataType::kFloat32,
                                  {1, 3, 4, is_transposed, false}, {}),
                FailsWith("the disk is gone"));
  }
}

}  // namespace
}  // namespace opcost
