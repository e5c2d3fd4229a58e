// SPDX-License-Identifier: Apache-2.0
// Constant operands of contractions, traced back to what the model stores.
#include "opcost/memory/weight_values.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/payloads.h"
#include "src/memory/matrix_axes.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

// A model of text with its payloads.
struct Traced {
  explicit Traced(const std::string& text, const InputOptions& options = {})
      : bytes(OnnxBytesFromText(text)),
        model(ImportBytes(bytes, "m.onnx")),
        analysis(model.ok() ? Analyze(*model, options)
                            : absl::StatusOr<Analysis>(model.status())),
        payloads(bytes, "m.onnx") {}

  // Of the only layer that has a matrix.
  absl::StatusOr<WeightValues> Trace(size_t matrix = 0) const {
    if (!analysis.ok()) return analysis.status();
    for (const LayerCounts& layer : analysis->layers) {
      if (layer.counts.matrices.size() <= matrix) continue;
      return TraceWeights(*analysis, layer, layer.counts.matrices[matrix],
                          payloads);
    }
    return absl::NotFoundError("no layer has such a matrix");
  }

  std::string bytes;
  absl::StatusOr<Model> model;
  absl::StatusOr<Analysis> analysis;
  ModelPayloads payloads;
};

InputOptions AsWritten() {
  InputOptions options;
  options.reading = GraphReading::kAsWritten;
  return options;
}

TEST(TraceWeights, FindsAnInitializerWhereItLies) {
  const Traced gemm(
      "(float[2,3] x) => (float[2,4] y) <float[4,3] w = {1, 0, 3, 0, 0, 0, 7, "
      "8, 9, 10, 0, 12}> { y = Gemm <transB = 1> (x, w) }");
  ASSERT_OK_AND_ASSIGN(const WeightValues weights, gemm.Trace());
  EXPECT_EQ(weights.name, "w");
  EXPECT_EQ(weights.layout, (MatrixLayout{1, 4, 3, false, false}));
  ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                       StatisticsOf(weights, gemm.payloads));
  EXPECT_EQ(statistics.zeros, 5);
  EXPECT_EQ(statistics.zero_rows, 1);

  const Traced matmul(
      "(float[2,3] x) => (float[2,4] y) <float[3,4] w = {1, 2, 3, 4, 5, 6, 7, "
      "8, 0, 0, 0, 0}> { y = MatMul (x, w) }");
  ASSERT_OK_AND_ASSIGN(const WeightValues stored, matmul.Trace());
  EXPECT_EQ(stored.layout, (MatrixLayout{1, 4, 3, true, false}));
  ASSERT_OK_AND_ASSIGN(const TensorStatistics columns,
                       StatisticsOf(stored, matmul.payloads));
  EXPECT_EQ(columns.zero_rows, 0);
  EXPECT_EQ(columns.zero_columns, 1);
}

TEST(TraceWeights, GoesBackThroughViewsTransposesAndWideningCasts) {
  const Traced traced(
      "(double[2,3] x) => (double[2,4] y) <float[12] w = {1, 2, 3, 4, 5, 6, 7, "
      "8, 9, 10, 11, 12}, int64[2] shape = {4, 3}> {"
      " wide = Cast <to = 11> (w)"
      " rows = Reshape (wide, shape)"
      " turned = Transpose (rows)"
      " y = MatMul (x, turned) }");
  ASSERT_OK_AND_ASSIGN(const WeightValues weights, traced.Trace());
  EXPECT_EQ(weights.name, "w");
  EXPECT_EQ(weights.stored->type.type, DataType::kFloat32);
  EXPECT_EQ(weights.layout, (MatrixLayout{1, 4, 3, false, false}));
}

TEST(TraceWeights, KnowsAConvolutionsKernel) {
  const Traced traced(
      "(float[1,4,5,5] x) => (float[1,6,3,3] y) <float[6,2,3,3] w = {" +
      [] {
        std::string numbers = "0";
        for (int i = 1; i < 6 * 2 * 3 * 3; ++i) {
          // The second input channel of each group is zero throughout.
          absl::StrAppend(&numbers, i / 9 % 2 == 1 ? ", 0" : ", 1");
        }
        return numbers;
      }() +
      "}> { y = Conv <group = 2> (x, w) }");
  ASSERT_OK_AND_ASSIGN(const WeightValues weights, traced.Trace());
  EXPECT_EQ(weights.layout, (MatrixLayout{2, 3, 2 * 3 * 3, false, true}));
  EXPECT_EQ(weights.columns_per_channel, 3 * 3);
  ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                       StatisticsOf(weights, traced.payloads));
  EXPECT_EQ(statistics.zero_channels, 2);  // one in each group
  EXPECT_EQ(statistics.zero_columns, 2 * 9);
  EXPECT_EQ(statistics.matrices.size(), 1u);
}

TEST(TraceWeights, TakesEachChannelsZeroPoint) {
  const Traced traced(
      "(float[2,3] x) => (float[2,2] y) <uint8[3,2] w = {7, 9, 7, 1, 3, 9},"
      " float[2] scale = {1, 2}, uint8[2] zero = {7, 9}> {"
      " d = DequantizeLinear <axis = 1> (w, scale, zero)"
      " y = MatMul (x, d) }",
      AsWritten());
  ASSERT_OK_AND_ASSIGN(const WeightValues weights, traced.Trace());
  EXPECT_EQ(weights.name, "w");
  EXPECT_THAT(weights.zero_points.values, ElementsAre(7, 9));
  ASSERT_OK_AND_ASSIGN(const TensorStatistics statistics,
                       StatisticsOf(weights, traced.payloads));
  EXPECT_EQ(statistics.zeros, 2 + 2);
}

TEST(TraceWeights, TakesTheZeroPointOfAnIntegerOperator) {
  const Traced traced(
      "(uint8[2,3] x) => (int32[2,2] y) <uint8[3,2] w = {7, 7, 7, 1, 3, 9},"
      " uint8 xz = {0}, uint8 wz = {7}> { y = MatMulInteger (x, w, xz, wz) }");
  WeightMatrix matrix;
  matrix.operand = 1;
  matrix.rows = 2;
  matrix.columns = 3;
  matrix.is_transposed = true;
  ASSERT_TRUE(traced.analysis.ok());
  ASSERT_OK_AND_ASSIGN(
      const WeightValues weights,
      TraceWeights(*traced.analysis, traced.analysis->layers.at(0), matrix,
                   traced.payloads));
  EXPECT_EQ(weights.name, "w");
  EXPECT_THAT(weights.zero_points.values, ElementsAre(7));
  matrix.rows = 5;
  EXPECT_THAT(TraceWeights(*traced.analysis, traced.analysis->layers.at(0),
                           matrix, traced.payloads),
              FailsWith("it is 1 x 5 x 3 values, but 'w' stores uint8 3x2"));
  matrix.rows = Count(Extent::Symbol("N"));
  EXPECT_THAT(TraceWeights(*traced.analysis, traced.analysis->layers.at(0),
                           matrix, traced.payloads),
              FailsWith("its size isn't a number"));
}

TEST(TraceWeights, SaysWhatItCanNotTrace) {
  const Traced computed(
      "(float[2,3] x) => (float[2,4] y) <float[3,5] a = {1, 2, 3, 4, 5, 6, 7, "
      "8, 9, 10, 11, 12, 13, 14, 15}, float[5,4] b = {1, 2, 3, 4, 5, 6, 7, 8, "
      "9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}> {"
      " w = MatMul (a, b) y = MatMul (x, w) }");
  EXPECT_THAT(computed.Trace(), FailsWith("it is computed by MatMul 'w'"));

  // More elements than are known without being read.
  std::string numbers = "1";
  for (int i = 1; i < 2 * 2 * 40 * 50; ++i) numbers += ", 1";
  const Traced mixed(
      "(float[1,40,4,4] x) => (float[1,50,3,3] y) "
      "<float[2,2,40,50] w = {" +
      numbers +
      "}> {"
      " t = Transpose <perm = [3, 2, 0, 1]> (w) y = Conv (x, t) }");
  EXPECT_THAT(mixed.Trace(),
              FailsWith("Transpose 't' by [3, 2, 0, 1] mixes rows and columns "
                        "of what is stored"));
}

TEST(LayoutBeforeTranspose, IsThatOfRowsAndColumnsInTheirOrder) {
  const MatrixLayout plain = {1, 6, 20, false, false};
  const struct {
    std::vector<int64_t> dims, permutation;
    bool is_transposed;
  } kFine[] = {
      {{6, 20}, {1, 0}, true},
      {{2, 3, 4, 5}, {2, 3, 0, 1}, true},
      {{2, 3, 4, 5}, {0, 1, 2, 3}, false},
      {{6, 1, 20}, {1, 2, 0}, true},
      {{6, 1, 20}, {1, 0, 2}, false},
  };
  for (const auto& c : kFine) {
    const auto layout = LayoutBeforeTranspose(plain, c.dims, c.permutation);
    ASSERT_TRUE(layout.has_value());
    EXPECT_EQ(layout->is_transposed, c.is_transposed);
    EXPECT_EQ(layout->rows, 6);
  }
  const struct {
    std::vector<int64_t> dims, permutation;
  } kMixed[] = {
      {{2, 3, 20}, {0, 2, 1}},  // 2 rows, 20 columns, 3 rows
      {{2, 3, 20}, {1, 0, 2}},  // rows in another order
      {{6, 4, 5}, {2, 1, 0}},   // columns in another order
      {{3, 40}, {1, 0}},        // an axis of rows and columns
      {{6, 20}, {0, 5}},        // no permutation
      {{6, 20}, {1, 0, 2}},
  };
  for (const auto& c : kMixed) {
    EXPECT_FALSE(
        LayoutBeforeTranspose(plain, c.dims, c.permutation).has_value());
  }
  // Groups stay in front; batches can't go behind.
  const MatrixLayout blocks = {4, 3, 5, false, true};
  EXPECT_TRUE(LayoutBeforeTranspose(blocks, {{12, 5}}, {{0, 1}}).has_value());
  EXPECT_FALSE(
      LayoutBeforeTranspose(blocks, {{4, 3, 5}}, {{1, 2, 0}}).has_value());
}

TEST(ByRow, FindsRunsOfColumnsThatShareAZeroPoint) {
  const MatrixLayout plain = {1, 2, 6, false, false};
  // One for each four columns of a row: 4 and 2 left.
  const QuantizedAxis blocked = {{2, 6}, 1, 4, true};
  const auto zeros = ByRow(plain, blocked, {1, 2, 3, 4});
  ASSERT_TRUE(zeros.has_value());
  EXPECT_EQ(zeros->columns_each, 4);
  EXPECT_THAT(zeros->values, ElementsAre(1, 2, 3, 4));
  // The same of what is stored the other way round.
  const MatrixLayout turned = {1, 2, 6, true, false};
  const QuantizedAxis first = {{6, 2}, 0, 4, true};
  const auto by_row = ByRow(turned, first, {1, 3, 2, 4});
  ASSERT_TRUE(by_row.has_value());
  EXPECT_EQ(by_row->columns_each, 4);
  EXPECT_THAT(by_row->values, ElementsAre(1, 2, 3, 4));
  // One that all share is one.
  EXPECT_THAT(ByRow(plain, {{2, 6}, 0, 1, false}, {5, 5})->values,
              ElementsAre(5));
  // Too few, and runs that don't begin together: 2, 1, 2, 1.
  EXPECT_FALSE(ByRow(plain, blocked, {1, 2}).has_value());
  EXPECT_FALSE(ByRow(plain, {{2, 2, 3}, 2, 2, false}, {1, 2}).has_value());
}

}  // namespace
}  // namespace opcost
