// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's look-ups, distances and crops, and what no rule can count.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 200;

OneNode Ms(const char* op) { return OneNode(op, 1, "com.microsoft"); }

TEST(CDist, CountsWhatPlainLoopsDo) {
  Draw draw(7501);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const int64_t m = draw.Between(1, 4), k = draw.Between(1, 4);
    const int64_t n = draw.Between(2, 5);
    const bool takes_root = draw.Coin();
    Tally t;
    Array a(t, "i0", {m, n}), b(t, "i1", {k, n}), c(t, "o0", {m, k});
    ForEachIndex({m, k}, [&](const Index& at) {
      Number sum(t, 0);
      for (int64_t e = 0; e < n; ++e) {
        const Number difference = a.Read({at[0], e}) - b.Read({at[1], e});
        sum = sum + difference * difference;
      }
      c.Write(at, takes_root ? sum.Apply("sqrt", 1) : sum);
    });
    OneNode node = Ms("CDist");
    node.Input({m, n}).Input({k, n});
    node.Attr("metric", takes_root ? "euclidean" : "sqeuclidean");
    EXPECT_EQ(node.InferText(), absl::StrCat("float32 ", m, "x", k));
    ExpectCounts(node, t, "CDist");
  }
}

TEST(CDist, RefusesWhatDoesNotFit) {
  ExpectInfers({
      {Ms("CDist").Input({2, 3}).Input({4, 5}),
       "CDist 'o0': A has 3 columns but B has 5"},
      {Ms("CDist").Input({2}).Input({4, 5}),
       "CDist 'o0': A 2 and B 4x5 must have 2 axes each"},
      {Ms("CDist").Input({2, 3}).Input({4, 3}).Attr("metric", "yule"),
       "CDist 'o0': no rule states the work of metric 'yule'"},
  });
}

TEST(CropAndResize, TakesFourNeighboursOrOne) {
  Draw draw(7502);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const int64_t channels = draw.Between(1, 3), regions = draw.Between(1, 4);
    const int64_t height = draw.Between(1, 4), width = draw.Between(1, 4);
    const bool bilinear = draw.Coin();
    Tally t;
    Array x(t, "i0", {2, channels, 5, 6}), rois(t, "i1", {regions, 4});
    Array indices(t, "i2", {regions});
    Array y(t, "o0", {regions, channels, height, width});
    for (int64_t e = 0; e < rois.size(); ++e) rois.Read(e);
    for (int64_t e = 0; e < regions; ++e) indices.Read(e);
    ForEachIndex(y.dims(), [&](const Index& at) {
      if (!bilinear) {
        y.Write(at, x.Read({0, at[1], 0, 0}));
        return;
      }
      Number sum(t, 0);
      for (int64_t tap = 0; tap < 4; ++tap) {
        sum = sum + x.Read({0, at[1], tap / 2, tap % 2}) * Number(t, 0.25);
      }
      y.Write(at, sum);
    });
    OneNode node = Ms("CropAndResize");
    node.Input({2, channels, 5, 6}).Input({regions, 4});
    node.Input({regions}, DataType::kInt32).ConstantInts({height, width});
    node.Attr("mode", bilinear ? "bilinear" : "nearest");
    EXPECT_EQ(node.InferText(), absl::StrCat("float32 ", regions, "x", channels,
                                             "x", height, "x", width));
    ExpectCounts(node, t, "CropAndResize");
  }
  ExpectInfers({
      {Ms("CropAndResize")
           .Input({2, 3, 5})
           .Input({4, 4})
           .Input({4})
           .ConstantInts({2, 2}),
       "CropAndResize 'o0': the input 2x3x5 must have 4 axes and the regions "
       "4x4 2"},
      {Ms("CropAndResize")
           .Input({2, 3, 5, 6})
           .Input({4, 4})
           .Input({4})
           .ConstantInts({2}),
       "CropAndResize 'o0': crop_size must have 2 elements but has 1"},
      {Ms("CropAndResize")
           .Input({1})
           .Input({1})
           .Input({1})
           .Attr("mode", "area"),
       "CropAndResize 'o0': mode must be bilinear or nearest but is 'area'"},
  });
}

TEST(ExpandDims, IsAView) {
  ExpectView(std::move(Ms("ExpandDims").Input({2, 3}).ConstantInts({1})));
  ExpectInfers({
      {Ms("ExpandDims").Input({2, 3}).ConstantInts({1}), "float32 2x1x3"},
      {Ms("ExpandDims").Input({2, 3}).ConstantInts({-1}), "float32 2x3x1"},
      {Ms("ExpandDims").Input({2, 3}).ConstantInts({3}),
       "ExpandDims 'o0': axis 3 is outside the 3 axes of the tensor"},
      {Ms("ExpandDims").Input({2, 3}).ConstantInts({0, 1}),
       "ExpandDims 'o0': axis must be one element but has 2"},
  });
}

TEST(ContribGatherNd, ReadsSlicesAndEachIndexOnce) {
  Draw draw(7503);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Index data = draw.Several(3, 2, 4);
    const Index picks = draw.Several(2, 1, 3);
    const int64_t depth = draw.Between(1, 3);
    const Index slice(data.begin() + depth, data.end());
    Tally t;
    Array x(t, "i0", data), indices(t, "i1", Joined(picks, {depth}));
    Array y(t, "o0", Joined(picks, slice));
    ForEachIndex(picks, [&](const Index& at) {
      for (int64_t d = 0; d < depth; ++d) indices.Read(Joined(at, {d}));
      ForEachIndex(slice, [&](const Index& in) {
        y.Write(Joined(at, in),
                x.Read(Joined(Index(static_cast<size_t>(depth), 0), in)));
      });
    });
    OneNode node = Ms("GatherND");
    node.Input(ToDims(data));
    node.Input(ToDims(Joined(picks, {depth})), DataType::kInt64);
    EXPECT_EQ(node.InferText(),
              absl::StrCat("float32 ", ToString(Shape(ToDims(y.dims())))));
    ExpectCounts(node, t, "GatherND");
  }
  ExpectInfers({
      {Ms("GatherND").Input({2, 3}).Input({4, 3}),
       "GatherND 'o0': the indices pick 3 axes but the data has 2"},
      {Ms("GatherND").Input({}).Input({4, 3}),
       "GatherND 'o0': data scalar and indices 4x3 must have at least 1 axis "
       "each"},
      {Ms("GatherND").Input({2, 3}).Input({4, Extent::Symbol("D")}),
       "GatherND 'o0': the last axis of the indices is D, which says how many "
       "axes they pick"},
  });
}

TEST(ContribEarly, WhatNoRuleCountsHasAShape) {
  for (const char* name : {"BeamSearch", "GreedySearch", "MurmurHash3",
                           "Sampling", "Unique", "WhisperBeamSearch"}) {
    OneNode node = Ms(name);
    ASSERT_NE(node.def(), nullptr) << name;
    EXPECT_FALSE(node.def()->uncountable.empty()) << name;
  }
  ExpectInfers({
      {Ms("BeamSearch").Input({2, 8}, DataType::kInt32), "int32 ?"},
      {Ms("MurmurHash3").Input({2, 3}, DataType::kString), "uint32 2x3"},
      {Ms("MurmurHash3").Input({2}).Attr("positive", 0), "int32 2"},
      {Ms("Unique").Input({6}).Outputs(3), "float32 o0#0", 0},
      {Ms("Unique").Input({6}).Outputs(3), "int64 6", 1},
      {Ms("Unique").Input({6}).Outputs(3), "int64 o0#0", 2},
      {Ms("Unique").Input({6, 2}),
       "Unique 'o0': the input must have 1 axis but is 6x2"},
  });
}

}  // namespace
}  // namespace opcost
