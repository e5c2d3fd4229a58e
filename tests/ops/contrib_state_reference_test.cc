// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's causal convolution with a state against plain loops, written
// from its operator documentation.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 250;

OneNode Contrib() { return OneNode("CausalConvWithState", 1, "com.microsoft"); }

void CheckConv(Draw& draw) {
  const int64_t batch = draw.Between(1, 2);
  const int64_t channels = draw.Between(2, 3);
  const int64_t length = draw.Between(1, 6);
  const int64_t taps = draw.Between(1, 4);
  const int64_t dilation = draw.Between(1, 3);
  const int64_t state = (taps - 1) * dilation;
  const bool has_bias = draw.Coin();
  const bool has_past = draw.Coin() && state > 0;
  const bool has_silu = draw.Coin();
  const bool has_present = draw.Coin();
  const bool is_last = draw.Coin();

  Tally tally;
  Array x(tally, "i0", {batch, channels, length});
  Array w(tally, "i1", {channels, taps}), bias(tally, "i2", {channels});
  Array past(tally, "i3", {batch, channels, state});
  Array y(tally, "o0", x.dims()), present(tally, "o1", past.dims());
  ForEachIndex(x.dims(), [&](const Index& at) {
    Number sum = has_bias ? bias.Read(at[1]) : Number(tally, 0);
    for (int64_t j = 0; j < taps; ++j) {
      const int64_t from = at[2] - (taps - 1 - j) * dilation;
      // Padding counts in full (R9): some element of the input stands for it.
      const Number value = from >= 0  ? x.Read({at[0], at[1], from})
                           : has_past ? past.Read({at[0], at[1], state + from})
                                      : x.Read(int64_t{0});
      sum = sum + value * w.Read({at[1], j});
      ++tally.macs;
    }
    if (has_silu) sum = sum * sum.Apply("sigmoid", 0.5);
    y.Write(at, sum);
  });
  if (has_present) {
    ForEachIndex(present.dims(), [&](const Index& at) {
      const int64_t from = length - state + at[2];
      const Number value = from >= 0  ? x.Read({at[0], at[1], from})
                           : has_past ? past.Read({at[0], at[1], state + from})
                                      : Number(tally, 0);
      present.Write(at, value);
    });
  }

  OneNode node = Contrib();
  const auto layout = [is_last, batch, channels](int64_t extent) {
    return is_last ? Dims{batch, extent, channels}
                   : Dims{batch, channels, extent};
  };
  node.Input(layout(length)).Constant({channels, 1, taps});
  has_bias ? node.Constant({channels}) : node.Absent();
  if (has_past) node.Input(layout(state));
  if (is_last) node.Attr("channels_last", 1);
  if (has_silu) node.Attr("activation", "silu");
  node.Attr("dilation", dilation).Outputs(2);
  if (!has_present) node.UnusedOutput(1);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(tally, TallyOf(counts));
  EXPECT_EQ(tally.macs, counts.macs.value());
  ExpectFormulaAgrees(node);
}

TEST(ContribCausalConvReference, CountsWhatTheLoopsDo) {
  Draw draw(131);
  for (int i = 0; i < kConfigurations && !HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    CheckConv(draw);
  }
}

TEST(ContribCausalConv, InfersTheState) {
  const Extent n = Extent::Symbol("N");
  const Extent l = Extent::Symbol("L");
  ExpectInfers({
      {Contrib().Input({n, 6, l}).Constant({6, 1, 4}).Outputs(2),
       "float32 Nx6x3", 1},
      {Contrib()
           .Input({n, 6, 5, l})
           .Constant({6, 1, 3, 4})
           .Attr("ndim", 2)
           .Attr("dilation", 2)
           .Outputs(2),
       "float32 Nx6x5x6", 1},
      {Contrib()
           .Input({n, l, 2, 3})
           .Constant({6, 1, 4})
           .Attr("channels_last", 1)
           .Attr("state_window", 2)
           .Outputs(2),
       "float32 2xNx3x2x3", 1},
  });
}

TEST(ContribCausalConv, SaysWhatDoesNotFit) {
  const auto conv = [] {
    return Contrib().Input({1, 6, 9}).Constant({6, 1, 4});
  };
  ExpectInfers({
      {Contrib().Input({1, 6, 9}).Constant({5, 1, 4}),
       "CausalConvWithState 'o0': the weight must be 6 channels x 1 x taps but "
       "is 5x1x4"},
      {Contrib().Input({1, 6, 9}).Constant({6, 1, 0}),
       "CausalConvWithState 'o0': the weight has no taps"},
      {Contrib().Input({1, 6}).Constant({6, 1, 4}),
       "CausalConvWithState 'o0': the input 1x6 and the weight 6x1x4 don't "
       "have 1 image axes"},
      {conv().Attr("activation", "relu"),
       "CausalConvWithState 'o0': activation 'relu' is none of silu, swish, "
       "none"},
      {conv().Attr("dilation", 0),
       "CausalConvWithState 'o0': dilation is 0 but must be between 1 "
       "and 2147483648"},
      {conv().Attr("state_window", 9),
       "CausalConvWithState 'o0': state_window is 9 but must be between 0 and "
       "8"},
      {conv().Attr("ndim", 4),
       "CausalConvWithState 'o0': ndim is 4 but must be 1, 2 or 3, and 1 with "
       "channels_last"},
  });
}

}  // namespace
}  // namespace opcost
