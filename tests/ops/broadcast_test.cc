// SPDX-License-Identifier: Apache-2.0
// Broadcasting and axes, on a bare node.
#include "src/ops/broadcast.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "src/ops/axes.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

Extent Symbol(const char* name) { return Extent::Symbol(name); }

// A node called "n" of an operator "Op", with operands of the types given.
class BareNode {
 public:
  explicit BareNode(std::vector<ValueFacts> facts = {}, int opset = 13)
      : facts_(std::move(facts)) {
    Node node;
    node.name = "n";
    node.op_type = "Op";
    node.opset = opset;
    for (size_t i = 0; i < facts_.size(); ++i) {
      const bool present = facts_[i].type.kind != ValueKind::kUnknown;
      node.inputs.push_back(present ? static_cast<ValueIndex>(i) : kAbsent);
      graph_.values.emplace_back();
      graph_.values.back().name = "v" + std::to_string(i);
    }
    graph_.nodes.push_back(std::move(node));
  }
  void SetAttribute(const char* name, std::vector<int64_t> values) {
    graph_.nodes[0].attributes.push_back({name, std::move(values)});
  }
  NodeView view() const { return NodeView(graph_, graph_.nodes[0], facts_); }

 private:
  Graph graph_;
  std::vector<ValueFacts> facts_;
};

std::string Broadcasted(const Dims& a, const Dims& b) {
  const BareNode node;
  const absl::StatusOr<Dims> result = Broadcast(node.view(), a, b);
  return result.ok() ? ToString(Shape(*result))
                     : std::string(result.status().message());
}

TEST(Broadcast, AlignsShapesAtTheirLastAxes) {
  EXPECT_EQ(Broadcasted({2, 3}, {2, 3}), "2x3");
  EXPECT_EQ(Broadcasted({2, 3}, {3}), "2x3");
  EXPECT_EQ(Broadcasted({3}, {2, 3}), "2x3");
  EXPECT_EQ(Broadcasted({2, 1}, {1, 3}), "2x3");
  EXPECT_EQ(Broadcasted({}, {2, 3}), "2x3");
  EXPECT_EQ(Broadcasted({}, {}), "scalar");
  EXPECT_EQ(Broadcasted({0, 3}, {1, 1}), "0x3");
}

TEST(Broadcast, ANumberSettlesWhatASymbolIs) {
  EXPECT_EQ(Broadcasted({Symbol("N"), 3}, {1, 3}), "Nx3");
  EXPECT_EQ(Broadcasted({Symbol("N"), 3}, {3}), "Nx3");
  EXPECT_EQ(Broadcasted({Symbol("N"), 3}, {Symbol("N"), 1}), "Nx3");
  EXPECT_EQ(Broadcasted({Symbol("N"), 3}, {4, 3}), "4x3");
  EXPECT_EQ(Broadcasted({4, 3}, {Symbol("N"), 3}), "4x3");
}

TEST(Broadcast, RefusesTwoNumbers) {
  EXPECT_EQ(Broadcasted({2, 3}, {4}),
            "Op 'n': shapes 2x3 and 4 don't broadcast: 3 and 4 on axis 1");
  EXPECT_EQ(Broadcasted({0}, {2}),
            "Op 'n': shapes 0 and 2 don't broadcast: 0 and 2 on axis 0");
}

TEST(Broadcast, TakesTheLargerOfTwoWhereItIsKnownWhichThatIs) {
  const Extent s = Symbol("S");
  EXPECT_EQ(Broadcasted({s, 3}, {Extent::Min(s, 512), 3}), "Sx3");
  EXPECT_EQ(Broadcasted({Extent::Min(s, 512)}, {s}), "S");
}

TEST(Broadcast, CannotDecideBetweenTwoSymbols) {
  const BareNode node;
  EXPECT_THAT(
      Broadcast(node.view(), Dims{Symbol("N"), 3}, Dims{Symbol("M"), 3}),
      StatusIs(absl::StatusCode::kUnavailable,
               "Op 'n': shapes Nx3 and Mx3 broadcast only if N and M are equal "
               "or one of them is 1"));
}

TEST(Broadcast, TakesAllOperandsButAbsentOnes) {
  const auto of = [](Dims dims) {
    return ValueFacts{ValueType(DataType::kFloat32, std::move(dims)), false,
                      nullptr};
  };
  const BareNode node({of({9}), of({2, 1}), ValueFacts{}, of({1, 3})});
  ASSERT_OK_AND_ASSIGN(const Dims from_second,
                       BroadcastInputs(node.view(), /*first=*/1));
  EXPECT_EQ(ToString(Shape(from_second)), "2x3");
  EXPECT_THAT(BroadcastInputs(node.view()),
              FailsWith("Op 'n': shapes 2x9 and 1x3 don't broadcast: 9 and 3 "
                        "on axis 1"));
}

TEST(Broadcast, OneWayNeverEnlargesTheTarget) {
  const BareNode node;
  const auto check = [&node](const Dims& from) {
    return CheckBroadcastsTo(node.view(), "the slope", from, Dims{2, 3});
  };
  EXPECT_THAT(check({3}), IsOk());
  EXPECT_THAT(check({2, 1}), IsOk());
  EXPECT_THAT(check({}), IsOk());
  EXPECT_THAT(check({Symbol("N"), 3}), IsOk());
  EXPECT_THAT(check({2}),
              FailsWith("Op 'n': the slope is 2, which doesn't fill 2x3"));
  EXPECT_THAT(check({1, 2, 3}),
              FailsWith("Op 'n': the slope is 1x2x3, which doesn't fill 2x3"));
}

TEST(Axes, CountFromTheEndWhereNegative) {
  const BareNode node;
  EXPECT_EQ(*NormalizeAxis(node.view(), 0, 3), 0);
  EXPECT_EQ(*NormalizeAxis(node.view(), 2, 3), 2);
  EXPECT_EQ(*NormalizeAxis(node.view(), -1, 3), 2);
  EXPECT_EQ(*NormalizeAxis(node.view(), -3, 3), 0);
  ASSERT_OK_AND_ASSIGN(const std::vector<int> several,
                       NormalizeAxes(node.view(), {-1, 0}, 3));
  EXPECT_THAT(several, ElementsAre(2, 0));
}

TEST(Axes, OutsideTheTensorOrGivenTwiceAreErrors) {
  const BareNode node;
  EXPECT_THAT(NormalizeAxis(node.view(), 3, 3),
              FailsWith("Op 'n': axis 3 is outside the 3 axes of the tensor"));
  EXPECT_THAT(NormalizeAxis(node.view(), -4, 3),
              FailsWith("Op 'n': axis -4 is outside the 3 axes of the tensor"));
  EXPECT_THAT(NormalizeAxis(node.view(), INT64_MIN, 0),
              FailsWith("Op 'n': axis -9223372036854775808 is outside the 0 "
                        "axes of the tensor"));
  EXPECT_THAT(NormalizeAxes(node.view(), {0, 2, -1}, 3),
              FailsWith("Op 'n': axis -1 is given twice"));
}

TEST(Axes, MoveFromTheAttributeToTheOperand) {
  const ValueFacts data{ValueType(DataType::kFloat32, {2, 3}), false, nullptr};
  const ValueFacts axes{
      ValueType(DataType::kInt64, {1}), true,
      std::make_shared<const TensorValue>(
          TensorValue::Integers(DataType::kInt64, {1}, {SymValue(-1)}))};
  BareNode attribute({data}, 12);
  attribute.SetAttribute("axes", {0, 1});
  EXPECT_THAT(*AxesOf(attribute.view(), "axes", 13, 1),
              Optional(ElementsAre(0, 1)));
  EXPECT_THAT(*AxesOf(BareNode({data, axes}, 13).view(), "axes", 13, 1),
              Optional(ElementsAre(-1)));
  EXPECT_EQ(*AxesOf(BareNode({data}, 12).view(), "axes", 13, 1), std::nullopt);
  EXPECT_EQ(*AxesOf(BareNode({data}, 13).view(), "axes", 13, 1), std::nullopt);
  EXPECT_THAT(AxesOf(BareNode({data, data}, 13).view(), "axes", 13, 1),
              StatusIs(absl::StatusCode::kUnavailable,
                       "Op 'n': the elements of 'v1' aren't known before the "
                       "model runs"));
}

}  // namespace
}  // namespace opcost
