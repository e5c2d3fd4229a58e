// SPDX-License-Identifier: Apache-2.0
#include "src/cli/collect_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/cli/cli_run.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using CollectFileTest = InTemporaryFolder;

constexpr char kHeader[] = "layer,joules\r\n";

// The first cells of a file's rows; an error's message alone.
std::vector<std::string> RowsOf(const std::string& path) {
  std::vector<std::string> rows;
  const auto file = CollectFile::Open(path, kHeader);
  if (!file.ok()) return {std::string(file.status().message())};
  for (const CsvRow& row : (*file)->document().rows) {
    rows.push_back(row.cells[0]);
  }
  return rows;
}

TEST_F(CollectFileTest, WritesTheHeaderWithTheFirstRow) {
  {
    ASSERT_OK_AND_ASSIGN(const auto file, CollectFile::Open("d.csv", kHeader));
    EXPECT_THAT(file->document().rows, IsEmpty());
    EXPECT_THAT(file->Append("a,1\r\n"), IsOk());
    EXPECT_EQ(ReadFile("d.csv"), "layer,joules\r\na,1\r\n");
    EXPECT_THAT(file->Append("\"b,c\",2\r\n"), IsOk());
  }
  EXPECT_EQ(ReadFile("d.csv"), "layer,joules\r\na,1\r\n\"b,c\",2\r\n");
  EXPECT_THAT(RowsOf("d.csv"), ElementsAre("a", "b,c"));
}

TEST_F(CollectFileTest, LeavesNoEmptyFile) {
  ASSERT_THAT(CollectFile::Open("d.csv", kHeader), IsOk());
  EXPECT_FALSE(std::filesystem::exists("d.csv"));
}

// Wherever a writer is killed, whole rows stay, and the next follows them.
TEST_F(CollectFileTest, CutsAwayWhatWasTorn) {
  const std::string whole = "layer,joules\r\na,1\r\n\"b,\"\"c\",2\r\nd,3\r\n";
  const size_t ends[] = {14, 19, 30, 35};
  for (size_t size = 0; size <= whole.size(); ++size) {
    SCOPED_TRACE(size);
    PutFile("d.csv", whole.substr(0, size));
    size_t kept = 0;
    size_t rows = 0;
    for (const size_t end : ends) {
      if (end > size) break;
      kept = end;
      rows = end == ends[0] ? 0 : rows + 1;
    }
    {
      ASSERT_OK_AND_ASSIGN(const auto file,
                           CollectFile::Open("d.csv", kHeader));
      EXPECT_EQ(file->document().rows.size(), rows);
      ASSERT_THAT(file->Append("e,4\r\n"), IsOk());
    }
    EXPECT_EQ(ReadFile("d.csv"),
              (kept == 0 ? kHeader : whole.substr(0, kept)) + "e,4\r\n");
  }
}

TEST_F(CollectFileTest, IsForOneProcessAlone) {
  ASSERT_OK_AND_ASSIGN(const auto file, CollectFile::Open("d.csv", kHeader));
  EXPECT_THAT(RowsOf("d.csv"),
              ElementsAre("d.csv is being written by another opcost collect"));
}

TEST_F(CollectFileTest, RefusesFilesThatAreNoneOfItsOwn) {
  PutFile("net.onnx", "\x08\x08\x12");
  EXPECT_THAT(RowsOf("net.onnx"),
              ElementsAre("net.onnx is no calibration data: it begins with "
                          "'\x08\x08\x12'"));
  EXPECT_EQ(ReadFile("net.onnx"), "\x08\x08\x12");
  PutFile("other.csv", "layer,watts\na,1\nb");
  EXPECT_THAT(RowsOf("other.csv"),
              ElementsAre("other.csv: its columns are layer,watts; rows of a "
                          "collection have layer,joules"));
  EXPECT_EQ(ReadFile("other.csv"), "layer,watts\na,1\nb");
  PutFile("odd.csv", "layer,joules\na,1,2\n");
  EXPECT_THAT(RowsOf("odd.csv"), ElementsAre(HasSubstr("odd.csv:2: ")));
  std::filesystem::create_directory("folder");
  EXPECT_THAT(RowsOf("folder"),
              ElementsAre("can't open folder: Is a directory"));
  EXPECT_THAT(RowsOf("none/d.csv"),
              ElementsAre("can't open none/d.csv: No such file or directory"));
  EXPECT_THAT(RowsOf("/dev/null"),
              ElementsAre(HasSubstr("/dev/null is no regular file; ")));
}

TEST(WholeRowBytes, EndsBehindTheLastLineEndOutsideQuotes) {
  EXPECT_EQ(WholeRowBytes(""), 0U);
  EXPECT_EQ(WholeRowBytes("a,b"), 0U);
  EXPECT_EQ(WholeRowBytes("a,b\n"), 4U);
  EXPECT_EQ(WholeRowBytes("a,b\nc"), 4U);
  EXPECT_EQ(WholeRowBytes("a\n\"b\nc"), 2U);
  EXPECT_EQ(WholeRowBytes("a\n\"b\nc\"\n"), 8U);
}

}  // namespace
}  // namespace opcost
