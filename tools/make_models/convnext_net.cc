// SPDX-License-Identifier: Apache-2.0
// ConvNeXt: a convolution per channel, then a multilayer perceptron per pixel.
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/graph_builder.h"
#include "tools/make_models/torch_idioms.h"

namespace opcost::model_zoo {
namespace {

constexpr auto kFloat = onnx::TensorProto::FLOAT;

// Normalises channels, which are axis 1.
Name LayerNorm2d(GraphBuilder* g, const Name& x, const std::string& name,
                 int64_t channels) {
  const Name rows = Transpose(g, x, {0, 2, 3, 1});
  return Transpose(g, LayerNorm(g, rows, name, channels, 1e-6F), {0, 3, 1, 2});
}

// A window that doesn't overlap with its neighbours.
Name PatchConv(GraphBuilder* g, const Name& x, const std::string& name,
               int64_t inputs, int64_t outputs, int64_t side) {
  const int64_t fan_in = inputs * side * side;
  return g->Add(
      "Conv",
      {x,
       g->Learnt(name + ".weight", {outputs, inputs, side, side}, Fill::kHe,
                 fan_in),
       g->Learnt(name + ".bias", {outputs}, Fill::kBias, fan_in)},
      {Ints("kernel_shape", {side, side}), Ints("strides", {side, side})});
}

Name Block(GraphBuilder* g, const Name& x, const std::string& name,
           int64_t channels) {
  const GraphBuilder::Scope scope(g, name);
  const std::string depthwise = name + ".block.0";
  const Name spread = g->Add(
      "Conv",
      {x, g->Learnt(depthwise + ".weight", {channels, 1, 7, 7}, Fill::kHe, 49),
       g->Learnt(depthwise + ".bias", {channels}, Fill::kBias, 49)},
      {Ints("kernel_shape", {7, 7}), Ints("pads", {3, 3, 3, 3}),
       Int("group", channels)});
  const Name rows = Transpose(g, spread, {0, 2, 3, 1});
  const Name normed = LayerNorm(g, rows, name + ".block.2", channels, 1e-6F);
  const Name wide =
      GeluErf(g, Linear(g, normed, name + ".block.3", channels, 4 * channels));
  const Name narrow =
      Transpose(g, Linear(g, wide, name + ".block.5", 4 * channels, channels),
                {0, 3, 1, 2});
  const Name scaled = g->Add(
      "Mul", {g->Learnt(name + ".layer_scale", {channels, 1, 1}), narrow});
  return g->Add("Add", {scaled, x});
}

}  // namespace

// Liu et al. 2022, as torchvision's convnext_tiny has it.
Network MakeConvNextTiny() {
  struct Stage {
    int64_t channels, blocks;
  };
  constexpr Stage kStages[] = {{96, 3}, {192, 3}, {384, 9}, {768, 3}};
  GraphBuilder g("convnext-t", 17);
  Name x = g.Input("input", kFloat, {1, 3, 224, 224});
  x = PatchConv(&g, x, "features.0.0", 3, 96, 4);
  x = LayerNorm2d(&g, x, "features.0.1", 96);
  int index = 1;
  for (const Stage& stage : kStages) {
    if (index > 1) {
      const std::string name = absl::StrCat("features.", index - 1);
      x = LayerNorm2d(&g, x, absl::StrCat(name, ".0"), stage.channels / 2);
      x = PatchConv(&g, x, absl::StrCat(name, ".1"), stage.channels / 2,
                    stage.channels, 2);
    }
    for (int64_t i = 0; i < stage.blocks; ++i)
      x = Block(&g, x, absl::StrCat("features.", index, ".", i),
                stage.channels);
    index += 2;
  }
  x = LayerNorm2d(&g, g.Add("GlobalAveragePool", {x}), "classifier.0", 768);
  x = g.Add("Flatten", {x}, {Int("axis", 1)});
  const Name logits =
      g.Add("Gemm",
            {x, g.Learnt("classifier.2.weight", {1000, 768}, Fill::kHe, 768),
             g.Learnt("classifier.2.bias", {1000}, Fill::kBias, 768)},
            {Int("transB", 1)});
  g.Output(logits, "output", kFloat, {1, 1000});
  return g.Finish();
}

}  // namespace opcost::model_zoo
