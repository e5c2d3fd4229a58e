// SPDX-License-Identifier: Apache-2.0
// A meter's log: which files are read, and what their integral is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "src/measure/counters.h"
#include "src/measure/meter_log.h"
#include "src/measure/meter_time.h"
#include "tests/measure/made_tree.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr int64_t kSecond = 1000000000;
constexpr int64_t kJoule = 1000000;  // in microjoules

TEST(MeterTimeTest, ReadsSecondsAndIso8601) {
  const struct {
    std::string text;
    int64_t nanoseconds;
  } cases[] = {
      {"0", 0},
      {"1700000000", 1700000000 * kSecond},
      {"1700000000.25", 1700000000 * kSecond + 250000000},
      {"1700000000.1234567891", 1700000000 * kSecond + 123456789},
      {"1.7e9", 1700000000 * kSecond},
      {"1970-01-01T00:00:00Z", 0},
      // 2023-11-14T22:13:20Z is `date -d @1700000000`.
      {"2023-11-14T22:13:20Z", 1700000000 * kSecond},
      {"2023-11-14 22:13:20.5Z", 1700000000 * kSecond + 500000000},
      {"2023-11-14T23:13:20+01:00", 1700000000 * kSecond},
      {"2023-11-15T03:43:20+0530", 1700000000 * kSecond},
      {"2023-11-14T14:13:20-08", 1700000000 * kSecond},
      {"2000-02-29T00:00:00Z", 951782400 * kSecond},
      {"2024-03-01T00:00:00Z", 1709251200 * kSecond},
  };
  for (const auto& c : cases) {
    const absl::StatusOr<int64_t> time = ParseMeterTime(c.text);
    ASSERT_THAT(time, IsOk()) << c.text;
    EXPECT_EQ(*time, c.nanoseconds) << c.text;
  }
}

TEST(MeterTimeTest, RefusesOtherText) {
  for (const std::string text :
       {"", "now", "-5", "12:00:01", "2023-13-01T00:00:00Z",
        "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2023-11-14",
        "2023-11-14T24:00:00Z", "2023-11-14T22:60:00Z",
        "2023-11-14T22:13:20+25:00", "2023-11-14T22:13:20Zulu",
        "1969-12-31T23:59:59Z", "nan", "9300000000"}) {
    EXPECT_THAT(ParseMeterTime(text),
                FailsWith("expected seconds since 1970 or ISO 8601 with a "
                          "zone, found '" +
                          text + "'"));
  }
  EXPECT_THAT(ParseMeterTime("2023-11-14T22:13:20"),
              FailsWith("time '2023-11-14T22:13:20' has no zone: write Z for "
                        "UTC, or an offset such as +02:00, after it"));
  EXPECT_THAT(ParseMeterTime("1700000000000"),
              FailsWith("time 1700000000000 is too large for seconds since "
                        "1970: divide milliseconds by 1000"));
}

TEST(MeterTimeTest, WritesSeconds) {
  EXPECT_EQ(SecondsText(1700000000 * kSecond), "1700000000");
  EXPECT_EQ(SecondsText(1700000000 * kSecond + 250000000), "1700000000.25");
}

class MeterTest : public MadeTree {
 protected:
  std::string Log() const { return Path("meter.csv"); }
  void Append(const std::string& text) const {
    std::ofstream(Log(), std::ios::binary | std::ios::app) << text;
  }
  // What Refresh says of a file of this text.
  absl::Status Refresh(const std::string& text) const {
    Put("meter.csv", text);
    return MeterLog(Log()).Refresh();
  }
  // Microjoules between two times in seconds of a file of this text.
  absl::StatusOr<int64_t> Energy(const std::string& text, double begin,
                                 double end) const {
    Put("meter.csv", text);
    MeterLog log(Log());
    const absl::Status status = log.Refresh();
    if (!status.ok()) return status;
    return log.Microjoules(static_cast<int64_t>(begin * 1e9),
                           static_cast<int64_t>(end * 1e9));
  }
  void ExpectEnergy(const std::string& text, double begin, double end,
                    int64_t microjoules) const {
    absl::StatusOr<int64_t> energy = Energy(text, begin, end);
    ASSERT_THAT(energy, IsOk()) << text;
    EXPECT_EQ(*energy, microjoules) << text;
  }
};

using MeterLogTest = MeterTest;

TEST_F(MeterLogTest, IntegratesByTrapezoids) {
  const std::string log = "100,10\n102,20\n103,20\n105,0\n";
  ExpectEnergy(log, 100, 105, kJoule * (2 * 15 + 1 * 20 + 2 * 10));
  ExpectEnergy(log, 100, 102, kJoule * 2 * 15);
  ExpectEnergy(log, 102, 103, kJoule * 1 * 20);
}

TEST_F(MeterLogTest, InterpolatesAtTheEnds) {
  const std::string log = "100,10\n102,20\n104,10\n";
  // From 15 W at 101 s over 20 W to 12.5 W at 103.5 s.
  ExpectEnergy(log, 101, 103.5,
               17500000 + 24375000);  // 1 s * 17.5 W + 1.5 s * 16.25 W
  // Within one pair of lines.
  ExpectEnergy(log, 100.5, 101.5, 15000000);
  ExpectEnergy(log, 101, 101, 0);
  ExpectEnergy(log, 104, 104, 0);
}

TEST_F(MeterLogTest, IsExactToTheMicrojoule) {
  // 0.1 s has no exact double; a thousand of them at 12.345678 W.
  std::string log;
  for (int i = 0; i <= 1000; ++i) {
    absl::StrAppend(&log, 1700000000 + i / 10, ".", i % 10, ",12.345678\n");
  }
  ExpectEnergy(log, 1700000000, 1700000100, 1234567800);
}

TEST_F(MeterLogTest, AllowsTwoLinesOfOneTime) {
  ExpectEnergy("100,10\n101,10\n101,30\n102,30\n", 100, 102,
               kJoule * (10 + 30));
}

TEST_F(MeterLogTest, ReadsManyForms) {
  const int64_t energy = kJoule * 2 * 15;
  ExpectEnergy("time,watts\n100,10\n102,20\n", 100, 102, energy);
  ExpectEnergy("\"time\",\"watts\"\r\n\"100\",\"10\"\r\n102,20\r\n", 100, 102,
               energy);
  ExpectEnergy("# a meter\n\n100;10\n\n102;20\n# end\n", 100, 102, energy);
  ExpectEnergy("100\t10\textra\n102\t20\textra\n", 100, 102, energy);
  ExpectEnergy("volts,Power (W),amps,Time [s]\n230,10,x,100\n230,20,x,102\n",
               100, 102, energy);
  ExpectEnergy("timestamp,power_w,energy\n100,10,\n102,20,\n", 100, 102,
               energy);
  ExpectEnergy("when,what\n100,10\n102,20\n", 100, 102, energy);
  ExpectEnergy(
      "Datetime,W\n1970-01-01T00:01:40Z,10\n1970-01-01 01:01:42+01:00,"
      "20\n",
      100, 102, energy);
}

TEST_F(MeterLogTest, NamesTheLineThatIsWrong) {
  const struct {
    std::string text, problem;
  } cases[] = {
      {"100,10\n101,x\n", ":2: expected watts of at least 0, found 'x'"},
      {"100,10\n101,-1\n", ":2: expected watts of at least 0, found '-1'"},
      {"100,10\n101,nan\n", ":2: expected watts of at least 0, found 'nan'"},
      {"100,10\n101,1e10\n", ":2: expected watts of at least 0, found '1e10'"},
      {"100,10\n\n101,\n", ":3: expected watts of at least 0, found ''"},
      {"100,10\n101\n",
       ":2: expected time and watts in columns 1 and 2, found '101'"},
      {"a,time,b,watts\n1,2,3\n",
       ":2: expected time and watts in columns 2 and 4, found '1,2,3'"},
      {"time,watts\nnow,10\n",
       ":2: expected seconds since 1970 or ISO 8601 with a zone, found 'now'"},
      {"2023-11-14T22:13:20,10\n",
       ":1: time '2023-11-14T22:13:20' has no zone: write Z for UTC, or an "
       "offset such as +02:00, after it"},
      {"1700000000000,10\n",
       ":1: time 1700000000000 is too large for seconds since 1970: divide "
       "milliseconds by 1000"},
      {"100,10\n99.5,10\n",
       ":2: time 99.5 is before the line above's, 100: the log must be in "
       "order"},
      {"a,b,c\n",
       ":1: expected one column called time and one called watts, "
       "found 'a,b,c'"},
      {"time,watts,power\n1,2,3\n",
       ":1: expected one column called time and one called watts, found "
       "'time,watts,power'"},
      {std::string(3 << 20, 'x'), ":1: the line is longer than 65536 bytes"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(Refresh(c.text),
                StatusIs(absl::StatusCode::kDataLoss, Log() + c.problem));
  }
}

TEST_F(MeterLogTest, SaysWhichTimeItCovers) {
  const std::string log = "100,10\n105.5,10\n";
  const std::string covers = Log() +
                             " covers 100 to 105.5 (seconds since 1970), but "
                             "the run took from ";
  EXPECT_THAT(Energy(log, 97, 102),
              StatusIs(absl::StatusCode::kDataLoss,
                       covers + "97 to 102: it begins 3.000 s too late"));
  EXPECT_THAT(Energy(log, 101, 106.25),
              FailsWith(covers + "101 to 106.25: it ends 0.750 s too early"));
  EXPECT_THAT(Energy(log, 99, 107),
              FailsWith(covers + "99 to 107: it begins 1.000 s too late and it "
                                 "ends 1.500 s too early"));
  EXPECT_THAT(Energy("", 99, 107),
              FailsWith(Log() + " holds no line of time and watts"));
  EXPECT_THAT(
      Energy("100,10\n110,1", 101, 110),
      FailsWith(HasSubstr("; its last line has no line end and isn't read")));
}

TEST_F(MeterLogTest, RefusesGapsOfMoreThanTenSeconds) {
  const std::string log = "100,10\n110,10\n120.001,10\n130,10\n";
  ExpectEnergy(log, 100, 110, kJoule * 10 * 10);
  ExpectEnergy(log, 121, 130, kJoule * 9 * 10);
  ExpectEnergy(log, 120.001, 130, 99990000);
  EXPECT_THAT(Energy(log, 105, 111),
              StatusIs(absl::StatusCode::kDataLoss,
                       Log() + ": no line between 110 and 120.001 (10.001 s), "
                               "within the time of the run: gaps of up to 10 s "
                               "are bridged"));
}

TEST_F(MeterLogTest, ReadsOnlyWhatTheFileGained) {
  Put("meter.csv", "time,watts\n100,10\n101,1");
  MeterLog log(Log());
  ASSERT_THAT(log.Refresh(), IsOk());
  EXPECT_THAT(log.points(), SizeIs(1));
  Append("5\n102,20\n");
  ASSERT_THAT(log.Refresh(), IsOk());
  ASSERT_THAT(log.points(), SizeIs(3));
  EXPECT_EQ(log.points()[1].watts, 15);
  ASSERT_THAT(log.Refresh(), IsOk());
  EXPECT_THAT(log.points(), SizeIs(3));
}

TEST_F(MeterLogTest, StartsOverWithAnotherFile) {
  Put("meter.csv", "watts,time\n10,100\n10,101\n");
  MeterLog log(Log());
  ASSERT_THAT(log.Refresh(), IsOk());
  EXPECT_THAT(log.points(), SizeIs(2));
  Put("meter.csv", "50,7\n");  // shorter
  ASSERT_THAT(log.Refresh(), IsOk());
  ASSERT_THAT(log.points(), SizeIs(1));
  EXPECT_EQ(log.points()[0].watts, 7);
  EXPECT_EQ(log.points()[0].nanoseconds, 50 * kSecond);
}

TEST_F(MeterLogTest, ReadsAgainWhatWasPutRight) {
  Put("meter.csv", "100,10\nbroken\n");
  MeterLog log(Log());
  EXPECT_THAT(log.Refresh(), FailsWith(HasSubstr(":2: ")));
  EXPECT_THAT(log.points(), IsEmpty());
  Put("meter.csv", "100,10\n101,10\n");
  ASSERT_THAT(log.Refresh(), IsOk());
  EXPECT_THAT(log.points(), SizeIs(2));
}

TEST_F(MeterLogTest, ReadsALargeFile) {
  // 100,000 lines, 2 MB: over several parts.
  std::string text;
  for (int i = 0; i < 100000; ++i) {
    absl::StrAppend(&text, 1700000000 + i, ",", i % 7, ".5\n");
  }
  Put("meter.csv", text);
  MeterLog log(Log());
  ASSERT_THAT(log.Refresh(), IsOk());
  ASSERT_THAT(log.points(), SizeIs(100000));
  for (int i = 0; i < 100000; i += 997) {
    EXPECT_EQ(log.points()[static_cast<size_t>(i)].watts, i % 7 + 0.5);
  }
}

// Whatever the bytes are: read, or refused with a place.
TEST_F(MeterLogTest, SurvivesAnyBytes) {
  std::mt19937 random(3);
  const std::string alphabet = "0123456789.,;-+:TZe#\"\n\n\n \t\r\x01\xff w";
  int readable = 0;
  for (int round = 0; round < 500; ++round) {
    std::string text;
    double time = 100;
    for (int line = 0; line < 20; ++line) {
      time += static_cast<double>(random() % 100) / 10;
      absl::StrAppend(&text, time, ",", random() % 100, "\n");
    }
    for (auto changes = random() % 3; changes > 0; --changes) {
      text[random() % text.size()] = alphabet[random() % alphabet.size()];
    }
    Put("meter.csv", text);
    MeterLog log(Log());
    const absl::Status status = log.Refresh();
    if (!status.ok()) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss,
                                   ::testing::StartsWith(Log() + ":")));
      continue;
    }
    ++readable;
    const absl::StatusOr<int64_t> energy =
        log.Microjoules(100 * kSecond, 120 * kSecond);
    if (energy.ok()) {
      EXPECT_GE(*energy, 0);
    }
  }
  EXPECT_GT(readable, 100);
}

TEST_F(MeterLogTest, SaysThatThereIsNoFile) {
  EXPECT_THAT(MeterLog(Log()).Refresh(),
              StatusIs(absl::StatusCode::kUnavailable,
                       Log() + ": the meter's log can't be opened: No such "
                               "file or directory"));
  EXPECT_THAT(MeterLog(root()).Refresh(),
              StatusIs(absl::StatusCode::kUnavailable,
                       root() + ": the meter's log isn't a regular file"));
  ASSERT_EQ(mkfifo(Log().c_str(), 0600), 0);
  EXPECT_THAT(MeterLog(Log()).Refresh(),
              FailsWith(Log() + ": the meter's log isn't a regular file"));
}

class MeterCounterTest : public MeterTest {
 protected:
  void SetUp() override {
    MeterTest::SetUp();
    wall_at_start_ = 0;  // so that both clocks say 1000
  }
};

TEST_F(MeterCounterTest, IntegratesBetweenItsReadings) {
  Put("meter.csv", "990,50\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenMeter(Log(), System()));
  EXPECT_EQ(counter->name(), "meter");
  EXPECT_TRUE(counter->is_measured());
  EXPECT_EQ(counter->domains()[0].name, "meter");
  EXPECT_EQ(counter->domains()[0].source, Log());
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  EXPECT_THAT(begin.microjoules, IsEmpty());
  Wait(15);
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  Append("1000,50\n1010,70\n1020,70\n");
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> energy,
                       counter->MicrojoulesBetween(begin, end));
  EXPECT_THAT(energy, ElementsAre(kJoule * (10 * 60 + 5 * 70)));
}

TEST_F(MeterCounterTest, WaitsForTheMetersNextLine) {
  Put("meter.csv", "999,50\n1009,50\n");
  MeasureSystem system = System();
  int sleeps = 0;
  system.sleep = [&](double seconds) {
    Wait(seconds);
    if (++sleeps == 5) Append("1011,50\n");
  };
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenMeter(Log(), system));
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  Wait(10);
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  ASSERT_OK_AND_ASSIGN(const std::vector<int64_t> energy,
                       counter->MicrojoulesBetween(begin, end));
  EXPECT_THAT(energy, ElementsAre(kJoule * 10 * 50));
  EXPECT_EQ(sleeps, 5);
}

TEST_F(MeterCounterTest, WaitsNoLongerThanTenSeconds) {
  Put("meter.csv", "999,50\n1009,50\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenMeter(Log(), System()));
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  Wait(10);
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  EXPECT_THAT(counter->MicrojoulesBetween(begin, end),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("it ends 1.000 s too early")));
  const double waited = System().wall_seconds() - end.wall_seconds;
  EXPECT_GE(waited, 10);
  EXPECT_LT(waited, 10.5);
}

TEST_F(MeterCounterTest, RefusesAClockThatWasSet) {
  Put("meter.csv", "999,50\n1009,50\n");
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<EnergyCounter> counter,
                       OpenMeter(Log(), System()));
  ASSERT_OK_AND_ASSIGN(const CounterReading begin, counter->Read());
  Wait(5);
  wall_at_start_ += 2;
  ASSERT_OK_AND_ASSIGN(const CounterReading end, counter->Read());
  EXPECT_THAT(counter->MicrojoulesBetween(begin, end),
              StatusIs(absl::StatusCode::kDataLoss,
                       "the clock was set during the run: by it 7.000 s "
                       "passed, in truth 5.000 s, so a meter's time stamps "
                       "can't be followed"));
  wall_at_start_ -= 2;
}

TEST_F(MeterCounterTest, IsCheckedWhenItIsOpened) {
  EXPECT_THAT(OpenMeter(Log(), System()),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("No such file or directory")));
  Put("meter.csv", "100,10\n90,10\n");
  EXPECT_THAT(OpenMeter(Log(), System()),
              FailsWith(HasSubstr("the log must be in order")));
}

}  // namespace
}  // namespace opcost
