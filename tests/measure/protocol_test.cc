// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/protocol.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <utility>

#include "tests/measure/fake_run.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class ProtocolTest : public ::testing::Test {
 protected:
  absl::StatusOr<Measurement> Measure() {
    host_.sleep = [this](double seconds) {
      ++sleeps_;
      machine_.Pass(seconds);
    };
    return MeasureWorkload(workload_, counter_, options_, host_);
  }

  FakeMachine machine_;
  FakeCounter counter_{&machine_};
  FakeWorkload workload_{&machine_};
  ProtocolOptions options_;
  ProtocolHost host_;
  int sleeps_ = 0;
};

TEST_F(ProtocolTest, KnownPowerOverKnownTimeIsItsEnergy) {
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_NEAR(m.gross_joules.mean, 25 * 0.01, 1e-9);
  EXPECT_NEAR(m.net_joules.mean, (25 - 5) * 0.01, 1e-9);
  EXPECT_NEAR(m.seconds.mean, 0.01, 1e-12);
  EXPECT_NEAR(m.gross_watts.mean, 25, 1e-6);
  EXPECT_NEAR(m.idle_watts, 5, 1e-6);
  EXPECT_TRUE(m.is_stable);
  EXPECT_TRUE(m.is_measured);
  EXPECT_EQ(m.counter, "rapl");
  EXPECT_THAT(m.remarks, IsEmpty());
  EXPECT_THAT(Stability(m, options_), IsOk());
}

TEST_F(ProtocolTest, WindowsAreAsLongAsTheCounterWants) {
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  ASSERT_THAT(m.trials, SizeIs(10));
  for (const Trial& trial : m.trials) {
    EXPECT_EQ(trial.runs, 10 * 100);  // 10 s of 10 ms
    EXPECT_EQ(trial.microjoules, 25 * 10 * 1000000);
  }
}

TEST_F(ProtocolTest, AShorterWindowIsTakenAndSaid) {
  options_.window_seconds = 0.5;
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_EQ(m.trials[0].runs, 50);
  EXPECT_THAT(m.remarks, Contains("windows of 0.5 s are shorter than the 10 s "
                                  "that counter rapl wants"));
}

TEST_F(ProtocolTest, ReadsOftenEnoughForEveryWrap) {
  counter_.most_seconds = 0.4;
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_LE(counter_.longest_gap, 0.4);
  EXPECT_NEAR(m.gross_joules.mean, 25 * 0.01, 1e-9);
}

TEST_F(ProtocolTest, WarmsUpBeforeAnythingCounts) {
  // The first calls are slow, as caches and lazy compilation make them.
  workload_.each = [](size_t call) { return call <= 3 ? 0.2 : 0.01; };
  options_.warm_seconds = 5;
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_NEAR(m.seconds.mean, 0.01, 1e-12);
  EXPECT_NEAR(m.seconds.half_width, 0, 1e-12);
}

TEST_F(ProtocolTest, AWindowThatTurnsOutShortDoesntCount) {
  // It is fast once 20 windows' worth of calls are done.
  size_t calls = 0;
  workload_.each = [&calls](size_t call) {
    calls = call;
    return call <= 4 ? 0.01 : 0.001;
  };
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  for (const Trial& trial : m.trials) EXPECT_GE(trial.seconds, 9.0);
  EXPECT_GT(calls, 10u);
}

TEST_F(ProtocolTest, DomainsAreShownAndOnlySummedOnesAdded) {
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  ASSERT_THAT(m.domains, SizeIs(2));
  EXPECT_EQ(m.domains[0].microjoules, 10LL * 25 * 10 * 1000000);
  EXPECT_EQ(m.domains[1].microjoules, 10LL * 25 * 10 * 1000000 / 2);
  EXPECT_NEAR(m.domains[0].watts.mean, 25, 1e-6);
  EXPECT_NEAR(m.domains[0].least_watts, 25, 1e-3);
  EXPECT_NEAR(m.domains[0].most_watts, 25, 1e-3);
  EXPECT_NEAR(m.domains[0].idle_watts, 5, 1e-6);
  EXPECT_NEAR(m.domains[1].watts.mean, 12.5, 1e-3);
  EXPECT_EQ(m.domains[1].domain.remark, "part of package-0");
}

TEST_F(ProtocolTest, StopsWhereTheIntervalIsNarrow) {
  // +-2 % from call to call: the half-width of 10 is 2.26 * 2 % / sqrt(10).
  workload_.each = [](size_t call) { return call % 2 == 0 ? 0.0098 : 0.0102; };
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_TRUE(m.is_stable);
  EXPECT_THAT(m.trials, SizeIs(10));
  EXPECT_NEAR(m.net_joules.half_width,
              2.26215716 * (20 * 0.0002) * std::sqrt(10.0 / 9) / std::sqrt(10),
              1e-5);
}

TEST_F(ProtocolTest, GoesOnUntilItIsPrecise) {
  // +-5 %: 10 trials give 3.8 %, 30 give 1.9 %.
  workload_.each = [](size_t call) { return call % 2 == 0 ? 0.0095 : 0.0105; };
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_TRUE(m.is_stable);
  EXPECT_GT(m.trials.size(), 20u);
  EXPECT_LE(m.net_joules.half_width, 0.02 * m.net_joules.mean);
}

TEST_F(ProtocolTest, WhatStaysUnstableIsAborted) {
  workload_.each = [](size_t call) { return call % 2 == 0 ? 0.005 : 0.015; };
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_FALSE(m.is_stable);
  EXPECT_THAT(m.trials, SizeIs(30));
  const absl::Status status = Stability(m, options_);
  EXPECT_EQ(status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("unstable: after 30 trials an inference takes"));
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("where 2 % are asked for; what helps: nothing else "
                        "running, a longer --window"));
}

TEST_F(ProtocolTest, WhatTakesNoMoreThanIdlingIsUnstable) {
  machine_.busy_watts = 5;
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_FALSE(m.is_stable);
  EXPECT_THAT(std::string(Stability(m, options_).message()),
              HasSubstr("running takes no more than idling: does the counter "
                        "see the device that runs?"));
}

TEST_F(ProtocolTest, TrialsAndPrecisionCanBeSet) {
  workload_.each = [](size_t call) { return call % 2 == 0 ? 0.005 : 0.015; };
  options_.least_trials = 3;
  options_.most_trials = 5;
  ASSERT_OK_AND_ASSIGN(Measurement m, Measure());
  EXPECT_THAT(m.trials, SizeIs(5));
  options_.precision = 10;
  ASSERT_OK_AND_ASSIGN(m, Measure());
  EXPECT_THAT(m.trials, SizeIs(3));
  EXPECT_TRUE(m.is_stable);
}

TEST_F(ProtocolTest, IdlePowerThatChangesIsSaid) {
  host_.busy_seconds = nullptr;
  options_.idle_seconds = 2;
  host_.sleep = nullptr;
  const auto measure = [this] {
    host_.sleep = [this](double seconds) {
      machine_.idle_watts = workload_.asked.size() > 8 ? 8 : 4;
      machine_.Pass(seconds);
    };
    return MeasureWorkload(workload_, counter_, options_, host_);
  };
  ASSERT_OK_AND_ASSIGN(const Measurement m, measure());
  EXPECT_NEAR(m.idle_watts, (4 + 8) / 2.0, 1e-6);
  EXPECT_NEAR(m.net_joules.mean, (25 - 6) * 0.01, 1e-9);
  EXPECT_THAT(m.remarks,
              Contains("idle power changed from 4.00 W before to 8.00 W after; "
                       "its mean is subtracted"));
}

TEST_F(ProtocolTest, WithoutIdlingNetIsGrossAndSaysSo) {
  options_.idle_seconds = 0;
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_EQ(sleeps_, 0);
  EXPECT_EQ(m.net_joules.mean, m.gross_joules.mean);
  EXPECT_THAT(m.remarks,
              Contains("idling wasn't measured: net energy is the gross one"));
}

TEST_F(ProtocolTest, ConstantWattsAreTimesTheWorkloadsOwnSeconds) {
  counter_.watts = 10;
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_EQ(sleeps_, 0);
  EXPECT_FALSE(m.is_measured);
  EXPECT_EQ(m.constant_watts, 10);
  EXPECT_NEAR(m.net_joules.mean, 10 * 0.01, 1e-12);
  EXPECT_NEAR(m.gross_joules.mean, 10 * 0.01, 1e-12);
  EXPECT_THAT(m.remarks, IsEmpty());
}

TEST_F(ProtocolTest, OtherLoadIsSaid) {
  // Two processors are busy all the time, the workload is one of them.
  host_.busy_seconds = [this] { return std::optional(2 * machine_.seconds); };
  host_.own_seconds = [] { return 0.0; };
  workload_.processor = 0;
  workload_.each = [this](size_t) {
    workload_.processor = machine_.seconds;
    return 0.01;
  };
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_THAT(m.remarks, Contains(HasSubstr("processors busy meanwhile")));
}

TEST_F(ProtocolTest, NoOtherLoadIsNotSaid) {
  host_.busy_seconds = [this] { return std::optional(machine_.seconds); };
  host_.own_seconds = [this] { return machine_.seconds; };
  workload_.processor = 0;
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_THAT(m.remarks, IsEmpty());
}

TEST_F(ProtocolTest, FaultsOfCounterAndWorkloadEndIt) {
  workload_.begin_error = absl::FailedPreconditionError("it has died");
  EXPECT_THAT(Measure(), FailsWith("it has died"));
  counter_.read_error = absl::DataLossError("energy_uj vanished");
  EXPECT_THAT(Measure(), FailsWith("energy_uj vanished"));
}

TEST_F(ProtocolTest, OptionsThatMakeNoSenseAreErrors) {
  options_.least_trials = 1;
  EXPECT_THAT(Measure(),
              FailsWith("trials from 1 to 30: at least 2 and at most 10000 can "
                        "be had"));
  options_.least_trials = 10;
  options_.precision = 0;
  EXPECT_THAT(Measure(), FailsWith("precision and window have to be above 0"));
}

// A trial that runs for longer than anybody reads at once.
TEST_F(ProtocolTest, OneLongInferenceIsAWindow) {
  workload_.each = [](size_t) { return 37.5; };
  ASSERT_OK_AND_ASSIGN(const Measurement m, Measure());
  EXPECT_EQ(m.trials[0].runs, 1);
  EXPECT_NEAR(m.gross_joules.mean, 37.5 * 25, 1e-5);
  EXPECT_LE(counter_.longest_gap, 1.0 + 1e-9);
}

// NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2, and Abramowitz
// and Stegun, table 26.10, to the digits that they print.
TEST(StudentQuantile95, IsThatOfThePublishedTables) {
  const std::pair<int64_t, double> table[] = {
      {1, 12.706}, {2, 4.303},  {3, 3.182},   {4, 2.776},
      {5, 2.571},  {9, 2.262},  {10, 2.228},  {20, 2.086},
      {29, 2.045}, {30, 2.042}, {31, 2.040},  {40, 2.021},
      {50, 2.009}, {60, 2.000}, {100, 1.984}, {120, 1.980}};
  for (const auto& [degrees, quantile] : table) {
    EXPECT_NEAR(StudentQuantile95(degrees), quantile, 0.0005) << degrees;
  }
  EXPECT_NEAR(StudentQuantile95(1000000000), 1.959964, 1e-6);
}

TEST(StudentQuantile95, FallsWithoutAStepWhereTheTableEnds) {
  for (int64_t degrees = 1; degrees < 200; ++degrees) {
    EXPECT_GT(StudentQuantile95(degrees), StudentQuantile95(degrees + 1));
  }
  // Second differences shrink: no jump between 30 and 31.
  const double before = StudentQuantile95(29) - StudentQuantile95(30);
  const double at = StudentQuantile95(30) - StudentQuantile95(31);
  EXPECT_LT(at, before);
  EXPECT_GT(at, 0.85 * before);
}

TEST(MeanOf, IsStudentsInterval) {
  const Interval interval = MeanOf({1.0, 2.0, 3.0, 4.0});
  EXPECT_DOUBLE_EQ(interval.mean, 2.5);
  // Deviation sqrt(5/3), over sqrt(4), times the quantile for 3.
  EXPECT_NEAR(interval.half_width, 3.18244631 * std::sqrt(5.0 / 3) / 2, 1e-7);
  EXPECT_NEAR(DeviationOf({1.0, 2.0, 3.0, 4.0}), std::sqrt(5.0 / 3), 1e-12);
  EXPECT_EQ(MeanOf({7.0}).half_width, 0);
  EXPECT_EQ(MeanOf({}).mean, 0);
  EXPECT_EQ(DeviationOf({7.0}), 0);
}

TEST(ModelledMemoryJoules, IsThreeWattsForEightGigabytes) {
  EXPECT_DOUBLE_EQ(ModelledMemoryJoules(64e9, 2), 64.0 / 8 * 3 * 2);
}

}  // namespace
}  // namespace opcost
