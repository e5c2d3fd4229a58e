// SPDX-License-Identifier: Apache-2.0
// Models of ONNX text whose inputs with a capital letter are constants, and
// what a layer of them does, by format and array.
#ifndef OPCOST_TESTS_ANALYSIS_QUANTISED_TEXT_H_
#define OPCOST_TESTS_ANALYSIS_QUANTISED_TEXT_H_

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "opcost/frontend/import.h"
#include "opcost/memory/formats.h"
#include "opcost/ops/op_def.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {

// What text can't say: the elements of constants (0 for integers, 0.5 for
// floats unless given), and element types that libonnx 1.12 doesn't know.
struct Tweaks {
  std::map<std::string, double> elements{};
  std::map<std::string, DataType> types{};
};

// "mul int8", "reads x", "writes y int8": how many of one run.
using Work = std::map<std::string, int64_t>;

namespace quantised_text {

inline std::string Bytes(DataType type, double element, int64_t count) {
  std::string bytes(static_cast<size_t>((count * WidthBits(type) + 7) / 8),
                    '\0');
  for (int64_t i = 0; i < count; ++i) {
    const auto at = static_cast<size_t>(i);
    if (type == DataType::kFloat32) {
      const auto number = static_cast<float>(element);
      std::memcpy(&bytes[at * 4], &number, 4);
    } else if (WidthBits(type) == 8 && !IsFloating(type)) {
      bytes[at] = static_cast<char>(static_cast<int>(element));
    } else if (type == DataType::kInt64) {
      const auto number = static_cast<int64_t>(element);
      std::memcpy(&bytes[at * 8], &number, 8);
    }
  }
  return bytes;
}

inline void MakeConstant(const onnx::ValueInfoProto& input, DataType type,
                         const Tweaks& tweaks, onnx::GraphProto* graph) {
  onnx::TensorProto& tensor = *graph->add_initializer();
  tensor.set_name(input.name());
  tensor.set_data_type(static_cast<int32_t>(type));
  int64_t count = 1;
  for (const auto& dim : input.type().tensor_type().shape().dim()) {
    tensor.add_dims(dim.dim_value());
    count *= dim.dim_value();
  }
  const auto given = tweaks.elements.find(input.name());
  const double element = given != tweaks.elements.end() ? given->second
                         : IsFloating(type)             ? 0.5
                                                        : 0;
  tensor.set_raw_data(Bytes(type, element, count));
}

}  // namespace quantised_text

inline absl::StatusOr<Model> QuantisedModel(const std::string& text,
                                            const Tweaks& tweaks = {}) {
  absl::StatusOr<onnx::ModelProto> proto = ProtoFromText(text, 21);
  if (!proto.ok()) return proto.status();
  onnx::GraphProto& graph = *proto->mutable_graph();
  std::vector<onnx::ValueInfoProto> kept;
  for (onnx::ValueInfoProto& input : *graph.mutable_input()) {
    auto& tensor = *input.mutable_type()->mutable_tensor_type();
    const auto type = tweaks.types.find(input.name());
    if (type != tweaks.types.end()) {
      tensor.set_elem_type(static_cast<int32_t>(type->second));
    }
    if (absl::ascii_isupper(static_cast<unsigned char>(input.name()[0]))) {
      quantised_text::MakeConstant(input, *DataTypeFromOnnx(tensor.elem_type()),
                                   tweaks, &graph);
    } else {
      kept.push_back(input);
    }
  }
  graph.clear_input();
  for (const onnx::ValueInfoProto& input : kept) *graph.add_input() = input;
  for (onnx::ValueInfoProto& output : *graph.mutable_output()) {
    const auto type = tweaks.types.find(output.name());
    if (type == tweaks.types.end()) continue;
    output.mutable_type()->mutable_tensor_type()->set_elem_type(
        static_cast<int32_t>(type->second));
  }
  return ImportBytes(proto->SerializeAsString(), "test.onnx");
}

// A model, read in one of the readings.
struct Read {
  explicit Read(const std::string& text, const Tweaks& tweaks = {},
                GraphReading reading = GraphReading::kFolded,
                InputOptions options = {})
      : model(QuantisedModel(text, tweaks)),
        analysis(absl::UnknownError("there is no model")) {
    if (!model.ok()) {
      analysis = model.status();
      return;
    }
    options.reading = reading;
    analysis = Analyze(*model, options);
  }

  // "Conv c", "Relu r": the layers' operators and names.
  std::vector<std::string> Layers() const {
    std::vector<std::string> layers;
    for (const LayerCounts& layer : analysis->layers) {
      layers.push_back(absl::StrCat(layer.node->op_type, " ", layer.name));
    }
    return layers;
  }
  const LayerCounts* Layer(const std::string& name) const {
    for (const LayerCounts& layer : analysis->layers) {
      if (layer.name == name) return &layer;
    }
    ADD_FAILURE() << "no layer '" << name << "'";
    static const Node* const kNoNode = new Node;
    static LayerCounts* const kNone = new LayerCounts;
    kNone->node = kNoNode;
    return kNone;
  }
  std::string NameOf(ValueIndex v) const {
    return v == kAbsent ? ""
                        : analysis->graph->values[static_cast<size_t>(v)].name;
  }
  std::vector<std::string> InputsOf(const std::string& name) const {
    std::vector<std::string> names;
    for (const ValueIndex v : Layer(name)->inputs()) names.push_back(NameOf(v));
    return names;
  }
  // Of a layer; in words where its counts are no numbers.
  Work WorkOf(const LayerCounts& layer) const {
    const Formats formats(*analysis, {});
    Work work;
    const auto add = [&work](const std::string& key, const Count& count) {
      if (!count.Is(0)) work[key] += count.AsInt().value_or(-1);
    };
    for (const Arith& arith : layer.counts.arith) {
      add(absl::StrCat(opcost::Name(arith.op), " ",
                       ToString(formats.OfArith(layer, arith))),
          arith.count);
    }
    for (const Access& access : layer.counts.accesses) {
      const bool is_input = access.side == Access::Side::kInput;
      const auto arrays = is_input ? layer.inputs() : layer.outputs();
      const std::string array =
          absl::StrCat(NameOf(arrays[static_cast<size_t>(access.index)]), " ",
                       ToString(formats.OfAccess(layer, access)));
      add("reads " + array, access.reads);
      add("writes " + array, access.writes);
    }
    return work;
  }
  Work WorkOf(const std::string& name) const { return WorkOf(*Layer(name)); }
  // "DequantizeLinear xf: why".
  std::vector<std::string> FoldedInto(const std::string& name) const {
    std::vector<std::string> nodes;
    const LayerCounts* layer = Layer(name);
    if (layer->folded == nullptr) return nodes;
    for (const FoldedNode& folded : layer->folded->nodes) {
      nodes.push_back(absl::StrCat(folded.node->op_type, " ",
                                   analysis->graph->NodeLabel(*folded.node)));
    }
    return nodes;
  }

  absl::StatusOr<Model> model;
  absl::StatusOr<Analysis> analysis;
};

// Each layer's own counts and its terms are what it counts.
inline void ExpectTermsToAddUp(const Read& read) {
  const Analysis& analysis = *read.analysis;
  for (const LayerCounts& layer : analysis.layers) {
    if (layer.folded == nullptr || !layer.folded->elided.empty()) continue;
    const TypedNodeView view(*analysis.graph, *layer.node, analysis.values,
                             analysis.used);
    ASSERT_OK_AND_ASSIGN(const OpCounts own, CountBy(*layer.def, view));
    const auto sums = [](const OpCounts& counts) {
      Work work;
      for (const Arith& arith : counts.arith) {
        work[std::string(Name(arith.op))] += arith.count.value();
      }
      for (const Access& access : counts.accesses) {
        work["reads"] += access.reads.value();
      }
      return work;
    };
    Work expected = sums(own);
    for (const FoldedTerm& term : layer.folded->terms) {
      const std::string what =
          term.what.substr(0, 5) == "reads" ? "reads" : term.what;
      expected[what] +=
          term.is_added ? term.count.value() : -term.count.value();
    }
    Work actual = sums(layer.counts);
    for (auto& [what, count] : expected) actual[what] += 0;
    for (auto& [what, count] : actual) expected[what] += 0;
    EXPECT_EQ(actual, expected) << layer.name;
  }
}

}  // namespace opcost

#endif  // OPCOST_TESTS_ANALYSIS_QUANTISED_TEXT_H_
