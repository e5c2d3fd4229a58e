// SPDX-License-Identifier: Apache-2.0
// perf's power events: made files in /sys, and a kernel that a test plays.
#include "src/measure/perf_counter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr int kType = 23;

class PerfCounterTest : public MadeTree {
 protected:
  void PutEvent(const std::string& event, int config) const {
    const std::string path =
        "sys/bus/event_source/devices/power/events/" + event;
    Put(path, absl::StrCat("event=0x0", config, "\n"));
    // 2^-32, as the kernel writes it.
    Put(path + ".scale", "2.3283064365386962890625e-10\n");
    Put(path + ".unit", "Joules\n");
  }
  void PutPower(const std::string& cpumask) const {
    const std::string folder = "sys/bus/event_source/devices/power/";
    Put(folder + "type", absl::StrCat(kType, "\n"));
    Put(folder + "cpumask", cpumask + "\n");
    PutEvent("energy-pkg", 2);
  }
  void PutTopology(int processor, int package, int die) const {
    const std::string folder =
        absl::StrCat("sys/devices/system/cpu/cpu", processor, "/topology/");
    Put(folder + "physical_package_id", absl::StrCat(package, "\n"));
    Put(folder + "die_id", absl::StrCat(die, "\n"));
  }

  // Descriptors are 100, 101 ... in the order of opening.
  PerfSystem Perf() {
    PerfSystem perf;
    perf.open = [this](uint32_t type, uint64_t config, int processor) {
      EXPECT_EQ(type, uint32_t{kType});
      if (open_error_ != 0) return -open_error_;
      opened_.emplace_back(config, processor);
      open_.insert(next_);
      return next_++;
    };
    perf.read = [this](int descriptor, uint64_t& count) {
      if (read_error_ != 0) return -read_error_;
      count = counts_[descriptor];
      return 0;
    };
    perf.close = [this](int descriptor) { open_.erase(descriptor); };
    return perf;
  }
  CounterOr Open() {
    return OpenPerf(Path("sys"), Path("proc"), System(), Perf());
  }
  std::string PowerPath(const std::string& file) const {
    return Path("sys/bus/event_source/devices/power/" + file);
  }

  std::vector<std::pair<uint64_t, int>> opened_;  // configuration, processor
  std::map<int, uint64_t> counts_;
  std::set<int> open_;
  int next_ = 100;
  int open_error_ = 0;
  int read_error_ = 0;
};

TEST_F(PerfCounterTest, CountsInUnitsOfTheScale) {
  PutPower("0");
  PutTopology(0, 0, 0);
  // Two joules short of where 64 bits of counts would be 2^32 joules.
  counts_[100] = ~uint64_t{0} - (uint64_t{2} << 32);
  {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
    EXPECT_EQ(counter->name(), "perf");
    EXPECT_THAT(opened_, ElementsAre(std::pair<uint64_t, int>(2, 0)));
    ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
    Wait(10);
    // 1.5 J: 1.5 * 2^32 counts.
    counts_[100] += uint64_t{3} << 31;
    ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
    ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> energy,
                         counter->MicrojoulesBetween(begin, end));
    EXPECT_THAT(energy, ElementsAre(1500000));
  }
  EXPECT_THAT(open_, IsEmpty());
}

TEST_F(PerfCounterTest, RoundsToTheMicrojouleOnceForAll) {
  PutPower("0");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  ASSERT_OK_AND_ASSIGN(const CounterReading first, counter->Read());
  CounterReading last = first;
  int64_t sum = 0;
  for (int i = 1; i <= 1000; ++i) {
    counts_[100] += 6443;  // 1.5001 uJ
    ASSERT_OK_AND_ASSIGN(const CounterReading now, counter->Read());
    ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> energy,
                         counter->MicrojoulesBetween(last, now));
    sum += energy[0];
    last = now;
  }
  EXPECT_EQ(sum, 1500);  // 6,443,000 * 1e6 / 2^32 = 1500.13
  EXPECT_EQ(last.microjoules[0], 1500);
}

TEST_F(PerfCounterTest, SumsPackagesAndMemoryAlone) {
  PutPower("0,28");
  PutEvent("energy-ram", 3);
  PutEvent("energy-cores", 1);
  PutEvent("energy-gpu", 4);
  PutEvent("energy-psys", 5);
  PutTopology(0, 0, 0);
  PutTopology(28, 1, 0);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  std::vector<std::string> told;
  for (const EnergyDomain& domain : counter->domains()) {
    EXPECT_EQ(domain.is_summed, domain.remark.empty());
    told.push_back(absl::StrCat(domain.name, " ", domain.remark));
  }
  const std::string psys = "/psys the whole platform, packages included";
  EXPECT_THAT(
      told, ElementsAre("package-0 ", "package-1 ", "package-0/dram ",
                        "package-1/dram ", "package-0/core part of its package",
                        "package-1/core part of its package",
                        "package-0/uncore part of its package",
                        "package-1/uncore part of its package",
                        "package-0" + psys, "package-1" + psys));
  EXPECT_EQ(counter->domains()[3].source, "power/energy-ram/ on processor 28");
}

TEST_F(PerfCounterTest, NamesDiesAndUnknownPackages) {
  PutPower("0,28-29");
  PutTopology(0, 0, 0);
  PutTopology(28, 0, 1);
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  EXPECT_EQ(counter->domains()[0].name, "package-0-die-0");
  EXPECT_EQ(counter->domains()[1].name, "package-0-die-1");
  EXPECT_EQ(counter->domains()[2].name, "package of processor 29");
}

TEST_F(PerfCounterTest, SaysThatThereAreNoEvents) {
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable,
                               Path("sys/bus/event_source/devices/power") +
                                   ": no such folder: the kernel offers no "
                                   "power events"));
  PutPower("0");
  Remove("sys/bus/event_source/devices/power/events/energy-pkg");
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable,
                               PowerPath("events") +
                                   ": no energy-pkg: the processor's energy "
                                   "isn't counted"));
}

TEST_F(PerfCounterTest, SaysWhatWouldPermitIt) {
  PutPower("0");
  for (const std::string level : {"2", ""}) {
    for (const int error : {EACCES, EPERM}) {
      open_error_ = error;
      if (!level.empty()) {
        Put("proc/sys/kernel/perf_event_paranoid", level + "\n");
      } else {
        Remove("proc/sys/kernel/perf_event_paranoid");
      }
      EXPECT_THAT(
          Open(),
          StatusIs(
              absl::StatusCode::kPermissionDenied,
              "power/energy-pkg/ on processor 0: permission denied: events of "
              "a whole processor tell what other users compute "
              "(CVE-2020-8694), so they take kernel.perf_event_paranoid of at "
              "most 0 (" +
                  Path("proc/sys/kernel/perf_event_paranoid") + " is " +
                  (level.empty() ? "unreadable" : level) +
                  ") or CAP_PERFMON. One of these helps: sudo sysctl "
                  "kernel.perf_event_paranoid=0 (until the next boot); sudo "
                  "setcap cap_perfmon=ep on the opcost executable; or running "
                  "opcost as root"));
    }
  }
}

TEST_F(PerfCounterTest, SaysWhyItCannotBeOpened) {
  PutPower("0");
  open_error_ = ENODEV;
  EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kUnavailable,
                               "power/energy-pkg/ on processor 0: "
                               "perf_event_open says: No such device"));
  open_error_ = ENOSYS;
  EXPECT_THAT(Open(),
              FailsWith("power/energy-pkg/ on processor 0: perf_event_open "
                        "says: Function not implemented (a container's seccomp "
                        "profile forbids it)"));
}

TEST_F(PerfCounterTest, ClosesWhatItOpenedBeforeAnError) {
  PutPower("0");
  PutEvent("energy-ram", 3);
  Put("sys/bus/event_source/devices/power/events/energy-ram.unit", "Watts\n");
  EXPECT_THAT(Open(), FailsWith(PowerPath("events/energy-ram.unit") +
                                ": expected Joules, found 'Watts'"));
  EXPECT_EQ(opened_.size(), 1);
  EXPECT_THAT(open_, IsEmpty());
}

TEST_F(PerfCounterTest, RefusesFilesThatTheKernelDoesNotWrite) {
  const struct {
    std::string file, text, problem;
  } cases[] = {
      {"type", "x", ": expected a number, found 'x'"},
      {"type", "-1", ": expected a number, found '-1'"},
      {"cpumask", "", ": expected processors, found ''"},
      {"cpumask", "3-1", ": expected processors, found '3-1'"},
      {"cpumask", "0-2000",
       ": 2001 processors: a power event counts on at most 1024"},
      {"events/energy-pkg", "config=2",
       ": expected event=0xN, found 'config=2'"},
      {"events/energy-pkg", "event=2,umask=1",
       ": expected event=0xN, found 'event=2,umask=1'"},
      {"events/energy-pkg.scale", "0",
       ": expected a number between 0 and 1, found '0'"},
      {"events/energy-pkg.scale", "nan",
       ": expected a number between 0 and 1, found 'nan'"},
      {"events/energy-pkg.unit", "kWh", ": expected Joules, found 'kWh'"},
  };
  for (const auto& c : cases) {
    PutPower("0");
    Put("sys/bus/event_source/devices/power/" + c.file, c.text + "\n");
    EXPECT_THAT(Open(), StatusIs(absl::StatusCode::kDataLoss,
                                 PowerPath(c.file) + c.problem));
  }
  PutPower("0");
  Remove("sys/bus/event_source/devices/power/cpumask");
  EXPECT_THAT(Open(),
              StatusIs(absl::StatusCode::kDataLoss,
                       PowerPath("cpumask") +
                           ": can't be read: No such file or directory"));
}

TEST_F(PerfCounterTest, RefusesFaultyReadings) {
  PutPower("0");
  counts_[100] = uint64_t{10} << 32;
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter, Open());
  EXPECT_THAT(counter->Read(), IsOk());
  const std::string place = "power/energy-pkg/ on processor 0: ";
  read_error_ = ENODATA;
  EXPECT_THAT(counter->Read(),
              StatusIs(absl::StatusCode::kDataLoss,
                       place + "can't be read: the processor is gone"));
  read_error_ = EIO;
  EXPECT_THAT(counter->Read(),
              FailsWith(place + "can't be read: Input/output error"));
  read_error_ = 0;
  counts_[100] = uint64_t{9} << 32;
  EXPECT_THAT(counter->Read(),
              FailsWith(place + "fell from 0 to -1000000 uJ since the first "
                                "reading, and it can't wrap: the counter was "
                                "reset"));
  counts_[100] = uint64_t{2011} << 32;
  EXPECT_THAT(counter->Read(),
              FailsWith(place + "rose from 0 to 2001000000 uJ within 0.000 s: "
                                "that would be 2001 J, more than 2000 W can "
                                "take: the counter was reset"));
}

// The kernel itself, which in a test's place seldom has power events, but has
// perf_event_open or forbids it.
TEST_F(PerfCounterTest, TheKernelRefusesATypeThatThereIsNot) {
  EXPECT_LT(RealPerf().open(0x7fffffff, 2, 0), 0);
}

}  // namespace
}  // namespace opcost
