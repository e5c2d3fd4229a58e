// SPDX-License-Identifier: Apache-2.0
// GPT-2 with a cache of keys and values.
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/graph_builder.h"
#include "tools/make_models/torch_idioms.h"

namespace opcost::model_zoo {
namespace {

constexpr auto kFloat = onnx::TensorProto::FLOAT;
constexpr auto kInt64 = onnx::TensorProto::INT64;

constexpr int64_t kLayers = 12;
constexpr int64_t kWidth = 768;
constexpr int64_t kHeads = 12;
constexpr int64_t kHeadSize = kWidth / kHeads;
constexpr int64_t kVocabulary = 50257;

// transformers' Conv1D: a Gemm of all positions of all samples.
Name Conv1d(GraphBuilder* g, const Name& x, const std::string& name,
            int64_t inputs, int64_t outputs) {
  const Name batch = SizeOf(g, x, 0);
  const Name length = SizeOf(g, x, 1);
  const Name rows = View(g, x, {-1, inputs});
  const Name product = g->Add(
      "Gemm",
      {rows, g->Learnt(name + ".weight", {inputs, outputs}, Fill::kHe, inputs),
       g->Learnt(name + ".bias", {outputs}, Fill::kBias, inputs)});
  return View(g, product, {batch, length, outputs});
}

Name SplitHeads(GraphBuilder* g, const Name& x) {
  const Name view =
      View(g, x, {SizeOf(g, x, 0), SizeOf(g, x, 1), kHeads, kHeadSize});
  return Transpose(g, view, {0, 2, 1, 3});
}

// 0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))
Name GeluNew(GraphBuilder* g, const Name& x) {
  const Name cube = g->Add("Pow", {x, g->Real(3)});
  const Name sum =
      g->Add("Add", {x, g->Add("Mul", {cube, g->Real(0.044715F)})});
  const Name tanh =
      g->Add("Tanh", {g->Add("Mul", {sum, g->Real(0.79788456F)})});
  return g->Add("Mul", {g->Add("Mul", {x, g->Real(0.5F)}),
                        g->Add("Add", {tanh, g->Real(1)})});
}

struct Cache {
  Name keys, values;
};

Name Attention(GraphBuilder* g, const Name& x, const std::string& name,
               const Name& mask, Cache* cache) {
  const Names parts =
      g->AddMany("Split",
                 {Conv1d(g, x, name + ".c_attn", kWidth, 3 * kWidth),
                  g->Integers({kWidth, kWidth, kWidth})},
                 3, {Int("axis", 2)});
  const Name queries = SplitHeads(g, parts[0]);
  cache->keys = g->Add("Concat", {cache->keys, SplitHeads(g, parts[1])},
                       {Int("axis", -2)});
  cache->values = g->Add("Concat", {cache->values, SplitHeads(g, parts[2])},
                         {Int("axis", -2)});
  const Name scores = g->Add(
      "Div",
      {g->Add("MatMul", {queries, Transpose(g, cache->keys, {0, 1, 3, 2})}),
       g->Real(8)});
  const Name shares =
      g->Add("Softmax", {g->Add("Add", {scores, mask})}, {Int("axis", -1)});
  const Name heads =
      Transpose(g, g->Add("MatMul", {shares, cache->values}), {0, 2, 1, 3});
  const Name merged =
      View(g, heads, {SizeOf(g, heads, 0), SizeOf(g, heads, 1), kWidth});
  return Conv1d(g, merged, name + ".c_proj", kWidth, kWidth);
}

Name Layer(GraphBuilder* g, const Name& x, int64_t index, const Name& mask,
           Cache* cache) {
  const GraphBuilder::Scope scope(g, absl::StrCat("h.", index));
  const std::string name = absl::StrCat("transformer.h.", index);
  const Name normed = LayerNorm(g, x, name + ".ln_1", kWidth, 1e-5F);
  const Name attended =
      g->Add("Add", {Attention(g, normed, name + ".attn", mask, cache), x});
  const Name mlp_input = LayerNorm(g, attended, name + ".ln_2", kWidth, 1e-5F);
  const Name wide =
      GeluNew(g, Conv1d(g, mlp_input, name + ".mlp.c_fc", kWidth, 4 * kWidth));
  return g->Add("Add", {attended, Conv1d(g, wide, name + ".mlp.c_proj",
                                         4 * kWidth, kWidth)});
}

}  // namespace

// Radford et al. 2019, as torch exports transformers' GPT2LMHeadModel.
Network MakeGpt2() {
  GraphBuilder g("gpt2", 17);
  const Name ids = g.Input("input_ids", kInt64, {"B", "S"});
  const Name padding = g.Input("attention_mask", kInt64, {"B", "P+S"});
  const Name positions = g.Input("position_ids", kInt64, {"B", "S"});
  std::vector<Cache> cache;
  const std::vector<Dim> past = {"B", kHeads, "P", kHeadSize};
  for (int64_t i = 0; i < kLayers; ++i) {
    const std::string prefix = absl::StrCat("past_key_values.", i);
    cache.push_back({g.Input(prefix + ".key", kFloat, past),
                     g.Input(prefix + ".value", kFloat, past)});
  }
  const Name length = SizeOf(&g, ids, 1);
  const Name causal = CausalMask(&g, length, SizeOf(&g, cache[0].keys, 2));
  const Name mask = g.Add("Add", {PaddingMask(&g, padding, length), causal});
  const Name words = g.Learnt("transformer.wte.weight", {kVocabulary, kWidth});
  Name x = g.Add(
      "Add",
      {g.Add("Gather", {words, ids}),
       g.Add("Gather",
             {g.Learnt("transformer.wpe.weight", {1024, kWidth}), positions})});
  for (int64_t i = 0; i < kLayers; ++i)
    x = Layer(&g, x, i, mask, &cache[static_cast<size_t>(i)]);
  x = LayerNorm(&g, x, "transformer.ln_f", kWidth, 1e-5F);
  // The same words as at the input.
  g.Output(g.Add("MatMul", {x, Transpose(&g, words, {1, 0})}), "logits", kFloat,
           {"B", "S", kVocabulary});
  const std::vector<Dim> present = {"B", kHeads, "P+S", kHeadSize};
  for (int64_t i = 0; i < kLayers; ++i) {
    const Cache& layer = cache[static_cast<size_t>(i)];
    const std::string prefix = absl::StrCat("present.", i);
    g.Output(layer.keys, prefix + ".key", kFloat, present);
    g.Output(layer.values, prefix + ".value", kFloat, present);
  }
  return g.Finish();
}

}  // namespace opcost::model_zoo
