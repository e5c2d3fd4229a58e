// SPDX-License-Identifier: Apache-2.0
#include "src/report/grid.h"

#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "src/report/utf8.h"

namespace opcost {
namespace {

Grid Sample() {
  Grid grid({{"layer", false, true, 0},
             {"output", false, false, 2},
             {"split", true, false, 3},
             {"total", true, false, 0}});
  grid.Add({"features/convolution_1", "1x96x54x54", "1.5", "101.25"});
  grid.Add({"relu", "1x96", "22.5", "0.01"}, Style::kDim);
  return grid;
}

TEST(GridTest, AlignsColumns) {
  EXPECT_EQ(Sample().Text(0, false),
            "layer                   output      split   total\n"
            "features/convolution_1  1x96x54x54    1.5  101.25\n"
            "relu                    1x96         22.5    0.01\n");
}

TEST(GridTest, ElidesNamesBeforeItDropsColumns) {
  EXPECT_EQ(Sample().Text(43, false),
            "layer             output      split   total\n"
            "features…ution_1  1x96x54x54    1.5  101.25\n"
            "relu              1x96         22.5    0.01\n");
}

TEST(GridTest, DropsTheColumnsOfHighestRankFirst) {
  EXPECT_EQ(Sample().Text(34, false),
            "layer           output       total\n"
            "feature…tion_1  1x96x54x54  101.25\n"
            "relu            1x96          0.01\n");
  EXPECT_EQ(Sample().Text(25, false),
            "layer               total\n"
            "features…lution_1  101.25\n"
            "relu                 0.01\n");
}

TEST(GridTest, ADroppedColumnComesBackIfTheNextOneMadeRoomForIt) {
  Grid grid({{"a", false, false, 0},
             {"wide", false, false, 1},
             {"b", false, false, 2}});
  grid.Add({"1", "12345678901234567890", "2"});
  EXPECT_EQ(grid.Text(10, false),
            "a  b\n"
            "1  2\n");
}

TEST(GridTest, NothingIsWiderThanTheWidth) {
  for (int width = 1; width < 60; ++width) {
    for (const absl::string_view line :
         absl::StrSplit(Sample().Text(width, false), '\n')) {
      EXPECT_LE(CodePoints(line), width);
    }
  }
}

TEST(GridTest, IndentsAndStillFits) {
  EXPECT_EQ(Sample().Text(27, false, 2),
            "  layer               total\n"
            "  features…lution_1  101.25\n"
            "  relu                 0.01\n");
}

TEST(GridTest, ColoursWholeLines) {
  EXPECT_EQ(Sample().Text(25, true),
            "\x1b[1mlayer               total\x1b[0m\n"
            "features…lution_1  101.25\n"
            "\x1b[2mrelu                 0.01\x1b[0m\n");
}

TEST(GridTest, WritesMarkdownThatShowsNamesAsTheyAre) {
  Grid grid({{"layer", false, true, 0}, {"total", true, false, 0}});
  grid.Add({"a|b_c*d`<e>[f]~\\", "0   "});
  grid.Add({"total", "1.25"}, Style::kBold);
  EXPECT_EQ(grid.Markdown(),
            "| layer | total |\n"
            "| --- | ---: |\n"
            "| a\\|b\\_c\\*d\\`&lt;e>\\[f]\\~\\\\ | 0 |\n"
            "| **total** | **1.25** |\n");
}

TEST(WrapTest, BreaksAtBlanksAndHangsBehindTheFirstWord) {
  EXPECT_EQ(Wrap("prices  ", "horowitz-45nm: numbers of 2014", 24),
            "prices  horowitz-45nm:\n"
            "        numbers of 2014\n");
  EXPECT_EQ(Wrap("", "no limit at all", 0), "no limit at all\n");
  EXPECT_EQ(Wrap("a ", "", 10), "a\n");
}

TEST(WrapTest, ElidesAWordThatIsTooLong) {
  EXPECT_EQ(Wrap("x  ", "abcdefghijklmnop q", 10), "x  abc…nop\n   q\n");
}

TEST(CsvLineTest, QuotesAsRfc4180Has) {
  EXPECT_EQ(CsvLine({"a", "b c", ""}), "a,b c,\r\n");
  EXPECT_EQ(CsvLine({"a,b", "say \"x\"", "two\nlines", "\r"}),
            "\"a,b\",\"say \"\"x\"\"\",\"two\nlines\",\"\r\"\r\n");
}

TEST(CsvLineTest, QuotesWhatAReaderWouldPassOver) {
  EXPECT_EQ(CsvLine({"#1.onnx", "#2"}), "\"#1.onnx\",#2\r\n");
  EXPECT_EQ(CsvLine({"\xEF\xBB\xBFname"}), "\"\xEF\xBB\xBFname\"\r\n");
  EXPECT_EQ(CsvLine({""}), "\"\"\r\n");
  EXPECT_EQ(CsvLine({"", ""}), ",\r\n");
}

}  // namespace
}  // namespace opcost
