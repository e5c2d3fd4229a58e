// SPDX-License-Identifier: Apache-2.0
// The files of models/ and the networks they hold.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <onnx/checker.h>

#include <algorithm>
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
#include "tests/models/closed_forms.h"
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
    {"convnext-t", 28'589'128, ConvNextTinyMacs(), 4'455'531'264},
    {"densenet-121", 7'978'856, DenseNet121Macs(), 2'834'161'664},
    {"efficientnet-b0", 5'288'548, EfficientNetB0Macs(), 385'814'752},
    {"gpt2", 124'439'808, Gpt2Macs(),
     123'532'032 * kBatch* kLength + 18'432 * kBatch* kLength*(kPast + kLength),
     "BSP"},
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
    {"lstm-lm", 19'780'400, LstmMacs(), 13'260'000 * kBatch* kLength, "BS"},
    {"mlp-784", 266'610, MlpMacs(), 235'200 + 30'000 + 1'000},
    // Keras' counts (269,992, 78,666, 24,908 and 221,794) less statistics.
    {"mlperf-tiny-ad", 269'992 - 2 * (8 * 128 + 8), MlperfTinyAdMacs(),
     264'192},
    {"mlperf-tiny-ic", 78'666 - 2 * (3 * 16 + 2 * 32 + 2 * 64),
     MlperfTinyIcMacs(), 12'501'632},
    {"mlperf-tiny-kws", 24'908 - 2 * (9 * 64), MlperfTinyKwsMacs(), 2'656'768},
    {"mlperf-tiny-vww",
     // Each block normalises its inputs and its outputs.
     221'794 -
         2 * (8 + (8 + 16) + (16 + 32) + (32 + 32) + (32 + 64) + (64 + 64) +
              (64 + 128) + 5 * (128 + 128) + (128 + 256) + (256 + 256)),
     MlperfTinyVwwMacs(), 7'489'664},
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
    {"ssd300-vgg16", 35'641'826, Ssd300Macs(), 34'858'153'472},
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
    SCOPED_TRACE(known.name);
    ASSERT_OK_AND_ASSIGN(const Model model, ImportFile(ModelPath(known.name)));
    ASSERT_OK_AND_ASSIGN(const Analysis analysis,
                         Analyze(model, SizesOf(known.symbols)));
    Count macs = 0;
    for (const LayerCounts& layer : analysis.layers) {
      // The detector finds as many boxes as the image has, up to a bound.
      const bool is_detector = absl::StartsWith(known.name, "ssd");
      EXPECT_TRUE(
          layer.coverage.status == Coverage::Status::kExact ||
          (is_detector && layer.coverage.status == Coverage::Status::kBound))
          << layer.name << ": " << layer.coverage.reason;
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
  for (size_t i = 0; i < size_t{500} * 800; ++i) {
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
