// SPDX-License-Identifier: Apache-2.0
#include "opcost/measure/draw.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "opcost/analysis/analysis.h"
#include "opcost/frontend/import.h"
#include "opcost/frontend/layer_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::StartsWith;

LayerRanges RangesOf(const std::string& text) {
  const absl::StatusOr<LayerRanges> ranges = ParseLayerRanges("r.toml", text);
  EXPECT_THAT(ranges, IsOk());
  return ranges.value_or(LayerRanges());
}

std::string Draw(const LayerRanges& ranges, const std::string& name,
                 int64_t index, uint64_t seed = 1) {
  const absl::StatusOr<std::string> text =
      DrawLayer(ranges, {name, index}, seed);
  EXPECT_THAT(text, IsOk()) << name;
  return text.value_or("");
}

// The numbers of "x=1x3x8x8" or "strides=2,2" in a layer's text.
std::vector<int64_t> NumbersOf(const std::string& text,
                               const std::string& name) {
  std::vector<int64_t> numbers;
  const std::vector<std::string> words = absl::StrSplit(text, ' ');
  for (const std::string& word : words) {
    if (word.compare(0, name.size() + 1, name + "=") != 0) continue;
    const std::vector<std::string> parts =
        absl::StrSplit(word.substr(name.size() + 1), absl::ByAnyChar("x,"));
    for (const std::string& part : parts) {
      int64_t number = -1;
      EXPECT_TRUE(absl::SimpleAtoi(part, &number)) << word;
      numbers.push_back(number);
    }
  }
  return numbers;
}

void ExpectWithin(int64_t number, int64_t least, int64_t most,
                  const std::string& text) {
  EXPECT_GE(number, least) << text;
  EXPECT_LE(number, most) << text;
}

TEST(DrawLayer, KeepsToThePublishedRanges) {
  const LayerRanges ranges = RangesOf("");
  for (int64_t i = 0; i < 200; ++i) {
    const std::string conv = Draw(ranges, "Conv", i);
    const std::vector<int64_t> x = NumbersOf(conv, "x");
    const std::vector<int64_t> w = NumbersOf(conv, "w");
    const std::vector<int64_t> strides = NumbersOf(conv, "strides");
    const std::vector<int64_t> pads = NumbersOf(conv, "pads");
    ASSERT_EQ(x.size(), 4U) << conv;
    ASSERT_EQ(w.size(), 4U) << conv;
    ExpectWithin(x[0], 1, 256, conv);
    ExpectWithin(x[1], 1, 512, conv);
    ExpectWithin(x[2], 4, 224, conv);
    EXPECT_EQ(x[2], x[3]);
    ExpectWithin(w[0], 1, 512, conv);
    EXPECT_EQ(w[1], x[1]);
    ExpectWithin(w[2], 1, 11, conv);
    EXPECT_EQ(w[2], w[3]);
    ASSERT_EQ(strides.size(), 2U) << conv;
    ExpectWithin(strides[0], 1, 5, conv);
    ASSERT_EQ(pads.size(), 4U) << conv;
    ExpectWithin(pads[0], 0, 3, conv);
    EXPECT_GE(x[2] + 2 * pads[0], w[2]) << conv;

    const std::string linear = Draw(ranges, "Linear", i);
    const std::vector<int64_t> rows = NumbersOf(linear, "x");
    const std::vector<int64_t> matrix = NumbersOf(linear, "w");
    ExpectWithin(rows[0], 1, 256, linear);
    ExpectWithin(rows[1], 1, 5000, linear);
    ExpectWithin(matrix[0], 1, 5000, linear);
    EXPECT_EQ(matrix[1], rows[1]);

    const std::string relu = Draw(ranges, "Relu", i);
    const std::vector<int64_t> shape = NumbersOf(relu, "x");
    // Up to a batch's worth of elements is rounded away.
    ExpectWithin(shape[0] * shape[1], 50000 - 256, 5000000, relu);

    const std::string pool = Draw(ranges, "MaxPool", i);
    EXPECT_LE(2 * NumbersOf(pool, "pads")[0],
              NumbersOf(pool, "kernel_shape")[0])
        << pool;
  }
}

// Limits are held against what the shape rules and the counts say.
TEST(DrawLayer, GivesLayersThatOpcostCountsWithinTheLimits) {
  const int64_t max_bytes = 50000000;
  const int64_t max_macs = 200000000;
  const LayerRanges ranges = RangesOf(absl::StrCat(
      "[limits]\nmax_bytes = ", max_bytes, "\nmax_macs = ", max_macs, "\n"));
  for (const std::string& name : DrawableOperators()) {
    for (int64_t i = 0; i < 5; ++i) {
      const std::string text = Draw(ranges, name, i);
      SCOPED_TRACE(text);
      ASSERT_OK_AND_ASSIGN(const std::string bytes, LayerModel(text));
      ASSERT_OK_AND_ASSIGN(const Model model, ImportBytes(bytes, "layer"));
      ASSERT_OK_AND_ASSIGN(const Analysis analysis, Analyze(model, {}));
      ASSERT_EQ(analysis.layers.size(), 1U);
      EXPECT_EQ(analysis.layers[0].coverage.status, Coverage::Status::kExact);
      EXPECT_LE(analysis.layers[0].counts.macs.value(), max_macs);
      Extent elements = 0;
      for (const ValueFacts& value : analysis.values) {
        elements += Volume(value.type.tensor.shape.dims());
      }
      EXPECT_LE((elements * 4).value(), max_bytes);
    }
  }
}

TEST(DrawLayer, IsTheSameEverywhere) {
  const LayerRanges ranges = RangesOf("");
  EXPECT_EQ(Draw(ranges, "Conv", 0),
            "Conv x=1x40x101x101 w=303x40x2x2 b=303 strides=2,2 pads=0,0,0,0");
  EXPECT_EQ(Draw(ranges, "Conv", 1),
            "Conv x=10x72x127x127 w=61x72x7x7 b=61 strides=4,4 pads=1,1,1,1");
  EXPECT_EQ(Draw(ranges, "Conv", 0, 2),
            "Conv x=195x53x19x19 w=399x53x9x9 b=399 strides=3,3 pads=2,2,2,2");
  EXPECT_EQ(Draw(ranges, "Softmax", 0), "Softmax x=1x1183298");
}

TEST(DrawLayer, DrawsEveryNumberOfARangeAboutAsOften) {
  const LayerRanges ranges =
      RangesOf("[ranges]\nbatch = 7\nfeatures = [3, 6]\n");
  std::map<int64_t, int> in, out;
  for (int64_t i = 0; i < 4000; ++i) {
    const std::string text = Draw(ranges, "MatMul", i);
    EXPECT_EQ(NumbersOf(text, "x")[0], 7);
    ++in[NumbersOf(text, "w")[0]];
    ++out[NumbersOf(text, "w")[1]];
  }
  ASSERT_EQ(in.size(), 4U);
  ASSERT_EQ(out.size(), 4U);
  // 4000 / 4, and five times the root of 4000 * 1/4 * 3/4.
  for (const auto& [number, count] : in) EXPECT_NEAR(count, 1000, 137);
  for (const auto& [number, count] : out) EXPECT_NEAR(count, 1000, 137);
}

TEST(DrawLayer, DrawsDifferentLayersForEachSeedOperatorAndIndex) {
  const LayerRanges ranges = RangesOf("");
  std::set<std::string> shapes;
  for (const char* name : {"Relu", "Sigmoid", "Tanh"}) {
    for (uint64_t seed = 0; seed < 5; ++seed) {
      for (int64_t i = 0; i < 5; ++i) {
        const std::string text = Draw(ranges, name, i, seed);
        shapes.insert(text.substr(text.find(' ')));
      }
    }
  }
  EXPECT_EQ(shapes.size(), 3U * 5U * 5U);
}

TEST(DrawLayer, TakesTheRangesOfItsOperator) {
  const LayerRanges ranges = RangesOf(
      "[ranges]\nbatch = 2\nimage = 8\nchannels = 3\nkernel = 3\n"
      "stride = 1\npadding = 1\n"
      "[operator.MaxPool]\nkernel = 2\nstride = 2\n");
  EXPECT_EQ(Draw(ranges, "Conv", 0),
            "Conv x=2x3x8x8 w=3x3x3x3 b=3 strides=1,1 pads=1,1,1,1");
  EXPECT_EQ(Draw(ranges, "DepthwiseConv", 0),
            "Conv x=2x3x8x8 w=3x1x3x3 b=3 group=3 strides=1,1 pads=1,1,1,1");
  EXPECT_EQ(Draw(ranges, "ConvTranspose", 0),
            "ConvTranspose x=2x3x8x8 w=3x3x3x3 b=3 strides=1,1 pads=1,1,1,1");
  EXPECT_EQ(Draw(ranges, "AveragePool", 0),
            "AveragePool x=2x3x8x8 kernel_shape=3,3 strides=1,1 pads=1,1,1,1");
  EXPECT_EQ(Draw(ranges, "MaxPool", 0),
            "MaxPool x=2x3x8x8 kernel_shape=2,2 strides=2,2 pads=1,1,1,1");
  EXPECT_EQ(Draw(ranges, "BatchNormalization", 0),
            "BatchNormalization x=2x3x8x8 s=3 b=3 m=3 v=3");
  EXPECT_EQ(Draw(ranges, "GlobalAveragePool", 0),
            "GlobalAveragePool x=2x3x8x8");
}

TEST(DrawLayer, WritesLinearLayersActivationsAndOperatorsOfTwo) {
  const LayerRanges ranges =
      RangesOf("[ranges]\nbatch = 4\nfeatures = 5\nelements = 30\n");
  EXPECT_EQ(Draw(ranges, "Linear", 0), "Linear x=4x5 w=5x5 b=5");
  EXPECT_EQ(Draw(ranges, "MatMul", 0), "MatMul x=4x5 w=5x5");
  EXPECT_EQ(Draw(ranges, "Softmax", 0), "Softmax x=4x7");
  EXPECT_EQ(Draw(ranges, "Add", 0), "Add x=4x7 x2=4x7");
  EXPECT_EQ(Draw(ranges, "LayerNormalization", 0),
            "LayerNormalization x=4x7 s=7 b=7");
}

TEST(DrawLayer, SaysThatNothingFits) {
  EXPECT_THAT(
      DrawLayer(RangesOf("[ranges]\nimage = 4\nkernel = 11\n"), {"Conv", 0}, 1),
      StatusIs(absl::StatusCode::kOutOfRange,
               "none of 100000 draws of Conv is a layer within "
               "max_bytes = 2147483648 and max_macs = 100000000000; "
               "raise the limits, or narrow the ranges"));
  EXPECT_THAT(
      DrawLayer(RangesOf("[limits]\nmax_bytes = 100\n"), {"Relu", 0}, 1),
      FailsWith(StartsWith("none of 100000 draws of Relu")));
  // Products of four such numbers don't fit 64 bits.
  EXPECT_THAT(DrawLayer(RangesOf("[ranges]\nchannels = 2147483648\n"
                                 "batch = 2147483648\nimage = 2147483648\n"),
                        {"Conv", 0}, 1),
              FailsWith(StartsWith("none of 100000 draws of Conv")));
}

TEST(DrawLayer, KnowsWhatItCanDraw) {
  EXPECT_THAT(OperatorsDrawnByDefault(),
              ElementsAre("Conv", "MaxPool", "AveragePool", "Linear", "Relu",
                          "Sigmoid", "Tanh", "Softmax"));
  EXPECT_THAT(DrawLayer(RangesOf(""), {"Convv", 0}, 1),
              StatusIs(absl::StatusCode::kNotFound,
                       "no layer of 'Convv' can be drawn; did you mean "
                       "'Conv'?"));
}

TEST(TakeTurns, PutsTheFirstOfEachBeforeTheSecondOfAny) {
  std::vector<std::string> turns;
  for (const LayerDraw& draw : TakeTurns({{"Conv", 3}, {"Relu", 1}})) {
    turns.push_back(absl::StrCat(draw.operator_name, draw.index));
  }
  EXPECT_THAT(turns, ElementsAre("Conv0", "Relu0", "Conv1", "Conv2"));
}

TEST(ParseLayerRanges, SaysWhatIsWrongAndWhere) {
  const struct {
    const char* text;
    const char* message;
  } kCases[] = {
      {"[range]\n", "r.toml:1:2: unknown key 'range'; did you mean 'ranges'?"},
      {"[ranges]\nkernels = 3\n",
       "r.toml:2:1: unknown key 'kernels'; did you mean 'kernel'?"},
      {"[ranges]\nkernel = \"3\"\n",
       "r.toml:2:10: expected an array, found a string"},
      {"[ranges]\nkernel = [3]\n",
       "r.toml:2:10: a range has two ends, [least, most]; found 1"},
      {"[ranges]\nkernel = [3, 2]\n",
       "r.toml:2:10: a range goes up, but 3 is above 2"},
      {"[ranges]\nkernel = [0, 2]\n",
       "r.toml:2:11: expected 1 to 2147483648, found 0"},
      {"[ranges]\npadding = [-1, 2]\n",
       "r.toml:2:12: expected 0 to 2147483648, found -1"},
      {"[ranges]\nimage = 2147483649\n",
       "r.toml:2:9: expected 1 to 2147483648, found 2147483649"},
      {"[ranges]\nimage = [1.5, 2]\n",
       "r.toml:2:10: expected an integer, found a float"},
      {"[limits]\nmax_bytes = 0\n",
       "r.toml:2:13: expected 1 to 4611686018427387904, found 0"},
      {"[limits]\nmax_mac = 1\n",
       "r.toml:2:1: unknown key 'max_mac'; did you mean 'max_macs'?"},
      {"[operator.Conf]\nkernel = 1\n",
       "r.toml:1:11: no layer of 'Conf' can be drawn; did you mean 'Conv'?"},
      {"ranges = 1\n", "r.toml:1:10: expected a table, found an integer"},
  };
  for (const auto& expected : kCases) {
    EXPECT_THAT(ParseLayerRanges("r.toml", expected.text),
                StatusIs(absl::StatusCode::kInvalidArgument, expected.message))
        << expected.text;
  }
}

TEST(ParseLayerRanges, ReadsTheDefaultsThatItPrints) {
  const LayerRanges ranges = RangesOf(std::string(DefaultLayerRanges()));
  EXPECT_EQ(ranges.ranges.batch.least, 1);
  EXPECT_EQ(ranges.ranges.batch.most, 256);
  EXPECT_EQ(ranges.ranges.elements.least, 50000);
  EXPECT_EQ(ranges.ranges.elements.most, 5000000);
  EXPECT_EQ(ranges.max_bytes, int64_t{1} << 31);
  EXPECT_EQ(ranges.max_macs, int64_t{100} * 1000 * 1000 * 1000);
  EXPECT_TRUE(ranges.operators.empty());
}

}  // namespace
}  // namespace opcost
