// SPDX-License-Identifier: Apache-2.0
// Where variants are read from and written to, and what goes wrong there.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/tools/variant_run.h"

namespace opcost::variants {
namespace {

// The literals below are products of a few small numbers.
// NOLINTBEGIN(bugprone-implicit-widening-of-multiplication-result)

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kNet[] =
    "g (float[1,40] x, float[40,30] w, float[30] b, float[2,30] v) =>"
    "   (float[1,2] y) {"
    "  h = Gemm(x, w, b)"
    "  y = Gemm<transB = 1>(h, v)"
    "}";

Variant Pruned(double fraction = 0.5) {
  Variant variant;
  variant.fraction = fraction;
  return variant;
}

std::map<std::string, std::vector<double>> ElementsOf(const std::string& path) {
  std::map<std::string, std::vector<double>> elements;
  for (const auto& [name, stored] : TensorsOf(path))
    elements[name] = stored.elements;
  return elements;
}

TEST(OutputTest, TensorsAreTheSameWhereverTheyAreReadAndWritten) {
  const std::string inside = Save(WithWeights(kNet));
  const std::string outside = SaveExternal(WithWeights(kNet), "apart");
  EXPECT_EQ(ElementsOf(inside), ElementsOf(outside));
  std::vector<std::map<std::string, std::vector<double>>> results;
  for (const std::string& path : {inside, outside}) {
    for (const Place place : {Place::kExternal, Place::kEmbedded}) {
      ASSERT_OK_AND_ASSIGN(
          const Written written,
          WriteVariantOf(path, Pruned(), Source::Weights::kRead, place));
      ExpectSound(written.path);
      results.push_back(ElementsOf(written.path));
      const std::string bytes = ReadBytes(written.path);
      EXPECT_EQ(bytes.size() > 4 * 40 * 30, place == Place::kEmbedded);
      std::filesystem::remove_all(TestFolder() + "out");
    }
  }
  for (const auto& result : results) EXPECT_EQ(result, results[0]);
}

TEST(OutputTest, LargeTensorsLieApartAndSmallOnesInTheModel) {
  const std::string path = Save(WithWeights(kNet));
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Pruned()));
  const onnx::ModelProto model = ReadModel(written.path);
  for (const auto& tensor : model.graph().initializer()) {
    SCOPED_TRACE(tensor.name());
    // w has 4800 bytes, v 240 and b 120.
    EXPECT_EQ(tensor.data_location() == onnx::TensorProto::EXTERNAL,
              tensor.name() == "w");
  }
  EXPECT_EQ(std::filesystem::file_size(TestFolder() + "out/pruned50.weights"),
            4 * 40 * 30);
}

TEST(OutputTest, TheSameModelGivesTheSameBytes) {
  const std::string path = Save(WithWeights(kNet));
  std::vector<std::string> bytes;
  for (int run = 0; run < 2; ++run) {
    ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Pruned()));
    bytes.push_back(ReadBytes(written.path) +
                    ReadBytes(TestFolder() + "out/pruned50.weights"));
    std::filesystem::remove_all(TestFolder() + "out");
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST(OutputTest, LargeConstantNodesAreWeightsToo) {
  onnx::ModelProto model = WithWeights(kNet);
  onnx::GraphProto& graph = *model.mutable_graph();
  onnx::NodeProto constant;
  constant.set_op_type("Constant");
  constant.add_output("w");
  onnx::AttributeProto* value = constant.add_attribute();
  value->set_name("value");
  value->set_type(onnx::AttributeProto::TENSOR);
  *value->mutable_t() = graph.initializer(0);
  graph.mutable_initializer()->DeleteSubrange(0, 1);
  *graph.add_node() = constant;
  std::rotate(graph.mutable_node()->pointer_begin(),
              graph.mutable_node()->pointer_end() - 1,
              graph.mutable_node()->pointer_end());
  const std::string path = Save(model);
  ASSERT_OK_AND_ASSIGN(const Written written, WriteVariantOf(path, Pruned()));
  ExpectSound(written.path);
  EXPECT_THAT(OperatorsOf(written.path), ElementsAre("Gemm", "Gemm"));
  const std::vector<double> elements = ElementsOf(written.path)["w"];
  EXPECT_EQ(std::count(elements.begin(), elements.end(), 0), 600);
}

TEST(OutputTest, AMissingWeightFileIsNamedWithItsRemedy) {
  const std::string path = SaveExternal(WithWeights(kNet));
  std::filesystem::remove(TestFolder() + "net.data");
  EXPECT_THAT(WriteVariantOf(path, Pruned()),
              FailsWith(absl::StrCat(
                  path, ": tensor 'w': its weights: ", TestFolder(),
                  "net.data: No such file or directory; put the file there, or "
                  "write variants without weights (--no-weights)")));
}

TEST(OutputTest, AWeightFileThatIsCutOffIsAnError) {
  const std::string path = SaveExternal(WithWeights(kNet));
  std::filesystem::resize_file(TestFolder() + "net.data", 4799);
  EXPECT_THAT(
      WriteVariantOf(path, Pruned()),
      FailsWith(absl::StrCat(
          path, ": tensor 'w': ", TestFolder(),
          "net.data has 4799 bytes, but 4800 from byte 0 are wanted; the file "
          "is cut off, or of another model")));
}

TEST(OutputTest, AModelIsntOverwritten) {
  const std::string path = Save(WithWeights(kNet), "pruned50");
  ASSERT_OK_AND_ASSIGN(const auto source,
                       Source::Open(path, Source::Weights::kRead));
  ASSERT_OK_AND_ASSIGN(const NewModel model, MakeVariant(*source, Pruned()));
  const std::string before = ReadBytes(path);
  EXPECT_THAT(
      Write(*source, model, TestFolder(), "pruned50", Place::kExternal),
      FailsWith(absl::StrCat(path,
                             ": is a file of the model itself; write to "
                             "another folder (-o)")));
  EXPECT_EQ(ReadBytes(path), before);
}

TEST(OutputTest, AFolderThatCantBeMadeIsAnError) {
  const std::string path = Save(WithWeights(kNet));
  ASSERT_OK_AND_ASSIGN(const auto source,
                       Source::Open(path, Source::Weights::kRead));
  ASSERT_OK_AND_ASSIGN(const NewModel model, MakeVariant(*source, Pruned()));
  EXPECT_THAT(Write(*source, model, path + "/inside", "x", Place::kExternal),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(path)));
}

TEST(OutputTest, WithoutWeightsOnlyStructureCanChange) {
  const std::string path = SaveExternal(WithWeights(kNet));
  EXPECT_THAT(WriteVariantOf(path, Pruned(), Source::Weights::kAbsent),
              FailsWith("--no-weights: pruned50 differs from the model in its "
                        "weights alone; leave that option out"));
}

TEST(OutputTest, AModelWithoutWeightsHasNothingToPrune) {
  const std::string path = Save(
      *ProtoFromText("g (float[2,3] x) => (float[2,3] y) { y = Relu(x) }"));
  EXPECT_THAT(WriteVariantOf(path, Pruned()),
              FailsWith("no convolution, Gemm, MatMul or recurrent layer has a "
                        "stored float weight"));
}

TEST(OutputTest, FractionsAndPatternsAreRead) {
  EXPECT_EQ(*ParseFraction("0.9"), 0.9);
  EXPECT_EQ(*ParseFraction("25%"), 0.25);
  for (const char* text : {"0", "1", "-0.5", "90", "100%", "x", "", "nan"}) {
    EXPECT_THAT(ParseFraction(text),
                FailsWith(absl::StrCat("'", text,
                                       "' is no fraction; expected 0.9 or 90%, "
                                       "between 0 and 1")));
  }
  Variant variant;
  EXPECT_THAT(ParseNm("2:4", &variant), IsOk());
  EXPECT_EQ(variant.n, 2);
  EXPECT_EQ(variant.m, 4);
  for (const char* text : {"4:2", "2", "0:4", "2:65", "2:4:8", "a:b"}) {
    EXPECT_THAT(ParseNm(text, &variant),
                FailsWith(absl::StrCat("'", text,
                                       "' is no pattern; expected N:M such as "
                                       "2:4, N below M, M at most 64")));
  }
}

TEST(OutputTest, NamesSayWhatAVariantIs) {
  Variant variant;
  const auto named = [&](Variant::Kind kind) {
    variant.kind = kind;
    return variant.Suffix();
  };
  variant.fraction = 0.905;
  variant.n = 2;
  variant.m = 4;
  variant.bits = 7;
  EXPECT_EQ(named(Variant::Kind::kPruned), "pruned90.5");
  EXPECT_EQ(named(Variant::Kind::kNm), "2of4");
  EXPECT_EQ(named(Variant::Kind::kChannels), "channels90.5");
  EXPECT_EQ(named(Variant::Kind::kUniform), "uniform7");
  EXPECT_EQ(named(Variant::Kind::kInt8), "int8");
  EXPECT_EQ(named(Variant::Kind::kInt4), "int4");
}

// NOLINTEND(bugprone-implicit-widening-of-multiplication-result)

}  // namespace
}  // namespace opcost::variants
