// SPDX-License-Identifier: Apache-2.0
// Softmax and LogSoftmax.
#include <gtest/gtest.h>

#include <vector>

#include "tests/ops/random_shapes.h"
#include "tests/support/formula_check.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kCases = 200;
constexpr double kLeast = -1e30;

// The places of the elements of each row of a tensor of `sizes`: along one axis
// from opset 13, before it everything from the axis on.
std::vector<std::vector<int64_t>> RowsOf(const Sizes& sizes, size_t axis,
                                         bool is_one_axis) {
  int64_t outer = 1, inner = 1;
  for (size_t i = 0; i < sizes.size(); ++i) {
    if (i < axis) outer *= sizes[i];
    if (i > axis) inner *= sizes[i];
  }
  std::vector<std::vector<int64_t>> rows;
  if (!is_one_axis) {
    const int64_t length = sizes[axis] * inner;
    for (int64_t o = 0; o < outer; ++o) {
      rows.emplace_back();
      for (int64_t i = 0; i < length; ++i)
        rows.back().push_back(o * length + i);
    }
    return rows;
  }
  for (int64_t o = 0; o < outer; ++o) {
    for (int64_t k = 0; k < inner; ++k) {
      rows.emplace_back();
      for (int64_t i = 0; i < sizes[axis]; ++i) {
        rows.back().push_back((o * sizes[axis] + i) * inner + k);
      }
    }
  }
  return rows;
}

Number MaximumOf(Tally& tally, Array& x, const std::vector<int64_t>& row) {
  Number most(tally, kLeast);
  for (const int64_t at : row) most = Max(most, x.Read(at));
  return most;
}

void SoftmaxRow(Tally& tally, Array& x, Array& y,
                const std::vector<int64_t>& row) {
  const Number most = MaximumOf(tally, x, row);
  Number sum(tally, 0);
  for (const int64_t at : row) {
    const Number power = (x.Read(at) - most).Apply("exp", 0.5);
    sum = sum + power;
    y.Write(at, power);
  }
  const Number inverse = Number(tally, 1) / sum;
  for (const int64_t at : row) y.Write(at, y.Read(at) * inverse);
}

void LogSoftmaxRow(Tally& tally, Array& x, Array& y,
                   const std::vector<int64_t>& row) {
  const Number most = MaximumOf(tally, x, row);
  Number sum(tally, 0);
  for (const int64_t at : row) {
    sum = sum + (x.Read(at) - most).Apply("exp", 0.5);
  }
  // The cost model has one log per row; adding the maximum to it is free.
  const Number shift = sum.Apply("log", 0.5);
  for (const int64_t at : row) y.Write(at, x.Read(at) - shift);
}

TEST(Softmax, CountsWhatPlainLoopsDo) {
  RandomShapes random;
  for (int i = 0; i < 4 * kCases; ++i) {
    const Sizes sizes = random.Shape(1, 4);
    const auto rank = static_cast<int64_t>(sizes.size());
    const int64_t axis = random.Int(0, rank - 1);
    const bool is_one_axis = random.Flip();
    const bool is_log = random.Flip();
    Tally tally;
    Array x(tally, "i0", sizes);
    Array y(tally, "o0", sizes);
    for (const auto& row :
         RowsOf(sizes, static_cast<size_t>(axis), is_one_axis)) {
      (is_log ? LogSoftmaxRow : SoftmaxRow)(tally, x, y, row);
    }
    OneNode node(is_log ? "LogSoftmax" : "Softmax", is_one_axis ? 13 : 11);
    node.Input(DimsFrom(sizes))
        .Attr("axis", random.Flip() ? axis : axis - rank);
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    ASSERT_EQ(TallyOf(counts), tally);
    ExpectFormulaAgrees(node);
  }
}

TEST(Softmax, TheDefaultAxisIsTheLastFromOpset13AndAxis1Before) {
  struct Case {
    int opset;
    int64_t rows;
  };
  for (const char* op : {"Softmax", "LogSoftmax"}) {
    for (const Case& c : std::vector<Case>{{1, 2}, {11, 2}, {13, 2 * 3}}) {
      ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                           OneNode(op, c.opset).Input({2, 3, 4}).Count());
      const Tally tally = TallyOf(counts);
      EXPECT_EQ(tally.operations.at(op[0] == 'S' ? "div" : "log"), c.rows)
          << op << "-" << c.opset;
      EXPECT_EQ(tally.operations.at("exp"), 2 * 3 * 4);
    }
  }
}

TEST(Softmax, WorksInTheInputsFormat) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Softmax", 13).Input({2, 3}).Count());
  for (const Arith& arith : counts.arith) {
    EXPECT_EQ(arith.operands, OperandSet::Input(0));
  }
}

TEST(Softmax, KeepsTypeAndShape) {
  EXPECT_EQ(OneNode("Softmax", 13)
                .Input({Extent::Symbol("N"), 10}, DataType::kFloat16)
                .InferText(),
            "float16 Nx10");
}

TEST(Softmax, OfAScalarIsARowOfOne) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts,
                       OneNode("Softmax", 13).Input({}).Count());
  EXPECT_EQ(TallyOf(counts).operations,
            (std::map<std::string, int64_t>{
                {"add", 3}, {"div", 1}, {"exp", 1}, {"mul", 1}}));
}

TEST(Softmax, RefusesAnAxisOutsideTheTensor) {
  EXPECT_EQ(OneNode("Softmax", 13).Input({2, 3}).Attr("axis", 2).InferText(),
            "Softmax 'o0': axis 2 is outside the 2 axes of the tensor");
  EXPECT_EQ(OneNode("LogSoftmax", 1).Input({4}).InferText(),
            "LogSoftmax 'o0': axis 1 is outside the 1 axes of the tensor");
}

}  // namespace
}  // namespace opcost
