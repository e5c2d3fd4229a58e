// SPDX-License-Identifier: Apache-2.0
// Runs of the command line in this process, and what must hold after each.
#ifndef OPCOST_TESTS_CLI_CLI_RUN_H_
#define OPCOST_TESTS_CLI_CLI_RUN_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "opcost/cli/cli.h"

namespace opcost {

// What a command left behind.
struct CliRun {
  int status = 0;
  std::string out;
  std::string err;
};

// An environment apart from its streams: no terminal, no variables.
inline CliRun RunCommand(const std::vector<std::string>& arguments,
                         const std::string& in = "",
                         CliEnvironment environment = {}) {
  std::istringstream in_stream(in);
  std::ostringstream out, err;
  environment.in = &in_stream;
  environment.out = &out;
  environment.err = &err;
  CliRun run;
  run.status = RunCli(arguments, environment);
  run.out = out.str();
  run.err = err.str();
  return run;
}

inline std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void PutFile(const std::filesystem::path& path,
                    const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

// The interpreter with onnxruntime that tools/setup --dev makes, or
// $OPCOST_PYTHON; "" if there is neither.
inline std::string PythonWithOnnxRuntime() {
  const char* given = std::getenv("OPCOST_PYTHON");
  if (given != nullptr && *given != '\0') return given;
  const std::string made = OPCOST_SOURCE_DIR "/build/python/bin/python";
  return std::filesystem::exists(made) ? made : "";
}
inline constexpr char kNoPythonWithOnnxRuntime[] =
    "no Python with onnxruntime: tools/setup --dev makes one, or "
    "$OPCOST_PYTHON names one";

// A folder of its own, and the current one, for each test.
class InTemporaryFolder : public ::testing::Test {
 protected:
  void SetUp() override {
    before_ = std::filesystem::current_path();
    std::string pattern = ::testing::TempDir() + "opcost-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
    std::filesystem::current_path(folder_);
  }
  void TearDown() override {
    std::filesystem::current_path(before_);
    std::filesystem::remove_all(folder_);
  }

 private:
  std::filesystem::path before_, folder_;
};

// The invariants of every estimate: its rows sum to its totals, and JSON, CSV
// and text agree. `arguments` are those of an `opcost MODEL ...`.
void ExpectDocumentsAgree(std::vector<std::string> arguments);

}  // namespace opcost

#endif  // OPCOST_TESTS_CLI_CLI_RUN_H_
