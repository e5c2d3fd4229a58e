// SPDX-License-Identifier: Apache-2.0
// Optional values.
#include <gtest/gtest.h>

#include <utility>

#include "tests/support/op_cases.h"

namespace opcost {
namespace {

ValueType Floats(Dims dims) {
  return ValueType(DataType::kFloat32, std::move(dims));
}

ValueType OutputOf(OneNode node) { return (*node.Infer())[0]; }

// An optional of which it isn't known whether it holds its element.
ValueType MaybeOf(ValueType element) {
  ValueType optional;
  optional.kind = ValueKind::kOptional;
  optional.element = std::make_shared<const ValueType>(std::move(element));
  return optional;
}

OneNode Full() { return OneNode("Optional", 15).Input({2, 3}); }
OneNode Empty() {
  return OneNode("Optional", 15).AttrType("type", Floats({2, 3}));
}

TEST(Optional, HoldsItsOperandOrNothing) {
  ExpectInfers({
      {Full(), "optional(float32 2x3)"},
      {Empty(), "optional(float32 2x3)"},
      {OneNode("Optional", 28).Input({4}), "optional(float32 4)"},
      {OneNode("Optional", 15),
       "Optional 'o0': neither operand 0 nor attribute 'type' says what it is "
       "of"},
      {OneNode("Optional", 15).Attr("type", 1),
       "Optional 'o0': attribute 'type' must be a type"},
  });
  ExpectView(Full());
}

OneNode Get(ValueType type, int opset = 18) {
  return OneNode("OptionalGetElement", opset).InputOf(std::move(type));
}

TEST(OptionalGetElement, GivesTheElement) {
  ExpectInfers({
      {Get(OutputOf(Full()), 15), "float32 2x3"},
      {Get(MaybeOf(Floats({4}))), "float32 4"},
      {Get(Floats({4})), "float32 4"},
      {Get(Floats({4}), 15),
       "OptionalGetElement 'o0': operand 0 must be an optional but is float32 "
       "4"},
      {Get(OutputOf(Empty())),
       "OptionalGetElement 'o0': the optional is empty"},
      {Get(ValueType()),
       "OptionalGetElement 'o0': the type of operand 0 isn't known"},
      {OneNode("OptionalGetElement", 18),
       "OptionalGetElement 'o0': operand 0 is missing"},
  });
  ValueType map;
  map.kind = ValueKind::kMap;
  EXPECT_EQ(Get(map).InferText(),
            "OptionalGetElement 'o0': operand 0 must be an optional, a tensor "
            "or a sequence but is map(undefined, ?)");
  ExpectView(Get(OutputOf(Full())));
}

TEST(OptionalGetElement, KeepsTheValueOfATensor) {
  ExpectFolds(
      {{OneNode("OptionalGetElement", 18).ConstantInts({3, 4}), "int64 2: 3 4"},
       {Get(OutputOf(Full())), "unknown"}});
}

OneNode Has(ValueType type, int opset = 18) {
  return OneNode("OptionalHasElement", opset).InputOf(std::move(type));
}

TEST(OptionalHasElement, TellsWhereTheTypeDoes) {
  ExpectInfers({
      {Has(OutputOf(Full()), 15), "bool scalar"},
      {OneNode("OptionalHasElement", 18).Absent(), "bool scalar"},
      {OneNode("OptionalHasElement", 15).Absent(),
       "OptionalHasElement 'o0': operand 0 is missing"},
      {Has(Floats({2}), 15),
       "OptionalHasElement 'o0': operand 0 must be an optional but is float32 "
       "2"},
  });
  ExpectFolds({
      {Has(OutputOf(Full())), "bool scalar: 1"},
      {Has(OutputOf(Empty())), "bool scalar: 0"},
      {Has(Floats({2})), "bool scalar: 1"},
      {OneNode("OptionalHasElement", 18), "bool scalar: 0"},
      {Has(MaybeOf(Floats({2}))), "bool scalar: o0"},
  });
  OneNode node = Has(MaybeOf(Floats({2})));
  Tally tally;
  Array(tally, "o0", {1}).Write(int64_t{0}, Number(tally, 1));
  ExpectCounts(node, tally, "OptionalHasElement");
}

}  // namespace
}  // namespace opcost
