// SPDX-License-Identifier: Apache-2.0
// Decoders that append to a cache of keys and values: GPT-2 and Llama's kind.
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

// TinyLlama 1.1B (Zhang et al. 2024): its config.json.
constexpr int64_t kLayers = 22;
constexpr int64_t kWidth = 2048;
constexpr int64_t kHeads = 32;
constexpr int64_t kKvHeads = 4;
constexpr int64_t kHeadSize = kWidth / kHeads;
constexpr int64_t kKvWidth = kKvHeads * kHeadSize;
constexpr int64_t kMlpWidth = 5632;
constexpr int64_t kVocabulary = 32000;
constexpr int64_t kPositions = 2048;
constexpr float kEpsilon = 1e-5F;

// What a layer reads and gives of the cache.
struct KeysAndValues {
  Name keys, values;
};

KeysAndValues DeclarePast(GraphBuilder* g, int64_t layer, int64_t heads,
                          int64_t head_size) {
  const std::vector<Dim> dims = {"B", heads, "P", head_size};
  const std::string prefix = absl::StrCat("past_key_values.", layer);
  return {g->Input(prefix + ".key", kFloat, dims),
          g->Input(prefix + ".value", kFloat, dims)};
}

void DeclarePresent(GraphBuilder* g, int64_t layer,
                    const KeysAndValues& present, int64_t heads,
                    int64_t head_size) {
  const std::vector<Dim> dims = {"B", heads, "P+S", head_size};
  const std::string prefix = absl::StrCat("present.", layer);
  g->Output(present.keys, prefix + ".key", kFloat, dims);
  g->Output(present.values, prefix + ".value", kFloat, dims);
}

// x / sqrt(mean(x^2) + epsilon) * weight
Name RmsNorm(GraphBuilder* g, const Name& x, const std::string& name) {
  const Name squares = g->Add("Pow", {x, g->Real(2)});
  const Name mean =
      g->Add("ReduceMean", {squares}, {Ints("axes", {-1}), Int("keepdims", 1)});
  const Name root = g->Add("Sqrt", {g->Add("Add", {mean, g->Real(kEpsilon)})});
  const Name scaled = g->Add("Mul", {x, g->Add("Div", {g->Real(1), root})});
  return g->Add("Mul",
                {g->Learnt(name + ".weight", {kWidth}, Fill::kOne), scaled});
}

// The inputs that every layer of the exported form reads.
struct ExportedInputs {
  Name mask;          // B x 1 x S x P+S
  Name position_ids;  // B x S
  Name cosines, sines;
};

// The rows of a rotary table that belong to the positions: B x 1 x S x head.
Name RotaryRows(GraphBuilder* g, const Name& table, const Name& length,
                const Name& position_ids) {
  const Name used =
      SliceOf(g, table, 0, g->Integers({0}), Unsqueeze(g, length, 0));
  return Unsqueeze(g, g->Add("Gather", {used, position_ids}, {Int("axis", 0)}),
                   1);
}

// x * cos + concat(-second half, first half) * sin
Name Rotate(GraphBuilder* g, const Name& x, const Name& cosines,
            const Name& sines) {
  const Name half =
      Unsqueeze(g, g->Add("Div", {SizeOf(g, x, 3), g->Integer(2)}), 0);
  const Name first = SliceOf(g, x, 3, g->Integers({0}), half);
  const Name second = SliceOf(g, x, 3, half, g->Integers({INT64_MAX}));
  const Name turned =
      g->Add("Concat", {g->Add("Neg", {second}), first}, {Int("axis", -1)});
  return g->Add("Add",
                {g->Add("Mul", {x, cosines}), g->Add("Mul", {turned, sines})});
}

// Each head of keys or values as often as query heads share it.
Name RepeatHeads(GraphBuilder* g, const Name& x) {
  const Name batch = SizeOf(g, x, 0);
  const Name length = SizeOf(g, x, 2);
  const Name spread =
      ExpandTo(g, Unsqueeze(g, x, 2),
               {batch, kKvHeads, kHeads / kKvHeads, length, kHeadSize});
  return View(g, spread, {batch, kHeads, length, kHeadSize});
}

Name SplitHeads(GraphBuilder* g, const Name& x, const Name& batch,
                const Name& length, int64_t heads) {
  return Transpose(g, View(g, x, {batch, length, heads, kHeadSize}),
                   {0, 2, 1, 3});
}

Name ExportedAttention(GraphBuilder* g, const Name& x, const std::string& layer,
                       const ExportedInputs& inputs, KeysAndValues* cache) {
  const GraphBuilder::Scope scope(g, "attn");
  const std::string name = layer + ".self_attn.";
  const Name batch = SizeOf(g, x, 0);
  const Name length = SizeOf(g, x, 1);
  const Name q = Linear(g, x, name + "q_proj", kWidth, kWidth, false);
  const Name k = Linear(g, x, name + "k_proj", kWidth, kKvWidth, false);
  const Name v = Linear(g, x, name + "v_proj", kWidth, kKvWidth, false);
  const Name queries = SplitHeads(g, q, batch, length, kHeads);
  const Name new_keys = SplitHeads(g, k, batch, length, kKvHeads);
  const Name new_values = SplitHeads(g, v, batch, length, kKvHeads);
  const Name all =
      g->Add("Add", {SizeOf(g, new_keys, 2), SizeOf(g, cache->keys, 2)});
  const Name cosines = RotaryRows(g, inputs.cosines, all, inputs.position_ids);
  const Name sines = RotaryRows(g, inputs.sines, all, inputs.position_ids);
  const Name turned_queries = Rotate(g, queries, cosines, sines);
  const Name turned_keys = Rotate(g, new_keys, cosines, sines);
  cache->keys = g->Add("Concat", {cache->keys, turned_keys}, {Int("axis", -2)});
  cache->values =
      g->Add("Concat", {cache->values, new_values}, {Int("axis", -2)});
  const Name keys = Transpose(g, RepeatHeads(g, cache->keys), {0, 1, 3, 2});
  const Name values = RepeatHeads(g, cache->values);
  const Name scores =
      g->Add("Div", {g->Add("MatMul", {turned_queries, keys}), g->Real(8)});
  const Name masked = g->Add("Add", {scores, inputs.mask});
  const Name shares = g->Add("Softmax", {masked}, {Int("axis", -1)});
  const Name heads =
      Transpose(g, g->Add("MatMul", {shares, values}), {0, 2, 1, 3});
  return Linear(g, View(g, heads, {batch, length, kWidth}), name + "o_proj",
                kWidth, kWidth, false);
}

Name GatedMlp(GraphBuilder* g, const Name& x, const std::string& layer) {
  const GraphBuilder::Scope scope(g, "mlp");
  const std::string name = layer + ".mlp.";
  const Name gate = Linear(g, x, name + "gate_proj", kWidth, kMlpWidth, false);
  const Name silu = g->Add("Mul", {gate, g->Add("Sigmoid", {gate})});
  const Name up = Linear(g, x, name + "up_proj", kWidth, kMlpWidth, false);
  return Linear(g, g->Add("Mul", {silu, up}), name + "down_proj", kMlpWidth,
                kWidth, false);
}

// B x 1 x S x P+S: what is padding, or comes later.
Name ExportedMask(GraphBuilder* g, const Name& attention_mask,
                  const Name& input_ids, const Name& past_keys) {
  const GraphBuilder::Scope scope(g, "mask");
  const Name batch = SizeOf(g, input_ids, 0);
  const Name length = SizeOf(g, input_ids, 1);
  const Name past = SizeOf(g, past_keys, 2);
  const Name causal =
      Unsqueeze(g, Unsqueeze(g, CausalMask(g, length, past), 0), 1);
  const Name keys = g->Add("Add", {length, past});
  const Name spread = ExpandTo(g, causal, {batch, 1, length, keys});
  return g->Add("Add", {PaddingMask(g, attention_mask, length), spread});
}

Name Embed(GraphBuilder* g, const Name& input_ids) {
  return g->Add("Gather",
                {g->Learnt("model.embed_tokens.weight", {kVocabulary, kWidth}),
                 input_ids});
}

Name Fused(GraphBuilder* g, const Name& q, const Name& k, const Name& v,
           const Names& lengths, KeysAndValues* cache) {
  const Names outputs = g->AddContrib(
      "GroupQueryAttention",
      {q, k, v, cache->keys, cache->values, lengths[0], lengths[1], "cos_cache",
       "sin_cache"},
      {0, 1, 2},
      {Int("num_heads", kHeads), Int("kv_num_heads", kKvHeads),
       Float("scale", 0.125F), Int("do_rotary", 1),
       Int("rotary_interleaved", 0), Int("local_window_size", -1)});
  *cache = {outputs[1], outputs[2]};
  return outputs[0];
}

// sum + x and its norm.
Names AddAndNorm(GraphBuilder* g, const Name& sum, const Name& x,
                 const std::string& name) {
  return g->AddContrib(
      "SkipSimplifiedLayerNormalization",
      {sum, x, g->Learnt(name + ".weight", {kWidth}, Fill::kOne)}, {0, 3},
      {Float("epsilon", kEpsilon)});
}

// {the last index that is no padding, per sample; keys}, both int32.
Names Lengths(GraphBuilder* g, const Name& attention_mask) {
  const GraphBuilder::Scope scope(g, "mask");
  const auto to_int32 = Int("to", onnx::TensorProto::INT32);
  const Name there = g->Add("ReduceSum", {attention_mask, g->Integers({1})},
                            {Int("keepdims", 1)});
  const Name last = g->Add("Sub", {there, g->Integers({1})});
  const Name keys = SizeOf(g, attention_mask, 1);
  return {g->Add("Cast", {last}, {to_int32}),
          g->Add("Cast", {keys}, {to_int32})};
}

}  // namespace

// As torch exports transformers' LlamaForCausalLM, with eager attention.
Network MakeLlama() {
  GraphBuilder g("llama-1.1b", 17);
  const Name ids = g.Input("input_ids", kInt64, {"B", "S"});
  const Name padding = g.Input("attention_mask", kInt64, {"B", "P+S"});
  ExportedInputs inputs;
  inputs.position_ids = g.Input("position_ids", kInt64, {"B", "S"});
  std::vector<KeysAndValues> cache;
  for (int64_t i = 0; i < kLayers; ++i)
    cache.push_back(DeclarePast(&g, i, kKvHeads, kHeadSize));
  inputs.cosines = g.Table("rotary.cos_cached", {kPositions, kHeadSize});
  inputs.sines = g.Table("rotary.sin_cached", {kPositions, kHeadSize});
  inputs.mask = ExportedMask(&g, padding, ids, cache[0].keys);
  Name x = Embed(&g, ids);
  for (int64_t i = 0; i < kLayers; ++i) {
    const GraphBuilder::Scope scope(&g, absl::StrCat("layers.", i));
    const std::string layer = absl::StrCat("model.layers.", i);
    const Name normed = RmsNorm(&g, x, layer + ".input_layernorm");
    const Name attended = ExportedAttention(&g, normed, layer, inputs,
                                            &cache[static_cast<size_t>(i)]);
    x = g.Add("Add", {x, attended});
    const Name mlp_input = RmsNorm(&g, x, layer + ".post_attention_layernorm");
    x = g.Add("Add", {x, GatedMlp(&g, mlp_input, layer)});
  }
  x = RmsNorm(&g, x, "model.norm");
  const Name logits = Linear(&g, x, "lm_head", kWidth, kVocabulary, false);
  g.Output(logits, "logits", kFloat, {"B", "S", kVocabulary});
  for (int64_t i = 0; i < kLayers; ++i)
    DeclarePresent(&g, i, cache[static_cast<size_t>(i)], kKvHeads, kHeadSize);
  return g.Finish();
}

// The same with com.microsoft's fused operators, as ONNX Runtime's generators
// write it.
Network MakeLlamaFused() {
  GraphBuilder g("llama-1.1b-fused", 17);
  const Name ids = g.Input("input_ids", kInt64, {"B", "S"});
  const Name padding = g.Input("attention_mask", kInt64, {"B", "P+S"});
  std::vector<KeysAndValues> cache;
  for (int64_t i = 0; i < kLayers; ++i)
    cache.push_back(DeclarePast(&g, i, kKvHeads, kHeadSize));
  g.Table("cos_cache", {kPositions, kHeadSize / 2});
  g.Table("sin_cache", {kPositions, kHeadSize / 2});
  const Names lengths = Lengths(&g, padding);
  Name sum = Embed(&g, ids);
  Name x = g.Add(
      "SimplifiedLayerNormalization",
      {sum,
       g.Learnt("model.layers.0.input_layernorm.weight", {kWidth}, Fill::kOne)},
      {Float("epsilon", kEpsilon), Int("axis", -1), Int("stash_type", 1)});
  for (int64_t i = 0; i < kLayers; ++i) {
    const GraphBuilder::Scope scope(&g, absl::StrCat("layers.", i));
    const std::string layer = absl::StrCat("model.layers.", i);
    const std::string name = layer + ".self_attn.";
    const Name q = Linear(&g, x, name + "q_proj", kWidth, kWidth, false);
    const Name k = Linear(&g, x, name + "k_proj", kWidth, kKvWidth, false);
    const Name v = Linear(&g, x, name + "v_proj", kWidth, kKvWidth, false);
    const Name heads =
        Fused(&g, q, k, v, lengths, &cache[static_cast<size_t>(i)]);
    const Name attended =
        Linear(&g, heads, name + "o_proj", kWidth, kWidth, false);
    const Names mlp_input =
        AddAndNorm(&g, sum, attended, layer + ".post_attention_layernorm");
    const Name mlp = GatedMlp(&g, mlp_input[0], layer);
    const Names next = AddAndNorm(
        &g, mlp_input[1], mlp,
        i + 1 == kLayers
            ? "model.norm"
            : absl::StrCat("model.layers.", i + 1, ".input_layernorm"));
    x = next[0];
    sum = next[1];
  }
  const Name logits = Linear(&g, x, "lm_head", kWidth, kVocabulary, false);
  g.Output(logits, "logits", kFloat, {"B", "S", kVocabulary});
  for (int64_t i = 0; i < kLayers; ++i)
    DeclarePresent(&g, i, cache[static_cast<size_t>(i)], kKvHeads, kHeadSize);
  return g.Finish();
}

}  // namespace opcost::model_zoo
