// SPDX-License-Identifier: Apache-2.0
// CumSum, CumProd, Trilu, EyeLike, ReverseSequence: shapes, counts against
// plain loops, values, errors.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");
constexpr DataType kInt64 = DataType::kInt64;

OneNode Cumulative(const char* op, int opset, Dims x, int64_t axis) {
  return OneNode(op, opset).Input(std::move(x)).ConstantScalar(axis);
}

TEST(CumSum, KeepsTheShape) {
  ExpectInfers({
      {Cumulative("CumSum", 11, {3, kN}, -1), "float32 3xN"},
      {Cumulative("CumProd", 26, {3, 4}, 0), "float32 3x4"},
      {OneNode("CumSum", 14).Input({3}).Input({}, kInt64), "float32 3"},
      {Cumulative("CumSum", 14, {3}, 1),
       "CumSum 'o0': axis 1 is outside the 1 axes of the tensor"},
      {OneNode("CumSum", 14).Input({3}),
       "CumSum 'o0': operand 1 (axis) is missing"},
      {OneNode("CumSum", 14).Input({3}).ConstantInts({0, 0}),
       "CumSum 'o0': operand 1 must be one number but has 2 elements"},
  });
}

TEST(CumSum, AddsEachElementOfALine) {
  Dice dice(51);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 4);
    const int64_t axis = dice.Roll(0, static_cast<int64_t>(in.size()) - 1);
    const bool multiplies = dice.Coin();
    const bool exclusive = dice.Coin();
    Tally tally;
    Array x(tally, "i0", in), y(tally, "o0", in);
    Numbers lines = in;
    lines[static_cast<size_t>(axis)] = 1;
    ForEachIndex(lines, [&](const Numbers& line) {
      Number sum(tally, multiplies ? 1 : 0);
      const int64_t length = in[static_cast<size_t>(axis)];
      for (int64_t e = 0; e < length; ++e) {
        Numbers at = line;
        at[static_cast<size_t>(axis)] = e;
        if (exclusive) y.Write(at, sum);
        // Nothing comes behind the last.
        if (exclusive && e + 1 == length) break;
        sum = multiplies ? sum * x.Read(at) : sum + x.Read(at);
        if (!exclusive) y.Write(at, sum);
      }
    });
    OneNode node =
        Cumulative(multiplies ? "CumProd" : "CumSum", 26, DimsOf(in), axis);
    node.Attr("exclusive", exclusive ? 1 : 0).Attr("reverse", dice.Roll(0, 1));
    ExpectCounts(node, tally, TextOf(in));
  }
}

TEST(CumSum, FoldsKnownElements) {
  const auto sums = [](const char* op, int64_t exclusive, int64_t reverse) {
    return OneNode(op, 26)
        .ConstantValue(Symbols({kSymN, 2, 3}))
        .ConstantScalar(0)
        .Attr("exclusive", exclusive)
        .Attr("reverse", reverse);
  };
  ExpectFolds({
      {sums("CumSum", 0, 0), "int64 3: N N+2 N+5"},
      {sums("CumSum", 1, 0), "int64 3: 0 N N+2"},
      {sums("CumSum", 0, 1), "int64 3: N+5 5 3"},
      {sums("CumSum", 1, 1), "int64 3: 5 3 0"},
      {sums("CumProd", 0, 0), "int64 3: N 2*N 6*N"},
      {sums("CumProd", 1, 1), "int64 3: 6 3 1"},
      {OneNode("CumSum", 14)
           .ConstantValue(
               TensorValue::Integers(kInt64, {2, 2}, {1, 2, 3, kSymN}))
           .ConstantScalar(0),
       "int64 2x2: 1 2 4 N+2"},
      {OneNode("CumSum", 14).ConstantFloats({0.5, 1}).ConstantScalar(0),
       "float32 2: 0.5 1.5"},
      {OneNode("CumSum", 14).Constant({3}).ConstantScalar(0), "unknown"},
  });
}

TEST(Trilu, ReadsTheTriangleAndWritesAll) {
  Dice dice(52);
  for (int i = 0; i < 300; ++i) {
    const Numbers in = {dice.Roll(1, 2), dice.Roll(1, 5), dice.Roll(1, 5)};
    const bool upper = dice.Coin();
    const int64_t k = dice.Roll(-6, 6);
    Tally tally;
    Array x(tally, "i0", in), y(tally, "o0", in);
    ForEachIndex(in, [&](const Numbers& q) {
      const bool kept = upper ? q[2] - q[1] >= k : q[2] - q[1] <= k;
      y.Write(q, kept ? x.Read(q) : Number(tally, 0));
    });
    // A triangle that is the whole matrix moves nothing.
    if (tally.reads["i0"] == Product(in)) tally = Tally();
    if (tally.reads["i0"] == 0) tally.reads.clear();
    OneNode node("Trilu", 14);
    node.Input(DimsOf(in)).ConstantScalar(k).Attr("upper", upper ? 1 : 0);
    ExpectCounts(
        node, tally,
        TextOf(in) + (upper ? " upper " : " lower ") + std::to_string(k));
  }
}

TEST(Trilu, CountsSymbolicTriangles) {
  OneNode node("Trilu", 14);
  node.Input({kN, kN});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  for (const int64_t n : {1, 2, 5, 10}) {
    const Count reads = counts.accesses[0].reads.Bind({{"N", n}});
    EXPECT_TRUE(reads.Is(n * (n + 1) / 2)) << n << ": " << reads.ToString();
  }
}

TEST(Trilu, TakesTheMostOfADiagonalThatDependsOnTheData) {
  OneNode node("Trilu", 14);
  node.Input({3, 4}).Input({}, kInt64);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_TRUE(counts.accesses[0].reads.Is(3 * 4));
  EXPECT_EQ(counts.bound_reason,
            "the diagonal depends on the data; all elements count as kept");
}

TEST(Trilu, FoldsAndChecksItsInput) {
  const TensorValue square =
      TensorValue::Integers(kInt64, {2, 2}, {1, kSymN, 3, 4});
  ExpectFolds({
      {OneNode("Trilu", 14).ConstantValue(square), "int64 2x2: 1 N 0 4"},
      {OneNode("Trilu", 14).ConstantValue(square).Attr("upper", 0),
       "int64 2x2: 1 0 3 4"},
      {OneNode("Trilu", 14).ConstantValue(square).ConstantScalar(1),
       "int64 2x2: 0 N 0 0"},
      {OneNode("Trilu", 14)
           .ConstantValue(square)
           .ConstantValue(Symbols({kSymN})),
       "unknown"},
  });
  ExpectInfers({
      {OneNode("Trilu", 14).Input({kN, 4, 5}), "float32 Nx4x5"},
      {OneNode("Trilu", 14).Input({4}),
       "Trilu 'o0': the input must have at least 2 axes but is 4"},
  });
}

TEST(EyeLike, WritesADiagonal) {
  ExpectInfers({
      {OneNode("EyeLike", 9).Input({3, kN}), "float32 3xN"},
      {OneNode("EyeLike", 9).Input({3, 3}).Attr("dtype", 7), "int64 3x3"},
      {OneNode("EyeLike", 9).Input({3}),
       "EyeLike 'o0': the input must have 2 axes but is 3"},
      {OneNode("EyeLike", 9).Input({3, 3}).Attr("dtype", 99),
       "EyeLike 'o0': attribute 'dtype' is 99, which is no known element type"},
  });
  ExpectFolds({
      {OneNode("EyeLike", 9).Input({2, 3}, kInt64).Attr("k", 1),
       "int64 2x3: 0 1 0 0 0 1"},
      {OneNode("EyeLike", 9).Input({2, 2}), "float32 2x2: 1 0 0 1"},
      {OneNode("EyeLike", 9).Input({2, kN}), "unknown"},
      {OneNode("EyeLike", 9).Input({100, 100}), "unknown"},
  });
  OneNode node("EyeLike", 22);
  node.Input({3, 4});
  Tally tally;
  tally.writes["o0"] = 3 * 4;
  ExpectCounts(node, tally, "3x4");
}

TEST(ReverseSequence, CopiesAllAndReadsEachLength) {
  Dice dice(53);
  for (int i = 0; i < 100; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(2, 3), 2, 4);
    const int64_t time = dice.Roll(0, 1);
    Tally tally;
    Array x(tally, "i0", in),
        lengths(tally, "i1", {in[static_cast<size_t>(1 - time)]}),
        y(tally, "o0", in);
    for (int64_t b = 0; b < lengths.size(); ++b) lengths.Read(b);
    for (int64_t e = 0; e < x.size(); ++e) y.Write(e, x.Read(e));
    OneNode node("ReverseSequence", 10);
    node.Input(DimsOf(in))
        .Input({lengths.size()}, kInt64)
        .Attr("time_axis", time)
        .Attr("batch_axis", 1 - time);
    ExpectCounts(node, tally, TextOf(in));
  }
  ExpectView(OneNode("ReverseSequence", 10).Input({1, 4}).Input({4}, kInt64));
}

TEST(ReverseSequence, ChecksItsAxesAndLengths) {
  const auto reversed = [](Dims x, Dims lengths) {
    return OneNode("ReverseSequence", 10)
        .Input(std::move(x))
        .Input(std::move(lengths), kInt64);
  };
  ExpectInfers({
      {reversed({4, kN, 3}, {kN}), "float32 4xNx3"},
      {reversed({4, 2}, {3}),
       "ReverseSequence 'o0': the lengths are 3 but there must be one for each "
       "of 2 sequences"},
      {reversed({4}, {4}),
       "ReverseSequence 'o0': the input must have at least 2 axes but is 4"},
      {reversed({4, 2}, {2}).Attr("time_axis", 1),
       "ReverseSequence 'o0': time_axis and batch_axis must be 0 and 1 but are "
       "1 and 1"},
  });
}

}  // namespace
}  // namespace opcost
