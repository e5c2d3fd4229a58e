// SPDX-License-Identifier: Apache-2.0
// AlexNet and VGG: one layer after the other.
#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/network_builder.h"

namespace opcost::model_zoo {
namespace {

Tensor Photo() { return {"input", {1, 3, 224, 224}}; }

// 0 stands for a pool.
constexpr int64_t kPool = 0;

// Three fully connected layers at the indices of torchvision's `classifier`,
// of which the others are dropout.
Tensor Classify(NetworkBuilder* net, Tensor x, int first, int second,
                int third) {
  const auto layer = [](int index) {
    return absl::StrCat("classifier.", index);
  };
  x = net->Flatten("flatten", x);
  x = net->Relu(layer(first + 1), net->Gemm(layer(first), x, 4096));
  x = net->Relu(layer(second + 1), net->Gemm(layer(second), x, 4096));
  return net->Gemm(layer(third), x, 1000);
}

// Simonyan and Zisserman 2015, table 1: A, B, D and E, as torchvision's
// vgg.py lays them out.
Network MakeVgg(const std::string& name, const std::vector<int64_t>& layers) {
  NetworkBuilder net(name, Photo());
  Tensor x = Photo();
  int index = 0;
  const auto next = [&index] { return absl::StrCat("features.", index++); };
  for (int64_t channels : layers) {
    if (channels == kPool) {
      x = net.MaxPool(next(), x, {.kernel = 2, .stride = 2});
    } else {
      x = net.Conv(next(), x, channels, {.kernel = 3, .pad = 1});
      x = net.Relu(next(), x);
    }
  }
  return net.Finish(Classify(&net, x, 0, 3, 6));
}

}  // namespace

// Krizhevsky 2014 ("One weird trick"), as torchvision's alexnet.py has it. Its
// adaptive pool to 6x6 changes nothing at this input size and is left out.
Network MakeAlexNet() {
  NetworkBuilder net("alexnet", Photo());
  const Window pool = {.kernel = 3, .stride = 2};
  Tensor x = net.Conv("features.0", Photo(), 64,
                      {.kernel = 11, .stride = 4, .pad = 2});
  x = net.MaxPool("features.2", net.Relu("features.1", x), pool);
  x = net.Conv("features.3", x, 192, {.kernel = 5, .pad = 2});
  x = net.MaxPool("features.5", net.Relu("features.4", x), pool);
  x = net.Conv("features.6", x, 384, {.kernel = 3, .pad = 1});
  x = net.Relu("features.7", x);
  x = net.Conv("features.8", x, 256, {.kernel = 3, .pad = 1});
  x = net.Relu("features.9", x);
  x = net.Conv("features.10", x, 256, {.kernel = 3, .pad = 1});
  x = net.MaxPool("features.12", net.Relu("features.11", x), pool);
  return net.Finish(Classify(&net, x, 1, 4, 6));
}

// Krizhevsky, Sutskever and Hinton 2012, as Caffe's
// bvlc_alexnet/deploy.prototxt has it: two groups, normalisation across
// channels, an input of 227x227.
Network MakeAlexNetCaffe() {
  const Tensor data = {"data", {1, 3, 227, 227}};
  NetworkBuilder net("alexnet-caffe", data);
  const Window pool = {.kernel = 3, .stride = 2};
  Tensor x = net.Conv("conv1", data, 96, {.kernel = 11, .stride = 4});
  x = net.Lrn("norm1", net.Relu("relu1", x), 5, 1);
  x = net.MaxPool("pool1", x, pool);
  x = net.Conv("conv2", x, 256, {.kernel = 5, .pad = 2}, {.group = 2});
  x = net.Lrn("norm2", net.Relu("relu2", x), 5, 1);
  x = net.MaxPool("pool2", x, pool);
  x = net.Conv("conv3", x, 384, {.kernel = 3, .pad = 1});
  x = net.Relu("relu3", x);
  x = net.Conv("conv4", x, 384, {.kernel = 3, .pad = 1}, {.group = 2});
  x = net.Relu("relu4", x);
  x = net.Conv("conv5", x, 256, {.kernel = 3, .pad = 1}, {.group = 2});
  x = net.MaxPool("pool5", net.Relu("relu5", x), pool);
  x = net.Flatten("flatten", x);
  x = net.Relu("relu6", net.Gemm("fc6", x, 4096));
  x = net.Relu("relu7", net.Gemm("fc7", x, 4096));
  return net.Finish(net.Softmax("prob", net.Gemm("fc8", x, 1000)));
}

Network MakeVgg11() {
  return MakeVgg("vgg11", {64, kPool, 128, kPool, 256, 256, kPool, 512, 512,
                           kPool, 512, 512, kPool});
}

Network MakeVgg13() {
  return MakeVgg("vgg13", {64, 64, kPool, 128, 128, kPool, 256, 256, kPool, 512,
                           512, kPool, 512, 512, kPool});
}

Network MakeVgg16() {
  return MakeVgg("vgg16", {64, 64, kPool, 128, 128, kPool, 256, 256, 256, kPool,
                           512, 512, 512, kPool, 512, 512, 512, kPool});
}

Network MakeVgg19() {
  return MakeVgg(
      "vgg19", {64,  64,  kPool, 128, 128,   kPool, 256, 256, 256, 256,  kPool,
                512, 512, 512,   512, kPool, 512,   512, 512, 512, kPool});
}

}  // namespace opcost::model_zoo
