// SPDX-License-Identifier: Apache-2.0
#include "opcost/analysis/analysis.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A model and its analysis, which refers to it.
struct Analyzed {
  explicit Analyzed(const std::string& text, const InputOptions& options = {})
      : model(ModelFromText(text)),
        analysis(model.ok() ? Analyze(*model, options)
                            : absl::StatusOr<Analysis>(model.status())) {}

  std::vector<std::string> LayerNames() const {
    std::vector<std::string> names;
    for (const LayerCounts& layer : analysis->layers) {
      names.push_back(layer.name);
    }
    return names;
  }
  std::string TypeOf(const std::string& name) const {
    for (size_t v = 0; v < model->graph.values.size(); ++v) {
      if (model->graph.values[v].name == name) {
        return ToString(analysis->values[v].type);
      }
    }
    return "no such value";
  }
  std::vector<std::string> Messages(Severity severity) const {
    std::vector<std::string> messages;
    for (const Diagnostic& d : analysis->diagnostics.all()) {
      if (d.severity == severity) messages.push_back(d.message);
    }
    return messages;
  }

  absl::StatusOr<Model> model;
  absl::StatusOr<Analysis> analysis;
};

InputOptions WithDims(std::map<std::string, int64_t> dims) {
  InputOptions options;
  options.dims = std::move(dims);
  return options;
}

InputOptions WithBatch(int64_t batch) {
  InputOptions options;
  options.batch = batch;
  return options;
}

InputOptions WithInput(const std::string& name, std::vector<int64_t> shape) {
  InputOptions options;
  options.input_shapes[name] = std::move(shape);
  return options;
}

constexpr char kConvRelu[] = R"(
  (float[N,3,8,8] x, float[4,3,3,3] w) => (float[M,4,6,6] y) {
    c = Conv(x, w)
    y = Relu(c)
  })";

TEST(BindingTest, AxisZeroOfEveryInputIsABatchOfOneWithANote) {
  const Analyzed a(R"((float[N,3] x, float[N,1] s) => (float[N,3] y) {
    r = Relu(x)
    y = Add(r, s)
  })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.TypeOf("y"), "float32 1x3");
  EXPECT_EQ(a.analysis->samples, 1);
  EXPECT_THAT(a.Messages(Severity::kNote),
              ElementsAre("dimension 'N' is taken as a batch of 1; give "
                          "another size with --batch N"));
}

TEST(BindingTest, OtherSymbolsAreAnErrorThatListsThemAll) {
  const Analyzed a(R"((float[N,S,H] x) => (float[N,S,H] y) { y = Relu(x) })");
  EXPECT_THAT(a.analysis,
              FailsWith(HasSubstr("dimensions 'H', 'S' of the inputs are not a "
                                  "number; give them with --dim H=<size> "
                                  "--dim S=<size>")));
}

TEST(BindingTest, ASymbolThatIsAxisZeroAndAnotherIsNoBatch) {
  const Analyzed a(R"((float[N,N] x) => (float[N,N] y) { y = Relu(x) })");
  EXPECT_THAT(a.analysis, FailsWith(HasSubstr("--dim N=<size>")));
}

TEST(BindingTest, DimAndUnboundGiveSizes) {
  InputOptions options = WithDims({{"S", 7}});
  options.unbound = 5;
  const Analyzed a(R"((float[N,S,H] x) => (float[N,S,H] y) { y = Relu(x) })",
                   options);
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.TypeOf("y"), "float32 1x7x5");
}

TEST(BindingTest, ADimThatTheModelLacksIsNamedWithThoseItHas) {
  const Analyzed a(kConvRelu, WithDims({{"B", 2}}));
  EXPECT_THAT(a.analysis,
              StatusIs(absl::StatusCode::kNotFound,
                       "--dim B=2: no input of the model has a dimension of "
                       "that name; it has 'N'"));
}

TEST(BindingTest, BatchReplacesAxisZeroOfEveryInputThatSharesIt) {
  const Analyzed a(R"((float[2,3] x, float[2,3] s, float[3] b)
                      => (float[2,3] y) {
    t = Add(x, s)
    y = Add(t, b)
  })",
                   WithBatch(8));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.TypeOf("y"), "float32 8x3");
  EXPECT_EQ(a.analysis->samples, 8);
}

TEST(BindingTest, AConstantThatContradictsTheBatchNamesTheNode) {
  const Analyzed a(R"((float[1,4] x) => (float[1,4] y)
    <int64[2] shape = {1, 4}> { y = Reshape(x, shape) })",
                   WithBatch(3));
  EXPECT_THAT(a.analysis, FailsWith(HasSubstr("Reshape 'y': ")));
}

TEST(BindingTest, InputGivesAWholeShape) {
  const Analyzed a(kConvRelu, WithInput("x", {5, 3, 8, 8}));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.TypeOf("y"), "float32 5x4x6x6");
  EXPECT_THAT(Analyzed(kConvRelu, WithInput("x", {5, 3})).analysis,
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("--input x has 2 dimensions, but the model "
                                 "declares 4 (Nx3x8x8)")));
  EXPECT_THAT(Analyzed(kConvRelu, WithInput("z", {5})).analysis,
              StatusIs(absl::StatusCode::kNotFound,
                       HasSubstr("--input z: the model has no such input; it "
                                 "has 'w', 'x'")));
}

TEST(BindingTest, TwoOptionsThatContradictEachOtherAreAnError) {
  InputOptions options = WithInput("x", {5, 3, 8, 8});
  options.dims["N"] = 4;
  EXPECT_THAT(Analyzed(kConvRelu, options).analysis,
              StatusIs(absl::StatusCode::kNotFound,
                       "--dim N makes dimension 'N' 4, but it was already "
                       "given as 5"));
}

TEST(BindingTest, ShapesKeepTheirSymbols) {
  InputOptions options;
  options.keep_symbols = true;
  ASSERT_OK_AND_ASSIGN(const Model model, ModelFromText(kConvRelu));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, InferShapes(model, options));
  const ValueIndex y = model.graph.outputs[0];
  EXPECT_EQ(ToString(analysis.values[static_cast<size_t>(y)].type),
            "float32 Nx4x6x6");
}

TEST(FoldingTest, ShapeArithmeticIsNoLayer) {
  const Analyzed a(R"((float[2,3,4] x) => (float[6,4] y)
    <int64[1] first = {0}, int64[1] second = {1}, int64[1] rest = {-1}> {
    s = Shape(x)
    a = Gather <axis = 0> (s, first)
    b = Gather <axis = 0> (s, second)
    ab = Mul(a, b)
    shape = Concat <axis = 0> (ab, rest)
    y = Reshape(x, shape)
  })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.LayerNames(), ElementsAre("y"));
  EXPECT_EQ(a.TypeOf("y"), "float32 6x4");
  EXPECT_TRUE(a.analysis->layers[0].counts.is_view);
}

TEST(FoldingTest, WhatDependsOnConstantsAloneCostsNothing) {
  const Analyzed a(R"((float[1,4] x) => (float[1,4] y)
    <float[4] w = {1, 2, 3, 4}> {
    e = Exp(w)
    y = Mul(x, e)
  })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.LayerNames(), ElementsAre("y"));
}

TEST(LivenessTest, ANodeThatOnlyAShapeNeedsIsSkippedWithANote) {
  const Analyzed a(R"((float[2,3] x) => (int64[2] s) {
    r = Relu(x)
    s = Shape(r)
  })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.analysis->layers, IsEmpty());
  EXPECT_THAT(a.Messages(Severity::kNote),
              ElementsAre("1 node is skipped, since nothing uses what it "
                          "computes: 'r'"));
}

TEST(LivenessTest, ManyDeadNodesAreCountedAndTheFirstNamed) {
  std::string nodes;
  for (int i = 0; i < 7; ++i) absl::StrAppend(&nodes, "d", i, " = Neg(x)\n");
  const Analyzed a(
      absl::StrCat("(float[2] x) => (float[2] y) {", nodes, "y = Relu(x) }"));
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_THAT(a.Messages(Severity::kNote),
              ElementsAre("7 nodes are skipped, since nothing uses what they "
                          "compute: 'd0', 'd1', 'd2', 'd3', 'd4' and 2 more"));
}

TEST(UnknownTest, AnUnknownOperatorIsALayerAndAWarning) {
  const Analyzed a(R"(<ir_version: 8, opset_import: ["" : 17, "com.acme" : 1]>
    g (float[1,4] x) => (float[1,4] z) {
      y = com.acme.Swirl(x)
      z = Relu(y)
    })");
  ASSERT_THAT(a.analysis, IsOk());
  ASSERT_THAT(a.analysis->layers, SizeIs(2));
  const Coverage& swirl = a.analysis->layers[0].coverage;
  EXPECT_EQ(swirl.status, Coverage::Status::kUnknown);
  EXPECT_EQ(swirl.reason, "operator com.acme.Swirl of opset 1 isn't known");
  const Coverage& relu = a.analysis->layers[1].coverage;
  EXPECT_EQ(relu.status, Coverage::Status::kUnknown);
  EXPECT_EQ(relu.reason, "the shape of 'y' isn't known");
  EXPECT_THAT(a.Messages(Severity::kWarning), SizeIs(2));
}

TEST(UnknownTest, ADeclaredShapeCarriesOnPastAnUnknownOperator) {
  const Analyzed a(R"(<ir_version: 8, opset_import: ["" : 17, "com.acme" : 1]>
    g (float[1,4] x) => (float[1,4] z) <float[1,4] y> {
      y = com.acme.Swirl(x)
      z = Relu(y)
    })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.analysis->layers[1].coverage.status, Coverage::Status::kExact);
}

TEST(LayerTest, RepeatedNamesAreToldApart) {
  ASSERT_OK_AND_ASSIGN(Model model, ModelFromText(R"(
    (float[2] x) => (float[2] z) { y = Relu(x)  w = Relu(y)  z = Neg(w) })"));
  for (Node& node : model.graph.nodes) node.name = "same";
  model.graph.nodes[2].name = "same#2";
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  EXPECT_EQ(analysis.layers[0].name, "same");
  EXPECT_EQ(analysis.layers[1].name, "same#2");
  EXPECT_EQ(analysis.layers[2].name, "same#2#2");
}

TEST(LayerTest, ParametersAreCountedOnceHoweverOftenTheyAreUsed) {
  const Analyzed a(R"((float[1,4] x) => (float[1,4] z)
    <float[4,4] w = {1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16},
     float[4] b = {1,2,3,4}> {
    y = Gemm(x, w, b)
    t = Transpose(w)
    z = Gemm(y, t, b)
  })");
  ASSERT_THAT(a.analysis, IsOk());
  EXPECT_EQ(a.analysis->parameters, 4 * 4 + 4);
  EXPECT_EQ(a.analysis->parameter_bytes, (4 * 4 + 4) * 4);
}

TEST(LayerTest, ACountBeyond63BitsIsAnErrorThatNamesTheNode) {
  const Analyzed a(R"((float[2147483648,1048576] x,
                       float[1048576,2147483648] w)
                      => (float[2147483648,2147483648] y) {
    y = MatMul(x, w)
  })");
  EXPECT_THAT(a.analysis, StatusIs(absl::StatusCode::kOutOfRange,
                                   HasSubstr("MatMul 'y': the number of ")));
}

TEST(LayerTest, ErrorsBeginWithTheModelAndTheNode) {
  const Analyzed a(R"((float[1,4,8,8] x, float[4,3,3,3] w)
                      => (float[1,4,6,6] y) { y = Conv(x, w) })");
  EXPECT_THAT(a.analysis, FailsWith(HasSubstr(": Conv 'y': ")));
}

}  // namespace
}  // namespace opcost
