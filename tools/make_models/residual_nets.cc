// SPDX-License-Identifier: Apache-2.0
// ResNet: He, Zhang, Ren and Sun 2016, as torchvision's resnet.py has it, where
// a bottleneck's stride is in its 3x3 convolution ("v1.5").
#include <array>

#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/network_builder.h"

namespace opcost::model_zoo {
namespace {

constexpr ConvOptions kNoBias = {.group = 1, .has_bias = false};

// The shortcut of a block: as it is, or projected to the block's output.
Tensor Shortcut(NetworkBuilder* net, const std::string& block, const Tensor& x,
                int64_t channels, int64_t stride) {
  if (stride == 1 && x.dims[1] == channels) return x;
  const Tensor y = net->Conv(block + ".downsample.0", x, channels,
                             {.kernel = 1, .stride = stride}, kNoBias);
  return net->BatchNormalization(block + ".downsample.1", y);
}

// Two 3x3 convolutions.
Tensor BasicBlock(NetworkBuilder* net, const std::string& block,
                  const Tensor& x, int64_t width, int64_t stride) {
  Tensor y = net->Conv(block + ".conv1", x, width,
                       {.kernel = 3, .stride = stride, .pad = 1}, kNoBias);
  y = net->BatchNormalization(block + ".bn1", y);
  y = net->Relu(block + ".relu", y);
  y = net->Conv(block + ".conv2", y, width, {.kernel = 3, .pad = 1}, kNoBias);
  y = net->BatchNormalization(block + ".bn2", y);
  y = net->Add(block + ".add", y, Shortcut(net, block, x, width, stride));
  return net->Relu(block + ".relu_1", y);
}

// 1x1, 3x3, and 1x1 to four times the width.
Tensor Bottleneck(NetworkBuilder* net, const std::string& block,
                  const Tensor& x, int64_t width, int64_t stride) {
  const int64_t channels = 4 * width;
  Tensor y = net->Conv(block + ".conv1", x, width, {.kernel = 1}, kNoBias);
  y = net->BatchNormalization(block + ".bn1", y);
  y = net->Relu(block + ".relu", y);
  y = net->Conv(block + ".conv2", y, width,
                {.kernel = 3, .stride = stride, .pad = 1}, kNoBias);
  y = net->BatchNormalization(block + ".bn2", y);
  y = net->Relu(block + ".relu_1", y);
  y = net->Conv(block + ".conv3", y, channels, {.kernel = 1}, kNoBias);
  y = net->BatchNormalization(block + ".bn3", y);
  y = net->Add(block + ".add", y, Shortcut(net, block, x, channels, stride));
  return net->Relu(block + ".relu_2", y);
}

using Block = Tensor (*)(NetworkBuilder*, const std::string&, const Tensor&,
                         int64_t, int64_t);

Network MakeResNet(const std::string& name, Block block,
                   const std::array<int, 4>& blocks) {
  const Tensor input = {"input", {1, 3, 224, 224}};
  NetworkBuilder net(name, input);
  Tensor x = net.Conv("conv1", input, 64, {.kernel = 7, .stride = 2, .pad = 3},
                      kNoBias);
  x = net.Relu("relu", net.BatchNormalization("bn1", x));
  x = net.MaxPool("maxpool", x, {.kernel = 3, .stride = 2, .pad = 1});
  int64_t width = 64;
  for (size_t stage = 0; stage < blocks.size(); ++stage, width *= 2) {
    for (int i = 0; i < blocks[stage]; ++i) {
      x = block(&net, absl::StrCat("layer", stage + 1, ".", i), x, width,
                stage > 0 && i == 0 ? 2 : 1);
    }
  }
  x = net.Flatten("flatten", net.GlobalAveragePool("avgpool", x));
  return net.Finish(net.Gemm("fc", x, 1000));
}

}  // namespace

Network MakeResNet18() {
  return MakeResNet("resnet-18", BasicBlock, {2, 2, 2, 2});
}

Network MakeResNet50() {
  return MakeResNet("resnet-50", Bottleneck, {3, 4, 6, 3});
}

Network MakeResNet152() {
  return MakeResNet("resnet-152", Bottleneck, {3, 8, 36, 3});
}

}  // namespace opcost::model_zoo
