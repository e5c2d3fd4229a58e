// SPDX-License-Identifier: Apache-2.0
#include "src/report/alignment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

// Layers as "name:op:shape", split at blanks; owns its texts.
class Layers {
 public:
  explicit Layers(const std::string& text)
      : Layers(std::vector<std::string>(
            absl::StrSplit(text, ' ', absl::SkipEmpty()))) {}
  explicit Layers(const std::vector<std::string>& layers) {
    for (const std::string& layer : layers) {
      texts_.push_back(absl::StrSplit(layer, ':'));
      const std::vector<std::string>& parts = texts_.back();
      keys_.push_back({parts[0], parts[1], parts[2]});
    }
  }
  const std::vector<AlignmentKey>& keys() const { return keys_; }

 private:
  std::deque<std::vector<std::string>> texts_;
  std::vector<AlignmentKey> keys_;
};

std::vector<int> Aligned(const std::string& base, const std::string& variant) {
  return Align(Layers(base).keys(), Layers(variant).keys());
}

TEST(OperatorFamilyTest, FormsOfAnOperatorAreOfItsFamily) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"Conv", "Conv"},
      {"QLinearConv", "Conv"},
      {"ConvInteger", "Conv"},
      {"com.microsoft.FusedConv", "Conv"},
      {"com.microsoft.NhwcFusedConv", "Conv"},
      {"Gemm", "MatMul"},
      {"MatMulInteger", "MatMul"},
      {"QLinearMatMul", "MatMul"},
      {"com.microsoft.FusedMatMul", "MatMul"},
      {"com.microsoft.MatMulNBits", "MatMul"},
      {"com.microsoft.DynamicQuantizeMatMul", "MatMul"},
      {"com.microsoft.QGemm", "MatMul"},
      {"com.microsoft.QLinearAdd", "Add"},
      {"com.microsoft.DynamicQuantizeLSTM", "LSTM"},
      {"QuantizeLinear", "QuantizeLinear"},
      {"DynamicQuantizeLinear", "DynamicQuantizeLinear"},
      {"Relu", "Relu"},
      {"", ""}};
  for (const auto& [op, family] : cases) {
    EXPECT_EQ(OperatorFamily(op), family) << op;
  }
}

TEST(AlignTest, LayersOfOneNameAreOneWhereverTheyStand) {
  EXPECT_THAT(Aligned("a:Conv:1x4 b:Relu:1x4 c:Conv:1x8",
                      "c:Conv:1x8 a:Conv:1x4 b:Relu:1x4"),
              ElementsAre(2, 0, 1));
}

TEST(AlignTest, ANameOfAnotherOperatorSaysNothing) {
  EXPECT_THAT(Aligned("a:Conv:1x4 b:Relu:1x4", "b:Conv:1x4 a:Relu:1x4"),
              ElementsAre(0, 1));
}

TEST(AlignTest, ANamedLayerKeepsItsPartnerWhenItsShapeShrinks) {
  EXPECT_THAT(
      Aligned("a:Conv:1x64x8 b:Conv:1x64x8", "a:Conv:1x32x8 b:Conv:1x48x8"),
      ElementsAre(0, 1));
}

TEST(AlignTest, InsertedQuantizersHaveNoPartner) {
  EXPECT_THAT(
      Aligned(
          "x:Conv:1x4 y:Relu:1x4 z:Conv:1x8",
          "q1:QuantizeLinear:1x3 d1:DequantizeLinear:1x3 x2:QLinearConv:1x4 "
          "q2:QuantizeLinear:1x4 y2:Relu:1x4 z2:QLinearConv:1x8"),
      ElementsAre(-1, -1, 0, -1, 1, 2));
}

TEST(AlignTest, AFusedReluAndAFoldedBatchNormLeaveTheOthersInPlace) {
  EXPECT_THAT(Aligned("a:Conv:1x4 n:BatchNormalization:1x4 r:Relu:1x4 "
                      "b:Conv:1x4 m:BatchNormalization:1x4 s:Relu:1x4",
                      "u:FusedConv:1x4 v:FusedConv:1x4"),
              ElementsAre(0, 3));
}

TEST(AlignTest, EqualShapesGoBeforeEqualRanks) {
  EXPECT_THAT(Aligned("a:Conv:1x4 b:Conv:1x8", "v:Conv:1x8"), ElementsAre(1));
  EXPECT_THAT(Aligned("a:Conv:1x4 b:Conv:1x8", "u:Conv:1x2 v:Conv:1x8"),
              ElementsAre(0, 1));
}

TEST(AlignTest, LayersOfOneRankAreAlignedWhereNothingBetterIs) {
  EXPECT_THAT(Aligned("a:Conv:1x4x4", "u:Conv:1x9x9"), ElementsAre(0));
  EXPECT_THAT(Aligned("a:Conv:1x4x4", "u:Conv:1x9"), ElementsAre(-1));
  EXPECT_THAT(Aligned("a:Conv:1x4x4", "u:MaxPool:1x4x4"), ElementsAre(-1));
}

TEST(AlignTest, ANumberedNameIsAPlaceRatherThanAName) {
  // The exporter numbers nodes: without its batch norms Conv_3 is Conv_2, and
  // another convolution is called Conv_3.
  EXPECT_THAT(Aligned("Conv_0:Conv:1x4 BatchNormalization_1:BatchNormalization:"
                      "1x4 Relu_2:Relu:1x4 Conv_3:Conv:1x8 Relu_4:Relu:1x8 "
                      "Conv_5:Conv:1x8",
                      "Conv_0:Conv:1x4 Relu_1:Relu:1x4 Conv_2:Conv:1x8 "
                      "Relu_3:Relu:1x8 Conv_4:Conv:1x8"),
              ElementsAre(0, 2, 3, 4, 5));
  EXPECT_THAT(Aligned("12:Conv:1x4 13:Conv:1x4", "13:Conv:1x4 14:Conv:1x4"),
              ElementsAre(0, 1));
}

TEST(AlignTest, StructureIsSearchedBetweenNamesThatAgree) {
  // b is renamed between a and c, so that it is no other Conv's partner.
  EXPECT_THAT(Aligned("a:Conv:1x4 b:Conv:1x4 c:Conv:1x4 d:Conv:1x4",
                      "a:Conv:1x4 v:Conv:1x4 c:Conv:1x4"),
              ElementsAre(0, 1, 2));
}

TEST(AlignTest, NothingAlignsWithNothing) {
  EXPECT_THAT(Aligned("", ""), ElementsAre());
  EXPECT_THAT(Aligned("", "a:Conv:1x4"), ElementsAre(-1));
  EXPECT_THAT(Aligned("a:Conv:1x4", ""), ElementsAre());
}

// A network of `blocks` of Conv, Relu; every name begins with `prefix`.
std::vector<std::string> Network(const std::string& prefix, int blocks,
                                 bool is_quantized) {
  std::vector<std::string> layers;
  for (int i = 0; i < blocks; ++i) {
    const std::string shape = absl::StrCat("1x", 8 + i % 7);
    if (is_quantized) {
      layers.push_back(absl::StrCat(prefix, "q", i, ":QuantizeLinear:", shape));
    }
    layers.push_back(absl::StrCat(prefix, "c", i, ":Conv:", shape));
    layers.push_back(absl::StrCat(prefix, "r", i, ":Relu:", shape));
  }
  return layers;
}

void ExpectBlocksAlign(const std::vector<int>& partners, int blocks) {
  for (int i = 0; i < blocks; ++i) {
    ASSERT_EQ(partners[static_cast<size_t>(3 * i)], -1);
    ASSERT_EQ(partners[static_cast<size_t>(3 * i + 1)], 2 * i);
    ASSERT_EQ(partners[static_cast<size_t>(3 * i + 2)], 2 * i + 1);
  }
}

TEST(AlignTest, SixThousandLayersAlignByName) {
  ExpectBlocksAlign(Align(Layers(Network("", 3000, false)).keys(),
                          Layers(Network("", 3000, true)).keys()),
                    3000);
}

TEST(AlignTest, AThousandLayersWithoutNamesAlignByStructure) {
  ExpectBlocksAlign(Align(Layers(Network("a", 500, false)).keys(),
                          Layers(Network("b", 500, true)).keys()),
                    500);
}

TEST(AlignTest, TooManyToWeighAlignByTheirOccurrence) {
  // 9,000 times 13,500 pairs are more than 2^26.
  ExpectBlocksAlign(Align(Layers(Network("a", 4500, false)).keys(),
                          Layers(Network("b", 4500, true)).keys()),
                    4500);
}

}  // namespace
}  // namespace opcost
