// SPDX-License-Identifier: Apache-2.0
#include "opcost/calibrate/fit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "opcost/calibrate/activities.h"
#include "opcost/calibrate/validation.h"
#include "opcost/energy/table_writer.h"
#include "tests/calibrate/layers.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::IsSupersetOf;

constexpr double kJoulesPerPicojoule = 1e-12;

CostTable Base() { return *TableLibrary().Load("horowitz-45nm"); }

// A machine like no table: every price of the base times a factor of its own.
struct HiddenMachine {
  std::map<std::string, double> factors;
  CostTable table;
};

absl::StatusOr<HiddenMachine> MakeHidden(const CostTable& base) {
  TableChanges changes;
  changes.name = "hidden";
  changes.source = {"hidden", "made up", ""};
  changes.prices_functions = true;
  // Nearer tiers and narrower formats stay cheaper.
  changes.factors = {
      {"float8.mul", 30},  {"float8.add", 20},  {"float16.mul", 52},
      {"float16.add", 33}, {"float32.mul", 47}, {"float32.add", 61},
      {"8KB.read", 12},    {"8KB.write", 15},   {"32KB.read", 9},
      {"32KB.write", 10},  {"1MB.read", 7},     {"1MB.write", 8},
      {"DRAM.read", 1.5},  {"DRAM.write", 2.2}, {"exp", 12},
      {"sigmoid", 21},     {"tanh", 17}};
  OPCOST_ASSIGN_OR_RETURN(const std::string text, WriteTable(base, changes));
  OPCOST_ASSIGN_OR_RETURN(
      CostTable table, CostTable::Parse("hidden", text, CostTable::Resolver()));
  return HiddenMachine{changes.factors, std::move(table)};
}

struct Campaign {
  CalibrationData data;
  std::vector<MeasuredRow> networks;  // never fitted, without noise
};

EstimateOptions OptionsOf(Movement movement, int bits) {
  EstimateOptions options;
  options.memory.movement = movement;
  options.formats.bits = ParseNumberFormat(absl::StrCat("float", bits));
  return options;
}

absl::Status AddRow(const AnalyzedLayer& layer, const EstimateOptions& options,
                    const CostTable& hidden, double noise,
                    ActivityCounter& counter) {
  OPCOST_ASSIGN_OR_RETURN(const Estimate truth,
                          MakeEstimate(*layer.analysis, hidden, options));
  OPCOST_ASSIGN_OR_RETURN(
      const Estimate seen,
      MakeEstimate(*layer.analysis, counter.table(), options));
  MeasuredRow row;
  row.name = layer.text;
  row.group = layer.text.substr(0, layer.text.find(' '));
  row.joules = truth.totals.total.pj * kJoulesPerPicojoule * noise;
  return counter.Add(seen, std::move(row), {});
}

absl::StatusOr<Campaign> Measure(const CostTable& base, const CostTable& hidden,
                                 Movement movement, int layers) {
  OPCOST_ASSIGN_OR_RETURN(ActivityCounter counter, ActivityCounter::Make(base));
  std::mt19937 random(20);
  std::normal_distribution<double> noise(1, 0.05);
  for (int i = 0; i < layers; ++i) {
    OPCOST_ASSIGN_OR_RETURN(const AnalyzedLayer layer,
                            AnalyzeLayer(RandomLayer(random)));
    const EstimateOptions options = OptionsOf(movement, 8 << (i % 3));
    OPCOST_RETURN_IF_ERROR(
        AddRow(layer, options, hidden, noise(random), counter));
  }
  for (const char* name :
       {"alexnet", "vgg16", "resnet-18", "mobilenet-v2", "lenet-5"}) {
    for (const int bits : {8, 32}) {
      const std::string path =
          absl::StrCat(OPCOST_SOURCE_DIR, "/models/", name, ".onnx");
      OPCOST_ASSIGN_OR_RETURN(Model model, ImportFile(path));
      OPCOST_ASSIGN_OR_RETURN(const AnalyzedLayer network,
                              AnalyzeModel(std::move(model), name, {}));
      OPCOST_RETURN_IF_ERROR(
          AddRow(network, OptionsOf(movement, bits), hidden, 1, counter));
    }
  }
  Campaign campaign;
  campaign.data = counter.Take();
  auto& rows = campaign.data.rows;
  campaign.networks.assign(rows.begin() + layers, rows.end());
  rows.resize(static_cast<size_t>(layers));
  return campaign;
}

class HiddenTableTest : public ::testing::TestWithParam<Movement> {};

TEST_P(HiddenTableTest, WhatTheDataDetermineIsFoundAndNetworksArePredicted) {
  const CostTable base = Base();
  ASSERT_OK_AND_ASSIGN(const HiddenMachine hidden, MakeHidden(base));
  ASSERT_OK_AND_ASSIGN(const Campaign campaign,
                       Measure(base, hidden.table, GetParam(), 1500));
  FitOptions options;
  options.detail = FitDetail::kFull;
  ASSERT_OK_AND_ASSIGN(const PriceFit fit,
                       FitPrices(campaign.data, base, options));
  EXPECT_NEAR(fit.noise, 0.05, 0.005);
  int determined = 0;
  std::vector<std::string> undetermined;
  for (const FittedPrice& price : fit.prices) {
    const auto truth = hidden.factors.find(price.name);
    if (price.determination == Determination::kUndetermined) {
      undetermined.push_back(price.name);
    }
    if (truth == hidden.factors.end()) continue;
    EXPECT_LT(std::abs(price.value - truth->second), 1.6 * price.half_width)
        << price.name;
    if (price.determination != Determination::kDetermined) continue;
    ++determined;
    EXPECT_NEAR(price.value / truth->second, 1, 0.05) << price.name;
  }
  EXPECT_GE(determined, 5);
  // No row has integers, an exponential or a division alone.
  EXPECT_THAT(undetermined, IsSupersetOf({"int8.mul", "int8.add", "int32.mul",
                                          "int32.add", "exp", "div"}));
  for (const MeasuredRow& row : campaign.networks) {
    EXPECT_NEAR(fit.Predict(row) / row.joules, 1, 0.03) << row.name;
  }
}

INSTANTIATE_TEST_SUITE_P(MemoryModels, HiddenTableTest,
                         ::testing::Values(Movement::kPerUse, Movement::kOnce),
                         [](const auto& model) {
                           return model.param == Movement::kOnce ? "Once"
                                                                 : "PerUse";
                         });

// Data whose amounts are written by hand: one activity for each number.
CalibrationData HandData(const std::vector<Activity>& activities,
                         const std::vector<std::vector<double>>& amounts,
                         const std::vector<double>& picojoules) {
  CalibrationData data;
  data.activities = activities;
  for (size_t i = 0; i < amounts.size(); ++i) {
    MeasuredRow row;
    row.name = absl::StrCat("row ", i + 1);
    row.group = absl::StrCat("group ", i % 3);
    row.joules = picojoules[i] * kJoulesPerPicojoule;
    row.amounts = amounts[i];
    row.macs = amounts[i][0];
    row.seconds = static_cast<double>(i + 1);
    data.rows.push_back(std::move(row));
  }
  return data;
}

Activity Tier(int tier, const std::string& name) {
  Activity activity;
  activity.kind = ActivityKind::kRead;
  activity.key = name + ".read";
  activity.tier = tier;
  return activity;
}

Activity Compute() {
  Activity activity;
  activity.key = "float32.mul";
  activity.format = *ParseNumberFormat("float32");
  activity.base_pj = 3.7;
  return activity;
}

Activity Of(ActivityKind kind, const std::string& key) {
  Activity activity;
  activity.kind = kind;
  activity.key = key;
  return activity;
}

double ValueOf(const PriceFit& fit, const std::string& name) {
  for (const FittedPrice& price : fit.prices) {
    if (price.name == name) return price.value;
  }
  ADD_FAILURE() << "no price is called " << name;
  return 0;
}

TEST(FitTest, OneFactorIsLeastSquaresByHand) {
  // 3 x 10, 3 x 20 and 3 x 40 with errors: least squares of the relative
  // errors is sum(r) / sum(r^2) of r = amount / measurement.
  const CalibrationData data =
      HandData({Compute()}, {{10}, {20}, {40}}, {31, 58, 120});
  FitOptions options;
  options.detail = FitDetail::kScale;
  ASSERT_OK_AND_ASSIGN(const PriceFit fit, FitPrices(data, Base(), options));
  const double r[] = {10.0 / 31, 20.0 / 58, 40.0 / 120};
  const double expected =
      (r[0] + r[1] + r[2]) / (r[0] * r[0] + r[1] * r[1] + r[2] * r[2]);
  EXPECT_NEAR(ValueOf(fit, "scale"), expected, 1e-4 * expected);
  options.is_relative = false;
  ASSERT_OK_AND_ASSIGN(const PriceFit absolute,
                       FitPrices(data, Base(), options));
  const double by_energy =
      (10 * 31 + 20 * 58 + 40 * 120.0) / (10 * 10 + 20 * 20 + 40 * 40);
  EXPECT_NEAR(ValueOf(absolute, "scale"), by_energy, 1e-4 * by_energy);
}

TEST(FitTest, NoPriceIsNegative) {
  // Free, the tier would be -1 and the arithmetic 3.
  const CalibrationData data =
      HandData({Compute(), Tier(3, "DRAM")},
               {{10, 5}, {10, 2}, {20, 15}, {20, 1}}, {25, 28, 45, 59});
  ASSERT_OK_AND_ASSIGN(const PriceFit fit, FitPrices(data, Base(), {}));
  EXPECT_EQ(ValueOf(fit, "DRAM"), 0);
  EXPECT_GT(ValueOf(fit, "compute"), 2);
  for (const FittedPrice& price : fit.prices) {
    if (price.name != "DRAM") continue;
    EXPECT_EQ(price.determination, Determination::kHeld);
    EXPECT_EQ(price.bound, "at 0");
  }
}

TEST(FitTest, ANearTierIsNoDearerThanTheNext) {
  // By the data alone 8KB would take 1000 times its base, DRAM 0.1 times its
  // own, which is 200 times that of 8KB.
  const CalibrationData data =
      HandData({Tier(0, "8KB"), Tier(3, "DRAM")},
               {{10, 0}, {0, 10}, {20, 0}, {0, 20}}, {10000, 1, 20000, 2});
  ASSERT_OK_AND_ASSIGN(const PriceFit fit, FitPrices(data, Base(), {}));
  EXPECT_LE(ValueOf(fit, "8KB") * 5, ValueOf(fit, "DRAM") * 1000 * 1.000001);
}

TEST(FitTest, DispatchStaticPowerAndColumnsAreFound) {
  std::vector<std::vector<double>> amounts;
  std::vector<double> picojoules;
  std::mt19937 random(3);
  std::uniform_real_distribution<double> draw(1, 100);
  for (int i = 0; i < 60; ++i) {
    amounts.push_back({draw(random), draw(random), draw(random), draw(random)});
    const std::vector<double>& row = amounts.back();
    picojoules.push_back(2 * row[0] + 7 * row[1] + 5 * row[2] + 11 * row[3]);
  }
  const CalibrationData data =
      HandData({Compute(), Of(ActivityKind::kOperators, "operators"),
                Of(ActivityKind::kSeconds, "seconds"),
                Of(ActivityKind::kColumn, "misses")},
               amounts, picojoules);
  FitOptions options;
  options.has_dispatch = true;
  options.has_static = true;
  ASSERT_OK_AND_ASSIGN(const PriceFit fit, FitPrices(data, Base(), options));
  EXPECT_NEAR(ValueOf(fit, "compute"), 2, 1e-3);
  EXPECT_NEAR(ValueOf(fit, "dispatch"), 7, 1e-3);
  EXPECT_NEAR(ValueOf(fit, "watts"), 5, 1e-3);
  EXPECT_NEAR(ValueOf(fit, "misses"), 11, 1e-3);
  EXPECT_NEAR(fit.quality.r2, 1, 1e-6);
}

TEST(FitTest, AConstantPowerCannotBeToldFromAStaticOne) {
  CalibrationData data =
      HandData({Compute(), Of(ActivityKind::kSeconds, "seconds")},
               {{10, 1}, {25, 2}, {30, 3}}, {10, 20, 30});
  FitOptions options;
  options.has_static = true;
  EXPECT_THAT(
      FitPrices(data, Base(), options),
      FailsWith("all rows have the same power, 1e-11 W: energy that is a "
                "constant times the time can't be told from a static power; "
                "leave --static out"));
  data.rows[1].seconds.reset();
  EXPECT_THAT(FitPrices(data, Base(), options),
              FailsWith("row 2: no seconds; a static power needs them in each "
                        "row (the column 'seconds')"));
}

TEST(FitTest, SaysWhatIsWrongWithTheRows) {
  CalibrationData data = HandData({Compute()}, {{10}, {20}}, {31, 58});
  data.rows[1].joules = -2;
  EXPECT_THAT(
      FitPrices(data, Base(), {}),
      FailsWith("row 2: -2 J were measured; expected more than 0 (a net energy "
                "below the idle power's noise can't be used: measure longer)"));
  data.rows.pop_back();
  EXPECT_THAT(FitPrices(data, Base(), {}),
              FailsWith("a fit needs at least two rows, the data have 1"));
}

TEST(QualityTest, IsItsDefinition) {
  const FitQuality quality = QualityOf({1, 2, 3, 6}, {1.5, 2, 3, 5}, 1);
  // Residuals 0.25 + 1, spread about the mean 3: 4 + 1 + 0 + 9.
  EXPECT_DOUBLE_EQ(quality.r2, 1 - 1.25 / 14);
  EXPECT_DOUBLE_EQ(quality.adjusted_r2, 1 - 1.25 / 14 * 3 / 2);
  EXPECT_DOUBLE_EQ(quality.rmse_joules, std::sqrt(1.25 / 4));
  EXPECT_DOUBLE_EQ(quality.mean_error, (0.5 + 1.0 / 6) / 4);
  EXPECT_DOUBLE_EQ(quality.median_error, 1.0 / 12);
  EXPECT_TRUE(std::isnan(QualityOf({2, 2}, {2, 2}, 1).r2));
}

TEST(ValidationTest, EachGroupIsPredictedByTheOthers) {
  // Group 0 alone costs 6 per amount, groups 1 and 2 cost 3: held out, group 0
  // is predicted at half its energy.
  const CalibrationData data =
      HandData({Compute()}, {{10}, {20}, {40}, {30}, {15}, {25}},
               {60, 60, 120, 180, 45, 75});
  FitOptions options;
  options.detail = FitDetail::kScale;
  ASSERT_OK_AND_ASSIGN(const CrossValidation validation,
                       CrossValidate(data, Base(), options));
  ASSERT_EQ(validation.groups.size(), 3U);
  EXPECT_EQ(validation.groups[0].group, "group 0");
  EXPECT_EQ(validation.groups[0].rows, 2U);
  EXPECT_NEAR(validation.groups[0].mean_error, 0.5, 1e-3);
  EXPECT_NEAR(validation.groups[0].mean_error_by_macs, 0.5, 1e-3);
  EXPECT_NEAR(validation.predicted[3], 90e-12, 1e-13);
}

TEST(ValidationTest, OneGroupHoldsNothingOut) {
  CalibrationData data = HandData({Compute()}, {{10}, {20}}, {30, 60});
  data.rows[0].group = data.rows[1].group = "all";
  EXPECT_THAT(CrossValidate(data, Base(), {}),
              FailsWith("cross-validation holds out one group after another, "
                        "and the data have 1; name the groups in the column "
                        "'group'"));
}

TEST(ActivitiesTest, ARelativeTableHasNoJoules) {
  EXPECT_THAT(ActivityCounter::Make(*TableLibrary().Load("eyeriss-relative")),
              FailsWith("table 'eyeriss-relative' is relative: its prices are "
                        "MACs, not joules, so that nothing can be fitted on "
                        "it; take one whose unit is pJ"));
}

MeasuredRow RowOfOneJoule() {
  MeasuredRow row;
  row.joules = 1;
  return row;
}

TEST(ActivitiesTest, AmountsAreCountsAtTheBasesPrices) {
  ASSERT_OK_AND_ASSIGN(ActivityCounter counter, ActivityCounter::Make(Base()));
  ASSERT_OK_AND_ASSIGN(const AnalyzedLayer layer,
                       AnalyzeLayer("Sigmoid x=100"));
  ASSERT_OK_AND_ASSIGN(
      const Estimate estimate,
      MakeEstimate(*layer.analysis, counter.table(), EstimateOptions()));
  EXPECT_THAT(counter.Add(estimate, MeasuredRow(), {}),
              FailsWith("0 J were measured; expected more than 0 (a net energy "
                        "below the idle power's noise can't be used: measure "
                        "longer)"));
  ASSERT_THAT(counter.Add(estimate, RowOfOneJoule(), {}), IsOk());
  const CalibrationData data = counter.Take();
  ASSERT_OK_AND_ASSIGN(
      const FunctionCost sigmoid,
      Base().Function(ArithOp::kSigmoid, *ParseNumberFormat("float32")));
  std::map<std::string, double> amounts;
  for (size_t i = 0; i < data.activities.size(); ++i) {
    if (data.rows[0].amounts[i] != 0) {
      amounts[data.activities[i].key] = data.rows[0].amounts[i];
    }
  }
  const double each = static_cast<double>(sigmoid.mul) * 3.7 +
                      static_cast<double>(sigmoid.add) * 0.9;
  EXPECT_EQ(amounts.size(), 4U);
  EXPECT_NEAR(amounts["sigmoid"], 100 * each, 1e-3 * each);
  // 400 bytes lie in the nearest tier, at 5 pJ for 32 bits.
  EXPECT_DOUBLE_EQ(amounts["8KB.read"], 100 * 5.0);
  EXPECT_DOUBLE_EQ(amounts["8KB.write"], 100 * 5.0);
  EXPECT_DOUBLE_EQ(amounts["operators"], 1);
}

TEST(ActivitiesTest, AViewDispatchesNothing) {
  ASSERT_OK_AND_ASSIGN(ActivityCounter counter, ActivityCounter::Make(Base()));
  for (const char* text : {"Flatten x=2x3x4", "Relu x=24"}) {
    ASSERT_OK_AND_ASSIGN(const AnalyzedLayer layer, AnalyzeLayer(text));
    ASSERT_OK_AND_ASSIGN(
        const Estimate estimate,
        MakeEstimate(*layer.analysis, counter.table(), EstimateOptions()));
    ASSERT_THAT(counter.Add(estimate, RowOfOneJoule(), {}), IsOk());
  }
  const CalibrationData data = counter.Take();
  for (size_t i = 0; i < data.activities.size(); ++i) {
    if (data.activities[i].kind != ActivityKind::kOperators) continue;
    EXPECT_EQ(data.rows[0].amounts[i], 0);
    EXPECT_EQ(data.rows[1].amounts[i], 1);
    return;
  }
  FAIL() << "no row has operators";
}

}  // namespace
}  // namespace opcost
