// SPDX-License-Identifier: Apache-2.0
// Conv and ConvTranspose against plain nested loops, written from the ONNX
// specification over a padded copy of the input.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 300;

struct Config {
  int64_t batch, group, in_of_group, out_of_group;
  Index spatial, kernel, strides, dilations, pads_begin, pads_end;
  Index output_padding;  // ConvTranspose
  std::string auto_pad;  // empty: pads hold
  bool has_bias, weight_is_constant;

  int64_t span(size_t axis) const {
    return (kernel[axis] - 1) * dilations[axis] + 1;
  }
};

Config DrawConfig(Draw& draw) {
  Config c;
  const auto axes = static_cast<size_t>(draw.Between(1, 3));
  c.batch = draw.Between(1, 2);
  c.group = draw.Between(1, 3);
  c.in_of_group = draw.Between(1, 2);
  c.out_of_group = draw.Between(1, 2);
  c.spatial = draw.Several(axes, 1, axes == 3 ? 4 : 7);
  c.kernel = draw.Several(axes, 1, 3);
  c.strides = draw.Several(axes, 1, 3);
  c.dilations = draw.Several(axes, 1, 2);
  c.pads_begin = draw.Several(axes, 0, 2);
  c.pads_end = draw.Several(axes, 0, 2);
  c.output_padding = draw.Several(axes, 0, 1);
  c.auto_pad = draw.OneOf<std::string>(
      {"", "", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"});
  c.has_bias = draw.Coin();
  c.weight_is_constant = draw.Coin();
  return c;
}

// Splits `total` as auto_pad asks: the odd element behind for SAME_UPPER.
void SplitPadding(Config& c, size_t axis, int64_t total) {
  const int64_t half = total / 2;
  c.pads_begin[axis] = c.auto_pad == "SAME_UPPER" ? half : total - half;
  c.pads_end[axis] = total - c.pads_begin[axis];
}

OneNode NodeOf(const char* op, const Config& c, const Index& x, const Index& w,
               int64_t out_channels) {
  OneNode node(op, 13);
  node.Input(ToDims(x));
  if (c.weight_is_constant) {
    node.Constant(ToDims(w));
  } else {
    node.Input(ToDims(w));
  }
  if (c.has_bias) node.Constant({out_channels});
  node.Attr("group", c.group)
      .Attr("strides", c.strides)
      .Attr("dilations", c.dilations);
  if (c.auto_pad.empty() || c.auto_pad == "NOTSET") {
    node.Attr("pads", Joined(c.pads_begin, c.pads_end));
  }
  if (!c.auto_pad.empty()) node.Attr("auto_pad", c.auto_pad.c_str());
  return node;
}

// R2: a constant of one element is read once.
void KeepImmediates(Tally& tally, const Config& c, const Array& w,
                    const Array& b) {
  if (c.weight_is_constant && w.size() == 1) tally.reads["i1"] = 1;
  if (c.has_bias && b.size() == 1) tally.reads["i2"] = 1;
}

void ExpectCounts(OneNode& node, const Tally& expected, const Array& y) {
  EXPECT_EQ(node.InferText(),
            absl::StrCat("float32 ", ToString(Shape(ToDims(y.dims())))));
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(expected, TallyOf(counts));
  EXPECT_EQ(expected.macs, counts.macs.value());
}

// False if the kernel fits nowhere. Every position of the kernel at every
// window over the padded input.
bool CheckConv(Config c) {
  const size_t axes = c.spatial.size();
  Index padded(axes), windows(axes, 0);
  for (size_t i = 0; i < axes; ++i) {
    if (c.auto_pad == "VALID") c.pads_begin[i] = c.pads_end[i] = 0;
    if (c.auto_pad == "SAME_UPPER" || c.auto_pad == "SAME_LOWER") {
      const int64_t output = (c.spatial[i] + c.strides[i] - 1) / c.strides[i];
      const int64_t total =
          (output - 1) * c.strides[i] + c.span(i) - c.spatial[i];
      SplitPadding(c, i, std::max<int64_t>(total, 0));
    }
    padded[i] = c.pads_begin[i] + c.spatial[i] + c.pads_end[i];
    for (int64_t start = 0; start + c.span(i) <= padded[i];
         start += c.strides[i]) {
      ++windows[i];
    }
  }
  const int64_t in_channels = c.group * c.in_of_group;
  const int64_t out_channels = c.group * c.out_of_group;
  const Index weight = Joined({out_channels, c.in_of_group}, c.kernel);
  OneNode node = NodeOf("Conv", c, Joined({c.batch, in_channels}, c.spatial),
                        weight, out_channels);
  if (std::count(windows.begin(), windows.end(), 0) > 0) {
    EXPECT_THAT(node.Infer(), FailsWith(::testing::HasSubstr("kernel spans")));
    return false;
  }

  Tally tally;
  Array x(tally, "i0", Joined({c.batch, in_channels}, padded));
  Array w(tally, "i1", weight);
  Array b(tally, "i2", {out_channels});
  Array y(tally, "o0", Joined({c.batch, out_channels}, windows));
  ForEachIndex(y.dims(), [&](const Index& out) {
    Number sum = c.has_bias ? b.Read(out[1]) : Number(tally, 0);
    const int64_t first_channel = out[1] / c.out_of_group * c.in_of_group;
    ForEachIndex(Joined({c.in_of_group}, c.kernel), [&](const Index& at) {
      Index from = {out[0], first_channel + at[0]};
      Index tap = {out[1], at[0]};
      for (size_t i = 0; i < axes; ++i) {
        from.push_back(out[2 + i] * c.strides[i] + at[1 + i] * c.dilations[i]);
        tap.push_back(at[1 + i]);
      }
      sum = sum + x.Read(from) * w.Read(tap);
      ++tally.macs;
    });
    y.Write(out, sum);
  });
  KeepImmediates(tally, c, w, b);
  ExpectCounts(node, tally, y);
  return true;
}

TEST(ConvReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(20231);
  int counted = 0;
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    if (CheckConv(DrawConfig(draw))) ++counted;
  }
  EXPECT_GE(counted, 200);
}

// One sum per output, those that the pads cut off included.
class Sums {
 public:
  Sums(Tally& tally, Index dims)
      : shape_(uncounted_, "", std::move(dims)),
        sums_(static_cast<size_t>(shape_.size()), Number(tally, 0)) {}
  Number& at(const Index& index) {
    return sums_[static_cast<size_t>(shape_.Offset(index))];
  }

 private:
  Tally uncounted_;
  Array shape_;
  std::vector<Number> sums_;
};

// Adds the products of every input with the kernel to the outputs under it.
void Scatter(const Config& c, Array& x, Array& w, Sums& sums, Tally& tally) {
  ForEachIndex(x.dims(), [&](const Index& in) {
    const int64_t first_channel = in[1] / c.in_of_group * c.out_of_group;
    ForEachIndex(Joined({c.out_of_group}, c.kernel), [&](const Index& at) {
      Index to = {in[0], first_channel + at[0]};
      Index tap = {in[1], at[0]};
      for (size_t i = 0; i < c.spatial.size(); ++i) {
        to.push_back(in[2 + i] * c.strides[i] + at[1 + i] * c.dilations[i]);
        tap.push_back(at[1 + i]);
      }
      Number& sum = sums.at(to);
      sum = sum + x.Read(in) * w.Read(tap);
      ++tally.macs;
    });
  });
}

// False if the pads leave nothing. Sums wait in registers (R2), and those that
// the pads cut off are computed too (R9).
bool CheckConvTranspose(Config c) {
  const size_t axes = c.spatial.size();
  Index full(axes), kept(axes);
  for (size_t i = 0; i < axes; ++i) {
    full[i] =
        c.strides[i] * (c.spatial[i] - 1) + c.output_padding[i] + c.span(i);
    if (c.auto_pad == "VALID") c.pads_begin[i] = c.pads_end[i] = 0;
    if (c.auto_pad == "SAME_UPPER" || c.auto_pad == "SAME_LOWER") {
      const int64_t total = full[i] - c.spatial[i] * c.strides[i];
      SplitPadding(c, i, std::max<int64_t>(total, 0));
    }
    kept[i] = full[i] - c.pads_begin[i] - c.pads_end[i];
  }
  const Index outer_in = {c.batch, c.group * c.in_of_group};
  const Index outer_out = {c.batch, c.group * c.out_of_group};
  const Index weight = Joined({outer_in[1], c.out_of_group}, c.kernel);
  OneNode node = NodeOf("ConvTranspose", c, Joined(outer_in, c.spatial), weight,
                        outer_out[1]);
  node.Attr("output_padding", c.output_padding);
  if (*std::min_element(kept.begin(), kept.end()) < 1) {
    EXPECT_THAT(node.Infer(), FailsWith(::testing::HasSubstr("leave nothing")));
    return false;
  }

  Tally tally;
  Array x(tally, "i0", Joined(outer_in, c.spatial));
  Array w(tally, "i1", weight);
  Array b(tally, "i2", {outer_out[1]});
  Array y(tally, "o0", Joined(outer_out, kept));
  Sums sums(tally, Joined(outer_out, full));
  const auto behind_pads = [&](Index out) {
    for (size_t i = 0; i < axes; ++i) out[2 + i] += c.pads_begin[i];
    return out;
  };
  if (c.has_bias) {
    ForEachIndex(y.dims(), [&](const Index& out) {
      sums.at(behind_pads(out)) = b.Read(out[1]);
    });
  }
  Scatter(c, x, w, sums, tally);
  ForEachIndex(y.dims(), [&](const Index& out) {
    y.Write(out, sums.at(behind_pads(out)));
  });
  KeepImmediates(tally, c, w, b);
  ExpectCounts(node, tally, y);
  return true;
}

TEST(ConvTransposeReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(20232);
  int counted = 0;
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    if (CheckConvTranspose(DrawConfig(draw))) ++counted;
  }
  EXPECT_GE(counted, 200);
}

}  // namespace
}  // namespace opcost
