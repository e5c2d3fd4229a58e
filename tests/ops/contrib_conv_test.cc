// SPDX-License-Identifier: Apache-2.0
// Convolutions of optimised graphs: fused, quantised, with the channels last,
// in blocks of channels, with pads as an operand.
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

// A convolution of 2 spatial axes, drawn.
struct Shape2 {
  explicit Shape2(Draw& draw)
      : batch(draw.Between(1, 2)),
        group(draw.Between(1, 3)),
        in_of_group(draw.Between(1, 3)),
        out_of_group(draw.Between(1, 3)),
        kernel(draw.Several(2, 1, 3)),
        strides(draw.Several(2, 1, 2)),
        pads(draw.Several(4, 0, 1)),
        in(draw.Several(2, 4, 6)) {
    for (size_t a = 0; a < 2; ++a) {
      out.push_back((in[a] + pads[a] + pads[a + 2] - kernel[a]) / strides[a] +
                    1);
    }
  }
  int64_t channels_in() const { return group * in_of_group; }
  int64_t channels_out() const { return group * out_of_group; }

  int64_t batch, group, in_of_group, out_of_group;
  Index kernel, strides, pads, in, out;
};

// An element of a feature map, whose channels may be the last axis.
Index Place(bool last, int64_t n, int64_t c, int64_t h, int64_t w) {
  return last ? Index{n, h, w, c} : Index{n, c, h, w};
}

// Reads an element, or, in the padding, the zero that stands for it (R9).
Number ReadPadded(Array& x, bool last, int64_t n, int64_t c, int64_t h,
                  int64_t w, const Index& in) {
  const bool inside = h >= 0 && w >= 0 && h < in[0] && w < in[1];
  return inside ? x.Read(Place(last, n, c, h, w))
                : x.Read(Place(last, n, c, 0, 0));
}

struct Arrays {
  Array *x, *w, *bias, *sum, *y;
};

template <typename Finish>
void Convolve(Tally& t, const Shape2& s, bool last, const Arrays& a,
              Finish finish) {
  ForEachIndex(
      {s.batch, s.channels_out(), s.out[0], s.out[1]}, [&](const Index& at) {
        const int64_t first = at[1] / s.out_of_group * s.in_of_group;
        Number sum = a.bias != nullptr ? a.bias->Read({at[1]}) : Number(t, 0);
        ForEachIndex(
            {s.in_of_group, s.kernel[0], s.kernel[1]}, [&](const Index& k) {
              const Number x =
                  ReadPadded(*a.x, last, at[0], first + k[0],
                             at[2] * s.strides[0] + k[1] - s.pads[0],
                             at[3] * s.strides[1] + k[2] - s.pads[1], s.in);
              sum = sum + x * a.w->Read({at[1], k[0], k[1], k[2]});
              ++t.macs;
            });
        const Index to = Place(last, at[0], at[1], at[2], at[3]);
        if (a.sum != nullptr) sum = sum + a.sum->Read(to);
        a.y->Write(to, finish(sum, at[1]));
      });
}

void AddWindow(OneNode& node, const Shape2& s) {
  node.Attr("group", s.group).Attr("strides", s.strides).Attr("pads", s.pads);
}

// Arrays of one element that are constants are read once (R2).
void AtMostOnce(Tally& t, const char* name, const Array& array) {
  if (array.size() == 1 && t.reads.count(name) != 0) t.reads[name] = 1;
}

void CheckFused(Draw& draw) {
  struct Form {
    const char* domain;
    const char* name;
    bool last, has_sum, has_activation;
  };
  const Form form = draw.OneOf<Form>({{kMs, "FusedConv", false, true, true},
                                      {kMs, "NhwcConv", true, false, false},
                                      {kMs, "NhwcFusedConv", true, true, true},
                                      {kNchwc, "Conv", false, true, true},
                                      {kNhwc, "Conv", true, false, true}});
  const Shape2 s(draw);
  const bool has_bias = draw.Coin();
  const bool has_sum = form.has_sum && draw.Coin();
  const bool has_relu = form.has_activation && draw.Coin();
  Tally t;
  Array x(t, "i0",
          Place(form.last, s.batch, s.channels_in(), s.in[0], s.in[1]));
  Array w(t, "i1", {s.channels_out(), s.in_of_group, s.kernel[0], s.kernel[1]});
  Array bias(t, "i2", {s.channels_out()});
  const Index y_dims =
      Place(form.last, s.batch, s.channels_out(), s.out[0], s.out[1]);
  Array sum(t, "i3", y_dims), y(t, "o0", y_dims);
  Convolve(t, s, form.last,
           {&x, &w, has_bias ? &bias : nullptr, has_sum ? &sum : nullptr, &y},
           [&](const Number& value, int64_t) {
             return has_relu ? Max(value, Number(t, 0)) : value;
           });
  AtMostOnce(t, "i1", w);
  AtMostOnce(t, "i2", bias);
  OneNode node(form.name, 11, form.domain);
  node.Input(ToDims(x.dims())).Constant(ToDims(w.dims()));
  has_bias ? node.Constant({s.channels_out()}) : node.Absent();
  if (has_sum) node.Input(ToDims(y_dims));
  if (has_relu) node.Attr("activation", "Relu");
  AddWindow(node, s);
  EXPECT_EQ(node.InferText(),
            absl::StrCat("float32 ", ToString(Shape(ToDims(y_dims)))));
  ExpectCounts(node, t, form.name);
  EXPECT_EQ(node.Count()->macs, t.macs);
}

TEST(FusedConv, CountsWhatPlainLoopsDo) {
  Draw draw(7301);
  for (int i = 0; i < 2 * kConfigurations && !::testing::Test::HasFailure();
       ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckFused(draw);
  }
}

void CheckQLinear(Draw& draw) {
  const Shape2 s(draw);
  const bool is_internal = draw.Coin();
  const bool last = is_internal || draw.Coin();
  const bool per_channel = draw.Coin(), has_bias = draw.Coin();
  const int64_t scales = per_channel ? s.channels_out() : 1;
  Tally t;
  Array x(t, "i0", Place(last, s.batch, s.channels_in(), s.in[0], s.in[1]));
  Array w(t, "i3", {s.channels_out(), s.in_of_group, s.kernel[0], s.kernel[1]});
  Array scale(t, "i4", {scales}), zero(t, "i5", {scales});
  Array bias(t, "i8", {s.channels_out()});
  const Index y_dims =
      Place(last, s.batch, s.channels_out(), s.out[0], s.out[1]);
  Array y(t, "o0", y_dims);
  for (const char* scalar : {"i1", "i2", "i6", "i7"}) {
    Array(t, scalar, {1}).Read(0);
  }
  for (int64_t i = 0; i < scales; ++i) zero.Read(i);
  Convolve(t, s, last, {&x, &w, has_bias ? &bias : nullptr, nullptr, &y},
           [&](const Number& sum, int64_t channel) {
             scale.Read({scales == 1 ? 0 : channel});
             const Number scaled = sum * Number(t, 0.5) + Number(t, 3);
             return Min(Max(scaled, Number(t, 0)), Number(t, 255));
           });
  if (scales == 1) t.reads["i4"] = 1;
  AtMostOnce(t, "i3", w);
  AtMostOnce(t, "i8", bias);
  OneNode node("QLinearConv", is_internal ? 11 : 1, is_internal ? kNhwc : kMs);
  const Dims parameters = per_channel ? Dims{scales} : Dims{};
  node.Input(ToDims(x.dims()), DataType::kUint8)
      .Constant({})
      .Constant({}, DataType::kUint8)
      .Constant(ToDims(w.dims()), DataType::kInt8)
      .Constant(parameters)
      .Constant(parameters, DataType::kInt8)
      .Constant({})
      .Constant({}, DataType::kInt8);
  if (has_bias) node.Constant({s.channels_out()}, DataType::kInt32);
  if (!is_internal) node.Attr("channels_last", last ? 1 : 0);
  AddWindow(node, s);
  EXPECT_EQ(node.InferText(),
            absl::StrCat("int8 ", ToString(Shape(ToDims(y_dims)))));
  ExpectCounts(node, t, "QLinearConv");
}

TEST(ContribQLinearConv, CountsWhatPlainLoopsDo) {
  Draw draw(7302);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckQLinear(draw);
  }
}

// Every input is scattered over M/group * kernel outputs, pads or not.
TEST(ConvTransposeWithDynamicPads, CountsWhatPlainLoopsDo) {
  Draw draw(7303);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Shape2 s(draw);
    const Index out = {
        (s.in[0] - 1) * s.strides[0] + s.kernel[0] - s.pads[0] - s.pads[2],
        (s.in[1] - 1) * s.strides[1] + s.kernel[1] - s.pads[1] - s.pads[3]};
    const bool has_bias = draw.Coin();
    Tally t;
    Array x(t, "i0", {s.batch, s.channels_in(), s.in[0], s.in[1]});
    Array w(t, "i1",
            {s.channels_in(), s.out_of_group, s.kernel[0], s.kernel[1]});
    Array bias(t, "i3", {s.channels_out()});
    Array y(t, "o0", {s.batch, s.channels_out(), out[0], out[1]});
    ForEachIndex(x.dims(), [&](const Index& at) {
      ForEachIndex(
          {s.out_of_group, s.kernel[0], s.kernel[1]}, [&](const Index& k) {
            Number(t, 0) + x.Read(at) * w.Read({at[1], k[0], k[1], k[2]});
          });
    });
    ForEachIndex(y.dims(), [&](const Index& at) {
      y.Write(at, has_bias ? bias.Read({at[1]}) : Number(t, 0));
    });
    AtMostOnce(t, "i1", w);
    AtMostOnce(t, "i3", bias);
    OneNode node("ConvTransposeWithDynamicPads", 1, kMs);
    node.Input(ToDims(x.dims())).Constant(ToDims(w.dims()));
    node.ConstantInts(s.pads);
    if (has_bias) node.Constant({s.channels_out()});
    node.Attr("group", s.group).Attr("strides", s.strides);
    EXPECT_EQ(node.InferText(),
              absl::StrCat("float32 ", ToString(Shape(ToDims(y.dims())))));
    ExpectCounts(node, t, "ConvTransposeWithDynamicPads");
  }
}

TEST(FusedConv, ExtentsMayBeSymbolic) {
  const Extent n = Extent::Symbol("N"), h = Extent::Symbol("H");
  OneNode node("NhwcConv", 1, kMs);
  node.Input({n, h, 8, 3})
      .Constant({4, 3, 3, 3})
      .Attr("pads", Index{1, 1, 1, 1});
  EXPECT_EQ(node.InferText(), "float32 NxHx8x4");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, n * h * (8 * 4 * 3 * 3 * 3));
}

TEST(BlockedConv, TheWeightSaysHowManyChannelsFillItsBlocks) {
  OneNode node("Conv", 1, kNchwc);
  node.Input({1, 8, 6, 6}).Constant({16, 16, 3, 3});
  EXPECT_EQ(node.InferText(), "float32 1x16x4x4");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, (16 * 4 * 4) * (16 * 3 * 3));
}

TEST(FusedConv, RefusesWhatDoesNotFit) {
  const auto fused = [](Dims x, Dims w) {
    OneNode node("FusedConv", 1, kMs);
    node.Input(std::move(x)).Constant(std::move(w));
    return node;
  };
  const auto nhwc = [](Dims x, Dims w) {
    OneNode node("NhwcConv", 1, kMs);
    node.Input(std::move(x)).Constant(std::move(w));
    return node;
  };
  ExpectInfers({
      {fused({1, 3, 8, 8}, {4, 2, 3, 3}),
       "FusedConv 'o0': the weight reads 2 x group 1 channels but the input "
       "has 3"},
      {nhwc({1, 3, 8, 8}, {4, 3, 3, 3}),
       "NhwcConv 'o0': the weight reads 3 x group 1 channels but the input has "
       "8"},
      {fused({1, 3}, {4, 3}),
       "FusedConv 'o0': input 1x3 and weight 4x3 must have the same number of "
       "axes, at least 3"},
      {fused({1, 4, 8, 8}, {3, 2, 3, 3}).Attr("group", 2),
       "FusedConv 'o0': group 2 does not divide the 3 output channels"},
      {fused({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("group", 0),
       "FusedConv 'o0': group must be at least 1 but is 0"},
      {fused({1, 3, 8, 8}, {4, 3, 3, 3}).Constant({3}),
       "FusedConv 'o0': the bias is 3 but there are 4 output channels"},
      {fused({1, 3, 8, 8}, {4, 3, 3, 3}).Attr("kernel_shape", Index{3, 2}),
       "FusedConv 'o0': kernel_shape is 3x2 but the weight's kernel is 3x3"},
      {OneNode("ConvTransposeWithDynamicPads", 1, kMs)
           .Input({1, 3, 4, 4})
           .Constant({3, 2, 2, 2})
           .ConstantInts({1, 1}),
       "ConvTransposeWithDynamicPads 'o0': there are 2 pads but 2 axes need "
       "4"},
      {OneNode("ConvTransposeWithDynamicPads", 1, kMs)
           .Input({1, 3, 2, 2})
           .Constant({3, 2, 2, 2})
           .ConstantInts({2, 2, 2, 2}),
       "ConvTransposeWithDynamicPads 'o0': the pads of 4 leave nothing of the "
       "output's 3 on spatial axis 0"},
  });
}

}  // namespace
}  // namespace opcost
