// SPDX-License-Identifier: Apache-2.0
// NonMaxSuppression, RoiAlign, MaxRoiPool: shapes, counts against plain loops,
// values, bounds, errors.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "tests/ops/bound_tally.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
constexpr DataType kInt64 = DataType::kInt64;

Number Floor(const Number& x) { return Max(x, x); }  // a rounding is an add

// ---- NonMaxSuppression

OneNode Suppression(int64_t batch, int64_t classes, int64_t boxes) {
  return OneNode("NonMaxSuppression", 11)
      .Input({batch, boxes, 4})
      .Input({batch, classes, boxes});
}

TEST(NonMaxSuppression, KeepsAtMostTheGivenNumberOfEachClass) {
  OneNode node = Suppression(2, 3, 100);
  node.ConstantScalar(10);
  EXPECT_EQ(node.InferText(), "int64 o0#0x3");
  EXPECT_EQ(DataExtentsText(node),
            "o0#0 at most " + std::to_string(2 * 3 * 10));
  OneNode all = Suppression(2, 3, 7);
  all.ConstantScalar(10);
  EXPECT_EQ(DataExtentsText(all), "o0#0 at most " + std::to_string(2 * 3 * 7));
  OneNode unknown = Suppression(1, 2, 7);
  unknown.Input({}, kInt64);
  EXPECT_EQ(DataExtentsText(unknown),
            "o0#0 at most " + std::to_string(1 * 2 * 7));
  // Without the operand nothing is kept.
  EXPECT_EQ(Suppression(2, 3, 7).InferText(), "int64 0x3");
  OneNode symbolic("NonMaxSuppression", 10);
  symbolic.Input({kN, 7, 4}).Input({kN, 3, 7}).ConstantScalar(2);
  EXPECT_EQ(DataExtentsText(symbolic), "o0#0 at most 6*N");
}

TEST(NonMaxSuppression, ErrorsNameTheShapes) {
  ExpectInfers({
      {OneNode("NonMaxSuppression", 11).Input({1, 5, 4}).Input({1, 2, 6}),
       "NonMaxSuppression 'o0': boxes 1x5x4 and scores 1x2x6 must be batches x "
       "boxes x 4 and batches x classes x boxes"},
      {OneNode("NonMaxSuppression", 11).Input({1, 5, 5}).Input({1, 2, 5}),
       "NonMaxSuppression 'o0': boxes 1x5x5 and scores 1x2x5 must be batches x "
       "boxes x 4 and batches x classes x boxes"},
      {Suppression(1, 2, 5).ConstantInts({1, 2}),
       "NonMaxSuppression 'o0': operand 2 must be a scalar but is 2"},
      {Suppression(1, 2, 5).Attr("center_point_box", 2),
       "NonMaxSuppression 'o0': attribute 'center_point_box' must be 0 or 1 "
       "but is 2"},
  });
}

// Corners and area of a box, as they are computed from its four numbers.
void Corners(Array& boxes, const Numbers& at, bool has_centres) {
  const auto number = [&](int64_t i) { return boxes.Read({at[0], at[1], i}); };
  const Number a = number(0), b = number(1), c = number(2), d = number(3);
  if (has_centres) {
    const Number half = a;  // 1/2 is an immediate
    const Number w = c * half, h = d * half;
    (void)(a - w), (void)(a + w), (void)(b - h), (void)(b + h);
    (void)(c * d);
    return;
  }
  const Number top = Min(a, c), bottom = Max(a, c);
  const Number left = Min(b, d), right = Max(b, d);
  (void)((bottom - top) * (right - left));
}

// Compares two boxes whose corners and areas are there.
void Compare(Tally& tally, Array* threshold) {
  const Number x(tally, 1);
  const Number height = Min(x, x) - Max(x, x);
  const Number width = Min(x, x) - Max(x, x);
  const Number common = Max(height, x) * Max(width, x);
  const Number overlap = common / (x + x - common);
  Less(threshold == nullptr ? x : threshold->Read(int64_t{0}), overlap);
}

TEST(NonMaxSuppression, ComparesEachBoxWithAllThatAreKept) {
  Dice dice(81);
  for (int i = 0; i < 200; ++i) {
    const int64_t batch = dice.Roll(1, 2), classes = dice.Roll(1, 3);
    const int64_t count = dice.Roll(1, 8), most = dice.Roll(1, 9);
    const bool has_centres = dice.Coin();
    const bool has_score = dice.Coin();
    const bool has_iou = has_score || dice.Coin();
    Tally tally;
    Array boxes(tally, "i0", {batch, count, 4}),
        scores(tally, "i1", {batch, classes, count}), iou(tally, "i3", {1}),
        least(tally, "i4", {1}),
        rows(tally, "o0", {batch * classes * std::min(most, count), 3});
    int64_t next = 0;
    ForEachIndex({batch, classes}, [&](const Numbers& list) {
      for (int64_t b = 0; b < count; ++b) {
        const Number score = scores.Read({list[0], list[1], b});
        if (has_score) Less(least.Read(int64_t{0}), score);
        for (int64_t n = count; n > 0; n /= 2) Less(score, score);
      }
      // The worst: no box overlaps, and the last that may be kept is the last.
      int64_t kept = 0;
      for (int64_t b = 0; b < count; ++b) {
        Corners(boxes, {list[0], b}, has_centres);
        for (int64_t k = 0; k < kept; ++k) {
          Corners(boxes, {list[0], k}, has_centres);
          Compare(tally, has_iou ? &iou : nullptr);
        }
        if (kept + 1 < std::min(most, count)) ++kept;
      }
      for (int64_t k = 0; k < std::min(most, count); ++k) {
        for (int64_t c = 0; c < 3; ++c) {
          rows.Write({next, c}, Number(tally, 0));
        }
        ++next;
      }
    });
    OneNode node = Suppression(batch, classes, count);
    node.ConstantScalar(most).Attr("center_point_box", has_centres ? 1 : 0);
    if (has_iou) node.Input({});
    if (has_score) node.Input({});
    EXPECT_EQ(TallyAtMost(node), tally)
        << TextOf({batch, classes, count, most});
  }
}

TEST(NonMaxSuppression, SaysWhyItIsABound) {
  OneNode node = Suppression(1, 1, 5);
  node.ConstantScalar(2);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.bound_reason,
            "how many boxes overlap depends on the data; as many as may be "
            "kept are, and each box is compared with all that are kept before "
            "it");
  OneNode none = Suppression(1, 1, 5);
  ASSERT_OK_AND_ASSIGN(const OpCounts nothing, none.Count());
  EXPECT_EQ(nothing.bound_reason, "");
  EXPECT_TRUE(nothing.arith.empty());
}

TEST(NonMaxSuppression, FoldsKnownBoxes) {
  const auto node = [](double threshold) {
    return OneNode("NonMaxSuppression", 11)
        .ConstantValue(TensorValue::Floats(
            DataType::kFloat32, {1, 4, 4},
            {0, 0, 1, 1, 0, 0.1, 1, 1.1, 0, 10, 1, 11, 0, 20, 1, 21}))
        .ConstantValue(TensorValue::Floats(DataType::kFloat32, {1, 1, 4},
                                           {0.9, 0.75, 0.6, 0.1}))
        .ConstantScalar(3)
        .ConstantScalarFloat(0.5)
        .ConstantScalarFloat(threshold);
  };
  ExpectFolds({
      {node(0.2), "int64 2x3: 0 0 0 0 0 2"},
      {node(0.05), "int64 3x3: 0 0 0 0 0 2 0 0 3"},
      // A score that is the threshold may pass or not.
      {node(0.6), "unknown"},
  });
}

// ---- RoiAlign

struct AlignConfig {
  int64_t regions, channels, height, width, out_height, out_width, ratio;
  bool takes_max, half_pixel;

  int64_t samples_y() const {
    return ratio > 0 ? ratio : (height + out_height - 1) / out_height;
  }
  int64_t samples_x() const {
    return ratio > 0 ? ratio : (width + out_width - 1) / out_width;
  }
};

// The regions' corners, extents and steps.
void PrepareRegion(Tally& tally, const AlignConfig& c, Array& rois,
                   int64_t region) {
  std::vector<Number> corners;
  const Number constant(tally, 0.5);
  for (int64_t i = 0; i < 4; ++i) {
    Number corner = rois.Read({region, i}) * constant;
    if (c.half_pixel) corner = corner - constant;
    corners.push_back(corner);
  }
  for (int axis = 0; axis < 2; ++axis) {
    Number extent = corners[2] - corners[0];
    if (!c.half_pixel) extent = Max(extent, constant);
    if (c.ratio > 0) {
      (void)(extent * constant);
    } else {
      (void)(extent / Floor(extent));
    }
  }
  if (c.ratio == 0 && !c.takes_max) (void)(constant / constant);
}

// The coordinate of a line of samples, kept inside the map, and its weights.
void PrepareLine(Tally& tally) {
  const Number one(tally, 1);
  const Number at = Min(Max(one * one + one, one), one);
  (void)(one - (at - Floor(at)));
}

Tally TallyOfRoiAlign(const AlignConfig& c) {
  Tally tally;
  Array x(tally, "i0", {1}), rois(tally, "i1", {c.regions, 4}),
      batch(tally, "i2", {c.regions}),
      y(tally, "o0", {c.regions, c.channels, c.out_height, c.out_width});
  const int64_t lines =
      c.out_height * c.samples_y() + c.out_width * c.samples_x();
  const int64_t samples = c.samples_y() * c.samples_x();
  const Number one(tally, 1);
  for (int64_t r = 0; r < c.regions; ++r) {
    batch.Read(r);
    PrepareRegion(tally, c, rois, r);
    for (int64_t line = 0; line < lines; ++line) PrepareLine(tally);
    for (int64_t bin = 0; bin < c.out_height * c.out_width; ++bin) {
      for (int64_t weight = 0; weight < samples * 4; ++weight) {
        (void)(one * one);
      }
      for (int64_t channel = 0; channel < c.channels; ++channel) {
        Number pooled(tally, 0);
        for (int64_t s = 0; s < samples; ++s) {
          Number sample = c.takes_max ? Number(tally, 0) : pooled;
          for (int tap = 0; tap < 4; ++tap) {
            sample = sample + one * x.Read(int64_t{0});
          }
          pooled = c.takes_max ? Max(pooled, sample) : sample;
        }
        if (!c.takes_max) pooled = pooled * one;
        y.Write({r, channel, bin / c.out_width, bin % c.out_width}, pooled);
      }
    }
  }
  return tally;
}

OneNode RoiAlign(const AlignConfig& c, int opset) {
  OneNode node("RoiAlign", opset);
  node.Input({1, c.channels, c.height, c.width})
      .Input({c.regions, 4})
      .Input({c.regions}, kInt64)
      .Attr("mode", c.takes_max ? "max" : "avg")
      .Attr("output_height", c.out_height)
      .Attr("output_width", c.out_width)
      .Attr("sampling_ratio", c.ratio);
  return node;
}

TEST(RoiAlign, WeighsFourTapsPerSample) {
  Dice dice(82);
  for (int i = 0; i < 200; ++i) {
    AlignConfig c{dice.Roll(1, 3), dice.Roll(1, 3), dice.Roll(1, 6),
                  dice.Roll(1, 6), dice.Roll(1, 3), dice.Roll(1, 3),
                  dice.Roll(0, 3), dice.Coin(),     dice.Coin()};
    // Before opset 16 nothing is shifted.
    OneNode node = RoiAlign(c, c.half_pixel ? 16 : 10);
    ExpectCounts(
        node, TallyOfRoiAlign(c),
        TextOf({c.height, c.width, c.out_height, c.out_width, c.ratio}));
  }
}

TEST(RoiAlign, IsABoundWhereItAdaptsToItsRegions) {
  OneNode adaptive = RoiAlign({3, 2, 8, 8, 2, 2, 0, false, true}, 16);
  ASSERT_OK_AND_ASSIGN(const OpCounts bound, adaptive.Count());
  EXPECT_EQ(bound.bound_reason,
            "sampling_ratio 0 takes as many samples as a region has pixels; "
            "each region is taken to cover the whole feature map");
  OneNode fixed = RoiAlign({3, 2, 8, 8, 2, 2, 2, false, true}, 16);
  ASSERT_OK_AND_ASSIGN(const OpCounts exact, fixed.Count());
  EXPECT_EQ(exact.bound_reason, "");
}

TEST(RoiAlign, ChecksItsOperands) {
  const auto align = [](Dims x, Dims rois, Dims batch) {
    return OneNode("RoiAlign", 16)
        .Input(std::move(x))
        .Input(std::move(rois))
        .Input(std::move(batch), kInt64);
  };
  ExpectInfers({
      {align({1, 3, 8, 8}, {kN, 4}, {kN}).Attr("output_height", 7),
       "float32 Nx3x7x1"},
      {align({3, 8, 8}, {5, 4}, {5}),
       "RoiAlign 'o0': the feature map must have 4 axes but is 3x8x8"},
      {align({1, 3, 8, 8}, {5, 5}, {5}),
       "RoiAlign 'o0': the regions must be of 4 numbers each but are 5x5"},
      {align({1, 3, 8, 8}, {5, 4}, {6}),
       "RoiAlign 'o0': the batch indices are 6 but there are 5 regions"},
      {align({1, 3, 8, 8}, {5, 4}, {5}).Attr("mode", "sum"),
       "RoiAlign 'o0': attribute 'mode' is 'sum' but must be avg or max"},
      {align({1, 3, 8, 8}, {5, 4}, {5}).Attr("sampling_ratio", -1),
       "RoiAlign 'o0': an output of 1x1 at a sampling_ratio of -1 isn't "
       "positive"},
      {align({1, 3, 8, 8}, {5, 4}, {5})
           .Attr("coordinate_transformation_mode", "pixel"),
       "RoiAlign 'o0': attribute 'coordinate_transformation_mode' is 'pixel' "
       "but must be half_pixel or output_half_pixel"},
  });
}

// ---- MaxRoiPool

TEST(MaxRoiPool, ComparesTheMostThatABinMayHold) {
  Dice dice(83);
  for (int i = 0; i < 200; ++i) {
    const Numbers map = {1, dice.Roll(1, 3), dice.Roll(1, 7), dice.Roll(1, 7)};
    const Numbers bins = dice.Rolls(2, 1, 4);
    const int64_t regions = dice.Roll(1, 3);
    Tally tally;
    Array x(tally, "i0", {1}), rois(tally, "i1", {regions, 5}),
        y(tally, "o0", {regions, map[1], bins[0], bins[1]});
    const Number one(tally, 1);
    for (int64_t r = 0; r < regions; ++r) {
      for (int64_t n = 0; n < 5; ++n) rois.Read({r, n});
      for (int corner = 0; corner < 4; ++corner) Floor(one * one);
      for (int axis = 0; axis < 2; ++axis) {
        (void)(Max(one - one + one, one) * one);
      }
      for (int64_t line = 0; line < bins[0] + bins[1]; ++line) {
        for (int edge = 0; edge < 2; ++edge) {
          Min(Max(Floor(one * one) + one, one), one);
        }
      }
      ForEachIndex({map[1], bins[0], bins[1]}, [&](const Numbers& q) {
        Number most(tally, 0);
        // A share of the extent, and one more where its edges are rounded.
        const int64_t rows =
            std::min(map[2], (map[2] + bins[0] - 1) / bins[0] + 1);
        const int64_t columns =
            std::min(map[3], (map[3] + bins[1] - 1) / bins[1] + 1);
        for (int64_t e = 0; e < rows * columns; ++e) {
          most = Max(most, x.Read(int64_t{0}));
        }
        y.Write({r, q[0], q[1], q[2]}, most);
      });
    }
    OneNode node("MaxRoiPool", 22);
    node.Input(DimsOf(map)).Input({regions, 5}).Attr("pooled_shape", bins);
    ExpectCounts(node, tally, TextOf(map) + " by " + TextOf(bins));
  }
}

// No bin of any region inside the map holds more than the bound.
TEST(MaxRoiPool, NoRegionHasALargerBin) {
  for (int64_t extent = 1; extent <= 12; ++extent) {
    for (int64_t bins = 1; bins <= 6; ++bins) {
      const int64_t most = std::min(extent, (extent + bins - 1) / bins + 1);
      for (int64_t size = 1; size <= extent; ++size) {
        for (int64_t bin = 0; bin < bins; ++bin) {
          const int64_t first = bin * size / bins;
          const int64_t last = ((bin + 1) * size + bins - 1) / bins;
          EXPECT_LE(last - first, most) << extent << " " << bins << " " << size;
        }
      }
    }
  }
}

TEST(MaxRoiPool, ChecksItsOperands) {
  ExpectInfers({
      {OneNode("MaxRoiPool", 1)
           .Input({1, 3, 8, 8})
           .Input({kN, 5})
           .Attr("pooled_shape", Numbers{2, 3}),
       "float32 Nx3x2x3"},
      {OneNode("MaxRoiPool", 1).Input({1, 3, 8, 8}).Input({2, 5}),
       "MaxRoiPool 'o0': attribute 'pooled_shape' must be two numbers of at "
       "least 1"},
      {OneNode("MaxRoiPool", 1)
           .Input({1, 3, 8, 8})
           .Input({2, 4})
           .Attr("pooled_shape", Numbers{2, 3}),
       "MaxRoiPool 'o0': the regions must be of 5 numbers each but are 2x4"},
  });
}

}  // namespace
}  // namespace opcost
