// SPDX-License-Identifier: Apache-2.0
// What holds of every model, whatever the numbers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "opcost/opcost.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::DoubleNear;

constexpr absl::string_view kNetwork = R"(
  (float[N,3,16,16] x, float[8,3,3,3] w, float[8] b, float[8,10] v)
      => (float[N,10] y) {
    c = Conv <pads = [1,1,1,1], strides = [2,2]> (x, w, b)
    r = Relu(c)
    l = LRN <size = 3> (r)
    p = MaxPool <kernel_shape = [2,2], strides = [2,2]> (l)
    g = GlobalAveragePool(p)
    f = Flatten(g)
    m = MatMul(f, v)
    y = Softmax(m)
  })";

CostTable LoadTable(absl::string_view name) {
  absl::StatusOr<CostTable> table = TableLibrary().Load(name);
  EXPECT_THAT(table, IsOk());
  return *std::move(table);
}

// A priced model with all that it refers to.
struct Priced {
  explicit Priced(absl::string_view text, const InputOptions& inputs = {},
                  const EstimateOptions& options = {},
                  absl::string_view table_name = "horowitz-45nm")
      : model(*ModelFromText(std::string(text))),
        analysis(*Analyze(model, inputs)),
        table(LoadTable(table_name)),
        estimate(*MakeEstimate(analysis, table, options)) {}

  const Model model;
  const Analysis analysis;
  const CostTable table;
  const Estimate estimate;
};

// Reads and writes by array name, over all layers.
std::map<std::string, int64_t> UsesByArray(const Estimate& estimate) {
  std::map<std::string, int64_t> uses;
  for (const LayerEstimate& layer : estimate.layers) {
    for (const PricedTraffic& row : layer.traffic) {
      uses[row.traffic.name()] += row.traffic.reads + row.traffic.writes;
    }
  }
  return uses;
}

InputOptions WithBatch(int64_t batch) {
  InputOptions options;
  options.batch = batch;
  return options;
}

EstimateOptions WithMovement(Movement movement) {
  EstimateOptions options;
  options.memory.movement = movement;
  return options;
}

TEST(LawTest, OnceIsAtMostPerUseInEveryRowAndTier) {
  const Priced per_use(kNetwork);
  const Priced once(kNetwork, {}, WithMovement(Movement::kOnce));
  ASSERT_EQ(per_use.estimate.layers.size(), once.estimate.layers.size());
  for (size_t i = 0; i < per_use.estimate.layers.size(); ++i) {
    const Sums& most = per_use.estimate.layers[i].sums;
    const Sums& least = once.estimate.layers[i].sums;
    EXPECT_LE(least.reads, most.reads);
    EXPECT_LE(least.writes, most.writes);
    EXPECT_EQ(least.mul, most.mul);
    EXPECT_EQ(least.add, most.add);
    EXPECT_LE(least.total.pj, most.total.pj);
  }
  EXPECT_LT(once.estimate.totals.total.pj, per_use.estimate.totals.total.pj);
}

TEST(LawTest, EveryReportPrintsTheOnceTotalThatTheOnceModelGives) {
  const Priced per_use(kNetwork);
  const Priced once(kNetwork, {}, WithMovement(Movement::kOnce));
  EXPECT_DOUBLE_EQ(per_use.estimate.once_pj, once.estimate.totals.total.pj);
  EXPECT_DOUBLE_EQ(once.estimate.once_pj, once.estimate.totals.total.pj);
}

TEST(LawTest, BindingASymbolEqualsWritingTheNumber) {
  InputOptions bound;
  bound.dims["N"] = 5;
  const Priced symbolic(kNetwork, bound);
  const Priced written(absl::StrReplaceAll(kNetwork, {{"[N,", "[5,"}}));
  EXPECT_EQ(UsesByArray(symbolic.estimate), UsesByArray(written.estimate));
  EXPECT_EQ(symbolic.estimate.totals.mul, written.estimate.totals.mul);
  EXPECT_EQ(symbolic.estimate.totals.add, written.estimate.totals.add);
  EXPECT_EQ(symbolic.estimate.totals.total.pj,
            written.estimate.totals.total.pj);
}

TEST(LawTest, TwiceTheBatchDoublesTheCountsPerUse) {
  const Priced one(kNetwork, WithBatch(3));
  const Priced two(kNetwork, WithBatch(6));
  EXPECT_EQ(two.estimate.totals.macs, 2 * one.estimate.totals.macs);
  EXPECT_EQ(two.estimate.totals.mul, 2 * one.estimate.totals.mul);
  EXPECT_EQ(two.estimate.totals.add, 2 * one.estimate.totals.add);
  EXPECT_EQ(two.estimate.totals.reads, 2 * one.estimate.totals.reads);
  EXPECT_EQ(two.estimate.totals.writes, 2 * one.estimate.totals.writes);
  EXPECT_EQ(two.analysis.parameters, one.analysis.parameters);
}

TEST(LawTest, AOneByOneConvIsAMatMul) {
  // Pixels by input channels, times input by output channels.
  const Priced conv(R"((float[1,6,5,7] x, float[4,6,1,1] w)
      => (float[1,4,5,7] y) { y = Conv(x, w) })");
  const Priced matmul(R"((float[35,6] x, float[6,4] w) => (float[35,4] y) {
      y = MatMul(x, w) })");
  EXPECT_EQ(conv.estimate.totals.macs, 35 * 6 * 4);
  EXPECT_EQ(conv.estimate.totals.macs, matmul.estimate.totals.macs);
  EXPECT_EQ(conv.estimate.totals.reads, matmul.estimate.totals.reads);
  EXPECT_EQ(conv.estimate.totals.writes, matmul.estimate.totals.writes);
  EXPECT_EQ(conv.estimate.totals.total.pj, matmul.estimate.totals.total.pj);
}

TEST(LawTest, AsManyGroupsAsChannelsIsOneConvForEachChannel) {
  const Priced depthwise(R"((float[1,6,8,8] x, float[6,1,3,3] w)
      => (float[1,6,6,6] y) { y = Conv <group = 6> (x, w) })");
  const Priced single(R"((float[1,1,8,8] x, float[1,1,3,3] w)
      => (float[1,1,6,6] y) { y = Conv(x, w) })");
  EXPECT_EQ(depthwise.estimate.totals.macs, 6 * single.estimate.totals.macs);
  EXPECT_EQ(depthwise.estimate.totals.reads, 6 * single.estimate.totals.reads);
  EXPECT_EQ(depthwise.estimate.totals.writes,
            6 * single.estimate.totals.writes);
}

TEST(LawTest, SplitThenConcatMovesWhatTwoCopiesMove) {
  const Priced priced(R"((float[4,6] x) => (float[4,6] y) {
      a, b = Split <axis = 1> (x)
      y = Concat <axis = 1> (b, a)
  })");
  EXPECT_EQ(priced.estimate.totals.reads, 2 * (4 * 6));
  EXPECT_EQ(priced.estimate.totals.writes, 2 * (4 * 6));
}

TEST(LawTest, RowsSumToTheTotal) {
  for (const Movement movement : {Movement::kPerUse, Movement::kOnce}) {
    const Priced priced(kNetwork, {}, WithMovement(movement));
    Sums sum;
    for (const LayerEstimate& layer : priced.estimate.layers) {
      sum.macs += layer.sums.macs;
      sum.mul += layer.sums.mul;
      sum.add += layer.sums.add;
      sum.reads += layer.sums.reads;
      sum.writes += layer.sums.writes;
      sum.total += layer.sums.total;
      double rows = 0;
      for (const PricedArith& row : layer.arithmetic) rows += row.energy.pj;
      for (const PricedTraffic& row : layer.traffic) {
        rows += row.read.pj + row.write.pj;
      }
      EXPECT_THAT(rows, DoubleNear(layer.sums.total.pj, 1e-9 * rows));
    }
    const Sums& totals = priced.estimate.totals;
    EXPECT_EQ(sum.macs, totals.macs);
    EXPECT_EQ(sum.mul, totals.mul);
    EXPECT_EQ(sum.add, totals.add);
    EXPECT_EQ(sum.reads, totals.reads);
    EXPECT_EQ(sum.writes, totals.writes);
    EXPECT_THAT(sum.total.pj,
                DoubleNear(totals.total.pj, 1e-9 * totals.total.pj));
    EXPECT_LE(totals.total.min_pj, totals.total.pj);
    EXPECT_GE(totals.total.max_pj, totals.total.pj);
  }
}

// The shipped table with every price times `factor`: the text's own numbers in
// its arithmetic and memory sections.
CostTable ScaledTable(int factor) {
  const auto row = [factor](absl::string_view widths, double mul, double add) {
    return absl::StrCat(widths, " = { mul = ", mul * factor,
                        ", add = ", add * factor, " }\n");
  };
  const auto tier = [factor](absl::string_view name, absl::string_view capacity,
                             double pj) {
    const std::string prices =
        absl::StrCat("{ 8 = ", pj * factor / 4, ", 16 = ", pj * factor / 2,
                     ", 32 = ", pj * factor, " }\n");
    return absl::StrCat("[[memory]]\nname = \"", name, "\"\n", capacity,
                        "source = \"s\"\nread = ", prices, "write = ", prices);
  };
  const std::string text = absl::StrCat(
      "schema = \"opcost.costtable/1\"\nname = \"scaled\"\ntitle = \"scaled\"\n"
      "[source.s]\ncite = \"a law\"\nwhere = \"here\"\n[arithmetic]\n"
      "source = \"s\"\n",
      row("float32", 4, 1), tier("near", "capacity = \"8 KiB\"\n", 8),
      tier("far", "", 256));
  absl::StatusOr<CostTable> table = CostTable::Parse(
      "scaled.toml", text,
      [](absl::string_view) { return absl::NotFoundError("none"); });
  EXPECT_THAT(table, IsOk());
  return *std::move(table);
}

TEST(LawTest, EnergyIsLinearInTheTable) {
  const Model model = *ModelFromText(std::string(kNetwork));
  const Analysis analysis = *Analyze(model, {});
  const CostTable one = ScaledTable(1);
  const CostTable three = ScaledTable(3);
  ASSERT_OK_AND_ASSIGN(const Estimate cheap, MakeEstimate(analysis, one, {}));
  ASSERT_OK_AND_ASSIGN(const Estimate dear, MakeEstimate(analysis, three, {}));
  ASSERT_GT(cheap.totals.total.pj, 0);
  EXPECT_DOUBLE_EQ(dear.totals.total.pj, 3 * cheap.totals.total.pj);
  for (size_t i = 0; i < cheap.layers.size(); ++i) {
    EXPECT_DOUBLE_EQ(dear.layers[i].sums.total.pj,
                     3 * cheap.layers[i].sums.total.pj);
  }
}

}  // namespace
}  // namespace opcost
