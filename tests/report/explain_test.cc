// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/report/fixture.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

TEST(ExplainTest, AConvolutionCanBeCheckedByHand) {
  const Priced tiny(TinyModel().Build());
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*tiny, "conv1", {}));
  EXPECT_THAT(text, StartsWith("conv1: Conv of ai.onnx opset 17\n"));
  EXPECT_THAT(text, HasSubstr(R"(
  inputs   x float32 1x2x4x4
           w float32 3x2x3x3 (constant)
           b float32 3 (constant)
  outputs  y float32 1x3x2x2
)"));
  EXPECT_THAT(text, HasSubstr(R"(
  MACs     = N*M*(C/group)*kernel*out_spatial
           = 1*3*(2/1)*9*4
           = 216
  mul      = MACs = 216
  add      = MACs = 216
  reads X  = MACs = 216
  reads W  = MACs = 216
  reads B  = [B]*out = 1*12 = 12
  writes Y = out = 12
)"));
  EXPECT_THAT(text, HasSubstr(R"(
arrays
  array  role    format                  size  tier  for sizes
  x      input   float32  32 x 32 bit = 128 B  SRAM  <= 128 B
  w      weight  float32  54 x 32 bit = 216 B  DRAM  > 128 B
  b      bias    float32    3 x 32 bit = 12 B  SRAM  <= 128 B
  y      output  float32   12 x 32 bit = 48 B  SRAM  <= 128 B
)"));
  EXPECT_THAT(text, HasSubstr(R"(
mul float32              2         plain float32.mul [made-up]
)"));
  EXPECT_THAT(text, HasSubstr(R"(
energy       count     pJ each         pJ
mul float32    216  x        2  =     432
add float32    216  x        1  =     216
read x         216  x        1  =     216
read w         216  x      100  =  21,600
read b          12  x        1  =      12
write y         12  x        2  =      24
total                           =  22,500

that is 22.5 nJ, 99.9 % of the model's 22.5 nJ
)"));
  EXPECT_THAT(text, HasSubstr("\n[made-up] Nobody, Numbers that are easy to "
                              "add, page 1\nR1   each use"));
  EXPECT_THAT(text, Not(HasSubstr("pool1")));
}

TEST(ExplainTest, FunctionsAreExpandedInTheOpen) {
  // Softmax of 2 rows of 3: exp and a sum per element, a division per row.
  const Priced priced(ModelBuilder()
                          .Input("x", {2, 3})
                          .Node("Softmax", "soft", {"x"}, {"out"})
                          .Output("out")
                          .Build());
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*priced, "soft", {}));
  EXPECT_THAT(text, HasSubstr("= rows*(exp*L + div + L) = 2*(10*3 + 5 + 3) = "
                              "76\n"));
  EXPECT_THAT(text, HasSubstr("= rows*(3*L + exp*L + div) = 2*(3*3 + 11*3 + "
                              "2) = 88\n"));
  EXPECT_THAT(text, HasSubstr("\n  exp  6 evaluations in float32, each 10 mul "
                              "+ 11 add (plain, [made-up])\n"));
  EXPECT_THAT(text, HasSubstr("\nR6   a function is"));
}

TEST(ExplainTest, AFunctionThatALayerDoesNotNeedIsStillANumber) {
  // LRN with a beta of 0.75 names sqrt behind a factor of 0.
  const Priced priced(
      ModelBuilder()
          .Input("x", {1, 2, 3})
          .Node("LRN", "lrn", {"x"}, {"out"}, {{"size", int64_t{5}}})
          .Output("out")
          .Build());
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*priced, "lrn", {}));
  // (5 + 1)*6 + (25 + 5)*6 mul, (5 + 1)*6 + (24 + 2)*6 add
  EXPECT_THAT(text, HasSubstr("= 216\n"));
  EXPECT_THAT(text, HasSubstr("= 192\n"));
}

TEST(ExplainTest, AFunctionWithItsOwnPriceIsNotExpanded) {
  const Priced priced(ModelBuilder()
                          .Input("x", {2, 3})
                          .Node("Tanh", "t", {"x"}, {"out"})
                          .Output("out")
                          .Build(),
                      Replaced(kPlainTable, "tanh = { mul = 16, add = 15 }",
                               "tanh = { pj = { float32 = 7.0 } }"));
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*priced, "t", {}));
  EXPECT_THAT(text, HasSubstr("\n  tanh  6 evaluations in float32, each priced "
                              "as an operation of its own\n"));
  EXPECT_THAT(text, HasSubstr("\ntanh float32      6  x        7  =  42\n"));
}

TEST(ExplainTest, InterpolatedPricesAndRangesSayWhereTheyAreFrom) {
  EstimateOptions options;
  options.formats.bits = FloatOfWidth(16);
  const Priced priced(
      TinyModel().Build(),
      Replaced(kPlainTable, "read = { 32 = 100.0 }",
               "read = { 32 = { value = 100.0, min = 50.0, max = 150.0 } }"),
      options);
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*priced, "conv1", {}));
  EXPECT_THAT(text, HasSubstr("plain, interpolated from float32.mul"));
  // All of 108 B of weights fit the first tier at 16 bits, so none is ranged.
  EXPECT_THAT(text, Not(HasSubstr("25 to 75")));
  const Priced wide(
      TinyModel().Build(),
      Replaced(kPlainTable, "read = { 32 = 100.0 }",
               "read = { 32 = { value = 100.0, min = 50.0, max = 150.0 } }"));
  ASSERT_OK_AND_ASSIGN(const std::string ranged, Explain(*wide, "conv1", {}));
  EXPECT_THAT(ranged,
              HasSubstr("\nread float32 at DRAM   100  50 to 150  plain "
                        "DRAM.read 32 [made-up]\n"));
}

TEST(ExplainTest, WithoutANameEveryLayerIsExplained) {
  const Priced tiny(TinyModel().Build());
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*tiny, "", {}));
  EXPECT_THAT(text, AllOf(StartsWith("conv1: "), HasSubstr("\n\n\npool1: "),
                          HasSubstr("\n\n\nflat: "),
                          HasSubstr("a view: it moves and computes nothing")));
}

TEST(ExplainTest, AnUnknownLayerSaysWhyAndWhatToDo) {
  const Priced priced(TinyModelWithUnknown().Build());
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*priced, "warp1", {}));
  EXPECT_THAT(text, HasSubstr("warp1: org.example.Warp of org.example opset "
                              "1\n"));
  EXPECT_THAT(text, HasSubstr("\nunknown: operator org.example.Warp of opset 1 "
                              "isn't known; "));
}

TEST(ExplainTest, ANameThatIsNotThereGetsNearMatches) {
  const Priced tiny(TinyModel().Build());
  EXPECT_THAT(Explain(*tiny, "conv2", {}),
              StatusIs(absl::StatusCode::kNotFound,
                       "tiny.onnx: no layer is called 'conv2'; did you mean "
                       "'conv1'?"));
}

TEST(ExplainTest, MarkdownIsAFencedText) {
  const Priced tiny(TinyModel().Build());
  RenderOptions options;
  options.format = Format::kMarkdown;
  options.color = true;
  ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*tiny, "flat", options));
  EXPECT_THAT(text, StartsWith("```text\nflat: Flatten"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b")));
}

TEST(ExplainTest, OtherFormatsAreRefused) {
  const Priced tiny(TinyModel().Build());
  RenderOptions options;
  options.format = Format::kJson;
  EXPECT_THAT(Explain(*tiny, "", options),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "an explanation is for people: give --format text or "
                       "markdown"));
}

TEST(ExplainTest, KeepsToItsWidth) {
  ModelBuilder builder = TinyModelWithUnknown();
  builder.model().graph.nodes[0].name = std::string(300, 'n');
  const Priced priced(builder.Build());
  for (const int width : {60, 80, 100}) {
    RenderOptions options;
    options.width = width;
    ASSERT_OK_AND_ASSIGN(const std::string text, Explain(*priced, "", options));
    EXPECT_LE(WidthOf(text), width) << text;
  }
}

}  // namespace
}  // namespace opcost
