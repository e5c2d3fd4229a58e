// SPDX-License-Identifier: Apache-2.0
// Pooling and copies of graphs whose layout a runtime has changed.
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
constexpr char kMs[] = "com.microsoft";
constexpr char kNchwc[] = "com.microsoft.nchwc";
constexpr char kNhwc[] = "com.ms.internal.nhwc";

enum class Kind { kMax, kMean, kQuantized };

struct Form {
  const char* domain;
  const char* name;
  Kind kind;
  bool is_global;
  int last;  // -1: channels_last says
};

constexpr Form kForms[] = {
    {kMs, "NhwcMaxPool", Kind::kMax, false, 1},
    {kMs, "QLinearAveragePool", Kind::kQuantized, false, -1},
    {kMs, "QLinearGlobalAveragePool", Kind::kQuantized, true, -1},
    {kNchwc, "AveragePool", Kind::kMean, false, 0},
    {kNchwc, "GlobalAveragePool", Kind::kMean, true, 0},
    {kNchwc, "GlobalMaxPool", Kind::kMax, true, 0},
    {kNchwc, "MaxPool", Kind::kMax, false, 0},
    {kNhwc, "AveragePool", Kind::kMean, false, 1},
    {kNhwc, "GlobalAveragePool", Kind::kMean, true, 1},
    {kNhwc, "GlobalMaxPool", Kind::kMax, true, 1},
    {kNhwc, "MaxPool", Kind::kMax, false, 1},
    {kNhwc, "QLinearAveragePool", Kind::kQuantized, false, 1},
};

Index Place(bool last, int64_t n, int64_t c, int64_t h, int64_t w) {
  return last ? Index{n, h, w, c} : Index{n, c, h, w};
}

void CheckPool(Draw& draw, const Form& form) {
  const bool last = form.last < 0 ? draw.Coin() : form.last == 1;
  const Index in = draw.Several(2, 4, 6);
  const Index kernel = form.is_global ? in : draw.Several(2, 1, 3);
  const Index strides = form.is_global ? Index{1, 1} : draw.Several(2, 1, 2);
  const Index out = {(in[0] - kernel[0]) / strides[0] + 1,
                     (in[1] - kernel[1]) / strides[1] + 1};
  const int64_t batch = draw.Between(1, 2), channels = draw.Between(1, 3);
  Tally t;
  Array x(t, "i0", Place(last, batch, channels, in[0], in[1]));
  const Index y_dims = Place(last, batch, channels, out[0], out[1]);
  Array y(t, "o0", y_dims);
  if (form.kind == Kind::kQuantized) {
    for (const char* scalar : {"i1", "i2", "i3", "i4"}) {
      Array(t, scalar, {1}).Read(0);
    }
  }
  ForEachIndex({batch, channels, out[0], out[1]}, [&](const Index& at) {
    Number value(t, 0);
    ForEachIndex(kernel, [&](const Index& k) {
      const Number read =
          x.Read(Place(last, at[0], at[1], at[2] * strides[0] + k[0],
                       at[3] * strides[1] + k[1]));
      value = form.kind == Kind::kMax ? Max(value, read) : value + read;
    });
    if (form.kind == Kind::kMean) value = value * Number(t, 0.25);
    if (form.kind == Kind::kQuantized) {
      const Number scaled = value * Number(t, 0.125) + Number(t, 3);
      value = Min(Max(scaled, Number(t, 0)), Number(t, 255));
    }
    y.Write(Place(last, at[0], at[1], at[2], at[3]), value);
  });
  OneNode node(form.name, 11, form.domain);
  const bool is_quantized = form.kind == Kind::kQuantized;
  node.Input(ToDims(x.dims()),
             is_quantized ? DataType::kUint8 : DataType::kFloat32);
  if (is_quantized) {
    for (int i = 0; i < 2; ++i) {
      node.Constant({}).Constant({}, DataType::kUint8);
    }
  }
  if (!form.is_global) {
    node.Attr("kernel_shape", kernel).Attr("strides", strides);
  }
  if (form.last < 0) node.Attr("channels_last", last ? 1 : 0);
  EXPECT_EQ(node.InferText(), absl::StrCat(is_quantized ? "uint8 " : "float32 ",
                                           ToString(Shape(ToDims(y_dims)))));
  ExpectCounts(node, t, absl::StrCat(form.domain, ".", form.name));
}

TEST(LayoutPools, CountWhatPlainLoopsDo) {
  Draw draw(7401);
  for (const Form& form : kForms) {
    for (int i = 0; i < kConfigurations / 4 && !::testing::Test::HasFailure();
         ++i) {
      CheckPool(draw, form);
    }
  }
}

TEST(LayoutPools, WriteTheirIndicesWhereTheyAreUsed) {
  OneNode node("MaxPool", 12, kNhwc);
  node.Input({1, 6, 6, 3}).Attr("kernel_shape", Index{2, 2}).Outputs(2);
  EXPECT_EQ(node.InferText(1), "int64 1x5x5x3");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).writes.at("o1"), 5 * 5 * 3);
  ExpectFormulaAgrees(node);
}

TEST(LayoutPools, AnActivationRunsOnTheResult) {
  OneNode node("AveragePool", 11, kNhwc);
  node.Input({1, 6, 6, 3}).Attr("kernel_shape", Index{2, 2});
  node.Attr("activation", "Clip");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts).operations.at("add"), (5 * 5 * 3) * (2 * 2 + 2));
  ExpectFormulaAgrees(node);
}

TEST(Reorder, FillsUpTheLastBlockAndDropsWhatFilledIt) {
  const auto in = [](Dims dims) {
    OneNode node("ReorderInput", 1, kNchwc);
    node.Input(std::move(dims));
    return node;
  };
  const auto out = [](Dims dims, int64_t channels) {
    OneNode node("ReorderOutput", 1, kNchwc);
    node.Input(std::move(dims)).Attr("channels", channels);
    return node;
  };
  ExpectInfers({
      {in({1, 20, 6, 7}), "float32 1x24x6x7"},
      {in({1, 6, 7, 20}).Attr("channels_last", 1), "float32 1x24x6x7"},
      {in({Extent::Symbol("N"), 16, 6, 7}), "float32 Nx16x6x7"},
      {out({1, 24, 6, 7}, 20), "float32 1x20x6x7"},
      {out({1, 24, 6, 7}, 20).Attr("channels_last", 1), "float32 1x6x7x20"},
      {out({1, 24, 6, 7}, 0),
       "ReorderOutput 'o0': attribute 'channels' must be at least 1 but is 0"},
      {in({4}),
       "ReorderInput 'o0': the input must have at least 2 axes but is "
       "4"},
  });
  Tally filled;
  filled.reads = {{"i0", 20 * 6 * 7}};
  filled.writes = {{"o0", 24 * 6 * 7}};
  OneNode reorder = in({1, 20, 6, 7});
  ExpectCounts(reorder, filled, "ReorderInput");
  Tally dropped;
  dropped.reads = {{"i0", 20 * 6 * 7}};
  dropped.writes = {{"o0", 20 * 6 * 7}};
  OneNode back = out({1, 24, 6, 7}, 20);
  ExpectCounts(back, dropped, "ReorderOutput");
}

TEST(BlockedUpsample, CopiesOrInterpolates) {
  const auto upsample = [](Index scales) {
    OneNode node("Upsample", 1, kNchwc);
    node.Input({1, 8, 3, 4}).Attr("scales", std::move(scales));
    return node;
  };
  const int64_t out = 8 * 6 * 12;
  OneNode nearest = upsample({1, 1, 2, 3});
  EXPECT_EQ(nearest.InferText(), "float32 1x8x6x12");
  Tally copies;
  copies.reads = {{"i0", out}};
  copies.writes = {{"o0", out}};
  ExpectCounts(nearest, copies, "nearest");
  OneNode linear = upsample({1, 1, 2, 3});
  linear.Attr("mode", "linear");
  Tally blends;
  blends.operations = {{"mul", 4 * out}, {"add", 4 * out}};
  blends.reads = {{"i0", 4 * out}};
  blends.writes = {{"o0", out}};
  ExpectCounts(linear, blends, "linear");
  ExpectView(upsample({1, 1, 1, 1}));
  ExpectInfers({
      {upsample({1, 1, 2}),
       "Upsample 'o0': there are 3 scales but the input has 4 axes"},
      {upsample({1, 1, 2, 0}),
       "Upsample 'o0': scales must be at least 1 but has 0"},
  });
}

TEST(NhwcDepthToSpace, MovesEachElementOnce) {
  OneNode wider("DepthToSpace", 13, kNhwc);
  wider.Input({2, 3, 4, 12}).Attr("blocksize", 2);
  EXPECT_EQ(wider.InferText(), "float32 2x6x8x3");
  Tally moved;
  moved.reads = {{"i0", 2 * 3 * 4 * 12}};
  moved.writes = {{"o0", 2 * 3 * 4 * 12}};
  ExpectCounts(wider, moved, "DepthToSpace");
  OneNode deeper("SpaceToDepth", 13, kNhwc);
  deeper.Input({2, 6, 8, 3}).Attr("blocksize", 2);
  EXPECT_EQ(deeper.InferText(), "float32 2x3x4x12");
  ExpectCounts(deeper, moved, "SpaceToDepth");
  ExpectView(std::move(OneNode("SpaceToDepth", 13, kNhwc)
                           .Input({2, 6, 8, 3})
                           .Attr("blocksize", 1)));
  EXPECT_EQ(OneNode("DepthToSpace", 13, kNhwc)
                .Input({2, 3, 4, 10})
                .Attr("blocksize", 2)
                .InferText(),
            "DepthToSpace 'o0': blocksize 2 doesn't divide 2x3x4x10");
  EXPECT_EQ(OneNode("DepthToSpace", 13, kNhwc).Input({2, 3, 4}).InferText(),
            "DepthToSpace 'o0': the input must have 4 axes but is 2x3x4, and "
            "blocksize 0 must be at least 1");
}

TEST(LayoutPools, RefuseWhatDoesNotFit) {
  ExpectInfers({
      {OneNode("NhwcMaxPool", 1, kMs).Input({1, 6, 6, 3}),
       "NhwcMaxPool 'o0': attribute 'kernel_shape' is missing"},
      {OneNode("NhwcMaxPool", 1, kMs).Input({1, 6}),
       "NhwcMaxPool 'o0': the input must have at least 3 axes but is 1x6"},
      {OneNode("QLinearAveragePool", 1, kMs)
           .Input({1, 3, 6, 6}, DataType::kUint8)
           .Constant({3})
           .Attr("kernel_shape", Index{2, 2}),
       "QLinearAveragePool 'o0': operand 1 must be a scalar but is 3"},
  });
}

}  // namespace
}  // namespace opcost
