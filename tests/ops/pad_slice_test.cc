// SPDX-License-Identifier: Apache-2.0
// Pad and Slice: shapes, counts, values, errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");
constexpr int64_t kInt64Max = std::numeric_limits<int64_t>::max();
constexpr int64_t kInt64Min = std::numeric_limits<int64_t>::min();
constexpr int64_t kInt32Max = std::numeric_limits<int32_t>::max();

OneNode Op(const char* name, int opset, Dims dims) {
  OneNode node(name, opset);
  node.Input(std::move(dims));
  return node;
}

OneNode Pad(Dims dims, Numbers pads) {
  return Op("Pad", 13, std::move(dims)).ConstantInts(std::move(pads));
}

TEST(Pad, PadsAreAnAttributeBeforeOpset11) {
  ExpectInfers({
      {Op("Pad", 1, {2, 3}).Attr("paddings", Numbers{0, 1, 0, 2}),
       "float32 2x6"},
      {Op("Pad", 2, {2, 3}).Attr("pads", Numbers{1, 0, 0, -1}), "float32 3x2"},
      {Pad({2, 3}, {1, 1, 1, 1}), "float32 4x5"},
      {Pad({kN, 3}, {1, 0, 2, 0}), "float32 N+3x3"},
      {Op("Pad", 13, {4}).ConstantValue(Symbols({kSymN, 0})), "float32 N+4"},
      {Op("Pad", 18, {2, 3, 4})
           .ConstantInts({1, 2})
           .Absent()
           .ConstantInts({-1}),
       "float32 2x3x7"},
      {Op("Pad", 19, {2, 3}).ConstantInts({0, 1, 0, 1}).Attr("mode", "wrap"),
       "float32 2x5"},
  });
}

TEST(Pad, ErrorsNameBothNumbers) {
  ExpectInfers({
      {Op("Pad", 2, {2, 3}), "Pad 'o0': attribute 'pads' is missing"},
      {Op("Pad", 1, {2, 3}), "Pad 'o0': attribute 'paddings' is missing"},
      {Pad({2, 3}, {1, 1}), "Pad 'o0': there are 2 pads but 2 axes need 4"},
      {Pad({2, 3}, {0, -2, 0, -2}),
       "Pad 'o0': axis 1 of extent 3 with pads -2 and -2 would have extent -1"},
      {Pad({2, 0}, {0, 1, 0, 0}).Attr("mode", "edge"),
       "Pad 'o0': axis 1 is empty, so that mode 'edge' has nothing to pad it "
       "with"},
      {Pad({2, 3}, {0, 1, 0, 0}).Attr("mode", "wrap"),
       "Pad 'o0': mode 'wrap' isn't one of opset 13"},
      {Op("Pad", 18, {2, 3})
           .ConstantInts({1, 1, 2, 2})
           .Absent()
           .ConstantInts({0, -2}),
       "Pad 'o0': axis -2 is given twice"},
  });
}

TEST(Pad, IsAViewOnlyIfAllPadsAreZero) {
  ExpectView(Pad({2, 3}, {0, 0, 0, 0}));
  ExpectView(Pad({2, 3}, {0, 0, 0, 0}).ConstantScalarFloat(1));
  OneNode shifted = Pad({3}, {1, -1});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, shifted.Count());
  EXPECT_FALSE(counts.is_view);
}

TEST(Pad, ReadsWhatItKeepsOnceAndWritesTheOutput) {
  Dice dice(11);
  const char* const modes[] = {"constant", "reflect", "edge", "wrap"};
  for (int i = 0; i < 400; ++i) {
    const int64_t rank = dice.Roll(1, 3);
    const Numbers in = dice.Rolls(rank, 2, 4);
    const Numbers pads = dice.Rolls(2 * rank, dice.Coin() ? -1 : 0, 2);
    const char* mode = modes[dice.Roll(0, 3)];
    OneNode node = Op("Pad", 19, DimsOf(in)).ConstantInts(pads);
    node.Attr("mode", mode);
    const int64_t value = dice.Roll(0, 2);  // none, constant, computed
    if (value == 1) node.ConstantScalarFloat(1);
    if (value == 2) node.Input({});
    const bool fills = std::string(mode) == "constant" && value > 0;
    Numbers out = in;
    for (size_t a = 0; a < in.size(); ++a) {
      out[a] += pads[a] + pads[a + in.size()];
    }
    Tally tally;
    Array x(tally, "i0", in), fill(tally, "i2", {1}), y(tally, "o0", out);
    bool filled_before = false;
    ForEachIndex(out, [&](const Numbers& index) {
      Numbers from = index;
      bool inside = true;
      for (size_t a = 0; a < in.size(); ++a) {
        from[a] -= pads[a];
        inside = inside && from[a] >= 0 && from[a] < in[a];
      }
      Number element(tally, 0);
      if (inside) {
        element = x.Read(from);
      } else if (fills && (value == 2 || !filled_before)) {
        element = fill.Read(0);  // a constant is an immediate: read once
        filled_before = true;
      }
      y.Write(index, element);
    });
    const bool all_zero =
        std::all_of(pads.begin(), pads.end(), [](int64_t p) { return p == 0; });
    ExpectCounts(node, all_zero ? Tally() : tally,
                 TextOf(in) + " with " + TextOf(pads) + " " + mode);
  }
}

TEST(Pad, FoldsModeConstant) {
  const TensorValue two = Symbols({kSymN, 2});
  ExpectFolds({
      {OneNode("Pad", 13)
           .ConstantValue(two)
           .ConstantInts({1, 1})
           .ConstantScalar(7),
       "int64 4: 7 N 2 7"},
      {OneNode("Pad", 13).ConstantValue(two).ConstantInts({1, -1}),
       "int64 2: 0 N"},
      {OneNode("Pad", 13).ConstantValue(two).ConstantInts({1, 1}).Attr("mode",
                                                                       "edge"),
       "int64 4: N N 2 2"},
      {OneNode("Pad", 13).ConstantInts({1, 2, 3}).ConstantInts({3, 3}).Attr(
           "mode", "reflect"),
       "int64 9: 2 3 2 1 2 3 2 1 2"},
      {OneNode("Pad", 19).ConstantInts({1, 2, 3}).ConstantInts({4, 1}).Attr(
           "mode", "wrap"),
       "int64 8: 3 1 2 3 1 2 3 1"},
      {OneNode("Pad", 2)
           .ConstantFloats({1, 2})
           .Attr("pads", Numbers{1, 0})
           .Attr("value", 0.5),
       "float32 3: 0.5 1 2"},
      {OneNode("Pad", 13)
           .ConstantValue(
               TensorValue::UniformFloat(DataType::kFloat32, {1 << 20}, 0))
           .ConstantInts({1, 1}),
       "float32 1048578: all 0"},
      {OneNode("Pad", 13).Constant({2}).ConstantInts({1, 1}), "unknown"},
  });
}

OneNode Slice(Dims dims, Numbers starts, Numbers ends) {
  return Op("Slice", 13, std::move(dims))
      .ConstantInts(std::move(starts))
      .ConstantInts(std::move(ends));
}

OneNode Steps(Dims dims, Numbers starts, Numbers ends, Numbers axes,
              Numbers steps) {
  return Slice(std::move(dims), std::move(starts), std::move(ends))
      .ConstantInts(std::move(axes))
      .ConstantInts(std::move(steps));
}

TEST(Slice, BoundsAreAttributesBeforeOpset10) {
  ExpectInfers({
      {Op("Slice", 1, {4, 5})
           .Attr("starts", Numbers{1, 0})
           .Attr("ends", Numbers{3, 1000}),
       "float32 2x5"},
      {Op("Slice", 9, {4, 5})
           .Attr("starts", Numbers{-2})
           .Attr("ends", Numbers{kInt64Max})
           .Attr("axes", Numbers{1}),
       "float32 4x2"},
      {Slice({4, 5}, {1}, {-1}), "float32 2x5"},
      {Op("Slice", 9, {4, 5}).Attr("ends", Numbers{1}),
       "Slice 'o0': attribute 'starts' is missing"},
  });
}

TEST(Slice, ClampsAsTheSpecificationHasIt) {
  ExpectInfers({
      {Steps({10}, {0}, {10}, {0}, {3}), "float32 4"},
      {Steps({10}, {-1}, {kInt64Min}, {0}, {-1}), "float32 10"},
      {Steps({10}, {kInt64Max}, {kInt64Min}, {-1}, {-1}), "float32 10"},
      {Steps({10}, {8}, {2}, {0}, {-4}), "float32 2"},
      {Steps({10}, {3}, {2}, {0}, {1}), "float32 0"},
      // A start before the axis is clamped to 0, backwards too.
      {Steps({10}, {-20}, {kInt64Min}, {0}, {-1}), "float32 1"},
      {Steps({10}, {0}, {kInt64Max}, {0}, {kInt64Max}), "float32 1"},
      {Steps({10}, {9}, {kInt64Min}, {0}, {kInt64Min}), "float32 1"},
      {Steps({10}, {kInt64Max}, {kInt64Min}, {0}, {1}), "float32 0"},
      {Steps({10}, {kInt64Min}, {kInt64Max}, {0}, {-1}), "float32 0"},
      {Steps({10}, {kInt32Max}, {kInt64Min}, {0}, {-1}), "float32 10"},
      {Steps({0}, {0}, {kInt64Max}, {0}, {1}), "float32 0"},
      {Steps({0}, {-1}, {kInt64Min}, {0}, {-1}), "float32 0"},
  });
}

TEST(Slice, FollowsSymbols) {
  const auto slice = [](std::vector<SymValue> starts,
                        std::vector<SymValue> ends) {
    return Op("Slice", 13, {kN, 8})
        .ConstantValue(Symbols(std::move(starts)))
        .ConstantValue(Symbols(std::move(ends)));
  };
  ExpectInfers({
      {slice({0}, {kInt64Max}), "float32 Nx8"},
      {slice({0}, {kInt32Max}), "float32 Nx8"},
      {slice({0}, {kSymN}), "float32 Nx8"},
      {slice({0}, {3}), "float32 min(N, 3)x8"},
      {slice({0, 0}, {kInt64Max, kSymN}), "float32 Nxmin(N, 8)"},
      {Steps({kN}, {-1}, {kInt64Min}, {0}, {-1}), "float32 N"},
  });
}

TEST(Slice, SymbolicBoundsAreExactOnceBound) {
  Dice dice(12);
  for (int i = 0; i < 500; ++i) {
    const int64_t n = dice.Roll(0, 6);
    const int64_t step = dice.Coin() ? dice.Roll(1, 3) : -dice.Roll(1, 3);
    const auto bound = [&]() -> SymValue {
      const int64_t kind = dice.Roll(0, 5);
      if (kind == 0) return dice.Coin() ? kInt64Max : kInt64Min;
      if (kind == 1) return kSymN - dice.Roll(0, 8);
      if (kind == 2) return 0 - kSymN + dice.Roll(-2, 2);
      return dice.Roll(-8, 8);
    };
    const SymValue start = bound(), end = bound();
    const Bindings bindings = {{"N", n}};
    OneNode symbolic = Op("Slice", 13, {kN})
                           .ConstantValue(Symbols({start}))
                           .ConstantValue(Symbols({end}))
                           .ConstantInts({0})
                           .ConstantInts({step});
    OneNode bound_node = Op("Slice", 13, {n})
                             .ConstantValue(Symbols({start.Bind(bindings)}))
                             .ConstantValue(Symbols({end.Bind(bindings)}))
                             .ConstantInts({0})
                             .ConstantInts({step});
    ASSERT_OK_AND_ASSIGN(const OutputTypes general, symbolic.Infer());
    ASSERT_OK_AND_ASSIGN(const OutputTypes special, bound_node.Infer());
    EXPECT_EQ(general[0].tensor.shape.dims()[0].Bind(bindings).ToString(),
              special[0].tensor.shape.dims()[0].ToString())
        << "N=" << n << " " << start.ToString() << ":" << end.ToString() << ":"
        << step;
  }
}

TEST(Slice, ErrorsNameBothNumbers) {
  ExpectInfers({
      {Slice({4, 5}, {1, 2}, {3}), "Slice 'o0': there are 2 starts but 1 ends"},
      {Slice({4, 5}, {1, 2}, {3, 4}).ConstantInts({0}),
       "Slice 'o0': there are 2 starts but 1 axes and 2 steps"},
      {Steps({4, 5}, {1}, {3}, {0}, {1, 1}),
       "Slice 'o0': there are 1 starts but 1 axes and 2 steps"},
      {Steps({4, 5}, {1}, {3}, {1}, {0}),
       "Slice 'o0': the step of axis 1 must not be 0"},
      {Slice({4, 5}, {1}, {3}).ConstantInts({2}),
       "Slice 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Slice({4, 5}, {1, 1}, {3, 3}).ConstantInts({1, -1}),
       "Slice 'o0': axis -1 is given twice"},
      {Op("Slice", 13, {4, 5}).Input({1}, DataType::kInt64).ConstantInts({3}),
       "Slice 'o0': the elements of operand 1 aren't known before the model "
       "runs"},
  });
}

// Start and end of an axis as the text of opset 13 computes them.
void Clamp(int64_t extent, int64_t step, int64_t& start, int64_t& end) {
  if (start < 0) start += extent;
  if (end < 0) end += extent;
  if (step > 0) {
    start = std::clamp<int64_t>(start, 0, extent);
    end = std::clamp<int64_t>(end, 0, extent);
  } else {
    start = std::clamp<int64_t>(start, 0, extent - 1);
    end = std::clamp<int64_t>(end, -1, extent - 1);
  }
}

TEST(Slice, ReadsAnElementPerOutputUnlessItIsTheWhole) {
  Dice dice(13);
  for (int i = 0; i < 400; ++i) {
    const int64_t rank = dice.Roll(1, 3);
    const Numbers in = dice.Rolls(rank, 1, 4);
    Numbers starts = dice.Rolls(rank, -6, dice.Coin() ? -4 : 6);
    Numbers ends = dice.Rolls(rank, dice.Coin() ? 4 : -6, 6);
    Numbers steps = dice.Rolls(rank, 1, 2);
    for (int64_t& step : steps) step = dice.Roll(0, 3) == 0 ? -step : step;
    Numbers axes;
    for (int64_t a = 0; a < rank; ++a) axes.push_back(a);
    OneNode node = Steps(DimsOf(in), starts, ends, axes, steps);
    Numbers out;
    for (size_t a = 0; a < in.size(); ++a) {
      Clamp(in[a], steps[a], starts[a], ends[a]);
      int64_t length = 0;
      for (int64_t at = starts[a]; steps[a] > 0 ? at < ends[a] : at > ends[a];
           at += steps[a]) {
        ++length;
      }
      out.push_back(length);
    }
    Numbers sources;
    ForEachIndex(out, [&](const Numbers& index) {
      Numbers from = starts;
      for (size_t a = 0; a < in.size(); ++a) from[a] += index[a] * steps[a];
      sources.push_back(OffsetIn(in, from));
    });
    ExpectCounts(node, TallyOfCopy(sources, Product(in)),
                 TextOf(in) + " from " + TextOf(starts) + " to " +
                     TextOf(ends) + " by " + TextOf(steps));
  }
}

TEST(Slice, IsAViewOfTheWholeForwards) {
  ExpectView(Slice({4, 5}, {0, 0}, {kInt64Max, 5}));
  ExpectView(Slice({4, 5}, {-4}, {4}));
  ExpectView(Slice({kN, 5}, {0}, {kInt64Max}));
  OneNode backwards = Steps({4}, {-1}, {kInt64Min}, {0}, {-1});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, backwards.Count());
  EXPECT_FALSE(counts.is_view);
}

TEST(Slice, FoldsKnownElements) {
  const TensorValue four = Symbols({kSymN, 1, 2, 3});
  const auto slice = [&four](Numbers starts, Numbers ends, Numbers steps) {
    return OneNode("Slice", 13)
        .ConstantValue(four)
        .ConstantInts(std::move(starts))
        .ConstantInts(std::move(ends))
        .ConstantInts({0})
        .ConstantInts(std::move(steps));
  };
  ExpectFolds({
      {slice({0}, {2}, {1}), "int64 2: N 1"},
      {slice({-1}, {kInt64Min}, {-2}), "int64 2: 3 1"},
      {slice({3}, {3}, {1}), "int64 0:"},
      {OneNode("Slice", 13)
           .ConstantValue(
               TensorValue::UniformInteger(DataType::kInt64, {1 << 20}, 4))
           .ConstantInts({1})
           .ConstantInts({kInt64Max}),
       "int64 1048575: all 4"},
      {OneNode("Slice", 13).Constant({4}).ConstantInts({1}).ConstantInts({2}),
       "unknown"},
  });
}

}  // namespace
}  // namespace opcost
