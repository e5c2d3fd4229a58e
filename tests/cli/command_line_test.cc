// SPDX-License-Identifier: Apache-2.0
#include "src/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

absl::StatusOr<CommandLine> Parse(const std::string& text) {
  return ParseCommandLine(absl::StrSplit(text, ' ', absl::SkipEmpty()));
}

TEST(CommandLineTest, EstimateIsImplied) {
  for (const char* text : {"m.onnx", "estimate m.onnx", "-q m.onnx"}) {
    ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse(text));
    EXPECT_EQ(line.command, kEstimate) << text;
    EXPECT_THAT(line.operands, ElementsAre("m.onnx")) << text;
  }
}

TEST(CommandLineTest, ADashAndAPathAreModels) {
  for (const char* text : {"-", "./tables", "dir/tables", "tables.onnx"}) {
    ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse(text));
    EXPECT_EQ(line.command, kEstimate) << text;
    EXPECT_THAT(line.operands, ElementsAre(text));
  }
}

TEST(CommandLineTest, ATwoWordCommandIsOne) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse("tables diff a b"));
  EXPECT_EQ(line.command, kTablesDiff);
  EXPECT_THAT(line.operands, ElementsAre("a", "b"));
}

TEST(CommandLineTest, TheDefaultsAreTheDocumentedOnes) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse("m.onnx"));
  EXPECT_EQ(line.table, "horowitz-45nm");
  EXPECT_EQ(line.estimate.formats.bits, std::nullopt);
  EXPECT_EQ(line.estimate.memory.movement, Movement::kPerUse);
  EXPECT_EQ(line.estimate.memory.array_scope, ArrayScope::kTensor);
  EXPECT_EQ(line.estimate.memory.weights_from, std::nullopt);
  EXPECT_EQ(line.input.batch, std::nullopt);
  EXPECT_EQ(line.render.format, Format::kText);
  EXPECT_EQ(line.render.sort_by, SortBy::kOrder);
  EXPECT_EQ(line.render.group_by, GroupBy::kLayer);
  EXPECT_EQ(line.render.unit, Unit::kAuto);
  EXPECT_EQ(line.render.top, std::nullopt);
  EXPECT_FALSE(line.has_top);
}

TEST(CommandLineTest, FormatsAreFloatsOfAWidthOrTypes) {
  ASSERT_OK_AND_ASSIGN(
      const CommandLine line,
      Parse("m.onnx --bits 16 --weight-bits int8 --activation-bits=bfloat16 "
            "--accumulator-bits 32"));
  EXPECT_EQ(line.estimate.formats.bits, FloatOfWidth(16));
  EXPECT_EQ(line.estimate.formats.weight_bits, FormatOf(DataType::kInt8));
  EXPECT_EQ(line.estimate.formats.activation_bits,
            FormatOf(DataType::kBfloat16));
  EXPECT_EQ(line.estimate.formats.accumulator_bits, FloatOfWidth(32));
}

TEST(CommandLineTest, TheMachineIsATableAndAMemoryModel) {
  ASSERT_OK_AND_ASSIGN(
      const CommandLine line,
      Parse("m.onnx --table t.toml --memory-model once --reads weight=per-use "
            "--reads input=once --array-scope operand --weights-from DRAM"));
  EXPECT_EQ(line.table, "t.toml");
  const MemoryOptions& memory = line.estimate.memory;
  EXPECT_EQ(memory.movement, Movement::kOnce);
  EXPECT_EQ(memory.weight_reads, Movement::kPerUse);
  EXPECT_EQ(memory.input_reads, Movement::kOnce);
  EXPECT_EQ(memory.bias_reads, std::nullopt);
  EXPECT_EQ(memory.array_scope, ArrayScope::kOperand);
  EXPECT_EQ(memory.weights_from, "DRAM");
}

TEST(CommandLineTest, InputsAreNumbersBySymbolAndShapesByName) {
  ASSERT_OK_AND_ASSIGN(
      const CommandLine line,
      Parse("shapes m.onnx --batch 8 --dim a=1 --dim b=c=2 --unbound 3 "
            "--input x=1x3x224x224 --input s=scalar --input v=7"));
  EXPECT_EQ(line.input.batch, 8);
  EXPECT_EQ(line.input.unbound, 3);
  EXPECT_THAT(line.input.dims, ElementsAre(Pair("a", 1), Pair("b=c", 2)));
  EXPECT_THAT(line.input.input_shapes,
              ElementsAre(Pair("s", ElementsAre()), Pair("v", ElementsAre(7)),
                          Pair("x", ElementsAre(1, 3, 224, 224))));
}

TEST(CommandLineTest, OutputOptionsSayHowToRender) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line,
                       Parse("m.onnx --format csv -o out.csv --by op --sort "
                             "energy --top 7 --unit mJ --color never -v"));
  EXPECT_EQ(line.render.format, Format::kCsv);
  EXPECT_EQ(line.output, "out.csv");
  EXPECT_EQ(line.render.group_by, GroupBy::kOp);
  EXPECT_EQ(line.render.sort_by, SortBy::kEnergy);
  EXPECT_EQ(line.render.top, 7);
  EXPECT_EQ(line.render.unit, Unit::kMj);
  EXPECT_EQ(line.color, When::kNever);
  EXPECT_EQ(line.render.verbosity, 1);
}

TEST(CommandLineTest, AnOptionThatNamesAListTakesBracketsAsTheyAre) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line,
                       Parse("explain ./[a,b] --layer [c,d]"));
  EXPECT_THAT(line.operands, ElementsAre("./[a,b]"));
  EXPECT_EQ(line.layer, "[c,d]");
}

TEST(CommandLineTest, AfterTwoDashesAllAreOperands) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse("estimate -- -q.onnx"));
  EXPECT_THAT(line.operands, ElementsAre("-q.onnx"));
}

struct BadLine {
  const char* text;
  const char* message;
};

constexpr char kNoNumber0[] =
    " is not a whole number from 0 to 9223372036854775807";

const BadLine kBadLines[] = {
    {"estimate", "an argument is missing; use: opcost estimate MODEL"},
    {"tables show",
     "an argument is missing; use: opcost tables show NAME|FILE"},
    {"m.onnx n.onnx",
     "unexpected argument 'n.onnx'; use: opcost estimate MODEL"},
    {"-q explain m.onnx",
     "the command comes first: opcost explain m.onnx [options]"},
    {"tabels",
     "'tabels' is neither a command nor a file; did you mean "
     "'tables'?"},
    {"simulate",
     "'simulate' is neither a command nor a file; opcost --help "
     "lists the commands"},
    {"tables shw",
     "unknown command 'tables shw'; use tables show, check, new or diff"},
    {"m.onnx --bit 8", "unknown option '--bit'; did you mean '--bits'?"},
    {"m.onnx --quantum=on",
     "unknown option '--quantum'; opcost help estimate lists the options"},
    {"m.onnx --graph=fused",
     "--graph: unknown value 'fused'; use as-written, folded or deployed"},
    {"m.onnx -x",
     "unknown option '-x'; opcost help estimate lists the options"},
    {"shapes m.onnx --bits 8",
     "'shapes' has no use for --bits, an option of "
     "estimate, explain, compare, sweep, weights, measure and calibrate"},
    {"tables check t.toml -q",
     "'tables check' has no use for -q, an option of "
     "estimate, explain, shapes, compare, sweep, weights, collect, measure "
     "and calibrate"},
    {"m.onnx --bits", "--bits needs a value: --bits B"},
    {"m.onnx --bits= 8", "--bits needs a value: --bits B"},
    {"m.onnx -o", "-o needs a value: -o FILE"},
    {"m.onnx --quiet=3", "--quiet takes no value"},
    {"m.onnx --bits 8 --bits 8", "--bits is given more than once"},
    {"m.onnx -q -v", "-q and -v contradict each other"},
    {"m.onnx --bits fp32",
     "--bits: unknown number format 'fp32'; use a width (32: a float of 32 "
     "bits), a type (int8, bfloat16) or a kind and a width (float8, int6)"},
    {"m.onnx --weight-bits in8",
     "--weight-bits: unknown number format 'in8'; use a width (32: a float of "
     "32 bits), a type (int8, bfloat16) or a kind and a width (float8, int6); "
     "did you mean 'int8'"},
    {"m.onnx --memory-model twice",
     "--memory-model: unknown value 'twice'; use per-use or once"},
    {"m.onnx --reads once",
     "--reads: 'once' does not have the form ROLE=once|per-use"},
    {"m.onnx --reads output=once",
     "--reads: unknown value 'output'; use weight, input or bias"},
    {"m.onnx --reads bias=once --reads bias=per-use",
     "--reads: 'bias' is given twice, with different values"},
    {"m.onnx --array-scope x",
     "--array-scope: unknown value 'x'; use tensor or operand"},
    {"m.onnx --batch 0",
     "--batch: '0' is not a whole number from 1 to 9223372036854775807"},
    {"m.onnx --batch -1",
     "--batch: '-1' is not a whole number from 1 to 9223372036854775807"},
    {"m.onnx --dim N", "--dim: 'N' does not have the form NAME=N"},
    {"m.onnx --dim =3", "--dim: '=3' does not have the form NAME=N"},
    {"m.onnx --dim N=1e3", kNoNumber0},
    {"m.onnx --dim N=9223372036854775808", kNoNumber0},
    {"m.onnx --dim N=1 --dim N=2", "--dim: 'N' is given twice, as 1 and as 2"},
    {"m.onnx --unbound x", kNoNumber0},
    {"m.onnx --input x",
     "--input: 'x' does not have the form NAME=1x3x224x224"},
    {"m.onnx --input x=1xx3", "--input: '' is not a whole number from 0"},
    {"m.onnx --input x=1 --input x=2",
     "--input: 'x' is given twice, with different shapes"},
    {"m.onnx --format xml",
     "--format: unknown value 'xml'; use text, markdown, json, csv or jsonl"},
    {"shapes m.onnx --format jsonl",
     "--format: unknown value 'jsonl'; use text, markdown, json or csv"},
    {"explain m.onnx --format json",
     "--format: unknown value 'json'; use text or markdown"},
    {"m.onnx --by tier", "--by: unknown value 'tier'; use layer or op"},
    {"m.onnx --sort --top",
     "--sort: unknown value '--top'; use order, energy, macs or name"},
    {"m.onnx --top 0",
     "--top: '0' is not a whole number from 1 to "
     "9223372036854775807, nor 'all'"},
    {"m.onnx --unit kJ",
     "--unit: unknown value 'kJ'; use auto, pJ, nJ, uJ, mJ or J"},
    {"m.onnx --color maybe",
     "--color: unknown value 'maybe'; use auto, always or never"},
    {"explain m.onnx --layer=", "--layer needs a value: --layer NAME"},
};

TEST(CommandLineTest, ErrorsSayWhatIsWrongAndWhatToType) {
  for (const BadLine& bad : kBadLines) {
    const absl::StatusOr<CommandLine> line = Parse(bad.text);
    EXPECT_THAT(line, FailsWith(::testing::HasSubstr(bad.message))) << bad.text;
    EXPECT_TRUE(IsUsageError(line.status())) << bad.text;
  }
}

TEST(CommandLineTest, AnEmptyValueIsAnError) {
  EXPECT_THAT(ParseCommandLine({"explain", "m.onnx", "--layer", ""}),
              FailsWith("--layer: its value must not be empty"));
  EXPECT_THAT(ParseCommandLine({""}),
              FailsWith(::testing::HasSubstr("'' is neither a command")));
}

TEST(OptionRowsTest, HaveAHelpTextAValueNameAndACommand) {
  for (const OptionRow& row : OptionRows()) {
    EXPECT_FALSE(row.help.empty()) << row.flags;
    EXPECT_NE(row.commands, 0u) << row.flags;
    EXPECT_EQ(row.long_flag().substr(0, 2), "--") << row.flags;
  }
}

}  // namespace
}  // namespace opcost
