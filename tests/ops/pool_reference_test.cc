// SPDX-License-Identifier: Apache-2.0
// Pooling against plain nested loops, written from the ONNX specification over
// a padded copy of the input.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 250;

struct Config {
  Index outer;  // batch and channels
  Index spatial, kernel, strides, dilations, pads_begin, pads_end;
  std::string auto_pad;  // empty: pads hold
  bool ceil_mode;

  int64_t span(size_t axis) const {
    return (kernel[axis] - 1) * dilations[axis] + 1;
  }
};

Config DrawConfig(Draw& draw) {
  Config c;
  const auto axes = static_cast<size_t>(draw.Between(1, 3));
  c.outer = draw.Several(2, 1, 3);
  c.spatial = draw.Several(axes, 1, axes == 3 ? 5 : 9);
  c.kernel = draw.Several(axes, 1, 3);
  c.strides = draw.Several(axes, 1, 3);
  c.dilations = draw.Several(axes, 1, 2);
  c.pads_begin = draw.Several(axes, 0, 2);
  c.pads_end = draw.Several(axes, 0, 2);
  c.auto_pad = draw.OneOf<std::string>(
      {"", "", "NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"});
  c.ceil_mode = draw.Coin();
  return c;
}

// The starts of the windows on an axis, from the beginning of the padding.
int64_t CountWindows(const Config& c, size_t i) {
  const int64_t padded = c.pads_begin[i] + c.spatial[i] + c.pads_end[i];
  if (padded < c.span(i)) return 0;
  int64_t windows = 0;
  int64_t start = 0;
  for (; start + c.span(i) <= padded; start += c.strides[i]) ++windows;
  if (!c.ceil_mode || (c.auto_pad != "" && c.auto_pad != "NOTSET")) {
    return windows;
  }
  // One more window if those before it leave elements over ...
  const int64_t last_end = start - c.strides[i] + c.span(i);
  if (last_end < padded) ++windows;
  // ... but none that starts in the padding behind the input.
  while ((windows - 1) * c.strides[i] >= c.pads_begin[i] + c.spatial[i]) {
    --windows;
  }
  return windows;
}

Index ResolveWindows(Config& c) {
  Index windows;
  for (size_t i = 0; i < c.spatial.size(); ++i) {
    if (c.auto_pad == "VALID") c.pads_begin[i] = c.pads_end[i] = 0;
    if (c.auto_pad == "SAME_UPPER" || c.auto_pad == "SAME_LOWER") {
      const int64_t output = (c.spatial[i] + c.strides[i] - 1) / c.strides[i];
      const int64_t total = std::max<int64_t>(
          (output - 1) * c.strides[i] + c.span(i) - c.spatial[i], 0);
      const int64_t half = total / 2;
      c.pads_begin[i] = c.auto_pad == "SAME_UPPER" ? half : total - half;
      c.pads_end[i] = total - c.pads_begin[i];
    }
    windows.push_back(CountWindows(c, i));
  }
  return windows;
}

OneNode NodeOf(const char* op, const Config& c) {
  OneNode node(op, 22);
  node.Input(ToDims(Joined(c.outer, c.spatial)))
      .Attr("kernel_shape", c.kernel)
      .Attr("strides", c.strides)
      .Attr("dilations", c.dilations)
      .Attr("ceil_mode", c.ceil_mode ? 1 : 0);
  if (c.auto_pad.empty() || c.auto_pad == "NOTSET") {
    node.Attr("pads", Joined(c.pads_begin, c.pads_end));
  }
  if (!c.auto_pad.empty()) node.Attr("auto_pad", c.auto_pad.c_str());
  return node;
}

void ExpectCounts(OneNode& node, const Tally& expected, const Index& output) {
  EXPECT_EQ(node.InferText(),
            absl::StrCat("float32 ", ToString(Shape(ToDims(output)))));
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(expected, TallyOf(counts));
  EXPECT_EQ(counts.macs, 0);
}

// What an operator makes of a window's elements: take each, then finish.
struct Reduction {
  double start = 0;
  std::function<Number(const Number& so_far, const Number& element)> take;
  std::function<Number(const Number& reduced)> finish;
};

// Runs `reduction` over every window of the padded input; a window that
// ceil_mode adds may reach beyond the padding.
void Reduce(const Config& c, const Index& windows, const Reduction& reduction,
            Tally& tally, int outputs = 1) {
  const size_t axes = c.spatial.size();
  Index padded(axes);
  for (size_t i = 0; i < axes; ++i) {
    padded[i] = std::max(c.pads_begin[i] + c.spatial[i] + c.pads_end[i],
                         (windows[i] - 1) * c.strides[i] + c.span(i));
  }
  Array x(tally, "i0", Joined(c.outer, padded));
  Array y(tally, "o0", Joined(c.outer, windows));
  Array indices(tally, "o1", Joined(c.outer, windows));
  ForEachIndex(y.dims(), [&](const Index& out) {
    Number reduced(tally, reduction.start);
    ForEachIndex(c.kernel, [&](const Index& tap) {
      Index from = {out[0], out[1]};
      for (size_t i = 0; i < axes; ++i) {
        from.push_back(out[2 + i] * c.strides[i] + tap[i] * c.dilations[i]);
      }
      reduced = reduction.take(reduced, x.Read(from));
    });
    y.Write(out, reduction.finish(reduced));
    if (outputs == 2) indices.Write(out, Number(tally, 0));
  });
}

Number Same(const Number& reduced) { return reduced; }

Reduction Maximum() {
  return {-INFINITY, [](const Number& a, const Number& b) { return Max(a, b); },
          Same};
}

Reduction Average(Tally& tally) {
  return {0, [](const Number& a, const Number& b) { return a + b; },
          [&tally](const Number& sum) { return sum * Number(tally, 0.125); }};
}

Number Abs(const Number& x) { return Max(x, Number(x)); }
Number Root(const Number& x) { return x.Apply("sqrt", std::sqrt(x.value())); }

// |x|^p by the expansions of constant exponents, summed, and its root.
Reduction LpNorm(double p) {
  const auto pow = [](const Number& x, double e) {
    return x.Apply("pow", std::pow(x.value(), e));
  };
  const auto summing = [](std::function<Number(const Number&)> power) {
    return [power](const Number& a, const Number& x) { return a + power(x); };
  };
  if (p == 1) return {0, summing(Abs), Same};
  if (p == 2) return {0, summing([](const Number& x) { return x * x; }), Root};
  if (p == 3) {
    const auto cube = [](const Number& x) {
      const Number magnitude = Abs(x);
      return magnitude * magnitude * magnitude;
    };
    return {0, summing(cube),
            [pow](const Number& sum) { return pow(sum, 1.0 / 3); }};
  }
  if (p == 0.5) {
    return {0, summing([](const Number& x) { return Root(Abs(x)); }),
            [](const Number& sum) { return sum * sum; }};
  }
  return {0, summing([pow, p](const Number& x) { return pow(Abs(x), p); }),
          [pow, p](const Number& sum) { return pow(sum, 1 / p); }};
}

// Draws configurations until enough have a window that fits; the others must be
// refused.
template <typename Check>
void ForRandomWindows(uint32_t seed, const char* op, Check check) {
  Draw draw(seed);
  int fitting = 0;
  for (int i = 0; fitting < kConfigurations && !::testing::Test::HasFailure();
       ++i) {
    SCOPED_TRACE(absl::StrCat(op, " configuration ", i));
    Config c = DrawConfig(draw);
    const Index windows = ResolveWindows(c);
    OneNode node = NodeOf(op, c);
    if (std::count(windows.begin(), windows.end(), 0) > 0) {
      EXPECT_THAT(node.Infer(),
                  FailsWith(::testing::HasSubstr("kernel spans")));
      continue;
    }
    ++fitting;
    check(draw, c, windows, node);
  }
}

TEST(MaxPoolReference, RandomConfigurationsCountWhatTheLoopsDo) {
  ForRandomWindows(
      31, "MaxPool",
      [](Draw& draw, const Config& c, const Index& windows, OneNode& node) {
        const int outputs = draw.Coin() ? 2 : 1;
        node.Outputs(outputs);
        Tally tally;
        Reduce(c, windows, Maximum(), tally, outputs);
        ExpectCounts(node, tally, Joined(c.outer, windows));
      });
}

TEST(AveragePoolReference, RandomConfigurationsCountWhatTheLoopsDo) {
  ForRandomWindows(
      32, "AveragePool",
      [](Draw& draw, const Config& c, const Index& windows, OneNode& node) {
        // The divisor's value costs nothing.
        node.Attr("count_include_pad", draw.Coin() ? 1 : 0);
        Tally tally;
        Reduce(c, windows, Average(tally), tally);
        ExpectCounts(node, tally, Joined(c.outer, windows));
      });
}

TEST(LpPoolReference, RandomConfigurationsCountWhatTheLoopsDo) {
  ForRandomWindows(
      33, "LpPool",
      [](Draw& draw, const Config& c, const Index& windows, OneNode& node) {
        const double p = draw.OneOf({1.0, 2.0, 3.0, 4.0, 0.5, 1.5});
        node.Attr("p", p);
        Tally tally;
        Reduce(c, windows, LpNorm(p), tally);
        ExpectCounts(node, tally, Joined(c.outer, windows));
      });
}

TEST(GlobalPoolReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Draw draw(34);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    Config c = DrawConfig(draw);
    const size_t axes = c.spatial.size();
    c.kernel = c.spatial;
    c.strides = c.dilations = Index(axes, 1);
    c.pads_begin = c.pads_end = Index(axes, 0);
    const Index windows(axes, 1);
    const double p = draw.OneOf({1.0, 2.0, 3.0, 4.0});
    for (const char* op :
         {"GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool"}) {
      SCOPED_TRACE(op);
      OneNode node(op, 22);
      node.Input(ToDims(Joined(c.outer, c.spatial)));
      Tally tally;
      Reduction reduction = Maximum();
      if (op == std::string("GlobalAveragePool")) reduction = Average(tally);
      if (op == std::string("GlobalLpPool")) {
        node.Attr("p", p);
        reduction = LpNorm(p);
      }
      Reduce(c, windows, reduction, tally);
      ExpectCounts(node, tally, Joined(c.outer, windows));
    }
  }
}

}  // namespace
}  // namespace opcost
