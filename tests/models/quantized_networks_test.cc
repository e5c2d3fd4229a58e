// SPDX-License-Identifier: Apache-2.0
// The int8 forms of the convolutional networks as make_variants writes them:
// their MACs are those of the float network, all of them in int8 with sums in
// int32. readings_test.cc says the same of ONNX Runtime's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "opcost/opcost.h"
#include "tests/models/closed_forms.h"
#include "tests/support/status_matchers.h"
#include "tools/make_variants/variants.h"

namespace opcost {
namespace {

struct Network {
  const char* name;
  int64_t macs;
};

constexpr Network kNetworks[] = {
    {"alexnet", AlexNetMacs()},
    {"alexnet-caffe", AlexNetCaffeMacs()},
    {"alexnet-cifar", AlexNetCifarMacs()},
    {"convnext-t", ConvNextTinyMacs()},
    {"densenet-121", DenseNet121Macs()},
    {"efficientnet-b0", EfficientNetB0Macs()},
    {"lenet-5", LeNet5Macs()},
    {"mobilenet-v2", MobileNetV2Macs()},
    {"resnet-152", BottleneckResNetMacs(8, 36)},
    {"resnet-18", ResNet18Macs()},
    {"resnet-50", BottleneckResNetMacs(4, 6)},
    {"simplenet", SimpleNetMacs()},
    {"ssd300-vgg16", Ssd300Macs()},
    {"vgg11", VggMacs(0, 0, 1, 1, 1)},
    {"vgg13", VggMacs(1, 1, 1, 1, 1)},
    {"vgg16", VggMacs(1, 1, 2, 2, 2)},
    {"vgg19", VggMacs(1, 1, 3, 3, 3)},
};

bool IsInteger(const PricedArith& row, PricedOp op, int width_bits) {
  return row.op == op && row.format.kind == NumberKind::kInt &&
         row.format.width_bits == width_bits;
}

class QuantizedNetworkTest : public ::testing::TestWithParam<Network> {
 protected:
  QuantizedNetworkTest() : table_(*TableLibrary().Load("horowitz-45nm")) {}

  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(float_model_, ImportFile(FloatPath()));
    ASSERT_OK_AND_ASSIGN(float_, Analyze(float_model_, {}));
    ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                         MakeEstimate(float_, table_, {}));
    float_pj_ = estimate.totals.total.pj;
    EXPECT_EQ(estimate.totals.macs, GetParam().macs);
  }

  std::string FloatPath() const {
    return absl::StrCat(OPCOST_SOURCE_DIR, "/models/", GetParam().name,
                        ".onnx");
  }

  void ExpectIntegers(const std::string& path) const {
    SCOPED_TRACE(path);
    ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(path));
    ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
    ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                         MakeEstimate(analysis, table_, {}));
    EXPECT_EQ(estimate.totals.macs, GetParam().macs);
    for (const LayerEstimate& layer : estimate.layers) {
      if (layer.sums.macs == 0) continue;
      int64_t products = 0;
      int64_t sums = 0;
      for (const PricedArith& row : layer.arithmetic) {
        if (IsInteger(row, PricedOp::kMul, 8)) products += row.count;
        if (IsInteger(row, PricedOp::kAdd, 32)) sums += row.count;
      }
      EXPECT_EQ(products, layer.sums.macs) << layer.layer->name;
      EXPECT_EQ(sums, layer.sums.macs) << layer.layer->name;
    }
    EXPECT_LT(estimate.totals.total.pj, float_pj_);
  }

  const CostTable table_;
  Model float_model_;
  Analysis float_;
  double float_pj_ = 0;
};

TEST_P(QuantizedNetworkTest, IsIntegerAsMakeVariantsWritesIt) {
  const std::string folder = absl::StrCat(
      ::testing::TempDir(), "quantized-networks-", GetParam().name);
  ASSERT_OK_AND_ASSIGN(
      const auto source,
      variants::Source::Open(FloatPath(), variants::Source::Weights::kAbsent));
  for (const bool is_per_channel : {false, true}) {
    variants::Variant variant;
    variant.kind = variants::Variant::Kind::kInt8;
    variant.int8.is_per_channel = is_per_channel;
    ASSERT_OK_AND_ASSIGN(const variants::NewModel model,
                         variants::MakeVariant(*source, variant));
    ASSERT_THAT(variants::Write(*source, model, folder, variant.Suffix(),
                                variants::Place::kExternal),
                IsOk());
    ExpectIntegers(absl::StrCat(folder, "/", variant.Suffix(), ".onnx"));
  }
  std::filesystem::remove_all(folder);
}

INSTANTIATE_TEST_SUITE_P(Models, QuantizedNetworkTest,
                         ::testing::ValuesIn(kNetworks),
                         [](const ::testing::TestParamInfo<Network>& tested) {
                           std::string name = tested.param.name;
                           for (char& c : name)
                             if (c == '-') c = '_';
                           return name;
                         });

TEST(QuantizedNetworksTest, OnnxRuntimesFormsAreOfTheSameNetworks) {
  std::set<std::string> known;
  for (const Network& network : kNetworks)
    known.insert(absl::StrCat(network.name, "-qdq-ort.onnx"));
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(
           absl::StrCat(OPCOST_SOURCE_DIR, "/tests/models/quantized"))) {
    if (entry.path().extension() == ".onnx")
      files.insert(entry.path().filename().string());
  }
  EXPECT_EQ(files, known);
}

}  // namespace
}  // namespace opcost
