// SPDX-License-Identifier: Apache-2.0
#include "src/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "tests/cli/cli_run.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using WriteFileTest = InTemporaryFolder;

TEST_F(WriteFileTest, ReplacesTheWholeFileAndLeavesNoOther) {
  PutFile("a", "something longer");
  ASSERT_THAT(WriteFile("a", "new\n"), IsOk());
  EXPECT_EQ(ReadFile("a"), "new\n");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator("."), {}), 1);
}

TEST_F(WriteFileTest, ANewFileHasTheUsualPermissions) {
  const mode_t mask = umask(027);
  ASSERT_THAT(WriteFile("a", ""), IsOk());
  umask(mask);
  struct stat file {};
  ASSERT_EQ(stat("a", &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0640u);
}

TEST_F(WriteFileTest, AFileKeepsItsPermissions) {
  PutFile("a", "");
  ASSERT_EQ(chmod("a", 0604), 0);
  ASSERT_THAT(WriteFile("a", "x"), IsOk());
  struct stat file {};
  ASSERT_EQ(stat("a", &file), 0);
  EXPECT_EQ(file.st_mode & 07777, 0604u);
}

TEST_F(WriteFileTest, ALinkIsFollowed) {
  PutFile("a", "");
  std::filesystem::create_symlink("a", "link");
  ASSERT_THAT(WriteFile("link", "x"), IsOk());
  EXPECT_TRUE(std::filesystem::is_symlink("link"));
  EXPECT_EQ(ReadFile("a"), "x");
}

TEST_F(WriteFileTest, ADeviceStaysOne) {
  ASSERT_THAT(WriteFile("/dev/null", "x"), IsOk());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
}

TEST_F(WriteFileTest, FailuresNameThePathAndTheReason) {
  EXPECT_THAT(WriteFile("no/such", ""),
              FailsWith("can't write no/such: No such file or directory"));
  EXPECT_THAT(WriteFile(".", ""), FailsWith("can't write .: Is a directory"));
  EXPECT_THAT(WriteFile("/dev/full", "x"),
              FailsWith("can't write /dev/full: No space left on device"));
}

TEST_F(WriteFileTest, AStreamThatIsFullIsAnError) {
  std::ofstream full("/dev/full");
  EXPECT_THAT(
      WriteStream(full, "x"),
      FailsWith("can't write standard output: No space left on device"));
}

}  // namespace
}  // namespace opcost
