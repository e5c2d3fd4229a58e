// SPDX-License-Identifier: Apache-2.0
#include "opcost/calibrate/calibration.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/calibrate/layers.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

CostTable Base() { return *TableLibrary().Load("horowitz-45nm"); }

// A machine of 1e9 MACs and 4e9 bytes a second that takes 2 W whatever it does,
// 30 pJ for a MAC and 40 for a byte.
CalibrationData TimedMachine() {
  CalibrationData data;
  Activity mul;
  mul.key = "float32.mul";
  mul.format = *ParseNumberFormat("float32");
  mul.base_pj = 3.7;
  Activity read;
  read.kind = ActivityKind::kRead;
  read.key = "DRAM.read";
  read.tier = 3;
  Activity seconds;
  seconds.kind = ActivityKind::kSeconds;
  seconds.key = "seconds";
  data.activities = {mul, read, seconds};
  std::mt19937 random(5);
  std::uniform_real_distribution<double> exponent(4, 8);
  for (int i = 0; i < 80; ++i) {
    const double macs = std::pow(10, exponent(random));
    const double bytes = std::pow(10, exponent(random));
    MeasuredRow row;
    row.name = absl::StrCat("row ", i);
    row.group = absl::StrCat(i % 4);
    row.macs = macs;
    row.seconds = std::max(macs / 1e9, bytes / 4e9);
    row.joules = 2 * *row.seconds + 30e-12 * macs + 40e-12 * bytes;
    row.amounts = {3.7 * macs, 250 * bytes, *row.seconds};
    data.rows.push_back(std::move(row));
  }
  return data;
}

absl::StatusOr<Calibration> CalibrateTimedMachine(const CostTable& base) {
  FitOptions options;
  options.has_static = true;
  CalibrationOrigin origin;
  origin.files = {"rows.csv"};
  origin.digest = "xxh3-128:0";
  origin.hosts = {"ada"};
  origin.memory_model = "once";
  origin.array_scope = "tensor";
  origin.graph = "deployed";
  return Calibrate(std::move(origin), TimedMachine(), {}, base, options);
}

// The table that is fitted to it, read back.
absl::StatusOr<CostTable> FitTimedMachine() {
  const CostTable base = Base();
  OPCOST_ASSIGN_OR_RETURN(const Calibration calibration,
                          CalibrateTimedMachine(base));
  OPCOST_ASSIGN_OR_RETURN(const std::string text,
                          WriteFittedTable(calibration, base, "mine"));
  return CostTable::Parse("mine.toml", text, CostTable::Resolver());
}

TEST(CalibrationTest, AStaticPowerComesWithTheRatesThatGiveItATime) {
  ASSERT_OK_AND_ASSIGN(const CostTable table, FitTimedMachine());
  const StaticPower* power = table.static_power();
  ASSERT_NE(power, nullptr);
  EXPECT_NEAR(power->watts, 2, 0.05);
  EXPECT_NEAR(power->macs_per_second.at("float32"), 1e9, 1e7);
  EXPECT_NEAR(power->bytes_per_second.at(3), 4e9, 4e7);
}

TEST(CalibrationTest, TheTableSaysHowItCameAbout) {
  const CostTable base = Base();
  ASSERT_OK_AND_ASSIGN(const Calibration calibration,
                       CalibrateTimedMachine(base));
  ASSERT_TRUE(calibration.validation.has_value());
  EXPECT_EQ(calibration.validation->groups.size(), 4U);
  ASSERT_OK_AND_ASSIGN(const std::string text,
                       WriteFittedTable(calibration, base, "mine"));
  for (const char* line :
       {"data = [\"rows.csv\"]", "base = \"horowitz-45nm\"", "fit = \"groups\"",
        "memory_model = \"once\"", "host = \"ada\"",
        "training = { rows = 80, r2 = ", "cross_validation = { rows = 80",
        "prices.\"watts\" = \"2"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST(CalibrationTest, AnEstimateUnderOtherOptionsIsWarnedOf) {
  ASSERT_OK_AND_ASSIGN(const CostTable table, FitTimedMachine());
  const auto warnings = [&table](const EstimateOptions& options,
                                 GraphReading reading) {
    InputOptions input;
    input.reading = reading;
    const std::string bytes = *LayerModel("Linear x=8x300 w=70x300");
    const AnalyzedLayer layer =
        *AnalyzeModel(*ImportBytes(bytes, "layer"), "", input);
    std::vector<std::string> found;
    const Estimate estimate = *MakeEstimate(*layer.analysis, table, options);
    for (const Diagnostic& diagnostic : estimate.diagnostics.all()) {
      if (diagnostic.code == "other-fit") found.push_back(diagnostic.message);
    }
    return found;
  };
  EstimateOptions options;
  EXPECT_THAT(
      warnings(options, GraphReading::kDeployed),
      ::testing::ElementsAre(
          "table 'mine' was fitted to counts under --memory-model once "
          "--array-scope tensor --graph deployed, which this estimate doesn't "
          "use: its energies don't stand for the machine's"));
  options.memory.movement = Movement::kOnce;
  EXPECT_THAT(warnings(options, GraphReading::kFolded), ::testing::SizeIs(1));
  EXPECT_THAT(warnings(options, GraphReading::kDeployed), IsEmpty());
}

}  // namespace
}  // namespace opcost
