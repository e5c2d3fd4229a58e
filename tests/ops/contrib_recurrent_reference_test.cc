// SPDX-License-Identifier: Apache-2.0
// DynamicQuantizeLSTM against plain loops: an LSTM whose inputs and hidden
// states are quantised before they meet the int8 weights.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 200;
constexpr char kDomain[] = "com.microsoft";
constexpr DataType kInt8 = DataType::kInt8;

struct Config {
  explicit Config(Draw& draw)
      : steps(draw.Between(1, 3)),
        batch(draw.Between(1, 3)),
        inputs(draw.Between(2, 4)),
        hidden(draw.Between(2, 4)),
        directions(draw.Between(1, 2)),
        has_bias(draw.Coin()),
        has_lengths(draw.Between(0, 2) == 0),
        has_initial(draw.Coin()),
        has_peepholes(draw.Between(0, 2) == 0),
        is_coupled(draw.Between(0, 3) == 0),
        per_unit(draw.Coin()) {
    for (int64_t b = 0; b < batch; ++b) {
      lengths.push_back(has_lengths ? draw.Between(0, steps) : steps);
    }
    for (int o = 0; o < 3; ++o) used.push_back(draw.Between(0, 3) > 0);
  }
  int64_t longest() const {
    return *std::max_element(lengths.begin(), lengths.end());
  }
  int64_t scales() const { return per_unit ? 4 * hidden : 1; }

  int64_t steps, batch, inputs, hidden, directions;
  bool has_bias, has_lengths, has_initial, has_peepholes, is_coupled, per_unit;
  Index lengths;
  std::vector<bool> used;
};

// Scale and zero point from a least and a greatest value: two divisions, a
// difference, the rounding and the bounds of the zero point.
void MakeScale(Tally& t, const Number& least, const Number& most) {
  const Number scale = (most - least) / Number(t, 255);
  Number zero = least / scale;
  for (int i = 0; i < 7; ++i) zero = zero + Number(t, 1);
}

// Times 1/scale, plus the zero point, saturated.
Number Quantize(Tally& t, const Number& x) {
  const Number scaled = x * Number(t, 0.5) + Number(t, 3);
  return Min(Max(scaled, Number(t, 0)), Number(t, 255));
}

class Layer {
 public:
  Layer(Tally& tally, const Config& config)
      : c(config),
        t(tally),
        x_(t, "i0", {c.steps, c.batch, c.inputs}),
        quantized_x_(t, "quantized X", {c.steps, c.batch, c.inputs}),
        w_(t, "i1", {c.directions, c.inputs, 4 * c.hidden}),
        r_(t, "i2", {c.directions, c.hidden, 4 * c.hidden}),
        b_(t, "i3", {c.directions, 8 * c.hidden}),
        p_(t, "i7", {c.directions, 3 * c.hidden}),
        w_scale_(t, "i8", {c.directions, c.scales()}),
        r_scale_(t, "i10", {c.directions, c.scales()}),
        h_(t, "previous h", {c.batch, c.hidden}),
        quantized_h_(t, "quantized h", {c.batch, c.hidden}) {}

  void Run() {
    if (!c.per_unit) {
      for (int64_t d = 0; d < c.directions; ++d) w_scale_.Read(d);
      for (int64_t d = 0; d < c.directions; ++d) r_scale_.Read(d);
    }
    QuantizeInput();
    for (int64_t d = 0; d < c.directions; ++d) {
      for (int64_t step = 0; step < c.longest(); ++step) Step(d, step);
    }
  }

 private:
  void QuantizeInput() {
    Number least(t, 0), most(t, 0);
    for (int64_t i = 0; i < x_.size(); ++i) {
      const Number x = x_.Read(i);
      least = Min(least, x);
      most = Max(most, x);
    }
    MakeScale(t, least, most);
    for (int64_t i = 0; i < x_.size(); ++i) {
      quantized_x_.Write(i, Quantize(t, x_.Read(i)));
    }
  }

  // Only sequences that go on to `step` take part.
  void Step(int64_t d, int64_t step) {
    Index active;
    for (int64_t b = 0; b < c.batch; ++b) {
      if (step < c.lengths[static_cast<size_t>(b)]) active.push_back(b);
    }
    Number least(t, 0), most(t, 0);
    for (const int64_t b : active) {
      for (int64_t u = 0; u < c.hidden; ++u) {
        const Number h = h_.Read({b, u});
        least = Min(least, h);
        most = Max(most, h);
      }
    }
    MakeScale(t, least, most);
    for (const int64_t b : active) {
      for (int64_t u = 0; u < c.hidden; ++u) {
        quantized_h_.Write({b, u}, Quantize(t, h_.Read({b, u})));
      }
    }
    for (const int64_t b : active) {
      for (int64_t u = 0; u < c.hidden; ++u) Cell({d, step, b, u});
    }
  }

  Number Gate(const Index& at, int64_t gate) {
    const int64_t unit = gate * c.hidden + at[3];
    Number of_input(t, 0), of_hidden(t, 0);
    for (int64_t i = 0; i < c.inputs; ++i) {
      of_input = of_input + quantized_x_.Read({at[1], at[2], i}) *
                                w_.Read({at[0], i, unit});
      ++t.macs;
    }
    for (int64_t i = 0; i < c.hidden; ++i) {
      of_hidden =
          of_hidden + quantized_h_.Read({at[2], i}) * r_.Read({at[0], i, unit});
      ++t.macs;
    }
    if (c.per_unit) {
      w_scale_.Read({at[0], unit});
      r_scale_.Read({at[0], unit});
    }
    Number sum = of_input * Number(t, 0.1) + of_hidden * Number(t, 0.1);
    if (c.has_bias) {
      sum = sum + b_.Read({at[0], unit});
      sum = sum + b_.Read({at[0], 4 * c.hidden + unit});
    }
    return sum;
  }

  Number Peep(const Index& at, int64_t gate, const Number& state) {
    const Number sum = Gate(at, gate);
    if (!c.has_peepholes) return sum;
    return sum + p_.Read({at[0], gate % 3 * c.hidden + at[3]}) * state;
  }

  void Cell(const Index& at) {
    const auto sigmoid = [](const Number& x) {
      return x.Apply("sigmoid", 0.5);
    };
    const auto tanh = [](const Number& x) { return x.Apply("tanh", 0.5); };
    const Number state(t, 0.5);  // in a register
    const Number i = sigmoid(Peep(at, 0, state));
    const Number f =
        c.is_coupled ? Number(t, 1) - i : sigmoid(Peep(at, 2, state));
    const Number next = f * state + i * tanh(Gate(at, 3));
    const Number h = sigmoid(Peep(at, 1, next)) * tanh(next);
    EXPECT_GE(h.value(), 0);
  }

  const Config& c;
  Tally& t;
  Array x_, quantized_x_, w_, r_, b_, p_, w_scale_, r_scale_, h_, quantized_h_;
};

// Zero points, what the sequences start with, their lengths, and the outputs.
void MoveTheRest(Tally& t, const Config& c) {
  for (const char* zero : {"i9", "i11"}) {
    Array points(t, zero, {c.directions, c.scales()});
    for (int64_t i = 0; i < points.size(); ++i) points.Read(i);
  }
  const int64_t state = c.directions * c.batch * c.hidden;
  Array lengths(t, "i4", {c.batch}), h(t, "i5", {state}),
      cell(t, "i6", {state});
  for (int64_t i = 0; c.has_lengths && i < c.batch; ++i) lengths.Read(i);
  for (int64_t i = 0; c.has_initial && i < state; ++i) h.Read(i);
  for (int64_t i = 0; c.has_initial && i < state; ++i) cell.Read(i);
  for (size_t o = 0; o < 3; ++o) {
    Array y(t, absl::StrCat("o", o), {o == 0 ? c.steps * state : state});
    for (int64_t i = 0; c.used[o] && i < y.size(); ++i) {
      y.Write(i, Number(t, 0));
    }
  }
}

OneNode NodeOf(const Config& c) {
  OneNode node("DynamicQuantizeLSTM", 1, kDomain);
  node.Input({c.steps, c.batch, c.inputs})
      .Constant({c.directions, c.inputs, 4 * c.hidden}, kInt8)
      .Constant({c.directions, c.hidden, 4 * c.hidden}, kInt8);
  c.has_bias ? node.Constant({c.directions, 8 * c.hidden}) : node.Absent();
  c.has_lengths ? node.ConstantInts(c.lengths) : node.Absent();
  const Dims state = {c.directions, c.batch, c.hidden};
  c.has_initial ? node.Input(state) : node.Absent();
  c.has_initial ? node.Input(state) : node.Absent();
  c.has_peepholes ? node.Constant({c.directions, 3 * c.hidden}) : node.Absent();
  const Dims scales =
      c.per_unit ? Dims{c.directions, 4 * c.hidden} : Dims{c.directions};
  for (int i = 0; i < 2; ++i) node.Constant(scales).Constant(scales, kInt8);
  node.Attr("hidden_size", c.hidden);
  node.Attr("direction", c.directions == 2 ? "bidirectional" : "reverse");
  if (c.is_coupled) node.Attr("input_forget", 1);
  node.Outputs(3);
  for (int o = 0; o < 3; ++o) {
    if (!c.used[static_cast<size_t>(o)]) node.UnusedOutput(o);
  }
  return node;
}

TEST(DynamicQuantizeLstm, CountsWhatTheLoopsDo) {
  Draw draw(7601);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    const Config c(draw);
    Tally tally;
    Layer(tally, c).Run();
    MoveTheRest(tally, c);
    OneNode node = NodeOf(c);
    EXPECT_EQ(node.InferText(),
              absl::StrCat("float32 ", c.steps, "x", c.directions, "x", c.batch,
                           "x", c.hidden));
    ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
    // R2: a constant of one element is read once.
    for (int operand = 0; operand < 12; ++operand) {
      const std::string name = absl::StrCat("i", operand);
      if (node.IsImmediate(operand) && tally.reads.count(name) > 0) {
        tally.reads[name] = 1;
      }
    }
    EXPECT_EQ(TallyOf(counts), tally);
    EXPECT_EQ(counts.macs, tally.macs);
    ExpectFormulaAgrees(node);
  }
}

// 5 steps of 2 sequences of 3 inputs, 4 hidden units.
OneNode Plain() {
  OneNode node("DynamicQuantizeLSTM", 1, kDomain);
  node.Input({5, 2, 3}).Constant({1, 3, 16}, kInt8).Constant({1, 4, 16}, kInt8);
  for (int i = 0; i < 5; ++i) node.Absent();
  return node;
}

TEST(DynamicQuantizeLstm, AccumulatesIntegersAndKeepsCellsInFloat) {
  OneNode node = Plain();
  node.Constant({1}).Constant({1}, kInt8).Constant({1}).Constant({1}, kInt8);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const int64_t cells = int64_t{5} * 2 * 4;
  const int64_t macs = cells * 4 * (3 + 4);
  EXPECT_EQ(counts.macs, macs);
  int64_t products = 0;
  for (const Arith& arith : counts.arith) {
    if (arith.role != ArithRole::kProduct) continue;
    EXPECT_EQ(arith.operands.fixed, DataType::kUint8);
    products += arith.count.value();
  }
  EXPECT_EQ(products, macs);
  // Of the 1 + 5 scales that X and 5 steps take.
  const Tally tally = TallyOf(counts);
  EXPECT_EQ(tally.operations.at("div"), 2 * (1 + 5));
  EXPECT_EQ(tally.operations.at("mul"),
            macs + (5 * 2 * 3) + cells + 2 * 4 * cells + 3 * cells);
  EXPECT_EQ(tally.operations.at("add"),
            macs + 5 * (5 * 2 * 3 + cells) + 8 * (1 + 5) + 4 * cells + cells);
  EXPECT_EQ(tally.reads.at("i0"), 2 * (5 * 2 * 3));
  EXPECT_EQ(tally.reads.at("previous h"), 2 * cells);
  EXPECT_EQ(tally.reads.at("i8"), 1);
}

TEST(DynamicQuantizeLstm, CountsMayBeSymbolicOrABound) {
  const Extent steps = Extent::Symbol("T"), batch = Extent::Symbol("N");
  OneNode node("DynamicQuantizeLSTM", 1, kDomain);
  node.Input({steps, batch, 3})
      .Constant({1, 3, 16}, kInt8)
      .Constant({1, 4, 16}, kInt8)
      .Constant({1, 32})
      .Input({batch}, DataType::kInt32);
  for (int i = 0; i < 3; ++i) node.Absent();
  for (int i = 0; i < 2; ++i) node.Constant({1}).Constant({1}, kInt8);
  EXPECT_EQ(node.InferText(), "float32 Tx1xNx4");
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, steps * batch * 4 * 4 * (3 + 4));
  EXPECT_EQ(counts.bound_reason,
            "sequence_lens may end sequences before the last step");
  ExpectFormulaAgrees(node);
}

TEST(DynamicQuantizeLstm, ErrorsSayWhatContradictsWhat) {
  OneNode rows("DynamicQuantizeLSTM", 1, kDomain);
  rows.Input({5, 2, 3}).Constant({1, 16, 3}, kInt8).Constant({1, 4, 16}, kInt8);
  ExpectInfers({
      {rows, "DynamicQuantizeLSTM 'o0': W is 1x16x3 but must be 1x3x16"},
      {Plain().Attr("hidden_size", 5),
       "DynamicQuantizeLSTM 'o0': hidden_size is 5 but R's axis 1 is 4"},
      {Plain(), "DynamicQuantizeLSTM 'o0': operand 8 is missing"},
      {Plain().Constant({2}).Constant({2}, kInt8),
       "DynamicQuantizeLSTM 'o0': W_scale is 2 but must be 1"},
      {Plain().Constant({1, 4}),
       "DynamicQuantizeLSTM 'o0': W_scale is 1x4 but must be 1x16"},
      {Plain().Constant({1, 16}).Constant({1}, kInt8),
       "DynamicQuantizeLSTM 'o0': W_zero_point is 1 but must be 1x16"},
  });
}

}  // namespace
}  // namespace opcost
