// SPDX-License-Identifier: Apache-2.0
// Transpose, Concat, Split, Expand, Tile: shapes, counts, values, errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");

OneNode Op(const char* name, int opset, Dims dims) {
  OneNode node(name, opset);
  node.Input(std::move(dims));
  return node;
}

TensorValue Counting(IntDims dims) {
  std::vector<SymValue> elements;
  const int64_t size = Volume(Dims(dims.begin(), dims.end())).value();
  for (int64_t i = 0; i < size; ++i) elements.push_back(i);
  return TensorValue::Integers(DataType::kInt64, std::move(dims),
                               std::move(elements));
}

TensorValue Filled(IntDims dims, int64_t element) {
  return TensorValue::UniformInteger(DataType::kInt64, std::move(dims),
                                     element);
}

TEST(Transpose, ShapesFollowPermAndReverseWithoutIt) {
  ExpectInfers({
      {Op("Transpose", 13, {2, 3, 4}), "float32 4x3x2"},
      {Op("Transpose", 1, {2, 3, 4}).Attr("perm", Numbers{1, 0, 2}),
       "float32 3x2x4"},
      {Op("Transpose", 21, {kN, 3}).Attr("perm", Numbers{1, 0}), "float32 3xN"},
      {Op("Transpose", 13, {}), "float32 scalar"},
  });
}

TEST(Transpose, ErrorsNameWhatIsWrongWithPerm) {
  ExpectInfers({
      {Op("Transpose", 13, {2, 3, 4}).Attr("perm", Numbers{1, 0}),
       "Transpose 'o0': perm orders 2 axes but the input has 3"},
      {Op("Transpose", 13, {2, 3}).Attr("perm", Numbers{0, 0}),
       "Transpose 'o0': axis 0 is given twice"},
      {Op("Transpose", 13, {2, 3}).Attr("perm", Numbers{0, 2}),
       "Transpose 'o0': axis 2 is outside the 2 axes of the tensor"},
      {OneNode("Transpose", 13).InputOfUnknownRank(),
       "Transpose 'o0': the shape of 'i0' isn't known"},
  });
}

TEST(Transpose, MovesEachElementUnlessNoneChangesPlace) {
  Dice dice(1);
  for (int i = 0; i < 300; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 4), 1, 3);
    const Numbers perm = dice.Permutation(static_cast<int64_t>(in.size()));
    Numbers out;
    for (const int64_t axis : perm)
      out.push_back(in[static_cast<size_t>(axis)]);
    Numbers sources;
    ForEachIndex(out, [&](const Numbers& index) {
      Numbers from(in.size());
      for (size_t a = 0; a < in.size(); ++a) {
        from[static_cast<size_t>(perm[a])] = index[a];
      }
      sources.push_back(OffsetIn(in, from));
    });
    OneNode node = Op("Transpose", 13, DimsOf(in)).Attr("perm", perm);
    ExpectCounts(node, TallyOfCopy(sources, Product(in)),
                 TextOf(in) + " by " + TextOf(perm));
  }
}

TEST(Transpose, IsAViewWhereTheAxesLongerThanOneKeepTheirOrder) {
  ExpectView(
      Op("Transpose", 13, {1, 8, 1, 5}).Attr("perm", Numbers{1, 0, 3, 2}));
  OneNode moved = Op("Transpose", 13, {1, kN, 1, 5});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, moved.Count());
  EXPECT_FALSE(counts.is_view);  // N counts as longer than 1
}

TEST(Concat, AddsTheExtentsOfItsAxis) {
  ExpectInfers({
      {Op("Concat", 1, {2, 3}).Input({2, 4}), "float32 2x7"},  // default 1
      {Op("Concat", 13, {2, 3}).Input({5, 3}).Attr("axis", 0), "float32 7x3"},
      {Op("Concat", 13, {2, 3}).Input({2, 1}).Attr("axis", -1), "float32 2x4"},
      {Op("Concat", 13, {kN, 3}).Input({2, 1}).Attr("axis", 1), "float32 2x4"},
      {Op("Concat", 13, {2, kN}).Input({2, 1}).Attr("axis", 1),
       "float32 2xN+1"},
  });
}

TEST(Concat, ErrorsNameBothExtents) {
  ExpectInfers({
      {Op("Concat", 4, {2, 3}).Input({2, 4}),
       "Concat 'o0': attribute 'axis' is missing"},
      {Op("Concat", 13, {2, 3}).Input({4, 4}).Attr("axis", 1),
       "Concat 'o0': operand 1 has extent 4 on axis 0 but the operands before "
       "it have 2"},
      {Op("Concat", 13, {2, 3}).Input({2}).Attr("axis", 1),
       "Concat 'o0': operand 1 has 1 axes but operand 0 has 2"},
      {Op("Concat", 13, {2, 3}).Attr("axis", 2),
       "Concat 'o0': axis 2 is outside the 2 axes of the tensor"},
      {OneNode("Concat", 13).Attr("axis", 0),
       "Concat 'o0': operand 0 is missing"},
  });
}

TEST(Concat, ReadsEachPartAndWritesThemAllUnlessThereIsOne) {
  Dice dice(2);
  for (int i = 0; i < 250; ++i) {
    const int64_t rank = dice.Roll(1, 3);
    const Numbers rest = dice.Rolls(rank, 1, 3);
    const int64_t axis = dice.Roll(0, rank - 1);
    OneNode node("Concat", 13);
    node.Attr("axis", axis);
    Tally tally;
    int parts = 0;
    const int64_t operands = dice.Roll(1, 4);
    for (int64_t o = 0; o < operands; ++o) {
      Numbers part = rest;
      part[static_cast<size_t>(axis)] = dice.Roll(0, 3);
      node.Input(DimsOf(part));
      if (Product(part) == 0) continue;
      ++parts;
      Array x(tally, "i" + std::to_string(o), part);
      Array y(tally, "o0", part);
      for (int64_t e = 0; e < x.size(); ++e) y.Write(e, x.Read(e));
    }
    ExpectCounts(node, parts <= 1 ? Tally() : tally,
                 "axis " + std::to_string(axis) + " of " + TextOf(rest));
  }
}

TEST(Split, PartsFollowTheOpset) {
  ExpectInfers({
      {Op("Split", 1, {6, 2})
           .Attr("axis", 0)
           .Attr("split", Numbers{1, 5})
           .Outputs(2),
       "float32 5x2", 1},
      {Op("Split", 1, {6, 2}).ConstantInts({4, 2}).Outputs(2), "float32 2x2",
       1},
      {Op("Split", 2, {6, 2}).Outputs(3), "float32 2x2", 2},
      {Op("Split", 11, {6, 4})
           .Attr("axis", -1)
           .Attr("split", Numbers{3, 1})
           .Outputs(2),
       "float32 6x1", 1},
      {Op("Split", 13, {6, 2}).ConstantInts({4, 2}).Outputs(2), "float32 4x2"},
      {Op("Split", 13, {6, 2}).Outputs(2), "float32 3x2", 1},
      {Op("Split", 18, {7, 2}).Attr("num_outputs", 3).Outputs(3), "float32 3x2",
       1},
      {Op("Split", 18, {7, 2}).Attr("num_outputs", 3).Outputs(3), "float32 1x2",
       2},
      {Op("Split", 18, {kN, 2})
           .ConstantValue(Symbols({kSymN - 1, 1}))
           .Outputs(2),
       "float32 N-1x2"},
  });
}

TEST(Split, ErrorsNameBothNumbers) {
  ExpectInfers({
      {Op("Split", 13, {7, 2}).Outputs(2),
       "Split 'o0': an extent of 7 doesn't divide into 2 equal parts"},
      {Op("Split", 13, {7, 2}).ConstantInts({3, 3}).Outputs(2),
       "Split 'o0': the lengths of the split add up to 6 but axis 0 has extent "
       "7"},
      {Op("Split", 13, {7, 2}).ConstantInts({3, 3, 1}).Outputs(2),
       "Split 'o0': split gives 3 lengths but the node has 2 outputs"},
      {Op("Split", 13, {7, 2}).ConstantInts({8, -1}).Outputs(2),
       "Split 'o0': length 1 of the split is -1 but an extent can't be "
       "negative"},
      {Op("Split", 18, {7}).Outputs(2),
       "Split 'o0': neither operand 'split' nor attribute 'num_outputs' is "
       "given"},
      {Op("Split", 18, {7})
           .ConstantInts({3, 4})
           .Attr("num_outputs", 2)
           .Outputs(2),
       "Split 'o0': operand 'split' and attribute 'num_outputs' are both "
       "given, "
       "but only one may be"},
      {Op("Split", 18, {7}).Attr("num_outputs", 3).Outputs(2),
       "Split 'o0': num_outputs is 3 but the node has 2 outputs"},
      {Op("Split", 18, {5}).Attr("num_outputs", 4).Outputs(4),
       "Split 'o0': an extent of 5 is too short for 4 parts of 2"},
      {Op("Split", 13, {7}).Attr("axis", 1).Outputs(1),
       "Split 'o0': axis 1 is outside the 1 axes of the tensor"},
  });
}

TEST(Split, MovesOnlyTheOutputsThatAreUsed) {
  Dice dice(3);
  for (int i = 0; i < 250; ++i) {
    const Numbers lengths = dice.Rolls(dice.Roll(1, 4), 0, 3);
    int64_t sum = 0;
    for (const int64_t length : lengths) sum += length;
    const int64_t inner = dice.Roll(1, 3);
    OneNode node = Op("Split", 13, {sum, inner});
    node.ConstantInts(lengths).Outputs(static_cast<int>(lengths.size()));
    Tally tally;
    Array x(tally, "i0", {sum, inner});
    int64_t parts = 0, first = 0;
    for (size_t o = 0; o < lengths.size(); ++o) {
      const bool used = dice.Roll(0, 3) > 0;
      if (!used) node.UnusedOutput(static_cast<int>(o));
      if (lengths[o] > 0) ++parts;
      Array y(tally, "o" + std::to_string(o), {lengths[o], inner});
      for (int64_t e = 0; used && e < y.size(); ++e) {
        y.Write(e, x.Read(first * inner + e));
      }
      first += lengths[o];
    }
    ExpectCounts(node, parts <= 1 ? Tally() : tally, TextOf(lengths));
  }
}

TEST(Expand, BroadcastsInBothDirections) {
  ExpectInfers({
      {Op("Expand", 8, {3, 1}).ConstantInts({2, 1, 6}), "float32 2x3x6"},
      {Op("Expand", 13, {2, 3, 4}).ConstantInts({1}), "float32 2x3x4"},
      {Op("Expand", 13, {1, 3}).ConstantInts({0, 1}), "float32 0x3"},
      {Op("Expand", 13, {1, 3}).ConstantValue(Symbols({kSymN, 1})),
       "float32 Nx3"},
  });
}

TEST(Expand, ErrorsNameBothExtents) {
  ExpectInfers({
      {Op("Expand", 13, {2, 3}).ConstantInts({4, 3}),
       "Expand 'o0': shapes 2x3 and 4x3 don't broadcast: 2 and 4 on axis 0"},
      {Op("Expand", 13, {2, 3}).ConstantInts({-1, 3}),
       "Expand 'o0': element 0 of operand 1 is -1 but an extent can't be "
       "negative"},
      {Op("Expand", 13, {2, 3}).Input({2}, DataType::kInt64),
       "Expand 'o0': the elements of operand 1 aren't known before the model "
       "runs"},
      {Op("Expand", 13, {2, 3}).ConstantFloats({1}),
       "Expand 'o0': operand 1 must hold integers but is float32"},
      {Op("Expand", 13, {2, 3}).ConstantValue(Filled({2, 2}, 1)),
       "Expand 'o0': operand 1 must have at most 1 axis but has 2"},
      {Op("Expand", 13, {2, 3}).ConstantValue(Filled({5000}, 1)),
       "Expand 'o0': operand 1 has 5000 elements, more than the 4096 that are "
       "followed"},
      {Op("Expand", 13, {2, 3}), "Expand 'o0': operand 1 is missing"},
  });
}

TEST(Expand, ReadsAnElementPerOutputUnlessNothingIsRepeated) {
  Dice dice(4);
  for (int i = 0; i < 250; ++i) {
    const Numbers out = dice.Rolls(dice.Roll(1, 4), 1, 3);
    const int64_t dropped = dice.Roll(0, static_cast<int64_t>(out.size()) - 1);
    Numbers in(out.begin() + dropped, out.end());
    for (int64_t& extent : in) extent = dice.Coin() ? 1 : extent;
    Numbers sources;
    ForEachIndex(out, [&](const Numbers& index) {
      Numbers from(index.begin() + dropped, index.end());
      for (size_t a = 0; a < in.size(); ++a) from[a] = in[a] == 1 ? 0 : from[a];
      sources.push_back(OffsetIn(in, from));
    });
    OneNode node = Op("Expand", 13, DimsOf(in)).ConstantInts(out);
    ExpectCounts(node, TallyOfCopy(sources, Product(in)),
                 TextOf(in) + " to " + TextOf(out));
  }
}

TEST(Tile, RepeatsOneAxisBeforeOpset6AndThenAll) {
  ExpectInfers({
      {Op("Tile", 1, {2, 3}).ConstantScalar(4).ConstantScalar(1),
       "float32 2x12"},
      {Op("Tile", 6, {2, 3}).ConstantInts({2, 1}), "float32 4x3"},
      {Op("Tile", 13, {2, 3}).ConstantInts({0, 1}), "float32 0x3"},
      {Op("Tile", 13, {2, 3}).ConstantValue(Symbols({kSymN, 1})),
       "float32 2*Nx3"},
  });
}

TEST(Tile, ErrorsNameBothNumbers) {
  ExpectInfers({
      {Op("Tile", 13, {2, 3}).ConstantInts({2}),
       "Tile 'o0': repeats has 1 elements but the input has 2 axes"},
      {Op("Tile", 13, {2, 3}).ConstantInts({2, -2}),
       "Tile 'o0': element 1 of operand 1 is -2 but an extent can't be "
       "negative"},
      {Op("Tile", 1, {2, 3}).ConstantScalar(4).ConstantScalar(2),
       "Tile 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Op("Tile", 1, {2, 3}).ConstantInts({4, 5}).ConstantScalar(1),
       "Tile 'o0': tiles and axis must be one element each but have 2 and 1"},
  });
}

TEST(Tile, ReadsAnElementPerOutputUnlessNothingIsRepeated) {
  Dice dice(5);
  for (int i = 0; i < 250; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 3);
    const Numbers repeats =
        dice.Rolls(static_cast<int64_t>(in.size()), dice.Roll(0, 1), 2);
    Numbers out = in;
    for (size_t a = 0; a < in.size(); ++a) out[a] *= repeats[a];
    Numbers sources;
    ForEachIndex(out, [&](const Numbers& index) {
      Numbers from = index;
      for (size_t a = 0; a < in.size(); ++a) from[a] %= in[a];
      sources.push_back(OffsetIn(in, from));
    });
    OneNode node = Op("Tile", 13, DimsOf(in)).ConstantInts(repeats);
    ExpectCounts(node, TallyOfCopy(sources, Product(in)),
                 TextOf(in) + " times " + TextOf(repeats));
  }
}

TEST(Movement, FoldsKnownElementsAndCarriesSymbols) {
  ExpectFolds({
      {OneNode("Transpose", 13).ConstantValue(Counting({2, 3})),
       "int64 3x2: 0 3 1 4 2 5"},
      {OneNode("Concat", 13)
           .ConstantValue(Symbols({kSymN}))
           .ConstantInts({-1})
           .Attr("axis", 0),
       "int64 2: N -1"},
      {OneNode("Concat", 13)
           .ConstantValue(Counting({2, 1}))
           .ConstantValue(Counting({2, 2}))
           .Attr("axis", 1),
       "int64 2x3: 0 0 1 1 2 3"},
      {OneNode("Concat", 13).ConstantInts({}).ConstantInts({7}).Attr("axis", 0),
       "int64 1: all 7"},
      {OneNode("Concat", 13).ConstantInts({}).Attr("axis", 0), "int64 0:"},
      {OneNode("Concat", 13)
           .ConstantInts({1})
           .Input({1}, DataType::kInt64)
           .Attr("axis", 0),
       "unknown"},
      {OneNode("Split", 13)
           .ConstantValue(Counting({2, 3}))
           .ConstantInts({1, 2})
           .Attr("axis", 1)
           .Outputs(2),
       "int64 2x2: 1 2 4 5", 1},
      {OneNode("Expand", 13)
           .ConstantValue(Symbols({kSymN, 2}))
           .ConstantInts({2, 2}),
       "int64 2x2: N 2 N 2"},
      {OneNode("Tile", 13).ConstantValue(Symbols({kSymN, 2})).ConstantInts({2}),
       "int64 4: N 2 N 2"},
      {OneNode("Transpose", 13).Constant({2, 3}), "unknown"},
  });
}

TEST(Movement, UniformTensorsStayUniformWhateverTheirSize) {
  const int64_t big = 1 << 20;
  ExpectFolds({
      {OneNode("Transpose", 13).ConstantValue(Filled({big, 3}, 5)),
       "int64 3x1048576: all 5"},
      {OneNode("Concat", 13)
           .ConstantValue(Filled({big}, 5))
           .ConstantValue(Filled({big}, 5))
           .Attr("axis", 0),
       "int64 2097152: all 5"},
      {OneNode("Concat", 13)
           .ConstantValue(Filled({big}, 5))
           .ConstantValue(Filled({big}, 6))
           .Attr("axis", 0),
       "unknown"},
      {OneNode("Split", 13).ConstantValue(Filled({big}, 5)).Outputs(2),
       "int64 524288: all 5", 1},
      {OneNode("Expand", 13).ConstantScalar(5).ConstantInts({big, big}),
       "int64 1048576x1048576: all 5"},
      {OneNode("Tile", 13).ConstantValue(Filled({3}, 5)).ConstantInts({big}),
       "int64 3145728: all 5"},
      {OneNode("Tile", 13).ConstantInts({1, 2}).ConstantInts({big}), "unknown"},
  });
}

TEST(Movement, CountsThatDontFitAreErrors) {
  const int64_t huge = int64_t{1} << 40;
  OneNode node = Op("Expand", 13, {1, 2}).ConstantInts({huge, huge, 2});
  EXPECT_THAT(node.Count(), StatusIs(absl::StatusCode::kOutOfRange,
                                     HasSubstr("fit 63 bits")));
}

}  // namespace
}  // namespace opcost
