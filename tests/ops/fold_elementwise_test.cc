// SPDX-License-Identifier: Apache-2.0
// Values of elementwise operators: what the arithmetic on shapes needs.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tests/support/one_node.h"
#include "tests/support/status_matchers.h"

namespace opcost {
namespace {

constexpr int kFloat32Number = 1;
constexpr int kInt8Number = 3;
constexpr int kInt32Number = 6;
constexpr int kInt64Number = 7;
constexpr int kBoolNumber = 9;
constexpr int kFloat16Number = 10;

using Symbols = std::vector<SymValue>;

SymValue Symbol(absl::string_view name) { return SymValue::Symbol(name); }

TensorValue Ints(Symbols elements, IntDims dims = {-1},
                 DataType type = DataType::kInt64) {
  if (dims == IntDims{-1}) dims = {static_cast<int64_t>(elements.size())};
  return TensorValue::Integers(type, std::move(dims), std::move(elements));
}
TensorValue Bools(Symbols elements) {
  return Ints(std::move(elements), {-1}, DataType::kBool);
}
TensorValue Floats(std::vector<double> elements,
                   DataType type = DataType::kFloat32) {
  const IntDims dims = {static_cast<int64_t>(elements.size())};
  return TensorValue::Floats(type, dims, std::move(elements));
}

// The elements of output 0, "?" if they aren't known; a uniform value as
// "<element> for all <n>".
std::string Fold(OneNode& node) {
  const absl::StatusOr<OutputValues> values = node.Fold();
  if (!values.ok()) return std::string(values.status().message());
  if (values->empty() || (*values)[0] == nullptr) return "?";
  const TensorValue& value = *(*values)[0];
  const auto text = [&value](int64_t i) {
    return value.holds_integers() ? value.Int(i).ToString()
                                  : absl::StrCat(value.Float(i));
  };
  if (value.is_uniform())
    return absl::StrCat(text(0), " for all ", value.size());
  std::vector<std::string> elements;
  for (int64_t i = 0; i < value.size(); ++i) elements.push_back(text(i));
  return absl::StrJoin(elements, " ");
}

std::string Fold(const char* op, int opset, std::vector<TensorValue> operands) {
  OneNode node(op, opset);
  for (TensorValue& operand : operands) node.ConstantValue(std::move(operand));
  return Fold(node);
}

std::string Cast(TensorValue value, int to) {
  OneNode node("Cast", 13);
  node.ConstantValue(std::move(value)).Attr("to", to);
  return Fold(node);
}

struct FoldCase {
  const char* op;
  std::vector<TensorValue> operands;
  std::string expected;
};

constexpr int kOpset = 16;

void ExpectFolds(const std::vector<FoldCase>& cases) {
  for (const FoldCase& c : cases) {
    EXPECT_EQ(Fold(c.op, kOpset, c.operands), c.expected) << c.op;
  }
}

TEST(FoldElementwise, ComputesWithIntegers) {
  ExpectFolds({
      {"Add", {Ints({1, 2}), Ints({10, 20})}, "11 22"},
      {"Sub", {Ints({1, 2}), Ints({10, 20})}, "-9 -18"},
      {"Mul", {Ints({3, -2}), Ints({10, 20})}, "30 -40"},
      // ONNX's integer division rounds towards zero.
      {"Div", {Ints({7, -7, 7}), Ints({2, 2, -2})}, "3 -3 -3"},
      {"Pow", {Ints({2, -3, 0}), Ints({10, 3, 0})}, "1024 -27 1"},
      {"Min", {Ints({1, 9}), Ints({5, 5}), Ints({3, 3})}, "1 3"},
      {"Max", {Ints({1, 9}), Ints({5, 5}), Ints({3, 3})}, "5 9"},
      {"Neg", {Ints({4, -5})}, "-4 5"},
      {"Abs", {Ints({4, -5})}, "4 5"},
      {"Sign", {Ints({4, 0, -5})}, "1 0 -1"},
  });
}

TEST(FoldElementwise, ComputesWithFloats) {
  ExpectFolds({
      {"Add", {Floats({1.5}), Floats({2})}, "3.5"},
      {"Sub", {Floats({1.5}), Floats({2})}, "-0.5"},
      {"Mul", {Floats({1.5}), Floats({2})}, "3"},
      {"Div", {Floats({7}), Floats({2})}, "3.5"},
      {"Pow", {Floats({4, 3}), Floats({0.5, 2})}, "2 9"},
      {"Pow", {Floats({4, 3}), Ints({2})}, "16 9"},
      {"Sum", {Floats({1}), Floats({2}), Floats({4})}, "7"},
      {"Mean", {Floats({1, 2}), Floats({2, 4})}, "1.5 3"},
      {"Max", {Floats({1, 2}), Floats({2, -4})}, "2 2"},
      {"Min", {Floats({1, 2}), Floats({2, -4})}, "1 -4"},
      {"Neg", {Floats({1.5})}, "-1.5"},
      {"Abs", {Floats({-1.5})}, "1.5"},
      {"Sign", {Floats({-1.5, 0, 2})}, "-1 0 1"},
      {"Floor", {Floats({1.5, -1.5})}, "1 -2"},
      {"Ceil", {Floats({1.5, -1.5})}, "2 -1"},
      {"Round",
       {Floats({0.5, 1.5, 2.5, -0.5, -2.5, 1.4, -1.6})},
       "0 2 2 0 -2 1 -2"},
      {"Sqrt", {Floats({9})}, "3"},
      {"Reciprocal", {Floats({4})}, "0.25"},
  });
}

TEST(FoldElementwise, RoundsToTheTypeOfTheResult) {
  // 0.1 and 0.2 as float32 have a product that float32 must round again.
  const double third = 1.0F / 3.0F;
  EXPECT_EQ(Fold("Mul", 14, {Floats({third}), Floats({third})}),
            absl::StrCat(static_cast<double>(static_cast<float>(third) *
                                             static_cast<float>(third))));
  EXPECT_EQ(Fold("Add", 14,
                 {Floats({2048}, DataType::kFloat16),
                  Floats({1}, DataType::kFloat16)}),
            "2048");
  EXPECT_EQ(Fold("Add", 14,
                 {Floats({256}, DataType::kBfloat16),
                  Floats({3}, DataType::kBfloat16)}),
            "260");
  EXPECT_EQ(Fold("Add", 14,
                 {Floats({2048}, DataType::kFloat64),
                  Floats({0.5}, DataType::kFloat64)}),
            "2048.5");
}

TEST(FoldElementwise, KnowsNothingOfWhatDoesNotFit) {
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  ExpectFolds({
      {"Add", {Ints({kMost}), Ints({1})}, "?"},
      {"Add",
       {Ints({127}, {1}, DataType::kInt8), Ints({1}, {1}, DataType::kInt8)},
       "?"},
      {"Sub",
       {Ints({1}, {1}, DataType::kUint8), Ints({2}, {1}, DataType::kUint8)},
       "?"},
      {"Div", {Ints({1}), Ints({0})}, "?"},
      {"Pow", {Ints({10}), Ints({30})}, "?"},
      {"Pow", {Ints({2}), Ints({-1})}, "?"},
      {"Pow", {Ints({1}), Ints({1000})}, "?"},
      {"Div", {Floats({1}), Floats({0})}, "?"},
      {"Mul", {Floats({1e30}), Floats({1e30})}, "?"},
      {"Sqrt", {Floats({-1})}, "?"},
      {"Add",
       {Floats({65504}, DataType::kFloat16),
        Floats({65504}, DataType::kFloat16)},
       "?"},
      {"Add",
       {Floats({1}, DataType::kFloat8E4M3FN),
        Floats({1}, DataType::kFloat8E4M3FN)},
       "?"},
      {"Mean", {Ints({1}), Ints({2})}, "?"},
      {"Reciprocal", {Ints({1})}, "?"},
      {"Not", {Floats({1})}, "?"},
  });
}

TEST(FoldElementwise, ComputesWithSymbols) {
  const SymValue n = Symbol("N");
  ExpectFolds({
      {"Add", {Ints({n, 1}), Ints({1, 2})}, "N+1 3"},
      {"Mul", {Ints({n}), Ints({4})}, "4*N"},
      {"Sub", {Ints({n}), Ints({n})}, "0"},
      {"Div", {Ints({n * 4}), Ints({4})}, "N"},
      {"Neg", {Ints({n})}, "-N"},
      {"Pow", {Ints({n}), Ints({2})}, (n * n).ToString()},
      {"Pow", {Ints({n}), Ints({50})}, "?"},
      {"Pow", {Ints({2}), Ints({n})}, "?"},
      {"Max", {Ints({n}), Ints({5})}, SymValue::Max(n, 5).ToString()},
      {"Min", {Ints({n}), Ints({5})}, SymValue::Min(n, 5).ToString()},
      {"Sign", {Ints({n})}, SymValue::Min(n, 1).ToString()},
      {"Add",
       {Ints({n}, {1}, DataType::kInt8), Ints({1}, {1}, DataType::kInt8)},
       "?"},
  });
}

TEST(FoldElementwise, Compares) {
  const SymValue n = Symbol("N");
  ExpectFolds({
      {"Equal", {Ints({1, 2}), Ints({2, 2})}, "0 1"},
      {"Less", {Ints({1, 2, 3}), Ints({2, 2, 2})}, "1 0 0"},
      {"Greater", {Ints({1, 2, 3}), Ints({2, 2, 2})}, "0 0 1"},
      {"LessOrEqual", {Ints({1, 2, 3}), Ints({2, 2, 2})}, "1 1 0"},
      {"GreaterOrEqual", {Ints({1, 2, 3}), Ints({2, 2, 2})}, "0 1 1"},
      {"Less", {Floats({1.5}), Floats({2})}, "1"},
      {"Equal", {Ints({n}), Ints({n})}, "1"},
      {"Equal", {Ints({n}), Ints({n + 1})}, "0"},
      {"Less", {Ints({n}), Ints({n + 1})}, "1"},
      {"Less", {Ints({-1}), Ints({n})}, "1"},
      {"Equal", {Ints({n}), Ints({-1})}, "0"},
      // Truth that depends on symbols, as 1 or 0.
      {"Less",
       {Ints({n}), Ints({3})},
       SymValue::Min(1, SymValue::Max(0, SymValue(3) - n)).ToString()},
      {"GreaterOrEqual",
       {Ints({n}), Ints({3})},
       (SymValue(1) - SymValue::Min(1, SymValue::Max(0, SymValue(3) - n)))
           .ToString()},
      {"Equal", {Floats({std::nan("")}), Floats({1})}, "?"},
      // Their difference doesn't fit 64 bits.
      {"Less",
       {Ints({std::numeric_limits<int64_t>::min()}),
        Ints({std::numeric_limits<int64_t>::max()})},
       "1"},
  });
}

TEST(FoldElementwise, CombinesTruths) {
  const Symbols a = {0, 0, 1, 1};
  const Symbols b = {0, 1, 0, 1};
  ExpectFolds({
      {"And", {Bools(a), Bools(b)}, "0 0 0 1"},
      {"Or", {Bools(a), Bools(b)}, "0 1 1 1"},
      {"Xor", {Bools(a), Bools(b)}, "0 1 1 0"},
      {"Not", {Bools({0, 1})}, "1 0"},
      {"And",
       {Bools({Symbol("c")}), Bools({1})},
       SymValue::Min(Symbol("c"), 1).ToString()},
      {"And", {Bools({Symbol("c")}), Bools({0})}, "0"},
      {"Or",
       {Bools({Symbol("c")}), Bools({0})},
       SymValue::Max(Symbol("c"), 0).ToString()},
      {"Not", {Bools({Symbol("c")})}, (SymValue(1) - Symbol("c")).ToString()},
  });
}

TEST(FoldElementwise, ChoosesByConditions) {
  const SymValue n = Symbol("N");
  const SymValue c = Symbol("c");
  ExpectFolds({
      {"Where", {Bools({1, 0}), Ints({1, 2}), Ints({3, 4})}, "1 4"},
      {"Where", {Bools({1}), Ints({n, 2}), Ints({3})}, "N 2"},
      {"Where", {Bools({1, 0}), Floats({1.5}), Floats({2.5})}, "1.5 2.5"},
      {"Where",
       {Bools({c}), Ints({n}), Ints({3})},
       SymValue::Select(c, n, 3).ToString()},
      {"Where", {Bools({c}), Floats({1}), Floats({2})}, "?"},
  });
}

TEST(FoldElementwise, BroadcastsAsNumpyDoes) {
  ExpectFolds({
      {"Add",
       {Ints({1, 2, 3, 4, 5, 6}, {2, 3}), Ints({10, 20, 30})},
       "11 22 33 14 25 36"},
      {"Add", {Ints({1, 2}, {2, 1}), Ints({10, 20, 30})}, "11 21 31 12 22 32"},
      {"Mul", {Ints({3}, {}), Ints({1, 2})}, "3 6"},
      {"Add", {Ints({}, {0}), Ints({1})}, ""},
  });
}

TEST(FoldElementwise, BeforeOpset7ValuesWithAnAxisAreNotKnown) {
  OneNode node("Add", 6);
  node.ConstantValue(Ints({1, 2, 3, 4}, {2, 2}))
      .ConstantValue(Ints({10, 20}))
      .Attr("broadcast", 1)
      .Attr("axis", 0);
  EXPECT_EQ(Fold(node), "?");
  EXPECT_EQ(Fold("Add", 6, {Ints({1, 2}), Ints({3, 4})}), "4 6");
}

TEST(FoldElementwise, UniformValuesStayUniform) {
  constexpr int64_t kLarge = int64_t{1} << 40;
  const TensorValue threes =
      TensorValue::UniformFloat(DataType::kFloat32, {kLarge}, 3);
  const TensorValue ones =
      TensorValue::UniformInteger(DataType::kInt64, {kLarge}, 1);
  ExpectFolds({
      {"Add", {threes, Floats({1})}, "4 for all 1099511627776"},
      {"Mul", {threes, threes}, "9 for all 1099511627776"},
      {"Neg", {ones}, "-1 for all 1099511627776"},
      {"Equal", {ones, Ints({1}, {})}, "1 for all 1099511627776"},
      {"Add",
       {Ints({1, 2}), TensorValue::UniformInteger(DataType::kInt64, {2}, 5)},
       "6 7"},
  });
}

TEST(FoldElementwise, NothingLargeIsMaterialised) {
  const int64_t side = kMaxKnownElements / 2;
  const Symbols numbers(static_cast<size_t>(side), 1);
  ExpectFolds({
      {"Add", {Ints(numbers, {side, 1}), Ints({1, 2, 3})}, "?"},
  });
}

TEST(FoldElementwise, ValuesOfVeryManyAxesAreNotKnown) {
  ExpectFolds({
      {"Neg", {Ints({1, 2}, IntDims{2, 1, 1})}, "-1 -2"},
      {"Neg", {Ints({1}, IntDims(65, 1))}, "?"},
      {"Neg", {Ints({1}, IntDims(64, 1))}, "-1"},
  });
}

TEST(FoldElementwise, UnknownOperandsGiveUnknownValues) {
  OneNode node("Add", 14);
  node.Constant({2}, DataType::kInt64).ConstantInts({1, 2});
  EXPECT_EQ(Fold(node), "?");
  OneNode symbolic("Add", 14);
  symbolic.Input({Extent::Symbol("N")}, DataType::kInt64).ConstantInts({1});
  EXPECT_EQ(Fold(symbolic), "?");
}

TEST(FoldElementwise, ClipsByItsOperands) {
  EXPECT_EQ(Fold("Clip", 13, {Ints({-5, 3, 9}), Ints({0}, {}), Ints({7}, {})}),
            "0 3 7");
  EXPECT_EQ(Fold("Clip", 13, {Floats({-5, 3}), Floats({0})}), "0 3");
  OneNode upper("Clip", 13);
  upper.ConstantInts({-5, 9}).Absent().ConstantScalar(7);
  EXPECT_EQ(Fold(upper), "-5 7");
  OneNode old("Clip", 6);
  old.ConstantFloats({-5, 9}).Attr("min", 0.0);
  EXPECT_EQ(Fold(old), "0 9");
}

TEST(FoldCast, ConvertsBetweenKinds) {
  EXPECT_EQ(Cast(Floats({1.9, -1.9, 0}), kInt64Number), "1 -1 0");
  EXPECT_EQ(Cast(Ints({3, -4}), kFloat32Number), "3 -4");
  EXPECT_EQ(Cast(Ints({3, 0}), kBoolNumber), "1 0");
  EXPECT_EQ(Cast(Floats({0.5, 0}), kBoolNumber), "1 0");
  EXPECT_EQ(Cast(Bools({1, 0}), kInt32Number), "1 0");
  EXPECT_EQ(Cast(Bools({1, 0}), kFloat16Number), "1 0");
  EXPECT_EQ(Cast(Floats({2049}), kFloat16Number), "2048");
  EXPECT_EQ(Cast(Floats({0.5}), kFloat32Number), "0.5");
}

TEST(FoldCast, KeepsSymbolsThatAreIntegers) {
  const SymValue n = Symbol("N");
  EXPECT_EQ(Cast(Ints({n}), kInt32Number), "N");
  EXPECT_EQ(Cast(Ints({n}), kFloat32Number), "?");
  EXPECT_EQ(Cast(Ints({n}), kInt8Number), "?");
  EXPECT_EQ(Cast(Ints({n}), kBoolNumber), SymValue::Select(n, 1, 0).ToString());
}

TEST(FoldCast, KnowsNothingOfWhatDoesNotFit) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(Cast(Floats({1e30}), kInt64Number), "?");
  EXPECT_EQ(Cast(Floats({-1e30}), kInt64Number), "?");
  EXPECT_EQ(Cast(Floats({0x1p63}), kInt64Number), "?");
  EXPECT_EQ(Cast(Floats({kInfinity}), kInt64Number), "?");
  EXPECT_EQ(Cast(Floats({std::nan("")}), kInt64Number), "?");
  EXPECT_EQ(Cast(Floats({std::nan("")}), kBoolNumber), "?");
  EXPECT_EQ(Cast(Floats({300}), kInt8Number), "?");
  EXPECT_EQ(Cast(Ints({200}), kInt8Number), "?");
  EXPECT_EQ(Cast(Ints({(int64_t{1} << 53) + 1}), kFloat32Number), "?");
  EXPECT_EQ(Cast(Floats({70000}), kFloat16Number), "?");
}

}  // namespace
}  // namespace opcost
