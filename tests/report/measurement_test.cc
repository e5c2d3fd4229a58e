// SPDX-License-Identifier: Apache-2.0
// Measured runs beside estimates: matching of layers, ranks, rows.
#include "opcost/report/measurement.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "opcost/analysis/analysis.h"
#include "opcost/energy/cost_table.h"
#include "src/report/measurement_parts.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// A priced model of ONNX text.
struct Priced {
  std::unique_ptr<const Model> model;
  std::unique_ptr<const CostTable> table;
  std::unique_ptr<const Analysis> analysis;
  std::unique_ptr<const Estimate> estimate;

  double pj(const std::string& name) const {
    for (const LayerEstimate& layer : estimate->layers) {
      if (layer.layer->name == name) return layer.sums.total.pj;
    }
    ADD_FAILURE() << "no layer " << name;
    return 0;
  }
};

absl::StatusOr<Priced> Price(const std::string& text) {
  Priced priced;
  absl::StatusOr<Model> model = ModelFromText(text);
  if (!model.ok()) return model.status();
  priced.model = std::make_unique<const Model>(*std::move(model));
  absl::StatusOr<CostTable> table = TableLibrary().Load("horowitz-45nm");
  if (!table.ok()) return table.status();
  priced.table = std::make_unique<const CostTable>(*std::move(table));
  absl::StatusOr<Analysis> analysis = Analyze(*priced.model, {});
  if (!analysis.ok()) return analysis.status();
  priced.analysis = std::make_unique<const Analysis>(*std::move(analysis));
  absl::StatusOr<Estimate> estimate =
      MakeEstimate(*priced.analysis, *priced.table, {});
  if (!estimate.ok()) return estimate.status();
  priced.estimate = std::make_unique<const Estimate>(*std::move(estimate));
  return priced;
}

// conv1 -> relu1 -> conv2 -> relu2 -> y
constexpr char kText[] =
    "(float[1,3,8,8] x, float[4,3,3,3] v, float[4,4,3,3] w)"
    " => (float[1,4,4,4] relu2) {"
    " conv1 = Conv(x, v) relu1 = Relu(conv1)"
    " conv2 = Conv(relu1, w) relu2 = Relu(conv2) }";

Measurement WithLayers(std::vector<LayerTime> layers) {
  Measurement measurement;
  measurement.net_joules = {10, 0.1};
  measurement.layers = std::move(layers);
  return measurement;
}

TEST(CompareMeasured, MatchesLayersByNameAndSharesByTime) {
  ASSERT_OK_AND_ASSIGN(const Priced priced, Price(kText));
  const Measurement measurement = WithLayers({{"conv1", "Conv", 3},
                                              {"relu1", "Relu", 1},
                                              {"conv2", "Conv", 5},
                                              {"relu2", "Relu", 1}});
  const MeasuredReport report = CompareMeasured(*priced.estimate, measurement);
  ASSERT_THAT(report.layers, SizeIs(4));
  EXPECT_EQ(report.layers[0].name, "conv1");
  EXPECT_DOUBLE_EQ(report.layers[0].joules, 10 * 3.0 / (3 + 1 + 5 + 1));
  EXPECT_DOUBLE_EQ(*report.layers[0].estimated, priced.pj("conv1"));
  EXPECT_DOUBLE_EQ(*report.layers[3].estimated, priced.pj("relu2"));
  ASSERT_TRUE(report.rank_correlation.has_value());
}

// ONNX Runtime calls the kernel of conv1 and relu1 "relu1_nchwc", a Conv.
TEST(CompareMeasured, AKernelNamedAfterTheActivationIsItsProducersToo) {
  ASSERT_OK_AND_ASSIGN(const Priced priced, Price(kText));
  const Measurement measurement =
      WithLayers({{"relu1_nchwc", "Conv", 3}, {"relu2_nchwc", "Conv", 5}});
  const MeasuredReport report = CompareMeasured(*priced.estimate, measurement);
  ASSERT_THAT(report.layers, SizeIs(2));
  EXPECT_EQ(report.layers[0].name, "conv1");
  EXPECT_EQ(report.layers[0].op, "Conv");
  EXPECT_DOUBLE_EQ(*report.layers[0].estimated,
                   priced.pj("conv1") + priced.pj("relu1"));
  EXPECT_DOUBLE_EQ(*report.layers[1].estimated,
                   priced.pj("conv2") + priced.pj("relu2"));
  EXPECT_FALSE(report.rank_correlation.has_value());  // of two
}

// A residual block of which one kernel is left.
TEST(CompareMeasured, AKernelNamedAfterTheLastOfManyIsAllOfThem) {
  ASSERT_OK_AND_ASSIGN(
      const Priced priced,
      Price("(float[1,4,8,8] x, float[4,4,1,1] w, float[4] s, float[4] b,"
            " float[4] m, float[4] v) => (float[1,4,8,8] last) {"
            " first = Relu(x) conv = Conv(first, w)"
            " norm = BatchNormalization(conv, s, b, m, v)"
            " sum = Add(first, norm) last = Relu(sum) }"));
  const Measurement measurement =
      WithLayers({{"first", "Relu", 1}, {"last_nchwc", "Conv", 5}});
  const MeasuredReport report = CompareMeasured(*priced.estimate, measurement);
  ASSERT_THAT(report.layers, SizeIs(2));
  EXPECT_EQ(report.layers[1].op, "Conv");
  EXPECT_EQ(report.layers[1].name, "conv");
  EXPECT_DOUBLE_EQ(*report.layers[1].estimated,
                   priced.pj("conv") + priced.pj("norm") + priced.pj("sum") +
                       priced.pj("last"));
  EXPECT_DOUBLE_EQ(*report.layers[0].estimated, priced.pj("first"));
}

TEST(CompareMeasured, AKernelThatTookInWhatFollowsHasItsEstimate) {
  ASSERT_OK_AND_ASSIGN(const Priced priced, Price(kText));
  const Measurement measurement =
      WithLayers({{"fused conv1", "FusedConv", 3},
                  {"conv2/fused", "FusedConv", 5},
                  {"ReorderOutput", "ReorderOutput", 2}});
  const MeasuredReport report = CompareMeasured(*priced.estimate, measurement);
  ASSERT_THAT(report.layers, SizeIs(3));
  EXPECT_DOUBLE_EQ(*report.layers[0].estimated,
                   priced.pj("conv1") + priced.pj("relu1"));
  EXPECT_DOUBLE_EQ(*report.layers[1].estimated,
                   priced.pj("conv2") + priced.pj("relu2"));
  EXPECT_EQ(report.layers[2].name, "ReorderOutput");
  EXPECT_FALSE(report.layers[2].estimated.has_value());
  EXPECT_DOUBLE_EQ(report.layers[2].joules, 10 * 2.0 / 10);
}

TEST(CompareMeasured, KernelsOfOneLayerAreOneRow) {
  ASSERT_OK_AND_ASSIGN(const Priced priced, Price(kText));
  const Measurement measurement =
      WithLayers({{"conv1", "Conv", 3}, {"conv1_reorder", "Reorder", 1}});
  const MeasuredReport report = CompareMeasured(*priced.estimate, measurement);
  ASSERT_THAT(report.layers, SizeIs(1));
  EXPECT_DOUBLE_EQ(report.layers[0].seconds, 3 + 1);
}

TEST(CompareMeasured, NamesFromNowhereMatchNothing) {
  ASSERT_OK_AND_ASSIGN(const Priced priced, Price(kText));
  const Measurement measurement =
      WithLayers({{"", "X", 1},
                  {std::string(100000, '_'), "X", 1},
                  {"conv", "X", 1},
                  {"myconv1", "X", 0}});
  const MeasuredReport report = CompareMeasured(*priced.estimate, measurement);
  ASSERT_THAT(report.layers, SizeIs(4));
  for (const MeasuredLayer& layer : report.layers) {
    EXPECT_FALSE(layer.estimated.has_value()) << layer.name.substr(0, 20);
  }
}

TEST(RankCorrelation, IsSpearmans) {
  EXPECT_DOUBLE_EQ(*RankCorrelation({1.0, 2.0, 30.0}, {5.0, 6.0, 7.0}), 1);
  EXPECT_DOUBLE_EQ(*RankCorrelation({1.0, 2.0, 30.0}, {7.0, 6.0, 5.0}), -1);
  // Without ties 1 - 6 sum d^2 / (n (n^2 - 1)); d = 1, 1, 0, 0.
  EXPECT_DOUBLE_EQ(*RankCorrelation({1.0, 2.0, 3.0, 4.0}, {2.0, 1.0, 3.0, 4.0}),
                   1 - 6.0 * 2 / (4 * (16 - 1)));
  // Ranks 1, 2.5, 2.5, 4 and 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
  EXPECT_NEAR(*RankCorrelation({1.0, 2.0, 2.0, 4.0}, {1.0, 2.0, 3.0, 4.0}),
              0.9486832980505138, 1e-12);
  EXPECT_FALSE(RankCorrelation({1.0, 2.0}, {1.0, 2.0}).has_value());
  EXPECT_FALSE(RankCorrelation({1.0, 1.0, 1.0}, {1.0, 2.0, 3.0}).has_value());
}

TEST(SiText, HasFourDigitsAndAPrefix) {
  const std::pair<double, const char*> cases[] = {
      {0, "0 J"},           {1, "1 J"},
      {0.4125, "412.5 mJ"}, {1234.5, "1.234 kJ"},
      {1.5e-9, "1.5 nJ"},   {-0.002, "-2 mJ"},
      {999.96, "1 kJ"},     {2.5e-15, "0.0025 pJ"}};
  for (const auto& [amount, text] : cases) {
    EXPECT_EQ(SiText(amount, "J"), text);
  }
}

TEST(CalibrationLine, QuotesAndHasAllDigits) {
  CalibrationRow row;
  row.layer = "Conv x=1x3x8x8 w=4x3x3x3 strides=2,2";
  row.group = "Conv";
  row.options = "--dim 'a b=1'";
  row.macs = 1234;
  Measurement measurement;
  measurement.counter = "rapl";
  measurement.net_joules = {0.1 + 0.2, 1e-5};
  measurement.gross_joules = {1, 0};
  measurement.seconds = {0.01, 0};
  measurement.gross_watts = {100, 0};
  measurement.trials.resize(12);
  measurement.runner.runtime = "onnxruntime";
  measurement.runner.version = "1.20";
  measurement.runner.device = "cpu";
  measurement.runner.threads = 2;
  measurement.environment.host = "ada";
  EXPECT_EQ(CalibrationLine(row, measurement),
            ",\"Conv x=1x3x8x8 w=4x3x3x3 strides=2,2\",,,--dim 'a b=1',Conv,"
            "0.30000000000000004,1e-05,1.0,0.01,100.0,1234,rapl,12,"
            "onnxruntime 1.20 cpu,2,ada,\r\n");
  measurement.is_measured = false;
  measurement.constant_watts = 12.5;
  EXPECT_THAT(CalibrationLine(row, measurement), HasSubstr(",constant=12.5,"));
}

TEST(RenderMeasurement, ShowsWhatARunnerSaysOnOneLineEach) {
  ASSERT_OK_AND_ASSIGN(const Priced priced, Price(kText));
  Measurement measurement = WithLayers({});
  measurement.trials = {{10, 1, 1}, {10, 1, 1}};
  measurement.counter = "rapl";
  measurement.runner.runtime = "evil\n\x1b[31mred";
  measurement.runner.remarks = {"a\nb\tc\x01"};
  const MeasuredReport report = CompareMeasured(*priced.estimate, measurement);
  for (const Format format : {Format::kText, Format::kMarkdown}) {
    RenderOptions options;
    options.format = format;
    const std::string text = RenderMeasurement(report, options);
    EXPECT_EQ(text.find('\x1b'), std::string::npos);
    EXPECT_EQ(text.find('\x01'), std::string::npos);
    EXPECT_EQ(text.find("\nb"), std::string::npos);
  }
}

}  // namespace
}  // namespace opcost
