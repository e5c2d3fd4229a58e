// SPDX-License-Identifier: Apache-2.0
// Whole machines: a server as the kernel shows one, to the microjoule, and
// trees that nobody made sense of.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/measure/counter.h"
#include "src/measure/counters.h"
#include "src/measure/powercap_tree.h"
#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int64_t kPackageRange = 262143328850;
constexpr int64_t kMemoryRange = 65712999613;
constexpr char kDevices[] = "devices/virtual/powercap/";

class RaplMachineTest : public MadeTree {
 protected:
  // A zone in its place, and the link to it that the kernel lists.
  void PutDevice(const std::string& place, const std::string& name,
                 int64_t microjoules, int64_t range) {
    const std::string folder = kDevices + place;
    PutZone(folder, name, microjoules, range);
    const std::string device = std::filesystem::path(place).filename();
    Link("../../" + folder, "class/powercap/" + device);
    Link("../../../../class/powercap", folder + "/subsystem");
    places_[device] = folder;
  }
  void Set(const std::string& device, int64_t microjoules) {
    PutEnergy(places_.at(device), microjoules);
  }

  // Two sockets with their memory, a core, a platform and a mirror.
  void PutServer() {
    Link("../../devices/virtual/powercap/intel-rapl",
         "class/powercap/intel-rapl");
    PutDevice("intel-rapl/intel-rapl:0", "package-0", 262143328000,
              kPackageRange);
    PutDevice("intel-rapl/intel-rapl:0/intel-rapl:0:0", "dram", 65712999000,
              kMemoryRange);
    PutDevice("intel-rapl/intel-rapl:0/intel-rapl:0:1", "core", 7,
              kPackageRange);
    PutDevice("intel-rapl/intel-rapl:1", "package-1", 100, kPackageRange);
    PutDevice("intel-rapl/intel-rapl:1/intel-rapl:1:0", "dram", 200,
              kMemoryRange);
    PutDevice("intel-rapl/intel-rapl:2", "psys", 300, kPackageRange);
    PutDevice("intel-rapl-mmio/intel-rapl-mmio:0", "package-0", 262143328000,
              kPackageRange);
  }

  std::map<std::string, std::string> places_;
};

TEST_F(RaplMachineTest, SumsAServerToTheMicrojoule) {
  PutServer();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenRapl(Path("class/powercap"), System()));
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  // Four readings, 15 s apart; package-0 and its memory wrap at the first, and
  // its memory once more at the last.
  const struct {
    int64_t package_0, memory_0, core, package_1, memory_1, psys;
  } readings[] = {{1000, 50, 1007, 4000000100, 1200, 9000000300},
                  {3000001001, 29000000000, 2007, 4000000101, 1200, 9000000301},
                  {3000001001, 58000000000, 2007, 4000000101, 1200, 9000000301},
                  {3000001002, 387, 3007, 4000000102, 1201, 9000000302}};
  CounterReading end;
  for (const auto& r : readings) {
    Wait(15);
    Set("intel-rapl:0", r.package_0);
    Set("intel-rapl-mmio:0", r.package_0);
    Set("intel-rapl:0:0", r.memory_0);
    Set("intel-rapl:0:1", r.core);
    Set("intel-rapl:1", r.package_1);
    Set("intel-rapl:1:0", r.memory_1);
    Set("intel-rapl:2", r.psys);
    ASSERT_OK_AND_ASSIGN(end, counter->Read());
  }
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> energy,
                       counter->MicrojoulesBetween(begin, end));
  std::map<std::string, int64_t> by_name;
  int64_t sum = 0;
  for (size_t i = 0; i < energy.size(); ++i) {
    by_name[counter->domains()[i].name] = energy[i];
    if (counter->domains()[i].is_summed) sum += energy[i];
  }
  const int64_t package_0 = 3000001002 + kPackageRange - 262143328000;
  const int64_t memory_0 = 387 + 2 * kMemoryRange - 65712999000;
  const int64_t package_1 = 4000000102 - 100;
  const int64_t memory_1 = 1201 - 200;
  EXPECT_EQ(by_name["package-0 (intel-rapl:0)"], package_0);
  EXPECT_EQ(by_name["package-0 (intel-rapl-mmio:0)"], package_0);
  EXPECT_EQ(by_name["package-0/dram"], memory_0);
  EXPECT_EQ(by_name["core"], 3007 - 7);
  EXPECT_EQ(by_name["package-1"], package_1);
  EXPECT_EQ(by_name["package-1/dram"], memory_1);
  EXPECT_EQ(by_name["psys"], 9000000302 - 300);
  EXPECT_EQ(energy.size(), 7);
  EXPECT_EQ(sum, package_0 + memory_0 + package_1 + memory_1);
}

// A known power over time, with wraps wherever they fall: what was put in comes
// out, whatever the steps.
TEST_F(RaplMachineTest, GivesBackAnyEnergyThatWasPutIn) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 20; ++round) {
    const auto range =
        std::uniform_int_distribution<int64_t>(1000000, kPackageRange)(random);
    int64_t raw = std::uniform_int_distribution<int64_t>(0, range)(random);
    PutZone("z:0", "package-0", raw, range);
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                         OpenRapl(root(), System()));
    ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
    CounterReading end;
    int64_t sum = 0;
    for (int step = 0; step < 50; ++step) {
      const double seconds = counter->most_seconds_between_readings();
      // At most 1,900 W, and less than once around.
      const auto most =
          std::min(range - 1, static_cast<int64_t>(seconds * 1900 * 1e6));
      const auto delta =
          std::uniform_int_distribution<int64_t>(0, most)(random);
      sum += delta;
      // A counter of this maximum goes from it to 0 in no step.
      raw = (raw + delta) % range;
      PutEnergy("z:0", raw);
      Wait(seconds);
      ASSERT_OK_AND_ASSIGN(end, counter->Read());
    }
    EXPECT_EQ(end.microjoules[0], sum) << "range " << range;
  }
}

// Folders, links and files of a seed, some of them as the kernel's.
class NonsenseTest : public RaplMachineTest {
 protected:
  void PutNonsense(const std::string& top) {
    std::filesystem::create_directories(Path(top));
    for (int i = 0; i < 12; ++i) {
      std::string folder = top;
      for (size_t depth = random_() % 3 + 1; depth > 0; --depth) {
        absl::StrAppend(&folder, "/", Pick(folders_));
      }
      std::error_code error;
      std::filesystem::create_directories(Path(folder), error);
      if (error) continue;  // a link stands there
      if (random_() % 8 == 0) {
        std::filesystem::create_directory_symlink(
            "../" + Pick(folders_), Path(folder + "/" + Pick(folders_)), error);
        continue;
      }
      Put(folder + "/name", Pick(names_));
      if (random_() % 8 != 0) Put(folder + "/energy_uj", "1000\n");
      if (random_() % 4 == 0) Put(folder + "/" + Pick(files_), Pick(numbers_));
    }
  }

 private:
  std::string Pick(const std::vector<std::string>& of) {
    return of[random_() % of.size()];
  }

  std::mt19937 random_{11};
  const std::vector<std::string> folders_ = {"intel-rapl",
                                             "intel-rapl:0",
                                             "intel-rapl:0:0",
                                             "intel-rapl-mmio:0",
                                             "intel-rapl:",
                                             ":",
                                             "intel-rapl:1",
                                             "x:99999999999999999999",
                                             "a b"};
  const std::vector<std::string> names_ = {
      "package-0", "package-1", "dram", "psys",
      "core",      "",          "\n\n", "package-0-die-1"};
  const std::vector<std::string> numbers_ = {
      "0\n", "1000\n", "262143328850\n", "", "-1\n", "9223372036854775807\n",
      "12",  "\xff\n"};
  const std::vector<std::string> files_ = {"name", "energy_uj",
                                           "max_energy_range_uj", "enabled"};
};

// Whatever the tree is: an answer, no crash, nothing summed twice.
TEST_F(NonsenseTest, IsRefusedOrReadButNeverSummedTwice) {
  int readable = 0;
  for (int round = 0; round < 150; ++round) {
    const std::string top = absl::StrCat("t", round);
    PutNonsense(top);
    const CounterOr counter = OpenRapl(Path(top), System());
    if (!counter.ok()) {
      EXPECT_TRUE(absl::IsUnavailable(counter.status()) ||
                  absl::IsDataLoss(counter.status()))
          << counter.status();
      continue;
    }
    ++readable;
    std::map<std::string, int> summed;
    for (const EnergyDomain& domain : (*counter)->domains()) {
      EXPECT_EQ(domain.is_summed, domain.remark.empty());
      const std::string real =
          std::filesystem::canonical(domain.source).string();
      if (domain.is_summed) ++summed[real];
    }
    EXPECT_FALSE(summed.empty());
    for (const auto& [source, times] : summed) EXPECT_EQ(times, 1) << source;
    EXPECT_THAT((*counter)->Read(), IsOk());
  }
  // Not all are refused.
  EXPECT_GT(readable, 10);
}

}  // namespace
}  // namespace opcost
