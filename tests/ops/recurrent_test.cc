// SPDX-License-Identifier: Apache-2.0
// GRU, LSTM and RNN: shapes, activations, formats and errors.
#include <gtest/gtest.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "tests/support/formula_check.h"
#include "tests/support/onnx_text.h"
#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

Extent Symbol(const char* name) { return Extent::Symbol(name); }

// 5 steps of 2 sequences of 3 inputs, 4 hidden units.
OneNode Layer(const char* op, int64_t gates, int opset = 14) {
  OneNode node(op, opset);
  node.Input({5, 2, 3}).Constant({1, gates * 4, 3}).Constant({1, gates * 4, 4});
  return node;
}

int64_t Evaluations(OneNode node, ArithOp op) {
  const absl::StatusOr<OpCounts> counts = node.Count();
  if (!counts.ok()) return -1;
  int64_t sum = 0;
  for (const Arith& arith : counts->arith) {
    if (arith.op == op) sum += arith.count.value();
  }
  return sum;
}

TEST(Recurrent, ShapesAgreeWithLibonnx) {
  const std::map<std::string, std::string> oracle = OracleShapes(
      "(float[5,2,3] x, float[1,16,3] w, float[1,16,4] r) => (float[a,b,c,d] "
      "y, float[e,f,g] h, float[i,j,k] c) { y, h, c = LSTM<hidden_size = 4>(x, "
      "w, r) }");
  OneNode lstm("LSTM", 17);
  lstm.Input({5, 2, 3}).Input({1, 16, 3}).Input({1, 16, 4});
  lstm.Outputs(3);
  EXPECT_EQ(lstm.InferText(0), oracle.at("y"));
  EXPECT_EQ(lstm.InferText(1), oracle.at("h"));
  EXPECT_EQ(lstm.InferText(2), oracle.at("c"));
}

TEST(Recurrent, ShapesFollowDirectionAndLayout) {
  OneNode both("GRU", 14);
  both.Input({5, Symbol("N"), 3}).Constant({2, 12, 3}).Constant({2, 12, 4});
  both.Attr("direction", "bidirectional").Outputs(2);
  EXPECT_EQ(both.InferText(0), "float32 5x2xNx4");
  EXPECT_EQ(both.InferText(1), "float32 2xNx4");
  OneNode batch_first("RNN", 14);
  batch_first.Input({Symbol("N"), 5, 3}, DataType::kFloat16)
      .Constant({1, 4, 3})
      .Constant({1, 4, 4})
      .Attr("layout", 1)
      .Outputs(2);
  EXPECT_EQ(batch_first.InferText(0), "float16 Nx5x1x4");
  EXPECT_EQ(batch_first.InferText(1), "float16 Nx1x4");
  OneNode stated("RNN", 7);
  stated.Input({5, 2, 3})
      .Constant({1, Symbol("R"), 3})
      .Constant({1, Symbol("R"), Symbol("H")})
      .Attr("hidden_size", 4);
  EXPECT_EQ(stated.InferText(), "float32 5x1x2x4");
}

TEST(Recurrent, AnLstmCountsWhatTheTableSays) {
  OneNode node = Layer("LSTM", 4);
  node.Constant({1, 32}).Outputs(3).UnusedOutput(2);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  const int64_t cells = int64_t{5} * 2 * 4;
  EXPECT_EQ(counts.macs, cells * 4 * (3 + 4));
  const Tally tally = TallyOf(counts);
  EXPECT_EQ(tally.operations.at("mul"), cells * 4 * (3 + 4) + 3 * cells);
  EXPECT_EQ(tally.operations.at("add"),
            cells * 4 * (3 + 4) + cells + 4 * cells);
  EXPECT_EQ(tally.operations.at("sigmoid"), 3 * cells);
  EXPECT_EQ(tally.operations.at("tanh"), 2 * cells);
  EXPECT_EQ(tally.reads.at("i0"), cells * 4 * 3);
  EXPECT_EQ(tally.reads.at("i1"), cells * 4 * 3);
  EXPECT_EQ(tally.reads.at("i2"), cells * 4 * 4);
  EXPECT_EQ(tally.reads.at("previous h"), cells * 4 * 4);
  EXPECT_EQ(tally.reads.at("i3"), 8 * cells);
  EXPECT_EQ(tally.writes.at("o0"), 5 * 2 * 4);
  EXPECT_EQ(tally.writes.at("o1"), 2 * 4);
  EXPECT_EQ(tally.writes.count("o2"), 0u);
}

TEST(Recurrent, WeightsTakeTheirOwnBitsAndThePreviousStateIsAnArrayOfTheBatch) {
  OneNode node = Layer("GRU", 3);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.accesses.size(), 5u);
  EXPECT_FALSE(counts.accesses[0].takes_weight_bits);
  EXPECT_TRUE(counts.accesses[1].takes_weight_bits);
  EXPECT_TRUE(counts.accesses[2].takes_weight_bits);
  EXPECT_EQ(counts.accesses[1].operand_elements, 3 * 4 * 3);
  EXPECT_EQ(counts.accesses[2].operand_elements, 3 * 4 * 4);
  EXPECT_EQ(counts.accesses[3].scratch_name, "previous h");
  EXPECT_EQ(counts.accesses[3].elements, 2 * 4);
  EXPECT_EQ(counts.accesses[3].operand_elements, 4);
}

TEST(Recurrent, NamedActivationsCostWhatTheirOperatorsDo) {
  const int64_t cells = int64_t{5} * 2 * 4;
  OneNode lstm = Layer("LSTM", 4);
  lstm.AttrStrings("activations", {"HardSigmoid", "softsign", "Elu"});
  EXPECT_EQ(Evaluations(lstm, ArithOp::kSigmoid), 0);
  EXPECT_EQ(Evaluations(lstm, ArithOp::kDiv), cells);
  EXPECT_EQ(Evaluations(lstm, ArithOp::kExp), cells);
  EXPECT_EQ(Evaluations(lstm, ArithOp::kMul),
            cells * 4 * (3 + 4) + cells * (3 + 3 * 1));
  EXPECT_EQ(Evaluations(lstm, ArithOp::kAdd),
            cells * 4 * (3 + 4) + cells * (1 + 3 * 3 + 2 + 2));
  ExpectFormulaAgrees(lstm);
  // The second alpha is Elu's.
  OneNode scaled = Layer("LSTM", 4);
  scaled.AttrStrings("activations", {"HardSigmoid", "Softsign", "Elu"})
      .AttrFloats("activation_alpha", {0.2, 2.0});
  EXPECT_EQ(Evaluations(scaled, ArithOp::kMul),
            cells * 4 * (3 + 4) + cells * (3 + 3 * 1 + 1));
  OneNode relu = Layer("RNN", 1);
  relu.AttrStrings("activations", {"Relu", "Relu"});
  EXPECT_EQ(Evaluations(relu, ArithOp::kTanh), 0);
  EXPECT_EQ(Evaluations(relu, ArithOp::kAdd), cells * (3 + 4) + cells);
}

TEST(Recurrent, EachDirectionHasItsOwnActivations) {
  OneNode node("RNN", 14);
  node.Input({5, 2, 3}).Constant({2, 4, 3}).Constant({2, 4, 4});
  node.Attr("direction", "bidirectional")
      .AttrStrings("activations", {"Tanh", "Softplus"});
  EXPECT_EQ(Evaluations(node, ArithOp::kTanh), 5 * 2 * 4);
  EXPECT_EQ(Evaluations(node, ArithOp::kExp), 5 * 2 * 4);
  EXPECT_EQ(Evaluations(node, ArithOp::kLog), 5 * 2 * 4);
  ExpectFormulaAgrees(node);
}

TEST(Recurrent, UnknownSequenceLengthsMakeTheCountsABound) {
  OneNode node = Layer("RNN", 1);
  node.Absent().Input({2}, DataType::kInt32);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.bound_reason,
            "sequence_lens may end sequences before the last step");
  EXPECT_EQ(counts.macs, 5 * 2 * 4 * (3 + 4));
  OneNode known = Layer("RNN", 1);
  known.Absent().ConstantInts({5, 2});
  ASSERT_OK_AND_ASSIGN(const OpCounts exact, known.Count());
  EXPECT_TRUE(exact.bound_reason.empty());
  EXPECT_EQ(exact.macs, (5 + 2) * 4 * (3 + 4));
}

TEST(Recurrent, CountsMayBeSymbolic) {
  OneNode node("LSTM", 14);
  node.Input({Symbol("T"), Symbol("N"), 3})
      .Constant({1, 16, 3})
      .Constant({1, 16, 4})
      .Constant({1, 32});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_EQ(counts.macs, Symbol("T") * Symbol("N") * 4 * 4 * (3 + 4));
  ExpectFormulaAgrees(node);
}

TEST(Recurrent, ErrorsSayWhatContradictsWhat) {
  OneNode wrong_w("LSTM", 14);
  wrong_w.Input({5, 2, 3}).Constant({1, 16, 4}).Constant({1, 16, 4});
  OneNode vector("RNN", 14);
  vector.Input({5, 3}).Constant({1, 4, 3}).Constant({1, 4, 4});
  OneNode flat_r("RNN", 14);
  flat_r.Input({5, 2, 3}).Constant({1, 4, 3}).Constant({4, 4});
  ExpectInfers({
      {wrong_w, "LSTM 'o0': W is 1x16x4 but must be 1x16x3"},
      {vector, "RNN 'o0': X must have 3 axes but is 5x3"},
      {flat_r, "RNN 'o0': R must have 3 axes but is 4x4"},
      {Layer("RNN", 1).Attr("hidden_size", 5),
       "RNN 'o0': hidden_size is 5 but R's last axis is 4"},
      {Layer("RNN", 1).Attr("hidden_size", -1),
       "RNN 'o0': hidden_size must not be negative but is -1"},
      {Layer("GRU", 4), "GRU 'o0': W is 1x16x3 but must be 1x12x3"},
      {Layer("LSTM", 4).Constant({1, 16}),
       "LSTM 'o0': B is 1x16 but must be 1x32"},
      {Layer("RNN", 1).Absent().ConstantInts({5, 6}),
       "RNN 'o0': sequence_lens has 6 but must lie in 0 to the 5 steps of X"},
      {Layer("RNN", 1).Absent().ConstantInts({5, 5, 5}),
       "RNN 'o0': sequence_lens is 3 but must be 2"},
      {Layer("RNN", 1).Absent().Absent().Input({1, 2, 5}),
       "RNN 'o0': initial_h is 1x2x5 but must be 1x2x4"},
      {Layer("LSTM", 4).Absent().Absent().Absent().Absent().Constant({1, 4}),
       "LSTM 'o0': P is 1x4 but must be 1x12"},
      {Layer("GRU", 3).Absent().Absent().Absent().Absent(),
       "GRU 'o0': takes at most 6 operands but has 7"},
      {Layer("RNN", 1).Attr("direction", "backward"),
       "RNN 'o0': direction must be forward, reverse or bidirectional but is "
       "'backward'"},
      {Layer("RNN", 1).Attr("layout", 2),
       "RNN 'o0': layout must be 0 or 1 but is 2"},
  });
  OneNode few = Layer("LSTM", 4);
  few.AttrStrings("activations", {"Tanh"});
  EXPECT_THAT(few.Count(),
              FailsWith("LSTM 'o0': activations must name 3 functions but "
                        "names 1"));
  OneNode unknown = Layer("RNN", 1);
  unknown.AttrStrings("activations", {"Swish"});
  EXPECT_THAT(unknown.Count(),
              FailsWith("RNN 'o0': activations names 'Swish', which is no "
                        "activation function"));
}

}  // namespace
}  // namespace opcost
