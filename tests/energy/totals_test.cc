// SPDX-License-Identifier: Apache-2.0
// Totals without rows are those of the estimate, to the last bit.
#include "opcost/energy/totals.h"

#include <gtest/gtest.h>

#include <string>

#include "opcost/energy/cost_table.h"
#include "opcost/frontend/import.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr char kNetwork[] = R"(
  (float[N,3,16,16] x, float[8,3,3,3] w, float[8] b, float[8,10] v)
      => (float[N,10] y) {
    c = Conv <pads = [1,1,1,1], strides = [2,2]> (x, w, b)
    r = Relu(c)
    l = LRN <size = 3> (r)
    p = MaxPool <kernel_shape = [2,2], strides = [2,2]> (l)
    g = GlobalAveragePool(p)
    f = Flatten(g)
    m = MatMul(f, v)
    y = Softmax(m)
  })";

void ExpectSame(const Energy& a, const Energy& b) {
  EXPECT_EQ(a.pj, b.pj);
  EXPECT_EQ(a.min_pj, b.min_pj);
  EXPECT_EQ(a.max_pj, b.max_pj);
}

void ExpectTotalsOfEstimate(const Analysis& analysis, const CostTable& table,
                            const EstimateOptions& options) {
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(analysis, table, options));
  ASSERT_OK_AND_ASSIGN(const Totals totals,
                       MakeTotals(analysis, table, options));
  const Sums& a = estimate.totals;
  const Sums& b = totals.sums;
  EXPECT_EQ(a.macs, b.macs);
  EXPECT_EQ(a.mul, b.mul);
  EXPECT_EQ(a.add, b.add);
  EXPECT_EQ(a.reads, b.reads);
  EXPECT_EQ(a.writes, b.writes);
  ExpectSame(a.mul_energy, b.mul_energy);
  ExpectSame(a.add_energy, b.add_energy);
  ExpectSame(a.read_energy, b.read_energy);
  ExpectSame(a.write_energy, b.write_energy);
  EXPECT_EQ(a.static_pj, b.static_pj);
  EXPECT_EQ(a.seconds, b.seconds);
  ExpectSame(a.total, b.total);
  EXPECT_EQ(estimate.status, totals.status);
  EXPECT_EQ(estimate.once_pj, totals.once_pj);
}

TEST(TotalsTest, AreThoseOfTheEstimateUnderEveryTableAndOption) {
  ASSERT_OK_AND_ASSIGN(const Model model, ModelFromText(kNetwork));
  for (const int64_t batch : {1, 7}) {
    InputOptions input;
    input.batch = batch;
    ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, input));
    for (const TableLibrary::Listing& listing : TableLibrary().List()) {
      ASSERT_OK_AND_ASSIGN(const CostTable table,
                           TableLibrary().Load(listing.name));
      for (const char* bits : {"32", "16", "int8", "12"}) {
        for (const Movement movement : {Movement::kPerUse, Movement::kOnce}) {
          for (const ArrayScope scope :
               {ArrayScope::kTensor, ArrayScope::kOperand}) {
            SCOPED_TRACE(listing.name + " " + bits);
            EstimateOptions options;
            options.formats.bits = ParseNumberFormat(bits);
            options.memory.movement = movement;
            options.memory.array_scope = scope;
            options.memory.weights_from = table.tiers().back().name;
            ExpectTotalsOfEstimate(analysis, table, options);
          }
        }
      }
    }
  }
}

TEST(TotalsTest, AreThoseOfTheEstimateWithPowerThatDoesNotDependOnTheWork) {
  const std::string text = R"(
schema = "opcost.costtable/1"
name = "powered"
extends = "horowitz-45nm"
[static]
watts = 2.0
macs_per_second = { float32 = 1e9 }
bytes_per_second = { DRAM = 1e9 }
)";
  absl::StatusOr<CostTable> table =
      CostTable::Parse("powered.toml", text, [](absl::string_view name) {
        absl::StatusOr<TableLibrary::Text> base = TableLibrary().LoadText(name);
        return base.ok() ? absl::StatusOr<std::string>(base->text)
                         : absl::StatusOr<std::string>(base.status());
      });
  ASSERT_THAT(table, IsOk());
  ASSERT_OK_AND_ASSIGN(const Model model, ModelFromText(kNetwork));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  ExpectTotalsOfEstimate(analysis, *table, {});
}

TEST(TotalsTest, LowerBoundsAreTheEstimates) {
  ASSERT_OK_AND_ASSIGN(
      const Model model,
      ModelFromText("<ir_version: 8, opset_import: [\"\" : 13, \"d\" : 1]> g "
                    "(float[2] x) => (float[2] z) { y = Relu(x) "
                    "z = d.Swirl(y) }"));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       TableLibrary().Load("horowitz-45nm"));
  ExpectTotalsOfEstimate(analysis, table, {});
}

TEST(TotalsTest, ErrorsAreTheEstimates) {
  ASSERT_OK_AND_ASSIGN(const Model model, ModelFromText(kNetwork));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       TableLibrary().Load("horowitz-45nm"));
  EstimateOptions options;
  options.memory.weights_from = "attic";
  const auto estimate = MakeEstimate(analysis, table, options);
  const auto totals = MakeTotals(analysis, table, options);
  ASSERT_FALSE(estimate.ok());
  ASSERT_FALSE(totals.ok());
  EXPECT_EQ(totals.status(), estimate.status());
}

}  // namespace
}  // namespace opcost
