// SPDX-License-Identifier: Apache-2.0
// A detector: VGG-16 as backbone, boxes at six scales, non-maximum suppression.
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/graph_builder.h"
#include "tools/make_models/torch_idioms.h"

namespace opcost::model_zoo {
namespace {

constexpr auto kFloat = onnx::TensorProto::FLOAT;
constexpr auto kInt64 = onnx::TensorProto::INT64;

constexpr int64_t kClasses = 91;  // COCO's, the background among them
constexpr int64_t kBoxes = 8732;

struct ConvShape {
  int64_t kernel = 3;
  int64_t pad = 1;
  int64_t stride = 1;
  int64_t dilation = 1;
};

// A feature map and its channels.
struct Map {
  Name name;
  int64_t channels = 0;
};

Map Conv(GraphBuilder* g, const Map& x, const std::string& name,
         int64_t channels, const ConvShape& shape = {}) {
  const int64_t k = shape.kernel;
  const int64_t fan_in = x.channels * k * k;
  return {g->Add("Conv",
                 {x.name,
                  g->Learnt(name + ".weight", {channels, x.channels, k, k},
                            Fill::kHe, fan_in),
                  g->Learnt(name + ".bias", {channels}, Fill::kBias, fan_in)},
                 {Ints("kernel_shape", {k, k}),
                  Ints("pads", {shape.pad, shape.pad, shape.pad, shape.pad}),
                  Ints("strides", {shape.stride, shape.stride}),
                  Ints("dilations", {shape.dilation, shape.dilation})}),
          channels};
}

Map ConvRelu(GraphBuilder* g, const Map& x, const std::string& name,
             int64_t channels, const ConvShape& shape = {}) {
  const Map y = Conv(g, x, name, channels, shape);
  return {g->Add("Relu", {y.name}), channels};
}

Map Convs(GraphBuilder* g, Map x, const std::string& name, int64_t channels,
          int count) {
  for (int i = 1; i <= count; ++i)
    x = ConvRelu(g, x, absl::StrCat(name, "_", i), channels);
  return x;
}

Map Pool(GraphBuilder* g, const Map& x, int64_t ceil_mode = 0) {
  return {g->Add("MaxPool", {x.name},
                 {Ints("kernel_shape", {2, 2}), Ints("strides", {2, 2}),
                  Int("ceil_mode", ceil_mode)}),
          x.channels};
}

// x / |x| over the channels, times a learnt scale of each.
Map ScaledToUnitLength(GraphBuilder* g, const Map& x) {
  const Name norm =
      g->Add("ReduceL2", {x.name}, {Ints("axes", {1}), Int("keepdims", 1)});
  const Name positive = g->Add("Clip", {norm, g->Real(1e-12F)});
  const Name unit = g->Add("Div", {x.name, positive});
  const Name scale =
      g->Learnt("backbone.scale_weight", {x.channels}, Fill::kOne);
  const Name spread = g->Add("Reshape", {scale, g->Integers({1, -1, 1, 1})});
  return {g->Add("Mul", {spread, unit}), x.channels};
}

// The maps that boxes are found in: 38, 19, 10, 5, 3 and 1 pixels wide.
std::vector<Map> Backbone(GraphBuilder* g, const Name& image) {
  const GraphBuilder::Scope scope(g, "backbone");
  Map x = Pool(g, Convs(g, {image, 3}, "conv1", 64, 2));
  x = Pool(g, Convs(g, x, "conv2", 128, 2));
  x = Pool(g, Convs(g, x, "conv3", 256, 3), 1);
  x = Convs(g, x, "conv4", 512, 3);
  std::vector<Map> maps = {ScaledToUnitLength(g, x)};
  x = Convs(g, Pool(g, x), "conv5", 512, 3);
  x.name = g->Add("MaxPool", {x.name},
                  {Ints("kernel_shape", {3, 3}), Ints("strides", {1, 1}),
                   Ints("pads", {1, 1, 1, 1})});
  x = ConvRelu(g, x, "fc6", 1024, {.pad = 6, .dilation = 6});
  x = ConvRelu(g, x, "fc7", 1024, {.kernel = 1, .pad = 0});
  maps.push_back(x);
  struct Extra {
    int64_t narrow, wide;
    ConvShape shape;
  };
  const Extra kExtras[] = {{256, 512, {.stride = 2}},
                           {128, 256, {.stride = 2}},
                           {128, 256, {.pad = 0}},
                           {128, 256, {.pad = 0}}};
  int index = 8;
  for (const Extra& extra : kExtras) {
    x = ConvRelu(g, x, absl::StrCat("conv", index, "_1"), extra.narrow,
                 {.kernel = 1, .pad = 0});
    x = ConvRelu(g, x, absl::StrCat("conv", index++, "_2"), extra.wide,
                 extra.shape);
    maps.push_back(x);
  }
  return maps;
}

// `columns` numbers for every box of every pixel: 1 x 8732 x columns.
Name Head(GraphBuilder* g, const std::vector<Map>& maps,
          const std::string& name, int64_t columns) {
  constexpr int64_t kBoxesPerPixel[] = {4, 6, 6, 6, 4, 4};
  const GraphBuilder::Scope scope(g, name);
  Names parts;
  for (size_t i = 0; i < maps.size(); ++i) {
    const Name x = Conv(g, maps[i], absl::StrCat(name, ".", i),
                        kBoxesPerPixel[i] * columns)
                       .name;
    const Name split = View(
        g, x, {SizeOf(g, x, 0), -1, columns, SizeOf(g, x, 2), SizeOf(g, x, 3)});
    const Name last = Transpose(g, split, {0, 3, 4, 1, 2});
    parts.push_back(View(g, last, {SizeOf(g, x, 0), -1, columns}));
  }
  return g->Add("Concat", parts, {Int("axis", 1)});
}

// Corners of the boxes, from what the head says of the default boxes.
Name Decode(GraphBuilder* g, const Name& deltas) {
  const GraphBuilder::Scope scope(g, "decode");
  const Name centres = g->Table("default_boxes.centres", {kBoxes, 2});
  const Name sizes = g->Table("default_boxes.sizes", {kBoxes, 2});
  const Name two = g->Integers({2});
  const Name moved = g->Add(
      "Div", {SliceOf(g, deltas, 2, g->Integers({0}), two), g->Real(10)});
  const Name grown =
      g->Add("Div", {SliceOf(g, deltas, 2, two, g->Integers({4})), g->Real(5)});
  const Name centre = g->Add("Add", {g->Add("Mul", {moved, sizes}), centres});
  const Name size = g->Add("Mul", {g->Add("Exp", {grown}), sizes});
  const Name half = g->Add("Mul", {size, g->Real(0.5F)});
  return g->Add("Concat",
                {g->Add("Sub", {centre, half}), g->Add("Add", {centre, half})},
                {Int("axis", 2)});
}

}  // namespace

// Liu et al. 2016, as torchvision's ssd300_vgg16 has it, on an image of its
// size; NonMaxSuppression keeps at most 200 boxes of each class.
Network MakeSsd300Vgg16() {
  GraphBuilder g("ssd300-vgg16", 17);
  const Name image = g.Input("input", kFloat, {1, 3, 300, 300});
  const std::vector<Map> maps = Backbone(&g, image);
  const Name boxes = Decode(&g, Head(&g, maps, "boxes", 4));
  const Name shares = g.Add("Softmax", {Head(&g, maps, "classes", kClasses)},
                            {Int("axis", -1)});
  const Name scores = Transpose(
      &g, SliceOf(&g, shares, 2, g.Integers({1}), g.Integers({kClasses})),
      {0, 2, 1});
  const Name selected =
      g.Add("NonMaxSuppression",
            {boxes, scores, g.Integers({200}), g.Real(0.45F), g.Real(0.01F)});
  const Name box = g.Add("Gather", {selected, g.Integer(2)}, {Int("axis", 1)});
  const Name label =
      g.Add("Gather", {selected, g.Integer(1)}, {Int("axis", 1)});
  const Name all = g.Add("Squeeze", {boxes, g.Integers({0})});
  g.Output(g.Add("Gather", {all, box}, {Int("axis", 0)}), "kept_boxes", kFloat,
           {"kept", 4});
  g.Output(label, "kept_labels", kInt64, {"kept"});
  return g.Finish();
}

}  // namespace opcost::model_zoo
