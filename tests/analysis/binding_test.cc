// SPDX-License-Identifier: Apache-2.0
// Dimensions that the model calls by an expression, and what the options make
// of them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "opcost/analysis/analysis.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

// A decoder's inputs: a mask over all positions, new ones and past ones.
constexpr char kCache[] = R"(
  (float[B,ALL] mask, float[B,S] x, float[B,P] past) => (float[B,M] y) {
    y = Concat<axis = 1>(past, x, mask)
  })";

struct Bound {
  Bound(const std::map<std::string, std::string>& names,
        const InputOptions& options, const std::string& text = kCache)
      : model(ModelFromText(text, names)),
        analysis(model.ok() ? InferShapes(*model, options)
                            : absl::StatusOr<Analysis>(model.status())) {}

  std::string Types() const {
    if (!analysis.ok()) return std::string(analysis.status().message());
    std::string types;
    for (const ValueIndex input : model->graph.inputs) {
      if (!types.empty()) types += ", ";
      types += ToString(
          analysis->values[static_cast<size_t>(input)].type.tensor.shape);
    }
    return types;
  }

  absl::StatusOr<Model> model;
  absl::StatusOr<Analysis> analysis;
};

InputOptions KeepingSymbols() {
  InputOptions options;
  options.keep_symbols = true;
  return options;
}

InputOptions With(std::map<std::string, int64_t> dims) {
  InputOptions options = KeepingSymbols();
  options.dims = std::move(dims);
  return options;
}

TEST(DimensionNameTest, AnExpressionIsReadOverItsNames) {
  const Bound kept({{"ALL", "P + S"}}, KeepingSymbols());
  EXPECT_EQ(kept.Types(), "BxP+S, BxS, BxP");
  EXPECT_EQ(ToString(kept.analysis->values[3].type.tensor.shape), "Bx2*P+2*S");
}

TEST(DimensionNameTest, ANameThatIsNoExpressionStaysASymbol) {
  EXPECT_EQ(Bound({{"ALL", "total length"}, {"P", "-"}, {"S", "input.1"}},
                  KeepingSymbols())
                .Types(),
            "Bxtotal length, Bxinput.1, Bx-");
}

TEST(DimensionNameTest, ANumberIsASize) {
  EXPECT_EQ(Bound({{"ALL", "128"}}, KeepingSymbols()).Types(),
            "Bx128, BxS, BxP");
}

TEST(DimensionNameTest, ValuesWithoutADimensionNameKeepTheirOwn) {
  EXPECT_EQ(Bound({}, KeepingSymbols(),
                  "(float[?,3] a) => (float[?,3] y) { y = Relu(a) }")
                .Types(),
            "a.0x3");
}

TEST(DimensionNameTest, DimBindsTheUnderlyingNames) {
  EXPECT_EQ(Bound({{"ALL", "P+S"}}, With({{"P", 7}})).Types(),
            "BxS+7, BxS, Bx7");
  EXPECT_EQ(Bound({{"ALL", "P+S"}}, With({{"P", 7}, {"S", 1}})).Types(),
            "Bx8, Bx1, Bx7");
}

TEST(DimensionNameTest, DimOfTheWholeTextSettlesTheNameThatIsLeft) {
  EXPECT_EQ(Bound({{"ALL", "P + 1"}}, With({{"P + 1", 8}})).Types(),
            "Bx8, BxS, Bx7");
  EXPECT_EQ(Bound({{"ALL", "P+S"}}, With({{"P+S", 8}, {"S", 3}})).Types(),
            "Bx8, Bx3, Bx5");
  const Bound twice({{"ALL", "2*P"}}, With({{"2*P", 8}}));
  EXPECT_EQ(twice.Types(), "Bx8, BxS, Bx4");
  EXPECT_EQ(twice.analysis->bound_dims.at("P"), 4);
}

TEST(DimensionNameTest, DimOfATextThatStaysOpenIsItsNumberAsItStands) {
  const Bound sum({{"ALL", "P+S"}}, With({{"P+S", 8}}));
  EXPECT_EQ(sum.Types(), "Bx8, BxS, BxP");
  EXPECT_EQ(sum.analysis->bound_dims.at("P+S"), 8);
  EXPECT_EQ(Bound({{"ALL", "floor(P/2)"}}, With({{"floor(P/2)", 8}})).Types(),
            "Bx8, BxS, BxP");
}

TEST(DimensionNameTest, ContradictionsAreErrorsThatNameTheText) {
  EXPECT_EQ(
      Bound({{"ALL", "P+S"}}, With({{"P+S", 8}, {"S", 3}, {"P", 4}})).Types(),
      "--dim P+S makes dimension 'P+S' 8, but the other options make it "
      "7");
  EXPECT_EQ(Bound({{"ALL", "2*P"}}, With({{"2*P", 7}})).Types(),
            "--dim 2*P makes dimension '2*P' 7, but no size of 'P' makes it "
            "that");
  EXPECT_EQ(Bound({{"ALL", "P+5"}}, With({{"P+5", 4}})).Types(),
            "--dim P+5 makes dimension 'P+5' 4, but no size of 'P' makes it "
            "that");
}

TEST(DimensionNameTest, InputSettlesNamesInWhateverOrder) {
  InputOptions options = KeepingSymbols();
  options.input_shapes = {{"mask", {2, 8}}, {"past", {2, 5}}, {"x", {2, 3}}};
  EXPECT_EQ(Bound({{"ALL", "P+S"}}, options).Types(), "2x8, 2x3, 2x5");
  options.input_shapes.erase("past");
  EXPECT_EQ(Bound({{"ALL", "P+S"}}, options).Types(), "2x8, 2x3, 2x5");
  options.input_shapes = {{"mask", {2, 8}}, {"past", {2, 6}}, {"x", {2, 3}}};
  EXPECT_EQ(Bound({{"ALL", "P+S"}}, options).Types(),
            "--input mask makes dimension 'P+S' 8, but the other options make "
            "it 9");
}

TEST(DimensionNameTest, BatchSettlesAnExpressionOnAxisZero) {
  InputOptions options = KeepingSymbols();
  options.batch = 8;
  EXPECT_EQ(Bound({{"B", "2*N"}}, options).Types(), "8xALL, 8xS, 8xP");
  const Bound bound({{"B", "2*N"}}, options);
  EXPECT_EQ(bound.analysis->bound_dims.at("N"), 4);
}

TEST(DimensionNameTest, UnboundNamesAreListedNotTheTexts) {
  InputOptions options;
  EXPECT_THAT(
      Bound({{"ALL", "P+S"}}, options).Types(),
      HasSubstr("dimensions 'P', 'S' of the inputs are not a number; give them "
                "with --dim P=<size> --dim S=<size>"));
  options.unbound = 4;
  EXPECT_EQ(Bound({{"ALL", "P+S"}}, options).Types(), "1x8, 1x4, 1x4");
}

TEST(DimensionNameTest, ANameInsideAnExpressionIsNoBatch) {
  EXPECT_THAT(Bound({{"ALL", "B+1"}}, {}).Types(),
              HasSubstr("dimensions 'B', 'P', 'S' of the inputs"));
  EXPECT_THAT(Bound({{"B", "2*N"}}, {}).Types(), HasSubstr("'N'"));
}

TEST(DimensionNameTest, AShapeThatTheModelDeclaresBehindAnUnknownOperator) {
  const char* const model = R"(
    (float[S,P] x) => (float[ALL,Q] y) { y = com.acme.Swirl(x) })";
  const std::string with_domain = absl::StrCat(
      "<ir_version: 8, opset_import: [\"\" : 13, \"com.acme\" : "
      "1]> g ",
      model);
  const Bound bound({{"ALL", "P+S"}}, With({{"P", 7}}), with_domain);
  ASSERT_THAT(bound.analysis, IsOk());
  EXPECT_EQ(ToString(bound.analysis->values[1].type.tensor.shape), "S+7xQ");
}

TEST(DimensionNameTest, HostileNamesAreSymbols) {
  for (const std::string& name :
       {std::string(300, '('), std::string(200, '-') + "1",
        std::string("9999999999*9999999999*9999999999"), std::string("1/0"),
        std::string("(a+b+c+d+e+f)^64"), std::string(100000, 'x')}) {
    const Bound bound({{"ALL", name}}, KeepingSymbols());
    EXPECT_TRUE(bound.analysis.ok() || !bound.Types().empty());
  }
}

}  // namespace
}  // namespace opcost
