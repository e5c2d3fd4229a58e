// SPDX-License-Identifier: Apache-2.0
// DepthToSpace and SpaceToDepth.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/op_cases.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");

OneNode Op(const char* name, int opset, Dims dims, int64_t blocksize) {
  OneNode node(name, opset);
  node.Input(std::move(dims)).Attr("blocksize", blocksize);
  return node;
}

TEST(DepthSpace, ShapesFollowTheBlocksize) {
  ExpectInfers({
      {Op("DepthToSpace", 1, {1, 8, 3, 4}, 2), "float32 1x2x6x8"},
      {Op("DepthToSpace", 13, {kN, 9, 3, 4}, 3).Attr("mode", "CRD"),
       "float32 Nx1x9x12"},
      {Op("SpaceToDepth", 1, {1, 2, 6, 8}, 2), "float32 1x8x3x4"},
      {Op("SpaceToDepth", 13, {1, 2, 6, 8}, 1), "float32 1x2x6x8"},
      {Op("SpaceToDepth", 28, {1, 2, 6, 8}, 2).Attr("mode", "CRD"),
       "float32 1x8x3x4"},
  });
}

TEST(DepthSpace, ErrorsNameBothNumbers) {
  ExpectInfers({
      {Op("DepthToSpace", 13, {1, 6, 3, 4}, 2),
       "DepthToSpace 'o0': the channel axis has extent 6, which 4 doesn't "
       "divide"},
      {Op("SpaceToDepth", 13, {1, 6, 3, 4}, 2),
       "SpaceToDepth 'o0': the height has extent 3, which 2 doesn't divide"},
      {Op("SpaceToDepth", 13, {1, 6, 4, 5}, 2),
       "SpaceToDepth 'o0': the width has extent 5, which 2 doesn't divide"},
      {Op("DepthToSpace", 13, {6, 3, 4}, 2),
       "DepthToSpace 'o0': the input must have 4 axes (NCHW) but has 3"},
      {Op("DepthToSpace", 13, {1, 6, 3, 4}, 0),
       "DepthToSpace 'o0': blocksize must be at least 1 but is 0"},
      {OneNode("DepthToSpace", 13).Input({1, 4, 1, 1}),
       "DepthToSpace 'o0': attribute 'blocksize' is missing"},
      {Op("DepthToSpace", 13, {1, 4, 3, 4}, 2).Attr("mode", "RCD"),
       "DepthToSpace 'o0': mode must be DCR or CRD but is 'RCD'"},
  });
}

// Where output (n, c, y, x) of a DepthToSpace comes from, by the text's
// reshape and transpose written out.
Numbers DepthSource(const Numbers& in, const Numbers& at, int64_t b, bool crd) {
  const int64_t depth = in[1] / (b * b);
  const int64_t row = at[2] % b, column = at[3] % b;
  const int64_t channel =
      crd ? (at[1] * b + row) * b + column : (row * b + column) * depth + at[1];
  return {at[0], channel, at[2] / b, at[3] / b};
}

TEST(DepthSpace, BothMoveEachElementUnlessNoneChangesPlace) {
  Dice dice(31);
  for (int i = 0; i < 250; ++i) {
    const int64_t b = dice.Roll(1, 3);
    const bool crd = dice.Coin();
    const Numbers deep = {dice.Roll(1, 2), dice.Roll(1, 3) * b * b,
                          dice.Roll(1, 3), dice.Roll(1, 3)};
    const Numbers wide = {deep[0], deep[1] / (b * b), deep[2] * b, deep[3] * b};
    Numbers to_wide, to_deep(static_cast<size_t>(Product(deep)));
    ForEachIndex(wide, [&](const Numbers& at) {
      const int64_t source = OffsetIn(deep, DepthSource(deep, at, b, crd));
      to_wide.push_back(source);
      to_deep[static_cast<size_t>(source)] = OffsetIn(wide, at);
    });
    const char* mode = crd ? "CRD" : "DCR";
    const std::string what = TextOf(deep) + " by " + std::to_string(b) + mode;
    OneNode spread = Op("DepthToSpace", 13, DimsOf(deep), b).Attr("mode", mode);
    ExpectCounts(spread, TallyOfCopy(to_wide, Product(deep)), what);
    OneNode stacked =
        Op("SpaceToDepth", 28, DimsOf(wide), b).Attr("mode", mode);
    ExpectCounts(stacked, TallyOfCopy(to_deep, Product(deep)), what);
  }
}

TEST(DepthSpace, ABlocksizeOfOneIsAView) {
  ExpectView(Op("DepthToSpace", 13, {2, 3, 4, 5}, 1));
  ExpectView(Op("SpaceToDepth", 13, {2, 3, 4, 5}, 1));
}

TEST(DepthSpace, FoldKnownElements) {
  const auto filled = [](const char* name, IntDims dims) {
    std::vector<SymValue> elements;
    for (int64_t i = 0; i < 8; ++i) elements.push_back(i);
    return OneNode(name, 28)
        .ConstantValue(TensorValue::Integers(DataType::kInt64, std::move(dims),
                                             std::move(elements)))
        .Attr("blocksize", 2);
  };
  ExpectFolds({
      // DCR: rows and columns are the outer channels.
      {filled("DepthToSpace", {1, 8, 1, 1}), "int64 1x2x2x2: 0 2 4 6 1 3 5 7"},
      {filled("DepthToSpace", {1, 8, 1, 1}).Attr("mode", "CRD"),
       "int64 1x2x2x2: 0 1 2 3 4 5 6 7"},
      {filled("SpaceToDepth", {1, 2, 2, 2}), "int64 1x8x1x1: 0 4 1 5 2 6 3 7"},
      {filled("SpaceToDepth", {1, 2, 2, 2}).Attr("mode", "CRD"),
       "int64 1x8x1x1: 0 1 2 3 4 5 6 7"},
  });
}

}  // namespace
}  // namespace opcost
