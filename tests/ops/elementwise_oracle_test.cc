// SPDX-License-Identifier: Apache-2.0
// Shapes of elementwise operators, softmax and normalizations against libonnx.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "opcost/ops/registry.h"
#include "opcost/support/status_macros.h"
#include "tests/ops/random_shapes.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kLatestOfOracle = 17;

// The type of output `y` of the model's one node, by its row's shape rule.
absl::StatusOr<std::string> InferredY(absl::string_view text, int opset) {
  OPCOST_ASSIGN_OR_RETURN(const Model model, ModelFromText(text, opset));
  std::vector<ValueFacts> facts;
  for (const Value& value : model.graph.values) {
    facts.push_back(
        {value.is_input ? value.declared : ValueType(), false, nullptr});
  }
  const Node& node = model.graph.nodes.at(0);
  const OpDef* row = FindOp(node.domain, node.op_type, node.opset);
  if (row == nullptr) return absl::NotFoundError(node.op_type);
  OPCOST_ASSIGN_OR_RETURN(const OutputTypes types,
                          row->infer(NodeView(model.graph, node, facts)));
  return ToString(types.at(0));
}

void ExpectAgrees(absl::string_view text, int opset) {
  std::map<std::string, std::string> oracle = OracleShapes(text, opset);
  ASSERT_TRUE(oracle.contains("y")) << text << " " << oracle["error"];
  const absl::StatusOr<std::string> ours = InferredY(text, opset);
  ASSERT_THAT(ours, IsOk()) << text;
  EXPECT_EQ(*ours, oracle["y"]) << text << ", opset " << opset;
}

TEST(ElementwiseOracle, UnaryOperatorsAgree) {
  for (const char* op : {"Abs",
                         "Ceil",
                         "Erf",
                         "Exp",
                         "Floor",
                         "Log",
                         "Neg",
                         "Reciprocal",
                         "Round",
                         "Sign",
                         "Sqrt",
                         "Relu",
                         "LeakyRelu",
                         "Elu",
                         "Selu",
                         "Celu",
                         "ThresholdedRelu",
                         "Sigmoid",
                         "HardSigmoid",
                         "HardSwish",
                         "Tanh",
                         "Softplus",
                         "Softsign",
                         "Clip",
                         "Softmax",
                         "LogSoftmax",
                         "LpNormalization",
                         "MeanVarianceNormalization",
                         "Sum",
                         "Mean",
                         "Max",
                         "Min"}) {
    ExpectAgrees(absl::StrCat("(float[N,3,4,5] x) => (float[N,b,c,d] y) { y = ",
                              op, "(x) }"),
                 kLatestOfOracle);
  }
}

TEST(ElementwiseOracle, OldVersionsAgree) {
  // libonnx infers nothing for most operators of opset 1.
  for (const int opset : {6, 7, 9, 11, 12, 13}) {
    for (const char* op : {"Abs", "Exp", "Relu", "Tanh", "Softmax", "Sum"}) {
      ExpectAgrees(
          absl::StrCat("(float[2,3] x) => (float[a,b] y) { y = ", op, "(x) }"),
          opset);
    }
  }
}

TEST(ElementwiseOracle, OperatorsWithAttributesAndParametersAgree) {
  const std::vector<std::string> texts = {
      "(bool[2,3] x) => (bool[a,b] y) { y = Not(x) }",
      "(float[2,3] x) => (int64[a,b] y) { y = Cast <to = 7> (x) }",
      "(float[2,3] x) => (float16[a,b] y) { y = Cast <to = 10> (x) }",
      "(float[2,3] x, float[3] s) => (float[a,b] y) { y = PRelu(x, s) }",
      "(float[1,6,2,2] x) => (float[a,b,c,d] y) { y = LRN <size = 5> (x) }",
      "(float[1,6,2,2] x, float[6] s, float[6] b, float[6] m, float[6] v) => "
      "(float[a,b,c,d] y) { y = BatchNormalization(x, s, b, m, v) }",
      "(float[1,6,2,2] x, float[6] s, float[6] b) => (float[a,b,c,d] y) "
      "{ y = InstanceNormalization(x, s, b) }",
      "(float[2,3,4] x, float[3,4] s) => (float[a,b,c] y) "
      "{ y = LayerNormalization <axis = 1> (x, s) }",
      "(bool[2,1] c, float[3] x, float s) => (float[a,b] y) "
      "{ y = Where(c, x, s) }",
      "(float[2,1] p, float[3] q, float[4,1,1] r) => (float[a,b,c] y) "
      "{ y = Max(p, q, r) }",
      "(float[2,1] p, int64[3] q) => (float[a,b] y) { y = Pow(p, q) }",
  };
  for (const std::string& text : texts) ExpectAgrees(text, kLatestOfOracle);
}

TEST(ElementwiseOracle, RandomBroadcastsAgree) {
  RandomShapes random;
  const std::vector<const char*> ops = {
      "Add",  "Sub",     "Mul",         "Div",           "Pow",
      "Sum",  "Mean",    "Max",         "Min",           "Equal",
      "Less", "Greater", "LessOrEqual", "GreaterOrEqual"};
  const auto text = [](const Sizes& sizes) {
    return sizes.empty() ? ""
                         : absl::StrCat("[", absl::StrJoin(sizes, ","), "]");
  };
  for (int i = 0; i < 200; ++i) {
    const Sizes whole = random.Shape(0, 4);
    const Sizes a = random.Narrowed(whole);
    const Sizes b = random.Narrowed(whole);
    // libonnx compares the result with the rank that the output declares.
    const Sizes unit(std::max(a.size(), b.size()), 0);
    const std::string y = absl::StrReplaceAll(text(unit), {{"0", "?"}});
    const size_t which = static_cast<size_t>(i) % ops.size();
    const char* result = which >= 9 ? "bool" : "float";
    ExpectAgrees(
        absl::StrCat("(float", text(a), " a, float", text(b), " b) => (",
                     result, y, " y) { y = ", ops[which], "(a, b) }"),
        kLatestOfOracle);
  }
}

TEST(ElementwiseOracle, ShapesThatItRefusesAreRefused) {
  const std::string text =
      "(float[2,3] a, float[4] b) => (float[c,d] y) { y = Add(a, b) }";
  EXPECT_TRUE(OracleShapes(text).contains("error"));
  EXPECT_THAT(InferredY(text, kLatestOfOracle),
              FailsWith("Add 'y': shapes 2x3 and 4 don't broadcast: 3 and 4 on "
                        "axis 1"));
}

}  // namespace
}  // namespace opcost
