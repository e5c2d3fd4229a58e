// SPDX-License-Identifier: Apache-2.0
#include "opcost/ops/custom_operators.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kHead[] = R"(schema = "opcost.operators/1"
[[operator]]
domain = "com.acme"
name = "Gate"
)";

// `rest` begins in line 5.
std::string File(const std::string& rest) { return absl::StrCat(kHead, rest); }

constexpr char kGate[] = R"(
inputs = [
  { name = "X", shape = ["rest...", "C"] },
  { name = "W", shape = ["C"], role = "weight" },
  { name = "b", shape = ["C"], role = "bias", optional = true },
]
attributes = { heads = 2 }
outputs = [{ name = "Y", type = "X", shape = ["rest...", "C//heads"] }]
macs = "rest*C"
add = "has_b*rest"
functions = { sigmoid = "rest" }
reads = { X = "2*rest*C", W = "rest*C", b = "rest" }
)";

struct Described {
  Described(const std::string& file, const std::string& graph,
            bool keeps_symbols = false)
      : model(ModelFromText(absl::StrCat(
            "<ir_version: 8, opset_import: [\"\" : 13, \"com.acme\" : 3]> g ",
            graph))) {
    absl::StatusOr<CustomOperators> operators =
        CustomOperators::Parse("ops.toml", file);
    if (!operators.ok()) {
      analysis = operators.status();
      return;
    }
    options.operators =
        std::make_shared<const CustomOperators>(*std::move(operators));
    options.keep_symbols = keeps_symbols;
    analysis = model.ok() ? Analyze(*model, options)
                          : absl::StatusOr<Analysis>(model.status());
  }

  std::string Text() const {
    if (!analysis.ok()) return std::string(analysis.status().message());
    std::string text;
    for (const LayerCounts& layer : analysis->layers) {
      absl::StrAppend(
          &text, layer.name, " ",
          ToString(analysis->values[static_cast<size_t>(layer.node->outputs[0])]
                       .type),
          ":");
      for (const Arith& arith : layer.counts.arith) {
        absl::StrAppend(&text, " ", Name(arith.op), " ",
                        arith.count.ToString());
      }
      for (const Access& access : layer.counts.accesses) {
        absl::StrAppend(&text, " ", Name(access.role), " ",
                        access.reads.ToString(), "/", access.writes.ToString());
      }
    }
    return text;
  }

  absl::StatusOr<Model> model;
  InputOptions options;
  absl::StatusOr<Analysis> analysis = absl::UnknownError("not run");
};

TEST(CustomOperatorsTest, CountsByTheDescription) {
  EXPECT_EQ(
      Described(File(kGate), R"((float[2,3,8] x, float[8] w) => (float[2,3,4] y)
                          { y = com.acme.Gate(x, w) })")
          .Text(),
      "y float32 2x3x4: mul 48 add 48 sigmoid 6 input 96/0 input 48/0 "
      "output 0/24");
  EXPECT_EQ(
      Described(File(kGate),
                R"((float[2,3,8] x, float[8] w, float[8] b) => (float[2,3,2] y)
             { y = com.acme.Gate<heads = 4>(x, w, b) })")
          .Text(),
      "y float32 2x3x2: mul 48 add 48 add 6 sigmoid 6 input 96/0 input 48/0 "
      "bias 6/0 output 0/12");
}

TEST(CustomOperatorsTest, SymbolsAreCarriedThrough) {
  EXPECT_EQ(
      Described(File(kGate), R"((float[N,S,8] x, float[8] w) => (float[N,S,4] y)
                          { y = com.acme.Gate(x, w) })",
                true)
          .Text(),
      "y float32 NxSx4: mul 8*N*S add 8*N*S sigmoid N*S input 16*N*S/0 "
      "input 8*N*S/0 output 0/4*N*S");
}

TEST(CustomOperatorsTest, ANodeThatContradictsTheDescriptionIsNamed) {
  struct Case {
    const char* graph;
    const char* message;
  };
  for (const Case& c :
       {Case{R"((float[2,8] x, float[7] w) => (float[2,4] y)
                { y = com.acme.Gate(x, w) })",
             "test.onnx: Gate 'y': axis 0 of input 1 is 7, but 'C' is 8"},
        Case{R"((float[8] x, float[7,1] w) => (float[4] y)
                { y = com.acme.Gate(x, w) })",
             "test.onnx: Gate 'y': input 1 is 7x1, but its description has 1 "
             "axis"},
        Case{R"((float[2,8] x) => (float[2,4] y) { y = com.acme.Gate(x) })",
             "Gate 'y'"},
        Case{R"((float[2,8] x, float[8] w) => (float[2,4] y)
                { y = com.acme.Gate(x, w, w, w) })",
             "test.onnx: Gate 'y': it has 4 inputs, but its description has "
             "3"},
        Case{R"((float[2,8] x, float[8] w) => (float[2,4] y)
                { y = com.acme.Gate<heads = 0>(x, w) })",
             "divides by zero"},
        Case{R"((float[2,8] x, float[8] w) => (float[2,4] y)
                { y = com.acme.Gate<heads = -2>(x, w) })",
             "test.onnx: Gate 'y': 'C//heads' of output 'Y' is -4, which is "
             "no extent"}}) {
    EXPECT_THAT(Described(File(kGate), c.graph).Text(), HasSubstr(c.message));
  }
}

TEST(CustomOperatorsTest, GoesBeforeARuleOfTheSameDomainAndNameWithANote) {
  const std::string file = R"(schema = "opcost.operators/1"
[[operator]]
domain = "ai.onnx"
name = "Relu"
inputs = [{ name = "X", shape = ["rest..."] }]
outputs = [{ name = "Y", shape = ["rest..."] }]
add = "7*rest"
)";
  const Described run(file, "(float[2,3] x) => (float[2,3] y) { y = Relu(x) }");
  EXPECT_EQ(run.Text(), "y float32 2x3: add 42 input 6/0 output 0/6");
  ASSERT_EQ(run.analysis->diagnostics.all().size(), 1u);
  EXPECT_EQ(run.analysis->diagnostics.all()[0].message,
            "ops.toml describes Relu and goes before opcost's own rule");
  const Described other(
      file, "(float[2,3] x) => (float[2,3] y) { y = com.acme.Relu(x) }");
  EXPECT_EQ(other.analysis->layers[0].coverage.status,
            Coverage::Status::kUnknown);
}

TEST(CustomOperatorsTest, TheLatestVersionThatHoldsIsTaken) {
  std::string file = "schema = \"opcost.operators/1\"\n";
  for (const int since : {1, 3, 4}) {
    absl::StrAppend(
        &file, "[[operator]]\ndomain = \"com.acme\"\nname = \"A\"\n",
        "since = ", since, "\ninputs = [{ name = \"X\", shape = [\"N\"] }]\n",
        "outputs = [{ name = \"Y\", shape = [\"N\"] }]\nadd = ", since, "\n");
  }
  EXPECT_EQ(
      Described(file, "(float[2] x) => (float[2] y) { y = com.acme.A(x) }")
          .Text(),
      "y float32 2: add 3 input 2/0 output 0/2");
}

TEST(CustomOperatorsTest, ABoundIsTheLayersStatus) {
  const Described run(File(R"(bound = "it may stop early"
inputs = [{ name = "X", shape = ["N"] }]
outputs = [{ name = "Y", shape = ["N"] }]
)"),
                      "(float[2] x) => (float[2] y) { y = com.acme.Gate(x) }");
  EXPECT_EQ(run.analysis->layers[0].coverage.status, Coverage::Status::kBound);
  EXPECT_EQ(run.analysis->layers[0].coverage.reason, "it may stop early");
}

struct Mistake {
  std::string text;
  const char* message;
};

void ExpectMistakes(const std::vector<Mistake>& mistakes) {
  for (const Mistake& mistake : mistakes) {
    EXPECT_THAT(CustomOperators::Parse("ops.toml", mistake.text),
                FailsWith(HasSubstr(mistake.message)))
        << mistake.text;
  }
}

constexpr char kX[] = "inputs = [{ name = \"X\", shape = [\"N\"] }]\n";
constexpr char kY[] = "outputs = [{ name = \"Y\", shape = [\"N\"] }]\n";

TEST(CustomOperatorsTest, MistakesInExpressionsAreErrorsWithTheirPlace) {
  const std::string x = kX;
  const std::string y = kY;
  ExpectMistakes(
      {Mistake{"schema = 1", "ops.toml:1:10: expected a string"},
       Mistake{"", "missing key 'schema'"},
       Mistake{"schema = \"opcost.operators/2\"",
               "ops.toml:1:10: unknown schema 'opcost.operators/2'; expected "
               "'opcost.operators/1'"},
       Mistake{File("oops = 1\n"), "ops.toml:5:1: unknown key 'oops'"},
       Mistake{File(y), "missing key 'inputs'"},
       Mistake{File(x), "missing key 'outputs'"},
       Mistake{File(x + y + "mul = \"2*Q\"\n"),
               "ops.toml:7:7: '2*Q': unknown name 'Q' at character 3; the "
               "names are N"},
       Mistake{File(x + y + "mul = \"2*\"\n"),
               "ops.toml:7:7: '2*': expected a number or a name at character "
               "3, found the end"},
       Mistake{File(x + y + "mul = -1\n"),
               "ops.toml:7:7: expected a number from 0, found -1"},
       Mistake{File(x + y + "mul = \"3-4\"\n"),
               "ops.toml:7:7: '3-4' is -1, which is neither a size nor a "
               "count"},
       Mistake{File(x + y + "functions = { sqr = 1 }\n"),
               "ops.toml:7:15: unknown function 'sqr'; use div, sqrt"},
       Mistake{File(x + y + "reads = { Z = 1 }\n"),
               "ops.toml:7:11: no input is called 'Z'"},
       Mistake{File(x + y + "writes = { X = 1 }\n"),
               "ops.toml:7:12: no output is called 'X'"},
       Mistake{File(x + y + "operands = [\"Z\"]\n"),
               "ops.toml:7:13: no input is called 'Z'"}});
}

TEST(CustomOperatorsTest, MistakesInOperandsAreErrorsWithTheirPlace) {
  const std::string x = kX;
  const std::string y = kY;
  ExpectMistakes(
      {Mistake{File(x + y + "mac_operands = [\"X\"]\n"),
               "ops.toml:7:16: 'mac_operands' has no meaning without 'macs'"},
       Mistake{File(x + y + "attributes = { a = \"maybe\" }\n"),
               "expected the number that holds where the node lacks the "
               "attribute, or \"required\""},
       Mistake{File(x + y + "since = 0\n"), "ops.toml:7:9: 'since' is 0"},
       Mistake{File("inputs = []\n" + y),
               "ops.toml:5:10: 'inputs' has 0 entries; expected 1 to 32"},
       Mistake{File("inputs = [{ name = \"1\", shape = [] }]\n" + y),
               "'1' is no name of an input"},
       Mistake{File("inputs = [{ name = \"X\", shape = [\"N\"], role = "
                    "\"x\" }]\n" +
                    y),
               "unknown role 'x'; use input, weight, bias or index"},
       Mistake{File("inputs = [{ name = \"X\", shape = [\"a...\", \"b...\"] "
                    "}]\n" +
                    y),
               "a second 'b...' in one shape"},
       Mistake{File("inputs = [{ name = \"X\", shape = [\"N\"] }, { name = "
                    "\"X\", shape = [] }]\n" +
                    y),
               "the name 'X' is taken; choose another"},
       Mistake{File(x + "outputs = [{ name = \"Y\", type = \"float33\", "
                        "shape = [] }]\n"),
               "'float33' is neither an element type (float32) nor an input"},
       Mistake{File(x + "outputs = [{ name = \"Y\", shape = [\"M\"] }]\n"),
               "'M': unknown name 'M' at character 1; the names are N"},
       Mistake{File(x + "outputs = [{ name = \"Y\", shape = [\"r...\"] }]\n"),
               "no input has 'r...'"},
       Mistake{File(x + y) +
                   "[[operator]]\ndomain = \"com.acme\"\nname = "
                   "\"Gate\"\n" +
                   x + y,
               "is described twice"}});
}

TEST(CustomOperatorsTest, TheExampleThatShipsIsValid) {
  std::ifstream file(OPCOST_SOURCE_DIR "/operators/example.toml");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_EQ(Described(text, R"((float[2,3,8] q, float[2,5,4] k, float[2,5,4] v)
                   => (float[2,3,8] y)
                   { y = com.acme.SharedAttention<H = 2>(q, k, v) })")
                .Text(),
            "y float32 2x3x8: mul 480 add 480 mul 60 add 120 exp 60 div 12 "
            "input 240/0 input 240/0 input 240/0 output 0/48");
}

TEST(CustomOperatorsTest, TheLegendHoldsTheNumbersOfTheFormula) {
  const Described run(File(kGate),
                      R"((float[2,3,8] x, float[8] w) => (float[2,3,4] y)
                                { y = com.acme.Gate(x, w) })");
  ASSERT_THAT(run.analysis, IsOk());
  const LayerCounts& layer = run.analysis->layers[0];
  EXPECT_EQ(layer.def->formula.mul, "MACs + (rest)*sigmoid");
  EXPECT_EQ(layer.def->formula.add, "MACs + has_b*rest + (rest)*sigmoid");
  EXPECT_EQ(layer.def->formula.reads,
            "X: 2*rest*C; W: rest*C; b: [has_b]*(rest)");
  std::string legend;
  for (const auto& [name, value] : LegendOf(*run.analysis, layer)) {
    absl::StrAppend(&legend, name, "=", value.ToString(), " ");
  }
  EXPECT_THAT(legend, HasSubstr("heads=2 rest=6 C=8 C=8 has_b=0 C=8 "));
}

}  // namespace
}  // namespace opcost
