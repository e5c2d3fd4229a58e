// SPDX-License-Identifier: Apache-2.0
// What holds of every comparison, whatever the numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "opcost/opcost.h"
#include "opcost/report/comparison.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr absl::string_view kNetwork = R"(
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
// Wider, without the LRN, with a Gemm for the MatMul.
constexpr absl::string_view kOther = R"(
  (float[N,3,16,16] x, float[16,3,3,3] w, float[16] b, float[16,10] v)
      => (float[N,10] y) {
    c = Conv <pads = [1,1,1,1], strides = [2,2]> (x, w, b)
    r = Relu(c)
    p = MaxPool <kernel_shape = [2,2], strides = [2,2]> (r)
    g = GlobalAveragePool(p)
    f = Flatten(g)
    m = Gemm(f, v)
    s = Sigmoid(m)
    y = Softmax(s)
  })";

// One way to price a model, as one side of a comparison.
struct Choice {
  absl::string_view text;
  const char* bits;
  Movement movement;
  ArrayScope scope;
  int64_t batch;
};

std::vector<Choice> Choices() {
  return {{kNetwork, "32", Movement::kPerUse, ArrayScope::kTensor, 1},
          {kNetwork, "int8", Movement::kPerUse, ArrayScope::kTensor, 1},
          {kNetwork, "16", Movement::kOnce, ArrayScope::kTensor, 3},
          {kNetwork, "int4", Movement::kPerUse, ArrayScope::kOperand, 2},
          {kOther, "32", Movement::kPerUse, ArrayScope::kTensor, 1},
          {kOther, "int8", Movement::kOnce, ArrayScope::kOperand, 5}};
}

ComparisonSide SideOf(const Choice& choice, const CostTable& table) {
  const absl::StatusOr<Model> model = ModelFromText(std::string(choice.text));
  EXPECT_THAT(model, IsOk());
  InputOptions input;
  input.batch = choice.batch;
  const absl::StatusOr<Analysis> analysis = Analyze(*model, input);
  EXPECT_THAT(analysis, IsOk());
  EstimateOptions options;
  options.formats.bits = ParseNumberFormat(choice.bits);
  options.memory.movement = choice.movement;
  options.memory.array_scope = choice.scope;
  const absl::StatusOr<Estimate> estimate =
      MakeEstimate(*analysis, table, options);
  EXPECT_THAT(estimate, IsOk());
  return SideOf(*estimate, choice.bits);
}

void ExpectNear(double sum, double total, double scale) {
  EXPECT_NEAR(sum, total, 1e-12 * std::fabs(scale));
}

void ExpectPartsSumToDifferences(const Comparison& comparison) {
  Difference all;
  for (const ComparedLayer& row : comparison.layers) {
    const SideLayer* base = comparison.Find(row, 0);
    const SideLayer* variant = comparison.Find(row, 1);
    const double base_pj = base == nullptr ? 0 : base->energies.total;
    const double variant_pj = variant == nullptr ? 0 : variant->energies.total;
    ASSERT_TRUE(row.differences[1].has_value());
    ExpectNear(row.differences[1]->sum(), variant_pj - base_pj,
               base_pj + variant_pj);
    all += *row.differences[1];
  }
  const double base_pj = comparison.sides[0].totals.total;
  const double variant_pj = comparison.sides[1].totals.total;
  ExpectNear(comparison.differences[1].sum(), variant_pj - base_pj,
             base_pj + variant_pj);
  ExpectNear(all.sum(), variant_pj - base_pj, base_pj + variant_pj);
}

TEST(ComparisonLawTest, ThePartsOfADifferenceSumToIt) {
  for (const TableLibrary::Listing& listing : TableLibrary().List()) {
    ASSERT_OK_AND_ASSIGN(const CostTable table,
                         TableLibrary().Load(listing.name));
    for (const Choice& base : Choices()) {
      for (const Choice& variant : Choices()) {
        SCOPED_TRACE(
            absl::StrCat(listing.name, " ", base.bits, " ", variant.bits));
        ASSERT_OK_AND_ASSIGN(
            const Comparison comparison,
            Compare({SideOf(base, table), SideOf(variant, table)}, &table));
        ExpectPartsSumToDifferences(comparison);
      }
    }
  }
}

TEST(ComparisonLawTest, AModelAgainstItselfIsOneEverywhere) {
  for (const TableLibrary::Listing& listing : TableLibrary().List()) {
    ASSERT_OK_AND_ASSIGN(const CostTable table,
                         TableLibrary().Load(listing.name));
    for (const Choice& choice : Choices()) {
      ASSERT_OK_AND_ASSIGN(
          const Comparison same,
          Compare({SideOf(choice, table), SideOf(choice, table)}, &table));
      EXPECT_EQ(same.ratios[1], 1);
      for (const ComparedLayer& row : same.layers) {
        ASSERT_EQ(row.layers[0], row.layers[1]);
        const Difference& none = *row.differences[1];
        for (const double part :
             {none.format, none.counts, none.width, none.tier, none.static_pj,
              none.prices, none.unmatched}) {
          EXPECT_EQ(part, 0);
        }
      }
    }
  }
}

TEST(ComparisonLawTest, AComparisonTheOtherWayRoundHasTheOppositeDifferences) {
  ASSERT_OK_AND_ASSIGN(const CostTable table,
                       TableLibrary().Load("horowitz-45nm"));
  for (const Choice& a : Choices()) {
    for (const Choice& b : Choices()) {
      ASSERT_OK_AND_ASSIGN(
          const Comparison there,
          Compare({SideOf(a, table), SideOf(b, table)}, &table));
      ASSERT_OK_AND_ASSIGN(
          const Comparison back,
          Compare({SideOf(b, table), SideOf(a, table)}, &table));
      ExpectNear(there.differences[1].sum(), -back.differences[1].sum(),
                 there.sides[0].totals.total + back.sides[0].totals.total);
      EXPECT_EQ(there.layers.size(), back.layers.size());
    }
  }
}

}  // namespace
}  // namespace opcost
