// SPDX-License-Identifier: Apache-2.0
#include "tools/make_models/model_zoo.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/make_models/families.h"

namespace opcost::model_zoo {
namespace {

struct Entry {
  const char* name;
  Network (*make)();
};

// Sorted by name.
constexpr Entry kNetworks[] = {
    {"alexnet", MakeAlexNet},
    {"alexnet-caffe", MakeAlexNetCaffe},
    {"alexnet-cifar", MakeAlexNetCifar},
    {"bert-base", MakeBertBase},
    {"convnext-t", MakeConvNextTiny},
    {"densenet-121", MakeDenseNet121},
    {"efficientnet-b0", MakeEfficientNetB0},
    {"gpt2", MakeGpt2},
    {"lenet-300-100", MakeLeNet300},
    {"lenet-5", MakeLeNet5},
    {"llama-1.1b", MakeLlama},
    {"llama-1.1b-fused", MakeLlamaFused},
    {"lstm-lm", MakeLstmLanguageModel},
    {"mlp-784", MakeMlp784},
    {"mlperf-tiny-ad", MakeMlperfTinyAd},
    {"mlperf-tiny-ic", MakeMlperfTinyIc},
    {"mlperf-tiny-kws", MakeMlperfTinyKws},
    {"mlperf-tiny-vww", MakeMlperfTinyVww},
    {"mobilenet-v2", MakeMobileNetV2},
    {"resnet-152", MakeResNet152},
    {"resnet-18", MakeResNet18},
    {"resnet-50", MakeResNet50},
    {"simplenet", MakeSimpleNet},
    {"ssd300-vgg16", MakeSsd300Vgg16},
    {"vgg11", MakeVgg11},
    {"vgg13", MakeVgg13},
    {"vgg16", MakeVgg16},
    {"vgg19", MakeVgg19},
    {"vit-b-16", MakeVitB16},
};

}  // namespace

std::vector<std::string> NetworkNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kNetworks) names.emplace_back(entry.name);
  return names;
}

absl::StatusOr<Network> MakeNetwork(absl::string_view name) {
  for (const Entry& entry : kNetworks) {
    if (name == entry.name) return entry.make();
  }
  return absl::NotFoundError(absl::StrCat("no network is called '", name,
                                          "'; there are ",
                                          absl::StrJoin(NetworkNames(), ", ")));
}

}  // namespace opcost::model_zoo
