// SPDX-License-Identifier: Apache-2.0
// --padding skipped against loops that skip padding.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "tests/support/onnx_text.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::HasSubstr;

// The first layer's counts as "macs mul add reads writes", or what went wrong.
std::string Counts(const std::string& text, bool skips, int opset = 17) {
  const absl::StatusOr<Model> model = ModelFromText(text, opset);
  if (!model.ok()) return std::string(model.status().message());
  InputOptions options;
  options.keep_symbols = true;
  options.count.skip_padding = skips;
  const absl::StatusOr<Analysis> analysis = Analyze(*model, options);
  if (!analysis.ok()) return std::string(analysis.status().message());
  const LayerCounts& layer = analysis->layers[0];
  Count mul, add, reads, writes;
  for (const Arith& arith : layer.counts.arith) {
    (arith.op == ArithOp::kMul ? mul : add) += arith.count;
  }
  for (const Access& access : layer.counts.accesses) {
    reads += access.reads;
    writes += access.writes;
  }
  return absl::StrCat(
      layer.counts.macs.ToString(), " ", mul.ToString(), " ", add.ToString(),
      " ", reads.ToString(), " ", writes.ToString(),
      layer.coverage.reason.empty() ? "" : " bound: ", layer.coverage.reason);
}

// One axis: a window's geometry, and the pairs of it, literally.
struct Axis {
  int64_t input, kernel, stride, dilation, begin, end;
  bool ceil = false;

  int64_t span() const { return (kernel - 1) * dilation + 1; }
  int64_t padded() const { return input + begin + end; }
  // The specification's formula; windows that start behind the input and its
  // padding in front are none.
  int64_t windows() const {
    const int64_t room = padded() - span();
    int64_t n = (ceil ? (room + stride - 1) / stride : room / stride) + 1;
    while (ceil && (n - 1) * stride >= input + begin) --n;
    return n;
  }
  int64_t PairsInside() const {
    int64_t pairs = 0;
    for (int64_t o = 0; o < windows(); ++o) {
      for (int64_t k = 0; k < kernel; ++k) {
        const int64_t place = o * stride + k * dilation - begin;
        pairs += place >= 0 && place < input ? 1 : 0;
      }
    }
    return pairs;
  }
  // Transposed: products that land in the output.
  int64_t back() const { return (input - 1) * stride + span() - begin - end; }
  int64_t PairsInsideBack() const {
    int64_t pairs = 0;
    for (int64_t i = 0; i < input; ++i) {
      for (int64_t k = 0; k < kernel; ++k) {
        const int64_t place = i * stride + k * dilation - begin;
        pairs += place >= 0 && place < back() ? 1 : 0;
      }
    }
    return pairs;
  }
};

std::vector<Axis> AllAxes() {
  std::vector<Axis> axes;
  for (int64_t input = 1; input <= 6; ++input) {
    for (int64_t kernel = 1; kernel <= 4; ++kernel) {
      for (int64_t stride = 1; stride <= 3; ++stride) {
        for (int64_t dilation = 1; dilation <= 2; ++dilation) {
          for (int64_t begin = 0; begin <= 2; ++begin) {
            for (int64_t end = 0; end <= 2; ++end) {
              const Axis axis{input, kernel, stride, dilation, begin, end};
              if (axis.span() <= axis.padded()) axes.push_back(axis);
            }
          }
        }
      }
    }
  }
  return axes;
}

std::string Attributes(const Axis& a) {
  return absl::StrCat("strides = [", a.stride, "], dilations = [", a.dilation,
                      "], pads = [", a.begin, ", ", a.end, "]");
}

TEST(PaddingTest, ConvCountsWhatLoopsThatSkipPaddingDo) {
  for (const Axis& a : AllAxes()) {
    const std::string text =
        absl::StrCat("(float[2,4,", a.input, "] x, float[6,2,", a.kernel,
                     "] w) => (float[2,6,Q] y) { y = Conv<group = 2, ",
                     Attributes(a), ">(x, w) }");
    const int64_t macs = 2 * 6 * 2 * a.PairsInside();
    EXPECT_EQ(Counts(text, true),
              absl::StrCat(macs, " ", macs, " ", macs, " ", 2 * macs, " ",
                           2 * 6 * a.windows()))
        << text;
  }
}

TEST(PaddingTest, ConvTransposeCountsTheProductsThatAreKept) {
  for (const Axis& a : AllAxes()) {
    if (a.back() < 1) continue;
    const std::string text =
        absl::StrCat("(float[2,4,", a.input, "] x, float[4,3,", a.kernel,
                     "] w) => (float[2,6,Q] y) { y = ConvTranspose<group = 2, ",
                     Attributes(a), ">(x, w) }");
    const int64_t macs = 2 * 4 * 3 * a.PairsInsideBack();
    EXPECT_EQ(Counts(text, true), absl::StrCat(macs, " ", macs, " ", macs, " ",
                                               2 * macs, " ", 2 * 6 * a.back()))
        << text;
  }
}

TEST(PaddingTest, MaxPoolInBothRoundings) {
  for (Axis a : AllAxes()) {
    for (const bool ceil : {false, true}) {
      a.ceil = ceil;
      const std::string text = absl::StrCat(
          "(float[2,3,", a.input, "] x) => (float[2,3,Q] y) { y = MaxPool<",
          "kernel_shape = [", a.kernel, "], ceil_mode = ", ceil ? 1 : 0, ", ",
          Attributes(a), ">(x) }");
      const int64_t terms = 2 * 3 * a.PairsInside();
      EXPECT_EQ(Counts(text, true), absl::StrCat("0 0 ", terms, " ", terms, " ",
                                                 2 * 3 * a.windows()))
          << text;
    }
  }
}

TEST(PaddingTest, AutoPadSharesTheSamePaddingOut) {
  for (Axis a : AllAxes()) {
    if (a.begin != 0 || a.end != 0) continue;
    const int64_t windows = (a.input + a.stride - 1) / a.stride;
    const int64_t total =
        std::max<int64_t>(0, (windows - 1) * a.stride + a.span() - a.input);
    for (const bool upper : {true, false}) {
      a.begin = upper ? total / 2 : total - total / 2;
      a.end = total - a.begin;
      int64_t pairs = 0;
      for (int64_t o = 0; o < windows; ++o) {
        for (int64_t k = 0; k < a.kernel; ++k) {
          const int64_t place = o * a.stride + k * a.dilation - a.begin;
          pairs += place >= 0 && place < a.input ? 1 : 0;
        }
      }
      const std::string text =
          absl::StrCat("(float[1,1,", a.input, "] x, float[1,1,", a.kernel,
                       "] w) => (float[1,1,Q] y) { y = Conv<auto_pad = \"",
                       upper ? "SAME_UPPER" : "SAME_LOWER", "\", strides = [",
                       a.stride, "], dilations = [", a.dilation, "]>(x, w) }");
      EXPECT_EQ(Counts(text, true), absl::StrCat(pairs, " ", pairs, " ", pairs,
                                                 " ", 2 * pairs, " ", windows))
          << text;
    }
  }
}

// A 3x3 kernel with a pad of 1 over 8x8: 3*8 - 2 = 22 pairs on each axis.
TEST(PaddingTest, AxesMultiply) {
  const std::string conv = R"(
    (float[1,3,8,8] x, float[4,3,3,3] w, float[4] b) => (float[1,4,8,8] y) {
      y = Conv<pads = [1,1,1,1]>(x, w, b) })";
  EXPECT_EQ(
      Counts(conv, true),
      absl::StrCat(4 * 3 * 22 * 22, " ", 4 * 3 * 22 * 22, " ", 4 * 3 * 22 * 22,
                   " ", 2 * 4 * 3 * 22 * 22 + 256, " 256"));
  EXPECT_EQ(
      Counts(conv, false),
      absl::StrCat(4 * 3 * 9 * 64, " ", 4 * 3 * 9 * 64, " ", 4 * 3 * 9 * 64,
                   " ", 2 * 4 * 3 * 9 * 64 + 256, " 256"));
  const std::string average = R"(
    (float[1,2,8,8] x) => (float[1,2,8,8] y) {
      y = AveragePool<kernel_shape = [3,3], pads = [1,1,1,1]>(x) })";
  EXPECT_EQ(Counts(average, true), absl::StrCat("0 ", 2 * 64, " ", 2 * 22 * 22,
                                                " ", 2 * 22 * 22, " ", 2 * 64));
}

TEST(PaddingTest, ASymbolicExtentCountsItsPaddingAndSaysSo) {
  const char* const padded = R"(
    (float[1,1,H] x, float[1,1,3] w) => (float[1,1,Q] y) {
      y = Conv<pads = [1,1]>(x, w) })";
  EXPECT_EQ(Counts(padded, true),
            "3*H 3*H 3*H 6*H H bound: an extent isn't a number, so that its "
            "padding is counted in full");
  const char* const valid = R"(
    (float[1,1,H] x, float[1,1,3] w) => (float[1,1,Q] y) {
      y = Conv(x, w) })";
  EXPECT_EQ(Counts(valid, true), "3*H-6 3*H-6 3*H-6 6*H-12 H-2");
}

TEST(PaddingTest, HugeExtentsAreCountedAtOnce) {
  EXPECT_EQ(Counts(R"(
      (float[1,1,1000000000000] x) => (float[1,1,Q] y) {
        y = MaxPool<kernel_shape = [3], pads = [1,1]>(x) })",
                   true),
            "0 0 2999999999998 2999999999998 1000000000000");
  EXPECT_THAT(Counts(R"(
      (float[1,1,4000000000000000000] x) => (float[1,1,Q] y) {
        y = MaxPool<kernel_shape = [3], pads = [1,1]>(x) })",
                     true),
              HasSubstr("doesn't fit 63 bits"));
}

}  // namespace
}  // namespace opcost
