// SPDX-License-Identifier: Apache-2.0
// Comparisons of small models, each number of which can be done in one's head.
#include "opcost/report/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "src/report/grid.h"
#include "tests/report/fixture.h"
#include "tests/support/json_schema.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

RenderOptions As(Format format) {
  RenderOptions options;
  options.format = format;
  return options;
}

// A plain table that prices 8 and 16 bits too, each at a price of its own.
std::string WidthsTable() {
  std::string text = kPlainTable;
  text = Replaced(text, "float32 = { mul = 2.0, add = 1.0 }",
                  "float32 = { mul = 2.0, add = 1.0 }\n"
                  "float16 = { mul = 0.5, add = 0.25 }\n"
                  "int8 = { mul = 0.125, add = 0.0625 }\n"
                  "int32 = { mul = 1.5, add = 0.75 }");
  text = Replaced(text, "read = { 32 = 1.0 }", "read = { 32 = 1.0, 16 = 0.5 }");
  text =
      Replaced(text, "write = { 32 = 2.0 }", "write = { 32 = 2.0, 16 = 1.0 }");
  text = Replaced(text, "read = { 32 = 100.0 }",
                  "read = { 32 = 100.0, 16 = 60.0 }");
  return Replaced(text, "write = { 32 = 100.0 }",
                  "write = { 32 = 100.0, 16 = 60.0 }");
}

EstimateOptions WithBits(const std::string& bits) {
  EstimateOptions options;
  options.formats.bits = ParseNumberFormat(bits);
  return options;
}

// Sides of estimates under one table.
Comparison Compared(std::vector<ComparisonSide> sides,
                    const std::string& table = kPlainTable) {
  const CostTable parsed = ParsedTable(table);
  absl::StatusOr<Comparison> comparison = Compare(std::move(sides), &parsed);
  EXPECT_THAT(comparison, IsOk());
  return *std::move(comparison);
}

ComparisonSide Side(const Priced& priced, const std::string& name) {
  return SideOf(*priced, name);
}

// The tiny model with a pool less, and a Relu behind its convolution.
ModelBuilder OtherModel() {
  ModelBuilder builder;
  builder.Input("x", {1, 2, 4, 4})
      .Constant("w", {3, 2, 3, 3})
      .Constant("b", {3})
      .Node("Conv", "conv1", {"x", "w", "b"}, {"y"})
      .Node("Relu", "relu1", {"y"}, {"z"})
      .Node("Flatten", "flat", {"z"}, {"out"})
      .Output("out");
  return builder;
}

TEST(RatioTest, NothingOverNothingIsOne) {
  EXPECT_EQ(Ratio(0, 0), 1);
  EXPECT_EQ(Ratio(3, 2), 1.5);
  EXPECT_EQ(Ratio(0, 2), 0);
  EXPECT_EQ(Ratio(2, 0), std::numeric_limits<double>::infinity());
}

TEST(CompareTest, AModelAgainstItselfIsOneEverywhere) {
  const Priced tiny(TinyModel().Build());
  const Comparison same = Compared({Side(tiny, "a"), Side(tiny, "b")});
  EXPECT_THAT(same.ratios, ElementsAre(1, 1));
  ASSERT_EQ(same.layers.size(), 3u);
  for (int i = 0; i < 3; ++i) {
    const ComparedLayer& row = same.layers[static_cast<size_t>(i)];
    EXPECT_THAT(row.layers, ElementsAre(i, i));
    const Difference& none = *row.differences[1];
    EXPECT_THAT((std::vector{none.format, none.counts, none.width, none.tier,
                             none.static_pj, none.prices, none.unmatched}),
                Each(0.0));
  }
}

TEST(CompareTest, ADifferenceIsSplitIntoCountsWidthAndTier) {
  // conv1 of 216 MACs. Half the width: the weights, 54*2 = 108 bytes, move from
  // DRAM to SRAM.
  //   width  mul 216*(0.5-2), add 216*(0.25-1), reads of w in DRAM
  //          216*(60-100), of x in SRAM 216*(0.5-1), of b 12*(0.5-1), writes
  //          12*(1-2)
  //   tier   reads of w: 216*(0.5-60)
  const Priced wide(TinyModel().Build(), WidthsTable());
  const Priced narrow(TinyModel().Build(), WidthsTable(), WithBits("16"));
  const Comparison comparison =
      Compared({Side(wide, "32"), Side(narrow, "16")}, WidthsTable());
  const Difference& conv = *comparison.layers[0].differences[1];
  EXPECT_EQ(conv.format, 0);
  EXPECT_EQ(conv.counts, 0);
  EXPECT_DOUBLE_EQ(conv.width, 216 * (0.5 - 2) + 216 * (0.25 - 1) +
                                   216 * (60.0 - 100) + 216 * (0.5 - 1) +
                                   12 * (0.5 - 1) + 12 * (1.0 - 2));
  EXPECT_DOUBLE_EQ(conv.tier, 216 * (0.5 - 60));
  EXPECT_DOUBLE_EQ(conv.sum(), (*narrow).layers[0].sums.total.pj -
                                   (*wide).layers[0].sums.total.pj);
}

TEST(CompareTest, CountsAreComparedInTheFormatsAndTiersOfBase) {
  // Moved once: reads 54 of w, 32 of x, 3 of b; writes 12. The pool's 12 and 3
  // stay as they are.
  EstimateOptions once;
  once.memory.movement = Movement::kOnce;
  const Priced per_use(TinyModel().Build());
  const Priced moved_once(TinyModel().Build(), kPlainTable, once);
  const Comparison comparison =
      Compared({Side(per_use, "use"), Side(moved_once, "once")});
  const Difference& conv = *comparison.layers[0].differences[1];
  EXPECT_DOUBLE_EQ(conv.counts, (54 - 216) * 100.0 + (32 - 216) + (3 - 12));
  EXPECT_EQ(conv.width, 0);
  EXPECT_EQ(conv.tier, 0);
  EXPECT_DOUBLE_EQ(comparison.differences[1].counts,
                   comparison.differences[1].sum());
  EXPECT_DOUBLE_EQ(comparison.ratios[1], 6137.0 / 22530.0);
}

TEST(CompareTest, WhatHasNoPartnerIsADashAndADifferenceOfItsOwn) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const Comparison comparison =
      Compared({Side(tiny, "tiny"), Side(other, "other")});
  ASSERT_EQ(comparison.layers.size(), 4u);
  EXPECT_THAT(comparison.layers[0].layers, ElementsAre(0, 0));   // conv1
  EXPECT_THAT(comparison.layers[1].layers, ElementsAre(-1, 1));  // relu1
  EXPECT_THAT(comparison.layers[2].layers, ElementsAre(1, -1));  // pool1
  EXPECT_THAT(comparison.layers[3].layers, ElementsAre(2, 2));   // flat
  // Relu of 12: 12 adds, 12 reads, 12 writes.
  EXPECT_EQ(comparison.layers[1].differences[1]->unmatched, 12 + 12 + 12 * 2);
  EXPECT_EQ(comparison.layers[2].differences[1]->unmatched, -30);
  EXPECT_EQ(comparison.differences[1].unmatched, 48 - 30);
  const std::string text = RenderComparison(comparison, {});
  EXPECT_THAT(text, AllOf(HasSubstr("relu1"), HasSubstr("pool1"),
                          HasSubstr("by layers of one side")));
  for (const std::string& line : LinesOf(text)) {
    const bool is_lonely =
        line.rfind("relu1", 0) == 0 || line.rfind("pool1", 0) == 0;
    EXPECT_EQ(line.find(" - ") != line.npos || line.find(" -\n") != line.npos ||
                  (!line.empty() && line.back() == '-'),
              is_lonely)
        << line;
  }
}

TEST(CompareTest, VariantsShareARowThatBaseLacks) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const Comparison comparison = Compared(
      {Side(tiny, "tiny"), Side(other, "other"), Side(other, "again")});
  ASSERT_EQ(comparison.layers.size(), 4u);
  EXPECT_THAT(comparison.layers[1].layers, ElementsAre(-1, 1, 1));
}

TEST(CompareTest, AnUnknownLayerIsNeitherEqualNorADifference) {
  const Priced unknown(TinyModelWithUnknown().Build());
  const Comparison comparison =
      Compared({Side(unknown, "a"), Side(unknown, "b")});
  EXPECT_EQ(comparison.layers[1].differences[1], std::nullopt);
  EXPECT_EQ(comparison.ratios[1], 1);
  const std::string text = RenderComparison(comparison, {});
  EXPECT_THAT(text, AllOf(HasSubstr("?"), HasSubstr(">=")));
}

TEST(CompareTest, SidesUnderDifferentTablesDifferInPrices) {
  const std::string dear = Replaced(kPlainTable, "{ mul = 2.0, add = 1.0 }",
                                    "{ mul = 5.0, add = 1.0 }");
  const Priced cheap_tiny(TinyModel().Build());
  const Priced dear_tiny(TinyModel().Build(), dear);
  ComparisonSide variant = Side(dear_tiny, "dear");
  variant.at_base_prices = SideLayersOf(*cheap_tiny);
  const Comparison comparison =
      Compared({Side(cheap_tiny, "cheap"), std::move(variant)});
  EXPECT_DOUBLE_EQ(comparison.differences[1].prices, 216 * (5.0 - 2.0));
  EXPECT_DOUBLE_EQ(comparison.differences[1].sum(), 216 * (5.0 - 2.0));
}

TEST(CompareTest, TheStorageFormatIsAPartOfItsOwn) {
  // As if csr left a third of the products and a sixth of the reads.
  const Priced tiny(TinyModel().Build());
  ComparisonSide variant = Side(tiny, "csr");
  variant.dense = variant.layers;
  SideLayer& conv = variant.layers[0];
  conv.weight_format = "csr";
  conv.arithmetic[0].count = 72;
  conv.arithmetic[0].pj = 144;
  conv.energies.mul = 144;
  conv.energies.total -= 432 - 144;
  const Comparison stored = Compared({Side(tiny, "dense"), variant});
  EXPECT_DOUBLE_EQ(stored.layers[0].differences[1]->format, 144.0 - 432.0);
  EXPECT_EQ(stored.layers[0].differences[1]->counts, 0);
  // The same without the layer stored dense: counts are the format's.
  variant.dense.clear();
  const Comparison saved = Compared({Side(tiny, "dense"), variant});
  EXPECT_DOUBLE_EQ(saved.layers[0].differences[1]->format, 144.0 - 432.0);
  EXPECT_EQ(saved.layers[0].differences[1]->counts, 0);
  // Both in one format: the difference is in the counts.
  ComparisonSide base = Side(tiny, "csr too");
  base.layers[0].weight_format = "csr";
  const Comparison both = Compared({base, variant});
  EXPECT_EQ(both.layers[0].differences[1]->format, 0);
  EXPECT_DOUBLE_EQ(both.layers[0].differences[1]->counts, 144.0 - 432.0);
}

TEST(CompareTest, AWholeMacIsComparedWithItsMulAndItsAdd) {
  // int8 MACs are priced whole at 0.5, float32 ones as 2 and 1.
  const std::string table =
      Replaced(WidthsTable(), "int8 = { mul = 0.125, add = 0.0625 }",
               "int8 = { mul = 0.125, add = 0.0625, mac = 0.5 }");
  const Priced floats(TinyModel().Build(), table);
  const Priced ints(TinyModel().Build(), table, WithBits("int8"));
  const Comparison comparison =
      Compared({Side(floats, "float"), Side(ints, "int8")}, table);
  const Difference& conv = *comparison.layers[0].differences[1];
  EXPECT_EQ(conv.counts, 0);
  EXPECT_NEAR(
      conv.sum(),
      (*ints).layers[0].sums.total.pj - (*floats).layers[0].sums.total.pj,
      1e-9);
  const Comparison back =
      Compared({Side(ints, "int8"), Side(floats, "float")}, table);
  EXPECT_EQ(back.layers[0].differences[1]->counts, 0);
}

TEST(CompareTest, TheTableThatIsMissingLeavesDifferencesWhole) {
  const Priced tiny(TinyModel().Build());
  ASSERT_OK_AND_ASSIGN(const Comparison comparison,
                       Compare({Side(tiny, "a"), Side(tiny, "b")}, nullptr));
  EXPECT_FALSE(comparison.is_split);
  EXPECT_EQ(comparison.layers[0].differences[1], std::nullopt);
  ASSERT_EQ(comparison.diagnostics.all().size(), 1u);
  EXPECT_EQ(comparison.diagnostics.all()[0].code, "no-split");
}

TEST(CompareTest, OneSideAloneIsAnError) {
  const Priced tiny(TinyModel().Build());
  std::vector<ComparisonSide> sides;
  sides.push_back(Side(tiny, "a"));
  EXPECT_THAT(Compare(std::move(sides), nullptr),
              FailsWith("a comparison has two sides or more"));
}

TEST(CompareTest, JoulesAndMacsCanNotBeCompared) {
  const std::string relative =
      Replaced(kPlainTable, "unit = \"pJ\"", "unit = \"relative\"");
  const Priced joules(TinyModel().Build());
  const Priced macs(TinyModel().Build(), relative);
  EXPECT_THAT(
      Compare({Side(joules, "a"), Side(macs, "b")}, nullptr),
      FailsWith("b: table plain and plain of a have different units: one gives "
                "joules, the other is relative"));
}

TEST(RenderComparisonTest, JsonFollowsItsSchema) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const Priced unknown(TinyModelWithUnknown().Build());
  const Comparison comparison = Compared(
      {Side(tiny, "tiny"), Side(other, "other"), Side(unknown, "unknown")});
  RenderOptions options = As(Format::kJson);
  for (const GroupBy by : {GroupBy::kLayer, GroupBy::kOp}) {
    options.group_by = by;
    const json document = json::parse(RenderComparison(comparison, options));
    EXPECT_THAT(
        SchemaViolations(LoadSchema("comparison"), "comparison", document),
        IsEmpty());
    EXPECT_THAT(SchemaViolations(LoadSchema("comparison"), document),
                IsEmpty());
    EXPECT_EQ(document.contains("by_op"), by == GroupBy::kOp);
    for (json model : document["models"]) {
      model["layers"] = json::array();
      EXPECT_THAT(SchemaViolations(LoadSchema("report"), "report", model),
                  IsEmpty());
    }
  }
}

TEST(RenderComparisonTest, JsonHasEachSidesEnergies) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const Comparison comparison =
      Compared({Side(tiny, "tiny"), Side(other, "other")});
  const json document =
      json::parse(RenderComparison(comparison, As(Format::kJson)));
  EXPECT_EQ(document["names"], json::parse(R"(["tiny", "other"])"));
  EXPECT_EQ(document["models"][0]["totals"]["energy_pj"]["total"], 22530.0);
  EXPECT_EQ(document["layers"][1], json::parse(R"({
      "name": "relu1", "op": "Relu", "names": [null, "relu1"],
      "ops": [null, "Relu"], "weight_formats": [null, null],
      "status": ["absent", "exact"], "macs": [null, 0],
      "energy_pj": [null, 48.0], "ratios": [null, null],
      "differences": [null, {"total": 48.0, "format": 0.0, "counts": 0.0,
        "width": 0.0, "tier": 0.0, "static": 0.0, "prices": 0.0,
        "unmatched": 48.0}]})"));
  EXPECT_EQ(document["ratios"][0], 1.0);
  EXPECT_DOUBLE_EQ(double(document["ratios"][1]), 22548.0 / 22530.0);
  EXPECT_EQ(document["savings"][1]["by_operation"]["total"], -18.0);
  EXPECT_EQ(document["savings"][1]["by_tier"][0]["pj"], -18.0);
}

TEST(RenderComparisonTest, EachLineOfJsonlIsADocument) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const Comparison comparison =
      Compared({Side(tiny, "tiny"), Side(other, "other")});
  RenderOptions options = As(Format::kJsonl);
  for (const GroupBy by : {GroupBy::kLayer, GroupBy::kOp}) {
    options.group_by = by;
    const std::vector<std::string> lines =
        LinesOf(RenderComparison(comparison, options));
    ASSERT_EQ(lines.size(), 4u + 1u);
    for (const std::string& line : lines) {
      EXPECT_THAT(SchemaViolations(LoadSchema("comparison"), json::parse(line)),
                  IsEmpty());
    }
  }
}

TEST(RenderComparisonTest, CsvHasALineForEachLayerAndSide) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const Comparison comparison =
      Compared({Side(tiny, "tiny"), Side(other, "other")});
  const std::vector<std::string> lines =
      absl::StrSplit(RenderComparison(comparison, As(Format::kCsv)), "\r\n",
                     absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 1u + 2u * 4u);
  EXPECT_EQ(lines[0],
            "row,side,model,name,op,weight_format,status,macs,total_pj,ratio,"
            "difference_pj,format_pj,counts_pj,width_pj,tier_pj,static_pj,"
            "prices_pj,unmatched_pj");
  EXPECT_EQ(lines[1],
            "conv1,A,tiny,conv1,Conv,dense,exact,216,22500.0,1.0,,,,,,,,");
  EXPECT_EQ(lines[2],
            "conv1,B,other,conv1,Conv,dense,exact,216,22500.0,1.0,0.0,0.0,0.0,"
            "0.0,0.0,0.0,0.0,0.0");
  EXPECT_EQ(lines[3], "relu1,A,tiny,,Relu,,absent,,,,,,,,,,,");
  EXPECT_EQ(lines[4],
            "relu1,B,other,relu1,Relu,,exact,0,48.0,,48.0,0.0,0.0,0.0,0.0,0.0,"
            "0.0,48.0");
}

TEST(RenderComparisonTest, MarkdownHasTheSameTables) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const std::string text =
      RenderComparison(Compared({Side(tiny, "tiny"), Side(other, "other")}),
                       As(Format::kMarkdown));
  EXPECT_THAT(text,
              AllOf(HasSubstr("### tiny compared"), HasSubstr("| A | tiny |"),
                    HasSubstr("| relu1 |"), HasSubstr("| **total** |"),
                    HasSubstr("- all: array\\_scope tensor")));
}

TEST(RenderComparisonTest, TextIsNoWiderThanTheTerminal) {
  const Priced tiny(TinyModel().Build());
  std::vector<ComparisonSide> sides;
  for (int i = 0; i < 9; ++i) {
    sides.push_back(Side(tiny, absl::StrCat("a model with a long name ", i)));
  }
  const Comparison comparison = Compared(std::move(sides));
  RenderOptions options;
  for (const int width : {40, 60, 80, 100, 200}) {
    options.width = width;
    EXPECT_LE(WidthOf(RenderComparison(comparison, options)), width);
  }
  // Of nine sides at 100 columns, ratios stay and variants' energies go.
  options.width = 100;
  const std::string text = RenderComparison(comparison, options);
  EXPECT_THAT(text, HasSubstr("A nJ    B/A    C/A"));
}

TEST(RenderComparisonTest, RowsAreSortedCutAndGrouped) {
  const Priced tiny(TinyModel().Build());
  const Priced other(OtherModel().Build());
  const Comparison comparison =
      Compared({Side(tiny, "tiny"), Side(other, "other")});
  RenderOptions options;
  options.sort_by = SortBy::kEnergy;
  options.top = 2;
  options.unit = Unit::kPj;
  const std::string text = RenderComparison(comparison, options);
  EXPECT_LT(text.find("\nconv1"), text.find("\nrelu1"));
  EXPECT_THAT(text, AllOf(HasSubstr("\n2 others"), Not(HasSubstr("\npool1"))));
  options.top = std::nullopt;
  options.sort_by = SortBy::kName;
  const std::string by_name = RenderComparison(comparison, options);
  EXPECT_LT(by_name.find("\nflat"), by_name.find("\npool1"));
  EXPECT_LT(by_name.find("\npool1"), by_name.find("\nrelu1"));
  options.group_by = GroupBy::kOp;
  EXPECT_THAT(RenderComparison(comparison, options),
              AllOf(HasSubstr("\nConv "), Not(HasSubstr("\nconv1"))));
}

}  // namespace
}  // namespace opcost
