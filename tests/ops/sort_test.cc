// SPDX-License-Identifier: Apache-2.0
// TopK, Unique, NonZero, Compress, OneHot, Hardmax: shapes, counts against
// plain loops, values, errors.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/ops/bound_tally.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");
constexpr DataType kInt64 = DataType::kInt64;

TensorValue Bools(std::vector<SymValue> elements) {
  const IntDims dims = {static_cast<int64_t>(elements.size())};
  return TensorValue::Integers(DataType::kBool, dims, std::move(elements));
}

TensorValue Matrix(IntDims dims, std::vector<SymValue> elements) {
  return TensorValue::Integers(kInt64, std::move(dims), std::move(elements));
}

// The comparisons of a binary search among n: halvings until none is left.
int64_t Halvings(int64_t n) {
  int64_t halvings = 0;
  for (; n > 0; n /= 2) ++halvings;
  return halvings;
}

// Places `element` among n sorted ones.
void Place(const Number& element, int64_t n) {
  for (int64_t i = 0; i < Halvings(n); ++i) Less(element, element);
}

// ---- TopK

OneNode TopK(Dims x, int64_t k, int64_t axis) {
  return OneNode("TopK", 11)
      .Input(std::move(x))
      .ConstantInts({k})
      .Attr("axis", axis)
      .Outputs(2);
}

TEST(TopK, TakesKOfAnAxis) {
  ExpectInfers({
      {TopK({2, 9}, 3, -1), "float32 2x3"},
      {TopK({2, 9}, 3, -1), "int64 2x3", 1},
      {TopK({9, kN}, 3, 0), "float32 3xN"},
      {OneNode("TopK", 1).Input({2, 9}).Attr("k", 4).Outputs(2), "float32 2x4"},
      {OneNode("TopK", 10).Input({2, kN}).ConstantValue(Symbols({kSymN})),
       "float32 2xN"},
      {OneNode("TopK", 1).Input({2, 9}), "TopK 'o0': attribute 'k' is missing"},
      {TopK({2, 9}, 10, 1), "TopK 'o0': K is 10 but axis 1 has extent 9"},
      {TopK({2, 9}, -1, 1),
       "TopK 'o0': K is -1 but an extent can't be negative"},
      {TopK({2, 9}, 1, 2),
       "TopK 'o0': axis 2 is outside the 2 axes of the tensor"},
      {OneNode("TopK", 11).Input({9}).ConstantInts({1, 2}),
       "TopK 'o0': operand 1 must be one number but has 2 elements"},
  });
}

TEST(TopK, TakesAtMostTheWholeAxisIfKDependsOnTheData) {
  OneNode node("TopK", 11);
  node.Input({2, 9}).Input({1}, kInt64).Outputs(2);
  EXPECT_EQ(node.InferText(0), "float32 2xo0#1");
  EXPECT_EQ(node.InferText(1), "int64 2xo0#1");
  EXPECT_EQ(DataExtentsText(node), "o0#1 at most 9");
  const Tally tally = TallyAtMost(node);
  // ceil(log2(9 + 1)) is 4.
  EXPECT_EQ(tally.operations.at("add"), 2 * 9 * 4);
  EXPECT_EQ(tally.writes.at("o1"), 2 * 9);
}

TEST(TopK, PlacesEachElementAmongTheKBest) {
  Dice dice(41);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 6);
    const int64_t axis = dice.Roll(0, static_cast<int64_t>(in.size()) - 1);
    const int64_t k = dice.Roll(0, in[static_cast<size_t>(axis)]);
    Numbers out = in;
    out[static_cast<size_t>(axis)] = k;
    Tally tally;
    Array x(tally, "i0", in), values(tally, "o0", out), at(tally, "o1", out);
    for (int64_t e = 0; e < x.size(); ++e) Place(x.Read(e), k);
    for (int64_t e = 0; e < values.size(); ++e) {
      values.Write(e, Number(tally, 1));
      at.Write(e, Number(tally, 1));
    }
    OneNode node = TopK(DimsOf(in), k, axis);
    ExpectCounts(node, tally, TextOf(in) + " of " + std::to_string(k));
  }
}

TEST(TopK, CountsASymbolicKAsItsNumber) {
  for (const int64_t k : {0, 1, 2, 3, 4, 7, 8, 1000}) {
    OneNode node("TopK", 11);
    node.Input({1000}).ConstantValue(Symbols({kSymN})).Outputs(2);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_TRUE(counts.arith[0].count.Bind({{"N", k}}).Is(1000 * Halvings(k)))
        << k;
  }
}

TEST(TopK, FoldsWhatCanBePutInOrder) {
  ExpectFolds({
      {OneNode("TopK", 11).ConstantInts({3, 9, 9, 1}).ConstantInts({2}),
       "int64 2: 9 9"},
      {OneNode("TopK", 11)
           .ConstantInts({3, 9, 9, 1})
           .ConstantInts({2})
           .Outputs(2),
       "int64 2: 1 2", 1},
      {OneNode("TopK", 11)
           .ConstantValue(Symbols({kSymN, kSymN + 2, kSymN + 1}))
           .ConstantInts({3})
           .Attr("largest", 0),
       "int64 3: N N+1 N+2"},
      {OneNode("TopK", 11).ConstantValue(Symbols({kSymN, 3})).ConstantInts({1}),
       "unknown"},
      {OneNode("TopK", 11)
           .ConstantInts({1, 2})
           .ConstantInts({1})
           .Attr("sorted", 0),
       "unknown"},
      {OneNode("TopK", 11)
           .ConstantValue(Matrix({2, 2}, {1, 5, 4, 2}))
           .ConstantInts({1})
           .Attr("axis", 0),
       "int64 1x2: 4 5"},
  });
}

// ---- NonZero

TEST(NonZero, FindsAtMostAllElements) {
  OneNode node("NonZero", 13);
  node.Input({3, 4});
  EXPECT_EQ(node.InferText(), "int64 2xo0#1");
  EXPECT_EQ(DataExtentsText(node), "o0#1 at most 12");
  const Tally tally = TallyAtMost(node);
  EXPECT_EQ(tally.operations.at("add"), 3 * 4);
  EXPECT_EQ(tally.reads.at("i0"), 3 * 4);
  EXPECT_EQ(tally.writes.at("o0"), 2 * (3 * 4));
  OneNode symbolic("NonZero", 9);
  symbolic.Input({kN, 4});
  EXPECT_EQ(DataExtentsText(symbolic), "o0#1 at most 4*N");
}

TEST(NonZero, KnowsWhatItFindsInKnownElements) {
  ExpectInfers({
      {OneNode("NonZero", 13).ConstantInts({0, 5, 0, 6}), "int64 1x2"},
      {OneNode("NonZero", 13)
           .ConstantValue(
               TensorValue::UniformFloat(DataType::kFloat32, {1000, 1000}, 1)),
       "int64 2x1000000"},
      {OneNode("NonZero", 13)
           .ConstantValue(
               TensorValue::UniformFloat(DataType::kFloat32, {1000, 1000}, 0)),
       "int64 2x0"},
      {OneNode("NonZero", 13).ConstantScalar(3), "int64 0x1"},
      {OneNode("NonZero", 13).Input({0, 3}), "int64 2x0"},
      {OneNode("NonZero", 13).ConstantValue(Symbols({kSymN + 1, 0})),
       "int64 1x1"},
  });
  // N may be 0.
  OneNode node("NonZero", 13);
  node.ConstantValue(Symbols({kSymN, 0, 4}));
  EXPECT_EQ(DataExtentsText(node), "o0#1 at most 2");
}

TEST(NonZero, FoldsPlaces) {
  ExpectFolds({
      {OneNode("NonZero", 13).ConstantInts({0, 5, 0, 6}), "int64 1x2: 1 3"},
      {OneNode("NonZero", 13)
           .ConstantValue(Matrix({2, 2}, {kSymN + 1, 0, 0, 7})),
       "int64 2x2: 0 1 0 1"},
      {OneNode("NonZero", 13).ConstantValue(Symbols({kSymN})), "unknown"},
  });
}

// ---- Compress

TEST(Compress, TakesAtMostAsManyAsThereAreConditions) {
  OneNode rows("Compress", 11);
  rows.Input({5, 4}).Input({3}, DataType::kBool).Attr("axis", 0);
  EXPECT_EQ(rows.InferText(), "float32 o0#0x4");
  EXPECT_EQ(DataExtentsText(rows), "o0#0 at most 3");
  const Tally tally = TallyAtMost(rows);
  EXPECT_TRUE(tally.operations.empty());
  EXPECT_EQ(tally.reads.at("i0"), 3 * 4);
  EXPECT_EQ(tally.reads.at("i1"), 3);
  EXPECT_EQ(tally.writes.at("o0"), 3 * 4);
  OneNode flat("Compress", 9);
  flat.Input({2, kN}).Input({7}, DataType::kBool);
  EXPECT_EQ(flat.InferText(), "float32 o0#0");
  EXPECT_EQ(DataExtentsText(flat),
            "o0#0 at most " + Extent::Min(kN * 2, 7).ToString());
}

TEST(Compress, KnowsWhatKnownConditionsSelect) {
  ExpectInfers({
      {OneNode("Compress", 11)
           .Input({5, 4})
           .ConstantValue(Bools({0, 1, 1}))
           .Attr("axis", -2),
       "float32 2x4"},
      {OneNode("Compress", 11).Input({5, kN}).ConstantValue(Bools({1})),
       "float32 o0#0"},
      {OneNode("Compress", 11).Input({2}).ConstantValue(Bools({0, 1, 1})),
       "Compress 'o0': there are 3 conditions but only 2 elements"},
      {OneNode("Compress", 11).Input({2}).Input({1, 2}, DataType::kBool),
       "Compress 'o0': the condition must have 1 axis but is 1x2"},
  });
  ExpectFolds({
      {OneNode("Compress", 11)
           .ConstantValue(Symbols({1, kSymN, 3}))
           .ConstantValue(Bools({0, 1, 1})),
       "int64 2: N 3"},
      {OneNode("Compress", 11)
           .ConstantValue(Matrix({2, 2}, {1, 2, kSymN, 4}))
           .ConstantValue(Bools({0, 1}))
           .Attr("axis", 0),
       "int64 1x2: N 4"},
  });
}

TEST(Compress, CopiesWhatIsSelected) {
  Dice dice(42);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 4);
    const auto axis =
        static_cast<size_t>(dice.Roll(0, static_cast<int64_t>(in.size()) - 1));
    const int64_t conditions = dice.Roll(1, in[axis]);
    std::vector<SymValue> condition;
    Numbers selected;
    for (int64_t c = 0; c < conditions; ++c) {
      condition.push_back(dice.Roll(0, 1));
      if (condition.back().value() != 0) selected.push_back(c);
    }
    Numbers out = in;
    out[axis] = static_cast<int64_t>(selected.size());
    Tally tally;
    Array x(tally, "i0", in), holds(tally, "i1", {conditions}),
        y(tally, "o0", out);
    for (int64_t c = 0; c < conditions; ++c) holds.Read(c);
    ForEachIndex(out, [&](const Numbers& q) {
      Numbers from = q;
      from[axis] = selected[static_cast<size_t>(q[axis])];
      y.Write(q, x.Read(from));
    });
    OneNode node("Compress", 11);
    node.Input(DimsOf(in))
        .ConstantValue(Bools(condition))
        .Attr("axis", static_cast<int64_t>(axis));
    ExpectCounts(node, tally, TextOf(in) + TextOf(selected));
  }
}

// ---- Unique

TEST(Unique, FindsAtMostAsManyAsThereAreElements) {
  OneNode node("Unique", 11);
  node.Input({3, 4}).Outputs(4);
  EXPECT_EQ(node.InferText(0), "float32 o0#0");
  EXPECT_EQ(node.InferText(1), "int64 o0#0");
  EXPECT_EQ(node.InferText(2), "int64 12");
  EXPECT_EQ(node.InferText(3), "int64 o0#0");
  EXPECT_EQ(DataExtentsText(node), "o0#0 at most 12");
  OneNode narrow("Unique", 11);
  narrow.Input({1000}, DataType::kUint8);
  EXPECT_EQ(DataExtentsText(narrow), "o0#0 at most 256");
  OneNode truths("Unique", 11);
  truths.Input({1000}, DataType::kBool);
  EXPECT_EQ(DataExtentsText(truths), "o0#0 at most 2");
  OneNode slices("Unique", 11);
  slices.Input({3, kN}).Attr("axis", 1).Outputs(3);
  EXPECT_EQ(slices.InferText(0), "float32 3xo0#1");
  EXPECT_EQ(slices.InferText(2), "int64 N");
  EXPECT_EQ(DataExtentsText(slices), "o0#1 at most N");
}

TEST(Unique, PlacesEachSliceAmongThoseFound) {
  Dice dice(43);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 4);
    const bool has_axis = dice.Coin();
    const auto axis =
        static_cast<size_t>(dice.Roll(0, static_cast<int64_t>(in.size()) - 1));
    const int64_t slices = has_axis ? in[axis] : Product(in);
    const int64_t slice = Product(in) / slices;
    const bool counts_uses = dice.Coin();
    Tally tally;
    Array x(tally, "i0", {slices, slice}), y(tally, "o0", {slices, slice}),
        first(tally, "o1", {slices}), inverse(tally, "o2", {slices}),
        uses(tally, "o3", {slices});
    for (int64_t s = 0; s < slices; ++s) {
      for (int64_t e = 0; e < slice; ++e) Place(x.Read({s, e}), slices);
      if (counts_uses) Number(tally, 0) + Number(tally, 1);
      inverse.Write(s, Number(tally, 0));
      // All differ.
      for (int64_t e = 0; e < slice; ++e) y.Write({s, e}, Number(tally, 0));
      first.Write(s, Number(tally, 0));
      if (counts_uses) uses.Write(s, Number(tally, 0));
    }
    OneNode node("Unique", 11);
    node.Input(DimsOf(in)).Outputs(4);
    if (has_axis) node.Attr("axis", static_cast<int64_t>(axis));
    if (!counts_uses) node.UnusedOutput(3);
    EXPECT_EQ(TallyAtMost(node), tally) << TextOf(in);
  }
}

TEST(Unique, FoldsKnownElements) {
  const auto unique = [](int64_t sorted) {
    return OneNode("Unique", 11)
        .ConstantInts({2, 1, 1, 3, 4, 3})
        .Attr("sorted", sorted)
        .Outputs(4);
  };
  const TensorValue rows = Matrix({3, 3}, {1, 0, 0, 1, 0, 0, 2, 3, 4});
  ExpectFolds({
      {unique(0), "int64 4: 2 1 3 4", 0},
      {unique(0), "int64 4: 0 1 3 4", 1},
      {unique(0), "int64 6: 0 1 1 2 3 2", 2},
      {unique(0), "int64 4: 1 2 2 1", 3},
      {unique(1), "int64 4: 1 2 3 4", 0},
      {unique(1), "int64 4: 1 0 3 4", 1},
      {unique(1), "int64 6: 1 0 0 2 3 2", 2},
      {unique(1), "int64 4: 2 1 2 1", 3},
      {OneNode("Unique", 11).ConstantValue(rows).Attr("axis", 0),
       "int64 2x3: 1 0 0 2 3 4"},
      {OneNode("Unique", 11)
           .ConstantValue(Symbols({kSymN + 1, kSymN, kSymN + 1})),
       "int64 2: N N+1"},
      {OneNode("Unique", 11).ConstantValue(Symbols({kSymN, 3})), "unknown"},
  });
}

// ---- OneHot

TEST(OneHot, PutsTheDepthAtTheAxis) {
  const auto one_hot = [](Dims indices, int64_t depth, int64_t axis) {
    return OneNode("OneHot", 11)
        .Input(std::move(indices), kInt64)
        .ConstantScalar(depth)
        .Input({2})
        .Attr("axis", axis);
  };
  ExpectInfers({
      {one_hot({5, 6}, 7, -1), "float32 5x6x7"},
      {one_hot({5, kN}, 7, 1), "float32 5x7xN"},
      {one_hot({}, 7, 0), "float32 7"},
      {OneNode("OneHot", 9)
           .Input({3}, kInt64)
           .ConstantValue(Symbols({kSymN}))
           .Input({2}),
       "float32 3xN"},
      {OneNode("OneHot", 11)
           .Input({3}, kInt64)
           .ConstantScalarFloat(4)
           .Input({2}),
       "float32 3x4"},
      {one_hot({5}, -1, 0),
       "OneHot 'o0': the depth is -1 but an extent can't be negative"},
      {one_hot({5}, 4, 2),
       "OneHot 'o0': axis 2 is outside the 2 axes of the tensor"},
      {OneNode("OneHot", 11).Input({3}).ConstantScalar(4).Input({3}),
       "OneHot 'o0': the values must be 2 (off and on) but are 3"},
      {OneNode("OneHot", 11).Input({3}).Input({}, kInt64).Input({2}),
       "OneHot 'o0': the elements of operand 1 aren't known before the model "
       "runs"},
  });
}

TEST(OneHot, CopiesOneOfTwoValuesToEachOutput) {
  Dice dice(44);
  for (int i = 0; i < 100; ++i) {
    const Numbers indices = dice.Rolls(dice.Roll(0, 2), 1, 4);
    const int64_t depth = dice.Roll(1, 5);
    Numbers out = indices;
    out.push_back(depth);
    Tally tally;
    Array at(tally, "i0", indices), values(tally, "i2", {2}),
        y(tally, "o0", out);
    ForEachIndex(indices, [&](const Numbers& q) {
      at.Read(q);
      for (int64_t d = 0; d < depth; ++d) {
        Numbers to = q;
        to.push_back(d);
        y.Write(to, values.Read(d == 0 ? 1 : 0));
      }
    });
    OneNode node("OneHot", 11);
    node.Input(DimsOf(indices), kInt64).ConstantScalar(depth).Input({2});
    ExpectCounts(node, tally, TextOf(out));
  }
}

TEST(OneHot, FoldsKnownIndices) {
  ExpectFolds({
      {OneNode("OneHot", 11)
           .ConstantInts({1, -1, 9})
           .ConstantScalar(3)
           .ConstantValue(Symbols({0, kSymN})),
       "int64 3x3: 0 N 0 0 0 N 0 0 0"},
      {OneNode("OneHot", 11)
           .ConstantInts({0, 1})
           .ConstantScalar(2)
           .ConstantInts({5, 6})
           .Attr("axis", 0),
       "int64 2x2: 6 5 5 6"},
      {OneNode("OneHot", 11)
           .ConstantValue(Symbols({kSymN}))
           .ConstantScalar(2)
           .ConstantInts({0, 1}),
       "unknown"},
  });
}

// ---- Hardmax

TEST(Hardmax, ComparesEachElementOfARow) {
  ExpectInfers({
      {OneNode("Hardmax", 13).Input({2, kN}), "float32 2xN"},
      {OneNode("Hardmax", 1).Input({2, 3, 4}), "float32 2x3x4"},
      {OneNode("Hardmax", 13).Input({2, 3}).Attr("axis", 2),
       "Hardmax 'o0': axis 2 is outside the 2 axes of the tensor"},
  });
  Dice dice(45);
  for (int i = 0; i < 100; ++i) {
    const Numbers in = dice.Rolls(2, 1, 6);
    Tally tally;
    Array x(tally, "i0", in), y(tally, "o0", in);
    for (int64_t row = 0; row < in[0]; ++row) {
      Number best(tally, -1);
      for (int64_t e = 0; e < in[1]; ++e) best = Max(best, x.Read({row, e}));
      for (int64_t e = 0; e < in[1]; ++e) y.Write({row, e}, best);
    }
    OneNode node("Hardmax", dice.Coin() ? 13 : 11);
    node.Input(DimsOf(in));
    ExpectCounts(node, tally, TextOf(in));
  }
}

}  // namespace
}  // namespace opcost
