// SPDX-License-Identifier: Apache-2.0
// opcost collect as a process that is killed half-way, and goes on.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "tests/cli/cli_run.h"
#include "tests/cli/collected.h"

namespace opcost {
namespace {

using ::testing::ElementsAreArray;

double Now() {
  return std::chrono::duration<double>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// A powercap tree whose one package takes a known power, by the clock.
class DrivenTree {
 public:
  explicit DrivenTree(double watts) : watts_(watts) {
    std::string pattern =
        (access("/dev/shm", W_OK) == 0 ? std::string("/dev/shm/")
                                       : ::testing::TempDir()) +
        "opcost-tree-XXXXXX";
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
    std::filesystem::create_directory(root_ + "/intel-rapl:0");
    PutFile(Path("name"), "package-0\n");
    PutFile(Path("max_energy_range_uj"), "262143328850\n");
    Write();
    thread_ = std::thread([this] {
      while (!is_over_) {
        std::this_thread::sleep_for(std::chrono::microseconds(500));
        Write();
      }
    });
  }
  ~DrivenTree() {
    is_over_ = true;
    thread_.join();
    std::filesystem::remove_all(root_);
  }
  const std::string& root() const { return root_; }

 private:
  std::string Path(const std::string& file) const {
    return root_ + "/intel-rapl:0/" + file;
  }
  // At once, as the kernel's own file changes.
  void Write() {
    const double joules = watts_ * (Now() - start_);
    PutFile(root_ + "/next",
            absl::StrCat(static_cast<int64_t>(joules * 1e6), "\n"));
    std::filesystem::rename(root_ + "/next", Path("energy_uj"));
  }

  double watts_;
  double start_ = Now();
  std::string root_;
  std::atomic<bool> is_over_ = false;
  std::thread thread_;
};

class CollectKillTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    PutFile("fake.py", kFakeRunner);
    PutFile("small.toml", kSmallRanges);
    std::filesystem::create_directory("tmp");
  }

  // Starts the program; its temporary files are in this test's folder.
  static pid_t Start(const std::vector<std::string>& arguments) {
    std::vector<char*> words = {const_cast<char*>(OPCOST_EXECUTABLE)};
    for (const std::string& argument : arguments) {
      words.push_back(const_cast<char*>(argument.c_str()));
    }
    words.push_back(nullptr);
    setenv("TMPDIR", "tmp", 1);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "log.txt",
                                     O_WRONLY | O_CREAT | O_APPEND, 0600);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    pid_t child = -1;
    EXPECT_EQ(posix_spawn(&child, OPCOST_EXECUTABLE, &files, nullptr,
                          words.data(), environ),
              0);
    posix_spawn_file_actions_destroy(&files);
    unsetenv("TMPDIR");
    return child;
  }
  static int Finish(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  static int64_t LinesOf(const std::string& path) {
    const std::string text = ReadFile(path);
    return std::count(text.begin(), text.end(), '\n');
  }

  // Runs the collection, kills it each time when it has so many rows, then lets
  // it end.
  static void KillAndFinish(const std::vector<std::string>& arguments,
                            const std::vector<int64_t>& rows) {
    for (const int64_t enough : rows) {
      const pid_t child = Start(arguments);
      while (LinesOf("d.csv") < 1 + enough &&
             waitpid(child, nullptr, WNOHANG) == 0) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
      ASSERT_EQ(kill(child, SIGKILL), 0) << ReadFile("log.txt");
      ASSERT_EQ(Finish(child), -1);
    }
    const std::string before = ReadFile("d.csv");
    ASSERT_EQ(Finish(Start(arguments)), kDone) << ReadFile("log.txt");
    // Nothing that was measured is measured again.
    const size_t kept = before.rfind('\n') + 1;
    EXPECT_EQ(ReadFile("d.csv").substr(0, kept), before.substr(0, kept));
  }

  static std::vector<std::string> Plan(const std::string& layers) {
    return absl::StrSplit(RunCommand({"collect", "--list", "--ranges",
                                      "small.toml", "--layers", layers})
                              .out,
                          '\n', absl::SkipEmpty());
  }
};

TEST_F(CollectKillTest, HasTheRowsOfAnUninterruptedRun) {
  const std::string layers = "Conv=10,MaxPool=10,Linear=10,Relu=20";
  std::vector<std::string> arguments = {"collect", "--layers", layers};
  for (const std::string& word : ShortRuns()) arguments.push_back(word);
  std::vector<std::string> whole = arguments;
  whole.insert(whole.end(), {"-o", "whole.csv"});
  ASSERT_EQ(Finish(Start(whole)), kDone) << ReadFile("log.txt");
  arguments.insert(arguments.end(), {"-o", "d.csv"});
  ASSERT_NO_FATAL_FAILURE(KillAndFinish(arguments, {15, 30}));
  for (const char* column : {"layer", "group", "macs", "counter", "runner"}) {
    EXPECT_EQ(CollectedColumn("d.csv", column),
              CollectedColumn("whole.csv", column));
  }
  EXPECT_THAT(CollectedColumn("d.csv", "layer"),
              ElementsAreArray(Plan(layers)));
}

// 50 random layers in ONNX Runtime, against a tree that counts a known power.
TEST_F(CollectKillTest, MeasuresLayersInOnnxRuntimeAcrossAKill) {
  const std::string python = PythonWithOnnxRuntime();
  if (python.empty()) {
    GTEST_SKIP() << kNoPythonWithOnnxRuntime;
  }
  constexpr double kWatts = 20;
  const DrivenTree tree(kWatts);
  const std::vector<std::string> arguments = {
      "collect",    "--layers",  "50",    "--ranges",
      "small.toml", "--counter", "rapl",  "--powercap-root",
      tree.root(),  "--python",  python,  "--threads",
      "1",          "--warm-up", "0.002", "--window",
      "0.02",       "--trials",  "2",     "--idle",
      "0",          "-o",        "d.csv"};
  ASSERT_NO_FATAL_FAILURE(KillAndFinish(arguments, {25}));
  EXPECT_THAT(CollectedColumn("d.csv", "layer"), ElementsAreArray(Plan("50")));
  const std::vector<std::string> joules = CollectedColumn("d.csv", "joules");
  const std::vector<std::string> seconds = CollectedColumn("d.csv", "seconds");
  // The counter steps every 0.5 ms or more of windows of 20 ms.
  double all_joules = 0;
  double all_expected = 0;
  for (size_t i = 0; i < joules.size(); ++i) {
    EXPECT_GT(std::stod(joules[i]), 0) << i;
    all_joules += std::stod(joules[i]);
    all_expected += kWatts * std::stod(seconds[i]);
  }
  EXPECT_NEAR(all_joules / all_expected, 1, 0.2);
  for (const std::string& counter : CollectedColumn("d.csv", "counter")) {
    EXPECT_EQ(counter, "rapl");
  }
}

}  // namespace
}  // namespace opcost
