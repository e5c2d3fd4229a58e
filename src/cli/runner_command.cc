// SPDX-License-Identifier: Apache-2.0
// Where opcost's own runners are.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "opcost/support/near_matches.h"
#include "src/cli/measured_run.h"

namespace opcost {
namespace {

constexpr char kSuffix[] = "_runner.py";

std::string ProgramFolder() {
  std::error_code error;
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe", error);
  return error ? "" : program.parent_path().string();
}

std::vector<std::string> RunnerFolders(const CliEnvironment& environment) {
  std::vector<std::string> folders =
      absl::StrSplit(environment.runner_path, ':', absl::SkipEmpty());
  const std::string program = ProgramFolder();
  if (!program.empty()) {
    folders.push_back(absl::StrCat(program, "/../share/opcost/runners"));
  }
  folders.emplace_back(OPCOST_SOURCE_RUNNERS);
  return folders;
}

bool IsFile(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

std::vector<std::string> RunnersIn(const std::vector<std::string>& folders) {
  std::vector<std::string> names;
  for (const std::string& folder : folders) {
    std::error_code error;
    for (const auto& entry :
         std::filesystem::directory_iterator(folder, error)) {
      const std::string file = entry.path().filename().string();
      absl::string_view name = file;
      if (absl::ConsumeSuffix(&name, kSuffix)) names.emplace_back(name);
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> RunnerCommand(
    const std::string& name, const std::string& python,
    const CliEnvironment& environment) {
  if (name.find_first_of(" \t\n/") != name.npos) {
    return std::vector<std::string>{"/bin/sh", "-c",
                                    absl::StrCat("exec ", name)};
  }
  const std::vector<std::string> folders = RunnerFolders(environment);
  for (const std::string& folder : folders) {
    const std::string file = absl::StrCat(folder, "/", name, kSuffix);
    if (!IsFile(file)) continue;
    std::string interpreter = python.empty() ? environment.python : python;
    if (interpreter.empty()) interpreter = "python3";
    return std::vector<std::string>{interpreter, file};
  }
  const std::vector<std::string> known = RunnersIn(folders);
  return absl::NotFoundError(absl::StrCat(
      "there is no runner '", name, "' in ", absl::StrJoin(folders, ", "),
      known.empty() ? "" : absl::StrCat("; use ", absl::StrJoin(known, ", ")),
      ", or a command line with a blank or a slash in it",
      DidYouMean(name, known)));
}

}  // namespace opcost
