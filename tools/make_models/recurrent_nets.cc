// SPDX-License-Identifier: Apache-2.0
// Networks that carry a state from step to step.
#include <string>

#include "absl/strings/str_cat.h"
#include "tools/make_models/families.h"
#include "tools/make_models/graph_builder.h"
#include "tools/make_models/torch_idioms.h"

namespace opcost::model_zoo {
namespace {

constexpr auto kFloat = onnx::TensorProto::FLOAT;

constexpr int64_t kWidth = 650;
constexpr int64_t kVocabulary = 10000;

struct State {
  Name hidden, cell;
};

// Layer `index` of the state, which holds both layers'.
Name StateOf(GraphBuilder* g, const Name& state, int64_t index) {
  return SliceOf(g, state, 0, g->Integers({index}), g->Integers({index + 1}));
}

Name LstmLayer(GraphBuilder* g, const Name& x, int64_t index, State* state) {
  const std::string name = absl::StrCat("rnn.l", index);
  const Names outputs = g->AddMany(
      "LSTM",
      {x, g->Learnt(name + ".W", {1, 4 * kWidth, kWidth}, Fill::kHe, kWidth),
       g->Learnt(name + ".R", {1, 4 * kWidth, kWidth}, Fill::kHe, kWidth),
       g->Learnt(name + ".B", {1, 8 * kWidth}, Fill::kBias, kWidth), "",
       StateOf(g, state->hidden, index), StateOf(g, state->cell, index)},
      3, {Int("hidden_size", kWidth)});
  *state = {outputs[1], outputs[2]};
  return g->Add("Squeeze", {outputs[0], g->Integers({1})});
}

}  // namespace

// The medium network of Zaremba et al. 2014 for Penn Treebank, without its
// dropout, as torch exports its word_language_model example.
Network MakeLstmLanguageModel() {
  GraphBuilder g("lstm-lm", 17);
  const Name tokens = g.Input("input", onnx::TensorProto::INT64, {"S", "B"});
  const State initial = {g.Input("h0", kFloat, {2, "B", kWidth}),
                         g.Input("c0", kFloat, {2, "B", kWidth})};
  Name x = g.Add("Gather",
                 {g.Learnt("encoder.weight", {kVocabulary, kWidth}), tokens});
  State first = initial;
  State second = initial;
  x = LstmLayer(&g, x, 0, &first);
  x = LstmLayer(&g, x, 1, &second);
  g.Output(Linear(&g, x, "decoder", kWidth, kVocabulary), "logits", kFloat,
           {"S", "B", kVocabulary});
  g.Output(g.Add("Concat", {first.hidden, second.hidden}, {Int("axis", 0)}),
           "hn", kFloat, {2, "B", kWidth});
  g.Output(g.Add("Concat", {first.cell, second.cell}, {Int("axis", 0)}), "cn",
           kFloat, {2, "B", kWidth});
  return g.Finish();
}

}  // namespace opcost::model_zoo
