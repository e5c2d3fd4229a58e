// SPDX-License-Identifier: Apache-2.0
// Resize and Upsample: shapes of each opset, counts, errors.
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");
const SymValue kSymN = SymValue::Symbol("N");

OneNode Op(const char* name, int opset, Dims dims) {
  OneNode node(name, opset);
  node.Input(std::move(dims));
  return node;
}

OneNode BySizes(int opset, Dims dims, Numbers sizes) {
  return Op("Resize", opset, std::move(dims))
      .Absent()
      .Absent()
      .ConstantInts(std::move(sizes));
}

OneNode ByScales(int opset, Dims dims, std::vector<double> scales) {
  OneNode node = Op("Resize", opset, std::move(dims));
  if (opset >= 11) node.Absent();
  return node.ConstantFloats(std::move(scales));
}

TEST(Upsample, ScalesFollowTheOpset) {
  ExpectInfers({
      {Op("Upsample", 1, {1, 2, 3, 4})
           .Attr("height_scale", 2.0)
           .Attr("width_scale", 1.5)
           .Attr("mode", "bilinear"),
       "float32 1x2x6x6"},
      {Op("Upsample", 7, {1, 2, 3, 4}).AttrFloats("scales", {1, 1, 2.5, 2}),
       "float32 1x2x7x8"},
      {Op("Upsample", 9, {1, 2, 3, 4}).ConstantFloats({1, 1, 2, 2}),
       "float32 1x2x6x8"},
      {Op("Upsample", 9, {kN, 2}).ConstantFloats({1.5, 2}),
       "float32 floor(3*N/2)x4"},
  });
}

TEST(Upsample, ErrorsNameWhatIsWrong) {
  ExpectInfers({
      {Op("Upsample", 1, {1, 2, 3, 4}).Attr("height_scale", 2.0),
       "Upsample 'o0': attribute 'width_scale' is missing"},
      {Op("Upsample", 1, {2, 3, 4}).Attr("height_scale", 2.0),
       "Upsample 'o0': the input must have 4 axes (NCHW) but has 3"},
      {Op("Upsample", 7, {2, 3}),
       "Upsample 'o0': attribute 'scales' is missing"},
      {Op("Upsample", 9, {2, 3}).ConstantFloats({2}),
       "Upsample 'o0': there are 1 scales but the input has 2 axes"},
      {Op("Upsample", 9, {2, 3}).ConstantFloats({2, 0.5}),
       "Upsample 'o0': the scale of axis 1 is 0.5 but must be at least 1"},
      {Op("Upsample", 9, {2, 3}).ConstantFloats({2, 2}).Attr("mode", "cubic"),
       "Upsample 'o0': mode 'cubic' isn't one of opset 9"},
      {Op("Upsample", 9, {2, 3}).Input({2}),
       "Upsample 'o0': the elements of operand 1 aren't known before the model "
       "runs"},
      {Op("Upsample", 9, {2, 3}).ConstantInts({2, 2}),
       "Upsample 'o0': operand 1 must hold floats but is int64"},
  });
}

TEST(Resize, ExtentsAreRoundedDown) {
  // 10 times the float nearest to 0.7 is 7 in float32.
  const double almost = static_cast<double>(0.7F);
  ExpectInfers({
      {ByScales(10, {1, 2, 5, 5}, {1, 1, 0.5, 1.5}), "float32 1x2x2x7"},
      {ByScales(11, {1, 2, 5, 5}, {1, 1, 2, 3}), "float32 1x2x10x15"},
      {ByScales(13, {10}, {almost}), "float32 7"},
      {ByScales(13, {kN, 4}, {2, 0.5}), "float32 2*Nx2"},
      {ByScales(13, {kN, 4}, {almost, 1}),
       "Resize 'o0': axis 0 of extent N times 0.7 isn't known before its "
       "dimensions are"},
      {ByScales(18, {1, 2, 5, 5}, {2, 3}).Attr("axes", Numbers{2, -1}),
       "float32 1x2x10x15"},
  });
}

TEST(Resize, ARegionOfInterestScalesTheInputsExtent) {
  ExpectInfers(
      {{Op("Resize", 13, {4, 8})
            .ConstantFloats({0, 0.25, 1, 0.75})
            .ConstantFloats({1, 3})
            .Attr("coordinate_transformation_mode", "tf_crop_and_resize"),
        "float32 4x12"}});
}

TEST(Resize, SizesNeedNoRegion) {
  // The region is an input of the graph: each axis may be cropped, so that a
  // linear filter weighs 2 x 2 elements although one extent stays.
  OneNode node =
      Op("Resize", 13, {4, 8})
          .Input({4})
          .Absent()
          .ConstantInts({4, 12})
          .Attr("mode", "linear")
          .Attr("coordinate_transformation_mode", "tf_crop_and_resize");
  EXPECT_EQ(node.InferText(), "float32 4x12");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_TRUE(counts.accesses[0].reads.Is(4 * (4 * 12)));
  EXPECT_EQ(counts.bound_reason,
            "an axis that the region doesn't cut is weighed too");
}

TEST(Resize, ScalesNeedTheRegion) {
  OneNode node =
      Op("Resize", 13, {4, 8})
          .Input({4})
          .ConstantFloats({1, 3})
          .Attr("coordinate_transformation_mode", "tf_crop_and_resize");
  EXPECT_EQ(node.InferText(),
            "Resize 'o0': the elements of operand 1 aren't known before the "
            "model runs");
}

TEST(Resize, AntialiasIsABoundOnlyWhereTheInputShrinks) {
  const auto reason = [](Numbers out) {
    OneNode node = BySizes(18, {4, 12}, std::move(out))
                       .Attr("antialias", 1)
                       .Attr("mode", "linear");
    const absl::StatusOr<OpCounts> counts = node.Count();
    return counts.ok() ? counts->bound_reason : counts.status().ToString();
  };
  EXPECT_EQ(reason({4, 5}), "antialias takes fewer taps at the border");
  EXPECT_EQ(reason({8, 12}), "");
}

TEST(Resize, SizesFollowTheAspectRatioPolicy) {
  const auto policy = [](Numbers sizes, const char* name) {
    return BySizes(18, {1, 3, 40, 60}, std::move(sizes))
        .Attr("axes", Numbers{2, 3})
        .Attr("keep_aspect_ratio_policy", name);
  };
  ExpectInfers({
      {BySizes(13, {1, 3, 4, 6}, {1, 3, 8, 8}), "float32 1x3x8x8"},
      {policy({20, 20}, "stretch"), "float32 1x3x20x20"},
      {policy({20, 20}, "not_larger"), "float32 1x3x13x20"},  // 40/3 = 13.3
      {policy({20, 20}, "not_smaller"), "float32 1x3x20x30"},
      // Halves are rounded up: 5 * 3/2 = 7.5.
      {BySizes(19, {5, 2}, {100, 3})
           .Attr("keep_aspect_ratio_policy", "not_larger"),
       "float32 8x3"},
      {Op("Resize", 13, {kN, 4})
           .Absent()
           .Absent()
           .ConstantValue(Symbols({kSymN * 2, 8})),
       "float32 2*Nx8"},
      {Op("Resize", 11, {4})
           .ConstantFloats({})
           .ConstantFloats({})
           .ConstantInts({7}),
       "float32 7"},
  });
}

TEST(Resize, ErrorsNameWhatIsWrong) {
  ExpectInfers({
      {Op("Resize", 13, {4}).Absent().ConstantFloats({2}).ConstantInts({8}),
       "Resize 'o0': scales and sizes are both given, but only one may be"},
      {Op("Resize", 13, {4}),
       "Resize 'o0': neither scales nor sizes are given"},
      {Op("Resize", 11, {4}).ConstantFloats({}).ConstantFloats({}),
       "Resize 'o0': neither scales nor sizes are given"},
      {BySizes(13, {4, 4}, {8}),
       "Resize 'o0': there are 1 sizes but 2 axes to resize"},
      {ByScales(13, {4, 4}, {2}),
       "Resize 'o0': there are 1 scales but 2 axes to resize"},
      {ByScales(13, {4, 4}, {2, 0}),
       "Resize 'o0': the scale of axis 1 is 0 but must be above 0"},
      {BySizes(13, {4}, {-8}),
       "Resize 'o0': element 0 of operand 3 is -8 but an extent can't be "
       "negative"},
      {ByScales(10, {4}, {2}).Attr("mode", "cubic"),
       "Resize 'o0': mode 'cubic' isn't one of opset 10"},
      {ByScales(13, {4}, {1e30}),
       "Resize 'o0': axis 0 of extent 4 times 1e+30 doesn't fit 63 bits"},
      {BySizes(18, {4}, {8}).Attr("keep_aspect_ratio_policy", "crop"),
       "Resize 'o0': keep_aspect_ratio_policy 'crop' isn't stretch, not_larger "
       "or not_smaller"},
      {BySizes(18, {0}, {8}).Attr("keep_aspect_ratio_policy", "not_larger"),
       "Resize 'o0': axis 0 is empty and has no aspect ratio"},
      {BySizes(18, {4, 4}, {8}).Attr("axes", Numbers{2}),
       "Resize 'o0': axis 2 is outside the 2 axes of the tensor"},
      {Op("Resize", 13, {4})
           .ConstantFloats({0})
           .ConstantFloats({2})
           .Attr("coordinate_transformation_mode", "tf_crop_and_resize"),
       "Resize 'o0': the region of interest has 1 numbers but 1 axes need 2"},
      {Op("Resize", 13, {4})
           .ConstantFloats({1, 0})
           .ConstantFloats({2})
           .Attr("coordinate_transformation_mode", "tf_crop_and_resize"),
       "Resize 'o0': the region of interest of axis 0 ends before it starts"},
      {Op("Resize", 13, {4}).Absent().Absent().Input({1}, DataType::kInt64),
       "Resize 'o0': the elements of operand 3 aren't known before the model "
       "runs"},
  });
}

// Every output as the sum of its weighted neighbours; 2 or 4 of them on each
// axis that is resampled, 1 on the others.
Tally Interpolate(const Numbers& in, const Numbers& out, int64_t neighbours) {
  Tally tally;
  Array x(tally, "i0", in), y(tally, "o0", out);
  Numbers window;
  for (size_t a = 0; a < in.size(); ++a) {
    window.push_back(in[a] == out[a] ? 1 : neighbours);
  }
  ForEachIndex(out, [&](const Numbers& index) {
    Number sum(tally, 0);
    ForEachIndex(window, [&](const Numbers& offset) {
      Numbers from = index;
      for (size_t a = 0; a < in.size(); ++a) {
        from[a] = std::min(index[a] * in[a] / out[a] + offset[a], in[a] - 1);
      }
      sum = sum + x.Read(from) * Number(tally, 0.25);
    });
    y.Write(index, sum);
  });
  return tally;
}

TEST(Resize, CountsTheNeighboursOfEveryOutput) {
  Dice dice(41);
  for (int i = 0; i < 300; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 4);
    Numbers out = in;
    for (int64_t& extent : out) extent = dice.Coin() ? extent : dice.Roll(1, 6);
    const int64_t mode = dice.Roll(0, 2);
    OneNode node = BySizes(13, DimsOf(in), out);
    const std::string what = TextOf(in) + " to " + TextOf(out);
    if (mode == 0) {
      Numbers sources;  // of nearest: one per output
      ForEachIndex(out, [&](const Numbers& index) {
        Numbers from = index;
        for (size_t a = 0; a < in.size(); ++a) {
          from[a] = index[a] * in[a] / out[a];
        }
        sources.push_back(OffsetIn(in, from));
      });
      ExpectCounts(node, TallyOfCopy(sources, Product(in)), what);
    } else {
      node.Attr("mode", mode == 1 ? "linear" : "cubic");
      ExpectCounts(node, Interpolate(in, out, mode == 1 ? 2 : 4), what);
    }
  }
}

TEST(Resize, NearestToTheSameShapeIsAViewAndLinearIsNot) {
  ExpectView(BySizes(13, {2, 3}, {2, 3}));
  ExpectView(ByScales(10, {kN, 3}, {1, 1}));
  ExpectView(Op("Upsample", 9, {2, 3}).ConstantFloats({1, 1}));
  OneNode linear = BySizes(13, {2, 3}, {2, 3}).Attr("mode", "linear");
  ExpectCounts(linear, Interpolate({2, 3}, {2, 3}, 2), "linear");
  OneNode cropped =
      Op("Resize", 13, {4})
          .ConstantFloats({0, 0.5})
          .ConstantFloats({2})
          .Attr("coordinate_transformation_mode", "tf_crop_and_resize");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, cropped.Count());
  EXPECT_FALSE(counts.is_view);
}

TEST(Resize, AntialiasWidensTheWindowWhereTheInputShrinks) {
  // From 12 to 4 a linear filter of 2 elements spans 2 * 12/4 = 6, from 12 to 5
  // ceil(24/5) = 5 at most, and from 4 to 8 its own 2.
  const auto reads = [](Numbers out, const char* mode) {
    OneNode node = BySizes(18, {12, 12, 4}, std::move(out))
                       .Attr("antialias", 1)
                       .Attr("mode", mode);
    return node.Count()->accesses[0].reads.value();
  };
  EXPECT_EQ(reads({4, 12, 4}, "linear"), (4 * 12 * 4) * 6);
  EXPECT_EQ(reads({5, 4, 8}, "linear"), (5 * 4 * 8) * (5 * 6 * 2));
  EXPECT_EQ(reads({4, 12, 8}, "cubic"), (4 * 12 * 8) * (12 * 4));
  EXPECT_EQ(reads({4, 12, 4}, "nearest"), 4 * 12 * 4);
}

TEST(Resize, FoldsWhatItLeavesAlone) {
  ExpectFolds({
      {OneNode("Resize", 13)
           .ConstantFloats({1, 2})
           .Absent()
           .Absent()
           .ConstantInts({2}),
       "float32 2: 1 2"},
      {OneNode("Resize", 13)
           .ConstantFloats({1, 2})
           .Absent()
           .Absent()
           .ConstantInts({4}),
       "unknown"},
  });
}

}  // namespace
}  // namespace opcost
