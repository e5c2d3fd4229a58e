// SPDX-License-Identifier: Apache-2.0
#include "opcost/energy/symbolic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "opcost/support/sym_parser.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const CostTable& Horowitz() {
  static const CostTable& table =
      *new CostTable(*TableLibrary().Load("horowitz-45nm"));
  return table;
}

constexpr const char* kModels[] = {
    // Attention over a cache.
    R"((float[B,S,8] x, float[B,P,8] past, float[8,8] w) => (float[B,S,8] y) {
         q = MatMul(x, w)
         keys = Concat<axis = 1>(past, x)
         t = Transpose<perm = [0,2,1]>(keys)
         scores = MatMul(q, t)
         p = Softmax(scores)
         y = MatMul(p, keys)
       })",
    // A small convolutional network.
    R"((float[B,3,S,P] x, float[8,3,3,3] w, float[8] b) => (float[B,8,Q,R] y) {
         c = Conv<strides = [2,2]>(x, w, b)
         r = Relu(c)
         m = MaxPool<kernel_shape = [2,2], strides = [2,2]>(r)
         s = Sigmoid(m)
         d = Div(m, s)
         y = GlobalAveragePool(d)
       })",
    // A name that is read twice in one layer, and a view.
    R"((float[B,S,P] x) => (float[B,S,P] y) {
         i = Identity(x)
         m = Mul(i, i)
         y = Softmax<axis = 1>(m)
       })"};

struct Both {
  SymbolicSums symbolic;
  Sums numbers;
};

Both CountBoth(const char* text, const Bindings& sizes,
               const EstimateOptions& options) {
  Both both;
  const absl::StatusOr<Model> model = ModelFromText(text);
  EXPECT_THAT(model, IsOk());
  InputOptions input;
  input.keep_symbols = true;
  const absl::StatusOr<Analysis> kept = Analyze(*model, input);
  EXPECT_THAT(kept, IsOk());
  const auto symbolic = MakeSymbolicEstimate(*kept, Horowitz(), options);
  EXPECT_THAT(symbolic, IsOk());
  both.symbolic = symbolic->totals;
  SymbolicSums rows;
  for (const SymbolicLayer& layer : symbolic->layers) rows += layer.sums;
  EXPECT_EQ(rows.reads, both.symbolic.reads);
  InputOptions bound;
  for (const auto& [name, size] : sizes) bound.dims[name] = size;
  const absl::StatusOr<Analysis> analysis = Analyze(*model, bound);
  EXPECT_THAT(analysis, IsOk());
  const auto numbers = MakeEstimate(*analysis, Horowitz(), options);
  EXPECT_THAT(numbers, IsOk());
  both.numbers = numbers->totals;
  return both;
}

// Binding what was printed gives what an estimate of those sizes counts.
void ExpectAgree(const EstimateOptions& options) {
  for (const char* text : kModels) {
    for (const Bindings& sizes : {Bindings{{"B", 1}, {"S", 16}, {"P", 16}},
                                  Bindings{{"B", 3}, {"S", 7}, {"P", 12}},
                                  Bindings{{"B", 2}, {"S", 13}, {"P", 128}}}) {
      const Both both = CountBoth(text, sizes, options);
      const auto bound = [&sizes](const Count& count) {
        const auto read = ParseExpression(count.ToString());
        EXPECT_THAT(read, IsOk());
        return read.ok() ? read->Bind(sizes) : SymValue(-1);
      };
      EXPECT_EQ(bound(both.symbolic.macs), SymValue(both.numbers.macs));
      EXPECT_EQ(bound(both.symbolic.mul), SymValue(both.numbers.mul));
      EXPECT_EQ(bound(both.symbolic.add), SymValue(both.numbers.add));
      EXPECT_EQ(bound(both.symbolic.reads), SymValue(both.numbers.reads));
      EXPECT_EQ(bound(both.symbolic.writes), SymValue(both.numbers.writes));
    }
  }
}

TEST(SymbolicTest, BindingTheExpressionsGivesTheNumbersOfAnEstimate) {
  ExpectAgree({});
}

TEST(SymbolicTest, TheSameWhereArraysMoveOnce) {
  EstimateOptions options;
  options.memory.movement = Movement::kOnce;
  ExpectAgree(options);
  options.memory.movement = Movement::kPerUse;
  options.memory.weight_reads = Movement::kOnce;
  ExpectAgree(options);
}

TEST(SymbolicTest, TheTotalOfADecoderReadsAsPeopleWriteIt) {
  const Both both = CountBoth(kModels[0], {{"B", 1}, {"S", 1}, {"P", 1}}, {});
  // 8*8 MACs a position, and twice 8 for every pair of positions.
  EXPECT_EQ(both.symbolic.macs.ToString(), "64*B*S + 16*B*S*(P+S)");
}

// Each array's reads fit; their sum is 2*4.8e18.
TEST(SymbolicTest, CountsThatDoNotFitAreAnErrorWithACure) {
  const absl::StatusOr<Model> model = ModelFromText(
      R"((float[N,4000000000] x, float[4000000000,1200000000] w)
         => (float[N,1200000000] y) { y = MatMul(x, w) })");
  ASSERT_THAT(model, IsOk());
  InputOptions input;
  input.keep_symbols = true;
  const absl::StatusOr<Analysis> analysis = Analyze(*model, input);
  ASSERT_THAT(analysis, IsOk());
  EXPECT_THAT(
      MakeSymbolicEstimate(*analysis, Horowitz(), {}),
      FailsWith("MatMul 'y': its counts make too long an expression or "
                "don't fit 63 bits; give some of the sizes with --dim"));
}

}  // namespace
}  // namespace opcost
