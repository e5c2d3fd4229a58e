// SPDX-License-Identifier: Apache-2.0
// The runner's protocol against small runners: good, hostile and dying ones.
#include "opcost/measure/runner.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/measure/child_process.h"
#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What a shell's printf makes of it.
constexpr char kHello[] = "printf 'hello\\topcost-runner/1\\n'\n";
// Answers every command as it should.
constexpr char kGood[] = R"(
while IFS= read -r line; do
  printf '%s\n' "$line" >>log
  case $line in
    load*) printf 'runtime\tmade\nversion\t1.0\ndevice\tcpu\nprecision\tint8\n'
           printf 'threads\t3\nremark\ta\\tb\nready\n' ;;
    run*|warm*) printf 'done\t0.25\n' ;;
    layers*) printf 'layer\tc1\tConv\t0.5\nlayer\tr1\tRelu\t1e-3\ndone\n' ;;
    quit*) echo quit >>log; exit 0 ;;
  esac
done
)";

class RunnerTest : public MadeTree {
 protected:
  absl::StatusOr<std::unique_ptr<Runner>> Open(const std::string& script) {
    Put("runner.sh", absl::StrCat("cd ", root(), "\n", script));
    options_.command = {"/bin/sh", Path("runner.sh")};
    return Runner::Open(options_);
  }
  // One that said hello, as it is after the load line.
  absl::Status LoadFrom(const std::string& answer) {
    auto runner = Open(absl::StrCat(kHello, "read line\n", answer));
    if (!runner.ok()) return runner.status();
    return (*runner)->Load({}).status();
  }
  std::string Log() const {
    std::ifstream file(Path("log"));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::string Text(const absl::Status& status) {
    return std::string(status.message());
  }

  RunnerOptions options_;
};

TEST_F(RunnerTest, LoadsRunsAndTellsLayers) {
  ASSERT_OK_AND_ASSIGN(const auto runner, Open(absl::StrCat(kHello, kGood)));
  LoadRequest request;
  request.model = "a\tb.onnx";
  request.batch = 8;
  request.dims = {{"N", 3}};
  request.inputs = {{"x", {1, 3, 224, 224}}, {"s", {}}};
  request.threads = 2;
  request.device = "cuda:1";
  request.optimises = false;
  ASSERT_OK_AND_ASSIGN(const RunnerDescription description,
                       runner->Load(request));
  EXPECT_EQ(description.runtime, "made");
  EXPECT_EQ(description.version, "1.0");
  EXPECT_EQ(description.device, "cpu");
  EXPECT_EQ(description.precision, "int8");
  EXPECT_EQ(description.threads, 3);
  EXPECT_THAT(description.remarks, ElementsAre("a\tb"));
  ASSERT_THAT(runner->Begin(7), IsOk());
  bool is_done = false;
  while (!is_done) {
    ASSERT_OK_AND_ASSIGN(is_done, runner->Wait(0.1));
  }
  EXPECT_EQ(runner->seconds(), 0.25);
  ASSERT_OK_AND_ASSIGN(const std::vector<LayerTime> layers, runner->Layers(5));
  ASSERT_EQ(layers.size(), 2u);
  EXPECT_EQ(layers[0].name, "c1");
  EXPECT_EQ(layers[0].op, "Conv");
  EXPECT_EQ(layers[0].seconds, 0.5);
  EXPECT_EQ(layers[1].seconds, 1e-3);
  EXPECT_EQ(Log(),
            "load\ta\\tb.onnx\tbatch=8\tdim=N=3\tinput=x=1x3x224x224\t"
            "input=s=scalar\tthreads=2\tseed=1\tdevice=cuda:1\t"
            "optimisation=off\nrun\t7\nlayers\t5\n");
}

TEST_F(RunnerTest, IsAskedToQuit) {
  {
    ASSERT_OK_AND_ASSIGN(const auto runner, Open(absl::StrCat(kHello, kGood)));
  }
  EXPECT_EQ(Log(), "quit\nquit\n");
}

TEST_F(RunnerTest, AFaultOfTheModelLeavesItAlive) {
  ASSERT_OK_AND_ASSIGN(
      const auto runner,
      Open(absl::StrCat(
          kHello, "read line; printf 'error\\tmodel\\tno such op\\n'", kGood)));
  const absl::Status status = runner->Load({}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Text(status), HasSubstr("no such op"));
  EXPECT_TRUE(runner->is_alive());
  EXPECT_THAT(runner->Load({}).status(), IsOk());
}

TEST_F(RunnerTest, AMissingPackageIsNoFaultOfTheModel) {
  const absl::Status status =
      Open("printf 'error\\tpackage\\tinstall it: pip install x\\n'; exit 4")
          .status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status), HasSubstr("install it: pip install x"));
}

TEST_F(RunnerTest, ACommandThatIsNotThereIsAnError) {
  options_.command = {"/no/such/runner"};
  EXPECT_THAT(
      Runner::Open(options_),
      FailsWith("can't start '/no/such/runner': No such file or directory"));
  options_.command = {};
  EXPECT_THAT(Runner::Open(options_), FailsWith("an empty command"));
}

TEST_F(RunnerTest, ProcessorsThatThereAreNotAreAnError) {
  options_.cpus = {1023};
  EXPECT_THAT(Text(Open(kHello).status()),
              HasSubstr("on processors 1023: none of them may be used here"));
}

TEST_F(RunnerTest, AnotherVersionIsAnError) {
  EXPECT_THAT(
      Text(Open("printf 'hello\\topcost-runner/2\\n'; sleep 9").status()),
      HasSubstr("it speaks 'opcost-runner/2', but opcost speaks "
                "opcost-runner/1"));
}

TEST_F(RunnerTest, AnEarlyEndQuotesItsLastWords) {
  const absl::Status status =
      Open("echo one >&2; echo 'Segmentation fault' >&2; exit 7").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Text(status),
              AllOf(HasSubstr("(exit status 7)"),
                    HasSubstr("its last words: one | Segmentation fault")));
}

TEST_F(RunnerTest, ADeathByASignalIsItsStatus) {
  EXPECT_THAT(Text(LoadFrom("kill -9 $$")),
              HasSubstr(absl::StrCat("(exit status ", 128 + SIGKILL, ")")));
}

TEST_F(RunnerTest, SilenceEndsInTime) {
  options_.hello_seconds = 0.2;
  EXPECT_THAT(Text(Open("sleep 60").status()),
              HasSubstr("no hello within 0.2 s"));
  options_.hello_seconds = 60;
  options_.load_seconds = 0.2;
  EXPECT_THAT(Text(LoadFrom("sleep 60")),
              HasSubstr("no model ready within 0.2 s"));
}

TEST_F(RunnerTest, EndlessTalkEndsInTime) {
  options_.load_seconds = 0.3;
  EXPECT_THAT(Text(LoadFrom("while :; do printf 'remark\\tx\\n'; done")),
              HasSubstr("no model ready within 0.3 s"));
}

TEST_F(RunnerTest, GarbageIsQuoted) {
  EXPECT_THAT(Text(LoadFrom("printf 'what\\001!\\n'; sleep 9")),
              HasSubstr("unexpected answer 'what\\x01!'"));
  EXPECT_THAT(Text(LoadFrom("printf 'threads\\tmany\\n'; sleep 9")),
              HasSubstr("unexpected answer"));
  EXPECT_THAT(Text(LoadFrom("printf 'error\\n'; sleep 9")),
              HasSubstr("unexpected answer 'error'"));
  EXPECT_THAT(Text(LoadFrom("printf '\\n'; sleep 9")),
              HasSubstr("unexpected answer ''"));
}

TEST_F(RunnerTest, AHugeLineIsAnError) {
  EXPECT_THAT(Text(LoadFrom("head -c 3000000 /dev/zero; sleep 9")),
              HasSubstr("it sent a line of more than 1048576 bytes"));
}

TEST_F(RunnerTest, FloodsOfErrorsDontBlockIt) {
  ASSERT_THAT(
      LoadFrom("head -c 1000000 /dev/zero >&2; printf 'ready\\n'; sleep 9"),
      IsOk());
}

TEST_F(RunnerTest, TimesThatAreNoNumbersAreErrors) {
  for (const char* time : {"nan", "-1", "x", "inf", ""}) {
    ASSERT_OK_AND_ASSIGN(const auto runner,
                         Open(absl::StrCat(kHello, "read line; printf 'done\\t",
                                           time, "\\n'; sleep 9")));
    ASSERT_THAT(runner->Begin(1), IsOk());
    absl::StatusOr<bool> done = false;
    while (done.ok() && !*done) done = runner->Wait(0.5);
    EXPECT_THAT(Text(done.status()), HasSubstr("unexpected answer")) << time;
    EXPECT_FALSE(runner->is_alive());
  }
}

TEST_F(RunnerTest, ARunThatTakesTooLongIsGivenUp) {
  options_.run_seconds = 0.2;
  ASSERT_OK_AND_ASSIGN(const auto runner,
                       Open(absl::StrCat(kHello, "read line; sleep 60")));
  ASSERT_THAT(runner->Begin(1), IsOk());
  absl::StatusOr<bool> done = false;
  while (done.ok() && !*done) done = runner->Wait(0.05);
  EXPECT_THAT(Text(done.status()), HasSubstr("a run isn't done after 0.2 s"));
}

TEST_F(RunnerTest, AClosedOutputIsToldFromAnEnd) {
  EXPECT_THAT(Text(LoadFrom("exit 5")),
              HasSubstr("it has ended (exit status 5)"));
  EXPECT_THAT(Text(LoadFrom("exec >&-; sleep 60")),
              HasSubstr("it has closed its output"));
}

// Its pipes stay open in the hands of another process.
TEST_F(RunnerTest, ADeathIsNoticedThoughItsPipesStayOpen) {
  EXPECT_THAT(Text(LoadFrom("sleep 60 & exit 5")),
              HasSubstr("(exit status 5)"));
}

TEST_F(RunnerTest, WhatItStartedEndsWithIt) {
  pid_t grandchild = 0;
  {
    ASSERT_OK_AND_ASSIGN(const auto runner,
                         Open(absl::StrCat("sleep 600 & echo $! >pid\n", kHello,
                                           "read line; sleep 600")));
    std::ifstream(Path("pid")) >> grandchild;
    ASSERT_GT(grandchild, 0);
    EXPECT_EQ(kill(grandchild, 0), 0);
    // It doesn't listen to quit: it is killed.
  }
  // Somebody else has to reap it; a zombie is as good as gone.
  bool is_gone = false;
  for (int i = 0; i < 200 && !is_gone; ++i) {
    std::ifstream file(absl::StrCat("/proc/", grandchild, "/stat"));
    std::string id, name, state;
    is_gone = !(file >> id >> name >> state) || state == "Z";
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  EXPECT_TRUE(is_gone);
}

TEST_F(RunnerTest, ProcessorTimeIsTheProcesss) {
  ASSERT_OK_AND_ASSIGN(
      const auto runner,
      Open(absl::StrCat("i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done\n",
                        kHello, "read line; sleep 9")));
  EXPECT_GT(runner->processor_seconds(), 0.01);
}

TEST(EscapeField, GoesThereAndBack) {
  for (const std::string text :
       {"", "plain", "a\tb", "a\\b", "a\\tb", "\r\n", "\\", "\\\\t"}) {
    EXPECT_EQ(UnescapeField(EscapeField(text)), text);
    EXPECT_EQ(EscapeField(text).find_first_of("\t\r\n"), std::string::npos);
  }
  // What isn't an escape stays.
  EXPECT_EQ(UnescapeField("a\\xb\\"), "a\\xb\\");
}

TEST(ChildProcess, RunsOnTheProcessorsItIsGiven) {
  ChildOptions options;
  options.command = {"/bin/sh", "-c",
                     "grep Cpus_allowed_list /proc/self/status"};
  options.cpus = {0};
  ASSERT_OK_AND_ASSIGN(const auto child, ChildProcess::Start(options));
  ASSERT_OK_AND_ASSIGN(const std::optional<std::string> line,
                       child->ReadLine(10));
  EXPECT_EQ(line, "Cpus_allowed_list:\t0");
}

TEST(ChildProcess, WritingToOneThatIsGoneIsAnErrorAndNoSignal) {
  ChildOptions options;
  options.command = {"/bin/sh", "-c", "exit 3"};
  ASSERT_OK_AND_ASSIGN(const auto child, ChildProcess::Start(options));
  ASSERT_TRUE(child->WaitForEnd(10));
  EXPECT_EQ(child->exit_status(), 3);
  EXPECT_THAT(child->WriteLine(std::string(100000, 'x'), 10),
              FailsWith("it reads no more"));
}

TEST(ChildProcess, OneThatDoesntReadIsNotWaitedForForEver) {
  ChildOptions options;
  options.command = {"/bin/sh", "-c", "sleep 60"};
  ASSERT_OK_AND_ASSIGN(const auto child, ChildProcess::Start(options));
  EXPECT_THAT(child->WriteLine(std::string(1000000, 'x'), 0.2),
              FailsWith("it doesn't read what it is told"));
}

TEST(ChildProcess, BothEndsMayWriteAtOnce) {
  ChildOptions options;
  options.command = {"cat"};
  ASSERT_OK_AND_ASSIGN(const auto child, ChildProcess::Start(options));
  const std::string text(900000, 'x');
  ASSERT_THAT(child->WriteLine(text, 20), IsOk());
  ASSERT_OK_AND_ASSIGN(const std::optional<std::string> line,
                       child->ReadLine(20));
  EXPECT_EQ(line, text);
}

}  // namespace
}  // namespace opcost
