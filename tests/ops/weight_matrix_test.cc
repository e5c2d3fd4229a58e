// SPDX-License-Identifier: Apache-2.0
// What rules say of constant operands as matrices: a product of each block with
// each of its vectors is all that the layer does with that operand.
#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include "opcost/ops/op_counts.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr char kMs[] = "com.microsoft";

// One matrix as a rule should describe it.
struct Expected {
  int operand = 1;
  int vector_operand = 0;        // -1: scratch
  std::string vector_scratch{};  // of that name; braces: lists leave it out
  int64_t blocks = 1;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t vectors = 0;
  bool is_transposed = false;
  bool is_one_matrix = false;

  friend bool operator==(const Expected&, const Expected&) = default;
  friend std::ostream& operator<<(std::ostream& out, const Expected& e) {
    return out << "operand " << e.operand << " x " << e.vector_operand << " "
               << e.vector_scratch << ": " << e.blocks << " x " << e.rows
               << " x " << e.columns << ", " << e.vectors << " vectors"
               << (e.is_transposed ? ", transposed" : "")
               << (e.is_one_matrix ? ", one matrix" : "");
  }
};

std::vector<Expected> MatricesOf(const OpCounts& counts) {
  std::vector<Expected> all;
  for (const WeightMatrix& m : counts.matrices) {
    all.push_back({m.operand, m.vector_operand, std::string(m.vector_scratch),
                   m.blocks.value(), m.rows.value(), m.columns.value(),
                   m.vectors.value(), m.is_transposed, m.is_one_matrix});
  }
  return all;
}

// The products, and the reads of the operand and of the vectors, that the rule
// counts.
void ExpectAllOfItsWork(const OpCounts& counts, const WeightMatrix& m) {
  const Count products = m.blocks * m.rows * m.columns * m.vectors;
  bool has_products = false, has_weights = false, has_vectors = false;
  for (const Arith& arith : counts.arith) {
    has_products |= arith.role == ArithRole::kProduct &&
                    (arith.operands.inputs >> m.operand & 1U) != 0 &&
                    arith.count == products;
  }
  for (const Access& access : counts.accesses) {
    const bool is_input = access.side == Access::Side::kInput;
    has_weights |= is_input && access.index == m.operand &&
                   access.role == Role::kWeight && access.reads == products &&
                   access.elements == m.blocks * m.rows * m.columns;
    has_vectors |=
        access.reads == products &&
        (m.vector_operand < 0 ? access.scratch_name == m.vector_scratch
                              : is_input && access.index == m.vector_operand);
  }
  EXPECT_TRUE(has_products) << "products of operand " << m.operand;
  EXPECT_TRUE(has_weights) << "reads of operand " << m.operand;
  EXPECT_TRUE(has_vectors) << "reads of the vectors of " << m.operand;
}

void ExpectMatrices(OneNode& node, const std::vector<Expected>& expected) {
  SCOPED_TRACE(node.node().op_type);
  const absl::StatusOr<OpCounts> counts = node.Count();
  ASSERT_THAT(counts, IsOk());
  EXPECT_EQ(MatricesOf(*counts), expected);
  for (const WeightMatrix& m : counts->matrices) ExpectAllOfItsWork(*counts, m);
}

TEST(WeightMatrixTest, ConvolutionsHaveARowForEachOutputChannel) {
  // 3x3 kernels on 8x8, two groups of 3 outputs and 2 inputs, a batch of 5.
  const Expected expected{.blocks = 2,
                          .rows = 3,
                          .columns = 2 * (3 * 3),
                          .vectors = 5 * (6 * 6),
                          .is_one_matrix = true};
  ExpectMatrices(OneNode("Conv", 13)
                     .Input({5, 4, 8, 8})
                     .Constant({6, 2, 3, 3})
                     .Attr("group", 2),
                 {expected});
  ExpectMatrices(OneNode("ConvInteger", 10)
                     .Input({5, 4, 8, 8}, DataType::kUint8)
                     .Constant({6, 2, 3, 3}, DataType::kInt8)
                     .Attr("group", 2),
                 {expected});
  ExpectMatrices(OneNode("FusedConv", 1, kMs)
                     .Input({5, 4, 8, 8})
                     .Constant({6, 2, 3, 3})
                     .Attr("group", 2)
                     .Attr("activation", "Relu"),
                 {expected});
  ExpectMatrices(OneNode("NhwcConv", 1, kMs)
                     .Input({5, 8, 8, 4})
                     .Constant({6, 2, 3, 3})
                     .Attr("group", 2),
                 {expected});
  Expected quantized = expected;
  quantized.operand = 3;
  ExpectMatrices(OneNode("QLinearConv", 10)
                     .Input({5, 4, 8, 8}, DataType::kUint8)
                     .Constant({})
                     .Constant({}, DataType::kUint8)
                     .Constant({6, 2, 3, 3}, DataType::kInt8)
                     .Constant({})
                     .Constant({}, DataType::kInt8)
                     .Constant({})
                     .Constant({}, DataType::kUint8)
                     .Attr("group", 2),
                 {quantized});
}

TEST(WeightMatrixTest, TransposedConvolutionsMultiplyInputPositions) {
  ExpectMatrices(OneNode("ConvTranspose", 11)
                     .Input({5, 4, 8, 8})
                     .Constant({4, 3, 3, 3})
                     .Attr("group", 2),
                 {{.blocks = 2,
                   .rows = 3 * (3 * 3),
                   .columns = 2,
                   .vectors = 5 * (8 * 8),
                   .is_transposed = true,
                   .is_one_matrix = true}});
}

TEST(WeightMatrixTest, ARightOperandsColumnsAreOutputFeatures) {
  const Expected expected{
      .rows = 7, .columns = 3, .vectors = 5, .is_transposed = true};
  for (const char* op : {"MatMul", "Gemm"}) {
    ExpectMatrices(OneNode(op, 13).Input({5, 3}).Constant({3, 7}), {expected});
  }
  for (const char* op : {"FusedMatMul", "FusedGemm"}) {
    ExpectMatrices(OneNode(op, 1, kMs).Input({5, 3}).Constant({3, 7}),
                   {expected});
  }
  ExpectMatrices(OneNode("GemmFastGelu", 1, kMs).Input({5, 3}).Constant({3, 7}),
                 {expected});
  ExpectMatrices(OneNode("MatMulInteger", 10)
                     .Input({5, 3}, DataType::kUint8)
                     .Constant({3, 7}, DataType::kInt8),
                 {expected});
  ExpectMatrices(OneNode("MatMulIntegerToFloat", 1, kMs)
                     .Input({5, 3}, DataType::kUint8)
                     .Constant({3, 7}, DataType::kInt8)
                     .Constant({})
                     .Constant({}),
                 {expected});
}

TEST(WeightMatrixTest, AStoredTransposedOperandHasItsRowsAsTheyAre) {
  const Expected expected{.rows = 7, .columns = 3, .vectors = 5};
  ExpectMatrices(
      OneNode("Gemm", 13).Input({5, 3}).Constant({7, 3}).Attr("transB", 1),
      {expected});
  ExpectMatrices(OneNode("FusedMatMul", 1, kMs)
                     .Input({5, 3})
                     .Constant({7, 3})
                     .Attr("transB", 1),
                 {expected});
  Expected quantized = expected;
  quantized.operand = 3;
  ExpectMatrices(OneNode("QGemm", 1, kMs)
                     .Input({5, 3}, DataType::kUint8)
                     .Constant({})
                     .Constant({}, DataType::kUint8)
                     .Constant({7, 3}, DataType::kInt8)
                     .Constant({})
                     .Constant({}, DataType::kInt8)
                     .Attr("transB", 1),
                 {quantized});
}

TEST(WeightMatrixTest, ALeftOperandsRowsAreOutputFeatures) {
  const Expected expected{
      .operand = 0, .vector_operand = 1, .rows = 5, .columns = 3, .vectors = 7};
  ExpectMatrices(OneNode("MatMul", 13).Constant({5, 3}).Input({3, 7}),
                 {expected});
  Expected quantized = expected;
  quantized.vector_operand = 3;
  ExpectMatrices(OneNode("QLinearMatMul", 10)
                     .Constant({5, 3}, DataType::kInt8)
                     .Constant({})
                     .Constant({}, DataType::kInt8)
                     .Input({3, 7}, DataType::kUint8)
                     .Constant({})
                     .Constant({}, DataType::kUint8)
                     .Constant({})
                     .Constant({}, DataType::kUint8),
                 {quantized});
  Expected transposed = expected;
  transposed.is_transposed = true;
  ExpectMatrices(
      OneNode("Gemm", 13).Constant({3, 5}).Input({3, 7}).Attr("transA", 1),
      {transposed});
}

TEST(WeightMatrixTest, StacksAreAMatrixEachAndWhatIsBroadcastIsUsedMore) {
  ExpectMatrices(
      OneNode("MatMul", 13).Input({2, 4, 5, 3}).Constant({2, 4, 3, 7}),
      {{.blocks = 8,
        .rows = 7,
        .columns = 3,
        .vectors = 5,
        .is_transposed = true}});
  ExpectMatrices(
      OneNode("FusedMatMul", 1, kMs).Input({2, 4, 5, 3}).Constant({4, 3, 7}),
      {{.blocks = 4,
        .rows = 7,
        .columns = 3,
        .vectors = 2 * 5,
        .is_transposed = true}});
}

// Rows of a stack that lies behind the matrices' own axes have gaps.
TEST(WeightMatrixTest, AStackThatIsMovedIsNoMatrix) {
  ExpectMatrices(OneNode("FusedMatMul", 1, kMs)
                     .Input({4, 5, 3})
                     .Constant({3, 4, 7})
                     .Attr("transBatchB", 1),
                 {});
}

TEST(WeightMatrixTest, OperandsThatArentConstantAreNoMatrices) {
  ExpectMatrices(OneNode("MatMul", 13).Input({5, 3}).Input({3, 7}), {});
  ExpectMatrices(OneNode("Conv", 13).Input({1, 1, 8, 8}).Input({1, 1, 3, 3}),
                 {});
}

TEST(WeightMatrixTest, AnIntegerProductOfFloatsMultipliesScratch) {
  ExpectMatrices(OneNode("DynamicQuantizeMatMul", 1, kMs)
                     .Input({5, 3})
                     .Constant({3, 7}, DataType::kInt8)
                     .Constant({}),
                 {{.vector_operand = -1,
                   .vector_scratch = "quantized A",
                   .rows = 7,
                   .columns = 3,
                   .vectors = 5,
                   .is_transposed = true}});
}

// Gates of 4 units, an input of 3; two directions, 5 steps, a batch of 2.
TEST(WeightMatrixTest, RecurrentLayersHaveAMatrixForInputsAndOneForStates) {
  struct Case {
    const char* op;
    int gates;
  };
  for (const Case& c : {Case{"LSTM", 4}, Case{"GRU", 3}, Case{"RNN", 1}}) {
    const int64_t rows = c.gates * 4;
    ExpectMatrices(OneNode(c.op, 14)
                       .Input({5, 2, 3})
                       .Constant({2, rows, 3})
                       .Constant({2, rows, 4})
                       .Attr("hidden_size", 4)
                       .Attr("direction", "bidirectional"),
                   {{.operand = 1,
                     .blocks = 2,
                     .rows = rows,
                     .columns = 3,
                     .vectors = 5 * 2},
                    {.operand = 2,
                     .vector_operand = -1,
                     .vector_scratch = "previous h",
                     .blocks = 2,
                     .rows = rows,
                     .columns = 4,
                     .vectors = 5 * 2}});
  }
}

TEST(WeightMatrixTest, QuantisedGatesAreStoredByInputs) {
  ExpectMatrices(OneNode("DynamicQuantizeLSTM", 1, kMs)
                     .Input({5, 2, 3})
                     .Constant({1, 3, 16}, DataType::kInt8)
                     .Constant({1, 4, 16}, DataType::kInt8)
                     .Absent()
                     .Absent()
                     .Absent()
                     .Absent()
                     .Absent()
                     .Constant({1})
                     .Constant({1}, DataType::kInt8)
                     .Constant({1})
                     .Constant({1}, DataType::kInt8)
                     .Attr("hidden_size", 4),
                 {{.operand = 1,
                   .vector_operand = -1,
                   .vector_scratch = "quantized X",
                   .rows = 16,
                   .columns = 3,
                   .vectors = 5 * 2,
                   .is_transposed = true},
                  {.operand = 2,
                   .vector_operand = -1,
                   .vector_scratch = "quantized h",
                   .rows = 16,
                   .columns = 4,
                   .vectors = 5 * 2,
                   .is_transposed = true}});
}

// Queries, keys and values of 8 each from 6 inputs, 2 sequences of 5.
TEST(WeightMatrixTest, AttentionMultipliesByItsMergedWeights) {
  ExpectMatrices(
      OneNode("Attention", 1, kMs)
          .Input({2, 5, 6})
          .Constant({6, 3 * 8})
          .Constant({3 * 8})
          .Attr("num_heads", 2),
      {{.rows = 3 * 8, .columns = 6, .vectors = 2 * 5, .is_transposed = true}});
}

}  // namespace
}  // namespace opcost
