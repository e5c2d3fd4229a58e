// SPDX-License-Identifier: Apache-2.0
// Shapes of convolutions, matrix products and pooling beside those that ONNX's
// own library infers.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/ops/registry.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

struct OracleCase {
  const char* inputs;  // "float[1,3,8,8] x, float[4,3,3,3] w"
  const char* node;    // "Conv(x, w)"
  int opset = 17;
};

// The type that our rule gives the only node's first output.
std::string Inferred(const std::string& text, int opset) {
  const absl::StatusOr<Model> model = ModelFromText(text, opset);
  if (!model.ok()) return std::string(model.status().message());
  const Graph& graph = model->graph;
  std::vector<ValueFacts> facts;
  for (const Value& value : graph.values) {
    facts.push_back({value.declared, false, nullptr});
  }
  const Node& node = graph.nodes[0];
  const OpDef* op = FindOp(node.domain, node.op_type, node.opset);
  if (op == nullptr) return absl::StrCat("no operator ", node.op_type);
  const absl::StatusOr<OutputTypes> types =
      op->infer(NodeView(graph, node, facts));
  return types.ok() ? ToString((*types)[0])
                    : std::string(types.status().message());
}

void ExpectAgreement(const std::vector<OracleCase>& cases) {
  for (const OracleCase& c : cases) {
    const std::string text =
        absl::StrCat("(", c.inputs, ") => (float[] y) { y = ", c.node, " }");
    const auto oracle = OracleShapes(text, c.opset);
    const auto y = oracle.find("y");
    ASSERT_NE(y, oracle.end())
        << text
        << (oracle.count("error") > 0 ? oracle.at("error") : std::string());
    EXPECT_EQ(Inferred(text, c.opset), y->second) << text;
  }
}

TEST(ContractionOracle, Conv) {
  const char* two = "float[2,6,11,14] x, float[4,3,3,5] w";
  ExpectAgreement({
      {"float[1,3,8,8] x, float[4,3,3,3] w", "Conv(x, w)"},
      {"float[1,3,8,8] x, float[4,3,3,3] w, float[4] b", "Conv(x, w, b)", 1},
      {two, "Conv<group = 2>(x, w)"},
      {two, "Conv<group = 2, strides = [2, 3]>(x, w)"},
      {two, "Conv<group = 2, strides = [2, 3], pads = [1, 2, 0, 1]>(x, w)"},
      {two, "Conv<group = 2, dilations = [3, 2]>(x, w)"},
      {two,
       "Conv<group = 2, kernel_shape = [3, 5], dilations = [1, 2], "
       "pads = [2, 2, 2, 2], strides = [3, 1]>(x, w)"},
      {two, "Conv<group = 2, auto_pad = \"VALID\", strides = [2, 2]>(x, w)"},
      {two, "Conv<group = 2, auto_pad = \"SAME_UPPER\">(x, w)"},
      {two,
       "Conv<group = 2, auto_pad = \"SAME_LOWER\", strides = [2, 3]>"
       "(x, w)"},
      {two,
       "Conv<group = 2, auto_pad = \"SAME_UPPER\", strides = [4, 6]>"
       "(x, w)"},
      {"float[1,2,9] x, float[5,2,4] w", "Conv<pads = [3, 0]>(x, w)"},
      {"float[1,2,4,5,6] x, float[6,1,2,3,1] w",
       "Conv<group = 2, strides = [1, 2, 3]>(x, w)"},
      {"float[N,3,8,8] x, float[4,3,3,3] w", "Conv(x, w)"},
  });
}

TEST(ContractionOracle, ConvTranspose) {
  const char* two = "float[2,4,5,6] x, float[4,3,3,2] w";
  ExpectAgreement({
      {"float[1,1,3,3] x, float[1,2,3,3] w", "ConvTranspose(x, w)"},
      {two, "ConvTranspose<group = 2>(x, w)"},
      {two, "ConvTranspose<strides = [3, 2]>(x, w)"},
      {two, "ConvTranspose<strides = [3, 2], output_padding = [2, 1]>(x, w)"},
      {two, "ConvTranspose<strides = [3, 2], pads = [1, 0, 2, 1]>(x, w)"},
      {two, "ConvTranspose<dilations = [2, 3], pads = [1, 1, 1, 1]>(x, w)"},
      {two, "ConvTranspose<output_shape = [7, 8]>(x, w)"},
      {two, "ConvTranspose<strides = [2, 2], auto_pad = \"SAME_UPPER\">(x, w)"},
      {two, "ConvTranspose<strides = [2, 2], auto_pad = \"SAME_LOWER\">(x, w)"},
      {two, "ConvTranspose<strides = [4, 4], auto_pad = \"SAME_UPPER\">(x, w)"},
      {two, "ConvTranspose<strides = [2, 2], auto_pad = \"VALID\">(x, w)"},
      {"float[1,2,4,5,6] x, float[2,3,2,2,2] w",
       "ConvTranspose<strides = [1, 2, 3]>(x, w)"},
      {"float[1,2,4] x, float[2,3,2] w", "ConvTranspose(x, w)", 1},
  });
}

TEST(ContractionOracle, MatMul) {
  ExpectAgreement({
      {"float[3,4] a, float[4,5] b", "MatMul(a, b)"},
      {"float[3,4] a, float[4,5] b", "MatMul(a, b)", 1},
      {"float[2,3,4] a, float[4,5] b", "MatMul(a, b)"},
      {"float[2,1,3,4] a, float[7,4,5] b", "MatMul(a, b)"},
      {"float[3,4] a, float[2,4,5] b", "MatMul(a, b)"},
      {"float[4] a, float[4,5] b", "MatMul(a, b)"},
      {"float[3,4] a, float[4] b", "MatMul(a, b)"},
      {"float[4] a, float[2,4,5] b", "MatMul(a, b)"},
      {"float[2,3,4] a, float[4] b", "MatMul(a, b)"},
      {"float[4] a, float[4] b", "MatMul(a, b)"},
      {"float[N,3,4] a, float[4,5] b", "MatMul(a, b)"},
  });
}

TEST(ContractionOracle, Gemm) {
  ExpectAgreement({
      {"float[3,4] a, float[4,5] b", "Gemm(a, b)"},
      {"float[4,3] a, float[4,5] b", "Gemm<transA = 1>(a, b)"},
      {"float[3,4] a, float[5,4] b, float[5] c", "Gemm<transB = 1>(a, b, c)"},
      {"float[4,3] a, float[5,4] b, float[3,1] c",
       "Gemm<transA = 1, transB = 1, alpha = 0.5>(a, b, c)"},
      {"float[N,4] a, float[4,5] b, float[5] c", "Gemm(a, b, c)", 7},
      {"float[3,4] a, float[4,5] b, float[5] c", "Gemm<broadcast = 1>(a, b, c)",
       6},
  });
}

TEST(ContractionOracle, Pool) {
  const char* two = "float[2,3,11,14] x";
  ExpectAgreement({
      {two, "MaxPool<kernel_shape = [2, 3]>(x)"},
      {two, "MaxPool<kernel_shape = [2, 3]>(x)", 1},
      {two, "MaxPool<kernel_shape = [2, 3], strides = [2, 2]>(x)", 8},
      {two,
       "MaxPool<kernel_shape = [3, 3], strides = [2, 2], "
       "pads = [1, 0, 1, 1]>(x)"},
      {two, "MaxPool<kernel_shape = [3, 3], dilations = [3, 2]>(x)", 10},
      {two,
       "MaxPool<kernel_shape = [3, 3], strides = [3, 3], "
       "ceil_mode = 1>(x)"},
      {two,
       "MaxPool<kernel_shape = [3, 3], strides = [2, 2], "
       "ceil_mode = 1, pads = [1, 1, 1, 1]>(x)"},
      {two,
       "MaxPool<kernel_shape = [3, 3], strides = [2, 3], "
       "auto_pad = \"SAME_LOWER\">(x)"},
      {two, "MaxPool<kernel_shape = [3, 3], auto_pad = \"VALID\">(x)"},
      {two,
       "AveragePool<kernel_shape = [3, 3], strides = [3, 3], "
       "ceil_mode = 1, count_include_pad = 1>(x)",
       11},
      {two, "AveragePool<kernel_shape = [2, 2]>(x)", 1},
      {two, "LpPool<kernel_shape = [2, 2], p = 1>(x)", 2},
      {two,
       "LpPool<kernel_shape = [3, 2], strides = [2, 2], "
       "auto_pad = \"SAME_UPPER\">(x)",
       11},
      {"float[N,3,9] x", "MaxPool<kernel_shape = [4], strides = [2]>(x)"},
      {"float[1,3,6,7,8] x", "AveragePool<kernel_shape = [2, 3, 4]>(x)"},
      {two, "GlobalMaxPool(x)"},
      {two, "GlobalAveragePool(x)"},
      {"float[N,3,6,7,8] x", "GlobalLpPool(x)"},
  });
}

}  // namespace
}  // namespace opcost
