// SPDX-License-Identifier: Apache-2.0
#include "opcost/support/csv_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(CsvReaderTest, ReadsCellsInRowsOfAsManyAsTheHeader) {
  ASSERT_OK_AND_ASSIGN(const CsvDocument document,
                       ParseCsv("d.csv", "a,b\r\n1,2\r\n\n# no\n3,\n"));
  EXPECT_THAT(document.header, ElementsAre("a", "b"));
  ASSERT_EQ(document.rows.size(), 2U);
  EXPECT_THAT(document.rows[0].cells, ElementsAre("1", "2"));
  EXPECT_EQ(document.rows[0].line, 2);
  EXPECT_THAT(document.rows[1].cells, ElementsAre("3", ""));
  EXPECT_EQ(document.rows[1].line, 5);
  EXPECT_EQ(document.FindColumn("b"), 1U);
  EXPECT_EQ(document.FindColumn("c"), std::nullopt);
}

TEST(CsvReaderTest, QuotesHoldCommasLinesAndQuotes) {
  ASSERT_OK_AND_ASSIGN(
      const CsvDocument document,
      ParseCsv("d.csv", "a,b\n\"x, \"\"y\"\"\nz\",\"\"\nlast,row"));
  ASSERT_EQ(document.rows.size(), 2U);
  EXPECT_THAT(document.rows[0].cells, ElementsAre("x, \"y\"\nz", ""));
  EXPECT_THAT(document.rows[1].cells, ElementsAre("last", "row"));
  EXPECT_EQ(document.rows[1].line, 4);
}

TEST(CsvReaderTest, AByteOrderMarkIsNotPartOfTheHeader) {
  ASSERT_OK_AND_ASSIGN(const CsvDocument document, ParseCsv("d.csv",
                                                            "\xEF\xBB\xBF"
                                                            "a\n"));
  EXPECT_THAT(document.header, ElementsAre("a"));
  EXPECT_THAT(document.rows, IsEmpty());
}

TEST(CsvReaderTest, NamesTheLineThatIsWrong) {
  EXPECT_THAT(ParseCsv("d.csv", "\n# only\n"),
              FailsWith("d.csv:3: expected a line of column names"));
  EXPECT_THAT(ParseCsv("d.csv", "a,b\n1,2\n1\n"),
              FailsWith("d.csv:3: the row has 1 cells, the header 2"));
  EXPECT_THAT(ParseCsv("d.csv", "a\n\"x\"y\n"),
              FailsWith("d.csv:2: text behind a cell's closing quote; expected "
                        "a comma or the line's end"));
  EXPECT_THAT(ParseCsv("d.csv", "a\n\"x\ny"),
              FailsWith("d.csv:2: a cell's opening quote has no closing one"));
}

}  // namespace
}  // namespace opcost
