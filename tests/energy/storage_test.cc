// SPDX-License-Identifier: Apache-2.0
// Estimates of models whose weights are stored in other formats than dense.
#include "opcost/memory/storage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "opcost/energy/estimate.h"
#include "opcost/energy/symbolic.h"
#include "tests/support/decimal_table.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"
#include "tests/weights/naive_statistics.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Two layers: `few` has few distinct values, `many` as many as weights.
constexpr char kTwo[] = R"(
  (float[1,4] x) => (float[1,2] y)
  <float[4,4] few = {0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0},
   float[4,2] many = {0,0,0,0,0,0,0,0}> {
    h = MatMul(x, few)
    y = MatMul(h, many)
  })";

const Rows kFew = {{7, 7, 0, 0}, {0, 0, 0, 0}, {7, 7, 7, 0}, {0, 7, 0, 7}};
const Rows kMany = {{1, 2, 3, 4}, {5, 6, 7, 8}};

// The table has no price for indices of 2 bits.
constexpr StorageFormat kPriced[] = {StorageFormat::kDense, StorageFormat::kCsr,
                                     StorageFormat::kCer, StorageFormat::kCser,
                                     StorageFormat::kBitmap};

class Stored {
 public:
  explicit Stored(const std::vector<Rows>& rows)
      : model_(*ModelFromText(kTwo)),
        analysis_(*Analyze(model_, {})),
        table_(*CostTable::Parse("t.toml", kDecimalTable, nullptr)) {
    size_t i = 0;
    for (const WeightOperand& operand : WeightOperandsOf(analysis_)) {
      statistics_.emplace(operand, NaiveStatistics(rows[i++], operand.layout));
    }
  }
  void Forget(const std::string& why) {
    for (auto& [operand, statistics] : statistics_) {
      statistics = absl::FailedPreconditionError(why);
    }
  }
  EstimateOptions Options(std::optional<StorageFormat> format,
                          bool skips_zeros = false) const {
    EstimateOptions options;
    options.storage.format = format;
    options.storage.skips_zeros = skips_zeros;
    options.storage.statistics =
        std::make_shared<const WeightStatistics>(statistics_);
    return options;
  }
  Estimate Of(std::optional<StorageFormat> format,
              bool skips_zeros = false) const {
    return *MakeEstimate(analysis_, table_, Options(format, skips_zeros));
  }
  const Analysis& analysis() const { return analysis_; }
  const CostTable& table() const { return table_; }

 private:
  Model model_;
  Analysis analysis_;
  CostTable table_;
  WeightStatistics statistics_;
};

std::vector<std::string> NotesOf(const Diagnostics& diagnostics) {
  std::vector<std::string> notes;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (diagnostic.code == "weight-format") notes.push_back(diagnostic.message);
  }
  return notes;
}

TEST(StorageEstimateTest, NoFormatKeepsTheGivenAnalysis) {
  const Stored model({kFew, kMany});
  const Estimate estimate = model.Of(StorageFormat::kDense);
  EXPECT_EQ(estimate.analysis, &model.analysis());
  EXPECT_EQ(estimate.stored, nullptr);
  EXPECT_THAT(estimate.storage, SizeIs(0));
}

// Seven non-zeros of one value in three rows of four; reads: 7 columns and
// inputs, 3 values, 3 + 4 value pointers, 8 row pointers.
TEST(StorageEstimateTest, EnergiesAreThoseOfTheFormat) {
  const Stored model({kFew, kMany});
  const Estimate cer = model.Of(StorageFormat::kCer);
  EXPECT_EQ(cer.layers[0].sums.mul, 3);
  EXPECT_EQ(cer.layers[0].sums.add, 7);
  EXPECT_EQ(cer.layers[0].sums.reads, 7 + 7 + 3 + (3 + 4) + 8);
  EXPECT_EQ(cer.layers[0].sums.writes, 4);
  EXPECT_EQ(cer.layers[0].sums.macs, 4 * 4);
  EXPECT_EQ(cer.layers[0].sums.total.pj, 4'0032'0007'0003.0);
  EXPECT_EQ(cer.layers[0].layer->storage, StorageFormat::kCer);
  EXPECT_EQ(cer.storage[0].label(), "cer");
}

TEST(StorageEstimateTest, RowsSumToTheTotalInEveryFormat) {
  const Stored model({kFew, kMany});
  for (const StorageFormat format : kPriced) {
    const Estimate estimate = model.Of(format, /*skips_zeros=*/true);
    EXPECT_EQ(
        estimate.layers[0].sums.total.pj + estimate.layers[1].sums.total.pj,
        estimate.totals.total.pj)
        << Name(format);
    EXPECT_LE(estimate.once_pj, estimate.totals.total.pj) << Name(format);
  }
}

// few: dense reads 32, bitmap 4 + 7 + 7. many: dense reads 16, bitmap 18.
TEST(StorageEstimateTest, AutoTakesTheLeastEnergyLayerByLayer) {
  const Stored model({kFew, kMany});
  const Estimate automatic = model.Of(std::nullopt);
  EXPECT_EQ(automatic.storage[0].format, StorageFormat::kBitmap);
  EXPECT_EQ(automatic.storage[1].format, StorageFormat::kDense);
  for (const StorageFormat format : kPriced) {
    const Estimate estimate = model.Of(format);
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_LE(automatic.layers[i].sums.total.pj,
                estimate.layers[i].sums.total.pj)
          << Name(format);
    }
  }
}

TEST(StorageEstimateTest, AutoLeavesOutWhatTheTableCantPrice) {
  const Stored model({kFew, kMany});
  EXPECT_THAT(NotesOf(model.Of(std::nullopt).diagnostics),
              testing::ElementsAre(HasSubstr(
                  "no layer takes nm: cost table 'decimal' has no price for a "
                  "read of 2 bits at memory")));
  EXPECT_THAT(MakeEstimate(model.analysis(), model.table(),
                           model.Options(StorageFormat::kNm)),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("has no price for a read of 2 bits")));
}

TEST(StorageEstimateTest, SkippedZerosAreWhatAutoHasInThePlaceOfDense) {
  const Stored model({kFew, kMany});
  const Estimate automatic = model.Of(std::nullopt, /*skips_zeros=*/true);
  EXPECT_EQ(automatic.storage[0].format, StorageFormat::kBitmap);
  EXPECT_EQ(automatic.storage[1].format, StorageFormat::kDense);
  EXPECT_EQ(automatic.layers[1].sums.mul, 8);
}

TEST(StorageEstimateTest, WhatStaysDenseIsNoted) {
  Stored model({kFew, kMany});
  model.Forget("it is computed by a node");
  const Estimate csr = model.Of(StorageFormat::kCsr);
  EXPECT_EQ(csr.layers[0].layer->storage, StorageFormat::kDense);
  EXPECT_THAT(NotesOf(csr.diagnostics),
              testing::ElementsAre("MatMul 'h' stays dense: 'few': it is "
                                   "computed by a node",
                                   "MatMul 'y' stays dense: 'many': it is "
                                   "computed by a node"));
  EXPECT_EQ(csr.totals.total.pj,
            model.Of(StorageFormat::kDense).totals.total.pj);
}

TEST(StorageEstimateTest, SymbolicCountsHaveTheFormat) {
  const Stored model({kFew, kMany});
  const auto symbolic = MakeSymbolicEstimate(
      model.analysis(), model.table(), model.Options(StorageFormat::kCsr));
  ASSERT_THAT(symbolic, IsOk());
  EXPECT_EQ(symbolic->layers[0].sums.mul, Count(7));
  EXPECT_EQ(symbolic->layers[0].traffic[2].array, "few#columns");
}

TEST(StorageEstimateTest, SymbolsHaveNoLeastEnergy) {
  const Stored model({kFew, kMany});
  EXPECT_THAT(MakeSymbolicEstimate(model.analysis(), model.table(),
                                   model.Options(std::nullopt)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("name one instead of auto")));
}

}  // namespace
}  // namespace opcost
