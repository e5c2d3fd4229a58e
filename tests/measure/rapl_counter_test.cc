// SPDX-License-Identifier: Apache-2.0
// Readings of made powercap trees, to the microjoule, and each fault.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdint>
#include <filesystem>
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

constexpr int64_t kRange = 262143328850;

class RaplCounterTest : public MadeTree {
 protected:
  // Opens a tree of one package and reads it for the first time.
  void OpenOnePackage(int64_t microjoules, int64_t range = kRange) {
    PutZone("intel-rapl:0", "package-0", microjoules, range);
    Open();
  }
  void Open() {
    ASSERT_OK_AND_ASSIGN(counter_, OpenRapl(root(), System()));
    ASSERT_OK_AND_ASSIGN(first_, counter_->Read());
  }
  absl::StatusOr<CounterReading> ReadAt(int64_t microjoules,
                                        double seconds = 10) {
    PutEnergy("intel-rapl:0", microjoules);
    Wait(seconds);
    return counter_->Read();
  }
  // Each domain's energy since the first reading.
  std::vector<int64_t> Since(const CounterReading& last) {
    absl::StatusOr<std::vector<int64_t>> between =
        counter_->MicrojoulesBetween(first_, last);
    EXPECT_THAT(between, IsOk());
    return between.ok() ? *between : std::vector<int64_t>{};
  }
  std::string EnergyPath() const { return Path("intel-rapl:0/energy_uj"); }

  std::unique_ptr<EnergyCounter> counter_;
  CounterReading first_;
};

TEST_F(RaplCounterTest, CountsFromTheFirstReading) {
  OpenOnePackage(5000000);
  EXPECT_EQ(counter_->name(), "rapl");
  EXPECT_TRUE(counter_->is_measured());
  EXPECT_EQ(counter_->least_window_seconds(), 10);
  EXPECT_THAT(first_.microjoules, ElementsAre(0));
  EXPECT_EQ(first_.steady_seconds, 1000);
  EXPECT_EQ(first_.wall_seconds, 1700000000 + 1000.0);
  ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(5000000 + 1234567));
  EXPECT_THAT(Since(last), ElementsAre(1234567));
  EXPECT_EQ(last.steady_seconds, 1000 + 10);
}

TEST_F(RaplCounterTest, UndoesAWrapToTheMicrojoule) {
  OpenOnePackage(262143328000);
  ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(1000));
  EXPECT_THAT(Since(last), ElementsAre(1000 + 262143328850 - 262143328000));
  EXPECT_THAT(Since(last), ElementsAre(1850));
}

TEST_F(RaplCounterTest, UndoesTwoWrapsWithAReadingInBetween) {
  OpenOnePackage(262143328000);
  // 50 s each: 262,143 J at up to 2,000 W wrap no sooner than in 131 s.
  ASSERT_OK_AND_ASSIGN(CounterReading last, ReadAt(1000, 50));
  for (const int64_t now : {int64_t{80000000000}, int64_t{160000000000},
                            int64_t{240000000000}, int64_t{500}}) {
    ASSERT_OK_AND_ASSIGN(last, ReadAt(now, 50));
  }
  EXPECT_THAT(Since(last), ElementsAre((1000 + kRange - 262143328000) +
                                       (240000000000 - 1000) +
                                       (500 + kRange - 240000000000)));
}

TEST_F(RaplCounterTest, UndoesManyWraps) {
  // 7 J a time around a counter of 10 J: 100 times.
  OpenOnePackage(0, 10000000);
  CounterReading last;
  int64_t raw = 0;
  for (int i = 0; i < 100; ++i) {
    raw = (raw + 7000000) % 10000000;
    ASSERT_OK_AND_ASSIGN(last, ReadAt(raw, 0.004));
  }
  EXPECT_THAT(Since(last), ElementsAre(int64_t{100} * 7000000));
}

TEST_F(RaplCounterTest, SaysHowOftenItMustBeRead) {
  // Half of 262,143.32885 J at 2,000 W, were it less than 60 s.
  OpenOnePackage(0);
  EXPECT_EQ(counter_->most_seconds_between_readings(), 60);
  PutZone("intel-rapl:0/intel-rapl:0:0", "dram", 0, 65712999613);
  Open();
  EXPECT_DOUBLE_EQ(counter_->most_seconds_between_readings(),
                   65712.999613 / 2000 / 2);
}

TEST_F(RaplCounterTest, RefusesReadingsTooFarApartToTellADoubleWrap) {
  OpenOnePackage(0, 65712999613);
  EXPECT_THAT(
      ReadAt(1000000, 40),
      StatusIs(absl::StatusCode::kDataLoss,
               EnergyPath() +
                   ": two readings are 40.0 s apart, in which the counter may "
                   "have wrapped more than once: at 2000 W it wraps every "
                   "32.9 s"));
}

TEST_F(RaplCounterTest, TellsAResetFromAWrap) {
  OpenOnePackage(5000000000);
  // As a wrap: 262,143.32885 - 5,000 = 257,143 J in 10 s.
  EXPECT_THAT(ReadAt(0),
              StatusIs(absl::StatusCode::kDataLoss,
                       EnergyPath() +
                           ": fell from 5000000000 to 0 uJ within 10.000 s: "
                           "that would be 257143 J, more than 2000 W can take: "
                           "the counter was reset"));
}

TEST_F(RaplCounterTest, RefusesAJumpThatNoDeviceTakes) {
  OpenOnePackage(0);
  // 22,000 J in 10 s and the slack of 1 s is just possible.
  ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(22000000000));
  EXPECT_THAT(Since(last), ElementsAre(22000000000));
  EXPECT_THAT(ReadAt(22000000000 + 22000000001),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr(": rose from 22000000000 to 44000000001 uJ "
                                 "within 10.000 s: that would be 22000 J, more "
                                 "than 2000 W can take")));
}

TEST_F(RaplCounterTest, AllowsAPlatformMoreThanAPackage) {
  PutZone("intel-rapl:0", "package-0", 0);
  PutZone("intel-rapl:1", "psys", 0, int64_t{1} << 50);
  Open();
  PutEnergy("intel-rapl:1", 44000000001);
  ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(1));
  EXPECT_THAT(Since(last), ElementsAre(1, 44000000001));
}

TEST_F(RaplCounterTest, AFaultLeavesTheLastGoodReading) {
  OpenOnePackage(1000);
  Put("intel-rapl:0/energy_uj", "");
  EXPECT_THAT(counter_->Read(),
              FailsWith(EnergyPath() + ": the file is empty"));
  ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(3500));
  EXPECT_THAT(Since(last), ElementsAre(2500));
}

TEST_F(RaplCounterTest, SaysThatTheFileVanished) {
  OpenOnePackage(1000);
  Remove("intel-rapl:0/energy_uj");
  EXPECT_THAT(counter_->Read(),
              StatusIs(absl::StatusCode::kDataLoss,
                       EnergyPath() +
                           ": the file is absent: zone package-0 has vanished, "
                           "or never counted"));
  Remove("intel-rapl:0");
  EXPECT_THAT(counter_->Read(), FailsWith(HasSubstr("the file is absent")));
}

TEST_F(RaplCounterTest, RefusesWhatIsNoNumber) {
  OpenOnePackage(1000);
  const struct {
    std::string text;
    std::string problem;
  } cases[] = {
      {"", "the file is empty"},
      {"262143",
       "the file is cut short: '262143' has no line end, which the kernel "
       "always writes"},
      {"\n", "expected a whole number below 2^63, found ''"},
      {"-5\n", "expected a whole number below 2^63, found '-5'"},
      {"12 34\n", "expected a whole number below 2^63, found '12 34'"},
      {"1e6\n", "expected a whole number below 2^63, found '1e6'"},
      {"0x10\n", "expected a whole number below 2^63, found '0x10'"},
      {"9223372036854775808\n",
       "expected a whole number below 2^63, found '9223372036854775808'"},
      {std::string("1\0002\n", 4),
       "expected a whole number below 2^63, found '1?2'"},
      {std::string(1000, '7') + "\n",
       "expected a whole number below 2^63, found '" + std::string(64, '7') +
           "...'"},
  };
  for (const auto& c : cases) {
    Put("intel-rapl:0/energy_uj", c.text);
    EXPECT_THAT(counter_->Read(), StatusIs(absl::StatusCode::kDataLoss,
                                           EnergyPath() + ": " + c.problem));
  }
}

TEST_F(RaplCounterTest, SaysWhatTheSystemSays) {
  PutZone("intel-rapl:0", "package-0", 1);
  MeasureSystem system = System();
  system.read_file =
      [](const std::string& path) -> absl::StatusOr<std::string> {
    if (path.find("energy_uj") == std::string::npos) return ReadSmallFile(path);
    return absl::UnavailableError("Input/output error");
  };
  EXPECT_THAT(OpenRapl(root(), system),
              StatusIs(absl::StatusCode::kDataLoss,
                       EnergyPath() + ": can't be read: Input/output error"));
}

TEST_F(RaplCounterTest, DoesNotWaitForAPipe) {
  OpenOnePackage(1000);
  Remove("intel-rapl:0/energy_uj");
  ASSERT_EQ(mkfifo(EnergyPath().c_str(), 0600), 0);
  EXPECT_THAT(counter_->Read(),
              FailsWith(EnergyPath() + ": can't be read: not a regular file"));
}

TEST_F(RaplCounterTest, AZoneWithoutAMaximumCountsUntilItFalls) {
  for (const int64_t range : {int64_t{-1}, int64_t{0}}) {
    Remove("intel-rapl:0");
    OpenOnePackage(1000, range);
    EXPECT_EQ(counter_->most_seconds_between_readings(), 60);
    ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(2000));
    EXPECT_THAT(Since(last), ElementsAre(1000));
    EXPECT_THAT(ReadAt(1999),
                StatusIs(absl::StatusCode::kDataLoss,
                         EnergyPath() + ": fell from 2000 to 1999 uJ, and " +
                             Path("intel-rapl:0/max_energy_range_uj") +
                             " is missing or zero: the wrap can't be undone"));
  }
}

TEST_F(RaplCounterTest, RefusesAFallFromAboveTheMaximum) {
  OpenOnePackage(5000000, 4000000);
  EXPECT_THAT(
      ReadAt(1000, 0.001),
      StatusIs(absl::StatusCode::kDataLoss,
               EnergyPath() + ": fell from 5000000 to 1000 uJ, but stood above "
                              "its maximum of 4000000 uJ"));
}

TEST_F(RaplCounterTest, RefusesACounterThatStandsStill) {
  OpenOnePackage(1000);
  ASSERT_OK_AND_ASSIGN(CounterReading last, ReadAt(1000, 4.9));
  EXPECT_THAT(Since(last), ElementsAre(0));
  ASSERT_OK_AND_ASSIGN(last, ReadAt(1000, 0.2));
  EXPECT_THAT(
      counter_->MicrojoulesBetween(first_, last),
      StatusIs(absl::StatusCode::kDataLoss,
               EnergyPath() + ": package-0 has taken no energy in 5.1 s: the "
                              "counter stands still, as it does where a "
                              "hypervisor only pretends to have one"));
}

TEST_F(RaplCounterTest, MemoryMayStandStill) {
  PutZone("intel-rapl:0/intel-rapl:0:0", "dram", 77);
  OpenOnePackage(1000);
  ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(1001));
  EXPECT_THAT(Since(last), ElementsAre(1, 0));
}

TEST_F(RaplCounterTest, RefusesReadingsOfAnotherCounter) {
  OpenOnePackage(1000);
  ASSERT_OK_AND_ASSIGN(const CounterReading last, ReadAt(1001));
  EXPECT_THAT(counter_->MicrojoulesBetween(last, first_),
              FailsWith("energy is taken between two readings of one counter, "
                        "in order"));
  EXPECT_THAT(counter_->MicrojoulesBetween(CounterReading(), last),
              FailsWith(HasSubstr("two readings of one counter")));
}

// Runs `action` as the user nobody where this is root, whom no permission
// binds, and hands back what it says.
template <typename Action>
std::string AsNobody(Action action) {
  if (geteuid() != 0) return action();
  int ends[2];
  if (pipe(ends) != 0) return "no pipe";
  const pid_t child = fork();
  if (child == 0) {
    const bool dropped = setgid(65534) == 0 && setuid(65534) == 0;
    const std::string said = dropped ? action() : "can't drop privileges";
    const ssize_t written = write(ends[1], said.data(), said.size());
    _exit(written == static_cast<ssize_t>(said.size()) ? 0 : 1);
  }
  close(ends[1]);
  std::string said;
  char part[4096];
  for (ssize_t got; (got = read(ends[0], part, sizeof(part))) > 0;) {
    said.append(part, static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  return said;
}

TEST_F(RaplCounterTest, NamesThePathsThatAreDenied) {
  PutZone("intel-rapl:0", "package-0", 1000);
  PutZone("intel-rapl:0/intel-rapl:0:0", "dram", 1000);
  chmod(root().c_str(), 0755);
  const std::string dram = Path("intel-rapl:0/intel-rapl:0:0/energy_uj");
  // As the kernel makes them: the folders are open, the energies root's.
  ASSERT_EQ(chmod(EnergyPath().c_str(), geteuid() == 0 ? 0400 : 0), 0);
  ASSERT_EQ(chmod(dram.c_str(), geteuid() == 0 ? 0400 : 0), 0);
  const std::string said = AsNobody([this] {
    CounterChoice choice;
    choice.counter = "rapl";
    choice.powercap_root = root();
    return OpenCounter(choice).status().ToString();
  });
  EXPECT_EQ(said,
            "PERMISSION_DENIED: " + EnergyPath() + ", " + dram +
                ": permission denied. Since CVE-2020-8694 (energy readings "
                "told other users' secrets, encryption keys among them) the "
                "kernel lets only root read them. One of these helps: sudo "
                "chmod a+r " +
                EnergyPath() + " " + dram +
                " (until the next boot); sudo setcap cap_dac_read_search=ep "
                "on the opcost executable; or running opcost as root");
}

TEST_F(RaplCounterTest, NamesOnlyThePathsThatAreDenied) {
  PutZone("intel-rapl:0", "package-0", 1000);
  PutZone("intel-rapl:0/intel-rapl:0:0", "dram", 1000);
  chmod(root().c_str(), 0755);
  ASSERT_EQ(chmod(EnergyPath().c_str(), geteuid() == 0 ? 0400 : 0), 0);
  const std::string said = AsNobody(
      [this] { return OpenRapl(root(), System()).status().ToString(); });
  EXPECT_THAT(said, ::testing::StartsWith("PERMISSION_DENIED: " + EnergyPath() +
                                          ": permission denied."));
}

TEST_F(RaplCounterTest, SaysThatPermissionWasTakenAway) {
  OpenOnePackage(1000);
  MeasureSystem system = System();
  bool is_denied = false;
  system.read_file =
      [&](const std::string& path) -> absl::StatusOr<std::string> {
    if (is_denied) return absl::PermissionDeniedError("Permission denied");
    return ReadSmallFile(path);
  };
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenRapl(root(), system));
  EXPECT_THAT(counter->Read(), IsOk());
  is_denied = true;
  EXPECT_THAT(counter->Read(),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("sudo chmod a+r " + EnergyPath())));
}

}  // namespace
}  // namespace opcost
