// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/command_run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/measure/counters.h"
#include "tests/measure/fake_run.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

TEST(MeasureCommand, AConstantPowerIsTimesItsTime) {
  ASSERT_OK_AND_ASSIGN(const auto counter, OpenConstant("20", RealSystem()));
  ASSERT_OK_AND_ASSIGN(const CommandRun run,
                       MeasureCommand("sleep 0.3", {}, *counter));
  EXPECT_EQ(run.exit_status, 0);
  EXPECT_GE(run.seconds, 0.3);
  EXPECT_NEAR(static_cast<double>(run.microjoules), 20e6 * run.seconds, 2);
  ASSERT_EQ(run.domains.size(), 1u);
  EXPECT_NEAR(run.domains[0].watts.mean, 20, 1e-3);
  EXPECT_EQ(run.samples, 1);
  EXPECT_FALSE(run.is_measured);
  EXPECT_EQ(run.constant_watts, 20);
}

// Power that doubles half-way: least, most and deviation are the samples'.
TEST(MeasureCommand, SamplesHaveTheirDeviation) {
  FakeMachine machine;
  FakeCounter counter(&machine);
  counter.most_seconds = 0.2;  // samples of 0.1 s
  class Passing : public EnergyCounter {
   public:
    Passing(FakeMachine* m, FakeCounter* c) : machine_(m), counter_(c) {}
    absl::string_view name() const override { return "rapl"; }
    const std::vector<EnergyDomain>& domains() const override {
      return counter_->domains();
    }
    double least_window_seconds() const override { return 1; }
    double most_seconds_between_readings() const override { return 0.2; }
    absl::StatusOr<CounterReading> Read() override {
      // Each reading is a second after the last: 10 W, then 30 W, ...
      if (readings_ > 0) {
        machine_->idle_watts = readings_ % 2 == 1 ? 10 : 30;
        machine_->Pass(1);
      }
      ++readings_;
      return counter_->Read();
    }
    absl::StatusOr<std::vector<int64_t>> MicrojoulesBetween(
        const CounterReading& begin, const CounterReading& end) override {
      return counter_->MicrojoulesBetween(begin, end);
    }

   private:
    FakeMachine* machine_;
    FakeCounter* counter_;
    int readings_ = 0;
  } passing(&machine, &counter);
  ASSERT_OK_AND_ASSIGN(const CommandRun run,
                       MeasureCommand("sleep 0.35", {}, passing));
  ASSERT_GE(run.samples, 3);
  EXPECT_EQ(run.domains[0].least_watts, 10);
  EXPECT_EQ(run.domains[0].most_watts, 30);
  EXPECT_NEAR(run.domains[0].deviation_watts, 10, 2);
  EXPECT_NEAR(run.domains[0].watts.mean,
              machine.microjoules / 1e6 / run.seconds, 1e-9);
}

TEST(MeasureCommand, TellsTheCommandsStatus) {
  ASSERT_OK_AND_ASSIGN(const auto counter, OpenConstant("20", RealSystem()));
  ASSERT_OK_AND_ASSIGN(CommandRun run, MeasureCommand("exit 7", {}, *counter));
  EXPECT_EQ(run.exit_status, 7);
  ASSERT_OK_AND_ASSIGN(run, MeasureCommand("kill -TERM $$", {}, *counter));
  EXPECT_EQ(run.exit_status, 128 + 15);
  ASSERT_OK_AND_ASSIGN(run,
                       MeasureCommand("/no/such/x 2>/dev/null", {}, *counter));
  EXPECT_EQ(run.exit_status, 127);
}

TEST(MeasureCommand, EndsWithTheCommandAndWhatItLeftBehind) {
  ASSERT_OK_AND_ASSIGN(const auto counter, OpenConstant("20", RealSystem()));
  ASSERT_OK_AND_ASSIGN(const CommandRun run,
                       MeasureCommand("sleep 60 & exit 0", {}, *counter));
  EXPECT_LT(run.seconds, 30);
}

}  // namespace
}  // namespace opcost
