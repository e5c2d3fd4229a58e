// SPDX-License-Identifier: Apache-2.0
#include "opcost/analysis/layer_as_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/layer_text.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;

// The layers' texts, or why there is none, in order.
std::vector<std::string> TextsOf(const std::string& graph) {
  std::vector<std::string> texts;
  const absl::StatusOr<Model> model = ModelFromText(graph);
  EXPECT_THAT(model, IsOk());
  if (!model.ok()) return texts;
  const absl::StatusOr<Analysis> analysis = Analyze(*model, {});
  EXPECT_THAT(analysis, IsOk());
  if (!analysis.ok()) return texts;
  for (const LayerCounts& layer : analysis->layers) {
    const absl::StatusOr<std::string> text = LayerAsText(*analysis, layer);
    texts.push_back(text.ok() ? *text : std::string(text.status().message()));
  }
  return texts;
}

TEST(LayerAsText, WritesOperandsAttributesAndOpset) {
  EXPECT_THAT(
      TextsOf("(float[2,3,8,8] x) => (float[2,30] y) "
              "<float[4,3,3,3] w, float[4] b, float[256,30] m> { "
              "w = ConstantOfShape<value = float[1]{0.5}>(w_shape) "
              "b = ConstantOfShape<value = float[1]{0.5}>(b_shape) "
              "m = ConstantOfShape<value = float[1]{0.5}>(m_shape) "
              "w_shape = Constant<value_ints = [4,3,3,3]>() "
              "b_shape = Constant<value_ints = [4]>() "
              "m_shape = Constant<value_ints = [256,30]>() "
              "c = Conv<pads = [1,1,1,1], auto_pad = \"NOTSET\">(x, w, b) "
              "r = Relu(c) "
              "f = Flatten<axis = 1>(r) "
              "y = Gemm<alpha = 0.5>(f, m) }"),
      ElementsAre("Conv x=2x3x8x8 w=4x3x3x3 b=[0.5,0.5,0.5,0.5] pads=1,1,1,1 "
                  "auto_pad=NOTSET",
                  "Relu x=2x4x8x8", "Flatten x=2x4x8x8 axis=1",
                  "Gemm x=2x256 w=256x30 alpha=0.5"));
}

TEST(LayerAsText, WritesTypesAbsentOperandsAndGeometry) {
  EXPECT_THAT(
      TextsOf("(int8[4,6] x, float[4] s) => (int8[4,3] y, float[] z) { "
              "n = Constant<value_ints = [2]>() "
              "p = Constant<value_ints = [0,0,0,1]>() "
              "a, b = Split<axis = 1>(x) "
              "y = Max(a, b) "
              "six = Constant<value_float = 6.0>() "
              "c = Clip(s, , six) "
              "z = ReduceSum<keepdims = 0>(c) }"),
      ElementsAre("Split x=4x6:int8 axis=1 outputs=2",
                  "Max x=4x3:int8 x2=4x3:int8", "Clip x=4 w=none b=scalar[6.0]",
                  "ReduceSum x=4 keepdims=0"));
}

TEST(LayerAsText, QuotesStringsThatAreNoWords) {
  EXPECT_THAT(TextsOf("(float[4,5] x, float[5,6] z) => (float[4,6] y) { "
                      "y = Einsum<equation = \"ij,jk->ik\">(x, z) }"),
              ElementsAre("Einsum x=4x5 x2=5x6 equation=\"ij,jk->ik\""));
}

TEST(LayerAsText, LeavesOutOutputsThatNothingUses) {
  EXPECT_THAT(TextsOf("(float[4,6] x) => (float[4,3] b) { "
                      "a, b = Split<axis = 1>(x) }"),
              ElementsAre("Split x=4x6 axis=1 outputs=0,1"));
}

TEST(LayerAsText, SaysWhyALayerHasNone) {
  EXPECT_THAT(TextsOf("(float[4] x, float[0] z) => (float[4] y) { "
                      "y = Concat<axis = 0>(x, z) }"),
              ElementsAre("'z' is empty"));
}

// What tells two layers' work apart.
std::string WorkOf(const Analysis& analysis, const LayerCounts& layer) {
  std::string work = absl::StrCat(layer.counts.macs.ToString(), " MACs",
                                  layer.counts.is_view ? " view" : "");
  for (const Arith& arith : layer.counts.arith) {
    absl::StrAppend(&work, "; ", Name(arith.op), " ", arith.count.ToString());
  }
  for (const Access& access : layer.counts.accesses) {
    absl::StrAppend(&work, "; ", Name(access.role), " ", access.index, " ",
                    access.elements.ToString(), " ",
                    access.operand_elements.ToString(), " ",
                    access.reads.ToString(), " ", access.writes.ToString());
  }
  for (const ValueIndex o : layer.node->outputs) {
    if (o == kAbsent || analysis.used[static_cast<size_t>(o)] == 0) continue;
    const ValueType& type = analysis.values[static_cast<size_t>(o)].type;
    // The symbol of a data-dependent extent is called after its value.
    absl::StrAppend(&work, "; ",
                    type.tensor.shape.is_concrete() ? ToString(type) : "?");
  }
  return work;
}

std::string WorkOfText(const std::string& text) {
  const absl::StatusOr<std::string> bytes = LayerModel(text);
  if (!bytes.ok()) return std::string(bytes.status().message());
  const absl::StatusOr<Model> model = ImportBytes(*bytes, "layer");
  if (!model.ok()) return std::string(model.status().message());
  const absl::StatusOr<Analysis> analysis = Analyze(*model, {});
  if (!analysis.ok()) return std::string(analysis.status().message());
  if (analysis->layers.size() != 1) return "not one layer";
  return WorkOf(*analysis, analysis->layers[0]);
}

// Every layer of the networks counts by itself what it counts there.
TEST(LayerAsText, CountsAloneWhatItCountsInItsNetwork) {
  const std::map<std::string, InputOptions> networks = [] {
    std::map<std::string, InputOptions> options;
    for (const char* name :
         {"alexnet", "vgg16", "resnet-50", "mobilenet-v2", "densenet-121",
          "efficientnet-b0", "convnext-t", "lenet-5"}) {
      options[name].batch = 2;
    }
    // Its post-processing takes one image.
    options["ssd300-vgg16"];
    for (const char* name : {"bert-base", "gpt2", "llama-1.1b",
                             "llama-1.1b-fused", "lstm-lm", "vit-b-16"}) {
      options[name].unbound = 16;
    }
    return options;
  }();
  std::vector<std::string> without;
  for (const auto& [name, options] : networks) {
    ASSERT_OK_AND_ASSIGN(
        const Model model,
        ImportFile(absl::StrCat(OPCOST_SOURCE_DIR "/models/", name, ".onnx")));
    ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, options));
    std::map<std::string, std::string> works;
    for (const LayerCounts& layer : analysis.layers) {
      const absl::StatusOr<std::string> text = LayerAsText(analysis, layer);
      if (!text.ok()) {
        without.push_back(absl::StrCat(name, " ", layer.name));
        continue;
      }
      const auto [work, is_new] = works.try_emplace(*text);
      if (is_new) work->second = WorkOfText(*text);
      EXPECT_EQ(work->second, WorkOf(analysis, layer))
          << name << " " << layer.name << ": " << *text;
    }
  }
  // How many boxes are left is known only when it runs.
  EXPECT_THAT(without,
              ElementsAre("ssd300-vgg16 /Gather", "ssd300-vgg16 /Gather_1",
                          "ssd300-vgg16 /Gather_2"));
}

}  // namespace
}  // namespace opcost
