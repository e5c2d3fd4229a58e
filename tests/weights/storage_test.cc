// SPDX-License-Identifier: Apache-2.0
#include "opcost/weights/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "opcost/ops/formula.h"
#include "tests/support/status_matchers.h"
#include "tests/weights/naive_statistics.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

constexpr int kFloat = 32;

StoredWeights Stored(const Rows& rows, StorageFormat format,
                     int value_bits = kFloat) {
  const MatrixLayout layout{1, static_cast<int64_t>(rows.size()),
                            static_cast<int64_t>(rows[0].size())};
  const absl::StatusOr<StoredWeights> stored =
      StoreWeights(NaiveStatistics(rows, layout), layout, format, value_bits);
  EXPECT_TRUE(stored.ok()) << stored.status();
  return stored.ok() ? *stored : StoredWeights{};
}

// All reads of one product: those of the arrays and of the vector.
int64_t Reads(const StoredWeights& stored) {
  int64_t reads = stored.input_reads;
  for (const StoredArray& array : stored.arrays) reads += array.reads;
  return reads;
}

// The worked example of the cost model, section 6: 12 columns with six
// non-zeros, all equal.
const Rows kExample = {{0, 3, 0, 3, 3, 0, 0, 3, 0, 3, 3, 0}};

TEST(StorageTest, TheExampleIsDenseIn24Reads) {
  const StoredWeights dense = Stored(kExample, StorageFormat::kDense);
  EXPECT_EQ(Reads(dense), 12 + 12);
  EXPECT_EQ(dense.mul, 12);
  EXPECT_EQ(dense.add, 12);
  EXPECT_EQ(dense.bytes, 12 * 4);
}

TEST(StorageTest, TheExampleIsCsrIn20Reads) {
  const StoredWeights csr = Stored(kExample, StorageFormat::kCsr);
  EXPECT_EQ(Reads(csr), 6 + 6 + 6 + 2);
  EXPECT_EQ(csr.mul, 6);
  EXPECT_EQ(csr.add, 6);
  EXPECT_EQ(csr.bytes, 6 * 4 + 6 * 1 + 2 * 1);
}

// Zero has 6 elements as 3 has; the lesser is implicit.
TEST(StorageTest, TheExampleIsCerIn17Reads) {
  const StoredWeights cer = Stored(kExample, StorageFormat::kCer);
  EXPECT_EQ(Reads(cer), 6 + 6 + 1 + (1 + 0 + 1) + 2);
  EXPECT_EQ(cer.mul, 1);
  EXPECT_EQ(cer.add, 6);
  EXPECT_THAT(cer.arrays,
              ElementsAre(StoredArray{"", 2, 2, 32, 1},
                          StoredArray{"columns", 6, 6, 8, 6},
                          StoredArray{"value pointers", 1 + 0 + 1, 2, 8, 2},
                          StoredArray{"row pointers", 2, 2, 8, 2}));
}

TEST(StorageTest, TheExampleIsCserIn18Reads) {
  const StoredWeights cser = Stored(kExample, StorageFormat::kCser);
  EXPECT_EQ(Reads(cser), 6 + 6 + 1 + 1 + (1 + 1) + 2);
  EXPECT_EQ(cser.mul, 1);
  EXPECT_EQ(cser.add, 6);
}

TEST(StorageTest, ABitmapHasWholeBytesForEachRow) {
  const StoredWeights bitmap = Stored(kExample, StorageFormat::kBitmap);
  EXPECT_THAT(bitmap.arrays, ElementsAre(StoredArray{"", 6, 6, 32, 6},
                                         StoredArray{"mask", 2, 2, 8, 2}));
  EXPECT_EQ(Reads(bitmap), 2 + 6 + 6);
}

// 2:4 and 4:8 take as many values; 4:8's indices are a bit wider.
TEST(StorageTest, NmTakesThePatternOfLeastStorage) {
  const Rows rows = {{1, 1, 0, 0, 1, 1, 0, 0}};
  const StoredWeights nm = Stored(rows, StorageFormat::kNm);
  EXPECT_EQ(nm.label(), "nm 2:4");
  EXPECT_THAT(nm.arrays, ElementsAre(StoredArray{"", 4, 4, 32, 4},
                                     StoredArray{"indices", 4, 4, 2, 4}));
  EXPECT_EQ(nm.bytes, 4 * 4 + (4 * 2) / 8);
}

TEST(StorageTest, NmRoundsColumnsUpToItsBlock) {
  const Rows rows = {{1, 0, 0, 0, 1}};
  const StoredWeights nm = Stored(rows, StorageFormat::kNm);
  // 1:2 has 3 slots, 1:4 2, 2:8 2: 2 * (32 + 2) bits are the fewest.
  EXPECT_EQ(nm.label(), "nm 1:4");
  EXPECT_EQ(nm.arrays[0].elements, 2);
  EXPECT_EQ(nm.input_reads, 2);
}

TEST(StorageTest, NmOfNothingHasNoSlots) {
  const StoredWeights nm = Stored({{0, 0, 0}}, StorageFormat::kNm);
  EXPECT_EQ(nm.label(), "nm 0:2");
  EXPECT_EQ(nm.bytes, 0);
  EXPECT_EQ(nm.mul, 0);
}

// Two rows of 4 columns, the implicit value 5: one value 7 in each.
TEST(StorageTest, AnImplicitValueOtherThanZeroTakesTheSumOfTheInputs) {
  const Rows rows = {{5, 5, 7, 5}, {7, 5, 5, 5}};
  for (const StorageFormat format :
       {StorageFormat::kCer, StorageFormat::kCser}) {
    const StoredWeights stored = Stored(rows, format);
    EXPECT_EQ(stored.mul, (1 + 1) + 2) << Name(format);
    EXPECT_EQ(stored.add, (1 + 1) + 4 + 2) << Name(format);
    EXPECT_EQ(stored.input_reads, (1 + 1) + 4) << Name(format);
  }
}

// Ranks: 0 is 0, 1 is 1, 2 is 2. The second row has rank 2 alone, and a
// pointer for the rank 1 that it lacks.
TEST(StorageTest, CerPadsTheRanksThatARowLacks) {
  const Rows rows = {{1, 1, 1, 0}, {0, 0, 2, 0}};
  const StoredWeights cer = Stored(rows, StorageFormat::kCer);
  EXPECT_THAT(cer.arrays, ElementsAre(StoredArray{"", 3, 3, 32, 2},
                                      StoredArray{"columns", 4, 4, 8, 4},
                                      StoredArray{"value pointers", 2 + 1 + 1,
                                                  4, 8, 2 + 1 + 2},
                                      StoredArray{"row pointers", 3, 3, 8, 4}));
}

TEST(StorageTest, GroupsHaveVectorsOfTheirOwn) {
  const Rows rows = {{5, 5, 5}, {5, 5, 7}};
  const MatrixLayout layout{.blocks = 2,
                            .rows = 1,
                            .columns = 3,
                            .is_transposed = false,
                            .is_one_matrix = true};
  ASSERT_OK_AND_ASSIGN(const StoredWeights cer,
                       StoreWeights(NaiveStatistics(rows, layout), layout,
                                    StorageFormat::kCer, kFloat));
  EXPECT_EQ(cer.add, 1 + 2 * 3 + 2);
  EXPECT_EQ(cer.input_reads, 1 + 2 * 3);
  // A group reads half of the columns, rounded up, but the table of values.
  EXPECT_EQ(cer.arrays[0].block_elements, 2);
  EXPECT_EQ(cer.arrays[1].block_elements, 1);
  EXPECT_EQ(cer.arrays[3].elements, 2 + 1);
  EXPECT_EQ(cer.arrays[3].block_elements, 1 + 1);
}

TEST(StorageTest, BatchedMatricesHaveAnEndPointerEach) {
  const Rows rows = {{1, 0, 0}, {0, 0, 0}, {0, 2, 0}, {0, 0, 2}};
  const MatrixLayout layout{2, 2, 3};
  ASSERT_OK_AND_ASSIGN(const StoredWeights csr,
                       StoreWeights(NaiveStatistics(rows, layout), layout,
                                    StorageFormat::kCsr, kFloat));
  EXPECT_THAT(csr.arrays, ElementsAre(StoredArray{"", 3, 2, 32, 3},
                                      StoredArray{"columns", 3, 2, 8, 3},
                                      StoredArray{"row pointers", 2 * (2 + 1),
                                                  3, 8, 2 * 4}));
}

TEST(StorageTest, AnIndexTakesTheSmallestWidthThatHoldsTheLargest) {
  EXPECT_EQ(IndexWidthBits(-1), 8);
  EXPECT_EQ(IndexWidthBits(0), 8);
  EXPECT_EQ(IndexWidthBits(255), 8);
  EXPECT_EQ(IndexWidthBits(256), 16);
  EXPECT_EQ(IndexWidthBits(65535), 16);
  EXPECT_EQ(IndexWidthBits(65536), 32);
  EXPECT_EQ(IndexWidthBits(4294967295), 32);
  EXPECT_EQ(IndexWidthBits(4294967296), 64);
}

// 256 columns have indices up to 255; Z = 256 doesn't fit 8 bits.
TEST(StorageTest, WidthsFollowWhatEachArrayKeeps) {
  const Rows rows = {std::vector<double>(256, 2)};
  const StoredWeights csr = Stored(rows, StorageFormat::kCsr);
  EXPECT_EQ(csr.arrays[1].width_bits, 8);
  EXPECT_EQ(csr.arrays[2].width_bits, 16);
  EXPECT_EQ(csr.bytes, 256 * 4 + 256 * 1 + 2 * 2);
}

TEST(StorageTest, TooManyDistinctValuesLeaveNoRanks) {
  const MatrixLayout layout{1, 1, 100000};
  TensorStatistics statistics;
  statistics.matrices = {{.rows = 1, .columns = 100000, .nonzeros = 99999}};
  for (const StorageFormat format :
       {StorageFormat::kCer, StorageFormat::kCser}) {
    EXPECT_THAT(StoreWeights(statistics, layout, format, kFloat),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         "it has more than 65536 distinct values"));
  }
}

TEST(StorageTest, NoZeroInABlockLeavesNoPattern) {
  const MatrixLayout layout{1, 1, 40};
  EXPECT_THAT(
      StoreWeights(NaiveStatistics({std::vector<double>(40, 1)}, layout),
                   layout, StorageFormat::kNm, kFloat),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               "it has no N:M pattern: somewhere 32 columns in a row hold no "
               "zero"));
}

TEST(StorageTest, StatisticsOfOtherMatricesAreRefused) {
  const Rows rows = {{1, 2}, {3, 4}};
  EXPECT_THAT(StoreWeights(NaiveStatistics(rows, {1, 2, 2}), {2, 1, 2},
                           StorageFormat::kCsr, kFloat),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "the statistics of 1 matrices aren't those of 2 blocks "
                       "of 1 x 2"));
}

TEST(StorageTest, SizesBeyond63BitsAreAnError) {
  const int64_t large = int64_t{1} << 62;
  const MatrixLayout layout{1, large, 1};
  TensorStatistics statistics;
  statistics.matrices = {{.rows = large, .columns = 1, .nonzeros = large}};
  EXPECT_THAT(StoreWeights(statistics, layout, StorageFormat::kCsr, kFloat),
              StatusIs(absl::StatusCode::kOutOfRange,
                       "the sizes of its weights' storage don't fit 63 bits"));
}

TEST(StorageTest, NamesGoBothWays) {
  for (const StorageFormat format : kStorageFormats) {
    EXPECT_EQ(StorageFormatFromName(Name(format)), format);
  }
  EXPECT_EQ(StorageFormatFromName("auto"), std::nullopt);
}

}  // namespace
}  // namespace opcost
