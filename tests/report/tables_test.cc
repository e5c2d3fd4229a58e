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
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

RenderOptions As(Format format) {
  RenderOptions options;
  options.format = format;
  return options;
}

TEST(RenderTableListTest, ListsTheTablesThatComeAlong) {
  const TableLibrary library;
  EXPECT_THAT(RenderTableList(library, {}),
              AllOf(StartsWith("table "), HasSubstr("\nhorowitz-45nm "),
                    HasSubstr("compiled in")));
  const json list = json::parse(RenderTableList(library, As(Format::kJson)));
  EXPECT_THAT(SchemaViolations(LoadSchema("tables"), "list", list), IsEmpty());
  EXPECT_EQ(list["tables"].size(), library.List().size());
}

TEST(RenderTableTest, ShowsEachPriceWithItsSource) {
  const CostTable table = ParsedTable(kPlainTable);
  const std::string text = RenderTable(table, {});
  EXPECT_THAT(text, HasSubstr("name             plain\n"));
  EXPECT_THAT(text, HasSubstr("memory           SRAM (128 B), DRAM\n"));
  EXPECT_THAT(text, HasSubstr("\nfloat32 mul                      2         "
                              "made-up\n"));
  EXPECT_THAT(text, HasSubstr("\nexp                10 mul + 11 add         "
                              "made-up\n"));
  EXPECT_THAT(text, HasSubstr("\n[made-up] Nobody, Numbers that are easy to "
                              "add, page 1\n"));
}

TEST(RenderTableTest, IsValidJsonForEveryTableThatComesAlong) {
  const TableLibrary library;
  for (const TableLibrary::Listing& listing : library.List()) {
    ASSERT_OK_AND_ASSIGN(const CostTable table, library.Load(listing.name));
    const json document = json::parse(RenderTable(table, As(Format::kJson)));
    EXPECT_THAT(SchemaViolations(LoadSchema("tables"), document), IsEmpty());
    EXPECT_EQ(document["name"], listing.name);
  }
}

TEST(RenderTableTest, CsvAndMarkdownHoldThePrices) {
  const CostTable table = ParsedTable(kPlainTable);
  EXPECT_THAT(RenderTable(table, As(Format::kCsv)),
              StartsWith("price of one,pJ,range,source\r\n"
                         "float32 mul,2,,made-up\r\n"));
  EXPECT_THAT(RenderTable(table, As(Format::kMarkdown)),
              HasSubstr("| float32 mul | 2 |  | made-up |\n"));
}

TEST(RenderTableDiffTest, ShowsWhatDiffersWithItsRatio) {
  const CostTable a = ParsedTable(kPlainTable);
  const CostTable b = ParsedTable(Replaced(
      Replaced(Replaced(kPlainTable, "mul = 2.0, add = 1.0 }",
                        "mul = 3.0, add = 1.0 }\nint8 = { mul = 0.5, add = "
                        "0.25 }"),
               "exp = { mul = 10, add = 11 }", "exp = { mul = 4, add = 5 }"),
      "name = \"plain\"", "name = \"other\""));
  EXPECT_EQ(RenderTableDiff(a, b, As(Format::kCsv)),
            "price of one,plain,other,ratio\r\n"
            "float32 mul,2,3,1.500\r\n"
            "exp,10 mul + 11 add,4 mul + 5 add,\r\n"
            "int8 mul,,0.5,b only\r\n"
            "int8 add,,0.25,b only\r\n");
  const json document = json::parse(RenderTableDiff(a, b, As(Format::kJson)));
  EXPECT_THAT(SchemaViolations(LoadSchema("tables"), document), IsEmpty());
  EXPECT_EQ(document["prices"][0], json::parse(R"({
      "price": "float32 mul", "a": {"value": 2.0, "expansion": null},
      "b": {"value": 3.0, "expansion": null}, "ratio": 1.5})"));
}

TEST(RenderTableDiffTest, EqualTablesHaveNoDifference) {
  const CostTable table = ParsedTable(kPlainTable);
  EXPECT_EQ(RenderTableDiff(table, table, {}),
            "every price and capacity of plain and plain is the same\n");
}

TEST(RenderTableDiffTest, ShowsCapacitiesThatDiffer) {
  const CostTable a = ParsedTable(kPlainTable);
  const CostTable b =
      ParsedTable(Replaced(kPlainTable, "\"128 B\"", "\"192 B\""));
  EXPECT_EQ(RenderTableDiff(a, b, As(Format::kCsv)),
            "price of one,plain,plain,ratio\r\n"
            "SRAM capacity,128 B,192 B,1.500\r\n");
  const json document = json::parse(RenderTableDiff(a, b, As(Format::kJson)));
  EXPECT_THAT(SchemaViolations(LoadSchema("tables"), document), IsEmpty());
  EXPECT_EQ(document["capacities"], json::parse(R"([
      {"tier": "SRAM", "a_bytes": 128, "b_bytes": 192}])"));
}

TEST(RenderTableDiffTest, UnitsThatDifferAreSaid) {
  const CostTable a = ParsedTable(kPlainTable);
  const CostTable b = ParsedTable(
      Replaced(Replaced(kPlainTable, "unit = \"pJ\"", "unit = \"relative\""),
               "mul = 2.0", "mul = 3.0"));
  EXPECT_THAT(RenderTableDiff(a, b, {}),
              StartsWith("plain is in pJ, plain in MAC: the ratios mean "
                         "nothing\n\n"));
}

}  // namespace
}  // namespace opcost
