// SPDX-License-Identifier: Apache-2.0
#include "opcost/memory/formats.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/hand_analysis.h"

namespace opcost {
namespace {

FormatOptions Bits(const char* bits) {
  FormatOptions options;
  options.bits = ParseNumberFormat(bits);
  return options;
}

// A contraction of x and the constant w with a bias b, and a look-up of
// indices.
class FormatsTest : public ::testing::Test {
 protected:
  LayerCounts& Contraction(DataType x, DataType w, DataType b) {
    const ValueIndex input = hand_.Tensor("x", 4, x);
    const ValueIndex weight = hand_.Constant("w", 12, w);
    const ValueIndex bias = hand_.Constant("b", 3, b);
    const ValueIndex output = hand_.Tensor("y", 3, x);
    LayerCounts& layer = hand_.Layer("Gemm", {input, weight, bias}, {output});
    hand_.Read(layer, 0, 12, Role::kInput);
    hand_.Read(layer, 1, 12, Role::kWeight);
    hand_.Read(layer, 2, 3, Role::kBias);
    hand_.Write(layer, 0, 3);
    AddMacs(layer.counts, 0, 1, 12);
    return layer;
  }
  // "x w b y mul add".
  std::string All(const LayerCounts& layer,
                  const FormatOptions& options) const {
    const Formats formats(hand_.analysis(), options);
    std::string all;
    for (const Access& access : layer.counts.accesses) {
      all += ToString(formats.OfAccess(layer, access)) + " ";
    }
    for (const Arith& arith : layer.counts.arith) {
      all += ToString(formats.OfArith(layer, arith)) + " ";
    }
    all.pop_back();
    return all;
  }

  HandAnalysis hand_;
};

TEST_F(FormatsTest, WithoutOptionsEveryTensorHasItsOwnType) {
  const LayerCounts& layer =
      Contraction(DataType::kFloat16, DataType::kFloat32, DataType::kFloat16);
  EXPECT_EQ(All(layer, {}), "float16 float32 float16 float16 float32 float32");
}

TEST_F(FormatsTest, BitsReplaceEveryFloatingTensor) {
  const LayerCounts& layer =
      Contraction(DataType::kFloat32, DataType::kFloat32, DataType::kFloat32);
  EXPECT_EQ(All(layer, Bits("16")),
            "float16 float16 float16 float16 float16 float16");
  EXPECT_EQ(All(layer, Bits("8")), "float8 float8 float8 float8 float8 float8");
}

TEST_F(FormatsTest, Int8BitsAccumulateInInt32AndTheBiasIsInt32) {
  const LayerCounts& layer =
      Contraction(DataType::kFloat32, DataType::kFloat32, DataType::kFloat32);
  EXPECT_EQ(All(layer, Bits("int8")), "int8 int8 int32 int8 int8 int32");
}

TEST_F(FormatsTest, WeightBitsChangeTheContractionsConstantAlone) {
  const LayerCounts& layer =
      Contraction(DataType::kFloat32, DataType::kFloat32, DataType::kFloat32);
  FormatOptions options = Bits("16");
  options.weight_bits = ParseNumberFormat("int4");
  // A float activation and an int weight multiply in float.
  EXPECT_EQ(All(layer, options),
            "float16 int4 float16 float16 float16 float16");
}

TEST_F(FormatsTest, ActivationBitsChangeTheOthersAndTheBias) {
  const LayerCounts& layer =
      Contraction(DataType::kFloat32, DataType::kFloat32, DataType::kFloat32);
  FormatOptions options;
  options.activation_bits = ParseNumberFormat("16");
  EXPECT_EQ(All(layer, options),
            "float16 float32 float16 float16 float32 float32");
}

TEST_F(FormatsTest, AccumulatorBitsChangeTheAccumulatingAddAlone) {
  const LayerCounts& layer =
      Contraction(DataType::kFloat32, DataType::kFloat32, DataType::kFloat32);
  FormatOptions options = Bits("16");
  options.accumulator_bits = ParseNumberFormat("32");
  EXPECT_EQ(All(layer, options),
            "float16 float16 float16 float16 float16 float32");
  options.bits = ParseNumberFormat("int8");
  options.accumulator_bits = ParseNumberFormat("int16");
  EXPECT_EQ(All(layer, options), "int8 int8 int16 int8 int8 int16");
}

TEST_F(FormatsTest, IntegersBooleansAndStringsKeepTheirOwn) {
  const LayerCounts& layer =
      Contraction(DataType::kUint8, DataType::kInt8, DataType::kInt32);
  EXPECT_EQ(All(layer, Bits("16")), "uint8 int8 int32 uint8 uint8 int32");
  const ValueIndex flags = hand_.Tensor("flags", 4, DataType::kBool);
  const ValueIndex words = hand_.Tensor("words", 4, DataType::kString);
  LayerCounts& other = hand_.Layer("Where", {flags, words}, {words});
  const Formats formats(hand_.analysis(), Bits("16"));
  EXPECT_EQ(formats.OfInput(other, 0).width_bits, 8);
  EXPECT_EQ(formats.OfInput(other, 0).kind, NumberKind::kInt);
  EXPECT_EQ(formats.OfInput(other, 1).width_bits, 64);
}

TEST_F(FormatsTest, APlainOperationWorksInTheWidestOfItsOperands) {
  const ValueIndex narrow = hand_.Tensor("narrow", 4, DataType::kFloat16);
  const ValueIndex wide = hand_.Tensor("wide", 4, DataType::kInt32);
  const ValueIndex out = hand_.Tensor("out", 4, DataType::kFloat16);
  LayerCounts& layer = hand_.Layer("Custom", {narrow, wide}, {out});
  const Formats formats(hand_.analysis(), {});
  const auto format = [&](OperandSet set) {
    return ToString(formats.OfArith(
        layer, {ArithOp::kAdd, ArithRole::kPlain, set, Count(1)}));
  };
  EXPECT_EQ(format(OperandSet::Input(0)), "float16");
  EXPECT_EQ(format(OperandSet::Input(1)), "int32");
  EXPECT_EQ(format(OperandSet::Inputs(0, 1)), "float32");
  EXPECT_EQ(format(OperandSet::Output(0)), "float16");
}

TEST_F(FormatsTest, ACastBetweenEqualFormatsIsAView) {
  const ValueIndex wide = hand_.Tensor("wide", 4, DataType::kFloat32);
  const ValueIndex narrow = hand_.Tensor("narrow", 4, DataType::kFloat16);
  LayerCounts& cast = hand_.Layer("Cast", {wide}, {narrow});
  cast.counts.is_view_if_formats_match = true;
  EXPECT_FALSE(Formats(hand_.analysis(), {}).IsView(cast));
  EXPECT_TRUE(Formats(hand_.analysis(), Bits("16")).IsView(cast));
  LayerCounts& reshape = hand_.Layer("Reshape", {wide}, {wide});
  EXPECT_FALSE(Formats(hand_.analysis(), {}).IsView(reshape));
  reshape.counts = View();
  EXPECT_TRUE(Formats(hand_.analysis(), {}).IsView(reshape));
}

TEST_F(FormatsTest, PackedNumbersKeepTheirWidthUnderAllOptions) {
  LayerCounts& layer =
      Contraction(DataType::kFloat16, DataType::kUint8, DataType::kFloat16);
  layer.counts.accesses[1].packed_format = FormatOf(DataType::kUint4);
  EXPECT_EQ(All(layer, {}), "float16 uint4 float16 float16 float16 float16");
  FormatOptions options = Bits("32");
  options.weight_bits = ParseNumberFormat("8");
  EXPECT_EQ(All(layer, options),
            "float32 uint4 float32 float32 float32 float32");
}

TEST_F(FormatsTest, ScratchHasTheFormatOfWhatItHolds) {
  const ValueIndex x = hand_.Tensor("x", 4);
  LayerCounts& layer = hand_.Layer("Attention", {x}, {x});
  UseScratch(layer.counts, "scores", OperandSet::Input(0), 16, 16, 16);
  EXPECT_EQ(All(layer, Bits("bfloat16")), "bfloat16");
}

}  // namespace
}  // namespace opcost
