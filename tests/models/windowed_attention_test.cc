// SPDX-License-Identifier: Apache-2.0
// A vision model that attends within windows, as an exporter writes it: about
// half of its nodes are constants, and half of the others compute shapes.
#include <gtest/gtest.h>

#include <cstdint>
#include <set>
#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "opcost/opcost.h"
#include "tests/support/status_matchers.h"
#include "tools/make_models/graph_builder.h"
#include "tools/make_models/torch_idioms.h"

namespace opcost::model_zoo {
namespace {

constexpr int64_t kWindow = 7;
constexpr int64_t kShift = kWindow / 2;
constexpr int64_t kPixels = kWindow * kWindow;
constexpr int64_t kHeadSize = 32;

// What a block needs to know of where it stands.
struct Place {
  Name batch, height, width;  // scalars
  int64_t channels = 0;
  int64_t side = 0;  // the height and width, as known here
};

Name Divided(GraphBuilder* g, const Name& size, int64_t divisor) {
  return g->Add("Div", {size, g->Integer(divisor)});
}

// How many pixels are missing to whole windows.
Name Missing(GraphBuilder* g, const Name& size) {
  const Name rest = g->Add("Mod", {size, g->Integer(kWindow)});
  const Name missing = g->Add("Sub", {g->Integer(kWindow), rest});
  return g->Add("Mod", {missing, g->Integer(kWindow)});
}

// torch's pads run from the last axis to the first; ONNX's from the first.
Name PadToWindows(GraphBuilder* g, const Name& x, const Place& place) {
  const Name given = SizesOf(
      g, {0, 0, 0, Missing(g, place.width), 0, Missing(g, place.height)});
  const Name zeros = g->Add("ConstantOfShape", {g->Integers({2})});
  const Name all =
      g->Add("Concat", {given, g->Add("Cast", {zeros}, {Int("to", 7)})},
             {Int("axis", 0)});
  const Name pairs = g->Add("Reshape", {all, g->Integers({-1, 2})});
  const Name reversed =
      g->Add("Slice", {pairs, g->Integers({-1}), g->Integers({INT64_MIN}),
                       g->Integers({0}), g->Integers({-1})});
  const Name pads =
      g->Add("Reshape", {Transpose(g, reversed, {1, 0}), g->Integers({-1})});
  return g->Add("Pad", {x, g->Add("Cast", {pads}, {Int("to", 7)})},
                {Text("mode", "constant")});
}

// x.roll(shift, axis)
Name Roll(GraphBuilder* g, const Name& x, int64_t axis, int64_t shift) {
  const Name at = g->Integers({-shift});
  const Name tail = SliceOf(g, x, axis, at, g->Integers({INT64_MAX}));
  const Name head = SliceOf(g, x, axis, g->Integers({0}), at);
  return g->Add("Concat", {tail, head}, {Int("axis", axis)});
}

Name RollBoth(GraphBuilder* g, const Name& x, int64_t shift) {
  return Roll(g, Roll(g, x, 1, shift), 2, shift);
}

Name SplitHeads(GraphBuilder* g, const Name& x, int64_t heads) {
  const Name view =
      View(g, x, {SizeOf(g, x, 0), SizeOf(g, x, 1), heads, kHeadSize});
  return Transpose(g, view, {0, 2, 1, 3});
}

// A learnt number for each pair of pixels of a window and each head.
Name PositionBias(GraphBuilder* g, const std::string& name, int64_t heads) {
  constexpr int64_t kOffsets = (2 * kWindow - 1) * (2 * kWindow - 1);
  Sizes index(kPixels * kPixels);
  for (size_t i = 0; i < index.size(); ++i)
    index[i] = static_cast<int64_t>(i) % kOffsets;
  const Name rows = g->Add(
      "Gather",
      {g->Learnt(name + ".relative_position_bias_table", {kOffsets, heads}),
       g->Integers(index)});
  const Name square = View(g, rows, {kPixels, kPixels, -1});
  return Unsqueeze(g, Transpose(g, square, {2, 0, 1}), 0);
}

// Hides what a shift brought together: a mask for each window.
Name Masked(GraphBuilder* g, const Name& scores, const std::string& name,
            const Place& place, int64_t heads) {
  const int64_t windows = place.side * place.side / kPixels;
  const Name mask = g->Table(name + ".mask", {windows, kPixels, kPixels});
  const Name count = SizeOf(g, mask, 0);
  const Name samples = g->Add("Div", {SizeOf(g, scores, 0), count});
  const Name split = View(g, scores, {samples, count, heads, kPixels, kPixels});
  const Name sum =
      g->Add("Add", {split, Unsqueeze(g, Unsqueeze(g, mask, 1), 0)});
  return View(g, sum, {-1, heads, kPixels, kPixels});
}

Name Attention(GraphBuilder* g, const Name& x, const std::string& name,
               const Place& place, bool is_shifted) {
  const int64_t channels = place.channels;
  const int64_t heads = channels / kHeadSize;
  const Name q =
      SplitHeads(g, Linear(g, x, name + ".query", channels, channels), heads);
  const Name k =
      SplitHeads(g, Linear(g, x, name + ".key", channels, channels), heads);
  const Name v =
      SplitHeads(g, Linear(g, x, name + ".value", channels, channels), heads);
  const Name products = g->Add("MatMul", {q, Transpose(g, k, {0, 1, 3, 2})});
  Name scores = g->Add("Add", {g->Add("Div", {products, g->Real(5.656854F)}),
                               PositionBias(g, name, heads)});
  if (is_shifted) scores = Masked(g, scores, name, place, heads);
  const Name shares = g->Add("Softmax", {scores}, {Int("axis", -1)});
  const Name context =
      Transpose(g, g->Add("MatMul", {shares, v}), {0, 2, 1, 3});
  const Name merged = View(
      g, context, {SizeOf(g, context, 0), SizeOf(g, context, 1), channels});
  return Linear(g, merged, name + ".output", channels, channels);
}

Name Partition(GraphBuilder* g, const Name& x, const Place& place) {
  const Name rows = Divided(g, SizeOf(g, x, 1), kWindow);
  const Name columns = Divided(g, SizeOf(g, x, 2), kWindow);
  const Name split = View(
      g, x, {SizeOf(g, x, 0), rows, kWindow, columns, kWindow, place.channels});
  const Name windows = View(g, Transpose(g, split, {0, 1, 3, 2, 4, 5}),
                            {-1, kWindow, kWindow, place.channels});
  return View(g, windows, {-1, kPixels, place.channels});
}

Name Reverse(GraphBuilder* g, const Name& windows, const Name& like,
             const Place& place) {
  const Name height = SizeOf(g, like, 1);
  const Name width = SizeOf(g, like, 2);
  const Name squares = View(g, windows, {-1, kWindow, kWindow, place.channels});
  const Name split =
      View(g, squares,
           {-1, Divided(g, height, kWindow), Divided(g, width, kWindow),
            kWindow, kWindow, place.channels});
  return View(g, Transpose(g, split, {0, 1, 3, 2, 4, 5}),
              {-1, height, width, place.channels});
}

Name Block(GraphBuilder* g, const Name& x, const std::string& name,
           const Place& place, bool is_shifted) {
  const GraphBuilder::Scope scope(g, name);
  const int64_t channels = place.channels;
  const Name normed = LayerNorm(g, x, name + ".before", channels, 1e-5F);
  const Name image =
      View(g, normed, {place.batch, place.height, place.width, channels});
  const Name padded = PadToWindows(g, image, place);
  const Name rolled = is_shifted ? RollBoth(g, padded, -kShift) : padded;
  const Name attended =
      Attention(g, Partition(g, rolled, place), name, place, is_shifted);
  Name y = Reverse(g, attended, padded, place);
  if (is_shifted) y = RollBoth(g, y, kShift);
  y = SliceOf(g, y, 1, g->Integers({0}), Unsqueeze(g, place.height, 0));
  y = SliceOf(g, y, 2, g->Integers({0}), Unsqueeze(g, place.width, 0));
  const Name pixels = g->Add("Mul", {place.height, place.width});
  const Name sum =
      g->Add("Add", {x, View(g, y, {place.batch, pixels, channels})});
  const Name mlp_input = LayerNorm(g, sum, name + ".after", channels, 1e-5F);
  const Name wide =
      GeluErf(g, Linear(g, mlp_input, name + ".wide", channels, 4 * channels));
  return g->Add(
      "Add", {sum, Linear(g, wide, name + ".narrow", 4 * channels, channels)});
}

// Every second pixel of an axis, from `begin`.
Name EverySecond(GraphBuilder* g, const Name& x, int64_t axis, int64_t begin) {
  return g->Add("Slice", {x, g->Integers({begin}), g->Integers({INT64_MAX}),
                          g->Integers({axis}), g->Integers({2})});
}

// Four pixels become one of twice the channels.
Name Merge(GraphBuilder* g, const Name& x, const std::string& name,
           Place* place) {
  const GraphBuilder::Scope scope(g, name);
  const int64_t channels = place->channels;
  const Name image =
      View(g, x, {place->batch, place->height, place->width, channels});
  Names parts;
  for (const int64_t column : {0, 1})
    for (const int64_t row : {0, 1})
      parts.push_back(EverySecond(g, EverySecond(g, image, 1, row), 2, column));
  const Name four = g->Add("Concat", parts, {Int("axis", -1)});
  const Name rows = View(g, four, {place->batch, -1, 4 * channels});
  const Name normed = LayerNorm(g, rows, name, 4 * channels, 1e-5F);
  place->height = Divided(g, g->Add("Add", {place->height, g->Integer(1)}), 2);
  place->width = Divided(g, g->Add("Add", {place->width, g->Integer(1)}), 2);
  place->channels *= 2;
  place->side /= 2;
  return Linear(g, normed, name + ".reduction", 4 * channels, 2 * channels,
                false);
}

constexpr int64_t kBlocks[] = {2, 2, 18, 2};  // of Swin-S

// Liu et al. 2021, the small one, on 224x224 pixels.
Network MakeWindowedNetwork(const Dim& batch) {
  GraphBuilder g("windowed", 17, Constants::kNodes);
  const Name image =
      g.Input("pixels", onnx::TensorProto::FLOAT, {batch, 3, 224, 224});
  const Name patches =
      g.Add("Conv",
            {image, g.Learnt("patches.weight", {96, 3, 4, 4}),
             g.Learnt("patches.bias", {96})},
            {Ints("kernel_shape", {4, 4}), Ints("strides", {4, 4})});
  Place place = {SizeOf(&g, patches, 0), SizeOf(&g, patches, 2),
                 SizeOf(&g, patches, 3), 96, 56};
  const Name rows = View(&g, patches, {place.batch, 96, -1});
  Name x = LayerNorm(&g, Transpose(&g, rows, {0, 2, 1}), "norm", 96, 1e-5F);
  for (int stage = 0; stage < 4; ++stage) {
    if (stage > 0) x = Merge(&g, x, absl::StrCat("merge", stage), &place);
    for (int64_t block = 0; block < kBlocks[stage]; ++block)
      x = Block(&g, x, absl::StrCat("stage", stage, ".", block), place,
                block % 2 == 1 && stage < 3);
  }
  x = LayerNorm(&g, x, "last", 768, 1e-5F);
  const Name pooled = g.Add("GlobalAveragePool", {Transpose(&g, x, {0, 2, 1})});
  const Name flat = g.Add("Flatten", {pooled}, {Int("axis", 1)});
  g.Output(Linear(&g, flat, "classifier", 768, 1000), "logits",
           onnx::TensorProto::FLOAT, {batch, 1000});
  return g.Finish();
}

Model Imported(const Network& network) {
  std::ostringstream bytes;
  EXPECT_THAT(Write(network, Weights::kAbsent, &bytes), IsOk());
  absl::StatusOr<Model> model = ImportBytes(bytes.str(), "windowed.onnx");
  EXPECT_THAT(model, IsOk());
  return *std::move(model);
}

// Names and types of the values whose shapes aren't known in `symbols` alone.
std::string UnknownShapes(const Analysis& analysis,
                          const std::set<std::string>& known) {
  std::string unknown;
  for (size_t i = 0; i < analysis.values.size(); ++i) {
    const ValueType& type = analysis.values[i].type;
    std::set<std::string> symbols;
    bool is_known = type.is_tensor() && type.tensor.shape.has_rank();
    if (is_known) {
      for (const Extent& extent : type.tensor.shape.dims()) {
        extent.CollectSymbols(&symbols);
        is_known &= !extent.overflowed();
      }
    }
    for (const std::string& symbol : symbols)
      is_known &= known.count(symbol) > 0;
    if (!is_known)
      absl::StrAppend(&unknown, analysis.graph->values[i].name, ": ",
                      ToString(type), "\n");
  }
  return unknown;
}

// Projections and MLP of every pixel, and the products with the others of its
// window.
int64_t StageMacs(int64_t side, int64_t channels, int64_t blocks) {
  return blocks * side * side *
         (12 * channels * channels + 2 * kPixels * channels);
}

TEST(WindowedAttention, HasAsManyNodesAsAnExportedModel) {
  const Network network = MakeWindowedNetwork(1);
  EXPECT_GE(network.model.graph().node_size(), 6000);
  EXPECT_LE(network.model.graph().node_size(), 10000);
}

TEST(WindowedAttention, EveryShapeIsKnown) {
  const Model model = Imported(MakeWindowedNetwork(1));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, InferShapes(model, {}));
  EXPECT_EQ(UnknownShapes(analysis, {}), "");
}

TEST(WindowedAttention, EveryShapeIsKnownInASymbolicBatch) {
  const Model model = Imported(MakeWindowedNetwork("B"));
  InputOptions options;
  options.keep_symbols = true;
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, InferShapes(model, options));
  EXPECT_EQ(UnknownShapes(analysis, {"B"}), "");
}

TEST(WindowedAttention, MacsAreTheClosedForm) {
  const Model model = Imported(MakeWindowedNetwork(1));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  Count macs = 0;
  for (const LayerCounts& layer : analysis.layers) {
    EXPECT_EQ(layer.coverage.status, Coverage::Status::kExact)
        << layer.name << ": " << layer.coverage.reason;
    macs += layer.counts.macs;
  }
  // NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result): small
  const int64_t first = 56 * 56 * 96 * (3 * 4 * 4) + StageMacs(56, 96, 2);
  const int64_t second = 28 * 28 * (4 * 96) * (2 * 96) + StageMacs(28, 192, 2);
  const int64_t third =
      14 * 14 * (4 * 192) * (2 * 192) + StageMacs(14, 384, 18);
  const int64_t fourth = 7 * 7 * (4 * 384) * (2 * 384) + StageMacs(7, 768, 2);
  EXPECT_EQ(macs, Count(first + second + third + fourth + 768 * 1000));
  // NOLINTEND(bugprone-implicit-widening-of-multiplication-result)
}

}  // namespace
}  // namespace opcost::model_zoo
