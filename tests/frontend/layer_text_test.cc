// SPDX-License-Identifier: Apache-2.0
#include "opcost/frontend/layer_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "onnx/onnx_pb.h"
#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "opcost/energy/estimate.h"
#include "opcost/frontend/import.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What one run of the layer comes to.
struct Counted {
  std::string op;
  std::string y;
  int64_t macs = 0;
  int64_t reads = 0;
  int64_t writes = 0;
  int64_t parameters = 0;
  std::string error;
};

int64_t NumberOf(const Count& count) { return count.AsInt().value_or(-1); }

Counted CountsOf(const std::string& text) {
  Counted counted;
  const absl::StatusOr<std::string> bytes = LayerModel(text);
  if (!bytes.ok()) {
    counted.error = std::string(bytes.status().message());
    return counted;
  }
  const absl::StatusOr<Model> model = ImportBytes(*bytes, "layer");
  if (!model.ok()) {
    counted.error = std::string(model.status().message());
    return counted;
  }
  const absl::StatusOr<Analysis> analysis = Analyze(*model, {});
  if (!analysis.ok() || analysis->layers.size() != 1) {
    counted.error = std::string(analysis.status().message());
    return counted;
  }
  const LayerCounts& layer = analysis->layers[0];
  counted.op = layer.node->op_type;
  const auto y = static_cast<size_t>(model->graph.outputs[0]);
  counted.y = ToString(analysis->values[y].type);
  counted.macs = NumberOf(layer.counts.macs);
  for (const Access& access : layer.counts.accesses) {
    counted.reads += NumberOf(access.reads);
    counted.writes += NumberOf(access.writes);
  }
  counted.parameters = analysis->parameters;
  return counted;
}

onnx::ModelProto ProtoOf(const std::string& text) {
  onnx::ModelProto proto;
  const absl::StatusOr<std::string> bytes = LayerModel(text);
  EXPECT_THAT(bytes, IsOk()) << text;
  EXPECT_TRUE(proto.ParseFromString(bytes.value_or("")));
  return proto;
}

struct CountCase {
  const char* text;
  const char* op;
  const char* y;
  int macs;
  int reads;
  int writes;
  int parameters;
};

constexpr int kConvOut = 1 * 64 * 112 * 112;
constexpr int kConvMacs = kConvOut * (3 * 7 * 7);
constexpr int kDepthwiseOut = 2 * 32 * 16 * 16;
constexpr int kGroupedMacs = (1 * 8 * 6 * 6) * (2 * 3 * 3);
constexpr int kLinearMacs = 64 * 5000 * 1000;

constexpr CountCase kCounts[] = {
    {"Conv x=1x3x224x224 w=64x3x7x7 b=64 strides=2,2 pads=3,3,3,3", "Conv",
     "float32 1x64x112x112", kConvMacs, 2 * kConvMacs + kConvOut, kConvOut,
     64 * 3 * 7 * 7 + 64},
    {"Conv pads=1,1,1,1 x=1x4x6x6 strides=1,1 w=8x4x3x3", "Conv",
     "float32 1x8x6x6", (1 * 8 * 6 * 6) * (4 * 3 * 3),
     2 * (1 * 8 * 6 * 6) * (4 * 3 * 3), 1 * 8 * 6 * 6, 8 * 4 * 3 * 3},
    {"Conv x=1x4x6x6 w=8x2x3x3 group=2 pads=1,1,1,1", "Conv", "float32 1x8x6x6",
     kGroupedMacs, 2 * kGroupedMacs, 1 * 8 * 6 * 6, 8 * 2 * 3 * 3},
    {"Conv x=2x32x16x16 w=32x1x3x3 b=32 group=32 pads=1,1,1,1", "Conv",
     "float32 2x32x16x16", kDepthwiseOut*(3 * 3),
     2 * kDepthwiseOut*(3 * 3) + kDepthwiseOut, kDepthwiseOut,
     32 * 1 * 3 * 3 + 32},
    {"Conv x=1x4x10 w=8x4x3 strides=2 pads=1,1 dilations=[1]", "Conv",
     "float32 1x8x5", (1 * 8 * 5) * (4 * 3), 2 * (1 * 8 * 5) * (4 * 3),
     1 * 8 * 5, 8 * 4 * 3},
    {"ConvInteger x=1x4x6x6:uint8 w=8x4x3x3:int8 pads=1,1,1,1", "ConvInteger",
     "int32 1x8x6x6", (1 * 8 * 6 * 6) * (4 * 3 * 3),
     2 * (1 * 8 * 6 * 6) * (4 * 3 * 3), 1 * 8 * 6 * 6, 8 * 4 * 3 * 3},
    {"MaxPool x=1x64x112x112 kernel_shape=3,3 strides=2,2 pads=1,1,1,1",
     "MaxPool", "float32 1x64x56x56", 0, (64 * 56 * 56) * (3 * 3), 64 * 56 * 56,
     0},
    {"AvgPool x=1x8x6x6 kernel_shape=2,2 strides=2,2", "AveragePool",
     "float32 1x8x3x3", 0, (8 * 3 * 3) * (2 * 2), 8 * 3 * 3, 0},
    {"Linear x=64x5000 w=1000x5000 b=1000", "Gemm", "float32 64x1000",
     kLinearMacs, 2 * kLinearMacs + 64 * 1000, 64 * 1000, 1000 * 5000 + 1000},
    {"Gemm x=64x5000 w=5000x1000 b=1000", "Gemm", "float32 64x1000",
     kLinearMacs, 2 * kLinearMacs + 64 * 1000, 64 * 1000, 5000 * 1000 + 1000},
    {"MatMul x=1x197x768 w=768x3072", "MatMul", "float32 1x197x3072",
     1 * 197 * 3072 * 768, 2 * 1 * 197 * 3072 * 768, 1 * 197 * 3072,
     768 * 3072},
    {"MatMul x=12x197x64 x2=12x64x197", "MatMul", "float32 12x197x197",
     12 * 197 * 197 * 64, 2 * 12 * 197 * 197 * 64, 12 * 197 * 197, 0},
    {"ReLU x=1x50000", "Relu", "float32 1x50000", 0, 50000, 50000, 0},
    {"Sigmoid x=8x625", "Sigmoid", "float32 8x625", 0, 8 * 625, 8 * 625, 0},
    {"Tanh x=5000", "Tanh", "float32 5000", 0, 5000, 5000, 0},
    {"Softmax x=4x1000 axis=-1", "Softmax", "float32 4x1000", 0,
     2 * 4 * 1000 + 4 * 1000, 2 * 4 * 1000, 0},
    {"BatchNorm x=2x3x4x4 s=3 b=3 m=3 v=3 epsilon=1e-5", "BatchNormalization",
     "float32 2x3x4x4", 0, 3 * (2 * 3 * 4 * 4), 2 * 3 * 4 * 4, 2 * 3},
    {"LayerNorm x=2x8 s=8 b=8", "LayerNormalization", "float32 2x8", 0,
     2 * (3 * 8 + 8 + 8), 2 * 8, 8 + 8},
    {"Add x=1x64x56x56 x2=1x64x56x56", "Add", "float32 1x64x56x56", 0,
     2 * 64 * 56 * 56, 64 * 56 * 56, 0},
    {"Add x=1x64:int8 x2=1x64:int8", "Add", "int8 1x64", 0, 2 * 64, 64, 0},
    {"Clip x=4x5 a=none b=scalar[6.0]", "Clip", "float32 4x5", 0, 4 * 5 + 1,
     4 * 5, 0},
    {"ReduceMean x=4x5 a=[1] keepdims=0 opset=18", "ReduceMean", "float32 4", 0,
     4 * 5, 4, 0},
    {"Einsum x=4x5 x2=5x6 equation=\"ij,jk->ik\"", "Einsum", "float32 4x6",
     4 * 5 * 6, 2 * 4 * 5 * 6, 4 * 6, 0},
    {"com.microsoft.FusedMatMul x=4x5 w=5x6 alpha=1", "FusedMatMul",
     "float32 4x6", 4 * 5 * 6, 2 * 4 * 5 * 6, 4 * 6, 5 * 6},
    {"Cast x=4x5 to=float16", "Cast", "float16 4x5", 0, 4 * 5, 4 * 5, 0},
    {"Split x=4x6 axis=1 outputs=2", "Split", "float32 4x3", 0, 4 * 6, 4 * 6,
     0},
};

TEST(LayerText, CountsAsTheCostModelSays) {
  for (const CountCase& expected : kCounts) {
    SCOPED_TRACE(expected.text);
    const Counted counted = CountsOf(expected.text);
    EXPECT_EQ(counted.error, "");
    EXPECT_EQ(counted.op, expected.op);
    EXPECT_EQ(counted.y, expected.y);
    EXPECT_EQ(counted.macs, expected.macs);
    EXPECT_EQ(counted.reads, expected.reads);
    EXPECT_EQ(counted.writes, expected.writes);
    EXPECT_EQ(counted.parameters, expected.parameters);
  }
}

TEST(LayerText, StoresNoWeightsButSaysWhereTheyWouldLie) {
  const onnx::ModelProto model =
      ProtoOf("Conv x=1x3x224x224 w=64x3x7x7 b=64:float16");
  ASSERT_EQ(model.graph().initializer_size(), 2);
  const auto entry = [&](int tensor, int i) {
    const auto& data = model.graph().initializer(tensor).external_data(i);
    return absl::StrCat(data.key(), "=", data.value());
  };
  const int w_bytes = 64 * 3 * 7 * 7 * 4;
  EXPECT_EQ(entry(0, 0), "location=layer.weights");
  EXPECT_EQ(entry(0, 1), "offset=0");
  EXPECT_EQ(entry(0, 2), absl::StrCat("length=", w_bytes));
  EXPECT_EQ(entry(1, 0), "location=layer.weights");
  EXPECT_EQ(entry(1, 1), absl::StrCat("offset=", w_bytes));
  EXPECT_EQ(entry(1, 2), absl::StrCat("length=", 64 * 2));
  EXPECT_LT(model.ByteSizeLong(), 500U);
}

TEST(LayerText, NamesNodeAndOutputsAndLeavesTheirShapesOpen) {
  const onnx::ModelProto model = ProtoOf("Split x=4x6 axis=1 outputs=2");
  const onnx::NodeProto& node = model.graph().node(0);
  EXPECT_EQ(node.name(), "layer");
  EXPECT_THAT(node.input(), ElementsAre("x"));
  EXPECT_THAT(node.output(), ElementsAre("y", "y2"));
  EXPECT_FALSE(model.graph().output(0).has_type());
  const onnx::ModelProto other = ProtoOf("Split x=4x6 axis=1 outputs=0,1");
  EXPECT_THAT(other.graph().node(0).output(), ElementsAre("", "y2"));
  ASSERT_EQ(other.graph().output_size(), 1);
  EXPECT_EQ(other.graph().output(0).name(), "y2");
}

TEST(LayerText, ChoosesTheIrVersionOfTheOperatorSet) {
  const auto versions = [](const std::string& text) {
    const onnx::ModelProto model = ProtoOf(text);
    return absl::StrCat(
        model.ir_version(), " ",
        model.opset_import(model.opset_import_size() - 1).version());
  };
  EXPECT_EQ(versions("Relu x=4"), "8 17");
  EXPECT_EQ(versions("Relu x=4 opset=13"), "8 13");
  EXPECT_EQ(versions("Relu x=4 opset=19"), "9 19");
  EXPECT_EQ(versions("Relu x=4 opset=21"), "10 21");
  EXPECT_EQ(versions("Relu x=4 opset=23"), "11 23");
  EXPECT_EQ(versions("com.microsoft.Gelu x=4"), "8 1");
}

struct AttributeCase {
  const char* word;
  onnx::AttributeProto::AttributeType type;
  const char* content;
};

using Proto = onnx::AttributeProto;
constexpr AttributeCase kAttributes[] = {
    {"group=2", Proto::INT, "2"},
    {"axis=-1", Proto::INT, "-1"},
    {"nu=2.5", Proto::FLOAT, "2.5"},
    {"nu=1e-05", Proto::FLOAT, "1e-05"},
    {"nu=2.", Proto::FLOAT, "2"},
    {"strides=2,2", Proto::INTS, "2,2"},
    {"nu=[2,-2]", Proto::INTS, "2,-2"},
    {"nu=[2]", Proto::INTS, "2"},
    {"nu=2,", Proto::INTS, "2"},
    {"nu=1,2.5", Proto::FLOATS, "1,2.5"},
    {"nu=[0.5]", Proto::FLOATS, "0.5"},
    {"mode=linear", Proto::STRING, "linear"},
    {"mode=1e", Proto::STRING, "1e"},
    {"mode=\"2\"", Proto::STRING, "2"},
    {"mode=\"a \\\"b\\\\\"", Proto::STRING, "a \"b\\"},
    {"mode=a,b", Proto::STRING, "a,b"},
    {"nu=[a,b]", Proto::STRINGS, "a,b"},
    // By name: ONNX never gives them another kind.
    {"strides=2", Proto::INTS, "2"},
    {"axes=[]", Proto::INTS, ""},
    {"epsilon=1", Proto::FLOAT, "1"},
    {"alpha=2", Proto::FLOAT, "2"},
    {"scales=2", Proto::FLOATS, "2"},
    {"activations=Tanh", Proto::STRINGS, "Tanh"},
    {"to=int8", Proto::INT, "3"},
    {"to=3", Proto::INT, "3"},
    {"k=3", Proto::INT, "3"},
    {"p=2", Proto::INT, "2"},
};

TEST(LayerText, TellsTheKindOfAnAttribute) {
  for (const AttributeCase& expected : kAttributes) {
    const onnx::ModelProto model =
        ProtoOf(absl::StrCat("Any x=4 ", expected.word));
    ASSERT_EQ(model.graph().node(0).attribute_size(), 1) << expected.word;
    const Proto& attribute = model.graph().node(0).attribute(0);
    EXPECT_EQ(attribute.type(), expected.type) << expected.word;
    std::string content;
    switch (attribute.type()) {
      case Proto::INT:
        content = absl::StrCat(attribute.i());
        break;
      case Proto::FLOAT:
        content = absl::StrCat(attribute.f());
        break;
      case Proto::STRING:
        content = attribute.s();
        break;
      case Proto::INTS:
        content = absl::StrJoin(attribute.ints(), ",");
        break;
      case Proto::FLOATS:
        content = absl::StrJoin(attribute.floats(), ",");
        break;
      default:
        content = absl::StrJoin(attribute.strings(), ",");
    }
    EXPECT_EQ(content, expected.content) << expected.word;
  }
}

TEST(LayerText, KeepsTheElementsOfConstants) {
  const onnx::ModelProto model = ProtoOf(
      "Any x=4 a=[1,-2] b=2x2[1,2,3,4.5] c=scalar[7]:uint8 "
      "d=[0.5]:float64 e=[5]:uint32 f=[1,0]:bool");
  const auto& tensors = model.graph().initializer();
  ASSERT_EQ(tensors.size(), 6);
  EXPECT_EQ(tensors[0].data_type(), onnx::TensorProto::INT64);
  EXPECT_THAT(tensors[0].dims(), ElementsAre(2));
  EXPECT_THAT(tensors[0].int64_data(), ElementsAre(1, -2));
  EXPECT_EQ(tensors[1].data_type(), onnx::TensorProto::FLOAT);
  EXPECT_THAT(tensors[1].dims(), ElementsAre(2, 2));
  EXPECT_THAT(tensors[1].float_data(), ElementsAre(1, 2, 3, 4.5F));
  EXPECT_EQ(tensors[2].data_type(), onnx::TensorProto::UINT8);
  EXPECT_THAT(tensors[2].dims(), ElementsAre());
  EXPECT_THAT(tensors[2].int32_data(), ElementsAre(7));
  EXPECT_THAT(tensors[3].double_data(), ElementsAre(0.5));
  EXPECT_THAT(tensors[4].uint64_data(), ElementsAre(5));
  EXPECT_THAT(tensors[5].int32_data(), ElementsAre(1, 0));
}

TEST(LayerText, PricesTwoMultiplicationsAndTheirTraffic) {
  // 2 outputs of 3 products each: int8 weights and inputs under 8 KB.
  ASSERT_OK_AND_ASSIGN(const std::string bytes,
                       LayerModel("MatMulInteger x=1x3:int8 w=3x2:int8"));
  ASSERT_OK_AND_ASSIGN(const Model model, ImportBytes(bytes, "layer"));
  ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
  ASSERT_OK_AND_ASSIGN(
      const CostTable table,
      TableLibrary(std::vector<std::string>()).Load("horowitz-45nm"));
  ASSERT_OK_AND_ASSIGN(const Estimate estimate,
                       MakeEstimate(analysis, table, {}));
  // int8 mul 0.2, int32 add 0.1; int8 read 1.25, int32 write 5.0 (horowitz).
  const double expected = 6 * 0.2 + 6 * 0.1 + (6 + 6) * 1.25 + 2 * 5.0;
  EXPECT_NEAR(estimate.totals.total.pj, expected, 1e-9);
}

TEST(LayerText, LeavesItToTheRulesWhetherAnOperatorTakesItsOperands) {
  EXPECT_THAT(CountsOf("Conv x=1x4x6x6 w=8x3x3x3").error,
              HasSubstr("Conv 'layer': "));
}

// Words put together at random: an error or a model, never a crash.
TEST(LayerText, SurvivesEveryMixtureOfItsParts) {
  const std::vector<std::string> parts = {
      "Conv", "Linear", "x",     "x2",   "w", "=",  "1",
      "x",    "64",     ":",     "int8", " ", "\t", "\"",
      "\\",   "[",      "]",     ",",    "-", "0",  ".",
      "none", "pads",   "opset", "e9",   "p", "y",  std::string(1, '\0'),
      "\xff", "scalar"};
  std::mt19937 random(1);
  int models = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = i % 2 == 0 ? "Any x=" : "";
    const size_t count = random() % 12;
    for (size_t n = 0; n < count; ++n) text += parts[random() % parts.size()];
    const absl::StatusOr<std::string> model = LayerModel(text);
    if (!model.ok()) continue;
    ++models;
    EXPECT_THAT(ImportBytes(*model, "layer"), IsOk()) << text;
  }
  EXPECT_GT(models, 100);
}

}  // namespace
}  // namespace opcost
