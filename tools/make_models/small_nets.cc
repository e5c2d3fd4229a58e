// SPDX-License-Identifier: Apache-2.0
// Networks for 28x28 digits and 32x32 photographs.
#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/network_builder.h"

namespace opcost::model_zoo {
namespace {

Tensor Digit() { return {"data", {1, 1, 28, 28}}; }
Tensor Thumbnail() { return {"input", {1, 3, 32, 32}}; }

// Fully connected, 300-100-10.
Tensor ThreeLayers(NetworkBuilder* net, Tensor x) {
  x = net->Relu("relu1", net->Gemm("fc1", x, 300));
  x = net->Relu("relu2", net->Gemm("fc2", x, 100));
  return net->Gemm("fc3", x, 10);
}

}  // namespace

// LeCun, Bottou, Bengio and Haffner 1998, section III.C.4.
Network MakeLeNet300() {
  NetworkBuilder net("lenet-300-100", Digit());
  return net.Finish(ThreeLayers(&net, net.Flatten("flatten", Digit())));
}

// The same on vectors.
Network MakeMlp784() {
  const Tensor pixels = {"input", {1, 784}};
  NetworkBuilder net("mlp-784", pixels);
  return net.Finish(ThreeLayers(&net, pixels));
}

// LeCun et al. 1998, as Caffe's examples/mnist/lenet.prototxt has it: 20 and 50
// channels, maximum pooling, 500 hidden units.
Network MakeLeNet5() {
  NetworkBuilder net("lenet-5", Digit());
  const Window pool = {.kernel = 2, .stride = 2};
  Tensor x = net.Conv("conv1", Digit(), 20, {.kernel = 5});
  x = net.MaxPool("pool1", x, pool);
  x = net.Conv("conv2", x, 50, {.kernel = 5});
  x = net.MaxPool("pool2", x, pool);
  x = net.Gemm("ip1", net.Flatten("flatten", x), 500);
  x = net.Gemm("ip2", net.Relu("relu1", x), 10);
  return net.Finish(net.Softmax("prob", x));
}

// SimpleNet (Hasanpour et al. 2016) for CIFAR-10, as Hsueh 2020 lists it. The
// convolutions have no bias, which the normalisation after them would undo.
Network MakeSimpleNet() {
  struct Layer {
    int64_t channels;  // 0: a pool
    int64_t kernel;
  };
  constexpr Layer kLayers[] = {
      {64, 3},  {128, 3}, {128, 3},  {128, 3}, {0, 2},   {128, 3},
      {128, 3}, {256, 3}, {0, 2},    {256, 3}, {256, 3}, {0, 2},
      {512, 3}, {0, 2},   {2048, 1}, {256, 1}, {0, 2},   {256, 3}};
  NetworkBuilder net("simplenet", Thumbnail());
  Tensor x = Thumbnail();
  int conv = 0;
  int pool = 0;
  for (const Layer& layer : kLayers) {
    if (layer.channels == 0) {
      x = net.MaxPool(absl::StrCat("pool", ++pool), x,
                      {.kernel = layer.kernel, .stride = 2});
      continue;
    }
    ++conv;
    x = net.Conv(absl::StrCat("conv", conv), x, layer.channels,
                 {.kernel = layer.kernel, .pad = layer.kernel / 2},
                 {.group = 1, .has_bias = false});
    x = net.BatchNormalization(absl::StrCat("bn", conv), x);
    x = net.Relu(absl::StrCat("relu", conv), x);
  }
  x = net.Flatten("flatten", net.GlobalMaxPool("maxpool", x));
  return net.Finish(net.Gemm("fc", x, 10));
}

// AlexNet for CIFAR-10, as Hsueh 2020 lists it: two convolutions of stride 4
// leave one pixel.
Network MakeAlexNetCifar() {
  NetworkBuilder net("alexnet-cifar", Thumbnail());
  const Window pool = {.kernel = 3, .stride = 2, .pad = 0, .same = true};
  const auto same = [](int64_t kernel, int64_t stride) {
    return Window{kernel, stride, 0, true};
  };
  Tensor x = net.Conv("conv1", Thumbnail(), 96, same(11, 4));
  x = net.Lrn("norm1", net.Relu("relu1", x), 5, 1);
  x = net.MaxPool("pool1", x, pool);
  x = net.Conv("conv2", x, 256, same(5, 4));
  x = net.Lrn("norm2", net.Relu("relu2", x), 5, 1);
  x = net.MaxPool("pool2", x, pool);
  x = net.Relu("relu3", net.Conv("conv3", x, 384, same(3, 1)));
  x = net.Relu("relu4", net.Conv("conv4", x, 384, same(3, 1)));
  x = net.Relu("relu5", net.Conv("conv5", x, 256, same(3, 1)));
  x = net.Flatten("flatten", x);
  x = net.Relu("relu6", net.Gemm("fc6", x, 256));
  x = net.Relu("relu7", net.Gemm("fc7", x, 256));
  return net.Finish(net.Gemm("fc8", x, 10));
}

}  // namespace opcost::model_zoo
