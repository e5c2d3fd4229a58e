// SPDX-License-Identifier: Apache-2.0
// GRU, LSTM and RNN against plain nested loops, written from the ONNX
// specification's equations.
#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/support/counting.h"
#include "tests/support/formula_check.h"
#include "tests/support/loops.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kConfigurations = 200;

// What all three operators have.
struct Config {
  int64_t steps, batch, inputs, hidden, directions;
  bool batch_first, has_bias, has_lengths, lengths_known, has_initial_h,
      has_clip, weights_are_constant;
  Index lengths;  // of each sequence
  std::vector<bool> used;
};

Config DrawConfig(Draw& draw, size_t outputs) {
  Config c;
  c.steps = draw.Between(1, 3);
  c.batch = draw.Between(1, 3);
  c.inputs = draw.Between(1, 4);
  c.hidden = draw.Between(1, 4);
  c.directions = draw.Between(1, 2);
  c.batch_first = draw.Coin();
  c.has_bias = draw.Coin();
  c.has_lengths = draw.Between(0, 2) == 0;
  c.lengths_known = draw.Coin();
  c.has_initial_h = draw.Coin();
  c.has_clip = draw.Between(0, 2) == 0;
  c.weights_are_constant = draw.Coin();
  for (int64_t b = 0; b < c.batch; ++b) {
    c.lengths.push_back(
        c.has_lengths && c.lengths_known ? draw.Between(0, c.steps) : c.steps);
  }
  for (size_t o = 0; o < outputs; ++o) c.used.push_back(draw.Between(0, 3) > 0);
  return c;
}

// The arrays of one configuration, and the sums of its gates.
class Cells {
 public:
  Cells(Tally& tally, const Config& config, int64_t gates)
      : c(config),
        tally_(tally),
        gates_(gates),
        x_(tally, "i0", {config.steps, config.batch, config.inputs}),
        w_(tally, "i1",
           {config.directions, gates * config.hidden, config.inputs}),
        r_(tally, "i2",
           {config.directions, gates * config.hidden, config.hidden}),
        b_(tally, "i3", {config.directions, 2 * gates * config.hidden}),
        h_(tally, "previous h", {config.batch, config.hidden}) {}

  Number InputSum(const Index& at, int64_t gate) {
    const int64_t row = gate * c.hidden + at[3];
    Number sum = Bias(at, row);
    for (int64_t i = 0; i < c.inputs; ++i) {
      sum = sum + x_.Read({at[1], at[2], i}) * w_.Read({at[0], row, i});
    }
    return sum;
  }
  // Goes on with `sum` where there is one.
  Number HiddenSum(const Index& at, int64_t gate, std::optional<Number> sum,
                   bool adds_bias) {
    const int64_t row = gate * c.hidden + at[3];
    if (!sum.has_value()) sum = Bias(at, row + gates_ * c.hidden);
    for (int64_t i = 0; i < c.hidden; ++i) {
      sum = *sum + h_.Read({at[2], i}) * r_.Read({at[0], row, i});
    }
    if (adds_bias && c.has_bias) {
      sum = *sum + b_.Read({at[0], row + gates_ * c.hidden});
    }
    return *sum;
  }
  Number Gate(const Index& at, int64_t gate) {
    return HiddenSum(at, gate, InputSum(at, gate), true);
  }
  Number Clipped(Number value) {
    if (!c.has_clip) return value;
    return Max(Min(value, Number(tally_, 1)), Number(tally_, -1));
  }
  Number Sigmoid(const Number& x) { return Clipped(x).Apply("sigmoid", 0.5); }
  Number Tanh(const Number& x) { return Clipped(x).Apply("tanh", 0.5); }

  // Every cell: direction, step, sequence, hidden unit.
  void ForEach(const std::function<void(const Index&)>& body) {
    ForEachIndex({c.directions, c.steps, c.batch, c.hidden},
                 [&](const Index& at) {
                   if (at[1] < c.lengths[static_cast<size_t>(at[2])]) body(at);
                 });
  }

  const Config& c;

 private:
  Number Bias(const Index& at, int64_t row) {
    return c.has_bias ? b_.Read({at[0], row}) : Number(tally_, 0);
  }

  Tally& tally_;
  int64_t gates_;
  Array x_, w_, r_, b_, h_;
};

// What the sequences start with, their lengths, and the outputs.
void MoveEnds(Tally& tally, const Config& c, bool has_initial_c) {
  const int64_t state = c.directions * c.batch * c.hidden;
  Array lengths(tally, "i4", {c.batch}), h(tally, "i5", {state}),
      cell(tally, "i6", {state});
  for (int64_t i = 0; c.has_lengths && i < c.batch; ++i) lengths.Read(i);
  for (int64_t i = 0; i < state; ++i) {
    if (c.has_initial_h) h.Read(i);
    if (has_initial_c) cell.Read(i);
  }
  for (size_t o = 0; o < c.used.size(); ++o) {
    if (!c.used[o]) continue;
    Array y(tally, absl::StrCat("o", o), {o == 0 ? c.steps * state : state});
    for (int64_t i = 0; i < y.size(); ++i) y.Write(i, Number(tally, 0));
  }
}

OneNode NodeOf(const char* op, const Config& c, int64_t gates, Draw& draw) {
  OneNode node(op, 14);
  node.Input(c.batch_first ? Dims{c.batch, c.steps, c.inputs}
                           : Dims{c.steps, c.batch, c.inputs});
  const Dims w = {c.directions, gates * c.hidden, c.inputs};
  const Dims r = {c.directions, gates * c.hidden, c.hidden};
  const Dims b = {c.directions, 2 * gates * c.hidden};
  if (c.weights_are_constant) {
    node.Constant(w).Constant(r);
  } else {
    node.Input(w).Input(r);
  }
  c.has_bias ? node.Constant(b) : node.Absent();
  if (!c.has_lengths) {
    node.Absent();
  } else if (c.lengths_known) {
    node.ConstantInts(c.lengths);
  } else {
    node.Input({c.batch}, DataType::kInt32);
  }
  const Dims state = c.batch_first ? Dims{c.batch, c.directions, c.hidden}
                                   : Dims{c.directions, c.batch, c.hidden};
  c.has_initial_h ? node.Input(state) : node.Absent();
  if (c.batch_first) node.Attr("layout", 1);
  if (c.has_clip) node.Attr("clip", 3.0);
  node.Attr("hidden_size", c.hidden);
  node.Attr("direction", c.directions == 2
                             ? "bidirectional"
                             : draw.OneOf({"forward", "reverse"}));
  node.Outputs(static_cast<int>(c.used.size()));
  for (size_t o = 0; o < c.used.size(); ++o) {
    if (!c.used[o]) node.UnusedOutput(static_cast<int>(o));
  }
  return node;
}

// R2: a constant of one element is read once.
void ApplyImmediates(const OneNode& node, Tally& tally) {
  for (int i = 0; i < 8; ++i) {
    const std::string name = absl::StrCat("i", i);
    if (node.IsImmediate(i) && tally.reads.count(name) > 0) {
      tally.reads[name] = 1;
    }
  }
}

void ExpectSame(OneNode& node, const Config& c, Tally tally) {
  ApplyImmediates(node, tally);
  const std::string expected =
      c.batch_first ? absl::StrCat("float32 ", c.batch, "x", c.steps, "x",
                                   c.directions, "x", c.hidden)
                    : absl::StrCat("float32 ", c.steps, "x", c.directions, "x",
                                   c.batch, "x", c.hidden);
  EXPECT_EQ(node.InferText(), expected);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(TallyOf(counts), tally);
  EXPECT_EQ(counts.bound_reason.empty(), !c.has_lengths || c.lengths_known);
  ExpectFormulaAgrees(node);
}

void CheckLstm(Draw& draw) {
  const Config c = DrawConfig(draw, 3);
  const bool has_initial_c = draw.Coin();
  const bool has_peepholes = draw.Between(0, 2) == 0;
  const bool is_coupled = draw.Between(0, 3) == 0;
  Tally tally;
  Cells cells(tally, c, 4);
  Array p(tally, "i7", {c.directions, 3 * c.hidden});
  const auto peep = [&](const Index& at, int64_t gate, const Number& sum,
                        const Number& state) {
    if (!has_peepholes) return sum;
    return sum + p.Read({at[0], gate * c.hidden + at[3]}) * state;
  };
  cells.ForEach([&](const Index& at) {
    const Number state(tally, 0.5);  // in a register
    const Number i = cells.Sigmoid(peep(at, 0, cells.Gate(at, 0), state));
    const Number f = is_coupled
                         ? Number(tally, 1) - i
                         : cells.Sigmoid(peep(at, 2, cells.Gate(at, 2), state));
    const Number candidate = cells.Tanh(cells.Gate(at, 3));
    const Number next = f * state + i * candidate;
    const Number o = cells.Sigmoid(peep(at, 1, cells.Gate(at, 1), next));
    const Number h = o * cells.Tanh(next);
    EXPECT_GE(h.value(), 0);
  });
  MoveEnds(tally, c, has_initial_c);

  OneNode node = NodeOf("LSTM", c, 4, draw);
  const Dims state = c.batch_first ? Dims{c.batch, c.directions, c.hidden}
                                   : Dims{c.directions, c.batch, c.hidden};
  has_initial_c ? node.Input(state) : node.Absent();
  has_peepholes ? node.Constant({c.directions, 3 * c.hidden}) : node.Absent();
  if (is_coupled) node.Attr("input_forget", 1);
  ExpectSame(node, c, tally);
}

void CheckGru(Draw& draw) {
  const Config c = DrawConfig(draw, 2);
  const bool is_linear = draw.Coin();
  Tally tally;
  Cells cells(tally, c, 3);
  cells.ForEach([&](const Index& at) {
    const Number h(tally, 0.5);  // the unit's own
    const Number z = cells.Sigmoid(cells.Gate(at, 0));
    const Number r = cells.Sigmoid(cells.Gate(at, 1));
    Number candidate(tally, 0);
    if (is_linear) {
      const Number from_hidden = cells.HiddenSum(at, 2, std::nullopt, false);
      candidate = cells.Tanh(cells.InputSum(at, 2) + r * from_hidden);
    } else {
      const Number reset = r * h;  // what the product with R reads
      EXPECT_GE(reset.value(), 0);
      candidate = cells.Tanh(cells.Gate(at, 2));
    }
    const Number next = (Number(tally, 1) - z) * candidate + z * h;
    EXPECT_GE(next.value(), 0);
  });
  MoveEnds(tally, c, false);
  OneNode node = NodeOf("GRU", c, 3, draw);
  if (is_linear) node.Attr("linear_before_reset", 1);
  ExpectSame(node, c, tally);
}

void CheckRnn(Draw& draw) {
  const Config c = DrawConfig(draw, 2);
  Tally tally;
  Cells cells(tally, c, 1);
  cells.ForEach([&](const Index& at) { (void)cells.Tanh(cells.Gate(at, 0)); });
  MoveEnds(tally, c, false);
  OneNode node = NodeOf("RNN", c, 1, draw);
  ExpectSame(node, c, tally);
}

template <typename Check>
void Repeat(uint32_t seed, Check check) {
  Draw draw(seed);
  for (int i = 0; i < kConfigurations && !::testing::Test::HasFailure(); ++i) {
    SCOPED_TRACE(absl::StrCat("configuration ", i));
    check(draw);
  }
}

TEST(RecurrentReference, LstmCountsWhatTheLoopsDo) { Repeat(411, CheckLstm); }

TEST(RecurrentReference, GruCountsWhatTheLoopsDo) { Repeat(412, CheckGru); }

TEST(RecurrentReference, RnnCountsWhatTheLoopsDo) { Repeat(413, CheckRnn); }

}  // namespace
}  // namespace opcost
