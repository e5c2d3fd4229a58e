// SPDX-License-Identifier: Apache-2.0
// Gather: shapes, counts, values, errors.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");

OneNode Gather(Dims data, Dims indices, int64_t axis) {
  OneNode node("Gather", 13);
  node.Input(std::move(data)).Input(std::move(indices), DataType::kInt64);
  node.Attr("axis", axis);
  return node;
}

TEST(Gather, IndicesTakeThePlaceOfTheAxis) {
  ExpectInfers({
      {Gather({5, 6}, {}, 0), "float32 6"},
      {Gather({5, 6, 7}, {2, 3}, 1), "float32 5x2x3x7"},
      {Gather({5, 6}, {kN}, -1), "float32 5xN"},
      {OneNode("Gather", 1).Input({5, 6}).Input({4}, DataType::kInt32),
       "float32 4x6"},
  });
}

TEST(Gather, ErrorsNameIndexAndExtent) {
  const auto picked = [](Numbers indices) {
    return OneNode("Gather", 13).Input({5, 6}).ConstantInts(std::move(indices));
  };
  ExpectInfers({
      {Gather({}, {2}, 0),
       "Gather 'o0': the data must have at least 1 axis but is a scalar"},
      {Gather({5, 6}, {2}, 2),
       "Gather 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Gather({5, 6}, {2}, -3),
       "Gather 'o0': axis -3 is outside the 2 axes of the tensor"},
      {OneNode("Gather", 13).Input({5}).Input({2}),
       "Gather 'o0': the indices must be integers but are float32"},
      {picked({0, 5}),
       "Gather 'o0': index 5 is outside the extent 5 of axis 0"},
      {picked({-6}), "Gather 'o0': index -6 is outside the extent 5 of axis 0"},
      {picked({-5, 4}), "float32 2x6"},
      {OneNode("Gather", 13).Input({5}), "Gather 'o0': operand 1 is missing"},
  });
}

TEST(Gather, ReadsAnElementPerOutputAndEachIndexOnce) {
  Dice dice(21);
  for (int i = 0; i < 250; ++i) {
    const Numbers data = dice.Rolls(dice.Roll(1, 3), 1, 4);
    const Numbers indices = dice.Rolls(dice.Roll(0, 2), 1, 3);
    const int64_t axis = dice.Roll(0, static_cast<int64_t>(data.size()) - 1);
    Tally tally;
    Array x(tally, "i0", data), at(tally, "i1", indices);
    const Numbers outer(data.begin(), data.begin() + axis);
    const Numbers inner(data.begin() + axis + 1, data.end());
    Numbers out = outer;
    out.insert(out.end(), indices.begin(), indices.end());
    out.insert(out.end(), inner.begin(), inner.end());
    Array y(tally, "o0", out);
    const auto join = [](Numbers a, const Numbers& b, const Numbers& c) {
      a.insert(a.end(), b.begin(), b.end());
      a.insert(a.end(), c.begin(), c.end());
      return a;
    };
    ForEachIndex(indices, [&](const Numbers& q) {
      at.Read(q);
      const int64_t picked = dice.Roll(0, data[static_cast<size_t>(axis)] - 1);
      ForEachIndex(outer, [&](const Numbers& before) {
        ForEachIndex(inner, [&](const Numbers& after) {
          y.Write(join(before, q, after),
                  x.Read(join(before, {picked}, after)));
        });
      });
    });
    OneNode node = Gather(DimsOf(data), DimsOf(indices), axis);
    ExpectCounts(node, tally, TextOf(data) + " at " + TextOf(indices));
  }
}

TEST(Gather, TakesWeightBitsForAConstantTable) {
  OneNode node("Gather", 13);
  node.Constant({30000, 64}).Input({7}, DataType::kInt64);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.accesses.size(), 3);
  EXPECT_EQ(counts.accesses[0].role, Role::kWeight);
  EXPECT_TRUE(counts.accesses[0].takes_weight_bits);
  EXPECT_EQ(counts.accesses[0].reads.value(), 7 * 64);
  EXPECT_EQ(counts.accesses[1].role, Role::kIndex);
  EXPECT_EQ(counts.accesses[1].reads.value(), 7);
}

TEST(Gather, FoldsElementsOfShapes) {
  const TensorValue four = Symbols({kSymN, 1, 2, 3});
  ExpectFolds({
      {OneNode("Gather", 13).ConstantValue(four).ConstantScalar(0),
       "int64 scalar: N"},
      {OneNode("Gather", 13).ConstantValue(four).ConstantInts({-1, 0}),
       "int64 2: 3 N"},
      {OneNode("Gather", 13)
           .ConstantValue(
               TensorValue::Integers(DataType::kInt64, {2, 2}, {1, 2, 3, 4}))
           .ConstantInts({1})
           .Attr("axis", 1),
       "int64 2x1: 2 4"},
      {OneNode("Gather", 13)
           .ConstantValue(four)
           .ConstantValue(Symbols({kSymN})),
       "unknown"},
      {OneNode("Gather", 13)
           .ConstantValue(
               TensorValue::UniformFloat(DataType::kFloat32, {1 << 20, 8}, 2))
           .Constant({4}, DataType::kInt64),
       "unknown"},
  });
}

}  // namespace
}  // namespace opcost
