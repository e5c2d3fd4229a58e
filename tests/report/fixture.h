// SPDX-License-Identifier: Apache-2.0
// Small models, built value by value, and their estimates.
#ifndef OPCOST_TESTS_REPORT_FIXTURE_H_
#define OPCOST_TESTS_REPORT_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/estimate.h"
#include "opcost/ir/graph.h"
#include "opcost/report/report.h"
#include "src/report/utf8.h"

namespace opcost {

// A model, node by node; values are known by name.
class ModelBuilder {
 public:
  ModelBuilder() {
    model_.path = "tiny.onnx";
    model_.producer = "by hand";
    model_.ir_version = 8;
    model_.opsets = {{"", 17}};
    model_.structure_digest = "xxh3-128:00112233445566778899aabbccddeeff";
  }

  ModelBuilder& Input(const std::string& name, Dims dims,
                      DataType type = DataType::kFloat32) {
    const ValueIndex v = Find(name);
    At(v).declared = ValueType(type, std::move(dims));
    At(v).is_input = true;
    model_.graph.inputs.push_back(v);
    return *this;
  }

  ModelBuilder& Constant(const std::string& name, Dims dims,
                         DataType type = DataType::kFloat32) {
    StoredTensor stored;
    stored.type = {type, Shape(std::move(dims))};
    const ValueIndex v = Find(name);
    At(v).declared = stored.type;
    At(v).stored = std::make_shared<const StoredTensor>(std::move(stored));
    return *this;
  }

  ModelBuilder& Output(const std::string& name) {
    const ValueIndex v = Find(name);
    At(v).is_output = true;
    model_.graph.outputs.push_back(v);
    return *this;
  }

  ModelBuilder& Node(const std::string& op, const std::string& name,
                     const std::vector<std::string>& inputs,
                     const std::vector<std::string>& outputs,
                     std::vector<Attribute> attributes = {},
                     const std::string& domain = "") {
    opcost::Node node;
    node.op_type = op;
    node.name = name;
    node.domain = domain;
    node.opset = domain.empty() ? 17 : 1;
    for (const std::string& input : inputs) node.inputs.push_back(Find(input));
    for (const std::string& output : outputs) {
      const ValueIndex v = Find(output);
      At(v).producer = static_cast<int32_t>(model_.graph.nodes.size());
      node.outputs.push_back(v);
    }
    node.attributes = std::move(attributes);
    model_.graph.nodes.push_back(std::move(node));
    return *this;
  }

  Model Build() const { return model_; }
  Model& model() { return model_; }

 private:
  ValueIndex Find(const std::string& name) {
    std::vector<Value>& values = model_.graph.values;
    for (size_t v = 0; v < values.size(); ++v) {
      if (values[v].name == name) return static_cast<ValueIndex>(v);
    }
    values.emplace_back();
    values.back().name = name;
    return static_cast<ValueIndex>(values.size() - 1);
  }
  Value& At(ValueIndex v) {
    return model_.graph.values[static_cast<size_t>(v)];
  }

  Model model_;
};

// Two tiers; whole numbers, so that energies can be added up in one's head.
inline constexpr char kPlainTable[] = R"(
schema = "opcost.costtable/1"
name = "plain"
title = "Whole numbers for tests"
unit = "pJ"
interpolate = true
[source.made-up]
cite = "Nobody, Numbers that are easy to add"
where = "page 1"
[arithmetic]
source = "made-up"
float32 = { mul = 2.0, add = 1.0 }
[[memory]]
name = "SRAM"
capacity = "128 B"
source = "made-up"
read = { 32 = 1.0 }
write = { 32 = 2.0 }
[[memory]]
name = "DRAM"
source = "made-up"
read = { 32 = 100.0 }
write = { 32 = 100.0 }
[functions]
source = "made-up"
div = { mul = 5, add = 2 }
sqrt = { mul = 8, add = 2 }
exp = { mul = 10, add = 11 }
log = { mul = 14, add = 13 }
pow = { mul = 25, add = 24 }
sin = { mul = 9, add = 8 }
cos = { mul = 9, add = 8 }
tan = { mul = 23, add = 18 }
erf = { mul = 23, add = 19 }
tanh = { mul = 16, add = 15 }
sigmoid = { mul = 15, add = 14 }
)";

// `text` with `from` replaced by `to`, which must be there.
inline std::string Replaced(std::string text, const std::string& from,
                            const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

inline CostTable ParsedTable(const std::string& text) {
  absl::StatusOr<CostTable> table =
      CostTable::Parse("test.toml", text, [](absl::string_view name) {
        return absl::StatusOr<std::string>(
            absl::NotFoundError(absl::StrCat("no table ", name)));
      });
  if (!table.ok()) {
    ADD_FAILURE() << table.status().ToString();
    std::terminate();
  }
  return *std::move(table);
}

// An estimate with all that it refers to.
class Priced {
 public:
  // `change`, if given, is applied to the analysis before it is priced.
  explicit Priced(Model model, const std::string& table = kPlainTable,
                  EstimateOptions options = {},
                  const std::function<void(Analysis&)>& change = nullptr)
      : model_(std::make_unique<Model>(std::move(model))),
        table_(std::make_unique<CostTable>(ParsedTable(table))) {
    absl::StatusOr<Analysis> analysis = Analyze(*model_, {});
    EXPECT_TRUE(analysis.ok()) << analysis.status().ToString();
    analysis_ = std::make_unique<Analysis>(*std::move(analysis));
    if (change) change(*analysis_);
    absl::StatusOr<Estimate> estimate =
        MakeEstimate(*analysis_, *table_, options);
    EXPECT_TRUE(estimate.ok()) << estimate.status().ToString();
    estimate_ = std::make_unique<Estimate>(*std::move(estimate));
  }

  const Estimate& operator*() const { return *estimate_; }
  Estimate& operator*() { return *estimate_; }
  const Analysis& analysis() const { return *analysis_; }

 private:
  std::unique_ptr<Model> model_;
  std::unique_ptr<CostTable> table_;
  std::unique_ptr<Analysis> analysis_;
  std::unique_ptr<Estimate> estimate_;
};

// Conv, MaxPool, Flatten on an image of 2x4x4. Under kPlainTable:
//   conv  1*3*2*(3*3)*(2*2) = 216 MACs: 216 mul x 2, 216 add x 1;
//         w 3*2*3*3 = 54 elements, 216 B, thus DRAM: 216 reads x 100;
//         x 128 B, b 12 B, SRAM: 216 and 12 reads x 1; y: 12 writes x 2
//         432 + 216 + (21600 + 216 + 12) + 24 = 22500
//   pool  12 add x 1, 12 reads x 1, 3 writes x 2: 12 + 12 + 6 = 30
//   once  648 + (5400 + 32 + 3) + 24 + 30 = 6137
inline ModelBuilder TinyModel() {
  using Ints = std::vector<int64_t>;
  ModelBuilder builder;
  builder.Input("x", {1, 2, 4, 4})
      .Constant("w", {3, 2, 3, 3})
      .Constant("b", {3})
      .Node("Conv", "conv1", {"x", "w", "b"}, {"y"})
      .Node("MaxPool", "pool1", {"y"}, {"z"},
            {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}})
      .Node("Flatten", "flat", {"z"}, {"out"})
      .Output("out");
  return builder;
}

// The tiny model with a node in front of its output that nothing is known of.
inline ModelBuilder TinyModelWithUnknown() {
  using Ints = std::vector<int64_t>;
  ModelBuilder builder;
  builder.Input("x", {1, 2, 4, 4})
      .Constant("w", {3, 2, 3, 3})
      .Constant("b", {3})
      .Node("Conv", "conv1", {"x", "w", "b"}, {"y"})
      .Node("Warp", "warp1", {"y"}, {"v"}, {}, "org.example")
      .Node("MaxPool", "pool1", {"y"}, {"z"},
            {{"kernel_shape", Ints{2, 2}}, {"strides", Ints{2, 2}}})
      .Output("v")
      .Output("z");
  builder.model().opsets.push_back({"org.example", 1});
  return builder;
}

inline std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines = absl::StrSplit(text, '\n');
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

// The widest line, in code points.
inline int WidthOf(const std::string& text) {
  int widest = 0;
  for (const std::string& line : LinesOf(text)) {
    widest = std::max(widest, CodePoints(line));
  }
  return widest;
}

}  // namespace opcost

#endif  // OPCOST_TESTS_REPORT_FIXTURE_H_
