// SPDX-License-Identifier: Apache-2.0
// Weights of 4 bits, as ONNX Runtime's MatMulNBits reads them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/tools/variant_run.h"

namespace opcost::variants {
namespace {

// The literals below are products of a few small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

using ::testing::ElementsAre;

Variant Int4(int64_t block = 32) {
  Variant variant;
  variant.kind = Variant::Kind::kInt4;
  variant.block = block;
  return variant;
}

// The number that stands for element (n, k): low halves of bytes come first,
// the code 8 is zero.
double Unpacked(const Stored& codes, const Stored& scales, int64_t block,
                int64_t n, int64_t k) {
  const int64_t blocks = codes.dims[1];
  const auto at = static_cast<size_t>((n * blocks + k / block) * (block / 2) +
                                      k % block / 2);
  const auto byte = static_cast<int>(codes.elements[at]);
  const int code = k % 2 == 0 ? byte & 15 : byte >> 4;
  return (code - 8) *
         scales.elements[static_cast<size_t>(n * blocks + k / block)];
}

TEST(Int4Test, EachElementIsWithinHalfAStepOfItsBlock) {
  // 70 = 32 + 32 + 6.
  const std::string path = Save(WithWeights(
      "g (float[3,70] x, float[70,5] w, float[4,5] v, float[4] c) =>"
      "   (float[3,4] y) {"
      "  h = MatMul(x, w)"
      "  y = Gemm<transB = 1>(h, v, c)"
      "}"));
  const auto before = TensorsOf(path);
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int4()));
  ExpectSound(written.path);
  EXPECT_THAT(OperatorsOf(written.path),
              ElementsAre("MatMulNBits", "MatMulNBits"));
  EXPECT_EQ(MacsOf(written.path), 3 * 70 * 5 + 3 * 5 * 4);
  const auto after = TensorsOf(written.path);
  EXPECT_EQ(after.at("w_Q4").dims, (std::vector<int64_t>{5, 3, 16}));
  EXPECT_EQ(after.at("w_scales").dims, (std::vector<int64_t>{5 * 3}));
  EXPECT_EQ(after.at("v_Q4").dims, (std::vector<int64_t>{4, 1, 16}));
  for (int64_t n = 0; n < 5; ++n) {
    for (int64_t k = 0; k < 70; ++k) {
      const double was =
          before.at("w").elements[static_cast<size_t>(k * 5 + n)];
      const double scale =
          after.at("w_scales").elements[static_cast<size_t>(n * 3 + k / 32)];
      const double is =
          Unpacked(after.at("w_Q4"), after.at("w_scales"), 32, n, k);
      // The side opposite to the greatest magnitude ends at 7 steps.
      const double step = std::fabs(scale);
      EXPECT_NEAR(is, was, (was / scale > 7.5 ? 1 : 0.5) * step + 1e-6);
    }
  }
  for (int64_t n = 0; n < 4; ++n) {
    for (int64_t k = 0; k < 5; ++k) {
      const double was =
          before.at("v").elements[static_cast<size_t>(n * 5 + k)];
      const double step =
          std::fabs(after.at("v_scales").elements[static_cast<size_t>(n)]);
      EXPECT_NEAR(Unpacked(after.at("v_Q4"), after.at("v_scales"), 32, n, k),
                  was, step + 1e-6);
    }
    // What fills the last block is zero.
    for (int64_t k = 5; k < 32; ++k)
      EXPECT_EQ(Unpacked(after.at("v_Q4"), after.at("v_scales"), 32, n, k), 0);
  }
}

TEST(Int4Test, AttributesAndBiasAreTheOperators) {
  const std::string path = Save(WithWeights(
      "g (float[3,70] x, float[70,6] w, float[6] b) => (float[3,6] y) {"
      "  y = Gemm(x, w, b) }"));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int4(16)));
  ExpectSound(written.path);
  const onnx::ModelProto model = ReadModel(written.path);
  const onnx::NodeProto node = NodeOf(model, "y");
  EXPECT_EQ(node.domain(), "com.microsoft");
  EXPECT_THAT(node.input(), ElementsAre("x", "w_Q4", "w_scales", "", "", "b"));
  std::map<std::string, int64_t> attributes;
  for (const auto& attribute : node.attribute())
    attributes[attribute.name()] = attribute.i();
  EXPECT_EQ(attributes,
            (std::map<std::string, int64_t>{
                {"K", 70}, {"N", 6}, {"bits", 4}, {"block_size", 16}}));
  EXPECT_EQ(model.opset_import(1).domain(), "com.microsoft");
}

TEST(Int4Test, ACOfSeveralRowsIsAdded) {
  const std::string path = Save(WithWeights(
      "g (float[3,8] x, float[8,6] w, float[3,6] c) => (float[3,6] y) {"
      "  y = Gemm(x, w, c) }"));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int4()));
  ExpectSound(written.path);
  EXPECT_THAT(OperatorsOf(written.path), ElementsAre("MatMulNBits", "Add"));
}

TEST(Int4Test, ConvolutionsAndScaledProductsKeepTheirWeights) {
  const std::string path = Save(WithWeights(
      "g (float[1,2,4,4] x, float[2,2,1,1] w, float[32,6] v, float[6,3] u) =>"
      "   (float[1,3] y) {"
      "  p = Conv(x, w)"
      "  f = Flatten(p)"
      "  q = Gemm(f, v)"
      "  y = Gemm<alpha = 0.5>(q, u)"
      "}"));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int4()));
  ExpectSound(written.path);
  EXPECT_THAT(OperatorsOf(written.path),
              ElementsAre("Conv", "Flatten", "MatMulNBits", "Gemm"));
  EXPECT_THAT(
      written.notes,
      ElementsAre(
          "Gemm 'y' keeps its weights: alpha and beta must be 1, and "
          "transA 0",
          "1 matrices in int4; 1 convolutions keep their weights, since "
          "MatMulNBits knows none"));
}

TEST(Int4Test, ANetWithoutMatricesIsRefused) {
  const std::string path = Save(WithWeights(
      "g (float[1,2,4,4] x, float[2,2,1,1] w) => (float[1,2,4,4] y) {"
      "  y = Conv(x, w) }"));
  EXPECT_THAT(WriteVariantOf(path, Int4()),
              FailsWith("no MatMul or Gemm has a stored float matrix that "
                        "MatMulNBits could take; --int8 quantises other "
                        "operators"));
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

}  // namespace
}  // namespace opcost::variants
