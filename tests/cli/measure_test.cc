// SPDX-License-Identifier: Apache-2.0
// opcost measure, against a made tree of counters whose power the test sets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "src/cli/measured_run.h"
#include "tests/cli/cli_run.h"
#include "tests/support/json_schema.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Clock = std::chrono::steady_clock;

constexpr double kIdleWatts = 5, kBusyWatts = 25;

// A package zone whose energy grows with real time: at kBusyWatts while a file
// called "busy" is there, or always if `is_constant`.
class DrivenTree {
 public:
  explicit DrivenTree(bool is_constant) : is_constant_(is_constant) {
    std::filesystem::create_directories("powercap/intel-rapl:0");
    PutFile("powercap/intel-rapl:0/name", "package-0\n");
    PutFile("powercap/intel-rapl:0/max_energy_range_uj", "262143328850\n");
    Write();
    thread_ = std::thread([this] { Drive(); });
  }
  ~DrivenTree() {
    is_over_ = true;
    thread_.join();
  }

  // How far off the energy of a window may be, in joules: its two readings are
  // as old as a step of the counter, which a busy machine draws out, and who
  // reads it comes as late.
  double Slack() const { return 4 * kBusyWatts * longest_step_; }

 private:
  void Drive() {
    Clock::time_point last = Clock::now();
    while (!is_over_) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const Clock::time_point now = Clock::now();
      const bool is_busy = is_constant_ || std::filesystem::exists("busy");
      const double step = std::chrono::duration<double>(now - last).count();
      microjoules_ += (is_busy ? kBusyWatts : kIdleWatts) * 1e6 * step;
      longest_step_ = std::max(longest_step_.load(), step);
      last = now;
      Write();
    }
  }
  // Whole or not at all, as the kernel's files are.
  void Write() const {
    PutFile("powercap/next", absl::StrCat(std::llround(microjoules_), "\n"));
    std::rename("powercap/next", "powercap/intel-rapl:0/energy_uj");
  }

  const bool is_constant_;
  std::atomic<bool> is_over_ = false;
  std::atomic<double> longest_step_ = 0;
  double microjoules_ = 1e9;
  std::thread thread_;
};

// Is busy for 5 ms a run, and says so by a file.
constexpr char kBusyRunner[] = R"sh(#!/bin/sh
printf 'hello\topcost-runner/1\n'
while read -r word rest; do
  case $word in
    load) printf 'runtime\tmade\nversion\t2\ndevice\tcpu\nprecision\tfloat32\n'
          printf 'threads\t1\nready\n' ;;
    run) seconds=$(printf '%d.%03d' $((rest * 5 / 1000)) $((rest * 5 % 1000)))
         touch busy
         sleep "$seconds"
         rm busy
         printf 'done\t%s\n' "$seconds" ;;
    layers) printf 'layer\ta\tGemm\t0.003\nlayer\tb\tRelu\t0.001\n'
            printf 'layer\tfused c_x\tGemm\t0.001\nlayer\tcopy\tCopy\t0\ndone\n'
            ;;
    quit) exit 0 ;;
  esac
done
)sh";

class MeasureCommandTest : public InTemporaryFolder {
 protected:
  void SetUp() override {
    InTemporaryFolder::SetUp();
    // Weights are declared, and absent: nobody here reads them.
    PutFile("m.onnx",
            OnnxBytesFromText(
                "(float[2,8] x, float[8,8] v, float[8,8] w) => (float[2,8] c) "
                "{ a = Gemm (x, v) b = Relu (a) c = Gemm (b, w) }"));
    PutFile("runner.sh", kBusyRunner);
  }

  static CliRun Opcost(const std::string& line) {
    return RunCommand(absl::StrSplit(line, ' ', absl::SkipEmpty()));
  }
  static std::vector<std::string> Arguments(const std::string& more) {
    std::vector<std::string> arguments = {"measure", "m.onnx", "--runner",
                                          "/bin/sh runner.sh"};
    for (const absl::string_view word :
         absl::StrSplit(more, ' ', absl::SkipEmpty())) {
      arguments.emplace_back(word);
    }
    return arguments;
  }
  static constexpr char kQuick[] =
      "--powercap-root powercap --counter rapl --window 0.1 --warm-up 0 "
      "--trials 10 --precision 99%";
};

TEST_F(MeasureCommandTest, KnownPowerOverRealTimeIsItsEnergy) {
  const DrivenTree tree(false);
  const CliRun run =
      RunCommand(Arguments(absl::StrCat(kQuick, " --format json")));
  ASSERT_EQ(run.status, kDone) << run.err;
  const json document = json::parse(run.out);
  EXPECT_THAT(
      SchemaViolations(LoadSchema("measurement"), "measurement", document),
      IsEmpty());
  const json& measured = document["measured"];
  EXPECT_NEAR(measured["idle_watts"].get<double>(), kIdleWatts,
              tree.Slack() / 0.1);
  const double busy = kBusyWatts - kIdleWatts;
  const double runs = document["trials"][0]["runs"];
  EXPECT_NEAR(measured["net_joules"]["mean"].get<double>(), busy * 0.005,
              measured["net_joules"]["half_width"].get<double>() +
                  0.1 * busy * 0.005 + tree.Slack() / runs);
  EXPECT_EQ(document["counter"]["kind"], "measured");
  EXPECT_EQ(document["runner"]["runtime"], "made");
  EXPECT_THAT(document["trials"], SizeIs(10));
  EXPECT_THAT(document["remarks"].dump(),
              HasSubstr("windows of 0.1 s are shorter than the 10 s that "
                        "counter rapl wants"));
}

TEST_F(MeasureCommandTest, SharesTheEnergyAmongLayersByTime) {
  const DrivenTree tree(true);
  const CliRun run =
      RunCommand(Arguments(absl::StrCat(kQuick, " --idle 0 --format json")));
  ASSERT_EQ(run.status, kDone) << run.err;
  const json document = json::parse(run.out);
  const double joules = document["measured"]["net_joules"]["mean"];
  const json& layers = document["layers"];
  ASSERT_THAT(layers, SizeIs(4));
  EXPECT_EQ(layers[0]["name"], "a");
  EXPECT_NEAR(layers[0]["joules"].get<double>(), joules * 3 / 5, 1e-12);
  EXPECT_EQ(layers[2]["name"], "c");
  EXPECT_EQ(layers[2]["op"], "Gemm");
  EXPECT_NEAR(layers[2]["joules"].get<double>(), joules * 1 / 5, 1e-12);
  EXPECT_EQ(layers[3]["name"], "copy");
  EXPECT_TRUE(layers[3]["estimate"].is_null());
  EXPECT_FALSE(document["rank_correlation"].is_null());
}

TEST_F(MeasureCommandTest, PrintsItForPeople) {
  const DrivenTree tree(true);
  const CliRun run = RunCommand(Arguments(absl::StrCat(
      kQuick, " --idle 0 --country WORLD --modelled-memory 64GB")));
  ASSERT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(
      run.out,
      AllOf(HasSubstr("runtime  made 2 on cpu, float32, 1 thread\n"),
            HasSubstr("\ncounter  rapl\n"), HasSubstr("\npackage-0 "),
            HasSubstr(" measured, idle power taken off\n"),
            HasSubstr(" measured over estimate\n"), HasSubstr("\nworst "),
            HasSubstr("modelled (3 W for 8 GB, as CodeCarbon has it)"),
            HasSubstr("g CO2e")));
  for (const absl::string_view line : absl::StrSplit(run.out, '\n')) {
    EXPECT_LE(line.size(), 103u) << line;  // bytes, of which some aren't ASCII
  }
}

TEST_F(MeasureCommandTest, AppendsRowsUnderOneHeader) {
  const std::string line =
      " --counter constant=10 --window 0.05 --warm-up 0 "
      "--trials 2 --precision 90% --batch 4 --bits 16 "
      "--weight-bits int8 --append data/rows.csv";
  std::filesystem::create_directory("data");
  for (int i = 0; i < 2; ++i) {
    const CliRun run = RunCommand(Arguments(line));
    ASSERT_EQ(run.status, kDone) << run.err;
  }
  const std::vector<std::string> rows =
      absl::StrSplit(ReadFile("data/rows.csv"), "\r\n");
  ASSERT_THAT(rows, SizeIs(1 + 2 + 1));
  EXPECT_EQ(rows[0],
            "model,layer,bits,batch,options,group,joules,joules_half_width,"
            "gross_joules,seconds,watts,macs,counter,trials,runner,threads,"
            "host,model_digest");
  const std::vector<std::string> cells = absl::StrSplit(rows[1], ',');
  ASSERT_THAT(cells, SizeIs(18));
  EXPECT_EQ(cells[0], "../m.onnx");
  EXPECT_EQ(cells[1], "");
  EXPECT_EQ(cells[2], "16");
  EXPECT_EQ(cells[3], "4");
  EXPECT_EQ(cells[4], "--weight-bits int8");
  EXPECT_EQ(cells[5], "m");
  EXPECT_NEAR(std::stod(cells[6]), 10 * 0.005, 1e-12);  // 10 W x 5 ms
  EXPECT_EQ(cells[9], "0.005");
  EXPECT_EQ(cells[10], "10.0");
  EXPECT_EQ(cells[11], absl::StrCat(2 * (4 * 8 * 8)));
  EXPECT_EQ(cells[12], "constant=10");
  EXPECT_EQ(cells[13], "2");
  EXPECT_EQ(cells[14], "made 2 cpu");
  EXPECT_EQ(cells[15], "1");
  EXPECT_THAT(cells[17], HasSubstr("xxh3-128:"));
}

TEST_F(MeasureCommandTest, AppendsToNothingElse) {
  PutFile("notes.csv", "a,b\n1,2\n");
  const CliRun run =
      RunCommand(Arguments("--counter constant=10 --append notes.csv"));
  EXPECT_EQ(run.status, kBadInput);
  EXPECT_EQ(run.err,
            "opcost: --append: notes.csv is no calibration data: its first "
            "line isn't the header that opcost writes\n");
  EXPECT_EQ(ReadFile("notes.csv"), "a,b\n1,2\n");
}

TEST_F(MeasureCommandTest, LabelsAConstantPowerAsModelled) {
  const CliRun run = RunCommand(
      Arguments("--counter constant=10 --window 0.05 --warm-up 0 --trials 2 "
                "--precision 90%"));
  ASSERT_EQ(run.status, kDone) << run.err;
  EXPECT_THAT(run.out,
              AllOf(HasSubstr("constant 10 W: modelled, not measured"),
                    HasSubstr("50 mJ +-<0.01 % modelled: 10 W that you gave, "
                              "times measured time"),
                    Not(HasSubstr("gross")), Not(HasSubstr("idle"))));
}

TEST_F(MeasureCommandTest, WithoutACounterNothingIsGuessed) {
  for (const std::string line : {"measure m.onnx", "measure --exec true"}) {
    const CliRun run =
        Opcost(line + " --counter rapl --powercap-root no-such-folder");
    EXPECT_EQ(run.status, kNotMeasured);
    EXPECT_EQ(run.out, "");
    EXPECT_THAT(run.err, AllOf(HasSubstr("opcost: not measured: "),
                               HasSubstr("no-such-folder")));
  }
}

TEST_F(MeasureCommandTest, WhatIsUnstableIsNotPrinted) {
  const DrivenTree tree(true);
  const CliRun run = RunCommand(Arguments(
      "--powercap-root powercap --counter rapl --window 0.02 --warm-up 0 "
      "--idle 0 --trials 3..3 --precision 0.000001"));
  EXPECT_EQ(run.status, kNotMeasured);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err,
              AllOf(HasSubstr("not measured: unstable: after 3 trials an "
                              "inference takes"),
                    HasSubstr("what helps:")));
}

TEST_F(MeasureCommandTest, ADeadRunnerIsStatusFour) {
  PutFile("runner.sh",
          "printf 'hello\\topcost-runner/1\\n'; read l; echo ouch >&2; exit 9");
  const CliRun run = RunCommand(Arguments("--counter constant=10"));
  EXPECT_EQ(run.status, kNotMeasured);
  EXPECT_THAT(run.err, AllOf(HasSubstr("exit status 9"), HasSubstr("ouch")));
}

TEST_F(MeasureCommandTest, AModelThatTheRunnerRefusesIsBadInput) {
  PutFile("runner.sh",
          "printf 'hello\\topcost-runner/1\\n'; read l; "
          "printf 'error\\tmodel\\tno kernel for it\\n'; read l");
  const CliRun run = RunCommand(Arguments("--counter constant=10"));
  EXPECT_EQ(run.status, kBadInput);
  EXPECT_THAT(run.err, HasSubstr("no kernel for it"));
  PutFile("m.onnx", "nonsense");
  EXPECT_EQ(RunCommand(Arguments("--counter constant=10")).status, kBadInput);
}

TEST_F(MeasureCommandTest, MistakesOfTheCommandLineAreUsage) {
  const struct {
    const char* line;
    const char* message;
  } cases[] = {
      {"measure", "a model is missing; use: opcost measure MODEL"},
      {"measure m.onnx --exec true", "a model and --exec exclude each other"},
      {"measure m.onnx --check", "--check measures nothing"},
      {"measure -", "a runner can't read standard input"},
      {"measure --exec true --append x", "--append is of a model's"},
      {"measure m.onnx --counter frob", "--counter: "},
      {"measure m.onnx --counter constant=-1", "--counter: "},
      {"measure m.onnx --counter constant=1 --runner onxruntime",
       "there is no runner 'onxruntime'"},
      {"measure m.onnx --trials 1", "'1' is not a whole number from 2"},
      {"measure m.onnx --trials 9..3", "'3' is not a whole number from 9"},
      {"measure m.onnx --precision 2", "'2' is not a part of the mean"},
      {"measure m.onnx --precision 0%", "'0%' is not a part of the mean"},
      {"measure m.onnx --window 0", "'0' is not a number of seconds above 0"},
      {"measure m.onnx --idle x", "'x' is not a number of seconds from 0"},
      {"measure m.onnx --cpus 3-1", "'1' is not a whole number from 3"},
      {"measure m.onnx --cpus 1,,2", "'' is not a whole number from 0"},
      {"measure m.onnx --device gpu", "unknown device 'gpu'"},
      {"measure m.onnx --optimisation 1", "unknown value '1'; use on or off"},
      {"measure m.onnx --threads 0", "'0' is not a whole number from 1"},
      {"measure m.onnx --modelled-memory 64", "'64' is not a size of memory"},
      {"estimate m.onnx --window 3", "'estimate' has no use for --window"},
  };
  for (const auto& [line, message] : cases) {
    const CliRun run = Opcost(line);
    EXPECT_EQ(run.status, kBadUsage) << line;
    EXPECT_THAT(run.err, HasSubstr(message)) << line;
    EXPECT_EQ(run.out, "") << line;
  }
}

TEST_F(MeasureCommandTest, MeasuresACommand) {
  const DrivenTree tree(true);
  const std::vector<std::string> line = {
      "measure",         "--exec",   "sleep 0.3; exit 3", "--counter", "rapl",
      "--powercap-root", "powercap", "--format",          "json"};
  const CliRun run = RunCommand(line);
  EXPECT_EQ(run.status, kBadInput);
  EXPECT_THAT(run.err, HasSubstr("the command ended with exit status 3"));
  const json document = json::parse(run.out);
  EXPECT_THAT(
      SchemaViolations(LoadSchema("measurement"), "command_run", document),
      IsEmpty());
  EXPECT_EQ(document["exit_status"], 3);
  const double seconds = document["seconds"];
  EXPECT_GE(seconds, 0.3);
  EXPECT_NEAR(document["microjoules"].get<double>(), kBusyWatts * 1e6 * seconds,
              1e6 * tree.Slack());
  std::vector<std::string> text = line;
  text.back() = "text";
  EXPECT_THAT(RunCommand(text).out,
              AllOf(HasSubstr("package-0"), HasSubstr("deviation"),
                    HasSubstr("exit    status 3")));
  text.back() = "csv";
  EXPECT_THAT(RunCommand(text).out,
              HasSubstr("domain,summed,joules,watts,deviation_watts"));
}

TEST_F(MeasureCommandTest, ChecksWhatThereIs) {
  const DrivenTree tree(true);
  const std::string line =
      "measure --check --powercap-root powercap --format json";
  const CliRun run = Opcost(line);
  EXPECT_EQ(run.status, kDone) << run.err;
  const json document = json::parse(run.out);
  EXPECT_THAT(SchemaViolations(LoadSchema("measurement"), "check", document),
              IsEmpty());
  EXPECT_EQ(document["counters"][0]["counter"], "rapl");
  EXPECT_EQ(document["counters"][0]["is_usable"], true);
  EXPECT_THAT(Opcost("measure --check --powercap-root powercap").out,
              AllOf(HasSubstr("rapl: usable"), HasSubstr("package-0")));
}

TEST_F(MeasureCommandTest, OnnxRuntimeRunsAModelEndToEnd) {
  const std::string python = PythonWithOnnxRuntime();
  if (python.empty()) {
    GTEST_SKIP() << kNoPythonWithOnnxRuntime;
  }
  const DrivenTree tree(true);
  const CliRun run = Opcost(absl::StrCat(
      "measure ", OPCOST_SOURCE_DIR, "/models/lenet-5.onnx --python ", python,
      " --powercap-root powercap --counter rapl --window 0.3 --warm-up 0.1 "
      "--idle 0 --trials 10 --precision 99% --threads 1 --batch 4 --format "
      "json"));
  ASSERT_EQ(run.status, kDone) << run.err;
  const json document = json::parse(run.out);
  EXPECT_THAT(
      SchemaViolations(LoadSchema("measurement"), "measurement", document),
      IsEmpty());
  const json& joules = document["measured"]["net_joules"];
  const json& seconds = document["measured"]["seconds"];
  const double mean = seconds["mean"];
  EXPECT_GT(mean, 0);
  // The intervals of both, and what a command takes on its way: 1 %.
  const double runs = document["trials"][0]["runs"];
  EXPECT_NEAR(joules["mean"].get<double>(), kBusyWatts * mean,
              joules["half_width"].get<double>() +
                  kBusyWatts * seconds["half_width"].get<double>() +
                  0.01 * kBusyWatts * mean + tree.Slack() / runs);
  EXPECT_EQ(document["runner"]["runtime"], "onnxruntime");
  EXPECT_EQ(document["runner"]["precision"], "float32");
  EXPECT_EQ(document["runner"]["threads"], 1);
  EXPECT_THAT(document["runner"]["remarks"].dump(),
              HasSubstr("weights are random (seed 1): lenet-5.weights is "
                        "absent"));
  // Each layer of the estimate that does something is in a kernel's row.
  EXPECT_GE(document["layers"].size(), 4u);
  double shared = 0, estimated = 0;
  for (const json& layer : document["layers"]) {
    shared += layer["joules"].get<double>();
    if (!layer["estimate"].is_null())
      estimated += layer["estimate"].get<double>();
  }
  EXPECT_NEAR(shared, joules["mean"].get<double>(), 1e-9);
  EXPECT_NEAR(estimated, document["estimate"]["energy_pj"].get<double>(),
              1e-6 * estimated);
}

TEST(RunnerCommand, FindsOpcostsOwnAndTakesOthersAsTheyAre) {
  CliEnvironment environment;
  ASSERT_OK_AND_ASSIGN(std::vector<std::string> command,
                       RunnerCommand("onnxruntime", "", environment));
  EXPECT_THAT(command, ElementsAre("python3", OPCOST_SOURCE_DIR
                                   "/tools/runners/onnxruntime_runner.py"));
  environment.python = "/usr/bin/python3";
  ASSERT_OK_AND_ASSIGN(command, RunnerCommand("pytorch", "", environment));
  EXPECT_EQ(command[0], "/usr/bin/python3");
  ASSERT_OK_AND_ASSIGN(command, RunnerCommand("pytorch", "py", environment));
  EXPECT_EQ(command[0], "py");
  ASSERT_OK_AND_ASSIGN(command, RunnerCommand("./mine -x", "", environment));
  EXPECT_THAT(command, ElementsAre("/bin/sh", "-c", "exec ./mine -x"));
}

TEST(OtherHostWarning, IsOfAnotherHostAlone) {
  EXPECT_EQ(OtherHostWarning("t", "", "ada"), "");
  EXPECT_EQ(OtherHostWarning("t", "ada", "ada"), "");
  EXPECT_EQ(OtherHostWarning("t", "ada", "bob"),
            "table t was fitted on host 'ada', but this was measured on 'bob': "
            "they are different machines");
}

}  // namespace
}  // namespace opcost
