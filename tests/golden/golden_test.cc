// SPDX-License-Identifier: Apache-2.0
// Runs every *.test file of this folder: prose, then sections that begin with a
// line "-- name --":
//   -- model.onnx --   a file; ONNX text, which becomes a model
//   -- any.toml --     a file, as it stands
//   -- dims --         lines "ALL = P + S": names of the models' dimensions
//                      that ONNX text can't hold
//   -- args --         the command line, split at blanks
//   -- stdout --       what must come out,
//   -- stderr --       and what beside it,
//   -- exit --         and the exit status
// The tables of this folder (decimal.toml) are there as well. Updating all:
//   OPCOST_UPDATE_GOLDEN=1 build/dev/tests/golden_test
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "tests/cli/cli_run.h"
#include "tests/support/onnx_text.h"

namespace opcost {
namespace {

namespace fs = std::filesystem;

const fs::path& Folder() {
  static const fs::path& folder =
      *new fs::path(OPCOST_SOURCE_DIR "/tests/golden");
  return folder;
}

// A .test file, its parts in order; the first, the prose, has no name.
struct GoldenFile {
  std::vector<std::pair<std::string, std::string>> sections;

  static GoldenFile Parse(const std::string& text) {
    GoldenFile file;
    file.sections.emplace_back();
    for (absl::string_view line : absl::StrSplit(text, '\n')) {
      absl::string_view name = line;
      if (absl::ConsumePrefix(&name, "-- ") &&
          absl::ConsumeSuffix(&name, " --")) {
        file.sections.emplace_back(std::string(name), "");
      } else {
        absl::StrAppend(&file.sections.back().second, line, "\n");
      }
    }
    // The text's last line break begins no line.
    std::string& last = file.sections.back().second;
    if (!last.empty()) last.pop_back();
    return file;
  }

  std::string ToText() const {
    std::string text = sections.front().second;
    for (size_t i = 1; i < sections.size(); ++i) {
      absl::StrAppend(&text, "-- ", sections[i].first, " --\n",
                      sections[i].second);
    }
    return text;
  }

  std::string* Find(absl::string_view name) {
    for (auto& [key, value] : sections) {
      if (key == name) return &value;
    }
    return nullptr;
  }
};

std::vector<std::string> GoldenNames() {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::directory_iterator(Folder())) {
    if (entry.path().extension() == ".test") {
      names.push_back(entry.path().stem().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

class GoldenTest : public InTemporaryFolder,
                   public ::testing::WithParamInterface<std::string> {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    for (const fs::directory_entry& entry : fs::directory_iterator(Folder())) {
      if (entry.path().extension() == ".toml") {
        fs::copy_file(entry.path(), entry.path().filename());
      }
    }
  }

  static DimNames DimNamesOf(GoldenFile& golden) {
    DimNames names;
    const std::string* lines = golden.Find("dims");
    if (lines == nullptr) return names;
    for (absl::string_view line :
         absl::StrSplit(*lines, '\n', absl::SkipEmpty())) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(line, absl::MaxSplits(" = ", 1));
      names.insert(parts);
    }
    return names;
  }

  static void PutFiles(GoldenFile& golden) {
    const DimNames dims = DimNamesOf(golden);
    for (const auto& [name, text] : golden.sections) {
      if (!absl::StrContains(name, ".")) continue;
      if (!absl::EndsWith(name, ".onnx")) {
        PutFile(name, text);
        continue;
      }
      auto model = ProtoFromText(text);
      ASSERT_TRUE(model.ok()) << name << ": " << model.status();
      RenameDims(dims, &*model);
      PutFile(name, model->SerializeAsString());
    }
  }
};

TEST_P(GoldenTest, PrintsWhatTheFileSays) {
  const fs::path path = Folder() / (GetParam() + ".test");
  GoldenFile golden = GoldenFile::Parse(ReadFile(path));
  for (const char* name : {"args", "stdout", "stderr", "exit"}) {
    ASSERT_NE(golden.Find(name), nullptr)
        << "section " << name << " is missing";
  }
  PutFiles(golden);
  const std::vector<std::string> arguments = absl::StrSplit(
      *golden.Find("args"), absl::ByAnyChar(" \n"), absl::SkipEmpty());
  CliRun run = RunCommand(arguments);
  // CSV's own line ends would be lost on the way through editors.
  run.out = absl::StrReplaceAll(run.out, {{"\r\n", "\n"}});
  if (std::getenv("OPCOST_UPDATE_GOLDEN") != nullptr) {
    *golden.Find("stdout") = run.out;
    *golden.Find("stderr") = run.err;
    *golden.Find("exit") = absl::StrCat(run.status, "\n");
    PutFile(path, golden.ToText());
  }
  EXPECT_EQ(run.out, *golden.Find("stdout"));
  EXPECT_EQ(run.err, *golden.Find("stderr"));
  EXPECT_EQ(absl::StrCat(run.status, "\n"), *golden.Find("exit"));
  // Expressions don't add up as numbers do; energy/symbolic_test binds them.
  const bool is_symbolic = std::find(arguments.begin(), arguments.end(),
                                     "--symbolic") != arguments.end();
  if ((run.status == kDone || run.status == kIncomplete) && !is_symbolic &&
      absl::EndsWith(arguments.front(), ".onnx")) {
    ExpectDocumentsAgree(arguments);
  }
}

std::string NameOf(const ::testing::TestParamInfo<std::string>& file) {
  return file.param;
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenTest, ::testing::ValuesIn(GoldenNames()),
                         NameOf);

}  // namespace
}  // namespace opcost
