// SPDX-License-Identifier: Apache-2.0
// The outputs that the README and docs show are those that opcost prints.
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

struct Shown {
  const char* file;
  size_t outputs;
};

class ReadmeTest : public ::testing::TestWithParam<Shown> {};

TEST_P(ReadmeTest, ShowsWhatOpcostPrints) {
  const std::string text =
      ReadFile(std::string(OPCOST_SOURCE_DIR "/") + GetParam().file);
  size_t shown = 0;
  for (size_t at = text.find(kMarker); at != std::string::npos;
       at = text.find(kMarker, at)) {
    at += sizeof(kMarker) - 1;
    const std::string arguments = text.substr(at, text.find(" -->", at) - at);
    SCOPED_TRACE(arguments);
    const size_t begin = text.find("```\n", at) + 4;
    const size_t end = text.find("```\n", begin);
    ASSERT_NE(end, std::string::npos);
    EXPECT_EQ(text.substr(begin, end - begin), OutputOf(arguments));
    ++shown;
  }
  EXPECT_EQ(shown, GetParam().outputs);
}

INSTANTIATE_TEST_SUITE_P(Files, ReadmeTest,
                         ::testing::Values(Shown{"README.md", 2},
                                           Shown{"docs/carbon.md", 3}),
                         [](const ::testing::TestParamInfo<Shown>& shown) {
                           return std::string(shown.index == 0 ? "Readme"
                                                               : "Carbon");
                         });

}  // namespace
}  // namespace opcost
