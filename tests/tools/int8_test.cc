// SPDX-License-Identifier: Apache-2.0
// Networks in int8: QuantizeLinear and DequantizeLinear around what has an
// integer form.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/tools/variant_run.h"

namespace opcost::variants {
namespace {

// The literals below are products of a few small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::Not;

Variant Int8(bool is_per_channel = false) {
  Variant variant;
  variant.kind = Variant::Kind::kInt8;
  variant.int8.is_per_channel = is_per_channel;
  return variant;
}

constexpr char kNet[] =
    "g (float[1,3,8,8] x, float[4,3,3,3] w, float[4] b, float[36,5] v,"
    "   float[5] c) => (float[1,5] y) {"
    "  p = Conv(x, w, b)"
    "  r = Relu(p)"
    "  m = MaxPool<kernel_shape = [2, 2], strides = [2, 2]>(r)"
    "  f = Flatten(m)"
    "  q = Gemm(f, v, c)"
    "  y = Softmax(q)"
    "}";

TEST(Int8Test, PairsStandAroundOperatorsAndReadersShareThem) {
  const std::string path = Save(WithWeights(kNet));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8()));
  ExpectSound(written.path);
  EXPECT_THAT(OperatorsOf(written.path),
              ElementsAre("QuantizeLinear", "DequantizeLinear",    // x
                          "DequantizeLinear", "DequantizeLinear",  // w, b
                          "Conv",                                // and its Relu
                          "QuantizeLinear", "DequantizeLinear",  //
                          "MaxPool", "QuantizeLinear", "DequantizeLinear",  //
                          "Flatten", "QuantizeLinear", "DequantizeLinear",  //
                          "DequantizeLinear", "DequantizeLinear",        // v, c
                          "Gemm", "QuantizeLinear", "DequantizeLinear",  //
                          "Softmax"));
  EXPECT_EQ(MacsOf(written.path), (4 * 6 * 6) * (3 * 3 * 3) + 36 * 5);
  EXPECT_THAT(written.notes,
              ElementsAre("2 operators in int8; 0 batch normalisations folded, "
                          "1 activations absorbed"));
}

TEST(Int8Test, ScalesAreThoseOfTheDocumentedRanges) {
  const std::string path = Save(WithWeights(kNet));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8()));
  const auto tensors = TensorsOf(written.path);
  // [-8, 8] before the first operator, [0, 8] after Relu.
  EXPECT_EQ(tensors.at("x_scale").elements[0], 16.0F / 255);
  EXPECT_EQ(tensors.at("x_zero_point").elements[0], 128);
  EXPECT_EQ(tensors.at("r_scale").elements[0], 8.0F / 255);
  EXPECT_EQ(tensors.at("r_zero_point").elements[0], 0);
  EXPECT_EQ(tensors.at("x_zero_point").type, onnx::TensorProto::UINT8);
  // Pools and views keep the scale they are given.
  const onnx::ModelProto model = ReadModel(written.path);
  for (const char* value : {"m", "f"}) {
    EXPECT_EQ(
        NodeOf(model, absl::StrCat(value, "_QuantizeLinear_Output")).input(1),
        "r_scale");
  }
}

TEST(Int8Test, SignedActivationsAreAskedFor) {
  const std::string path = Save(WithWeights(kNet));
  Variant variant = Int8();
  variant.int8.activations = DataType::kInt8;
  variant.int8.range = 2;
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, variant));
  ExpectSound(written.path);
  const auto tensors = TensorsOf(written.path);
  EXPECT_EQ(tensors.at("x_scale").elements[0], 4.0F / 255);
  EXPECT_EQ(tensors.at("x_zero_point").elements[0], 0);
  EXPECT_EQ(tensors.at("r_scale").elements[0], 2.0F / 255);
  EXPECT_EQ(tensors.at("r_zero_point").elements[0], -128);
  EXPECT_EQ(tensors.at("r_zero_point").type, onnx::TensorProto::INT8);
}

TEST(Int8Test, WeightsAreTheNearestMultiplesOfTheirScale) {
  const std::string path = Save(WithWeights(kNet));
  const auto before = TensorsOf(path);
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8()));
  const auto after = TensorsOf(written.path);
  for (const char* name : {"w", "v"}) {
    const std::vector<double>& was = before.at(name).elements;
    const Stored& is = after.at(absl::StrCat(name, "_quantized"));
    double greatest = 0;
    for (const double x : was) greatest = std::max(greatest, std::fabs(x));
    const double scale = after.at(absl::StrCat(name, "_scale")).elements[0];
    EXPECT_EQ(scale, static_cast<float>(greatest / 127));
    EXPECT_EQ(after.at(absl::StrCat(name, "_zero_point")).elements[0], 0);
    EXPECT_EQ(is.type, onnx::TensorProto::INT8);
    EXPECT_EQ(is.dims, before.at(name).dims);
    for (size_t i = 0; i < was.size(); ++i)
      EXPECT_NEAR(is.elements[i] * scale, was[i], scale * 0.5001);
  }
  EXPECT_EQ(after.count("w"), 0U);
}

TEST(Int8Test, ABiasHasTheScaleOfTheProducts) {
  const std::string path = Save(WithWeights(kNet));
  const auto before = TensorsOf(path);
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8()));
  const auto after = TensorsOf(written.path);
  const double scale = after.at("b_quantized_scale").elements[0];
  EXPECT_NEAR(scale,
              after.at("x_scale").elements[0] * after.at("w_scale").elements[0],
              1e-9);
  EXPECT_EQ(after.at("b_quantized").type, onnx::TensorProto::INT32);
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(after.at("b_quantized").elements[i] * scale,
                before.at("b").elements[i], scale * 0.51);
  }
  const onnx::NodeProto dequantize =
      NodeOf(ReadModel(written.path), "b_DequantizeLinear_Output");
  EXPECT_EQ(dequantize.input_size(), 2);  // int32 has no zero point
}

TEST(Int8Test, ChannelsHaveScalesOfTheirOwn) {
  const std::string path = Save(WithWeights(kNet));
  const auto before = TensorsOf(path);
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8(true)));
  ExpectSound(written.path);
  const auto after = TensorsOf(written.path);
  const onnx::ModelProto model = ReadModel(written.path);
  // The features of a Conv lie along axis 0, those of this Gemm along axis 1.
  EXPECT_EQ(NodeOf(model, "w_DequantizeLinear_Output").attribute(0).i(), 0);
  EXPECT_EQ(NodeOf(model, "v_DequantizeLinear_Output").attribute(0).i(), 1);
  EXPECT_EQ(after.at("v_zero_point").elements, std::vector<double>(5, 0));
  for (size_t channel = 0; channel < 5; ++channel) {
    double greatest = 0;
    for (size_t k = 0; k < 36; ++k)
      greatest = std::max(greatest,
                          std::fabs(before.at("v").elements[k * 5 + channel]));
    const double scale = after.at("v_scale").elements[channel];
    EXPECT_EQ(scale, static_cast<float>(greatest / 127));
    for (size_t k = 0; k < 36; ++k) {
      EXPECT_NEAR(after.at("v_quantized").elements[k * 5 + channel] * scale,
                  before.at("v").elements[k * 5 + channel], scale * 0.5001);
    }
    EXPECT_NEAR(after.at("c_quantized_scale").elements[channel],
                after.at("r_scale").elements[0] * scale, 1e-9);
  }
}

TEST(Int8Test, BatchNormalizationFoldsIntoTheConvolutionBeforeIt) {
  const std::string path = Save(WithWeights(
      "g (float[1,3,6,6] x, float[2,3,3,3] w, float[2] gamma, float[2] beta,"
      "   float[2] mean, float[2] var) => (float[1,2,4,4] y) {"
      "  p = Conv(x, w)"
      "  n = BatchNormalization<epsilon = 0.5>(p, gamma, beta, mean, var)"
      "  y = Clip(n, zero, six)"
      "}",
      {{"gamma", {2, -3}},
       {"beta", {0.5, 1}},
       {"mean", {1, -1}},
       {"var", {3.5, 8.5}}}));
  onnx::ModelProto model = ReadModel(path);
  for (const auto& [name, element] :
       std::map<std::string, float>{{"zero", 0}, {"six", 6}}) {
    onnx::TensorProto* tensor = model.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(onnx::TensorProto::FLOAT);
    tensor->add_float_data(element);
  }
  const std::string complete = Save(model);
  const auto before = TensorsOf(complete);
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(complete, Int8()));
  ExpectSound(written.path);
  EXPECT_THAT(OperatorsOf(written.path),
              ElementsAre("QuantizeLinear", "DequantizeLinear",
                          "DequantizeLinear", "DequantizeLinear", "Conv",
                          "QuantizeLinear", "DequantizeLinear"));
  const auto after = TensorsOf(written.path);
  const double factors[] = {2 / std::sqrt(3.5 + 0.5),
                            -3 / std::sqrt(8.5 + 0.5)};
  const double offsets[] = {0.5 - 1 * factors[0], 1 + 1 * factors[1]};
  const double scale = after.at("w_scale").elements[0];
  for (size_t i = 0; i < 2 * 27; ++i) {
    EXPECT_NEAR(after.at("w_quantized").elements[i] * scale,
                before.at("w").elements[i] * factors[i / 27], scale * 0.5001);
  }
  const double bias_scale = after.at("y_bias_quantized_scale").elements[0];
  for (size_t c = 0; c < 2; ++c) {
    EXPECT_NEAR(after.at("y_bias_quantized").elements[c] * bias_scale,
                offsets[c], bias_scale * 0.51);
  }
  // Clip's bounds are the range of what is left.
  EXPECT_EQ(after.at("y_scale").elements[0], 6.0F / 255);
  EXPECT_EQ(after.at("y_zero_point").elements[0], 0);
}

TEST(Int8Test, BatchNormalizationFoldsIntoTheGemmBeforeIt) {
  // Rows of the weight are output features under transB, columns otherwise.
  for (const bool is_transposed : {true, false}) {
    SCOPED_TRACE(is_transposed);
    const std::string path = Save(WithWeights(
        absl::StrCat("g (float[1,3] x, float[", is_transposed ? "2,3" : "3,2",
                     "] w, float[2] b, float[2] gamma, float[2] beta,"
                     "   float[2] mean, float[2] var) => (float[1,2] y) {"
                     "  p = Gemm<transB = ",
                     is_transposed ? 1 : 0,
                     ">(x, w, b)"
                     "  n = BatchNormalization<epsilon = 0.5>(p, gamma, beta,"
                     "      mean, var)"
                     "  y = Relu(n)"
                     "}"),
        {{"b", {0.25, -0.75}},
         {"gamma", {2, -3}},
         {"beta", {0.5, 1}},
         {"mean", {1, -1}},
         {"var", {3.5, 8.5}}}));
    const auto before = TensorsOf(path);
    ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8()));
    ExpectSound(written.path);
    EXPECT_THAT(OperatorsOf(written.path),
                ElementsAre("QuantizeLinear", "DequantizeLinear",
                            "DequantizeLinear", "DequantizeLinear", "Gemm",
                            "QuantizeLinear", "DequantizeLinear"));
    const auto after = TensorsOf(written.path);
    const double factors[] = {2 / std::sqrt(3.5 + 0.5),
                              -3 / std::sqrt(8.5 + 0.5)};
    const double biases[] = {0.5 + (0.25 - 1) * factors[0],
                             1 + (-0.75 + 1) * factors[1]};
    const double scale = after.at("w_scale").elements[0];
    for (size_t i = 0; i < 6; ++i) {
      const size_t feature = is_transposed ? i / 3 : i % 2;
      EXPECT_NEAR(after.at("w_quantized").elements[i] * scale,
                  before.at("w").elements[i] * factors[feature],
                  scale * 0.5001);
    }
    const double bias_scale = after.at("b_quantized_scale").elements[0];
    for (size_t c = 0; c < 2; ++c) {
      EXPECT_NEAR(after.at("b_quantized").elements[c] * bias_scale, biases[c],
                  bias_scale * 0.51);
    }
  }
}

TEST(Int8Test, BatchNormalizationStaysBehindAGemmThatScalesItsProducts) {
  const std::string path = Save(WithWeights(
      "g (float[1,3] x, float[3,2] w, float[2] gamma, float[2] beta,"
      "   float[2] mean, float[2] var) => (float[1,2] y) {"
      "  p = Gemm<alpha = 2.0>(x, w)"
      "  y = BatchNormalization(p, gamma, beta, mean, var)"
      "}",
      {{"var", {3.5, 8.5}}}));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8()));
  ExpectSound(written.path);
  EXPECT_THAT(OperatorsOf(written.path), Contains("BatchNormalization"));
}

TEST(Int8Test, BothSidesOfAResidualAddAreIntegers) {
  const std::string path = Save(
      WithWeights("g (float[1,4,5,5] x, float[4,4,1,1] w, float[1,4,1,1] s) =>"
                  "   (float[1,4,5,5] y) {"
                  "  p = Conv(x, w)"
                  "  a = Add(p, x)"
                  "  y = Mul(a, s)"
                  "}"));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Int8(true)));
  ExpectSound(written.path);
  const onnx::ModelProto model = ReadModel(written.path);
  const onnx::NodeProto add = NodeOf(model, "a");
  EXPECT_EQ(add.input(0), "p_DequantizeLinear_Output");
  EXPECT_EQ(add.input(1), "x_DequantizeLinear_Output");
  // A constant operand is a weight with one scale; the output keeps its name.
  const onnx::NodeProto mul = NodeOf(model, "y_QuantizeLinear_Input");
  EXPECT_EQ(mul.input(1), "s_DequantizeLinear_Output");
  EXPECT_TRUE(TensorsOf(written.path).at("s_scale").dims.empty());
  EXPECT_EQ(NodeOf(model, "y").op_type(), "DequantizeLinear");
}

TEST(Int8Test, AWeightOfTwoConvolutionsHasScalesForEach) {
  const std::string path = Save(WithWeights(
      "g (float[1,2,4,4] x, float[2,2,1,1] w) => (float[1,2,4,4] y) {"
      "  p = Conv(x, w)"
      "  y = Conv(p, w)"
      "}"));
  ASSERT_OK_AND_ASSIGN(const Written together, WriteVariantOf(path, Int8()));
  ExpectSound(together.path);
  EXPECT_EQ(TensorsOf(together.path).count("w_quantized"), 1U);
  ASSERT_OK_AND_ASSIGN(const Written apart, WriteVariantOf(path, Int8(true)));
  ExpectSound(apart.path);
  EXPECT_EQ(TensorsOf(apart.path).count("w_of_p_quantized"), 1U);
  EXPECT_EQ(TensorsOf(apart.path).count("w_of_y_quantized"), 1U);
}

TEST(Int8Test, WithoutWeightsTheStructureIsTheSame) {
  const std::string path = SaveExternal(WithWeights(kNet));
  ASSERT_OK_AND_ASSIGN(const Written with, WriteVariantOf(path, Int8(true)));
  const std::vector<std::string> operators = OperatorsOf(with.path);
  std::filesystem::remove_all(TestFolder() + "out");
  std::filesystem::remove(TestFolder() + "net.data");
  ASSERT_OK_AND_ASSIGN(
      const Written without,
      WriteVariantOf(path, Int8(true), Source::Weights::kAbsent));
  EXPECT_EQ(OperatorsOf(without.path), operators);
  EXPECT_FALSE(
      std::filesystem::exists(TestFolder() + "out/int8-per-channel.weights"));
  EXPECT_EQ(MacsOf(without.path), (4 * 6 * 6) * (3 * 3 * 3) + 36 * 5);
}

TEST(Int8Test, WithoutWeightsThoseInTheModelArentWrittenEither) {
  // w has 4 * 200 bytes, in the model's own file.
  const std::string path = Save(
      WithWeights("g (float[1,20,4,4] x, float[10,20,1,1] w, float[10] b) =>"
                  "   (float[1,10,4,4] y) { y = Conv(x, w, b) }"));
  for (const Place place : {Place::kExternal, Place::kEmbedded}) {
    ASSERT_OK_AND_ASSIGN(
        const Written written,
        WriteVariantOf(path, Int8(), Source::Weights::kAbsent, place));
    EXPECT_FALSE(std::filesystem::exists(TestFolder() + "out/int8.weights"));
    EXPECT_EQ(MacsOf(written.path), (10 * 4 * 4) * 20);
  }
  const std::string large = Save(WithWeights(
      "g (float[1,20,4,4] x, float[40,20,1,1] w) => (float[1,40,4,4] y) {"
      "  y = Conv(x, w) }"));
  ASSERT_OK_AND_ASSIGN(
      const Written written,
      WriteVariantOf(large, Int8(true), Source::Weights::kAbsent));
  EXPECT_FALSE(
      std::filesystem::exists(TestFolder() + "out/int8-per-channel.weights"));
  EXPECT_EQ(MacsOf(written.path), (40 * 4 * 4) * 20);
}

TEST(Int8Test, OldOperatorSetsAreRefusedWithARemedy) {
  constexpr char kSmall[] =
      "g (float[1,2,4,4] x, float[2,2,1,1] w) => (float[1,2,4,4] y) {"
      "  y = Conv(x, w) }";
  const std::string nine = Save(WithWeights(kSmall, {}, 9), "nine");
  EXPECT_THAT(WriteVariantOf(nine, Int8()),
              FailsWith("the model imports operator set 9, but QuantizeLinear "
                        "needs 10; convert it (onnx.version_converter)"));
  const std::string twelve = Save(WithWeights(kSmall, {}, 12), "twelve");
  EXPECT_THAT(WriteVariantOf(twelve, Int8()), IsOk());
  EXPECT_THAT(
      WriteVariantOf(twelve, Int8(true)),
      FailsWith("the model imports operator set 12, but QuantizeLinear per "
                "channel needs 13; convert it (onnx.version_converter), or "
                "leave the scales per tensor"));
}

TEST(Int8Test, AQuantisedModelIsRefused) {
  ASSERT_OK_AND_ASSIGN(const Written written,
                       WriteVariantOf(Save(WithWeights(kNet)), Int8()));
  std::filesystem::remove_all(TestFolder() + "first");
  std::filesystem::rename(TestFolder() + "out", TestFolder() + "first");
  EXPECT_THAT(WriteVariantOf(TestFolder() + "first/int8.onnx", Int8()),
              FailsWith("the model is quantised already (QuantizeLinear "
                        "'x_QuantizeLinear'); start from its float form"));
}

TEST(Int8Test, ANameThatIsTakenIsAnError) {
  const std::string path = Save(WithWeights(
      "g (float[1,2,4,4] x, float[2,2,1,1] w, float[1,2,1,1] x_scale) =>"
      "   (float[1,2,4,4] y) { p = Conv(x, w) q = Sub(p, x_scale) y = Tanh(q) "
      "}"));
  EXPECT_THAT(WriteVariantOf(path, Int8()),
              FailsWith("two values of the variant would be called 'x_scale'; "
                        "rename that of the model, or is this model a variant "
                        "of the same kind?"));
}

TEST(Int8Test, WhatHasNoIntegerFormIsRefused) {
  const std::string path = Save(
      *ProtoFromText("g (float[2,3] x) => (float[2,3] y) { y = Tanh(x) }"));
  EXPECT_THAT(WriteVariantOf(path, Int8()),
              FailsWith("no operator computes with float32 and has an integer "
                        "form; convert another float type to float32 first"));
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

}  // namespace
}  // namespace opcost::variants
