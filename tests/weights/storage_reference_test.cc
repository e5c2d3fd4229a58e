// SPDX-License-Identifier: Apache-2.0
// The formulae of the storage formats against their executed products, over
// random matrices.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/ops/formula.h"
#include "opcost/weights/storage.h"
#include "tests/support/counting.h"
#include "tests/support/status_matchers.h"
#include "tests/weights/bytes_payload.h"
#include "tests/weights/executed_formats.h"
#include "tests/weights/naive_statistics.h"

namespace opcost {
namespace {

// Widths of `bits` hold integers of as many values.
double RandomValue(std::mt19937& random, int distinct, int bits) {
  const int most = bits < 12 ? 1 << bits : 4096;
  const int zero = most / 2;
  std::uniform_int_distribution<int> pick(0, std::min(distinct, most) - 1);
  return pick(random) - zero;
}

int Pick(std::mt19937& random, int least, int most) {
  return std::uniform_int_distribution<int>(least, most)(random);
}

Case RandomCase(std::mt19937& random) {
  Case c;
  c.layout.blocks = Pick(random, 0, 3) == 0 ? Pick(random, 2, 3) : 1;
  c.layout.is_one_matrix = c.layout.blocks > 1 && Pick(random, 0, 1) == 0;
  c.layout.rows = Pick(random, 1, 3);
  // Now and then more columns than a mask of one byte or a block of 32 has.
  c.layout.columns = Pick(random, 1, Pick(random, 0, 7) == 0 ? 70 : 10);
  constexpr int kWidths[] = {4, 6, 7, 8, 12, 16, 24, 32};
  c.value_bits = kWidths[Pick(random, 0, 7)];
  c.vectors = Pick(random, 0, 3) == 0 ? 2 : 1;
  const int distinct = 1 << Pick(random, 0, 12);
  const double sparsity = Pick(random, 0, 10) / 10.0;
  // What fills the matrix: zero mostly, else a value of its own.
  const double filling =
      Pick(random, 0, 3) == 0 ? RandomValue(random, distinct, c.value_bits) : 0;
  std::bernoulli_distribution is_filled(sparsity);
  for (int64_t r = 0; r < c.layout.blocks * c.layout.rows; ++r) {
    const bool is_empty = Pick(random, 0, 5) == 0;
    auto& row = c.rows.emplace_back();
    for (int64_t k = 0; k < c.layout.columns; ++k) {
      row.push_back(is_empty || is_filled(random)
                        ? filling
                        : RandomValue(random, distinct, c.value_bits));
    }
  }
  return c;
}

std::string Describe(const Case& c) {
  std::string text = absl::StrCat(
      c.layout.blocks, c.layout.is_one_matrix ? " groups of " : " blocks of ",
      c.layout.rows, "x", c.layout.columns, ", ", c.value_bits, " bits\n");
  for (const auto& row : c.rows) {
    for (const double value : row) absl::StrAppend(&text, value, " ");
    text += "\n";
  }
  return text;
}

std::vector<double> Products(const Case& c, const std::vector<double>& x) {
  std::vector<double> y;
  for (size_t r = 0; r < c.rows.size(); ++r) {
    double sum = 0;
    for (size_t k = 0; k < c.rows[r].size(); ++k) {
      sum += c.rows[r][k] * x[static_cast<size_t>(Input(c, r, k))];
    }
    y.push_back(sum);
  }
  return y;
}

int64_t Of(const std::map<std::string, int64_t>& counts,
           const std::string& name) {
  const auto known = counts.find(name);
  return known == counts.end() ? 0 : known->second;
}

// What the formula that `explain` shows gives, for all vectors.
int64_t ByFormula(const StoredWeights& stored, absl::string_view formula,
                  int vectors) {
  const auto value = EvaluateFormula(
      formula, [&](absl::string_view name) -> std::optional<Count> {
        if (name == "P") return Count(vectors);
        for (const auto& [known, number] : stored.legend) {
          if (known == name) return Count(number);
        }
        return std::nullopt;
      });
  EXPECT_TRUE(value.ok()) << value.status();
  return value.ok() ? value->AsInt().value_or(-1) : -1;
}

void ExpectFormulae(const StoredWeights& stored, const Tally& tally,
                    int vectors) {
  const StorageFormula& formula = FormulaOf(stored);
  EXPECT_EQ(ByFormula(stored, formula.mul, vectors),
            Of(tally.operations, "mul"));
  EXPECT_EQ(ByFormula(stored, formula.add, vectors),
            Of(tally.operations, "add"));
  for (const auto& [part, reads] : FormulaTerms(formula.reads)) {
    const std::string name = part == "values"  ? ""
                             : part == "input" ? "x"
                                               : std::string(part);
    EXPECT_EQ(ByFormula(stored, reads, vectors), Of(tally.reads, name)) << part;
  }
}

// Executes `format` and holds what it did against what `stored` says.
void ExpectAgrees(const Case& c, ExecutedFormat& format,
                  const StoredWeights& stored, std::mt19937& random) {
  SCOPED_TRACE(stored.label());
  const Arrays arrays = format.Build(c);
  std::map<std::string, int64_t> reads, operations;
  Tally all;
  for (int v = 0; v < c.vectors; ++v) {
    std::vector<double> x;
    for (int64_t i = 0; i < c.layout.blocks * c.layout.columns; ++i) {
      x.push_back(Pick(random, -9, 9));
    }
    Machine machine(c, arrays, x);
    format.Multiply(c, machine);
    for (const auto& [name, n] : machine.tally().reads) all.reads[name] += n;
    for (const auto& [name, n] : machine.tally().operations) {
      all.operations[name] += n;
    }
    EXPECT_EQ(Of(machine.tally().writes, "y"),
              static_cast<int64_t>(c.rows.size()));
    std::vector<double> y;
    for (int64_t r = 0; r < machine.y().size(); ++r) {
      y.push_back(machine.y().Read(r).value());
    }
    EXPECT_EQ(y, Products(c, x));
  }
  EXPECT_EQ(stored.mul * c.vectors, Of(all.operations, "mul"));
  EXPECT_EQ(stored.add * c.vectors, Of(all.operations, "add"));
  EXPECT_EQ(stored.input_reads * c.vectors, Of(all.reads, "x"));
  int64_t bytes = 0;
  for (const auto& [part, kept] : arrays) {
    bytes +=
        (static_cast<int64_t>(kept.contents.size()) * kept.width_bits + 7) / 8;
  }
  EXPECT_EQ(stored.bytes, bytes);
  EXPECT_EQ(stored.arrays.size(), arrays.size());
  for (const StoredArray& array : stored.arrays) {
    const std::string part(array.part);
    ASSERT_EQ(arrays.count(part), 1U) << part;
    const Kept& kept = arrays.at(part);
    EXPECT_EQ(array.elements, static_cast<int64_t>(kept.contents.size()))
        << part;
    EXPECT_EQ(array.width_bits, kept.width_bits) << part;
    EXPECT_EQ(array.reads * c.vectors, Of(all.reads, part)) << part;
  }
  ExpectFormulae(stored, all, c.vectors);
}

constexpr int kCases = 2000;

TEST(StorageReferenceTest, EveryFormatDoesWhatItsFormulaeSay) {
  std::mt19937 random(20251121);
  int with_filling = 0, grouped = 0, batched = 0, patterns = 0;
  for (int i = 0; i < kCases && !HasFailure(); ++i) {
    const Case c = RandomCase(random);
    const TensorStatistics statistics = NaiveStatistics(c.rows, c.layout);
    with_filling += statistics.implicit_is_zero ? 0 : 1;
    grouped += c.layout.blocks > 1 && c.layout.is_one_matrix ? 1 : 0;
    batched += c.layout.blocks > 1 && !c.layout.is_one_matrix ? 1 : 0;
    for (const StorageFormat format : kStorageFormats) {
      const auto stored =
          StoreWeights(statistics, c.layout, format, c.value_bits);
      if (format == StorageFormat::kNm) {
        const auto [most, block] = PatternOf(c);
        ASSERT_EQ(stored.ok(), most < block) << Describe(c);
        if (!stored.ok()) continue;
        ++patterns;
        EXPECT_EQ(stored->label(), absl::StrCat("nm ", most, ":", block));
      }
      ASSERT_THAT(stored, IsOk());
      ExpectAgrees(c, *NewFormat(c, format), *stored, random);
    }
    const auto skipping = SkipZeros(statistics, c.layout, c.value_bits);
    ASSERT_THAT(skipping, IsOk());
    ExpectAgrees(c, *DenseSkipping(), *skipping, random);
    // Not a trace, which would take longer than the test.
    if (HasFailure()) ADD_FAILURE() << "of " << Describe(c);
  }
  // The cases are of every kind.
  for (const int kind : {with_filling, grouped, batched, patterns}) {
    EXPECT_GT(kind, kCases / 20);
  }
}

// The same statistics from what a model stores.
TEST(StorageReferenceTest, StoredTensorsHaveTheStatisticsOfTheirMatrices) {
  std::mt19937 random(7);
  for (int i = 0; i < 40; ++i) {
    Case c = RandomCase(random);
    c.value_bits = 32;
    const TensorStatistics plain = NaiveStatistics(c.rows, c.layout);
    std::vector<uint64_t> codes;
    for (const auto& row : c.rows) {
      for (const double value : row) {
        codes.push_back(std::bit_cast<uint32_t>(static_cast<float>(value)));
      }
    }
    StatisticsOptions options;
    options.threads = 1;
    ASSERT_OK_AND_ASSIGN(
        const TensorStatistics streamed,
        ComputeStatistics(BytesPayload(PackCodes(codes, 32)),
                          DataType::kFloat32, c.layout, options));
    for (const StorageFormat format : kStorageFormats) {
      const auto from_plain = StoreWeights(plain, c.layout, format, 32);
      const auto from_streamed = StoreWeights(streamed, c.layout, format, 32);
      ASSERT_EQ(from_plain.ok(), from_streamed.ok());
      if (!from_plain.ok()) continue;
      EXPECT_EQ(from_plain->arrays, from_streamed->arrays) << Describe(c);
      EXPECT_EQ(from_plain->bytes, from_streamed->bytes);
      EXPECT_EQ(from_plain->legend, from_streamed->legend);
    }
  }
}

// Laws: of full matrices csr and bitmap do the products of dense ones, of empty
// ones no format but dense does any.
TEST(StorageReferenceTest, FullMatricesHaveTheProductsOfDenseOnes) {
  const MatrixLayout layout{1, 3, 9};
  const Rows rows(3, std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9});
  const TensorStatistics statistics = NaiveStatistics(rows, layout);
  for (const StorageFormat format :
       {StorageFormat::kDense, StorageFormat::kCsr, StorageFormat::kBitmap}) {
    ASSERT_OK_AND_ASSIGN(const StoredWeights stored,
                         StoreWeights(statistics, layout, format, 32));
    EXPECT_EQ(stored.mul, 3 * 9) << Name(format);
    EXPECT_EQ(stored.add, 3 * 9) << Name(format);
    EXPECT_EQ(stored.input_reads, 3 * 9) << Name(format);
    EXPECT_EQ(stored.arrays[0].elements, 3 * 9) << Name(format);
  }
  ASSERT_OK_AND_ASSIGN(const StoredWeights skipping,
                       SkipZeros(statistics, layout, 32));
  EXPECT_EQ(skipping.mul, 3 * 9);
}

TEST(StorageReferenceTest, EmptyMatricesHaveNoProducts) {
  const MatrixLayout layout{1, 3, 9};
  const TensorStatistics statistics =
      NaiveStatistics(Rows(3, std::vector<double>(9, 0)), layout);
  for (const StorageFormat format : kStorageFormats) {
    if (format == StorageFormat::kDense) continue;
    ASSERT_OK_AND_ASSIGN(const StoredWeights stored,
                         StoreWeights(statistics, layout, format, 32));
    EXPECT_EQ(stored.mul, 0) << Name(format);
    EXPECT_EQ(stored.add, 0) << Name(format);
    EXPECT_EQ(stored.input_reads, 0) << Name(format);
  }
}

}  // namespace
}  // namespace opcost
