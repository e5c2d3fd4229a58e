// SPDX-License-Identifier: Apache-2.0
// Pooling: shapes, counts and errors.
#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

OneNode Pool(const char* op, Dims x, std::vector<int64_t> kernel,
             int opset = 22) {
  OneNode node(op, opset);
  node.Input(std::move(x)).Attr("kernel_shape", std::move(kernel));
  return node;
}

OneNode MaxPool(Dims x, std::vector<int64_t> kernel, int opset = 22) {
  return Pool("MaxPool", std::move(x), std::move(kernel), opset);
}

OneNode Global(const char* op, Dims x) {
  OneNode node(op, 22);
  node.Input(std::move(x));
  return node;
}

std::vector<int64_t> Ints(std::vector<int64_t> values) { return values; }

struct ShapeCase {
  OneNode node;
  std::string expected;
};

void ExpectInfers(std::vector<ShapeCase> cases) {
  for (ShapeCase& c : cases) EXPECT_EQ(c.node.InferText(), c.expected);
}

TEST(Pool, ShapesFollowStridesPadsAndDilations) {
  ExpectInfers({
      {MaxPool({1, 3, 8, 9}, {2, 2}), "float32 1x3x7x8"},
      {MaxPool({1, 3, 8, 9}, {2, 2}).Attr("strides", Ints({2, 2})),
       "float32 1x3x4x4"},
      {MaxPool({1, 3, 8, 9}, {3, 3}).Attr("pads", Ints({1, 0, 1, 2})),
       "float32 1x3x8x9"},
      {MaxPool({1, 3, 8, 9}, {3, 3}).Attr("dilations", Ints({2, 1})),
       "float32 1x3x4x7"},
      {MaxPool({2, 3, 8}, {3}, 1), "float32 2x3x6"},
      {MaxPool({2, 3, 4, 5, 6}, {2, 2, 2}), "float32 2x3x3x4x5"},
      {MaxPool({1, 3, 7, 8}, {3, 3})
           .Attr("auto_pad", "SAME_UPPER")
           .Attr("strides", Ints({2, 2})),
       "float32 1x3x4x4"},
      {Pool("AveragePool", {1, 3, 8, 9}, {2, 2}, 1), "float32 1x3x7x8"},
      {Pool("AveragePool", {1, 3, 8, 9}, {2, 2}, 19)
           .Attr("dilations", Ints({3, 3})),
       "float32 1x3x5x6"},
      {Pool("LpPool", {1, 3, 8, 9}, {2, 2}, 1).Attr("p", 2.0),
       "float32 1x3x7x8"},
      {MaxPool({Extent::Symbol("N"), 3, Extent::Symbol("H"), 9}, {3, 3}),
       "float32 Nx3xH-2x7"},
  });
}

TEST(Pool, CeilModeKeepsAPartialLastWindow) {
  ExpectInfers({
      {MaxPool({1, 1, 6}, {3}).Attr("strides", Ints({2})), "float32 1x1x2"},
      {MaxPool({1, 1, 6}, {3}).Attr("strides", Ints({2})).Attr("ceil_mode", 1),
       "float32 1x1x3"},
      {MaxPool({1, 1, 7}, {3}).Attr("strides", Ints({2})).Attr("ceil_mode", 1),
       "float32 1x1x3"},
      // Windows start at 0, 2 and 4; 4 is behind the input of 1 + 2 elements.
      {MaxPool({1, 1, 2}, {1})
           .Attr("strides", Ints({2}))
           .Attr("pads", Ints({1, 1}))
           .Attr("ceil_mode", 1),
       "float32 1x1x2"},
      {MaxPool({1, 1, 2}, {1})
           .Attr("strides", Ints({3}))
           .Attr("pads", Ints({0, 1}))
           .Attr("ceil_mode", 1),
       "float32 1x1x1"},
      {MaxPool({1, 1, 2}, {1})
           .Attr("strides", Ints({2}))
           .Attr("pads", Ints({0, 1}))
           .Attr("ceil_mode", 1),
       "float32 1x1x1"},
      // The specification gives both modes one size under auto_pad.
      {MaxPool({1, 1, 6}, {3})
           .Attr("strides", Ints({2}))
           .Attr("auto_pad", "VALID")
           .Attr("ceil_mode", 1),
       "float32 1x1x2"},
  });
}

TEST(MaxPool, ComparesEachElementOfEachWindow) {
  OneNode node = MaxPool({2, 3, 8, 9}, {2, 3});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const int64_t out = 2 * 3 * 7 * 7;
  Tally expected;
  expected.operations = {{"add", out * (2 * 3)}};
  expected.reads = {{"i0", out * (2 * 3)}};
  expected.writes = {{"o0", out}};
  EXPECT_EQ(TallyOf(counts), expected);
  EXPECT_EQ(counts.macs, 0);
  EXPECT_EQ(counts.arith[0].operands, OperandSet::Input(0));
}

TEST(MaxPool, IndicesAreInt64AndCostOneWriteEach) {
  OneNode node = MaxPool({2, 3, 8, 9}, {2, 3}).Outputs(2);
  EXPECT_EQ(node.InferText(1), "int64 2x3x7x7");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).writes.at("o1"), 2 * 3 * 7 * 7);

  OneNode unused = MaxPool({2, 3, 8, 9}, {2, 3}).Outputs(2).UnusedOutput(1);
  ASSERT_OK_AND_ASSIGN(const OpCounts fewer, unused.Count());
  EXPECT_EQ(TallyOf(fewer).writes.count("o1"), 0u);
}

TEST(AveragePool, SumsEachWindowAndMultipliesOnce) {
  OneNode node = Pool("AveragePool", {2, 3, 8, 9}, {2, 3});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const int64_t out = 2 * 3 * 7 * 7;
  Tally expected;
  expected.operations = {{"mul", out}, {"add", out * (2 * 3)}};
  expected.reads = {{"i0", out * (2 * 3)}};
  expected.writes = {{"o0", out}};
  EXPECT_EQ(TallyOf(counts), expected);
}

TEST(AveragePool, AWindowOfOneIsCountedLikeAnyOther) {
  OneNode node = Pool("AveragePool", {1, 2, 4, 4}, {1, 1});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_FALSE(counts.is_view);
  Tally expected;
  expected.operations = {{"mul", 2 * 4 * 4}, {"add", 2 * 4 * 4}};
  expected.reads = {{"i0", 2 * 4 * 4}};
  expected.writes = {{"o0", 2 * 4 * 4}};
  EXPECT_EQ(TallyOf(counts), expected);
}

TEST(LpPool, CostsWhatItsPowersAndRootsCost) {
  const int64_t out = 2 * 3 * 7 * 7;
  const int64_t terms = out * (2 * 3);
  struct Case {
    double p;
    std::map<std::string, int64_t> operations;
  };
  for (const Case& c :
       {Case{1, {{"add", 2 * terms}}},
        Case{2, {{"mul", terms}, {"add", terms}, {"sqrt", out}}},
        Case{3, {{"mul", 2 * terms}, {"add", 2 * terms}, {"pow", out}}},
        Case{4, {{"pow", terms + out}, {"add", 2 * terms}}},
        Case{0.5, {{"sqrt", terms}, {"add", 2 * terms}, {"mul", out}}}}) {
    OneNode node = Pool("LpPool", {2, 3, 8, 9}, {2, 3}).Attr("p", c.p);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(TallyOf(counts).operations, c.operations) << "p = " << c.p;
    EXPECT_EQ(TallyOf(counts).reads.at("i0"), terms);
    EXPECT_EQ(TallyOf(counts).writes.at("o0"), out);
  }
}

TEST(LpPool, SumsOfSquaresWorkInTheAccumulatorsFormat) {
  ASSERT_OK_AND_ASSIGN(const OpCounts squares,
                       Pool("LpPool", {1, 1, 4, 4}, {2, 2}).Count());
  ASSERT_EQ(squares.arith.size(), 3u);
  EXPECT_EQ(squares.arith[0].role, ArithRole::kPlain);
  EXPECT_EQ(squares.arith[1].role, ArithRole::kAccumulate);
  EXPECT_EQ(squares.macs, 0);
  ASSERT_OK_AND_ASSIGN(
      const OpCounts magnitudes,
      Pool("LpPool", {1, 1, 4, 4}, {2, 2}).Attr("p", 1).Count());
  for (const Arith& arith : magnitudes.arith) {
    EXPECT_EQ(arith.role, ArithRole::kPlain);
  }
}

TEST(GlobalPool, TheWindowIsAllOfTheSpatialAxes) {
  const int64_t out = 2 * 3;
  const int64_t terms = out * (4 * 5 * 6);
  struct Case {
    const char* op;
    std::map<std::string, int64_t> operations;
  };
  for (const Case& c :
       {Case{"GlobalMaxPool", {{"add", terms}}},
        Case{"GlobalAveragePool", {{"add", terms}, {"mul", out}}},
        Case{"GlobalLpPool",
             {{"mul", terms}, {"add", terms}, {"sqrt", out}}}}) {
    OneNode node = Global(c.op, {2, 3, 4, 5, 6});
    EXPECT_EQ(node.InferText(), "float32 2x3x1x1x1");
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    EXPECT_EQ(TallyOf(counts).operations, c.operations) << c.op;
    EXPECT_EQ(TallyOf(counts).reads.at("i0"), terms);
    EXPECT_EQ(TallyOf(counts).writes.at("o0"), out);
  }
}

TEST(Pool, AnEmptyTensorCostsNothing) {
  for (Dims x : {Dims{0, 3, 8, 9}, Dims{1, 0, 8, 9}, Dims{1, 3, 0, 9}}) {
    for (const char* op : {"MaxPool", "AveragePool", "LpPool"}) {
      OneNode node = Pool(op, x, {2, 3});
      ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
      EXPECT_TRUE(counts.arith.empty()) << op;
      EXPECT_TRUE(counts.accesses.empty()) << op;
    }
  }
}

TEST(Pool, ErrorsSayWhatContradictsWhat) {
  constexpr int64_t kHuge = INT64_MAX;
  ExpectInfers({
      {MaxPool({1, 3}, {}),
       "MaxPool 'o0': the input must have at least 3 axes but is 1x3"},
      {OneNode("MaxPool", 22).Input({1, 3, 8, 8}),
       "MaxPool 'o0': attribute 'kernel_shape' is missing"},
      {MaxPool({1, 3, 8, 8}, {3}),
       "MaxPool 'o0': kernel_shape must have 2 values but has 1"},
      {MaxPool({1, 3, 8, 8}, {3, 0}),
       "MaxPool 'o0': kernel_shape must be at least 1 but has 0"},
      {MaxPool({1, 3, 8, 8}, {3, 9}),
       "MaxPool 'o0': the kernel spans 9 but the padded input has 8 on spatial "
       "axis 1"},
      {MaxPool({1, 3, 8, 8}, {3, 3}).Attr("strides", Ints({1, -2})),
       "MaxPool 'o0': strides must be at least 1 but has -2"},
      {MaxPool({1, 3, 8, 8}, {3, 3}).Attr("pads", Ints({kHuge, 0, kHuge, 0})),
       "MaxPool 'o0': the output's extent on spatial axis 0 doesn't fit 63 "
       "bits"},
      {OneNode("GlobalMaxPool", 1).Input({3}),
       "GlobalMaxPool 'o0': the input must have at least 2 axes but is 3"},
  });
  EXPECT_THAT(Pool("LpPool", {1, 3, 8}, {3}).Attr("p", 0).Count(),
              FailsWith("LpPool 'o0': p must be positive but is 0"));
  EXPECT_THAT(Pool("LpPool", {1, 3, 8}, {3})
                  .Attr("p", std::numeric_limits<double>::quiet_NaN())
                  .Count(),
              FailsWith("LpPool 'o0': p must be positive but is nan"));
}

TEST(Pool, FormulaeAgreeWithTheirRules) {
  OneNode nodes[] = {
      MaxPool({2, 3, 8, 9}, {2, 3}),
      MaxPool({2, 3, 8, 9}, {2, 3}).Outputs(2),
      MaxPool({2, 3, 8, 9}, {2, 3}).Outputs(2).UnusedOutput(1),
      Pool("AveragePool", {2, 3, 8, 9}, {2, 3}),
      Pool("LpPool", {2, 3, 8, 9}, {2, 3}),
      Pool("LpPool", {2, 3, 8, 9}, {2, 3}).Attr("p", 1),
      Pool("LpPool", {2, 3, 8, 9}, {2, 3}).Attr("p", 3),
      Pool("LpPool", {2, 3, 8, 9}, {2, 3}).Attr("p", 4),
      Pool("LpPool", {2, 3, 8, 9}, {2, 3}).Attr("p", 0.5),
      Global("GlobalMaxPool", {2, 3, 8, 9}),
      Global("GlobalAveragePool", {2, Extent::Symbol("C"), 8, 9}),
      Global("GlobalLpPool", {2, 3, 8, 9}),
  };
  for (OneNode& node : nodes) ExpectFormulaAgrees(node);
}

}  // namespace
}  // namespace opcost
