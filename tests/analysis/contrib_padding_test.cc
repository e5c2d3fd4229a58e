// SPDX-License-Identifier: Apache-2.0
// --padding skipped for what a runtime leaves of convolutions and pools,
// against loops that skip padding.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "opcost/analysis/analysis.h"
#include "tests/support/loops.h"
#include "tests/support/onnx_text.h"

namespace opcost {
namespace {

// The first layer's counts as "macs mul add reads writes", or what went wrong.
std::string Counts(const std::string& graph, bool skips = true) {
  const absl::StatusOr<Model> model = ModelFromText(absl::StrCat(
      "<ir_version: 8, opset_import: [\"\" : 17, \"com.microsoft\" : 1, "
      "\"com.microsoft.nchwc\" : 1, \"com.ms.internal.nhwc\" : 17]> g ",
      graph));
  if (!model.ok()) return std::string(model.status().message());
  InputOptions options;
  options.keep_symbols = true;
  options.count.skip_padding = skips;
  const absl::StatusOr<Analysis> analysis = Analyze(*model, options);
  if (!analysis.ok()) return std::string(analysis.status().message());
  if (analysis->layers.empty()) return "no layers";
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

// Two axes of windows, drawn; pairs counted literally.
struct Windows {
  explicit Windows(Draw& draw)
      : in(draw.Several(2, 3, 6)),
        kernel(draw.Several(2, 1, 3)),
        strides(draw.Several(2, 1, 2)),
        pads(draw.Several(4, 0, 2)) {
    for (size_t a = 0; a < 2; ++a) {
      out.push_back((in[a] + pads[a] + pads[a + 2] - kernel[a]) / strides[a] +
                    1);
      back.push_back((in[a] - 1) * strides[a] + kernel[a] - pads[a] -
                     pads[a + 2]);
    }
  }
  int64_t all() const { return out[0] * out[1]; }
  int64_t Inside() const {
    int64_t pairs = 0;
    ForEachIndex({out[0], out[1], kernel[0], kernel[1]}, [&](const Index& i) {
      const int64_t h = i[0] * strides[0] + i[2] - pads[0];
      const int64_t w = i[1] * strides[1] + i[3] - pads[1];
      pairs += h >= 0 && w >= 0 && h < in[0] && w < in[1] ? 1 : 0;
    });
    return pairs;
  }
  int64_t InsideBack() const {
    int64_t pairs = 0;
    ForEachIndex({in[0], in[1], kernel[0], kernel[1]}, [&](const Index& i) {
      const int64_t h = i[0] * strides[0] + i[2] - pads[0];
      const int64_t w = i[1] * strides[1] + i[3] - pads[1];
      pairs += h >= 0 && w >= 0 && h < back[0] && w < back[1] ? 1 : 0;
    });
    return pairs;
  }
  std::string Strides() const {
    return absl::StrCat("strides = [", strides[0], ",", strides[1], "]");
  }
  std::string Pads() const {
    return absl::StrCat("pads = [", pads[0], ",", pads[1], ",", pads[2], ",",
                        pads[3], "]");
  }
  std::string Kernel() const {
    return absl::StrCat("kernel_shape = [", kernel[0], ",", kernel[1], "]");
  }

  Index in, kernel, strides, pads, out, back;
};

std::string Map(bool last, int64_t channels, const Index& spatial) {
  return last ? absl::StrCat("2,", spatial[0], ",", spatial[1], ",", channels)
              : absl::StrCat("2,", channels, ",", spatial[0], ",", spatial[1]);
}

constexpr int kConfigurations = 200;

TEST(ContribPadding, ConvolutionsSkipItInEachLayout) {
  Draw draw(7621);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Windows s(draw);
    const char* const op = draw.OneOf<const char*>(
        {"com.microsoft.FusedConv", "com.microsoft.NhwcConv",
         "com.microsoft.nchwc.Conv", "com.ms.internal.nhwc.Conv"});
    const bool last = absl::StrCat(op) == "com.microsoft.NhwcConv" ||
                      absl::StrCat(op) == "com.ms.internal.nhwc.Conv";
    const std::string graph = absl::StrCat(
        "(float[", Map(last, 4, s.in), "] x, float[6,2,", s.kernel[0], ",",
        s.kernel[1], "] w) => (float[a,b,c,d] y) { y = ", op, "<group = 2, ",
        s.Strides(), ", ", s.Pads(), ">(x, w) }");
    const int64_t macs = 2 * 6 * 2 * s.Inside();
    EXPECT_EQ(Counts(graph), absl::StrCat(macs, " ", macs, " ", macs, " ",
                                          2 * macs, " ", 2 * 6 * s.all()))
        << graph;
  }
}

// ONNX's own convolutions of integers; zero points read an element each, and
// requantising is 1 mul, 3 adds and no read, its scales being immediates.
TEST(ContribPadding, ConvolutionsOfIntegersSkipIt) {
  Draw draw(7623);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Windows s(draw);
    const std::string map = Map(false, 4, s.in);
    const std::string window =
        absl::StrCat("<group = 2, ", s.Strides(), ", ", s.Pads(), ">");
    const std::string weight =
        absl::StrCat("uint8[6,2,", s.kernel[0], ",", s.kernel[1], "] w");
    const int64_t macs = 2 * 6 * 2 * s.Inside();
    const int64_t out = 2 * 6 * s.all();
    EXPECT_EQ(
        Counts(absl::StrCat("(uint8[", map, "] x, ", weight,
                            ") => (int32[a,b,c,d] y) { y = ConvInteger", window,
                            "(x, w) }")),
        absl::StrCat(macs, " ", macs, " ", macs, " ", 2 * macs, " ", out));
    // Two scales and a zero point of each operand and of the output.
    EXPECT_EQ(Counts(absl::StrCat(
                  "(uint8[", map, "] x, ", weight,
                  ", float xs, uint8 xz, float ws, uint8 wz, float ys, uint8 "
                  "yz) => (uint8[a,b,c,d] y) { y = QLinearConv",
                  window, "(x, xs, xz, w, ws, wz, ys, yz) }")),
              absl::StrCat(macs, " ", macs + out, " ", macs + 3 * out, " ",
                           2 * macs + 6, " ", out));
  }
}

TEST(ContribPadding, PoolsSkipItInEachLayout) {
  Draw draw(7622);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Windows s(draw);
    const bool last = draw.Coin(), is_mean = draw.Coin();
    const std::string graph = absl::StrCat(
        "(float[", Map(last, 3, s.in), "] x) => (float[a,b,c,d] y) { y = ",
        last ? "com.ms.internal.nhwc." : "com.microsoft.nchwc.",
        is_mean ? "AveragePool<" : "MaxPool<", s.Kernel(), ", ", s.Strides(),
        ", ", s.Pads(), ">(x) }");
    const int64_t terms = 2 * 3 * s.Inside();
    const int64_t out = 2 * 3 * s.all();
    EXPECT_EQ(Counts(graph), absl::StrCat("0 ", is_mean ? out : 0, " ", terms,
                                          " ", terms, " ", out))
        << graph;
  }
}

// Half of the pads are an attribute, the others an operand.
TEST(ContribPadding, TransposedConvolutionsKeepWhatNeitherPadsCutOff) {
  Draw draw(7623);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    const Windows s(draw);
    if (s.back[0] < 1 || s.back[1] < 1) continue;
    const bool is_split = draw.Coin() && s.pads[0] > 0;
    Index operand = s.pads;
    if (is_split) operand[0] -= 1;
    const std::string graph = absl::StrCat(
        "(float[2,4,", s.in[0], ",", s.in[1], "] x, float[4,3,", s.kernel[0],
        ",", s.kernel[1],
        "] w) => (float[a,b,c,d] y) { p = Constant<value = ", "int64[4] {",
        operand[0], ",", operand[1], ",", operand[2], ",", operand[3],
        "}>() y = com.microsoft.ConvTransposeWithDynamicPads<", s.Strides(),
        is_split ? ", pads = [1,0,0,0]" : "", ">(x, w, p) }");
    const int64_t macs = 2 * 4 * 3 * s.InsideBack();
    EXPECT_EQ(Counts(graph),
              absl::StrCat(macs, " ", macs, " ", macs, " ", 2 * macs, " ",
                           2 * 3 * s.back[0] * s.back[1]))
        << graph;
  }
}

// A 3x3 window with a pad of 1 over 8x8: 3*8 - 2 = 22 pairs on each axis.
TEST(ContribPadding, QuantisedFormsSkipItToo) {
  const std::string pool = R"(
    (uint8[1,2,8,8] x, float xs, uint8 xz, float ys, uint8 yz) =>
    (uint8[a,b,c,d] y) {
      y = com.microsoft.QLinearAveragePool<kernel_shape = [3,3],
          pads = [1,1,1,1]>(x, xs, xz, ys, yz) })";
  EXPECT_EQ(Counts(pool),
            absl::StrCat("0 ", 2 * 64, " ", 2 * 22 * 22 + 3 * 2 * 64, " ",
                         2 * 22 * 22 + 4, " ", 2 * 64));
  EXPECT_EQ(Counts(pool, false),
            absl::StrCat("0 ", 2 * 64, " ", 2 * 9 * 64 + 3 * 2 * 64, " ",
                         2 * 9 * 64 + 4, " ", 2 * 64));
}

TEST(ContribPadding, ASymbolicExtentCountsItsPaddingAndSaysSo) {
  EXPECT_EQ(Counts(R"(
      (float[1,H,1] x, float[1,1,3] w) => (float[a,b,c] y) {
        y = com.microsoft.NhwcConv<pads = [1,1]>(x, w) })"),
            "3*H 3*H 3*H 6*H H bound: an extent isn't a number, so that its "
            "padding is counted in full");
  EXPECT_EQ(Counts(R"(
      (float[1,H,1] x) => (float[a,b,c] y) {
        y = com.microsoft.NhwcMaxPool<kernel_shape = [3], pads = [1,1]>(x) })"),
            "0 0 3*H 3*H H bound: an extent isn't a number, so that its "
            "padding is counted in full");
}

}  // namespace
}  // namespace opcost
