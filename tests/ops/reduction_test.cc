// SPDX-License-Identifier: Apache-2.0
// ReduceSum and its kin, ArgMax and ArgMin.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");

OneNode Op(const std::string& name, int opset, Dims dims) {
  OneNode node(name, opset);
  node.Input(std::move(dims));
  return node;
}

TEST(Reduce, AxesBecomeAnOperandAtOpset18AndForSumAt13) {
  ExpectInfers({
      {Op("ReduceMean", 1, {2, 3, 4}).Attr("axes", Numbers{1}),
       "float32 2x1x4"},
      {Op("ReduceMean", 13, {2, 3, 4})
           .Attr("axes", Numbers{-1, 0})
           .Attr("keepdims", 0),
       "float32 3"},
      {Op("ReduceMean", 18, {2, 3, 4}).ConstantInts({1}), "float32 2x1x4"},
      {Op("ReduceSum", 11, {2, 3, 4}).Attr("axes", Numbers{1}),
       "float32 2x1x4"},
      {Op("ReduceSum", 13, {2, 3, 4}).ConstantInts({1}), "float32 2x1x4"},
      {Op("ReduceMax", 13, {2, 3, 4}), "float32 1x1x1"},
      {Op("ReduceMax", 13, {2, 3, 4}).Attr("keepdims", 0), "float32 scalar"},
      {Op("ReduceMin", 18, {kN, 3}).ConstantInts({1}), "float32 Nx1"},
      {Op("ReduceProd", 13, {}), "float32 scalar"},
  });
}

TEST(Reduce, NoAxesMeanAllUnlessTheNodeSaysOtherwise) {
  ExpectInfers({
      {Op("ReduceSum", 13, {2, 3}).ConstantInts({}), "float32 1x1"},
      {Op("ReduceSum", 13, {2, 3})
           .ConstantInts({})
           .Attr("noop_with_empty_axes", 1),
       "float32 2x3"},
      {Op("ReduceSum", 13, {2, 3}).Attr("noop_with_empty_axes", 1),
       "float32 2x3"},
      // The attribute came with the operand.
      {Op("ReduceMax", 13, {2, 3}).Attr("noop_with_empty_axes", 1),
       "float32 1x1"},
      {Op("ReduceMax", 13, {2, 3}).Attr("axes", Numbers{}), "float32 1x1"},
  });
}

TEST(Reduce, ErrorsNameTheAxis) {
  ExpectInfers({
      {Op("ReduceSum", 13, {2, 3}).ConstantInts({2}),
       "ReduceSum 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Op("ReduceSum", 13, {2, 3}).ConstantInts({1, -1}),
       "ReduceSum 'o0': axis -1 is given twice"},
      {Op("ReduceL2", 18, {2, 3}).Input({1}, DataType::kInt64),
       "ReduceL2 'o0': the elements of 'i1' aren't known before the model "
       "runs"},
      {OneNode("ReduceL1", 13).InputOfUnknownRank(),
       "ReduceL1 'o0': the shape of 'i0' isn't known"},
      {OneNode("ReduceL1", 13), "ReduceL1 'o0': operand 0 is missing"},
  });
}

// One output's loop over the elements at `offsets`, from the operator's
// definition; without accumulation where it `reduces` nothing.
Number Loop(const std::string& op, Tally& tally, Array& x,
            const Numbers& offsets, bool reduces) {
  Number result(tally, op == "ReduceProd" ? 1 : 0);
  Number greatest(tally, 0);
  if (op == "ReduceLogSumExp" && reduces) {
    for (const int64_t at : offsets) greatest = Max(greatest, x.Read(at));
  }
  for (const int64_t at : offsets) {
    Number term = x.Read(at);
    if (op == "ReduceL1") term = Max(term, Number(tally, 0));  // a magnitude
    if (op == "ReduceL2" || op == "ReduceSumSquare") term = term * term;
    if (op == "ReduceLogSumExp") {
      if (reduces) term = term - greatest;
      term = term.Apply("exp", 1);
    }
    if (!reduces) {
      result = term;
    } else if (op == "ReduceProd") {
      result = result * term;
    } else if (op == "ReduceMax") {
      result = Max(result, term);
    } else if (op == "ReduceMin") {
      result = Min(result, term);
    } else {
      result = result + term;
    }
  }
  if (op == "ReduceMean") result = result * Number(tally, 0.5);
  if (op == "ReduceL2") result = result.Apply("sqrt", 1);
  if (op == "ReduceLogSum" || op == "ReduceLogSumExp") {
    result = result.Apply("log", 1);
    if (op == "ReduceLogSumExp" && reduces) result = result + greatest;
  }
  return result;
}

Tally Reference(const std::string& op, const Numbers& in,
                const std::vector<bool>& reduced, bool reduces) {
  Numbers kept, gone;
  for (size_t a = 0; a < in.size(); ++a) {
    kept.push_back(reduced[a] ? 1 : in[a]);
    gone.push_back(reduced[a] ? in[a] : 1);
  }
  Tally tally;
  Array x(tally, "i0", in), y(tally, "o0", kept);
  ForEachIndex(kept, [&](const Numbers& index) {
    Numbers offsets;
    ForEachIndex(gone, [&](const Numbers& inner) {
      Numbers from = index;
      for (size_t a = 0; a < in.size(); ++a) from[a] += inner[a];
      offsets.push_back(OffsetIn(in, from));
    });
    y.Write(index, Loop(op, tally, x, offsets, reduces));
  });
  return tally;
}

class ReduceCounts : public testing::TestWithParam<const char*> {};

TEST_P(ReduceCounts, AreThoseOfItsLoops) {
  const std::string op = GetParam();
  Dice dice(51);
  for (int i = 0; i < 220; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 4);
    Numbers axes;
    std::vector<bool> reduced;
    for (size_t a = 0; a < in.size(); ++a) {
      reduced.push_back(dice.Coin());
      if (reduced[a]) axes.push_back(static_cast<int64_t>(a));
    }
    if (axes.empty()) reduced.assign(in.size(), true);  // means all
    OneNode node = Op(op, 18, DimsOf(in)).ConstantInts(axes);
    node.Attr("keepdims", dice.Roll(0, 1));
    ExpectCounts(node, Reference(op, in, reduced, true),
                 op + " of " + TextOf(in) + " over " + TextOf(axes));
  }
}

TEST_P(ReduceCounts, OverNoAxesAreThoseOfTheFunctionAlone) {
  const std::string op = GetParam();
  OneNode node = Op(op, 18, {2, 3}).Attr("noop_with_empty_axes", 1);
  const bool is_view = op == "ReduceSum" || op == "ReduceMean" ||
                       op == "ReduceMax" || op == "ReduceMin" ||
                       op == "ReduceProd";
  if (is_view) {
    ExpectView(node);
  } else {
    ExpectCounts(node, Reference(op, {2, 3}, {false, false}, false), op);
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ReduceCounts,
    testing::Values("ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
                    "ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd",
                    "ReduceSum", "ReduceSumSquare"),
    [](const auto& test) { return std::string(test.param); });

TEST(Reduce, OverAxesOfOneIsCounted) {
  OneNode node = Op("ReduceSum", 13, {4, 1}).ConstantInts({1});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_FALSE(counts.is_view);
  EXPECT_EQ(counts.arith[0].count.value(), 4);
}

TEST(Reduce, SumsOfSquaresAccumulateProducts) {
  OneNode node = Op("ReduceL2", 13, {4});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.arith.size(), 3);
  EXPECT_EQ(counts.arith[0].role, ArithRole::kPlain);
  EXPECT_EQ(counts.arith[1].role, ArithRole::kAccumulate);
  EXPECT_TRUE(counts.macs.Is(0));
}

TEST(Reduce, FoldsShapeArithmetic) {
  const TensorValue four = Symbols({kSymN, 1, 2, 3});
  const auto reduced = [&four](const char* op) {
    return OneNode(op, 13).ConstantValue(four);
  };
  const TensorValue matrix =
      TensorValue::Integers(DataType::kInt32, {2, 3}, {1, 2, 3, 4, 5, 6});
  ExpectFolds({
      {reduced("ReduceProd"), "int64 1: 6*N"},
      {reduced("ReduceSum"), "int64 1: N+6"},
      {OneNode("ReduceMax", 13).ConstantValue(Symbols({kSymN, 3})),
       "int64 1: max(N, 3)"},
      {OneNode("ReduceMin", 13)
           .ConstantValue(Symbols({kSymN, 3}))
           .Attr("keepdims", 0),
       "int64 scalar: min(N, 3)"},
      {OneNode("ReduceSum", 13).ConstantValue(matrix).ConstantInts({0}),
       "int32 1x3: 5 7 9"},
      {OneNode("ReduceMean", 13).ConstantValue(matrix).Attr("axes", Numbers{1}),
       "int32 2x1: 2 5"},
      {OneNode("ReduceMean", 13).ConstantFloats({1, 2}), "float32 1: 1.5"},
      {OneNode("ReduceSum", 13).ConstantInts({}), "int64 1: 0"},
      {OneNode("ReduceMax", 13).ConstantInts({}), "unknown"},
      {OneNode("ReduceL2", 13).ConstantFloats({3, 4}), "float32 1: 5"},
      {OneNode("ReduceL2", 13).ConstantInts({3, 4}), "unknown"},
      {OneNode("ReduceL1", 13).ConstantInts({3, -4}), "int64 1: 7"},
      {OneNode("ReduceSumSquare", 13).ConstantInts({3, -4}), "int64 1: 25"},
      {OneNode("ReduceSumSquare", 13).ConstantValue(Symbols({kSymN})),
       "int64 1: " + (kSymN * kSymN).ToString()},
      {OneNode("ReduceLogSum", 13).ConstantFloats({0.25, 0.75}),
       "float32 1: 0"},
      {OneNode("ReduceLogSumExp", 13).ConstantFloats({0}), "float32 1: 0"},
      {OneNode("ArgMax", 13).ConstantInts({3, 7, 7}), "int64 1: 1"},
      {OneNode("ArgMax", 13)
           .ConstantInts({3, 7, 7})
           .Attr("select_last_index", 1)
           .Attr("keepdims", 0),
       "int64 scalar: 2"},
      {OneNode("ArgMin", 13).ConstantValue(Symbols({kSymN + 1, kSymN})),
       "int64 1: 1"},
      {OneNode("ArgMin", 13).ConstantValue(Symbols({kSymN, 3})), "unknown"},
      {OneNode("ReduceSum", 13).Constant({4}), "unknown"},
      {OneNode("ReduceSum", 13)
           .ConstantValue(four)
           .Attr("noop_with_empty_axes", 1),
       "int64 4: N 1 2 3"},
  });
}

TEST(Reduce, FoldsUniformTensorsOfAnySize) {
  const auto uniform = [](const char* op, int64_t element) {
    return OneNode(op, 13).ConstantValue(
        TensorValue::UniformInteger(DataType::kInt32, {1 << 20, 2}, element));
  };
  ExpectFolds({
      {uniform("ReduceSum", 3).ConstantInts({0}), "int32 1x2: all 3145728"},
      {uniform("ReduceMax", 3), "int32 1x1: all 3"},
      {uniform("ReduceMean", 3), "int32 1x1: all 3"},
      {uniform("ReduceSum", 1 << 20), "unknown"},  // doesn't fit int32
      {uniform("ReduceProd", 3), "unknown"},
  });
}

TEST(Arg, ShapesAreThoseOfAReductionOverOneAxis) {
  ExpectInfers({
      {Op("ArgMax", 1, {2, 3}), "int64 1x3"},
      {Op("ArgMin", 13, {2, 3}).Attr("axis", -1).Attr("keepdims", 0),
       "int64 2"},
      {Op("ArgMax", 13, {kN, 3}).Attr("axis", 1).Attr("select_last_index", 1),
       "int64 Nx1"},
      {Op("ArgMax", 13, {2, 3}).Attr("axis", 2),
       "ArgMax 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Op("ArgMin", 13, {2, 0}).Attr("axis", 1),
       "ArgMin 'o0': axis 1 is empty and has no extreme element"},
  });
}

TEST(Arg, ComparesEachElementOnce) {
  Dice dice(61);
  for (int i = 0; i < 220; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 4), 1, 4);
    const int64_t axis = dice.Roll(0, static_cast<int64_t>(in.size()) - 1);
    const auto along = static_cast<size_t>(axis);
    Numbers out = in;
    out[along] = 1;
    Tally tally;
    Array x(tally, "i0", in), y(tally, "o0", out);
    ForEachIndex(out, [&](const Numbers& index) {
      Number best(tally, 0);
      for (int64_t k = 0; k < in[along]; ++k) {
        Numbers from = index;
        from[along] = k;
        best = Max(best, x.Read(from));
      }
      y.Write(index, best);
    });
    OneNode node = Op(dice.Coin() ? "ArgMax" : "ArgMin", 13, DimsOf(in));
    node.Attr("axis", axis).Attr("keepdims", dice.Roll(0, 1));
    ExpectCounts(node, tally, TextOf(in) + " along " + std::to_string(axis));
  }
}

}  // namespace
}  // namespace opcost
