// SPDX-License-Identifier: Apache-2.0
// MatMul and Gemm: shapes, counts and errors.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

OneNode MatMul(Dims a, Dims b) {
  OneNode node("MatMul", 13);
  node.Input(std::move(a)).Constant(std::move(b));
  return node;
}

OneNode Gemm(Dims a, Dims b, int opset = 13) {
  OneNode node("Gemm", opset);
  node.Input(std::move(a)).Constant(std::move(b));
  return node;
}

Extent Symbol(const char* name) { return Extent::Symbol(name); }

struct ShapeCase {
  OneNode node;
  std::string expected;
};

void ExpectInfers(std::vector<ShapeCase> cases) {
  for (ShapeCase& c : cases) EXPECT_EQ(c.node.InferText(), c.expected);
}

// The count of the only operation `op` with `role`; 0 if there is none.
Count Operations(const OpCounts& counts, ArithOp op, ArithRole role) {
  Count sum;
  for (const Arith& arith : counts.arith) {
    if (arith.op == op && arith.role == role) sum += arith.count;
  }
  return sum;
}

TEST(MatMul, ShapesFollowNumpy) {
  ExpectInfers({
      {MatMul({3, 4}, {4, 5}), "float32 3x5"},
      {MatMul({2, 3, 4}, {4, 5}), "float32 2x3x5"},
      {MatMul({2, 1, 3, 4}, {7, 4, 5}), "float32 2x7x3x5"},
      {MatMul({3, 4}, {2, 4, 5}), "float32 2x3x5"},
      {MatMul({4}, {4, 5}), "float32 5"},
      {MatMul({3, 4}, {4}), "float32 3"},
      {MatMul({2, 3, 4}, {4}), "float32 2x3"},
      {MatMul({4}, {2, 4, 5}), "float32 2x5"},
      {MatMul({4}, {4}), "float32 scalar"},
      {MatMul({Symbol("N"), 3, 4}, {4, 5}), "float32 Nx3x5"},
      {MatMul({Symbol("N"), 3, 4}, {1, 4, 5}), "float32 Nx3x5"},
      {MatMul({Symbol("N"), 3, Symbol("K")}, {2, 4, 5}), "float32 2x3x5"},
  });
}

TEST(MatMul, CountsOneMacPerOutputAndSharedElement) {
  OneNode node = MatMul({2, 3, 4}, {4, 5});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const Count macs = 2 * 3 * 4 * 5;
  EXPECT_EQ(counts.macs, macs);
  EXPECT_EQ(Operations(counts, ArithOp::kMul, ArithRole::kProduct), macs);
  EXPECT_EQ(Operations(counts, ArithOp::kAdd, ArithRole::kAccumulate), macs);
  ASSERT_EQ(counts.accesses.size(), 3u);
  EXPECT_EQ(counts.accesses[0].role, Role::kInput);
  EXPECT_EQ(counts.accesses[0].elements, 2 * 3 * 4);
  EXPECT_EQ(counts.accesses[0].reads, macs);
  EXPECT_EQ(counts.accesses[1].role, Role::kWeight);
  EXPECT_TRUE(counts.accesses[1].takes_weight_bits);
  EXPECT_EQ(counts.accesses[1].reads, macs);
  EXPECT_EQ(counts.accesses[2].writes, 2 * 3 * 5);
}

TEST(MatMul, TheMatrixIsTheConstantOperandElseB) {
  struct Case {
    bool a_is_constant, b_is_constant;
    int64_t a, b, y;
  };
  const int64_t m = 3, k = 4, n = 5;
  for (const Case& c :
       {Case{false, true, k, k * n, n}, Case{true, false, k * m, k, m},
        Case{false, false, k, k * n, n}, Case{true, true, k, k * n, n}}) {
    OneNode node("MatMul", 13);
    c.a_is_constant ? node.Constant({2, m, k}) : node.Input({2, m, k});
    c.b_is_constant ? node.Constant({2, k, n}) : node.Input({2, k, n});
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(counts.accesses.size(), 3u);
    EXPECT_EQ(counts.accesses[0].operand_elements, c.a);
    EXPECT_EQ(counts.accesses[1].operand_elements, c.b);
    EXPECT_EQ(counts.accesses[2].operand_elements, c.y);
  }
}

TEST(MatMul, AnEmptyTensorCostsNothing) {
  ASSERT_OK_AND_ASSIGN(const OpCounts no_rows, MatMul({0, 4}, {4, 5}).Count());
  EXPECT_TRUE(no_rows.arith.empty());
  EXPECT_TRUE(no_rows.accesses.empty());
  // Sums of nothing are zeros that are written.
  ASSERT_OK_AND_ASSIGN(const OpCounts no_terms, MatMul({3, 0}, {0, 5}).Count());
  EXPECT_TRUE(no_terms.arith.empty());
  ASSERT_EQ(no_terms.accesses.size(), 1u);
  EXPECT_EQ(no_terms.accesses[0].writes, 3 * 5);
}

TEST(MatMul, ErrorsSayWhatContradictsWhat) {
  ExpectInfers({
      {MatMul({3, 4}, {5, 6}), "MatMul 'o0': A has 4 columns but B has 5 rows"},
      {MatMul({4}, {5}), "MatMul 'o0': A has 4 columns but B has 5 rows"},
      {MatMul({}, {5}),
       "MatMul 'o0': operand 0 is a scalar but must have at least 1 axis"},
      {MatMul({5}, {}),
       "MatMul 'o0': operand 1 is a scalar but must have at least 1 axis"},
      {MatMul({2, 3, 4}, {3, 4, 5}),
       "MatMul 'o0': shapes 2 and 3 don't broadcast: 2 and 3 on axis 0"},
  });
  OneNode undecided = MatMul({Symbol("N"), 3, 4}, {Symbol("P"), 4, 5});
  EXPECT_THAT(undecided.Infer(),
              StatusIs(absl::StatusCode::kUnavailable,
                       "MatMul 'o0': shapes N and P broadcast only if N and P "
                       "are equal or one of them is 1"));
  constexpr int64_t kHuge = int64_t{1} << 40;
  EXPECT_THAT(MatMul({kHuge, 1}, {1, kHuge}).Count(),
              StatusIs(absl::StatusCode::kOutOfRange,
                       "MatMul 'o0': the number of multiply-accumulates "
                       "doesn't fit 63 bits; reduce the input's extents"));
}

TEST(Gemm, ShapesFollowTransposition) {
  ExpectInfers({
      {Gemm({3, 4}, {4, 5}), "float32 3x5"},
      {Gemm({4, 3}, {4, 5}).Attr("transA", 1), "float32 3x5"},
      {Gemm({3, 4}, {5, 4}).Attr("transB", 1), "float32 3x5"},
      {Gemm({4, 3}, {5, 4}).Attr("transA", 1).Attr("transB", 1), "float32 3x5"},
      {Gemm({Symbol("N"), 4}, {5, 4}).Constant({5}).Attr("transB", 1),
       "float32 Nx5"},
      {Gemm({3, 4}, {4, 5}).Constant({3, 1}), "float32 3x5"},
      {Gemm({3, 4}, {4, 5}).Constant({}), "float32 3x5"},
      {Gemm({3, 4}, {4, 5}).Absent(), "float32 3x5"},
      {Gemm({3, 4}, {4, 5}, 6).Constant({5}).Attr("broadcast", 1),
       "float32 3x5"},
      {Gemm({3, 4}, {4, 5}, 6).Constant({3, 5}), "float32 3x5"},
      {Gemm({3, 4}, {4, 5}, 7).Constant({5}), "float32 3x5"},
  });
}

TEST(Gemm, AlphaAndBetaCostOnlyWhereTheyAreNotOne) {
  struct Case {
    bool has_c;
    double alpha, beta;
    int64_t muls, adds;  // besides the MACs
  };
  const int64_t out = 3 * 5;
  for (const Case& c :
       {Case{true, 1, 1, 0, 0}, Case{true, 2, 1, out, out},
        Case{true, 1, 2, out, 0}, Case{true, 0.5, 2, out + out, out},
        Case{false, 0.5, 2, out, 0}, Case{false, 1, 2, 0, 0}}) {
    OneNode node = Gemm({3, 4}, {4, 5});
    if (c.has_c) node.Constant({5});
    node.Attr("alpha", c.alpha).Attr("beta", c.beta);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(counts.macs, 3 * 4 * 5);
    EXPECT_EQ(Operations(counts, ArithOp::kMul, ArithRole::kPlain), c.muls);
    EXPECT_EQ(Operations(counts, ArithOp::kAdd, ArithRole::kPlain), c.adds);
  }
}

TEST(Gemm, ScalingWorksInTheFormatsOfTheOutputAndOfC) {
  OneNode node = Gemm({3, 4}, {4, 5}).Constant({5});
  node.Attr("alpha", 0.5).Attr("beta", 0.5);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.arith.size(), 5u);
  EXPECT_EQ(counts.arith[2].operands, OperandSet::Output(0));
  EXPECT_EQ(counts.arith[3].operands, OperandSet::Output(0));
  EXPECT_EQ(counts.arith[4].operands, OperandSet::Input(2));
}

TEST(Gemm, CIsABiasReadOncePerOutput) {
  OneNode node = Gemm({3, 4}, {4, 5}).Constant({5});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.accesses.size(), 4u);
  EXPECT_EQ(counts.accesses[2].role, Role::kBias);
  EXPECT_EQ(counts.accesses[2].elements, 5);
  EXPECT_EQ(counts.accesses[2].operand_elements, 5);
  EXPECT_EQ(counts.accesses[2].reads, 3 * 5);

  ASSERT_OK_AND_ASSIGN(const OpCounts scalar,
                       Gemm({3, 4}, {4, 5}).Constant({1}).Count());
  EXPECT_EQ(scalar.accesses[2].reads, 1);
}

TEST(Gemm, AColumnOfCGoesWithAMatrixA) {
  OneNode node("Gemm", 13);
  node.Constant({3, 4}).Input({4, 5}).Constant({3, 1});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.accesses.size(), 4u);
  EXPECT_EQ(counts.accesses[0].operand_elements, 3 * 4);
  EXPECT_EQ(counts.accesses[1].operand_elements, 4);
  EXPECT_EQ(counts.accesses[2].operand_elements, 3);
  EXPECT_EQ(counts.accesses[3].operand_elements, 3);
}

TEST(Gemm, ErrorsSayWhatContradictsWhat) {
  ExpectInfers({
      {Gemm({3, 4}, {5, 4}), "Gemm 'o0': A has 4 columns but B has 5 rows"},
      {Gemm({3, 4}, {4, 5}).Attr("transB", 1),
       "Gemm 'o0': A has 4 columns but B has 5 rows"},
      {Gemm({2, 3, 4}, {4, 5}),
       "Gemm 'o0': A 2x3x4 and B 4x5 must have 2 axes each"},
      {Gemm({3, 4}, {4, 5}).Constant({4}),
       "Gemm 'o0': C is 4, which doesn't fill 3x5"},
      {Gemm({3, 4}, {4, 5}).Constant({1, 3, 5}),
       "Gemm 'o0': C is 1x3x5, which doesn't fill 3x5"},
      {Gemm({3, 4}, {4, 5}, 6).Constant({5}),
       "Gemm 'o0': C is 5 but the product is 3x5; before opset 7 that takes "
       "broadcast = 1"},
      {Gemm({3, 4}, {4, 5}, 9), "Gemm 'o0': operand 2 is missing"},
      {Gemm({3, 4}, {4, 5}).Attr("transA", 1.5),
       "Gemm 'o0': attribute 'transA' must be an integer"},
  });
}

TEST(Products, FormulaeAgreeWithTheirRules) {
  OneNode nodes[] = {
      MatMul({2, 1, 3, 4}, {7, 4, 5}),
      MatMul({4}, {4, 5}),
      MatMul({4}, {4}),
      MatMul({4, 1}, {1, 1}),
      MatMul({Symbol("N"), 4}, {4, 5}),
      Gemm({3, 4}, {4, 5}),
      Gemm({3, 4}, {4, 5}).Constant({5}),
      Gemm({3, 4}, {4, 5}).Constant({1}).Attr("alpha", 0.5),
      Gemm({3, 4}, {4, 5}).Constant({5}).Attr("alpha", 0.5).Attr("beta", 0.5),
      Gemm({3, 4}, {4, 5}).UnusedOutput(0).Attr("alpha", 0.5),
  };
  for (OneNode& node : nodes) ExpectFormulaAgrees(node);
}

}  // namespace
}  // namespace opcost
