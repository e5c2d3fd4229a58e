// SPDX-License-Identifier: Apache-2.0
// Encoders that attend to all of their input: BERT and the vision transformer;
// and GPT-2, which is built of the same parts.
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/graph_builder.h"
#include "tools/make_models/torch_idioms.h"

namespace opcost::model_zoo {
namespace {

constexpr auto kFloat = onnx::TensorProto::FLOAT;
constexpr auto kInt64 = onnx::TensorProto::INT64;

// All three are of the base size.
constexpr int64_t kLayers = 12;
constexpr int64_t kWidth = 768;
constexpr int64_t kHeads = 12;
constexpr int64_t kHeadSize = kWidth / kHeads;
constexpr int64_t kMlpWidth = 4 * kWidth;

// Heads of `x`, which is batch x length x width, before positions.
Name SplitHeads(GraphBuilder* g, const Name& x, const Name& batch,
                const Name& length, const Sizes& order) {
  return Transpose(g, View(g, x, {batch, length, kHeads, kHeadSize}), order);
}

// softmax(q * k / sqrt(head size) + mask) * v; `keys` have positions last.
Name Attend(GraphBuilder* g, const Name& queries, const Name& keys,
            const Name& values, const Name& mask) {
  Name scores = g->Add("Div", {g->Add("MatMul", {queries, keys}), g->Real(8)});
  if (!mask.empty()) scores = g->Add("Add", {scores, mask});
  const Name shares = g->Add("Softmax", {scores}, {Int("axis", -1)});
  return Transpose(g, g->Add("MatMul", {shares, values}), {0, 2, 1, 3});
}

Name BertAttention(GraphBuilder* g, const Name& x, const std::string& name,
                   const Name& mask) {
  const Name batch = SizeOf(g, x, 0);
  const Name length = SizeOf(g, x, 1);
  const Name q = Linear(g, x, name + ".self.query", kWidth, kWidth);
  const Name k = Linear(g, x, name + ".self.key", kWidth, kWidth);
  const Name v = Linear(g, x, name + ".self.value", kWidth, kWidth);
  const Name heads =
      Attend(g, SplitHeads(g, q, batch, length, {0, 2, 1, 3}),
             SplitHeads(g, k, batch, length, {0, 2, 3, 1}),
             SplitHeads(g, v, batch, length, {0, 2, 1, 3}), mask);
  const Name merged =
      View(g, heads, {SizeOf(g, heads, 0), SizeOf(g, heads, 1), kWidth});
  const Name projected =
      Linear(g, merged, name + ".output.dense", kWidth, kWidth);
  return LayerNorm(g, g->Add("Add", {projected, x}), name + ".output.LayerNorm",
                   kWidth, 1e-12F);
}

Name BertLayer(GraphBuilder* g, const Name& x, int64_t index,
               const Name& mask) {
  const GraphBuilder::Scope scope(g, absl::StrCat("layer.", index));
  const std::string name = absl::StrCat("encoder.layer.", index);
  const Name attended = BertAttention(g, x, name + ".attention", mask);
  const Name wide = GeluErf(
      g, Linear(g, attended, name + ".intermediate.dense", kWidth, kMlpWidth));
  const Name mlp = Linear(g, wide, name + ".output.dense", kMlpWidth, kWidth);
  return LayerNorm(g, g->Add("Add", {mlp, attended}),
                   name + ".output.LayerNorm", kWidth, 1e-12F);
}

// Words, segments and positions, added up and normalised.
Name BertEmbeddings(GraphBuilder* g, const Name& ids, const Name& segments) {
  const GraphBuilder::Scope scope(g, "embeddings");
  const std::string name = "embeddings.";
  const Name length = Unsqueeze(g, SizeOf(g, ids, 1), 0);
  const Name word = g->Add(
      "Gather",
      {g->Learnt(name + "word_embeddings.weight", {30522, kWidth}), ids});
  const Name segment = g->Add(
      "Gather", {g->Learnt(name + "token_type_embeddings.weight", {2, kWidth}),
                 segments});
  Sizes all_positions(512);
  for (size_t i = 0; i < all_positions.size(); ++i)
    all_positions[i] = static_cast<int64_t>(i);
  const Name positions = SliceOf(g, Unsqueeze(g, g->Integers(all_positions), 0),
                                 1, g->Integers({0}), length);
  const Name position = g->Add(
      "Gather", {g->Learnt(name + "position_embeddings.weight", {512, kWidth}),
                 positions});
  const Name sum = g->Add("Add", {g->Add("Add", {word, segment}), position});
  return LayerNorm(g, sum, name + "LayerNorm", kWidth, 1e-12F);
}

// One node per image: the packed projection, split into heads.
Name VitAttention(GraphBuilder* g, const Name& x, const std::string& name,
                  int64_t tokens) {
  const Name packed = Linear(g, Transpose(g, x, {1, 0, 2}), name + ".in_proj",
                             kWidth, 3 * kWidth);
  const Name split =
      g->Add("Reshape", {packed, g->Integers({tokens, 1, 3, kWidth})});
  const Name moved =
      g->Add("Squeeze", {Transpose(g, Unsqueeze(g, split, 0), {3, 1, 2, 0, 4}),
                         g->Integers({3})});
  Names heads;
  for (int64_t i = 0; i < 3; ++i) {
    const Name part =
        g->Add("Gather", {moved, g->Integer(i)}, {Int("axis", 0)});
    const Name flat =
        g->Add("Reshape", {part, g->Integers({tokens, kHeads, kHeadSize})});
    heads.push_back(
        g->Add("Reshape", {Transpose(g, flat, {1, 0, 2}),
                           g->Integers({1, kHeads, tokens, kHeadSize})}));
  }
  const Name keys = Transpose(g, heads[1], {0, 1, 3, 2});
  const Name merged = g->Add(
      "Reshape",
      {Transpose(g, Attend(g, heads[0], keys, heads[2], ""), {1, 0, 2, 3}),
       g->Integers({tokens, kWidth})});
  const Name projected = g->Add(
      "Gemm",
      {merged,
       g->Learnt(name + ".out_proj.weight", {kWidth, kWidth}, Fill::kHe,
                 kWidth),
       g->Learnt(name + ".out_proj.bias", {kWidth}, Fill::kBias, kWidth)},
      {Int("transB", 1)});
  const Name rows =
      g->Add("Reshape", {projected, g->Integers({tokens, 1, kWidth})});
  return Transpose(g, rows, {1, 0, 2});
}

Name VitBlock(GraphBuilder* g, const Name& x, int64_t index, int64_t tokens) {
  const GraphBuilder::Scope scope(g, absl::StrCat("layer.", index));
  const std::string name = absl::StrCat("encoder.layers.encoder_layer_", index);
  const Name normed = LayerNorm(g, x, name + ".ln_1", kWidth, 1e-6F);
  const Name attended = g->Add(
      "Add", {VitAttention(g, normed, name + ".self_attention", tokens), x});
  const Name mlp_input = LayerNorm(g, attended, name + ".ln_2", kWidth, 1e-6F);
  const Name wide =
      GeluErf(g, Linear(g, mlp_input, name + ".mlp.0", kWidth, kMlpWidth));
  return g->Add(
      "Add", {attended, Linear(g, wide, name + ".mlp.3", kMlpWidth, kWidth)});
}

}  // namespace

// Devlin et al. 2019, as torch exports transformers' BertModel.
Network MakeBertBase() {
  GraphBuilder g("bert-base", 17);
  const Name ids = g.Input("input_ids", kInt64, {"B", "S"});
  const Name mask = g.Input("attention_mask", kInt64, {"B", "S"});
  const Name segments = g.Input("token_type_ids", kInt64, {"B", "S"});
  const Name there = g.Add("Cast", {Unsqueeze(&g, Unsqueeze(&g, mask, 1), 2)},
                           {Int("to", kFloat)});
  const Name hidden =
      g.Add("Mul", {g.Add("Sub", {g.Real(1), there}),
                    g.Real(std::numeric_limits<float>::lowest())});
  Name x = BertEmbeddings(&g, ids, segments);
  for (int64_t i = 0; i < kLayers; ++i) x = BertLayer(&g, x, i, hidden);
  const Name first = g.Add("Gather", {x, g.Integer(0)}, {Int("axis", 1)});
  const Name pooled = g.Add(
      "Gemm",
      {first,
       g.Learnt("pooler.dense.weight", {kWidth, kWidth}, Fill::kHe, kWidth),
       g.Learnt("pooler.dense.bias", {kWidth}, Fill::kBias, kWidth)},
      {Int("transB", 1)});
  g.Output(x, "last_hidden_state", kFloat, {"B", "S", kWidth});
  g.Output(g.Add("Tanh", {pooled}), "pooler_output", kFloat, {"B", kWidth});
  return g.Finish();
}

// Dosovitskiy et al. 2021, as torchvision's vit_b_16 has it.
Network MakeVitB16() {
  constexpr int64_t kPatches = int64_t{224 / 16} * (224 / 16);
  constexpr int64_t kTokens = kPatches + 1;
  GraphBuilder g("vit-b-16", 17);
  const Name image = g.Input("input", kFloat, {1, 3, 224, 224});
  const Name patches = g.Add(
      "Conv",
      {image, g.Learnt("conv_proj.weight", {kWidth, 3, 16, 16}, Fill::kHe, 768),
       g.Learnt("conv_proj.bias", {kWidth}, Fill::kBias, 768)},
      {Ints("kernel_shape", {16, 16}), Ints("strides", {16, 16})});
  const Name rows = Transpose(
      &g, g.Add("Reshape", {patches, g.Integers({1, kWidth, kPatches})}),
      {0, 2, 1});
  const Name tokens =
      g.Add("Concat", {g.Learnt("class_token", {1, 1, kWidth}), rows},
            {Int("axis", 1)});
  Name x = g.Add(
      "Add", {tokens, g.Learnt("encoder.pos_embedding", {1, kTokens, kWidth})});
  for (int64_t i = 0; i < kLayers; ++i) x = VitBlock(&g, x, i, kTokens);
  x = LayerNorm(&g, x, "encoder.ln", kWidth, 1e-6F);
  const Name first = g.Add("Gather", {x, g.Integer(0)}, {Int("axis", 1)});
  const Name logits = g.Add(
      "Gemm",
      {first, g.Learnt("heads.head.weight", {1000, kWidth}, Fill::kHe, kWidth),
       g.Learnt("heads.head.bias", {1000}, Fill::kBias, kWidth)},
      {Int("transB", 1)});
  g.Output(logits, "output", kFloat, {1, 1000});
  return g.Finish();
}

}  // namespace opcost::model_zoo
