// SPDX-License-Identifier: Apache-2.0
// The outputs that the README shows are those that opcost prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "opcost/cli/cli.h"

namespace opcost {
namespace {

constexpr char kMarker[] = "<!-- output of: ";

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file),
          std::istreambuf_iterator<char>()};
}

// What opcost prints for `arguments` in the source folder.
std::string OutputOf(const std::string& arguments) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(OPCOST_SOURCE_DIR);
  std::istringstream in;
  std::ostringstream out;
  std::ostringstream err;
  CliEnvironment environment;
  environment.in = &in;
  environment.out = &out;
  environment.err = &err;
  const std::vector<std::string> words = absl::StrSplit(arguments, ' ');
  EXPECT_EQ(RunCli(words, environment), kDone) << err.str();
  std::filesystem::current_path(before);
  return out.str();
}

TEST(ReadmeTest, ShowsWhatOpcostPrints) {
  const std::string readme = ReadFile(OPCOST_SOURCE_DIR "/README.md");
  size_t shown = 0;
  for (size_t at = readme.find(kMarker); at != std::string::npos;
       at = readme.find(kMarker, at)) {
    at += sizeof(kMarker) - 1;
    const std::string arguments =
        readme.substr(at, readme.find(" -->", at) - at);
    SCOPED_TRACE(arguments);
    const size_t begin = readme.find("```\n", at) + 4;
    const size_t end = readme.find("```\n", begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(readme.substr(begin, end - begin), OutputOf(arguments));
    ++shown;
  }
  EXPECT_EQ(shown, 2);
}

}  // namespace
}  // namespace opcost
