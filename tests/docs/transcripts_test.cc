// SPDX-License-Identifier: Apache-2.0
// Runs every transcript of docs/guide: in a block that begins with ```console,
// a line "$ command" and below it what comes out, standard error included.
// A line that ends in a backslash goes on in the next, and "<<'END'" up to END.
// The commands of a file run in their order, in one empty folder that has
// models/ of the source tree; the project's programs are on the path. A status
// other than 0 is a line "[exit status 3]". Updating all:
//   OPCOST_UPDATE_GOLDEN=1 build/dev/tests/docs_test
#include <gtest/gtest.h>
#include <stdlib.h>  // setenv
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace opcost {
namespace {

namespace fs = std::filesystem;

const fs::path& Guide() {
  static const fs::path& folder =
      *new fs::path(OPCOST_SOURCE_DIR "/docs/guide");
  return folder;
}

std::vector<std::string> GuideNames() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(Guide())) {
    if (entry.path().extension() == ".md") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string ReadAll(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// What the shell prints for `command`, and its status if it isn't 0.
std::string OutputOf(const std::string& command) {
  FILE* const pipe = ::popen(absl::StrCat("{ ", command, "\n} 2>&1").c_str(),
                             "r");  // NOLINT(cert-env33-c): our own commands
  if (pipe == nullptr) return "[not started]\n";
  std::string out;
  std::array<char, 4096> buffer;
  size_t size = 0;
  while ((size = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
    out.append(buffer.data(), size);
  }
  const int status = ::pclose(pipe);
  if (!out.empty() && out.back() != '\n') out += '\n';
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return out;
  return absl::StrCat(out, "[exit status ",
                      WIFEXITED(status) ? WEXITSTATUS(status) : -1, "]\n");
}

class TranscriptTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    std::string name = (fs::temp_directory_path() / "opcost-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    fs::current_path(folder_);
    fs::create_directory_symlink(OPCOST_SOURCE_DIR "/models", "models");
    const char* const path = std::getenv("PATH");
    ::setenv(
        "PATH",
        absl::StrCat(OPCOST_PROGRAM_FOLDERS, ":", path == nullptr ? "" : path)
            .c_str(),
        1);
  }
  void TearDown() override {
    fs::current_path(before_);
    std::error_code error;
    fs::remove_all(folder_, error);
  }

 private:
  fs::path before_, folder_;
};

TEST_P(TranscriptTest, PrintsWhatTheGuideShows) {
  const fs::path path = Guide() / (GetParam() + ".md");
  const std::string text = ReadAll(path);
  std::string renewed;
  bool in_transcript = false;
  int commands = 0;
  std::string command;  // so far, where it goes on in the next line
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const bool is_fence = absl::StartsWith(line, "```");
    const bool begins = in_transcript && absl::StartsWith(line, "$ ");
    if (!in_transcript || is_fence || begins || !command.empty()) {
      absl::StrAppend(&renewed, line, "\n");
    }
    if (is_fence) in_transcript = line == "```console";
    if (!begins && command.empty()) continue;
    absl::StrAppend(&command, begins ? line.substr(2) : line, "\n");
    if (absl::EndsWith(line, "\\")) continue;
    if (absl::StrContains(command, "<<'END'") && line != "END") continue;
    renewed += OutputOf(command);
    command.clear();
    ++commands;
  }
  renewed.pop_back();  // the last line break of the text begins no line
  EXPECT_GT(commands, 0) << path << " has no transcript";
  if (std::getenv("OPCOST_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path, std::ios::binary) << renewed;
  }
  EXPECT_EQ(renewed, text);
}

std::string NameOf(const ::testing::TestParamInfo<std::string>& file) {
  std::string name = file.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Guide, TranscriptTest,
                         ::testing::ValuesIn(GuideNames()), NameOf);

}  // namespace
}  // namespace opcost
