// SPDX-License-Identifier: Apache-2.0
// The int8 forms of the convolutional networks as make_variants writes them:
// their MACs are those of the float network, all of them in int8 with sums in
// int32. readings_test.cc says the same of ONNX Runtime's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
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

// Of which there are no forms of ONNX Runtime's here.
constexpr Network kMlperfTiny[] = {
    {"mlperf-tiny-ad", MlperfTinyAdMacs()},
    {"mlperf-tiny-ic", MlperfTinyIcMacs()},
    {"mlperf-tiny-kws", MlperfTinyKwsMacs()},
    {"mlperf-tiny-vww", MlperfTinyVwwMacs()},
};

bool IsInteger(const PricedArith& row, PricedOp op, int width_bits) {
  return row.op == op && row.format.kind == NumberKind::kInt &&
         row.format.width_bits == width_bits;
}

std::string BytesOf(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  return {std::istreambuf_iterator<char>(file), {}};
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

// Of MLPerf Tiny's networks models/ holds the int8 form too.
TEST(MlperfTinyTest, TheInt8ModelsAreWhatMakeVariantsWrites) {
  for (const char* name : {"ad", "ic", "kws", "vww"}) {
    SCOPED_TRACE(name);
    const std::string path =
        absl::StrCat(OPCOST_SOURCE_DIR, "/models/mlperf-tiny-", name);
    ASSERT_OK_AND_ASSIGN(
        const auto source,
        variants::Source::Open(path + ".onnx",
                               variants::Source::Weights::kAbsent));
    variants::Variant variant;
    variant.kind = variants::Variant::Kind::kInt8;
    variant.int8.activations = DataType::kInt8;
    ASSERT_OK_AND_ASSIGN(const variants::NewModel model,
                         variants::MakeVariant(*source, variant));
    const std::string file = absl::StrCat("mlperf-tiny-", name, "-int8");
    const std::string folder =
        absl::StrCat(::testing::TempDir(), "mlperf-tiny-int8");
    ASSERT_THAT(variants::Write(*source, model, folder, file,
                                variants::Place::kExternal),
                IsOk());
    EXPECT_TRUE(BytesOf(absl::StrCat(folder, "/", file, ".onnx")) ==
                BytesOf(path + "-int8.onnx"))
        << file << ".onnx isn't what make_variants writes";
    std::filesystem::remove_all(folder);
  }
}

// What a runtime's int8 kernels leave: no layer computes with floats but the
// conversions at the ends and Softmax.
TEST(MlperfTinyTest, TheInt8ModelsHaveNoNormalisationOfTheirOwn) {
  for (const char* name : {"ad", "ic", "kws", "vww"}) {
    SCOPED_TRACE(name);
    ASSERT_OK_AND_ASSIGN(
        const Model model,
        ImportFile(absl::StrCat(OPCOST_SOURCE_DIR, "/models/mlperf-tiny-", name,
                                "-int8.onnx")));
    for (const Node& node : model.graph.nodes) {
      EXPECT_NE(node.op_type, "BatchNormalization");
      EXPECT_NE(node.op_type, "Relu");
    }
  }
}

std::string NameOf(const ::testing::TestParamInfo<Network>& tested) {
  std::string name = tested.param.name;
  for (char& c : name)
    if (c == '-') c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Models, QuantizedNetworkTest,
                         ::testing::ValuesIn(kNetworks), NameOf);
INSTANTIATE_TEST_SUITE_P(MlperfTiny, QuantizedNetworkTest,
                         ::testing::ValuesIn(kMlperfTiny), NameOf);

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
