// SPDX-License-Identifier: Apache-2.0
// GridSample, AffineGrid, Col2Im, MaxUnpool, CenterCropPad and DeformConv
// against plain loops, written from the ONNX specification.
#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr DataType kInt64 = DataType::kInt64;

Numbers Joined(Numbers a, const Numbers& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Number Floor(const Number& x) { return Max(x, x); }  // a rounding is an add

using Weights = std::vector<Number>;

Weights LinearWeights(Tally& tally, const Number& position) {
  const Number fraction = position - Floor(position);
  return {Number(tally, 1) - fraction, fraction};
}

// Keys' cubic convolution with a = -0.75.
Weights CubicWeights(Tally& tally, const Number& position) {
  const auto number = [&tally](double value) { return Number(tally, value); };
  const double a = -0.75;
  const auto near = [&](const Number& d) {
    return (number(a + 2) * d - number(a + 3)) * d * d + number(1);
  };
  const auto far = [&](const Number& d) {
    const Number inner = (number(a) * d - number(5 * a)) * d + number(8 * a);
    return inner * d - number(4 * a);
  };
  const Number t = position - Floor(position);
  return {far(t + number(1)), near(t), near(number(1) - t), far(number(2) - t)};
}

// The weights of all taps: products over the axes, one axis after the other.
Weights Product(const std::vector<Weights>& axes) {
  Weights all = axes[0];
  for (size_t a = 1; a < axes.size(); ++a) {
    Weights longer;
    for (const Number& x : all) {
      for (const Number& y : axes[a]) longer.push_back(x * y);
    }
    all = std::move(longer);
  }
  return all;
}

// Into range - |u - 2*range*floor(u / (2*range)) - range| + first.
Number Reflected(Tally& tally, const Number& position) {
  const Number range(tally, 4), twice(tally, 8), inverse(tally, 0.125),
      first(tally, 0);
  const Number u = position - first;
  const Number wave = u - Floor(u * inverse) * twice - range;
  return range - Max(wave, wave) + first;
}

TEST(SpatialReference, GridSampleWeighsTapsAtPositionsThatAreData) {
  Dice dice(71);
  const char* const modes[] = {"nearest", "linear", "cubic"};
  const char* const paddings[] = {"zeros", "border", "reflection"};
  for (int i = 0; i < 200; ++i) {
    const int64_t axes = dice.Roll(1, 3);
    const Numbers channels = {dice.Roll(1, 2), dice.Roll(1, 3)};
    const Numbers out_spatial = dice.Rolls(axes, 1, 3);
    const std::string mode = modes[dice.Roll(0, 2)];
    const std::string padding = paddings[dice.Roll(0, 2)];
    Tally tally;
    const Numbers in = Joined(channels, dice.Rolls(axes, 1, 4));
    Array x(tally, "i0", in),
        grid(tally, "i1", Joined(Joined({channels[0]}, out_spatial), {axes})),
        y(tally, "o0", Joined(channels, out_spatial));
    ForEachIndex(Joined({channels[0]}, out_spatial), [&](const Numbers& at) {
      std::vector<Weights> weights;
      for (int64_t a = 0; a < axes; ++a) {
        Number position = grid.Read(Joined(at, {a}));
        position = position * Number(tally, 2) + Number(tally, 1.5);
        if (padding == "border") {
          position = Min(Max(position, Number(tally, 0)), Number(tally, 3));
        }
        if (padding == "reflection") position = Reflected(tally, position);
        if (mode == "nearest") Floor(position);
        if (mode == "linear") {
          weights.push_back(LinearWeights(tally, position));
        }
        if (mode == "cubic") weights.push_back(CubicWeights(tally, position));
      }
      const Weights taps = mode == "nearest" ? Weights() : Product(weights);
      for (int64_t c = 0; c < channels[1]; ++c) {
        Number sum(tally, 0);
        if (mode == "nearest") sum = x.Read(int64_t{0});
        for (const Number& weight : taps) {
          sum = sum + weight * x.Read(int64_t{0});
        }
        Numbers to = {at[0], c};
        to.insert(to.end(), at.begin() + 1, at.end());
        y.Write(to, sum);
      }
    });
    OneNode node("GridSample", 20);
    node.Input(DimsOf(in))
        .Input(DimsOf(grid.dims()))
        .Attr("mode", mode.c_str())
        .Attr("padding_mode", padding.c_str());
    ExpectCounts(node, tally, mode + padding + TextOf(y.dims()));
  }
}

TEST(SpatialReference, AffineGridMultipliesEachPositionByAMatrix) {
  Dice dice(72);
  for (int i = 0; i < 100; ++i) {
    const int64_t axes = dice.Roll(2, 3);
    const Numbers spatial = dice.Rolls(axes, 1, 4);
    const int64_t batch = dice.Roll(1, 3);
    Tally tally;
    Array theta(tally, "i0", {batch, axes, axes + 1}),
        grid(tally, "o0", Joined(Joined({batch}, spatial), {axes}));
    ForEachIndex(grid.dims(), [&](const Numbers& q) {
      const int64_t row = q.back();
      Number sum = theta.Read({q[0], row, axes});
      for (int64_t a = 0; a < axes; ++a) {
        sum = sum + theta.Read({q[0], row, a}) * Number(tally, 0.5);
      }
      grid.Write(q, sum);
    });
    OneNode node("AffineGrid", 20);
    node.Input(DimsOf(theta.dims())).ConstantInts(Joined({batch, 3}, spatial));
    ExpectCounts(node, tally, TextOf(grid.dims()));
  }
}

TEST(SpatialReference, Col2ImAddsUpOverlappingBlocks) {
  Dice dice(73);
  for (int i = 0; i < 200; ++i) {
    const int64_t axes = dice.Roll(1, 2);
    const Numbers block = dice.Rolls(axes, 1, 3);
    const Numbers strides = dice.Rolls(axes, 1, 2);
    const Numbers blocks = dice.Rolls(axes, 1, 3);
    Numbers image;
    for (size_t a = 0; a < block.size(); ++a) {
      image.push_back((blocks[a] - 1) * strides[a] + block[a]);
    }
    const Numbers outer = dice.Rolls(2, 1, 3);
    Tally tally;
    Array x(tally, "i0", Joined(Joined(outer, block), blocks)),
        y(tally, "o0", Joined(outer, image));
    // The sums of the outputs stay in registers until all terms are there.
    std::vector<Number> sums(static_cast<size_t>(y.size()), Number(tally, 0));
    ForEachIndex(x.dims(), [&](const Numbers& q) {
      Numbers to = {q[0], q[1]};
      for (size_t a = 0; a < block.size(); ++a) {
        to.push_back(q[2 + block.size() + a] * strides[a] + q[2 + a]);
      }
      Number& sum = sums[static_cast<size_t>(y.Offset(to))];
      sum = sum + x.Read(q);
    });
    for (int64_t e = 0; e < y.size(); ++e) {
      y.Write(e, sums[static_cast<size_t>(e)]);
    }
    OneNode node("Col2Im", 18);
    node.Input({outer[0], outer[1] * opcost::Product(block),
                opcost::Product(blocks)})
        .ConstantInts(image)
        .ConstantInts(block)
        .Attr("strides", strides);
    EXPECT_EQ(node.InferText(), "float32 " + ToString(Shape(DimsOf(y.dims()))));
    ExpectCounts(node, tally, TextOf(y.dims()));
  }
}

TEST(SpatialReference, MaxUnpoolFillsWithZerosAndWritesEachElement) {
  Dice dice(74);
  for (int i = 0; i < 100; ++i) {
    const Numbers in = dice.Rolls(4, 1, 3);
    const Numbers out = {in[0], in[1], in[2] + 1, in[3] + 1};
    Tally tally;
    Array x(tally, "i0", in), at(tally, "i1", in), y(tally, "o0", out);
    for (int64_t e = 0; e < y.size(); ++e) y.Write(e, Number(tally, 0));
    for (int64_t e = 0; e < x.size(); ++e) {
      at.Read(e);
      y.Write(e, x.Read(e));
    }
    OneNode node("MaxUnpool", 11);
    node.Input(DimsOf(in))
        .Input(DimsOf(in), kInt64)
        .Attr("kernel_shape", Numbers{2, 2});
    ExpectCounts(node, tally, TextOf(in));
  }
}

TEST(SpatialReference, CenterCropPadReadsWhatItKeeps) {
  Dice dice(75);
  for (int i = 0; i < 200; ++i) {
    const Numbers in = dice.Rolls(dice.Roll(1, 3), 1, 5);
    const Numbers out = dice.Rolls(static_cast<int64_t>(in.size()), 1, 5);
    Tally tally;
    Array x(tally, "i0", in), y(tally, "o0", out);
    ForEachIndex(out, [&](const Numbers& q) {
      bool inside = true;
      Numbers from = q;
      for (size_t a = 0; a < in.size(); ++a) {
        const int64_t more = in[a] - out[a];
        from[a] += more >= 0 ? more / 2 : -(-more / 2);
        inside = inside && from[a] >= 0 && from[a] < in[a];
      }
      y.Write(q, inside ? x.Read(from) : Number(tally, 0));
    });
    if (in == out) tally = Tally();
    OneNode node("CenterCropPad", 18);
    node.Input(DimsOf(in)).ConstantInts(out);
    ExpectCounts(node, tally, TextOf(in) + " to " + TextOf(out));
  }
}

struct DeformConfig {
  int64_t batch, group, in_of_group, out_of_group, offset_group;
  Numbers kernel, out_spatial;
  bool has_bias, has_mask;
};

// Samples each channel at each place of each window, then multiplies.
Tally TallyOfDeformConv(const DeformConfig& c) {
  Tally tally;
  const auto axes = static_cast<int64_t>(c.kernel.size());
  const int64_t in_channels = c.group * c.in_of_group;
  const Numbers places = Joined(c.kernel, c.out_spatial);
  Array x(tally, "i0", {1}), w(tally, "i1", {1}), b(tally, "i3", {1}),
      offset(tally, "i2",
             Joined(Joined({c.batch, c.offset_group}, places), {axes})),
      mask(tally, "i4", Joined({c.batch, c.offset_group}, places)),
      samples(tally, "samples", Joined({c.batch, in_channels}, places)),
      y(tally, "o0", Joined({c.batch, c.group, c.out_of_group}, c.out_spatial));
  const int64_t shared = in_channels / c.offset_group;
  ForEachIndex(mask.dims(), [&](const Numbers& at) {
    std::vector<Weights> weights;
    for (int64_t a = 0; a < axes; ++a) {
      const Number position = Number(tally, 2) + offset.Read(Joined(at, {a}));
      weights.push_back(LinearWeights(tally, position));
    }
    const Weights taps = Product(weights);
    const Number factor = c.has_mask ? mask.Read(at) : Number(tally, 1);
    for (int64_t channel = 0; channel < shared; ++channel) {
      Number sample(tally, 0);
      for (const Number& tap : taps) {
        sample = sample + tap * x.Read(int64_t{0});
      }
      if (c.has_mask) sample = sample * factor;
      Numbers to = at;
      to[1] = at[1] * shared + channel;
      samples.Write(to, sample);
    }
  });
  ForEachIndex(y.dims(), [&](const Numbers& q) {
    Number sum = c.has_bias ? b.Read(int64_t{0}) : Number(tally, 0);
    ForEachIndex(Joined({c.in_of_group}, c.kernel), [&](const Numbers& tap) {
      Numbers from = {q[0], q[1] * c.in_of_group + tap[0]};
      from.insert(from.end(), tap.begin() + 1, tap.end());
      from.insert(from.end(), q.begin() + 3, q.end());
      sum = sum + w.Read(int64_t{0}) * samples.Read(from);
    });
    y.Write(q, sum);
  });
  return tally;
}

TEST(SpatialReference, DeformConvSamplesThenMultiplies) {
  Dice dice(76);
  for (int i = 0; i < 200; ++i) {
    const int64_t axes = dice.Roll(1, 2);
    DeformConfig c{dice.Roll(1, 2),
                   dice.Roll(1, 2),
                   dice.Roll(1, 2),
                   dice.Roll(2, 3),
                   1,
                   dice.Rolls(axes, 1, 2),
                   dice.Rolls(axes, 1, 3),
                   dice.Coin(),
                   dice.Coin()};
    if (dice.Coin()) c.offset_group = c.group;
    Numbers spatial;
    for (size_t a = 0; a < c.kernel.size(); ++a) {
      spatial.push_back(c.out_spatial[a] + c.kernel[a] - 1);
    }
    const int64_t places = opcost::Product(c.kernel) * c.offset_group;
    OneNode node("DeformConv", 19);
    node.Input(DimsOf(Joined({c.batch, c.group * c.in_of_group}, spatial)))
        .Input(
            DimsOf(Joined({c.group * c.out_of_group, c.in_of_group}, c.kernel)))
        .Input(DimsOf(Joined({c.batch, places * axes}, c.out_spatial)))
        .Attr("group", c.group)
        .Attr("offset_group", c.offset_group);
    if (c.has_bias) {
      node.Input({c.group * c.out_of_group});
    } else {
      node.Absent();
    }
    if (c.has_mask)
      node.Input(DimsOf(Joined({c.batch, places}, c.out_spatial)));
    ExpectCounts(node, TallyOfDeformConv(c), TextOf(c.kernel));
  }
}

}  // namespace
}  // namespace opcost
