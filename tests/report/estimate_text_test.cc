// SPDX-License-Identifier: Apache-2.0
// Text and markdown.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "tests/report/fixture.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Text(const Estimate& estimate, RenderOptions options = {}) {
  options.format = Format::kText;
  return RenderEstimate(estimate, options);
}

// The first words of the lines of the table of layers.
std::vector<std::string> RowsOf(const std::string& text) {
  std::vector<std::string> rows;
  bool is_inside = false;
  for (const std::string& line : LinesOf(text)) {
    if (is_inside && line.empty()) break;
    if (is_inside) rows.push_back(line.substr(0, line.find("  ")));
    is_inside = is_inside || absl::StartsWith(line, "layer") ||
                absl::StartsWith(line, "operator");
  }
  return rows;
}

TEST(EstimateTextTest, ShowsLayersTotalsAndWhatTheyRestOn) {
  const Priced tiny(TinyModel().Build());
  EXPECT_EQ(Text(*tiny),
            R"(tiny.onnx
57 parameters (228 B), 216 MACs, opset 17

inputs   x float32 1x2x4x4
formats  as in the graph
prices   plain: Whole numbers for tests
memory   per-use; array scope tensor
graph    folded; padding counted; weights dense

layer  operator  output   MACs      mul    add    read  write  total nJ      %
conv1  Conv      1x3x2x2   216    0.432  0.216  21.828  0.024    22.500   99.9  ██████████
pool1  MaxPool   1x3x1x1     0    0      0.012   0.012  0.006     0.030    0.1  ▏
flat   Flatten   1x3         0    0      0       0      0         0        0
total                      216    0.432  0.228  21.840  0.030    22.530  100.0

operation  count      nJ      %
mul          216   0.432    1.9
add          228   0.228    1.0
read         456  21.840   96.9
write         15   0.030    0.1
total             22.530  100.0

memory  reads  writes      nJ     %
SRAM      240      15   0.270   1.2
DRAM      216       0  21.600  95.9

total  = 22.530 nJ
once   6.137 nJ if each array moved once
)");
}

TEST(EstimateTextTest, AnUnknownLayerIsNamedWithReasonAndRemedy) {
  const Priced priced(TinyModelWithUnknown().Build());
  const std::string text = Text(*priced);
  EXPECT_THAT(text, HasSubstr("\nwarp1  org.example.Warp  ?           ?    ?  "
                              "    ?       ?      ?          ?        ?\n"));
  EXPECT_THAT(
      text,
      HasSubstr("\nunknown, and not in the total:\n"
                "  org.example.Warp 'warp1': operator org.example.Warp of "
                "opset 1 isn't known; "));
  EXPECT_THAT(text, HasSubstr("\ntotal  >= 22.530 nJ, a lower bound: 1 layer "
                              "is unknown\n"));
}

TEST(EstimateTextTest, UpperBoundsAndBothAreSaid) {
  const auto bound = [](Analysis& a) {
    a.layers[0].coverage = {Coverage::Status::kBound, "it may stop early", ""};
  };
  const Priced upper(TinyModel().Build(), kPlainTable, {}, bound);
  EXPECT_THAT(
      Text(*upper),
      HasSubstr("\nupper bounds:\n  Conv 'conv1': it may stop early\n"));
  EXPECT_THAT(Text(*upper), HasSubstr("\ntotal  <= 22.530 nJ, an upper bound: "
                                      "1 layer counts at most this much\n"));
  const Priced both(TinyModelWithUnknown().Build(), kPlainTable, {}, bound);
  EXPECT_THAT(Text(*both),
              HasSubstr("\ntotal  ~ 22.530 nJ, neither bound: 1 layer is "
                        "unknown, 1 layer counts at most this much\n"));
}

TEST(EstimateTextTest, QuietAndVerboseSayLessAndMoreOfBounds) {
  const Priced priced(TinyModel().Build(), kPlainTable, {}, [](Analysis& a) {
    a.layers[0].coverage = {Coverage::Status::kBound, "it may stop early", ""};
  });
  RenderOptions options;
  options.verbosity = -1;
  EXPECT_THAT(Text(*priced, options), Not(HasSubstr("upper bounds:")));
  options.verbosity = 1;
  EXPECT_THAT(Text(*priced, options), HasSubstr("upper bounds:"));
}

TEST(EstimateTextTest, ATopSumsTheOthers) {
  RenderOptions options;
  options.top = 1;
  const Priced tiny(TinyModel().Build());
  EXPECT_THAT(RowsOf(Text(*tiny, options)),
              ElementsAre("conv1", "2 others", "total"));
  EXPECT_THAT(Text(*tiny, options),
              HasSubstr("\n2 others                        0    0      0.012   "
                        "0.012  0.006     0.030    0.1\n"));
  options.top = 2;
  EXPECT_THAT(RowsOf(Text(*tiny, options)),
              ElementsAre("conv1", "pool1", "1 other", "total"));
  options.top = 3;
  EXPECT_THAT(RowsOf(Text(*tiny, options)),
              ElementsAre("conv1", "pool1", "flat", "total"));
}

TEST(EstimateTextTest, OthersTellHowManyOfThemAreUnknown) {
  RenderOptions options;
  options.top = 1;
  options.width = 120;
  const Priced priced(TinyModelWithUnknown().Build());
  EXPECT_THAT(RowsOf(Text(*priced, options)),
              ElementsAre("conv1", "2 others (1 unknown)", "total"));
}

TEST(EstimateTextTest, SortsAsAsked) {
  const auto rows = [](SortBy by) {
    RenderOptions options;
    options.sort_by = by;
    ModelBuilder builder;
    builder.Input("x", {1, 2})
        .Constant("w", {2, 3})
        .Constant("v", {3, 9})
        .Node("Flatten", "c", {"x"}, {"y"})
        .Node("MatMul", "b", {"y", "w"}, {"z"})
        .Node("MatMul", "a", {"z", "v"}, {"out"})
        .Output("out");
    const Priced priced(builder.Build());
    return RowsOf(Text(*priced, options));
  };
  EXPECT_THAT(rows(SortBy::kOrder), ElementsAre("c", "b", "a", "total"));
  EXPECT_THAT(rows(SortBy::kEnergy), ElementsAre("a", "b", "c", "total"));
  EXPECT_THAT(rows(SortBy::kMacs), ElementsAre("a", "b", "c", "total"));
  EXPECT_THAT(rows(SortBy::kName), ElementsAre("a", "b", "c", "total"));
}

TEST(EstimateTextTest, GroupsByOperator) {
  RenderOptions options;
  options.group_by = GroupBy::kOp;
  const Priced tiny(TinyModel().Build());
  EXPECT_THAT(
      Text(*tiny, options),
      HasSubstr(
          "operator  layers  MACs      mul    add    read  write  total nJ  "
          "    %\n"
          "Conv           1   216    0.432  0.216  21.828  0.024    22.500  "
          " 99.9  ██████████\n"));
}

TEST(EstimateTextTest, KeepsToItsWidth) {
  ModelBuilder builder = TinyModelWithUnknown();
  std::vector<Node>& nodes = builder.model().graph.nodes;
  nodes[0].name = std::string(300, 'n');
  nodes[1].name = "层/卷积/非常长的名字/" + std::string(200, '/') + "\xFF\n";
  nodes[2].op_type = "MaxPool";
  builder.model().path = "/a/long/" + std::string(200, 'p') + "/model.onnx";
  const Priced priced(builder.Build());
  for (const int width : {20, 40, 60, 80, 100, 160}) {
    RenderOptions options;
    options.width = width;
    const std::string text = Text(*priced, options);
    EXPECT_LE(WidthOf(text), width) << text;
    EXPECT_THAT(text, HasSubstr("22.5"));
  }
}

TEST(EstimateTextTest, ColourIsOnlyThereIfAskedAndChangesNoLetter) {
  const Priced priced(TinyModelWithUnknown().Build());
  RenderOptions options;
  const std::string plain = Text(*priced, options);
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  options.color = true;
  std::string colored = Text(*priced, options);
  EXPECT_THAT(colored, HasSubstr("\x1b[33mwarp1"));
  for (const char* code : {"\x1b[0m", "\x1b[1m", "\x1b[2m", "\x1b[33m"}) {
    for (size_t at = colored.find(code); at != std::string::npos;
         at = colored.find(code)) {
      colored.erase(at, std::string(code).size());
    }
  }
  EXPECT_EQ(colored, plain);
}

TEST(EstimateTextTest, ARelativeTableNeverSaysJoules) {
  const Priced priced(
      TinyModel().Build(),
      Replaced(kPlainTable, "unit = \"pJ\"", "unit = \"relative\""));
  RenderOptions options;
  options.unit = Unit::kMj;
  const std::string text = Text(*priced, options);
  EXPECT_THAT(text, HasSubstr("\ntotal  = 22.530 k MAC\n"));
  EXPECT_THAT(text, HasSubstr("in units of one MAC, not joules"));
  EXPECT_THAT(text, Not(HasSubstr("mJ")));
  EXPECT_THAT(text, Not(HasSubstr("nJ")));
}

TEST(EstimateTextTest, TheUnitIsTheOneThatIsAskedFor) {
  RenderOptions options;
  options.unit = Unit::kPj;
  const Priced tiny(TinyModel().Build());
  EXPECT_THAT(Text(*tiny, options), HasSubstr("\ntotal  = 22530 pJ\n"));
}

TEST(EstimateTextTest, ARangeStandsBelowTheTotal) {
  const Priced priced(
      TinyModel().Build(),
      Replaced(kPlainTable, "{ 32 = 100.0 }\nwrite",
               "{ 32 = { value = 100.0, min = 50.0, max = 150.0 } }\nwrite"));
  EXPECT_THAT(Text(*priced),
              HasSubstr("\nrange  11.730 to 33.330 nJ by the ranges of "
                        "its prices\n"));
}

TEST(EstimateTextTest, ABatchIsAlsoGivenPerSample) {
  ModelBuilder builder;
  builder.Input("x", {4, 2})
      .Constant("w", {2, 3})
      .Node("MatMul", "m", {"x", "w"}, {"out"})
      .Output("out");
  // 4*2*3 = 24 MACs: 24 mul x 2 + 24 add + 48 reads + 12 writes x 2 = 144.
  const Priced priced(builder.Build());
  EXPECT_THAT(Text(*priced), HasSubstr("\ntotal       = 144.00 pJ\n"));
  EXPECT_THAT(Text(*priced), HasSubstr("\nper sample  36.00 pJ, 4 samples\n"));
}

TEST(EstimateTextTest, StaticEnergyAndTimeAreSaid) {
  const Priced priced(TinyModel().Build(),
                      std::string(kPlainTable) +
                          "[static]\nwatts = 2.0\n"
                          "macs_per_second = { float32 = 216.0e6 }\n");
  EXPECT_THAT(Text(*priced), HasSubstr("\ntime    1.00 us\n"));
  EXPECT_THAT(Text(*priced), HasSubstr("\nstatic  2000.0 nJ of the total\n"));
}

TEST(EstimateTextTest, TheOptionsAreSaid) {
  EstimateOptions options;
  options.formats.bits = FloatOfWidth(32);
  options.formats.weight_bits = FloatOfWidth(32);
  options.memory.weight_reads = Movement::kOnce;
  options.memory.array_scope = ArrayScope::kOperand;
  options.memory.weights_from = "DRAM";
  const Priced priced(TinyModel().Build(), kPlainTable, options);
  EXPECT_THAT(Text(*priced),
              HasSubstr("\nformats  every floating-point tensor as float32; "
                        "weights float32\n"));
  EXPECT_THAT(Text(*priced),
              HasSubstr("\nmemory   per-use; weights once; array scope "
                        "operand; weights from DRAM\n"));
}

TEST(EstimateTextTest, AModelWithoutLayersIsAReportToo) {
  const Priced priced(ModelBuilder().Input("x", {2}).Output("x").Build());
  EXPECT_THAT(Text(*priced), HasSubstr("\nno layer is left to run\n"));
  EXPECT_THAT(Text(*priced), HasSubstr("\ntotal       = 0 pJ\n"));
}

TEST(EstimateMarkdownTest, IsAListAndTables) {
  const Priced tiny(TinyModel().Build());
  RenderOptions options;
  options.format = Format::kMarkdown;
  EXPECT_EQ(RenderEstimate(*tiny, options), R"(### tiny.onnx

57 parameters (228 B), 216 MACs, opset 17

- inputs: x float32 1x2x4x4
- formats: as in the graph
- prices: plain: Whole numbers for tests
- memory: per-use; array scope tensor
- graph: folded; padding counted; weights dense

- **total = 22.530 nJ**
- once: 6.137 nJ if each array moved once

| layer | operator | output | MACs | mul | add | read | write | total nJ | % |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
| conv1 | Conv | 1x3x2x2 | 216 | 0.432 | 0.216 | 21.828 | 0.024 | 22.500 | 99.9 |
| pool1 | MaxPool | 1x3x1x1 | 0 | 0 | 0.012 | 0.012 | 0.006 | 0.030 | 0.1 |
| flat | Flatten | 1x3 | 0 | 0 | 0 | 0 | 0 | 0 | 0 |
| **total** |  |  | **216** | **0.432** | **0.228** | **21.840** | **0.030** | **22.530** | **100.0** |

| operation | count | nJ | % |
| --- | ---: | ---: | ---: |
| mul | 216 | 0.432 | 1.9 |
| add | 228 | 0.228 | 1.0 |
| read | 456 | 21.840 | 96.9 |
| write | 15 | 0.030 | 0.1 |
| **total** |  | **22.530** | **100.0** |

| memory | reads | writes | nJ | % |
| --- | ---: | ---: | ---: | ---: |
| SRAM | 240 | 15 | 0.270 | 1.2 |
| DRAM | 216 | 0 | 21.600 | 95.9 |
)");
}

}  // namespace
}  // namespace opcost
