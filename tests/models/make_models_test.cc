// SPDX-License-Identifier: Apache-2.0
// The files of models/ and the networks they hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>

#include <cmath>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "opcost/frontend/import.h"
#include "tests/support/status_matchers.h"
#include "tools/make_models/model_zoo.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

std::string ModelPath(const std::string& name) {
  return absl::StrCat(OPCOST_SOURCE_DIR, "/models/", name, ".onnx");
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.is_open()) << path;
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

std::string BytesOf(const std::string& name, model_zoo::Weights weights) {
  absl::StatusOr<model_zoo::Network> network = model_zoo::MakeNetwork(name);
  EXPECT_THAT(network, IsOk());
  std::ostringstream out;
  EXPECT_THAT(model_zoo::Write(*network, weights, &out), IsOk());
  return out.str();
}

onnx::ModelProto Parse(const std::string& bytes) {
  onnx::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

// Multiply-accumulates of a convolution onto `side` x `side` pixels, of which
// each channel sums `depth` x `kernel` x `kernel` products.
constexpr int64_t Conv(int64_t side, int64_t channels, int64_t depth,
                       int64_t kernel) {
  return (side * side * channels) * (depth * kernel * kernel);
}

constexpr int64_t Dense(int64_t features, int64_t inputs) {
  return features * inputs;
}

// Three fully connected layers that all of AlexNet's and VGG's have.
constexpr int64_t Classifier(int64_t inputs) {
  return Dense(4096, inputs) + Dense(4096, 4096) + Dense(1000, 4096);
}

constexpr int64_t AlexNetMacs() {
  return Conv(55, 64, 3, 11) + Conv(27, 192, 64, 5) + Conv(13, 384, 192, 3) +
         Conv(13, 256, 384, 3) + Conv(13, 256, 256, 3) +
         Classifier(256 * 6 * 6);
}

// Grouped convolutions see half the channels.
constexpr int64_t AlexNetCaffeMacs() {
  return Conv(55, 96, 3, 11) + Conv(27, 256, 96 / 2, 5) +
         Conv(13, 384, 256, 3) + Conv(13, 384, 384 / 2, 3) +
         Conv(13, 256, 384 / 2, 3) + Classifier(256 * 6 * 6);
}

constexpr int64_t AlexNetCifarMacs() {
  return Conv(8, 96, 3, 11) + Conv(1, 256, 96, 5) + Conv(1, 384, 256, 3) +
         Conv(1, 384, 384, 3) + Conv(1, 256, 384, 3) + Dense(256, 256) +
         Dense(256, 256) + Dense(10, 256);
}

constexpr int64_t SimpleNetMacs() {
  return Conv(32, 64, 3, 3) + Conv(32, 128, 64, 3) +
         2 * Conv(32, 128, 128, 3) +                          // 32x32
         2 * Conv(16, 128, 128, 3) + Conv(16, 256, 128, 3) +  // 16x16
         2 * Conv(8, 256, 256, 3) +                           // 8x8
         Conv(4, 512, 256, 3) +                               // 4x4
         Conv(2, 2048, 512, 1) + Conv(2, 256, 2048, 1) +      // 2x2
         Conv(1, 256, 256, 3) + Dense(10, 256);
}

constexpr int64_t LeNet5Macs() {
  return Conv(24, 20, 1, 5) + Conv(8, 50, 20, 5) + Dense(500, 50 * 4 * 4) +
         Dense(10, 500);
}

constexpr int64_t MlpMacs() {
  return Dense(300, 784) + Dense(100, 300) + Dense(10, 100);
}

// `more` counts the layers of a stage that keep its channels.
constexpr int64_t VggMacs(int64_t more1, int64_t more2, int64_t more3,
                          int64_t more4, int64_t more5) {
  return Conv(224, 64, 3, 3) + more1 * Conv(224, 64, 64, 3) +
         Conv(112, 128, 64, 3) + more2 * Conv(112, 128, 128, 3) +
         Conv(56, 256, 128, 3) + more3 * Conv(56, 256, 256, 3) +
         Conv(28, 512, 256, 3) + more4 * Conv(28, 512, 512, 3) +
         Conv(14, 512, 512, 3) + more5 * Conv(14, 512, 512, 3) +
         Classifier(512 * 7 * 7);
}

constexpr int64_t ResNet18Macs() {
  return Conv(112, 64, 3, 7) +
         // layer1
         4 * Conv(56, 64, 64, 3) +
         // layer2 to layer4, each with a projected shortcut
         Conv(28, 128, 64, 3) + 3 * Conv(28, 128, 128, 3) +
         Conv(28, 128, 64, 1) +  //
         Conv(14, 256, 128, 3) + 3 * Conv(14, 256, 256, 3) +
         Conv(14, 256, 128, 1) +  //
         Conv(7, 512, 256, 3) + 3 * Conv(7, 512, 512, 3) +
         Conv(7, 512, 256, 1) +  //
         Dense(1000, 512);
}

// Blocks of 1x1, 3x3 and 1x1 convolutions onto `side` x `side` pixels. The
// first block's 1x1 sees the pixels of the stage before, its 3x3 has the
// stride, and its shortcut is projected.
constexpr int64_t BottleneckStage(int64_t from_side, int64_t from_channels,
                                  int64_t side, int64_t width, int64_t blocks) {
  return Conv(from_side, width, from_channels, 1) +
         Conv(side, width, width, 3) + Conv(side, 4 * width, width, 1) +
         Conv(side, 4 * width, from_channels, 1) +
         (blocks - 1) *
             (Conv(side, width, 4 * width, 1) + Conv(side, width, width, 3) +
              Conv(side, 4 * width, width, 1));
}

constexpr int64_t BottleneckResNetMacs(int64_t blocks2, int64_t blocks3) {
  return Conv(112, 64, 3, 7) +                         //
         BottleneckStage(56, 64, 56, 64, 3) +          // layer1
         BottleneckStage(56, 256, 28, 128, blocks2) +  // layer2
         BottleneckStage(28, 512, 14, 256, blocks3) +  // layer3
         BottleneckStage(14, 1024, 7, 512, 3) +        // layer4
         Dense(1000, 2048);
}

// Expansion from `inputs` to `width` channels, 3x3 on each, projection.
constexpr int64_t InvertedResidual(int64_t from_side, int64_t inputs,
                                   int64_t side, int64_t outputs) {
  const int64_t width = 6 * inputs;
  return Conv(from_side, width, inputs, 1) + Conv(side, width, 1, 3) +
         Conv(side, outputs, width, 1);
}

constexpr int64_t MobileNetV2Macs() {
  return Conv(112, 32, 3, 3) +
         // The first block has nothing to expand.
         Conv(112, 32, 1, 3) + Conv(112, 16, 32, 1) +
         InvertedResidual(112, 16, 56, 24) + InvertedResidual(56, 24, 56, 24) +
         InvertedResidual(56, 24, 28, 32) +
         2 * InvertedResidual(28, 32, 28, 32) +
         InvertedResidual(28, 32, 14, 64) +
         3 * InvertedResidual(14, 64, 14, 64) +
         InvertedResidual(14, 64, 14, 96) +
         2 * InvertedResidual(14, 96, 14, 96) +
         InvertedResidual(14, 96, 7, 160) +
         2 * InvertedResidual(7, 160, 7, 160) +
         InvertedResidual(7, 160, 7, 320) +  //
         Conv(7, 1280, 320, 1) + Dense(1000, 1280);
}

// Layer i reads the block's input and 32 channels from each layer before.
constexpr int64_t DenseBlock(int64_t side, int64_t inputs, int64_t layers) {
  int64_t macs = 0;
  for (int64_t i = 0; i < layers; ++i)
    macs += Conv(side, 4 * 32, inputs + 32 * i, 1) + Conv(side, 32, 4 * 32, 3);
  return macs;
}

constexpr int64_t DenseNet121Macs() {
  return Conv(112, 64, 3, 7) +                            //
         DenseBlock(56, 64, 6) + Conv(56, 128, 256, 1) +  // 64 + 6*32 = 256
         DenseBlock(28, 128, 12) + Conv(28, 256, 512, 1) +
         DenseBlock(14, 256, 24) + Conv(14, 512, 1024, 1) +
         DenseBlock(7, 512, 16) + Dense(1000, 1024);
}

// What the tests bind the sequence models' symbols to.
constexpr int64_t kBatch = 2;
constexpr int64_t kLength = 3;
constexpr int64_t kPast = 5;

// Projections of queries, keys, values and result, two layers of the MLP, and
// the products of every position with every other, for scores and for values.
constexpr int64_t EncoderMacs(int64_t batch, int64_t length) {
  constexpr int64_t kWidth = 768;
  return 12 * batch *
         (length * (4 * Dense(kWidth, kWidth) + 2 * Dense(4 * kWidth, kWidth)) +
          2 * length * length * kWidth);
}

constexpr int64_t BertMacs() {
  return EncoderMacs(kBatch, kLength) + kBatch * Dense(768, 768);  // the pooler
}

constexpr int64_t VitMacs() {
  return Conv(14, 768, 3, 16) + EncoderMacs(1, 14 * 14 + 1) + Dense(1000, 768);
}

// 32 query heads share 4 heads of keys and values, 64 wide each.
constexpr int64_t LlamaMacs() {
  constexpr int64_t kWidth = 2048;
  return kBatch * kLength *
             (22 * (2 * Dense(kWidth, kWidth) + 2 * Dense(4 * 64, kWidth) +
                    3 * Dense(5632, kWidth)) +
              Dense(32000, kWidth)) +
         22 * 2 * (kBatch * 32 * kLength * (kPast + kLength) * 64);
}

struct Known {
  const char* name;
  // As published: torchvision's documentation (num_params) for its networks,
  // LeCun et al. 1998 and Caffe's files for the others.
  int64_t parameters;
  int64_t macs;              // summed up by layers
  int64_t published_macs;    // the same as one number
  const char* symbols = "";  // of the inputs
};

constexpr Known kKnown[] = {
    {"alexnet", 61'100'840, AlexNetMacs(), 714'188'480},
    {"alexnet-caffe", 60'965'224, AlexNetCaffeMacs(), 724'406'816},
    {"alexnet-cifar",
     (96 * 363 + 96) + (256 * 2400 + 256) + (384 * 2304 + 384) +
         (384 * 3456 + 384) + (256 * 3456 + 256) + 2 * (256 * 256 + 256) +
         (10 * 256 + 10),
     AlexNetCifarMacs(), 6'074'880},
    {"bert-base", 109'482'240, BertMacs(),
     84'934'656 * kBatch* kLength + 18'432 * kBatch* kLength* kLength +
         589'824 * kBatch,
     "BS"},
    {"densenet-121", 7'978'856, DenseNet121Macs(), 2'834'161'664},
    {"lenet-300-100", 266'610, MlpMacs(), 266'200},
    {"lenet-5", 431'080, LeNet5Macs(), 2'293'000},
    {"llama-1.1b", 1'100'048'384, LlamaMacs(),
     1'034'420'224 * kBatch* kLength +
         90'112 * kBatch* kLength*(kPast + kLength),
     "BSP"},
    {"llama-1.1b-fused", 1'100'048'384, LlamaMacs(),
     1'034'420'224 * kBatch* kLength +
         90'112 * kBatch* kLength*(kPast + kLength),
     "BSP"},
    {"mlp-784", 266'610, MlpMacs(), 235'200 + 30'000 + 1'000},
    {"mobilenet-v2", 3'504'872, MobileNetV2Macs(), 300'774'272},
    {"resnet-152", 60'192'808, BottleneckResNetMacs(8, 36), 11'513'626'624},
    {"resnet-18", 11'689'512, ResNet18Macs(), 1'814'073'344},
    {"resnet-50", 25'557'032, BottleneckResNetMacs(4, 6), 4'089'184'256},
    {"simplenet",
     // The convolutions, scale and shift of all their channels, the last layer.
     (64 * 27 + 128 * 576 + 4 * 128 * 1152 + 256 * 1152 + 2 * 256 * 2304 +
      512 * 2304 + 2048 * 512 + 256 * 2048 + 256 * 2304) +
         2 * (64 + 5 * 128 + 3 * 256 + 512 + 2048 + 256 + 256) +
         (10 * 256 + 10),
     SimpleNetMacs(), 631'507'456},
    {"vgg11", 132'863'336, VggMacs(0, 0, 1, 1, 1), 7'609'090'048},
    {"vgg13", 133'047'848, VggMacs(1, 1, 1, 1, 1), 11'308'466'176},
    {"vgg16", 138'357'544, VggMacs(1, 1, 2, 2, 2), 15'470'264'320},
    {"vgg19", 143'667'240, VggMacs(1, 1, 3, 3, 3), 19'632'062'464},
    {"vit-b-16", 86'567'656, VitMacs(), 17'563'828'224},
};

InputOptions SizesOf(absl::string_view symbols) {
  InputOptions options;
  for (const char symbol : symbols) {
    options.dims[std::string(1, symbol)] = symbol == 'B'   ? kBatch
                                           : symbol == 'S' ? kLength
                                                           : kPast;
  }
  return options;
}

TEST(MakeModelsTest, EveryNetworkIsKnownHere) {
  std::vector<std::string> names;
  for (const Known& known : kKnown) names.emplace_back(known.name);
  EXPECT_EQ(model_zoo::NetworkNames(), names);
}

TEST(MakeModelsTest, MakingTheModelsAgainGivesTheSameBytes) {
  for (const std::string& name : model_zoo::NetworkNames()) {
    EXPECT_TRUE(BytesOf(name, model_zoo::Weights::kAbsent) ==
                ReadFile(ModelPath(name)))
        << "models/" << name << ".onnx isn't what make_models writes";
  }
}

TEST(MakeModelsTest, TheCheckerAcceptsEveryModel) {
  for (const std::string& name : model_zoo::NetworkNames()) {
    SCOPED_TRACE(name);
    const std::string folder = ::testing::TempDir();
    // The checker wants the file with the weights to exist, and no more.
    std::ofstream(absl::StrCat(folder, name, ".weights")).put('\0');
    const std::string path = absl::StrCat(folder, name, ".onnx");
    std::ofstream(path, std::ios::binary) << ReadFile(ModelPath(name));
    // An operator of ONNX Runtime's in ONNX's own domain, which ONNX lacks.
    if (name == "llama-1.1b-fused") {
      EXPECT_THAT([&path] { onnx::checker::check_model(path); },
                  ThrowsMessage<std::exception>(HasSubstr(
                      "No Op registered for SimplifiedLayerNormalization")));
      continue;
    }
    EXPECT_NO_THROW(onnx::checker::check_model(path));
  }
}

TEST(MakeModelsTest, ParametersAreAsManyAsPublished) {
  for (const Known& known : kKnown) {
    ASSERT_OK_AND_ASSIGN(const model_zoo::Network network,
                         model_zoo::MakeNetwork(known.name));
    EXPECT_EQ(network.Parameters(), known.parameters) << known.name;
  }
}

TEST(MakeModelsTest, TheLayersProductsSumToThePublishedMacs) {
  for (const Known& known : kKnown)
    EXPECT_EQ(known.macs, known.published_macs) << known.name;
}

TEST(MakeModelsTest, MacsAreTheSumOfTheLayersProducts) {
  for (const Known& known : kKnown) {
    if (absl::StrContains(known.symbols, "P")) continue;
    SCOPED_TRACE(known.name);
    ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(ModelPath(known.name)));
    ASSERT_OK_AND_ASSIGN(const Analysis analysis,
                         Analyze(model, SizesOf(known.symbols)));
    Count macs = 0;
    for (const LayerCounts& layer : analysis.layers) {
      EXPECT_EQ(layer.coverage.status, Coverage::Status::kExact) << layer.name;
      macs += layer.counts.macs * layer.times;
    }
    EXPECT_EQ(macs, Count(known.macs)) << macs.ToString();
  }
}

TEST(MakeModelsTest, AbsentWeightsLieOneAfterTheOtherInOneFile) {
  const onnx::ModelProto model =
      Parse(BytesOf("resnet-18", model_zoo::Weights::kAbsent));
  int64_t offset = 0;
  for (const onnx::TensorProto& tensor : model.graph().initializer()) {
    SCOPED_TRACE(tensor.name());
    int64_t bytes = 4;
    for (int64_t dim : tensor.dims()) bytes *= dim;
    ASSERT_EQ(tensor.external_data_size(), 3);
    EXPECT_EQ(tensor.data_location(), onnx::TensorProto::EXTERNAL);
    EXPECT_EQ(tensor.external_data(0).value(), "resnet-18.weights");
    EXPECT_EQ(tensor.external_data(1).value(), absl::StrCat(offset));
    EXPECT_EQ(tensor.external_data(2).value(), absl::StrCat(bytes));
    offset += bytes;
  }
  EXPECT_EQ(offset, 4 * (11'689'512 + 2 * 4'800));  // with running statistics
}

TEST(MakeModelsTest, WrittenWeightsHaveTheScaleOfHe) {
  const std::string bytes = BytesOf("lenet-5", model_zoo::Weights::kWritten);
  const onnx::ModelProto model = Parse(bytes);
  EXPECT_NO_THROW(onnx::checker::check_model(model));
  const onnx::TensorProto& weight = model.graph().initializer(4);
  ASSERT_EQ(weight.name(), "ip1.weight");
  EXPECT_THAT(weight.dims(), ElementsAre(500, 800));
  ASSERT_EQ(weight.raw_data().size(), 4U * 500 * 800);
  double sum = 0;
  double squares = 0;
  for (size_t i = 0; i < 500 * 800; ++i) {
    float element = 0;
    std::memcpy(&element, weight.raw_data().data() + 4 * i, 4);
    sum += element;
    squares += static_cast<double>(element) * element;
  }
  EXPECT_NEAR(sum / (500 * 800), 0, 0.001);
  EXPECT_NEAR(std::sqrt(squares / (500 * 800)), std::sqrt(2.0 / 800), 0.0005);
}

TEST(MakeModelsTest, WritingWeightsChangesNothingElse) {
  onnx::ModelProto absent =
      Parse(BytesOf("lenet-5", model_zoo::Weights::kAbsent));
  onnx::ModelProto written =
      Parse(BytesOf("lenet-5", model_zoo::Weights::kWritten));
  for (onnx::TensorProto& tensor :
       *absent.mutable_graph()->mutable_initializer()) {
    tensor.clear_data_location();
    tensor.clear_external_data();
  }
  for (onnx::TensorProto& tensor :
       *written.mutable_graph()->mutable_initializer()) {
    tensor.clear_raw_data();
  }
  EXPECT_EQ(absent.SerializeAsString(), written.SerializeAsString());
}

TEST(MakeModelsTest, WeightsAreTheSameEveryTime) {
  EXPECT_EQ(BytesOf("mlp-784", model_zoo::Weights::kWritten),
            BytesOf("mlp-784", model_zoo::Weights::kWritten));
  const onnx::ModelProto model =
      Parse(BytesOf("mlp-784", model_zoo::Weights::kWritten));
  const std::string& bytes = model.graph().initializer(0).raw_data();
  EXPECT_THAT(std::vector<unsigned char>(bytes.begin(), bytes.begin() + 8),
              ElementsAre(0xe7, 0x9a, 0x8c, 0x3c, 0x6b, 0x26, 0x1d, 0xbd));
}

TEST(MakeModelsTest, AnUnknownNameIsAnErrorThatListsTheKnownOnes) {
  EXPECT_THAT(model_zoo::MakeNetwork("vgg12"),
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("no network is called 'vgg12'; there are "
                                 "alexnet, alexnet-caffe")));
}

TEST(MakeModelsTest, AStreamThatFailsIsAnError) {
  ASSERT_OK_AND_ASSIGN(const model_zoo::Network network,
                       model_zoo::MakeNetwork("lenet-5"));
  std::ostream nowhere(nullptr);
  EXPECT_THAT(model_zoo::Write(network, model_zoo::Weights::kAbsent, &nowhere),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("can't write network 'lenet-5'")));
}

}  // namespace
}  // namespace opcost
