// SPDX-License-Identifier: Apache-2.0
// GPUs through a library that stands for NVIDIA's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <vector>

#include "opcost/measure/counter.h"
#include "src/measure/counters.h"
#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

class NvmlCounterTest : public MadeTree {
 protected:
  void SetUp() override {
    MadeTree::SetUp();
    setenv("OPCOST_FAKE_NVML", Path("nvml").c_str(), 1);
  }
  void TearDown() override {
    unsetenv("OPCOST_FAKE_NVML");
    MadeTree::TearDown();
  }
  // What the library says from now on.
  void Say(const std::string& text) const { Put("nvml", text); }
  CounterOr Open(const std::string& gpus = "") {
    return OpenNvml(gpus, OPCOST_FAKE_NVML_LIBRARY, System());
  }
};

TEST_F(NvmlCounterTest, CountsMillijoulesAsMicrojoules) {
  Say("count=1\n0.name=NVIDIA H200\n0.mj=123456789\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  EXPECT_EQ(counter->name(), "nvml");
  EXPECT_EQ(counter->least_window_seconds(), 5);
  ASSERT_THAT(counter->domains(), SizeIs(1));
  EXPECT_EQ(counter->domains()[0].name, "GPU 0 (NVIDIA H200)");
  EXPECT_EQ(counter->domains()[0].source, "NVML, driver 550.54.15");
  EXPECT_TRUE(counter->domains()[0].is_summed);
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  Wait(5);
  Say("count=1\n0.name=NVIDIA H200\n0.mj=123459290\n");
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> energy,
                       counter->MicrojoulesBetween(begin, end));
  EXPECT_THAT(energy, ElementsAre((123459290 - 123456789) * 1000));
}

TEST_F(NvmlCounterTest, SumsAllGpusThatCount) {
  Say("count=3\n0.mj=1\n1.name=Tesla P100\n1.energy=3\n2.mj=5\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  ASSERT_THAT(counter->domains(), SizeIs(3));
  EXPECT_TRUE(counter->domains()[0].is_summed);
  EXPECT_FALSE(counter->domains()[1].is_summed);
  EXPECT_EQ(counter->domains()[1].remark,
            "GPU 1 (Tesla P100) doesn't count its energy: GPUs since Volta do");
  EXPECT_TRUE(counter->domains()[2].is_summed);
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  Wait(10);
  Say("count=3\n0.mj=8\n1.energy=3\n2.mj=7\n");
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> energy,
                       counter->MicrojoulesBetween(begin, end));
  EXPECT_THAT(energy, ElementsAre(7000, 0, 2000));
}

TEST_F(NvmlCounterTest, SumsTheGpusThatAreNamed) {
  Say("count=3\n0.mj=1\n1.energy=3\n2.mj=5\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open("2"));
  EXPECT_FALSE(counter->domains()[0].is_summed);
  EXPECT_EQ(counter->domains()[0].remark, "not chosen");
  EXPECT_TRUE(counter->domains()[2].is_summed);
  EXPECT_THAT(Open("0-1"),
              StatusIs(absl::StatusCode::kUnavailable,
                       "GPU 1 (GPU) doesn't count its energy: GPUs since "
                       "Volta do"));
  EXPECT_THAT(Open("0,3"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "counter nvml=0,3: there is no GPU 3: NVML has 3, "
                       "counted from 0"));
  EXPECT_THAT(Open("first"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "expected numbers and ranges such as 0,2-4, found "
                       "'first'"));
}

TEST_F(NvmlCounterTest, SaysThatTheLibraryIsAbsent) {
  EXPECT_THAT(OpenNvml("", Path("libnvidia-ml.so.1"), System()),
              StatusIs(absl::StatusCode::kUnavailable,
                       StartsWith("NVML, which comes with NVIDIA's driver, "
                                  "can't be loaded: " +
                                  Path("libnvidia-ml.so.1") + ": ")));
  Put("text.so", "no library");
  EXPECT_THAT(OpenNvml("", Path("text.so"), System()),
              FailsWith(HasSubstr("can't be loaded: " + Path("text.so"))));
}

TEST_F(NvmlCounterTest, SaysThatTheDriverIsTooOld) {
  EXPECT_THAT(OpenNvml("", OPCOST_FAKE_OLD_NVML_LIBRARY, System()),
              StatusIs(absl::StatusCode::kUnavailable,
                       "NVML has no nvmlDeviceGetTotalEnergyConsumption: the "
                       "driver is too old"));
}

TEST_F(NvmlCounterTest, SaysWhatNvmlSays) {
  const struct {
    std::string said;
    absl::StatusCode code;
    std::string problem;
  } cases[] = {
      {"init=9\n", absl::StatusCode::kUnavailable,
       "NVML can't be initialised: NVML says: Driver Not Loaded (9); sudo "
       "modprobe nvidia loads it"},
      {"init=4\n", absl::StatusCode::kPermissionDenied,
       "NVML can't be initialised: NVML says: Insufficient Permissions (4); "
       "the user must be able to read and write /dev/nvidiactl and "
       "/dev/nvidia0"},
      {"init=999\n", absl::StatusCode::kUnavailable,
       "NVML can't be initialised: NVML says: ? (999)"},
      {"devices=15\n", absl::StatusCode::kUnavailable,
       "GPUs can't be counted: NVML says: GPU is lost (15)"},
      {"count=0\n", absl::StatusCode::kUnavailable, "NVML finds no GPU"},
      {"count=1\n0.open=15\n", absl::StatusCode::kUnavailable,
       "GPU 0 can't be opened: NVML says: GPU is lost (15)"},
      {"count=1\n0.name=Tesla P100\n0.energy=3\n",
       absl::StatusCode::kUnavailable,
       "GPU 0 (Tesla P100) doesn't count its energy: GPUs since Volta do"},
      {"count=1\n0.energy=4\n", absl::StatusCode::kPermissionDenied,
       "GPU 0 (GPU) can't be read: NVML says: Insufficient Permissions (4); "
       "the user must be able to read and write /dev/nvidiactl and "
       "/dev/nvidia0"},
  };
  for (const auto& c : cases) {
    Say(c.said);
    EXPECT_THAT(Open(), StatusIs(c.code, c.problem));
  }
}

TEST_F(NvmlCounterTest, RefusesWhatADriverCannotMean) {
  Say("count=1\n0.mj=5000000\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  EXPECT_THAT(counter->Read(), IsOk());
  Wait(5);
  Say("count=1\n0.mj=4999999\n");
  EXPECT_THAT(counter->Read(),
              StatusIs(absl::StatusCode::kDataLoss,
                       "NVML: GPU 0 (GPU): fell from 0 to -1000 uJ since the "
                       "first reading, and it can't wrap: the counter was "
                       "reset"));
  // 12,000 J in 5 s and the slack of 1 s are the most.
  Say("count=1\n0.mj=17000001\n");
  EXPECT_THAT(counter->Read(),
              StatusIs(absl::StatusCode::kDataLoss,
                       "NVML: GPU 0 (GPU): rose from 0 to 12000001000 uJ "
                       "within 5.000 s: that would be 12000 J, more than 2000 "
                       "W can take: the counter was reset"));
  Say("count=1\n0.mj=18446744073709551615\n");
  EXPECT_THAT(counter->Read(),
              StatusIs(absl::StatusCode::kDataLoss,
                       "NVML: GPU 0 (GPU) reads 18446744073709551615 mJ"));
  Say("count=1\n0.energy=15\n");
  EXPECT_THAT(counter->Read(),
              StatusIs(absl::StatusCode::kDataLoss,
                       "NVML: GPU 0 (GPU) can't be read: NVML says: GPU is "
                       "lost (15)"));
  Say("count=1\n0.mj=17000000\n");
  EXPECT_THAT(counter->Read(), IsOk());
}

TEST_F(NvmlCounterTest, RefusesAGpuThatStandsStill) {
  Say("count=1\n0.mj=5\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  Wait(5);
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  EXPECT_THAT(counter->MicrojoulesBetween(begin, end),
              FailsWith(HasSubstr("GPU 0 (GPU) has taken no energy in 5.0 s")));
}

}  // namespace
}  // namespace opcost
