// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/report/fixture.h"
#include "tests/support/json_schema.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

// x Nx2x4x4 through Flatten, a constant, and a value that nothing is known of.
Model SymbolicModel() {
  return ModelBuilder()
      .Input("x", {Extent::Symbol("N"), 2, 4, 4})
      .Constant("w", {3, 2}, DataType::kInt8)
      .Node("Flatten", "flat", {"x"}, {"y"})
      .Node("Warp", "warp", {"y", "w"}, {"z"}, {}, "org.example")
      .Output("y")
      .Output("z")
      .Build();
}

std::string Render(Format format) {
  const Model model = SymbolicModel();
  InputOptions inputs;
  inputs.keep_symbols = true;
  const absl::StatusOr<Analysis> analysis = InferShapes(model, inputs);
  EXPECT_THAT(analysis, IsOk());
  RenderOptions options;
  options.format = format;
  return analysis.ok() ? RenderShapes(*analysis, options) : "";
}

TEST(RenderShapesTest, TextListsEveryValueInOrder) {
  EXPECT_EQ(Render(Format::kText),
            "value  type     shape    constant  from\n"
            "x      float32  Nx2x4x4            input\n"
            "w      int8     3x2      constant  initializer\n"
            "y      float32  Nx32     output    Flatten\n"
            "z      ?        ?        output    Warp\n");
}

TEST(RenderShapesTest, JsonHasSymbolsAsStringsAndTheUnknownAsNull) {
  const json shapes = json::parse(Render(Format::kJson));
  EXPECT_EQ(shapes, json::parse(R"({
      "schema": "opcost.shapes/1",
      "values": [
        {"name": "x", "kind": "tensor", "type": "float32",
         "shape": ["N", 2, 4, 4], "constant": false},
        {"name": "w", "kind": "tensor", "type": "int8", "shape": [3, 2],
         "constant": true},
        {"name": "y", "kind": "tensor", "type": "float32",
         "shape": ["N", 32], "constant": false},
        {"name": "z", "kind": null, "type": null, "shape": null,
         "constant": false}],
      "outputs": ["y", "z"]})"));
  EXPECT_THAT(SchemaViolations(LoadSchema("shapes"), "shapes", shapes),
              IsEmpty());
  EXPECT_THAT(SchemaViolations(LoadSchema("shapes"), shapes), IsEmpty());
}

TEST(RenderShapesTest, JsonLinesHaveAValueALineAndThenTheOutputs) {
  const std::vector<std::string> lines = LinesOf(Render(Format::kJsonl));
  ASSERT_EQ(lines.size(), 5U);
  for (const std::string& line : lines) {
    EXPECT_THAT(SchemaViolations(LoadSchema("shapes"), json::parse(line)),
                IsEmpty());
  }
  EXPECT_EQ(lines[4], R"({"outputs":["y","z"]})");
}

TEST(RenderShapesTest, CsvHasARowAValue) {
  EXPECT_EQ(Render(Format::kCsv),
            "name,kind,type,shape,constant,producer\r\n"
            "x,tensor,float32,Nx2x4x4,false,input\r\n"
            "w,tensor,int8,3x2,true,initializer\r\n"
            "y,tensor,float32,Nx32,false,Flatten\r\n"
            "z,unknown,?,?,false,Warp\r\n");
}

TEST(RenderShapesTest, MarkdownIsATable) {
  EXPECT_EQ(Render(Format::kMarkdown),
            "| value | type | shape | constant | from |\n"
            "| --- | --- | --- | --- | --- |\n"
            "| x | float32 | Nx2x4x4 |  | input |\n"
            "| w | int8 | 3x2 | constant | initializer |\n"
            "| y | float32 | Nx32 | output | Flatten |\n"
            "| z | ? | ? | output | Warp |\n");
}

}  // namespace
}  // namespace opcost
