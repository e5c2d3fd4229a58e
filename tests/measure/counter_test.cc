// SPDX-License-Identifier: Apache-2.0
// Which counter is chosen, and what is said where there is none.
#include "opcost/measure/counter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class CounterTest : public MadeTree {
 protected:
  using CounterOr = absl::StatusOr<std::unique_ptr<EnergyCounter>>;

  void SetUp() override {
    MadeTree::SetUp();
    choice_.powercap_root = Path("sys/class/powercap");
    choice_.sysfs_root = Path("sys");
    choice_.proc_root = Path("proc");
    choice_.nvml_library = Path("libnvidia-ml.so.1");
  }
  void TearDown() override {
    unsetenv("OPCOST_FAKE_NVML");
    MadeTree::TearDown();
  }
  CounterOr Open(const std::string& counter) {
    choice_.counter = counter;
    return OpenCounter(choice_);
  }
  void PutGpu() {
    Put("nvml", "count=1\n0.name=NVIDIA H200\n0.mj=5\n");
    setenv("OPCOST_FAKE_NVML", Path("nvml").c_str(), 1);
    choice_.nvml_library = OPCOST_FAKE_NVML_LIBRARY;
  }
  void PutPackage() const {
    PutZone("sys/class/powercap/intel-rapl:0", "package-0", 1000);
  }
  void PutVirtualMachine() const {
    Put("sys/class/dmi/id/product_name", "KVM\n");
  }

  CounterChoice choice_;
};

TEST_F(CounterTest, AutoTakesRaplFirst) {
  PutPackage();
  PutGpu();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       Open("auto"));
  EXPECT_EQ(counter->name(), "rapl");
  EXPECT_THAT(counter->remarks(), IsEmpty());
  EXPECT_EQ(counter->domains()[0].source,
            Path("sys/class/powercap/intel-rapl:0/energy_uj"));
}

TEST_F(CounterTest, AutoTakesAGpuWhereThereIsNothingElse) {
  PutGpu();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       Open("auto"));
  EXPECT_EQ(counter->name(), "nvml");
  EXPECT_THAT(counter->remarks(), IsEmpty());
}

TEST_F(CounterTest, AutoSaysWhatItPassedOver) {
  PutPackage();
  Put("sys/class/powercap/intel-rapl:0/energy_uj", "");
  PutGpu();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       Open("auto"));
  EXPECT_EQ(counter->name(), "nvml");
  EXPECT_THAT(counter->remarks(),
              ElementsAre("passed over: rapl: " +
                          Path("sys/class/powercap/intel-rapl:0/energy_uj") +
                          ": the file is empty"));
}

TEST_F(CounterTest, AutoIsNeverAGuess) {
  PutVirtualMachine();
  EXPECT_THAT(
      Open("auto"),
      StatusIs(
          absl::StatusCode::kUnavailable,
          ::testing::AllOf(
              StartsWith(
                  "no energy counter can be read on this machine:\n  rapl: " +
                  Path("sys/class/powercap") +
                  ": no such folder: the kernel offers no RAPL\n  perf: " +
                  Path("sys/bus/event_source/devices/power") +
                  ": no such folder: the kernel offers no power events\n"
                  "  nvml: NVML, which comes with NVIDIA's driver, can't be "
                  "loaded: " +
                  Path("libnvidia-ml.so.1")),
              ::testing::EndsWith(
                  "\nThis is a virtual machine (KVM), and hypervisors hide the "
                  "processor's energy counters: run on the hardware itself. "
                  "Else give what an external meter logs (--counter "
                  "meter=FILE), or, as a model and not a measurement, constant "
                  "watts (--counter constant=WATTS)"))));
}

TEST_F(CounterTest, AutoSaysWhichDriverIsMissingOnHardware) {
  EXPECT_THAT(Open("auto"),
              FailsWith(HasSubstr(
                  "\nA processor with RAPL (Intel since 2011, AMD since Zen) "
                  "needs its driver: sudo modprobe intel_rapl_msr. Else give "
                  "what an external meter logs (--counter meter=FILE)")));
}

TEST_F(CounterTest, AutoReportsABrokenCounterBeforeAnAbsentOne) {
  PutPackage();
  Put("sys/class/powercap/intel-rapl:0/energy_uj", "x\n");
  EXPECT_THAT(Open("auto"),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("energy_uj: expected a whole number below "
                                 "2^63, found 'x'\n  perf: ")));
}

TEST_F(CounterTest, ANamedCounterStandsForItself) {
  PutGpu();
  PutVirtualMachine();
  EXPECT_THAT(Open("rapl"),
              StatusIs(absl::StatusCode::kUnavailable,
                       StartsWith(Path("sys/class/powercap") +
                                  ": no such folder: the kernel offers no "
                                  "RAPL\nThis is a virtual machine (KVM)")));
  EXPECT_THAT(Open("perf"), StatusIs(absl::StatusCode::kUnavailable,
                                     HasSubstr("no power events\nThis is")));
  EXPECT_THAT(Open("nvml"), IsOk());
  EXPECT_THAT(Open("nvml=0"), IsOk());
  EXPECT_THAT(Open("nvml=1"), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("there is no GPU 1")));
}

TEST_F(CounterTest, AMeterIsAFile) {
  EXPECT_THAT(Open("meter=" + Path("log.csv")),
              StatusIs(absl::StatusCode::kUnavailable,
                       Path("log.csv") + ": the meter's log can't be opened: "
                                         "No such file or directory"));
  Put("log.csv", "time,watts\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       Open("meter=" + Path("log.csv")));
  EXPECT_EQ(counter->name(), "meter");
}

TEST_F(CounterTest, RefusesACounterThatThereIsNot) {
  for (const std::string name : {"", "RAPL", "meter", "constant", "rapl=1"}) {
    EXPECT_THAT(Open(name),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         "there is no counter '" + name +
                             "': expected auto, rapl, perf, nvml, nvml=GPUS, "
                             "meter=FILE or constant=WATTS"));
  }
}

TEST_F(CounterTest, ChecksEachCounter) {
  PutPackage();
  PutZone("sys/class/powercap/intel-rapl:0/intel-rapl:0:0", "core", 5);
  const std::vector<CounterCheck> checks = CheckCounters(choice_);
  ASSERT_THAT(checks, SizeIs(3));
  EXPECT_EQ(checks[0].counter, "rapl");
  EXPECT_TRUE(checks[0].is_usable);
  EXPECT_EQ(checks[0].problem, "");
  ASSERT_THAT(checks[0].domains, SizeIs(2));
  EXPECT_EQ(checks[0].domains[1].remark, "part of package-0");
  EXPECT_EQ(checks[1].counter, "perf");
  EXPECT_FALSE(checks[1].is_usable);
  EXPECT_THAT(checks[1].problem, HasSubstr("no power events"));
  EXPECT_EQ(checks[2].counter, "nvml");
  EXPECT_FALSE(checks[2].is_usable);
  EXPECT_THAT(checks[2].problem, HasSubstr("can't be loaded"));
}

TEST_F(CounterTest, ChecksTellWhatIsDenied) {
  Put("nvml", "init=4\n");
  setenv("OPCOST_FAKE_NVML", Path("nvml").c_str(), 1);
  choice_.nvml_library = OPCOST_FAKE_NVML_LIBRARY;
  const std::vector<CounterCheck> checks = CheckCounters(choice_);
  EXPECT_FALSE(checks[0].is_denied);
  EXPECT_FALSE(checks[1].is_denied);
  EXPECT_TRUE(checks[2].is_denied);
  EXPECT_FALSE(checks[2].is_usable);
  EXPECT_THAT(Open("auto"),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("\n  nvml: NVML can't be initialised: NVML "
                                 "says: Insufficient Permissions (4)")));
}

TEST_F(CounterTest, ChecksTheFileThatIsNamed) {
  choice_.counter = "meter=" + Path("log.csv");
  std::vector<CounterCheck> checks = CheckCounters(choice_);
  ASSERT_THAT(checks, SizeIs(4));
  EXPECT_EQ(checks[0].counter, choice_.counter);
  EXPECT_THAT(checks[0].problem, HasSubstr("can't be opened"));
  choice_.counter = "constant=5";
  checks = CheckCounters(choice_);
  EXPECT_TRUE(checks[0].is_usable);
}

}  // namespace
}  // namespace opcost
