// SPDX-License-Identifier: Apache-2.0
// MobileNet, EfficientNet and DenseNet: few parameters for what they do.
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/network_builder.h"

namespace opcost::model_zoo {
namespace {

Tensor Photo() { return {"input", {1, 3, 224, 224}}; }

constexpr ConvOptions kNoBias = {.group = 1, .has_bias = false};

// torchvision's ConvNormActivation: convolution, normalisation, ReLU6.
Tensor ConvNormRelu6(NetworkBuilder* net, const std::string& name, Tensor x,
                     int64_t channels, const Window& window,
                     const ConvOptions& options) {
  x = net->Conv(name + ".0", x, channels, window, options);
  return net->Relu6(name + ".2", net->BatchNormalization(name + ".1", x));
}

// A bottleneck turned inside out: expand, convolve each channel, project.
Tensor InvertedResidual(NetworkBuilder* net, const std::string& block,
                        const Tensor& x, int64_t expansion, int64_t channels,
                        int64_t stride) {
  int index = 0;
  const auto next = [&block, &index] {
    return absl::StrCat(block, ".conv.", index++);
  };
  const int64_t width = x.dims[1] * expansion;
  Tensor y = x;
  if (expansion != 1)
    y = ConvNormRelu6(net, next(), y, width, {.kernel = 1}, kNoBias);
  y = ConvNormRelu6(net, next(), y, width,
                    {.kernel = 3, .stride = stride, .pad = 1},
                    {.group = width, .has_bias = false});
  y = net->Conv(next(), y, channels, {.kernel = 1}, kNoBias);
  y = net->BatchNormalization(next(), y);
  if (stride != 1 || x.dims[1] != channels) return y;
  return net->Add(block + ".add", x, y);
}

// x * sigmoid(x)
Tensor Silu(NetworkBuilder* net, const std::string& name, const Tensor& x) {
  return net->Mul(name + ".mul", x, net->Sigmoid(name + ".sigmoid", x));
}

Tensor ConvNormSilu(NetworkBuilder* net, const std::string& name, Tensor x,
                    int64_t channels, const Window& window, int64_t group = 1) {
  x = net->Conv(name + ".0", x, channels, window,
                {.group = group, .has_bias = false});
  return Silu(net, name + ".2", net->BatchNormalization(name + ".1", x));
}

// Weighs each channel by what all channels hold on average.
Tensor SqueezeExcitation(NetworkBuilder* net, const std::string& name,
                         const Tensor& x, int64_t squeezed) {
  Tensor y = net->GlobalAveragePool(name + ".avgpool", x);
  y = Silu(net, name + ".activation",
           net->Conv(name + ".fc1", y, squeezed, {.kernel = 1}));
  y = net->Conv(name + ".fc2", y, x.dims[1], {.kernel = 1});
  return net->Mul(name + ".mul", x,
                  net->Sigmoid(name + ".scale_activation", y));
}

struct MbConvStage {
  int64_t expansion, kernel, stride, channels, blocks;
};

Tensor MbConv(NetworkBuilder* net, const std::string& block, const Tensor& x,
              const MbConvStage& stage, int64_t stride) {
  int index = 0;
  const auto next = [&block, &index] {
    return absl::StrCat(block, ".block.", index++);
  };
  const int64_t width = x.dims[1] * stage.expansion;
  Tensor y = x;
  if (stage.expansion != 1)
    y = ConvNormSilu(net, next(), y, width, {.kernel = 1});
  y = ConvNormSilu(
      net, next(), y, width,
      {.kernel = stage.kernel, .stride = stride, .pad = stage.kernel / 2},
      width);
  y = SqueezeExcitation(net, next(), y, x.dims[1] / 4);
  const std::string last = next();
  y = net->Conv(last + ".0", y, stage.channels, {.kernel = 1}, kNoBias);
  y = net->BatchNormalization(last + ".1", y);
  if (stride != 1 || x.dims[1] != stage.channels) return y;
  return net->Add(block + ".add", x, y);
}

constexpr int64_t kGrowth = 32;  // channels that each dense layer adds

// norm, relu, 1x1 to four times the growth; norm, relu, 3x3.
Tensor DenseLayer(NetworkBuilder* net, const std::string& layer, Tensor x) {
  x = net->BatchNormalization(layer + ".norm1", x);
  x = net->Relu(layer + ".relu1", x);
  x = net->Conv(layer + ".conv1", x, 4 * kGrowth, {.kernel = 1}, kNoBias);
  x = net->BatchNormalization(layer + ".norm2", x);
  x = net->Relu(layer + ".relu2", x);
  return net->Conv(layer + ".conv2", x, kGrowth, {.kernel = 3, .pad = 1},
                   kNoBias);
}

// Every layer reads what all before it made.
Tensor DenseBlock(NetworkBuilder* net, const std::string& block,
                  const Tensor& x, int layers) {
  std::vector<Tensor> parts = {x};
  Tensor all = x;
  for (int i = 1; i <= layers; ++i) {
    const std::string layer = absl::StrCat(block, ".denselayer", i);
    parts.push_back(DenseLayer(net, layer, all));
    all = net->Concat(layer + ".concat", parts);
  }
  return all;
}

// Half the channels, half the height and width.
Tensor Transition(NetworkBuilder* net, const std::string& name, Tensor x) {
  x = net->BatchNormalization(name + ".norm", x);
  x = net->Relu(name + ".relu", x);
  x = net->Conv(name + ".conv", x, x.dims[1] / 2, {.kernel = 1}, kNoBias);
  return net->AveragePool(name + ".pool", x, {.kernel = 2, .stride = 2});
}

}  // namespace

// Sandler et al. 2018, table 2, as torchvision's mobilenetv2.py has it.
Network MakeMobileNetV2() {
  struct Stage {
    int64_t expansion, channels, blocks, stride;
  };
  constexpr Stage kStages[] = {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2},
                               {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2},
                               {6, 320, 1, 1}};
  NetworkBuilder net("mobilenet-v2", Photo());
  int index = 0;
  const auto next = [&index] { return absl::StrCat("features.", index++); };
  Tensor x = ConvNormRelu6(&net, next(), Photo(), 32,
                           {.kernel = 3, .stride = 2, .pad = 1}, kNoBias);
  for (const Stage& stage : kStages) {
    for (int64_t i = 0; i < stage.blocks; ++i) {
      x = InvertedResidual(&net, next(), x, stage.expansion, stage.channels,
                           i == 0 ? stage.stride : 1);
    }
  }
  x = ConvNormRelu6(&net, next(), x, 1280, {.kernel = 1}, kNoBias);
  x = net.Flatten("flatten", net.GlobalAveragePool("avgpool", x));
  return net.Finish(net.Gemm("classifier.1", x, 1000));
}

// Tan and Le 2019, table 1, as torchvision's efficientnet.py has it.
Network MakeEfficientNetB0() {
  constexpr MbConvStage kStages[] = {
      {1, 3, 1, 16, 1},  {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2}, {6, 3, 2, 80, 3},
      {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1}};
  NetworkBuilder net("efficientnet-b0", Photo());
  Tensor x = ConvNormSilu(&net, "features.0", Photo(), 32,
                          {.kernel = 3, .stride = 2, .pad = 1});
  int index = 1;
  for (const MbConvStage& stage : kStages) {
    for (int64_t i = 0; i < stage.blocks; ++i)
      x = MbConv(&net, absl::StrCat("features.", index, ".", i), x, stage,
                 i == 0 ? stage.stride : 1);
    ++index;
  }
  x = ConvNormSilu(&net, "features.8", x, 1280, {.kernel = 1});
  x = net.Flatten("flatten", net.GlobalAveragePool("avgpool", x));
  return net.Finish(net.Gemm("classifier.1", x, 1000));
}

// Huang, Liu, van der Maaten and Weinberger 2017, table 1, as torchvision's
// densenet.py has it.
Network MakeDenseNet121() {
  constexpr int kLayers[] = {6, 12, 24, 16};
  NetworkBuilder net("densenet-121", Photo());
  Tensor x = net.Conv("features.conv0", Photo(), 64,
                      {.kernel = 7, .stride = 2, .pad = 3}, kNoBias);
  x = net.BatchNormalization("features.norm0", x);
  x = net.Relu("features.relu0", x);
  x = net.MaxPool("features.pool0", x, {.kernel = 3, .stride = 2, .pad = 1});
  for (int block = 1; block <= 4; ++block) {
    x = DenseBlock(&net, absl::StrCat("features.denseblock", block), x,
                   kLayers[block - 1]);
    if (block < 4)
      x = Transition(&net, absl::StrCat("features.transition", block), x);
  }
  x = net.Relu("relu", net.BatchNormalization("features.norm5", x));
  x = net.Flatten("flatten", net.GlobalAveragePool("avgpool", x));
  return net.Finish(net.Gemm("classifier", x, 1000));
}

}  // namespace opcost::model_zoo
