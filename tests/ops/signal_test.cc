// SPDX-License-Identifier: Apache-2.0
// DFT, STFT, windows and mel weights.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");

OneNode Dft(int opset, Dims dims) {
  return OneNode("DFT", opset).Input(std::move(dims));
}

TEST(Dft, TransformsAnAxisBeforeTheLast) {
  ExpectInfers({
      {Dft(17, {1, 10, 10, 1}), "float32 1x10x10x2"},
      {Dft(17, {1, 10, 8, 1}).Attr("onesided", 1), "float32 1x6x8x2"},
      {Dft(17, {1, 10, 8, 1}).Attr("onesided", 1).Attr("axis", 2),
       "float32 1x10x5x2"},
      {Dft(20, {1, 10, 8, 1}).Attr("onesided", 1), "float32 1x10x5x2"},
      {Dft(20, {1, 10, 8, 1}).Absent().ConstantScalar(1).Attr("onesided", 1),
       "float32 1x6x8x2"},
      {Dft(20, {1, 10, 1}).ConstantScalar(16), "float32 1x16x2"},
      {Dft(20, {1, 10, 1}).ConstantScalar(4).Attr("onesided", 1),
       "float32 1x3x2"},
      {Dft(20, {kN, 10, 2}).Attr("inverse", 1), "float32 Nx10x2"},
      {Dft(20, {1, kN, 1}).Attr("onesided", 1), "float32 1xfloor(N/2)+1x2"},
      // The inverse of half a spectrum is real.
      {Dft(17, {1, 6, 10, 2}).Attr("inverse", 1).Attr("onesided", 1),
       "float32 1x10x10x1"},
      {Dft(20, {1, 6, 2})
           .ConstantScalar(11)
           .Attr("inverse", 1)
           .Attr("onesided", 1),
       "float32 1x11x1"},
  });
}

TEST(Dft, RefusesWhatIsNoSignal) {
  ExpectInfers({
      {Dft(20, {1, 10, 3}),
       "DFT 'o0': the last axis must be 1 (real) or 2 (complex) but is 3"},
      {Dft(20, {1, 10, kN}),
       "DFT 'o0': whether the signal is real or complex (1 or 2 on its last "
       "axis, N) isn't known"},
      {Dft(20, {10}),
       "DFT 'o0': the input must have at least 2 axes but has 1"},
      {Dft(17, {1, 10, 1}).Attr("axis", 2),
       "DFT 'o0': axis 2 is the last, which holds real and imaginary parts"},
      {Dft(20, {1, 10, 1}).Absent().ConstantScalar(5),
       "DFT 'o0': axis 5 is outside the 3 axes of the tensor"},
      {Dft(20, {1, 10, 2}).Attr("onesided", 1),
       "DFT 'o0': onesided is 1 but the input is complex"},
      {Dft(20, {1, 10, 1}).ConstantScalar(0),
       "DFT 'o0': dft_length must be at least 1 but is 0"},
      {Dft(20, {1, 10, 1}).ConstantInts({1, 2}),
       "DFT 'o0': dft_length must be one number but has 2"},
      {Dft(20, {1, 10, 1}).Input({}, DataType::kInt64),
       "DFT 'o0': the elements of operand 1 aren't known before the model "
       "runs"},
  });
}

// One number of a transform: `length` terms, each a number of the signal, which
// `read` gives by its parts, times a complex factor.
struct Sum {
  Number real, imaginary;
};

template <typename Read>
Sum SumOf(Tally& tally, Array& factors, int64_t length, int64_t out_parts,
          const Read& read) {
  Sum sum{Number(tally, 0), Number(tally, 0)};
  for (int64_t n = 0; n < length; ++n) {
    const std::vector<Number> x = read(n);
    const Number cosine = factors.Read({n, 0});
    sum.real = sum.real + x[0] * cosine;
    if (x.size() == 1 && out_parts == 1) continue;
    const Number sine = factors.Read({n, 1});
    if (x.size() == 2) sum.real = sum.real - x[1] * sine;
    if (out_parts == 2) {
      sum.imaginary = sum.imaginary + x[0] * sine;
      if (x.size() == 2) sum.imaginary = sum.imaginary + x[1] * cosine;
    }
  }
  return sum;
}

void WriteSum(Tally& tally, Array& y, int64_t at, const Sum& sum,
              int64_t out_parts, bool is_scaled) {
  const Number inverse(tally, 0.5);
  y.Write(at * out_parts, is_scaled ? sum.real * inverse : sum.real);
  if (out_parts == 2) {
    y.Write(at * 2 + 1, is_scaled ? sum.imaginary * inverse : sum.imaginary);
  }
}

TEST(DftReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(71);
  for (int i = 0; i < 250; ++i) {
    const int64_t batch = dice.Roll(1, 3), extent = dice.Roll(2, 6);
    const int64_t length = dice.Roll(1, 9);
    const bool inverse = dice.Coin();
    const bool onesided = dice.Coin();
    const int64_t in_parts = onesided && !inverse ? 1 : dice.Roll(1, 2);
    const int64_t out_parts = onesided && inverse ? 1 : 2;
    const int64_t bins = onesided && !inverse ? length / 2 + 1 : length;
    OneNode node = Dft(20, {batch, extent, in_parts});
    node.ConstantScalar(length)
        .Attr("inverse", inverse ? 1 : 0)
        .Attr("onesided", onesided ? 1 : 0);
    Tally tally;
    // Padded to the transform's length, as R9 counts it.
    Array x(tally, "i0", {batch, std::max(extent, 2 * length), in_parts});
    Array y(tally, "o0", {batch, bins, out_parts});
    Array factors(tally, "factors", {length, 2});
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t k = 0; k < bins; ++k) {
        const Sum sum =
            SumOf(tally, factors, length, out_parts, [&](int64_t n) {
              std::vector<Number> parts = {x.Read({b, n, 0})};
              if (in_parts == 2) parts.push_back(x.Read({b, n, 1}));
              return parts;
            });
        WriteSum(tally, y, b * bins + k, sum, out_parts, inverse);
      }
    }
    ExpectCounts(node, tally, TextOf({batch, extent, length, in_parts}));
  }
}

TEST(Dft, IsABoundSinceAFastTransformNeedsLess) {
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, Dft(20, {1, 8, 1}).Count());
  EXPECT_EQ(counts.bound_reason,
            "counted as the sum that defines it; a fast Fourier transform "
            "needs fewer operations");
  EXPECT_TRUE(counts.macs.Is((8 * 8) * 2));
}

OneNode Stft(Dims signal, int64_t step) {
  return OneNode("STFT", 17).Input(std::move(signal)).ConstantScalar(step);
}

TEST(Stft, HasFramesAndBins) {
  ExpectInfers({
      {Stft({1, 128, 1}, 8).Absent().ConstantScalar(16), "float32 1x15x9x2"},
      {Stft({1, 128, 1}, 8).Constant({16}), "float32 1x15x9x2"},
      {Stft({1, 128, 1}, 8).Constant({16}).Attr("onesided", 0),
       "float32 1x15x16x2"},
      {Stft({2, 128}, 8).Constant({16}).ConstantScalar(16), "float32 2x15x9x2"},
      {Stft({2, 128, 1}, 8), "float32 2x1x65x2"},
      {Stft({kN, 128, 1}, 8).Constant({16}), "float32 Nx15x9x2"},
      {Stft({1, 128, 1}, 8).Constant({16}).ConstantScalar(32),
       "STFT 'o0': frame_length is 32 but the window has 16 elements"},
      {Stft({1, 12, 1}, 8).Constant({16}),
       "STFT 'o0': a frame of 16 is longer than the signal of 12"},
      {Stft({1, 128, 1}, 0).Constant({16}),
       "STFT 'o0': frame_step must be at least 1 but is 0"},
      {Stft({128}, 8), "STFT 'o0': the signal must have 2 or 3 axes but has 1"},
      {Stft({1, 128, 1}, 8).Constant({4, 4}),
       "STFT 'o0': the window must have 1 axis but has 2"},
  });
}

TEST(StftReference, RandomConfigurationsCountWhatTheLoopsDo) {
  Dice dice(72);
  for (int i = 0; i < 200; ++i) {
    const int64_t batch = dice.Roll(1, 2), signal = dice.Roll(6, 12);
    const int64_t length = dice.Roll(2, 5), step = dice.Roll(1, 4);
    const int64_t parts = dice.Roll(1, 2);
    const bool has_window = dice.Coin(), onesided = dice.Coin();
    const int64_t bins = onesided ? length / 2 + 1 : length;
    OneNode node = Stft({batch, signal, parts}, step);
    if (has_window) {
      node.Input({length});
    } else {
      node.Absent().ConstantScalar(length);
    }
    node.Attr("onesided", onesided ? 1 : 0);
    Tally tally;
    Array x(tally, "i0", {batch, signal, parts}), w(tally, "i2", {length});
    Array frame(tally, "frame", {length, parts});
    Array factors(tally, "factors", {length, 2});
    int64_t frames = 0;
    while (frames * step + length <= signal) ++frames;
    Array y(tally, "o0", {batch, frames, bins, 2});
    for (int64_t b = 0; b < batch; ++b) {
      for (int64_t f = 0; f < frames; ++f) {
        for (int64_t n = 0; has_window && n < length; ++n) {
          const Number weight = w.Read(n);
          for (int64_t p = 0; p < parts; ++p) {
            frame.Write({n, p}, x.Read({b, f * step + n, p}) * weight);
          }
        }
        for (int64_t k = 0; k < bins; ++k) {
          const Sum sum = SumOf(tally, factors, length, 2, [&](int64_t n) {
            std::vector<Number> number;
            for (int64_t p = 0; p < parts; ++p) {
              number.push_back(has_window ? frame.Read({n, p})
                                          : x.Read({b, f * step + n, p}));
            }
            return number;
          });
          WriteSum(tally, y, (b * frames + f) * bins + k, sum, 2, false);
        }
      }
    }
    ExpectCounts(node, tally, TextOf({batch, signal, length, step, parts}));
  }
}

TEST(Windows, AreSumsOfCosines) {
  struct Case {
    const char* op;
    int cosines;
  };
  for (const Case& c : {Case{"HannWindow", 1}, Case{"HammingWindow", 1},
                        Case{"BlackmanWindow", 2}}) {
    for (int64_t size = 1; size < 70; ++size) {
      Tally tally;
      Array y(tally, "o0", {size});
      for (int64_t n = 0; n < size; ++n) {
        Number weight(tally, 0.5);
        for (int k = 1; k <= c.cosines; ++k) {
          const Number angle = Number(tally, 1) * Number(tally, 2.0 * k);
          weight = weight - Number(tally, 0.5) * angle.Apply("cos", 1);
        }
        y.Write(n, weight);
      }
      OneNode node = OneNode(c.op, 17).ConstantScalar(size);
      ExpectCounts(node, tally, c.op);
    }
  }
}

TEST(Windows, HaveTheirSizeAndType) {
  ExpectInfers({
      {OneNode("HannWindow", 17).ConstantScalar(10), "float32 10"},
      {OneNode("HannWindow", 17).ConstantScalar(10).Attr("output_datatype", 11),
       "float64 10"},
      {OneNode("HammingWindow", 17).Input({}, DataType::kInt64),
       "float32 o0#0"},
      {OneNode("BlackmanWindow", 17).ConstantScalar(-1),
       "BlackmanWindow 'o0': size must be at least 0 but is -1"},
      {OneNode("HannWindow", 17).ConstantScalar(3).Attr("output_datatype", 99),
       "HannWindow 'o0': output_datatype 99 is no element type"},
  });
}

TEST(MelWeightMatrix, HasABinPerRowAndAMelPerColumn) {
  const auto mel = [](OneNode node) {
    return node.ConstantScalar(8192).ConstantScalarFloat(0).ConstantScalarFloat(
        4096);
  };
  ExpectInfers({
      {mel(OneNode("MelWeightMatrix", 17).ConstantScalar(8).ConstantScalar(16)),
       "float32 9x8"},
      {mel(OneNode("MelWeightMatrix", 17)
               .ConstantScalar(8)
               .Input({}, DataType::kInt64)),
       "float32 o0#0x8"},
      {mel(OneNode("MelWeightMatrix", 17)
               .ConstantScalar(-8)
               .ConstantScalar(16)),
       "MelWeightMatrix 'o0': num_mel_bins must be at least 0 but is -8"},
  });
  OneNode node("MelWeightMatrix", 17);
  EXPECT_EQ(node.def()->count, nullptr);
  EXPECT_FALSE(node.def()->uncountable.empty());
}

}  // namespace
}  // namespace opcost
