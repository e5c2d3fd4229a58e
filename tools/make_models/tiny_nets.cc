// SPDX-License-Identifier: Apache-2.0
// The four networks of MLPerf Tiny (Banbury et al. 2021), as the reference
// implementations in mlcommons/tiny train them: Keras, 'same' padding, a bias
// in every convolution although a normalisation follows.
#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/network_builder.h"

namespace opcost::model_zoo {
namespace {

Window Same(int64_t kernel, int64_t stride = 1) {
  return {.kernel = kernel, .stride = stride, .pad = 0, .same = true};
}

// A convolution, batch normalisation and Relu.
Tensor ConvNormRelu(NetworkBuilder* net, const std::string& name,
                    const Tensor& x, int64_t channels, const Window& window,
                    const ConvOptions& options = {}) {
  const Tensor y = net->Conv(name, x, channels, window, options);
  return net->Relu(name + ".relu", net->BatchNormalization(name + ".bn", y));
}

// 3x3 on each channel, then 1x1.
Tensor SeparableConv(NetworkBuilder* net, const std::string& name,
                     const Tensor& x, int64_t channels, int64_t stride) {
  const Tensor y = ConvNormRelu(net, name + ".depthwise", x, x.dims[1],
                                Same(3, stride), {.group = x.dims[1]});
  return ConvNormRelu(net, name + ".pointwise", y, channels, Same(1));
}

// The mean over all pixels, a fully connected layer and Softmax.
Network Classify(NetworkBuilder* net, Tensor x, int64_t classes) {
  x = net->Flatten("flatten", net->GlobalAveragePool("pool", x));
  return net->Finish(net->Softmax("softmax", net->Gemm("dense", x, classes)));
}

// Two 3x3 convolutions beside a shortcut, which is a 1x1 convolution without a
// normalisation where the stride is 2.
Tensor ResidualBlock(NetworkBuilder* net, const std::string& name,
                     const Tensor& x, int64_t channels, int64_t stride) {
  Tensor y = ConvNormRelu(net, name + ".conv1", x, channels, Same(3, stride));
  y = net->BatchNormalization(name + ".conv2.bn",
                              net->Conv(name + ".conv2", y, channels, Same(3)));
  const Tensor shortcut =
      stride == 1 ? x
                  : net->Conv(name + ".shortcut", x, channels, Same(1, stride));
  return net->Relu(name + ".relu", net->Add(name + ".add", shortcut, y));
}

}  // namespace

// Anomaly detection: the autoencoder of DCASE 2020's task 2 (Koizumi et al.
// 2020) for ToyADMOS, 640 features in and out.
Network MakeMlperfTinyAd() {
  constexpr int64_t kWidths[] = {128, 128, 128, 128, 8, 128, 128, 128, 128};
  const Tensor input = {"input", {1, 640}};
  NetworkBuilder net("mlperf-tiny-ad", input);
  Tensor x = input;
  int layer = 0;
  for (const int64_t width : kWidths) {
    const std::string name = absl::StrCat("dense", ++layer);
    x = net.BatchNormalization(name + ".bn", net.Gemm(name, x, width));
    x = net.Relu(name + ".relu", x);
  }
  return net.Finish(net.Gemm("dense10", x, 640));
}

// Image classification: ResNet-8 for CIFAR-10.
Network MakeMlperfTinyIc() {
  const Tensor input = {"input", {1, 3, 32, 32}};
  NetworkBuilder net("mlperf-tiny-ic", input);
  Tensor x = ConvNormRelu(&net, "conv", input, 16, Same(3));
  x = ResidualBlock(&net, "stack1", x, 16, 1);
  x = ResidualBlock(&net, "stack2", x, 32, 2);
  x = ResidualBlock(&net, "stack3", x, 64, 2);
  return Classify(&net, x, 10);
}

// Keyword spotting: DS-CNN (Zhang et al. 2017, small) on 49 frames of 10
// coefficients. Dropout is left out.
Network MakeMlperfTinyKws() {
  const Tensor input = {"input", {1, 1, 49, 10}};
  NetworkBuilder net("mlperf-tiny-kws", input);
  Window first = Same(10, 2);
  first.kernel_width = 4;
  Tensor x = ConvNormRelu(&net, "conv", input, 64, first);
  for (int block = 1; block <= 4; ++block) {
    x = SeparableConv(&net, absl::StrCat("block", block), x, 64, 1);
  }
  return Classify(&net, x, 12);
}

// Visual wake words: MobileNetV1 (Howard et al. 2017) with a quarter of its
// channels, on 96x96 pixels; person or none.
Network MakeMlperfTinyVww() {
  struct Block {
    int64_t channels, stride;
  };
  constexpr Block kBlocks[] = {{16, 1},  {32, 2},  {32, 1},  {64, 2},  {64, 1},
                               {128, 2}, {128, 1}, {128, 1}, {128, 1}, {128, 1},
                               {128, 1}, {256, 2}, {256, 1}};
  const Tensor input = {"input", {1, 3, 96, 96}};
  NetworkBuilder net("mlperf-tiny-vww", input);
  Tensor x = ConvNormRelu(&net, "conv", input, 8, Same(3, 2));
  int number = 0;
  for (const Block& block : kBlocks) {
    x = SeparableConv(&net, absl::StrCat("block", ++number), x, block.channels,
                      block.stride);
  }
  return Classify(&net, x, 2);
}

}  // namespace opcost::model_zoo
