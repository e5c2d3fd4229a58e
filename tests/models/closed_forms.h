// SPDX-License-Identifier: Apache-2.0
// The multiply-accumulates of the networks of models/, summed up by layers.
#ifndef OPCOST_TESTS_MODELS_CLOSED_FORMS_H_
#define OPCOST_TESTS_MODELS_CLOSED_FORMS_H_

#include <cstdint>

namespace opcost {

// The literals below are products of a few small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

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

// 640-128x4-8-128x4-640.
constexpr int64_t MlperfTinyAdMacs() {
  return Dense(128, 640) + 3 * Dense(128, 128) + Dense(8, 128) + Dense(128, 8) +
         3 * Dense(128, 128) + Dense(640, 128);
}

constexpr int64_t MlperfTinyIcMacs() {
  return Conv(32, 16, 3, 3) + 2 * Conv(32, 16, 16, 3) +
         // Stacks of stride 2, each with a projected shortcut.
         Conv(16, 32, 16, 3) + Conv(16, 32, 32, 3) + Conv(16, 32, 16, 1) +
         Conv(8, 64, 32, 3) + Conv(8, 64, 64, 3) + Conv(8, 64, 32, 1) +
         Dense(10, 64);
}

// 49x10 becomes 25x5.
constexpr int64_t MlperfTinyKwsMacs() {
  return (25 * 5 * 64) * (10 * 4) +
         4 * ((25 * 5 * 64) * (3 * 3) + (25 * 5 * 64) * 64) + Dense(12, 64);
}

// 3x3 on each of `inputs` channels, then 1x1.
constexpr int64_t Separable(int64_t side, int64_t inputs, int64_t outputs) {
  return Conv(side, inputs, 1, 3) + Conv(side, outputs, inputs, 1);
}

constexpr int64_t MlperfTinyVwwMacs() {
  return Conv(48, 8, 3, 3) + Separable(48, 8, 16) +       //
         Separable(24, 16, 32) + Separable(24, 32, 32) +  //
         Separable(12, 32, 64) + Separable(12, 64, 64) +  //
         Separable(6, 64, 128) + 5 * Separable(6, 128, 128) +
         Separable(3, 128, 256) + Separable(3, 256, 256) + Dense(2, 256);
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

// Appends to a cache like Llama's, but with a key and a value for every head.
constexpr int64_t Gpt2Macs() {
  return kBatch *
         (kLength * (12 * (4 * Dense(768, 768) + 2 * Dense(4 * 768, 768)) +
                     Dense(50257, 768)) +
          12 * 2 * kLength * (kPast + kLength) * 768);
}

// Four gates, each from the input and from the previous state.
constexpr int64_t LstmMacs() {
  return kBatch * kLength * (2 * 4 * Dense(650, 650 + 650) + Dense(10000, 650));
}

// Expansion, `kernel` x `kernel` on each channel, two layers that weigh the
// channels by a quarter of the inputs, projection.
constexpr int64_t MbConv(int64_t from_side, int64_t inputs, int64_t side,
                         int64_t outputs, int64_t kernel) {
  const int64_t width = 6 * inputs;
  return Conv(from_side, width, inputs, 1) + Conv(side, width, 1, kernel) +
         2 * Dense(width, inputs / 4) + Conv(side, outputs, width, 1);
}

constexpr int64_t EfficientNetB0Macs() {
  return Conv(112, 32, 3, 3) +
         // The first block has nothing to expand.
         Conv(112, 32, 1, 3) + 2 * Dense(32, 32 / 4) + Conv(112, 16, 32, 1) +
         MbConv(112, 16, 56, 24, 3) + MbConv(56, 24, 56, 24, 3) +
         MbConv(56, 24, 28, 40, 5) + MbConv(28, 40, 28, 40, 5) +
         MbConv(28, 40, 14, 80, 3) + 2 * MbConv(14, 80, 14, 80, 3) +
         MbConv(14, 80, 14, 112, 5) + 2 * MbConv(14, 112, 14, 112, 5) +
         MbConv(14, 112, 7, 192, 5) + 3 * MbConv(7, 192, 7, 192, 5) +
         MbConv(7, 192, 7, 320, 3) +  //
         Conv(7, 1280, 320, 1) + Dense(1000, 1280);
}

// 7x7 on each channel, then to four times the channels and back.
constexpr int64_t ConvNextStage(int64_t side, int64_t channels,
                                int64_t blocks) {
  return blocks * (Conv(side, channels, 1, 7) +
                   2 * Conv(side, 4 * channels, channels, 1));
}

constexpr int64_t ConvNextTinyMacs() {
  return Conv(56, 96, 3, 4) + ConvNextStage(56, 96, 3) + Conv(28, 192, 96, 2) +
         ConvNextStage(28, 192, 3) + Conv(14, 384, 192, 2) +
         ConvNextStage(14, 384, 9) + Conv(7, 768, 384, 2) +
         ConvNextStage(7, 768, 3) + Dense(1000, 768);
}

// For each box of a pixel its 91 classes and four numbers of its place.
constexpr int64_t SsdHead(int64_t side, int64_t boxes, int64_t channels) {
  return Conv(side, boxes * (91 + 4), channels, 3);
}

constexpr int64_t Ssd300Macs() {
  return Conv(300, 64, 3, 3) + Conv(300, 64, 64, 3) +      // conv1
         Conv(150, 128, 64, 3) + Conv(150, 128, 128, 3) +  // conv2
         Conv(75, 256, 128, 3) + 2 * Conv(75, 256, 256, 3) +
         Conv(38, 512, 256, 3) + 2 * Conv(38, 512, 512, 3) +
         3 * Conv(19, 512, 512, 3) +                         // conv5
         Conv(19, 1024, 512, 3) + Conv(19, 1024, 1024, 1) +  // fc6, fc7
         Conv(19, 256, 1024, 1) + Conv(10, 512, 256, 3) +
         Conv(10, 128, 512, 1) + Conv(5, 256, 128, 3) + Conv(5, 128, 256, 1) +
         Conv(3, 256, 128, 3) + Conv(3, 128, 256, 1) + Conv(1, 256, 128, 3) +
         SsdHead(38, 4, 512) + SsdHead(19, 6, 1024) + SsdHead(10, 6, 512) +
         SsdHead(5, 6, 256) + SsdHead(3, 4, 256) + SsdHead(1, 4, 256);
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

}  // namespace opcost

#endif  // OPCOST_TESTS_MODELS_CLOSED_FORMS_H_
