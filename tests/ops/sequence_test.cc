// SPDX-License-Identifier: Apache-2.0
// Sequences: what is known of their tensors, what copies cost, errors.
#include <gtest/gtest.h>

#include <optional>
#include <utility>
#include <vector>

#include "tests/support/op_cases.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

const Extent kN = Extent::Symbol("N");

ValueType Floats(Dims dims) {
  return ValueType(DataType::kFloat32, std::move(dims));
}

// The sequence that SequenceConstruct makes of tensors.
ValueType Sequence(const std::vector<Dims>& tensors) {
  OneNode node("SequenceConstruct", 11);
  for (const Dims& dims : tensors) node.Input(dims);
  return (*node.Infer())[0];
}

// A sequence of `element`, of a length that isn't known.
ValueType AnySequence(ValueType element) {
  ValueType sequence;
  sequence.kind = ValueKind::kSequence;
  sequence.element = std::make_shared<const ValueType>(std::move(element));
  return sequence;
}

OneNode At(ValueType sequence, int64_t position) {
  return OneNode("SequenceAt", 11)
      .InputOf(std::move(sequence))
      .ConstantScalar(position);
}

OneNode AtUnknown(ValueType sequence) {
  return OneNode("SequenceAt", 11)
      .InputOf(std::move(sequence))
      .Input({}, DataType::kInt64);
}

std::string LengthOf(ValueType sequence) {
  OneNode node = OneNode("SequenceLength", 11).InputOf(std::move(sequence));
  return FoldText(node);
}

ValueType OutputOf(OneNode node) { return (*node.Infer())[0]; }

TEST(SequenceConstruct, KeepsWhatItsTensorsHaveInCommon) {
  ExpectInfers({
      {OneNode("SequenceConstruct", 11).Input({2, 3}).Input({2, 3}),
       "seq(float32 2x3)"},
      {OneNode("SequenceConstruct", 11).Input({2, kN}).Input({2, kN}),
       "seq(float32 2xN)"},
      {OneNode("SequenceConstruct", 11).Input({2, 3}).Input({2, 5}),
       "seq(float32 2xo0#1)"},
      {OneNode("SequenceConstruct", 11).Input({2, 3}).Input({2}),
       "seq(float32 ?)"},
      {OneNode("SequenceConstruct", 11).InputOfUnknownRank(), "seq(float32 ?)"},
  });
}

TEST(SequenceConstruct, MovesNothing) {
  OneNode node("SequenceConstruct", 11);
  node.Input({2, 3}).Input({2, 3});
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  EXPECT_TRUE(counts.is_view);
  EXPECT_TRUE(counts.arith.empty());
  EXPECT_TRUE(counts.accesses.empty());
}

TEST(SequenceConstruct, BoundsAnExtentThatDiffersByTheLargest) {
  OneNode node("SequenceConstruct", 11);
  node.Input({2, 3}).Input({2, 7}).Input({2, 5});
  ASSERT_OK_AND_ASSIGN(const OutputTypes types, node.Infer());
  ASSERT_EQ(types.data_extents.size(), 1);
  EXPECT_EQ(types.data_extents[0].symbol, "o0#1");
  EXPECT_TRUE(types.data_extents[0].at_most.Is(7));
}

TEST(SequenceConstruct, RefusesTypesThatDifferAndWhatIsNoTensor) {
  ExpectInfers({
      {OneNode("SequenceConstruct", 11).Input({2}).Input({2}, DataType::kInt64),
       "SequenceConstruct 'o0': the operands must have one element type but "
       "are float32 and int64"},
      {OneNode("SequenceConstruct", 11).InputOf(Sequence({{2}})),
       "SequenceConstruct 'o0': operand 0 must be a tensor but is "
       "seq(float32 2)"},
      {OneNode("SequenceConstruct", 11),
       "SequenceConstruct 'o0': operand 0 is missing"},
      {OneNode("SequenceConstruct", 11).Input({2}).Absent(),
       "SequenceConstruct 'o0': operand 1 is missing"},
  });
}

TEST(SequenceAt, GivesTheTensorAtAKnownPosition) {
  const ValueType three = Sequence({{2, 3}, {2, 5}, {4, 5}});
  ExpectInfers({
      {At(three, 0), "float32 2x3"},
      {At(three, 1), "float32 2x5"},
      {At(three, -1), "float32 4x5"},
      {At(Sequence({{2, 3}, {2, 3}}), -2), "float32 2x3"},
      {At(Sequence({{2}, {2, 3}}), 1), "float32 2x3"},
      {At(three, 3),
       "SequenceAt 'o0': position 3 is outside the 3 tensors of the sequence"},
      {At(three, -4),
       "SequenceAt 'o0': position -4 is outside the 3 tensors of the sequence"},
  });
}

TEST(SequenceAt, OfAnUnknownPositionIsBoundedByTheLargestTensor) {
  OneNode node = AtUnknown(Sequence({{2, 3}, {2, 5}, {4, 5}}));
  EXPECT_EQ(node.InferText(), "float32 o0#0xo0#1");
  ASSERT_OK_AND_ASSIGN(const OutputTypes types, node.Infer());
  ASSERT_EQ(types.data_extents.size(), 2);
  EXPECT_TRUE(types.data_extents[0].at_most.Is(4));
  EXPECT_TRUE(types.data_extents[1].at_most.Is(5));
  ExpectInfers({
      {AtUnknown(Sequence({{2, 3}, {2, 3}})), "float32 2x3"},
      {AtUnknown(AnySequence(Floats({kN, 4}))), "float32 Nx4"},
      // The model's own declaration may know the rank.
      {AtUnknown(Sequence({{2}, {2, 3}})), "?"},
  });
  ExpectView(AtUnknown(Sequence({{2, 3}, {2, 3}})));
}

TEST(SequenceAt, RefusesWhatIsNoSequenceAndNoPosition) {
  ExpectInfers({
      {OneNode("SequenceAt", 11).Input({2, 3}).ConstantScalar(0),
       "SequenceAt 'o0': operand 0 must be a sequence but is float32 2x3"},
      {OneNode("SequenceAt", 11).InputOf(Sequence({{2}})),
       "SequenceAt 'o0': operand 1 is missing"},
      {OneNode("SequenceAt", 11).InputOf(Sequence({{2}})).ConstantInts({0, 1}),
       "SequenceAt 'o0': operand 1 must be one integer but is int64 2"},
      {OneNode("SequenceAt", 11)
           .InputOf(OutputOf(OneNode("SequenceEmpty", 11)))
           .Input({}, DataType::kInt64),
       "SequenceAt 'o0': the sequence is empty"},
      {OneNode("SequenceAt", 11).InputOf(ValueType()).ConstantScalar(0),
       "SequenceAt 'o0': the type of operand 0 isn't known"},
  });
}

TEST(SequenceEmpty, HasAnElementTypeAndNoTensors) {
  ExpectInfers({
      {OneNode("SequenceEmpty", 11), "seq(float32 ?)"},
      {OneNode("SequenceEmpty", 11).Attr("dtype", 7), "seq(int64 ?)"},
      {OneNode("SequenceEmpty", 11).Attr("dtype", 99),
       "SequenceEmpty 'o0': dtype 99 is no element type"},
  });
  EXPECT_EQ(LengthOf(OutputOf(OneNode("SequenceEmpty", 11))),
            "int64 scalar: 0");
  ExpectView(OneNode("SequenceEmpty", 11));
}

OneNode Insert(ValueType sequence, Dims tensor,
               std::optional<int64_t> position = std::nullopt) {
  OneNode node("SequenceInsert", 11);
  node.InputOf(std::move(sequence)).Input(std::move(tensor));
  if (position.has_value()) node.ConstantScalar(*position);
  return node;
}

TEST(SequenceInsert, PutsATensorAtItsPlace) {
  const ValueType empty = OutputOf(OneNode("SequenceEmpty", 11));
  const ValueType one = OutputOf(Insert(empty, {2, 3}));
  EXPECT_EQ(ToString(one), "seq(float32 2x3)");
  const ValueType two = OutputOf(Insert(one, {2, 5}));
  EXPECT_EQ(ToString(two), "seq(float32 2xo0#1)");
  const ValueType three = OutputOf(Insert(two, {2, 7}, -2));
  EXPECT_EQ(LengthOf(three), "int64 scalar: 3");
  ExpectInfers({
      {At(two, 1), "float32 2x5"},
      {At(three, 0), "float32 2x7"},
      {At(three, 1), "float32 2x3"},
      {At(three, 2), "float32 2x5"},
      {Insert(two, {2, 7}, 2), "seq(float32 2xo0#1)"},
      {Insert(two, {2, 7}, 3),
       "SequenceInsert 'o0': position 3 is outside the 2 tensors of the "
       "sequence"},
  });
  ExpectView(Insert(one, {2, 5}));
}

TEST(SequenceInsert, AtAnUnknownPlaceKeepsWhatAllHaveInCommon) {
  OneNode node = Insert(Sequence({{2, 3}, {2, 3}}), {2, 5});
  node.Input({}, DataType::kInt64);
  const ValueType sequence = (*node.Infer())[0];
  EXPECT_EQ(ToString(sequence), "seq(float32 2xo0#1)");
  EXPECT_EQ(LengthOf(sequence), "int64 scalar: 3");
  EXPECT_EQ(OutputOf(Insert(AnySequence(Floats({kN})), {kN})).length,
            std::nullopt);
}

TEST(SequenceInsert, RefusesAnotherElementType) {
  ExpectInfers({
      {OneNode("SequenceInsert", 11)
           .InputOf(Sequence({{2}}))
           .Input({2}, DataType::kInt32),
       "SequenceInsert 'o0': the sequence holds float32 tensors but operand 1 "
       "is int32"},
      {OneNode("SequenceInsert", 11).InputOf(Sequence({{2}})),
       "SequenceInsert 'o0': operand 1 is missing"},
      {OneNode("SequenceInsert", 11)
           .InputOf(Sequence({{2}}))
           .InputOf(Sequence({{2}})),
       "SequenceInsert 'o0': operand 1 must be a tensor but is seq(float32 2)"},
  });
}

TEST(SequenceErase, TakesTheLastTensorOrTheOneAtAPosition) {
  const ValueType three = Sequence({{3}, {5}, {7}});
  const auto erase = [&three](std::optional<int64_t> position) {
    OneNode node = OneNode("SequenceErase", 11).InputOf(three);
    if (position.has_value()) node.ConstantScalar(*position);
    return node;
  };
  const ValueType without_last = OutputOf(erase(std::nullopt));
  const ValueType without_first = OutputOf(erase(0));
  EXPECT_EQ(LengthOf(without_last), "int64 scalar: 2");
  ExpectInfers({
      {At(without_last, 1), "float32 5"},
      {At(without_first, 0), "float32 5"},
      {At(without_first, 1), "float32 7"},
      {erase(3),
       "SequenceErase 'o0': position 3 is outside the 3 tensors of the "
       "sequence"},
      {OneNode("SequenceErase", 11)
           .InputOf(OutputOf(OneNode("SequenceEmpty", 11))),
       "SequenceErase 'o0': the sequence is empty"},
  });
  const ValueType any = OutputOf(
      OneNode("SequenceErase", 11).InputOf(three).Input({}, DataType::kInt64));
  EXPECT_EQ(LengthOf(any), "int64 scalar: 2");
  ExpectView(erase(1));
}

TEST(SequenceLength, IsKnownOrASymbol) {
  EXPECT_EQ(LengthOf(Sequence({{2}, {3}})), "int64 scalar: 2");
  EXPECT_EQ(LengthOf(AnySequence(Floats({2}))), "int64 scalar: o0");
  OneNode node = OneNode("SequenceLength", 11).InputOf(Sequence({{2}}));
  EXPECT_EQ(node.InferText(), "int64 scalar");
  EXPECT_TRUE(node.def()->reads_shapes_only);
  Tally tally;
  Array(tally, "o0", {1}).Write(int64_t{0}, Number(tally, 1));
  ExpectCounts(node, tally, "SequenceLength");
}

OneNode Split(Dims data) { return OneNode("SplitToSequence", 24).Input(data); }

TEST(SplitToSequence, TakesSlicesOfOneWithoutASplit) {
  ExpectInfers({
      {Split({4, 6}), "seq(float32 1x6)"},
      {Split({4, 6}).Attr("axis", -1), "seq(float32 4x1)"},
      {Split({4, 6}).Attr("keepdims", 0), "seq(float32 6)"},
      {Split({kN, 6}), "seq(float32 1x6)"},
      {Split({4, 6}).Attr("axis", 2),
       "SplitToSequence 'o0': axis 2 is outside the 2 axes of the tensor"},
      {OneNode("SplitToSequence", 11).Input({4}).Attr("keepdims", 0),
       "seq(float32 scalar)"},
  });
  EXPECT_EQ(LengthOf(OutputOf(Split({4, 6}))), "int64 scalar: 4");
  EXPECT_EQ(LengthOf(OutputOf(Split({kN, 6}))), "int64 scalar: N");
}

TEST(SplitToSequence, AScalarGivesEqualPartsAndAShorterLast) {
  ExpectInfers({
      {Split({6, 2}).ConstantScalar(3), "seq(float32 3x2)"},
      {Split({7, 2}).ConstantScalar(3), "seq(float32 o0#0x2)"},
      {Split({7, 2}).ConstantScalar(3).Attr("keepdims", 0),
       "seq(float32 o0#0x2)"},
      {Split({2, 2}).ConstantScalar(3), "seq(float32 2x2)"},
      {Split({7, 2}).ConstantScalar(0),
       "SplitToSequence 'o0': split is 0 but a part must have at least 1 "
       "element"},
      {At(OutputOf(Split({7, 2}).ConstantScalar(3)), 0), "float32 3x2"},
      {At(OutputOf(Split({7, 2}).ConstantScalar(3)), -1), "float32 1x2"},
  });
  EXPECT_EQ(LengthOf(OutputOf(Split({7, 2}).ConstantScalar(3))),
            "int64 scalar: 3");
}

TEST(SplitToSequence, AListGivesTheLengths) {
  ExpectInfers({
      {At(OutputOf(Split({7, 2}).ConstantInts({3, 4})), 1), "float32 4x2"},
      {Split({6, 2}).ConstantInts({3, 3}), "seq(float32 3x2)"},
      {Split({7, 2}).ConstantInts({3, 3}),
       "SplitToSequence 'o0': the lengths of the split add up to 6 but axis 0 "
       "has extent 7"},
      {Split({7, 2}).ConstantInts({8, -1}),
       "SplitToSequence 'o0': length 1 of the split is -1 but an extent can't "
       "be negative"},
      {Split({7, 2}).ConstantInts({}),
       "SplitToSequence 'o0': split gives no lengths"},
  });
}

TEST(SplitToSequence, OfUnknownLengthsIsBoundedByTheWhole) {
  OneNode list = Split({7, 2}).Input({3}, DataType::kInt64);
  EXPECT_EQ(list.InferText(), "seq(float32 o0#0x2)");
  ASSERT_OK_AND_ASSIGN(const OutputTypes types, list.Infer());
  EXPECT_TRUE(types.data_extents[0].at_most.Is(7));
  EXPECT_EQ(LengthOf(types[0]), "int64 scalar: 3");
  EXPECT_EQ(LengthOf(OutputOf(Split({7, 2}).Input({}, DataType::kInt64))),
            "int64 scalar: o0");
}

TEST(SplitToSequence, CopiesEachElement) {
  Dice dice(61);
  for (int i = 0; i < 200; ++i) {
    const Numbers dims = dice.Rolls(dice.Roll(1, 3), 1, 4);
    const int64_t axis = dice.Roll(0, static_cast<int64_t>(dims.size()) - 1);
    const int64_t extent = dims[static_cast<size_t>(axis)];
    OneNode node = Split(DimsOf(dims)).Attr("axis", axis);
    int64_t parts = extent;
    if (dice.Coin()) {
      const int64_t part = dice.Roll(1, 5);
      node.ConstantScalar(part);
      parts = 0;
      for (int64_t first = 0; first < extent; first += part) ++parts;
    }
    Tally tally;
    if (parts > 1) {
      Array x(tally, "i0", dims), y(tally, "o0", dims);
      for (int64_t e = 0; e < x.size(); ++e) y.Write(e, x.Read(e));
    }
    ExpectCounts(node, tally, TextOf(dims) + " into " + TextOf({parts}));
  }
}

TEST(SplitToSequence, WritesTheSequenceAsOneArray) {
  OneNode node = Split({7, 2}).ConstantScalar(3);
  ASSERT_OK_AND_ASSIGN(const OpCounts counts, node.Count());
  ASSERT_EQ(counts.accesses.size(), 2);
  EXPECT_TRUE(counts.accesses[1].elements.Is(7 * 2));
}

OneNode Join(ValueType sequence, int64_t axis, int64_t new_axis = 0) {
  return OneNode("ConcatFromSequence", 11)
      .InputOf(std::move(sequence))
      .Attr("axis", axis)
      .Attr("new_axis", new_axis);
}

TEST(ConcatFromSequence, AddsTheExtentsAlongItsAxis) {
  ExpectInfers({
      {Join(Sequence({{2, 3}, {2, 5}}), 1), "float32 2x8"},
      {Join(Sequence({{2, 3}, {2, 3}, {2, 3}}), -2), "float32 6x3"},
      {Join(Sequence({{2, kN}, {2, 5}}), 1), "float32 2xN+5"},
      {Join(OutputOf(Split({kN, 6})), 0), "float32 Nx6"},
      {Join(AnySequence(Floats({2, 3})), 1), "float32 2xo0#1"},
      {Join(Sequence({{2, 3}, {4, 5}}), 1),
       "ConcatFromSequence 'o0': tensor 1 of the sequence has extent 4 on axis "
       "0 but those before it have 2"},
      {Join(Sequence({{2, 3}, {2}}), 1),
       "ConcatFromSequence 'o0': tensor 1 of the sequence has 1 axes but "
       "tensor "
       "0 has 2"},
      {Join(Sequence({{2, 3}}), 2),
       "ConcatFromSequence 'o0': axis 2 is outside the 2 axes of the tensor"},
      {OneNode("ConcatFromSequence", 11).InputOf(Sequence({{2}})),
       "ConcatFromSequence 'o0': attribute 'axis' is missing"},
      {Join(OutputOf(OneNode("SequenceEmpty", 11)), 0),
       "ConcatFromSequence 'o0': the sequence is empty"},
      {Join(AnySequence(TensorType{DataType::kFloat32, Shape::Unknown()}), 0),
       "ConcatFromSequence 'o0': the shape of the sequence's tensors isn't "
       "known"},
  });
}

TEST(ConcatFromSequence, StacksOnANewAxis) {
  ExpectInfers({
      {Join(Sequence({{2, 3}, {2, 3}}), 0, 1), "float32 2x2x3"},
      {Join(Sequence({{2, 3}, {2, 3}, {2, 3}}), -1, 1), "float32 2x3x3"},
      {Join(Sequence({{2, 3}, {2, 3}, {2, 3}}), 2, 1), "float32 2x3x3"},
      {Join(AnySequence(Floats({2, 3})), 1, 1), "float32 2xo0#1x3"},
      {Join(Sequence({{2, 3}, {2, 5}}), 0, 1),
       "ConcatFromSequence 'o0': tensor 1 of the sequence has extent 5 on axis "
       "1 but those before it have 3"},
      {Join(Sequence({{2, 3}}), 3, 1),
       "ConcatFromSequence 'o0': axis 3 is outside the 3 axes of the tensor"},
  });
}

TEST(ConcatFromSequence, CopiesEachElement) {
  Dice dice(62);
  for (int i = 0; i < 200; ++i) {
    const Numbers dims = dice.Rolls(dice.Roll(1, 3), 1, 4);
    const int64_t axis = dice.Roll(0, static_cast<int64_t>(dims.size()) - 1);
    const bool stacks = dice.Coin();
    const int64_t tensors = dice.Roll(1, 4);
    std::vector<Dims> parts;
    int64_t elements = 0;
    int filled = 0;
    for (int64_t t = 0; t < tensors; ++t) {
      Numbers part = dims;
      if (!stacks) part[static_cast<size_t>(axis)] = dice.Roll(0, 3);
      parts.push_back(DimsOf(part));
      elements += Product(part);
      filled += Product(part) > 0 ? 1 : 0;
    }
    Tally tally;
    // One tensor, beside empty ones or alone, stays where it is.
    if (filled > 1) {
      Array x(tally, "i0", {elements}), y(tally, "o0", {elements});
      for (int64_t e = 0; e < elements; ++e) y.Write(e, x.Read(e));
    }
    OneNode node = Join(Sequence(parts), axis, stacks ? 1 : 0);
    ExpectCounts(node, tally, TextOf(dims) + " by " + TextOf({tensors}));
  }
}

TEST(AnyLength, DropsWhatAnotherIterationMayChange) {
  const ValueType sequence = AnyLength(Sequence({{2, 3}, {2, 5}}));
  EXPECT_EQ(sequence.length, std::nullopt);
  EXPECT_EQ(sequence.elements, nullptr);
  EXPECT_EQ(ToString(sequence), "seq(float32 2xo0#1)");
}

}  // namespace
}  // namespace opcost
